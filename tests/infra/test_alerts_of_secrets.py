"""The alerts about single secrets: when each fires, and when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def watched(name: str, left: timedelta | None = 20 * DAY, **keys: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Give how a watched secret stands that has so long to live; None if no expiry is set."""
    ends_at = format_instant(NOW + left) if left is not None else None
    stands = {"mode": "watch", "state": "watched", "reason": "watched", "acts_next": "keeper"}
    return secret(name, **{**stands, "owner": None, "expires_at": ends_at, **keys})


class TestWatchedSoon:
    """A watched secret expires within 14 days: its keeper must make the next value."""

    @pytest.mark.parametrize(
        ("left", "is_fired"),
        [(14 * DAY + SECOND, False), (14 * DAY, True), (SECOND, True), (0 * DAY, False)],
    )
    def test_how_soon(self, left: timedelta, is_fired: bool) -> None:  # noqa: FBT001
        """From 14 days before; what has expired is another alert."""
        rows = picture(NOW, secrets=[watched("key", left)])
        assert fired("watched-soon", *rows) == ([(VAULT, "key", "nobody")] if is_fired else [])

    def test_it_stays_until_it_is_mended(self) -> None:
        """Three days before, the urgent alert speaks, too, and nobody is told that all is well."""
        rows = picture(NOW, secrets=[watched("key", 2 * DAY, alert="expiring")])
        assert fired("watched-soon", *rows) == fired("secret-expiring", *rows) != []

    def test_days_are_a_parameter(self) -> None:
        """Whoever needs a month to get the next value is told a month before."""
        rows = picture(NOW, secrets=[watched("key", 30 * DAY)])
        assert not fired("watched-soon", *rows)
        assert fired("watched-soon", *rows, watchedDays=30) == [(VAULT, "key", "nobody")]

    def test_only_what_is_watched(self) -> None:
        """Others are renewed; one that is switched off, or has no date, says nothing of a date."""
        near = format_instant(NOW + DAY)
        others = [
            secret("due", state="due", expires_at=near),
            watched("off", DAY, state="skipped"),
            watched("never", None, reason="no-expiry"),
        ]
        assert not fired("watched-soon", *picture(NOW, secrets=others))

    def test_a_vault_that_cannot_be_read_hides_nothing(self) -> None:
        """The last picture counts that showed it."""
        away = [{"vault": VAULT, "reason": "access-denied"}]
        rows = [
            *picture(NOW - 9 * HOUR, secrets=[watched("key", DAY)]),
            *picture(NOW, vaults_failed=away),
        ]
        assert fired("watched-soon", *rows) == [(VAULT, "key", "nobody")]


class TestWatchedLost:
    """A watched secret is not in the picture any more: its tag went with its last value."""

    def before(self, **keys: Any) -> list[Row]:  # noqa: ANN401 - as above
        """Give a picture that still shows it, beside another one."""
        return picture(NOW - HOUR, secrets=[watched("key", **keys), secret("feed")])

    def test_it_is_named(self) -> None:
        """Also one that had expired: then most of all, for it has just been replaced."""
        now = picture(NOW, secrets=[secret("feed")])
        assert fired("watched-lost", *self.before(), *now) == [(VAULT, "key", "nobody")]
        dead = self.before(state="expired", alert="expired")
        assert fired("watched-lost", *dead, *now) == [(VAULT, "key", "nobody")]

    def test_it_is_there_in_some_way(self) -> None:
        """Watched, or looked after in another mode, or back again."""
        for there in (watched("key"), secret("key"), watched("key", state="skipped")):
            assert not fired("watched-lost", *self.before(), *picture(NOW, secrets=[there]))
        gone = picture(NOW - 30 * MINUTE, secrets=[secret("feed")])
        back = picture(NOW, secrets=[watched("key")])
        assert not fired("watched-lost", *self.before(), *gone, *back)

    def test_one_that_was_switched_off_first_has_ended(self) -> None:
        """And one that was renewed is told of otherwise, if its token is left over."""
        off = self.before(state="skipped")
        renewed = picture(NOW - 2 * HOUR, secrets=[secret("other")])
        assert not fired("watched-lost", *renewed, *off, *picture(NOW, secrets=[secret("feed")]))

    def test_what_was_not_looked_at_is_not_lost(self) -> None:
        """Its vault cannot be read, or the picture is not whole."""
        away = [{"vault": VAULT, "reason": "unavailable"}]
        assert not fired("watched-lost", *self.before(), *picture(NOW, vaults_failed=away))
        assert not fired("watched-lost", *self.before(), *picture(NOW, is_complete=False))

    def test_it_is_over_after_two_days(self) -> None:
        """By then it was read, or nobody wants to."""
        old = picture(NOW - 49 * HOUR, secrets=[watched("key")])
        assert not fired("watched-lost", *old, *picture(NOW, secrets=[secret("feed")]))


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

    @pytest.mark.parametrize(("hours", "is_fired"), [(23, False), (24, True)])
    def test_a_watched_secret_without_an_expiry(self, hours: int, is_fired: bool) -> None:  # noqa: FBT001
        """Nobody would ever be reminded of it; so somebody is told, after a day."""
        stands = watched("key", None, reason="no-expiry")
        rows = [r for ago in range(hours + 1) for r in picture(NOW - ago * HOUR, secrets=[stands])]
        told = [(VAULT, "key", "nobody")] if is_fired else []
        assert fired("secret-stuck", *rows) == told

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
