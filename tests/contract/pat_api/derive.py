"""The facts of an OpenAPI document of the PAT lifecycle API, as ``schema.json`` keeps them.

Kept are names, types, formats and enumerated values, written as JSON Schema; no prose. What the
documents say in prose only is read by these rules:

* a field of a request must be there unless its description begins with ``(Optional)``;
* every field of an answer must be there, unless its description says ``(if any)`` and none of its
  values stands for "none";
* of the fields of an answer only those in ``NULLABLE`` may be null: the documents do not mark them;
* nothing that is not named may be there.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

REQUESTS = ("PatTokenCreateRequest", "PatTokenUpdateRequest")
ANSWERS = ("PatToken", "PatTokenResult", "PagedPatTokens")
KEPT = ("type", "format", "enum")
NULLABLE = (
    "targetAccounts",  # of a global token, as its description says
    "token",  # in every answer but that of a creation, as the published examples show
    "patToken",  # in a refusal, as Microsoft's own command line expects
)


def derive(document: Json) -> Json:
    """Give the operations of one version, and the types that they use."""
    paths = {**document["paths"], **document["x-ms-paths"]}
    described = [
        (path, method, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    definitions = document["definitions"]
    (version,) = {operation["x-ms-docs-override-version"] for _, _, operation in described}
    return {
        "api-version": version,
        "operations": {
            operation["operationId"]: {
                "method": method.upper(),
                "path": path.rstrip("?"),
                **derive_operation(document, operation),
            }
            for path, method, operation in described
        },
        "$defs": {
            **{name: derive_request(definitions[name]) for name in REQUESTS},
            **{name: derive_answer(definitions[name]) for name in ANSWERS},
        },
    }


def derive_operation(document: Json, operation: Json) -> Json:
    """Give the query of one operation, the types of body and answer, and who may ask for it."""
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
        "query": {
            "type": "object",
            "properties": {parameter["name"]: keep(parameter) for parameter in query},
            "required": sorted(parameter["name"] for parameter in query if parameter["required"]),
            "additionalProperties": False,
        },
        "body": keep(bodies[0]["schema"]) if bodies else None,
        "answer": keep(answer) if answer else None,
        "statuses": sorted(int(status) for status in operation["responses"]),
        "scopes": sorted(
            scope
            for scheme in operation.get("security", [])
            for scopes in scheme.values()
            for scope in scopes
        ),
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
        "required": sorted(
            name
            for name, value in properties.items()
            if not value["description"].startswith("(Optional)")
        ),
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
        "required": sorted(
            name
            for name, value in properties.items()
            if "(if any)" not in value["description"] or "enum" in value
        ),
        "additionalProperties": False,
    }
