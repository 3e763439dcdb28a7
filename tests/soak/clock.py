"""The machine's clock, ahead by leaps, and the same in several processes.

Between two leaps it runs as any clock does, so that locks, settlings and the service's own dates
keep their proportions. A leap is what a suspended machine sees when it wakes up.
"""

from __future__ import annotations

import mmap
import os
import struct
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.clock import wall

if TYPE_CHECKING:
    from pathlib import Path

_FORM = struct.Struct("d")


class LeapingClock:
    """Tells the machine's time plus the seconds that stand in a file."""

    def __init__(self, place: Path) -> None:
        """Read the clock at ``place``; one that is not there yet is made, without an offset."""
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
        with closing(os.fdopen(descriptor, "r+b")) as file:
            if not os.fstat(descriptor).st_size:
                file.write(_FORM.pack(0.0))
                file.flush()
            self._seconds = mmap.mmap(descriptor, _FORM.size)

    @property
    def offset(self) -> timedelta:
        """How far it is ahead of the machine's clock."""
        (seconds,) = _FORM.unpack_from(self._seconds)
        return timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        """Tell the present instant, in UTC."""
        return wall() + self.offset

    def advance(self, span: timedelta) -> None:
        """Let every process that reads it leap by ``span``; one process alone may do so."""
        _FORM.pack_into(self._seconds, 0, (self.offset + span).total_seconds())
