"""The screws of the world: what a person can turn, by hand or from a shell."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.__main__ import main
from sandbox.clock import ShiftedClock, wall
from sandbox.error import SignInRefusedError
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, furnish, place, plant
from sandbox.grant import AZURE_DEVOPS
from sandbox.intervention import VERBS, InterventionError, intervene
from sandbox.launch import ControlError, ask, read_offset
from sandbox.report import describe
from sandbox.world import session_name
from tests.contract.conftest import access_token

if TYPE_CHECKING:
    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.token import Token
    from sandbox.world import World

FEED = f"{VAULT}/feed"


@pytest.fixture
def token(world: World) -> Token:
    """Give a token that is stored in a managed secret."""
    return place(world, Placement("feed", age=timedelta(days=10)))


def test_time_can_be_moved(world: World, clock: ManualClock) -> None:
    """Days, hours, minutes and seconds."""
    before = clock()

    for span in ("2d", "36h", "90m", "5s"):
        intervene(world, ["advance", span])

    assert clock() - before == timedelta(days=3, hours=13, minutes=30, seconds=5)


@pytest.mark.parametrize("verb", ["expire", "revoke", "sleep"])
def test_a_token_can_be_ended(world: World, token: Token, verb: str) -> None:
    """By the secret that holds it, or by its id."""
    stray = plant(world, Placement("stray"))

    intervene(world, [verb, FEED])
    intervene(world, [verb, stray.authorization_id])

    assert world.authenticate(ORGANIZATION, token.value) is None
    assert world.authenticate(ORGANIZATION, stray.value) is None


def test_policies_can_be_set_and_lifted(world: World) -> None:
    """Each policy by its name."""
    organization = world.organization(ORGANIZATION)

    for policy in ("full-scope", "global", "creation", "public-project"):
        intervene(world, ["policy", ORGANIZATION, policy, "on"])
    intervene(world, ["policy", ORGANIZATION, "max-lifespan", "7d"])

    assert organization.policy.max_lifespan == timedelta(days=7)
    assert organization.policy.restrict_full_scope
    assert organization.policy.restrict_global
    assert organization.policy.restrict_creation
    assert organization.has_public_project
    intervene(world, ["policy", ORGANIZATION, "max-lifespan", "off"])
    assert organization.policy.max_lifespan is None


@pytest.mark.usefixtures("token")
def test_a_version_can_be_switched_off_and_on(world: World) -> None:
    """The newest one."""
    intervene(world, ["disable", FEED])
    assert not world.vault(VAULT).newest("feed").enabled

    intervene(world, ["enable", FEED])
    assert world.vault(VAULT).newest("feed").enabled


def test_a_value_can_be_pasted_and_the_former_one_restored(world: World, token: Token) -> None:
    """Tags are copied, as people do in the portal, and then speak of another value."""
    tags = world.vault(VAULT).newest("feed").tags

    intervene(world, ["paste", FEED, "pasted"])
    pasted = world.vault(VAULT).newest("feed")
    intervene(world, ["restore", FEED])
    restored = world.vault(VAULT).newest("feed")

    assert (pasted.value, pasted.tags) == ("pasted", tags)
    assert (restored.value, restored.tags) == (token.value, tags)


def test_sessions_can_be_ended_and_begun(world: World) -> None:
    """Ended by an administrator; begun by signing in again."""
    before = world.session_vault.newest(session_name(OWNER))

    intervene(world, ["end-session", OWNER])
    intervene(world, ["end-session", OWNER, "interaction_required"])
    intervene(world, ["connect", OWNER])

    assert world.session_vault.newest(session_name(OWNER)).id != before.id


@pytest.mark.parametrize(
    ("verb", "number", "remedy"),
    [
        ("end-session", 50173, "connect"),
        ("require-sign-in", 50076, "connect"),
        ("revoke-consent", 65001, "grant-consent"),
        ("disable-user", 50057, "enable-user"),
        ("block-user", 53003, "unblock-user"),
        ("delete-user", 50034, None),
    ],
)
def test_an_account_can_be_refused_and_let_in_again(
    world: World, verb: str, number: int, remedy: str | None
) -> None:
    """Each verb has its number at the token endpoint, and but for the last its remedy."""
    intervene(world, [verb, OWNER])

    with pytest.raises(SignInRefusedError) as refused:
        access_token(world, f"{AZURE_DEVOPS}/.default")
    assert refused.value.number == number
    if remedy:
        intervene(world, [remedy, OWNER])
        assert access_token(world, f"{AZURE_DEVOPS}/.default")


def test_nobody_signs_in_as_an_agent_user(world: World) -> None:
    """There is nobody who could."""
    world.add_agent_user("agent@contoso.example")

    with pytest.raises(InterventionError, match="nobody can sign in as one"):
        intervene(world, ["connect", "agent@contoso.example"])


def test_a_description_tells_of_accounts_and_applications(world: World) -> None:
    """Who may do what, and where people are sent back to; no password, no number."""
    agent = world.add_agent_user("agent@contoso.example")
    world.tenant.redirect_uris.add("https://rotation.example/sign-in/callback")
    intervene(world, ["block-user", OWNER])
    intervene(world, ["require-sign-in", OWNER])

    described = json.loads(json.dumps(describe(world)))

    account = described["accounts"][OWNER]
    assert (account["blocked"], account["demanded"]) == (True, "interaction_required")
    assert account["enabled"]
    assert described["accounts"][agent.upn]["agent_identity_id"] == agent.agent_identity_id
    registration = described["applications"][world.tenant.client_id]
    assert registration["redirect_uris"] == ["https://rotation.example/sign-in/callback"]
    assert registration["consent"] == {OWNER: ["vso.pats", "vso.pats_manage"]}
    assert world.leaks_in(json.dumps(described)) == 0


def test_a_vault_can_refuse(world: World) -> None:
    """One permission at a time."""
    intervene(world, ["forbid", VAULT, "set"])
    assert "set" not in world.vault(VAULT).permissions

    intervene(world, ["allow", VAULT, "set"])
    assert "set" in world.vault(VAULT).permissions


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "unknown verb ''"),
        ("explode", "expected one of advance"),
        ("advance", "expected: advance SPAN"),
        ("advance 2d 3d", "expected: advance SPAN"),
        ("advance soon", "no span of time"),
        ("advance 999999d", "too far, expected at most 3650d at once"),
        ("revoke kv-build/nothing", "no secret kv-build/nothing"),
        ("revoke nowhere/feed", "only kv-sessions, kv-build"),
        ("revoke kv-sessions/session-ada-contoso-example", "holds the value of no token"),
        ("revoke 1234", "no token 1234"),
        ("policy nowhere creation on", "no organization nowhere"),
        ("policy contoso beauty on", "expected one of max-lifespan"),
        ("policy contoso creation maybe", "neither on nor off"),
        ("connect nobody@contoso.example", "only ada@contoso.example"),
        ("end-session ada@contoso.example gently", "interaction_required"),
        ("block-user nobody@contoso.example", "only ada@contoso.example"),
        ("restore kv-build/feed", "no other value"),
        ("forbid kv-build everything", "expected one of delete, get, list"),
    ],
)
def test_what_makes_no_sense_is_explained(world: World, words: str, complaint: str) -> None:
    """A complaint names what was wrong and what was expected."""
    with pytest.raises(InterventionError, match=complaint):
        intervene(world, words.split())


def test_a_description_tells_everything_but_values(world: World, token: Token) -> None:
    """What it holds can be printed anywhere."""
    described = json.dumps(describe(world))

    assert token.authorization_id in described
    assert world.leaks_in(described) == 0
    assert world.leaks_in(described + token.value) == 1


def test_a_running_sandbox_can_be_told(sandbox: Sandbox, token: Token, clock: ManualClock) -> None:
    """The control endpoint does, describes, and tells how far its clock is ahead."""
    done = ask(sandbox.control_url, "/do", {"words": ["advance", "1d"]})
    state = ask(sandbox.control_url, "/state")

    assert done["done"] == f"it is now {clock():%Y-%m-%d %H:%M:%S} UTC"
    assert state["now"] == clock().isoformat()
    assert token.authorization_id in json.dumps(state)
    apart = clock() - wall() - read_offset(sandbox.control_url)
    assert abs(apart) < timedelta(minutes=1)
    with pytest.raises(ControlError, match="unknown verb"):
        ask(sandbox.control_url, "/do", {"words": ["explode"]})
    with pytest.raises(ControlError, match="expected GET"):
        ask(sandbox.control_url, "/else")


def test_a_web_page_cannot_turn_the_screws(sandbox: Sandbox) -> None:
    """A body that a browser sends across origins without asking is refused."""
    answer = requests.post(f"{sandbox.control_url}/do", data='{"words": ["advance"]}', timeout=5)

    assert answer.status_code == 415


def test_nobody_at_home_is_said_plainly() -> None:
    """The complaint tells how to start a sandbox."""
    with pytest.raises(ControlError, match="python -m sandbox"):
        ask("http://127.0.0.1:9", "/time")
    with pytest.raises(ControlError, match="expected http://127"):
        ask("https://example.com", "/time")


@pytest.mark.usefixtures("sandbox", "token")
def test_a_shell_can_turn_the_screws(capsys: pytest.CaptureFixture[str], world: World) -> None:
    """Results go to stdout, complaints to stderr, and the exit code tells which."""
    codes = [main(["do", "revoke", FEED]), main(["do", "time"]), main(["do", "explode"])]

    output = capsys.readouterr()
    assert codes == [0, 0, 1]
    assert "is revoked" in output.out
    assert world.clock().isoformat() in output.out
    assert output.err.startswith("error: unknown verb 'explode'")


def test_without_an_address_the_shell_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, and where it comes from."""
    monkeypatch.delenv("SANDBOX_CONTROL", raising=False)

    assert main(["do", "time"]) == 1
    assert "SANDBOX_CONTROL is not set" in capsys.readouterr().err


def test_the_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to read the code to know what can be done."""
    with pytest.raises(SystemExit):
        main(["do", "--help"])

    output = capsys.readouterr().out
    assert all(f"  {name} " in output for name in [*VERBS, "state", "time"])


def test_it_runs_until_it_is_ended() -> None:
    """It prints what a shell needs, serves it, and ends tidily."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        exports: dict[str, str] = {}
        while "SANDBOX_CONTROL" not in exports:
            word, assignment = shlex.split(process.stdout.readline())
            assert word == "export"
            name, _, value = assignment.partition("=")
            exports[name] = value
        state = ask(exports["SANDBOX_CONTROL"], "/state")
        process.send_signal(signal.SIGTERM)
        greeting = process.stderr.read()

    assert "feed-due" in json.dumps(state)
    assert exports["ROTATION_VAULTS"].startswith("kv-build=https://localhost:")
    assert "Traceback" not in greeting
    assert process.returncode == 0


def test_a_person_can_sign_in_by_hand(world: World) -> None:
    """Whoever plays the owner is told what the owner knows; an agent user knows nothing."""
    user, agent = world.tenant.users[OWNER], world.add_agent_user("agent@contoso.example")

    told = intervene(world, ["recall", OWNER])

    assert user.password in told
    assert user.second_factor in told
    with pytest.raises(InterventionError, match="nothing to sign in with"):
        intervene(world, ["recall", agent.upn])


def test_an_application_can_be_registered_anywhere(world: World) -> None:
    """People are sent back to that address, too, from then on."""
    intervene(world, ["register", "https://localhost/sign-in/callback"])

    assert world.tenant.redirect_uris == {"https://localhost/sign-in/callback"}


@pytest.mark.usefixtures("sandbox", "token")
def test_the_product_lives_by_the_worlds_time(world: World) -> None:
    """Started from here, its command line finds the world and is not surprised by its date."""
    arguments = [sys.executable, "-m", "sandbox", "rotation", "plan", "--output", "json"]
    world.clock.advance(timedelta(days=12))

    plan = subprocess.run(arguments, capture_output=True, text=True, check=False)

    (decision,) = json.loads(plan.stdout)["decisions"]
    assert (decision["secret"], decision["action"]) == ("feed", "renew")


def test_a_shifted_clock_runs_on() -> None:
    """It is the machine's time, moved."""
    clock = ShiftedClock()
    clock.advance(timedelta(days=2))

    assert abs(clock() - wall() - timedelta(days=2)) < timedelta(minutes=1)


def test_furnished_worlds_are_alike(clock: ManualClock) -> None:
    """One seed, one world, to the last value."""
    first, second = furnish(clock), furnish(clock)

    assert first.issued == second.issued
    assert furnish(clock, seed=2).issued.isdisjoint(first.issued)


def test_what_cannot_be_demanded_is_refused(world: World) -> None:
    """Only what Entra says of people who must come back."""
    with pytest.raises(ValueError, match="expected interaction_required or consent_required"):
        world.tenant.demand(OWNER, "invalid_client")


def test_whoever_presses_ctrl_c_early_sees_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the product is still being loaded, there is nothing to end tidily."""

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.__main__.launch", interrupt)

    assert main(["rotation", "--offset", "0", "status"]) == 130
