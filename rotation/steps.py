"""The steps: Renew, Extend, Retire, Adopt, Refresh, Prove. Each is a short list of remote calls.

Each gap between two calls is a place where the process may die; the comment there says what that
leaves behind and which rule picks it up. Every step returns the snapshot as the answers amend it;
what the tags then ask for is read from them anew.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rotation import tags
from rotation.errors import (
    LockHeldError,
    RejectedError,
    RotationError,
    VerificationError,
)
from rotation.events import Kind
from rotation.model import (
    MARK,
    Action,
    Attempt,
    Created,
    Draft,
    ManagedSecret,
    Recorded,
    Snapshot,
    Token,
    TokenValue,
)
from rotation.schedule import MINUTE, is_renewal_wanted, renewal_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotation.settling import Settling

TRIES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each proof of a new token: it may need a moment to spread."""
ROUNDING = timedelta(minutes=5)
"""How much later than asked an expiry may be granted before it is refused."""


def renew(x: Settling, s: Snapshot, old: Token) -> Snapshot:
    """Create a successor with the scope of ``old``, try it, and store it.

    Raises:
        RotationError: nothing was stored, or it is not known whether; the failure is counted.
    """
    # 1. Preflight. If the vault refuses this write, nothing is created that could not be stored.
    #    The tags of the answer are the ones to carry over.
    attempt = _begin(s.mandate.attempt, x.ports.clock())
    written = x.call(x.ports.store.write_tags, s.secret, tags.attempted(s.secret.tags, attempt))
    # A crash here leaves the mark of an attempt; rule 5, 7 or 8 renews, backing off from the second
    # such crash on.
    with _counted(x, written, attempt):
        return _succeed(x, replace(s, secret=written), old)


def _succeed(x: Settling, s: Snapshot, old: Token) -> Snapshot:
    created = _make(x, s, old)
    token = created.token
    # A crash here leaves a living bound token that is not the current one: rule 10.
    # 5. Store: the commit. Once this call has been sent, this run never revokes the token, whatever
    #    the answer: the version may be there.
    stored = x.call(
        x.ports.store.store,
        s.secret,
        created.value,
        tags=tags.stored(s.secret.tags, Recorded(token.authorization_id, created.value.digest)),
        expires_at=token.valid_to,
    )
    # A crash here leaves all in order; the predecessor is superseded, and rule 10 retires it.
    x.recorder.about(
        Kind.TOKEN_STORED,
        stored,
        s.mandate,
        **_facts(token, s),
        previous_authorization_id=old.authorization_id,
        secret_version=stored.version,
    )
    return replace(s, secret=stored, recorded=token, bound=(*s.bound, token), proof=True)


def _make(x: Settling, s: Snapshot, old: Token) -> Created:
    """Create a token that works, or none."""
    owner, organization = s.mandate.owner, s.mandate.organization
    # 2. Create. Without an answer the outcome is unknown: it is never repeated.
    asked = Draft(_named(old, s.secret), old.scope, x.ports.clock() + s.mandate.lifetime)
    created = x.call(x.ports.issuer.create, owner, organization, asked)
    # A crash here, or a lost answer, leaves a living bound token that is not the current one;
    # rule 10 retires it when it is older than the grace period.
    about = _facts(created.token, s)
    x.recorder.about(Kind.TOKEN_CREATED, s.secret, s.mandate, **about)
    # 3. and 4. Check what came back, and try it. What does not work was never stored: revoke it.
    try:
        _check(created.token, asked, s, x.ports.clock())
        _try(x, s, created.value)
    except RotationError:
        _revoke_useless(x, s, created.token)
        raise
    if asked.valid_to - created.token.valid_to > MINUTE:
        x.recorder.about(Kind.LIFETIME_CLAMPED, s.secret, s.mandate, **about)
    return created


def _revoke_useless(x: Settling, s: Snapshot, token: Token) -> None:
    # A crash here, or a refusal: rule 10, if the token is bound.
    try:
        revoke = x.ports.issuer.revoke
        x.call(revoke, s.mandate.owner, s.mandate.organization, token.authorization_id)
    except RotationError as exc:
        told = {"reason": "not-revoked", "message": f"a new token that is useless lives on: {exc}"}
        x.recorder.about(Kind.ROTATION_FAILED, s.secret, s.mandate, **_facts(token, s), **told)


def extend(x: Settling, s: Snapshot, old: Token) -> Snapshot:
    """Move the expiry of the current token, if that gains enough; if not, rule 8 renews it.

    Raises:
        RotationError: the vault still shows the old expiry; the failure is counted.
    """
    now = x.ports.clock()
    asked = Draft(old.display_name, old.scope, now + s.mandate.lifetime)
    with _counted(x, s.secret, _begin(s.mandate.attempt, now)):
        token = _move_expiry(x, s, old, asked)
        # A crash here leaves a token that lives for longer than the vault shows: rule 8 or 9.
        if token is None or renewal_at(token, s.mandate, s.secret.name) <= now:
            # Refused; or a wall: the date of creation plus the policy's maximum.
            return replace(s, recorded=token or old, has_wall=True)
        proven = prove(x, replace(s, recorded=token), token)
        if not proven.proof:
            return proven  # rule 7 goes on
        kept = tags.succeeded(s.secret.tags)
        written = x.call(x.ports.store.write_tags, s.secret, kept, expires_at=token.valid_to)
    # A crash here leaves all in order.
    if asked.valid_to - token.valid_to > MINUTE:
        x.recorder.about(Kind.LIFETIME_CLAMPED, written, s.mandate, **_facts(token, s))
    x.recorder.about(Kind.TOKEN_EXTENDED, written, s.mandate, **_facts(token, s))
    others = (t for t in s.bound if t.authorization_id != token.authorization_id)
    return replace(proven, secret=written, bound=(*others, token))


def _move_expiry(x: Settling, s: Snapshot, current: Token, asked: Draft) -> Token | None:
    """Ask for a later expiry; None if that is refused for good."""
    place = (s.mandate.owner, s.mandate.organization)
    try:
        token = x.call(x.ports.issuer.extend, *place, current, asked.valid_to)
    except RejectedError as exc:
        told = {"reason": exc.reason, "message": f"{exc}; it is renewed instead"}
        x.recorder.about(Kind.ROTATION_FAILED, s.secret, s.mandate, **_facts(current, s), **told)
        return None
    if token.authorization_id != current.authorization_id or token.scopes - current.scopes:
        message = f"the extension of the token of {s.secret.name} made another token of it"
        raise VerificationError(message)
    return token


def retire(x: Settling, s: Snapshot, token: Token) -> Snapshot:
    """Disable the versions that name the superseded token, and only then revoke it.

    The newest version was read and proven in this settling (rule 10 asks for it).

    Raises:
        LockHeldError: somebody has stored a newer version meanwhile.
    """
    name = s.secret.name
    versions = x.call(x.ports.store.list_versions, name)
    others = [version for version in versions if version.version != s.secret.version]
    if any(version.created_at > s.secret.created_at for version in others):
        message = f"somebody has stored a newer version of {name}"
        raise LockHeldError(message)
    named = [v for v in others if tags.names(v.tags, token.authorization_id)]
    # Nothing is revoked unless the vault has accepted a write in this settling: one that failed
    # over to an older, read-only copy must not cost a token.
    for version in named:
        x.call(x.ports.store.disable, name, version.version)
    if not named:
        x.call(x.ports.store.write_tags, s.secret, s.secret.tags)
    # A crash here leaves the superseded token alive: rule 10 again.
    x.call(x.ports.issuer.revoke, s.mandate.owner, s.mandate.organization, token.authorization_id)
    # A crash here leaves all in order.
    x.recorder.about(
        Kind.TOKEN_RETIRED,
        s.secret,
        s.mandate,
        authorization_id=token.authorization_id,
        secret_version=s.secret.version,
    )
    left = tuple(t for t in s.bound if t.authorization_id != token.authorization_id)
    return replace(s, bound=left)


def adopt(x: Settling, s: Snapshot, token: Token) -> Snapshot:
    """Record again which token the stored value is, as an older version did.

    The value was proven in this settling (rule 5 asks for it).
    """
    recorded = Recorded(token.authorization_id, s.value.digest)
    written = x.call(
        x.ports.store.write_tags,
        s.secret,
        tags.succeeded(tags.adopted(s.secret.tags, recorded)),
        expires_at=token.valid_to,
    )
    # A crash here leaves all in order.
    x.recorder.about(Kind.TOKEN_ADOPTED, written, s.mandate, **_facts(token, s))
    return replace(s, secret=written)


def refresh(x: Settling, s: Snapshot, token: Token) -> Snapshot:
    """Prove the value, then let the vault show its token's real expiry."""
    proven = s if s.proof is not None else prove(x, s, token)
    if not proven.proof:
        return proven  # rule 7 goes on
    # An extension that died before it was written down has succeeded by now.
    is_due = is_renewal_wanted(proven, x.ports.clock())
    kept = s.secret.tags if is_due else tags.succeeded(s.secret.tags)
    written = x.call(x.ports.store.write_tags, s.secret, kept, expires_at=token.valid_to)
    # A crash here leaves all in order.
    x.recorder.about(Kind.METADATA_REFRESHED, written, s.mandate, **_facts(token, s))
    return replace(proven, secret=written)


def prove(x: Settling, s: Snapshot, _token: Token) -> Snapshot:
    """Use the stored value; that it does not work is no failure, but rule 7's business."""
    owner, organization = s.mandate.owner, s.mandate.organization
    proof = x.call(x.ports.issuer.prove, owner, organization, s.value)
    if not proof:
        x.recorder.about(Kind.PROOF_FAILED, s.secret, s.mandate, secret_version=s.secret.version)
    return replace(s, proof=proof)


def _named(old: Token, secret: ManagedSecret) -> str:
    """Give a successor's display name: the old one's, with the mark spelled as the secret is."""
    base = MARK.sub("", old.display_name).strip()
    return f"{base} {secret.name.mark}".strip()


def _facts(token: Token, s: Snapshot) -> dict[str, Any]:
    """Give what an event tells of a token."""
    return {
        "authorization_id": token.authorization_id,
        "expires_at": token.valid_to,
        "next_at": renewal_at(token, s.mandate, s.secret.name),
    }


def _check(token: Token, asked: Draft, s: Snapshot, now: datetime) -> None:
    """Refuse a new token that is more, or lives for longer, than was asked for, or hardly lives."""
    faults = []
    if token.scope != " ".join(sorted(asked.scope.split())):
        faults.append(f"its scope is {token.scope!r} instead of {asked.scope!r}")
    if not token.is_confined_to(s.account_id):
        faults.append(f"it is not confined to {s.mandate.organization}")
    if not token.is_bound_to(s.secret.name):
        faults.append(f"its name does not end in {s.secret.name.mark}")
    if not now < token.valid_to <= asked.valid_to + ROUNDING:
        faults.append(f"it expires on {token.valid_to}, not by {asked.valid_to}")
    elif renewal_at(token, s.mandate, s.secret.name) <= now:
        faults.append("it would have to be renewed at once")
    if faults:
        message = f"the new token for {s.secret.name} is not what was asked for"
        raise VerificationError(f"{message}: {'; '.join(faults)}")


def _try(x: Settling, s: Snapshot, value: TokenValue) -> None:
    """Prove a new token, with a little patience.

    Raises:
        RotationError: it does not work, or nobody can tell.
    """
    for wait in TRIES:
        x.ports.pause(wait)
        if x.call(x.ports.issuer.prove, s.mandate.owner, s.mandate.organization, value):
            return
    message = f"the new token for {s.secret.name} does not work"
    raise VerificationError(message)


def _begin(last: Attempt | None, now: datetime) -> Attempt:
    """Count an attempt that begins.

    The first one is no failure until it is known to have failed, so that the run after a crash
    tries at once. Every further one is, so that what dies again and again backs off.
    """
    return Attempt(0 if last is None else last.failures + 1, now)


@contextmanager
def _counted(x: Settling, secret: ManagedSecret, attempt: Attempt) -> Iterator[None]:
    """Count the attempt as failed if what is done inside fails."""
    try:
        yield
    except RotationError:
        failed = replace(attempt, failures=max(attempt.failures, 1))
        # A failure that cannot be written down is still reported; only the backing off is lost.
        with suppress(RotationError):
            x.call(x.ports.store.write_tags, secret, tags.attempted(secret.tags, failed))
        raise


STEPS = {
    Action.RENEW: renew,
    Action.EXTEND: extend,
    Action.RETIRE: retire,
    Action.ADOPT: adopt,
    Action.REFRESH: refresh,
    Action.PROVE: prove,
}
