"""The tags of a managed secret: what they ask for, and what is written back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation import tags
from rotation.model import Attempt, Defaults, Mode, Recorded
from tests.unit.given import DAY, HOUR, NOW, OWNER

DEFAULTS = Defaults((OWNER,), lifetime=30 * DAY, max_lifetime=90 * DAY, grace_period=48 * HOUR)
TWO_OWNERS = replace(DEFAULTS, owners=(OWNER, "bob@example.com"))
ID, DIGEST = "4ab5764f-4193-4f1d-b995-64144880b7d7", "0123456789ab"
RECORDED = Recorded(ID, DIGEST)
ATTEMPT = Attempt(3, NOW)
MANAGED = {"pat-rotation": "regenerate", "pat-organization": "contoso"}
FULL = {
    **MANAGED,
    "team": "build",
    "pat-authorization-id": f"{ID} {DIGEST}",
    "pat-retire": f"now {DIGEST}",
    "pat-attempt": "3 2026-11-22T07:30:00Z",
}
TOO_LONG = "x" * 84
"""As long as a token."""

AN_ORGANIZATION = (
    "expected the name of an organization: letters, digits and inner hyphens, at most 50"
)
A_UPN = "expected a user principal name such as ada@example.com"
AN_ID = "expected an authorization id and 12 hex digits, as the rotator writes them"
AN_ORDER = "expected 'now' and 12 hex digits, as the order writes them"
AN_ATTEMPT = "expected a count and an instant, as the rotator writes them"


def faults(asked: dict[str, str], defaults: Defaults = DEFAULTS) -> tuple[str, ...]:
    """Give what is wrong with a managed secret that has these tags, too."""
    return tags.parse({**MANAGED, **asked}, defaults).faults


def others(count: int) -> dict[str, str]:
    """Make so many tags that are somebody else's."""
    return {f"theirs-{number}": "x" for number in range(count)}


def test_every_tag_has_its_public_name() -> None:
    """People write these names into their templates."""
    names = {value for value in vars(tags).values() if str(value).startswith("pat-")}

    assert names == {
        "pat-rotation",
        "pat-organization",
        "pat-owner",
        "pat-lifetime-days",
        "pat-rotate-before-days",
        "pat-grace-hours",
        "pat-authorization-id",
        "pat-retire",
        "pat-attempt",
    }


class TestReading:
    """What the tags of one secret ask for."""

    def test_two_tags_are_enough(self) -> None:
        """Everything else has a default."""
        mandate = tags.parse(MANAGED, DEFAULTS)

        assert mandate.faults == ()
        assert mandate.mode is Mode.REGENERATE
        assert (mandate.owner, mandate.organization) == (OWNER, "contoso")
        assert mandate.place == "ada@example.com in contoso"
        assert mandate.lifetime == 30 * DAY
        assert mandate.rotate_before == 10 * DAY
        assert mandate.grace_period == 48 * HOUR
        assert (mandate.recorded, mandate.retire_now, mandate.attempt) == (None, None, None)

    def test_every_tag_is_heard(self) -> None:
        """Capitals and blanks around a text do not matter."""
        asked = {
            "pat-rotation": " Extend ",
            "pat-organization": " Contoso-2 ",
            "pat-owner": "Bob@Example.com",
            "pat-lifetime-days": "60",
            "pat-rotate-before-days": "7",
            "pat-grace-hours": "24",
            "pat-authorization-id": f"{ID} {DIGEST}".upper(),
            "pat-retire": f"NOW {DIGEST.upper()}",
            "pat-attempt": "3 2026-11-22T07:30:00Z",
        }

        mandate = tags.parse(asked, TWO_OWNERS)

        assert mandate.faults == ()
        assert mandate.mode is Mode.EXTEND
        assert (mandate.owner, mandate.organization) == ("bob@example.com", "Contoso-2")
        assert (mandate.lifetime, mandate.rotate_before) == (60 * DAY, 7 * DAY)
        assert mandate.grace_period == 24 * HOUR
        assert mandate.recorded == RECORDED
        assert (mandate.retire_now, mandate.attempt) == (DIGEST, ATTEMPT)

    def test_a_watched_secret_needs_one_tag(self) -> None:
        """It has no organization, and no owner where several are configured."""
        mandate = tags.parse({"pat-rotation": "watch"}, TWO_OWNERS)

        assert mandate.faults == ()
        assert (mandate.organization, mandate.owner) == ("", "")

    def test_the_discovery_tag_makes_a_secret_a_managed_one(self) -> None:
        """Whatever it says; without it a secret is nobody's business."""
        assert tags.is_managed({"pat-rotation": "nonsense"})
        assert not tags.is_managed({"pat-organization": "contoso"})

    def test_the_window_opens_at_a_third_of_the_lifetime(self) -> None:
        """Unless the tag says otherwise."""
        assert tags.parse({**MANAGED, "pat-lifetime-days": "1"}, DEFAULTS).rotate_before == 8 * HOUR

    def test_an_id_without_digest_counts_as_none(self) -> None:
        """It does not say of which value it speaks; that is no fault."""
        mandate = tags.parse({**MANAGED, "pat-authorization-id": ID}, DEFAULTS)

        assert (mandate.recorded, mandate.faults) == (None, ())

    @pytest.mark.parametrize("days", ["1", "90"])
    def test_a_lifetime_keeps_to_its_bounds(self, days: str) -> None:
        """From a day to the configured maximum."""
        assert tags.parse({**MANAGED, "pat-lifetime-days": days}, DEFAULTS).faults == ()


class TestFaults:
    """Each names the tag, what it is, and what was expected."""

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("pat-rotation", "regnerate", "expected regenerate, extend, watch"),
            ("pat-rotation", "", "expected regenerate, extend, watch"),
            ("pat-owner", "ada", A_UPN),
            ("pat-owner", "", A_UPN),
            ("pat-owner", "ada@", A_UPN),
            ("pat-owner", "a@b@c", A_UPN),
            ("pat-owner", "ada@example.com/../", A_UPN),
            ("pat-owner", "ada@a, bob@b", A_UPN),
            ("pat-owner", "ada@exam_ple.com", A_UPN),
            ("pat-owner", "ada%40example.com", A_UPN),
            ("pat-owner", "ada@example.com; bob@example.com", A_UPN),
            ("pat-owner", "Ada <ada@example.com>", A_UPN),
            ("pat-owner", "ada @example.com", A_UPN),
            ("pat-owner", "ada\u00a0b@example.com", A_UPN),
            ("pat-owner", "ada\r\n@example.com", A_UPN),
            ("pat-owner", "ada@example.com\x00", A_UPN),
            ("pat-owner", "ada\x7f@example.com", A_UPN),
            ("pat-owner", "\x1b[31mada@example.com", A_UPN),
            ("pat-owner", "ada\u202e@example.com", A_UPN),
            ("pat-owner", "\u2066ada@example.com\u2069", A_UPN),
            ("pat-owner", "ada\u200b@example.com", A_UPN),
            ("pat-owner", "\u0430da@example.com", A_UPN),
            ("pat-owner", "ada\uff20example.com", A_UPN),
            ("pat-lifetime-days", "0", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "91", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "-1", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "1.5", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "1e1", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "3_0", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "٣", "expected a whole number from 1 to 90"),
            ("pat-lifetime-days", "²", "expected a whole number from 1 to 90"),
            ("pat-rotate-before-days", "0", "expected a whole number from 1 to 364"),
            ("pat-rotate-before-days", "365", "expected a whole number from 1 to 364"),
            ("pat-grace-hours", "0", "expected a whole number from 1 to 8736"),
            ("pat-grace-hours", "8737", "expected a whole number from 1 to 8736"),
            ("pat-authorization-id", "", AN_ID),
            ("pat-authorization-id", "4ab5764f", AN_ID),
            ("pat-authorization-id", f"{ID}{DIGEST[:2]}", AN_ID),
            ("pat-authorization-id", f" {ID[:-1]}g", AN_ID),
            ("pat-retire", "now", AN_ORDER),
            ("pat-retire", DIGEST, AN_ORDER),
            ("pat-retire", f"now {DIGEST}0", AN_ORDER),
            ("pat-retire", f"later {DIGEST}", AN_ORDER),
            ("pat-attempt", "3", AN_ATTEMPT),
            ("pat-attempt", "3 ", AN_ATTEMPT),
            ("pat-attempt", "-1 2026-11-22T07:30:00Z", AN_ATTEMPT),
            ("pat-attempt", "1000000 2026-11-22T07:30:00Z", AN_ATTEMPT),
            ("pat-attempt", "3  2026-11-22T07:30:00Z", AN_ATTEMPT),
            ("pat-attempt", "3 2026-11-22T07:30:00", AN_ATTEMPT),
            ("pat-attempt", "3 2026-11-22T07:30:00+01:00", AN_ATTEMPT),
            ("pat-attempt", "3 2026-11-22", AN_ATTEMPT),
            ("pat-attempt", "3 2026-02-29T07:30:00Z", AN_ATTEMPT),
            ("pat-attempt", "3 0000-01-01T00:00:00Z", AN_ATTEMPT),
        ],
    )
    def test_a_bad_tag(self, name: str, text: str, expected: str) -> None:
        """It is shown as it is, in ASCII, with what was expected in its place."""
        assert faults({name: text}) == (f"tag {name} is {text!a}, {expected}",)

    @pytest.mark.parametrize(
        "organization",
        [
            "",
            "-contoso",
            "contoso-",
            "contoso.evil.example",
            "evil.example/",
            "evil.example/contoso",
            "evil.example#",
            "evil.example?",
            "user@evil.example",
            "contoso:443",
            "..",
            "../../x",
            "..%2f..%2fx",
            "contoso\\x",
            "contoso x",
            "contoso\r\nHost: evil.example",
            "contoso\tx",
            "contoso\x00",
            "\x1b[31mcontoso",
            "c\u043entoso",
            "cont\uff0foso",
            "x" * 51,
        ],
    )
    def test_an_organization_steers_no_request(self, organization: str) -> None:
        """Nothing that could lead to another host or path gets through."""
        mandate = tags.parse({**MANAGED, "pat-organization": organization}, DEFAULTS)

        assert len(mandate.faults) == 1
        assert mandate.faults[0].endswith(AN_ORGANIZATION)
        assert mandate.organization == ""

    @given(st.text(max_size=60))
    def test_an_organization_is_a_plain_word(self, organization: str) -> None:
        """Whatever is written there: what passes can stand in an address as it is."""
        passed = tags.parse({**MANAGED, "pat-organization": organization}, DEFAULTS).organization

        assert passed.isascii()
        assert all(letter.isalnum() or letter == "-" for letter in passed)
        assert len(passed) <= 50

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_an_owner_is_a_plain_name(self, user: str, domain: str) -> None:
        """Whatever is written there: what passes can be printed and compared as it is."""
        owner = tags.parse({**MANAGED, "pat-owner": f"{user}@{domain}"}, TWO_OWNERS).owner

        assert owner.isascii()
        assert all(letter.isalnum() or letter in "'._!#^~+-@" for letter in owner)
        assert owner == owner.lower()

    @pytest.mark.parametrize(
        "owner",
        [
            "a@b",
            "ada.lovelace+pat@build.example.com",
            "o'brien@example.com",
            "_!#^~-@example.com",
            "ada_partner.example#EXT#@contoso.onmicrosoft.com",
        ],
    )
    def test_a_plain_owner_is_well(self, owner: str) -> None:
        """Whatever Entra admits in a user principal name, guests included."""
        mandate = tags.parse({**MANAGED, "pat-owner": owner}, DEFAULTS)

        assert (mandate.faults, mandate.owner) == ((), owner.lower())

    def test_an_owner_is_no_longer_than_a_name_can_be(self) -> None:
        """It is shown in full, so nothing gets through that is longer than Entra admits."""
        longest = f"{'a' * 64}@{'b' * 48}"

        assert faults({"pat-owner": longest}) == ()
        assert faults({"pat-owner": f"{longest}b"}) == (
            f"tag pat-owner is a text of 114 characters, {A_UPN}",
        )

    @pytest.mark.parametrize("organization", ["c", "2", "a-b", "A" * 50])
    def test_a_plain_organization_is_well(self, organization: str) -> None:
        """Letters, digits and inner hyphens."""
        assert faults({"pat-organization": organization}) == ()

    def test_a_missing_organization(self) -> None:
        """Nobody can guess it."""
        mandate = tags.parse({"pat-rotation": "extend"}, DEFAULTS)

        assert mandate.faults == (
            "tag pat-organization is missing, expected the name of an organization",
        )

    def test_a_faulty_mode_hides_nothing(self) -> None:
        """Whoever misspelt the mode did not ask for ``watch``, which needs no organization."""
        mandate = tags.parse({"pat-rotation": "regnerate"}, TWO_OWNERS)

        assert [fault.split(",")[0] for fault in mandate.faults] == [
            "tag pat-rotation is 'regnerate'",
            "tag pat-owner is missing",
            "tag pat-organization is missing",
        ]

    def test_a_missing_owner(self) -> None:
        """Of several owners none is the default."""
        assert faults({}, TWO_OWNERS) == (
            "tag pat-owner is missing, expected one of the 2 in ROTATION_OWNERS",
        )

    @pytest.mark.parametrize(
        ("asked", "lifetime"),
        [
            ({"pat-rotate-before-days": "30"}, 30),
            ({"pat-rotate-before-days": "7", "pat-lifetime-days": "7"}, 7),
        ],
    )
    def test_a_window_as_long_as_the_life(self, asked: dict[str, str], lifetime: int) -> None:
        """Two tags that contradict each other, or one that contradicts a default."""
        shown = f"tag pat-rotate-before-days is {lifetime}"

        assert faults(asked) == (f"{shown}, expected less than the lifetime of {lifetime} days",)
        assert faults({**asked, "pat-rotate-before-days": str(lifetime - 1)}) == ()

    @pytest.mark.parametrize("lifetime", ["many", "0", "91", TOO_LONG])
    def test_a_faulty_life_is_one_fault(self, lifetime: str) -> None:
        """What the window was compared with is a default that nobody asked for."""
        found = faults({"pat-lifetime-days": lifetime, "pat-rotate-before-days": "60"})

        assert [fault.split()[1] for fault in found] == ["pat-lifetime-days"]

    def test_all_at_once(self) -> None:
        """Nobody mends one fault only to meet the next."""
        found = faults(
            {
                "pat-organization": "a/b",
                "pat-owner": "ada",
                "pat-lifetime-days": "many",
                "pat-rotate-before-days": "365",
                "pat-grace-hours": "-",
                "pat-authorization-id": "?",
                "pat-retire": "?",
                "pat-attempt": "?",
                **others(12),
            },
        )

        assert [fault.split()[1] for fault in found] == [
            "pat-lifetime-days",
            "pat-organization",
            "pat-owner",
            "pat-rotate-before-days",
            "pat-grace-hours",
            "pat-authorization-id",
            "pat-retire",
            "pat-attempt",
            "tags",
        ]

    @pytest.mark.parametrize("name", sorted(FULL.keys() - {"team"}))
    def test_a_long_text_is_not_echoed(self, name: str) -> None:
        """It may be a token that somebody pasted into the wrong field."""
        found = faults({name: TOO_LONG})

        assert f"tag {name} is a text of 84 characters, expected" in found[0]
        assert TOO_LONG[:20] not in "".join(found)

    def test_what_is_shown_is_printable(self) -> None:
        """Control characters and look-alikes are spelled out."""
        assert "is '\\x1b[2J\\u202e\\n', expected" in faults({"pat-rotation": "\x1b[2J\u202e\n"})[0]

    def test_the_renewal_needs_room_for_two_tags(self) -> None:
        """A secret holds 15; a renewal that could not be written down must not begin."""
        room = "room for pat-attempt and pat-authorization-id among the 15 of Key Vault"

        assert faults(others(11)) == ()
        assert faults(others(12)) == (f"14 tags are too many, expected {room}",)

    def test_a_full_secret_that_has_them_already_is_well(self) -> None:
        """What is rewritten takes no further room."""
        assert faults({**FULL, **others(9)}) == ()
        assert len({**FULL, **others(9)}) == 15

    def test_a_watched_secret_may_be_full(self) -> None:
        """Nothing is ever written to it."""
        assert faults({"pat-rotation": "watch", **others(13)}) == ()


class TestWriting:
    """The tags that a version is to carry next."""

    def test_a_new_version_carries_everybody_elses_tags(self) -> None:
        """An order and a count of failures end with the version they were for."""
        new = Recorded("11111111-4193-4f1d-b995-64144880b7d7", "ba9876543210")

        assert tags.stored(FULL, new) == {
            **MANAGED,
            "team": "build",
            "pat-authorization-id": "11111111-4193-4f1d-b995-64144880b7d7 ba9876543210",
        }

    def test_an_adopted_version_keeps_all_its_tags(self) -> None:
        """But it says now which token it holds."""
        assert tags.adopted({**FULL, "pat-authorization-id": ID}, RECORDED) == FULL

    def test_an_attempt_is_counted(self) -> None:
        """Beside all other tags."""
        assert tags.attempted({**FULL, "pat-attempt": "1 2026-01-01T00:00:00Z"}, ATTEMPT) == FULL

    def test_a_success_ends_the_count(self) -> None:
        """And nothing else."""
        expected = {name: text for name, text in FULL.items() if name != "pat-attempt"}

        assert tags.succeeded(FULL) == expected
        assert tags.succeeded(MANAGED) == MANAGED

    @given(
        theirs=st.dictionaries(
            st.text().filter(lambda name: not name.startswith("pat-")), st.text()
        ),
        identity=st.uuids(),
        digest=st.text("0123456789abcdef", min_size=12, max_size=12),
        failures=st.integers(0, 999_999),
        at=st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - see timezones
    )
    def test_what_is_written_is_read_again(
        self, theirs: dict[str, str], identity: object, digest: str, failures: int, at: datetime
    ) -> None:
        """Writing what was read changes nothing, and leaves other people's tags alone."""
        recorded = Recorded(str(identity), digest)
        attempt = Attempt(failures, at.replace(microsecond=0))
        written = tags.attempted(tags.stored({**theirs, **FULL}, recorded), attempt)

        read = tags.parse(written, DEFAULTS)

        assert (read.recorded, read.attempt, read.retire_now) == (recorded, attempt, None)
        assert tags.attempted(tags.adopted(written, recorded), attempt) == written
        assert theirs.items() <= written.items()

    def test_an_instant_is_written_in_utc(self) -> None:
        """To the second, whatever zone it came in."""
        instant = NOW.astimezone(timezone(timedelta(hours=5, minutes=30))).replace(microsecond=9)

        assert tags.format_instant(instant) == "2026-11-22T07:30:00Z"


class TestNaming:
    """Which token another version of the secret names."""

    @pytest.mark.parametrize("text", [ID, f"{ID} {DIGEST}", f" {ID.upper()} ", f"{ID} whatever"])
    def test_a_version_names_a_token(self, text: str) -> None:
        """With a digest or without, in any case."""
        assert tags.names({"pat-authorization-id": text}, ID)

    @pytest.mark.parametrize("text", ["", ID[:-1], ID + "0", f"x {ID}"])
    def test_a_version_names_another_token_or_none(self, text: str) -> None:
        """Only the whole id counts."""
        assert not tags.names({"pat-authorization-id": text}, ID)
        assert not tags.names({}, ID)

    def test_what_an_older_version_recorded(self) -> None:
        """The id together with the digest of its value, or nothing."""
        assert tags.recorded_in(FULL) == RECORDED
        for text in ("", ID, f"{ID} {DIGEST[:-1]}", "nonsense"):
            assert tags.recorded_in({"pat-authorization-id": text}) is None
        assert tags.recorded_in({}) is None
