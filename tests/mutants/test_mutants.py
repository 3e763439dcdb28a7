"""The mutants are in order, and whoever breaks the code with them is told the truth."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.mutants.__main__ import main
from tests.mutants.bench import Bench, Verdict
from tests.mutants.catalogue import ROOT, Mutant, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MUTANTS = {mutant.name: mutant for mutant in load()}
SAMPLE = (
    "trust-the-id-without-its-digest",
    "retire-without-proof",
    "no-preflight",
    "ignore-the-age-of-the-token",
    "call-a-token-dead-from-the-list-alone",
    "count-failures-as-success",
)
"""Mutants that are tried out each time that the tests run; the full form tries them all."""
CLAUSES = {
    "digest beside the id",
    "an unknown value is never adopted by exclusion; it is renewed",
    "retire proves the newest version first",
    "retire needs an accepted write first",
    "only older versions are disabled",
    "no revoke once a store was sent",
    "age of the newest version counts",
    "age of the token counts",
    "a settling ends after ten minutes",
    "a get after the read before a token is called dead",
    "metadata goes to the version read",
    "dead or dying comes before cleaning",
    "a false proof is no failed action",
    "daily proof",
    "recorded token is checked for owner, binding, organization",
    "`now` carries the digest and is not carried over",
    "preflight",
    "try before store",
    "window at most half of the real lifetime",
    "extension wall",
    "superseded tokens are found by binding",
    "prove before an extension is written",
    "prove before a refresh is written",
    "five-minute clock check",
    "case-folded mark",
}
"""Clauses that look odd, and without which a token was lost, or nearly: none may go unheld."""

HARMLESS = Mutant(
    name="harmless",
    clause="none",
    without="nothing",
    file="rotation/errors.py",
    before="The root: everything that the rotator itself raises on purpose.",
    after="The root.",
    caught_by="tests/unit/test_errors.py::test_the_hint_follows_the_message",
)
HINTLESS = replace(
    HARMLESS,
    before='return f"{message}; {self.hint}" if self.hint else message',
    after="return message",
)
UNIMPORTABLE = replace(HARMLESS, before="class SessionError(", after="class SomeError(")
SYNTAX_ERROR = replace(
    HARMLESS, before="def __str__(self) -> str:", after="def __str__(self -> str:"
)
STALE = replace(HARMLESS, before="what is not there")
AMBIGUOUS = replace(HARMLESS, before="reason")


def test_every_mutant_can_be_applied() -> None:
    """What it replaces occurs exactly once, and what comes out is another program."""
    for mutant in MUTANTS.values():
        text = (ROOT / mutant.file).read_text()
        broken = mutant.applied_to(text)
        assert broken != text, mutant
        assert not mutant.is_python or ast.dump(ast.parse(broken)) != ast.dump(ast.parse(text))


def test_no_mutant_is_merely_misspelt(tmp_path: Path) -> None:
    """A name that is not defined would make any test fail, and prove nothing."""
    for mutant in filter(lambda mutant: mutant.is_python, MUTANTS.values()):
        text = (ROOT / mutant.file).read_text()
        (tmp_path / f"{mutant.name}.py").write_text(mutant.applied_to(text))

    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F82", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_names_are_kebab_words() -> None:
    """The catalogue's own format sees to it that there are no two of one name."""
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in MUTANTS)


def test_no_two_mutants_are_one() -> None:
    """Each breaks the code in another way."""
    counted = Counter((mutant.file, mutant.before, mutant.after) for mutant in MUTANTS.values())

    assert set(counted.values()) == {1}


def test_every_mutant_names_a_test_that_exists() -> None:
    """A test that is renamed is renamed in the catalogue, too."""
    known: set[str] = set()
    for file in {mutant.caught_by.split("::")[0] for mutant in MUTANTS.values()}:
        known |= {f"{file}::{test}" for test in _tests_in(ast.parse((ROOT / file).read_text()))}

    named = {mutant.caught_by.split("[")[0] for mutant in MUTANTS.values()}
    assert named <= known


def test_every_clause_has_a_mutant() -> None:
    """Whoever takes a clause out of the code is told."""
    assert {mutant.clause for mutant in MUTANTS.values()} >= CLAUSES


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give a copy of the tree."""
    return Bench(tmp_path_factory.mktemp("bench") / "copy")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in SAMPLE else pytest.mark.proof) for n in MUTANTS],
)
def test_a_mutant_is_caught(bench: Bench, name: str, tally: Callable[[str, int], None]) -> None:
    """The named test fails while the code is broken."""
    trial = bench.try_out(MUTANTS[name])

    assert (trial.verdict, trial.told) == (Verdict.CAUGHT, MUTANTS[name].caught_by)
    tally("mutants caught", 1)


@pytest.mark.parametrize(
    ("mutant", "expected"),
    [
        (HARMLESS, Verdict.SURVIVES),
        (HINTLESS, Verdict.CAUGHT),
        (
            replace(
                HINTLESS,
                caught_by="tests/unit/test_errors.py::test_a_service_error_says_where_it_happened",
            ),
            Verdict.ELSEWHERE,
        ),
        (replace(HINTLESS, caught_by="tests/unit/test_errors.py::test_nobody"), Verdict.BROKEN),
        (UNIMPORTABLE, Verdict.BROKEN),
        (SYNTAX_ERROR, Verdict.BROKEN),
        (STALE, Verdict.STALE),
        (AMBIGUOUS, Verdict.STALE),
    ],
    ids=[
        "one that changes nothing survives",
        "one that changes something is caught",
        "the wrong test is named",
        "the named test does not exist",
        "it cannot be imported",
        "it is no Python",
        "the code is not any more as expected",
        "it could be applied in several places",
    ],
)
def test_a_verdict_is_honest(bench: Bench, mutant: Mutant, expected: Verdict) -> None:
    """Only a test that runs, and fails, has caught a mutant."""
    assert bench.try_out(mutant, wide=["tests/unit/test_errors.py"]).verdict is expected


def test_the_code_is_mended_afterwards(bench: Bench) -> None:
    """What one mutant breaks does not help to catch the next."""
    assert bench.noticed_by(HINTLESS, HINTLESS.caught_by) == [HINTLESS.caught_by]
    assert bench.failing(HINTLESS.caught_by) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["hintless"], 0, "1 caught"),
        (["stale"], 1, "its `before` occurs 0 times in rotation/errors.py"),
        (["hintless", "stale"], 1, "1 caught, 1 stale"),
        (["--list"], 0, "nothing"),
    ],
)
def test_the_exit_code_tells_whether_all_were_caught(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    """0 if every mutant is caught by its test, and otherwise 1."""
    mutants = [replace(HINTLESS, name="hintless"), replace(STALE, name="stale")]

    assert main(arguments, mutants) == code
    assert said in capsys.readouterr().out


def test_an_unknown_name_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped name does not look as if all mutants were caught."""
    with pytest.raises(SystemExit) as ended:
        main(["harmles"], [HARMLESS])

    assert ended.value.code == 2
    assert "no such mutant: harmles" in capsys.readouterr().err


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C in the middle: the copies of the tree go, too."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.mutants", SAMPLE[0]],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == f"trying 1 of {len(MUTANTS)} mutants, 2 at once\n"
        assert [*tmp_path.iterdir()]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    assert process.returncode == 130
    assert out.endswith("interrupted\n")
    assert "Traceback" not in err
    assert not [*tmp_path.iterdir()]


def _tests_in(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Give the tests of a module as pytest names them, without their parameters."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{test}" for test in _tests_in(node))
