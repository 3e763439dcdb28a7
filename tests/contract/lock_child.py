"""A process that fights for the locks of many secrets: ``lock_child FOLDER COUNT``.

It works on each secret once it holds its lock: makes a file that nobody else may have made, looks
around, and leaves another that says that the secret is done. With the COUNT ``0`` it holds the lock
of the first secret, says so, and goes on holding it until it is killed.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from pathlib import Path

from rotation.adapters.locks import TableLocks
from rotation.adapters.storage import open_tables
from rotation.clock import now
from rotation.errors import LockHeldError
from rotation.model import SecretName
from rotation.storage import read
from sandbox.furniture import VAULT


def main(folder: Path, count: int) -> int:
    """Fight.

    Returns:
        How many secrets this process has worked on; -1 if somebody else was there at the same time.
    """
    storage = read(os.environ["ROTATION_STORAGE"], {}, is_microsoft=None)
    assert storage
    tables = open_tables(storage, None, now, time.sleep)  # type: ignore[arg-type] # a key goes in
    with closing(tables):
        locks = TableLocks(tables, now)
        if not count:
            with locks.hold(SecretName(VAULT, "s0")):
                print("holding", flush=True)  # noqa: T201 - whoever started it waits for that
                sys.stdin.read()
        return _work(locks, folder, count)


def _work(locks: TableLocks, folder: Path, count: int) -> int:
    left, mine = {f"s{number}" for number in range(count)}, 0
    while left:
        for secret in sorted(left):
            done, busy = folder / f"{secret}.done", folder / f"{secret}.busy"
            try:
                with locks.hold(SecretName(VAULT, secret)):
                    if not done.exists():
                        busy.touch(exist_ok=False)
                        done.touch()
                        mine += 1
                        busy.unlink()
                left.discard(secret)
            except LockHeldError:
                continue
            except FileExistsError:
                return -1
    return mine


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2])))  # noqa: T201 - its result
