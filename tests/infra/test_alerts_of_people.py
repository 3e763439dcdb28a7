"""The alerts about owners and strangers: when each fires, and when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotation.tags import format_instant
from tests.infra.azure_monitor import fired
from tests.infra.log import ADA, BEN, DAY, HOUR, MINUTE, NOW, SECOND, owner, picture, read
from tests.infra.rules import DEFAULTS

if TYPE_CHECKING:
    from datetime import timedelta

    from tests.infra.log import Row


class TestSignInNeeded:
    """An owner on whom secrets depend has no session."""

    def test_each_owner_is_named(self) -> None:
        """Also one whom an administrator must help first."""
        owners = [
            owner(ADA, state="sign-in-needed", reason="sign-in-needed"),
            owner(BEN, state="sign-in-needed", reason="administrator-needed"),
            owner("cleo@example.com"),
        ]
        assert fired("sign-in-needed", *picture(NOW, owners=owners)) == [(ADA,), (BEN,)]

    def test_nothing_depends_on_them(self) -> None:
        """Nobody is woken for an owner without secrets."""
        owners = [owner(ADA, state="sign-in-needed", secrets=0)]
        assert not fired("sign-in-needed", *picture(NOW, owners=owners))

    def test_how_many_depend_on_them_is_not_known(self) -> None:
        """Then somebody is asked: it may be many."""
        lost = owner(ADA, state="sign-in-needed")
        lost.pop("secrets", None)
        assert fired("sign-in-needed", *picture(NOW, owners=[lost])) == [(ADA,)]

    def test_an_outage_is_no_want_of_a_sign_in(self) -> None:
        """If Entra does not answer, nobody can say, and nobody is asked."""
        assert not fired("sign-in-needed", *picture(NOW, owners=[owner(ADA, state="unknown")]))


class TestSignInSoon:
    """An owner should sign in within 14 days."""

    @pytest.mark.parametrize(
        ("left", "is_fired"),
        [(14 * DAY + SECOND, False), (14 * DAY, True), (HOUR, True), (-DAY, True)],
    )
    def test_how_soon(self, left: timedelta, is_fired: bool) -> None:  # noqa: FBT001
        """From 14 days before, and also when it is overdue."""
        rows = picture(NOW, owners=[owner(ADA, act_by=format_instant(NOW + left))])
        assert fired("sign-in-soon", *rows) == ([(ADA,)] if is_fired else [])

    def test_days_are_a_parameter(self) -> None:
        """Whoever wants to be told earlier is."""
        rows = picture(NOW, owners=[owner(ADA, act_by=format_instant(NOW + 20 * DAY))])
        assert fired("sign-in-soon", *rows, signInDays=21) == [(ADA,)]

    def test_now_is_another_alert(self) -> None:
        """Whoever must sign in now is not told that it is soon."""
        lost = owner(ADA, state="sign-in-needed", act_by=format_instant(NOW + DAY))
        assert not fired("sign-in-soon", *picture(NOW, owners=[lost]))


class TestUnexpectedReader:
    """Somebody besides the rotator reads the session vault."""

    EVE = "eeeeeeee-aaaa-bbbb-cccc-0123456789ab"

    def reads(self, *rows: Row) -> list[tuple[str, ...]]:
        """Give who is told of."""
        return fired("unexpected-reader", *rows, table="AZKVAuditLogs")

    @pytest.mark.parametrize("operation", ["SecretGet", "SecretBackup", "SecretList"])
    def test_a_stranger(self, operation: str) -> None:
        """Whatever gives values, or tells where they are."""
        rows = [read(NOW - MINUTE, self.EVE, operation), read(NOW, self.EVE, operation)]
        assert self.reads(*rows) == [(self.EVE,)]

    @pytest.mark.parametrize(
        "operation", ["SecretNearExpiryEventGridNotification", "VaultGet", "Authentication"]
    )
    def test_what_reads_nothing(self, operation: str) -> None:
        """The vault's own notices and looks at the vault itself are nobody's reading."""
        assert self.reads(read(NOW, None, operation)) == []

    def test_an_operator_waits_for_an_owner(self) -> None:
        """`connect` and `disconnect` look at versions, never at a value: their role allows that."""
        assert self.reads(read(NOW, self.EVE, "SecretListVersions")) == []

    def test_the_rotator(self) -> None:
        """It reads there all the time, however its id is written."""
        rotator = str(DEFAULTS["rotatorPrincipalId"])
        assert self.reads(read(NOW, rotator), read(NOW, rotator.upper(), "SecretList")) == []

    def test_the_other_form_of_the_claim(self) -> None:
        """The id is found in either of the two places in which tokens have it."""
        rotator = {"claim": {"oid": DEFAULTS["rotatorPrincipalId"]}}
        eve = {"claim": {"oid": self.EVE}}
        rows = [read(NOW, None, Identity=rotator), read(NOW, None, Identity=eve)]
        assert self.reads(*rows) == [(self.EVE,)]

    def test_somebody_without_a_name(self) -> None:
        """Who reads and says not who they are is a stranger."""
        assert self.reads(read(NOW, None)) == [("unknown",)]

    @pytest.mark.parametrize("status", [401, 403, 404, 429])
    def test_what_was_refused(self, status: int) -> None:
        """The first request of every client is, for it bears no token; so are the curious."""
        assert self.reads(read(NOW, None, HttpStatusCode=status)) == []
        assert self.reads(read(NOW, self.EVE, HttpStatusCode=status)) == []

    def test_how_it_was_answered_is_not_known(self) -> None:
        """A row without a status is none of a refusal."""
        assert self.reads(read(NOW, self.EVE, HttpStatusCode=None)) == [(self.EVE,)]

    def test_another_vault(self) -> None:
        """Watched vaults are there to be read."""
        other = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-build"
        assert self.reads(read(NOW, self.EVE, _ResourceId=other)) == []

    @pytest.mark.parametrize(("age", "is_fired"), [(2 * HOUR, True), (2 * HOUR + SECOND, False)])
    def test_it_is_over(self, age: timedelta, is_fired: bool) -> None:  # noqa: FBT001
        """It stands for two hours: rows that are ingested an hour late are still seen."""
        assert bool(self.reads(read(NOW - age, self.EVE))) is is_fired
