"""Break the code in every way that the catalogue knows, and show that a test notices.

It ends with 0 if every mutant is caught by the test that is named for it, and otherwise with 1.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from tests.mutants.bench import WIDE, Bench, Verdict
from tests.mutants.catalogue import load

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator, Sequence

    from tests.mutants.bench import Trial
    from tests.mutants.catalogue import Mutant

STYLES = {Verdict.CAUGHT: "green"}
UNLIMITED = 1000
"""Columns where no terminal sets a limit: a line that another program reads is not folded."""
FIRST_FAILURES = 5
CAUGHT, NOT_CAUGHT, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str], mutants: Sequence[Mutant]) -> int:
    """Do what is asked for on the command line; give the exit code."""
    asked = _parse(arguments, mutants)
    console = Console(width=None if sys.stdout.isatty() else UNLIMITED)
    chosen = [mutant for mutant in mutants if mutant.name in asked.names or not asked.names]
    if asked.list:
        return _print_list(chosen, console)
    try:
        # The benches go when the workers have come to rest, whatever ends the work.
        with TemporaryDirectory(prefix="mutants-") as folder:
            benches = [Bench(Path(folder) / str(number)) for number in range(asked.workers)]
            console.print(
                f"trying {len(chosen)} of {len(mutants)} mutants, {asked.workers} at once"
            )
            return (_search if asked.search else _try_out)(chosen, benches, console)
    except KeyboardInterrupt:
        console.print("interrupted")
        return INTERRUPTED


def _parse(arguments: Sequence[str], mutants: Sequence[Mutant]) -> Namespace:
    parser = ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    parser.add_argument("--list", action="store_true", help="only say which there are, and why")
    parser.add_argument(
        "--search", action="store_true", help="ask all tests, and show the first that notice"
    )
    parser.add_argument("--workers", type=int, default=2, help="how many at once (default: 2)")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - {mutant.name for mutant in mutants}:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    return asked


def _try_out(mutants: Sequence[Mutant], benches: Sequence[Bench], console: Console) -> int:
    """Try the mutants out, each on whichever bench is free."""
    if failing := benches[0].failing(*sorted({mutant.caught_by for mutant in mutants})):
        console.print("without any mutant these tests fail:", *failing, sep="\n  ", markup=False)
        return NOT_CAUGHT
    free: SimpleQueue[Bench] = SimpleQueue()
    for bench in benches:
        free.put(bench)

    def try_out(mutant: Mutant) -> Trial:
        bench = free.get()
        try:
            return bench.try_out(mutant)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(benches)) as pool:
        try:
            return _report([*_watched(pool.map(try_out, mutants), len(mutants))], console)
        finally:
            pool.shutdown(cancel_futures=True)


def _watched(trials: Iterator[Trial], count: int) -> Iterable[Trial]:
    """Show how far it is, where a person watches."""
    console = Console(stderr=True)
    hidden = not console.is_terminal
    return track(
        trials, "Breaking the code", count, console=console, transient=True, disable=hidden
    )


def _report(trials: Sequence[Trial], console: Console) -> int:
    table = Table("mutant", "file", "is", "by", box=None, pad_edge=False)
    for trial in trials:
        style = STYLES.get(trial.verdict, "bold red")
        said = f"[{style}]{trial.verdict}[/]"
        table.add_row(trial.mutant.name, trial.mutant.file, said, escape(trial.told))
    console.print(table)
    counts = Counter(trial.verdict for trial in trials)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in counts))
    return CAUGHT if counts[Verdict.CAUGHT] == len(trials) else NOT_CAUGHT


def _print_list(mutants: Sequence[Mutant], console: Console) -> int:
    table = Table("mutant", "breaks", "and without it", box=None, pad_edge=False)
    for mutant in mutants:
        table.add_row(mutant.name, escape(mutant.clause), escape(mutant.without))
    console.print(table)
    return CAUGHT


def _search(mutants: Sequence[Mutant], benches: Sequence[Bench], console: Console) -> int:
    """Ask all tests about one mutant after the other."""
    is_noticed = True
    for mutant in mutants:
        found = benches[0].noticed_by(mutant, f"--maxfail={FIRST_FAILURES}", *WIDE)
        is_noticed = is_noticed and bool(found)
        said = found or ["no test notices"]
        console.print(f"{mutant.name}:", *said, sep="\n  ", markup=False, highlight=False)
    return CAUGHT if is_noticed else NOT_CAUGHT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], load()))
