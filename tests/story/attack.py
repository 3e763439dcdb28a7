"""Attacks by somebody who may write one watched vault: its secrets' values and tags, new secrets.

Each names what the attacker does, and what the rotator is to say about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.model import SecretName
from rotation.report import Ending
from sandbox.content import Properties
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, plant
from tests.story.disguise import NAMES, ORGANIZATIONS, SECRETS, VAULTS, look_alike, named
from tests.story.plot import DUE
from tests.story.stage import DAY, STRANGER
from tests.story.town import (
    FEED,
    NARROW,
    OPEN,
    OTHER_ORGANIZATION,
    OTHER_OWNER,
    WIDE,
    digest,
    tags_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.token import Token
    from tests.story.town import Town

GARBAGE = "no token at all"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Attack:
    """What the attacker does, and what the rotator answers."""

    begin: Callable[[Town], SecretName | None]
    """Gives the attacked secret, unless it is the usual one."""
    reason: str
    words: str
    """Words of the message: what is wrong, and what is to be done."""
    ending: Ending = Ending.REJECTED


# --- Somebody else's id --------------------------------------------------------------------------


def claiming(victim: str, **tags: str) -> Callable[[Town], None]:
    """Name a victim's id, with the right digest of the value in hand."""
    return lambda town: town.claim(town.victims[victim], **tags)


def invented_id(town: Town) -> None:
    """Name an id that nobody has."""
    town.retag(authorization_id=f"{UNKNOWN_ID} {town.digest()}")


def global_token(town: Town) -> None:
    """Name a token that bears the right mark, and works everywhere."""
    made = plant(town.world, Placement(FEED, OPEN, scope=WIDE, age=DUE, is_global=True))
    town.victims["global"] = made
    town.claim(made)


def bare_id(town: Town) -> None:
    """Name a victim's id without a digest, as somebody who only has the list of tokens would."""
    town.retag(authorization_id=town.victims["unmarked"].authorization_id)


def garbage(town: Town) -> None:
    """Store a value that is dead, so that its token is to be replaced at once."""
    town.paste(GARBAGE, tags_for(town.victims["namesake"], GARBAGE))


def new_secret(town: Town) -> SecretName:
    """Make a secret whose value is nothing, and whose tags name a victim."""
    name = SecretName(OPEN, "brand-new")
    town.paste(GARBAGE, tags_for(town.victims["unmarked"], GARBAGE), name)
    return name


def history(town: Town) -> SecretName:
    """Let an older version say that the value is a victim's, and the newest say nothing."""
    name, value = SecretName(OPEN, "brand-new"), town.own.value
    tags = tags_for(town.victims["unmarked"], value)
    town.paste(value, tags, name)
    tags.pop("pat-authorization-id")
    town.paste(value, tags, name)
    return name


# --- Somebody else's tags, values and names ------------------------------------------------------


def copied_tags(town: Town) -> None:
    """Copy every tag of the namesake in the other vault."""
    tags = town.world.vault(VAULT).newest(FEED).tags
    town.open_vault.update(FEED, None, Properties(tags=tags))


def pasted_value(town: Town) -> None:
    """Paste a victim's value over the own one, and leave the tags."""
    town.paste(town.victims["unmarked"].value)


def pasted_into_new(town: Town) -> SecretName:
    """Paste a victim's value into a new secret, to have it put under management."""
    tags = tags_for(town.victims["unmarked"], GARBAGE)
    tags.pop("pat-authorization-id")
    name = SecretName(OPEN, "brand-new")
    town.paste(town.victims["unmarked"].value, tags, name)
    return name


def wider_predecessor(town: Town) -> None:
    """Forget which token is the narrow one, while a wider one that it followed still lives."""
    wider = Placement(FEED, OPEN, scope=WIDE, age=DAY)
    town.victims["wider"] = plant(town.world, wider)
    town.retag(authorization_id=None)


def retagged(**tags: str) -> Callable[[Town], None]:
    """Write these tags, without their ``pat_``."""
    return lambda town: town.retag(**tags)


def many_tags(town: Town) -> None:
    """Leave no room for what is to be written down."""
    others = {f"theirs-{number}": "x" for number in range(13)}
    tags = {"pat-rotation": "regenerate", "pat-organization": ORGANIZATION, **others}
    town.open_vault.update(FEED, None, Properties(tags=tags))


def tags_in_capitals(town: Town) -> None:
    """Write every tag a second time, in capitals, with a victim in it."""
    tags = dict(town.open_vault.newest(FEED).tags)
    theirs = {
        **tags_for(town.victims["unmarked"], town.own.value),
        "pat-owner": OTHER_OWNER,
        "pat-grace-hours": "1",
    }
    shouted = {name.upper(): text for name, text in theirs.items()}
    town.open_vault.update(FEED, None, Properties(tags={**tags, **shouted}))


# --- Orders that nobody gave ---------------------------------------------------------------------


def in_grace(town: Town, vault: str = OPEN, scope: str = NARROW) -> Token:
    """Give a secret a predecessor in grace, which is not to lose it."""
    town.victims["predecessor"] = plant(
        town.world, Placement(FEED, vault, scope=scope, age=20 * DAY)
    )
    return town.victims["predecessor"]


def stale_order(town: Town) -> None:
    """End the grace with the digest of the version before."""
    old = in_grace(town)
    town.retag(retire=f"now {digest(old.value)}")


def copied_order(town: Town) -> None:
    """Copy a secret's order, which counts there, to where it was not given."""
    in_grace(town)
    town.retag(retire=f"now {digest(town.victims['namesake'].value)}")


def order_for_a_namesake(town: Town) -> None:
    """End the own grace, and hope that the namesake loses its own."""
    in_grace(town, VAULT, WIDE)
    town.retag(retire=f"now {town.digest()}")


# --- All of them --------------------------------------------------------------------------------

CONTROL = "\x1b[2J\x1b]0;x\x07\r\n\x9b31m\x7f\u202e\u2028"
NUMBER = "9" * 400
ANY_DIGITS = "0" * 12
TAGS = (
    "rotation",
    "organization",
    "owner",
    "lifetime_days",
    "rotate_before_days",
    "grace_hours",
    "authorization_id",
    "retire",
    "attempt",
)

FOREIGN = "is not marked [kv-open/feed]; paste the value of one that is"
ABSENT = "does not have the recorded token; store one that it has"
IN_GRACE = "its predecessor is in grace"
SETTLED = Ending.SETTLED

ATTACKS: dict[str, Attack] = {
    "the id of a token without a mark": Attack(claiming("unmarked"), "foreign-token", FOREIGN),
    "such an id, to be extended": Attack(
        claiming("unmarked", rotation="extend"), "foreign-token", FOREIGN
    ),
    "such an id, to be renewed at once": Attack(
        claiming("unmarked", lifetime_days="90", rotate_before_days="89"), "foreign-token", FOREIGN
    ),
    "the id of a token that has expired": Attack(claiming("expired"), "foreign-token", FOREIGN),
    "the id of a token of another secret": Attack(
        claiming("marked for another secret"), "foreign-token", FOREIGN
    ),
    "the id of a token of a namesake": Attack(claiming("namesake"), "foreign-token", FOREIGN),
    "the id of a token of another owner": Attack(
        claiming("another owner's"), "unknown-token", ABSENT
    ),
    "such an id, with that owner's name": Attack(
        claiming("another owner's", owner=OTHER_OWNER), "foreign-token", FOREIGN
    ),
    "the id of a token of another organization": Attack(
        claiming("elsewhere, and marked"), "unknown-token", ABSENT
    ),
    "such an id, with that organization's name": Attack(
        claiming("elsewhere", organization=OTHER_ORGANIZATION), "foreign-token", FOREIGN
    ),
    "the id of a global token": Attack(
        global_token, "global-token", "is not confined to contoso; paste the value of one that is"
    ),
    "an id that nobody has": Attack(invented_id, "unknown-token", ABSENT),
    "an id without a digest": Attack(bare_id, "in-grace", IN_GRACE, SETTLED),
    "an id beside a dead value": Attack(garbage, "foreign-token", FOREIGN),
    "an id in a new secret": Attack(
        new_secret, "foreign-token", "is not marked [kv-open/brand-new]; paste"
    ),
    "an id in an older version": Attack(
        history, "foreign-token", "is not marked [kv-open/brand-new]; paste"
    ),
    "another secret's tags": Attack(copied_tags, "in-grace", IN_GRACE, SETTLED),
    "another token's value": Attack(pasted_value, "in-grace", IN_GRACE, SETTLED),
    "another token's value in a new secret": Attack(
        pasted_into_new, "nothing-bound", "is marked [kv-open/brand-new]; end the name"
    ),
    "a wider predecessor": Attack(wider_predecessor, "scopes-differ", "revoke the wrong ones"),
    "the name of another owner": Attack(retagged(owner=OTHER_OWNER), "unknown-token", ABSENT),
    "the name of somebody who is no owner": Attack(
        retagged(owner=STRANGER), "unknown-owner", "is not among the owners", Ending.BLOCKED
    ),
    "a name that looks like an owner's": Attack(
        retagged(owner=OWNER.replace("a", "\u0430", 1)), "mis-tagged", "such as ada@example.com"
    ),
    "a name as long as a tag can be": Attack(
        retagged(owner=f"{'a' * 500}@contoso.ex"), "mis-tagged", "is a text of 511 characters"
    ),
    "the name of another organization": Attack(
        retagged(organization=OTHER_ORGANIZATION), "unknown-token", ABSENT
    ),
    "huge numbers": Attack(
        retagged(lifetime_days=NUMBER, grace_hours=NUMBER, rotate_before_days=NUMBER),
        "mis-tagged",
        "a whole number from 1 to 8736",
    ),
    "a count of failures beyond all bounds": Attack(
        retagged(attempt=f"{NUMBER} 2026-11-22T07:30:00Z"), "mis-tagged", "a count and an instant"
    ),
    "a window as long as the life": Attack(
        retagged(rotate_before_days="364"), "mis-tagged", "less than the lifetime of 30 days"
    ),
    "no room for another tag": Attack(many_tags, "mis-tagged", "15 tags are too many"),
    "tags in capitals": Attack(tags_in_capitals, "fresh", "its token is fresh", SETTLED),
    "control characters in every tag": Attack(
        retagged(**dict.fromkeys(TAGS, CONTROL)),
        "mis-tagged",
        "'\\x1b[2J\\x1b]0;x\\x07\\r\\n\\x9b31m\\x7f\\u202e\\u2028'",
    ),
    "an order with the digest of the version before": Attack(
        stale_order, "in-grace", IN_GRACE, SETTLED
    ),
    "an order copied from another secret": Attack(copied_order, "in-grace", IN_GRACE, SETTLED),
    "an order meant for a namesake": Attack(order_for_a_namesake, "fresh", "is fresh", SETTLED),
    "an order that is none": Attack(
        retagged(retire=f"now {ANY_DIGITS} {ANY_DIGITS}"), "mis-tagged", "'now' and 12 hex digits"
    ),
    **{
        f"an organization called {name[:30]!a}": Attack(
            retagged(organization=name), "mis-tagged", "letters, digits and inner hyphens"
        )
        for name in ORGANIZATIONS
    },
    **{
        f"a token called {name[:30]!a}": Attack(named(name), "foreign-token", FOREIGN)
        for name in NAMES
    },
    **{
        f"a vault called {vault}": Attack(
            look_alike(vault), "foreign-token", f"is not marked [{vault}/feed]; paste"
        )
        for vault in VAULTS
    },
    **{
        f"a secret called {secret}": Attack(
            look_alike(VAULT, secret), "foreign-token", f"is not marked [kv-build/{secret}]; paste"
        )
        for secret in SECRETS
    },
}
