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
    """Why, and what an administrator must do, if it is one."""


def _person(why: str) -> Refusal:
    return Refusal(Remedy.PERSON, why)


def _administrator(why: str, act: str) -> Refusal:
    return Refusal(Remedy.ADMINISTRATOR, f"{why}; an administrator must {act}")


_REGISTRATION = _administrator(
    "it does not admit the application",
    "check the federated credential of the app registration, and its permissions",
)
_CONSENT = _administrator(
    "the application lacks a permission", "consent to vso.pats and vso.pats_manage for it"
)

WORDS = {
    "invalid_grant": _person("the session has expired, or was ended"),
    "interaction_required": _person("something is asked of the person"),
    "login_required": _person("something is asked of the person"),
    "consent_required": _person("nobody has consented to the application"),
    "access_denied": _person("the sign-in was declined"),
    "invalid_client": _REGISTRATION,
    "unauthorized_client": _REGISTRATION,
    "invalid_scope": _CONSENT,
    "invalid_resource": _administrator(
        "the tenant does not know Azure DevOps", "connect the tenant with Azure DevOps"
    ),
    "unsupported_grant_type": _administrator(
        "the tenant does not know this way in", "see whether the tenant has Entra Agent ID"
    ),
}
"""By the word; every other one is an outage."""

_POLICY = "see which Conditional Access policy it is"
NUMBERS = {
    50034: _administrator("the account does not exist", "check its name"),
    50055: _person("the password has expired"),
    50057: _administrator("the account is disabled", "enable it, or name another owner"),
    50076: _person("multi-factor authentication is asked for"),
    50078: _person("the multi-factor authentication has expired"),
    50079: _person("the person has to register for multi-factor authentication"),
    50089: _person("the sign-in took too long"),
    50105: _administrator("the application is not assigned to the person", "assign it"),
    50133: _person("the password was changed"),
    50158: _person("Conditional Access asks for more"),
    50173: _person("the session was revoked"),
    53000: _administrator("Conditional Access asks for a managed device", _POLICY),
    53003: _administrator("Conditional Access blocks it", _POLICY),
    54005: _person("the sign-in was used already"),
    65001: _person("nobody has consented to the application"),
    65004: _person("the person has declined to consent"),
    70008: _person("it was not used in time"),
    70043: _person("Conditional Access limits how long a session lasts"),
    70044: _person("Conditional Access limits how long a session lasts"),
    90002: _administrator("there is no such tenant", "check ROTATION_TENANT_ID"),
    90072: _administrator("the account is not in this tenant", "add it, or name another owner"),
    90094: _CONSENT,
    700016: _administrator(
        "the application is not in the tenant", "check ROTATION_CLIENT_ID and ROTATION_BLUEPRINT_ID"
    ),
    700024: _administrator("the assertion is out of date", "check the clocks"),
    700082: _person("nobody has used the session for 90 days"),
    700084: _person("the session has come to its end"),
    700211: _administrator(
        "no federated credential has the identity's issuer", "correct the federated credential"
    ),
    700212: _administrator(
        "no federated credential has the assertion's audience", "correct the federated credential"
    ),
    700213: _administrator(
        "no federated credential names the managed identity", "correct the federated credential"
    ),
    700231: _administrator(
        "the assertion was itself got by a federated credential",
        "let the app registration trust what runs the rotator (docs/other-ways.md)",
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
        return _administrator("a policy of the tenant forbids it", _POLICY)
    return known
