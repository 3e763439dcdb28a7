"""The pace of vaults and owners, with time turned by hand: by the waiting, or by the test."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.border import WaitTooLongError
from rotation.adapters.pace import Pace, Paces
from rotation.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable

OK, TOO_MANY = 200, 429
ADA, BOB = "ada@contoso.example", "bob@contoso.example"


@dataclass
class Hand:
    """Turns the time."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    """What another thread does while one waits; once."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.slept.append(seconds)
        self.now += seconds
        done, self.meanwhile = self.meanwhile, lambda: None
        done()

    def paces(self, instances: int = 1) -> Paces:
        """Give the paces of another process."""
        return Paces(self.sleep, lambda: self.now, instances)

    def waited(self) -> float:
        """Tell for how long all have waited since the last look."""
        total = sum(self.slept)
        self.slept.clear()
        return total


@pytest.fixture
def hand() -> Hand:
    """Give the hand that turns the time."""
    return Hand()


def _left(left: float, limit: float = 200) -> dict[str, str]:
    return {"X-RateLimit-Limit": f"{limit:g}", "X-RateLimit-Remaining": f"{left:g}"}


def _begins(pace: Pace, times: int = 1) -> int:
    """Count how many of so many can begin at once."""
    with ExitStack() as begun:
        for number in range(times):
            try:
                begun.enter_context(pace.turn("somebody"))
            except BusyError:
                return number
    return times


def _refusal(pace: Pace) -> float:
    """Give the seconds after which it is worth coming again."""
    with pytest.raises(BusyError) as busy, pace.turn("somebody"):
        pass
    return busy.value.wait.total_seconds()


@pytest.mark.parametrize(("instances", "creates", "calls"), [(1, 240, 3200), (40, 6, 80)])
def test_a_vault_is_called_as_often_as_is_published_but_a_fifth(
    hand: Hand, instances: int, creates: int, calls: int
) -> None:
    """A process takes its share of four fifths of the limit in any ten seconds, and then waits."""
    paces = hand.paces(instances)
    for is_create, most in ((True, creates), (False, calls)):
        pace = paces.vault(f"kv-{is_create}")
        for _ in range(most):
            pace.admit(is_create=is_create)
        assert hand.waited() == 0
        pace.admit(is_create=is_create)
        assert hand.waited() == 10


def test_vaults_and_owners_are_counted_apart(hand: Hand) -> None:
    """One that is called often does not slow down another one; case makes no other one."""
    paces = hand.paces(240)
    paces.vault("kv-build").admit(is_create=True)
    paces.vault("kv-other").admit(is_create=True)
    assert hand.waited() == 0

    paces.vault("KV-Build").admit(is_create=True)

    assert hand.waited() == 10
    assert paces.owner(ADA) is paces.owner(ADA.upper()) is not paces.owner(BOB)


@pytest.mark.parametrize("status", [OK, TOO_MANY, 503])
def test_what_one_thread_is_told_all_obey(hand: Hand, status: int) -> None:
    """``Retry-After`` holds for whoever calls for that owner next, and for nobody else."""
    paces = hand.paces()
    paces.owner(ADA).heard(status, {"Retry-After": "7"})

    paces.owner(BOB).admit()
    assert hand.waited() == 0
    hand.now += 2
    paces.owner(ADA).admit()
    assert hand.waited() == 5
    paces.owner(ADA).admit()
    assert hand.waited() == 0


def test_who_waits_already_is_told_too(hand: Hand) -> None:
    """A wait that becomes longer while somebody waits is waited out to its end."""
    pace = hand.paces().owner(ADA)
    pace.heard(OK, {"Retry-After": "7"})
    hand.meanwhile = lambda: pace.heard(OK, {"Retry-After": "20"})

    pace.admit()

    assert hand.slept == [7, 20]


def test_a_shorter_wait_does_not_end_a_longer_one(hand: Hand) -> None:
    """The last word is not the one that counts, but the one that asks for most."""
    pace = hand.paces().owner(ADA)
    pace.heard(OK, {"Retry-After": "20"})
    pace.heard(OK, {"Retry-After": "7"})
    pace.stay_away(3)

    pace.admit()

    assert hand.slept == [20]


def test_refusals_without_a_word_are_backed_off_from(hand: Hand) -> None:
    """1, 2, 4, 8 and 16 seconds, as Key Vault asks; answers to what was sent before count once."""
    pace, waited = hand.paces().vault("kv-build"), list[float]()
    for _ in range(6):
        pace.admit()
        for _ in range(3):
            pace.heard(TOO_MANY, {})
        waited.append(hand.waited())
    pace.admit()
    assert [*waited[1:], hand.waited()] == [1, 2, 4, 8, 16, 16]

    pace.heard(OK, {})
    pace.heard(TOO_MANY, {})
    pace.admit()

    assert hand.waited() == 1


@pytest.mark.parametrize("asked", ["61", "86401", "9" * 5000], ids=["61", "a day", "for ever"])
def test_nobody_waits_for_longer_than_a_minute(hand: Hand, asked: str) -> None:
    """Then nothing is sent, and that is said at once, also to who waits already."""
    pace = hand.paces().owner(ADA)
    pace.stay_away(5)
    hand.meanwhile = lambda: pace.heard(OK, {"Retry-After": asked})
    for _ in range(2):
        with pytest.raises(WaitTooLongError):
            pace.admit()

    assert hand.slept == [5]


@pytest.mark.parametrize(
    ("left", "seconds"), [(200, 0), (100, 0), (75, 7.5), (50, 15), (0, 30), (0.5, 29.85)]
)
def test_an_owner_whose_limit_is_half_used_goes_slow(
    hand: Hand, left: float, seconds: float
) -> None:
    """Each call waits longer the less is left, up to what Azure DevOps would make it wait."""
    pace = hand.paces().owner(ADA)
    pace.heard(OK, _left(left))

    pace.admit()

    assert hand.waited() == pytest.approx(seconds)


def test_going_slow_ends(hand: Hand) -> None:
    """By a word that more is left, or by itself as the five minutes pass over which is counted."""
    pace = hand.paces().owner(ADA)
    pace.heard(OK, _left(0))
    pace.heard(OK, {})
    hand.now += 150
    pace.admit()
    assert hand.waited() == 15
    hand.now += 150
    pace.admit()
    assert hand.waited() == 0

    pace.heard(OK, _left(0))
    pace.heard(OK, _left(150))
    pace.admit()

    assert hand.waited() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": ""},
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "Sun, 22 Nov 2026 07:00:00 GMT"},
        {"Retry-After": "."},
        {"Retry-After": "inf"},
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Limit": "200"},
        {"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "nan"},
    ],
)
def test_what_makes_no_sense_is_not_heard(hand: Hand, headers: dict[str, str]) -> None:
    """A header that is missing, half there or no number changes nothing."""
    pace = hand.paces().owner(ADA)
    pace.heard(OK, headers)

    pace.admit()

    assert hand.waited() == 0


def test_parts_of_a_second_are_heard(hand: Hand) -> None:
    """A header may count with decimals."""
    pace = hand.paces().owner(ADA)
    pace.heard(OK, {"Retry-After": "1.25"})

    pace.admit()

    assert hand.waited() == 1.25


def test_as_many_begin_as_there_is_room_for_new_versions(hand: Hand) -> None:
    """A settling keeps room for one; what it did not need is free again at its end."""
    pace = hand.paces(40).vault("kv-build")

    assert [_begins(pace, 10), _begins(pace, 10)] == [6, 6]
    with pace.turn("somebody"):
        pace.admit(is_create=True)
        assert _begins(pace, 10) == 4
    assert _begins(pace, 10) == 5


def test_what_has_begun_does_not_wait_for_room(hand: Hand) -> None:
    """The waiting is done before it begins: nobody stands between a create and its store."""
    pace = hand.paces(40).vault("kv-build")
    for _ in range(50):
        while not _begins(pace):
            hand.now += _refusal(pace)
        with pace.turn("somebody"):
            pace.admit(is_create=True)

    assert hand.slept == []
    assert hand.now == pytest.approx(1000 + 80)


def test_who_comes_too_early_is_told_when_to_come_again(hand: Hand) -> None:
    """When the oldest new version counts no more; or after a span, while others keep all room."""
    pace = hand.paces(120).vault("kv-build")
    pace.admit(is_create=True)
    hand.now += 4
    pace.admit(is_create=True)
    assert _refusal(pace) == 6
    hand.now += 5.99
    assert _refusal(pace) == pytest.approx(0.1)

    hand.now += 20
    with pace.turn("one"), pace.turn("another"):
        assert _refusal(pace) == 10


def test_nothing_begins_where_a_service_asks_to_be_left_alone(hand: Hand) -> None:
    """A vault or an owner that was told to wait is left alone; the others are not."""
    paces = hand.paces()
    paces.vault("kv-build").heard(TOO_MANY, {})
    paces.owner(ADA).heard(OK, {"Retry-After": "300"})

    assert _refusal(paces.vault("kv-build")) == 1
    assert _refusal(paces.owner(ADA)) == 300
    with paces.of_vault("kv-other"), paces.of_owner(BOB):
        pass
    with (
        pytest.raises(BusyError, match="Azure DevOps for ada@"),
        paces.of_owner(ADA),
    ):
        pass
    with pytest.raises(BusyError, match="the vault kv-build is called") as busy:
        paces.of_vault("kv-build").__enter__()
    assert busy.value.wait == timedelta(seconds=1)


def test_an_owner_who_is_short_of_calls_is_served_by_one_thread(hand: Hand) -> None:
    """So the others are not stuck behind waits that are all for the same owner."""
    pace = hand.paces().owner(ADA)
    assert _begins(pace, 8) == 8

    pace.heard(OK, _left(50))

    assert _begins(pace, 8) == 1
    with pace.turn("somebody"):
        assert _refusal(pace) == 15


def test_so_many_calls_for_an_owner_are_enough(hand: Hand) -> None:
    """Nobody knows what one uses: after 1,600 in five minutes, what has begun ends, and no more."""
    pace = hand.paces().owner(ADA)
    begun = 0
    while _begins(pace):
        for _ in range(10):
            pace.admit()
        begun += 1
    assert begun == 160
    with pytest.raises(BusyError):
        _ = [pace.turn("somebody").__enter__() for _ in range(2)]
    pace.admit()

    assert hand.waited() == 0
    hand.now += 300
    assert _begins(pace)
