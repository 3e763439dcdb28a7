"""What the start of the function app costs: ``python -m benchmarks.start [PAIRS]``.

Importing ``function_app`` and indexing its functions, against importing the packages that any such
function app needs. Both as whole processes, in turn, so that a machine whose speed drifts slows
down both; what counts is the ratio of each pair.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = "import azure.functions, azure.identity, azure.keyvault.secrets, requests"
START = "import function_app; function_app.app.get_functions()"
FIRST_RUN = f"{START}; from rotation import settings, wiring"
GOAL = 1.3
PAIRS = 10


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if the start costs at most as much as the goal says, 1 otherwise.
    """
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {pairs} pairs")
    found = [figure.is_reached for figure in figures(pairs)]
    compare("the same, and all that the first run imports", FIRST_RUN, pairs)
    return 0 if all(found) else 1


def figures(pairs: int = PAIRS) -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the row."""
    ratio = compare("import and index", START, pairs)
    against = "importing azure.functions, azure.identity, azure.keyvault.secrets, requests: CPU"
    yield Figure("start: import and index of the function app", against, ratio, at_most=GOAL)


def compare(what: str, code: str, pairs: int) -> float:
    """Measure ``code`` against the packages, print the numbers, and give the median ratio."""
    for warmed in (code, PACKAGES):
        cpu_seconds(warmed)  # once for the file cache
    rows = [(cpu_seconds(code), cpu_seconds(PACKAGES)) for _ in range(pairs)]
    ratios = [subject / measure for subject, measure in rows]
    print(f"{what}\nprocessor seconds  the packages'  ratio")
    for (subject, measure), ratio in zip(rows, ratios, strict=True):
        print(f"{subject:17.3f}  {measure:13.3f}  {ratio:5.2f}")
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return median


def cpu_seconds(code: str) -> float:
    """Run ``code`` in a process of its own; give its processor time, user and system."""
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{code!r} ended with {process.returncode}"
        raise RuntimeError(message)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
