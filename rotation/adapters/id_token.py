"""Whom an answer to a sign-in is about, and whom it is for; msal leaves that to its caller.

Source: OpenID Connect Core 1.0, 3.1.3.7, and Microsoft identity platform, *ID token claims
reference*. The signature is not needed: the token came from the token endpoint itself, over TLS
(the same, 6.). Of the nonce msal takes care.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotation.adapters.border import CLOCK_TOLERANCE
from rotation.errors import SignInError
from rotation.session import Person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PERMISSIONS = frozenset({"vso.pats", "vso.pats_manage"})
STALE = "stale-answer"


@dataclass(frozen=True)
class Expected:
    """What an answer must say to be meant for us."""

    issuer: str
    tenant_id: str
    client_id: str
    now: datetime


def read_person(result: Mapping[str, Any], expected: Expected) -> Person:
    """Tell who has signed in.

    Args:
        result: what msal makes of the answer of the token endpoint.
        expected: what the answer must say.

    Raises:
        SignInError: it is for another tenant or application, or lacks something.
    """
    claims = result.get("id_token_claims") or {}
    name, object_id = claims.get("preferred_username", claims.get("upn")), claims.get("oid")
    is_ours = _same(claims.get("tid"), expected.tenant_id)
    checks = {
        "nameless": (
            isinstance(name, str) and _is_text(object_id),
            "Entra does not tell who has signed in",
        ),
        "wrong-tenant": (
            is_ours and claims.get("iss") == expected.issuer,
            "the sign-in was in another tenant",
        ),
        "wrong-audience": (
            _same(claims.get("aud"), expected.client_id),
            "the answer is meant for another application",
        ),
        STALE: (_is_current(claims.get("exp"), expected.now), "the answer is not of this sign-in"),
        "permission-missing": (
            _permissions(result.get("scope")) >= PERMISSIONS,
            "an administrator must consent to vso.pats and vso.pats_manage for the application",
        ),
        "no-session": (
            _is_text(result.get("refresh_token")),
            "Entra gave no session that lasts (offline_access); an administrator must allow it",
        ),
    }
    for reason, (is_good, message) in checks.items():
        if not is_good:
            raise SignInError(message, reason=reason)
    return Person(str(name), str(object_id))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _same(claimed: object, ours: str) -> bool:
    """Compare ids; an audience may be a list of one."""
    one = claimed[0] if isinstance(claimed, list) and len(claimed) == 1 else claimed
    return isinstance(one, str) and one.lower() == ours.lower()


def _is_current(ends_at: object, now: datetime) -> bool:
    if isinstance(ends_at, bool) or not isinstance(ends_at, int | float):
        return False
    return ends_at > (now - CLOCK_TOLERANCE).timestamp()


def _permissions(granted: object) -> frozenset[str]:
    """Give the permissions that were granted; an answer that does not say grants what was asked."""
    if granted is None:
        return PERMISSIONS
    scopes = granted if isinstance(granted, list) else str(granted).split()
    return frozenset(str(scope).rpartition("/")[2] for scope in scopes)
