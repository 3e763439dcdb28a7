"""The commands as people and scripts start them: results, remarks, exit codes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotation import __version__, cli
from rotation.adapters import transport
from sandbox.content import Properties
from sandbox.fault import Delay, Fault, refused_token, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from sandbox.report import describe
from tests.app.conftest import OTHER_VAULT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.clock import ManualClock
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox")

DAY = timedelta(days=1)
REQUIRED = ("VAULTS", "SESSION_VAULT", "OWNERS", "TENANT_ID", "CLIENT_ID")
COMMANDS = ("run", "plan", "status")
LOOKS = ("plan", "status")


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON on stdout: the whole of it."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def words(self) -> str:
        """The text on stdout, whatever way it is broken into lines."""
        return " ".join(self.out.split())


@pytest.fixture
def rotation(clock: ManualClock, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Give the program, by the world's clock."""

    def rotation(*arguments: str) -> Said:
        code = cli.main(arguments, clock=clock)
        return Said(code, *capsys.readouterr())

    return rotation


@pytest.fixture
def fleet(world: World) -> World:
    """Give a world with a secret in each state that needs no history."""
    for placement in (
        Placement("fresh", age=DAY),
        Placement("due", age=25 * DAY),
        Placement("extended", mode="extend", age=25 * DAY),
        Placement("expired", age=31 * DAY),
        Placement("watched", mode="watch", age=3 * DAY, is_recorded=False),
        Placement("mistagged", age=DAY, tags={"pat-lifetime-days": "a month"}),
        Placement("disabled", age=DAY),
        Placement("orphan", age=DAY, tags={"pat-owner": "eve@contoso.example"}),
        Placement("elsewhere", vault=OTHER_VAULT, age=DAY),
    ):
        place(world, placement)
    vault = world.vault(VAULT)
    version = vault.newest("disabled")
    vault.update("disabled", version.id, Properties(enabled=False))
    return world


# --- What they do ---------------------------------------------------------------------------------


def test_a_run_does_what_is_due(rotation: Callable[..., Said], fleet: World) -> None:
    """Each secret with what was done to it, how that ended, and why."""
    said = rotation("run", "--output", "json")

    outcomes = {found["secret"]: found for found in said.result["secrets"]}
    assert {name: (found["outcome"], found["actions"]) for name, found in outcomes.items()} == {
        "fresh": ("settled", []),
        "due": ("settled", ["renew"]),
        "extended": ("settled", ["extend"]),
        "expired": ("settled", ["renew"]),
        "watched": ("watched", []),
        "mistagged": ("rejected", []),
        "disabled": ("skipped", []),
        "orphan": ("blocked", []),
        "elsewhere": ("settled", []),
    }
    assert said.code == 1
    for name in ("due", "expired"):
        token = fleet.token_in(VAULT, name)
        assert token
        assert fleet.authenticate(ORGANIZATION, token.value)


@pytest.mark.usefixtures("fleet")
def test_the_result_of_a_run_has_its_stable_form(rotation: Callable[..., Said]) -> None:
    """The keys that scripts may rely on, and an honest count."""
    result = rotation("run", "--output", "json").result

    assert result.keys() >= {"run_id", "started_at", "finished_at", "secrets", "counts"}
    assert result["started_at"] == result["finished_at"] == "2026-11-22T07:00:00Z"
    for found in result["secrets"]:
        assert found.keys() == {"vault", "secret", "actions", "outcome", "reason", "message"}
        assert found["vault"] in {VAULT, OTHER_VAULT}
    counted = {name: count for name, count in result["counts"].items() if count}
    assert counted == {"settled": 5, "watched": 1, "rejected": 1, "skipped": 1, "blocked": 1}
    assert sum(counted.values()) == len(result["secrets"])


def test_a_second_run_changes_nothing(rotation: Callable[..., Said], fleet: World) -> None:
    """What was settled stays so."""
    rotation("run")
    before = state(fleet)

    rotation("run")

    assert state(fleet) == before


@pytest.mark.usefixtures("fleet")
def test_a_plan_says_what_a_run_would_do(rotation: Callable[..., Said]) -> None:
    """The verbs of the rules, the reason in one word, and when something happens next."""
    said = rotation("plan", "--output", "json")

    decisions = {found["secret"]: found for found in said.result["decisions"]}
    assert {name: (found["action"], found["reason"]) for name, found in decisions.items()} == {
        "fresh": ("nothing", "fresh"),
        "due": ("renew", "due"),
        "extended": ("extend", "due"),
        "expired": ("renew", "expired"),
        "watched": ("watch", "watched"),
        "mistagged": ("reject", "mis-tagged"),
        "disabled": ("skip", "disabled"),
        "orphan": ("block", "unknown-owner"),
        "elsewhere": ("nothing", "fresh"),
    }
    for found in decisions.values():
        keys = {"vault", "secret", "action", "reason", "message", "next_at"}
        assert found.keys() == keys
        assert found["message"]
    assert decisions["fresh"]["next_at"] > "2026-12-01T00:00:00Z"


def test_a_status_shows_every_secret_and_every_owner(
    rotation: Callable[..., Said], fleet: World
) -> None:
    """One word for each, and the dates that belong to it."""
    said = rotation("status", "--output", "json")

    secrets = {found["secret"]: found for found in said.result["secrets"]}
    assert {name: found["state"] for name, found in secrets.items()} == {
        "fresh": "fresh",
        "due": "due",
        "extended": "due",
        "expired": "expired",
        "watched": "watched",
        "mistagged": "rejected",
        "disabled": "skipped",
        "orphan": "blocked",
        "elsewhere": "fresh",
    }
    assert said.result["checked_at"] == "2026-11-22T07:00:00Z"
    (owner,) = said.result["owners"]
    assert owner == {
        "owner": OWNER,
        "kind": "person",
        "state": "connected",
        "reason": None,
        "message": None,
        "signed_in_at": "2026-11-22T07:00:00Z",
        "redeemed_at": "2026-11-22T07:00:00Z",
        "act_by": "2027-02-20T07:00:00Z",
        "secrets": [
            *(f"{VAULT}/{name}" for name in ("disabled", "due", "expired", "extended", "fresh")),
            f"{OTHER_VAULT}/elsewhere",
        ],
    }
    fresh, token = secrets["fresh"], fleet.token_in(VAULT, "fresh")
    assert token
    assert fresh == {
        "vault": VAULT,
        "secret": "fresh",
        "mode": "regenerate",
        "organization": ORGANIZATION,
        "owner": OWNER,
        "authorization_id": token.authorization_id,
        "state": "fresh",
        "reason": "fresh",
        "message": fresh["message"],
        "expires_at": "2026-12-21T07:00:00Z",
        "alert": None,
        "stored_at": "2026-11-21T07:00:00Z",
        "next_at": fresh["next_at"],
        "acts_next": "rotator",
        "failures": 0,
        "retry_at": None,
        "superseded": [],
    }


@pytest.mark.usefixtures("fleet")
def test_a_status_says_who_acts_next(rotation: Callable[..., Said]) -> None:
    """In the JSON by one word; in the table in place of a date, where somebody is waited for."""
    secrets = {
        found["secret"]: found["acts_next"]
        for found in rotation("status", "--output", "json").result["secrets"]
    }
    rows = {line.split()[0]: line for line in rotation("status").out.splitlines() if "kv-" in line}

    assert {name: actor for name, actor in secrets.items() if actor != "rotator"} == {
        "watched": "nobody",
        "mistagged": "keeper",
        "disabled": "keeper",
        "orphan": "keeper",
    }
    for name, actor in secrets.items():
        row = rows[f"{OTHER_VAULT if name == 'elsewhere' else VAULT}/{name}"]
        assert ("keeper" in row.split()) is (actor == "keeper")


def test_a_status_tells_of_what_is_on_its_way(
    rotation: Callable[..., Said], fleet: World, clock: ManualClock
) -> None:
    """After a renewal the predecessor is retiring; after a failed one the secret is failing."""
    refused = refused_token("accessDenied")
    fleet.faults.add(Fault(refused, operation="create_pat", target="*expired*"))
    old = fleet.token_in(VAULT, "due")
    rotation("run")
    clock.advance(timedelta(minutes=1))

    found = rotation("status", "--output", "json").result["secrets"]

    secrets = {secret["secret"]: secret for secret in found}
    assert old
    assert secrets["due"]["state"] == "retiring"
    assert secrets["due"]["superseded"] == [
        {"authorization_id": old.authorization_id, "ends_at": "2026-11-24T07:00:00Z"}
    ]
    assert secrets["expired"]["state"] == "expired"
    assert secrets["expired"]["failures"] == 1
    assert secrets["due"]["stored_at"] == "2026-11-22T07:00:00Z"


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize("output", ["table", "json"])
def test_looking_changes_nothing(
    rotation: Callable[..., Said], fleet: World, command: str, output: str
) -> None:
    """Whatever is due, refused or dead: the world is as it was."""
    plant(fleet, Placement("stray"))
    before = state(fleet)

    rotation(command, "--output", output)

    assert state(fleet) == before
    made = {call.operation for call in fleet.calls}
    assert not made & {"set_secret", "update_secret", "create_pat", "update_pat", "revoke_pat"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("fleet")
def test_a_table_names_every_secret(rotation: Callable[..., Said], command: str) -> None:
    """For people: one row a secret."""
    said = rotation(command)

    for vault, names in ((VAULT, ("fresh", "due", "mistagged")), (OTHER_VAULT, ("elsewhere",))):
        for name in names:
            assert f"{vault}/{name}" in said.words


@pytest.mark.usefixtures("fleet")
def test_a_status_begins_with_what_is_urgent(
    rotation: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the table, as on the status page; the JSON is in the order of names, as ever."""
    monkeypatch.setenv("COLUMNS", "200")
    rows = [line.split()[:2] for line in rotation("status").out.splitlines() if "kv-" in line]
    names = [
        (found["vault"], found["secret"])
        for found in rotation("status", "--output", "json").result["secrets"]
    ]

    assert [state for _, state in rows] == [
        *("expired", "blocked", "rejected", "due", "due", "watched", "fresh", "fresh", "skipped"),
    ]
    assert names == sorted(names)


@pytest.mark.parametrize("columns", ["100", "60", "40"])
@pytest.mark.usefixtures("fleet")
def test_a_status_fits_the_terminal(
    rotation: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """With bars, and what they mean."""
    monkeypatch.setenv("COLUMNS", columns)

    said = rotation("status")

    assert max(map(len, said.out.splitlines())) <= int(columns)
    assert "╍┫" in said.out
    assert "renewal window" in said.out


def test_nothing_to_look_after_is_fine(rotation: Callable[..., Said]) -> None:
    """An empty fleet is no failure."""
    assert [rotation(command).code for command in COMMANDS] == [0, 0, 0]
    assert rotation("run", "--output", "json").result["secrets"] == []


# --- Exit codes -----------------------------------------------------------------------------------


def test_all_is_fine(rotation: Callable[..., Said], world: World) -> None:
    """0: nothing failed, and nobody is needed."""
    place(world, Placement("feed", age=25 * DAY))

    assert [rotation(command).code for command in ("plan", "status", "run", "status")] == [0] * 4


@pytest.mark.parametrize("command", ["run", "status"])
@pytest.mark.parametrize(
    "placement",
    [
        Placement("feed", age=DAY, tags={"pat-organization": "../evil"}),
        Placement("feed", age=DAY, tags={"pat-owner": "eve@contoso.example"}),
    ],
)
def test_somebody_is_needed(
    rotation: Callable[..., Said],
    world: World,
    command: str,
    placement: Placement,
) -> None:
    """1: a rejected secret, a blocked one."""
    place(world, placement)

    assert rotation(command).code == 1


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_lost_session_needs_somebody(
    rotation: Callable[..., Said], world: World, command: str
) -> None:
    """1, with or without a secret that waits for it; the owner is named."""
    world.tenant.revoke_sessions(OWNER)

    said = rotation(command)

    assert (said.code, OWNER in said.words, "sign-in-needed" in said.words) == (1, True, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_settings_are_all_named_and_nothing_is_touched(
    rotation: Callable[..., Said],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    """2: every fault at once, on stderr, with what to do."""
    for name in REQUIRED:
        monkeypatch.delenv(f"ROTATION_{name}")
    monkeypatch.setenv("ROTATION_GRACE_HOURS", "0")

    said = rotation(command)

    assert (said.code, said.out) == (2, "")
    for name in REQUIRED:
        assert f"rotation: ROTATION_{name} is missing\n" in said.err
    assert "ROTATION_GRACE_HOURS is '0'" in said.err
    assert "hint: " in said.err
    assert not world.calls


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--frobnicate"),
        ("run", "--output", "xml"),
        ("run", "now"),
        ("frobnicate",),
        (),
    ],
)
def test_wrong_usage_is_said_and_nothing_is_touched(
    rotation: Callable[..., Said], world: World, arguments: tuple[str, ...]
) -> None:
    """2: what is wrong, and where help is, on stderr."""
    said = rotation(*arguments)

    assert (said.code, said.out) == (2, "")
    assert "Usage: rotation" in said.err
    assert not world.calls


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("run", "--help"), ("status", "-h")])
def test_help_needs_no_settings(rotation: Callable[..., Said], arguments: tuple[str, ...]) -> None:
    """0: on stdout, without any setting."""
    said = rotation(*arguments)

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Usage: rotation")


def test_the_version_is_told(rotation: Callable[..., Said]) -> None:
    """0: the program and its version."""
    said = rotation("--version")

    assert (said.code, said.out, said.err) == (0, f"rotation, version {__version__}\n", "")


# --- Bad days -------------------------------------------------------------------------------------


def _refuse(world: World) -> None:
    world.vault(VAULT).permissions.clear()


def _silence(world: World) -> None:
    world.faults.add(Fault(unavailable(), service="key-vault", target=VAULT, times=None))


def _delay(world: World) -> None:
    late = Delay(timedelta(hours=1))
    world.faults.add(Fault(late, operation="list_secrets", target=VAULT, times=None))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("spoil", [_refuse, _silence, _delay])
def test_a_vault_that_fails_is_named_and_the_others_go_on(
    rotation: Callable[..., Said],
    fleet: World,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    spoil: Callable[[World], None],
) -> None:
    """1: refusing, out of order, or too slow: it does not stop the others."""
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.3)
    place(fleet, Placement("also-due", vault=OTHER_VAULT, age=25 * DAY))
    spoil(fleet)

    said = rotation(command, "--output", "json")

    assert said.code == 1
    key = "decisions" if command == "plan" else "secrets"
    assert {found["secret"] for found in said.result[key]} == {"elsewhere", "also-due"}
    (failed,) = said.result["vaults_failed"]
    assert failed["vault"] == VAULT
    assert VAULT in failed["message"]
    token = fleet.token_in(OTHER_VAULT, "also-due")
    assert token
    assert (token.valid_from == fleet.clock()) is (command == "run")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_vault_that_does_not_exist_is_named_and_the_others_go_on(
    rotation: Callable[..., Said], world: World, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """1: a mistyped name is said with the vault, and the other vaults are looked after."""
    place(world, Placement("feed", age=DAY))
    watched = os.environ["ROTATION_VAULTS"]
    monkeypatch.setenv("ROTATION_VAULTS", f"{watched} kv-gone=https://localhost:1")

    said = rotation(command)

    assert said.code == 1
    assert "vault kv-gone could not be listed" in said.words
    assert "kv-build/feed" in said.words


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("service", ["entra", "azure-devops", "identity"])
def test_a_service_that_is_away_is_told_without_a_traceback(
    rotation: Callable[..., Said], fleet: World, command: str, service: str
) -> None:
    """1: whatever is away, the program ends by itself and says what it could."""
    fleet.faults.add(Fault(unavailable(), service=service, times=None))

    said = rotation(command)

    assert said.code == 1
    assert said.out
    assert "Traceback" not in said.err


def test_a_refusal_of_one_secret_does_not_stop_the_others(
    rotation: Callable[..., Said], fleet: World
) -> None:
    """1: its reason is the service's own word, and the others are settled."""
    fleet.faults.add(
        Fault(refused_token("accessDenied"), operation="create_pat", target="*/due *", times=None)
    )

    said = rotation("run", "--output", "json")

    outcomes = {found["secret"]: found for found in said.result["secrets"]}
    assert said.code == 1
    assert (outcomes["due"]["outcome"], outcomes["due"]["reason"]) == ("failed", "accessDenied")
    assert outcomes["expired"]["outcome"] == "settled"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interruption_is_said(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """1: Ctrl-C ends it with one sentence, and without a traceback."""

    def interrupt() -> datetime:
        raise KeyboardInterrupt

    code = cli.main([command], clock=interrupt)

    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert "interrupted" in err
    assert "Traceback" not in err


# --- Where it is said -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("fleet")
def test_stdout_holds_the_result_only(rotation: Callable[..., Said], command: str) -> None:
    """JSON that a script can read; the events of a run go to stderr, one JSON object a line."""
    said = rotation(command, "--output", "json")

    assert said.result
    events = [json.loads(line)["event"] for line in said.err.splitlines()]
    if command == "run":
        assert (events[0], events[-1]) == ("ScanStarted", "ScanCompleted")
        assert events.count("TokenStored") == 2
    else:
        assert events == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.usefixtures("fleet")
def test_there_is_neither_colour_nor_progress_in_a_pipe(
    rotation: Callable[..., Said], command: str, output: str
) -> None:
    """Both are for people who watch."""
    said = rotation(command, "--output", output)

    assert "\x1b" not in said.out + said.err
    assert "\r" not in said.out + said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_setting_is_remarked_on(
    rotation: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    """A misspelt one has no effect: that is said on stderr, and it is no failure."""
    monkeypatch.setenv("ROTATION_VAULT", "kv-build")

    said = rotation(command, "--output", "json")

    assert said.code == 0
    assert said.err.startswith("rotation: ROTATION_VAULT is not a setting of this version")
    assert said.result


def test_text_from_outside_is_never_markup(rotation: Callable[..., Said], world: World) -> None:
    """Brackets in tags and names are shown as they are."""
    place(world, Placement("feed", age=DAY, tags={"pat-rotation": "[red]x[/nope]"}))

    said = rotation("run")

    assert said.code == 1
    assert "[red]x[/nope]" in said.words


def state(world: World) -> dict[str, object]:
    """Give all that there is but the calls: vaults, versions, tokens, sessions."""
    sessions = [version.id for version in world.session_vault.list_secrets()]
    told = {name: what for name, what in describe(world).items() if name != "calls"}
    return {**told, "sessions": sessions, "registry": world.registry.tokens}


@pytest.mark.parametrize("command", LOOKS)
def test_looking_saves_no_session(
    rotation: Callable[..., Said], fleet: World, clock: ManualClock, command: str
) -> None:
    """A session that is due to be saved is left to the next run."""
    clock.advance(DAY)
    before = state(fleet)

    rotation(command)

    assert state(fleet) == before
