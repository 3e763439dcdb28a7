"""Compares what we keep of the PAT lifecycle API with the documents of its publisher.

    python -m tests.contract.pat_api FOLDER [--write]

FOLDER holds, for each version, ``<version>/tokens.json`` and ``<version>/examples/*.json``, as
MicrosoftDocs publishes them in ``vsts-rest-api-specs``, under ``specification/tokens``. It ends
with 0 if nothing differs, with 1 if something does, and with 2 if nothing is there to compare with.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.contract.pat_api.derive import derive
from tests.contract.pat_api.example import load, published, shape
from tests.contract.pat_api.schema import DESCRIBED, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAME, DIFFERENT = 0, 1
NOTHING = "nothing"


def main(arguments: Sequence[str]) -> int:
    """Compare, say what differs, and give the exit code."""
    parser = ArgumentParser(prog="python -m tests.contract.pat_api", description=__doc__)
    parser.add_argument("folder", type=Path, help="where a folder for each version is")
    parser.add_argument("--write", action="store_true", help="take over what the documents say")
    asked = parser.parse_args(arguments)
    documents = sorted(asked.folder.glob("*/tokens.json"))
    if not documents:
        parser.error(f"no tokens.json in any folder under {asked.folder}")
    facts = {path.parent.name: derive(_read(path)) for path in documents}
    if asked.write:
        TARGET.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    found = [*differences(DESCRIBED if not asked.write else facts, facts), *_examples(asked.folder)]
    for line in found:
        print(line, file=sys.stderr)  # noqa: T201 - its result is what it prints
    count = sum(1 for _ in asked.folder.glob("*/examples/*.json"))
    print(f"{len(facts)} versions, {count} examples: {len(found)} differences")  # noqa: T201 - as above
    return DIFFERENT if found else SAME


def differences(ours: object, theirs: object, place: str = "") -> Iterator[str]:
    """Name each place in which two values differ, and how."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            inner = f"{place}.{name}".removeprefix(".")
            yield from differences(ours.get(name, NOTHING), theirs.get(name, NOTHING), inner)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    elif ours != theirs:
        yield f"{place}: ours is {ours!r}, published is {theirs!r}"


def _examples(folder: Path) -> Iterator[str]:
    """Name what is odd in another way about the published examples than about ours."""
    ours = {name: shape(example) for name, example in load().items()}
    for version in sorted({path.parent for path in folder.glob("*/tokens.json")}):
        theirs = {
            path.stem: shape(published(_read(path)))
            for path in sorted((version / "examples").glob("*.json"))
        }
        yield from differences(ours, theirs, f"{version.name} examples")


def _read(path: Path) -> dict[str, Any]:
    """Read a document; they begin with a byte-order mark."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
