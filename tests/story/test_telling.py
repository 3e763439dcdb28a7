"""What a run tells and remembers: each secret's own outcome, in order, and no failure unsaid."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from traceback import walk_tb

import pytest

from rotation.decision import Action
from rotation.errors import UnavailableError
from rotation.events import Kind
from rotation.intake import TURN
from rotation.model import SecretName
from rotation.observer import Observer
from rotation.report import Ending
from rotation.scan import SUPERSEDED_LIMIT
from rotation.settling import ACTIONS_LIMIT
from rotation.steps import STEPS
from sandbox.fault import Answer, Delay, Fault, unavailable
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place, plant
from sandbox.ports import MemoryLocks
from tests.story.plot import DUE, PLOTS, Plot, loss, old_session, renewal
from tests.story.stage import DAY, GRACE, HOUR, SECRET, Stage

MINUTE = timedelta(minutes=1)


def told(stage: Stage, kind: Kind) -> list[tuple[str | None, str | None, str | None]]:
    """Give of each event of a kind the secret, the token and the reason."""
    return [
        (event.secret, event.authorization_id, event.reason)
        for event in stage.events
        if event.event is kind
    ]


# --- Outcomes --------------------------------------------------------------------------------


def test_each_outcome_is_its_own_secrets() -> None:
    """However many turns a list takes: in order, and only what is due is touched."""
    stage = Stage()
    names = [f"s-{number:03}" for number in range(2 * TURN + 1)]
    due = {names[TURN], names[-1]}
    for name in names:
        place(stage.world, Placement(name, age=DUE if name in due else DAY))
    refused = Fault(Answer(500, "{}"), "key-vault", "get_secret", f"{VAULT}/{names[-1]}")
    stage.world.faults.add(refused)

    outcomes = stage.run().outcomes

    assert [outcome.name.name for outcome in outcomes] == names
    assert [o.name.name for o in outcomes if Action.RENEW in o.actions] == [names[TURN]]
    assert [o.name.name for o in outcomes if o.ending is Ending.FAILED] == [names[-1]]


def test_a_failure_that_many_secrets_hear_of_keeps_nothing_of_them() -> None:
    """Its traceback leads from the last of them to where it began: a run may have thousands."""
    stage, ways = Stage(), []
    for number in range(3):
        place(stage.world, Placement(f"s-{number}", age=DAY))
    stage.world.faults.add(Fault(unavailable(), operation="list_pats", times=None))
    process = stage.process(MemoryLocks())
    observer = Observer(process.ports, process.sessions, process.scope.defaults)

    for secret in process.store.list_managed(VAULT):
        with pytest.raises(UnavailableError) as caught:
            observer.glance(secret)
        frames = [frame for frame, _ in walk_tb(caught.value.__traceback__)]
        ways.append((len(frames), frames[-1].f_code.co_name))

    assert ways == [ways[0]] * 3
    assert ways[0][1] == "asking"


def test_a_secret_that_another_run_holds_is_no_failure() -> None:
    """The other run sees to it."""
    stage = Stage()
    token = renewal(stage)
    locks = MemoryLocks()

    with locks.hold(SecretName(VAULT, SECRET)):
        report = stage.process(locks).rotator.run()

    assert [outcome.ending for outcome in report.outcomes] == [Ending.LOCKED]
    assert not report.has_failures
    assert stage.all_bound(SECRET) == [token]


def test_a_refused_read_is_a_failure() -> None:
    """Whatever a vault refuses: only a secret that is gone has been deleted."""
    stage = Stage()
    renewal(stage)
    conflict = Answer(409, '{"error": {"code": "Conflict", "message": "busy"}}')
    stage.world.faults.add(Fault(conflict, "key-vault", "get_secret", f"{VAULT}/{SECRET}"))

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "conflict")
    assert told(stage, Kind.ROTATION_FAILED) == [(SECRET, None, "conflict")]


def test_what_was_done_before_a_failure_is_told() -> None:
    """The second of two predecessors is not revoked: the first was retired all the same."""
    stage = Stage()
    stray = plant(stage.world, Placement(SECRET, age=4 * DAY))
    other = plant(stage.world, Placement(SECRET, age=3 * DAY))
    place(stage.world, Placement(SECRET, age=2 * DAY + HOUR))
    target = f"contoso/{other.authorization_id}"
    stage.world.faults.add(Fault(Answer(403, "{}"), "azure-devops", "revoke_pat", target))

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.actions) == (Ending.FAILED, (Action.RETIRE,))
    assert told(stage, Kind.TOKEN_RETIRED) == [(SECRET, stray.authorization_id, None)]


def test_ten_minutes_are_for_all_of_a_settling() -> None:
    """Two revocations take six minutes each: there is no third."""
    stage = Stage()
    for days in (5, 4, 3):
        plant(stage.world, Placement(SECRET, age=days * DAY))
    place(stage.world, Placement(SECRET, age=3 * DAY))
    slow = Fault(Delay(6 * MINUTE), "azure-devops", "revoke_pat", times=None)
    stage.world.faults.add(slow)

    (outcome,) = stage.run().outcomes

    assert (outcome.reason, outcome.actions) == ("too-slow", (Action.RETIRE,) * 2)


def test_a_rule_that_matches_for_ever_fails_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that changes nothing is a defect: it is not called settled."""
    monkeypatch.setitem(STEPS, Action.REFRESH, lambda _x, s, _token: s)
    stage = PLOTS["the vault shows another expiry"].stage()

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.actions) == (Ending.FAILED, (Action.REFRESH,) * ACTIONS_LIMIT)


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())
def test_a_look_at_the_fleet_changes_nothing(plot: Plot) -> None:
    """Whatever a run would do about it, not even a session is saved."""
    stage = plot.stage()
    before = stage.fingerprint()

    stage.process().rotator.survey()

    assert stage.fingerprint() == before


# --- Events ----------------------------------------------------------------------------------


RENEWED = [Kind.TOKEN_CREATED, Kind.TOKEN_STORED]
DIED = [Kind.PROOF_FAILED, Kind.TOKEN_LOST, *RENEWED]
TOLD = {
    "a token is due": RENEWED,
    "a token in mode extend is due": [Kind.TOKEN_EXTENDED],
    "an extension meets a wall": RENEWED,
    "an extension is refused": [Kind.ROTATION_FAILED, *RENEWED],
    "a predecessor outlived its grace": [Kind.TOKEN_RETIRED],
    "several tokens outlived their grace": [Kind.TOKEN_RETIRED, Kind.TOKEN_RETIRED],
    "an older value was restored": [Kind.TOKEN_ADOPTED],
    "a value was pasted with copied tags": RENEWED,
    "a value was put under management": RENEWED,
    "the vault shows another expiry": [Kind.METADATA_REFRESHED],
    "a token was revoked by somebody else": DIED,
    "a token expired unnoticed": RENEWED,
    "a token died silently": DIED,
    "a leaked token is to be retired now": [Kind.TOKEN_RETIRED],
    "the owner was changed": [Kind.ROTATION_REJECTED],
    "the organization was changed": [Kind.ROTATION_REJECTED],
    "a session was not saved for a day": [Kind.SESSION_REFRESHED],
}


SAVES = {Kind.SESSION_REFRESHED}


@pytest.mark.parametrize("story", PLOTS)
def test_each_story_is_told(story: str) -> None:
    """Nothing happens in silence, and nothing is told twice; where nothing happened, nothing is."""
    stage = PLOTS[story].stage()

    stage.run()

    kinds = [event.event for event in stage.events]
    expected = [
        kind for kind in TOLD.get(story, []) if stage.people.has_sessions or kind not in SAVES
    ]
    assert kinds == [Kind.SCAN_STARTED, *expected, Kind.SCAN_COMPLETED]


def test_a_blocked_secret_is_told() -> None:
    """The owner must sign in again: for the owner, and for whoever reads the secret."""
    stage = Stage()
    renewal(stage)
    refused = Answer(400, '{"error": "invalid_grant"}')
    stage.world.faults.add(Fault(refused, "entra", stage.people.redemption, times=None))

    stage.run()

    reason = stage.people.reason("sign-in-needed")
    assert told(stage, Kind.SESSION_SIGN_IN_NEEDED) == [(None, None, reason)]
    assert told(stage, Kind.ROTATION_BLOCKED) == [(SECRET, None, reason)]


def test_a_vault_that_is_away_is_told() -> None:
    """Nobody knows what is in it: that is a failure of the run."""
    stage = Stage()
    stage.world.faults.add(Fault(Answer(403, "{}"), "key-vault", "list_secrets", VAULT))

    report = stage.run()

    (failed,) = (event for event in stage.events if event.event is Kind.ROTATION_FAILED)
    assert (failed.vault, failed.secret, failed.reason) == (VAULT, None, "access-denied")
    assert report.has_failures


def test_a_useless_token_that_lives_on_is_told() -> None:
    """It does not work, and cannot be revoked: the next runs see to it, and somebody is told."""
    stage = Stage()
    renewal(stage)
    stage.refuse("revoke_pat", "accessDenied")
    unproven = Fault(Answer(503, "{}"), "azure-devops", "connection_data", after=1, times=None)
    stage.world.faults.add(unproven)

    stage.run()

    *_, useless = stage.all_bound(SECRET)
    assert (SECRET, useless.authorization_id, "not-revoked") in told(stage, Kind.ROTATION_FAILED)


def test_a_rotation_is_told_with_the_tokens_and_versions_that_it_was_about() -> None:
    """Whoever looks for a token that is gone finds which one took its place, and where."""
    stage = Stage()
    old = renewal(stage)

    stage.live(GRACE + HOUR)

    (secret,) = stage.managed()
    (new,) = stage.bound(SECRET)
    about = {
        event.event: (event.authorization_id, event.previous_authorization_id, event.secret_version)
        for event in stage.events
        if event.secret == SECRET
    }
    assert about == {
        Kind.TOKEN_CREATED: (new.authorization_id, None, None),
        Kind.TOKEN_STORED: (new.authorization_id, old.authorization_id, secret.id),
        Kind.TOKEN_RETIRED: (old.authorization_id, None, secret.id),
    }


@pytest.mark.parametrize("mode", ["regenerate", "extend"])
def test_a_life_that_was_cut_short_is_told(mode: str) -> None:
    """A policy grants less than was asked for, and says nothing of it."""
    stage = Stage()
    place(stage.world, Placement(SECRET, mode=mode, age=DUE))
    organization = stage.world.organization(ORGANIZATION)
    counted_from_its_creation = DUE if mode == "extend" else 0 * DAY
    limit = counted_from_its_creation + 20 * DAY
    organization.policy = replace(organization.policy, max_lifespan=limit)

    (outcome,) = stage.run().outcomes

    assert len(outcome.actions) == 1
    (secret,) = stage.managed()
    clamped = [event for event in stage.events if event.event is Kind.LIFETIME_CLAMPED]
    assert [event.expires_at for event in clamped] == [secret.expires_at]
    assert secret.expires_at == stage.clock() + 20 * DAY


@pytest.mark.parametrize(("refused", "reason"), [("create_pat", "failed"), (None, "completed")])
def test_the_end_of_a_run_says_how_it_went(refused: str | None, reason: str) -> None:
    """The last event is what a dashboard counts."""
    stage = Stage()
    renewal(stage)
    if refused:
        stage.refuse(refused, "accessDenied")

    stage.run()

    assert (stage.events[-1].event, stage.events[-1].reason) == (Kind.SCAN_COMPLETED, reason)


def test_a_token_that_died_early_is_told() -> None:
    """An administrator revoked it: whoever did not is to know."""
    stage = Stage()
    loss(stage)
    (lost,) = stage.all_bound(SECRET)

    stage.run()

    assert told(stage, Kind.TOKEN_LOST) == [(SECRET, lost.authorization_id, None)]


@pytest.mark.parametrize("more", [0, 1])
def test_too_many_superseded_tokens_are_reported(more: int) -> None:
    """Three may be in grace at once; a fourth means that something renews it too often."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=DAY))
    for _ in range(SUPERSEDED_LIMIT + more):
        plant(stage.world, Placement(SECRET, age=DAY))

    stage.run()

    found = told(stage, Kind.UNCLAIMED_TOKEN_FOUND)
    assert found == [(SECRET, None, "too-many-superseded")] * more


@pytest.mark.people
def test_a_session_is_saved_once_a_day() -> None:
    """Unsaved it would die with its first refresh token, 90 days after the sign-in."""
    stage = Stage()
    old_session(stage)
    (before,) = stage.world.session_vault.list_secrets()

    stage.run()
    stage.run()

    (session,) = stage.world.session_vault.list_secrets()
    _, newest = stage.world.session_vault.versions(session.name)
    assert newest.id != before.id
    assert len(told(stage, Kind.SESSION_REFRESHED)) == 1


# --- The hour of proof -----------------------------------------------------------------------


def before_the_hour(stage: Stage, secret: str, span: timedelta) -> None:
    """Let time pass until so long before a secret's hour of proof."""
    hour = int(SecretName(VAULT, secret).fraction("proof") * 24)
    at = stage.clock().replace(hour=hour, minute=0) - span
    stage.clock.advance(at - stage.clock() if at > stage.clock() else at + DAY - stage.clock())


def test_a_run_remembers_the_one_before() -> None:
    """Runs that come every three hours prove a value once a day all the same."""
    stage = Stage()
    place(stage.world, Placement(SECRET))
    before_the_hour(stage, SECRET, 2 * HOUR)
    rotator = stage.process().rotator
    rotator.run()
    actions: list[Action] = []

    for _ in range(8):
        stage.clock.advance(3 * HOUR)
        actions += rotator.run().outcomes[0].actions

    assert actions == [Action.PROVE]


def test_a_new_process_is_told_of_the_run_before() -> None:
    """The platform remembers when the timer last went off."""
    stage = Stage()
    place(stage.world, Placement(SECRET))
    before_the_hour(stage, SECRET, 2 * HOUR)
    scanned_at = stage.clock()
    stage.clock.advance(4 * HOUR)

    (outcome,) = stage.process().rotator.run(scanned_at=scanned_at).outcomes

    assert outcome.actions == (Action.PROVE,)


def test_an_hour_that_comes_during_a_run_is_the_next_ones() -> None:
    """A secret was looked at just before its hour, and the run took its time with another."""
    stage = Stage()
    place(stage.world, Placement(SECRET))
    before_the_hour(stage, SECRET, MINUTE)
    place(stage.world, Placement("another", age=DUE))
    stage.world.faults.add(Fault(Delay(5 * MINUTE), "azure-devops", "create_pat"))
    rotator = stage.process().rotator
    first = {str(outcome.name.name): outcome.actions for outcome in rotator.run().outcomes}
    stage.clock.advance(HOUR)

    second = {str(outcome.name.name): outcome.actions for outcome in rotator.run().outcomes}

    assert first == {"another": (Action.RENEW,), SECRET: ()}
    assert second[SECRET] == (Action.PROVE,)
