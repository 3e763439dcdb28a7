"""What happens in a long run, and when: decided by its seed."""

from __future__ import annotations

from random import Random

EVERY_SECONDS = {
    "kill a host": 5.0,
    "order a rotation": 4.0,
    "order a new secret": 45.0,
    "revoke a token": 30.0,
    "take a service away": 60.0,
    "freeze the storage": 45.0,
}
"""What happens, and after how many seconds again, on the average."""


def plan(seed: int, seconds: float) -> list[tuple[float, str]]:
    """Lay over so many seconds what is to happen: when, in seconds from the beginning, and what."""
    chance, planned = Random(seed), []  # noqa: S311 - the same at every run
    for what, mean in EVERY_SECONDS.items():
        at = chance.expovariate(1 / mean)
        while at < seconds:
            planned.append((at, what))
            at += chance.expovariate(1 / mean)
    return sorted(planned)
