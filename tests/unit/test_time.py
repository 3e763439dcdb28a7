"""How names fall into the hours: teams call their secrets by all kinds of rules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from rotation.model import SecretName
from rotation.schedule import renewal_at
from tests.unit.given import HOUR, MANDATE, PROOF, RENEWAL, TOKEN

HABITS = {
    "padded numbers": [("kv-build", f"pat-{n:04}") for n in range(1000)],
    "numbers first": [("kv-build", f"{n}-token") for n in range(1000)],
    "hexadecimal": [("kv-build", f"{n * 2654435761 % 2**32:08x}") for n in range(1000)],
    "the same in many vaults": [(f"kv-{n}", "feed-token") for n in range(1000)],
    "long, and alike": [("kv-build", f"{'team-service-stage-' * 5}{n}") for n in range(1000)],
    "repeated letters": [("kv-build", chr(97 + n % 26) * (1 + n // 26)) for n in range(1000)],
    "three words": [
        ("kv-build", f"{a}-{b}-{c}")
        for a in ("web", "api", "db", "etl", "ops", "ml", "bi", "qa", "it", "hr")
        for b in ("dev", "test", "int", "qa", "prod", "demo", "load", "ref", "eu", "us")
        for c in ("feed", "build", "deploy", "wiki", "code", "work", "pack", "agent", "x", "y")
    ],
}


@pytest.mark.parametrize("names", HABITS.values(), ids=HABITS.keys())
def test_no_hour_takes_much_more_than_its_share(names: list[tuple[str, str]]) -> None:
    """A thousand secrets made in one hour fall into the 24 of the spread, 42 into each."""
    first = TOKEN.valid_to - MANDATE.rotate_before * 1.1
    due = [renewal_at(TOKEN, MANDATE, SecretName(vault, name)) for vault, name in names]
    proofs = [int(SecretName(vault, name).fraction("proof") * 24) for vault, name in names]

    for by_hour in (Counter((at - first) // HOUR for at in due), Counter(proofs)):
        assert by_hour.keys() == set(range(24))
        assert max(by_hour.values()) <= 3 * len(names) / 24


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_a_renewal_is_due_at_the_same_second_in_every_process(seed: str) -> None:
    """However a process shuffles its own hashes."""
    ask = (
        "from tests.unit.given import RENEWAL, PROOF;"
        "print(RENEWAL.isoformat(), PROOF.isoformat(), end='')"
    )
    found = subprocess.run(
        [sys.executable, "-c", ask],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )

    assert found.stdout == f"{RENEWAL.isoformat()} {PROOF.isoformat()}"
