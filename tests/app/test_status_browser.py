"""The pages of the fleet in a real browser: every size, every scheme, on a phone and on paper.

The pages are made of fleets without a world, and the browser gets them with the headers of the
product. What each looks like is left in ``build/screens``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rotation.decision import Decision, Finding
from rotation.fleet import State
from rotation.model import ManagedSecret, SecretName
from rotation.page import event_view, fleet_view, look, secret_view, wanted
from rotation.page.secret_view import Past
from rotation.session import Session
from tests.app.chromium import PATIENCE_MILLISECONDS, SCREENS
from tests.unit.fleets import STATES, finding, fleet, happened, versions
from tests.unit.given import DAY, NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page, Route

    from rotation.fleet import Fleet
    from rotation.page.page import Page as Answer

    Open = Callable[..., AbstractContextManager["Window"]]

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screens"
AXE = ROOT / ".witnesses" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SITE = "https://pats.example"
LARGEST = 100_000
"""Bytes of a page, whatever the size of the fleet."""
HOSTILE = "\"'><script>attacked=1</script><img src=x onerror=attacked=1></title></style>{{7*7}}"
LOOKS = [("desktop", "dark"), ("phone", "light"), ("desktop", "light"), ("phone", "dark")]
FOREIGN = r"""[
  ...(typeof attacked === "undefined" ? [] : ["attacked"]),
  ...[...document.querySelectorAll("script, img, iframe, object, embed, base, meta[http-equiv]")]
    .map(one => one.outerHTML),
  ...[...document.querySelectorAll("*")].flatMap(one => [...one.attributes]
    .filter(a => a.name.startsWith("on") || a.name === "style"
      || (["href", "src", "action"].includes(a.name) && !/^(\/(?!\/)|#)/.test(a.value)))
    .map(a => `${a.name}=${a.value}`)),
]"""
"""What has run, elements that the pages do not have, handlers, and ways to other places."""
PAPER = {"width": 794, "height": 1123}


@dataclass
class Window:
    """One window on one page, and what happens behind it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Give what axe-core finds wrong: which rule, and where."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(f"axe.run({{runOnly: {RULES!r}}})")
        return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found["violations"]]

    @property
    def is_in_full_width(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            )
        )

    @property
    def foreign(self) -> list[str]:
        """Give what is on the page, or has run, and must not."""
        found: list[str] = self.page.evaluate(FOREIGN)
        return found


@pytest.fixture
def open_page(chromium: Browser) -> Open:
    """Give a function that opens an answer of the product in a window."""

    @contextmanager
    def open_page(
        answer: Answer, screen: str = "desktop", scheme: str = "light"
    ) -> Iterator[Window]:
        width, height = SCREENS[screen]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        window = Window(context.new_page())

        def fulfill(route: Route) -> None:
            window.asked.append(route.request.url)
            headers = dict(answer.headers)
            route.fulfill(status=answer.status, body=answer.body, headers=headers)

        window.page.on("console", lambda message: window.complaints.append(message.text))
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.page.on("dialog", lambda dialog: window.complaints.append(dialog.message))
        window.page.route("**/*", fulfill)
        window.page.goto(f"{SITE}/")
        try:
            yield window
        finally:
            context.close()

    return open_page


def page_of(shown: Fleet, **parameters: str) -> Answer:
    """Make the page of a fleet."""
    seen = fleet_view.view(shown, wanted.read(parameters))
    rows = happened(shown.findings[0]) if shown.findings else []
    return look._page("fleet.html", view=seen, events=event_view.view(rows, size=10))  # noqa: SLF001 - without a world


def page_of_one(one: Finding, past: Past | None = None) -> Answer:
    """Make the page of one secret."""
    past = past or Past(events=tuple(happened(one)), versions=versions(one))
    return look._page("secret.html", view=secret_view.view(one, past, NOW, 3 * DAY))  # noqa: SLF001 - as above


SIZES: dict[str, Callable[[], Fleet]] = {
    "none": lambda: fleet(0, [State.FRESH]),
    "one": lambda: fleet(1, [State.FRESH]),
    "fresh": lambda: fleet(26, [State.FRESH] * 5 + [State.RETIRING, State.WATCHED]),
    "two-hundred": lambda: fleet(200),
    "two-thousand": lambda: fleet(2000),
}


@pytest.mark.parametrize(("screen", "scheme"), LOOKS[2:])
@pytest.mark.parametrize("size", SIZES)
def test_a_fleet_of_any_size_is_seen(open_page: Open, size: str, screen: str, scheme: str) -> None:
    """Nothing is cut off, blocked, asked from elsewhere or inaccessible; and it is small."""
    answer = page_of(SIZES[size]())

    with open_page(answer, screen, scheme) as window:
        assert window.is_in_full_width
        assert window.foreign == []
        # A page of two thousand has the same parts as one of two hundred.
        is_whole = size != "two-thousand"
        keep(window.page, f"fleet-{size}-{screen}-{scheme}", is_whole=is_whole)
        assert not is_whole or window.violations() == []
        assert window.complaints == []
        assert window.asked == [f"{SITE}/"]
    assert len(answer.body.encode()) < LARGEST


@pytest.mark.parametrize(
    ("state", "screen", "scheme"),
    [(state, *LOOKS[n % len(LOOKS)]) for n, state in enumerate(State)],
)
def test_a_secret_in_any_state_is_seen(
    open_page: Open, state: State, screen: str, scheme: str
) -> None:
    """Its life is a picture with a name and words; nothing is cut off or inaccessible."""
    one = finding(STATES[state](20), SecretName("kv-build", "feed-token"))

    with open_page(page_of_one(one), screen, scheme) as window:
        keep(window.page, f"secret-{state}-{screen}-{scheme}")
        assert window.page.get_by_role("img", name="Line of life").is_visible()
        assert window.is_in_full_width
        assert window.violations() == []
        assert window.complaints == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_events_are_seen(open_page: Open, screen: str) -> None:
    """A long page of them; nothing is cut off or inaccessible."""
    one = finding(STATES[State.FRESH](20), SecretName("kv-build", "feed-token"))
    seen = event_view.view(happened(one) * 4, "all", 2, 30)

    with open_page(look._page("events.html", view=seen, days=31), screen) as window:  # noqa: SLF001 - without a world
        keep(window.page, f"events-{screen}")
        assert window.is_in_full_width
        assert window.violations() == []
        assert window.complaints == []


def test_on_paper_there_is_nothing_to_press(open_page: Open) -> None:
    """The table and its bars are there, black on white, also when the screen is dark."""
    with open_page(page_of(SIZES["two-hundred"]()), scheme="dark") as window:
        window.page.emulate_media(media="print")
        window.page.set_viewport_size({"width": PAPER["width"], "height": PAPER["height"]})
        keep(window.page, "fleet-paper")

        assert window.page.get_by_role("table").first.is_visible()
        assert not window.page.get_by_role("button").or_(window.page.get_by_role("search")).count()
        assert window.is_in_full_width
        ground = "getComputedStyle(document.body).backgroundColor"
        assert window.page.evaluate(ground) == "rgb(255, 255, 255)"


def test_the_keyboard_is_enough(open_page: Open) -> None:
    """The first key leads past the head of the page; each stop is seen, and is where it seems."""
    with open_page(page_of(fleet(9))) as window:
        stops = []
        for _ in range(14):
            window.page.keyboard.press("Tab")
            focused = window.page.locator(":focus-visible")
            stops.append(focused.inner_text() or str(focused.get_attribute("name")))
            assert focused.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        assert stops[0] == "Skip to the content"
        assert stops[2:5] == ["Fleet", "Events", "Connect an account"]
        assert "Sign in" in stops


def test_filters_are_in_the_address(open_page: Open) -> None:
    """Links and a form lead to other rows of the same page, and nowhere else."""
    shown = fleet(40)

    with open_page(page_of(shown, state="fresh", vault="kv-web")) as window:
        page = window.page
        chip = page.get_by_role("navigation", name="By state").get_by_role("link", name="due")
        assert chip.get_attribute("href") == "/?vault=kv-web&state=due"
        page.get_by_label("Name").fill("a b&c=d")
        page.get_by_role("button", name="Show").click()
        page.wait_for_load_state()

        assert window.asked[-1] == f"{SITE}/?state=fresh&vault=kv-web&owner=&search=a+b%26c%3Dd"
        assert window.complaints == []


def hostile() -> Finding:
    """Give a secret everything of which is hostile that comes from outside."""
    one = finding(STATES[State.FAILING](4), SecretName("kv-build", "feed-token"))
    s = one.snapshot
    assert s.recorded
    token = replace(s.recorded, display_name=HOSTILE, scopes=frozenset({HOSTILE}))
    name = SecretName(HOSTILE, HOSTILE)
    tags = {HOSTILE: "their own", "team": HOSTILE, "pat-rotation": HOSTILE}
    secret = ManagedSecret(name, s.secret.created_at, NOW + DAY, tags, content_type=HOSTILE)
    mandate = replace(s.mandate, owner=HOSTILE, organization=HOSTILE)
    s = replace(s, secret=secret, mandate=mandate, recorded=token, bound=(token,))
    assert one.decision
    return Finding(s, Decision(one.decision.action, HOSTILE, HOSTILE))


def hostile_rows() -> list[Mapping[str, str]]:
    """Give events every key of which is hostile."""
    one = finding(STATES[State.FRESH](4), SecretName("kv-build", "feed-token"))
    rows = happened(one)
    return [*({**row, "message": HOSTILE} for row in rows), dict.fromkeys(rows[0], HOSTILE)]


def attacks() -> dict[str, Answer]:
    """Give each page with hostile texts wherever there may be one."""
    lost = Session(HOSTILE, is_working=False, reason="sign-in-needed", message=HOSTILE)
    shown = replace(fleet(4), findings=(hostile(), *fleet(4).findings), sessions=(lost,))
    asked = dict.fromkeys(("vault", "owner", "state", "search", "page"), HOSTILE)
    past = Past(tuple(hostile_rows()), "", versions(hostile()), "")
    events: dict[str, Any] = {"view": event_view.view(hostile_rows(), HOSTILE), "days": 31}
    return {
        "fleet": page_of(shown),
        "filtered": page_of(shown, **asked),
        "secret": page_of_one(hostile(), past),
        "notes": page_of_one(hostile(), Past(events_note=HOSTILE, versions_note=HOSTILE)),
        "events": look._page("events.html", **events),  # noqa: SLF001 - without a world
        "refused": look._refused(  # noqa: SLF001 - as above
            look.Request({}, {}, None), look.Refusal(403, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
        ),
    }


ATTACKS = attacks()


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_from_outside_is_markup(open_page: Open, attack: str) -> None:
    """It is shown as it is: nothing runs, and nothing breaks out of its place."""
    with open_page(ATTACKS[attack]) as window:
        assert window.foreign == []
        # Of a page with such a status the browser itself says so; of anything else it must not.
        assert [text for text in window.complaints if "status of 403" not in text] == []
        assert window.asked == [f"{SITE}/"]
        shown = window.page.locator("body").inner_text()
        values = window.page.locator("input").evaluate_all("all => all.map(one => one.value)")
        assert HOSTILE.lower()[:40] in "".join([shown, *values]).lower()
        assert "their own" not in shown
    with open_page(ATTACKS[attack], "phone") as window:
        assert window.is_in_full_width


def keep(page: Page, name: str, *, is_whole: bool = True) -> None:
    """Leave a picture of a page for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=is_whole)


@pytest.fixture(autouse=True)
def has_axe() -> None:
    """Leave these tests out where what judges the pages is not installed."""
    if not AXE.exists():
        pytest.skip("needs axe-core: make witnesses")
