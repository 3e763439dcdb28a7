"""The other steps: Extend, Retire, Adopt, Refresh, Prove. Each is a short list of remote calls.

Each gap between two calls is a place where the process may die; the comment there says what that
leaves behind and which rule picks it up. Every step returns the snapshot as the answers amend it;
what the tags then ask for is read from them anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotation import tags
from rotation.attempt import begin, counted
from rotation.decision import Action
from rotation.errors import LockHeldError, RejectedError, ServiceError, VerificationError
from rotation.events import Kind
from rotation.model import Draft, Recorded
from rotation.renewal import renew
from rotation.schedule import DAY, MINUTE, is_renewal_wanted, renewal_at

if TYPE_CHECKING:
    from rotation.decision import Snapshot
    from rotation.model import SecretVersion, Token
    from rotation.settling import Settling


def extend(x: Settling, s: Snapshot, old: Token) -> Snapshot:
    """Move the expiry of the current token, if that gains enough; if not, rule 8 renews it.

    Raises:
        RotationError: the vault still shows the old expiry; the failure is counted.
    """
    now = x.ports.clock()
    asked = Draft(old.display_name, old.scope, now + s.mandate.lifetime)
    with counted(x, s.secret, begin(s.mandate.attempt, now)):
        token = _move_expiry(x, s, old, asked)
        # A crash here leaves a token that lives for longer than the vault shows: rule 8 or 9.
        if token is None or renewal_at(token, s.mandate, s.secret.name) <= now:
            # Refused; or a wall: the date of creation plus the policy's maximum.
            return replace(_amended(s, token or old), has_wall=True)
        proven = prove(x, _amended(s, token), token)
        if not proven.proof:
            return proven  # rule 7 goes on
        kept = tags.succeeded(s.secret.tags)
        written = x.call(x.ports.store.write_tags, s.secret, kept, expires_at=token.valid_to)
    # A crash here leaves all in order.
    if asked.valid_to - token.valid_to > MINUTE:
        x.recorder.of_token(Kind.LIFETIME_CLAMPED, s, token)
    x.recorder.of_token(Kind.TOKEN_EXTENDED, s, token)
    return replace(proven, secret=written)


def _amended(s: Snapshot, token: Token) -> Snapshot:
    """Know the current token as an answer tells it."""
    others = (t for t in s.bound if t.authorization_id != token.authorization_id)
    return replace(s, recorded=token, bound=(*others, token))


def _move_expiry(x: Settling, s: Snapshot, current: Token, asked: Draft) -> Token | None:
    """Ask for a later expiry; None if that is refused for good, or cannot be waited for."""
    place = (s.mandate.owner, s.mandate.organization)
    try:
        token = x.call(x.ports.issuer.extend, *place, current, asked.valid_to)
    except ServiceError as exc:
        is_last_day = current.valid_to - x.ports.clock() <= DAY
        if not isinstance(exc, RejectedError) and not is_last_day:
            raise
        told = {"reason": exc.reason, "message": f"{exc}; it is renewed instead"}
        x.recorder.of_token(Kind.ROTATION_FAILED, s, current, **told)
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
    others = other_versions(x, s)
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
    told = {"authorization_id": token.authorization_id, "secret_version": s.secret.version}
    x.recorder.about(Kind.TOKEN_RETIRED, s, **told)
    left = tuple(t for t in s.bound if t.authorization_id != token.authorization_id)
    return replace(s, bound=left)


def other_versions(x: Settling, s: Snapshot) -> list[SecretVersion]:
    """Give the versions of a secret beside the newest one, which was read in this settling.

    Raises:
        LockHeldError: somebody has stored a newer version meanwhile.
    """
    name = s.secret.name
    versions = x.call(x.ports.store.list_versions, name)
    others = [version for version in versions if version.version != s.secret.version]
    if any(version.created_at > s.secret.created_at for version in others):
        message = f"somebody has stored a newer version of {name}"
        raise LockHeldError(message)
    return others


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
    x.recorder.of_token(Kind.TOKEN_ADOPTED, s, token)
    return replace(s, secret=written)


def refresh(x: Settling, s: Snapshot, token: Token) -> Snapshot:
    """Let the vault show its token's real expiry.

    The value was proven in this settling (rule 7 asks for it).
    """
    # An extension that died before it was written down has succeeded by now.
    is_due = is_renewal_wanted(s, x.ports.clock())
    kept = s.secret.tags if is_due else tags.succeeded(s.secret.tags)
    written = x.call(x.ports.store.write_tags, s.secret, kept, expires_at=token.valid_to)
    # A crash here leaves all in order.
    x.recorder.of_token(Kind.METADATA_REFRESHED, s, token)
    return replace(s, secret=written)


def prove(x: Settling, s: Snapshot, _token: Token) -> Snapshot:
    """Use the stored value; that it does not work is no failure, but rule 7's business."""
    owner, organization = s.mandate.owner, s.mandate.organization
    proof = x.call(x.ports.issuer.prove, owner, organization, s.value)
    if not proof:
        x.recorder.about(Kind.PROOF_FAILED, s, secret_version=s.secret.version)
    return replace(s, proof=proof)


STEPS = {
    Action.RENEW: renew,
    Action.EXTEND: extend,
    Action.RETIRE: retire,
    Action.ADOPT: adopt,
    Action.REFRESH: refresh,
    Action.PROVE: prove,
}
