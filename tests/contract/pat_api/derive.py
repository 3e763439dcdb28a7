"""Derives ``schema.json`` from the OpenAPI documents of the PAT lifecycle API.

    python tests/contract/pat_api/derive.py FOLDER

``FOLDER`` holds, for each version, ``<version>/tokens.json``: the documents that MicrosoftDocs
publishes in ``vsts-rest-api-specs`` under ``specification/tokens``. Kept are names, types, formats
and enumerated values, written as JSON Schema; no prose. What the documents say in prose only is
read by these rules:

* a field of a request must be there unless its description begins with ``(Optional)``;
* every field of an answer must be there, unless its description says ``(if any)`` and none of its
  values stands for "none";
* of the fields of an answer only those in ``NULLABLE`` may be null: the documents do not mark them;
* nothing that is not named may be there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TARGET = Path(__file__).with_name("schema.json")
REQUESTS = ("PatTokenCreateRequest", "PatTokenUpdateRequest")
ANSWERS = ("PatToken", "PatTokenResult", "PagedPatTokens")
KEPT = ("type", "format", "enum")
NULLABLE = (
    "targetAccounts",  # of a global token, as its description says
    "token",  # in every answer but that of a creation, as the published examples show
    "patToken",  # in a refusal, as Microsoft's own command line expects
)


def main() -> None:
    """Write the schema of all versions that are there."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    documents = sorted(Path(sys.argv[1]).glob("*/tokens.json"))
    if not documents:
        sys.exit(f"no tokens.json in any folder under {sys.argv[1]}")
    schema = {path.parent.name: derive(read(path)) for path in documents}
    TARGET.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")


def read(path: Path) -> Json:
    """Read a document; they begin with a byte-order mark."""
    document: Json = json.loads(path.read_text(encoding="utf-8-sig"))
    return document


def derive(document: Json) -> Json:
    """Give the operations of one version, and the types that they use."""
    paths = {**document["paths"], **document["x-ms-paths"]}
    described = [
        (method, operation) for methods in paths.values() for method, operation in methods.items()
    ]
    definitions = document["definitions"]
    return {
        "operations": {
            operation["operationId"]: derive_operation(document, method, operation)
            for method, operation in described
        },
        "$defs": {
            **{name: derive_request(definitions[name]) for name in REQUESTS},
            **{name: derive_answer(definitions[name]) for name in ANSWERS},
        },
    }


def derive_operation(document: Json, method: str, operation: Json) -> Json:
    """Give the method, the query, the type of the body and of the answer of one operation."""
    parameters = [
        document["parameters"][parameter["$ref"].rpartition("/")[2]]
        if "$ref" in parameter
        else parameter
        for parameter in operation["parameters"]
    ]
    query = [parameter for parameter in parameters if parameter["in"] == "query"]
    bodies = [parameter for parameter in parameters if parameter["in"] == "body"]
    answer = operation["responses"]["200"].get("schema")
    return {
        "method": method.upper(),
        "query": {
            "type": "object",
            "properties": {parameter["name"]: keep(parameter) for parameter in query},
            "required": [parameter["name"] for parameter in query if parameter["required"]],
            "additionalProperties": False,
        },
        "body": keep(bodies[0]["schema"]) if bodies else None,
        "answer": keep(answer) if answer else None,
    }


def keep(described: Json) -> Json:
    """Keep what is data in the description of one value; ``$ref`` becomes ours."""
    if "$ref" in described:
        return {"$ref": described["$ref"].replace("#/definitions/", "#/$defs/")}
    kept: Json = {key: described[key] for key in KEPT if key in described}
    if "items" in described:
        kept["items"] = keep(described["items"])
    return kept


def derive_request(definition: Json) -> Json:
    """Give the type of a request's body."""
    properties = definition["properties"]
    return {
        "type": "object",
        "properties": {name: keep(value) for name, value in properties.items()},
        "required": [
            name
            for name, value in properties.items()
            if not value["description"].startswith("(Optional)")
        ],
        "additionalProperties": False,
    }


def derive_answer(definition: Json) -> Json:
    """Give the type of an answer, or of a part of one."""
    properties = definition["properties"]
    return {
        "type": "object",
        "properties": {
            name: {"anyOf": [keep(value), {"type": "null"}]} if name in NULLABLE else keep(value)
            for name, value in properties.items()
        },
        "required": [
            name
            for name, value in properties.items()
            if "(if any)" not in value["description"] or "enum" in value
        ],
        "additionalProperties": False,
    }


if __name__ == "__main__":
    main()
