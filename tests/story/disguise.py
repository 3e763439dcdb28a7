"""Names that look like others: of organizations, tokens, vaults and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotation.model import SecretName
from sandbox.furniture import Placement, plant
from tests.story.plot import DUE
from tests.story.town import FEED, WIDE, tags_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.story.town import Town

ORGANIZATIONS = (
    "contoso/../fabrikam",
    "contoso/",
    "@evil.example",
    "contoso@evil.example",
    "contoso#",
    "contoso?x=",
    "..",
    "..%2ffabrikam",
    "%2e%2e",
    "contoso%00",
    "contoso\\..\\fabrikam",
    "evil.example:443",
    "contoso\r\nHost: evil.example",
    "\x1b]0;contoso\x07",
    "c\u043entoso",
    "cont\uff4fso",
    "contoso\u2024example",
    "contoso\uff0ffabrikam",
    "contoso\u202eosotnoc",
    "contoso." * 60,
)
"""What would lead a request astray, if it got into an address."""
NAMES = (
    "x [kv-open/feed] [kv-build/feed]",
    "x [kv-open/feed] for builds",
    "x [kv-open/feed] ",
    "x [kv-open/feed]\n",
    "x [kv-open/feed]\u200b",
    "x [kv-open/feed]]",
    "x [kv-open/feed-token]",
    "x [kv-open/fee]",
    "x [kv-open-2/feed]",
    "x [my-kv-open/feed]",
    "x [kv-0pen/feed]",
    "x [\u212av-open/feed]",
    "x [kv\u2010open/feed]",
    "x [kv-open\uff0ffeed]",
    "x [ kv-open/feed ]",
    "x [feed]",
    "x [/feed]",
    "x [kv-open/feed",
    "\x1b]0;x\x07\x1b[2J\u202e",
    "x" * 10_000,
    "[kv-open/" * 1_000,
    f"x [kv-open/{FEED * 2_500}]",
)
"""Display names that do not end in the mark of the attacked secret."""
VAULTS = ("kv-bui1d", "kv-build-2", "kv-buil", "my-kv-build", "kv--build", "build")
SECRETS = ("feed-token", "fee", "my-feed", "feed-", "f33d")
"""What looks like ``kv-build/feed``."""


def named(display_name: str) -> Callable[[Town], None]:
    """Name the id of a wide token that its owner calls so."""

    def begin(town: Town) -> None:
        called = Placement(FEED, scope=WIDE, age=DUE, display_name=display_name)
        town.victims[display_name] = plant(town.world, called)
        town.claim(town.victims[display_name])

    return begin


def look_alike(vault: str, secret: str = FEED) -> Callable[[Town], SecretName]:
    """Name the id of ``kv-build/feed`` from a watched vault or a secret that looks like it."""

    def begin(town: Town) -> SecretName:
        if vault not in town.world.vaults:
            town.world.add_vault(vault)
        name = SecretName(vault, secret)
        victim = town.victims["namesake"]
        town.paste(victim.value, {**tags_for(victim, victim.value)}, name)
        return name

    return begin
