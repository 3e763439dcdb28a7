"""What the refusals of Entra mean, and who must do what about them.

What is done is decided by the word alone (RFC 6749, 5.2, and Microsoft identity platform, *OAuth
2.0 authorization code flow*: "Error response for refresh token request"). The number after
``AADSTS`` may change at any time, and is not to be relied upon (*Microsoft Entra authentication and
authorization error codes*): it chooses the sentence for people, and who of them is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """Who can do something about a refusal."""

    AGAIN = "try again"
    """Nobody needs to: the next run asks again."""
    PERSON = "a person must sign in"
    ADMINISTRATOR = "an administrator must act"


@dataclass(frozen=True)
class Refusal:
    """What one word, or one number, means."""

    remedy: Remedy
    sentence: str
    """Why, and for administrators what they must do."""


def _person(sentence: str) -> Refusal:
    return Refusal(Remedy.PERSON, sentence)


def _administrator(sentence: str) -> Refusal:
    return Refusal(Remedy.ADMINISTRATOR, sentence)


_REGISTRATION = (
    "an administrator must check the app registration's federated credential and its permissions"
)
_CONSENT = "an administrator must consent to vso.pats and vso.pats_manage for the application"

WORDS = {
    "invalid_grant": _person("the session does not hold any more"),
    "interaction_required": _person("Entra wants to see the person"),
    "login_required": _person("Entra wants to see the person"),
    "consent_required": _person("the application needs the person's consent"),
    "access_denied": _person("the sign-in was declined"),
    "invalid_client": _administrator(_REGISTRATION),
    "unauthorized_client": _administrator(_REGISTRATION),
    "invalid_scope": _administrator(_CONSENT),
    "invalid_resource": _administrator(
        "an administrator must see that Azure DevOps is known in the tenant"
    ),
    "invalid_request": _administrator(
        "an administrator must check ROTATION_TENANT_ID and ROTATION_CLIENT_ID"
    ),
    "invalid_tenant": _administrator("an administrator must check ROTATION_TENANT_ID"),
    "unsupported_grant_type": _administrator(
        "an administrator must see that the tenant has Entra Agent ID"
    ),
}
"""By the word; every other one is an outage."""

NUMBERS = {
    50034: _administrator("the account does not exist; an administrator must check its name"),
    50055: _person("the person's password has expired"),
    50057: _administrator("the account is disabled; an administrator must enable it"),
    50076: _person("Entra asks for multi-factor authentication"),
    50078: _person("the multi-factor authentication has expired"),
    50079: _person("the person must register for multi-factor authentication"),
    50105: _administrator("an administrator must assign the application to the person"),
    50133: _person("the person's password was changed"),
    50158: _person("Conditional Access asks for more"),
    50173: _person("the session was revoked"),
    50089: _person("the sign-in took too long"),
    53000: _administrator("Conditional Access asks for a managed device; see its policies"),
    53003: _administrator("a Conditional Access policy blocks it; an administrator must see which"),
    54005: _person("the sign-in was used already"),
    65001: _person("the application needs consent"),
    65004: _person("the person declined to consent"),
    70008: _person("it was not used in time"),
    70043: _person("a Conditional Access policy limits how long a session lasts"),
    70044: _person("a Conditional Access policy limits how long a session lasts"),
    90002: _administrator(
        "there is no such tenant; an administrator must check ROTATION_TENANT_ID"
    ),
    90072: _administrator("the account is not in this tenant; an administrator must add it"),
    90094: _administrator(_CONSENT),
    700016: _administrator(
        "the tenant does not know the application; an administrator must check its id"
    ),
    700024: _administrator("the assertion is out of date; an administrator must check the clocks"),
    700082: _person("nobody used it for 90 days"),
    700084: _person("its whole life is over"),
    700211: _administrator("the federated credential names another issuer than the identity's"),
    700212: _administrator("the federated credential names another audience"),
    700213: _administrator(
        "the federated credential names another subject than the managed identity"
    ),
}
"""By the number after ``AADSTS``, where it says more than the word."""


def explain(word: str, number: int | None, suberror: str = "") -> Refusal | None:
    """Tell what a refusal means.

    Args:
        word: Entra's machine word, ``error``.
        number: the one after ``AADSTS``, if it was told.
        suberror: Entra's second word, if there is one.

    Returns:
        Who must do what; None if it is an outage: nobody must do anything.
    """
    known = WORDS.get(word)
    if known is None:
        return None
    exact = NUMBERS.get(number) if number else None
    if exact and (exact.remedy, known.remedy) != (Remedy.PERSON, Remedy.ADMINISTRATOR):
        return exact  # a person is never sent to do what only an administrator can
    if suberror == "message_only":  # nothing that the person could do would help
        return _administrator("the tenant's policies forbid it; an administrator must see which")
    return known
