"""Whom an answer of Entra is about, in whatever form it says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotation.adapters.id_token import Expected, read_person
from rotation.errors import SignInError
from rotation.session import Person

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
TENANT = "11111111-aaaa-4aaa-8aaa-111111111111"
CLIENT = "22222222-bbbb-4bbb-8bbb-222222222222"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
CLAIMS = {
    "tid": TENANT,
    "iss": ISSUER,
    "aud": CLIENT,
    "exp": NOW.timestamp() + 3600,
    "oid": "ada's",
    "preferred_username": "ada@contoso.example",
}
ADA = Person("ada@contoso.example", "ada's")
SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/vso.pats_manage vso.pats openid"


def read(claims: object, **result: object) -> Person:
    """Read an answer with these claims."""
    whole = {"refresh_token": "one", "scope": SCOPE, "id_token_claims": claims, **result}
    return read_person(whole, Expected(ISSUER, TENANT, CLIENT, NOW))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": [CLIENT]},
        {"aud": CLIENT.upper()},
        {"tid": TENANT.upper()},
        {"preferred_username": ..., "upn": "ada@contoso.example"},
        {"exp": NOW.timestamp() - 4 * 60},
        {"exp": int(NOW.timestamp())},
        {"sub": "pairwise", "ver": "2.0", "amr": ["mfa"]},
    ],
    ids=str,
)
def test_a_person_is_known_in_every_form(changes: dict[str, object]) -> None:
    """Ids in either case, an audience in a list, the older name of a claim, clocks a little off."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}

    assert read(claims) == ADA


@pytest.mark.parametrize("scope", [None, SCOPE.split(), "vso.pats vso.pats_manage"], ids=str)
def test_permissions_are_known_in_every_form(scope: object) -> None:
    """An answer that does not say grants what was asked for (RFC 6749, 5.1)."""
    assert read(CLAIMS, scope=scope) == ADA


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": [CLIENT, "another"]}, "wrong-audience"),
        ({"aud": []}, "wrong-audience"),
        ({"aud": 7}, "wrong-audience"),
        ({"iss": ISSUER.replace(TENANT, CLIENT)}, "wrong-tenant"),
        ({"tid": None}, "wrong-tenant"),
        ({"exp": NOW.timestamp() - 6 * 60}, "stale-answer"),
        ({"exp": "tomorrow"}, "stale-answer"),
        ({"exp": True}, "stale-answer"),
        ({"oid": ""}, "nameless"),
        ({"preferred_username": ["ada@contoso.example"]}, "nameless"),
    ],
    ids=str,
)
def test_anything_else_is_refused(changes: dict[str, object], reason: str) -> None:
    """In one word."""
    with pytest.raises(SignInError) as refused:
        read({**CLAIMS, **changes})

    assert refused.value.reason == reason


@pytest.mark.parametrize("claims", [None, {}])
def test_an_answer_that_names_nobody_is_nameless(claims: object) -> None:
    """It is not said to be of another tenant."""
    with pytest.raises(SignInError, match="who has signed in"):
        read(claims)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"scope": "vso.pats"}, "permission-missing"),
        ({"scope": ""}, "permission-missing"),
        ({"scope": []}, "permission-missing"),
        ({"refresh_token": None}, "no-session"),
        ({"refresh_token": ""}, "no-session"),
    ],
    ids=str,
)
def test_a_session_that_is_too_little_is_refused(result: dict[str, object], reason: str) -> None:
    """Both permissions, and a refresh token."""
    with pytest.raises(SignInError) as refused:
        read(CLAIMS, **result)

    assert refused.value.reason == reason
