"""Each alert fires when it must, and is silent when it must be: run over rows written by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rotation.tags import format_instant
from tests.infra.kusto import Workspace
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
    owner,
    picture,
    read,
    request,
    secret,
    trace,
)
from tests.infra.rules import DEFAULTS, RULES

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tests.infra.log import Row

OF_THE_FLEET = [
    "secret-expiring",
    "secret-expired",
    "secret-stuck",
    "vault-unread",
    "sign-in-needed",
    "sign-in-soon",
    "poison-queue",
]
"""The alerts that rest on the newest picture."""


def fired(
    name: str, *rows: Row, table: str = "AppTraces", now: datetime = NOW, **parameters: int | str
) -> list[tuple[str, ...]]:
    """Look as the deployed rule does, and tell for which values of its dimensions it fires."""
    workspace, rule = Workspace(), RULES[name]
    workspace.add(table, *rows)
    answer = workspace.ask(rule.query(**parameters), now, now - rule.window)
    return sorted(tuple(row[dimension] for dimension in rule.dimensions) for row in answer)


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
                secrets=[secret("feed"), secret("due", state="due"), secret("s", state="skipped")],
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
        stands = [secret("feed"), secret("npm")]
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

    def test_a_vault_that_cannot_be_read_hides_nothing(self) -> None:
        """Of its secrets the last picture counts that showed them; of the others, this one."""
        before = [
            secret("feed", alert="expiring"),
            secret("npm", vault="kv-away", alert="expiring"),
        ]
        away = [{"vault": "kv-away", "reason": "access-denied"}]
        rows = [
            *picture(NOW - 2 * HOUR, secrets=before),
            *picture(NOW - HOUR, secrets=[secret("feed")], vaults_failed=away),
            *picture(NOW, secrets=[secret("feed")], vaults_failed=away),
        ]
        assert fired("secret-expiring", *rows) == [("kv-away", "npm", ADA)]

    def test_a_secret_that_is_gone_is_forgotten(self) -> None:
        """Whoever deletes a secret, or takes its tag off, hears no more of it."""
        before = picture(NOW - HOUR, secrets=[secret("feed", alert="expiring")])
        assert not fired("secret-expiring", *before, *picture(NOW))


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

    @pytest.mark.parametrize("state", ["failing", "blocked", "rejected"])
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


class TestPoisonQueue:
    """Messages wait in rotation-requests-poison."""

    @pytest.mark.parametrize(("messages", "is_fired"), [(None, False), (0, False), (1, True)])
    def test_how_many(self, messages: int | None, is_fired: bool) -> None:  # noqa: FBT001
        """One is enough; that nobody can tell is none."""
        assert bool(fired("poison-queue", *picture(NOW, poisoned=messages))) is is_fired


class TestUnexpectedReader:
    """Somebody besides the rotator reads the session vault."""

    EVE = "eeeeeeee-aaaa-bbbb-cccc-0123456789ab"

    def reads(self, *rows: Row) -> list[tuple[str, ...]]:
        """Give who is told of."""
        return fired("unexpected-reader", *rows, table="AZKVAuditLogs")

    @pytest.mark.parametrize(
        "operation", ["SecretGet", "SecretBackup", "SecretList", "SecretListVersions"]
    )
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

    def test_another_vault(self) -> None:
        """Watched vaults are there to be read."""
        other = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-build"
        assert self.reads(read(NOW, self.EVE, _ResourceId=other)) == []

    @pytest.mark.parametrize(("age", "is_fired"), [(2 * HOUR, True), (2 * HOUR + SECOND, False)])
    def test_it_is_over(self, age: timedelta, is_fired: bool) -> None:  # noqa: FBT001
        """It stands for two hours: rows that are ingested an hour late are still seen."""
        assert bool(self.reads(read(NOW - age, self.EVE))) is is_fired


def test_keys_may_come_in_any_company() -> None:
    """Keys that a later version adds change nothing."""
    rows = [
        trace(json.dumps({**json.loads(row["Message"]), "new": {"count": 1}}), NOW)
        for row in picture(NOW, secrets=[secret("feed", alert="expiring", new=[1])])
    ]
    assert fired("secret-expiring", *rows) == [(VAULT, "feed", ADA)]
