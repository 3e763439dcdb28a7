"""What the terminal shows of a small fleet: as ``tests/unit/pictures`` keeps it, or written anew.

``python -m tests.unit.drawings`` writes the files again; what has changed is then to be looked at.
"""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from rotation.console.life import LifeLine
from rotation.console.standing import Standings
from rotation.fleet import Fleet, State
from rotation.model import SecretName
from rotation.timeline.life import life
from tests.unit.fleets import ADA, STATES, finding, fresh, happened
from tests.unit.given import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

KEPT = Path(__file__).parent / "pictures"
WIDTHS = (100, 80, 60, 40)
ENCODINGS = {"utf-8": "", "ascii": "-ascii"}
NAMES = {
    State.FRESH: "kv-build/feed-token",
    State.RETIRING: "kv-build/agent-pool",
    State.DUE: "kv-build/wiki-sync",
    State.WATCHED: "kv-web/portal",
    State.SKIPPED: "kv-web/old-portal",
    State.EXPIRED: "kv-web/import",
    State.BLOCKED: "kv-web/release",
    State.REJECTED: "kv-build/mirror",
    State.FAILING: "kv-build/deploy",
}


def fleet() -> Fleet:
    """Give a fleet with one secret in each state."""
    named = {kind: SecretName(*name.split("/")) for kind, name in NAMES.items()}
    found = (finding(STATES[kind](3), name) for kind, name in named.items())
    return Fleet(NOW, tuple(found), (ADA,))


def pictures() -> dict[str, RenderableType]:
    """Give both pictures, by the names of their files."""
    line = life(happened(fresh(), 5), NOW)
    assert line
    return {"status": Standings(fleet()), "life": LifeLine(line)}


def draw(
    picture: RenderableType, width: int, encoding: str = "utf-8", *, is_colourful: bool = False
) -> str:
    """Draw it as on a terminal, or in a file, of this width and encoding."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding, newline="")
    console = Console(
        file=stream,
        width=width,
        force_terminal=is_colourful,
        color_system="standard" if is_colourful else None,
        highlight=False,
        _environ={},
    )
    console.print(picture)
    stream.flush()
    return written.getvalue().decode(encoding)


def files() -> Iterator[tuple[Path, str]]:
    """Give each file, and what belongs into it."""
    for (name, picture), width, (encoding, suffix) in product(
        pictures().items(), WIDTHS, ENCODINGS.items()
    ):
        yield KEPT / f"{name}-{width}{suffix}.txt", draw(picture, width, encoding)


if __name__ == "__main__":
    for path, text in files():
        path.write_text(text, encoding="utf-8")
