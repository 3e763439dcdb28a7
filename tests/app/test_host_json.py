"""``host.json`` is what the Functions host understands, by the schema that is published for it."""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft4Validator

from tests.app.host_schema import published, unknown
from tests.docs.naming import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = "version-2"
"""What the schema calls the form of the host's second version and those after it."""


def faults(host: object) -> Iterator[str]:
    """Say what is wrong with settings of the host, if anything is."""
    for error in Draft4Validator(published()).iter_errors(host):
        yield f"{error.json_path}: {error.validator}"
    yield from unknown(host, published()["definitions"][SECOND])


def read() -> dict[str, Any]:
    """Give the settings."""
    host: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
    return host


def test_it_is_valid() -> None:
    """Each key is known, of its type, and within its range."""
    assert [*faults(read())] == []


WRONG: list[tuple[str, object]] = [
    ("version", "3.0"),
    ("functionTimeout", "half an hour"),
    ("functiontimeout", "00:30:00"),
    ("extensionBundle.version", 4),
    ("extensionBundle.versions", "[4.*, 5.0.0)"),
    ("extensions.http.routePrefix", 3),
    ("extensions.http.prefix", ""),
    ("extensions.queues.batchSize", "4"),
    ("extensions.queues.batchSize", 33),
    ("extensions.queues.newBatchThreshold", "4"),
    ("extensions.queues.maxDequeueCount", "five"),
    ("extensions.queues.visibilityTimeout", 120),
    ("extensions.queues.maxPollingInterval", 15),
    ("extensions.queues.messageEncoding", 64),
    ("extensions.queues.maxDequeCount", 5),
    ("logging.logLevel.default", "Loud"),
    ("logging.logLevels", {}),
    ("logging.applicationInsights.samplingSettings.isEnabled", "no"),
    ("logging.applicationInsights.samplingSettings.enabled", False),
]


@pytest.mark.parametrize(("place", "value"), WRONG, ids=str)
def test_a_mistake_would_be_noticed(place: str, value: object) -> None:
    """A type, a range, a word, a misspelt key: what the host would refuse, or silently ignore."""
    host = read()
    *parents, name = place.split(".")
    reduce(dict.__getitem__, parents, host)[name] = value

    assert [*faults(host)] != []
