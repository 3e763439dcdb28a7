"""The contracts between the rotator and the outside world, by outcome.

An adapter fulfils a contract; the contract tests quote it and run against every adapter. All
instants are aware, in UTC. Every method may raise ``UnavailableError`` (no usable answer) and
``AccessDeniedError`` (refused for want of rights) unless it says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    from rotation.events import Event
    from rotation.inventory import Inventory
    from rotation.model import (
        Created,
        Draft,
        ManagedSecret,
        SecretName,
        SecretVersion,
        Token,
        TokenValue,
    )
    from rotation.order import Order
    from rotation.session import AgentUser, Grant, Kept, Person, Session

    Clock = Callable[[], datetime]
    """Tells the present instant, aware, in UTC."""


class SecretStore(Protocol):
    """The vaults that are watched."""

    def list_managed(self, vault: str) -> Iterable[ManagedSecret]:
        """Give every secret of ``vault`` that carries the discovery tag, in pages, without values.

        Disabled and expired secrets are among them.
        """

    def read(self, name: SecretName) -> ManagedSecret:
        """Give the newest version with its id and its value.

        A disabled newest version comes back disabled and without a value.

        Raises:
            RejectedError: there is no such secret (reason ``not-found``).
        """

    def list_versions(self, name: SecretName) -> tuple[SecretVersion, ...]:
        """Give all versions, in any order, without values."""

    def reserve(self, name: SecretName, tags: Mapping[str, str]) -> ManagedSecret:
        """Make the first version of a new secret: disabled, without a token, with these tags.

        Never repeated blindly. Returns the version, without a value.

        Raises:
            RejectedError: the vault refuses the write; a deleted secret keeps its name until it is
                recovered or purged.
            OutcomeUnknownError: no answer; the version may be there.
        """

    def store(
        self,
        secret: ManagedSecret,
        value: TokenValue,
        *,
        tags: Mapping[str, str],
        expires_at: datetime,
    ) -> ManagedSecret:
        """Make ``value`` the newest version of ``secret``, in one write, never repeated blindly.

        The version carries exactly ``tags``, the content type of ``secret`` and ``expires_at``.
        Returns the new version, without its value.

        Raises:
            RejectedError: the vault refuses the write.
            OutcomeUnknownError: no answer; the version may be there.
        """

    def write_tags(
        self, secret: ManagedSecret, tags: Mapping[str, str], *, expires_at: datetime | None = None
    ) -> ManagedSecret:
        """Replace all tags (and the expiry, if given) of the very version that ``secret`` names.

        Returns the version as the vault's answer shows it, with the value that ``secret`` had.
        """

    def disable(self, name: SecretName, version: str) -> None:
        """On return that version is disabled, and the vault has accepted a write."""


class TokenIssuer(Protocol):
    """The PAT lifecycle API, on behalf of an owner, in one organization."""

    def inventory(self, owner: str, organization: str) -> Inventory:
        """Give all living tokens of ``owner`` in ``organization``.

        Raises:
            SessionError: the owner has no working session.
            UnavailableError: also when the service's clock and ours are more than five minutes
                apart: nothing may be acted on then.
        """

    def get(self, owner: str, organization: str, authorization_id: str) -> Token | None:
        """Give one token of ``owner``, dead or alive; None if the service does not know it."""

    def create(self, owner: str, organization: str, draft: Draft) -> Created:
        """Create a token in this organization only; never repeated.

        Raises:
            RejectedError: the service refuses; ``reason`` is its own word. No token was made.
            OutcomeUnknownError: no usable answer; a token may have been made.
        """

    def rename(self, owner: str, organization: str, token: Token, display_name: str) -> Token:
        """Give ``token`` another display name, and nothing else; the answer says what came of it.

        Raises:
            RejectedError: the service refuses (expired, revoked, a policy).
        """

    def extend(self, owner: str, organization: str, token: Token, valid_to: datetime) -> Token:
        """Ask for a later expiry of ``token``; the answer says which one was granted.

        Raises:
            RejectedError: the service refuses (expired, revoked, a policy).
        """

    def revoke(self, owner: str, organization: str, authorization_id: str) -> None:
        """On return the token cannot authenticate; one that is unknown already counts as done."""

    def prove(self, owner: str, organization: str, value: TokenValue) -> bool:
        """Use ``value``: True if it authenticates in ``organization`` as ``owner``.

        False if it is refused, or taken for somebody else or for nobody (user ids are compared).
        """


class OwnerSessions(Protocol):
    """The delegated sessions of the owners."""

    def session(self, owner: str) -> Session:
        """Tell how the session of ``owner`` stands, after trying it. Changes nothing.

        Raises:
            UnavailableError: nothing can be said, since a service did not answer.
        """

    def keep(self, owner: str) -> Session:
        """Tell how the session stands, and keep it alive.

        The newest refresh token is saved once a day, the version before it is disabled, and a
        session that was signed in later is never overwritten. A save that fails is told in the
        session's ``reason`` and ``message``: the older token stays valid.

        Raises:
            UnavailableError: nothing can be said, since a service did not answer.
        """

    def access_token(self, owner: str) -> TokenValue:
        """Give an access token of ``owner`` for Azure DevOps.

        Raises:
            SessionError: the session does not work; somebody must act.
        """


class SessionStore(Protocol):
    """The vault of the persons' sessions, which no pipeline reads."""

    def read(self, owner: str, version: str | None = None) -> Kept | None:
        """Give a version with its refresh token: the named one, or the newest; None without one.

        A version that is disabled comes back disabled and without a refresh token.
        """

    def versions(self, owner: str) -> tuple[Kept, ...]:
        """Give all versions, in any order, without refresh tokens; none without a session."""

    def save(self, kept: Kept, *, revives: bool = False) -> Kept:
        """Make a session the newest version, in one write, never repeated blindly.

        Args:
            kept: the session.
            revives: whether a session that was deleted is recovered for it: only for a sign-in.

        Returns:
            The new version, without its refresh token.

        Raises:
            RejectedError: the vault refuses the write; with the reason ``session-ended`` since the
                session was deleted.
            OutcomeUnknownError: no answer; the version may be there.
        """

    def disable(self, owner: str, version: str) -> None:
        """On return that version is disabled."""

    def delete(self, owner: str) -> bool:
        """On return there is no session, and none of its versions is enabled.

        Returns:
            Whether there was one.
        """


class TokenService(Protocol):
    """Entra, as far as it gives access tokens for Azure DevOps on behalf of an owner."""

    def redeem(self, owner: str, refresh_token: TokenValue) -> Grant:
        """Redeem a person's refresh token. The token stays valid.

        Raises:
            SessionError: refused; its ``reason`` and message say who must act.
        """

    def act_as(self, agent: AgentUser) -> Grant:
        """Exchange the managed identity for an access token of an agent user.

        Raises:
            SessionError: refused at one of the three legs; the message says at which.
        """


class SignInService(Protocol):
    """Entra, as far as a person signs in there in a browser."""

    def begin(self) -> tuple[str, Mapping[str, str]]:
        """Begin a sign-in.

        Returns:
            The address to which the browser goes, and what must be known when it comes back: to be
            kept secret.
        """

    def finish(self, begun: Mapping[str, str], answer: Mapping[str, str]) -> tuple[Grant, Person]:
        """Redeem what the browser has brought back.

        Args:
            begun: what ``begin`` gave.
            answer: the fields of the form that Entra made the browser post.

        Raises:
            SignInError: it is no answer to what was begun, or Entra refuses, or the answer is not
                for this tenant, application or purpose.
        """


class Seal(Protocol):
    """Lets a text be carried by somebody who can neither read nor change it."""

    def close(self, text: TokenValue) -> str:
        """Seal a text: letters, digits and ``.-_`` come out."""

    def open(self, sealed: str, lifetime: timedelta) -> str | None:
        """Give the text; None if it was not sealed here, or longer than ``lifetime`` ago."""


class EventLog(Protocol):
    """Where every event is written at once, one a line, for people; and how the fleet stands.

    Neither method ever raises: a lost line must not stop a rotation.
    """

    def record(self, event: Event) -> None:
        """Write the event down."""

    def show(self, line: Mapping[str, Any]) -> None:
        """Write one line of a picture of the fleet, in its stable form."""


class Journal(Protocol):
    """Where events are kept, for people; never read back to decide what is safe.

    What is given back of an event is its stable form, ``Event.as_dict``, whichever version of the
    rotator has written it.
    """

    def write(self, events: Sequence[Event]) -> None:
        """Keep events; one that is kept already stays as it is, so that a replay does no harm.

        Raises:
            UnavailableError: not all of them are kept.
        """

    def of_secret(self, name: SecretName) -> Iterator[Mapping[str, str]]:
        """Give the events of one secret, the newest first, page by page as they are asked for."""

    def since(self, instant: datetime) -> Iterator[Mapping[str, str]]:
        """Give the events of all secrets since ``instant``, the newest first.

        Page by page as they are asked for; nothing that is older is read.
        """

    def forget(self, before: datetime) -> int:
        """Remove the events before ``before``; give how many there were."""


class Lock(Protocol):
    """A lock that is held."""

    def is_held(self) -> bool:
        """Tell whether it is still ours."""


class Locks(Protocol):
    """One holder per secret. What nobody holds any more comes free by itself."""

    def hold(self, name: SecretName) -> AbstractContextManager[Lock]:
        """Hold the lock of ``name`` inside a ``with`` block.

        Locks save work; what is safe does not depend on them. So when they cannot be reached, they
        fail open: everybody gets every lock, among the threads of one process each still once.

        Raises:
            LockHeldError: another run holds it.
        """


class Turns(Protocol):
    """Who may begin, so that no service is asked for more than it allows.

    What is begun is not kept waiting for others that begin: it finds room for what it does.
    """

    def of_vault(self, vault: str) -> AbstractContextManager[None]:
        """Keep room for one new version in ``vault`` inside a ``with`` block.

        Raises:
            BusyError: there is none now, or the vault asks to be left alone.
        """

    def of_owner(self, owner: str) -> AbstractContextManager[None]:
        """Call Azure DevOps on behalf of ``owner`` inside a ``with`` block.

        Raises:
            BusyError: it asks to leave this owner alone, or to go slow, and somebody does already.
        """


class RequestQueue(Protocol):
    """Takes orders to whoever carries them out: at least once, late, twice, in any order."""

    def put(self, order: Order, *, after: timedelta = ..., life: timedelta | None = None) -> None:
        """Put an order on the queue.

        Args:
            order: which.
            after: how long nobody gets to see it.
            life: how long it stays there, from now, if nobody takes it; without, for ever.
        """

    def poisoned(self) -> int:
        """Tell about how many messages were put aside, since nobody could handle them."""


class Backlog(Protocol):
    """Which secrets wait in the queue to be settled, so that none is put there every hour."""

    def waiting(self) -> frozenset[SecretName]:
        """Give the secrets (folded) that are noted and have not waited for too long."""

    def overdue(self) -> frozenset[SecretName]:
        """Give the secrets (folded) that are noted and have waited for too long.

        Or would: a note for more than three hours ahead is one that nobody should believe.
        """

    def note(self, names: Collection[SecretName], until: datetime) -> None:
        """Note that these wait, until ``until`` at most."""

    def clear(self, name: SecretName) -> None:
        """Note that this one does not wait any more; one that never did counts as done."""
