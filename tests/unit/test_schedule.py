"""When things are due: renewals, retries, retirements and proofs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotation.model import Defaults, SecretName
from rotation.schedule import (
    is_hour_of_proof,
    is_renewal_wanted,
    living,
    next_at,
    renewal_at,
    retirement_at,
    retry_at,
    shown,
    superseded,
)
from rotation.tags import parse
from tests.unit.given import (
    DAY,
    HOUR,
    MANDATE,
    MINUTE,
    NAME,
    NOW,
    OTHER_VALUE,
    PREDECESSOR,
    PROOF,
    RENEWAL,
    SECOND,
    SETTLED,
    TOKEN,
    Given,
)

ANY_NAME = st.builds(
    SecretName, st.just("kv-build"), st.from_regex(r"[0-9A-Za-z-]{1,20}", fullmatch=True)
)
ANY_INSTANT = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given its zone beside it


class TestRenewal:
    """The window in which a token is renewed."""

    @given(
        granted=st.timedeltas(MINUTE, 364 * DAY),
        rotate_before=st.timedeltas(MINUTE, 364 * DAY),
        name=ANY_NAME,
    )
    def test_it_never_takes_more_than_half_of_the_real_lifetime(
        self, granted: timedelta, rotate_before: timedelta, name: SecretName
    ) -> None:
        """A policy may shorten a lifetime; a fixed window would then renew at every run."""
        token = replace(TOKEN, valid_from=NOW, valid_to=NOW + granted)

        due = renewal_at(token, replace(MANDATE, rotate_before=rotate_before), name)

        assert NOW + granted / 2 - timedelta(microseconds=1) <= due < token.valid_to

    @given(
        lifetime=st.timedeltas(DAY, 364 * DAY),
        rotate_before=st.timedeltas(MINUTE, 364 * DAY),
        name=ANY_NAME,
    )
    def test_extensions_do_not_creep_closer(
        self, lifetime: timedelta, rotate_before: timedelta, name: SecretName
    ) -> None:
        """A token grows older with each extension; its renewals stay equally far apart."""
        mandate = replace(MANDATE, lifetime=lifetime, rotate_before=rotate_before)
        token = replace(TOKEN, valid_from=NOW, valid_to=NOW + lifetime)
        due = [NOW]
        for _ in range(9):
            due.append(renewal_at(token, mandate, name))
            token = replace(token, valid_to=due[-1] + lifetime)

        pauses = {later - earlier for earlier, later in pairwise(due)}

        assert len(pauses) == 1
        assert min(pauses) >= lifetime / 2 - timedelta(microseconds=1)

    @given(name=ANY_NAME)
    def test_the_defaults_are_earlier_than_the_mail_of_azure_devops(self, name: SecretName) -> None:
        """A week before a token expires, its owner gets a mail: by then it is renewed."""
        lifetime = timedelta(days=30)
        tags = {"pat-rotation": "regenerate", "pat-organization": "contoso"}
        mandate = parse(tags, Defaults(("ada@contoso.example",), lifetime, 90 * DAY, 48 * HOUR))
        token = replace(TOKEN, valid_from=NOW, valid_to=NOW + lifetime)

        assert renewal_at(token, mandate, name) < token.valid_to - timedelta(days=7)

    def test_what_was_granted_counts_if_it_is_less_than_what_was_asked_for(self) -> None:
        """And what was asked for, if it is less than the age that a token has come to."""
        mandate = replace(MANDATE, rotate_before=29 * DAY)
        young, old = (replace(TOKEN, valid_from=TOKEN.valid_to - d * DAY) for d in (7, 300))
        lead = TOKEN.valid_to - renewal_at(TOKEN, mandate, NAME)

        assert TOKEN.valid_to - renewal_at(old, mandate, NAME) == lead
        assert abs((TOKEN.valid_to - renewal_at(young, mandate, NAME)) * 30 - lead * 7) < SECOND

    @given(name=ANY_NAME)
    def test_it_spreads_by_up_to_a_tenth(self, name: SecretName) -> None:
        """Renewal comes as asked or earlier, by a tenth of the window at most."""
        early = TOKEN.valid_to - MANDATE.rotate_before - renewal_at(TOKEN, MANDATE, name)

        assert timedelta(0) <= early < MANDATE.rotate_before / 10

    def test_secrets_made_in_one_hour_are_not_due_in_one_hour(self) -> None:
        """A thousand names spread over the whole tenth, none of it empty or crowded."""
        due = [renewal_at(TOKEN, MANDATE, SecretName("kv", f"pat-{n}")) for n in range(1000)]

        by_hour = [sum((at - min(due)) // HOUR == hour for at in due) for hour in range(24)]

        assert max(by_hour) < 100
        assert min(by_hour) > 10

    def test_the_spread_is_the_secrets_own(self) -> None:
        """The same at each look, however the name is written; another for another name."""
        same = SecretName("KV-Build", "Feed-Token")

        assert renewal_at(TOKEN, MANDATE, NAME) == renewal_at(TOKEN, MANDATE, same)
        assert renewal_at(TOKEN, MANDATE, NAME) != renewal_at(
            TOKEN, MANDATE, replace(NAME, name="other")
        )

    @pytest.mark.parametrize(
        "granted_on",
        [datetime(2028, 2, 29, tzinfo=UTC), datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)],
    )
    def test_days_are_days(self, granted_on: datetime) -> None:
        """Leap days and ends of years change nothing: a day is 24 hours."""
        token = replace(TOKEN, valid_from=granted_on, valid_to=granted_on + 30 * DAY)
        shift = granted_on - TOKEN.valid_from

        assert renewal_at(token, MANDATE, NAME) == renewal_at(TOKEN, MANDATE, NAME) + shift


class TestRetry:
    """The rest after a renewal that failed."""

    @pytest.mark.parametrize(
        ("failures", "hours"),
        [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (7, 24), (999_999, 24)],
    )
    def test_it_doubles_from_an_hour_to_a_day(self, failures: int, hours: int) -> None:
        """1, 2, 4, 8, 16, then 24 hours, less the five minutes by which a scan may be early."""
        s = SETTLED.failed(failures, ago=MINUTE).snapshot

        assert retry_at(s, NOW) == NOW - MINUTE + hours * HOUR - 5 * MINUTE

    def test_an_attempt_under_way_is_no_failure(self) -> None:
        """Nothing rests without an attempt, or after one that is not known to have failed."""
        assert retry_at(SETTLED.snapshot, NOW) is None
        assert retry_at(SETTLED.failed(0, ago=MINUTE).snapshot, NOW) is None

    @pytest.mark.parametrize("left", [timedelta(0), SECOND, 23 * HOUR, DAY])
    def test_on_the_last_day_it_never_rests(self, left: timedelta) -> None:
        """Near expiry, or after it, a renewal is tried at every run."""
        given = SETTLED.at(TOKEN.valid_to - left).failed(9, ago=MINUTE)

        assert retry_at(given.snapshot, given.now) is None
        assert retry_at(given.at(TOKEN.valid_to + DAY).snapshot, TOKEN.valid_to + DAY) is None

    def test_it_rests_until_the_last_day_at_most(self) -> None:
        """The last day cuts a long rest short."""
        last_day = TOKEN.valid_to - DAY
        given = SETTLED.at(last_day - HOUR).failed(9, ago=MINUTE)

        assert retry_at(given.snapshot, given.now) == last_day

    def test_without_a_known_token_the_vaults_expiry_counts(self) -> None:
        """A value that nobody knows has no token to ask; one without expiry just doubles on."""
        given = SETTLED.unrecorded().failed(9, ago=MINUTE)
        rest = 24 * HOUR - 6 * MINUTE

        assert retry_at(given.kept(expires_at=NOW + DAY).snapshot, NOW) is None
        assert retry_at(given.kept(expires_at=None).snapshot, NOW) == NOW + rest

    @given(failures=st.integers(1, 999_999), ago=st.timedeltas(-400 * DAY, 400 * DAY))
    def test_it_never_rests_for_more_than_a_day(self, failures: int, ago: timedelta) -> None:
        """Whatever stands in the tag, and however wrong a clock was, it is tried within a day."""
        at = retry_at(SETTLED.failed(failures, ago=ago).snapshot, NOW)

        assert at is None or NOW < at <= NOW + DAY

    @given(minutes=st.integers(0, 3 * 24 * 60))
    def test_a_clock_that_goes_back_a_minute_makes_no_haste(self, minutes: int) -> None:
        """What rests still rests a minute earlier."""
        given = SETTLED.failed(9, ago=minutes * MINUTE)
        assume(retry_at(given.snapshot, NOW))

        assert retry_at(given.snapshot, NOW - MINUTE)


class TestExpectation:
    """When something will be done next, and whether a renewal is wanted now."""

    @pytest.mark.parametrize(
        ("given_secret", "expected"),
        [
            (SETTLED, False),
            (SETTLED.at(RENEWAL - SECOND), False),
            (SETTLED.at(RENEWAL), True),
            (SETTLED.at(RENEWAL).failed(ago=MINUTE), True),
            (SETTLED.failed(3, ago=MINUTE), False),
            (SETTLED.proven(), False),
            (SETTLED.proven(works=False), True),
        ],
        ids=[
            "a fresh token",
            "a second early",
            "its renewal time",
            "while it backs off",
            "an old failure is no reason",
            "it works",
            "it is dead",
        ],
    )
    def test_a_renewal_is_wanted_for_what_is_due_or_dead(
        self, given_secret: Given, *, expected: bool
    ) -> None:
        """Whatever failed before: a failure is a reason to rest, not to renew."""
        assert is_renewal_wanted(given_secret.snapshot, given_secret.now) is expected

    @pytest.mark.parametrize(
        ("given_secret", "expected"),
        [
            (SETTLED, RENEWAL),
            (SETTLED.failed(3, ago=MINUTE), RENEWAL),
            (SETTLED.superseded().stored(HOUR), NOW + 47 * HOUR),
            (SETTLED.at(RENEWAL - HOUR).superseded().stored(HOUR), RENEWAL),
            (SETTLED.at(RENEWAL), None),
            (SETTLED.at(RENEWAL).failed(ago=MINUTE), RENEWAL + 54 * MINUTE),
            (SETTLED.proven(works=False), None),
            (SETTLED.proven(works=False).failed(ago=MINUTE), NOW + 54 * MINUTE),
        ],
        ids=[
            "its renewal",
            "its renewal, whatever failed before",
            "the end of the grace",
            "whichever comes first",
            "due: nothing to wait for",
            "due, but it backs off: the next attempt",
            "dead: nothing to wait for",
            "dead, but it backs off: the next attempt",
        ],
    )
    def test_the_next_date(self, given_secret: Given, expected: datetime | None) -> None:
        """What is wanted but rests comes before what would come otherwise."""
        assert next_at(given_secret.snapshot, given_secret.now) == expected


class TestRetirement:
    """The end of a superseded token."""

    @pytest.mark.parametrize(
        ("age_of_token", "age_of_version", "left"),
        [(20 * DAY, 47 * HOUR, HOUR), (47 * HOUR, 20 * DAY, HOUR), (20 * DAY, DAY, DAY)],
    )
    def test_the_younger_of_token_and_version_counts(
        self, age_of_token: timedelta, age_of_version: timedelta, left: timedelta
    ) -> None:
        """Both must be older than the grace: running jobs, and runs about to store, need it."""
        s = SETTLED.superseded(age_of_token).stored(age_of_version).snapshot

        assert retirement_at(superseded(s, NOW)[0], s) == NOW + left

    def test_the_grace_is_an_hour_at_least(self) -> None:
        """However little the tags ask for."""
        s = SETTLED.superseded().stored(MINUTE).tagged(grace_period=MINUTE).snapshot

        assert retirement_at(superseded(s, NOW)[0], s) == NOW + 59 * MINUTE

    def test_the_order_now_ends_the_grace_of_what_was_before(self) -> None:
        """Older than an hour is ripe at once, younger as soon as it is an hour old."""
        s = SETTLED.superseded(10 * MINUTE).stored(MINUTE).ordered_now().snapshot

        assert retirement_at(superseded(s, NOW)[0], s) == NOW + 50 * MINUTE

    def test_the_order_now_is_for_one_value(self) -> None:
        """With copied tags it takes the grace from no innocent token."""
        s = SETTLED.superseded(HOUR).stored(MINUTE).ordered_now(OTHER_VALUE).snapshot

        assert retirement_at(superseded(s, NOW)[0], s) == NOW + 48 * HOUR - MINUTE

    def test_an_unread_value_is_worth_a_look(self) -> None:
        """At a glance the order is taken as meant, so that the secret is read."""
        s = SETTLED.superseded(2 * HOUR).stored(MINUTE).ordered_now(OTHER_VALUE).glanced().snapshot

        assert retirement_at(superseded(s, NOW)[0], s) <= NOW

    def test_superseded_is_what_lives_and_is_not_recorded(self) -> None:
        """The oldest comes first; what expires this moment lives no longer."""
        older = replace(PREDECESSOR, authorization_id="0", valid_from=NOW - 40 * DAY)
        gone = replace(PREDECESSOR, authorization_id="1", valid_to=NOW)
        s = SETTLED.bound(gone, TOKEN, PREDECESSOR, older).snapshot

        assert living(s, NOW) == [older, PREDECESSOR, TOKEN]
        assert superseded(s, NOW) == [older, PREDECESSOR]
        assert superseded(SETTLED.unrecorded().snapshot, NOW) == [TOKEN]


class TestProof:
    """The hour of the day at which a stored value is tried."""

    @given(name=ANY_NAME, start=ANY_INSTANT, minutes=st.lists(st.integers(1, 180), min_size=30))
    def test_it_comes_once_a_day_however_scans_fall(
        self, name: SecretName, start: datetime, minutes: list[int]
    ) -> None:
        """Between two scans a day apart a secret is proven once, however many lie between."""
        scans = [start]
        for pause in minutes:
            scans.append(scans[-1] + pause * MINUTE)
        scans = [scan for scan in scans if scan <= start + DAY]
        scans = [*scans, start + DAY] if scans[-1] < start + DAY else scans

        proofs = [
            is_hour_of_proof(SETTLED.kept(name=name).but(scanned_at=before).snapshot, now)
            for before, now in pairwise(scans)
        ]

        assert sum(proofs) == 1

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (PROOF - SECOND, False),
            (PROOF, True),
            (PROOF + HOUR - SECOND, True),
            (PROOF + HOUR, False),
        ],
    )
    def test_without_a_last_scan_an_hour_is_assumed(self, now: datetime, *, expected: bool) -> None:
        """A process that has just started does not prove everything at once."""
        assert is_hour_of_proof(SETTLED.but(scanned_at=None).snapshot, now) is expected

    def test_a_clock_that_goes_back_proves_nothing_twice(self) -> None:
        """A last scan that lies in the future is no reason."""
        s = SETTLED.but(scanned_at=PROOF + MINUTE).snapshot

        assert not is_hour_of_proof(s, PROOF + SECOND)

    def test_the_hours_differ(self) -> None:
        """Two hundred secrets use every hour of the day."""
        secrets = [SETTLED.kept(name=SecretName("kv", f"pat-{n}")) for n in range(200)]
        hours = [PROOF + n * HOUR for n in range(24)]
        used = [
            any(is_hour_of_proof(s.but(scanned_at=at - SECOND).snapshot, at) for s in secrets)
            for at in hours
        ]

        assert all(used)


def test_an_instant_for_people() -> None:
    """Dates are shown in UTC, and say so, whatever zone they were given in."""
    assert shown(NOW) == "2026-11-22 07:30 UTC"
    assert shown(NOW.astimezone(timezone(2 * HOUR))) == "2026-11-22 07:30 UTC"
