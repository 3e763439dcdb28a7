"""Live through a long run, and print what came of it: ``python -m tests.soak --minutes 30``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.soak import Soak
from tests.soak.watch import BOUNDS, UNITS


def main() -> int:
    """Live through it.

    Returns:
        0 if everything held and nothing grew, 1 otherwise.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=30.0, help="of bad weather (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="of all choices (default: 1)")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        result = Soak(Path(folder), asked.minutes * 60, asked.seed).live()
    rows = {f"minutes, with seed {asked.seed}": f"{asked.minutes:g}", **result.counted}
    print("\n".join(f"{name:35}{value:>12}" for name, value in rows.items()))
    print(f"\n{'held by the host that lives on':35}{'earlier':>12}{'later':>12}{'bound':>12}")
    for found in result.growth:
        row = f"{found.earlier:>12.1f}{found.later:>12.1f}{f'+{BOUNDS[found.what]:g}':>12}"
        print(f"{f'{found.what}{UNITS[found.what]}':35}{row}{'' if found.is_steady else ' grows'}")
    if not result.growth:
        print("too short to tell whether anything grows")
    print("\n".join(["", *(f"does not hold: {fault}" for fault in result.faults)]))
    print("Everything held." if result.is_fine else "This must not be.")
    return 0 if result.is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
