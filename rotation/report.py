"""What a run or a look at the fleet found, in the stable forms of the commands' JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, overload

from rotation.decision import Action
from rotation.model import SecretName
from rotation.packed import Names
from rotation.schedule import EXPIRED, NO_EXPIRY
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from rotation.decision import Finding
    from rotation.session import Session


class Ending(StrEnum):
    """How a settling, or a look that was enough, ended."""

    SETTLED = "settled"
    SKIPPED = "skipped"
    WATCHED = "watched"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    FAILED = "failed"
    LOCKED = "locked"
    QUEUED = "queued"
    DONE = "done"
    REFUSED = "refused"
    WAITING = "waiting"


OF_ORDERS = frozenset({Ending.DONE, Ending.REFUSED, Ending.WAITING})
"""How an order ends, or, in the last case, does not end yet."""

ENDINGS = {
    Action.REJECT: Ending.REJECTED,
    Action.SKIP: Ending.SKIPPED,
    Action.WATCH: Ending.WATCHED,
    Action.BLOCK: Ending.BLOCKED,
    Action.NOTHING: Ending.SETTLED,
}
"""The decisions that end a settling."""
NEEDS_SOMEBODY = frozenset({Ending.BLOCKED, Ending.REJECTED, Ending.FAILED, Ending.REFUSED})
UNWATCHABLE = frozenset({EXPIRED, NO_EXPIRY})
"""Why a secret that is only watched needs somebody now."""


@dataclass(frozen=True)
class Outcome:
    """What was done to one secret, and how that ended."""

    name: SecretName
    ending: Ending
    reason: str
    message: str
    actions: tuple[Action, ...] = ()
    next_at: datetime | None = None
    """When what waits, an order or a settling, can go on."""
    finding: Finding | None = field(default=None, repr=False, compare=False)
    """What was known of the secret at the end, if it could be looked at."""

    @property
    def without_finding(self) -> Outcome:
        """The outcome alone."""
        # Written out: every secret of every scan has an outcome.
        return Outcome(
            self.name, self.ending, self.reason, self.message, self.actions, self.next_at
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the stable form."""
        return {
            "vault": self.name.vault,
            "secret": self.name.name,
            "actions": [str(action) for action in self.actions],
            "outcome": str(self.ending),
            "reason": self.reason,
            "message": self.message,
        }


class Outcomes(Sequence[Outcome]):
    """Outcomes of many secrets, in the order of their names: most are alike but for the name."""

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        """Start with some."""
        self._names: dict[Outcome, Names] = {}
        """The names of the secrets by their vault and all else."""
        self._count = 0
        for outcome in outcomes:
            self.add(outcome)

    def add(self, outcome: Outcome) -> None:
        """Take one more; what was known of its secret is not kept."""
        vault, name = outcome.name.vault, outcome.name.name
        kind = replace(outcome, name=SecretName(vault, ""), finding=None)
        self._names.setdefault(kind, Names()).append(name)
        self._count += 1

    @property
    def kinds(self) -> Iterator[tuple[Outcome, int]]:
        """Each kind of outcome, with any name, and how many there are."""
        return ((kind, len(names)) for kind, names in self._names.items())

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Outcome]:
        found = [
            (SecretName(kind.name.vault, name), kind)
            for kind, names in self._names.items()
            for name in names
        ]
        found.sort(key=lambda one: one[0].folded)
        return (replace(kind, name=name) for name, kind in found)

    @overload
    def __getitem__(self, number: int) -> Outcome: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Outcome]: ...

    def __getitem__(self, number: int | slice) -> Outcome | Sequence[Outcome]:
        return tuple(self)[number]


@dataclass(frozen=True)
class VaultFailure:
    """A vault that could not be listed."""

    vault: str
    reason: str
    message: str


@dataclass(frozen=True)
class RunReport:
    """One run: every secret's outcome, and an honest count."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    outcomes: Outcomes
    sessions: tuple[Session, ...] = ()
    vault_failures: tuple[VaultFailure, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many secrets ended how, and how many vaults failed."""
        counted = Counter[str]()
        for kind, count in self.outcomes.kinds:
            counted[kind.ending] += count
        return {
            **{str(ending): counted[ending] for ending in Ending if ending not in OF_ORDERS},
            "vaults_failed": self.failed_vaults,
        }

    @property
    def summary(self) -> str:
        """The counts in words, without the noughts."""
        counted = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
        return counted.replace("_", " ") or "no managed secrets found"

    @property
    def failed_vaults(self) -> int:
        """How many vaults could not be listed."""
        return len(self.vault_failures)

    @property
    def has_failures(self) -> bool:
        """Whether anything failed, so that the run fails at its end."""
        return bool(self.failed_vaults or self.counts[Ending.FAILED])

    @property
    def needs_somebody(self) -> bool:
        """Whether anything failed or waits for a person."""
        has_lost_session = any(not session.is_working for session in self.sessions)
        kinds = (kind for kind, _ in self.outcomes.kinds)
        waits = any(k.ending in NEEDS_SOMEBODY or k.reason in UNWATCHABLE for k in kinds)
        return bool(self.failed_vaults or has_lost_session or waits)

    def as_dict(self) -> dict[str, Any]:
        """Give the stable form."""
        return {
            "run_id": self.run_id,
            "started_at": format_instant(self.started_at),
            "finished_at": format_instant(self.finished_at),
            "secrets": [outcome.as_dict() for outcome in self.outcomes],
            "counts": dict(self.counts),
            "vaults_failed": [vars(failure) for failure in self.vault_failures],
        }
