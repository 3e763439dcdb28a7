"""What a run or a look at the fleet found, as the commands show it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotation.decision import Action, Decision, Finding
from rotation.errors import AccessDeniedError, RotationError, UnavailableError
from rotation.fleet import (
    Alert,
    Fleet,
    State,
    acts_next,
    alert,
    expires_at,
    next_at,
    retry_at,
    state,
)
from rotation.model import Mode
from rotation.report import ENDINGS, OF_ORDERS, Ending, Outcome, Outcomes, RunReport, VaultFailure
from rotation.session import Session
from tests.unit.given import (
    DAY,
    HOUR,
    MINUTE,
    NAME,
    NOW,
    OWNER,
    PREDECESSOR,
    PROOF,
    RENEWAL,
    SECOND,
    SETTLED,
    TOKEN,
    Given,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OUTAGE = UnavailableError("no answer from kv-build", service="key-vault", operation="read")
DENIED = AccessDeniedError("refused by kv-build", service="key-vault", operation="read")
LOST = VaultFailure("kv-gone", "unavailable", "no answer from kv-gone")
CONNECTED = Session(OWNER, is_working=True, signed_in_at=NOW - DAY, redeemed_at=NOW)
SIGNED_OUT = Session("bob@example.com", is_working=False, reason="sign-in-needed")

DUE = SETTLED.at(RENEWAL)
AT_PROOF = SETTLED.at(PROOF).but(scanned_at=PROOF - SECOND)
REVOKED = SETTLED.unlisted().got(TOKEN).proven(works=False)

STATES: dict[str, tuple[Given, State]] = {
    "a fresh token": (SETTLED, State.FRESH),
    "a token that is due": (DUE, State.DUE),
    "a token that is due to be extended": (DUE.extended().got(TOKEN).proven(), State.DUE),
    "a value that nobody knows": (SETTLED.pasted().proven().never_seen(), State.DUE),
    "a value that was restored": (
        SETTLED.pasted().proven().restored(PREDECESSOR),
        State.DUE,
    ),
    "a predecessor in grace": (SETTLED.superseded().stored(HOUR), State.RETIRING),
    "a predecessor to be retired": (SETTLED.superseded().proven(), State.RETIRING),
    "a value to be proven": (AT_PROOF, State.FRESH),
    "a vault that shows another expiry": (
        SETTLED.kept(expires_at=None).got(TOKEN).proven(),
        State.DUE,
    ),
    "a renewal that failed and rests": (DUE.failed(ago=MINUTE).proven(), State.FAILING),
    "a renewal that failed, while its value is proven": (DUE.failed(ago=MINUTE), State.FAILING),
    "a renewal that failed and is tried again": (DUE.failed(ago=HOUR), State.DUE),
    "a fresh token, with a failure that was never cleared away": (
        SETTLED.failed(3, ago=MINUTE).proven(),
        State.FRESH,
    ),
    "the same, while its value is proven": (SETTLED.failed(3, ago=MINUTE), State.FRESH),
    "the same, with a predecessor in grace": (
        SETTLED.failed(3, ago=MINUTE).superseded().stored(HOUR).proven(),
        State.RETIRING,
    ),
    "a token that died early": (REVOKED, State.FAILING),
    "the same, while its renewal rests": (REVOKED.failed(ago=MINUTE), State.FAILING),
    "a token that has expired": (SETTLED.at(TOKEN.valid_to).got(TOKEN), State.EXPIRED),
    "faulty tags": (SETTLED.mis_tagged(), State.REJECTED),
    "faulty tags, and an expired secret": (
        SETTLED.at(TOKEN.valid_to).mis_tagged(),
        State.EXPIRED,
    ),
    "a value that is refused": (SETTLED.pasted().proven(works=False), State.REJECTED),
    "a value that is refused, with the tags of a token that has expired": (
        SETTLED.current(valid_to=NOW).pasted().proven(works=False).kept(expires_at=NOW + DAY),
        State.REJECTED,
    ),
    "a value that is refused, and has expired as far as the vault knows": (
        SETTLED.pasted().proven(works=False).kept(expires_at=NOW),
        State.EXPIRED,
    ),
    "an owner without session": (SETTLED.signed_out(), State.BLOCKED),
    "a disabled version": (SETTLED.disabled(), State.SKIPPED),
    "a disabled version, long expired": (
        SETTLED.at(TOKEN.valid_to + DAY).disabled(),
        State.SKIPPED,
    ),
    "a watched secret": (SETTLED.watched(), State.WATCHED),
    "a watched secret without expiry": (SETTLED.watched().kept(expires_at=None), State.WATCHED),
    "a watched secret that has expired": (
        SETTLED.unlisted().watched().kept(expires_at=NOW),
        State.EXPIRED,
    ),
}


def finding(given: Given) -> Finding:
    """Decide, as a look at the fleet does."""
    decision = given.decide()
    assert isinstance(decision, Decision)
    return Finding(given.snapshot, decision)


FAILED = Finding(SETTLED.snapshot, None, OUTAGE)


@pytest.mark.parametrize(("given", "expected"), STATES.values(), ids=STATES)
def test_the_state(given: Given, expected: State) -> None:
    """One word for each secret; what has expired is said before anything else."""
    assert state(finding(given), given.now) is expected


@pytest.mark.parametrize(("given", "expected"), STATES.values(), ids=STATES)
def test_what_needs_somebody(given: Given, expected: State) -> None:
    """Status ends with 1 if anything is expired, failing, rejected, blocked, or has no date."""
    fleet = Fleet(given.now, (finding(SETTLED.disabled()), finding(given)))

    bad = {State.EXPIRED, State.FAILING, State.REJECTED, State.BLOCKED}
    is_dateless = given.snapshot.secret.expires_at is None and expected is State.WATCHED
    assert fleet.needs_somebody is (expected in bad or is_dateless)
    assert not fleet.has_failures


THREE_DAYS = 3 * DAY
ENDS_AT = TOKEN.valid_to
SHORT = SETTLED.tagged(lifetime=DAY, rotate_before=8 * HOUR).current(valid_from=ENDS_AT - DAY)
WATCHED = SETTLED.watched().kept(expires_at=ENDS_AT)
ALERTS: dict[str, tuple[Given, Alert | None]] = {
    "a fresh token": (SETTLED, None),
    "due, and far from its expiry": (DUE.failed(ago=MINUTE), None),
    "near its expiry, a moment before": (SETTLED.at(ENDS_AT - THREE_DAYS - SECOND), None),
    "near its expiry": (SETTLED.at(ENDS_AT - THREE_DAYS), Alert.EXPIRING),
    "near its expiry, and its owner has no session": (
        SETTLED.at(ENDS_AT - DAY).signed_out(),
        Alert.EXPIRING,
    ),
    "a moment before its expiry": (SETTLED.at(ENDS_AT - SECOND), Alert.EXPIRING),
    "at its expiry": (SETTLED.at(ENDS_AT).got(TOKEN), Alert.EXPIRED),
    "a token of a day, in its renewal window": (SHORT.at(ENDS_AT - 6 * HOUR), None),
    "the same, half of it later": (SHORT.at(ENDS_AT - 3 * HOUR), Alert.EXPIRING),
    "a token whose life a policy cut short": (
        SETTLED.current(valid_from=ENDS_AT - DAY).at(ENDS_AT - 10 * HOUR),
        None,
    ),
    "faulty tags": (SETTLED.at(ENDS_AT - DAY).mis_tagged(), Alert.EXPIRING),
    "a value that nobody knows, with a date": (
        SETTLED.at(ENDS_AT - THREE_DAYS).unrecorded(),
        Alert.EXPIRING,
    ),
    "a watched secret, a moment before": (WATCHED.at(ENDS_AT - THREE_DAYS - SECOND), None),
    "a watched secret": (WATCHED.at(ENDS_AT - THREE_DAYS), Alert.EXPIRING),
    "a watched secret that has expired": (WATCHED.at(ENDS_AT), Alert.EXPIRED),
    "without a date": (SETTLED.watched().kept(expires_at=None), None),
    "a disabled version": (SETTLED.at(ENDS_AT + DAY).disabled(), None),
}


@pytest.mark.parametrize(("given", "expected"), ALERTS.values(), ids=ALERTS)
def test_when_an_expiry_is_an_alert(given: Given, expected: Alert | None) -> None:
    """From three days before, or half of the renewal window if that is shorter."""
    found = Finding(given.snapshot, None, OUTAGE)

    assert alert(found, given.now, THREE_DAYS) is expected
    decided = given.decide()
    if isinstance(decided, Decision):
        assert alert(Finding(given.snapshot, decided), given.now, THREE_DAYS) is expected
        if expected:
            assert Fleet(given.now, (finding(given),)).needs_somebody


def test_how_near_an_expiry_must_be_is_a_setting() -> None:
    """Within a renewal window of ten days, five at most."""
    early = Finding(SETTLED.at(ENDS_AT - 5 * DAY).snapshot, None)

    assert alert(early, ENDS_AT - 5 * DAY, 7 * DAY) is Alert.EXPIRING
    assert alert(early, ENDS_AT - 6 * DAY, 7 * DAY) is None
    assert alert(early, ENDS_AT - 2 * DAY, DAY) is None


def test_a_look_that_failed_needs_somebody() -> None:
    """A secret, a vault or an owner of which nothing can be said is no good news."""
    assert state(FAILED, NOW) is State.FAILING
    assert Fleet(NOW, (FAILED,)).has_failures
    assert Fleet(NOW, (FAILED,)).needs_somebody
    assert Fleet(NOW, (), vault_failures=(LOST,)).has_failures
    assert Fleet(NOW, (), vault_failures=(LOST,)).needs_somebody
    assert not Fleet(NOW, (), (SIGNED_OUT,)).has_failures
    assert Fleet(NOW, (), (SIGNED_OUT,)).needs_somebody
    assert not Fleet(NOW, (), (CONNECTED,)).needs_somebody


def test_every_state_has_its_public_name() -> None:
    """Scripts compare with these words."""
    assert " ".join(State) == (
        "fresh due retiring failing blocked rejected expired skipped watched"
    )


def test_the_real_expiry_is_the_tokens() -> None:
    """What the vault shows counts only where the token of the stored value is not known."""
    given = SETTLED.kept(expires_at=NOW)

    assert expires_at(given.snapshot) == TOKEN.valid_to
    assert expires_at(given.unlisted().snapshot) == NOW
    assert expires_at(given.pasted().snapshot) == NOW
    assert expires_at(given.pasted().kept(expires_at=None).snapshot) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (SETTLED, RENEWAL),
        (DUE, RENEWAL),
        (SETTLED.superseded().proven(), NOW),
        (SETTLED.kept(expires_at=None).got(TOKEN).proven(), NOW),
        (AT_PROOF, RENEWAL),
        (AT_PROOF.superseded().stored(HOUR), PROOF + 47 * HOUR),
        (DUE.failed(ago=MINUTE), RENEWAL + 54 * MINUTE),
        (DUE.failed(ago=MINUTE).proven(), RENEWAL + 54 * MINUTE),
        (SETTLED.failed(3, ago=MINUTE), RENEWAL),
        (SETTLED.watched(), None),
        (SETTLED.mis_tagged(), None),
    ],
    ids=[
        "a fresh secret: its renewal",
        "a due one: now",
        "a predecessor to be retired: now",
        "a date to be corrected: now",
        "a proof is not what people wait for: its renewal",
        "or the end of its predecessor's grace",
        "or the next attempt, while its renewal backs off",
        "which it is after the proof, too",
        "or its renewal again, if it is fresh in spite of a failure",
        "a watched one: never",
        "a rejected one: nobody knows",
    ],
)
def test_the_next_date(given: Given, expected: object) -> None:
    """When a person should expect the next change."""
    assert next_at(finding(given), given.now) == expected


def test_a_failed_look_expects_nothing() -> None:
    """There is no decision to foresee anything from."""
    assert next_at(FAILED, NOW) is None


ACTORS: dict[str, tuple[Finding, str]] = {
    "a fresh token": (finding(SETTLED), "rotator"),
    "a token that is due": (finding(DUE), "rotator"),
    "a renewal that rests": (finding(DUE.failed(ago=MINUTE).proven()), "rotator"),
    "an owner who must sign in": (finding(SETTLED.signed_out()), "owner"),
    "faulty tags": (finding(SETTLED.mis_tagged()), "keeper"),
    "a disabled version": (finding(SETTLED.disabled()), "keeper"),
    "a value that is refused": (finding(SETTLED.pasted().proven(works=False)), "keeper"),
    "a value that no token is marked for": (
        finding(SETTLED.pasted().proven().never_seen().bound()),
        "owner",
    ),
    "a watched secret": (finding(SETTLED.watched()), "nobody"),
    "a watched secret that expires soon": (
        finding(SETTLED.watched().kept(expires_at=NOW + 14 * DAY)),
        "keeper",
    ),
    "a watched secret that has expired": (
        finding(SETTLED.watched().kept(expires_at=NOW)),
        "keeper",
    ),
    "a watched secret without expiry": (finding(SETTLED.watched().kept(expires_at=None)), "keeper"),
    "a service that is away": (FAILED, "rotator"),
    "a service that refuses": (Finding(SETTLED.snapshot, None, DENIED), "administrator"),
    "a look that says no more": (Finding(SETTLED.snapshot, None, RotationError("?")), "rotator"),
}


@pytest.mark.parametrize(("found", "actor"), ACTORS.values(), ids=ACTORS)
def test_who_acts_next(found: Finding, actor: str) -> None:
    """The rotator goes on by itself wherever nobody is needed."""
    assert acts_next(found, None) == actor


def test_an_alert_always_asks_somebody() -> None:
    """Where ROTATION_ALERT_DAYS begins before the reminders do: then the keeper, not nobody."""
    calm = finding(SETTLED.watched())

    assert acts_next(calm, Alert.EXPIRING) == "keeper"
    assert acts_next(finding(SETTLED), Alert.EXPIRING) == "rotator"


@pytest.mark.parametrize(
    ("reason", "actor"),
    [
        ("sign-in-needed", "owner"),
        ("administrator-needed", "administrator"),
        ("unknown-owner", "keeper"),
        ("unavailable", "rotator"),
    ],
)
def test_a_session_that_does_not_work_says_who_acts_next(reason: str, actor: str) -> None:
    """By the word that it gives for that."""
    session = Session(OWNER, is_working=False, reason=reason, message="it does not work")

    assert acts_next(finding(SETTLED.but(session=session)), None) == actor


@pytest.mark.parametrize(
    ("found", "at"),
    [
        (finding(SETTLED), None),
        (finding(DUE), None),
        (finding(DUE.failed(ago=MINUTE)), RENEWAL + 54 * MINUTE),
        (finding(DUE.failed(ago=MINUTE).proven()), RENEWAL + 54 * MINUTE),
        (finding(SETTLED.failed(3, ago=MINUTE)), None),
        (finding(AT_PROOF), None),
        (FAILED, None),
    ],
    ids=["fresh", "due", "resting", "resting, proven", "fresh again", "to be proven", "unknown"],
)
def test_until_when_a_renewal_rests(found: Finding, at: object) -> None:
    """None unless one has failed and is still wanted."""
    assert retry_at(found, found.snapshot.scanned_at or NOW) == at


class TestJson:
    """The stable part of the commands' output: every key, its form, and nothing by chance."""

    def test_status(self) -> None:
        """A secret in grace whose last renewal failed, and its owner."""
        given = SETTLED.superseded(20 * DAY).stored(DAY).failed(2, ago=3 * HOUR)
        fleet = Fleet(NOW, (finding(given.proven()),), (CONNECTED, SIGNED_OUT))

        assert round_trip(fleet.status()) == {
            "checked_at": "2026-11-22T07:30:00Z",
            "secrets": [
                {
                    "vault": "kv-build",
                    "secret": "feed-token",
                    "mode": "regenerate",
                    "organization": "contoso",
                    "owner": "ada@example.com",
                    "authorization_id": "4ab5764f-4193-4f1d-b995-64144880b7d7",
                    "state": "retiring",
                    "reason": "in-grace",
                    "message": "its predecessor is in grace",
                    "expires_at": "2026-12-12T07:30:00Z",
                    "alert": None,
                    "stored_at": "2026-11-21T07:30:00Z",
                    "next_at": "2026-11-23T07:30:00Z",
                    "acts_next": "rotator",
                    "failures": 2,
                    "retry_at": None,
                    "superseded": [
                        {
                            "authorization_id": "11111111-4193-4f1d-b995-64144880b7d7",
                            "ends_at": "2026-11-23T07:30:00Z",
                        }
                    ],
                }
            ],
            "owners": [
                {
                    "owner": "ada@example.com",
                    "kind": "person",
                    "state": "connected",
                    "reason": None,
                    "message": None,
                    "signed_in_at": "2026-11-21T07:30:00Z",
                    "redeemed_at": "2026-11-22T07:30:00Z",
                    "act_by": "2027-02-19T07:30:00Z",
                    "secrets": ["kv-build/feed-token"],
                },
                {
                    "owner": "bob@example.com",
                    "kind": "person",
                    "state": "sign-in-needed",
                    "reason": SIGNED_OUT.reason,
                    "message": None,
                    "signed_in_at": None,
                    "redeemed_at": None,
                    "act_by": None,
                    "secrets": [],
                },
            ],
            "vaults_failed": [],
        }

    def test_status_of_what_is_not_known(self) -> None:
        """What does not apply is null, and never an empty text."""
        given = SETTLED.unrecorded().superseded().kept(expires_at=None)
        given = given.tagged(mode=Mode.WATCH, organization="", owner="")
        fleet = Fleet(NOW, (finding(given), FAILED), vault_failures=(LOST,))

        status = round_trip(fleet.status())
        watched, failed = status["secrets"]

        assert (watched["state"], watched["reason"]) == ("watched", "no-expiry")
        for key in ("organization", "owner", "authorization_id", "expires_at", "next_at"):
            assert watched[key] is None
        assert (watched["failures"], watched["superseded"]) == (0, [])
        assert (failed["state"], failed["reason"]) == ("failing", "unavailable")
        assert failed["message"] == "no answer from kv-build"
        assert status["vaults_failed"] == [
            {"vault": "kv-gone", "reason": "unavailable", "message": "no answer from kv-gone"}
        ]

    @pytest.mark.parametrize(
        "of",
        [
            lambda given: finding(given.proven(works=False)),
            lambda given: finding(given.proven().never_seen().bound()),
            lambda given: Finding(given.snapshot, None, OUTAGE),
        ],
        ids=["refused", "accepted, but of no known token", "the look failed"],
    )
    def test_status_of_a_pasted_value(self, of: Callable[[Given], Finding]) -> None:
        """Copied tags name a token that is not the value's: nothing of it is told as if it were."""
        given = SETTLED.superseded().pasted().kept(expires_at=NOW + 3 * DAY)

        pasted = round_trip(Fleet(NOW, (of(given),)).status())["secrets"][0]

        assert pasted["authorization_id"] is None
        assert pasted["expires_at"] == "2026-11-25T07:30:00Z"
        assert pasted["superseded"] == []
        assert TOKEN.authorization_id not in json.dumps(pasted)

    def test_a_superseded_token_may_expire_before_its_grace_does(self) -> None:
        """It ends with whichever comes first."""
        fading = replace(PREDECESSOR, valid_to=NOW + HOUR)
        given = SETTLED.bound(fading, TOKEN).stored(HOUR)

        status = Fleet(NOW, (finding(given),)).status()

        assert status["secrets"][0]["superseded"][0]["ends_at"] == "2026-11-22T08:30:00Z"

    def test_plan(self) -> None:
        """What a run would do now, and why."""
        fleet = Fleet(NOW, (finding(SETTLED.superseded().stored(HOUR)), finding(DUE)))

        in_grace, due = round_trip(fleet.plan())["decisions"]

        assert in_grace == {
            "vault": "kv-build",
            "secret": "feed-token",
            "action": "nothing",
            "reason": "in-grace",
            "message": "its predecessor is in grace",
            "next_at": "2026-11-24T06:30:00Z",
        }
        assert (due["action"], due["reason"]) == ("renew", "due")

    @pytest.mark.parametrize(
        ("given", "action", "expected"),
        [
            (DUE, "renew", "2026-12-01T14:44:15Z"),
            (DUE.failed(ago=MINUTE), "prove", "2026-12-01T15:38:15Z"),
            (DUE.failed(ago=MINUTE).proven(), "nothing", "2026-12-01T15:38:15Z"),
            (DUE.watched(), "watch", None),
        ],
        ids=["due: now", "backing off, but to be proven", "backing off", "watched"],
    )
    def test_when_a_plan_expects_something(
        self, given: Given, action: str, expected: str | None
    ) -> None:
        """A plan and a status tell the same date for the same secret."""
        fleet = Fleet(given.now, (finding(given),))

        planned = round_trip(fleet.plan())["decisions"][0]

        assert (planned["action"], planned["next_at"]) == (action, expected)
        assert fleet.status()["secrets"][0]["next_at"] == expected

    def test_plan_of_what_could_not_be_looked_at(self) -> None:
        """A run would do nothing about it; it says why."""
        plan = round_trip(Fleet(NOW, (FAILED,), vault_failures=(LOST,)).plan())

        assert plan["decisions"] == [
            {
                "vault": "kv-build",
                "secret": "feed-token",
                "action": "nothing",
                "reason": "unavailable",
                "message": "no answer from kv-build",
                "next_at": None,
            }
        ]
        assert plan["vaults_failed"][0]["vault"] == "kv-gone"

    def test_run(self) -> None:
        """Every secret's outcome, and an honest count of all endings, also of none."""
        actions = (Action.RENEW, Action.RETIRE)
        outcome = Outcome(NAME, Ending.SETTLED, "fresh", "its token is fresh", actions)

        assert round_trip(run(outcome).as_dict()) == {
            "run_id": "5f3a",
            "started_at": "2026-11-22T07:30:00Z",
            "finished_at": "2026-11-22T07:31:00Z",
            "secrets": [
                {
                    "vault": "kv-build",
                    "secret": "feed-token",
                    "actions": ["renew", "retire"],
                    "outcome": "settled",
                    "reason": "fresh",
                    "message": "its token is fresh",
                }
            ],
            "counts": {
                "settled": 1,
                "skipped": 0,
                "watched": 0,
                "blocked": 0,
                "rejected": 0,
                "failed": 0,
                "locked": 0,
                "queued": 0,
                "vaults_failed": 0,
            },
            "vaults_failed": [],
        }


class TestTheEndOfARun:
    """When it fails, and when somebody is needed."""

    @pytest.mark.parametrize("ending", sorted({*Ending} - OF_ORDERS))
    def test_by_outcome(self, ending: Ending) -> None:
        """It fails for what failed; what waits for a person is told by the exit code."""
        report = run(Outcome(NAME, Ending.SETTLED, "fresh", ""), Outcome(NAME, ending, "", ""))

        assert report.has_failures is (ending is Ending.FAILED)
        assert report.needs_somebody is (ending in {"failed", "blocked", "rejected"})
        assert report.counts[ending] == (2 if ending is Ending.SETTLED else 1)

    def test_by_vault(self) -> None:
        """A vault that could not be listed is a failure."""
        report = replace(run(), vault_failures=(LOST,))

        assert report.has_failures
        assert report.needs_somebody
        assert report.counts["vaults_failed"] == 1

    def test_by_owner(self) -> None:
        """An owner who must sign in fails no run, but is needed."""
        assert not replace(run(), sessions=(SIGNED_OUT,)).has_failures
        assert replace(run(), sessions=(CONNECTED, SIGNED_OUT)).needs_somebody
        assert not replace(run(), sessions=(CONNECTED,)).needs_somebody

    def test_in_words(self) -> None:
        """What there was is counted, in the order of the endings; noughts are left out."""
        failed, settled = (Outcome(NAME, e, "", "") for e in (Ending.FAILED, Ending.SETTLED))
        lost = replace(run(failed, settled, settled), vault_failures=(LOST, LOST))

        assert lost.summary == "2 settled, 1 failed, 2 vaults failed"
        assert run().summary == "no managed secrets found"

    def test_every_decision_that_reports_ends_a_settling(self) -> None:
        """And no other does."""
        reporting = {"reject", "skip", "watch", "block", "nothing"}

        assert {str(action) for action in ENDINGS} == reporting


def run(*outcomes: Outcome) -> RunReport:
    """Make a report of a run that took a minute."""
    return RunReport("5f3a", NOW, NOW + MINUTE, Outcomes(outcomes))


def round_trip(result: dict[str, object]) -> dict[str, Any]:
    """Write it as JSON and read it again: nothing in it may be of a kind that JSON has not."""
    read: dict[str, Any] = json.loads(json.dumps(result))
    return read
