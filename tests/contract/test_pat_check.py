"""The comparison of our facts about the PAT lifecycle API with the documents of its publisher.

The documents are not here: the tests write such ones, from our own facts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.pat_api.__main__ import main
from tests.contract.pat_api.derive import ANSWERS, NULLABLE, REQUESTS
from tests.contract.pat_api.example import Example, load, shape
from tests.contract.pat_api.schema import DESCRIBED, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Json = dict[str, Any]
    Change = Callable[[Json], object]


def written(facts: Json) -> Json:
    """Write a document of which ``facts`` is all that there is to say."""
    paths: dict[str, Json] = {"paths": {}, "x-ms-paths": {}}
    for name, told in facts["operations"].items():
        is_second = name == "Pats_List"  # shares method and path with another operation
        place = paths["x-ms-paths" if is_second else "paths"]
        path = told["path"] + ("?" if is_second else "")
        place.setdefault(path, {})[told["method"].lower()] = {
            "operationId": name,
            "x-ms-docs-override-version": facts["api-version"],
            "parameters": [
                {"in": "path", "name": "organization", "required": True, "type": "string"},
                *(
                    {"in": "query", "name": query, "required": query in told["query"]["required"]}
                    | kept
                    for query, kept in told["query"]["properties"].items()
                ),
                *([{"in": "body", "schema": swagger(told["body"])}] if told["body"] else []),
            ],
            "responses": {
                str(status): {"schema": swagger(told["answer"])} if told["answer"] else {}
                for status in told["statuses"]
            },
            "security": [{"EntraOAuth": told["scopes"]}],
        }
    return {
        **paths,
        "definitions": {
            name: {
                "properties": {
                    field: swagger(kept["anyOf"][0] if field in NULLABLE else kept)
                    | {"description": "" if field in told["required"] else "(Optional) (if any)"}
                    for field, kept in told["properties"].items()
                }
            }
            for name, told in facts["$defs"].items()
        },
    }


def swagger(kept: Json) -> Json:
    """Write a type as the documents do."""
    found: Json = json.loads(json.dumps(kept).replace("#/$defs/", "#/definitions/"))
    return found


def example(ours: Example) -> Json:
    """Write an example as the documents do."""
    query = "&".join(f"{name}={text}" for name, text in ours.query.items())
    return {
        "x-ms-vss-request-method": ours.method,
        "x-ms-vss-request-url": f"https://there.example{ours.path}?{query}",
        "parameters": {"body": ours.body} if ours.body else {},
        "responses": {str(ours.status): {"body": ours.answer}},
    }


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """Give a folder with documents that say what we keep."""
    for version in VERSIONS:
        folder = tmp_path / version / "examples"
        folder.mkdir(parents=True)
        save(tmp_path / version / "tokens.json", written(DESCRIBED[version]))
        for name, ours in load().items():
            save(folder / f"{name}.json", example(ours))
    return tmp_path


def save(path: Path, document: Json) -> None:
    """Write a file with a byte-order mark, as the published ones have."""
    path.write_text(json.dumps(document), encoding="utf-8-sig")


def change(path: Path, alter: Change) -> None:
    """Change a file."""
    document = json.loads(path.read_text(encoding="utf-8-sig"))
    alter(document)
    save(path, document)


def test_where_nothing_differs_it_is_said(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 0, and tells how much was compared."""
    assert main([str(specs)]) == 0
    assert capsys.readouterr().out == "2 versions, 10 examples: 0 differences\n"


POST = ("paths", "/{organization}/_apis/tokens/pats", "post")
CREATE = ("definitions", "PatTokenCreateRequest", "properties")


def of(document: Json, *names: str) -> Any:  # noqa: ANN401 - of JSON, anything
    """Give a part of a document."""
    part: Any = document
    for name in names:
        part = part[name]
    return part


DIFFERENCES: dict[str, Change] = {
    "operations.Pats_Create.method": lambda d: of(d, *POST[:2]).update(
        patch=of(d, *POST[:2]).pop("post")
    ),
    "operations.Pats_Create.scopes": lambda d: of(d, *POST).update(security=[{"E": ["vso.new"]}]),
    "operations.Pats_Create.statuses": lambda d: of(d, *POST, "responses").update({"202": {}}),
    "operations.Pats_Create.query.properties.more": lambda d: of(d, *POST)["parameters"].append(
        {"in": "query", "name": "more", "required": False, "type": "string"}
    ),
    "operations.Pats_New": lambda d: of(d, "paths", POST[1]).update(
        patch={**of(d, *POST), "operationId": "Pats_New"}
    ),
    "$defs.PatTokenCreateRequest.properties.validTo.format": lambda d: of(
        d, *CREATE, "validTo"
    ).update(format="date"),
    "$defs.PatTokenCreateRequest.required": lambda d: of(d, *CREATE, "validTo").update(
        description="(Optional) said to be so"
    ),
    "$defs.PatToken.properties.status": lambda d: of(
        d, "definitions", "PatToken", "properties"
    ).update(status={"type": "string", "description": ""}),
    "$defs.PatTokenResult.properties.patTokenError.enum": lambda d: of(
        d, "definitions", "PatTokenResult", "properties", "patTokenError", "enum"
    ).append("policyOfTomorrow"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("place", DIFFERENCES)
def test_what_differs_in_a_description_is_named(
    specs: Path, capsys: pytest.CaptureFixture[str], place: str, version: str
) -> None:
    """Operations, parameters, bodies, answers, words and permissions: the place, and how."""
    change(specs / version / "tokens.json", DIFFERENCES[place])

    assert main([str(specs)]) == 1
    assert f"{version}.{place}" in capsys.readouterr().err


EXAMPLES: dict[str, tuple[str, Change]] = {
    "an end that is no empty text": (
        "ListPats",
        lambda d: of(d, "responses", "200", "body").update(continuationToken=None),
    ),
    "a value in an answer without one": (
        "GetPat",
        lambda d: of(d, "responses", "200", "body", "patToken").update(token="abcd" * 13),
    ),
    "digits": (
        "CreatePat",
        lambda d: of(d, "responses", "200", "body", "patToken").update(
            validFrom="2024-02-08T07:00:01.3Z"
        ),
    ),
    "a date that is no 300th": (
        "CreatePat",
        lambda d: of(d, "responses", "200", "body", "patToken").update(
            validFrom="2024-02-08T07:00:01.3061111Z"
        ),
    ),
    "a status": ("RevokePat", lambda d: d["responses"].update({"200": d["responses"].pop("204")})),
    "the token that was asked for": (
        "GetPat",
        lambda d: of(d, "responses", "200", "body", "patToken").update(
            authorizationId="0b000000-0000-4000-8000-000000000009"
        ),
    ),
    "a field of a body": ("UpdatePat", lambda d: of(d, "parameters", "body").pop("scope")),
    "one organization": (
        "UpdatePat",
        lambda d: of(d, "responses", "200", "body", "patToken").update(targetAccounts=[]),
    ),
}


@pytest.mark.parametrize("odd", EXAMPLES)
def test_what_differs_in_an_example_is_named(
    specs: Path, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    """An empty text, a null, a number of digits, what is equal to what: each counts."""
    name, alter = EXAMPLES[odd]
    change(specs / "7.2" / "examples" / f"{name}.json", alter)

    assert main([str(specs)]) == 1
    assert f"7.2 examples.{name}." in capsys.readouterr().err


def test_an_example_of_ours_that_is_not_published_is_named(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not there is a difference."""
    (specs / "7.1" / "examples" / "GetPat.json").unlink()

    assert main([str(specs)]) == 1
    assert "7.1 examples.GetPat" in capsys.readouterr().err


def test_a_version_that_is_not_published_is_named(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version of ours that has gone is a difference."""
    (specs / "7.1" / "tokens.json").unlink()

    assert main([str(specs)]) == 1
    assert "7.1: ours is" in capsys.readouterr().err


def test_without_documents_nothing_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is no success: it ends with 2, and says what was looked for."""
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path)])

    assert f"no tokens.json in any folder under {tmp_path}" in capsys.readouterr().err


def test_other_names_ids_and_dates_are_no_difference() -> None:
    """Of an exchange, its shape is compared, and not its values."""
    ours = load()["GetPat"]
    text = json.dumps(ours.answer).replace("a report", "a list").replace("0b00", "ab12")
    other = Example(**{**vars(ours), "answer": json.loads(text), "path": "/o/_apis/Tokens/Pats"})

    assert shape(other) == shape(ours)


def test_every_type_of_the_description_is_kept() -> None:
    """Requests and answers of both versions, and no other."""
    for version in VERSIONS:
        assert {*DESCRIBED[version]["$defs"]} == {*REQUESTS, *ANSWERS}
        assert len(DESCRIBED[version]["operations"]) == 5
