"""An order as a message carries it: there and back, or refused with all its faults at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from rotation.errors import OrderError
from rotation.model import Mode
from rotation.order import Arguments, Extent, Order, Verb, read
from tests.unit.given import NAME, NOW

GUID = "4AB5764F-4193-4F1D-B995-64144880B7D7"
ORDERS = {
    "settle": Order(Verb.SETTLE, NAME, None, "scan", NOW),
    "issue": Order(
        Verb.ISSUE,
        NAME,
        None,
        "ada@example.com",
        NOW,
        Arguments(
            organization="contoso",
            owner="ada@example.com",
            scope="vso.code vso.packaging",
            lifetime_days=14,
            mode=Mode.EXTEND,
            display_name="Build agents",
        ),
    ),
    "adopt": Order(Verb.ADOPT, NAME, "5f3a", "ada", NOW, Arguments(authorization_id=GUID.lower())),
    "rotate": Order(
        Verb.ROTATE, NAME, "5f3a", "ada", NOW, Arguments(scope="vso.code", allow_wider=True)
    ),
    "retire now": Order(Verb.RETIRE, NAME, "5f3a", "ada", NOW, Arguments(extent=Extent.NOW)),
}


def message(**keys: Any) -> str:  # noqa: ANN401 - whatever somebody may write
    """Write a good message, or one with other keys; None leaves one out."""
    good = {
        "action": "rotate",
        "vault": "kv-build",
        "secret": "feed-token",
        "secret_version": "5f3a",
        "arguments": {},
        "requested_by": "ada@example.com",
        "requested_at": "2026-11-22T07:30:00Z",
    }
    return json.dumps({key: value for key, value in {**good, **keys}.items() if value is not None})


def fault_in(text: str) -> str:
    """Give what is said of a message that is no order."""
    with pytest.raises(OrderError) as refused:
        read(text)
    assert refused.value.reason == "malformed"
    return str(refused.value)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    """Whoever writes it and whoever reads it agree on every word."""
    assert read(json.dumps(order.as_dict())) == order


def test_a_message_has_its_public_form() -> None:
    """The names are those that people write."""
    assert ORDERS["rotate"].as_dict() == {
        "action": "rotate",
        "vault": "kv-build",
        "secret": "feed-token",
        "secret_version": "5f3a",
        "arguments": {"scope": "vso.code", "allow_wider": True},
        "requested_by": "ada",
        "requested_at": "2026-11-22T07:30:00Z",
    }


def test_what_is_the_same_is_written_in_one_way() -> None:
    """Scopes are sorted and named once, names of owners and ids are in lower case, times in UTC."""
    said = {"scope": " vso.packaging vso.code vso.code ", "owner": "Ada@Example.com"}
    order = read(message(action="issue", arguments=said))
    adopted = read(message(action="adopt", arguments={"authorization_id": GUID}))
    abroad = read(message(requested_at="2026-11-22T09:30:00+02:00"))

    assert order.arguments.scope == "vso.code vso.packaging"
    assert order.arguments.scopes == {"vso.code", "vso.packaging"}
    assert order.arguments.owner == "ada@example.com"
    assert adopted.arguments.authorization_id == GUID.lower()
    assert abroad.requested_at == NOW
    assert abroad.requested_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"action": "burn"}, "action: input should be 'settle', 'issue', 'adopt', 'rotate'"),
        ({"vault": "../kv"}, "vault: expected letters, digits and hyphens"),
        ({"secret": "a b"}, "secret: expected letters, digits and hyphens"),
        ({"secret": "x" * 128}, "secret: expected letters, digits and hyphens"),
        ({"secret_version": "../5f"}, "secret_version: expected the id of a version"),
        ({"requested_at": "2026-11-22T07:30:00"}, "requested_at: input should have timezone"),
        (
            {"requested_at": "0001-01-01T00:00:00+14:00"},
            "requested_at: expected a date of our time",
        ),
        (
            {"requested_at": "9999-12-31T23:59:59-14:00"},
            "requested_at: expected a date of our time",
        ),
        ({"requested_by": "x" * 257}, "requested_by: string should have at most 256"),
        ({"secret_version": None}, "rotate needs secret_version"),
        ({"action": "retire"}, "retire needs extent"),
        ({"action": "issue"}, "issue needs scope"),
        ({"action": "adopt"}, "adopt needs authorization_id"),
        ({"arguments": {"extent": "now"}}, "rotate takes no extent"),
        ({"arguments": {"scope": "vso.cod"}}, "did you mean vso.code"),
        ({"arguments": {"scope": " "}}, "arguments.scope: a scope is missing"),
        ({"arguments": {"lifetime_days": "7"}}, "arguments.lifetime_days: input should be a valid"),
        ({"arguments": {"lifetime_days": 365}}, "less than or equal to 364"),
        ({"arguments": {"allow_wider": 1}}, "arguments.allow_wider"),
        ({"arguments": {"organization": "a/b"}}, "expected the name of an organization"),
        ({"arguments": {"owner": "ada"}}, "expected a user principal name"),
        ({"arguments": {"mode": "watch"}}, "arguments.mode: input should be 'regenerate' or"),
        ({"arguments": {"display_name": "a]"}}, "expected a name without brackets"),
        ({"arguments": {"display_name": "x" * 101}}, "at most 100 characters"),
        ({"arguments": {"authorization_id": "7"}}, "expected an authorization id"),
    ],
)
def test_a_fault_names_its_place_and_what_was_expected(keys: dict[str, Any], words: str) -> None:
    """One sentence for each."""
    assert words in fault_in(message(**keys))


def test_all_faults_are_said_at_once() -> None:
    """Nobody has to send a message five times."""
    told = fault_in(message(vault="", secret="a b", requested_at="soon", arguments={"mode": "x"}))

    assert told.count(";") == 3


@pytest.mark.parametrize("text", ["", "null", "7", "[]", "{", "\ud800", '"rotate"'])
def test_what_is_no_object_is_no_order(text: str) -> None:
    """Whatever it is, it is a fault and not a defect."""
    assert "not an order" in fault_in(text)


def test_no_fault_quotes_what_may_be_a_value() -> None:
    """I4: somebody may have pasted a token into any place, also as a key."""
    value = "pasted-by-mistake-" + "x" * 66
    places = ["action", "vault", "secret", "secret_version", "requested_at"]
    said = ["organization", "owner", "scope", "mode", "authorization_id", "extent"]
    texts = [
        *(message(**{place: value + "\n"}) for place in places),
        *(message(arguments={place: value + "]"}) for place in said),
        message(**{value: "x"}),
        message(arguments={value: "x"}),
        value,
    ]

    assert not [text for text in texts if "pasted" in fault_in(text)]


@pytest.mark.parametrize(
    ("order", "title"),
    [("rotate", "rotate"), ("retire now", "retire --now"), ("issue", "issue")],
)
def test_an_order_is_called_as_its_command(order: str, title: str) -> None:
    """In events and in messages."""
    assert ORDERS[order].title == title


def test_who_asks_is_plain_text() -> None:
    """A terminal shows it."""
    assert read(message(requested_by="eve\x1b[2J")).requested_by == "eve [2J"
