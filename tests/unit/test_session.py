"""How a session stands: by when its person must act, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rotation.decision import Finding
from rotation.events import Event, Kind
from rotation.fleet import Fleet, OwnerFinding, session_state
from rotation.model import TokenValue
from rotation.recorder import Recorder
from rotation.session import LONG_AGO, Grant, Kept, Session, session_secret
from sandbox.ports import Journal
from tests.unit.given import NOW, SETTLED

ADA = "ada@example.com"
SIGNED_IN = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
END = datetime(2027, 2, 20, 7, 0, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
WORKING = Session(ADA, is_working=True, signed_in_at=SIGNED_IN, redeemed_at=SIGNED_IN)


@pytest.mark.parametrize(
    ("owner", "secret"),
    [
        ("ada@contoso.example", "session-ada-contoso-example"),
        ("a.b_c'd@x-y.example", "session-a-b-c-d-x-y-example"),
        ("ada--lovelace@x.example", "session-ada-lovelace-x-example"),
        ("ada1@x2.example", "session-ada1-x2-example"),
    ],
)
def test_a_session_has_a_secret_of_its_own(owner: str, secret: str) -> None:
    """Every run of other characters than ``a-z`` and ``0-9`` is one hyphen."""
    assert session_secret(owner) == secret


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (SIGNED_IN, None),
        (END - 14 * DAY - SECOND, None),
        (END - 14 * DAY, "sign-in-soon"),
        (END - 3 * DAY - SECOND, "sign-in-soon"),
        (END - 3 * DAY, "sign-in-urgent"),
        (END - SECOND, "sign-in-urgent"),
        (END, "sign-in-overdue"),
        (END + 400 * DAY, "sign-in-overdue"),
    ],
)
def test_a_person_is_reminded(now: datetime, reason: str | None) -> None:
    """From 14 days before, urgently from 3, and as overdue from the day on."""
    reminder = WORKING.reminder(now)

    assert (reminder[0] if reminder else None) == reason
    if reminder:
        assert ADA in reminder[1]
        assert "2027-02-20" in reminder[1]
        assert "Azure DevOps may refuse" in reminder[1]


@pytest.mark.parametrize(
    "session",
    [
        replace(WORKING, is_working=False),
        replace(WORKING, signed_in_at=None),
        Session(ADA, is_working=True, is_agent=True),
    ],
    ids=["one that does not work", "one of a day that nobody knows", "an agent user's"],
)
def test_nobody_else_is_reminded(session: Session) -> None:
    """Who must sign in at once is told so; of whom nothing is known, nothing is asked."""
    assert session.reminder(END) is None


def test_the_later_sign_in_is_the_later_session() -> None:
    """The later sign-in wins, then the later save; what says nothing comes first."""
    first = Kept(ADA, signed_in_at=SIGNED_IN, created_at=SIGNED_IN)
    saved = replace(first, created_at=SIGNED_IN + 9 * DAY)
    later = replace(first, signed_in_at=SIGNED_IN + DAY, created_at=SIGNED_IN + DAY)
    unsaid = Kept(ADA, created_at=SIGNED_IN + 99 * DAY)

    assert sorted([later, saved, first, unsaid], key=lambda kept: kept.order) == [
        unsaid,
        first,
        saved,
        later,
    ]
    assert later.is_signed_in_after(saved)
    assert not saved.is_signed_in_after(first)
    assert first.is_signed_in_after(unsaid)
    assert unsaid.order[0] == LONG_AGO


def test_tokens_are_not_shown() -> None:
    """Neither of what is kept nor of what is granted."""
    value = TokenValue("a very secret value")
    shown = repr(Kept(ADA, value)) + repr(Grant(value, DAY, value))

    assert "secret value" not in shown


# --- Said once a day ------------------------------------------------------------------------------


def _said(session: Session, now: datetime) -> list[Event]:
    journal = Journal()
    Recorder(journal, journal, lambda: now, "a run").session(session)
    return journal.events


def test_a_session_that_works_is_not_spoken_of() -> None:
    """Nothing to say."""
    assert _said(WORKING, SIGNED_IN + DAY) == []


def test_a_reminder_comes_with_the_daily_save() -> None:
    """Once a day, and not with each run between."""
    refreshed = replace(WORKING, is_refreshed=True)

    assert _said(WORKING, END - DAY) == []
    saved, reminder = _said(refreshed, END - DAY)
    assert saved.event is Kind.SESSION_REFRESHED
    assert (reminder.event, reminder.owner) == (Kind.SESSION_SIGN_IN_NEEDED, ADA)
    assert (reminder.reason, reminder.expires_at) == ("sign-in-urgent", END)


def test_a_reminder_comes_whenever_a_save_fails() -> None:
    """Whoever cannot save cannot count the days, and says both."""
    failed = replace(WORKING, reason="save-failed", message="no answer")

    kinds = [(event.event, event.reason) for event in _said(failed, END)]

    assert kinds == [
        (Kind.ROTATION_FAILED, "save-failed"),
        (Kind.SESSION_SIGN_IN_NEEDED, "sign-in-overdue"),
    ]


@pytest.mark.parametrize(
    ("session", "kind"),
    [
        (Session(ADA, is_working=False, reason="sign-in-needed"), Kind.SESSION_SIGN_IN_NEEDED),
        (
            Session(ADA, is_working=False, is_agent=True, reason="administrator-needed"),
            Kind.SESSION_SIGN_IN_NEEDED,
        ),
        (
            Session(ADA, is_working=False, is_known=False, reason="unavailable"),
            Kind.ROTATION_FAILED,
        ),
    ],
)
def test_a_lost_session_is_said_at_every_run(session: Session, kind: Kind) -> None:
    """Somebody must act; or else a service failed, which is nobody's fault."""
    assert [(event.event, event.reason) for event in _said(session, END)] == [
        (kind, session.reason)
    ]


# --- Owners in a status ---------------------------------------------------------------------------


def _finding(ends_at: datetime | None) -> Finding:
    return Finding(SETTLED.unrecorded().kept(expires_at=ends_at).snapshot, None)


def test_who_works_must_act_by_the_next_sign_in() -> None:
    """Not by the end of a token: it is renewed."""
    found = OwnerFinding(WORKING, (_finding(NOW),), SIGNED_IN)

    assert found.act_by == END


def test_who_does_not_work_must_act_before_the_first_token_dies() -> None:
    """The first of those that depend on them; nothing is urgent where nothing depends."""
    lost = replace(WORKING, is_working=False)
    findings = (_finding(None), _finding(NOW + 2 * DAY), _finding(NOW + DAY))

    assert OwnerFinding(lost, findings, NOW).act_by == NOW + DAY
    assert OwnerFinding(lost, findings[:1], NOW).act_by is None
    assert OwnerFinding(lost, (), NOW).act_by is None


def test_an_agent_user_needs_nobody() -> None:
    """Nobody must act, ever, while it works."""
    assert OwnerFinding(Session(ADA, is_working=True, is_agent=True), (), NOW).act_by is None


def test_a_status_says_of_each_owner_what_is_to_be_done() -> None:
    """By when, why, of which kind, and for which secrets."""
    lost = Session(
        "agent@example.com",
        is_working=False,
        is_agent=True,
        reason="administrator-needed",
        message="a leg is refused",
    )
    fleet = Fleet(END - DAY, (_finding(NOW),), (WORKING, lost))

    person, agent = fleet.status()["owners"]

    assert person == {
        "owner": ADA,
        "kind": "person",
        "state": "connected",
        "reason": "sign-in-urgent",
        "message": person["message"],
        "signed_in_at": "2026-11-22T07:00:00Z",
        "redeemed_at": "2026-11-22T07:00:00Z",
        "act_by": "2027-02-20T07:00:00Z",
        "secrets": ["kv-build/feed-token"],
    }
    assert "2027-02-20" in person["message"]
    assert (agent["kind"], agent["state"], agent["reason"], agent["message"]) == (
        "agent",
        "sign-in-needed",
        "administrator-needed",
        "a leg is refused",
    )
    assert (agent["act_by"], agent["secrets"]) == (None, [])


def test_an_owner_of_whom_nothing_is_known() -> None:
    """A service did not answer: that is another word than for who must sign in."""
    assert session_state(Session(ADA, is_working=False, is_known=False)) == "unknown"
    assert session_state(WORKING) == "connected"
