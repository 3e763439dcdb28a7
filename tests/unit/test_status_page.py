"""The pages of the fleet: what they say, and in which order."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotation.decision import Action, Decision, Finding
from rotation.errors import AccessDeniedError, UnavailableError
from rotation.events import Kind
from rotation.fleet import ALERT_BEFORE, Fleet, State, state
from rotation.model import SecretName
from rotation.page import event_view, fleet_view, look, secret_view, wanted
from rotation.page.accept import prefers_json
from rotation.page.headline import headline
from rotation.page.look import Request
from rotation.page.secret_view import Past
from rotation.page.wanted import Wanted
from rotation.report import VaultFailure
from rotation.session import ADMINISTRATOR_NEEDED, Session
from rotation.timeline.bar import Bar
from tests.unit.fleets import (
    ADA,
    BOB,
    FEED,
    STATES,
    finding,
    fleet,
    fresh,
    living,
    one_of,
    stand,
    versions,
)
from tests.unit.given import DAY, NOW, OWNER, SETTLED

if TYPE_CHECKING:
    from rotation.lookout import Lookout
    from rotation.page.fleet_view import FleetView
    from rotation.page.headline import Headline
    from rotation.page.secret_view import SecretView


def headline_of(shown: Fleet) -> Headline:
    """Give what is said first of a fleet."""
    return headline(shown, sorted(map(stand, shown.findings), key=lambda one: one.urgency))


def view(shown: Fleet, **parameters: str) -> FleetView:
    """Make the page of a fleet."""
    return fleet_view.view(shown, wanted.read(parameters))


def of(*findings: Finding, sessions: tuple[Session, ...] = (ADA,), **more: Any) -> Fleet:  # noqa: ANN401 - the fields of a fleet
    """Give a fleet of these secrets."""
    return Fleet(NOW, findings, sessions, **more)


class TestStates:
    """The fleets of these tests are what they say."""

    @pytest.mark.parametrize("kind", State)
    def test_each_is_in_its_state(self, kind: State) -> None:
        """Whatever its age."""
        assert {state(one_of(kind, days), NOW) for days in (0, 3, 20, 300)} == {kind}


class TestSentence:
    """The one sentence at the top."""

    def test_all_is_well(self) -> None:
        """How many, which is renewed next, and when."""
        told = headline_of(of(fresh("late", 25), fresh("soon", 11)))

        assert told.is_good
        assert told.sentence == "All 2 tokens are fresh."
        due_at = stand(fresh("soon", 11)).renewal_at
        assert due_at
        assert told.next_step == f"Next renewal: soon, {due_at:%A %H:%M} UTC."

    @pytest.mark.parametrize(
        ("kinds", "sentence"),
        [
            ([], "No secret is managed yet."),
            ([State.FRESH], "The one token is fresh."),
            ([State.FRESH, State.RETIRING], "All 2 tokens are fresh."),
            ([State.FRESH, State.WATCHED], "1 token is fresh, 1 is watched only."),
            (
                [State.FRESH, State.FRESH, State.DUE, State.WATCHED, State.WATCHED, State.SKIPPED],
                (
                    "2 tokens are fresh, 1 is renewed at the next run, 2 are watched only and "
                    "1 is switched off."
                ),
            ),
            ([State.SKIPPED], "Of 1 token, 1 is switched off."),
            ([State.DUE, State.DUE], "Of 2 tokens, 2 are renewed at the next run."),
        ],
    )
    def test_what_is_no_trouble_is_counted(self, kinds: list[State], sentence: str) -> None:
        """A token that is due, watched or switched off needs nobody."""
        findings = [one_of(kind, name=SecretName("kv", f"s{n}")) for n, kind in enumerate(kinds)]

        assert headline_of(of(*findings)).sentence == sentence
        assert headline_of(of(*findings)).is_good

    def test_what_is_due_is_the_next_renewal(self) -> None:
        """At the next run; nothing is, if nothing can be foreseen."""
        due = [one_of(State.DUE, n, SecretName("kv", f"due-{n}")) for n in range(2)]

        assert headline_of(of(*due[:1])).next_step == "Next renewal: due-0, at the next run."
        told = headline_of(of(*due, fresh())).next_step
        assert told == "Next renewal: due-0 and 1 more, at the next run."
        assert headline_of(of(one_of(State.WATCHED))).next_step == ""

    @pytest.mark.parametrize("kind", [State.FAILING, State.BLOCKED, State.REJECTED])
    def test_one_in_trouble(self, kind: State) -> None:
        """It is counted among all."""
        told = headline_of(of(one_of(kind), fresh("other")))

        assert not told.is_good
        assert told.sentence == "1 of 2 tokens needs attention."

    def test_several_in_trouble_some_of_them_dead(self) -> None:
        """The dead are counted apart."""
        dead = [one_of(State.EXPIRED, n, SecretName("kv", f"d{n}")) for n in range(2)]

        told = headline_of(of(*dead, one_of(State.REJECTED), fresh("other")))
        assert told.sentence == "3 of 4 tokens need attention, and 2 have expired."
        told = headline_of(of(*dead[:1], one_of(State.REJECTED)))
        assert told.sentence == "2 of 2 tokens need attention, and 1 has expired."

    def test_a_token_that_is_near_its_end_needs_attention(self) -> None:
        """Whatever its state: nobody has renewed it."""
        told = headline_of(of(finding(living(SETTLED, 2).watched(), FEED)))

        assert told.sentence == "1 of 1 token needs attention."
        assert told.tasks[0].duty == "Whoever keeps the secret must act"

    def test_a_vault_that_was_not_seen(self) -> None:
        """What is known is told with what is not."""
        dark = (VaultFailure("kv-dark", "access-denied", "kv-dark refuses to list its secrets"),)

        assert headline_of(of(vault_failures=dark)).sentence == (
            "Nothing is known: vault kv-dark could not be looked at."
        )
        assert headline_of(of(fresh(), vault_failures=dark * 2)).sentence == (
            "The one token is fresh, but 2 vaults could not be looked at."
        )
        assert headline_of(of(one_of(State.REJECTED), vault_failures=dark)).sentence == (
            "1 of 1 token needs attention; vault kv-dark could not be looked at."
        )

    def test_an_owner_is_lost_or_soon_will_be(self) -> None:
        """Although every token is fresh for now."""
        soon = replace(ADA, signed_in_at=NOW - 80 * DAY)

        assert headline_of(of(fresh(), sessions=(ADA, BOB))).sentence == (
            "The one token is fresh, but owner bob@example.com needs attention."
        )
        assert headline_of(of(fresh(), sessions=(BOB, BOB))).sentence == (
            "The one token is fresh, but 2 owners need attention."
        )
        assert headline_of(of(fresh(), sessions=(soon,))).sentence == (
            f"The one token is fresh, but owner {OWNER} must sign in soon."
        )


class TestTasks:
    """Who must do what."""

    def test_an_owner_must_sign_in(self) -> None:
        """By when the first of their tokens dies; those are not told one by one."""
        blocked = [
            finding(STATES[State.BLOCKED](n), SecretName("kv", f"b{n}"), BOB.owner)
            for n in range(3)
        ]

        (task,) = headline_of(of(*blocked, sessions=(ADA, BOB))).tasks

        assert task.duty == "bob@example.com must sign in"
        assert task.by == NOW + 6 * DAY
        assert task.is_sign_in
        assert (task.names, task.more, task.wanted) == ((), 3, {"owner": BOB.owner})

    def test_an_owner_should_sign_in_soon(self) -> None:
        """Though the session works."""
        (task,) = headline_of(of(sessions=(replace(ADA, signed_in_at=NOW - 80 * DAY),))).tasks

        assert task.duty == f"{OWNER} must sign in"
        assert task.by == NOW + 10 * DAY
        assert task.is_sign_in
        assert task.wanted == {}

    def test_an_administrator_must_act_for_an_owner(self) -> None:
        """No sign-in helps, so none is offered."""
        told = replace(BOB, reason=ADMINISTRATOR_NEEDED, message="the account is disabled")

        (task,) = headline_of(of(sessions=(told,))).tasks

        assert (task.duty, task.is_sign_in) == ("An administrator must act", False)

    def test_nobody_could_tell(self) -> None:
        """The next run looks again."""
        told = replace(BOB, is_known=False, reason="unavailable", message="entra did not answer")

        (task,) = headline_of(of(sessions=(told,))).tasks

        assert task.duty == "The rotator tries again"
        assert "could not be told: entra did not answer" in task.what

    def test_an_agent_user_is_not_sent_to_sign_in(self) -> None:
        """Nobody can."""
        agent = replace(BOB, is_agent=True, reason=ADMINISTRATOR_NEEDED)

        assert not headline_of(of(sessions=(agent,))).tasks[0].is_sign_in

    @pytest.mark.parametrize(
        ("reason", "duty"),
        [
            (UnavailableError.reason, "The rotator tries again"),
            (AccessDeniedError.reason, "An administrator must act"),
        ],
    )
    def test_a_vault_was_not_seen(self, reason: str, duty: str) -> None:
        """What passes by itself is the rotator's; a want of rights is an administrator's."""
        (task,) = headline_of(of(vault_failures=(VaultFailure("kv", reason, "no"),))).tasks

        assert task.duty == duty
        assert task.what == "vault kv could not be looked at: no"

    def test_a_renewal_that_failed_is_tried_again(self) -> None:
        """When, is said; nobody must do anything by any time."""
        (task,) = headline_of(of(one_of(State.FAILING))).tasks

        assert task.duty == "The rotator tries again Sunday 10:25 UTC"
        assert (task.by, task.names) == (None, (FEED,))

    def test_a_look_that_failed_is_told(self) -> None:
        """With who acts."""
        error = AccessDeniedError("kv refuses", service="key-vault", operation="read")
        told = headline_of(of(Finding(one_of(State.DUE).snapshot, None, error)))

        assert told.sentence == "1 of 1 token needs attention."
        assert [(task.duty, task.what) for task in told.tasks] == [
            ("An administrator must act", "kv refuses")
        ]

    def test_the_owner_of_tokens_that_differ_is_named(self) -> None:
        """It is they who revoke the wrong one."""
        s = one_of(State.FRESH).snapshot
        told = Decision(Action.REJECT, "scopes-differ", "the tokens differ in scope")

        (task,) = headline_of(of(Finding(s, told))).tasks

        assert task.duty == f"{OWNER} must act"

    def test_the_same_trouble_is_one_task(self) -> None:
        """Three are named, the others counted, and all are a click away."""
        wrong = [one_of(State.REJECTED, n, SecretName("kv", f"r{n}")) for n in range(5)]

        (task,) = headline_of(of(*wrong)).tasks

        assert task.what.startswith("5 tokens are rejected; of the first: tag pat-owner is wrong")
        assert [name.name for name in task.names] == ["r0", "r1", "r2"]
        assert (task.more, task.wanted) == (2, {"state": "rejected"})
        assert task.by == NOW + 9 * DAY

    def test_several_that_expire_soon(self) -> None:
        """They have no word of their own for that."""
        near = [finding(living(SETTLED, 2).watched(), SecretName("kv", f"w{n}")) for n in range(2)]

        (task,) = headline_of(of(*near)).tasks

        assert task.what.startswith("2 tokens expire soon; of the first: watched; 2 days left")


class TestOrder:
    """The most urgent first."""

    def test_by_state_then_by_expiry(self) -> None:
        """What nobody can do anything about comes last."""
        shown = view(fleet(18))

        states = list(dict.fromkeys(row.state for row in shown.rows))
        assert states[:5] == ["expired", "failing", "blocked", "rejected", "due"]
        assert states[-1] == "skipped"
        calm = [row.ends_at for row in shown.rows if row.state in {"fresh", "retiring", "watched"}]
        assert calm == sorted(calm, key=lambda end: end or NOW)

    def test_what_expires_soon_comes_before_what_fails_later(self) -> None:
        """But after what is dead."""
        near = finding(living(SETTLED, 2).watched(), SecretName("kv", "near"))
        shown = view(
            of(one_of(State.FAILING), near, one_of(State.EXPIRED, 1, SecretName("a", "b")))
        )

        assert [row.name for row in shown.rows] == ["b", "near", "feed"]

    def test_without_an_expiry_it_comes_after_those_with_one(self) -> None:
        """Nothing is known to be urgent about it."""
        endless = finding(SETTLED.watched().kept(expires_at=None).tagged(recorded=None), FEED)

        shown = view(of(endless, fresh("other")))
        assert [row.name for row in shown.rows] == ["other", "feed"]
        assert shown.rows[1].left == "no expiry"
        assert shown.rows[1].bar == Bar()


class TestFilters:
    """What is left out, and how the rest is reached."""

    @pytest.mark.parametrize(
        ("parameters", "count"),
        [
            ({}, 18),
            ({"vault": "KV-BUILD"}, 6),
            ({"owner": "BOB@example.com"}, 2),
            ({"state": "Fresh"}, 2),
            ({"search": "DUE-"}, 2),
            ({"search": "kv-web/"}, 6),
            ({"owner": "bob@example.com", "state": "expired"}, 0),
            ({"state": "no such state"}, 18),
            ({"vault": " kv-build "}, 6),
            ({"vault": "kv"}, 0),
        ],
    )
    def test_all_must_be_passed(self, parameters: dict[str, str], count: int) -> None:
        """Without regard to case; a state that is none is no filter."""
        shown = view(fleet(18), **parameters)

        assert (shown.shown, len(shown.rows), shown.total) == (count, count, 18)

    def test_what_is_said_of_all_does_not_depend_on_them(self) -> None:
        """The sentence, the axis, the counts and the owners are those of the whole fleet."""
        whole, part = view(fleet(18)), view(fleet(18), state="fresh")

        assert (whole.headline, whole.ticks) == (part.headline, part.ticks)
        assert [c.count for c in whole.states] == [c.count for c in part.states]
        assert [choice.value for choice in part.states if choice.is_chosen] == ["fresh"]
        assert whole.people == part.people

    def test_each_choice_counts(self) -> None:
        """Vaults and owners are in alphabetical order, states the most urgent first."""
        shown = view(fleet(9), vault="kv-WEB")

        told = [(choice.value, choice.count, choice.is_chosen) for choice in shown.vaults]
        assert told == [("kv-build", 3, False), ("kv-data", 3, False), ("kv-web", 3, True)]
        assert [choice.value for choice in shown.owners] == [OWNER, BOB.owner]
        assert shown.states[0].value == "expired"

    def test_addresses_keep_the_other_filters(self) -> None:
        """And lead to the first page of what they let through."""
        asked = wanted.read({"vault": "kv", "search": "a&b", "page": "3"})

        assert asked.is_filtered
        assert asked.but(state="due") == {"vault": "kv", "search": "a&b", "state": "due"}
        assert asked.but(vault="") == {"search": "a&b"}
        assert asked.on(1) == {"vault": "kv", "search": "a&b"}
        assert asked.on(2) == {"vault": "kv", "search": "a&b", "page": "2"}
        assert not Wanted().is_filtered

    @pytest.mark.parametrize(
        ("text", "page"),
        [("1", 1), ("7", 7), ("0", 1), ("-1", 1), ("", 1), ("x", 1), ("٣", 1), ("9" * 30, 1)],
    )
    def test_a_page_that_makes_no_sense_is_the_first(self, text: str, page: int) -> None:
        """An address may come from anybody."""
        assert wanted.read({"page": text}).page == page

    def test_a_long_filter_is_cut(self) -> None:
        """No name is that long."""
        assert len(wanted.read({"search": "x" * 10_000}).search) == wanted.LONGEST


class TestPaging:
    """A hundred at a time."""

    @pytest.mark.parametrize(
        ("count", "page", "rows", "pages", "shown_page"),
        [(0, 1, 0, 1, 1), (100, 1, 100, 1, 1), (101, 2, 1, 2, 2), (250, 9, 50, 3, 3)],
    )
    def test_pages(self, count: int, page: int, rows: int, pages: int, shown_page: int) -> None:
        """A page beyond the last is the last."""
        shown = view(fleet(count, [State.FRESH]), page=str(page))

        assert (len(shown.rows), shown.pages, shown.page) == (rows, pages, shown_page)

    def test_every_secret_is_on_exactly_one(self) -> None:
        """None is lost between two."""
        names = [row.name for page in (1, 2, 3) for row in view(fleet(250), page=str(page)).rows]

        assert len(names) == len(set(names)) == 250


class TestRows:
    """What is written beside the bars."""

    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            (State.FRESH, "renewed Thursday 03:27 UTC"),
            (State.RETIRING, "predecessor retired Tuesday 06:30 UTC"),
            (State.DUE, "at the next run"),
            (State.WATCHED, "only watched"),
            (State.SKIPPED, "its keeper must act"),
            (State.REJECTED, "its keeper must act"),
            (State.BLOCKED, f"{OWNER} must act"),
            (State.FAILING, "tried again Sunday 10:25 UTC"),
        ],
    )
    def test_what_happens_next(self, kind: State, told: str) -> None:
        """And who does it."""
        (row,) = view(of(one_of(kind))).rows

        assert row.then == told

    def test_an_administrator_may_have_to_act(self) -> None:
        """If rights are missing; and an owner without a name has none."""
        error = AccessDeniedError("no", service="key-vault", operation="read")
        s = one_of(State.DUE).snapshot

        assert view(of(Finding(s, None, error))).rows[0].then == "an administrator must act"
        s = replace(s, mandate=replace(s.mandate, owner=""))
        told = Decision(Action.REJECT, "nothing-bound", "mark one")
        assert view(of(Finding(s, told))).rows[0].then == "its owner must act"

    def test_owners(self) -> None:
        """Who should sign in is said, and what depends on whom."""
        soon = replace(ADA, owner="kim@example.com", signed_in_at=NOW - 80 * DAY)
        agent = Session("agent@example.com", is_working=True, is_agent=True)
        shown = view(of(fresh(), sessions=(ADA, BOB, soon, agent)))

        told = [(p.state, p.is_bad, p.needs_sign_in, p.secrets) for p in shown.people]
        assert told == [
            ("connected", False, False, 1),
            ("sign-in-needed", True, True, 0),
            ("connected", False, True, 0),
            ("connected", False, False, 0),
        ]
        assert shown.people[1].why == BOB.message


class TestSecret:
    """The page of one secret."""

    def seen(self, found: Finding, past: Past | None = None) -> SecretView:
        """Make it."""
        return secret_view.view(found, past or Past(), NOW, ALERT_BEFORE)

    @pytest.mark.parametrize(
        ("kind", "sentence"),
        [
            (State.FRESH, "feed is fresh, with 14 days left."),
            (State.EXPIRED, "feed has expired, 3 days ago."),
            (State.FAILING, "feed is failing, with 4 days left."),
            (State.SKIPPED, "feed is skipped, with 11 days left."),
        ],
    )
    def test_it_begins_with_a_sentence(self, kind: State, sentence: str) -> None:
        """The state, and how long it lives."""
        assert self.seen(one_of(kind, 2)).sentence == sentence

    def test_odd_expiries_have_sentences_too(self) -> None:
        """None, and one that has passed while it was switched off."""
        endless = finding(SETTLED.watched().kept(expires_at=None).tagged(recorded=None), FEED)
        off = finding(living(SETTLED, -3).disabled(), FEED)

        assert self.seen(endless).sentence == "feed is watched; it has no expiry."
        assert self.seen(off).sentence == "feed is skipped, expired 3 days ago."

    def test_facts_are_told_where_they_apply(self) -> None:
        """A watched secret has no mandate to tell of."""
        told = dict(self.seen(one_of(State.RETIRING)).facts)
        assert told["Grace of a predecessor"] == "2 days"
        assert told["Predecessor 11111111"] == "works until 24 Nov 2026, 06:30 UTC"
        assert told["Scope"] == "vso.code vso.packaging"
        told = dict(self.seen(one_of(State.FAILING)).facts)
        assert told["Failed since then"] == "3"
        assert told["Tried again"] == "22 Nov 2026, 10:25 UTC"
        assert "Lifetime" not in dict(self.seen(one_of(State.WATCHED)).facts)

    def test_other_peoples_tags_are_told_by_name(self) -> None:
        """Their content is nobody's business; our own are told by what they mean."""
        tags = {"team": "secret plans", "Pat-Rotation": "x", "pat-rotation": "regenerate"}
        found = finding(living(SETTLED, 20).kept(tags=tags), FEED)

        seen = self.seen(found)

        assert seen.others == ("Pat-Rotation", "team")
        assert "secret plans" not in repr(seen)

    @pytest.mark.parametrize(
        ("kind", "verbs"),
        [
            (State.FRESH, ["rotate", "retire", "issue", "retire", "events"]),
            (State.WATCHED, ["retire", "events"]),
            (State.SKIPPED, ["retire", "events"]),
            (State.REJECTED, ["events"]),
        ],
    )
    def test_orders_that_would_be_refused_are_not_offered(
        self, kind: State, verbs: list[str]
    ) -> None:
        """Those of a watched, disabled or mis-tagged secret."""
        orders = self.seen(one_of(kind)).orders

        assert [order.command.split()[1] for order in orders] == verbs
        assert all("kv-build/feed" in order.command for order in orders)

    def test_commands_can_be_pasted(self) -> None:
        """What a shell would take apart is quoted."""
        commands = [order.command for order in self.seen(fresh()).orders]
        assert "rotation issue kv-build/feed --scope 'vso.code vso.packaging' --wait" in commands
        odd = finding(living(SETTLED, 20), SecretName("kv", "$(reboot)"))
        assert "rotation rotate 'kv/$(reboot)' --wait" in [o.command for o in self.seen(odd).orders]

    def test_a_token_that_nobody_knows_can_be_adopted(self) -> None:
        """The command asks for its id, and another one for a scope."""
        unknown = finding(SETTLED.unrecorded().proven().never_seen().bound(), FEED)

        commands = [order.command for order in self.seen(unknown).orders]
        assert "rotation adopt kv-build/feed AUTHORIZATION_ID --wait" in commands
        assert "rotation issue kv-build/feed --scope SCOPES --wait" in commands

    def test_the_last_trouble_is_told(self) -> None:
        """Unless something has succeeded since then."""
        failed = {
            "event": Kind.ROTATION_FAILED,
            "time": "2026-11-22T06:30:00Z",
            "reason": "unavailable",
            "message": "no answer",
        }
        stored = {"event": Kind.TOKEN_STORED, "time": "2026-11-22T06:40:00Z"}
        found = one_of(State.FAILING)

        assert self.seen(found, Past(events=(failed, stored))).trouble == "unavailable: no answer"
        assert self.seen(found, Past(events=(stored, failed))).trouble == ""
        assert self.seen(found, Past(events=({"event": "ScanStarted"},))).trouble == ""
        assert self.seen(fresh(), Past(events=(failed,))).trouble == ""

    def test_versions(self) -> None:
        """The newest ones, and how many are older."""
        seen = self.seen(fresh(), Past(versions=versions(fresh(), 30)))

        assert (len(seen.versions), seen.older) == (25, 5)
        assert seen.versions[0].token == "00000000"
        assert [v.is_enabled for v in seen.versions[:3]] == [True, True, False]

    def test_what_could_not_be_told_is_said(self) -> None:
        """In its place."""
        seen = self.seen(fresh(), Past(events_note="no journal", versions_note="no vault"))

        assert (seen.events.note, seen.versions_note) == ("no journal", "no vault")


class TestEvents:
    """The rows of the journal."""

    ROWS = tuple(
        {"event": kind, "time": f"2026-11-22T{hour:02}:00:00Z", "run_id": "r"}
        for hour, kind in enumerate(("ScanStarted", "TokenStored", "RotationFailed") * 7)
    )

    @pytest.mark.parametrize(
        ("only", "kept", "count"),
        [("", "", 14), ("warnings", "warnings", 7), ("all", "all", 21), ("nonsense", "", 14)],
    )
    def test_what_happens_every_hour_is_left_out(self, only: str, kept: str, count: int) -> None:
        """Unless it is asked for."""
        shown = event_view.view(self.ROWS, only)

        assert (len(shown.rows), shown.only, shown.has_more) == (count, kept, False)

    def test_pages(self) -> None:
        """Each has what the one before has not."""
        pages = [event_view.view(self.ROWS, "all", page, 9) for page in (1, 2, 3, 4)]

        assert [len(page.rows) for page in pages] == [9, 9, 3, 0]
        assert [page.has_more for page in pages] == [True, True, False, False]
        assert [row.when for page in pages for row in page.rows] == [
            f"2026-11-22 {hour:02}:00:00" for hour in range(21)
        ]

    def test_no_more_is_read_than_is_needed(self) -> None:
        """The journal gives its rows page by page; a filter does not make it give all."""
        rows = iter(self.ROWS)
        event_view.view(rows, "all", 1, 3)
        assert len(list(rows)) == 17
        endless = iter(lambda: {"event": "ScanStarted"}, None)
        assert event_view.view(endless).rows == ()

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            ({}, ""),
            ({"reason": "due"}, "due"),
            ({"message": "no"}, "no"),
            ({"reason": "failed", "message": "no"}, "failed: no"),
            ({"owner": "ada"}, "ada"),
            ({"owner": "ada", "secret": "s"}, ""),
            ({"order": "rotate", "requested_by": "olga"}, "rotate, asked for by olga"),
            ({"order": "rotate"}, "rotate"),
            (
                {
                    "authorization_id": "0123456789",
                    "previous_authorization_id": "abcdefghij",
                    "expires_at": "2026-12-12T07:30:00Z",
                },
                "token 01234567; in place of abcdefgh; until 2026-12-12",
            ),
            ({"message": "a\x1b[31mb\u202e"}, "a [31mb "),
        ],
    )
    def test_what_happened(self, row: dict[str, str], told: str) -> None:
        """In short, and in plain text."""
        assert event_view.what(row) == told

    def test_a_row_without_anything_is_one(self) -> None:
        """Nothing is demanded of it."""
        assert event_view.row_of({}).kind == ""
        assert event_view.row_of({"event": "ProofFailed"}).is_alert


class TestFailures:
    """Whatever happens, people get a page, and the log a line."""

    REQUEST = Request({"X-MS-CLIENT-PRINCIPAL": "e30=", "Accept": "text/html"}, {}, "True")

    def test_a_service_that_does_not_answer_is_said(self, caplog: pytest.LogCaptureFixture) -> None:
        """By its message; the log has the reason."""

        def fail() -> Lookout:
            raise UnavailableError("kv does not answer", service="key-vault", operation="list")

        page = look.show_fleet(self.REQUEST, fail)

        assert page.status == 503
        assert "Kv does not answer." in page.body
        assert [r.getMessage() for r in caplog.records] == ["a look failed: unavailable"]

    def test_a_defect_is_logged_by_its_kind_and_its_place_alone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its words may hold a value; the page has none of it, either."""

        def fail() -> Lookout:
            raise KeyError("a value")

        for show in (look.show_fleet, look.show_events):
            page = show(self.REQUEST, fail)
            assert page.status == 500
            assert "value" not in page.body
        (record, _) = caplog.records
        assert re.fullmatch(
            r"unexpected KeyError in test_status_page\.py:\d+; please report it",
            record.getMessage(),
        )
        assert record.exc_info is None

    def test_the_headers_let_nothing_in_and_nothing_out(self) -> None:
        """One style, one form that leads back here; nothing is kept."""
        page = look._page("events.html", view=event_view.EventsView(), days=31)  # noqa: SLF001 - without a world
        (style,) = re.findall("<style>(.*?)</style>", page.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

        assert page.headers["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; "
            "base-uri 'none'; form-action 'self'"
        )
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Vary"] == "Accept"
        assert "@import" not in style
        assert "url(" not in style


class TestAccept:
    """Who gets JSON."""

    @pytest.mark.parametrize(
        ("header", "is_json"),
        [
            ("", False),
            ("*/*", False),
            ("application/json", True),
            ("Application/JSON; charset=utf-8", True),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
            ("application/json, text/html", False),
            ("application/json, text/html;q=0.9", True),
            ("application/json, */*;q=0.5", True),
            ("application/*, text/*;q=0.1", True),
            ("application/json;q=0", False),
            ("application/json;q=x", False),
            ("application/json;q=0.5;v=1, text/html;q=0.4", True),
            (";;;,,,", False),
        ],
    )
    def test_only_who_prefers_it(self, header: str, is_json: bool) -> None:  # noqa: FBT001 - a parameter of the test
        """A browser never does, and whoever takes anything gets the page."""
        assert prefers_json(header) is is_json
