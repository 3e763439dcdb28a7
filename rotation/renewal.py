"""Renew: create a successor, try it, store it. A short list of remote calls.

Each gap between two calls is a place where the process may die; the comment there says what that
leaves behind and which rule picks it up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation import tags
from rotation.attempt import begin, counted
from rotation.errors import RotationError, VerificationError
from rotation.events import Kind
from rotation.model import Draft, Recorded, marked
from rotation.schedule import MINUTE, renewal_at

if TYPE_CHECKING:
    from datetime import datetime

    from rotation.decision import Snapshot
    from rotation.model import Created, Token, TokenValue
    from rotation.settling import Settling

TRIES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each proof of a new token: it may need a moment to spread."""
ROUNDING = timedelta(minutes=5)
"""How much later than asked an expiry may be granted before it is refused."""


def renew(x: Settling, s: Snapshot, old: Token) -> Snapshot:
    """Create a successor with the name and the scope of ``old``, try it, and store it.

    An order may want another scope than ``old`` really has, or tags that change with the version.

    Raises:
        RotationError: nothing was stored, or it is not known whether; the failure is counted.
    """
    # 1. Preflight. If the vault refuses this write, nothing is created that could not be stored.
    #    The tags of the answer are the ones to carry over.
    attempt = begin(s.mandate.attempt, x.ports.clock())
    written = x.call(x.ports.store.write_tags, s.secret, tags.attempted(s.secret.tags, attempt))
    # A crash here leaves the mark of an attempt; rule 5, 7 or 8 renews, backing off from the second
    # such crash on.
    with counted(x, written, attempt):
        return _succeed(x, replace(s, secret=written), old)


def _succeed(x: Settling, s: Snapshot, old: Token) -> Snapshot:
    created = _make(x, s, old)
    token = created.token
    # A crash here leaves a living bound token that is not the current one: rule 10.
    recorded = Recorded(token.authorization_id, created.value.digest)
    # 5. Store: the commit. Once this call has been sent, this run never revokes the token, whatever
    #    the answer: the version may be there.
    stored = x.call(
        x.ports.store.store,
        s.secret,
        created.value,
        tags=tags.stored({**s.secret.tags, **s.ordered}, recorded),
        expires_at=token.valid_to,
    )
    # A crash here leaves all in order; the predecessor is superseded, and rule 10 retires it.
    told = {
        "previous_authorization_id": old.authorization_id or None,
        "secret_version": stored.version,
    }
    x.recorder.of_token(Kind.TOKEN_STORED, s, token, **told)
    return replace(s, secret=stored, recorded=token, bound=(*s.bound, token), proof=True)


def _make(x: Settling, s: Snapshot, old: Token) -> Created:
    """Create a token that works, or none."""
    owner, organization = s.mandate.owner, s.mandate.organization
    # 2. Create. Without an answer the outcome is unknown: it is never repeated.
    name = marked(old.display_name, s.secret.name)
    asked = Draft(name, old.scope, x.ports.clock() + s.mandate.lifetime)
    created = x.call(x.ports.issuer.create, owner, organization, asked)
    # A crash here, or a lost answer, leaves a living bound token that is not the current one;
    # rule 10 retires it when it is older than the grace period.
    x.recorder.of_token(Kind.TOKEN_CREATED, s, created.token)
    # 3. and 4. Check what came back, and try it. What does not work was never stored: revoke it.
    try:
        _check(created.token, asked, s, x.ports.clock())
        _try(x, s, created.value)
    except RotationError:
        _revoke_useless(x, s, created.token)
        raise
    if asked.valid_to - created.token.valid_to > MINUTE:
        x.recorder.of_token(Kind.LIFETIME_CLAMPED, s, created.token)
    return created


def _revoke_useless(x: Settling, s: Snapshot, token: Token) -> None:
    # A crash here, or a refusal: rule 10, if the token is bound.
    try:
        revoke = x.ports.issuer.revoke
        x.call(revoke, s.mandate.owner, s.mandate.organization, token.authorization_id)
    except RotationError as exc:
        told = {"reason": "not-revoked", "message": f"a new token that is useless lives on: {exc}"}
        x.recorder.of_token(Kind.ROTATION_FAILED, s, token, **told)


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
