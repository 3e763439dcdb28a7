"""``rotation git-credential`` as git starts it: a question on stdin, an answer on stdout."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click
import pytest

from rotation import cli
from sandbox.content import Properties
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from tests.app.conftest import OTHER_VAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.token import Token
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox")

DAY = timedelta(days=1)
SECRET = "feed-token"
NAMED = ("--secret", f"{VAULT}/{SECRET}")
ASKED = f"protocol=https\nhost=dev.azure.com\npath={ORGANIZATION}/web/_git/app\n\n"
OLD = f"protocol=https\nhost={ORGANIZATION}.visualstudio.com\n\n"
UNNEEDED = ("SESSION_VAULT", "OWNERS", "TENANT_ID", "CLIENT_ID", "DEVOPS_TOKENS_URL")


@dataclass(frozen=True)
class Answered:
    """What a helper left behind."""

    code: int
    told: dict[str, str]
    err: str


Ask = "Callable[..., Answered]"


@pytest.fixture
def ask(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answered]:
    """Give the program, with no setting that it does not need.

    Its stdout is a file that only the test sees: a value belongs there, and nowhere else.
    """
    for name in UNNEEDED:
        monkeypatch.delenv(f"ROTATION_{name}")

    def ask(asked: str, *arguments: str, operation: str = "get") -> Answered:
        stdin, stdout = io.BytesIO(asked.encode("latin-1")), io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
            patch.setattr(sys, "stdout", io.TextIOWrapper(stdout))
            code = cli.main(["git-credential", *arguments, operation], clock=clock)
            lines = stdout.getvalue().decode().splitlines()
        told = dict(line.split("=", 1) for line in lines)
        return Answered(code, told, capsys.readouterr().err)

    return ask


@pytest.fixture
def token(world: World) -> Token:
    """Give the token of the secret."""
    return place(world, Placement(SECRET, age=DAY))


def full(token: Token) -> dict[str, str]:
    """Give a whole answer."""
    ends_at = str(int(token.valid_to.timestamp()))
    return {"username": "pat", "password": token.value, "password_expiry_utc": ends_at}


@pytest.mark.parametrize("asked", [ASKED, OLD, ASKED.replace("\n", "\r\n"), ASKED.rstrip()])
def test_git_is_told_the_newest_token(
    ask: Callable[..., Answered], token: Token, asked: str
) -> None:
    """For both kinds of addresses, and however the lines end; nothing is on stderr."""
    assert ask(asked) == Answered(0, full(token), "")


@pytest.mark.parametrize(
    "vault", ["{url}", f"{VAULT}={{url}}", f"{VAULT.upper()}={{url}},other=https://localhost:1"]
)
def test_vaults_are_named_as_in_the_settings(
    ask: Callable[..., Answered], token: Token, sandbox: Sandbox, vault: str
) -> None:
    """With or without their names, one or several; they take the place of the setting."""
    url = sandbox.vault_urls[VAULT]
    name = vault.format(url=url).split("=")[0] if "=" in vault else "localhost"

    told = ask(ASKED, "--vault", vault.format(url=url), "--secret", f"{name}/{SECRET}").told

    assert told["password"] == token.value


@pytest.mark.parametrize(
    "arguments",
    [
        ("--vault", VAULT.upper(), "--secret", SECRET),
        ("--vault", f"{OTHER_VAULT}, {VAULT}", *NAMED),
        ("--vault", OTHER_VAULT, *NAMED),
        NAMED,
    ],
)
def test_a_name_that_the_settings_know_needs_no_address(
    ask: Callable[..., Answered], token: Token, arguments: tuple[str, ...]
) -> None:
    """The one there is taken; a secret that is named with its vault is nowhere else."""
    assert ask(ASKED, *arguments) == Answered(0, full(token), "")


def test_a_secret_is_named_without_its_vault_where_there_is_one(
    ask: Callable[..., Answered], token: Token, sandbox: Sandbox
) -> None:
    """With several, it must be said."""
    vault = ("--vault", f"{VAULT}={sandbox.vault_urls[VAULT]}")

    assert ask(ASKED, *vault, "--secret", SECRET).told == full(token)
    refused = ask(ASKED, "--secret", SECRET)
    assert (refused.code, refused.told) == (2, {})
    assert f"--secret needs its vault, as VAULT/NAME: {VAULT}, {OTHER_VAULT}" in refused.err


@pytest.mark.parametrize(
    ("arguments", "setting", "said"),
    [
        ((), "", "ROTATION_VAULTS, or --vault, is missing"),
        (("--vault", "a=b"), None, "--vault is 'a=b': expected a vault as name"),
        (("--secret", "a/b/c"), None, "expected NAME or VAULT/NAME"),
        (("--secret", "kv-web2/a"), "", "--secret is 'kv-web2': expected an address for kv-web2"),
        (("--secret", "kv-web2/a"), None, "--secret is 'kv-web2': expected an address"),
    ],
)
def test_wrong_usage_and_settings_end_with_2(
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[..., Answered],
    arguments: tuple[str, ...],
    setting: str | None,
    said: str,
) -> None:
    """In the words of whoever configured the helper."""
    if setting is not None:
        monkeypatch.setenv("ROTATION_VAULTS", setting)

    refused = ask(ASKED, *arguments)

    assert (refused.code, refused.told) == (2, {})
    assert said in refused.err


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    "asked",
    [
        "protocol=https\nhost=github.com\n",
        "protocol=http\nhost=dev.azure.com\n",
        "protocol=https\nhost=dev.azure.com.evil.example\npath=contoso\n",
        "",
    ],
)
@pytest.mark.parametrize("vaults", ["", "a=b", None])
def test_for_strangers_it_is_silent(
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[..., Answered],
    world: World,
    asked: str,
    vaults: str | None,
) -> None:
    """Whatever the settings are: other helpers know what to do there. No service is asked."""
    if vaults is not None:
        monkeypatch.setenv("ROTATION_VAULTS", vaults)

    assert ask(asked, *NAMED if vaults is None else ()) == Answered(0, {}, "")
    assert ask(asked, "--secret", SECRET) == Answered(0, {}, "")
    assert not world.calls


def test_settings_that_name_no_host_are_said_to_be_wrong(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Answered]
) -> None:
    """Where git's address is one of Azure DevOps."""
    monkeypatch.setenv("ROTATION_DEVOPS_URL", "https://[")

    assert ask("protocol=https\nhost=github.com\n") == Answered(0, {}, "")
    assert ask(ASKED).code == 2


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("operation", ["store", "capability", "whatever"])
def test_other_operations_do_nothing(
    ask: Callable[..., Answered], world: World, operation: str
) -> None:
    """As git wishes it of helpers."""
    assert ask(ASKED + "password=x\n", operation=operation) == Answered(0, {}, "")
    assert not world.calls


@pytest.mark.usefixtures("token")
def test_a_secret_of_another_organization_is_not_given_away(ask: Callable[..., Answered]) -> None:
    """Not even if it was named."""
    refused = ask(ASKED.replace(ORGANIZATION, "fabrikam"), *NAMED)

    assert (refused.code, refused.told) == (1, {})
    assert refused.err == (
        f"rotation: {VAULT}/{SECRET} is for the organization {ORGANIZATION}, "
        "not for fabrikam: it is not given away\n"
    )


def test_no_secret_and_too_many_are_said(ask: Callable[..., Answered], world: World) -> None:
    """With the names to choose among, ten of them at most."""
    assert f"no secret in {VAULT}, {OTHER_VAULT} is for {ORGANIZATION}" in ask(ASKED).err
    for number in range(12):
        place(world, Placement(f"s{number:02}"))

    err = ask(ASKED).err

    assert f"{VAULT}/s00, " in err
    assert f"{VAULT}/s09, …; " in err
    assert len(err.splitlines()) == 1


def test_an_address_that_does_not_tell_its_organization_is_said(
    ask: Callable[..., Answered], world: World
) -> None:
    """One secret is no question; with two of them git must tell more."""
    asked = "protocol=https\nhost=dev.azure.com\n"
    one = place(world, Placement("one", age=DAY))
    assert ask(asked).told == full(one)
    place(world, Placement("two", age=DAY))

    refused = ask(asked)

    assert (refused.code, refused.told) == (1, {})
    assert "or let git tell the path: credential.useHttpPath" in refused.err


@pytest.mark.usefixtures("token")
def test_a_disabled_secret_is_said_to_be_so(ask: Callable[..., Answered], world: World) -> None:
    """If it was named; otherwise it is none to choose."""
    newest = world.vault(VAULT).newest(SECRET)
    world.vault(VAULT).update(SECRET, newest.id, Properties(enabled=False))

    assert ask(ASKED, *NAMED).err == (
        f"rotation: {VAULT}/{SECRET} is disabled; ask those who look after it\n"
    )
    assert "no secret in" in ask(ASKED).err


def test_an_expired_token_is_said_to_be_so(
    ask: Callable[..., Answered], world: World, clock: ManualClock
) -> None:
    """Git would pass it over without a word, so its end is not told; the server decides."""
    token = place(world, Placement(SECRET, age=31 * DAY))

    answered = ask(ASKED)

    assert answered.told == {"username": "pat", "password": token.value}
    expired_on = f"{clock() - DAY:%Y-%m-%d}"
    assert f"the token of {VAULT}/{SECRET} has expired on {expired_on}; ask" in answered.err


def test_a_secret_that_nobody_manages_may_be_named(
    ask: Callable[..., Answered], world: World
) -> None:
    """Its expiry is nobody's, and it has no organization."""
    world.vault(VAULT).set("by-hand", "a-value-by-hand", Properties())

    told = ask(ASKED, "--secret", f"{VAULT}/by-hand").told

    assert told == {"username": "pat", "password": "a-value-by-hand"}


def test_an_outage_is_one_line(ask: Callable[..., Answered], world: World) -> None:
    """And no answer: git goes on to ask others."""
    world.faults.add(Fault(unavailable(), operation="list_secrets", times=None))

    refused = ask(ASKED)

    assert (refused.code, refused.told) == (1, {})
    assert refused.err == f"rotation: cannot list the secrets of {VAULT}: 503\n"


class TestErase:
    """The server refused a password."""

    def test_the_newest_one_needs_a_person(
        self, ask: Callable[..., Answered], token: Token
    ) -> None:
        """To ask again does not help."""
        asked = ASKED.replace("\n\n", f"\npassword={token.value}\n")

        found = ask(asked, operation="erase")

        assert (found.code, found.told) == (1, {})
        assert f"Azure DevOps has refused the newest token of {VAULT}/{SECRET}; it" in found.err

    @pytest.mark.usefixtures("token")
    def test_another_one_is_replaced_already(self, ask: Callable[..., Answered]) -> None:
        """To ask again helps."""
        found = ask(ASKED.replace("\n\n", "\npassword=another\n"), operation="erase")

        assert (found.code, found.told) == (0, {})
        assert "try again" in found.err

    @pytest.mark.usefixtures("token")
    @pytest.mark.parametrize("asked", [ASKED, ASKED.replace(ORGANIZATION, "fabrikam")])
    def test_what_cannot_be_told_is_not(self, ask: Callable[..., Answered], asked: str) -> None:
        """Git does not always say what was refused; and what is amiss was said before."""
        assert ask(asked, operation="erase") == Answered(0, {}, "")


def test_the_operations_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    """As all words of a command."""
    from rotation.cli.git_credential import git_credential

    assert capsys.readouterr().out == ""
    (operation,) = [found for found in git_credential.params if found.name == "operation"]
    root = click.Context(cli.commands, info_name="rotation", **cli.commands.context_settings)
    context = git_credential.make_context("git-credential", ["get"], parent=root)

    found = [item.value for item in operation.shell_complete(context, "s")]

    assert found == ["store"]
