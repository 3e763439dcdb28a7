"""What administrators of the tenant, and owners, do to accounts by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.verb import InterventionError, Verb

if TYPE_CHECKING:
    from sandbox.world import World


def _end_session(world: World, owner: str, error: str = "revoked") -> str:
    _owner(world, owner)
    if error == "revoked":
        world.tenant.revoke_sessions(owner)
    else:
        try:
            world.tenant.demand(owner, error)
        except ValueError as exc:
            raise InterventionError(f"{exc} or revoked") from None
    return f"the sessions of {owner} are refused: {error}"


def _connect(world: World, owner: str) -> str:
    if world.tenant.users[_owner(world, owner).lower()].agent_identity_id:
        raise InterventionError(f"{owner} is an agent user, and nobody can sign in as one")
    world.connect(owner)
    return f"{owner} has signed in"


def _require_sign_in(world: World, owner: str) -> str:
    world.tenant.demand(_owner(world, owner), "interaction_required")
    return f"{owner} must sign in again"


def _disable_user(world: World, owner: str) -> str:
    world.tenant.disable_user(_owner(world, owner))
    return f"the account of {owner} is disabled"


def _enable_user(world: World, owner: str) -> str:
    world.tenant.enable_user(_owner(world, owner))
    return f"the account of {owner} is enabled"


def _delete_user(world: World, owner: str) -> str:
    world.tenant.delete_user(_owner(world, owner))
    return f"the account of {owner} is deleted"


def _block_user(world: World, owner: str) -> str:
    world.tenant.block(_owner(world, owner))
    return f"policies give {owner} no token"


def _unblock_user(world: World, owner: str) -> str:
    world.tenant.unblock(_owner(world, owner))
    return f"policies let {owner} have tokens again"


def _grant_consent(world: World, owner: str) -> str:
    world.tenant.grant_consent(_owner(world, owner))
    return f"an administrator has consented for {owner}"


def _revoke_consent(world: World, owner: str) -> str:
    world.tenant.revoke_consent(_owner(world, owner))
    return f"no application may act as {owner} until they consent again"


def _recall(world: World, owner: str) -> str:
    user = world.tenant.users[_owner(world, owner).lower()]
    if not user.password:
        raise InterventionError(f"{owner} is an agent user, and has nothing to sign in with")
    return f"the password is {user.password}, the other device shows {user.second_factor}"


def _register(world: World, address: str) -> str:
    world.tenant.redirect_uris.add(address)
    return f"people may be sent back to {address} after they signed in"


ACCOUNT_VERBS = {
    "end-session": Verb(
        "OWNER [HOW]", "revoked, interaction_required, consent_required", _end_session
    ),
    "connect": Verb("OWNER", "an owner signs in again", _connect),
    "require-sign-in": Verb("OWNER", "policies demand a sign-in in a browser", _require_sign_in),
    "grant-consent": Verb("OWNER", "consent for the owner, as an administrator", _grant_consent),
    "revoke-consent": Verb("OWNER", "take back what was consented to", _revoke_consent),
    "disable-user": Verb("OWNER", "disable the account", _disable_user),
    "enable-user": Verb("OWNER", "enable it again", _enable_user),
    "block-user": Verb("OWNER", "policies give the account no token", _block_user),
    "unblock-user": Verb("OWNER", "lift that policy again", _unblock_user),
    "recall": Verb("OWNER", "tell what an owner signs in with in a browser", _recall),
    "register": Verb("URL", "let people be sent back there after a sign-in", _register),
    "delete-user": Verb("OWNER", "delete the account for good", _delete_user),
}
"""OWNER is a user principal name."""


def _owner(world: World, owner: str) -> str:
    if owner.lower() not in world.tenant.users:
        raise InterventionError(f"there is no {owner}, only {', '.join(world.tenant.users)}")
    return owner
