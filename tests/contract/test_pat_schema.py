"""What our client sends to the PAT lifecycle API, held against both published versions.

Every other test holds it, too: see ``pat_api/recorder.py``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.adapters import azure_devops
from rotation.adapters.id_token import PERMISSIONS
from rotation.model import Draft
from sandbox.furniture import ORGANIZATION, OWNER, Placement, plant
from tests.contract.pat_api.schema import VERSIONS, PatApi, check_exchange
from tests.refusals import WORDS

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from tests.contract.pat_api.recorder import Recorder
    from tests.stage import HttpsStage

PLACE = (OWNER, ORGANIZATION)
PATH = "/_apis/tokens/pats"


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the client ask for each of the versions; by itself, it asks for the newest."""
    asked: str = request.param
    monkeypatch.setattr(azure_devops, "API_VERSION", PatApi(asked).preview)
    return asked


@pytest.fixture
def exchanges(https_stage: HttpsStage, clock: ManualClock, version: str) -> list[Response]:
    """Give every exchange with the API of a token's whole life, as it went over the wire."""
    assert f"{version}-preview.1" == azure_devops.API_VERSION
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
    """Requests and answers; and the client makes do with either version."""
    assert [check_exchange(response) for response in exchanges] == [
        "Pats_Create",
        *("Pats_List", "Pats_List"),
        "Pats_Get",
        "Pats_Update",
        "Pats_Revoke",
    ]


def test_the_newest_version_is_asked_for() -> None:
    """The one that names every refusal, and says why in a sentence."""
    assert PatApi(VERSIONS[-1]).preview == azure_devops.API_VERSION


@pytest.mark.parametrize("described", VERSIONS)
def test_every_request_is_described_by_both_versions(
    exchanges: list[Response], described: str
) -> None:
    """Nothing is sent that only one of them knows."""
    api = PatApi(described)

    for request in (response.request for response in exchanges):
        url = str(request.url).replace(azure_devops.API_VERSION, api.preview)
        assert api.check_request(str(request.method), url, _body(request))


def test_every_word_of_either_version_is_known() -> None:
    """What the tests of refusals go through is what is published, and nothing else."""
    assert {*WORDS, "none"} == {*PatApi("7.1").words, *PatApi("7.2").words}


def test_every_permission_that_is_described_is_asked_for() -> None:
    """A session without them is not taken; 7.1 does not name them yet."""
    assert PatApi("7.2").scopes == PERMISSIONS


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


def test_the_recorder_hears_what_is_not_described(
    https_stage: HttpsStage, sandbox: Sandbox, recorder: Recorder
) -> None:
    """A test in which the client asks for what nobody describes would fail, whatever it asserts."""
    url = f"{sandbox.tokens_url}/{ORGANIZATION}{PATH}"
    https_stage.http.get(url, params={"api-version": azure_devops.API_VERSION, "top": "5"})

    assert recorder.take() == ["query of Pats_List: $: additionalProperties"]


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("Pats_Create", 200, {"patToken": None}),
        ("Pats_Create", 201, {"patToken": None, "patTokenError": "none"}),
        ("Pats_List", 200, {"continuationToken": None, "patTokens": []}),
        ("Pats_Get", 204, None),
        ("Pats_Revoke", 200, {}),
    ],
)
@pytest.mark.parametrize("asked", VERSIONS)
def test_the_recorder_hears_an_answer_that_is_not_described(
    recorder: Recorder, operation: str, asked: str, status: int, body: object
) -> None:
    """A sandbox that gave one would fail the test in which it did."""
    recorder.hear_answer(operation, asked, status, body)

    assert len(recorder.take()) == 1


def _body(request: PreparedRequest) -> dict[str, object] | None:
    body: dict[str, object] | None = json.loads(request.body) if request.body else None
    return body
