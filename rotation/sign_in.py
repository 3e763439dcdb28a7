"""An owner signs in in a browser: begun at this product's page, finished when the browser returns.

Whoever comes back is believed only what Entra itself says of them. What is saved, and when, is what
keeps a stranger, a replay or a crash from harming a session that works.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from rotation.dependents import dependents
from rotation.errors import AccessDeniedError, RotationError, SignInError, UnavailableError
from rotation.events import Event, Kind
from rotation.model import OWNER, Hidden, TokenValue
from rotation.session import LONG_AGO, SIGN_IN_PERIOD, Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from rotation.model import Defaults
    from rotation.ports import (
        Clock,
        EventLog,
        Seal,
        SecretStore,
        SessionStore,
        SignInService,
        TokenIssuer,
    )
    from rotation.session import Grant, Person
    from rotation.sessions import PersonSource, Sessions

BUDGET = timedelta(seconds=60)
"""So long organizations are tried: an answer must come within 230 seconds (Azure Functions
documentation, *HTTP trigger*: "Limits")."""
PATIENCE = timedelta(minutes=10)
"""A sign-in takes no longer."""
DIGEST_LENGTH = 16
"""Hex digits by which a sign-in is remembered."""


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun."""

    url: str
    """Where the browser goes."""
    sealed: str
    """What the browser keeps, and brings back: a cookie's value."""


@dataclass(frozen=True)
class Trial:
    """How a session fares in one organization."""

    organization: str
    secrets: int
    """How many secrets depend on it there."""
    error: RotationError | None = None
    """Why it does not work there; None if it does."""


@dataclass(frozen=True)
class Connected:
    """An owner who is connected now."""

    owner: str
    signed_in_at: datetime
    trials: tuple[Trial, ...]
    vault_failures: tuple[str, ...] = ()
    """The vaults that could not be looked through for organizations."""

    @property
    def sign_in_by(self) -> datetime:
        """Tell by when the owner must sign in again."""
        return self.signed_in_at + SIGN_IN_PERIOD


@dataclass(frozen=True)
class Desk:
    """What a sign-in is done with."""

    service: SignInService
    seal: Seal
    store: SessionStore
    source: PersonSource
    sessions: Sessions
    secrets: SecretStore
    trial: Callable[[TokenValue], TokenIssuer]
    """Gives a way into Azure DevOps with this access token, whoever's it is."""
    log: EventLog
    clock: Clock
    public_url: str
    """Where the pages are; empty if nobody has said."""


class SignIn:
    """Connects owners."""

    def __init__(
        self, desk: Desk, *, owners: Collection[str], vaults: Sequence[str], defaults: Defaults
    ) -> None:
        """Take what it is done with, and who may sign in.

        Args:
            desk: the outside world.
            owners: user principal names in lower case; nobody else's session is saved.
            vaults: whose secrets tell in which organizations an owner is needed.
            defaults: what the tags of these secrets fall back to.
        """
        self._desk = desk
        self._owners = owners
        self._vaults = vaults
        self._defaults = defaults

    @property
    def public_url(self) -> str:
        """Tell where the pages are; empty if nobody has said."""
        return self._desk.public_url

    def begin(self) -> Begun:
        """Begin a sign-in, for whoever asks. Nothing is written but, once a day, a key.

        Raises:
            RotationError: the pages have no address, or a service does not answer.
        """
        url, begun = self._desk.service.begin()
        return Begun(url, self._desk.seal.close(TokenValue(json.dumps(dict(begun)))))

    def finish(self, sealed: str, answer: Mapping[str, str]) -> Connected:
        """Finish a sign-in: check, try, save.

        Args:
            sealed: what this browser was given when it began.
            answer: the form that it posts now, by order of Entra.

        Raises:
            SignInError: nothing was saved; ``reason`` and message say why.
            RotationError: nothing was saved, since a service did not do what it was asked.
        """
        desk = self._desk
        begun = self._begun(sealed)
        grant, person = desk.service.finish(begun, answer)
        # A crash here, or anywhere before the save, has used up the code and left everything else
        # as it was: the person signs in again.
        owner = self._owner(person)
        sign_in = hashlib.sha256(begun["state"].encode()).hexdigest()[:DIGEST_LENGTH]
        before = self._compare(owner, person, sign_in)
        trials, failures = self._try(owner, grant)
        now = desk.clock()
        # Later than the one before, whatever another instance's clock has said then.
        last = (before.signed_in_at if before else None) or LONG_AGO
        signed_in_at = max(now, last + timedelta(seconds=1))
        desk.source.welcome(
            Kept(
                owner,
                grant.refresh_token,
                object_id=person.object_id,
                signed_in_at=signed_in_at,
                redeemed_at=now,
                sign_in=sign_in,
                other_tags=before.other_tags if before else {},
            )
        )
        # A crash here leaves a session that works, and a page that was never seen.
        desk.sessions.forget(owner)
        connected = Connected(owner, signed_in_at, trials, failures)
        self._record(connected)
        return connected

    def _record(self, connected: Connected) -> None:
        works = _listed(t.organization for t in connected.trials if not t.error)
        self._desk.log.record(
            Event(
                Kind.SESSION_SIGNED_IN,
                self._desk.clock(),
                uuid4().hex[:12],
                owner=connected.owner,
                expires_at=connected.sign_in_by,
                message=f"works in {works}",
            )
        )

    def _begun(self, sealed: str) -> Hidden:
        """Give what was known when this browser began."""
        opened = self._desk.seal.open(sealed, PATIENCE)
        if opened is None:
            message = "no sign-in was begun in this browser in the last ten minutes"
            raise SignInError(message, reason="not-begun")
        return Hidden(json.loads(opened))

    def _owner(self, person: Person) -> str:
        """Give the owner that a person is."""
        # Only then: a letter that merely looks like another one may be the other in lower case.
        name = person.name.lower() if OWNER.fullmatch(person.name) else ""
        if name not in self._owners:
            who = name or "this account"
            raise SignInError(
                f"{who} is not among the owners of this rotator",
                reason="not-an-owner",
                hint="sign in as one of them, or have ROTATION_OWNERS name this account",
            )
        return name

    def _compare(self, owner: str, person: Person, sign_in: str) -> Kept | None:
        """Compare with the sessions that there were: the same person, and not this sign-in again.

        Returns:
            The latest of them, if there is one.
        """
        versions = self._desk.store.versions(owner)
        if any(version.sign_in == sign_in for version in versions):
            raise SignInError("this sign-in is finished already", reason="replayed")
        latest = max(versions, key=lambda version: version.order, default=None)
        if latest is None:
            return None
        hint = "if that is right, run `rotation disconnect` first"
        if latest.kept_owner not in {None, owner}:
            message = f"the session of {latest.kept_owner} is kept where that of {owner} would be"
            raise SignInError(message, reason="somebody-else", hint=f"{hint}, with that name")
        if latest.object_id not in {None, person.object_id}:
            message = f"the name {owner} belongs to another account now than when it was connected"
            raise SignInError(message, reason="somebody-else", hint=f"{hint}, with this name")
        return latest

    def _try(self, owner: str, grant: Grant) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
        """Try a new access token in each organization in which it will be needed.

        Raises:
            SignInError: it is refused in all of them.
        """
        until = self._desk.clock() + BUDGET
        needed = dependents(owner, self._desk.secrets, self._vaults, self._defaults)
        issuer = self._desk.trial(grant.access_token)
        trials = tuple(
            Trial(
                organization,
                count,
                _late() if self._desk.clock() > until else _tried(issuer, owner, organization),
            )
            for organization, count in needed.organizations.items()
        )
        if trials and all(isinstance(trial.error, AccessDeniedError) for trial in trials):
            message = f"Azure DevOps refuses {owner} in {_listed(t.organization for t in trials)}"
            hint = "have the account added there, with access to Azure DevOps, and sign in again"
            raise SignInError(message, reason="refused-everywhere", hint=hint)
        return trials, tuple(vault for vault, _ in needed.failures)


def _late() -> RotationError:
    message = "it was not tried: other organizations took too long to answer"
    return UnavailableError(message, service="azure-devops", operation="try")


def _tried(issuer: TokenIssuer, owner: str, organization: str) -> RotationError | None:
    try:
        issuer.inventory(owner, organization)
    except RotationError as exc:
        return exc
    return None


def _listed(words: Iterator[str]) -> str:
    return ", ".join(words) or "no organization yet"
