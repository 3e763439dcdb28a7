"""How attempts to renew are counted: in the secret itself, so that every process sees it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rotation import tags
from rotation.errors import RotationError
from rotation.model import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotation.model import ManagedSecret
    from rotation.settling import Settling


def begin(last: Attempt | None, now: datetime) -> Attempt:
    """Count an attempt that begins.

    The first one is no failure until it is known to have failed, so that the run after a crash
    tries at once. Every further one is, so that what dies again and again backs off.
    """
    failures = 0 if last is None else min(last.failures + 1, tags.NUMBER_LIMIT)
    return Attempt(failures, now)


@contextmanager
def counted(x: Settling, secret: ManagedSecret, attempt: Attempt) -> Iterator[None]:
    """Count the attempt as failed if what is done inside fails."""
    try:
        yield
    except RotationError:
        failed = replace(attempt, failures=max(attempt.failures, 1))
        # A failure that cannot be written down is still reported; only the backing off is lost.
        with suppress(RotationError):
            x.call(x.ports.store.write_tags, secret, tags.attempted(secret.tags, failed))
        raise
