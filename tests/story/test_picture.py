"""How the fleet stands as a run leaves it in the log: what alerts and workbooks look at."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from rotation.adapters.local import LogLines
from rotation.decision import Finding
from rotation.errors import UnavailableError
from rotation.events import Kind
from rotation.fan_out import FanOut
from rotation.fleet import State
from rotation.model import SecretName
from rotation.order import Verb
from rotation.picture import ROWS
from rotation.report import Ending
from sandbox.content import Properties
from sandbox.fault import Answer, Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from sandbox.organization import Policy
from sandbox.ports import MemoryBacklog, MemoryLocks, MemoryRequests
from tests.story.stage import DAY, HOUR, SECRET, STRANGER, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.ports import InProcess

LIMIT = 32_768
"""Characters of a message that Application Insights keeps (Azure Monitor documentation)."""
ALIKE = ("mode", "organization", "owner", "expires_at", "alert")
ALIKE_UNLESS_FAILED = ("state", "next_at", "acts_next")
"""A look only says that it will be tried again: that it has just failed, the run knows."""


@dataclass
class Seen:
    """A picture, put together from its lines."""

    lines: list[Mapping[str, Any]]
    secrets: dict[str, dict[str, Any]] = field(init=False)
    owners: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Put it together."""
        rows = [row for line in self.lines for row in line.get("secrets", ())]
        self.secrets = {row["secret"]: row for row in rows}
        assert len(self.secrets) == len(rows)
        self.owners = {row["owner"]: row for line in self.lines for row in line.get("owners", ())}

    @property
    def end(self) -> Mapping[str, Any]:
        """The line that closes it."""
        return self.lines[-1]


def picture(stage: Stage, process: InProcess | None = None) -> Seen:
    """Run once, and give what it left in the log."""
    process = process or stage.process()
    begun = len(process.journal.lines)
    stage.run_unjudged(process)  # some secrets are dead from the start
    return Seen(process.journal.lines[begun:])


def furnish(stage: Stage) -> None:
    """Place a secret of every state; a second owner has not signed in."""
    world, mine = stage.world, {"pat-owner": OWNER}
    stage.owners.append(STRANGER)
    strict = world.add_organization("strict")
    strict.members |= world.organization(ORGANIZATION).members
    strict.policy = Policy(restrict_creation=True)
    for placement in (
        Placement("fresh", age=DAY),
        Placement("due", age=25 * DAY),
        Placement("dead", age=40 * DAY),
        Placement("refused", organization="strict", age=25 * DAY),
        Placement("near", organization="strict", age=29 * DAY),
        Placement("gone", organization="strict", age=31 * DAY),
        Placement("retiring", age=DAY / 2),
        Placement("blocked", owner=STRANGER, age=DAY, tags={"pat-owner": STRANGER}),
        Placement("faulty", age=DAY, tags={"pat-lifetime-days": "soon"}),
        Placement("watched", mode="watch", age=DAY, tags={"pat-organization": None}),
        Placement("watched-near", mode="watch", age=28 * DAY),
        Placement("disabled", age=40 * DAY),
    ):
        place(world, replace(placement, tags={**mine, **placement.tags}))
    plant(world, Placement("retiring", age=20 * DAY))
    vault = world.vault(VAULT)
    vault.update("disabled", vault.newest("disabled").id, Properties(enabled=False))


@pytest.fixture
def stage() -> Stage:
    """Give a world with one owner, who has signed in."""
    return Stage()


def test_it_says_what_a_look_says_right_after(stage: Stage) -> None:
    """Every managed secret and every owner, as ``status`` shows them."""
    furnish(stage)
    seen = picture(stage)
    status = stage.process().rotator.survey().status()

    outcomes = stage.reports[-1].outcomes
    failed = {outcome.name.name for outcome in outcomes if outcome.ending is Ending.FAILED}
    unseen = {State.DUE} if stage.people.has_sessions else {State.DUE, State.BLOCKED}
    assert {row["state"] for row in status["secrets"]} >= {*State} - unseen
    assert len(seen.secrets) == len(status["secrets"]) == seen.end["count"]
    for row in status["secrets"]:
        told = seen.secrets[row["secret"]]
        alike = ALIKE if row["secret"] in failed else (*ALIKE, *ALIKE_UNLESS_FAILED)
        assert {key: told.get(key) for key in alike} == {key: row[key] for key in alike}
        assert told["vault"] == row["vault"]
        assert row["secret"] not in failed or told["state"] in {"failing", "expired"}
    for row in status["owners"]:
        told = seen.owners[row["owner"]]
        assert told == {
            **{key: value for key, value in row.items() if value is not None},
            "secrets": len(row["secrets"]),
        }


def test_whose_expiry_is_an_alert(stage: Stage) -> None:
    """What is near its expiry and not renewed, and what has expired; nothing that was renewed."""
    furnish(stage)

    seen = picture(stage)

    assert {name: row["alert"] for name, row in seen.secrets.items() if "alert" in row} == {
        "near": "expiring",
        "gone": "expired",
        "watched-near": "expiring",
    }


def test_the_closing_line_comes_last_and_all_lines_belong_together(stage: Stage) -> None:
    """One run, one instant; what is not known is not there."""
    for number in range(2 * ROWS + 1):
        place(stage.world, Placement(f"s-{number:03}", age=25 * DAY if number % 3 else DAY))

    seen = picture(stage)

    assert {(line["fleet"], line["time"]) for line in seen.lines} == {
        (stage.reports[-1].run_id, "2026-11-22T07:07:00Z")
    }
    assert ["count" in line for line in seen.lines] == [False] * (len(seen.lines) - 1) + [True]
    assert seen.end == {
        "fleet": stage.reports[-1].run_id,
        "time": "2026-11-22T07:07:00Z",
        "count": 2 * ROWS + 1,
        "vaults_failed": [],
    }
    assert max(len(line.get("secrets", ())) for line in seen.lines) <= ROWS


def test_an_empty_fleet_is_a_picture_too(stage: Stage) -> None:
    """Otherwise the last secret that was given up would stay in the picture before."""
    seen = picture(stage)

    assert (seen.end["count"], seen.secrets) == (0, {})


def test_a_vault_that_cannot_be_listed_is_said(stage: Stage) -> None:
    """Its secrets are not in the picture, and somebody must know that they are missing."""
    furnish(stage)
    stage.world.faults.add(Fault(unavailable(), "key-vault", "list_secrets", times=None))

    seen = picture(stage)

    assert not seen.secrets
    assert seen.end["vaults_failed"] == [{"vault": VAULT, "reason": "unavailable"}]


def test_a_secret_that_cannot_be_looked_at_keeps_the_date_that_the_list_shows(
    stage: Stage,
) -> None:
    """It is failing, and its expiry is as near as before."""
    place(stage.world, Placement(SECRET, age=29 * DAY))
    broken = Answer(500, "{}")
    stage.world.faults.add(Fault(broken, "azure-devops", times=None))

    row = picture(stage).secrets[SECRET]

    assert (row["state"], row["alert"], row["reason"]) == ("failing", "expiring", "unavailable")
    assert "acts_next" not in row


def test_a_secret_that_is_given_up_during_the_run_is_not_there(stage: Stage) -> None:
    """Between the list and the read somebody deletes it."""
    place(stage.world, Placement(SECRET, age=25 * DAY))

    class Deletes(MemoryLocks):
        def hold(self, name: SecretName) -> Any:  # noqa: ANN401 - as its kind
            stage.world.vault(VAULT).delete(SECRET)
            return super().hold(name)

    seen = picture(stage, stage.process(Deletes()))

    assert (seen.end["count"], seen.secrets) == (0, {})


def test_what_others_see_to_is_due(stage: Stage) -> None:
    """It is queued, or another run holds it: its old token's date counts until it is renewed."""
    place(stage.world, Placement("due", age=29 * DAY))
    place(stage.world, Placement("held", age=29 * DAY))
    place(stage.world, Placement("proof", age=DAY))
    queue, backlog = MemoryRequests(stage.clock), MemoryBacklog(stage.clock)
    locks = MemoryLocks()
    with locks.hold(SecretName(VAULT, "held")):
        held = picture(stage, stage.process(locks)).secrets["held"]
    assert (held["state"], held["alert"], held["reason"]) == ("due", "expiring", "lock-held")

    stage = Stage()
    place(stage.world, Placement("due", age=29 * DAY))
    for name in ("s-1", "s-2", "s-3", "s-4"):
        place(stage.world, Placement(name, age=DAY))
    stage.fan_out = FanOut(queue, backlog, stage.clock)
    states: set[tuple[str, str, str | None]] = set()
    for _ in range(24):
        seen = picture(stage)
        states |= {
            (name, row["state"], row.get("alert"))
            for name, row in seen.secrets.items()
            if row["reason"] == "queued"
        }
        stage.clock.advance(HOUR)

    assert ("due", "due", "expiring") in states
    assert {state for name, state, _ in states if name != "due"} == {"fresh"}


def test_messages_that_nobody_could_handle_are_counted(stage: Stage) -> None:
    """And left out where that is not known: without storage, or when it is away."""
    queue = MemoryRequests(stage.clock)
    assert "poisoned" not in picture(stage).end

    with_queue = stage.process(queue=queue)
    assert picture(stage, with_queue).end["poisoned"] == 0
    queue.poison += ["no order", "no order either"]
    assert picture(stage, with_queue).end["poisoned"] == 2

    class Away(MemoryRequests):
        def poisoned(self) -> int:
            message = "the queue cannot be reached"
            raise UnavailableError(message, service="storage", operation="read")

    assert "poisoned" not in picture(stage, stage.process(queue=Away(stage.clock))).end


def test_the_longest_line_fits_into_a_message(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """However long the names are that the services allow: nothing of it is cut off."""
    owner = f"{'o' * 64}@{'d' * 44}.com"
    long = stage.people.add(owner)
    organization = "g" * 50
    stage.world.add_organization(organization, [long])
    stage.owners.append(owner)
    for number in range(ROWS):
        name = f"{number:0127}"
        tags = {"pat-owner": owner}
        place(
            stage.world,
            Placement(name, organization=organization, owner=owner, age=29 * DAY, tags=tags),
        )
    caplog.set_level("INFO")

    for line in picture(stage).lines:
        LogLines().show(line)

    lines = [record.getMessage() for record in caplog.records if record.name == "rotation.fleet"]
    assert max(map(len, lines)) < LIMIT
    assert [json.loads(line)["fleet"] for line in lines] == [stage.reports[-1].run_id] * len(lines)


def test_a_line_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is no reason to leave a token to die."""
    monkeypatch.setattr("rotation.adapters.local.FLEET.log", _fails)

    LogLines().show({"fleet": "run"})


def _fails(*_: object) -> None:
    raise OSError


def test_a_picture_that_cannot_be_drawn_stops_no_work(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due is renewed, the defect is told, and the picture is never called whole."""
    due = place(stage.world, Placement(SECRET, age=25 * DAY))
    monkeypatch.setattr("rotation.picture.standing", _fails)

    seen = picture(stage)

    assert stage.world.token_in(VAULT, SECRET) not in (due, None)
    assert "count" not in seen.end
    (told,) = [e for e in stage.events if e.event is Kind.ROTATION_FAILED]
    assert "the picture of the fleet is not whole: unexpected OSError" in str(told.message)
    assert stage.events[-1].event is Kind.SCAN_COMPLETED


def test_an_order_leaves_no_picture(stage: Stage) -> None:
    """Only a run has seen the whole fleet."""
    place(stage.world, Placement(SECRET, age=DAY))
    process = stage.process()

    stage.carry_out(stage.order(Verb.ROTATE), process)

    assert not process.journal.lines


def test_what_was_extended_does_not_expire_though_something_failed_after_it(stage: Stage) -> None:
    """The date that the list showed is over; the next run tells the new one."""
    place(stage.world, Placement(SECRET, mode="extend", age=29 * DAY))
    plant(stage.world, Placement(SECRET, age=20 * DAY))
    stage.world.faults.add(Fault(unavailable(), "azure-devops", "revoke_pat", times=None))

    row = picture(stage).secrets[SECRET]

    (outcome,) = stage.reports[-1].outcomes
    assert (outcome.ending, [*map(str, outcome.actions)]) == (Ending.FAILED, ["extend"])
    assert row["state"] == "failing"
    assert "alert" not in row


def test_trouble_is_seen_though_others_settle_it(stage: Stage) -> None:
    """A message on the queue is no success: what failed before has not been renewed since."""
    queue, backlog = MemoryRequests(stage.clock), MemoryBacklog(stage.clock)
    stage.fan_out = FanOut(queue, backlog, stage.clock)
    attempt = {"pat-attempt": "3 2026-11-22T05:00:00Z"}
    place(stage.world, Placement("failing", age=25 * DAY, tags=attempt))
    lost = place(stage.world, Placement("lost", age=DAY, tags=attempt))
    stage.kill(lost)
    foreign = place(stage.world, Placement("foreign", age=DAY))
    stage.world.registry.amend(foreign.authorization_id, display_name="of nobody")

    seen = picture(stage)

    assert {outcome.ending for outcome in stage.reports[-1].outcomes} == {Ending.QUEUED}
    assert {name: row["state"] for name, row in seen.secrets.items()} == {
        "failing": "failing",
        "lost": "failing",
        "foreign": "rejected",
    }


def test_what_is_known_of_a_settled_secret_is_not_kept(stage: Stage) -> None:
    """A run over many due secrets would hold the values of all of them at its end."""
    for number in range(3 * ROWS):
        place(stage.world, Placement(f"s-{number:03}", age=25 * DAY))
    before, found = findings(), 0

    def count(done: int, total: int) -> None:
        nonlocal found
        found = findings() if done == total else 0

    stage.process().rotator.run(count)

    assert found - before <= ROWS


def findings() -> int:
    """Count what this process knows of secrets now."""
    gc.collect()
    return sum(isinstance(thing, Finding) for thing in gc.get_objects())
