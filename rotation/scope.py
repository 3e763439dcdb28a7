"""The scopes that a token may have, as Azure DevOps publishes them, and how far each reaches. Pure.

Source: Azure DevOps documentation, *OAuth 2.0 scopes* (of July 2025): the names and what includes
what are theirs, the words are ours. Those that it lists no more, or calls no longer public, are
known by their names alone; no new token gets one.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

FULL = "app_token"
"""The scope of a token that may do whatever its owner may."""
SHOWN_LENGTH = 40
"""A longer word is never quoted: it may be a token that was pasted into the wrong place."""
SUGGESTIONS = 3
LIKENESS = 0.7
"""How alike a word and a scope must be, from 0 to 1, for the scope to be suggested."""


@dataclass(frozen=True)
class Scope:
    """What one scope lets a token do."""

    allows: str
    includes: str = ""
    """The scope that is part of it; that one may have another in it."""


SCOPES = {
    FULL: Scope("do whatever its owner may"),
    "vso.advsec": Scope("read security alerts and the results of analyses"),
    "vso.advsec_write": Scope("upload analyses", "vso.advsec"),
    "vso.advsec_manage": Scope("manage security alerts and analyses", "vso.advsec_write"),
    "vso.agentpools": Scope("see pools, agents and their jobs"),
    "vso.agentpools_manage": Scope("manage pools, queues and agents", "vso.agentpools"),
    "vso.analytics": Scope("query analytics"),
    "vso.auditlog": Scope("read the audit log"),
    "vso.auditstreams_manage": Scope("manage audit streams", "vso.auditlog"),
    "vso.build": Scope("read builds, their definitions and artifacts", "vso.hooks_write"),
    "vso.build_execute": Scope("queue and change builds", "vso.build"),
    "vso.code": Scope("read and search source code", "vso.hooks_write"),
    "vso.code_full": Scope("do everything with repositories, by older APIs too", "vso.code_manage"),
    "vso.code_manage": Scope("make and manage repositories", "vso.code_write"),
    "vso.code_status": Scope("read and set the status of commits and pull requests"),
    "vso.code_write": Scope("change source code and pull requests", "vso.code"),
    "vso.connected_server": Scope("do what a connected server on premises needs"),
    "vso.dashboards": Scope("read team dashboards"),
    "vso.dashboards_manage": Scope("manage team dashboards", "vso.dashboards"),
    "vso.entitlements": Scope("read licences"),
    "vso.environment_manage": Scope("manage environments and agents", "vso.agentpools_manage"),
    "vso.extension": Scope("see installed extensions", "vso.profile"),
    "vso.extension.data": Scope("read the data of extensions", "vso.profile"),
    "vso.extension.data_write": Scope("change the data of extensions", "vso.extension.data"),
    "vso.extension_manage": Scope("install and remove extensions", "vso.extension"),
    "vso.gallery": Scope("see items of the marketplace", "vso.profile"),
    "vso.gallery_acquire": Scope("acquire items of the marketplace", "vso.gallery"),
    "vso.gallery_manage": Scope("manage items and publishers", "vso.gallery_publish"),
    "vso.gallery_publish": Scope("publish items in the marketplace", "vso.gallery"),
    "vso.githubconnections": Scope("see connections to GitHub"),
    "vso.githubconnections_manage": Scope("manage connections to GitHub", "vso.githubconnections"),
    "vso.graph": Scope("read users, groups and memberships"),
    "vso.graph_manage": Scope("manage users, groups and memberships", "vso.graph"),
    "vso.identity": Scope("read identities and groups"),
    "vso.identity_manage": Scope("manage identities and groups", "vso.identity"),
    "vso.machinegroup_manage": Scope("manage deployment groups", "vso.agentpools_manage"),
    "vso.memberentitlementmanagement": Scope("read users, their licences and access"),
    "vso.memberentitlementmanagement_write": Scope(
        "manage users, their licences and access", "vso.memberentitlementmanagement"
    ),
    "vso.notification": Scope("read subscriptions to notifications", "vso.profile"),
    "vso.notification_diagnostics": Scope("diagnose notifications", "vso.notification"),
    "vso.notification_manage": Scope("manage notifications", "vso.notification_write"),
    "vso.notification_write": Scope("change subscriptions to notifications", "vso.notification"),
    "vso.packaging": Scope("read feeds and packages", "vso.profile"),
    "vso.packaging_manage": Scope("manage and delete feeds and packages", "vso.packaging_write"),
    "vso.packaging_write": Scope("make feeds and publish packages", "vso.packaging"),
    "vso.pipelineresources_manage": Scope(
        "manage protected resources of pipelines", "vso.pipelineresources_use"
    ),
    "vso.pipelineresources_use": Scope("let pipelines use protected resources"),
    "vso.profile": Scope("read its owner's profile, and which projects and teams there are"),
    "vso.profile_write": Scope("change its owner's profile", "vso.profile"),
    "vso.project": Scope("read projects and teams"),
    "vso.project_manage": Scope("make, change and delete projects", "vso.project_write"),
    "vso.project_write": Scope("change projects and teams", "vso.project"),
    "vso.release": Scope("read releases and their definitions", "vso.profile"),
    "vso.release_execute": Scope("queue and change releases", "vso.release"),
    "vso.release_manage": Scope("approve and delete releases", "vso.release_execute"),
    "vso.securefiles_manage": Scope("manage secure files", "vso.securefiles_write"),
    "vso.securefiles_read": Scope("read secure files"),
    "vso.securefiles_write": Scope("add secure files", "vso.securefiles_read"),
    "vso.security_manage": Scope("manage permissions"),
    "vso.serviceendpoint": Scope("read service connections", "vso.profile"),
    "vso.serviceendpoint_manage": Scope("manage service connections", "vso.serviceendpoint_query"),
    "vso.serviceendpoint_query": Scope("query by service connections", "vso.serviceendpoint"),
    "vso.settings": Scope("read settings"),
    "vso.settings_write": Scope("change settings", "vso.settings"),
    "vso.symbols": Scope("read symbols", "vso.profile"),
    "vso.symbols_manage": Scope("manage symbols", "vso.symbols_write"),
    "vso.symbols_write": Scope("upload symbols", "vso.symbols"),
    "vso.taskgroups_manage": Scope("manage task groups", "vso.taskgroups_write"),
    "vso.taskgroups_read": Scope("read task groups"),
    "vso.taskgroups_write": Scope("make task groups", "vso.taskgroups_read"),
    "vso.test": Scope("read test plans and results", "vso.profile"),
    "vso.test_write": Scope("change test plans and results", "vso.test"),
    "vso.threads_full": Scope("read and write comments of pull requests"),
    "vso.tokenadministration": Scope("see and revoke the tokens of an organization's members"),
    "vso.tokens": Scope("manage tokens of delegated authorization"),
    "vso.variablegroups_manage": Scope("manage variable groups", "vso.variablegroups_write"),
    "vso.variablegroups_read": Scope("read variable groups"),
    "vso.variablegroups_write": Scope("make variable groups", "vso.variablegroups_read"),
    "vso.wiki": Scope("read and search wikis"),
    "vso.wiki_write": Scope("change wikis", "vso.wiki"),
    "vso.work": Scope("read, search and query work items and boards", "vso.hooks_write"),
    "vso.work_full": Scope("do everything with work items, plans and backlogs", "vso.work_write"),
    "vso.work_write": Scope("change work items and boards", "vso.work"),
}
"""The scopes that a token can be given, by name."""
WITHDRAWN = {
    "user_impersonation": "it is one of sign-ins, not of tokens",
    "vso.hooks": "it is no longer public; other scopes have it in them",
    "vso.hooks_interact": "it is no longer public",
    "vso.hooks_write": "it is no longer public; vso.build, vso.code and vso.work have it in them",
    "vso.loadtest": "the service for load tests is closed",
    "vso.loadtest_write": "the service for load tests is closed",
    "vso.pats": "it is one of sign-ins, not of tokens",
    "vso.pats_manage": "it is one of sign-ins, not of tokens",
}
"""The scopes that a new token is not given, or not any more, and what there is to say of each."""
INNER = {
    "vso.hooks": "vso.profile",
    "vso.hooks_interact": "vso.profile",
    "vso.hooks_write": "vso.hooks",
    "vso.loadtest_write": "vso.loadtest",
}
"""What the withdrawn scopes have in them: older tokens, and other scopes, still have some."""


@dataclass(frozen=True)
class Difference:
    """What another scope would change."""

    added: tuple[str, ...]
    """What the wanted scope has and the present one has not, not even within another one."""
    removed: tuple[str, ...]
    """What only the present scope has."""

    @property
    def is_wider(self) -> bool:
        """Whether a token with the wanted scope could do anything that it cannot do now."""
        return bool(self.added)


def faults_of(scope: str) -> tuple[str, ...]:
    """Say what is wrong with a scope (names separated by blanks), all at once; empty if nothing."""
    words = list(dict.fromkeys(scope.split()))
    if not words:
        return ("a scope is missing",)
    faults = [fault for word in words if (fault := _fault(word))]
    if FULL in words and len(words) > 1:
        faults.append(f"{FULL} has every other scope in it; name it alone")
    return tuple(faults)


def is_within(wanted: Collection[str], present: Collection[str]) -> bool:
    """Tell whether a token with the ``present`` scopes can do all that the ``wanted`` ones allow.

    A scope that is not published has nothing in it but itself.
    """
    return not difference(wanted, present).is_wider


def difference(wanted: Collection[str], present: Collection[str]) -> Difference:
    """Compare the scopes of two tokens by how far they reach."""
    return Difference(_beyond(wanted, present), _beyond(present, wanted))


def allows(scopes: Collection[str]) -> str:
    """Say in words what a token with these scopes may do; of an unknown scope, its name."""
    known = {name: SCOPES.get(name) for name in sorted(scopes)}
    return ", ".join(scope.allows if scope else name for name, scope in known.items())


def _beyond(scopes: Collection[str], others: Collection[str]) -> tuple[str, ...]:
    """Give those of the first scopes that do not lie within the second ones."""
    if FULL in others:
        return ()
    reached = {inner for name in others for inner in _reach(name)}
    return tuple(sorted(set(scopes) - reached))


@lru_cache
def _reach(name: str) -> tuple[str, ...]:
    """Give a scope and all that it has in it."""
    scope = SCOPES.get(name)
    inner = scope.includes if scope else INNER.get(name)
    return (name, *_reach(inner)) if inner else (name,)


def _fault(word: str) -> str:
    if word in SCOPES:
        return ""
    if word in WITHDRAWN:
        return f"{word} is given to no token: {WITHDRAWN[word]}"
    if len(word) > SHOWN_LENGTH:
        return f"a text of {len(word)} characters is no scope"
    fault = f"{word!a} is no scope that Azure DevOps publishes"
    nearest = get_close_matches(word.lower(), SCOPES, SUGGESTIONS, LIKENESS)
    return f"{fault}; did you mean {' or '.join(nearest)}?" if nearest else fault
