"""Which tool has made a token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotation.maker import BUTTON, instead_of, maker_of
from rotation.model import Token

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

TOOLS = {
    "git: https://dev.azure.com/contoso on WIN-7": "git, when it first connected",
    "Git: https://contoso.visualstudio.com/ on MACBOOK": "git, when it first connected",
    "Service Hooks: : Azure App Service: : Deploy web app": "the set-up of a deployment to App "
    "Service",
    "Service Hooks :: Azure App Service :: Deploy web app 2": "the set-up of a deployment to App "
    "Service",
    "Service Hooks: Azure App Service: Deploy web app": "the set-up of a deployment to App Service",
    "WebAppLoadTestCDIntToken": "a web load test in a pipeline",
    "Microsoft Teams Integration": "the messaging extension of Teams",
    "Package Management Service": "a package client",
    "Packaging clients - NuGet": "a package client",
    "Azure DevOps Artifacts Credential Provider": "a package client",
}


def token(display_name: str, scope: str = "vso.code", life: timedelta = 30 * DAY) -> Token:
    """Give a living token."""
    return Token("1", display_name, frozenset(scope.split()), NOW, NOW + life, ("a",))


@pytest.mark.parametrize(("display_name", "title"), TOOLS.items())
def test_tools_are_known_by_the_names_that_they_give(display_name: str, title: str) -> None:
    """In capitals or not, with more behind it or not."""
    made = maker_of(token(display_name))

    assert made
    assert made.title == title


@pytest.mark.parametrize(
    "display_name",
    [
        "",
        "my token",
        "git",
        "legit: https://dev.azure.com/contoso on WIN-7",
        "feeds for Package Management",
        "WebAppLoadTestCDIntTokens",
        "git: https://dev.azure.com/contoso on WIN-7 [kv-build/git]",
    ],
)
def test_other_names_are_peoples(display_name: str) -> None:
    """A token that is marked for a secret is one that its owner has named."""
    assert maker_of(token(display_name)) is None


@pytest.mark.parametrize(
    ("made", "is_of_button"),
    [
        (token("contoso", life=7 * DAY), True),
        (token("contoso", life=7 * DAY + HOUR), True),
        (token("contoso", life=8 * DAY), False),
        (token("contoso", life=6 * DAY), False),
        (token("contoso", "vso.code_write", 7 * DAY), False),
        (token("contoso", "vso.code vso.build", 7 * DAY), False),
        (token("feed [kv-build/feed]", life=7 * DAY), False),
    ],
)
def test_the_button_gave_seven_days_to_read_code(made: Token, *, is_of_button: bool) -> None:
    """It named its tokens in no way of its own."""
    assert (maker_of(made) is BUTTON) is is_of_button


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (token("git: https://dev.azure.com/contoso on WIN-7"), "Git Credential Manager"),
        (token("contoso", life=7 * DAY), "Git Credential Manager"),
        (token("Packaging clients"), "System.AccessToken"),
        (token("agents", "vso.agentpools_manage"), "service principal"),
        (token("agents [kv-build/agents]", "vso.agentpools"), "service principal"),
    ],
)
def test_an_entra_token_is_named_where_it_is_certain(made: Token, said: str) -> None:
    """By the maker, or by scopes that only agents need."""
    assert said in instead_of(made)


@pytest.mark.parametrize(
    "made",
    [
        token("WebAppLoadTestCDIntToken", "vso.agentpools"),
        token("Microsoft Teams Integration"),
        token("mirror", "vso.code"),
        token("feed", "vso.packaging"),
        token("agents and more", "vso.agentpools_manage vso.code"),
        token("everything", "app_token"),
        token("nothing", ""),
    ],
)
def test_elsewhere_nothing_is_promised(made: Token) -> None:
    """What holds the token may take a static password only."""
    assert instead_of(made) == ""
