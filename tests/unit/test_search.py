"""What is found in a text, and what is not."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from sandbox.mint import Mint
from sandbox.web_token import encode
from tests.search import Search

MINT = Mint(5)
TOKEN = MINT.token_value()
VALUES = {
    "token": TOKEN,
    "short token": MINT.short_token_value(),
    "refresh token": f"1.{MINT.opaque(300)}",
    "access token": encode({"aud": "azure-devops", "upn": "ada@contoso.example"}, "key"),
    "words": "the-value-of-a-new-token",
    "odd": 'pass "word" with /?&= and \\ and é',
    "bits": "?>~" * 12,
    "little": "p4ss+w0rd",
}


@pytest.fixture(params=VALUES.values(), ids=list(VALUES))
def value(request: pytest.FixtureRequest) -> str:
    """Give a value that was handed out."""
    value: str = request.param
    return value


def within(text: str) -> str:
    """Put something into a text of many lines."""
    line = "some words\n" * 99
    return f"{line}Authorization={text}, and so on\n{line}"


def test_a_value_is_found(value: str) -> None:
    """As it is, in the middle of anything."""
    assert "plain" in Search([value]).forms_in(within(value))
    assert "plain" in Search([value]).forms_in(f"abc{value}def")


@pytest.mark.parametrize("before", ["", ":", "ada:", "n:"])
@pytest.mark.parametrize("after", ["", ":", "\r\n"])
def test_it_is_found_in_base64(value: str, before: str, after: str) -> None:
    """By itself, as a Basic credential, and wherever else it begins and ends."""
    raw = f"{before}{value}{after}".encode()

    assert Search([value]).forms_in(within(base64.b64encode(raw).decode()))
    assert Search([value]).forms_in(within(base64.urlsafe_b64encode(raw).decode().rstrip("=")))


def test_base64_has_two_alphabets() -> None:
    """Where they differ, both are known."""
    bits = VALUES["bits"]
    search = Search([bits])

    assert search.forms_in(base64.b64encode(bits.encode()).decode()) == {"base64"}
    assert search.forms_in(base64.urlsafe_b64encode(bits.encode()).decode()) == {"base64url"}


def test_it_is_found_in_an_address(value: str) -> None:
    """With every character that an address cannot have."""
    assert Search([value]).forms_in(f"https://host/?token={quote(value, safe='')}&more=1")
    assert "URL-encoded" in Search([VALUES["odd"]]).forms_in(quote(VALUES["odd"], safe=""))


def test_it_is_found_in_json(value: str) -> None:
    """With every character that JSON escapes."""
    assert Search([value]).forms_in(json.dumps({"token": [value]}))
    assert "JSON-escaped" in Search([VALUES["odd"]]).forms_in(json.dumps(VALUES["odd"]))


@pytest.mark.parametrize("start", range(len(TOKEN) - 31))
def test_a_part_of_it_is_enough(start: int) -> None:
    """A line that was cut, or broken over two: 31 characters anywhere."""
    search = Search([TOKEN])

    assert search.forms_in(f"{TOKEN[start : start + 31]}…") == {"plain"}
    assert search.forms_in(f"│ {TOKEN[:42]} │\n│ {TOKEN[42:]} │") == {"plain"}


@pytest.mark.parametrize("text", [MINT.token_value(), MINT.short_token_value()])
def test_what_nobody_knows_of_is_found_by_its_shape(text: str) -> None:
    """A token of a world that lives in another process."""
    basic = base64.b64encode(f":{text}".encode()).decode()

    assert Search().forms_in(within(text)) == {"by its shape"}
    assert Search().forms_in(f"Authorization: Basic {basic}") == {"by its shape"}
    assert Search().forms_in(base64.urlsafe_b64encode(text.encode()).decode()) == {"by its shape"}


def test_nothing_else_is_found() -> None:
    """Ids, digests, dates, addresses, the claims of a token without its signature."""
    text = "\n".join(
        [
            MINT.guid(),
            MINT.version_id(),
            "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a",
            "2026-11-22T07:00:00Z",
            "https://kv-build.vault.azure.net/secrets/feed/0123456789abcdef0123456789abcdef",
            VALUES["access token"].rpartition(".")[0],
            "/work/rotation/adapters/azure_devops.py:113",
            base64.b64encode(b"a page of a proxy that has nothing to do with any of them").decode(),
            "a" * 51,
            "a" * 53,
            MINT.opaque(84),
        ]
    )

    assert Search(VALUES.values()).forms_in(text) == set()


def test_nothing_is_found_in_nothing() -> None:
    """No values, no text."""
    assert Search().forms_in("") == set()
    assert Search(VALUES.values()).forms_in("") == set()
