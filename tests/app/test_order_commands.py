"""The commands that order something: ``issue``, ``adopt``, ``rotate`` and ``retire``."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from rotation import cli, order
from rotation.errors import AccessDeniedError
from rotation.order import Extent, Order, Verb
from rotation.report import Ending
from sandbox.content import Properties
from sandbox.furniture import OWNER, VAULT, Placement, place
from tests.app.conftest import OTHER_VAULT
from tests.app.desk import ASKER, DAY, Desk, KeptJournal, Office
from tests.app.test_commands import Said, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox")

FEED, WIKI = f"{VAULT}/feed", f"{OTHER_VAULT}/wiki"
ID = "0a1b2c3d-0000-4000-8000-000000000001"
ANYTHING = [
    ("issue", FEED, "--scope", "vso.code", "--yes"),
    ("adopt", FEED, ID),
    ("rotate", FEED),
    ("retire", FEED, "--now"),
    ("retire", FEED, "--altogether", "--yes"),
]


@pytest.fixture
def world(world: World) -> World:
    """Give a world with a secret in each state that matters to orders."""
    for placement in (
        Placement("feed", age=DAY),
        Placement("old", age=31 * DAY, scope="vso.packaging vso.code"),
        Placement("watched", mode="watch", age=31 * DAY, is_recorded=False),
        Placement("mistagged", age=31 * DAY, tags={"pat-lifetime-days": "a month"}),
        Placement("disabled", age=DAY),
        Placement("wiki", vault=OTHER_VAULT, age=31 * DAY),
    ):
        place(world, placement)
    disabled = world.vault(VAULT).newest("disabled")
    world.vault(VAULT).update("disabled", disabled.id, Properties(enabled=False))
    return world


@pytest.fixture
def desk(world: World) -> Desk:
    """Give a desk that puts orders on a queue."""
    return Desk(world, KeptJournal())


@pytest.fixture
def office(desk: Desk) -> Office:
    """Give the product with this desk."""
    return Office(desk, desk.journal)


@pytest.fixture
def rotation(
    clock: ManualClock, office: Office, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Give the program, by the world's clock."""

    def rotation(*arguments: str) -> Said:
        code = cli.main(arguments, clock=clock, open_service=office.open)
        return Said(code, *capsys.readouterr())

    return rotation


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be there to answer, and nothing limit the width of a line."""
    answer(monkeypatch, "")
    monkeypatch.delenv("COLUMNS", raising=False)


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let ``text`` be all that can be read from stdin."""
    monkeypatch.setattr("sys.stdin", StringIO(text))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Callable[..., list[float]]:
    """Give a function that says what is done at each pause; the clock is turned, too."""

    def pauses(*steps: Callable[[], None]) -> list[float]:
        naps: list[float] = []

        def sleep(seconds: float) -> None:
            naps.append(seconds)
            clock.advance(timedelta(seconds=seconds))
            if len(naps) <= len(steps):
                steps[len(naps) - 1]()

        monkeypatch.setattr("time.sleep", sleep)
        return naps

    return pauses


@pytest.fixture(params=["y\n", "n\n", ""], ids=["yes", "no", "nobody"])
def is_agreed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let somebody say yes, or no, or let nobody be there; tell whether it is a yes."""
    answer(monkeypatch, request.param)
    return bool(request.param == "y\n")


def taken(desk: Desk) -> dict[str, dict[str, Any]]:
    """Give what the orders say that were taken, by the name of their secret."""
    return {str(each.name): each.arguments.as_dict() for each in desk.taken}


def outcomes(said: Said) -> dict[str, tuple[str, str]]:
    """Give the outcome and the reason of each order in the JSON, by the name of its secret."""
    found = said.result["orders"]
    return {f"{o['vault']}/{o['secret']}": (o["outcome"], o["reason"]) for o in found}


# --- What is ordered ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "verb", "said"),
    [
        (("issue", FEED, "--scope", "vso.code", "--yes"), Verb.ISSUE, {"scope": "vso.code"}),
        (
            (
                *("issue", f"{VAULT}/new", "--scope", "vso.packaging vso.code"),
                *("--organization", "contoso", "--owner", "ADA@contoso.example"),
                *("--lifetime-days", "7", "--mode", "extend", "--display-name", "Build agents"),
            ),
            Verb.ISSUE,
            {
                "scope": "vso.code vso.packaging",
                "organization": "contoso",
                "owner": OWNER,
                "lifetime_days": 7,
                "mode": "extend",
                "display_name": "Build agents",
            },
        ),
        (
            ("issue", f"{VAULT}/new", "--scope", "vso.packaging", "--scope", "vso.code"),
            Verb.ISSUE,
            {"scope": "vso.code vso.packaging"},
        ),
        (("adopt", FEED, ID.upper()), Verb.ADOPT, {"authorization_id": ID}),
        (("rotate", FEED), Verb.ROTATE, {}),
        (("rotate", FEED, "--lifetime-days", "7"), Verb.ROTATE, {"lifetime_days": 7}),
        (("rotate", FEED, "--allow-wider"), Verb.ROTATE, {"allow_wider": True}),
        (("retire", FEED, "--now"), Verb.RETIRE, {"extent": Extent.NOW}),
        (
            ("retire", FEED, "--altogether", "--yes"),
            Verb.RETIRE,
            {"extent": Extent.ALTOGETHER},
        ),
    ],
)
def test_an_order_says_what_was_typed(
    rotation: Callable[..., Said],
    desk: Desk,
    arguments: tuple[str, ...],
    verb: Verb,
    said: dict[str, Any],
) -> None:
    """For the version that is newest now, by whom, and when: a message that any worker takes."""
    result = rotation(*arguments, "--output", "json")

    (ordered,) = desk.taken
    assert result.code == 0
    assert (ordered.verb, ordered.arguments.as_dict()) == (verb, said)
    assert ordered.version == desk.newest(ordered.name)
    assert (ordered.requested_by, ordered.requested_at) == (ASKER, desk.world.clock())
    assert order.read(json.dumps(ordered.as_dict())) == ordered


@pytest.mark.parametrize("arguments", ANYTHING)
def test_the_result_has_its_stable_form(
    rotation: Callable[..., Said], arguments: tuple[str, ...]
) -> None:
    """On stdout JSON alone; whatever else is said is on stderr."""
    result = rotation(*arguments, "--output", "json").result

    (told,) = result["orders"]
    title = arguments[0] if arguments[0] != "retire" else f"retire {arguments[2]}"
    assert result["vaults_failed"] == []
    assert told == {
        "vault": VAULT,
        "secret": "feed",
        "order": title,
        "requested_by": ASKER,
        "requested_at": "2026-11-22T07:00:00Z",
        "outcome": "queued",
        "reason": "",
        "message": "",
    }


@pytest.mark.parametrize("arguments", ANYTHING)
def test_what_is_on_the_queue_is_said_with_where_to_look(
    rotation: Callable[..., Said], arguments: tuple[str, ...]
) -> None:
    """0: for people, on stdout."""
    said = rotation(*arguments)

    assert said.code == 0
    assert "queued" in said.words
    assert said.out.endswith(f"What becomes of it: rotation events --secret {FEED}\n")


@pytest.mark.parametrize("arguments", ANYTHING)
def test_an_order_touches_nothing_by_itself(
    rotation: Callable[..., Said], world: World, arguments: tuple[str, ...]
) -> None:
    """What is on a queue changes neither a vault nor a token."""
    before = state(world)

    rotation(*arguments)

    assert state(world) == before


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        (("issue", FEED), ["issue needs --scope"]),
        (("issue", FEED, "--scope", " "), ["--scope: a scope is missing"]),
        (
            ("issue", "kv_1/feed", "--scope", "vso.coed", "--lifetime-days", "365"),
            ["VAULT: expected letters", "--scope: 'vso.coed' is no scope", "--lifetime-days: "],
        ),
        (
            ("issue", FEED, "--scope", "vso.code", "--owner", "ada", "--organization", "../x"),
            ["--owner: expected a user principal name", "--organization: expected the name"],
        ),
        (
            ("issue", FEED, "--scope", "vso.code", "--display-name", "[kv/other]"),
            ["--display-name: expected a name without brackets"],
        ),
        (("adopt", "feed", "1"), ["expected VAULT/NAME", "AUTHORIZATION_ID: expected an"]),
        (("adopt", FEED), ["Missing argument 'AUTHORIZATION_ID'"]),
        (("rotate",), ["name a secret, or choose with --all-expired"]),
        (
            ("rotate", "feed", "a/b/c", "--lifetime-days", "0"),
            ["expected VAULT/NAME", "NAME: expected letters", "--lifetime-days: "],
        ),
        (("rotate", "--owner", "ada"), ["expected a user principal name"]),
        (("rotate", "--owner", OWNER, "--scope", "app_token vso.code"), ["--scope: app_token"]),
        (("retire", FEED), ["retire needs either --now or --altogether"]),
        (("retire", FEED, "--now", "--altogether"), ["either --now or --altogether"]),
        (("retire", "--now"), ["name a secret"]),
        (("retire", "--altogether", "--vault", VAULT), ["what is given up altogether is named"]),
        (("rotate", FEED, "--wait", "--timeout", "0"), ["'--timeout'"]),
        (("issue", FEED, "--scope", "vso.code", "--mode", "watch"), ["'watch' is not one of"]),
    ],
)
def test_wrong_usage_is_told_at_once_and_nothing_is_touched(
    rotation: Callable[..., Said], office: Office, arguments: tuple[str, ...], faults: list[str]
) -> None:
    """2: every fault, by the rules of a message, in the words of the command line."""
    said = rotation(*arguments)

    assert (said.code, said.out, office.is_open) == (2, "", False)
    assert said.err.startswith(f"Usage: rotation {arguments[0]}")
    told = said.err.split("\n\n")[1]
    assert told.count("Error: ") == len(faults)
    assert [fault for fault in faults if fault not in told] == []


def test_a_secret_is_ordered_for_once(rotation: Callable[..., Said], desk: Desk) -> None:
    """Whatever way its name is written, and whether a filter finds it, too."""
    rotation("rotate", FEED, FEED.upper(), "--vault", VAULT.upper(), "--yes")

    assert [*taken(desk)] == [FEED, f"{VAULT}/old"]


@pytest.mark.parametrize("arguments", [("rotate",), ("retire", "--now"), ("adopt",)])
def test_there_must_be_something_to_order_for(
    rotation: Callable[..., Said], desk: Desk, arguments: tuple[str, ...]
) -> None:
    """1: nothing is ordered, not even for those that are there."""
    names = [f"{VAULT}/gone", ID] if arguments == ("adopt",) else [FEED, f"{VAULT}/gone"]

    said = rotation(*arguments, *names, "--yes")

    assert (said.code, said.out, desk.taken) == (1, "", [])
    assert f"there is no secret {VAULT}/gone; nothing was ordered" in said.err


# --- Asking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("issue", FEED, "--scope", "vso.code"), f"{FEED} exists: its value is replaced."),
        (("issue", f"{VAULT}/new", "--scope", "app_token"), "app_token is full access"),
        (("rotate", FEED, f"{VAULT}/old"), "Order rotate for 2 secrets?"),
        (("rotate", "--all-expired"), "Order rotate for 2 secrets?"),
        (("rotate", "--vault", OTHER_VAULT), f"Order rotate for {WIKI}?"),
        (("retire", "--owner", OWNER, "--now"), "Order retire --now for 3 secrets?"),
        (
            ("rotate", FEED, "--scope", "vso.code vso.build"),
            f"Order rotate for {FEED}, with a wider scope for 1 of them?",
        ),
    ],
)
def test_it_asks_where_something_is_at_stake(
    rotation: Callable[..., Said],
    desk: Desk,
    arguments: tuple[str, ...],
    *,
    is_agreed: bool,
    why: str,
) -> None:
    """1 and nothing ordered, unless somebody says yes; what is at stake is said on stderr."""
    said = rotation(*arguments, "--output", "json")

    assert said.code == (0 if is_agreed else 1)
    assert bool(desk.taken) is is_agreed
    assert why in said.err
    assert ("not confirmed; nothing was done" in said.err) is not is_agreed
    assert bool(said.out) is is_agreed
    assert "interrupted" not in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("rotate", FEED),
        ("retire", FEED, "--now"),
        ("issue", f"{VAULT}/new", "--scope", "vso.code"),
        ("rotate", f"{VAULT}/old", "--scope", "vso.code"),
        ("adopt", FEED, ID),
    ],
)
def test_one_secret_by_name_is_not_asked_about(
    rotation: Callable[..., Said], desk: Desk, arguments: tuple[str, ...]
) -> None:
    """0: nobody needs to be there."""
    said = rotation(*arguments)

    assert (said.code, len(desk.taken)) == (0, 1)
    assert "?" not in said.err


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"{FEED}\n{VAULT}/old\n", 2),
        (f"{FEED}\n{VAULT}/odl\n", 0),
        (f"{FEED}\n", 0),
        ("y\ny\n", 0),
        ("", 0),
    ],
)
def test_what_is_given_up_is_typed(
    rotation: Callable[..., Said],
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    count: int,
) -> None:
    """Each name, after what that does; one that is not typed as it is stops all of them."""
    answer(monkeypatch, text)

    said = rotation("retire", FEED, f"{VAULT}/old", "--altogether")

    assert (said.code, len(desk.taken)) == (0 if count else 1, count)
    assert "gives a secret up for good" in said.err
    assert f"Type {FEED} to give it up" in said.err


# --- In bulk --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (("--all-expired",), [f"{VAULT}/old", WIKI]),
        (("--all-expired", "--vault", VAULT), [f"{VAULT}/old"]),
        (("--owner", OWNER.upper()), [FEED, f"{VAULT}/old", WIKI]),
        (("--owner", OWNER, "--all-expired", "--vault", OTHER_VAULT), [WIKI]),
        (("--owner", "eve@contoso.example"), []),
        (("--all-expired", "--vault", OTHER_VAULT, FEED), [FEED, WIKI]),
    ],
)
@pytest.mark.parametrize("command", [("rotate",), ("retire", "--now")])
def test_several_are_chosen_by_filters(
    rotation: Callable[..., Said],
    desk: Desk,
    command: tuple[str, ...],
    filters: tuple[str, ...],
    names: list[str],
) -> None:
    """Those that pass all of them, and those that are named; 0, even if there are none."""
    said = rotation(*command, *filters, "--yes", "--output", "json")

    assert said.code == 0
    assert [*taken(desk)] == names
    assert [*outcomes(said)] == names


@pytest.mark.parametrize("columns", ["80", "160"])
def test_what_would_be_ordered_is_shown_before(
    rotation: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """On stderr: what each token is now, and why some are left out."""
    monkeypatch.setenv("COLUMNS", columns)

    said = rotation("rotate", "--vault", VAULT)

    words = " ".join(said.err.split())
    assert words.startswith("Secret Now Expires (UTC) Order")
    assert f"{FEED} fresh 2026-12-21 07:00 rotate" in words
    assert f"{VAULT}/old expired 2026-11-21 07:00 rotate" in words
    for name, why in {
        "watched": "it is only watched",
        "mistagged": "its tags are wrong",
        "disabled": "it is disabled",
    }.items():
        (line,) = (line for line in said.err.splitlines() if f"{VAULT}/{name}" in line)
        assert columns == "80" or line.rstrip().endswith(f"left out: {why}")
    assert max(map(len, said.err.splitlines())) <= int(columns)


def test_nothing_to_order_is_fine(rotation: Callable[..., Said]) -> None:
    """0: nobody is asked."""
    said = rotation("rotate", "--all-expired", "--owner", "eve@contoso.example")

    assert (said.code, said.out) == (0, "There is nothing to order.\n")
    assert "?" not in said.err


def test_a_vault_that_cannot_be_seen_is_told(
    rotation: Callable[..., Said], world: World, desk: Desk
) -> None:
    """1: the others are ordered for."""
    world.vault(VAULT).permissions.discard("list")

    said = rotation("rotate", "--all-expired", "--yes", "--output", "json")

    assert (said.code, [*taken(desk)]) == (1, [WIKI])
    assert [failed["vault"] for failed in said.result["vaults_failed"]] == [VAULT]
    assert f"vault {VAULT} could not be listed" in said.err
    assert f"vault {VAULT} could not" in rotation("rotate", "--all-expired", "--yes").words


def test_an_order_that_fails_does_not_stop_the_others(
    rotation: Callable[..., Said], desk: Desk
) -> None:
    """1: the report tells which, and why."""
    refused = AccessDeniedError(
        "may not put on the queue", service="storage", operation="put", hint="grant it"
    )
    desk.failing["feed"] = refused

    said = rotation("rotate", "--owner", OWNER, "--yes", "--output", "json")

    assert said.code == 1
    assert outcomes(said) == {
        FEED: ("failed", "access-denied"),
        f"{VAULT}/old": ("queued", ""),
        WIKI: ("queued", ""),
    }
    assert said.result["orders"][0]["message"] == "may not put on the queue; grant it"
    assert "rotation events --follow" in rotation("rotate", "--owner", OWNER, "--yes").words


# --- Scopes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "change"),
    [
        ("vso.code", "rotate; takes away vso.packaging"),
        ("vso.packaging vso.code", "rotate; the scope stays the same"),
        ("vso.code_write", "rotate; adds vso.code_write; takes away vso.packaging"),
        ("app_token", "rotate; adds app_token"),
    ],
)
def test_the_difference_of_scopes_is_shown(
    rotation: Callable[..., Said], desk: Desk, scope: str, change: str
) -> None:
    """By how far they reach; a wider one is not ordered unless somebody says that it may be."""
    said = rotation("rotate", f"{VAULT}/old", "--scope", scope)

    assert change in said.err
    assert len(desk.taken) == ("adds" not in change)
    assert said.code == ("adds" in change)


@pytest.mark.parametrize("more", [("--allow-wider",), ("--allow-wider", "--yes")])
def test_a_wider_scope_may_be_allowed_beforehand(
    rotation: Callable[..., Said], desk: Desk, more: tuple[str, ...]
) -> None:
    """Nobody is asked, and the order says it."""
    said = rotation("rotate", FEED, "--scope", "vso.build", *more)

    assert said.code == 0
    assert taken(desk)[FEED] == {"scope": "vso.build", "allow_wider": True}


def test_not_to_be_asked_allows_nothing_wider(rotation: Callable[..., Said], desk: Desk) -> None:
    """1: it is said which, and how to allow it; nothing is ordered."""
    said = rotation("rotate", FEED, f"{VAULT}/old", "--scope", "vso.packaging", "--yes")

    assert (said.code, said.out, desk.taken) == (1, "", [])
    assert f"the scope would be wider: {FEED}\n" in said.err
    assert "hint: --allow-wider" in said.err


def test_only_where_it_is_wider_the_order_says_so(
    rotation: Callable[..., Said], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One question for all; what was not shown to be wider is not allowed to be."""
    answer(monkeypatch, "y\n")

    said = rotation("rotate", FEED, f"{VAULT}/old", "--scope", "vso.packaging")

    assert said.code == 0
    assert "with a wider scope for 1 of them?" in said.err
    wider = {name: each.get("allow_wider", False) for name, each in taken(desk).items()}
    assert wider == {FEED: True, f"{VAULT}/old": False}


def test_a_scope_that_cannot_be_seen_from_here_is_left_to_the_function(
    rotation: Callable[..., Said], world: World, desk: Desk
) -> None:
    """It is said what becomes of the order there; it does not allow anything wider."""
    world.tenant.revoke_sessions(OWNER)

    said = rotation("rotate", FEED, "--scope", "vso.build")

    assert said.code == 0
    assert "the present scope cannot be seen from here" in said.err
    assert "the function app refuses the order if the new one is wider; --allow-wider" in said.err
    assert taken(desk)[FEED] == {"scope": "vso.build"}
    assert "refuses" not in rotation("rotate", FEED, "--scope", "vso.build", "--allow-wider").err


def test_a_secret_that_is_not_managed_is_ordered_for_by_name(
    rotation: Callable[..., Said], world: World, desk: Desk
) -> None:
    """The function says what is wrong with it; from here nothing is known of it."""
    world.vault(VAULT).set("plain", "a value", Properties())

    said = rotation("rotate", FEED, f"{VAULT}/plain", "--yes")

    assert said.code == 0
    assert f"{VAULT}/plain - - rotate" in " ".join(said.err.split())
    assert [*taken(desk)] == [FEED, f"{VAULT}/plain"]


# --- Waiting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", ANYTHING)
def test_an_order_is_waited_for(
    rotation: Callable[..., Said],
    desk: Desk,
    pauses: Callable[..., list[float]],
    arguments: tuple[str, ...],
) -> None:
    """0 once it is done, with the words of the journal."""
    naps = pauses(lambda: None, desk.work)

    said = rotation(*arguments, "--wait", "--output", "json")

    assert (said.code, outcomes(said)) == (0, {FEED: ("done", "ordered")})
    assert said.result["orders"][0]["message"] == "a new token is stored"
    assert naps == [3, 3]
    assert "waiting for the end, for 15 minutes at most\n" in said.err


@pytest.mark.parametrize("arguments", ANYTHING)
def test_an_order_that_is_refused_is_told(
    rotation: Callable[..., Said],
    desk: Desk,
    pauses: Callable[..., list[float]],
    arguments: tuple[str, ...],
) -> None:
    """1: and why."""
    desk.refusals["feed"] = ("wider-scope", "the scope is wider")
    pauses(desk.work)

    said = rotation(*arguments, "--wait")

    assert said.code == 1
    assert "refused the scope is wider" in said.words


def test_an_order_that_does_not_end_is_told(
    rotation: Callable[..., Said], pauses: Callable[..., list[float]]
) -> None:
    """1: after so many minutes; it is still on the queue."""
    naps = pauses()

    said = rotation("rotate", FEED, "--wait", "--timeout", "2")

    assert said.code == 1
    assert "waiting it has not ended within 2 minutes" in said.words
    assert f"rotation events --secret {FEED}" in said.words
    assert sum(naps) == 120


def test_each_of_several_is_followed_to_its_own_end(
    rotation: Callable[..., Said],
    desk: Desk,
    pauses: Callable[..., list[float]],
) -> None:
    """1 if any was refused; what ended is not looked for again."""
    desk.refusals["old"] = ("blocked", "ada must sign in")
    pauses(lambda: desk.work(1), lambda: desk.work(1), desk.work)

    said = rotation("rotate", "--owner", OWNER, "--yes", "--wait", "--output", "json")

    assert said.code == 1
    assert outcomes(said) == {
        FEED: ("done", "ordered"),
        f"{VAULT}/old": ("refused", "blocked"),
        WIKI: ("done", "ordered"),
    }
    assert desk.looks == 3 + 3 + 2 + 1


@pytest.mark.people
def test_what_the_journal_says_of_an_order_is_plain_text(
    rotation: Callable[..., Said], desk: Desk, pauses: Callable[..., list[float]]
) -> None:
    """Whoever may write to the table must not steer a terminal."""
    desk.refusals["feed"] = ("wider-scope", "\x1b[2Jnothing happened\x07")
    pauses(desk.work)

    said = rotation("rotate", FEED, "--wait")

    assert said.code == 1
    assert "nothing happened" in said.words
    assert not {"\x1b", "\x07"} & set(said.out + said.err)


def test_a_journal_that_is_away_meanwhile_is_waited_for(
    rotation: Callable[..., Said],
    desk: Desk,
    pauses: Callable[..., list[float]],
) -> None:
    """The order goes its way; how it ended is told when the journal is back."""
    desk.journal.is_away = True

    def come() -> None:
        desk.journal.is_away = False
        desk.work()

    pauses(lambda: None, come)

    said = rotation("rotate", FEED, "--wait", "--output", "json")

    assert (said.code, outcomes(said)) == (0, {FEED: ("done", "ordered")})


# --- Here and now ---------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", ANYTHING)
@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (Ending.DONE, (0, "done")),
        (Ending.REFUSED, (1, "refused")),
        (Ending.BLOCKED, (1, "refused")),
        (Ending.REJECTED, (1, "refused")),
        (Ending.SKIPPED, (1, "refused")),
        (Ending.FAILED, (1, "failed")),
        (Ending.LOCKED, (1, "failed")),
        (Ending.WAITING, (1, "waiting")),
    ],
)
def test_without_a_queue_it_is_carried_out_here(
    rotation: Callable[..., Said],
    desk: Desk,
    arguments: tuple[str, ...],
    ending: Ending,
    told: tuple[int, str],
) -> None:
    """There is nothing to wait for: how it ended is known at once."""
    desk.is_remote, desk.endings["feed"] = False, ending

    said = rotation(*arguments, "--wait", "--output", "json")

    assert (said.code, outcomes(said)) == (told[0], {FEED: (told[1], "ordered")})
    assert desk.looks == 0
    assert "waiting for the end" not in said.err


# --- Interruptions --------------------------------------------------------------------------------


def test_ctrl_c_while_ordering_tells_how_far_it_came(
    rotation: Callable[..., Said], desk: Desk
) -> None:
    """1: what was handed over and what was not."""

    def interrupt(ordered: Order) -> None:
        if ordered.name.name == "old":
            raise KeyboardInterrupt

    desk.before_submit = interrupt

    said = rotation("rotate", "--owner", OWNER, "--yes", "--output", "json")

    assert said.code == 1
    assert [fate for fate, _ in outcomes(said).values()] == ["queued", "unsent", "unsent"]
    assert "interrupted" in said.err
    assert "Traceback" not in said.err


def test_ctrl_c_while_waiting_leaves_the_orders_on_the_queue(
    rotation: Callable[..., Said],
    desk: Desk,
    pauses: Callable[..., list[float]],
) -> None:
    """1: and says where to look."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    pauses(interrupt)

    said = rotation("rotate", FEED, "--wait")

    assert (said.code, len(desk.taken)) == (1, 1)
    assert f"rotation events --secret {FEED}" in said.words
    assert "interrupted" in said.err
