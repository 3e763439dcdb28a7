"""Where a command hands in its order: on the queue, or in this process."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError

from rotation.adapters.vault_identity import VaultIdentity
from rotation.errors import AccessDeniedError
from rotation.fan_out import FanOut
from rotation.model import SecretName
from rotation.order import Extent, Verb
from rotation.order_desk import LocalDesk, QueueDesk
from rotation.report import Ending
from rotation.worker import Worker
from sandbox.content import Properties
from sandbox.furniture import VAULT, Placement, place
from sandbox.ports import MemoryBacklog, MemoryRequests
from tests.story.stage import DAY, MINUTE, SECRET, Stage

NAME = SecretName(VAULT, SECRET)


def at_hand(stage: Stage) -> LocalDesk:
    """Give the desk of a process without a queue."""
    process = stage.process()
    return LocalDesk(
        process.rotator, process.store, stage.clock, process.ports.pause, lambda: "ada"
    )


def test_without_a_queue_an_order_is_carried_out_here() -> None:
    """The answer is what came of it, and who asks is who is at work."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    desk = at_hand(stage)
    order = replace(stage.order(Verb.ROTATE), requested_by=desk.asker())

    outcome = desk.submit(order)

    assert (desk.is_remote, outcome.ending) == (False, Ending.DONE)
    assert order.version != desk.newest(NAME) == stage.world.vault(VAULT).newest(SECRET).id
    assert desk.ended(order) is None


def test_without_a_queue_a_leak_is_waited_for() -> None:
    """A minute, until the successor is old enough for the leaked token to be revoked."""
    stage = Stage()
    leaked = place(stage.world, Placement(SECRET, age=5 * DAY))
    stage.killed.add(leaked.authorization_id)
    order = stage.order(Verb.RETIRE, extent=Extent.NOW)
    asked_at = stage.clock()

    assert at_hand(stage).submit(order).ending is Ending.DONE
    assert MINUTE <= stage.clock() - asked_at < 2 * MINUTE
    assert len(stage.bound(SECRET)) == 1


def test_without_a_queue_nobody_waits_for_an_hour() -> None:
    """The command says until when, and the next run sees to the rest."""
    stage = Stage()
    leaked = place(stage.world, Placement(SECRET, age=5 * MINUTE))
    stage.killed.add(leaked.authorization_id)

    outcome = at_hand(stage).submit(stage.order(Verb.RETIRE, extent=Extent.NOW))

    assert outcome.ending is Ending.WAITING
    assert outcome.next_at == leaked.valid_from + 60 * MINUTE
    stage.clock.advance(60 * MINUTE)
    stage.run()
    assert len(stage.bound(SECRET)) == 1


def test_there_is_no_newest_version_of_nothing() -> None:
    """None, and no error: an order to issue makes the secret."""
    assert at_hand(Stage()).newest(NAME) is None


def test_a_vault_that_shows_nothing_is_an_error() -> None:
    """What cannot be seen is not the same as what is not there."""
    stage = Stage()
    stage.world.vault(VAULT).permissions.discard("list")

    with pytest.raises(AccessDeniedError):
        at_hand(stage).newest(NAME)


def test_an_order_on_the_queue_is_followed_to_its_end() -> None:
    """By the journal: of this very order, and of no other one like it."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    queue, process = MemoryRequests(stage.clock), stage.process()
    desk = QueueDesk(queue, process.journal, process.store, lambda: "ada")
    fan_out = FanOut(queue, MemoryBacklog(stage.clock), stage.clock)
    worker = Worker(process.rotator, fan_out, process.ports.pause)
    first = replace(stage.order(Verb.ROTATE), requested_by=desk.asker(), version=desk.newest(NAME))
    stage.clock.advance(MINUTE)
    second = replace(first, requested_at=stage.clock())

    desk.submit(first)
    assert desk.is_remote
    assert desk.ended(first) is None
    message = queue.take()
    assert message
    worker.handle(message.text)
    stage.clock.advance(MINUTE)
    ended = desk.ended(first)

    assert ended
    assert (ended["event"], ended["order"]) == ("OrderDone", "rotate")
    assert desk.ended(second) is None
    assert desk.ended(replace(first, requested_by="bob")) is None


def test_the_end_of_an_order_is_found_by_a_clock_that_is_ahead() -> None:
    """The clock of whoever asks may differ by minutes from that of whoever carries it out."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    process = stage.process()
    desk = QueueDesk(MemoryRequests(stage.clock), process.journal, process.store, lambda: "ada")
    order = replace(stage.order(Verb.ROTATE), requested_at=stage.clock() + 4 * MINUTE)

    assert process.rotator.carry_out(order).ending is Ending.DONE

    assert desk.ended(order)


def test_the_newest_of_two_versions_of_one_second_is_the_enabled_one() -> None:
    """Key Vault dates them to the second, and tells no order: a first token follows at once."""
    stage = Stage()
    vault = stage.world.vault(VAULT)
    vault.set(SECRET, "reserved", Properties(enabled=False))
    stored = vault.set(SECRET, "stored")

    assert at_hand(stage).newest(NAME) == stored.id


# --- Who asks -------------------------------------------------------------------------------------


class Identity:
    """Gives a token with these claims; without any, none."""

    def __init__(self, **claims: object) -> None:
        self.claims = claims

    def get_token(self, *_scopes: str, **_more: object) -> SimpleNamespace:
        """Give it."""
        if not self.claims:
            raise ClientAuthenticationError(message="nobody is signed in")
        payload = base64.urlsafe_b64encode(json.dumps(self.claims).encode()).decode().rstrip("=")
        return SimpleNamespace(token=f"head.{payload}.signature")


@pytest.mark.people
@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (Identity(upn="ada@example.com", oid="7"), "ada@example.com"),
        (Identity(appid="5f3a", oid="7"), "5f3a"),
        (Identity(upn=7, oid="\x1b7"), " 7"),
        (Identity(upn="x" * 500), "x" * 113),
    ],
)
def test_who_asks_is_whom_the_token_names(identity: Identity, name: str) -> None:
    """A person by name, an application by its id; plain text of a bounded length."""
    assert VaultIdentity(identity).asker() == name  # type: ignore[arg-type]


@pytest.mark.people
@pytest.mark.parametrize("token", ["opaque", "a.!!!.c", "a.W10.c", "a.Nw.c", ""])
def test_a_token_that_tells_nothing_has_no_name(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said, and is no defect."""
    identity = Identity(x=1)
    monkeypatch.setattr(identity, "get_token", lambda *_: SimpleNamespace(token=token))

    assert VaultIdentity(identity).asker() == "an identity without a name"  # type: ignore[arg-type]


@pytest.mark.people
def test_without_a_token_the_user_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a user, somebody does."""

    def nobody() -> str:
        raise KeyError

    monkeypatch.setenv("LOGNAME", "ada")
    assert VaultIdentity(Identity()).asker().startswith("ada@")  # type: ignore[arg-type]

    monkeypatch.setattr("getpass.getuser", nobody)
    assert VaultIdentity(Identity()).asker() == "somebody"  # type: ignore[arg-type]
