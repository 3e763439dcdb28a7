"""The report over all living tokens of the owners: which of them somebody should look at. Pure.

A snapshot and a clock reading go in, findings come out. No value is ever seen here; display names
come from outside and are quoted as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from rotation.audit_rules import GLOBAL_TOKENS_END_AT, RULES
from rotation.claim import unclaimed
from rotation.diagnosis import Diagnosis, Severity, sorted_by_severity
from rotation.errors import plain
from rotation.maker import UNEXPECTED, instead_of, maker_of
from rotation.model import Mode
from rotation.schedule import MINUTE, shown
from rotation.scope import FULL
from rotation.session import SOON, URGENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime, timedelta

    from rotation.inventory import Inventory
    from rotation.model import Mandate, SecretName, Token

NAME_LENGTH = 60
"""Characters of a display name that a message quotes."""
_LONG = re.compile(r"[A-Za-z0-9]{45,}")
"""Longer than a word: it may be a value that was pasted into the wrong place."""
ELSEWHERE = "elsewhere"


OBJECTIONS = {
    "unmanaged": "which is no managed secret",
    "another-owner": "whose tags name another owner",
    "another-organization": "whose tags name another organization",
}
"""Why a token is not claimed, in words: see ``claim``."""


@dataclass(frozen=True)
class Estate:
    """All that the report looks at."""

    inventories: Mapping[tuple[str, ...], Inventory]
    """Living tokens by owner and organization."""
    mandates: Mapping[SecretName, Mandate]
    """The managed secrets, by name in lower case."""
    seen: Collection[str]
    """Vaults, in lower case, that were listed: nothing is known of the secrets of others."""
    max_lifetime: timedelta
    devops_url: str
    """Where people find their tokens, such as ``https://dev.azure.com``."""
    now: datetime


@dataclass(frozen=True)
class _Case:
    """One token, and who looks after it."""

    owner: str
    organization: str
    token: Token
    objection: str | None
    """Why it is nobody's: see ``OBJECTIONS``; ``ELSEWHERE``; or None if it is looked after."""
    mandate: Mandate | None
    """Of the secret that it is marked for."""
    recorder: SecretName | None
    """The secret that says it holds this token, marked or not."""
    now: datetime
    page: str
    """Where its owner finds it."""

    @property
    def is_global(self) -> bool:
        return self.token.target_accounts is None

    @property
    def is_managed(self) -> bool:
        return self.token.marked is not None and self.objection is None

    @property
    def title(self) -> str:
        return f"the token {quoted(self.token.display_name)}"

    def finding(
        self, word: str, message: str, fix: str, severity: Severity | None = None
    ) -> Diagnosis:
        where = "all organizations" if self.is_global else self.organization
        subject = f"token {self.token.authorization_id} of {self.owner} in {where}"
        told = f"{self.title} {message}"
        return Diagnosis(subject, word, severity or RULES[word].severity, told, fix)


def findings(estate: Estate) -> tuple[Diagnosis, ...]:
    """Give all that there is to say of the tokens, the worst first."""
    return sorted_by_severity(
        found for case in _cases(estate) for found in _about(case, estate.max_lifetime)
    )


def quoted(display_name: str) -> str:
    """Quote a name from outside: plain text, not too long, and without anything like a value."""
    text = _LONG.sub(lambda found: f"({len(found[0])} characters)", plain(display_name))
    return f"'{text}'" if len(text) <= NAME_LENGTH else f"'{text[: NAME_LENGTH - 1]}…'"


def token_page(devops_url: str, organization: str) -> str:
    """Give the page on which people find their own tokens."""
    return f"{devops_url}/{organization}/_usersSettings/tokens"


def _cases(estate: Estate) -> Iterator[_Case]:
    """Give each token once: one for several organizations is in the list of each of them."""
    objections = {
        (found.owner, found.organization, found.token.authorization_id): found.reason
        for found in unclaimed(estate.inventories, estate.mandates, estate.seen)
    }
    recorders = {
        mandate.recorded.authorization_id: name
        for name, mandate in estate.mandates.items()
        if mandate.recorded
    }
    cases: dict[tuple[str, str], _Case] = {}
    for (owner, organization), inventory in sorted(estate.inventories.items()):
        for token in inventory.tokens:
            key = owner, token.authorization_id
            objection = objections.get((owner, organization, token.authorization_id))
            if token.marked is None:
                objection = "unmanaged"
            elif token.marked.vault not in estate.seen:
                objection = ELSEWHERE
            if key in cases and objection:
                continue  # one of the organizations that it is for may have it claimed
            cases[key] = _Case(
                owner,
                organization,
                token,
                objection,
                estate.mandates.get(token.marked) if token.marked else None,
                recorders.get(token.authorization_id),
                estate.now,
                token_page(estate.devops_url, organization),
            )
    yield from cases.values()


def _about(case: _Case, max_lifetime: timedelta) -> Iterator[Diagnosis]:
    yield from _charge(case)
    yield from _reach(case)
    yield from _life(case, max_lifetime)
    yield from _origin(case)


def _charge(case: _Case) -> Iterator[Diagnosis]:
    """Say who looks after it, if nobody does, and whether that matters soon."""
    token, revoke = case.token, f"revoke it at {case.page}"
    if case.objection is None:
        return
    if case.objection == ELSEWHERE:
        message = f"is marked for {token.marked}, a vault of which nothing is known here"
        fix = "look after it there, or watch that vault: add it to ROTATION_VAULTS"
        yield case.finding("kept-elsewhere", message, fix)
        return
    adopt = f"rotation adopt {case.recorder or 'VAULT/SECRET'} {token.authorization_id}"
    take_over = f"if its value is at hand, store it and take it over: `{adopt}`"
    if token.marked:
        message = f"is marked for {token.marked}, {OBJECTIONS[case.objection]}"
        fix = f"mend the tags of that secret, or {revoke}"
        yield case.finding("unclaimed", message, fix)
    else:
        message = f"is looked after by nobody; it works until {shown(token.valid_to)}"
        fix = f"{take_over}; or {revoke}"
        yield case.finding("unmanaged", message, fix)
    left = token.valid_to - case.now
    if left <= SOON:
        severity = Severity.ERROR if left <= URGENT else Severity.WARNING
        message = f"expires on {shown(token.valid_to)}, and nobody renews it"
        fix = f"{take_over}; or renew it at {case.page}"
        yield case.finding("expiring", message, fix, severity)


def _reach(case: _Case) -> Iterator[Diagnosis]:
    """Say whether it reaches further than a token should."""
    token, page = case.token, case.page
    if FULL in token.scopes:
        message = f"may do whatever {case.owner} may (scope {FULL})"
        order = f'`rotation rotate {token.marked} --scope "SCOPES"`'
        fix = order if case.is_managed else f"make another one at {page}, and revoke it there"
        yield case.finding("full-scope", message, f"name the scopes that are needed: {fix}")
    if case.is_global:
        verb = "stopped working" if case.now >= GLOBAL_TOKENS_END_AT else "stops working"
        message = f"is for all organizations; it {verb} on {GLOBAL_TOKENS_END_AT:%Y-%m-%d}"
        place = f"--organization {case.organization} --owner {quote(case.owner)}"
        order = f'`rotation issue {token.marked} {place} --scope "{_scope(token)}"`'
        fix = order if case.is_managed else f"make them at {page}, and revoke this one there"
        yield case.finding("all-organizations", message, f"one for each organization: {fix}")


def _life(case: _Case, max_lifetime: timedelta) -> Iterator[Diagnosis]:
    """Say whether it lives for longer than the settings allow."""
    token = case.token
    # One that is extended again and again has lived for longer than it was ever given at once.
    is_extended = case.is_managed and case.mandate and case.mandate.mode is Mode.EXTEND
    life = token.valid_to - (case.now if is_extended else token.valid_from)
    if life <= max_lifetime + MINUTE:  # Azure DevOps rounds
        return
    message = f"lives for {life.days} days, until {shown(token.valid_to)}"
    message += f"; ROTATION_MAX_LIFETIME_DAYS allows {max_lifetime.days}"
    order = f"`rotation rotate {token.marked} --lifetime-days {max_lifetime.days}`"
    fix = order if case.is_managed else f"give it an earlier expiry at {case.page}"
    yield case.finding("too-long-lived", message, fix)


def _origin(case: _Case) -> Iterator[Diagnosis]:
    """Say which tool has made it, and whether it is needed at all."""
    if maker := maker_of(case.token):
        fix = f"{UNEXPECTED}: {case.page}"
        yield case.finding("made-by-tool", f"was made by {maker.title}", fix)
    if instead := instead_of(case.token):
        message = "could be replaced by an Entra token, which lives for an hour"
        yield case.finding("replaceable", message, instead)


def _scope(token: Token) -> str:
    """Give the scope for its successor; what is none, or too wide, is not pasted into a shell."""
    is_good = FULL not in token.scopes and re.fullmatch(r"[a-z_. ]+", token.scope)
    return token.scope if is_good else "SCOPES"
