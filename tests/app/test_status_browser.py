"""The pages in a real browser: every size and state, each screen, light and dark, on paper.

They are made without a world, and the browser gets them with the headers of the product.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest

from rotation.fleet import State
from tests.app import pages
from tests.app.chromium import SCREENS
from tests.app.pages import HOSTILE, OTHERS, SIZES, in_state, of_fleet, of_secret
from tests.app.window import LOOKS, PAIRS, SITE
from tests.unit.fleets import fleet

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.page.page import Page
    from tests.app.window import Window

    Examine = Callable[..., None]

LARGEST = 100_000
"""Bytes of a page, whatever the size of the fleet."""
MOST_ROWS = 26
"""Of a fleet that is looked at as a whole, and not only as much of it as a screen has."""
LATER_PAGES = [
    pytest.param(number, marks=[] if number in {7, 13, 20} else [pytest.mark.proof])
    for number in range(2, 21)
]
"""Of a fleet of two thousand."""
ODD = {"Cc", "Cf", "Co", "Cn"}
"""Kinds of characters that are obeyed and not seen."""
WALKS: dict[str, Callable[[], Page]] = {
    "fleet": lambda: of_fleet(fleet(9)),
    "secret": lambda: of_secret(in_state(State.RETIRING)),
    "events": OTHERS["events"],
    "welcome": OTHERS["welcome"],
    "refused": OTHERS["refused"],
}
"""The pages on which there is something to press."""
ATTACKS = pages.attacks()


def is_status(text: str) -> bool:
    """Whether the browser itself complains of an answer that is no success, as it does of each."""
    return "responded with a status of" in text


@pytest.fixture
def examine(window: Window, is_proof: bool) -> Examine:  # noqa: FBT001 - a fixture
    """Look at a page, keep its pictures, and find nothing wrong with it.

    Both screens and both colours, in one of two pairs by turns; each with each for the proof.
    """

    def examine(name: str, answer: Page, turn: int, *, is_whole: bool = True) -> None:
        window.show(answer)
        assert window.foreign == []
        for screen, scheme in LOOKS if is_proof else PAIRS[turn % len(PAIRS)]:
            window.look(screen, scheme)
            window.keep(f"{name}-{screen}-{scheme}", is_whole=is_whole)
            assert window.cut == [], screen
            assert window.violations() == [], (screen, scheme)
        assert [text for text in window.complaints if not is_status(text)] == []
        assert window.asked == [f"{SITE}/"]

    return examine


@pytest.mark.parametrize(("turn", "size"), [*enumerate(SIZES)])
def test_a_fleet_of_any_size_is_seen(examine: Examine, turn: int, size: str) -> None:
    """Nothing is cut off, blocked, asked from elsewhere or inaccessible; and it is small."""
    shown = SIZES[size]()
    answer = of_fleet(shown)

    examine(f"fleet-{size}", answer, turn, is_whole=len(shown.findings) <= MOST_ROWS)

    assert len(answer.body.encode()) < LARGEST


@pytest.mark.parametrize("number", LATER_PAGES)
def test_no_page_of_a_large_fleet_has_anything_wrong(window: Window, number: int) -> None:
    """Secrets in every state follow one another; each page is looked at in one of the ways."""
    answer = of_fleet(SIZES["two-thousand"](), page=str(number))
    screen, scheme = LOOKS[number % len(LOOKS)]

    window.show(answer, screen, scheme)

    assert f"Page {number} of 20" in window.page.locator("body").inner_text()
    assert window.cut == []
    assert window.violations() == []
    assert len(answer.body.encode()) < LARGEST


@pytest.mark.parametrize(("turn", "state"), [*enumerate(State)])
def test_a_secret_in_any_state_is_seen(
    examine: Examine, window: Window, turn: int, state: State
) -> None:
    """Its life is a picture with a name and words; nothing is cut off or inaccessible."""
    examine(f"secret-{state}", of_secret(in_state(state)), turn)

    assert window.page.get_by_role("img", name="Line of life").is_visible()


@pytest.mark.parametrize(("turn", "name"), [*enumerate(OTHERS)])
def test_every_other_page_is_seen(examine: Examine, turn: int, name: str) -> None:
    """Events, what a sign-in needs, and each refusal: people see those, too."""
    examine(name, OTHERS[name](), turn)


@pytest.mark.parametrize("name", ["fleet", "secret", "events"])
def test_on_paper_there_is_nothing_to_press(window: Window, name: str) -> None:
    """What is told is there, black on white, also when the screen is dark."""
    window.show(WALKS[name](), scheme="dark")
    window.print()
    window.keep(f"paper-{name}")

    assert window.page.get_by_role("table").first.is_visible()
    pressed = window.page.get_by_role("button").or_(window.page.get_by_role("search"))
    assert not pressed.or_(window.page.get_by_role("navigation")).count()
    assert not window.page.get_by_role("link", name="Sign in").count()
    assert window.cut == []
    assert window.violations() == []
    ground = "getComputedStyle(document.body).backgroundColor"
    assert window.page.evaluate(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", WALKS)
def test_the_keyboard_is_enough(window: Window, name: str, screen: str) -> None:
    """It leads to everything, in the order in which it is read; each stop is seen."""
    window.show(WALKS[name](), screen)

    stops = window.stops()

    assert [stop["number"] for stop in stops] == list(range(window.reachable))
    assert [stop["name"] for stop in stops if not (stop["isMarked"] and stop["isOnTop"])] == []


@pytest.mark.parametrize("name", ["fleet", "secret", "events"])
def test_the_first_key_leads_past_the_head_of_the_page(window: Window, name: str) -> None:
    """And the next one from there to what comes first in it."""
    window.show(WALKS[name]())

    window.page.keyboard.press("Tab")
    assert window.page.locator(":focus-visible").inner_text() == "Skip to the content"
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.tagName") == "MAIN"
    window.page.keyboard.press("Tab")
    assert window.page.locator("main :focus-visible").count() == 1


def test_filters_are_in_the_address(window: Window) -> None:
    """Links and a form lead to other rows of the same page, and nowhere else."""
    window.show(of_fleet(fleet(40), state="fresh", vault="kv-web"))

    page = window.page
    chip = page.get_by_role("navigation", name="By state").get_by_role("link", name="due")
    assert chip.get_attribute("href") == "/?vault=kv-web&state=due"
    page.get_by_label("Name").fill("a b&c=d")
    page.get_by_role("button", name="Show").click()
    page.wait_for_load_state()

    assert window.asked[-1] == f"{SITE}/?state=fresh&vault=kv-web&owner=&search=a+b%26c%3Dd"
    assert window.complaints == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_from_outside_is_markup(window: Window, attack: str) -> None:
    """It is shown as it is: nothing runs, breaks out of its place, or turns the text around."""
    window.show(ATTACKS[attack])

    assert window.foreign == []
    assert [text for text in window.complaints if not is_status(text)] == []
    assert window.asked == [f"{SITE}/"]
    shown = window.page.locator("body").inner_text()
    values = window.page.locator("input").evaluate_all("all => all.map(one => one.value)")
    assert "{{7*7}} {% raw %}" in "".join([shown, *values])
    assert HOSTILE.lower()[:40] in "".join([shown, *values]).lower()
    assert "their own" not in shown
    assert {letter for letter in shown if unicodedata.category(letter) in ODD} <= {"\n", "\t"}
    for screen in SCREENS:
        window.look(screen, "light")
        assert window.cut == [], screen
