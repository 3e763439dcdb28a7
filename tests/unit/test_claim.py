"""Which bound tokens nobody claims."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.claim import unclaimed
from rotation.inventory import Inventory
from rotation.model import Defaults, Mandate, SecretName, Token
from rotation.tags import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
NAME = SecretName("kv-build", "feed-token")
OWNER, ORGANIZATION = "ada@example.com", "contoso"
DEFAULTS = Defaults((OWNER,), timedelta(days=30), timedelta(days=90), timedelta(hours=48))
TOKEN = Token("1", f"feed {NAME.mark}", frozenset({"vso.code"}), NOW, NOW, ("a",))


def mandate(**tags: str) -> Mandate:
    """Give what a secret asks for, with these tags beside the usual ones."""
    usual = {"pat-rotation": "regenerate", "pat-organization": ORGANIZATION}
    return parse({**usual, **{f"pat-{name}": value for name, value in tags.items()}}, DEFAULTS)


CASES = {
    "the secret claims it": (mandate(), None),
    "the secret is not managed": (None, "unmanaged"),
    "the secret names another owner": (mandate(owner="bob@example.com"), "another-owner"),
    "the secret names another organization": (
        mandate(organization="fabrikam"),
        "another-organization",
    ),
    "an organization is the same in capitals": (mandate(organization="CONTOSO"), None),
    "a secret that is only watched claims all": (mandate(rotation="watch"), None),
    "a mis-tagged secret may claim anything": (mandate(owner="nobody"), None),
}


@pytest.mark.parametrize(("asked", "reason"), CASES.values(), ids=CASES.keys())
def test_what_is_claimed(asked: Mandate | None, reason: str | None) -> None:
    """A token that is marked for a managed secret is reported if that secret is not its own."""
    inventories: Mapping[tuple[str, ...], Inventory] = {
        (OWNER, ORGANIZATION): Inventory(None, (TOKEN,))
    }
    mandates = {NAME: asked} if asked else {}

    found = [each.reason for each in unclaimed(inventories, mandates, {NAME.vault})]

    assert found == ([reason] if reason else [])


@pytest.mark.parametrize(
    "token",
    [replace(TOKEN, display_name="feed"), replace(TOKEN, display_name="feed [kv-other/feed]")],
    ids=["without a mark", "marked for a vault that was not seen"],
)
def test_what_is_nobodys_business(token: Token) -> None:
    """Nothing is said of a token without a mark, or for a vault of which nothing is known."""
    inventories: Mapping[tuple[str, ...], Inventory] = {
        (OWNER, ORGANIZATION): Inventory(None, (token,))
    }

    assert not [*unclaimed(inventories, {}, {NAME.vault})]
