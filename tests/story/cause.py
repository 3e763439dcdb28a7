"""What a run says of a secret, and what must be so in the world for it to be true (I8).

The world is asked, not the rotator; tags are read here once more, in a few lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rotation.report import Ending
from sandbox.ports import sessions_of
from tests.story.invariant import DAY, LIFETIME, Wish, digest, mark_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotation.report import RunReport
    from sandbox.organization import Organization
    from sandbox.token import Token
    from sandbox.vault import SecretVersion
    from sandbox.world import World
    from tests.story.invariant import Invariants

GOOD = {
    "pat-rotation": "regenerate|extend|watch",
    "pat-organization": "[A-Za-z0-9-]+",
    "pat-owner": "[a-z]+@[a-z.]+",
    "pat-lifetime-days": "[1-9]|[1-8][0-9]|90",
    "pat-rotate-before-days": "[0-9]+",
    "pat-grace-hours": "[1-9][0-9]*",
    "pat-authorization-id": "[0-9a-f-]{36}( [0-9a-f]{12})?",
    "pat-retire": "now [0-9a-f]{12}",
    "pat-attempt": r"[0-9]+ [0-9T:-]+Z",
}
"""What the tags look like that people and the rotator write here when they make no mistake."""
HALF_WITH_SPREAD = 2.2
"""A window with its spread takes at most half of the life that was granted."""


@dataclass(frozen=True)
class Case:
    """A secret after an undisturbed run, and the world around it."""

    world: World
    invariants: Invariants
    name: str
    """``vault/name``."""
    secret: SecretVersion
    report: RunReport

    @property
    def wish(self) -> Wish:
        """What its tags ask for."""
        return Wish(self.secret.tags)

    @property
    def token(self) -> Token | None:
        """The token whose value it holds."""
        return self.world.registry.find(self.secret.value)

    @property
    def permissions(self) -> set[str]:
        """What the rotator may do in its vault."""
        return self.world.vault(self.name.split("/")[0]).permissions

    @property
    def organization(self) -> Organization | None:
        """The organization that it names, if there is such a one."""
        return self.world.organizations.get(self.wish.organization)

    @property
    def is_member(self) -> bool:
        """Whether its owner belongs to its organization."""
        owner = self.world.tenant.users.get(self.wish.owner)
        return bool(owner and self.organization and owner.identity_id in self.organization.members)

    @property
    def is_value_good(self) -> bool:
        """Whether its value works for its owner, in its organization."""
        owner = self.world.tenant.users.get(self.wish.owner)
        if not (owner and self.organization):
            return False
        user = self.world.authenticate(self.organization.name, self.secret.value)
        return user == owner.identity_id

    @cached_property
    def claimed(self) -> list[Token]:
        """The living tokens that bear its mark, of its owner, in its organization."""
        return [
            token
            for token in self.world.living_tokens()
            if mark_of(token) == self.name and self.invariants.is_claimed(token, self.wish)
        ]

    @property
    def recorded(self) -> str | None:
        """The authorization id that it names with its value's digest."""
        said = self.secret.tags.get("pat-authorization-id", "")
        is_its_own = said.endswith(f" {digest(self.secret.value)}")
        return said.split()[0] if is_its_own else None


def hindrance(case: Case) -> str | None:
    """Say what stands in the way of a renewal, if anything does."""
    policy = case.organization and case.organization.policy
    scopes = {token.scope for token in case.invariants.bound(case.name)}
    if not case.is_member:
        return "the owner does not belong to the organization"
    if policy and policy.restrict_creation:
        return "nobody may create tokens"
    if policy and policy.restrict_full_scope and "app_token" in scopes:
        return "nobody may have full scope"
    missing = {"get", "list", "set", "update"} - case.permissions
    return f"the vault refuses: {missing}" if missing else None


# --- What is said ------------------------------------------------------------------------------


def is_fresh(case: Case) -> bool:
    """Nothing is to do, and its token is the only one."""
    return _is_sound(case) and [token.value for token in case.claimed] == [case.secret.value]


def is_in_grace(case: Case) -> bool:
    """Nothing is to do, and others that are not old enough live beside its token."""
    return _is_sound(case) and len(case.claimed) > 1


def has_more_to_do(case: Case) -> bool:
    """More of its tokens were ripe than one settling retires."""
    return len(case.claimed) > 1


def _is_sound(case: Case) -> bool:
    """Tell whether a settled secret's token is its own, and neither dead nor due.

    One that is asleep looks alive: it is noticed within a day.
    """
    token = case.token
    if token is None or mark_of(token) != case.name or case.recorded != token.authorization_id:
        return False
    if not (case.is_value_good or token.asleep):
        return False
    days = case.secret.tags.get("pat-rotate-before-days")
    before = int(days) * DAY if days else case.wish.lifetime / 3
    granted = min(token.valid_to - token.valid_from, case.wish.lifetime)
    window = min(before, granted / HALF_WITH_SPREAD)
    return token.valid_to - case.report.started_at >= window


def is_mis_tagged(case: Case) -> bool:
    """A tag is no good, or one is missing, or two contradict each other."""
    tags = case.secret.tags
    days = [tags.get(name, "") for name in ("pat-rotate-before-days", "pat-lifetime-days")]
    before, lifetime = (int(text) if text.isdigit() else None for text in days)
    return (
        any(name in tags and not re.fullmatch(good, tags[name]) for name, good in GOOD.items())
        or not {"pat-owner", "pat-organization"} <= tags.keys()
        or (before is not None and before >= (lifetime or LIFETIME.days))
    )


def has_no_session(case: Case) -> bool:
    """Its owner has to sign in again, or is none whom the settings name."""
    named = case.wish.owner
    owners = [s.owner for s in case.report.sessions if named in {"", s.owner}]
    sessions = sessions_of(case.world, owners)
    return not owners or not all(sessions.session(owner).is_working for owner in owners)


def is_nobodys_value(case: Case) -> bool:
    """Its value does not work for the owner it names, in the organization it names."""
    return case.recorded is None and not case.is_value_good


def is_not_the_owners(case: Case) -> bool:
    """It names a token that its owner does not have there."""
    return case.token is None or not case.invariants.is_claimed(case.token, case.wish)


def is_foreign(case: Case) -> bool:
    """It names a token that does not bear its mark."""
    return case.token is not None and mark_of(case.token) != case.name


def is_unknown(case: Case) -> bool:
    """Its value may be of any of its tokens, and only a known one is extended."""
    return case.recorded is None and case.secret.tags["pat-rotation"] == "extend"


def differs_in_scope(case: Case) -> bool:
    """Its value may be of any of its tokens, and they may do different things."""
    return case.recorded is None and len({token.scope for token in case.claimed}) > 1


def is_denied(case: Case) -> bool:
    """The vault or the organization lets nobody in."""
    return not case.is_member or not {"get", "list", "set", "update"} <= case.permissions


def _policy(case: Case, name: str) -> bool:
    return bool(case.organization and getattr(case.organization.policy, name))


CAUSES: Mapping[tuple[Ending, str], Callable[[Case], bool]] = {
    (Ending.SETTLED, "fresh"): is_fresh,
    (Ending.SETTLED, "in-grace"): is_in_grace,
    (Ending.SETTLED, "more-to-do"): has_more_to_do,
    (Ending.SKIPPED, "disabled"): lambda case: not case.secret.enabled,
    **{
        (Ending.WATCHED, reason): lambda case: case.secret.tags["pat-rotation"] == "watch"
        for reason in ("watched", "expires-soon", "expired", "no-expiry")
    },
    (Ending.BLOCKED, "sign-in-needed"): has_no_session,
    (Ending.BLOCKED, "administrator-needed"): has_no_session,
    (Ending.BLOCKED, "unknown-owner"): has_no_session,
    (Ending.REJECTED, "mis-tagged"): is_mis_tagged,
    (Ending.REJECTED, "value-refused"): is_nobodys_value,
    (Ending.REJECTED, "unknown-value"): is_unknown,
    (Ending.REJECTED, "nothing-bound"): lambda case: not case.claimed,
    (Ending.REJECTED, "scopes-differ"): differs_in_scope,
    (Ending.REJECTED, "unknown-token"): is_not_the_owners,
    (Ending.REJECTED, "foreign-token"): is_foreign,
    (Ending.FAILED, "backing-off"): lambda case: "pat-attempt" in case.secret.tags,
    (Ending.FAILED, "access-denied"): is_denied,
    (Ending.FAILED, "status-404"): lambda case: case.organization is None,
    (Ending.FAILED, "disablePatCreationPolicyViolation"): lambda case: _policy(
        case, "restrict_creation"
    ),
    (Ending.FAILED, "fullScopePatPolicyViolation"): lambda case: _policy(
        case, "restrict_full_scope"
    ),
}
"""By how it ended and why, as a run says it; what is not among them is never true."""
