"""The promises of ``ports.Seal``, held by the key in the session vault."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from rotation import settings
from rotation.adapters.key_vault import open_vault
from rotation.adapters.seal import NAME, VaultSeal
from rotation.errors import AccessDeniedError, UnavailableError
from rotation.model import TokenValue
from sandbox.content import Properties
from sandbox.fault import Fault, unavailable
from tests.stage import paces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.vault import Vault

    Instance = Callable[[], VaultSeal]

MINUTES, DAY = timedelta(minutes=10), timedelta(days=1)
TEXT = '{"state": "what a browser is not to read"}'


@pytest.fixture
def instance(
    sandbox: Sandbox,  # noqa: ARG001 - sets the environment
    clock: ManualClock,
    slept: list[float],
) -> Iterator[Instance]:
    """Give a function that starts another instance of the product."""
    chosen = settings.load()
    with ExitStack() as opened:
        credential = opened.enter_context(
            ManagedIdentityCredential(client_id=chosen.managed_identity)
        )

        def instance() -> VaultSeal:
            client = open_vault(
                chosen.session_vault, credential, is_microsoft=False, paces=paces(slept)
            )
            return VaultSeal(opened.enter_context(client), clock)

        yield instance


@pytest.fixture
def vault(sandbox: Sandbox) -> Vault:
    """Give the vault of the sessions."""
    return sandbox.world.session_vault


def test_what_one_instance_seals_another_opens(instance: Instance) -> None:
    """Nobody can read it on the way, and it passes through a cookie as it is."""
    sealed = instance().close(TokenValue(TEXT))

    assert instance().open(sealed, MINUTES) == TEXT
    assert "browser" not in sealed
    assert set(sealed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_")


def test_it_opens_for_as_long_as_it_may(instance: Instance, clock: ManualClock) -> None:
    """To the second."""
    seal = instance()
    sealed = seal.close(TokenValue(TEXT))

    clock.advance(MINUTES)
    assert seal.open(sealed, MINUTES) == TEXT
    clock.advance(timedelta(seconds=1))
    assert seal.open(sealed, MINUTES) is None


def test_a_key_is_made_once_a_day(instance: Instance, vault: Vault, clock: ManualClock) -> None:
    """Not for every stranger who comes by; what was sealed before still opens."""
    seal = instance()
    sealed = seal.close(TokenValue(TEXT))
    seal.close(TokenValue(TEXT))
    instance().close(TokenValue(TEXT))
    assert len(vault.versions(NAME)) == 1

    clock.advance(DAY)
    seal.close(TokenValue(TEXT))

    assert len(vault.versions(NAME)) == 2
    assert instance().open(sealed, 2 * DAY) == TEXT


def test_a_key_ends(instance: Instance, clock: ManualClock) -> None:
    """Two days after it was made nothing that it has sealed counts."""
    sealed = instance().close(TokenValue(TEXT))
    clock.advance(2 * DAY)

    assert instance().open(sealed, 30 * DAY) is None


def test_a_key_that_was_switched_off_opens_nothing(instance: Instance, vault: Vault) -> None:
    """Whoever fears that it has leaked disables it: the next sign-in has another one."""
    sealed = instance().close(TokenValue(TEXT))
    vault.update(NAME, None, Properties(enabled=False))

    assert instance().open(sealed, MINUTES) is None
    assert instance().open(instance().close(TokenValue(TEXT)), MINUTES) == TEXT


def test_a_key_that_was_deleted_is_made_anew(instance: Instance, vault: Vault) -> None:
    """Its name is recovered for that."""
    sealed = instance().close(TokenValue(TEXT))
    vault.delete(NAME)

    assert instance().open(sealed, MINUTES) is None
    again = instance().close(TokenValue(TEXT))

    assert instance().open(again, MINUTES) == TEXT


@pytest.mark.parametrize(
    "sealed",
    ["", ".", "x", "../../session-ada.x", "0" * 65 + ".x", "0" * 32 + ".x", "0" * 32, "é.x"],
)
def test_what_was_not_sealed_here_does_not_open(instance: Instance, sealed: str) -> None:
    """Whatever it looks like."""
    assert instance().open(sealed, MINUTES) is None


def test_what_was_changed_does_not_open(instance: Instance) -> None:
    """Not by a letter."""
    sealed = instance().close(TokenValue(TEXT))
    for place in (-1, len(sealed) // 2, 40):
        letter = "A" if sealed[place] != "A" else "B"
        changed = sealed[:place] + letter + (sealed[place + 1 :] if place != -1 else "")
        assert instance().open(changed, MINUTES) is None


def test_a_vault_that_does_not_answer_is_an_outage(instance: Instance, sandbox: Sandbox) -> None:
    """It is not taken for a vault without a key."""
    sandbox.world.faults.add(Fault(unavailable(), service="key-vault", times=None))

    with pytest.raises(UnavailableError):
        instance().close(TokenValue(TEXT))


def test_a_vault_that_refuses_is_a_want_of_rights(instance: Instance, vault: Vault) -> None:
    """No key is made where none can be read."""
    instance().close(TokenValue(TEXT))
    vault.permissions.discard("get")

    with pytest.raises(AccessDeniedError):
        instance().close(TokenValue(TEXT))
    assert len(vault.versions(NAME)) == 1
