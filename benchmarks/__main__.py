"""All figures that have a goal, and one table of them: ``make bench``, ``python -m benchmarks``.

Each module of this package with a function ``figures`` is run, in the order of their names. It
prints the machine, the raw numbers and the table; ``--write`` puts them into docs/performance.md.
Ends with 1 if a goal is missed, or could not be measured.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.cost import filled
from sandbox.azurite import AzuriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.figure import Figure

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
LIBRARIES = ("azure-core", "azure-keyvault-secrets", "azure-identity", "requests", "urllib3")
WIDTH = 100


def main() -> int:
    """Measure everything that is asked for, and print it.

    Returns:
        0 if every goal is reached, 1 otherwise.
    """
    asked = _asked()
    said = _Said(sys.stdout)
    with redirect_stdout(said):
        _print_machine()
        found: list[Figure] = []
        missing = []
        for name, figures in _benchmarks(asked.only):
            print(f"\n{name}\n{'-' * len(name)}", flush=True)
            try:
                found += figures()
            except AzuriteError as exc:
                missing.append(f"{name}: {exc}")
        print()
        _print_table(found)
        for what in missing:
            print(f"NOT MEASURED {what}")
    if asked.write:
        table = f"```text\n{said.getvalue().strip()}\n```"
        PAGE.write_text(filled(PAGE.read_text(), {"bench": table}))
    return 0 if not missing and all(figure.is_reached for figure in found) else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--write", action="store_true", help="put what is printed into the page")
    parser.add_argument("--only", nargs="*", default=(), metavar="NAME", help="these modules")
    return parser.parse_args()


class _Said(io.StringIO):
    """Keeps what is printed, and prints it."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out

    def write(self, text: str) -> int:
        self._out.write(text)
        self._out.flush()
        return super().write(text)


def _benchmarks(only: Sequence[str]) -> Iterator[tuple[str, Callable[[], Iterable[Figure]]]]:
    for name in sorted(module.name for module in iter_modules(benchmarks.__path__)):
        if name == "__main__" or (only and name not in only):
            continue
        if figures := getattr(import_module(f"benchmarks.{name}"), "figures", None):
            yield name, figures


def _print_machine() -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"{platform.system()} {platform.release()}, {platform.machine()}")
    print(f"{os.cpu_count()} processors, {memory:.0f} GiB; load {os.getloadavg()[0]:.1f} at start")
    print(f"Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in LIBRARIES))


def _print_table(found: Sequence[Figure]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("What", "Against", "Measured", "Goal", ""):
        table.add_column(column, overflow="fold")
    for figure in found:
        table.add_row(
            figure.what,
            figure.against,
            f"{figure.value:,.2f} {figure.unit}",
            _goal(figure),
            "reached" if figure.is_reached else "MISSED",
        )
    Console(width=WIDTH, file=sys.stdout, no_color=True).print(table)


def _goal(figure: Figure) -> str:
    if figure.at_most is not None:
        return f"at most {figure.at_most:g}"
    return "-" if figure.at_least is None else f"at least {figure.at_least:g}"


if __name__ == "__main__":
    sys.exit(main())
