"""The PAT lifecycle API as it is published: the sandbox keeps to it, request by request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sandbox
from sandbox.furniture import Placement, plant
from tests.contract.pat_api.schema import VERSIONS, ContractError, PatApi, check_exchange

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.contract.conftest import AzureDevOps

ID = "00000000-0000-0000-0000-000000000000"
DRAFT = {
    "displayName": "new",
    "scope": "vso.code",
    "validTo": "2026-11-23T07:00:00.1234567Z",
    "allOrgs": False,
}
URL = "https://localhost/contoso/_apis/tokens/pats?api-version=7.2-preview.1"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sandbox_keeps_to_the_published_description(
    azure_devops: AzureDevOps, world: World, version: str
) -> None:
    """Every operation, granted and refused: what is asked and what is answered is described."""
    token = plant(world, Placement("feed"))
    plant(world, Placement("everywhere", is_global=True))
    api = {"api-version": f"{version}-preview.1"}
    options = {"displayFilterOption": "all", "sortByOption": "status", "isSortAscending": "false"}
    known, unknown = {"authorizationId": token.authorization_id}, {"authorizationId": ID}
    change = {"validTo": "2026-12-01T00:00:00Z"}

    answers = [
        azure_devops.tokens("GET", api),
        azure_devops.tokens("GET", {**api, **options, "$top": "1"}),
        azure_devops.tokens("GET", {**api, **known}),
        azure_devops.tokens("GET", {**api, **unknown}),
        azure_devops.tokens("POST", api, DRAFT),
        azure_devops.tokens("POST", api, {**DRAFT, "scope": "everything"}),
        azure_devops.tokens("PUT", api, {**known, **change}),
        azure_devops.tokens("PUT", api, {**unknown, **change}),
        azure_devops.tokens("DELETE", {**api, **known}),
    ]

    assert [check_exchange(answer) for answer in answers] == [
        *("Pats_List", "Pats_List"),
        *("Pats_Get", "Pats_Get"),
        *("Pats_Create", "Pats_Create"),
        *("Pats_Update", "Pats_Update"),
        "Pats_Revoke",
    ]


def test_newer_refusals_are_described_by_the_newer_version(azure_devops: AzureDevOps) -> None:
    """7.2 names the reasons that came later, and has a message beside them."""
    answer = azure_devops.create(allOrgs=True)

    assert check_exchange(answer) == "Pats_Create"
    assert answer.json()["patTokenError"] == "globalPATCreationBlocked"
    assert answer.json()["patTokenErrorMessage"]


def test_every_word_of_the_sandbox_is_published() -> None:
    """Each refusal that it can give is one of 7.2; three of them came after 7.1."""
    text = "".join(path.read_text() for path in Path(sandbox.__file__).parent.rglob("*.py"))
    words = {*re.findall(r'TokenRefusedError\(\s*"(\w+)"', text)}

    assert len(words) >= 10
    assert words <= PatApi("7.2").words
    assert words - PatApi("7.1").words == {
        "disablePatCreationPolicyViolation",
        "expiredPatCannotBeExtended",
        "globalPATCreationBlocked",
    }


@pytest.mark.parametrize(
    ("method", "more", "body"),
    [
        ("GET", "&displayFilterOption=living", None),
        ("GET", "&top=100", None),
        ("GET", "&$top=many", None),
        ("GET", "&authorizationId=", None),
        ("GET", f"&authorizationId={ID}", {}),
        ("DELETE", "", None),
        ("PATCH", "", None),
        ("POST", "", None),
        ("POST", "", {**DRAFT, "validTo": "2026-11-23T07:00:00"}),
        ("POST", "", {**DRAFT, "allOrgs": "no"}),
        ("POST", "", {**DRAFT, "more": 1}),
        ("POST", "", {"displayName": "new"}),
        ("PUT", "", {"validTo": "2026-11-23T07:00:00Z"}),
    ],
)
def test_a_request_that_is_not_described_is_noticed(method: str, more: str, body: object) -> None:
    """Unknown parameters and values, missing ones, wrong types: none passes."""
    with pytest.raises(ContractError):
        PatApi("7.2").check_request(method, URL + more, body)


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("tokens/pats", "tokens"),
        URL.replace("7.2-preview.1", "7.2"),
        URL.partition("?")[0],
    ],
)
def test_an_address_that_is_not_described_is_noticed(url: str) -> None:
    """Path and api-version must be those of the API."""
    with pytest.raises(ContractError):
        PatApi("7.2").check_request("GET", url)


@pytest.mark.parametrize(
    "change",
    [
        {"patTokenError": "somethingNew"},
        {"patTokenError": None},
        {"patToken": {"displayName": "only"}},
        {"more": 1},
    ],
)
def test_an_answer_that_is_not_described_is_noticed(change: dict[str, Any]) -> None:
    """Unknown words, missing and unknown fields: none passes."""
    answer = {"patToken": None, "patTokenError": "none", **change}

    with pytest.raises(ContractError):
        PatApi("7.2").check_answer("Pats_Get", answer)


def test_a_complaint_never_quotes_a_value() -> None:
    """What is wrong is named by its place, since an answer may hold a secret."""
    answer = {"patToken": {"token": ["the-secret"]}, "patTokenError": "none"}

    with pytest.raises(ContractError) as complaint:
        PatApi("7.2").check_answer("Pats_Create", answer)

    assert "the-secret" not in str(complaint.value)
    assert "$.patToken" in str(complaint.value)
