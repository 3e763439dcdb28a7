"""A window on pages of the product, and who judges what is seen in it: axe-core.

One window serves all tests of a process: it is given another answer, another screen, other colours.
What each page looks like is left in ``build/screens``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.app.chromium import PATIENCE_MILLISECONDS, SCREENS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

    from rotation.page.page import Page as Answer

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screens"
AXE = ROOT / ".witnesses" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SITE = "https://pats.example"
LOOKS = tuple(product(SCREENS, ("light", "dark")))
"""Each screen, in light and in dark colours."""
PAIRS = (LOOKS[0::3], LOOKS[1:3])
"""Two looks have between them both screens and both colours."""
PAPER = {"width": 794, "height": 1123}
"""A4, in pixels of CSS."""
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
CUT = """() => {
  const isUnseen = one => one && (getComputedStyle(one).clipPath !== "none"
    || isUnseen(one.parentElement));
  return [...document.querySelectorAll("html, body, body *:not(svg *, .scroll, input)")]
    .filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1 && !isUnseen(one))
    .map(one => one.outerHTML.slice(0, 120));
}"""
"""What is wider than its place, but for what may be scrolled, and for pictures."""
REACHABLE = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']"
STOP = f"""() => {{
  const one = document.activeElement, style = getComputedStyle(one);
  const box = one.getClientRects()[0];
  const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {{
    number: [...document.querySelectorAll("{REACHABLE}")].indexOf(one),
    name: one.getAttribute("name") || one.innerText.trim() || one.outerHTML,
    isMarked: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
    isOnTop: one.contains(there),
  }};
}}"""
"""Where the keyboard has led: which element, whether that is seen, and nothing lies upon it."""


@dataclass
class Window:
    """One window, and what happens behind it."""

    page: Page
    answer: Answer | None = None
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Hear what the browser says, and answer whatever it asks for."""
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.route("**/*", self._fulfill)

    def show(self, answer: Answer, screen: str = "desktop", scheme: str = "light") -> None:
        """Load an answer of the product; what happened before is forgotten."""
        self.answer = answer
        self.look(screen, scheme)
        self.page.goto("about:blank")
        self.complaints.clear()
        self.asked.clear()
        self.page.goto(f"{SITE}/")

    def look(self, screen: str, scheme: str) -> None:
        """Look at the same page on another screen, in other colours."""
        width, height = SCREENS[screen]
        self.page.emulate_media(
            media="screen", color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page.set_viewport_size({"width": width, "height": height})

    def print(self) -> None:
        """Look at the same page on paper, whatever the colours of the screen were."""
        self.page.emulate_media(media="print")
        self.page.set_viewport_size({"width": PAPER["width"], "height": PAPER["height"]})

    def _fulfill(self, route: Route) -> None:
        assert self.answer
        self.asked.append(route.request.url)
        headers = dict(self.answer.headers)
        route.fulfill(status=self.answer.status, body=self.answer.body, headers=headers)

    def violations(self) -> list[str]:
        """Give what axe-core finds wrong: which rule, and where."""
        if self.page.evaluate("typeof axe === 'undefined'"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(f"axe.run({{runOnly: {RULES!r}, resultTypes: ['violations']}})")
        return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found["violations"]]

    @property
    def cut(self) -> list[str]:
        """Give what is wider than its place: it is cut off, or lies upon something else."""
        found: list[str] = self.page.evaluate(CUT)
        return found

    @property
    def foreign(self) -> list[str]:
        """Give what is on the page, or has run, and must not."""
        found: list[str] = self.page.evaluate(FOREIGN)
        return found

    def stops(self) -> list[dict[str, Any]]:
        """Press the key that leads on until it leads out of the page, or to its beginning again."""
        found: list[dict[str, Any]] = []
        for _ in range(self.reachable + 1):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement === document.body"):
                break
            stop = self.page.evaluate(STOP)
            if found and stop["number"] == found[0]["number"]:
                break
            found.append(stop)
        return found

    @property
    def reachable(self) -> int:
        """Count what the keyboard must lead to."""
        return self.page.locator(REACHABLE).count()

    def keep(self, name: str, *, is_whole: bool = True) -> None:
        """Leave a picture of the page for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=is_whole)


@pytest.fixture(scope="session")
def window(chromium: Browser) -> Iterator[Window]:
    """Give the one window of this process."""
    if not AXE.exists():
        pytest.skip("needs axe-core: make witnesses")
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield Window(context.new_page())
    context.close()
