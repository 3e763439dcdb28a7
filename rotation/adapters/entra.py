"""Microsoft Entra: what people sign in at, and what gives access tokens on behalf of owners.

The app registration is a confidential client without a secret: its credential is the managed
identity's assertion (Entra documentation, *Configure an application to trust a managed identity*).
It must never let a token, a code or an assertion out but as ``TokenValue``, or what msal keeps for
the way back in the mapping of ``begin``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msal
from azure.core.exceptions import AzureError

from rotation.adapters.border import translated, words
from rotation.adapters.entra_refusal import Remedy, explain
from rotation.adapters.id_token import PERMISSIONS, STALE, Expected, read_person
from rotation.adapters.patience import PlainSession
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    SessionError,
    SettingsError,
    SignInError,
    UnavailableError,
)
from rotation.model import Hidden, TokenValue
from rotation.session import ADMINISTRATOR_NEEDED, SIGN_IN_NEEDED, Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotation.ports import Clock
    from rotation.session import AgentUser, Person

SERVICE = "entra"
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps' own application id: the audience of all delegated tokens for it."""
SCOPES = [f"{AZURE_DEVOPS}/{permission}" for permission in sorted(PERMISSIONS)]
UNTOLD_SECONDS = 600
"""For how long an access token is used whose answer does not tell how long it lives."""
T = TypeVar("T")
LEGS = (
    "the blueprint's exchange (leg 1 of 3)",
    "the agent identity's exchange (leg 2 of 3)",
    "the agent user's token (leg 3 of 3)",
)


@dataclass(frozen=True)
class Registration:
    """The app registration through which people sign in, and the tenant that it is in."""

    authority: str
    """Such as ``https://login.microsoftonline.com``."""
    tenant_id: str
    client_id: str
    audience: str
    """Of the assertions that the federated credentials of this cloud take."""
    is_microsoft: bool
    """Whether the authority is Microsoft's, and may be discovered there."""
    public_url: str | None = None
    """Where this product's pages are reached."""
    blueprint_id: str | None = None
    """Of the agent identities, if there are owners that are agent users."""

    @property
    def sign_in_url(self) -> str:
        """Where people sign in; empty if nobody has said where the pages are."""
        return f"{self.public_url}/sign-in" if self.public_url else ""


class Entra:
    """One tenant, as ``TokenService`` and ``SignInService``."""

    def __init__(
        self, registration: Registration, assertion: Callable[[], str], clock: Clock
    ) -> None:
        """Take what identifies the client.

        Args:
            registration: the client, and where.
            assertion: gives a fresh client assertion: a token of the managed identity.
            clock: the present instant.
        """
        self._registration = registration
        self._assertion = assertion
        self._clock = clock
        self._http = PlainSession()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # --- Sessions that there are ---------------------------------------------------------------

    def redeem(self, owner: str, refresh_token: TokenValue) -> Grant:
        """See ``TokenService``."""
        what = f"the session of {owner}"

        def redeem() -> Grant:
            client = self._client(self._registration.client_id, self._assertion)
            result = client.acquire_token_by_refresh_token(refresh_token.reveal(), SCOPES)
            self._refuse(result, what, owner)
            return _grant(result)

        return _asked(redeem, f"cannot redeem {what}")

    def act_as(self, agent: AgentUser) -> Grant:
        """See ``TokenService``.

        Source: Entra Agent ID documentation, *Agent OAuth protocols*: three legs, the first two
        without a person in sight. Nothing is kept between two of them but in memory.
        """
        blueprint, identity = self._registration.blueprint_id or "", agent.identity_id
        scope = [f"{self._registration.audience}/.default"]

        def exchange(leg: int, client: Any, **more: str) -> str:  # noqa: ANN401 - of msal
            result = client.acquire_token_for_client(scope, **more)
            self._refuse(result, f"{LEGS[leg]} of {agent.owner}", None)
            return str(result["access_token"])

        def act() -> Grant:
            first = exchange(0, self._client(blueprint, self._assertion), fmi_path=identity)
            # A client of its own for the second leg keeps the caches of the two tokens apart.
            second = exchange(1, self._client(identity, lambda: first))
            result = self._client(
                identity, lambda: first
            ).acquire_token_by_user_federated_identity_credential(
                SCOPES,
                second,
                username=agent.owner,
                data={"requested_token_use": "on_behalf_of"},  # msal leaves it out
            )
            self._refuse(result, f"{LEGS[2]} of {agent.owner}", None)
            return _grant(result)

        return _asked(act, f"cannot get a token of the agent user {agent.owner}")

    # --- Sign-ins in a browser -----------------------------------------------------------------

    def begin(self) -> tuple[str, Mapping[str, str]]:
        """See ``SignInService``.

        Raises:
            SettingsError: nobody has said where the pages are.
        """
        if not self._registration.public_url:
            raise SettingsError(
                ("ROTATION_PUBLIC_URL is missing",), hint="it says where this page is reached"
            )

        def begin() -> tuple[str, Mapping[str, str]]:
            client = self._client(self._registration.client_id, self._assertion)
            flow = client.initiate_auth_code_flow(
                SCOPES,
                redirect_uri=self._redirect_uri,
                response_mode="form_post",
                prompt=msal.Prompt.SELECT_ACCOUNT,
            )
            kept = {name: flow[name] for name in ("state", "nonce", "code_verifier")}
            return str(flow["auth_uri"]), Hidden(kept)

        return _asked(begin, "cannot begin a sign-in")

    def finish(self, begun: Mapping[str, str], answer: Mapping[str, str]) -> tuple[Grant, Person]:
        """See ``SignInService``."""
        said = Hidden({n: answer[n] for n in ("state", "code", "error") if answer.get(n)})
        if said.get("state") != begun["state"] or not said.keys() & {"code", "error"}:
            raise SignInError(
                "this is no answer to the sign-in that was begun in this browser",
                reason="foreign-answer",
            )

        def redeem() -> tuple[Grant, Person]:
            client = self._client(self._registration.client_id, self._assertion)
            issuer = self._issuer()  # asked for first: a code is good for one use
            flow = {**begun, "redirect_uri": self._redirect_uri, "scope": [*SCOPES, *_OPENID]}
            try:
                result = client.acquire_token_by_auth_code_flow(flow, said)
            except RuntimeError:  # what msal raises if the nonce is not the one of this sign-in
                raise SignInError("the answer is not of this sign-in", reason=STALE) from None
            # What Entra says in the browser of whoever signs in has its number in the sentence.
            told = {**result, "error_description": answer.get("error_description", "")}
            self._refuse_sign_in(told if "code" not in said else result)
            ours = self._registration
            expected = Expected(issuer, ours.tenant_id, ours.client_id, self._clock())
            return _grant(result), read_person(result, expected)

        return _asked(redeem, "cannot finish the sign-in")

    @property
    def _redirect_uri(self) -> str:
        return f"{self._registration.sign_in_url}/callback"

    def _issuer(self) -> str:
        """Give what the tenant calls itself in the tokens that it issues.

        Source: OpenID Connect Discovery 1.0, 4.3; msal reads it, and tells nobody.
        """
        tenant = f"{self._registration.authority}/{self._registration.tenant_id}"
        answer = self._http.get(f"{tenant}/v2.0/.well-known/openid-configuration")
        answer.raise_for_status()
        return str(answer.json()["issuer"])

    # --- What both have in common --------------------------------------------------------------

    def _client(self, client_id: str, assertion: Callable[[], str]) -> Any:  # noqa: ANN401 - of msal
        # One for each use: its cache would keep tokens for longer than they are needed.
        return msal.ConfidentialClientApplication(
            client_id,
            authority=f"{self._registration.authority}/{self._registration.tenant_id}",
            client_credential={"client_assertion": assertion},
            instance_discovery=None if self._registration.is_microsoft else False,
            http_client=self._http,
        )

    def _refuse(self, result: Mapping[str, Any], what: str, owner: str | None) -> None:
        """Raise if the answer is a refusal: of the session of a person, or of an agent's leg."""
        refused = _Refused.read(result)
        if refused is None:
            return
        refusal = explain(refused.word, refused.number, refused.suberror)
        if refusal is None:
            raise _unavailable(f"cannot use {what}: {refused}")
        message = f"Entra refuses {what} ({refused}): {refusal.sentence}"
        hint = self._link(refused)
        if refusal.remedy is Remedy.PERSON and owner:
            where = f" at {self._registration.sign_in_url}" if self._registration.public_url else ""
            message = f"{message}; {owner} must sign in{where}"
            raise SessionError(message, reason=SIGN_IN_NEEDED, hint=hint)
        if refusal.remedy is Remedy.PERSON:
            message = f"{message}; an administrator must check the agent user and its consent"
        raise SessionError(message, reason=ADMINISTRATOR_NEEDED, hint=hint)

    def _refuse_sign_in(self, result: Mapping[str, Any]) -> None:
        """Raise if the answer is a refusal of a sign-in."""
        refused = _Refused.read(result)
        if refused is None:
            return
        refusal = explain(refused.word, refused.number, refused.suberror)
        if refusal is None:
            raise _unavailable(f"cannot finish the sign-in: {refused}")
        reason = "declined" if refused.word == "access_denied" else "refused"
        message = f"Entra refuses the sign-in ({refused}): {refusal.sentence}"
        raise SignInError(message, reason=reason, hint=self._link(refused))

    def _link(self, refused: _Refused) -> str:
        authority = self._registration.authority
        return f"see {authority}/error?code={refused.number}" if refused.number else ""


_OPENID = ("openid", "profile", "offline_access")


@dataclass(frozen=True)
class _Refused:
    """What a refusal says."""

    word: str
    number: int | None
    suberror: str

    @classmethod
    def read(cls, result: Mapping[str, Any]) -> _Refused | None:
        """Read an answer; None if it is no refusal."""
        word = result.get("error")
        if not word:
            return None
        numbers = result.get("error_codes")
        number = numbers[0] if isinstance(numbers, list) and numbers else None
        told = str(result.get("error_description") or "")
        if type(number) is not int:
            digits = told.removeprefix("AADSTS").split(":")[0] if told[:6] == "AADSTS" else ""
            number = int(digits) if digits.isdecimal() and len(digits) <= _DIGITS else None
        return cls(str(word)[:_LONGEST], number, str(result.get("suberror") or ""))

    def __str__(self) -> str:
        return f"{self.word}, AADSTS{self.number}" if self.number else self.word


_DIGITS, _LONGEST = 9, 60


def _asked(call: Callable[[], T], what: str) -> T:
    return translated(call, lambda exc: _translate(exc, what))


def _grant(result: Mapping[str, Any]) -> Grant:
    access, newer = result["access_token"], result.get("refresh_token")
    if not isinstance(access, str) or not access:
        message = "an answer without a token"
        raise ValueError(message)
    return Grant(
        access_token=TokenValue(access),
        lifetime=timedelta(seconds=int(result.get("expires_in") or UNTOLD_SECONDS)),
        refresh_token=TokenValue(newer) if isinstance(newer, str) and newer else None,
        object_id=(result.get("id_token_claims") or {}).get("oid"),
    )


def _translate(exc: Exception, what: str) -> RotationError:
    if isinstance(exc, AzureError):
        message = "cannot get an assertion of the managed identity for the app registration"
        hint = "run where the managed identity is, and check AZURE_CLIENT_ID"
        return AccessDeniedError(
            f"{message}: {words(exc)}", service="identity", operation="assert", hint=hint
        )
    return _unavailable(f"{what}: no usable answer ({words(exc)})")


def _unavailable(message: str) -> UnavailableError:
    hint = "if this lasts, check ROTATION_AUTHORITY and ROTATION_TENANT_ID"
    return UnavailableError(message, service=SERVICE, operation="redeem", hint=hint)
