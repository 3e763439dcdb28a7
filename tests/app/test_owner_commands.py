"""The commands about owners: ``doctor``, ``connect`` and ``disconnect``."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from sandbox.content import Properties
from sandbox.error import VaultRefusedError
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.world import World, session_name
from tests.app.conftest import OTHER_VAULT
from tests.app.test_commands import LOOKS, Said, rotation, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock

__all__ = ["rotation"]

pytestmark = pytest.mark.usefixtures("sandbox")

AGENT = "agent@contoso.example"
EVE = "eve@contoso.example"
PUBLIC_URL = "https://pats.contoso.example"
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Give a world with two vaults, a person and an agent user, on each of whom a secret hangs."""
    world = World(clock)
    world.add_vault(VAULT)
    world.add_vault(OTHER_VAULT)
    owners = [world.add_user(OWNER), world.add_agent_user(AGENT)]
    world.add_organization(ORGANIZATION, owners)
    world.connect(OWNER)
    place(world, Placement("feed", age=DAY, tags={"pat-owner": OWNER}))
    agents = {"pat-owner": AGENT}
    place(world, Placement("agents", vault=OTHER_VAULT, owner=AGENT, age=DAY, tags=agents))
    return world


@pytest.fixture(autouse=True)
def public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say where the pages are."""
    monkeypatch.setenv("ROTATION_PUBLIC_URL", PUBLIC_URL)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of all addresses for which a browser was opened, which opens none."""
    launched: list[str] = []
    monkeypatch.setattr("click.launch", launched.append)
    return launched


# --- doctor ---------------------------------------------------------------------------------------


def _diagnoses(said: Said) -> dict[tuple[str, str], dict[str, str]]:
    found: list[dict[str, str]] = json.loads(said.out)
    for diagnosis in found:
        assert diagnosis.keys() == {"subject", "finding", "severity", "message", "fix"}
        assert diagnosis["message"]
        assert bool(diagnosis["fix"]) is (diagnosis["severity"] != "fine")
    return {(diagnosis["subject"], diagnosis["finding"]): diagnosis for diagnosis in found}


def test_a_doctor_tries_everything(rotation: Callable[..., Said]) -> None:
    """0: every vault, every owner, and every organization in which an owner is needed."""
    said = rotation("doctor", "--output", "json")

    assert said.code == 0
    severities = {key: found["severity"] for key, found in _diagnoses(said).items()}
    assert (
        severities.items()
        >= {
            ("versions", "supported"): "fine",
            (f"vault {VAULT}", "listed"): "fine",
            (f"vault {VAULT}", "read"): "fine",
            (f"vault {OTHER_VAULT}", "listed"): "fine",
            (f"vault {OTHER_VAULT}", "read"): "fine",
            (OWNER, "connected"): "fine",
            (f"{OWNER} in {ORGANIZATION}", "admitted"): "fine",
            (AGENT, "connected"): "fine",
            (f"{AGENT} in {ORGANIZATION}", "admitted"): "fine",
            ("clock", "in-step"): "fine",
        }.items()
    )
    assert not {"warning", "error"} & {*severities.values()}
    assert said.err == ""


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_doctor_changes_nothing(
    rotation: Callable[..., Said], world: World, clock: ManualClock, output: str
) -> None:
    """Not even a session that is due to be saved."""
    clock.advance(DAY)
    before = state(world)

    assert rotation("doctor", "--output", output).code == 0

    assert state(world) == before


def _vault_refuses(world: World) -> None:
    world.vault(VAULT).permissions.discard("list")


def _sessions_refuse(world: World) -> None:
    world.session_vault.permissions.discard("get")


def _leave(world: World, owner: str) -> None:
    world.organization(ORGANIZATION).members.discard(world.tenant.users[owner].identity_id)


def _move(world: World) -> None:
    tags = {**world.vault(VAULT).newest("feed").tags, "pat-organization": "nowhere"}
    world.vault(VAULT).update("feed", None, Properties(tags=tags))


def _silence(service: str, target: str = "*") -> Callable[[World], None]:
    return lambda world: world.faults.add(
        Fault(unavailable(), service=service, target=target, times=None)
    )


def _vault_hides(world: World) -> None:
    world.vault(VAULT).permissions.discard("get")


FAILURES: dict[str, tuple[Callable[[World], object], str, str, str]] = {
    "a vault refuses": (
        _vault_refuses,
        f"vault {VAULT}",
        "access-denied",
        f'--scope "$(az keyvault show --name {VAULT} --query id --output tsv)"`',
    ),
    "a vault lets nobody read": (_vault_hides, f"vault {VAULT}", "access-denied", "az role"),
    "a vault is away": (
        _silence("key-vault", VAULT),
        f"vault {VAULT}",
        "unavailable",
        "try again",
    ),
    "the vault of the sessions refuses": (_sessions_refuse, OWNER, "access-denied", "grant"),
    "a session is revoked": (
        lambda world: world.tenant.revoke_sessions(OWNER),
        OWNER,
        "sign-in-needed",
        "rotation connect",
    ),
    "an account is disabled": (
        lambda world: world.tenant.disable_user(OWNER),
        OWNER,
        "administrator-needed",
        "administrator",
    ),
    "an agent user is disabled": (
        lambda world: world.tenant.disable_user(AGENT),
        AGENT,
        "administrator-needed",
        "administrator",
    ),
    "Entra is away": (_silence("entra"), AGENT, "unavailable", "ROTATION_AUTHORITY"),
    "an owner is no member": (
        lambda world: _leave(world, OWNER),
        f"{OWNER} in {ORGANIZATION}",
        "access-denied",
        f"`az devops user add --email-id {OWNER} --license-type express ",
    ),
    "an agent user is no member": (
        lambda world: _leave(world, AGENT),
        f"{AGENT} in {ORGANIZATION}",
        "access-denied",
        "access",
    ),
    "there is no such organization": (_move, f"{OWNER} in nowhere", "", "pat-organization"),
    "Azure DevOps is away": (
        _silence("azure-devops"),
        f"{OWNER} in {ORGANIZATION}",
        "unavailable",
        "try again",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_doctor_says_what_helps(
    rotation: Callable[..., Said], world: World, failure: str
) -> None:
    """1: what was tried, one word, and what somebody should do; the rest is tried all the same."""
    spoil, subject, finding, fix = FAILURES[failure]
    spoil(world)

    said = rotation("doctor", "--output", "json")
    found = _diagnoses(said)

    (failed,) = (d for (s, _), d in found.items() if s == subject and d["severity"] != "fine")
    assert (said.code, failed["severity"]) == (1, "error")
    assert failed["finding"] == (finding or failed["finding"])
    assert fix in failed["fix"]
    assert {s for s, _ in found} >= {f"vault {VAULT}", f"vault {OTHER_VAULT}", OWNER, AGENT}
    table = rotation("doctor")
    assert table.code == 1
    assert failed["fix"] in table.words
    assert "Traceback" not in table.err


def test_a_doctor_warns(rotation: Callable[..., Said], world: World, clock: ManualClock) -> None:
    """0: a sign-in that is due soon, and an owner whom nobody needs."""
    for _ in range(2):
        clock.advance(40 * DAY)
        rotation("run")
    world.vault(OTHER_VAULT).delete("agents")

    said = rotation("doctor", "--output", "json")
    found = _diagnoses(said)

    assert said.code == 0
    assert found[(OWNER, "sign-in-soon")]["severity"] == "warning"
    assert "rotation connect" in found[(OWNER, "sign-in-soon")]["fix"]
    assert found[(AGENT, "unneeded")]["severity"] == "warning"
    assert "warning" in rotation("doctor").words


def test_whom_nobody_needs_is_not_said_while_a_vault_is_away(
    rotation: Callable[..., Said], world: World
) -> None:
    """There may be secrets in it."""
    world.vault(OTHER_VAULT).permissions.discard("list")

    found = _diagnoses(rotation("doctor", "--output", "json"))

    assert (AGENT, "unneeded") not in found
    assert found[(f"vault {OTHER_VAULT}", "access-denied")]


# --- connect --------------------------------------------------------------------------------------


def _when_asleep(monkeypatch: pytest.MonkeyPatch, do: Callable[[float], None]) -> None:
    monkeypatch.setattr("time.sleep", do)


@pytest.mark.parametrize("is_connected", [True, False], ids=["once more", "for the first time"])
def test_an_owner_is_waited_for(
    rotation: Callable[..., Said],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    launched: list[str],
    *,
    is_connected: bool,
) -> None:
    """0: says the address, opens the browser, waits until somebody has signed in."""
    if not is_connected:
        world.session_vault.delete(session_name(OWNER))
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        world.clock.advance(timedelta(seconds=seconds))
        if len(naps) == 3:
            world.connect(OWNER)

    _when_asleep(monkeypatch, sleep)

    said = rotation("connect", OWNER.upper())

    assert said.code == 0
    assert said.out.splitlines() == [
        f"{OWNER} signs in at {PUBLIC_URL}/sign-in",
        f"{OWNER} is connected; the next sign-in is due by 2027-02-20",
    ]
    assert said.err == f"rotation: Waiting for {OWNER} to sign in\n"
    assert launched == [f"{PUBLIC_URL}/sign-in"]
    assert naps == [2, 2, 2]


@pytest.mark.usefixtures("launched")
def test_an_owner_who_does_not_come(
    rotation: Callable[..., Said], world: World, slept: list[float]
) -> None:
    """1: after so many minutes it is said, and what there was is as it was."""
    before = state(world)

    said = rotation("connect", OWNER, "--timeout", "3")

    assert said.code == 1
    assert f"{OWNER} has not signed in within 3 minutes" in said.err
    assert "hint: " in said.err
    assert sum(slept) == 180
    assert state(world) == before


@pytest.mark.usefixtures("slept")
def test_no_browser_is_opened_where_none_is_wanted(
    rotation: Callable[..., Said], launched: list[str]
) -> None:
    """The address is said all the same: for another machine."""
    said = rotation("connect", OWNER, "--timeout", "1", "--no-browser")

    assert f"{PUBLIC_URL}/sign-in" in said.out
    assert launched == []


@pytest.mark.parametrize(
    ("owner", "what"),
    [(EVE, f"{EVE} is no owner"), (AGENT, f"{AGENT} is an agent user: nobody signs in")],
)
def test_only_people_are_connected(
    rotation: Callable[..., Said], world: World, launched: list[str], owner: str, what: str
) -> None:
    """2: who it is, and whom the settings name."""
    said = rotation("connect", owner)

    assert (said.code, said.out, launched) == (2, "", [])
    assert f"rotation: {what}\n" in said.err
    assert f"hint: ROTATION_OWNERS names {OWNER}\n" in said.err
    assert not world.calls


def test_where_to_sign_in_must_be_known(
    rotation: Callable[..., Said],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    launched: list[str],
) -> None:
    """2: which setting says it."""
    monkeypatch.delenv("ROTATION_PUBLIC_URL")
    monkeypatch.delenv("WEBSITE_HOSTNAME", raising=False)

    said = rotation("connect", OWNER)

    assert (said.code, said.out, launched) == (2, "", [])
    assert "rotation: ROTATION_PUBLIC_URL is missing\n" in said.err
    assert not world.calls


@pytest.mark.parametrize("command", ["connect", "disconnect"])
@pytest.mark.parametrize("owner", ["ada", "ada@contoso.example/..", "", "[red]@contoso.example"])
def test_an_owner_has_a_plain_name(
    rotation: Callable[..., Said], world: World, command: str, owner: str
) -> None:
    """2: what was expected."""
    said = rotation(command, owner)

    assert (said.code, said.out) == (2, "")
    assert "expected a user principal name such as ada@example.com" in said.err
    assert not world.calls


@pytest.mark.parametrize("timeout", ["0", "61", "soon"])
def test_nobody_is_waited_for_for_ever(rotation: Callable[..., Said], timeout: str) -> None:
    """2: from one minute to an hour."""
    assert rotation("connect", OWNER, "--timeout", timeout).code == 2


@pytest.mark.usefixtures("slept", "launched")
def test_a_vault_of_sessions_that_refuses_is_told(
    rotation: Callable[..., Said], world: World
) -> None:
    """1: before anybody is sent to sign in."""
    world.session_vault.permissions.discard("list")

    said = rotation("connect", OWNER)

    assert (said.code, said.out) == (1, "")
    assert "session vault" in said.err
    assert "hint: grant" in said.err


# --- disconnect -----------------------------------------------------------------------------------


def _answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let ``text`` be all that can be read from stdin: nothing, where there is no terminal."""
    monkeypatch.setattr("sys.stdin", StringIO(text))


def _is_there(world: World) -> bool:
    try:
        return world.session_vault.newest(session_name(OWNER)).enabled
    except VaultRefusedError:
        return False


def test_a_session_is_ended(rotation: Callable[..., Said], world: World) -> None:
    """0: lists what is not renewed any more, with its expiry; and the session is gone."""
    said = rotation("disconnect", OWNER, "--yes")

    assert said.code == 0
    assert f"{VAULT}/feed 2026-12-21 07:00 contoso" in said.words
    assert "agents" not in said.words
    assert f"The session of {OWNER} is ended." in said.words
    assert "administrator revokes" in said.words
    assert not _is_there(world)
    trashed = world.session_vault.get_deleted(session_name(OWNER))
    assert [version.enabled for version in trashed.versions] == [False]
    status = rotation("status", "--output", "json").result["owners"][0]
    assert (status["state"], status["act_by"]) == ("sign-in-needed", "2026-12-21T07:00:00Z")


def test_who_was_disconnected_can_sign_in_again(
    rotation: Callable[..., Said], world: World, clock: ManualClock
) -> None:
    """With one session that works, and nothing of the one before."""
    rotation("disconnect", OWNER, "--yes")
    clock.advance(SECOND)

    world.connect(OWNER)

    assert rotation("run").code == 0
    versions = world.session_vault.versions(session_name(OWNER))
    assert [version.enabled for version in versions] == [False, True]


@pytest.mark.parametrize(("text", "is_ended"), [("y\n", True), ("n\n", False), ("", False)])
def test_it_asks_before(
    rotation: Callable[..., Said],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    *,
    is_ended: bool,
) -> None:
    """1 and nothing done, unless somebody says yes; nobody there is a no, and no traceback."""
    _answer(monkeypatch, text)

    said = rotation("disconnect", OWNER)

    assert said.code == (0 if is_ended else 1)
    assert f"{VAULT}/feed" in said.words
    assert f"End the session of {OWNER}?" in said.err
    assert ("not confirmed; nothing was done" in said.err) is not is_ended
    assert ("--yes" in said.err) is not is_ended
    assert "interrupted" not in said.err
    assert "Traceback" not in said.err
    assert _is_there(world) is not is_ended


def test_who_is_no_owner_any_more_is_disconnected(
    rotation: Callable[..., Said], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0: the session of somebody whom the settings do not name is still in the vault."""
    monkeypatch.delenv("ROTATION_OWNERS")

    said = rotation("disconnect", OWNER, "--yes")

    assert said.code == 0
    assert f"{VAULT}/feed" in said.words
    assert not _is_there(world)


@pytest.mark.parametrize("owner", [AGENT, EVE])
def test_who_has_no_session_needs_none_ended(
    rotation: Callable[..., Said], world: World, owner: str
) -> None:
    """0: it is said; of an agent user nothing is kept."""
    before = state(world)

    said = rotation("disconnect", owner, "--yes")

    assert said.code == 0
    assert said.out.endswith(f"{owner} has no session.\n")
    assert ("agents" in said.words) is (owner == AGENT)
    assert state(world) == before


def test_a_vault_that_cannot_be_looked_through_is_told(
    rotation: Callable[..., Said], world: World
) -> None:
    """There may be more that is not renewed; the session is ended all the same."""
    world.vault(VAULT).permissions.discard("list")

    said = rotation("disconnect", OWNER, "--yes")

    assert said.code == 0
    assert f"vault {VAULT} could not be listed" in said.words
    assert not _is_there(world)


def test_an_end_that_fails_is_told(rotation: Callable[..., Said], world: World) -> None:
    """1: the session is switched off before it is deleted, so it is not used any more."""
    world.session_vault.permissions.discard("delete")

    said = rotation("disconnect", OWNER, "--yes")

    assert said.code == 1
    assert "cannot delete the session vault's session-ada-contoso-example" in said.err
    assert "is ended" not in said.out
    assert not _is_there(world)


# --- Owners in a status ---------------------------------------------------------------------------


def test_a_status_shows_both_kinds_of_owners(rotation: Callable[..., Said]) -> None:
    """By when to act, of which kind, and how many secrets depend on them."""
    said = rotation("status")
    person, agent = rotation("status", "--output", "json").result["owners"]

    assert f"{OWNER} connected 2026-11-22 2027-02-20 1" in said.words
    assert f"{AGENT} connected agent user - 1" in said.words
    assert (person["kind"], person["secrets"]) == ("person", [f"{VAULT}/feed"])
    assert (agent["kind"], agent["secrets"]) == ("agent", [f"{OTHER_VAULT}/agents"])
    assert (agent["act_by"], agent["signed_in_at"]) == (None, None)


@pytest.mark.parametrize("command", ["doctor", *LOOKS])
def test_a_late_sign_in_is_no_failure(
    rotation: Callable[..., Said], world: World, clock: ManualClock, command: str
) -> None:
    """0: it is said, and works until Azure DevOps refuses it."""
    for _ in range(3):
        clock.advance(31 * DAY)
        world.vault(VAULT).delete("feed")
        world.vault(VAULT).purge("feed")
        place(world, Placement("feed", age=DAY, tags={"pat-owner": OWNER}))
        rotation("run")

    said = rotation(command)

    assert said.code == 0
    if command != "plan":
        assert "should have signed in by 2027-02-20" in said.words
