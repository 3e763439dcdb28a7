"""Many things of one kind in little memory: what comes out is what went in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotation.inventory import Inventory, Tokens
from rotation.model import Mode, SecretName, Token
from rotation.packed import BLOCK, Guids, Index, Names, Strings
from rotation.register import Register
from tests.unit.given import DAY, MANDATE, NAME, TOKEN

STRANGE = ("", "plain", "Ünï[x/y]", "\n", "lone \udcff surrogate", "x" * 70_000)
MANY = 2 * BLOCK + 1


def token(number: int) -> Token:
    """Give one of many tokens, each bound to a secret of its own."""
    return replace(
        TOKEN,
        authorization_id=f"{number:08x}-4193-4f1d-b995-64144880b7d7",
        display_name=f"feed [kv/feed-{number}]",
        valid_from=TOKEN.valid_from.replace(microsecond=number),
        scopes=frozenset({"vso.code"} if number % 2 else {"vso.packaging", "vso.code"}),
        target_accounts=None if number % 3 else TOKEN.target_accounts,
    )


def packed(tokens: list[Token]) -> Tokens:
    """Add them one at a time."""
    found = Tokens()
    for each in tokens:
        found.extend([each])
    return found


def test_strings_are_as_they_were() -> None:
    """Empty, long, with line ends, and such as are no text at all."""
    strings = Strings(STRANGE)

    assert [strings[number] for number in range(len(STRANGE))] == [*STRANGE]


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, MANY])
def test_names_keep_their_order(count: int) -> None:
    """However many there are."""
    names = Names()
    for number in range(count):
        names.append(f"name-{number}")

    assert len(names) == count
    assert [*names] == [f"name-{number}" for number in range(count)]


@pytest.mark.parametrize(
    "text", ["", "1", f"{TOKEN.authorization_id}00", TOKEN.authorization_id.upper(), f"{{{NAME}}}"]
)
def test_only_what_is_written_as_a_guid_mostly_is_is_one(text: str) -> None:
    """Anything else would come out in another form than it went in."""
    with pytest.raises(ValueError, match=r"GUID|hexadecimal"):
        Guids([TOKEN.authorization_id, text])


def test_guids_are_as_they_were() -> None:
    """In lower case, with hyphens."""
    guids = Guids([token(number).authorization_id for number in range(3)])

    assert [guids[n] for n in range(3)] == [token(n).authorization_id for n in range(3)]


def test_an_index_gives_every_position_in_order() -> None:
    """None for a key that is not there."""
    index = Index(["b", "a", "b", None])

    assert [[*index.find(key)] for key in ("a", "b", "c", None)] == [[1], [0, 2], [], [3]]


@pytest.mark.parametrize("count", [0, 1, BLOCK, MANY])
def test_tokens_are_as_they_were(count: int) -> None:
    """To the microsecond, in their order, by position and by slice."""
    tokens = [token(number) for number in range(count)]
    found = packed(tokens)

    assert len(found) == count
    assert [*found] == tokens
    assert found[1:] == tuple(tokens[1:])
    assert [*reversed(found)] == tokens[::-1]


def test_tokens_with_strange_ids_are_as_they_were() -> None:
    """The service promises no form of them."""
    tokens = [replace(token(n), authorization_id=f"id {n}") for n in range(BLOCK + 1)]

    assert [*packed(tokens)] == tokens


def test_there_is_no_token_beyond_the_last() -> None:
    """As of any sequence."""
    with pytest.raises(IndexError):
        packed([TOKEN])[1]


def test_an_inventory_finds_what_it_has() -> None:
    """By the mark, whatever its case, and by the id."""
    tokens = [token(number) for number in range(MANY)]
    twin = replace(tokens[7], authorization_id="another", display_name="Web [KV/FEED-7]")
    inventory = Inventory(None, packed([*tokens, twin]))

    assert inventory.bound_to(SecretName("Kv", "Feed-7")) == (tokens[7], twin)
    assert inventory.bound_to(SecretName("kv", "feed")) == ()
    assert inventory.find("another") == twin
    assert inventory.find(tokens[3].authorization_id) == tokens[3]
    assert inventory.find("nobody's") is None
    assert inventory.find(None) is None


def test_a_register_tells_what_a_secret_asks_for_as_far_as_claims_go() -> None:
    """Owner, organization, and whether it is left alone; nothing of a secret that was not seen."""
    bob = replace(MANDATE, owner="bob@example.com")
    watched = replace(MANDATE, mode=Mode.WATCH)
    faulty = replace(MANDATE, faults=("a fault",))
    later = replace(MANDATE, lifetime=DAY)
    register = Register()
    for name, mandate in (("A", MANDATE), ("b", bob), ("c", watched), ("d", faulty), ("e", later)):
        register.add(SecretName("KV", name), mandate)

    found = [register.get(SecretName("kv", name)) for name in "abcde"]
    assert [(each and each.owner) for each in found] == [
        MANDATE.owner,
        bob.owner,
        *3 * [MANDATE.owner],
    ]
    assert [bool(e and (e.faults or e.mode is Mode.WATCH)) for e in found] == [0, 0, 1, 1, 0]
    assert register.get(SecretName("kv", "f")) is None
    assert register.get(SecretName("other", "a")) is None
