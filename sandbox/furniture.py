"""Furniture for a world: tokens that are stored as managed secrets, and a small furnished world."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.content import Properties
from sandbox.token import Token, round_to_tick
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clock import Clock

OWNER = "ada@contoso.example"
ORGANIZATION = "contoso"
VAULT = "kv-build"
CONTENT_TYPE = "application/vnd.azure-devops.pat"


@dataclass(frozen=True)
class Placement:
    """A token, and the managed secret in which its value is to be stored."""

    secret: str
    vault: str = VAULT
    organization: str = ORGANIZATION
    owner: str = OWNER
    scope: str = "vso.code"
    mode: str = "regenerate"
    lifetime: timedelta = timedelta(days=30)
    age: timedelta = timedelta(0)
    """How long ago the token was made and stored."""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    """More tags, or other ones; None leaves out one that would be there."""
    display_name: str | None = None
    """The whole name; without, one that ends in the secret's binding mark."""
    is_recorded: bool = True
    """Whether the secret says which token it holds, as it does once the rotator stored it."""
    is_global: bool = False
    is_short: bool = False
    """A value of 52 characters, as they were before."""


def place(world: World, placement: Placement) -> Token:
    """Make the token and store its value, past all rules, as if both had been there for a while."""
    token = plant(world, placement)
    tags: dict[str, str | None] = {
        "pat-rotation": placement.mode,
        "pat-organization": placement.organization,
        "pat-authorization-id": recorded_id(token) if placement.is_recorded else None,
        **placement.tags,
    }
    world.vault(placement.vault).set(
        placement.secret,
        token.value,
        Properties(
            tags={name: text for name, text in tags.items() if text is not None},
            content_type=CONTENT_TYPE,
            expires_at=token.valid_to,
        ),
        created_at=world.clock() - placement.age,
    )
    return token


def plant(world: World, placement: Placement) -> Token:
    """Make the token only: a stray that no secret holds."""
    mint = world.ground.mint
    made_at = round_to_tick(world.clock() - placement.age)
    organization = world.organization(placement.organization)
    mark = f"{placement.secret} [{placement.vault}/{placement.secret}]"
    return world.registry.plant(
        Token(
            authorization_id=mint.guid(),
            owner=world.tenant.users[placement.owner].identity_id,
            display_name=mark if placement.display_name is None else placement.display_name,
            scope=placement.scope,
            valid_from=made_at,
            valid_to=round_to_tick(made_at + placement.lifetime),
            accounts=None if placement.is_global else (organization.account_id,),
            value=mint.short_token_value() if placement.is_short else mint.token_value(),
        )
    )


def recorded_id(token: Token) -> str:
    """Write the tag that says which token a version holds: its id and its value's digest."""
    digest = hashlib.sha256(token.value.encode()).hexdigest()
    return f"{token.authorization_id} {digest[:12]}"


def furnish(clock: Clock, seed: int = 1) -> World:
    """Make a world to look around in: one connected owner and a handful of secrets."""
    world = World(clock, seed=seed)
    world.add_vault(VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    days = [timedelta(days=count) for count in range(30)]
    for placement in (
        Placement("feed-fresh", age=days[1]),
        Placement("feed-due", age=days[25]),
        Placement("agent-extend", mode="extend", scope="vso.agentpools_manage", age=days[25]),
        Placement("portal-watched", mode="watch", age=days[3], is_recorded=False),
        Placement("mirror-found", age=days[2], is_recorded=False, is_short=True),
        Placement("wiki-mistagged", age=days[5], tags={"pat-lifetime-days": "a month"}),
    ):
        place(world, placement)
    world.vault(VAULT).set("not-managed", "left alone", Properties(tags={"team": "web"}))
    return world
