"""The settings: what the environment says, or everything that is wrong with it at once."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import pytest
from pydantic import ValidationError

from rotation.errors import SettingsError
from rotation.model import TokenValue
from rotation.session import AgentUser
from rotation.settings import FanOutMode, Settings, Vault, load, unknown_names
from rotation.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TENANT, CLIENT = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
REQUIRED = {
    "ROTATION_VAULTS": "kv-build",
    "ROTATION_SESSION_VAULT": "kv-sessions",
    "ROTATION_OWNERS": "ada@example.com",
    "ROTATION_TENANT_ID": TENANT,
    "ROTATION_CLIENT_ID": CLIENT,
}
PUBLIC = {
    *("VAULTS", "SESSION_VAULT", "OWNERS", "TENANT_ID", "CLIENT_ID"),
    *("AGENT_OWNERS", "BLUEPRINT_ID", "STORAGE", "PUBLIC_URL"),
    *("AUTHORITY", "DEVOPS_URL", "DEVOPS_TOKENS_URL"),
    *("LIFETIME_DAYS", "MAX_LIFETIME_DAYS", "GRACE_HOURS", "ALERT_DAYS"),
    *("SCHEDULE", "FAN_OUT", "CONCURRENCY", "JOURNAL_DAYS", "INSTANCES"),
}
LOOK_ALIKE = {
    "ROTATION_AUTHORITY": "https://localhost:8442",
    "ROTATION_DEVOPS_URL": "https://localhost:8443/devops/",
    "ROTATION_VAULTS": "kv-build=https://localhost:8444",
    "ROTATION_DEVOPS_TOKENS_URL": "https://localhost:8443/tokens",
    "ROTATION_SESSION_VAULT": "kv-sessions=https://localhost:8445",
}
AN_ADDRESS = "expected an address that starts with https://, without credentials or query"
SIX_FIELDS = "expected an NCRONTAB expression of six fields, such as 0 7 * * * *"
KV_TWICE = "expected each vault once, but kv.vault.azure.net:443 is there again"
OWN_VAULT = "expected a vault of its own: pipelines read the watched ones"
UPNS = "expected user principal names such as ada@example.com, not"
EVERY_NAME = [
    *REQUIRED,
    *("ROTATION_AUTHORITY", "ROTATION_DEVOPS_URL", "ROTATION_DEVOPS_TOKENS_URL"),
    *("ROTATION_LIFETIME_DAYS", "ROTATION_MAX_LIFETIME_DAYS", "ROTATION_GRACE_HOURS"),
    *("ROTATION_SCHEDULE", "ROTATION_CONCURRENCY", "AZURE_CLIENT_ID"),
    *("ROTATION_AGENT_OWNERS", "ROTATION_BLUEPRINT_ID", "ROTATION_PUBLIC_URL"),
    *("ROTATION_FAN_OUT", "ROTATION_JOURNAL_DAYS", "ROTATION_INSTANCES"),
]
VAULT_FORMS = "expected a vault as name, https://host or name=https://host, not"
TOKEN = "h7mzq2x4" * 6 + "aZ_-"
"""As a person pastes one into the wrong place: 52 letters and digits."""
SAME_WORLD = "expected a host of the same world as ROTATION_AUTHORITY, which is"


PLATFORM = ("AZURE_CLIENT_ID", "WEBSITE_HOSTNAME")
IDENTITY, BLUEPRINT = CLIENT[:-1] + "3", CLIENT[:-1] + "4"
AGENT = "agent@example.com"
AGENTS = {"ROTATION_AGENT_OWNERS": f"{AGENT}={IDENTITY}", "ROTATION_BLUEPRINT_ID": BLUEPRINT}
AGENT_FORM = "expected agents as upn=<agent identity id>, not"


class Environment(Protocol):
    """Sets the environment to what is required, with these changes; None takes a variable away."""

    def __call__(self, **changes: str | None) -> None:
        """Set it."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Give a way to set the environment for this test alone."""

    def set_to(**changes: str | None) -> None:
        for name in [*os.environ]:
            if name.upper().startswith("ROTATION_") or name in PLATFORM:
                monkeypatch.delenv(name)
        for name, value in {**REQUIRED, **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)

    set_to()
    return set_to


def faults() -> tuple[str, ...]:
    """Give what is wrong with the environment."""
    with pytest.raises(SettingsError) as refused:
        load()
    return refused.value.faults


@pytest.mark.usefixtures("environment")
class TestDefaults:
    """What need not be said."""

    def test_five_settings_are_enough(self) -> None:
        """None of them is a secret, and no setting ever is."""
        settings = load()

        assert settings.vaults == (Vault("kv-build", "https://kv-build.vault.azure.net"),)
        assert settings.session_vault.url == "https://kv-sessions.vault.azure.net"
        assert settings.owners == ("ada@example.com",)
        assert (settings.tenant_id, settings.client_id) == (TENANT, CLIENT)

    def test_everything_else_has_its_documented_default(self) -> None:
        """People rely on them."""
        settings = load()

        assert settings.authority == "https://login.microsoftonline.com"
        assert settings.devops_url == "https://dev.azure.com"
        assert settings.devops_tokens_url == "https://vssps.dev.azure.com"
        assert settings.managed_identity is None
        assert (settings.agent_owners, settings.blueprint_id, settings.public_url) == (
            (),
            None,
            None,
        )
        assert settings.schedule == "0 7 * * * *"
        assert (settings.lifetime_days, settings.max_lifetime_days) == (30, 90)
        assert (settings.grace_hours, settings.concurrency, settings.instances) == (48, 8, 1)
        assert settings.is_microsoft

    def test_the_tags_fall_back_to_them(self) -> None:
        """As spans of time, not as bare numbers."""
        defaults = load().defaults

        assert defaults.owners == ("ada@example.com",)
        assert defaults.lifetime == timedelta(days=30)
        assert defaults.max_lifetime == timedelta(days=90)
        assert defaults.grace_period == timedelta(hours=48)

    def test_settings_stay_as_they_were_read(self) -> None:
        """Nobody changes them in passing."""
        with pytest.raises(ValidationError, match="frozen"):
            load().concurrency = 1  # type: ignore[misc]

    def test_every_setting_has_its_public_name(self) -> None:
        """People write these names into their templates."""
        names = {field.upper() for field in Settings.model_fields} - {"MANAGED_IDENTITY"}

        assert names <= PUBLIC


class TestFaults:
    """Each names the variable, what it is, and what was expected."""

    def test_what_is_missing_is_named_at_once(self, environment: Environment) -> None:
        """An empty variable is a missing one."""
        environment(**{**dict.fromkeys(REQUIRED), "ROTATION_OWNERS": ""})

        assert sorted(faults()) == [f"{name} is missing" for name in sorted(REQUIRED)]

    def test_what_is_wrong_is_named_at_once(self, environment: Environment) -> None:
        """Nobody mends one fault only to meet the next; the hint says where."""
        wrong = {
            "ROTATION_AUTHORITY": "http://login.microsoftonline.com",
            "ROTATION_VAULTS": "kv_build",
            "ROTATION_SESSION_VAULT": "kv sessions",
            "ROTATION_OWNERS": "ada",
            "ROTATION_TENANT_ID": "contoso.example",
            "ROTATION_AGENT_OWNERS": "agent",
            "ROTATION_BLUEPRINT_ID": "blueprint",
            "ROTATION_PUBLIC_URL": "http://pats.example.com",
            "AZURE_CLIENT_ID": "me",
            "ROTATION_SCHEDULE": "hourly",
            "ROTATION_MAX_LIFETIME_DAYS": "365",
            "ROTATION_LIFETIME_DAYS": "0",
            "ROTATION_GRACE_HOURS": "two days",
            "ROTATION_CONCURRENCY": "65",
        }
        environment(**wrong, ROTATION_CLIENT_ID=None)

        with pytest.raises(SettingsError) as refused:
            load()

        assert {fault.split(" is ")[0] for fault in refused.value.faults} == {
            *wrong,
            "ROTATION_CLIENT_ID",
        }
        for fault in refused.value.faults:
            name = fault.split(" is ")[0]
            assert name not in wrong or f"{name} is {wrong[name]!r}: " in fault
        assert "app settings" in refused.value.hint

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("ROTATION_TENANT_ID", "contoso.example", "expected a GUID"),
            ("ROTATION_TENANT_ID", f"{TENANT}\n", "expected a GUID"),
            ("ROTATION_CLIENT_ID", f"{{{CLIENT}}}", "expected a GUID"),
            ("AZURE_CLIENT_ID", "me", "expected a GUID"),
            ("ROTATION_SCHEDULE", "hourly", SIX_FIELDS),
            ("ROTATION_SCHEDULE", "7 * * * *", SIX_FIELDS),
            ("ROTATION_SCHEDULE", "0 0 7 * * * *", SIX_FIELDS),
            ("ROTATION_SCHEDULE", "0  7 * * * *", SIX_FIELDS),
            ("ROTATION_VAULTS", " ", "expected at least one"),
            ("ROTATION_VAULTS", ", ,\n", "expected at least one"),
            ("ROTATION_OWNERS", " ", "expected at least one"),
            ("ROTATION_OWNERS", ",", "expected at least one"),
            ("ROTATION_SESSION_VAULT", " ", f"{VAULT_FORMS} ' '"),
            ("ROTATION_SESSION_VAULT", ",", f"{VAULT_FORMS} ','"),
            ("ROTATION_SESSION_VAULT", "kv-1, kv-2", f"{VAULT_FORMS} 'kv-1, kv-2'"),
            ("ROTATION_OWNERS", "ada@example.com, bob", f"{UPNS} 'bob'"),
            ("ROTATION_OWNERS", "ada, bob", f"{UPNS} 'ada', 'bob'"),
            ("ROTATION_AUTHORITY", "https://login.microsoftonline.com:x", AN_ADDRESS),
            ("ROTATION_DEVOPS_URL", "https://dev.azure.com:x", AN_ADDRESS),
            ("ROTATION_DEVOPS_TOKENS_URL", "https://dev.azure.com:65536", AN_ADDRESS),
            ("ROTATION_VAULTS", "https://kv.vault.azure.net:x", AN_ADDRESS),
            ("ROTATION_SESSION_VAULT", "s=https://s.vault.azure.net:65536", AN_ADDRESS),
            (
                "ROTATION_AUTHORITY",
                "https://login.microsoftonline.com/common",
                "expected no path after the host in 'https://login.microsoftonline.com/common'",
            ),
            (
                "ROTATION_MAX_LIFETIME_DAYS",
                "365",
                "expected a whole number from 1 to 364",
            ),
            ("ROTATION_GRACE_HOURS", "two", "expected a whole number from 1 to 8736"),
            ("ROTATION_GRACE_HOURS", "0", "expected a whole number from 1 to 8736"),
            ("ROTATION_GRACE_HOURS", "8737", "expected a whole number from 1 to 8736"),
            ("ROTATION_CONCURRENCY", "0", "expected a whole number from 1 to 64"),
            (
                "ROTATION_LIFETIME_DAYS",
                "91",
                "expected at most ROTATION_MAX_LIFETIME_DAYS, which is 90",
            ),
        ],
    )
    def test_a_wrong_setting(
        self, environment: Environment, name: str, value: str, expected: str
    ) -> None:
        """One sentence each."""
        environment(**{name: value})

        assert faults() == (f"{name} is {value!r}: {expected}",)

    def test_a_default_may_be_wrong_beside_what_is_set(self, environment: Environment) -> None:
        """A ceiling below the default lifetime wants another lifetime."""
        environment(ROTATION_MAX_LIFETIME_DAYS="7")
        expected = "expected at most ROTATION_MAX_LIFETIME_DAYS, which is 7"

        assert faults() == (f"ROTATION_LIFETIME_DAYS is 30: {expected}",)

        environment(ROTATION_MAX_LIFETIME_DAYS="7", ROTATION_LIFETIME_DAYS="7")
        assert load().lifetime_days == 7

    @pytest.mark.parametrize(
        "owner",
        [
            "ada@",
            "@example.com",
            "ada@b@example.com",
            "ada@exam_ple.com",
            "ada%40example.com",
            "ada@example.com;bob@example.com",
            "ada@example.com/..",
            "<ada@example.com>",
            "ada\x7f@example.com",
            "\x1b[31mada@example.com",
            "ada\u202e@example.com",
            "\u2066ada@example.com\u2069",
            "ada\u200b@example.com",
            "\u0430da@example.com",
            "ada\uff20example.com",
        ],
    )
    def test_an_owner_is_a_plain_name(self, environment: Environment, owner: str) -> None:
        """Nothing that prints as another name than it is; the fault spells it out in ASCII."""
        environment(ROTATION_OWNERS=owner)

        assert faults() == (f"ROTATION_OWNERS is {owner!a}: {UPNS} {owner!a}",)

    @pytest.mark.parametrize(
        "address",
        [
            "http://dev.azure.com",
            "dev.azure.com",
            "//dev.azure.com",
            "https://",
            "https:///dev.azure.com",
            "https://dev.azure.com?x=1",
            "https://dev.azure.com#x",
            "https://ada@dev.azure.com",
            "ftp://dev.azure.com",
        ],
    )
    def test_an_address_is_https_and_nothing_else(
        self, environment: Environment, address: str
    ) -> None:
        """No plain text, no user, no query: nothing that could carry a token elsewhere."""
        environment(ROTATION_DEVOPS_URL=address)

        assert_complained_of(["ROTATION_DEVOPS_URL"])


class TestForms:
    """What may be written in more than one way."""

    def test_ids_are_taken_in_either_case(self, environment: Environment) -> None:
        """And kept as Entra writes them, which is in lower case: they are compared with its own."""
        environment(ROTATION_TENANT_ID=TENANT.upper(), ROTATION_CLIENT_ID=CLIENT.upper())

        assert (load().tenant_id, load().client_id) == (TENANT, CLIENT)

    @pytest.mark.parametrize(
        ("text", "name", "url"),
        [
            ("kv-build", "kv-build", "https://kv-build.vault.azure.net"),
            ("KV-Build", "KV-Build", "https://kv-build.vault.azure.net"),
            ("https://kv-build.vault.azure.net/", "kv-build", "https://kv-build.vault.azure.net"),
            ("build=https://kv-1.vault.azure.net", "build", "https://kv-1.vault.azure.net"),
        ],
    )
    def test_a_vault(self, environment: Environment, text: str, name: str, url: str) -> None:
        """By name, by address, or by both; the name is the one in marks and messages."""
        environment(ROTATION_VAULTS=text)

        assert load().vaults == (Vault(name, url),)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("kv_build", f"{VAULT_FORMS} 'kv_build'"),
            ("-kv", f"{VAULT_FORMS} '-kv'"),
            ("kv.vault.azure.net", f"{VAULT_FORMS} 'kv.vault.azure.net'"),
            ("http://kv.vault.azure.net", f"{VAULT_FORMS} 'http://kv.vault.azure.net'"),
            ("kv=kv", f"{VAULT_FORMS} 'kv=kv'"),
            ("kv=", f"{VAULT_FORMS} 'kv='"),
            ("kv=https://", AN_ADDRESS),
            ("kv=https://kv.vault.azure.net?x", AN_ADDRESS),
            ("\u202ekv", f"{VAULT_FORMS} '\\u202ekv'"),
            (
                "https://kv.vault.azure.net/secrets",
                "expected no path after the host in 'https://kv.vault.azure.net/secrets'",
            ),
            ("kv, KV", "expected each vault once, but kv is there again"),
            ("kv x=https://kv.vault.azure.net", KV_TWICE),
            ("kv x=https://KV.Vault.Azure.net/", KV_TWICE),
            (
                "kv https://kv.vault.azure.net:443",
                "expected each vault once, but kv is there again",
            ),
            ("kv x=https://kv.vault.azure.net:443", KV_TWICE),
            ("a=https://kv.vault.azure.net b=https://kv.vault.azure.net", KV_TWICE),
        ],
    )
    def test_no_vault(self, environment: Environment, text: str, expected: str) -> None:
        """Anything else is refused, with the forms that there are."""
        environment(ROTATION_VAULTS=text)

        assert faults() == (f"ROTATION_VAULTS is {text!a}: {expected}",)

    @pytest.mark.parametrize("text", ["a, b", "a,b", "a b", " a ,\n b,", "a\tb "])
    def test_a_list(self, environment: Environment, text: str) -> None:
        """Separated by commas, blanks, or both."""
        environment(ROTATION_VAULTS=text)

        assert [vault.name for vault in load().vaults] == ["a", "b"]

    def test_blanks_around_an_address_do_not_matter(self, environment: Environment) -> None:
        """They come along when it is copied; nor does a slash at its end."""
        environment(
            ROTATION_AUTHORITY=" https://login.microsoftonline.com/\n",
            ROTATION_DEVOPS_URL="\thttps://dev.azure.com ",
            ROTATION_DEVOPS_TOKENS_URL=" https://vssps.dev.azure.com/ ",
            ROTATION_VAULTS=" https://kv-build.vault.azure.net/ ",
            ROTATION_SESSION_VAULT=" kv-sessions\n",
        )

        settings = load()

        assert settings.authority == "https://login.microsoftonline.com"
        assert settings.devops_url == "https://dev.azure.com"
        assert settings.devops_tokens_url == "https://vssps.dev.azure.com"
        assert settings.vaults == (Vault("kv-build", "https://kv-build.vault.azure.net"),)
        assert settings.session_vault == Vault("kv-sessions", "https://kv-sessions.vault.azure.net")

    def test_the_session_vault_has_the_same_forms(self, environment: Environment) -> None:
        """Its name, too, may be another than the first label of its address."""
        environment(ROTATION_SESSION_VAULT=" sessions=https://kv-sessions.vault.azure.net/ ")

        assert load().session_vault == Vault("sessions", "https://kv-sessions.vault.azure.net")

    def test_guests_are_owners_like_any_other(self, environment: Environment) -> None:
        """Entra makes such names for them."""
        environment(ROTATION_OWNERS="ada_partner.example#EXT#@contoso.onmicrosoft.com o'b+x@b.io")

        assert load().owners == (
            "ada_partner.example#ext#@contoso.onmicrosoft.com",
            "o'b+x@b.io",
        )

    def test_owners_are_compared_in_lower_case(self, environment: Environment) -> None:
        """Each counts once, in the order given."""
        environment(ROTATION_OWNERS="Bob@Example.com ada@example.com bob@example.com")

        assert load().owners == ("bob@example.com", "ada@example.com")

    def test_the_managed_identity_has_the_ecosystems_own_name(
        self, environment: Environment
    ) -> None:
        """Without a prefix; empty means the system's default."""
        environment(AZURE_CLIENT_ID=CLIENT)
        assert load().managed_identity == CLIENT

        environment(AZURE_CLIENT_ID="")
        assert load().managed_identity is None

        environment(ROTATION_MANAGED_IDENTITY=CLIENT)
        assert load().managed_identity is None
        assert unknown_names() == ("ROTATION_MANAGED_IDENTITY",)

    def test_a_variable_that_is_no_setting_is_named(self, environment: Environment) -> None:
        """Misspelt, or of another version: it has no effect, and somebody should know."""
        environment(ROTATION_VAULT="kv", ROTATION_GRACE="1", ROTATION_OWNERS="ada@example.com")

        assert unknown_names() == ("ROTATION_GRACE", "ROTATION_VAULT")
        assert load().grace_hours == 48


class TestAgents:
    """Owners that are agent users, beside people or alone."""

    def test_agents_are_owners(self, environment: Environment) -> None:
        """After the people; both are what a secret may name."""
        environment(**AGENTS)

        settings = load()

        assert settings.owners == ("ada@example.com",)
        assert settings.agent_owners == (AgentUser(AGENT, IDENTITY),)
        assert settings.blueprint_id == BLUEPRINT
        assert settings.all_owners == settings.defaults.owners == ("ada@example.com", AGENT)

    @pytest.mark.parametrize("owners", [None, ""])
    def test_agents_need_no_people(self, environment: Environment, owners: str | None) -> None:
        """Owners are required unless there are agent owners."""
        environment(**AGENTS, ROTATION_OWNERS=owners)

        assert load().all_owners == (AGENT,)

    def test_several_agents(self, environment: Environment) -> None:
        """Separated as any list; names and ids are compared in lower case."""
        other = f"Other@Example.com={IDENTITY.upper()}"
        environment(**{**AGENTS, "ROTATION_AGENT_OWNERS": f"{AGENT}={BLUEPRINT}, {other}"})

        assert load().agent_owners == (
            AgentUser(AGENT, BLUEPRINT),
            AgentUser("other@example.com", IDENTITY.lower()),
        )

    def test_agents_belong_to_a_blueprint(self, environment: Environment) -> None:
        """Which is said beside them; a blueprint alone is no fault."""
        text = AGENTS["ROTATION_AGENT_OWNERS"]
        environment(ROTATION_AGENT_OWNERS=text)
        expected = "expected ROTATION_BLUEPRINT_ID beside it: the blueprint they belong to"
        assert faults() == (f"ROTATION_AGENT_OWNERS is {text!r}: {expected}",)

        environment(ROTATION_BLUEPRINT_ID=BLUEPRINT)
        assert load().agent_owners == ()

    def test_a_bad_blueprint_is_the_only_thing_complained_of(
        self, environment: Environment
    ) -> None:
        """The agents are as they should be; and bad agents make nobody miss the people."""
        environment(**{**AGENTS, "ROTATION_BLUEPRINT_ID": "mine"})
        assert faults() == ("ROTATION_BLUEPRINT_ID is 'mine': expected a GUID",)

        environment(**{**AGENTS, "ROTATION_AGENT_OWNERS": "mine"}, ROTATION_OWNERS=None)
        assert faults() == (f"ROTATION_AGENT_OWNERS is 'mine': {AGENT_FORM} 'mine'",)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (AGENT, f"{AGENT_FORM} '{AGENT}'"),
            (f"{AGENT}=", f"{AGENT_FORM} '{AGENT}='"),
            (f"{AGENT}=mine", f"{AGENT_FORM} '{AGENT}=mine'"),
            (f"={IDENTITY}", f"{AGENT_FORM} '={IDENTITY}'"),
            (f"agent={IDENTITY}", f"{AGENT_FORM} 'agent={IDENTITY}'"),
            (f"{AGENT}={IDENTITY}=", f"{AGENT_FORM} '{AGENT}={IDENTITY}='"),
            (",", "expected at least one"),
            (
                f"{AGENT}={IDENTITY} Agent@Example.com={BLUEPRINT}",
                f"expected each agent owner once, but {AGENT} is there again",
            ),
        ],
    )
    def test_no_agents(self, environment: Environment, text: str, expected: str) -> None:
        """Each with its agent identity, and once."""
        environment(**{**AGENTS, "ROTATION_AGENT_OWNERS": text})

        assert faults() == (f"ROTATION_AGENT_OWNERS is {text!r}: {expected}",)

    def test_nobody_is_both(self, environment: Environment) -> None:
        """A person signs in, an agent user never does."""
        environment(**AGENTS, ROTATION_OWNERS="ada@example.com AGENT@example.com")

        expected = f"expected people only, but {AGENT} is an agent owner, too"
        (fault,) = faults()
        assert fault == f"ROTATION_OWNERS is 'ada@example.com AGENT@example.com': {expected}"


class TestPublicUrl:
    """Where the pages of the function app are reached."""

    @pytest.mark.parametrize(
        "text",
        ["https://pats.example.com", " https://pats.example.com/ ", "https://localhost:8443"],
    )
    def test_it_is_a_host(self, environment: Environment, text: str) -> None:
        """The platform's, or one's own in front of it."""
        environment(ROTATION_PUBLIC_URL=text)

        assert load().public_url == text.strip().rstrip("/")

    @pytest.mark.parametrize("public_url", [None, ""])
    def test_the_platform_says_it_by_itself(
        self, environment: Environment, monkeypatch: pytest.MonkeyPatch, public_url: str | None
    ) -> None:
        """In the variable ``WEBSITE_HOSTNAME``; what is set takes its place."""
        environment(ROTATION_PUBLIC_URL=public_url)
        monkeypatch.setenv("WEBSITE_HOSTNAME", "pats.azurewebsites.net")
        assert load().public_url == "https://pats.azurewebsites.net"

        environment(ROTATION_PUBLIC_URL="https://pats.example.com")
        monkeypatch.setenv("WEBSITE_HOSTNAME", "pats.azurewebsites.net")
        assert load().public_url == "https://pats.example.com"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("http://pats.example.com", AN_ADDRESS),
            ("pats.example.com", AN_ADDRESS),
            ("https://ada@pats.example.com", None),
            ("https://pats.example.com?x", AN_ADDRESS),
            (
                "https://pats.example.com/app",
                "expected no path after the host in 'https://pats.example.com/app'",
            ),
        ],
    )
    def test_nothing_else_is(
        self, environment: Environment, text: str, expected: str | None
    ) -> None:
        """It is where Entra sends people back to: https, and the whole host."""
        environment(ROTATION_PUBLIC_URL=text)

        (fault,) = faults()
        assert fault.startswith("ROTATION_PUBLIC_URL is 'http" if "//" in text else "ROTATION_")
        assert fault.endswith(expected or AN_ADDRESS)

    def test_an_odd_host_of_the_platform_is_said(
        self, environment: Environment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With what it was read as."""
        environment()
        monkeypatch.setenv("WEBSITE_HOSTNAME", "pats.example.com/app")

        expected = "expected no path after the host in 'https://pats.example.com/app'"
        assert faults() == (f"ROTATION_PUBLIC_URL is 'https://pats.example.com/app': {expected}",)


class TestOneWorld:
    """Microsoft's hosts together, or a look-alike's: never a mixture."""

    def test_a_look_alike_is_welcome_as_a_whole(self, environment: Environment) -> None:
        """A sandbox stands in for everything."""
        environment(**LOOK_ALIKE)

        settings = load()

        assert not settings.is_microsoft
        assert settings.devops_url == "https://localhost:8443/devops"
        assert settings.vaults == (Vault("kv-build", "https://localhost:8444"),)

    @pytest.mark.parametrize("name", LOOK_ALIKE)
    def test_a_look_alike_with_one_host_of_microsofts_is_refused(
        self, environment: Environment, name: str
    ) -> None:
        """A token must not go astray because one setting was forgotten."""
        environment(**{**LOOK_ALIKE, name: REQUIRED.get(name)})

        assert_complained_of([name] if name != "ROTATION_AUTHORITY" else [*LOOK_ALIKE][1:])

    @pytest.mark.parametrize("name", LOOK_ALIKE)
    def test_microsofts_world_with_one_strange_host_is_refused(
        self, environment: Environment, name: str
    ) -> None:
        """Nor because one was mistyped."""
        environment(**{name: LOOK_ALIKE[name]})

        assert_complained_of([name] if name != "ROTATION_AUTHORITY" else [*LOOK_ALIKE][1:])

    @pytest.mark.parametrize(
        "host",
        [
            "kv.vault.azure.net.evil.example",
            "evilvault.azure.net",
            "vault.azure.net",
            "evil.example",
            "kv.vault.azure.net.",
            "kv.vault.azure.com",
        ],
    )
    def test_a_vault_that_only_sounds_like_one_is_refused(
        self, environment: Environment, host: str
    ) -> None:
        """The whole domain counts."""
        environment(ROTATION_VAULTS=f"kv=https://{host}")

        expected = f"{SAME_WORLD} https://login.microsoftonline.com"
        assert faults() == (f"ROTATION_VAULTS is 'kv=https://{host}': {expected}",)

    @pytest.mark.parametrize(
        "host", ["dev.azure.com.evil.example", "evil-dev.azure.com", "org.visualstudio.com"]
    )
    def test_an_azure_devops_that_only_sounds_like_one_is_refused(
        self, environment: Environment, host: str
    ) -> None:
        """Only the two hosts of the service itself are."""
        environment(ROTATION_DEVOPS_URL=f"https://{host}")

        assert_complained_of(["ROTATION_DEVOPS_URL"])

    @pytest.mark.parametrize(
        ("authority", "domain"),
        [
            ("https://login.microsoftonline.com", "vault.azure.net"),
            ("https://login.microsoftonline.us", "vault.usgovcloudapi.net"),
            ("https://login.partner.microsoftonline.cn/", "vault.azure.cn"),
        ],
    )
    def test_each_cloud_has_its_key_vault_domain(
        self, environment: Environment, authority: str, domain: str
    ) -> None:
        """A vault that is given by name is looked for in the cloud of the authority."""
        environment(ROTATION_AUTHORITY=authority)

        settings = load()

        assert settings.is_microsoft
        assert settings.vaults[0].url == f"https://kv-build.{domain}"
        assert settings.session_vault.url == f"https://kv-sessions.{domain}"

    def test_a_look_alike_has_no_domain(self, environment: Environment) -> None:
        """There a vault needs its address."""
        environment(**{**LOOK_ALIKE, "ROTATION_VAULTS": "kv-build"})

        authority = LOOK_ALIKE["ROTATION_AUTHORITY"]
        expected = f"expected an address for kv-build: the authority {authority} has no domain"
        assert faults() == (f"ROTATION_VAULTS is 'kv-build': {expected}",)

    def test_a_bad_authority_is_the_only_thing_complained_of(
        self, environment: Environment
    ) -> None:
        """Nothing can be held against hosts whose world is not known."""
        environment(**{**LOOK_ALIKE, "ROTATION_AUTHORITY": "localhost"})
        assert_complained_of(["ROTATION_AUTHORITY"])

        environment(ROTATION_AUTHORITY="localhost")
        assert_complained_of(["ROTATION_AUTHORITY"])


ACCOUNT_KEY = "c2VjcmV0IGtleSBvZiBhbiBhY2NvdW50IHdpdGggZW50cm9weQ=="
BY_KEY = f"DefaultEndpointsProtocol=https;AccountName=stpats;AccountKey={ACCOUNT_KEY}"
QUEUES, TABLES = "ROTATION_STORAGE__queueServiceUri", "ROTATION_STORAGE__tableServiceUri"
BY_IDENTITY = {
    QUEUES: "https://stpats.queue.core.windows.net",
    TABLES: "https://stpats.table.core.windows.net/",
}
STRANGE = {
    QUEUES: "https://localhost:10001/stpats",
    TABLES: "https://localhost:10002/stpats",
}


class TestStorage:
    """Where the journal, the locks and the requests are."""

    def test_without_any_of_it_there_is_none(self, environment: Environment) -> None:
        """Log lines only, no locks, no orders; empty variables are none."""
        assert load().storage is None

        environment(**dict.fromkeys([QUEUES, TABLES, "ROTATION_STORAGE"], " "))
        assert load().storage is None

    @pytest.mark.parametrize(
        ("text", "tables", "queues"),
        [
            (
                BY_KEY,
                "https://stpats.table.core.windows.net",
                "https://stpats.queue.core.windows.net",
            ),
            (
                f" {BY_KEY} ; EndpointSuffix=core.usgovcloudapi.net; ",
                "https://stpats.table.core.usgovcloudapi.net",
                "https://stpats.queue.core.usgovcloudapi.net",
            ),
            (
                f"{BY_KEY};TableEndpoint=http://127.0.0.1:1/stpats/;QueueEndpoint=http://[::1]:2/stpats",
                "http://127.0.0.1:1/stpats",
                "http://[::1]:2/stpats",
            ),
            (
                f"accountname=stpats;ACCOUNTKEY={ACCOUNT_KEY};queueendpoint=https://q.example",
                "https://stpats.table.core.windows.net",
                "https://q.example",
            ),
        ],
    )
    def test_a_connection_string(
        self, environment: Environment, text: str, tables: str, queues: str
    ) -> None:
        """As the portal shows it, or as Azurite takes it; no token goes there, so to any host."""
        environment(ROTATION_STORAGE=text)

        storage = load().storage

        assert storage
        assert (storage.table_url, storage.queue_url, storage.account) == (tables, queues, "stpats")
        assert storage.key
        assert storage.key.reveal() == ACCOUNT_KEY
        assert storage.signature is None
        assert ACCOUNT_KEY not in repr(load())

    def test_a_signature_in_place_of_a_key(self, environment: Environment) -> None:
        """With the endpoints, as the portal makes it; with a key beside it, the key counts."""
        ends = "TableEndpoint=https://t.example;QueueEndpoint=https://q.example"
        environment(ROTATION_STORAGE=f"{ends};SharedAccessSignature=sv=1&sig={TOKEN}")
        storage = load().storage
        assert storage
        assert storage.signature
        assert storage.signature.reveal() == f"sv=1&sig={TOKEN}"
        assert (storage.account, storage.key) == ("", None)
        assert TOKEN not in repr(load())

        environment(ROTATION_STORAGE=f"{BY_KEY};SharedAccessSignature=sv=1&sig={TOKEN}")
        assert load().storage == storage_by_key()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "hunter2",
                ["expected an AccountKey", "expected a TableEndpoint", "expected a QueueE"],
            ),
            ("AccountName=stpats", ["expected an AccountKey or a SharedAccessSignature"]),
            (
                f"AccountName=hunter2!;AccountKey={ACCOUNT_KEY}",
                ["3 to 24 small", "TableEndpoint", "QueueE"],
            ),
            (
                f"AccountKey={ACCOUNT_KEY};TableEndpoint=https://t.example",
                ["beside", "QueueEndpoint"],
            ),
            ("AccountName=stpats;AccountKey=hunter2", ["expected an AccountKey in base64"]),
            (
                f"{BY_KEY};TableEndpoint=http://t.example/hunter2",
                ["TableEndpoint that starts with"],
            ),
            (
                f"{BY_KEY};QueueEndpoint=https://ada:hunter2@q.example",
                ["QueueEndpoint that starts"],
            ),
            (
                f"{BY_KEY};QueueEndpoint=https://q.example:hunter2",
                ["QueueEndpoint that starts with"],
            ),
            (
                f"{BY_KEY};QueueEndpoint=https://q.example?sig=hunter2",
                ["QueueEndpoint that starts"],
            ),
            (f"{BY_KEY};EndpointSuffix=hunter2/x y", ["TableEndpoint", "QueueEndpoint"]),
            (BY_KEY.replace("https", "http"), ["TableEndpoint that starts", "QueueEndpoint that"]),
            (
                BY_KEY.replace("https", "hunter2"),
                ["TableEndpoint that starts", "QueueEndpoint that"],
            ),
        ],
    )
    def test_a_bad_connection_string_is_not_quoted(
        self, environment: Environment, text: str, expected: list[str]
    ) -> None:
        """Not a word of it: it holds a key; what is wrong with it is said at once."""
        environment(ROTATION_STORAGE=text)

        (fault,) = faults()

        assert fault.startswith("ROTATION_STORAGE is (hidden): expected")
        assert fault.count("expected") == len(expected)
        assert all(part in fault for part in expected)
        assert "hunter2" not in fault
        assert ACCOUNT_KEY not in fault

    @pytest.mark.parametrize("change", [str, str.upper, str.lower])
    def test_the_services_by_managed_identity(
        self, environment: Environment, change: Callable[[str], str]
    ) -> None:
        """The Functions convention; names are compared without regard to case."""
        more = {"ROTATION_STORAGE__clientId": CLIENT.upper()}
        more["ROTATION_STORAGE__credential"] = "managedIdentity"
        environment(**{change(name): value for name, value in {**BY_IDENTITY, **more}.items()})

        assert load().storage == Storage(
            table_url="https://stpats.table.core.windows.net",
            queue_url="https://stpats.queue.core.windows.net",
            client_id=CLIENT,
            is_managed_identity=True,
        )
        assert unknown_names() == ()

    def test_the_identity_need_not_be_named(self, environment: Environment) -> None:
        """Then it is the rotator's own."""
        environment(**BY_IDENTITY)
        storage = load().storage

        assert storage
        assert (storage.client_id, storage.is_managed_identity, storage.key) == (None, False, None)

    def test_all_faults_are_named_at_once(self, environment: Environment) -> None:
        """Each by its own variable."""
        more = {"ROTATION_STORAGE__clientId": "me", "ROTATION_STORAGE__credential": "hunter2"}
        environment(**more, **{QUEUES: "http://stpats.queue.core.windows.net"})

        assert faults() == (
            f"{QUEUES} is 'http://stpats.queue.core.windows.net': {AN_ADDRESS}",
            f"{TABLES} is missing",
            "ROTATION_STORAGE__clientId is not as it should be: expected a GUID",
            "ROTATION_STORAGE__credential is not as it should be: expected managedidentity",
        )

    def test_either_one_or_the_other(self, environment: Environment) -> None:
        """Nobody should have to know which of them counts."""
        environment(ROTATION_STORAGE=BY_KEY, **BY_IDENTITY)

        expected = f"expected a connection string or {QUEUES}, {TABLES}, not both"
        assert faults() == (f"ROTATION_STORAGE is (hidden): {expected}",)

    @pytest.mark.parametrize(
        "uri",
        [
            "https://stpats.queue.core.windows.net.evil.example",
            "https://evilcore.windows.net",
            "https://core.windows.net",
            "https://localhost:10001/stpats",
        ],
    )
    def test_a_host_that_only_sounds_like_one_is_refused(
        self, environment: Environment, uri: str
    ) -> None:
        """A managed identity's token goes there."""
        environment(**{**BY_IDENTITY, QUEUES: uri})

        expected = "expected a host of the same world as ROTATION_AUTHORITY"
        assert faults() == (f"{QUEUES} is '{uri}': {expected}",)

    def test_a_look_alike_has_its_own(self, environment: Environment) -> None:
        """All together, or none."""
        environment(**LOOK_ALIKE, **STRANGE)
        storage = load().storage
        assert storage
        assert storage.queue_url == STRANGE[QUEUES]

        environment(**LOOK_ALIKE, **BY_IDENTITY)
        assert len(faults()) == 2

        environment(**{**LOOK_ALIKE, "ROTATION_AUTHORITY": "localhost"}, **BY_IDENTITY)
        assert_complained_of(["ROTATION_AUTHORITY"])

    @pytest.mark.parametrize(
        "uri",
        [
            "https://ada:hunter2@stpats.queue.core.windows.net",
            "https://stpats.queue.core.windows.net?sv=1&sig=hunter2",
            "https://stpats.queue.core.windows.net#hunter2",
            "stpats",
            "https://",
            "https://[hunter2",
            "https://stpats.queue.core.windows.net:0",
            BY_KEY,
            ACCOUNT_KEY,
            TOKEN,
            "https://ada:hunter2 x@stpats.queue.core.windows.net",
            "ada:hunter2@stpats.queue.core.windows.net",
        ],
    )
    def test_an_address_is_https_and_nothing_else(self, environment: Environment, uri: str) -> None:
        """What may be a credential is not quoted."""
        environment(**{**BY_IDENTITY, QUEUES: uri})

        (fault,) = faults()
        assert fault.startswith((f"{QUEUES} is '", f"{QUEUES} is (hidden)"))
        assert fault.endswith(AN_ADDRESS)
        assert "sig=" not in fault
        assert ACCOUNT_KEY not in fault
        assert TOKEN not in fault
        assert "ada" not in fault

    def test_fanning_out_needs_the_queue(self, environment: Environment) -> None:
        """Inline by default; a storage account that is wrong is the only thing complained of."""
        assert load().fan_out is FanOutMode.INLINE

        environment(ROTATION_FAN_OUT="queue")
        expected = "expected ROTATION_STORAGE beside it: the queue is there"
        assert faults() == (f"ROTATION_FAN_OUT is 'queue': {expected}",)

        environment(ROTATION_FAN_OUT="queue", ROTATION_STORAGE=BY_KEY)
        assert load().fan_out is FanOutMode.QUEUE

        environment(ROTATION_FAN_OUT="queue", ROTATION_STORAGE="AccountName=stpats")
        assert_complained_of(["ROTATION_STORAGE"])

        environment(ROTATION_FAN_OUT="both")
        assert faults() == ("ROTATION_FAN_OUT is 'both': expected inline or queue",)

    @pytest.mark.parametrize("days", ["0", "3651", "forever"])
    def test_the_journal_is_kept_for_days(self, environment: Environment, days: str) -> None:
        """400 of them, or as many as is said."""
        assert load().journal_period == timedelta(days=400)

        environment(ROTATION_JOURNAL_DAYS="3650")
        assert load().journal_period == timedelta(days=3650)

        environment(ROTATION_JOURNAL_DAYS=days)
        expected = "expected a whole number from 1 to 3650"
        assert faults() == (f"ROTATION_JOURNAL_DAYS is '{days}': {expected}",)


def storage_by_key() -> Storage:
    """Give what ``BY_KEY`` says."""
    return Storage(
        table_url="https://stpats.table.core.windows.net",
        queue_url="https://stpats.queue.core.windows.net",
        account="stpats",
        key=TokenValue(ACCOUNT_KEY),
    )


@pytest.mark.parametrize(
    "session_vault",
    [
        "kv-build",
        "KV-BUILD",
        "https://kv-build.vault.azure.net",
        "sessions=https://kv-build.vault.azure.net",
        "sessions=https://KV-Build.Vault.Azure.Net",
        "sessions=https://kv-build.vault.azure.net:443",
        "sessions=https://kv-build.vault.azure.net:/",
        " sessions=https://KV-BUILD.vault.azure.net:443/ ",
        "kv-build=https://kv-sessions.vault.azure.net",
        "KV-Build=https://kv-sessions.vault.azure.net",
    ],
)
def test_sessions_have_a_vault_of_their_own(environment: Environment, session_vault: str) -> None:
    """Pipelines read the watched vaults; a refresh token must not be there, however it is named."""
    environment(ROTATION_VAULTS="kv-1 kv-build", ROTATION_SESSION_VAULT=session_vault)

    assert faults() == (f"ROTATION_SESSION_VAULT is {session_vault!r}: {OWN_VAULT}",)


def test_another_port_is_another_vault(environment: Environment) -> None:
    """In a look-alike's world vaults may share a host."""
    environment(**LOOK_ALIKE)
    assert load().session_vault.url == "https://localhost:8445"

    same = "kv-sessions=https://LOCALHOST:8444"
    environment(**{**LOOK_ALIKE, "ROTATION_SESSION_VAULT": same})
    assert faults() == (f"ROTATION_SESSION_VAULT is {same!r}: {OWN_VAULT}",)


class TestCredentials:
    """What was pasted into the wrong place is not told to the log."""

    @pytest.mark.parametrize(
        "name",
        [
            "ROTATION_AUTHORITY",
            "ROTATION_DEVOPS_URL",
            "ROTATION_DEVOPS_TOKENS_URL",
            "ROTATION_VAULTS",
            "ROTATION_SESSION_VAULT",
        ],
    )
    @pytest.mark.parametrize(
        "userinfo", ["ada:hunter2", "hunter2", f":{TOKEN}", "ada:hun@ter2", "ada:hun/ter2"]
    )
    @pytest.mark.parametrize("path", ["", "/path?x"])
    def test_the_user_of_an_address_is_not_echoed(
        self, environment: Environment, name: str, userinfo: str, path: str
    ) -> None:
        """Neither in what it is, nor in what was expected."""
        environment(**{name: f"https://{userinfo}@dev.azure.com{path}"})

        shown = f"https://(credentials)@dev.azure.com{path}"
        assert faults() == (f"{name} is {shown!r}: {AN_ADDRESS}",)

    @pytest.mark.parametrize("scheme", ["http:", "x=http:", "HTTPS:", ""])
    def test_nor_is_the_user_of_a_wrong_address(
        self, environment: Environment, scheme: str
    ) -> None:
        """It is hidden wherever the text is repeated."""
        environment(ROTATION_VAULTS=f"{scheme}//ada:hunter2@kv.vault.azure.net")

        shown = f"{scheme}//(credentials)@kv.vault.azure.net"
        assert faults() == (f"ROTATION_VAULTS is {shown!r}: {VAULT_FORMS} {shown!r}",)

    @pytest.mark.parametrize("odd", ["https://ada:hunter2@dev.azure.com\u2100", "ada:hunter2@dev"])
    def test_nor_is_one_that_makes_no_address(self, environment: Environment, odd: str) -> None:
        """Not even in the words of the library that cannot read it."""
        environment(ROTATION_DEVOPS_URL=odd)

        assert "hunter2" not in "".join(faults())

    def test_owners_whose_sessions_would_be_one(self, environment: Environment) -> None:
        """A session is kept by a name that has no room for every character of its owner's."""
        environment(ROTATION_OWNERS="a.b@example.com a-b@example.com")

        (fault,) = faults()
        assert fault.endswith("kept alike: a.b@example.com, a-b@example.com")

    def test_a_token_is_no_vault(self, environment: Environment) -> None:
        """A vault's name has at most 24 characters: a longer word is looked up nowhere."""
        environment(ROTATION_VAULTS=TOKEN)

        (fault,) = faults()
        assert TOKEN not in fault

    @pytest.mark.parametrize("name", EVERY_NAME)
    @pytest.mark.parametrize("form", ["{}!", "Bearer={}", "{0}.{0}"])
    def test_a_long_word_is_not_echoed(
        self, environment: Environment, name: str, form: str
    ) -> None:
        """It may be a token; how long it is tells a person enough."""
        environment(**{name: form.format(TOKEN)})

        with pytest.raises(SettingsError) as refused:
            load()

        assert TOKEN not in str(refused.value)
        assert form.format("(52 characters)") in refused.value.faults[0]
        assert refused.value.__context__ is None  # pydantic's error has it all

    @pytest.mark.parametrize("name", EVERY_NAME)
    @pytest.mark.parametrize("text", ["{};EndpointSuffix=x", "https://q.example/?sv=1&sig={}&b=1"])
    def test_nor_is_the_key_of_a_connection(
        self, environment: Environment, name: str, text: str
    ) -> None:
        """However short the words are that it falls into."""
        key = "c2VjcmV0/IGtleSBv+ZiBhb/iBh"
        environment(
            **{name: text.format(f"AccountName=a;AccountKey={key}==" if ";" in text else key)}
        )

        with pytest.raises(SettingsError) as refused:
            load()

        assert not any(part in str(refused.value) for part in key.replace("+", "/").split("/"))

    @pytest.mark.parametrize("name", ["ROTATION_AUTHORITY", "ROTATION_VAULTS"])
    def test_nor_is_one_in_a_path(self, environment: Environment, name: str) -> None:
        """Such as that of a secret's address, with its version."""
        environment(**{name: f"https://kv.vault.azure.net/secrets/pat/{TOKEN}"})

        shown = "https://kv.vault.azure.net/secrets/pat/(52 characters)"
        assert faults() == (f"{name} is {shown!r}: expected no path after the host in {shown!r}",)

    @pytest.mark.parametrize(
        ("length", "shown"), [(39, TOKEN[:39]), (40, "(40 characters)"), (99, "(99 characters)")]
    )
    def test_a_word_is_long_from_40_characters_on(
        self, environment: Environment, length: int, shown: str
    ) -> None:
        """Shorter ones, like a GUID, are shown: most faults are misspellings."""
        word = (TOKEN * 2)[:length]
        environment(ROTATION_CLIENT_ID=word)

        assert faults() == (f"ROTATION_CLIENT_ID is {shown!r}: expected a GUID",)


def assert_complained_of(names: Sequence[str]) -> None:
    """See that just these variables are complained of."""
    assert [fault.split(" is ")[0] for fault in faults()] == list(names)
