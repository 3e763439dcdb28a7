"""What holds for every alert: when nothing was logged, on a quiet day, and of pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rotation.tags import format_instant
from tests.infra.azure_monitor import fired
from tests.infra.kusto import Workspace
from tests.infra.log import (
    ADA,
    BEN,
    DAY,
    HOUR,
    MINUTE,
    NOISE,
    NOW,
    VAULT,
    event,
    owner,
    picture,
    read,
    request,
    secret,
    trace,
)
from tests.infra.rules import DEFAULTS, RULES

if TYPE_CHECKING:
    from datetime import datetime

    from tests.infra.log import Row

LATE = 20
"""Hours for which a secret may be due: a queue may be slow."""
SOON = NOW + 9 * DAY
OF_THE_FLEET = [
    "secret-expiring",
    "secret-expired",
    "watched-soon",
    "secret-stuck",
    "vault-unread",
    "sign-in-needed",
    "sign-in-soon",
    "poison-queue",
]
"""The alerts that rest on the newest picture."""


@pytest.mark.parametrize("name", RULES)
def test_an_empty_workspace(name: str) -> None:
    """Where nothing was ever logged, the dead man's switch speaks, and nobody else."""
    assert bool(fired(name)) is (name == "no-scan")


@pytest.mark.parametrize("name", RULES)
def test_a_quiet_day(name: str) -> None:
    """Where all is well, nobody is told, whatever other text there is."""
    workspace = Workspace()
    for hours in range(47, -1, -1):
        at = NOW - hours * HOUR - 53 * MINUTE
        workspace.add("AppRequests", request(at, success=True))
        workspace.add("AZKVAuditLogs", read(at, str(DEFAULTS["rotatorPrincipalId"]).upper()))
        workspace.add(
            "AppTraces",
            event("ScanStarted", at),
            event("TokenStored", at, vault=VAULT, secret="feed"),
            event("ScanCompleted", at, reason="completed", message="3 settled"),
            *picture(
                at,
                secrets=[
                    secret("feed"),
                    secret("due", state="due" if hours < LATE else "fresh"),
                    secret("s", state="skipped"),
                ],
                owners=[owner(ADA), owner("bot@example.com", kind="agent", act_by=None)],
                poisoned=0,
            ),
        )
    workspace.add("AppTraces", *NOISE)
    rule = RULES[name]

    assert workspace.ask(rule.query(), NOW, NOW - rule.window) == []


@pytest.mark.parametrize("name", OF_THE_FLEET)
class TestPictures:
    """What holds for every alert that rests on the newest complete picture."""

    def bad(self, at: datetime, **more: Any) -> list[Row]:  # noqa: ANN401 - what a picture has
        """Give a picture for which every one of these alerts fires, if it stays so for a day."""
        return picture(
            at,
            secrets=[
                secret("feed", state="failing", alert="expiring"),
                secret("npm", state="expired", alert="expired"),
                secret("key", mode="watch", state="watched", expires_at=format_instant(SOON)),
            ],
            owners=[
                owner(ADA, state="sign-in-needed"),
                owner(BEN, act_by=format_instant(NOW + DAY)),
            ],
            vaults_failed=[{"vault": "kv-away", "reason": "access-denied"}],
            poisoned=1,
            **more,
        )

    def good(self, at: datetime) -> list[Row]:
        """Give a picture for which none does."""
        stands = [secret("feed"), secret("npm"), secret("key", mode="watch", state="watched")]
        return picture(at, secrets=stands, owners=[owner(ADA), owner(BEN)], poisoned=0)

    def lasting(self, until: datetime) -> list[Row]:
        """Give bad pictures of every hour of a day."""
        return [row for hours in range(25) for row in self.bad(until - hours * HOUR)]

    def test_it_fires(self, name: str) -> None:
        """The newest picture counts, and text that is none does not matter."""
        assert fired(name, *self.good(NOW - 30 * HOUR), *self.lasting(NOW), *NOISE)

    def test_it_is_over(self, name: str) -> None:
        """One good picture ends it, however many bad ones there were."""
        assert not fired(name, *self.lasting(NOW - HOUR), *self.good(NOW), *NOISE)

    def test_the_order_of_ingestion_does_not_matter(self, name: str) -> None:
        """A picture that comes late does not stand for the present."""
        assert not fired(name, *self.good(NOW), *self.lasting(NOW - HOUR))

    def test_half_a_picture_is_none(self, name: str) -> None:
        """A picture whose last line is missing, or not there yet, does not count."""
        half = picture(NOW - MINUTE, secrets=[secret("feed")], is_complete=False)
        assert fired(name, *self.lasting(NOW - HOUR), *half)
        assert not fired(name, *self.good(NOW - HOUR), *self.bad(NOW, is_complete=False))

    def test_a_line_that_comes_twice(self, name: str) -> None:
        """What is ingested twice is said once."""
        rows = self.lasting(NOW)
        assert fired(name, *rows, *rows) == fired(name, *rows)

    def test_it_outlives_the_app(self, name: str) -> None:
        """With the app gone it goes on for two days; then the dead man's switch is left."""
        rows = self.lasting(NOW)
        assert fired(name, *rows, now=NOW + 47 * HOUR)
        assert not fired(name, *rows, now=NOW + 49 * HOUR)
        assert fired("no-scan", *rows, now=NOW + 47 * HOUR) == [()]


def test_keys_may_come_in_any_company() -> None:
    """Keys that a later version adds change nothing."""
    rows = [
        trace(json.dumps({**json.loads(row["Message"]), "new": {"count": 1}}), NOW)
        for row in picture(NOW, secrets=[secret("feed", alert="expiring", new=[1])])
    ]
    assert fired("secret-expiring", *rows) == [(VAULT, "feed", ADA)]
