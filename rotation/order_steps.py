"""The steps that only an order takes: Reserve, Rename, Hasten, Decommission.

Each gap between two calls is a place where the process may die; the comment there says what that
leaves behind, and what picks it up. An order is delivered again until it was carried out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotation import tags
from rotation.attempt import begin
from rotation.decision import Action
from rotation.errors import VerificationError
from rotation.events import Kind
from rotation.model import marked
from rotation.steps import other_versions

if TYPE_CHECKING:
    from rotation.decision import Snapshot
    from rotation.settling import Settling


def reserve(x: Settling, s: Snapshot) -> Snapshot:
    """Make a new secret, disabled and without a token: the preflight of a first token."""
    first = tags.attempted(s.ordered, begin(None, x.ports.clock()))
    # A crash here leaves nothing; or, if the write arrived, a disabled version that says that it
    # never had a token. Rule 2 skips it, and the order, delivered or given again, goes on.
    return replace(s, secret=x.call(x.ports.store.reserve, s.secret.name, first))


def rename(x: Settling, s: Snapshot) -> Snapshot:
    """Let the token that is to be adopted carry the mark of its secret.

    Raises:
        VerificationError: the service has made something else of it.
    """
    token, name = s.current, s.secret.name
    wanted = replace(token, display_name=marked(token.display_name, name))
    place = (s.mandate.owner, s.mandate.organization)
    renamed = x.call(x.ports.issuer.rename, *place, token, wanted.display_name)
    # A crash here leaves a bound token, and a value for which no id is recorded: rule 5 renews it
    # in mode regenerate, and rejects it in mode extend until the order is delivered again.
    if renamed.scopes - token.scopes or not renamed.is_bound_to(name):
        message = f"the new name of token {token.authorization_id} made another token of it"
        raise VerificationError(message)
    others = (t for t in s.bound if t.authorization_id != token.authorization_id)
    return replace(s, recorded=renamed, bound=(*others, renamed))


def hasten(x: Settling, s: Snapshot) -> Snapshot:
    """End the grace of the tokens before the version that is stored."""
    hastened = tags.hastened(s.secret.tags, s.value.digest)
    # A crash here leaves all in order: rule 10 retires them, whether the order comes again or not.
    return replace(s, secret=x.call(x.ports.store.write_tags, s.secret, hastened))


def decommission(x: Settling, s: Snapshot) -> Snapshot:
    """Give a secret up: disable all its versions, revoke its tokens, and remove the tags.

    Raises:
        LockHeldError: somebody has stored a newer version meanwhile.
    """
    name = s.secret.name
    others = other_versions(x, s)
    # The newest first: it is what everybody reads.
    x.call(x.ports.store.disable, name, str(s.secret.version))
    for version in others:
        if version.enabled:
            x.call(x.ports.store.disable, name, version.version)
    # A crash here leaves disabled versions, which rule 2 skips, and living tokens that are bound to
    # them; the order, delivered or given again, goes on, and so it does after every revocation.
    for token in s.bound:
        revoke = x.ports.issuer.revoke
        x.call(revoke, s.mandate.owner, s.mandate.organization, token.authorization_id)
        told = {"authorization_id": token.authorization_id, "secret_version": s.secret.version}
        x.recorder.about(Kind.TOKEN_RETIRED, s, **told)
    # The tags last: as long as they are there, somebody sees what is left.
    written = x.call(x.ports.store.write_tags, s.secret, tags.given_up(s.secret.tags))
    return replace(s, secret=written, bound=())


ORDER_STEPS = {
    Action.RESERVE: reserve,
    Action.RENAME: rename,
    Action.HASTEN: hasten,
    Action.DECOMMISSION: decommission,
}
