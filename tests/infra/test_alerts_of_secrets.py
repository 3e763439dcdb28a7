"""The alerts about single secrets: when each fires, and when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotation.tags import format_instant
from tests.infra.azure_monitor import fired
from tests.infra.log import (
    ADA,
    BEN,
    DAY,
    HOUR,
    MINUTE,
    NOISE,
    NOW,
    SECOND,
    VAULT,
    event,
    picture,
    secret,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from tests.infra.log import Row


class TestSecretExpiring:
    """A secret within ROTATION_ALERT_DAYS of its expiry, and not renewed."""

    def test_each_secret_is_named(self) -> None:
        """One alert for each secret, wherever in the picture it stands."""
        many = [secret(f"fresh-{number}") for number in range(120)]
        many[3] = secret("first", alert="expiring")
        many[117] = secret("last", alert="expiring", owner=None)
        found = fired("secret-expiring", *picture(NOW, secrets=many))
        assert found == [(VAULT, "first", ADA), (VAULT, "last", "nobody")]

    def test_the_product_says_which(self) -> None:
        """A near date alone is no alert: the rotator knows its settings, and what it will do."""
        near = secret("feed", state="due", expires_at=format_instant(NOW + HOUR))
        assert not fired("secret-expiring", *picture(NOW, secrets=[near]))

    def test_expired_is_another_alert(self) -> None:
        """What has expired does not expire any more."""
        gone = secret("feed", state="expired", alert="expired")
        assert not fired("secret-expiring", *picture(NOW, secrets=[gone]))


@pytest.mark.parametrize(
    ("name", "alert"), [("secret-expiring", "expiring"), ("secret-expired", "expired")]
)
class TestVaultsThatCannotBeRead:
    """What holds for both alerts about the end of a token."""

    AWAY = ({"vault": "kv-away", "reason": "access-denied"},)

    def before(self, alert: str) -> list[Row]:
        """Give a picture of two vaults, before one of them is closed."""
        npm = secret("npm", vault="kv-away", alert=alert)
        return picture(NOW - 2 * HOUR, secrets=[secret("feed", alert=alert), npm])

    def test_it_hides_nothing(self, name: str, alert: str) -> None:
        """Of its secrets the last picture counts that showed them; of the others, this one."""
        rows = [
            *self.before(alert),
            *picture(NOW - HOUR, secrets=[secret("feed")], vaults_failed=self.AWAY),
            *picture(NOW, secrets=[secret("feed")], vaults_failed=self.AWAY),
        ]
        assert fired(name, *rows) == [("kv-away", "npm", ADA)]

    def test_half_a_picture_is_none(self, name: str, alert: str) -> None:
        """Not even of a vault that could be read before it was broken off."""
        half = [secret("npm", vault="kv-away"), secret("feed", alert=alert)]
        rows = [
            *self.before(alert),
            *picture(NOW - HOUR, secrets=[secret("feed")], vaults_failed=self.AWAY),
            *picture(NOW, secrets=half, is_complete=False),
        ]
        assert fired(name, *rows) == [("kv-away", "npm", ADA)]

    def test_a_secret_that_is_gone_is_forgotten(self, name: str, alert: str) -> None:
        """Whoever deletes a secret, or takes its tag off, hears no more of it."""
        rows = self.before(alert)
        away = picture(NOW, vaults_failed=self.AWAY)
        assert fired(name, *rows, *away) == [("kv-away", "npm", ADA)]
        assert not fired(name, *rows, *picture(NOW))

    def test_an_outage_that_is_over_is_forgotten(self, name: str, alert: str) -> None:
        """What was deleted in it stays away, though another vault is closed now."""
        rows = self.before(alert)
        away = picture(NOW - HOUR, vaults_failed=self.AWAY)
        other = picture(NOW, vaults_failed=[{"vault": "kv-other", "reason": "unavailable"}])
        assert not fired(name, *rows, *away, *other)


class TestSecretExpired:
    """A secret whose token has expired."""

    def test_it_is_named(self) -> None:
        """The secret, and whose token it is."""
        rows = picture(NOW, secrets=[secret("feed", state="expired", alert="expired")])
        assert fired("secret-expired", *rows) == [(VAULT, "feed", ADA)]

    def test_only_what_the_product_marks(self) -> None:
        """A disabled secret of the past is no alert."""
        rows = picture(NOW, secrets=[secret("feed", expires_at=format_instant(NOW - DAY))])
        assert not fired("secret-expired", *rows)

    @pytest.mark.parametrize(("left", "is_fired"), [(SECOND, False), (0 * DAY, True)])
    def test_between_two_pictures(self, left: timedelta, is_fired: bool) -> None:  # noqa: FBT001
        """What was about to expire has expired at its instant: no picture is waited for."""
        stands = secret("feed", alert="expiring", expires_at=format_instant(NOW + left))
        assert bool(fired("secret-expired", *picture(NOW - HOUR, secrets=[stands]))) is is_fired

    def test_it_expires_in_a_vault_that_cannot_be_read(self) -> None:
        """The date goes on counting."""
        away = [{"vault": VAULT, "reason": "unavailable"}]
        stands = secret("feed", alert="expiring", expires_at=format_instant(NOW - MINUTE))
        rows = [
            *picture(NOW - 9 * HOUR, secrets=[stands]),
            *picture(NOW - HOUR, vaults_failed=away),
        ]
        assert fired("secret-expired", *rows) == [(VAULT, "feed", ADA)]


class TestSecretStuck:
    """A secret that cannot be looked after for a day."""

    @pytest.mark.parametrize("state", ["failing", "blocked", "rejected", "due"])
    @pytest.mark.parametrize(("hours", "is_fired"), [(23, False), (24, True), (40, True)])
    def test_since_when(self, state: str, hours: int, is_fired: bool) -> None:  # noqa: FBT001
        """A day, and not an hour less."""
        rows = [
            row
            for ago in range(hours + 1)
            for row in picture(NOW - ago * HOUR, secrets=[secret("feed", state=state)])
        ]
        assert fired("secret-stuck", *rows) == ([(VAULT, "feed", ADA)] if is_fired else [])

    def test_one_good_hour_begins_anew(self) -> None:
        """What is retried and works in between is not stuck."""
        rows = [
            row
            for ago in range(40)
            for row in picture(
                NOW - ago * HOUR,
                secrets=[secret("feed", state="fresh" if ago == 20 else "failing")],
            )
        ]
        assert not fired("secret-stuck", *rows)
        assert fired("secret-stuck", *rows, stuckHours=20)

    @pytest.mark.parametrize("reason", ["sign-in-needed", "administrator-needed"])
    def test_a_sign_in_is_asked_for_once(self, reason: str) -> None:
        """The hundred secrets of one owner are no hundred alerts: sign-in-needed is one."""
        stands = secret("feed", state="blocked", reason=reason)
        rows = [r for ago in range(30) for r in picture(NOW - ago * HOUR, secrets=[stands])]
        assert not fired("secret-stuck", *rows)

    def test_an_owner_who_is_none(self) -> None:
        """A secret that nobody can renew is told, though every owner is connected."""
        stands = secret("feed", state="blocked", reason="unknown-owner", owner=BEN)
        rows = [r for ago in range(30) for r in picture(NOW - ago * HOUR, secrets=[stands])]
        assert fired("secret-stuck", *rows) == [(VAULT, "feed", BEN)]


class TestTokenLost:
    """A token died before its date."""

    def test_it_is_named(self) -> None:
        """Once for each secret, however often it is told."""
        lost = {"vault": VAULT, "secret": "feed", "owner": ADA, "authorization_id": "1"}
        rows = [event("TokenLost", NOW - n * MINUTE, **lost) for n in (1, 1, 30)]
        assert fired("token-lost", *rows, *NOISE) == [(VAULT, "feed", ADA)]

    @pytest.mark.parametrize(("age", "is_fired"), [(2 * HOUR, True), (2 * HOUR + SECOND, False)])
    def test_it_is_over(self, age: timedelta, is_fired: bool) -> None:  # noqa: FBT001
        """It stands for two hours: rows that are ingested an hour late are still seen."""
        row = event("TokenLost", NOW - age, vault=VAULT, secret="feed")
        assert bool(fired("token-lost", row)) is is_fired


class TestProofFailedTwice:
    """A stored value did not work, twice for one secret."""

    def failed(self, ago: timedelta, name: str = "feed", run: str = "", version: str = "1") -> Row:
        """Give one failed proof."""
        keys = {"run_id": run or str(ago), "secret_version": version, "owner": ADA}
        return event("ProofFailed", NOW - ago, vault=VAULT, secret=name, **keys)

    def test_twice(self) -> None:
        """In two runs, within two days."""
        rows = [self.failed(HOUR), self.failed(47 * HOUR)]
        assert fired("proof-failed-twice", *rows) == [(VAULT, "feed", ADA)]
        assert not fired("proof-failed-twice", *rows, failedProofs=3)

    def test_once_is_nothing(self) -> None:
        """Nor is once for each of two secrets, nor one that is told twice, nor a bygone one."""
        assert not fired("proof-failed-twice", self.failed(HOUR), self.failed(2 * HOUR, "npm"))
        assert not fired("proof-failed-twice", self.failed(HOUR), self.failed(HOUR))
        assert not fired("proof-failed-twice", self.failed(HOUR), self.failed(49 * HOUR))

    def test_two_versions_in_one_run(self) -> None:
        """The value that takes the place of a wrong one is wrong, too."""
        rows = [self.failed(HOUR, run="r"), self.failed(HOUR, run="r", version="2")]
        assert fired("proof-failed-twice", *rows) == [(VAULT, "feed", ADA)]
