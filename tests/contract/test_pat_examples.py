"""The published examples of the PAT lifecycle API, in values of our own, replayed at both ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from rotation.adapters import azure_devops
from rotation.model import Draft, Token
from sandbox.clock import ManualClock
from sandbox.fault import Answer, Fault
from sandbox.furniture import ORGANIZATION, OWNER
from sandbox.grant import AZURE_DEVOPS
from sandbox.https import Sandbox
from sandbox.token import Token as Planted
from tests.contract.conftest import access_token, make_world
from tests.contract.pat_api.example import Example, load, shape
from tests.contract.pat_api.schema import VERSIONS, PatApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.https import Authority
    from sandbox.world import World
    from tests.stage import HttpsStage

PLACE = (OWNER, ORGANIZATION)
EXAMPLES = load()
OPERATIONS = {
    "CreatePat": "create_pat",
    "GetPat": "get_pat",
    "ListPats": "list_pats",
    "RevokePat": "revoke_pat",
    "UpdatePat": "update_pat",
}
HERE = "0a000000-0000-4000-8000-000000000001"
"""The organization that their tokens are for."""


def token_of(told: dict[str, Any]) -> Token:
    """Give the token that the client is to make of a part of an answer."""
    return Token(
        authorization_id=told["authorizationId"],
        display_name=told["displayName"],
        scopes=frozenset({told["scope"]}),
        valid_from=datetime.fromisoformat(told["validFrom"]),
        valid_to=datetime.fromisoformat(told["validTo"]),
        target_accounts=told["targetAccounts"] and tuple(told["targetAccounts"]),
    )


# --- The client ---


@pytest.fixture(params=VERSIONS)
def asking(
    request: pytest.FixtureRequest, https_stage: HttpsStage, monkeypatch: pytest.MonkeyPatch
) -> HttpsStage:
    """Give a client that asks for each of the versions, and gets the answers of the examples."""
    monkeypatch.setattr(azure_devops, "API_VERSION", PatApi(request.param).preview)
    for published, operation in OPERATIONS.items():
        told = EXAMPLES[published]
        body = json.dumps(told.answer) if told.answer else ""
        https_stage.world.faults.add(Fault(Answer(told.status, body), operation=operation))
    return https_stage


def test_the_client_reads_what_a_create_is_answered_with(asking: HttpsStage) -> None:
    """A value of 52 characters, full access, and dates that are not those that were asked for."""
    told = EXAMPLES["CreatePat"].answer["patToken"]
    asked = datetime(2024, 3, 9, 8, 15, 30, 119000, tzinfo=UTC)

    created = asking.issuer.create(*PLACE, Draft("a feed", "app_token", asked))

    assert created.token == token_of(told)
    assert created.token.valid_to == asked + timedelta(milliseconds=1)
    assert created.token.valid_from.microsecond == 306666  # all that is kept of seven digits
    assert created.value.reveal() == told["token"]
    assert len(told["token"]) == 52


def test_the_client_reads_what_a_list_is_answered_with(asking: HttpsStage) -> None:
    """One page that ends with an empty text; a global token among the others; no value."""
    inventory = asking.issuer.inventory(*PLACE)

    assert asking.count("list_pats") == 1
    assert list(inventory.tokens) == [
        token_of(told) for told in EXAMPLES["ListPats"].answer["patTokens"]
    ]
    assert [token.target_accounts for token in inventory.tokens] == [None, *[(HERE,)] * 3]


def test_the_client_reads_what_a_get_is_answered_with(asking: HttpsStage) -> None:
    """A token without its value, and not the one that was asked for: that is left to its caller.

    ``tests/story/test_strange_answers.py`` has what becomes of it.
    """
    example = EXAMPLES["GetPat"]

    found = asking.issuer.get(*PLACE, example.query["authorizationId"])

    assert found == token_of(example.answer["patToken"])
    assert found.authorization_id != example.query["authorizationId"]


def test_the_client_reads_what_an_update_is_answered_with(asking: HttpsStage) -> None:
    """What came of it is told, and not what was asked for: here, a token for everywhere."""
    told = EXAMPLES["UpdatePat"].answer["patToken"]
    before = token_of(EXAMPLES["GetPat"].answer["patToken"])

    extended = asking.issuer.extend(*PLACE, before, before.valid_to)

    assert extended == token_of(told)
    assert extended.target_accounts is None


def test_the_client_takes_an_empty_answer_to_a_revocation(asking: HttpsStage) -> None:
    """A 204 without a body, where the description says 200."""
    asking.issuer.revoke(*PLACE, EXAMPLES["RevokePat"].query["authorizationId"])

    assert asking.count("revoke_pat") == 1


@pytest.mark.parametrize("published", ["CreatePat", "UpdatePat"])
def test_the_client_says_what_the_examples_say(asking: HttpsStage, published: str) -> None:
    """The same fields, dates with three digits; but for all organizations nothing is ever asked."""
    heard: list[dict[str, Any]] = []
    asking.http.hooks["response"].append(
        lambda response, **_: heard.append(json.loads(response.request.body or "null"))
    )
    example = EXAMPLES[published]
    body = {**(example.body or {}), "allOrgs": False}
    until = datetime.fromisoformat(body["validTo"])
    token = token_of(EXAMPLES["GetPat"].answer["patToken"])
    if published == "CreatePat":
        asking.issuer.create(*PLACE, Draft(body["displayName"], body["scope"], until))
    else:
        asking.issuer.extend(*PLACE, replace(token, display_name=body["displayName"]), until)

    assert heard[-1] == body


# --- The sandbox ---


@pytest.fixture
def served(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox in which it is the time of the examples, and all is as they say."""
    world = make_world(ManualClock(datetime(2024, 2, 8, 7, 0, 1, 306667, tzinfo=UTC)))
    world.organization(ORGANIZATION).account_id = HERE
    with Sandbox(world, authority) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox


def plant(world: World, told: dict[str, Any]) -> None:
    """Let there be a token of the examples."""
    token = token_of(told)
    world.registry.plant(
        Planted(
            authorization_id=token.authorization_id,
            owner=world.tenant.users[OWNER].identity_id,
            display_name=token.display_name,
            scope=told["scope"],
            valid_from=token.valid_from,
            valid_to=token.valid_to,
            accounts=token.target_accounts,
            value=world.ground.mint.token_value(),
        )
    )


def replayed(sandbox: Sandbox, example: Example, version: str) -> Example:
    """Ask the sandbox as an example asks; give the exchange that came of it."""
    bearer = access_token(sandbox.world, f"{AZURE_DEVOPS}/.default")
    answer = requests.request(
        example.method,
        sandbox.tokens_url + example.path,
        params={**example.query, "api-version": version},
        json=example.body,
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=10,
    )
    return replace(
        example, status=answer.status_code, answer=answer.json() if answer.content else {}
    )


@pytest.mark.parametrize("version", ["6.1-preview", *(PatApi(one).preview for one in VERSIONS)])
@pytest.mark.parametrize("published", EXAMPLES)
def test_the_sandbox_answers_as_the_examples_do(
    served: Sandbox, published: str, version: str
) -> None:
    """The same fields, nulls, digits and roundings, whichever version is asked for.

    Two things differ on purpose: a new value has the 84 characters of today, and a *get* gives the
    token that was asked for.
    """
    example = EXAMPLES[published]
    for told in EXAMPLES["ListPats"].answer["patTokens"]:
        plant(served.world, told)
    if asked := example.query.get("authorizationId"):
        plant(
            served.world, {**EXAMPLES["ListPats"].answer["patTokens"][3], "authorizationId": asked}
        )

    found = replayed(served, example, version)

    assert shape(normal(found)) == shape(normal(example))


def normal(example: Example) -> Example:
    """Leave out the two differences, and the order of a list, which nobody promises."""
    answer = json.loads(json.dumps(example.answer))
    if tokens := answer.get("patTokens"):
        named = {told["displayName"]: told for told in EXAMPLES["ListPats"].answer["patTokens"]}
        answer["patTokens"] = sorted(tokens, key=lambda told: [*named].index(told["displayName"]))
    if token := answer.get("patToken"):
        token["token"] = token["token"] and "a new value"
        if asked := example.query.get("authorizationId"):
            token["authorizationId"] = asked
    return replace(example, answer=answer)
