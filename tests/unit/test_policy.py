"""The policy table: a sentence, a secret, and what is decided about it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from rotation.decision import Action, Decision, Fact, Question
from rotation.model import Attempt, Mode
from rotation.policy import RULES, decide, nothing
from rotation.schedule import renewal_at
from rotation.session import Session
from tests.unit.given import (
    DAY,
    HOUR,
    MINUTE,
    NAME,
    NOW,
    OTHER_VALUE,
    OWNER,
    PREDECESSOR,
    PROOF,
    RENEWAL,
    SECOND,
    SETTLED,
    TOKEN,
    VALUE,
    Given,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    Expected: TypeAlias = tuple[Action, str] | Fact
    Table: TypeAlias = Mapping[str, tuple[Given, Expected]]

PLACE, MARK = "ada@example.com in contoso", "[kv-build/feed-token]"

DUE = SETTLED.at(RENEWAL)
EXPIRED = SETTLED.at(TOKEN.valid_to)
REVOKED = SETTLED.unlisted().got(TOKEN).proven(works=False)
UNKNOWN = SETTLED.pasted().proven().never_seen()
GLOBAL = replace(TOKEN, target_accounts=None)
FOREIGN = replace(TOKEN, display_name="Build agents [kv-build/another-token]")
WIDER = replace(PREDECESSOR, scopes=frozenset({"app_token"}))
FADED = replace(PREDECESSOR, valid_to=NOW)

DECISIONS: Table = {
    # 1
    "1. faulty tags are rejected": (SETTLED.mis_tagged(), (Action.REJECT, "mis-tagged")),
    # 2
    "2. a disabled newest version is skipped": (SETTLED.disabled(), (Action.SKIP, "disabled")),
    # 3
    "3. a watched secret is watched": (SETTLED.watched(), (Action.WATCH, "watched")),
    "3. a watched secret without expiry is watched, and says so": (
        SETTLED.watched().kept(expires_at=None),
        (Action.WATCH, "no-expiry"),
    ),
    "3. a watched secret is calm until 14 days before its expiry": (
        SETTLED.watched().kept(expires_at=NOW + 14 * DAY + SECOND),
        (Action.WATCH, "watched"),
    ),
    "3. from then on its keeper is asked for the next value": (
        SETTLED.watched().kept(expires_at=NOW + 14 * DAY),
        (Action.WATCH, "expires-soon"),
    ),
    "3. a watched secret is watched to its last second": (
        SETTLED.watched().kept(expires_at=NOW + SECOND),
        (Action.WATCH, "expires-soon"),
    ),
    "3. a watched secret has expired at the instant of its expiry": (
        SETTLED.watched().kept(expires_at=NOW),
        (Action.WATCH, "expired"),
    ),
    # 4
    "4. without the owner's session everything is blocked": (
        SETTLED.signed_out(),
        (Action.BLOCK, "sign-in-needed"),
    ),
    # 5
    "5. a value that is no token of the owner is rejected": (
        SETTLED.pasted().proven(works=False),
        (Action.REJECT, "value-refused"),
    ),
    "5. a value that an older version recorded is adopted": (
        SETTLED.pasted().proven().restored(PREDECESSOR),
        (Action.ADOPT, "value-restored"),
    ),
    "5. such a value is not adopted if its token has another secret's mark": (
        SETTLED.pasted().proven().restored(replace(FOREIGN, valid_to=PREDECESSOR.valid_to)),
        (Action.REJECT, "foreign-token"),
    ),
    "5. such a value is not adopted if its token works in every organization": (
        SETTLED.pasted().proven().restored(GLOBAL),
        (Action.REJECT, "global-token"),
    ),
    "5. such a value is not adopted if the owner does not have its token": (
        SETTLED.pasted().proven().restored(None).got(None),
        (Action.REJECT, "unknown-token"),
    ),
    "5. such a value is adopted in mode extend, too": (
        SETTLED.pasted().proven().restored(PREDECESSOR).extended(),
        (Action.ADOPT, "value-restored"),
    ),
    "5. a value never seen before is renewed": (UNKNOWN, (Action.RENEW, "unknown-value")),
    "5. a value without any recorded id is renewed in the same way": (
        SETTLED.unrecorded().proven().never_seen(),
        (Action.RENEW, "unknown-value"),
    ),
    "5. a value never seen before cannot be extended": (
        UNKNOWN.extended(),
        (Action.REJECT, "unknown-value"),
    ),
    "5. nobody guesses between scopes": (
        UNKNOWN.bound(TOKEN, WIDER),
        (Action.REJECT, "scopes-differ"),
    ),
    "5. nobody guesses a scope that no bound token has": (
        UNKNOWN.bound(),
        (Action.REJECT, "nothing-bound"),
    ),
    "5. a bound token that has just expired has no say about the scope": (
        UNKNOWN.bound(FADED),
        (Action.REJECT, "nothing-bound"),
    ),
    "5. the renewal of an unknown value backs off like any other": (
        UNKNOWN.failed(ago=MINUTE),
        (Action.NOTHING, "backing-off"),
    ),
    # 6
    "6. a token that the owner does not have is rejected": (
        SETTLED.unlisted().got(None),
        (Action.REJECT, "unknown-token"),
    ),
    "6. a token with another secret's mark is rejected": (
        SETTLED.but(recorded=FOREIGN),
        (Action.REJECT, "foreign-token"),
    ),
    "6. a token without a mark is rejected": (
        SETTLED.current(display_name="Build agents"),
        (Action.REJECT, "foreign-token"),
    ),
    "6. a token that works in every organization is rejected": (
        SETTLED.but(recorded=GLOBAL),
        (Action.REJECT, "global-token"),
    ),
    "6. a token that works in another organization is rejected": (
        SETTLED.current(target_accounts=("another",)),
        (Action.REJECT, "global-token"),
    ),
    "6. a token that works in two organizations is rejected": (
        SETTLED.current(target_accounts=(*(TOKEN.target_accounts or ()), "another")),
        (Action.REJECT, "global-token"),
    ),
    "6. the mark may be written in another case": (
        SETTLED.current(display_name="Build agents [KV-Build/Feed-Token]"),
        (Action.NOTHING, "fresh"),
    ),
    # 7
    "7. an expired token is renewed": (EXPIRED.got(TOKEN), (Action.RENEW, "expired")),
    "7. an expired token is renewed in mode extend, too: it cannot be extended": (
        EXPIRED.got(TOKEN).extended(),
        (Action.RENEW, "expired"),
    ),
    "7. a revoked token is renewed": (REVOKED, (Action.RENEW, "token-lost")),
    "7. a value that proved false is renewed, though its token is on the list": (
        SETTLED.proven(works=False),
        (Action.RENEW, "token-lost"),
    ),
    "7. a token that another run has stored since the list was made is no dead one": (
        SETTLED.unlisted().got(TOKEN).proven(),
        (Action.NOTHING, "fresh"),
    ),
    "7. a token that another run has extended since the list was made is no dead one": (
        EXPIRED.got(replace(TOKEN, valid_to=TOKEN.valid_to + 30 * DAY))
        .proven()
        .kept(expires_at=TOKEN.valid_to + 30 * DAY),
        (Action.NOTHING, "fresh"),
    ),
    "7. a dead value backs off, and is never called healthy": (
        REVOKED.failed(ago=MINUTE),
        (Action.NOTHING, "backing-off"),
    ),
    "7. an expired token is tried at every run": (
        EXPIRED.got(TOKEN).failed(20, ago=MINUTE),
        (Action.RENEW, "expired"),
    ),
    # 8
    "8. at its renewal time a token is renewed": (DUE, (Action.RENEW, "due")),
    "8. a second before its renewal time it is fresh": (
        SETTLED.at(RENEWAL - SECOND),
        (Action.NOTHING, "fresh"),
    ),
    "8. in mode extend it is extended": (
        DUE.extended().got(TOKEN).proven(),
        (Action.EXTEND, "due"),
    ),
    "8. a second before its expiry it is due, not dead": (
        SETTLED.at(TOKEN.valid_to - SECOND),
        (Action.RENEW, "due"),
    ),
    "8. a token of many days is extended by one, if no more is asked for": (
        SETTLED.at(TOKEN.valid_to - 11 * HOUR).extended().tagged(lifetime=DAY).got(TOKEN).proven(),
        (Action.EXTEND, "due"),
    ),
    "8. but not before half of that day is left": (
        SETTLED.at(TOKEN.valid_to - 12 * HOUR).extended().tagged(lifetime=DAY),
        (Action.NOTHING, "fresh"),
    ),
    "8. an often extended token is not due sooner for its age": (
        SETTLED.current(valid_from=NOW - 300 * DAY).extended().tagged(rotate_before=29 * DAY),
        (Action.NOTHING, "fresh"),
    ),
    "8. a run that died in its first attempt is followed by one at once": (
        DUE.failed(0, ago=SECOND),
        (Action.RENEW, "due"),
    ),
    "8. within the hour after a failure the renewal rests": (
        DUE.failed(ago=55 * MINUTE - SECOND).proven(),
        (Action.NOTHING, "backing-off"),
    ),
    "8. the next hourly scan tries it again, even a little early": (
        DUE.failed(ago=55 * MINUTE),
        (Action.RENEW, "due"),
    ),
    "8. an extension backs off in the same way": (
        DUE.extended().failed(ago=MINUTE).proven(),
        (Action.NOTHING, "backing-off"),
    ),
    "8. before the last day a renewal that has failed often rests": (
        SETTLED.at(TOKEN.valid_to - DAY - SECOND).failed(9, ago=HOUR).proven(),
        (Action.NOTHING, "backing-off"),
    ),
    "8. from the start of the last day on it is tried at every run": (
        SETTLED.at(TOKEN.valid_to - DAY).failed(9, ago=HOUR),
        (Action.RENEW, "due"),
    ),
    "8. an attempt that a clock out of step dated into the future does not count": (
        DUE.failed(9, ago=-5 * MINUTE - SECOND),
        (Action.RENEW, "due"),
    ),
    "8. a clock that is five minutes out of step is no reason to hurry": (
        DUE.failed(9, ago=-5 * MINUTE).proven(),
        (Action.NOTHING, "backing-off"),
    ),
    # 9
    "9. an expiry that is missing in the vault is written there": (
        SETTLED.kept(expires_at=None).got(TOKEN).proven(),
        (Action.REFRESH, "expiry-differs"),
    ),
    "9. an expiry that is a minute late in the vault is well": (
        SETTLED.kept(expires_at=TOKEN.valid_to + MINUTE),
        (Action.NOTHING, "fresh"),
    ),
    "9. an expiry that is more than a minute late in the vault is corrected": (
        SETTLED.kept(expires_at=TOKEN.valid_to + MINUTE + SECOND).got(TOKEN).proven(),
        (Action.REFRESH, "expiry-differs"),
    ),
    "9. an expiry that is a minute early in the vault is well": (
        SETTLED.kept(expires_at=TOKEN.valid_to - MINUTE),
        (Action.NOTHING, "fresh"),
    ),
    "9. an expiry that is more than a minute early in the vault is corrected": (
        SETTLED.kept(expires_at=TOKEN.valid_to - MINUTE - SECOND).got(TOKEN).proven(),
        (Action.REFRESH, "expiry-differs"),
    ),
    # 10
    "10. when the newest version is as old as the grace, the predecessor is retired": (
        SETTLED.superseded().stored(48 * HOUR).proven(),
        (Action.RETIRE, "grace-over"),
    ),
    "10. a second earlier the predecessor lives on": (
        SETTLED.superseded().stored(48 * HOUR - SECOND),
        (Action.NOTHING, "in-grace"),
    ),
    "10. a token that was never stored is retired when it is as old as the grace itself": (
        SETTLED.superseded(48 * HOUR).proven(),
        (Action.RETIRE, "grace-over"),
    ),
    "10. a second earlier it lives on: another run may be about to store it": (
        SETTLED.superseded(48 * HOUR - SECOND),
        (Action.NOTHING, "in-grace"),
    ),
    "10. a superseded token that has expired needs nobody": (
        SETTLED.bound(FADED, TOKEN),
        (Action.NOTHING, "fresh"),
    ),
    "10. while a renewal backs off, cleaning goes on": (
        DUE.failed(ago=MINUTE).superseded().proven(),
        (Action.RETIRE, "grace-over"),
    ),
    "10. nothing is retired while the newest value does not work": (
        SETTLED.superseded().failed(ago=MINUTE).proven(works=False),
        (Action.NOTHING, "backing-off"),
    ),
    "10. the order now ends the grace of the tokens before this version": (
        SETTLED.superseded(HOUR).stored(MINUTE).ordered_now().proven(),
        (Action.RETIRE, "grace-over"),
    ),
    "10. the order now spares a token younger than an hour": (
        SETTLED.superseded(HOUR - SECOND).stored(MINUTE).ordered_now(),
        (Action.NOTHING, "in-grace"),
    ),
    "10. the order now spares a token that is not older than this version": (
        SETTLED.superseded(2 * HOUR).stored(2 * HOUR).ordered_now(),
        (Action.NOTHING, "in-grace"),
    ),
    "10. the order now does not count for another value than the one it was given for": (
        SETTLED.superseded(HOUR).stored(MINUTE).ordered_now(OTHER_VALUE),
        (Action.NOTHING, "in-grace"),
    ),
    # 11
    "11. at its hour of the day the stored value is proven": (
        SETTLED.at(PROOF).but(scanned_at=PROOF - SECOND),
        (Action.PROVE, "daily"),
    ),
    "11. a second before that hour it is not": (
        SETTLED.at(PROOF - SECOND).but(scanned_at=PROOF - HOUR),
        (Action.NOTHING, "fresh"),
    ),
    "11. one scan a day is enough": (
        SETTLED.at(PROOF + HOUR).but(scanned_at=PROOF),
        (Action.NOTHING, "fresh"),
    ),
    "11. nobody knows of the last scan: an hour is assumed": (
        SETTLED.at(PROOF + HOUR - SECOND).but(scanned_at=None),
        (Action.PROVE, "daily"),
    ),
    "11. after a failed renewal the value is proven at every run": (
        DUE.failed(ago=MINUTE),
        (Action.PROVE, "attempt-failed"),
    ),
    "11. what was proven in this settling is not proven again": (
        SETTLED.at(PROOF).but(scanned_at=PROOF - SECOND).proven(),
        (Action.NOTHING, "fresh"),
    ),
    # 12
    "12. otherwise there is nothing to do": (SETTLED, (Action.NOTHING, "fresh")),
    "12. a failure that was never cleared away does not make a fresh token a failing one": (
        SETTLED.failed(3, ago=MINUTE).proven(),
        (Action.NOTHING, "fresh"),
    ),
    "12. nor does it hide that the predecessor is in grace": (
        SETTLED.failed(3, ago=MINUTE).superseded().stored(HOUR).proven(),
        (Action.NOTHING, "in-grace"),
    ),
}

QUESTIONS: Table = {
    "the session is asked for first": (SETTLED.untold(Fact.SESSION), Fact.SESSION),
    "then the tokens": (SETTLED.untold(Fact.TOKENS), Fact.TOKENS),
    "a missing id is reason to read the value": (SETTLED.unrecorded().glanced(), Fact.VALUE),
    "a token missing on the list is reason to read the value": (
        SETTLED.unlisted().glanced(),
        Fact.VALUE,
    ),
    "what is due is read before anything is done": (DUE.glanced(), Fact.VALUE),
    "a read value without id must first prove itself": (SETTLED.pasted(), Fact.PROOF),
    "then the older versions are asked for its id": (SETTLED.pasted().proven(), Fact.HISTORY),
    "the token of a restored value is looked up, if it is not listed": (
        SETTLED.pasted().proven().restored(None),
        Fact.RECORDED,
    ),
    "a token missing on the list is looked up": (SETTLED.unlisted(), Fact.RECORDED),
    "if it is known after all, its value must prove whether it is revoked": (
        SETTLED.unlisted().got(TOKEN),
        Fact.PROOF,
    ),
    "a token that expired since the list was made is looked up": (EXPIRED, Fact.RECORDED),
    "an expiry that differs is looked up before it is written": (
        SETTLED.kept(expires_at=None),
        Fact.RECORDED,
    ),
    "nothing is retired unproven": (SETTLED.superseded(), Fact.PROOF),
}
BOTH_MATCH = {
    "faulty tags, of a disabled version": SETTLED.mis_tagged().disabled(),
    "a disabled version of a watched secret": SETTLED.disabled().watched(),
    "a watched secret of an owner without session": SETTLED.watched().signed_out(),
    "no session, and a value that is nobody's": SETTLED.signed_out().pasted().proven(works=False),
    "a value that is nobody's, recorded as a foreign token": (
        SETTLED.but(recorded=FOREIGN).pasted().proven(works=False)
    ),
    "a foreign token that has expired": EXPIRED.got(FOREIGN),
    "an expired token, whose renewal was due long ago": EXPIRED.got(TOKEN),
    "a renewal is due, and the vault shows another expiry": (
        DUE.kept(expires_at=NOW).got(TOKEN).proven()
    ),
    "another expiry in the vault, and a grace that is over": (
        SETTLED.kept(expires_at=None).got(TOKEN).superseded().proven()
    ),
    "a grace that is over, at the hour of proof": (
        SETTLED.at(PROOF).superseded().but(scanned_at=PROOF - SECOND)
    ),
    "the hour of proof, of a fresh token": SETTLED.at(PROOF).but(scanned_at=PROOF - SECOND),
}


def cases(table: Table) -> pytest.MarkDecorator:
    """Make each sentence a test."""
    return pytest.mark.parametrize(("given", "expected"), table.values(), ids=table.keys())


@cases(DECISIONS)
def test_the_table(given: Given, expected: tuple[Action, str]) -> None:
    """Every rule says what its sentence says, with the same machine word each time."""
    decision = given.decide()

    assert isinstance(decision, Decision), decision
    assert (decision.action, decision.reason) == expected


@cases(QUESTIONS)
def test_the_questions(given: Given, expected: Fact) -> None:
    """A rule that cannot tell yet asks for just the fact that is missing."""
    assert given.decide() == Question(expected)


@pytest.mark.parametrize(
    ("given", "earlier", "later"),
    [
        (given, *rules)
        for given, rules in zip(BOTH_MATCH.values(), pairwise((*RULES, nothing)), strict=True)
    ],
    ids=BOTH_MATCH.keys(),
)
def test_the_first_rule_that_matches_wins(
    given: Given,
    earlier: Callable[..., Decision | Question | None],
    later: Callable[..., Decision | Question | None],
) -> None:
    """Of two neighbouring rules that both have something to say, the earlier is heard."""
    assert earlier(given.snapshot, given.now)
    assert isinstance(later(given.snapshot, given.now), Decision)
    assert given.decide() == earlier(given.snapshot, given.now)


def test_the_rules_are_in_the_order_of_their_numbers() -> None:
    """The number in a rule's docstring is its place in the table."""
    numbers = [str(rule.__doc__).split(".")[0] for rule in (*RULES, nothing)]

    assert numbers == [str(place) for place in range(1, 13)]


@pytest.mark.parametrize("given", [given for given, _ in DECISIONS.values()], ids=DECISIONS)
def test_a_glance_acts_on_nothing(given: Given) -> None:
    """From a list, which has no values, only rules 1 to 4 and 12 conclude anything."""
    decision = given.glanced().decide()

    if isinstance(decision, Decision):
        harmless = {Action.SKIP, Action.WATCH, Action.BLOCK, Action.NOTHING}
        assert decision.action in harmless or decision.reason == "mis-tagged"
    else:
        assert decision.fact is Fact.VALUE


@pytest.mark.parametrize(
    "given",
    [
        SETTLED,
        SETTLED.superseded(HOUR).stored(HOUR),
        SETTLED.watched().untold(Fact.SESSION),
        SETTLED.mis_tagged().untold(Fact.SESSION),
        SETTLED.disabled().untold(Fact.SESSION),
        SETTLED.signed_out().untold(Fact.TOKENS),
    ],
)
def test_what_needs_nothing_costs_nothing(given: Given) -> None:
    """A glance is enough for a fresh secret, and for one that is not acted on anyway."""
    assert isinstance(given.glanced().decide(), Decision)


@draw(
    session=st.booleans(),
    proof=st.booleans(),
    former=st.sampled_from([None, PREDECESSOR.authorization_id]),
    token=st.sampled_from([None, TOKEN, PREDECESSOR, FOREIGN, GLOBAL]),
    listed=st.booleans(),
    value=st.sampled_from([VALUE, OTHER_VALUE]),
    recorded=st.sampled_from([None, SETTLED.snapshot.mandate.recorded]),
    mode=st.sampled_from(Mode),
    failures=st.sampled_from([None, 0, 1, 7]),
    now=st.datetimes(NOW.replace(tzinfo=None), TOKEN.valid_to.replace(tzinfo=None) + DAY),
)
def test_the_rules_come_to_a_decision(**world: Any) -> None:  # noqa: ANN401 - drawn
    """However things are, each question is asked once at most, and then there is a decision."""
    now = world["now"].replace(tzinfo=NOW.tzinfo)
    token = world["token"]
    listed = token if world["listed"] else None
    answers: dict[Fact, dict[str, Any]] = {
        Fact.SESSION: {"session": Session(OWNER, is_working=world["session"])},
        Fact.TOKENS: {"bound": (listed,) if listed else (), "recorded": listed},
        Fact.VALUE: {"secret": replace(SETTLED.snapshot.secret, value=world["value"])},
        Fact.RECORDED: {"recorded": token},
        Fact.PROOF: {"proof": world["proof"]},
        Fact.HISTORY: {"former_id": world["former"], "recorded": listed},
    }
    failures = world["failures"]
    attempt = None if failures is None else Attempt(failures, NOW)
    given = SETTLED.glanced().untold(Fact.SESSION).untold(Fact.TOKENS).at(now)
    given = given.tagged(mode=world["mode"], recorded=world["recorded"], attempt=attempt)

    while isinstance(question := given.decide(), Question):
        given = given.told(question.fact, **answers.pop(question.fact))

    assert question.reason or question.action is Action.BLOCK
    assert question.message or question.action is Action.BLOCK


class TestWhatADecisionNames:
    """The token that a step is to work on, the sentence for people, and the next date."""

    def test_every_fault(self) -> None:
        """A rejection for its tags says every fault at once."""
        assert decision(SETTLED.mis_tagged()).message == (
            "tag pat-owner is wrong; tag pat-organization is missing"
        )

    def test_the_days_left(self) -> None:
        """A watched secret says how long it has, and until when."""
        given = SETTLED.watched().kept(expires_at=NOW + 20 * DAY + HOUR)

        assert decision(given).message == "watched; 20 days left, until 2026-12-12 08:30 UTC"

    def test_what_the_keeper_of_a_watched_secret_must_do(self) -> None:
        """Store the next value, before it is too late or after; or say until when it is good."""
        asked = "; its keeper must store the next value, with its expiry"
        soon, dead = NOW + 3 * DAY + HOUR, NOW - HOUR

        assert decision(SETTLED.watched().kept(expires_at=soon)).message == (
            f"watched; 3 days left, until 2026-11-25 08:30 UTC{asked}"
        )
        assert decision(SETTLED.watched().kept(expires_at=dead)).message == (
            f"watched; it expired on 2026-11-22 06:30 UTC{asked}"
        )
        assert decision(SETTLED.watched().kept(expires_at=None)).message == (
            "watched, but no expiry is set: nobody will be reminded; set it with az keyvault "
            "secret set-attributes --vault-name kv-build --name feed-token "
            "--expires YYYY-MM-DDT00:00:00Z"
        )

    @pytest.mark.parametrize(
        ("left", "expected"),
        [(SECOND, "0 days"), (DAY, "1 day"), (2 * DAY - SECOND, "1 day"), (2 * DAY, "2 days")],
    )
    def test_one_day_is_a_day(self, left: timedelta, expected: str) -> None:
        """Whole days are counted, and one of them is not called days."""
        given = SETTLED.watched().kept(expires_at=NOW + left)

        assert decision(given).message.startswith(f"watched; {expected} left, until ")

    def test_who_must_sign_in_and_by_when(self) -> None:
        """A blocked secret names its owner, and the expiry that the vault shows."""
        message = f"{OWNER} must sign in"

        assert decision(SETTLED.signed_out()).message == (
            f"{message}; 20 days left, until 2026-12-12 07:30 UTC"
        )
        assert decision(SETTLED.signed_out().kept(expires_at=NOW)).message == (
            f"{message}; it expired on 2026-11-22 07:30 UTC"
        )
        assert decision(SETTLED.signed_out().kept(expires_at=None)).message == message

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (
                SETTLED.pasted().proven(works=False),
                f"the stored value is no token of {PLACE}; paste one",
            ),
            (
                UNKNOWN.extended(),
                "only a recorded token is extended; set mode regenerate for one run",
            ),
            (
                UNKNOWN.bound(),
                f"no token of {PLACE} is marked {MARK}; end the name of this one there with it",
            ),
            (
                UNKNOWN.bound(TOKEN, WIDER),
                f"the tokens of {PLACE} marked {MARK} differ in scope; revoke the wrong ones",
            ),
        ],
        ids=["value-refused", "unknown-value", "nothing-bound", "scopes-differ"],
    )
    def test_what_to_do_about_a_value_that_nobody_knows(self, given: Given, expected: str) -> None:
        """A refusal of rule 5 says what is wrong, where, and how a person mends it."""
        assert decision(given).message == expected

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (
                SETTLED.unlisted().got(None),
                f"{PLACE} does not have the recorded token; store one that it has",
            ),
            (
                SETTLED.but(recorded=FOREIGN),
                f"the recorded token is not marked {MARK}; paste the value of one that is",
            ),
            (
                SETTLED.but(recorded=GLOBAL),
                "its token is not confined to contoso; paste the value of one that is",
            ),
        ],
        ids=["unknown-token", "foreign-token", "global-token"],
    )
    def test_what_to_do_about_a_token_that_is_not_the_secrets(
        self, given: Given, expected: str
    ) -> None:
        """A refusal of rule 6 does, too; and never by marking a token that is somebody else's."""
        assert decision(given).message == expected

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (
                DUE.failed(ago=MINUTE).proven(),
                "its renewal failed once; it is tried again on 2026-12-01 15:38 UTC",
            ),
            (
                REVOKED.failed(2, ago=MINUTE),
                (
                    "its token is dead, and its renewal failed 2 times; "
                    "it is tried again on 2026-11-22 09:24 UTC"
                ),
            ),
            (
                UNKNOWN.failed(ago=MINUTE),
                "its renewal failed once; it is tried again on 2026-11-22 08:24 UTC",
            ),
            (SETTLED.failed(ago=MINUTE).proven(), "its token is fresh"),
        ],
        ids=["a due token", "a dead one", "a value that nobody knows", "a fresh one"],
    )
    def test_what_backs_off(self, given: Given, expected: str) -> None:
        """A dead value is never called healthy, nor a fresh one failing."""
        assert decision(given).message == expected

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (UNKNOWN.bound(PREDECESSOR, TOKEN), TOKEN),
            (UNKNOWN.bound(TOKEN, PREDECESSOR), TOKEN),
            (SETTLED.pasted().proven().restored(PREDECESSOR), PREDECESSOR),
            (REVOKED, TOKEN),
            (DUE, TOKEN),
            (DUE.extended().got(TOKEN).proven(), TOKEN),
            (SETTLED.kept(expires_at=None).got(TOKEN).proven(), TOKEN),
        ],
        ids=[
            "an unknown value is renewed like the newest bound token",
            "in whatever order they are listed",
            "a restored value is adopted as its own token",
            "a dead token is renewed with the scope that is still reported for it",
            "a due token is renewed",
            "a due token is extended",
            "the real expiry is the token's",
        ],
    )
    def test_the_token(self, given: Given, expected: object) -> None:
        """A step is told which token it is about."""
        assert decision(given).token == expected

    def test_the_oldest_superseded_token(self) -> None:
        """Of several superseded tokens the oldest is retired first."""
        older = replace(PREDECESSOR, authorization_id="0", valid_from=NOW - 40 * DAY)
        given = SETTLED.bound(PREDECESSOR, TOKEN, older).proven()

        assert decision(given).token == older

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (SETTLED, RENEWAL),
            (SETTLED.superseded().stored(DAY), NOW + DAY),
            (SETTLED.at(RENEWAL - HOUR).superseded().stored(DAY), RENEWAL),
            (DUE.failed(ago=MINUTE).proven(), RENEWAL + 54 * MINUTE),
            (REVOKED.failed(ago=MINUTE), NOW + 54 * MINUTE),
            (UNKNOWN.failed(ago=MINUTE), NOW + 54 * MINUTE),
            (SETTLED.failed(ago=MINUTE).proven(), RENEWAL),
            (SETTLED.disabled(), None),
        ],
        ids=[
            "the renewal of a fresh token",
            "the end of the predecessor's grace",
            "whichever comes first",
            "the next attempt, while a renewal backs off",
            "the same for a dead token",
            "the same for a value that nobody knows",
            "the renewal of a fresh token, whatever failed before it was stored",
            "none, where nothing will be done",
        ],
    )
    def test_the_next_date(self, given: Given, expected: object) -> None:
        """A secret that is let alone says when something is expected to be done with it."""
        assert decision(given).next_at == expected


def test_what_was_just_renewed_is_let_alone() -> None:
    """A second look directly after a renewal finds nothing to do, however short the token lives."""
    for lifetime in (HOUR, DAY, 7 * DAY, 30 * DAY, 364 * DAY):
        token = replace(TOKEN, valid_from=NOW, valid_to=NOW + lifetime)
        given = SETTLED.stored(SECOND).current(**vars(token)).tagged(rotate_before=10 * DAY)

        assert decision(given).action is Action.NOTHING
        assert renewal_at(token, given.snapshot.mandate, NAME) - NOW >= lifetime / 2


def decision(given: Given) -> Decision:
    """Decide where no question is expected."""
    answer = decide(given.snapshot, given.now)
    assert isinstance(answer, Decision)
    return answer


@pytest.mark.parametrize("given", [given for given, _ in DECISIONS.values()], ids=DECISIONS)
def test_what_is_refreshed_retired_or_adopted_was_proven(given: Given) -> None:
    """These steps count on a proof: no rule names them before the value has proved true."""
    found = given.decide()

    if isinstance(found, Decision) and found.action in {
        Action.REFRESH,
        Action.RETIRE,
        Action.ADOPT,
    }:
        assert given.snapshot.proof is True
