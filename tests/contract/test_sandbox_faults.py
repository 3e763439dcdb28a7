"""Bad days on request: each kind of fault, when it strikes, and what has happened by then."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from sandbox.fault import (
    Answer,
    Call,
    ConnectionDroppedError,
    Delay,
    Drop,
    Extra,
    Fault,
    Faults,
    Truncate,
    redirect,
    refused_token,
    sign_in_page,
    throttled,
    unavailable,
)
from sandbox.furniture import ORGANIZATION, VAULT, Placement, plant

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

    from sandbox.https import Sandbox
    from sandbox.world import World
    from tests.contract.conftest import AzureDevOps


@pytest.mark.parametrize(
    ("answer", "status", "content_type"),
    [
        (throttled(3), 429, "application/json"),
        (unavailable(), 503, "text/html"),
        (sign_in_page(), 203, "text/html; charset=utf-8"),
        (redirect(), 302, "text/html"),
        (refused_token("somethingNew"), 200, "application/json"),
    ],
)
def test_another_answer_takes_the_place_of_the_true_one(
    azure_devops: AzureDevOps, world: World, answer: Answer, status: int, content_type: str
) -> None:
    """Nothing happens but the answer, with its headers, and the next call is as ever."""
    world.faults.add(Fault(answer, operation="create_pat"))

    got = azure_devops.create()

    assert (got.status_code, got.headers["Content-Type"]) == (status, content_type)
    assert got.text == answer.body
    assert answer.headers.items() <= got.headers.items()
    assert not world.living_tokens()
    assert azure_devops.create().status_code == 200


def test_a_connection_dropped_before_the_effect_changes_nothing(
    azure_devops: AzureDevOps, world: World
) -> None:
    """The client hears nothing, and no token was made."""
    world.faults.add(Fault(Drop(), operation="create_pat"))

    with pytest.raises(requests.ConnectionError):
        azure_devops.create()

    assert not world.living_tokens()


@pytest.mark.parametrize("kind", [Drop(after_effect=True), Answer(503, after_effect=True)])
def test_an_effect_can_go_unheard(
    azure_devops: AzureDevOps, world: World, kind: Drop | Answer
) -> None:
    """The client hears nothing, or a lie, and the token is there."""
    world.faults.add(Fault(kind, operation="create_pat"))

    outcome = _outcome(azure_devops)

    assert outcome in {"dropped", 503}
    assert len(world.living_tokens()) == 1


def test_a_truncated_answer_is_no_json(azure_devops: AzureDevOps, world: World) -> None:
    """The true answer arrives broken off, after its effect."""
    world.faults.add(Fault(Truncate(20), operation="create_pat"))

    answer = azure_devops.create()

    assert answer.status_code == 200
    assert len(answer.content) == 20
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)
    assert len(world.living_tokens()) == 1


def test_a_success_can_ask_to_wait(azure_devops: AzureDevOps, world: World) -> None:
    """``Retry-After`` comes with a 200 too, beside the true answer."""
    world.faults.add(Fault(Extra({"Retry-After": "5"}), operation="list_pats"))

    answer = azure_devops.tokens()

    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "5")
    assert answer.json()["patTokens"] == []


def test_a_late_answer_is_late(azure_devops: AzureDevOps, sandbox: Sandbox) -> None:
    """A client that does not wait for it sees a time-out; closing the sandbox does not wait."""
    sandbox.world.faults.add(Fault(Delay(timedelta(hours=1)), operation="connection_data"))

    with pytest.raises(requests.Timeout):
        azure_devops.http.get(
            f"{sandbox.devops_url}/{ORGANIZATION}/_apis/connectionData", timeout=0.05
        )


def test_a_vault_can_be_throttled(vault_client: SecretClient, world: World) -> None:
    """Microsoft's own client sees the 429."""
    world.vault(VAULT).set("feed", "v")
    world.faults.add(Fault(throttled(), service="key-vault", operation="get_secret"))

    with pytest.raises(HttpResponseError) as refused:
        vault_client.get_secret("feed")

    assert refused.value.status_code == 429


def test_a_store_can_go_unheard(vault_client: SecretClient, world: World) -> None:
    """The version is there although its maker was told nothing."""
    world.faults.add(Fault(Drop(after_effect=True), operation="set_secret"))

    with pytest.raises(ServiceResponseError):
        vault_client.set_secret("feed", "v")

    assert world.vault(VAULT).newest("feed").value == "v"


def test_hooks_see_each_call_before_and_after_its_effect(
    azure_devops: AzureDevOps, world: World
) -> None:
    """A crash can be put at the exact place: the world is as it was before, and as it is after."""
    seen = []
    world.before_call = lambda call: seen.append((call.operation, len(world.living_tokens())))
    world.after_effect = lambda call: seen.append((call.operation, len(world.living_tokens())))

    azure_devops.create()

    assert seen == [("create_pat", 0), ("create_pat", 1)]


def test_a_hook_can_cut_the_connection(azure_devops: AzureDevOps, world: World) -> None:
    """What a hook raises takes the place of the call."""

    def cut(call: Call) -> None:
        raise ConnectionDroppedError(after_effect=call.operation != "create_pat")

    world.before_call = cut

    assert _outcome(azure_devops) == "dropped"
    assert not world.living_tokens()


def test_every_call_is_counted_with_its_target(
    azure_devops: AzureDevOps, vault_client: SecretClient, world: World
) -> None:
    """A call names its service, its operation and what it is asked of; refused ones count too."""
    token = plant(world, Placement("feed"))
    version = world.vault(VAULT).set("feed", "v").id
    world.calls.clear()

    azure_devops.tokens()
    azure_devops.create(displayName="name")
    azure_devops.tokens("DELETE", {"authorizationId": token.authorization_id})
    azure_devops.connection("wrong")
    vault_client.update_secret_properties("feed", version, tags={})

    assert [(call.operation, call.target) for call in world.calls if call.operation in KNOWN] == [
        ("list_pats", "contoso"),
        ("create_pat", "contoso/name"),
        ("revoke_pat", f"contoso/{token.authorization_id}"),
        ("connection_data", "contoso"),
        ("update_secret", f"kv-build/feed/{version}"),
    ]


KNOWN = {"list_pats", "create_pat", "revoke_pat", "connection_data", "update_secret"}
GET = Call("key-vault", "get_secret", "kv-build/feed/1234")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({}, True),
        ({"service": "key-vault"}, True),
        ({"service": "entra"}, False),
        ({"operation": "get_*"}, True),
        ({"operation": "set_secret"}, False),
        ({"target": "kv-build"}, True),
        ({"target": "kv-build/feed"}, True),
        ({"target": "kv-build/fe"}, False),
        ({"target": "*/feed/*"}, True),
    ],
)
def test_a_fault_finds_its_calls(pattern: dict[str, str], *, matches: bool) -> None:
    """A target stands for everything inside it; stars stand for anything."""
    assert Fault(Drop(), **pattern).matches(GET) is matches  # type: ignore[arg-type]


def test_a_fault_strikes_as_often_as_asked() -> None:
    """Some calls are let through first, then it strikes so many times, then no more."""
    faults = Faults()
    faults.add(Fault(Drop(), after=1, times=2))

    struck = [faults.take(GET) is not None for _ in range(5)]

    assert struck == [False, True, True, False, False]


def test_faults_stand_in_line() -> None:
    """One fault a call: the next one waits until those before it are through."""
    faults = Faults()
    faults.add(Fault(Drop()), Fault(Truncate(), times=None))

    assert [type(faults.take(GET)) for _ in range(3)] == [Drop, Truncate, Truncate]
    faults.clear()
    assert faults.take(GET) is None


def _outcome(azure_devops: AzureDevOps) -> int | str:
    try:
        return azure_devops.create().status_code
    except requests.ConnectionError:
        return "dropped"
