"""A stage for whole lives: two vaults, two organizations, two owners, and secrets of every mode.

People may do anything here, between the runs. What they break is no fault of the rotator's, so the
estate keeps an account of it: every method under *Excuses* gives one reason why a promise does not
hold. What the invariants themselves take into account is in ``invariant.is_handed_over`` and
``Invariants.is_claimed``, and that a grace is the shortest that anybody has asked for since. There
are no other excuses.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rotation.report import Ending
from sandbox.error import VaultRefusedError
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.registry import Deed
from tests.story.cause import CAUSES, Case, hindrance
from tests.story.invariant import Wish, mark_of, orders_retirement
from tests.story.stage import DAY, HOUR, Stage

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import timedelta

    from rotation.report import Outcome, RunReport
    from rotation.rotator import Scope
    from sandbox.ports import InProcess
    from sandbox.token import Token
    from sandbox.vault import SecretVersion
    from tests.story.runner import Runner

VAULTS = (VAULT, "kv-deploy")
ORGANIZATIONS = (ORGANIZATION, "fabrikam")
OWNERS = (OWNER, "grace@contoso.example")
PLACEMENTS = {
    f"{placement.vault}/{placement.secret}": replace(
        placement, tags={"pat-owner": placement.owner, **placement.tags}
    )
    for placement in (
        Placement("feed", age=DAY),
        Placement("agents", owner=OWNERS[1], scope="app_token", mode="extend", age=12 * DAY),
        Placement(
            "feed",
            VAULTS[1],
            ORGANIZATIONS[1],
            scope="vso.build vso.code",
            age=18 * DAY,
            tags={"pat-grace-hours": "24"},
        ),
        Placement("portal", VAULTS[1], mode="watch", age=3 * DAY, is_recorded=False),
    )
}
LONGEST_GRACE = 72 * HOUR
"""The longest that people ask for here."""
HEALING_RUNS = 3
"""Plain runs at the end that may still change something; the next changes nothing."""


@dataclass
class Estate(Stage):
    """A stage on which people act, too."""

    away: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Authorization ids of tokens that wait for their owner's return to an organization."""

    def __post_init__(self) -> None:
        """Furnish it."""
        self.owners[:] = OWNERS
        super().__post_init__()
        world = self.world
        world.add_vault(VAULTS[1])
        self.people.add(OWNERS[1])
        world.add_organization(ORGANIZATIONS[1])
        self.people.connect(OWNERS[1])
        for name in ORGANIZATIONS:
            ids = {world.tenant.users[owner].identity_id for owner in OWNERS}
            world.organization(name).members |= ids
        feed = PLACEMENTS[f"{VAULT}/feed"]
        place(world, replace(feed, age=19 * DAY))  # a predecessor in grace
        for placement in PLACEMENTS.values():
            place(world, placement)
        self.resident = self.process()
        """A process that lives on."""

    @property
    def scope(self) -> Scope:
        """Both vaults."""
        return replace(super().scope, vaults=VAULTS)

    # --- Looking -------------------------------------------------------------------------------

    def find(self, name: str) -> SecretVersion | None:
        """Give the newest version of a secret, managed or not; None if it is deleted."""
        vault, _, secret = name.partition("/")
        with suppress(VaultRefusedError):
            return self.world.vault(vault).newest(secret)
        return None

    def token_in(self, name: str) -> Token | None:
        """Give the token whose value the newest version of a secret holds."""
        secret = self.find(name)
        return self.world.registry.find(secret.value) if secret else None

    def marked(self, name: str) -> list[Token]:
        """Give the living tokens that bear a secret's mark."""
        return [token for token in self.world.living_tokens() if mark_of(token) == name]

    def shown(self, name: str) -> Hashable:
        """Give all of one secret that a run could have changed."""
        vault, _, secret = name.partition("/")
        versions = self.world.vault(vault).versions(secret) if self.find(name) else ()
        said = [
            (version.id, version.enabled, version.expires_at, tuple(sorted(version.tags.items())))
            for version in versions
        ]
        return tuple(said), tuple(self.invariants.bound(name))

    # --- Excuses -------------------------------------------------------------------------------

    def doom(self, token: Token) -> None:
        """Excuse a token that a person revoked, put to sleep, or pasted when it was dead."""
        self.killed.add(token.authorization_id)
        for waiting in self.away.values():
            waiting.discard(token.authorization_id)

    def is_awaited(self, token: Token) -> bool:
        """Tell whether a token will work again when its owner returns."""
        return any(token.authorization_id in waiting for waiting in self.away.values())

    def leave(self, owner: str, organization: str) -> None:
        """Let an owner leave an organization: their tokens do not work there until they return."""
        found, user = self.world.organization(organization), self.world.tenant.users[owner]
        if user.identity_id not in found.members:
            return
        found.members.discard(user.identity_id)
        lost = {
            token.authorization_id
            for token in self.world.living_tokens()
            if token.owner == user.identity_id and found.account_id in (token.accounts or ())
        }
        self.away[owner, organization] = lost - self.killed
        self.killed |= lost

    def rejoin(self, owner: str, organization: str) -> None:
        """Let them return: nothing excuses these tokens any more."""
        found, user = self.world.organization(organization), self.world.tenant.users[owner]
        found.members.add(user.identity_id)
        self.killed -= self.away.pop((owner, organization), set())

    def bury(self) -> None:
        """Excuse a stored token that has come to its end.

        No run has called its secret settled since it was due (``check`` looks at that): so nobody
        ran, or something stood in the way, and the run said what.
        """
        for name in PLACEMENTS:
            token = self.token_in(name)
            if token and token.valid_to <= self.clock():
                self.doom(token)

    def deliver(self, sleeper: Runner, *, is_disturbed: bool) -> None:
        """Let the call arrive that a process was about to make when it fell asleep.

        It was decided before all that has happened since, and nothing can take it back. If people
        did something meanwhile, what it does to a token is not judged; and a token that it stores
        is excused if others have retired it, as they should, at the end of its whole grace. No call
        after that one is excused.
        """
        stop, since = sleeper.stop, self.invariants.audited
        if stop is None or stop.is_after:
            return
        name = stop.call.target
        before = self.find(name) if stop.call.operation == "set_secret" else None
        sleeper.go()
        if is_disturbed:
            done = self.world.registry.audit[since:]
            self.killed |= {e.after.authorization_id for e in done if e.deed is Deed.REVOKE}
            self.invariants.overlook()
        if before is None:
            return
        is_short = is_disturbed or orders_retirement(before)
        grace = HOUR if is_short else Wish(before.tags).grace
        stored = self.token_in(name)
        if stored and stored.revoked and self._lived(stored) >= grace:
            self.doom(stored)

    def _lived(self, token: Token) -> timedelta:
        """Tell how long a token lived until the rotator revoked it."""
        mine = (
            e.at
            for e in self.world.registry.audit
            if e.deed is Deed.REVOKE and e.after.authorization_id == token.authorization_id
        )
        return min(mine, default=token.valid_from) - token.valid_from

    # --- What must always hold -----------------------------------------------------------------

    def check_at_any_moment(self) -> None:
        """See ``Stage``."""
        self.bury()
        super().check_at_any_moment()

    def use(self) -> None:
        """See ``Stage``."""
        self.bury()
        super().use()

    def run(self, process: InProcess | None = None) -> RunReport:
        """See ``Stage``; what is said of it is judged by ``check``, if the run was undisturbed."""
        report = self.run_unjudged(process)
        self.check_at_any_moment()
        return report

    def check(self) -> None:
        """Look at what the last run, an undisturbed one, has left, and at what it said of it."""
        self.bury()
        report = self.reports[-1]
        faults = self.invariants.broken(self.settled(), report.started_at)
        for outcome in report.outcomes:
            case = self.case(outcome)
            if not CAUSES.get((outcome.ending, outcome.reason), _never)(case):
                faults.append(f"I8: {outcome.name} is {outcome.ending} without a cause: {outcome}")
        for failure in report.vault_failures:
            if "list" in self.world.vault(failure.vault).permissions:
                faults.append(f"I8: {failure.vault} failed without a cause: {failure}")
        self._judge(faults)

    def case(self, outcome: Outcome) -> Case:
        """Give what there is to know of a secret, for whoever judges what was said of it."""
        name = str(outcome.name)
        secret = self.find(name)
        assert secret, f"{name} is deleted, and was looked at"
        return Case(self.world, self.invariants, name, secret, self.reports[-1])

    def conclude(self) -> None:
        """Judge the end: the weather is fine, people rest, and what they have broken stays so."""
        self.world.faults.clear()
        self.check_at_any_moment()
        self._rest()
        for _ in range((LONGEST_GRACE + DAY) // (8 * HOUR)):
            self.clock.advance(8 * HOUR)
            self.use()
            self.run(self.resident)
            self.check()
            self.use()
        self._rest()
        for outcome in self.reports[-1].outcomes:
            case = self.case(outcome)
            # A value that may not be read, or whose failure may not be written down, fails at its
            # hour of proof, and looks well at all others.
            is_open = {"get", "update"} <= set(case.permissions)
            if outcome.ending is Ending.SETTLED and is_open:
                assert case.is_value_good, f"{outcome.name} is dead, and nobody has noticed"
            if outcome.reason == "backing-off":
                assert hindrance(case), f"{outcome.name} fails, and nothing stands in its way"

    def _rest(self) -> None:
        """Run until nothing changes, except where each run tries and fails (I7)."""
        for _ in range(HEALING_RUNS):
            self.run()
            self.check()
        before = {name: self.shown(name) for name in PLACEMENTS}
        report = self.run()
        self.check()
        failed = {str(o.name) for o in report.outcomes if o.ending is Ending.FAILED}
        for name in PLACEMENTS.keys() - failed:
            assert self.shown(name) == before[name], f"I7: {name} is still changing"


def _never(_case: Case) -> bool:
    return False
