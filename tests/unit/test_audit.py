"""What the report over all tokens says of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotation.audit import Estate, findings, quoted
from rotation.audit_rules import GLOBAL_TOKENS_END_AT, RULES
from rotation.diagnosis import Diagnosis, Severity
from rotation.inventory import Inventory
from rotation.model import Defaults, Mandate, SecretName, Token
from rotation.tags import parse

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NAME = SecretName("kv-build", "feed-token")
OWNER, ORGANIZATION, ACCOUNT = "ada@example.com", "contoso", "38aaa865"
DEFAULTS = Defaults((OWNER,), 30 * DAY, 90 * DAY, 48 * HOUR)
PAGE = "https://dev.azure.com/contoso/_usersSettings/tokens"
TOKEN = Token(
    authorization_id="4ab5764f-4193-4f1d-b995-64144880b7d7",
    display_name=f"Build agents {NAME.mark}",
    scopes=frozenset({"vso.code"}),
    valid_from=NOW - 10 * DAY,
    valid_to=NOW + 20 * DAY,
    target_accounts=(ACCOUNT,),
)
LOOSE = replace(TOKEN, display_name="my token")


def mandate(**tags: str) -> Mandate:
    """Give what a secret asks for, with these tags beside the usual ones."""
    usual = {"pat-rotation": "regenerate", "pat-organization": ORGANIZATION}
    given = {f"pat-{name.replace('_', '-')}": value for name, value in tags.items()}
    return parse({**usual, **given}, DEFAULTS)


def look(*tokens: Token, **changes: Any) -> tuple[Diagnosis, ...]:  # noqa: ANN401 - of the estate
    """Look at these tokens of one owner in one organization."""
    estate = Estate(
        inventories={(OWNER, ORGANIZATION): Inventory(ACCOUNT, tokens)},
        mandates={NAME: mandate()},
        seen={NAME.vault},
        max_lifetime=DEFAULTS.max_lifetime,
        devops_url="https://dev.azure.com",
        now=NOW,
    )
    return findings(replace(estate, **changes))


def words(found: tuple[Diagnosis, ...]) -> list[str]:
    """Give the machine words, in their order."""
    return [diagnosis.finding for diagnosis in found]


def one(word: str, found: tuple[Diagnosis, ...]) -> Diagnosis:
    """Give the one finding with this word."""
    (diagnosis,) = (each for each in found if each.finding == word)
    return diagnosis


def test_a_token_that_is_looked_after_is_not_mentioned() -> None:
    """Nor is one that the rotator has left in its grace period."""
    assert look(TOKEN, replace(TOKEN, authorization_id="1")) == ()


class TestWhoIsInCharge:
    """Each token has a keeper, or is told."""

    def test_nobody(self) -> None:
        """Whose it is, what it is called, and both ways to go on."""
        assert look(LOOSE) == (
            Diagnosis(
                "token 4ab5764f-4193-4f1d-b995-64144880b7d7 of ada@example.com in contoso",
                "unmanaged",
                Severity.WARNING,
                "the token 'my token' is looked after by nobody; it works until "
                "2026-12-12 07:30 UTC",
                "if its value is at hand, store it and take it over: `rotation adopt VAULT/SECRET "
                f"4ab5764f-4193-4f1d-b995-64144880b7d7`; or revoke it at {PAGE}",
            ),
        )

    def test_a_secret_that_says_it_holds_it(self) -> None:
        """The order to take it over names that secret."""
        holder = mandate(authorization_id=f"{TOKEN.authorization_id} 0123456789ab")

        (found,) = look(LOOSE, mandates={NAME: holder})

        assert f"`rotation adopt kv-build/feed-token {TOKEN.authorization_id}`" in found.fix

    @pytest.mark.parametrize(
        ("mandates", "said"),
        [
            ({}, "which is no managed secret"),
            ({NAME: mandate(owner="bob@example.com")}, "whose tags name another owner"),
            ({NAME: mandate(organization="fabrikam")}, "whose tags name another organization"),
        ],
    )
    def test_a_secret_that_does_not_claim_it(
        self, mandates: dict[SecretName, Mandate], said: str
    ) -> None:
        """Either the tags are wrong, or the token is left over."""
        (found,) = look(TOKEN, mandates=mandates)

        assert (found.finding, found.severity) == ("unclaimed", "warning")
        assert found.message.endswith(f"is marked for kv-build/feed-token, {said}")
        assert "mend the tags" in found.fix
        assert PAGE in found.fix

    def test_a_vault_of_which_nothing_is_known(self) -> None:
        """Another rotator may have it: that is a note, however soon the token expires."""
        (found,) = look(replace(TOKEN, valid_to=NOW + DAY), seen=set())

        assert (found.finding, found.severity) == ("kept-elsewhere", "note")

    @pytest.mark.parametrize(
        ("left", "severity"),
        [(3 * DAY, "error"), (3 * DAY + HOUR, "warning"), (14 * DAY, "warning")],
    )
    def test_a_token_of_nobody_that_expires(self, left: timedelta, severity: str) -> None:
        """A warning for two weeks, an error for the last three days."""
        found = one("expiring", look(replace(LOOSE, valid_to=NOW + left)))

        assert found.severity == severity
        assert "nobody renews it" in found.message

    def test_one_that_has_time_is_not_said_to_expire(self) -> None:
        """Two weeks are soon enough."""
        assert words(look(replace(LOOSE, valid_to=NOW + 14 * DAY + HOUR))) == ["unmanaged"]

    def test_an_unclaimed_one_expires_too(self) -> None:
        """The rotator never touches it, so nobody renews it."""
        found = look(replace(TOKEN, valid_to=NOW + DAY), mandates={})

        assert words(found) == ["expiring", "unclaimed"]


class TestHowFarItReaches:
    """What anybody who gets hold of it could do."""

    def test_full_access_under_management(self) -> None:
        """Narrowed by an order."""
        (found,) = look(replace(TOKEN, scopes=frozenset({"app_token"})))

        assert (found.finding, found.severity) == ("full-scope", "error")
        assert "may do whatever ada@example.com may" in found.message
        assert '`rotation rotate kv-build/feed-token --scope "SCOPES"`' in found.fix

    def test_full_access_of_nobody(self) -> None:
        """Replaced by hand."""
        found = one("full-scope", look(replace(LOOSE, scopes=frozenset({"app_token"}))))

        assert PAGE in found.fix

    @pytest.mark.parametrize(
        ("now", "verb"),
        [
            (GLOBAL_TOKENS_END_AT - timedelta(seconds=1), "stops working"),
            (GLOBAL_TOKENS_END_AT, "stopped working"),
        ],
    )
    def test_all_organizations(self, now: datetime, verb: str) -> None:
        """Such tokens have an end that has a date."""
        token = replace(LOOSE, target_accounts=None)
        found = one("all-organizations", look(token, now=now))

        assert found.severity == "error"
        assert found.subject.endswith("of ada@example.com in all organizations")
        assert found.message.endswith(f"is for all organizations; it {verb} on 2026-12-01")
        assert PAGE in found.fix

    @pytest.mark.parametrize(
        ("scopes", "scope"),
        [
            ({"vso.code", "vso.build"}, "vso.build vso.code"),
            ({"app_token"}, "SCOPES"),
            ({"$(reboot)"}, "SCOPES"),
        ],
    )
    def test_all_organizations_under_management(self, scopes: set[str], scope: str) -> None:
        """Only a new token for the secret helps; nothing strange is pasted into a shell."""
        token = replace(TOKEN, target_accounts=None, scopes=frozenset(scopes))
        found = one("all-organizations", look(token))

        assert (
            "`rotation issue kv-build/feed-token --organization contoso --owner ada@example.com "
            f'--scope "{scope}"`'
        ) in found.fix

    def test_a_token_for_several_organizations_is_told_once(self) -> None:
        """It is in the list of each; if it is claimed in one of them, it is claimed."""
        token = replace(TOKEN, target_accounts=None)
        lists = {
            (OWNER, place): Inventory(None, (token,)) for place in ("aaa", ORGANIZATION, "zzz")
        }

        assert words(look(inventories=lists)) == ["all-organizations"]
        assert words(look(inventories=lists, mandates={})) == ["all-organizations", "unclaimed"]

    def test_owners_may_have_tokens_with_the_same_id(self) -> None:
        """A token is its owner's."""
        lists = {
            (owner, ORGANIZATION): Inventory(ACCOUNT, (LOOSE,))
            for owner in (OWNER, "bob@example.com")
        }

        assert words(look(inventories=lists)) == ["unmanaged", "unmanaged"]


class TestHowLongItLives:
    """The ceiling of the settings, for every token."""

    def test_longer_than_the_settings_allow(self) -> None:
        """Under management or not."""
        long = replace(TOKEN, valid_to=TOKEN.valid_from + 91 * DAY)

        (kept,) = look(long)
        loose = one("too-long-lived", look(replace(long, display_name="my token")))

        assert (kept.finding, kept.severity) == ("too-long-lived", "warning")
        assert "lives for 91 days" in kept.message
        assert "ROTATION_MAX_LIFETIME_DAYS allows 90" in kept.message
        assert "`rotation rotate kv-build/feed-token --lifetime-days 90`" in kept.fix
        assert PAGE in loose.fix

    def test_exactly_as_long_as_allowed(self) -> None:
        """Azure DevOps rounds, so a moment more is no fault."""
        moment = timedelta(seconds=1)

        assert look(replace(TOKEN, valid_to=TOKEN.valid_from + 90 * DAY + moment)) == ()

    def test_an_extended_token_may_be_old(self) -> None:
        """It has lived for longer than it was ever given at once: what is left of it counts."""
        extended = {NAME: mandate(rotation="extend")}
        old = replace(TOKEN, valid_from=NOW - 300 * DAY)

        assert look(old, mandates=extended) == ()
        assert words(look(replace(old, valid_to=NOW + 91 * DAY), mandates=extended)) == [
            "too-long-lived"
        ]


class TestWhoHasMadeIt:
    """The tokens that nobody remembers making."""

    def test_a_tool(self) -> None:
        """With the advice to look, and what can take its place."""
        git = replace(LOOSE, display_name="git: https://dev.azure.com/contoso on WIN-7")
        found = look(git)

        assert words(found) == ["made-by-tool", "unmanaged", "replaceable"]
        assert "was made by git" in found[0].message
        assert "revoke it, and have its owner change their password" in found[0].fix
        assert PAGE in found[0].fix
        assert "Git Credential Manager" in found[2].fix
        assert found[2].severity == "note"

    def test_a_token_of_agents_that_is_looked_after(self) -> None:
        """A service principal could do the same."""
        (found,) = look(replace(TOKEN, scopes=frozenset({"vso.agentpools_manage"})))

        assert (found.finding, found.severity) == ("replaceable", "note")


class TestTheWholeReport:
    """What holds for all findings."""

    def test_the_worst_comes_first(self) -> None:
        """Then by subject, then by word."""
        full = replace(LOOSE, scopes=frozenset({"app_token"}))
        found = look(replace(LOOSE, authorization_id="0"), replace(full, authorization_id="1"))

        assert [(each.severity, each.subject[6]) for each in found] == [
            ("error", "1"),
            ("warning", "0"),
            ("warning", "1"),
        ]

    def test_every_finding_has_its_rule_a_sentence_and_a_fix(self) -> None:
        """And each rule is found somewhere."""
        wide = frozenset({"app_token"})
        tokens = (
            LOOSE,
            replace(TOKEN, display_name="x [kv-other/x]"),
            replace(TOKEN, display_name="x [kv-build/x]", valid_to=NOW + DAY),
            replace(TOKEN, scopes=wide, target_accounts=None, valid_to=NOW + 300 * DAY),
            replace(LOOSE, display_name="Packaging clients"),
        )
        found = look(*(replace(t, authorization_id=str(n)) for n, t in enumerate(tokens)))

        assert {each.finding for each in found} == set(RULES)
        for each in found:
            assert each.message
            assert not each.message.endswith(".")
            assert each.fix
            rule = RULES[each.finding]
            assert each.severity == rule.severity or each.finding == "expiring"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("my token", "'my token'"),
        ("", "''"),
        ("line\nbreak \x1b[31m\u202e", "'line break  [31m '"),
        ("x " * 40, f"'{'x ' * 29}x…'"),
        ("y" * 84, "'(84 characters)'"),
        ("kept as " + "aB3" * 15, "'kept as (45 characters)'"),
        ("kept as " + "aB3" * 14, f"'kept as {'aB3' * 14}'"),
    ],
)
def test_a_name_from_outside_is_quoted_safely(name: str, shown: str) -> None:
    """Plain text, not too long, and nothing in it that may be a value."""
    assert quoted(name) == shown
    assert name not in look(replace(LOOSE, display_name=name))[0].message or name in shown
