"""What our client sends to the PAT lifecycle API, held against the published description."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.model import Draft
from sandbox.furniture import ORGANIZATION, OWNER, Placement, plant
from tests.contract.pat_api.schema import VERSIONS, PatApi, check_exchange

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from sandbox.clock import ManualClock
    from tests.stage import HttpsStage

PLACE = (OWNER, ORGANIZATION)
PATH = "/_apis/tokens/pats"


@pytest.fixture
def exchanges(https_stage: HttpsStage, clock: ManualClock) -> list[Response]:
    """Give every exchange with the API of a token's whole life, as it went over the wire."""
    heard: list[Response] = []
    https_stage.http.hooks["response"].append(lambda response, **_: heard.append(response))
    for number in range(120):
        plant(https_stage.world, Placement(f"s{number}"))
    issuer, until = https_stage.issuer, clock() + timedelta(days=30, microseconds=1)
    made = issuer.create(*PLACE, Draft("ünï [kv-build/feed]", "vso.code vso.build", until)).token
    issuer.inventory(*PLACE)
    issuer.get(*PLACE, made.authorization_id)
    issuer.extend(*PLACE, replace(made), until + timedelta(days=1))
    issuer.revoke(*PLACE, made.authorization_id)
    return [response for response in heard if PATH in str(response.request.url)]


def test_every_exchange_is_as_described(exchanges: list[Response]) -> None:
    """Requests and answers, in the version that is asked for."""
    assert [check_exchange(response) for response in exchanges] == [
        "Pats_Create",
        *("Pats_List", "Pats_List"),
        "Pats_Get",
        "Pats_Update",
        "Pats_Revoke",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_is_described_by_both_versions(
    exchanges: list[Response], version: str
) -> None:
    """Nothing is sent that only one of them knows."""
    api = PatApi(version)

    for request in (response.request for response in exchanges):
        url = str(request.url).replace("7.2-preview", f"{version}-preview")
        assert api.check_request(str(request.method), url, _body(request))


def test_nothing_is_left_to_a_default(exchanges: list[Response]) -> None:
    """Filter, order and page size are said, and no token is ever made for all organizations."""
    for request in (response.request for response in exchanges):
        if request.method == "GET" and "authorizationId" not in str(request.url):
            for option in ("displayFilterOption=active", "sortByOption=", "isSortAscending="):
                assert option in str(request.url)
            assert "top=100" in str(request.url)
        if body := _body(request):
            assert body["allOrgs"] is False
            assert body["validTo"]


def test_sign_in_pages_are_declined_and_credentials_stay_in_their_header(
    exchanges: list[Response],
) -> None:
    """Every request asks for JSON and for no redirect; no token is in an address."""
    for request in (response.request for response in exchanges):
        assert request.headers["X-TFS-FedAuthRedirect"] == "Suppress"
        assert request.headers["Accept"] == "application/json"
        scheme, _, value = request.headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        assert value not in str(request.url)


def _body(request: PreparedRequest) -> dict[str, object] | None:
    body: dict[str, object] | None = json.loads(request.body) if request.body else None
    return body
