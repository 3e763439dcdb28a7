"""A world of other manners is in nothing as the plain one, and says the same."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from sandbox.fault import Fault, Truncate, throttled
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from sandbox.grant import KEY_VAULT
from sandbox.https.dressing import DIFFERENT, PLAIN

if TYPE_CHECKING:
    from sandbox.https import Sandbox
    from sandbox.https.dressing import Dressing
    from sandbox.token import Token
    from sandbox.world import World
    from tests.contract.conftest import AzureDevOps

SECRETS = "/secrets?api-version=7.6"


@pytest.fixture
def dressing() -> Dressing:
    """Give the other manner."""
    return DIFFERENT


@pytest.fixture
def token(world: World) -> Token:
    """Give a token that a secret holds."""
    return place(world, Placement("feed"))


def test_nothing_is_as_in_the_plain_one() -> None:
    """A manner that is added is one of the other world, too."""
    for one, other in ((PLAIN, DIFFERENT), (PLAIN.wire, DIFFERENT.wire)):
        for field in fields(one):
            assert getattr(one, field.name) != getattr(other, field.name), field.name


def test_hosts_have_names_and_azure_devops_a_path(sandbox: Sandbox) -> None:
    """No address has a port, and the first label of a vault's is its name."""
    told = sandbox.environment

    assert told["ROTATION_VAULTS"] == f"https://{VAULT}.vault.look-alike.example"
    assert told["ROTATION_AUTHORITY"] == "https://login.look-alike.example"
    assert told["ROTATION_DEVOPS_TOKENS_URL"] == "https://tokens.look-alike.example/tfs"
    outside = f"https://tokens.look-alike.example/{ORGANIZATION}/_apis/tokens/pats"
    assert requests.get(outside, timeout=5).status_code == 404


def test_a_host_that_is_not_there_cannot_be_reached(sandbox: Sandbox) -> None:
    """The proxy has no route to it."""
    assert sandbox.environment["HTTPS_PROXY"]
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://kv-away.vault.look-alike.example", timeout=5)


def test_a_list_begins_with_nothing_and_has_small_pages(
    azure_devops: AzureDevOps, world: World
) -> None:
    """All of it is there all the same."""
    for number in range(8):
        place(world, Placement(f"feed-{number}"))
    pages: list[dict[str, Any]] = []
    query = {"$top": "100"}
    while not pages or "continuationToken" in pages[-1]:
        pages.append(azure_devops.tokens(query=query).json())
        query["continuationToken"] = pages[-1].get("continuationToken", "")

    assert [len(page["patTokens"]) for page in pages] == [0, 5, 3]


def test_a_token_looks_otherwise(azure_devops: AzureDevOps, token: Token) -> None:
    """Dates, ids, fields that nobody knows, and none where there is no value."""
    told = azure_devops.tokens(query={"authorizationId": token.authorization_id}).json()["patToken"]

    assert told["authorizationId"] == token.authorization_id.upper()
    assert told["validTo"][-10:] == ".000+00:00"
    assert datetime.fromisoformat(told["validTo"]) == token.valid_to
    assert "x-more" in told
    assert "token" not in told


def test_a_version_looks_otherwise(sandbox: Sandbox, world: World) -> None:
    """What it has not is null, and nobody's tags are touched."""
    world.vault(VAULT).set("bare", "value")
    tenant = world.tenant
    bearer = tenant.identity_token(KEY_VAULT, tenant.identity.client_id)
    assert bearer
    answer = requests.get(
        f"{sandbox.vault_urls[VAULT]}/secrets/bare?api-version=7.6",
        headers={"Authorization": f"Bearer {bearer.value}"},
        timeout=5,
    ).json()

    assert (answer["contentType"], answer["attributes"]["exp"]) == (None, None)
    assert answer["tags"] == {}


def test_a_challenge_looks_otherwise(sandbox: Sandbox, world: World) -> None:
    """Another order, no quotes, another name for the authority."""
    answer = requests.get(f"{sandbox.vault_urls[VAULT]}{SECRETS}", timeout=5)

    authority = f"https://login.look-alike.example/{world.tenant.id}"
    assert answer.headers["WWW-Authenticate"] == (
        f'bearer resource="https://vault.azure.net",authorization_uri={authority}'
    )


def test_an_answer_is_written_otherwise(azure_devops: AzureDevOps) -> None:
    """In pieces, compressed, once in a connection, with the names of headers in lower case."""
    answer = azure_devops.connection(headers=azure_devops.bearer)

    raw = answer.raw
    assert isinstance(raw, urllib3.HTTPResponse)
    assert {name for name in raw.headers if name != name.lower()} == set()
    assert raw.headers["transfer-encoding"] == "chunked"
    assert raw.headers["content-encoding"] == "gzip"
    assert raw.headers["connection"] == "close"
    assert answer.json()["authenticatedUser"]["id"].isupper()


def test_a_wait_is_an_instant(azure_devops: AzureDevOps, world: World) -> None:
    """By the world's clock; and what is broken off on its way is left as it is."""
    world.faults.add(Fault(throttled(7), operation="list_pats"))
    query = {"continuationToken": "the-same-again"}
    until = azure_devops.tokens(query=query).headers["Retry-After"]
    assert until == f"{world.clock() + timedelta(seconds=7):%a, %d %b %Y %H:%M:%S} GMT"
    assert world.clock().tzinfo is UTC

    world.faults.add(Fault(Truncate(), operation="list_pats"))
    assert azure_devops.tokens(query=query).text.startswith('{"continuationToken"')
