"""Which tool has made a token that nobody remembers making, and what could take its place. Pure.

Source: Azure DevOps documentation, *Use personal access tokens* (the names that tools give), *Use
Git Credential Manager*, *NuGet Credential Provider* and *Register an agent using a service
principal* (what takes an Entra token instead).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.scope import is_within

if TYPE_CHECKING:
    from rotation.model import Token

UNEXPECTED = "if nobody here remembers that, revoke it, and have its owner change their password"
"""The advice that goes with every token of a tool."""

_GIT = (
    "people's git needs none: Git Credential Manager takes Entra tokens after "
    "`git config --global credential.azreposCredentialType oauth`"
)
_PACKAGES = (
    "package clients need none: the Azure Artifacts credential providers take Entra tokens, and "
    "pipelines have System.AccessToken"
)
_AGENTS = (
    "agents need none: a service principal or a managed identity that is a member of the "
    "organization can register them and look after them"
)


@dataclass(frozen=True)
class Maker:
    """A tool that makes tokens on somebody's behalf."""

    title: str
    """The tool and the occasion: the tail of "made by"."""
    instead: str = ""
    """How an Entra token takes its place; empty where a static password is all that is taken."""


BUTTON = Maker("the button “Generate Git Credentials”, as it seems", _GIT)
BUTTON_LIFE, BUTTON_SCOPE = timedelta(days=7), frozenset({"vso.code"})
BUTTON_SLACK = timedelta(hours=1)

MAKERS = (
    (re.compile(r"git: https?://\S"), Maker("git, when it first connected", _GIT)),
    (
        re.compile(r"service hooks[: ]+azure app service[: ]+deploy web app"),
        Maker("the set-up of a deployment to App Service"),
    ),
    (re.compile(r"webapploadtestcdinttoken\b"), Maker("a web load test in a pipeline")),
    (re.compile(r"microsoft teams integration\b"), Maker("the messaging extension of Teams")),
    (
        re.compile(
            r"package management|packaging clients|azure devops artifacts credential provider"
        ),
        Maker("a package client", _PACKAGES),
    ),
)
"""How the display names of tools' tokens begin, in lower case, and whose they are. Where colons
stand differs from one version of the documentation to another."""
AGENT_SCOPES = frozenset({"vso.agentpools_manage"})


def maker_of(token: Token) -> Maker | None:
    """Tell which tool has made a token; None if it was a person, or a program that nobody knows.

    A token that is marked for a secret is no tool's: its owner has named it.
    """
    if token.marked:
        return None
    name = token.display_name.casefold().strip()
    for pattern, maker in MAKERS:
        if pattern.match(name):
            return maker
    is_of_button = abs(token.valid_to - token.valid_from - BUTTON_LIFE) <= BUTTON_SLACK
    return BUTTON if is_of_button and token.scopes == BUTTON_SCOPE else None


def instead_of(token: Token) -> str:
    """Say how an Entra token could take the place of ``token``; empty unless that is certain.

    By its maker, or by a scope that only agents and their administration use. Whether what holds a
    token with another scope takes more than a static password, its scope does not tell.
    """
    if maker := maker_of(token):
        return maker.instead
    is_for_agents = bool(token.scopes) and is_within(token.scopes, AGENT_SCOPES)
    return _AGENTS if is_for_agents else ""
