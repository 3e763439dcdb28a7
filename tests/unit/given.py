"""A secret in perfect order, and everything that can be different about it, one word each.

``SETTLED.pasted().proven()`` reads as it is meant: the settled secret, but another value was pasted
into it, and that value works.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotation.decision import Decision, Fact, Question, Snapshot
from rotation.model import (
    Attempt,
    ManagedSecret,
    Mandate,
    Mode,
    Recorded,
    SecretName,
    Token,
    TokenValue,
)
from rotation.policy import decide
from rotation.schedule import renewal_at
from rotation.session import Session

if TYPE_CHECKING:
    from typing import Self

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
NAME = SecretName("kv-build", "feed-token")
OWNER, ORGANIZATION, ACCOUNT = "ada@example.com", "contoso", "38aaa865-2c70-4bf7-a308-0c6539c38c1a"
VALUE, OTHER_VALUE = TokenValue("the value that is stored"), TokenValue("a value from elsewhere")

TOKEN = Token(
    authorization_id="4ab5764f-4193-4f1d-b995-64144880b7d7",
    display_name=f"Build agents {NAME.mark}",
    scopes=frozenset({"vso.code", "vso.packaging"}),
    valid_from=NOW - 10 * DAY,
    valid_to=NOW + 20 * DAY,
    target_accounts=(ACCOUNT,),
)
"""The current token, a third of its lifetime old."""
PREDECESSOR = replace(
    TOKEN,
    authorization_id="11111111-4193-4f1d-b995-64144880b7d7",
    valid_from=NOW - 30 * DAY,
    valid_to=NOW + 5 * DAY,
)
MANDATE = Mandate(
    mode=Mode.REGENERATE,
    organization=ORGANIZATION,
    owner=OWNER,
    lifetime=30 * DAY,
    rotate_before=10 * DAY,
    grace_period=48 * HOUR,
    recorded=Recorded(TOKEN.authorization_id, VALUE.digest),
)
RENEWAL = renewal_at(TOKEN, MANDATE, NAME)
"""When the renewal of the current token is due."""
PROOF = NOW.replace(hour=int(NAME.fraction("proof") * 24), minute=0)
"""This day's hour at which the stored value is to be proven."""


@dataclass(frozen=True)
class Given:
    """A snapshot and a clock reading; each method gives a copy that differs in one thing."""

    snapshot: Snapshot
    now: datetime

    def decide(self) -> Decision | Question:
        """Apply the rules."""
        return decide(self.snapshot, self.now)

    def at(self, now: datetime) -> Self:
        """Turn the clock; the last scan was this very moment."""
        return replace(self, now=now).but(scanned_at=now)

    def but(self, **changes: Any) -> Self:  # noqa: ANN401 - whatever a snapshot has
        """Change the snapshot itself."""
        return replace(self, snapshot=replace(self.snapshot, **changes))

    def tagged(self, **changes: Any) -> Self:  # noqa: ANN401 - whatever a mandate has
        """Change what the tags ask for."""
        return self.but(mandate=replace(self.snapshot.mandate, **changes))

    def kept(self, **changes: Any) -> Self:  # noqa: ANN401 - whatever a secret has
        """Change how the vault keeps the newest version."""
        return self.but(secret=replace(self.snapshot.secret, **changes))

    def told(self, fact: Fact, **changes: Any) -> Self:  # noqa: ANN401 - whatever a snapshot has
        """Add the answer to a question."""
        return self.but(known=self.snapshot.known | {fact}, **changes)

    def untold(self, fact: Fact) -> Self:
        """Take the answer to a question away."""
        forgotten: dict[Fact, dict[str, Any]] = {
            Fact.SESSION: {"session": None},
            Fact.TOKENS: {"bound": (), "recorded": None},
        }
        return self.but(known=self.snapshot.known - {fact}, **forgotten.get(fact, {}))

    def glanced(self) -> Self:
        """See only what a list of the vault shows."""
        return self.kept(value=None, version=None).untold(Fact.VALUE)

    # The tags and the vault.

    def mis_tagged(self) -> Self:
        """Put two faults into the tags."""
        return self.tagged(faults=("tag pat-owner is wrong", "tag pat-organization is missing"))

    def disabled(self) -> Self:
        """Switch the newest version off."""
        return self.kept(enabled=False, value=None)

    def watched(self) -> Self:
        """Ask for nothing but an eye on it."""
        return self.tagged(mode=Mode.WATCH)

    def extended(self) -> Self:
        """Ask for extensions instead of successors."""
        return self.tagged(mode=Mode.EXTEND)

    def pasted(self) -> Self:
        """Paste another value, with the tags copied."""
        return self.kept(value=OTHER_VALUE)

    def unrecorded(self) -> Self:
        """Take the tag with the authorization id off."""
        return self.tagged(recorded=None).but(recorded=None)

    def failed(self, times: int = 1, *, ago: timedelta) -> Self:
        """Let the last renewal have failed."""
        return self.tagged(attempt=Attempt(times, self.now - ago))

    def ordered_now(self, value: TokenValue = VALUE) -> Self:
        """Order an end of the grace, because of a leak, while ``value`` was stored."""
        return self.tagged(retire_now=value.digest)

    def stored(self, ago: timedelta) -> Self:
        """Let the newest version have been stored so long ago."""
        return self.kept(created_at=self.now - ago)

    # Azure DevOps.

    def signed_out(self) -> Self:
        """End the owner's session."""
        message = f"{OWNER} must sign in"
        session = Session(OWNER, is_working=False, reason="sign-in-needed", message=message)
        return self.but(session=session)

    def current(self, **changes: Any) -> Self:  # noqa: ANN401 - whatever a token has
        """Change the recorded token; the vault shows its expiry."""
        token = replace(TOKEN, **changes)
        return self.but(recorded=token, bound=(token,)).kept(expires_at=token.valid_to)

    def unlisted(self) -> Self:
        """Take the recorded token off the list of the living."""
        return self.but(recorded=None, bound=())

    def got(self, token: Token | None) -> Self:
        """Let a *get* by id have answered this."""
        return self.told(Fact.RECORDED, recorded=token)

    def proven(self, *, works: bool = True) -> Self:
        """Let the stored value have been used."""
        return self.told(Fact.PROOF, proof=works)

    def restored(self, token: Token | None) -> Self:
        """Let an older version have recorded the id of the predecessor for the stored value."""
        former_id = PREDECESSOR.authorization_id
        return self.told(Fact.HISTORY, former_id=former_id, recorded=token)

    def never_seen(self) -> Self:
        """Let no older version have recorded anything for the stored value."""
        return self.told(Fact.HISTORY, former_id=None, recorded=None)

    def bound(self, *tokens: Token) -> Self:
        """Let these be the living tokens that carry the secret's mark."""
        return self.but(bound=tokens)

    def superseded(self, age: timedelta = 20 * DAY) -> Self:
        """Leave a superseded token of this age beside the current one."""
        token = replace(PREDECESSOR, valid_from=self.now - age, valid_to=self.now + 5 * DAY)
        return self.bound(token, *self.snapshot.bound)


SETTLED = Given(
    Snapshot(
        secret=ManagedSecret(
            name=NAME,
            created_at=TOKEN.valid_from,
            expires_at=TOKEN.valid_to,
            tags={},
            version="2",
            value=VALUE,
        ),
        mandate=MANDATE,
        session=Session(OWNER, is_working=True),
        account_id=ACCOUNT,
        bound=(TOKEN,),
        recorded=TOKEN,
        scanned_at=NOW,
        known=frozenset({Fact.SESSION, Fact.TOKENS, Fact.VALUE}),
    ),
    NOW,
)
"""Read and found in order: its token is fresh, and nothing is superseded."""
