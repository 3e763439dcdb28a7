"""An owner in an organization: whether the PAT API admits them, and which policies will bite.

Policies cannot be read with an owner's rights. They are seen by their effects on living tokens, so
that no token is made to find out (Azure DevOps documentation, *Manage personal access tokens with
policies for administrators*).
"""

from __future__ import annotations

from datetime import timedelta
from shlex import quote
from typing import TYPE_CHECKING

from rotation.diagnosis import Diagnosis, Severity, failed
from rotation.errors import AccessDeniedError, RotationError
from rotation.model import Mode
from rotation.scope import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotation.dependents import Dependents
    from rotation.inventory import Inventory
    from rotation.model import ManagedSecret, Mandate, Token

    Holding = tuple[ManagedSecret, Mandate, Token]
    """A secret, what its tags ask for, and the living token that it holds."""

SHORT = timedelta(days=1)
"""A life that is shorter by less is rounded, or was made a little later than it was asked for."""
SHOWN = 3


def refused(owner: str, organization: str, error: RotationError) -> Diagnosis:
    """Say that the tokens of an owner could not be listed, and how access is given."""
    is_denied = isinstance(error, AccessDeniedError)
    command = (
        f"`az devops user add --email-id {quote(owner)} --license-type express "
        f"--organization https://dev.azure.com/{organization}` gives Basic access"
    )
    return failed(f"{owner} in {organization}", error, command if is_denied else "")


def examine(
    owner: str, organization: str, inventory: Inventory, needed: Dependents
) -> Iterator[Diagnosis]:
    """Say that the PAT API admits an owner, and what their living tokens show of policies."""
    subject = f"{owner} in {organization}"
    holdings = _holdings(organization, inventory, needed)
    count = needed.organizations[organization]
    message = f"the PAT API answers; living tokens: {len(inventory.tokens)}, secrets: {count}"
    yield Diagnosis(subject, "admitted", Severity.FINE, message)
    yield from _lifespan(subject, holdings)
    yield from _full_scope(subject, holdings)
    yield from _global(subject, organization, holdings)


def _lifespan(subject: str, holdings: Sequence[Holding]) -> Iterator[Diagnosis]:
    """A lifespan policy shortens what is asked for, without a word."""
    short = {
        (secret, (token.valid_to - token.valid_from), mandate.lifetime)
        for secret, mandate, token in ((str(s.name), m, t) for s, m, t in holdings)
        if mandate.mode is Mode.REGENERATE
        and token.valid_to - token.valid_from + SHORT < mandate.lifetime
    }
    if not short:
        return
    told = [f"{name} has {had.days} of {asked.days} days" for name, had, asked in sorted(short)]
    message = (
        f"tokens live for less than is asked for: {_some(told)}; that is a lifespan policy of the "
        "tenant, unless they were made by hand"
    )
    longest = max(1, max(had for _, had, _ in short).days)
    fix = (
        f"set the tag pat-lifetime-days, or ROTATION_LIFETIME_DAYS, to {longest}; or have an Azure "
        "DevOps administrator put the owner on the allow-list of the policy"
    )
    yield Diagnosis(subject, "lifespan-policy", Severity.WARNING, message, fix)


def _full_scope(subject: str, holdings: Sequence[Holding]) -> Iterator[Diagnosis]:
    """A policy that restricts full access spares living tokens, but not their successors."""
    names = sorted(str(s.name) for s, _, token in holdings if FULL in token.scopes)
    if names:
        message = (
            f"tokens may do whatever their owner may: {_some(names)}; where a policy restricts "
            "that, their renewal is refused"
        )
        fix = f'name the scopes that are needed: `rotation rotate {names[0]} --scope "SCOPES"`'
        yield Diagnosis(subject, "full-scope", Severity.WARNING, message, fix)


def _global(subject: str, organization: str, holdings: Sequence[Holding]) -> Iterator[Diagnosis]:
    """Tokens for all organizations are not made any more, and stop on 2026-12-01."""
    names = sorted(str(s.name) for s, _, token in holdings if token.target_accounts is None)
    if names:
        message = (
            f"tokens are for all organizations: {_some(names)}; they are not renewed, and stop "
            "working on 2026-12-01"
        )
        fix = f'`rotation issue {names[0]} --organization {organization} --scope "SCOPES"`'
        yield Diagnosis(subject, "all-organizations", Severity.ERROR, message, fix)


def _holdings(organization: str, inventory: Inventory, needed: Dependents) -> list[Holding]:
    both = zip(needed.secrets, needed.mandates, strict=True)
    here = [(s, m) for s, m in both if m.organization.lower() == organization and s.enabled]
    found = [
        (s, m, inventory.find(m.recorded.authorization_id if m.recorded else None)) for s, m in here
    ]
    return [(s, m, token) for s, m, token in found if token]


def _some(told: Sequence[str]) -> str:
    more = f", and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return f"{', '.join(told[:SHOWN])}{more}"
