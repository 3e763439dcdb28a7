"""What is known of one secret at one moment, and what is decided about it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotation.errors import RotationError
    from rotation.model import ManagedSecret, Mandate, Token, TokenValue
    from rotation.session import Session


class Fact(StrEnum):
    """What an observation can add to a snapshot."""

    SESSION = "session"
    """How the owner's session stands; asked once a run."""
    TOKENS = "tokens"
    """The living tokens of the owner in the organization; listed once a run."""
    VALUE = "value"
    """The newest version itself, with its value: a read."""
    RECORDED = "recorded"
    """The token that the secret names, dead or alive: a *get* by id after the read."""
    PROOF = "proof"
    """Whether the stored value authenticates as its owner: a call with the value."""
    HISTORY = "history"
    """The id that an older version recorded for the stored value: a list of versions."""


@dataclass(frozen=True)
class Snapshot:
    """All that is known of one secret at one moment: what ``policy.decide`` looks at."""

    secret: ManagedSecret
    mandate: Mandate
    session: Session | None = None
    account_id: str | None = None
    """The organization's id, as far as the service tells it."""
    bound: tuple[Token, ...] = ()
    """The living tokens bound to this secret."""
    recorded: Token | None = None
    """The token that the tag (or, after HISTORY, an older version) names, alive or dead."""
    proof: bool | None = None
    """Whether the stored value works; None until it was tried."""
    has_wall: bool = False
    """Whether an extension was tried in this settling and gained too little."""
    former_id: str | None = None
    """The authorization id that an older version recorded for the stored value."""
    scanned_at: datetime | None = None
    """When the scan before this one looked at the secret."""
    ordered: Mapping[str, str] = field(default_factory=dict)
    """Tags that an order wants for the next version; the mandate is read as if they were there."""
    known: frozenset[Fact] = frozenset()
    """The facts that were asked for."""

    @property
    def current(self) -> Token:
        """The recorded token, which every rule after the sixth may count on.

        Raises:
            LookupError: it was not found, or not asked for.
        """
        if self.recorded is None:
            message = f"the recorded token of {self.secret.name} is not known"
            raise LookupError(message)
        return self.recorded

    @property
    def value(self) -> TokenValue:
        """The stored value, which every step may count on.

        Raises:
            LookupError: it was not read.
        """
        if self.secret.value is None:
            message = f"the value of {self.secret.name} was not read"
            raise LookupError(message)
        return self.secret.value

    @property
    def is_identified(self) -> bool:
        """Whether the recorded id is that of the stored value, as far as the value is known."""
        recorded, value = self.mandate.recorded, self.secret.value
        return recorded is not None and (value is None or value.digest == recorded.digest)


class Action(StrEnum):
    """The verbs of the rules, and, at the end, those of orders only."""

    REJECT = "reject"
    SKIP = "skip"
    WATCH = "watch"
    BLOCK = "block"
    ADOPT = "adopt"
    RENEW = "renew"
    EXTEND = "extend"
    REFRESH = "refresh"
    RETIRE = "retire"
    PROVE = "prove"
    NOTHING = "nothing"
    RESERVE = "reserve"
    RENAME = "rename"
    HASTEN = "hasten"
    DECOMMISSION = "decommission"


@dataclass(frozen=True)
class Decision:
    """What is to be done with one secret, and why."""

    action: Action
    reason: str
    """One machine word, for alerts and filters."""
    message: str
    """One sentence, for people."""
    next_at: datetime | None = None
    """When something is expected to be done next, if it can be foreseen."""
    token: Token | None = None
    """The token to adopt, to extend, to retire, or whose scope a renewal takes over."""


@dataclass(frozen=True)
class Question:
    """A rule cannot tell yet: it needs this fact first."""

    fact: Fact


@dataclass(frozen=True)
class Finding:
    """One secret as a look at it found it."""

    snapshot: Snapshot
    decision: Decision | None
    """None if the look failed."""
    error: RotationError | None = None
