"""What is promised of sessions, judged by the world itself: hour by hour, run by run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rotation.events import Kind
from rotation.session import SIGN_IN_PERIOD
from sandbox.world import session_name
from tests.story.invariant import Invariants, Wish, mark_of
from tests.year.standing import PERMITTED
from tests.year.townsfolk import DAY, HOUR, REMINDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.events import Event
    from sandbox.token import Token
    from sandbox.vault import SecretVersion
    from sandbox.world import World
    from tests.year.gusts import Gusts
    from tests.year.standing import Loss, Standing

LONGEST_ACCESS = timedelta(minutes=90)
"""So long an access token may hide that its session is lost."""
A_DAY = DAY + HOUR
"""Runs come hourly."""
LAST_HOURS = 3 * HOUR
"""A session that comes back so late may come too late for a token."""
ALARMS = {Kind.SESSION_SIGN_IN_NEEDED, Kind.ROTATION_BLOCKED, Kind.ROTATION_REJECTED}


@dataclass(frozen=True)
class Run:
    """A run that came to its end."""

    started_at: datetime
    redeemed: frozenset[str]
    """Whose session was truly asked for."""
    disturbed: frozenset[str]
    """About whose session something went wrong."""


@dataclass
class Judge:
    """Follows a year."""

    world: World
    gusts: Gusts
    standing: Standing
    owners: list[str]
    """Those in the settings."""
    vault: str
    faults: list[str] = field(default_factory=list)
    reminders: int = 0
    expired: set[str] = field(default_factory=set)
    """The tokens that expired since nobody could renew them: their ids."""
    removed_at: dict[str, datetime] = field(default_factory=dict)
    """When an owner was taken out of the settings."""

    def __post_init__(self) -> None:
        """Begin to look."""
        self.begun_at = self.world.clock()
        self.invariants = Invariants(self.world, lambda: [self.vault])
        self.invariants.is_excused = self._is_excused
        self._alarms: dict[str, list[datetime]] = {}
        """When an alarm was raised, by owner and by secret."""
        self._reminded_at: dict[str, datetime] = {}
        self._audited = 0
        self._called = 0

    # --- At any time ---------------------------------------------------------------------------

    def hear(self, events: Sequence[Event], since: datetime) -> None:
        """Take in all that is said by a run, whatever becomes of it, that began at an instant."""
        for event in events:
            if event.event in ALARMS and event.reason not in REMINDERS:
                for whom in filter(None, (event.owner, event.secret)):
                    self._alarms.setdefault(whom, []).append(event.time)
            if event.event is not Kind.SESSION_SIGN_IN_NEEDED or not event.owner:
                continue
            if event.reason in REMINDERS:
                self._judge_reminder(event.owner, event)
            else:
                self._judge_alarm(event.owner, event, since)

    def look(self) -> None:
        """See what holds at every moment."""
        self.standing.look()
        for loss in self.standing.open.values():
            if loss.cause not in PERMITTED and loss.owner in self.owners:
                self._blame("a", f"the session of {loss.owner} is lost: {loss.cause}")
        self.faults += self.invariants.broken()
        self._look_at_deeds()
        for call in self.world.calls[self._called :]:
            if self.gusts.owner_of(call) in self.removed_at:
                self._blame("f", f"{call.operation} for an owner who was removed")
        self._called = len(self.world.calls)

    def overlook(self) -> None:
        """Pass over the calls since the last look."""
        self._called = len(self.world.calls)

    def _look_at_deeds(self) -> None:
        """(h) Whoever acts on a token is known by the access token that was shown."""
        for entry in self.world.registry.audit[self._audited :]:
            secret = self.world.vault(self.vault).newest(mark_of(entry.after).partition("/")[2])
            owner = self.world.tenant.users[Wish(secret.tags).owner].identity_id
            if entry.after.owner != owner:
                self._blame("h", f"{entry.deed} of a token of {secret.name} as somebody else")
        self._audited = len(self.world.registry.audit)

    def _is_excused(self, name: str, secret: SecretVersion, token: Token) -> bool:
        """(c) Tell whether nobody could renew a token, and that was said in time."""
        if token.authorization_id in self.expired:
            return True
        owner = Wish(secret.tags).owner
        window = min(token.valid_to - token.valid_from, Wish(secret.tags).lifetime) / 3
        since, seen_at = self._out_of_reach(owner, token.valid_to)
        if since is None:
            return False
        said = self._alarms.get(owner, []) + self._alarms.get(secret.name, [])
        limit = max(token.valid_to - window, seen_at or token.valid_to) + HOUR
        if not any(since <= at <= limit and at < token.valid_to for at in said):
            self._blame("c", f"{name} expired, and nothing was said of it")
        self.expired.add(token.authorization_id)
        return True

    def _out_of_reach(self, owner: str, end: datetime) -> tuple[datetime | None, datetime | None]:
        """Tell since when an owner's tokens could not be renewed, and when a run could see it."""
        if removed_at := self.removed_at.get(owner):
            return removed_at, removed_at
        chain: Loss | None = None
        for loss in reversed(self.standing.losses):
            if loss.owner != owner or loss.at > end:
                continue
            is_last = not chain and (loss.ended_at is None or loss.ended_at >= end - LAST_HOURS)
            if is_last or (chain and loss.ended_at == chain.at):
                chain = loss
        return (chain.at, chain.visible_at) if chain else (None, None)

    # --- After each run that came to its end ---------------------------------------------------

    def judge(self, run: Run) -> None:
        """See what holds after a run."""
        self._judge_losses(run)
        for owner in self.owners:
            if self._is_quiet(owner, self.gusts.redeemed_at.get(owner)):
                self._blame("e", f"the session of {owner} was not redeemed for a day")
            if self.standing.is_person(owner):
                self._judge_versions(owner)
                self._judge_silence(owner)

    def _judge_alarm(self, owner: str, event: Event, since: datetime) -> None:
        """(b) No false alarm."""
        if not self.standing.was_lost(owner, since, event.reason):
            self._blame("b", f"{event.reason} was said of {owner}, whose session works")
        loss = self.standing.open.get(owner)
        if loss and loss.reason == event.reason and loss.said_at is None:
            loss.said_at = event.time

    def _judge_reminder(self, owner: str, event: Event) -> None:
        """(d) The right word, at the right time, and not after a sign-in."""
        self.reminders += 1
        self._reminded_at[owner] = event.time
        due = self._word(owner, event.time)
        if event.reason != due:
            self._blame("d", f"{event.reason} instead of {due or 'nothing'} to {owner}")

    def _judge_losses(self, run: Run) -> None:
        """(b) The first run that can see a loss says so; no longer than an access token lives."""
        for owner, loss in self.standing.open.items():
            if owner not in self.owners or loss.at > run.started_at or owner in run.disturbed:
                continue
            is_hidden = run.started_at - loss.at <= LONGEST_ACCESS
            if owner not in run.redeemed and is_hidden:
                continue
            loss.visible_at = loss.visible_at or run.started_at
            if loss.said_at is None:
                self._blame("b", f"the session of {owner} is lost ({loss.cause}): nobody says so")

    def _judge_silence(self, owner: str) -> None:
        """(d) A reminder each day."""
        now = self.world.clock()
        begins_at = self._signed_in_at(owner) + SIGN_IN_PERIOD - 14 * DAY
        said_at = max(begins_at, self._reminded_at.get(owner, begins_at))
        if self._word(owner, now) and self._is_quiet(owner, said_at):
            self._blame("d", f"{owner} was not reminded for a day")

    def _judge_versions(self, owner: str) -> None:
        """(e) One version is enabled, of the latest sign-in, and saved for the last time today."""
        if not self._is_quiet(owner, None):
            return
        enabled = self.standing.enabled(owner)
        latest = self.standing.signed_in_at(owner)
        if [version.tags["session-signed-in"] for version in enabled] != [latest]:
            self._blame("e", f"{len(enabled)} versions of {owner} are enabled")
        elif self.world.clock() - enabled[0].created_at > A_DAY:
            self._blame("e", f"the session of {owner} was not saved for a day")

    # --- By the way ----------------------------------------------------------------------------

    def _is_quiet(self, owner: str, since: datetime | None) -> bool:
        """Tell whether nothing has disturbed a session for a day, and longer than since then."""
        if owner in self.standing.open:
            return False
        instants = (
            self.begun_at,
            since or self.begun_at,
            self.gusts.disturbed_at.get(owner, self.begun_at),
            self.standing.restored_at.get(owner, self.begun_at),
            self._signed_in_at(owner) if self.standing.is_person(owner) else self.begun_at,
        )
        return self.world.clock() - max(instants) > A_DAY

    def _signed_in_at(self, owner: str) -> datetime:
        return datetime.fromisoformat(self.standing.signed_in_at(owner))

    def _word(self, owner: str, now: datetime) -> str:
        """Give the word of the reminder that is due: empty if none is."""
        left = self._signed_in_at(owner) + SIGN_IN_PERIOD - now
        words = ((timedelta(0), "sign-in-overdue"), (3 * DAY, "sign-in-urgent"))
        found = [word for limit, word in (*words, (14 * DAY, "sign-in-soon")) if left <= limit]
        return found[0] if found else ""

    def _blame(self, promise: str, what: str) -> None:
        fault = f"({promise}) {self.world.clock():%Y-%m-%d %H:%M} {what}"
        self.faults.append(fault)


def session_of(world: World, owner: str) -> list[tuple[str, bool]]:
    """Give what can be seen to change in the vault about a session."""
    return [(v.id, v.enabled) for v in world.session_vault.versions(session_name(owner))]
