"""What must always hold, looked up in the world itself: nothing here asks the rotator.

The numbers are those of the promises in ``docs/protocol.md``. The tags of a secret are read here
once more, in a few lines of their own, so that an error in the rotator's reading is no excuse.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from sandbox.registry import Deed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sandbox.registry import AuditEntry
    from sandbox.token import Token
    from sandbox.vault import SecretVersion
    from sandbox.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROUNDING = timedelta(minutes=5)
"""How much more life a service may grant than was asked for."""
GRACE, LIFETIME = 48 * HOUR, 30 * DAY
"""What the stories' rotators take where a secret's tags say nothing."""


@dataclass(frozen=True)
class Wish:
    """What the tags of a secret ask for, as far as the invariants depend on it."""

    tags: Mapping[str, str]

    @property
    def is_kept_fresh(self) -> bool:
        """Whether the rotator is to touch it at all."""
        return self.tags.get("pat-rotation", "watch") != "watch"

    @property
    def grace(self) -> timedelta:
        """How long a predecessor lives on."""
        hours = self._number("pat-grace-hours")
        return max(hours * HOUR if hours else GRACE, HOUR)

    @property
    def lifetime(self) -> timedelta:
        """How long a token is to live."""
        days = self._number("pat-lifetime-days")
        return days * DAY if days else LIFETIME

    @property
    def owner(self) -> str:
        """Whose tokens it claims; empty if there is only one owner, who need not be named."""
        return self.tags.get("pat-owner", "").strip().lower()

    @property
    def organization(self) -> str:
        """Where its tokens are."""
        return self.tags.get("pat-organization", "").strip().lower()

    def _number(self, tag: str) -> int | None:
        """Read a tag; what does not parse is the rotator's to refuse."""
        return _read(self.tags.get(tag, ""))


@cache
def _read(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,6}", text.strip()) else None


@dataclass(frozen=True)
class Permit:
    """What an operator has ordered about one secret, beyond what its tags allow."""

    scopes: frozenset[str] = frozenset()
    """Other scopes, as the service writes them, that its tokens may have."""
    adopted: str = ""
    """Authorization id of a token that may be given the secret's mark."""
    is_first: bool = False
    """Whether it may get a token although it is not to be kept fresh yet."""
    is_given_up: bool = False
    """Whether all of its tokens may be revoked at once."""


@dataclass
class Invariants:
    """The promises I1 to I6 over one world, from one look to the next."""

    world: World
    watched: Callable[[], Sequence[str]]
    """Gives the names of the vaults that are watched."""
    killed: set[str] = field(default_factory=set)
    """Authorization ids of tokens that somebody outside killed, or pasted when they were dead."""
    clock_error: timedelta = timedelta(0)
    """By how much a rotator's own clock is wrong: a grace is only as exact as that."""
    is_excused: Callable[[str, SecretVersion, Token], bool] = lambda _name, _secret, _token: False
    """Tells whether the death of a newest version can be nobody's fault."""
    dead: dict[str, Token] = field(default_factory=dict)
    """The newest versions that did not work at the last look, whoever killed them."""
    lawless: frozenset[str] = frozenset()
    """Vaults whose secrets somebody attacks who may write them, and so may end them, too: what is
    promised there is only what becomes of tokens elsewhere (I5 and I6)."""
    permits: dict[str, Permit] = field(default_factory=dict)
    """What was ordered, by the secret's name (``vault/name``, lower case)."""
    audited: int = 0
    """How many lines of the audit log have been looked at."""

    def broken(self, settled: Collection[str] = (), as_of: datetime | None = None) -> list[str]:
        """Give a sentence for everything that does not hold, at any moment, crash or not.

        Args:
            settled: the secrets (``vault/name``, lower case) that the last run settled: what holds
                only after that is looked up for them.
            as_of: when that run began; now, if it took no time.
        """
        secrets = {
            f"{vault}/{secret.name}".lower(): secret
            for vault in self.watched()
            for secret in self.world.vault(vault).list_secrets()
            if "pat-rotation" in secret.tags
        }
        lawful = {n: s for n, s in secrets.items() if n.split("/")[0] not in self.lawless}
        done = self.world.registry.audit[self.audited :]
        self.audited += len(done)
        return [
            *(fault for entry in done for fault in self._wrong(entry, secrets)),
            *self._dead(lawful),
            *self._strays({name: lawful[name] for name in settled if name in lawful}, as_of),
        ]

    def overlook(self) -> None:
        """Pass over what was done to tokens since the last look."""
        self.audited = len(self.world.registry.audit)

    # --- I1: the newest version authenticates --------------------------------------------------

    def _dead(self, secrets: Mapping[str, SecretVersion]) -> Iterator[str]:
        self.dead.clear()
        for name, secret in secrets.items():
            token = self.world.registry.find(secret.value)
            if token is None or self.works(token):
                continue
            if not secret.enabled or not Wish(secret.tags).is_kept_fresh:
                continue
            self.dead[name] = token
            is_nobodys_fault = is_handed_over(token, name) or self.is_excused(name, secret, token)
            if token.authorization_id not in self.killed and not is_nobodys_fault:
                yield f"I1: the newest version of {name} does not authenticate"

    def works(self, token: Token) -> bool:
        """Tell whether a token authenticates, as its owner, where it is confined to."""
        authenticate = self.world.registry.authenticate
        for organization in self.world.organizations.values():
            if token.accounts is None or organization.account_id in token.accounts:
                return authenticate(organization, token.value) == token.owner
        return False

    # --- I2, I5, I6: what was done to tokens ---------------------------------------------------

    def _wrong(self, entry: AuditEntry, secrets: Mapping[str, SecretVersion]) -> Iterator[str]:
        mark = mark_of(entry.before or entry.after)
        if self._permit(mark_of(entry.after)).adopted == entry.after.authorization_id:
            mark = mark_of(entry.after)
        permit = self._permit(mark)
        secret = secrets.get(mark)
        is_ordered = permit.is_first or permit.is_given_up
        if secret is None and not is_ordered:
            yield f"I6: {entry.deed} of a token that is bound to no managed secret: {mark!r}"
            return
        wish = Wish(secret.tags if secret else {})
        is_fresh = secret and secret.enabled and wish.is_kept_fresh
        if not is_fresh and not is_ordered:
            yield f"I6: {entry.deed} of a token whose secret is not to be kept fresh: {mark!r}"
        if entry.deed is Deed.REVOKE:
            fault = self._hasty(entry, mark, wish)
        elif entry.deed is Deed.CREATE:
            fault = self._grown(entry.after, mark, wish, entry.at)
        else:
            fault = self._changed(entry, mark, wish)
        if fault:
            yield f"{fault}: {mark}"

    def _hasty(self, entry: AuditEntry, mark: str, wish: Wish) -> str | None:
        """I2: see what stood in the vault when a token was revoked."""
        vault, _, name = mark.partition("/")
        if vault in self.lawless or self._permit(mark).is_given_up:
            return None
        versions = [v for v in self.world.vault(vault).versions(name) if v.created_at <= entry.at]
        holding = [n for n, v in enumerate(versions) if v.value == entry.after.value]
        if not holding or not entry.before or entry.before.revoked:
            return None  # never stored, or gone before
        successors = versions[holding[-1] + 1 :]
        if not successors:
            return "I2: the token of the newest version was revoked"
        newest = self.world.registry.find(successors[-1].value)
        if newest is None or not (newest.authorization_id in self.killed or self.works(newest)):
            return "I2: a token was revoked while its successor did not work"
        is_ordered = any(orders_retirement(version) for version in successors)
        lived = entry.at - successors[0].created_at
        if not is_ordered and lived < wish.grace - self.clock_error:
            return f"I2: a token was revoked {lived} after the store of its successor"
        return None

    def _grown(self, token: Token, mark: str, wish: Wish, at: datetime) -> str | None:
        """I5: a new token is no more than one that was there before."""
        others = chain(self._stored(mark), self.bound(mark))
        scopes = (
            other.scope
            for other in others
            if other.value != token.value and other.owner == token.owner
        )
        if token.scope not in scopes and token.scope not in self._permit(mark).scopes:
            return f"I5: a token was made with the scope {token.scope}"
        return _reach(token, wish, at)

    def _permit(self, mark: str) -> Permit:
        return self.permits.get(mark, Permit())

    def _stored(self, mark: str) -> Iterator[Token]:
        """Give the tokens that a secret has held and that are bound to it, the newest first."""
        vault, _, name = mark.partition("/")
        for version in reversed(self.world.vault(vault).versions(name)):
            token = self.world.registry.find(version.value)
            if token and mark_of(token) == mark:
                yield token

    def _changed(self, entry: AuditEntry, mark: str, wish: Wish) -> str | None:
        """I5: an extension changes the expiry only, and an adoption the name.

        A lifespan policy that was lowered meanwhile may move it into the past: the service counts
        from the day the token was made. Then it is the policy that has killed the token.
        """
        before, after = entry.before, entry.after
        if after.valid_to <= entry.at:
            self.killed.add(after.authorization_id)
        is_adopted = self._permit(mark).adopted == after.authorization_id
        if is_adopted and before and replace(before, display_name=after.display_name) == after:
            return None
        if before is None or replace(before, valid_to=after.valid_to) != after:
            return "I5: an extension changed more than the expiry"
        return _reach(after, wish, entry.at)

    # --- I3: no strays -------------------------------------------------------------------------

    def _strays(
        self, secrets: Mapping[str, SecretVersion], as_of: datetime | None
    ) -> Iterator[str]:
        now = as_of or self.world.clock()
        living: dict[str, list[Token]] = defaultdict(list)
        for token in self.world.living_tokens() if secrets else ():
            living[mark_of(token)].append(token)
        for name, tokens in living.items():
            secret = secrets.get(name)
            for token in tokens:
                if secret is None or token.value == secret.value:
                    continue
                wish, youngest = Wish(secret.tags), max(token.valid_from, secret.created_at)
                is_old = now - youngest > wish.grace + self.clock_error
                if is_old and self.is_claimed(token, wish):
                    yield f"I3: {name} has a stray from {token.valid_from}"

    def is_claimed(self, token: Token, wish: Wish) -> bool:
        """Tell whether a bound token is of the owner and in the organization that a secret names.

        Any other one is reported, and never touched.
        """
        owner = self.world.tenant.users.get(wish.owner)
        organization = self.world.organizations.get(wish.organization)
        is_here = organization and organization.account_id in (
            token.accounts or [organization.account_id]
        )
        return bool(is_here) and (not wish.owner or (owner and owner.identity_id) == token.owner)

    def bound(self, mark: str) -> Iterator[Token]:
        """Give all tokens bound to a secret, dead or alive, the oldest first."""
        return (token for token in self.world.registry.tokens if mark_of(token) == mark)


def mark_of(token: Token) -> str:
    """Give the ``vault/name`` of the binding mark that ends a display name, in lower case."""
    return _mark_in(token.display_name)


@cache
def _mark_in(name: str) -> str:
    return name.lower()[name.rindex("[") + 1 : -1] if name.endswith("]") and "[" in name else ""


def is_handed_over(token: Token, name: str) -> bool:
    """Tell whether a token that a secret holds bears the mark of another one.

    Its owner has said so, or somebody pasted a neighbour's value: the rules of the other secret
    decide how long it lives.
    """
    return mark_of(token) not in {"", name}


def orders_retirement(version: SecretVersion) -> bool:
    """Tell whether a version carries the order to end the grace of those before it."""
    return version.tags.get("pat-retire", "").lower() == f"now {digest(version.value)}"


def digest(value: str) -> str:
    """Give the digest by which tags speak of a value."""
    return hashlib.sha256(value.encode()).hexdigest()[:12]


def _reach(token: Token, wish: Wish, at: datetime) -> str | None:
    if token.accounts is None or len(token.accounts) != 1:
        return "I5: a token reaches more than one organization"
    if token.valid_to - at > wish.lifetime + ROUNDING:
        return f"I5: a token was given a life of {token.valid_to - at}"
    return None
