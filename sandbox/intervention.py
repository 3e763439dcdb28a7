"""What people do to the world by hand: each deed is a verb and its words.

They stand for time, administrators, colleagues who edit the vault, and owners who sign in.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.account_verb import ACCOUNT_VERBS
from sandbox.content import Properties
from sandbox.vault import PERMISSIONS
from sandbox.verb import InterventionError, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.token import Token
    from sandbox.vault import SecretVersion, Vault
    from sandbox.world import World

__all__ = ["VERBS", "InterventionError", "intervene"]

POLICIES = "max-lifespan, full-scope, global, creation, public-project"
FARTHEST = timedelta(days=3650)
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def intervene(world: World, words: Sequence[str]) -> str:
    """Do what ``words`` say and tell what was done.

    Raises:
        InterventionError: they name nothing that can be done, or nothing that is there.
    """
    name, *rest = words or [""]
    verb = VERBS.get(name)
    if verb is None:
        raise InterventionError(f"unknown verb {name!r}, expected one of {', '.join(VERBS)}")
    most = len(verb.usage.split())
    least = most - verb.usage.count("[")
    if not least <= len(rest) <= most:
        raise InterventionError(f"expected: {name} {verb.usage}")
    with world.ground.lock:
        return verb.act(world, *rest)


def _advance(world: World, span: str) -> str:
    ahead = _span(span)
    if not timedelta(0) <= ahead <= FARTHEST:
        raise InterventionError(f"{span!r} is too far, expected at most {FARTHEST.days}d at once")
    world.clock.advance(ahead)
    return f"it is now {world.clock():%Y-%m-%d %H:%M:%S} UTC"


def _expire(world: World, thing: str) -> str:
    token = _token(world, thing)
    world.registry.amend(token.authorization_id, valid_to=world.clock() - timedelta(seconds=1))
    return f"token {token.display_name} has expired"


def _revoke(world: World, thing: str) -> str:
    token = _token(world, thing)
    world.registry.amend(token.authorization_id, revoked=True)
    return f"token {token.display_name} is revoked"


def _put_to_sleep(world: World, thing: str) -> str:
    token = _token(world, thing)
    world.registry.amend(token.authorization_id, asleep=True)
    return f"token {token.display_name} is listed as before, and no longer works"


def _set_policy(world: World, organization: str, policy: str, value: str) -> str:
    found = world.organizations.get(organization.lower())
    if found is None:
        raise InterventionError(f"there is no organization {organization}")
    match policy:
        case "max-lifespan":
            longest = None if value == "off" else _span(value)
            found.policy = replace(found.policy, max_lifespan=longest)
        case "full-scope":
            found.policy = replace(found.policy, restrict_full_scope=_is_on(value))
        case "global":
            found.policy = replace(found.policy, restrict_global=_is_on(value))
        case "creation":
            found.policy = replace(found.policy, restrict_creation=_is_on(value))
        case "public-project":
            found.has_public_project = _is_on(value)
        case _:
            raise InterventionError(f"unknown policy {policy!r}, expected one of {POLICIES}")
    return f"{found.name}: {policy} is {value}"


def _switch(world: World, thing: str, *, enabled: bool) -> str:
    vault, version = _newest(world, thing)
    vault.update(version.name, version.id, Properties(enabled=enabled))
    return f"the newest version of {thing} is {'enabled' if enabled else 'disabled'}"


def _disable(world: World, thing: str) -> str:
    return _switch(world, thing, enabled=False)


def _enable(world: World, thing: str) -> str:
    return _switch(world, thing, enabled=True)


def _paste(world: World, thing: str, value: str) -> str:
    vault, version = _newest(world, thing)
    vault.set(version.name, value, Properties(tags=version.tags))
    return f"{thing} holds the pasted value, with the tags copied"


def _restore(world: World, thing: str) -> str:
    vault, version = _newest(world, thing)
    older = [old for old in vault.versions(version.name) if old.value != version.value]
    if not older:
        raise InterventionError(f"{thing} has held no other value")
    vault.set(version.name, older[-1].value, Properties(tags=version.tags))
    return f"{thing} holds its previous value again, with the tags copied"


def _forbid(world: World, vault: str, permission: str) -> str:
    _vault(world, vault).permissions.discard(_permission(permission))
    return f"{vault} refuses: {permission}"


def _allow(world: World, vault: str, permission: str) -> str:
    _vault(world, vault).permissions.add(_permission(permission))
    return f"{vault} allows: {permission}"


VERBS = {
    "advance": Verb("SPAN", "let time pass: 2d, 36h, 90m", _advance),
    "expire": Verb("TOKEN", "end a token's time now", _expire),
    "revoke": Verb("TOKEN", "revoke a token as an administrator", _revoke),
    "sleep": Verb("TOKEN", "a token is refused though it is listed as active", _put_to_sleep),
    "policy": Verb(
        "ORGANIZATION POLICY VALUE", "such as: policy contoso max-lifespan 7d", _set_policy
    ),
    **ACCOUNT_VERBS,
    "disable": Verb("SECRET", "switch off the newest version", _disable),
    "enable": Verb("SECRET", "switch it on again", _enable),
    "paste": Verb("SECRET VALUE", "store a value by hand, with the tags copied", _paste),
    "restore": Verb("SECRET", "paste the previous value back, with the tags copied", _restore),
    "forbid": Verb("VAULT PERMISSION", "such as: forbid kv-build set", _forbid),
    "allow": Verb("VAULT PERMISSION", "give the permission back", _allow),
}
"""TOKEN is an authorization id, or the SECRET that holds it; SECRET is ``vault/name``."""


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([dhms])", text)
    if not match:
        raise InterventionError(f"{text!r} is no span of time, expected one such as 2d, 36h or 90m")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _is_on(value: str) -> bool:
    if value not in {"on", "off"}:
        raise InterventionError(f"{value!r} is neither on nor off")
    return value == "on"


def _vault(world: World, name: str) -> Vault:
    if name.lower() not in world.vaults:
        raise InterventionError(f"there is no vault {name}, only {', '.join(world.vaults)}")
    return world.vault(name)


def _permission(name: str) -> str:
    if name not in PERMISSIONS:
        known = ", ".join(sorted(PERMISSIONS))
        raise InterventionError(f"unknown permission {name!r}, expected one of {known}")
    return name


def _newest(world: World, thing: str) -> tuple[Vault, SecretVersion]:
    name, _, secret = thing.partition("/")
    vault = _vault(world, name)
    for version in vault.list_secrets():
        if version.name.lower() == secret.lower():
            return vault, version
    raise InterventionError(f"there is no secret {thing}, expected VAULT/NAME")


def _token(world: World, thing: str) -> Token:
    if "/" not in thing:
        known = {token.authorization_id: token for token in world.registry.tokens}
        if thing not in known:
            raise InterventionError(f"there is no token {thing}")
        return known[thing]
    token = world.registry.find(_newest(world, thing)[1].value)
    if token is None:
        raise InterventionError(f"{thing} holds the value of no token")
    return token
