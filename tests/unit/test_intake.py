"""The lists of all vaults, as they come."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from rotation.errors import UnavailableError
from rotation.intake import TURN, WAITING, Intake
from rotation.observer import Observer
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from tests.story.stage import DAY, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.inventory import Inventory
    from rotation.model import ManagedSecret
    from rotation.ports import SecretStore
    from sandbox.ports import InProcess


class Turning:
    """A store that counts how far its lists were read, and may break off."""

    def __init__(self, store: SecretStore, breaks_after: int | None = None) -> None:
        self._store = store
        self._breaks_after = breaks_after
        self.read = 0

    def list_managed(self, vault: str) -> Iterator[ManagedSecret]:
        """Give the secrets of a vault one at a time."""
        for number, secret in enumerate(self._store.list_managed(vault)):
            if number == self._breaks_after:
                message = "the vault has gone"
                raise UnavailableError(message, service="key-vault", operation="list")
            self.read += 1
            yield secret


def furnished(count: int) -> InProcess:
    """Give a process in front of so many secrets in perfect order."""
    stage = Stage()
    for number in range(count):
        place(stage.world, Placement(f"s-{number:05}", age=DAY))
    return stage.process()


def taken_in(store: Turning, observer: Observer) -> tuple[Intake, list[str]]:
    """Take in everything, with two threads."""
    with ThreadPoolExecutor(2) as pool:
        intake = Intake(pool, store, observer, ["kv-build"])  # type: ignore[arg-type] # lists only
        return intake, [secret.name.name for some in intake for secret in some]


def observing(process: InProcess) -> Observer:
    """Give one that looks through a process's ports."""
    return Observer(process.ports, process.sessions, Stage().scope.defaults)


def test_what_came_before_a_list_broke_off_is_attended_to() -> None:
    """The vault counts as failed, and its first secrets are not lost with it."""
    process = furnished(2 * TURN)
    store = Turning(process.ports.store, breaks_after=TURN)

    intake, names = taken_in(store, observing(process))

    assert (len(names), intake.count) == (TURN, TURN)
    assert [(f.vault, f.reason) for f in intake.failures] == [("kv-build", "unavailable")]


def test_lists_wait_while_too_many_secrets_do() -> None:
    """As long as an owner's tokens do not come, no more is remembered than what is allowed."""
    process = furnished(WAITING + 4 * TURN)
    store = Turning(process.ports.store)
    answered, seen = threading.Event(), list[int]()

    class Late:
        """Gives the tokens when all lists have come to a rest."""

        def inventory(self, owner: str, organization: str) -> Inventory:
            answered.wait(20)
            seen.append(store.read)
            return process.ports.issuer.inventory(owner, organization)

    ports = replace(process.ports, issuer=Late())  # type: ignore[arg-type] # as far as it goes
    observer = Observer(ports, process.sessions, Stage().scope.defaults)
    glance = observer.glance

    def counted(secret: ManagedSecret, *, asks: bool = True) -> object:
        if secret.name.name == f"s-{WAITING - 1:05}":
            answered.set()
        return glance(secret, asks=asks)

    observer.glance = counted  # type: ignore[method-assign, assignment] # a hook

    intake, names = taken_in(store, observer)

    assert max(seen) <= WAITING + TURN
    assert len({*names}) == len(names) == intake.count == WAITING + 4 * TURN
    assert observer.inventories.known(OWNER, ORGANIZATION)
