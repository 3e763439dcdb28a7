"""The README tells what the program does, in the words of the program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from rotation import policy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DEMO = re.compile(r"<!-- demo:.*?-->\n```text\n(.*?)```\n<!-- end of demo -->", re.DOTALL)
GAP = "[…]\n"
VARYING = (
    # A minute later or earlier, when the demo begins near the end of one.
    (re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}"), "DATE"),
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "DATE"),
    (re.compile(r"\d{2} [A-Z][a-z]{2}\b"), "DAY"),
    (re.compile(r"\d+ times"), "N times"),
    (re.compile(r"\(\d+ more uses"), "(N more uses"),
    (re.compile(r" +"), " "),
    # A bar is a column longer where an instant stands just between two.
    (re.compile(r"([─━╍═])\1+"), r"\1"),
)


def steady(text: str) -> str:
    """Replace what differs from one demo to the next."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def run_demo() -> str:
    """Run the demo as ``make demo`` does, on a terminal of 100 columns."""
    finished = subprocess.run(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_demo_comes_true_and_the_readme_shows_it() -> None:
    """``make demo`` ends with 0, and prints what the README shows, part by part, in that order."""
    shown = DEMO.search(README)
    assert shown
    rest = steady(run_demo())

    for part in shown[1].split(GAP):
        _, found, rest = rest.partition(steady(part))
        assert found, f"not in the demo, or not in this order:\n{part}"


def test_the_rules_are_those_of_the_code_in_their_order() -> None:
    """The table of rules has the sentences of the rules' docstrings, numbered alike."""
    table = dict(re.findall(r"^\| (\d+) \| (.+?) \|", README, re.MULTILINE))
    rules = [*policy.RULES, policy.nothing]
    for number, rule in enumerate(rules, start=1):
        sentence = (rule.__doc__ or "").split(":")[0].rstrip(".").replace("``", "`")
        assert sentence.lower() == f"{number}. {table[str(number)].lower()}"


def test_the_number_of_contracts_is_current() -> None:
    """The README shows how many import contracts ``make test`` holds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    count = len(project["tool"]["importlinter"]["contracts"])

    assert f"Contracts: {count} kept, 0 broken." in README
