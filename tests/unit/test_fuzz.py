"""Whatever chance makes of tags, names and snapshots, it is read, refused or answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotation import tags
from rotation.attempt import begin
from rotation.decision import Action, Decision, Question, Snapshot
from rotation.model import Defaults, Mode
from rotation.policy import decide
from rotation.report import ENDINGS
from tests.unit.chance import SEED, TAGS_ON_A_SECRET, WELL, Chance
from tests.unit.given import DAY, HOUR, NOW, OWNER, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotation.model import Attempt, Mandate, Recorded

CASES, PROOF_CASES = 10_000, 100_000
"""How many of each, usually and in the full form; more of them find more."""

DEFAULTS = Defaults((OWNER,), lifetime=30 * DAY, max_lifetime=90 * DAY, grace_period=48 * HOUR)
LONGEST_VALUE = 256
LONGEST_FAULT = 520
"""Forty characters, each of which may be spelled with ten, and what was expected."""
WRITTEN = {"pat-authorization-id", "pat-retire", "pat-attempt"}


@pytest.fixture
def cases(*, is_proof: bool, tally: Callable[[str, int], None]) -> int:
    """Tell how many, and count them."""
    count = PROOF_CASES if is_proof else CASES
    tally("fuzz cases", count)
    return count


def test_whatever_is_in_tags_is_read_or_refused_and_written_as_it_was_meant(cases: int) -> None:
    """Faults are plain and quote nothing long; what is written is read again, and is stable."""
    read_and_write_tags(cases)


def test_every_fault_is_told_at_once(cases: int) -> None:
    """What is wrong with a tag alone is told of it among all others, too."""
    chance = Chance(SEED + 1)
    for _ in range(cases // 10):
        asked = chance.tags()
        told = {_subject(fault) for fault in tags.parse(asked, DEFAULTS).faults}
        for name in asked.keys() & WELL.keys():
            alone = tags.parse({name: asked[name]}, DEFAULTS).faults
            is_faulty = any(fault.startswith(f"tag {name} is ") for fault in alone[:1])
            assert not is_faulty or name in told, asked


def test_a_name_is_bound_by_its_own_mark_only(cases: int) -> None:
    """However a display name is made up: its end is the secret's mark, or it is not."""
    read_names(cases)


def test_whatever_is_observed_is_decided(cases: int) -> None:
    """Every snapshot is answered; none acts on what it has not read, or has no right to."""
    decide_snapshots(cases)


def read_and_write_tags(count: int) -> None:
    """Read so many sets of tags, and write to them what the rotator writes."""
    chance = Chance(SEED)
    for _ in range(count):
        asked, recorded = chance.tags(), chance.recorded()
        mandate = tags.parse(asked, DEFAULTS)
        check_faults(asked, mandate)
        attempt = begin(mandate.attempt, chance.instant())
        check_writing(asked, recorded, attempt)
        if not mandate.faults and mandate.mode is not Mode.WATCH:
            assert mandate.place.isprintable()
            assert DAY <= mandate.lifetime <= 90 * DAY
            assert mandate.rotate_before < mandate.lifetime
            assert mandate.grace_period >= HOUR
            after = tags.attempted(tags.stored(asked, recorded), attempt)
            assert not tags.parse(after, DEFAULTS).faults
            assert len(after) <= TAGS_ON_A_SECRET


def check_faults(asked: Mapping[str, str], mandate: Mandate) -> None:
    """See that what is said of faulty tags is short and plain, and quotes nothing long."""
    for fault in mandate.faults:
        assert fault.isascii(), asked
        assert fault.isprintable(), asked
        assert len(fault) <= LONGEST_FAULT, asked
    assert len({*mandate.faults}) == len(mandate.faults)
    said = "; ".join(mandate.faults)
    for text in asked.values():
        assert len(text) <= tags.SHOWN_LENGTH or text[: tags.SHOWN_LENGTH] not in said, asked


def check_writing(asked: dict[str, str], recorded: Recorded, attempt: Attempt) -> None:
    """See that what is written is what was meant, beside everybody else's tags as they were."""
    stored, adopted = tags.stored(asked, recorded), tags.adopted(asked, recorded)
    written = tags.attempted(stored, attempt)
    read = tags.parse(written, DEFAULTS)
    assert (read.recorded, read.attempt, read.retire_now) == (recorded, attempt, None), asked
    assert {_subject(fault) for fault in read.faults}.isdisjoint(WRITTEN), asked
    assert tags.recorded_in(adopted) == recorded
    assert tags.names(adopted, recorded.authorization_id)
    assert tags.attempted(tags.adopted(written, recorded), attempt) == written
    assert tags.stored(written, recorded) == tags.succeeded(written) == stored
    others = {name: text for name, text in asked.items() if name not in WRITTEN}
    assert stored == {**others, tags.AUTHORIZATION_ID: stored[tags.AUTHORIZATION_ID]}
    assert adopted == {**asked, tags.AUTHORIZATION_ID: stored[tags.AUTHORIZATION_ID]}
    assert max(len(written[name]) for name in written.keys() & WRITTEN) <= LONGEST_VALUE


def read_names(count: int) -> None:
    """Look for so many secrets' marks in display names."""
    chance = Chance(SEED + 3)
    for _ in range(count):
        secret = chance.name()
        mark = chance.choice((secret.mark, secret.mark.swapcase(), chance.name().mark))
        shown = chance.choice(
            (f"{chance.text(60)}{mark}", chance.nearly(f"{chance.text(9)}{mark}"))
        )
        token = replace(TOKEN, display_name=shown)
        end = shown[-len(secret.mark) :]
        is_marked = end.isascii() and end.lower() == secret.mark.lower()
        assert token.is_bound_to(secret) is is_marked, shown
        assert token.marked is None or f"{token.marked.mark}".lower() == token.marked.mark
        assert 0 <= secret.fraction("spread") < 1


def decide_snapshots(count: int) -> None:
    """Decide about so many snapshots."""
    chance = Chance(SEED + 4)
    for _ in range(count):
        s = chance.snapshot()
        answer = decide(s, NOW)
        if isinstance(answer, Question):
            assert answer.fact not in s.known, s
            continue
        assert answer.reason
        assert answer.message.isprintable()
        if answer.action not in ENDINGS:
            check_act(s, answer)


def check_act(s: Snapshot, decision: Decision) -> None:
    """See that a snapshot gives the right to what was decided."""
    assert s.secret.value, s
    assert s.secret.enabled, s
    assert not s.mandate.faults, s
    assert s.mandate.mode is not Mode.WATCH, s
    assert s.session, s
    assert s.session.is_working, s
    if decision.action is not Action.PROVE:
        assert decision.token, s
        assert decision.token.is_bound_to(s.secret.name), s
    if decision.action in {Action.ADOPT, Action.REFRESH, Action.RETIRE}:
        assert s.proof, s
    if decision.action is Action.RETIRE:
        assert decision.token != s.recorded, s


def _subject(fault: str) -> str:
    return fault.split()[1]
