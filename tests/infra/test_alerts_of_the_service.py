"""The alerts about runs, vaults and the queue: when each fires, and when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.azure_monitor import fired
from tests.infra.log import DAY, HOUR, MINUTE, NOW, SECOND, event, picture, request, secret

if TYPE_CHECKING:
    from datetime import timedelta


class TestVaultUnread:
    """A vault that the last two runs could not list."""

    AWAY = ({"vault": "kv-away", "reason": "access-denied"},)

    def test_twice(self) -> None:
        """Two runs in a row."""
        rows = [
            *picture(NOW - HOUR, vaults_failed=self.AWAY),
            *picture(NOW, vaults_failed=self.AWAY),
        ]
        assert fired("vault-unread", *rows) == [("kv-away",)]

    def test_once_is_nothing(self) -> None:
        """An outage of an hour passes."""
        rows = [
            *picture(NOW - 2 * HOUR, vaults_failed=self.AWAY),
            *picture(NOW - HOUR),
            *picture(NOW, vaults_failed=self.AWAY),
        ]
        assert not fired("vault-unread", *rows)


class TestRunFailedTwice:
    """The last two runs failed."""

    @pytest.mark.parametrize(
        ("newest_last", "is_fired"),
        [
            ([False], False),
            ([True, False], False),
            ([False, False], True),
            ([True, False, False], True),
            ([False, False, True], False),
            ([False, True, False], False),
        ],
    )
    def test_the_last_two(self, newest_last: list[bool], is_fired: bool) -> None:  # noqa: FBT001
        """Two in a row, and the newest of all among them."""
        rows = [
            request(NOW - (len(newest_last) - place) * HOUR, success=success)
            for place, success in enumerate(newest_last)
        ]
        found = fired("run-failed-twice", *reversed(rows), table="AppRequests")
        assert found == ([()] if is_fired else [])

    def test_other_functions_do_not_count(self) -> None:
        """A failed settle neither makes a failed run nor ends one."""
        settles = [request(NOW - n * MINUTE, success=False, name="settle") for n in range(5)]
        fine = [request(NOW - n * MINUTE, success=True, name="health") for n in range(5)]
        scans = [request(NOW - n * HOUR, success=False) for n in (1, 2)]
        assert not fired("run-failed-twice", *settles, table="AppRequests")
        assert fired("run-failed-twice", *scans, *fine, table="AppRequests")

    def test_more_may_be_asked_for(self) -> None:
        """The number is a parameter."""
        rows = [request(NOW - n * HOUR, success=False) for n in (1, 2)]
        assert not fired("run-failed-twice", *rows, table="AppRequests", failedRuns=3)


class TestNoScan:
    """No completed scan for three hours: the dead man's switch."""

    @pytest.mark.parametrize(
        ("age", "is_fired"), [(HOUR, False), (3 * HOUR, False), (3 * HOUR + SECOND, True)]
    )
    @pytest.mark.parametrize("reason", ["completed", "failed"])
    def test_how_long(self, age: timedelta, reason: str, is_fired: bool) -> None:  # noqa: FBT001
        """Three hours; a scan in which something failed was completed, too."""
        rows = [event("ScanCompleted", NOW - age, reason=reason), *picture(NOW - age)]
        assert bool(fired("no-scan", *rows)) is is_fired

    def test_a_start_is_no_end(self) -> None:
        """A scan that begins every hour and never ends is none."""
        rows = [event("ScanStarted", NOW - HOUR), event("TokenStored", NOW - HOUR)]
        assert fired("no-scan", *rows, *picture(NOW - HOUR)) == [()]

    def test_a_scan_without_a_picture_is_none(self) -> None:
        """The other alerts would be blind, and nobody would know."""
        half = picture(NOW, secrets=[secret("feed")], is_complete=False)
        assert fired("no-scan", event("ScanCompleted", NOW), *half) == [()]

    def test_the_app_is_gone(self) -> None:
        """It fires though what it looks for is out of its sight, and goes on."""
        rows = [event("ScanCompleted", NOW), *picture(NOW)]
        assert fired("no-scan", *rows, now=NOW + 30 * DAY) == [()]

    def test_hours_are_a_parameter(self) -> None:
        """A schedule of every six hours needs more patience."""
        rows = [event("ScanCompleted", NOW - 6 * HOUR), *picture(NOW - 6 * HOUR)]
        assert not fired("no-scan", *rows, silentHours=7)


class TestPoisonQueue:
    """Messages wait in rotation-requests-poison."""

    @pytest.mark.parametrize(("messages", "is_fired"), [(None, False), (0, False), (1, True)])
    def test_how_many(self, messages: int | None, is_fired: bool) -> None:  # noqa: FBT001
        """One is enough; that nobody can tell is none."""
        assert bool(fired("poison-queue", *picture(NOW, poisoned=messages))) is is_fired
