"""Tags, names and snapshots as chance makes them: the same for the same seed, and mostly nasty."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from rotation.decision import Fact, Snapshot
from rotation.model import Attempt, Mode, Recorded, SecretName, Token, TokenValue
from rotation.session import Session
from tests.unit.given import ACCOUNT, DAY, HOUR, MANDATE, NAME, NOW, OWNER, SECOND, SETTLED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotation.model import ManagedSecret, Mandate

SEED = 20_261_122
TAGS_ON_A_SECRET, LONGEST_TAG = 15, 512
ID = "4ab5764f-4193-4f1d-b995-64144880b7d7"
HEX, DIGITS = "0123456789abcdef", "0123456789"
NASTY = (
    "\x00\x07\x1b\r\n\t\x7f\x85\x9b\xa0\u200b\u2028\u202e\u2066\ufeff\ud800\udfff\uff0f\uff20"
    "\u0430\u212a\u0130\u0131\u017f\u0663\u00b2\U0001f98a\"'\\/%#@?:;,.<>[]{}$&|`~^+-_= "
)
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-@. "
WELL = {
    "pat-rotation": ("regenerate", "extend", "watch", " Extend "),
    "pat-organization": ("contoso", "A" * 50, "a-b"),
    "pat-owner": (OWNER, "bob@example.com", f"{'a' * 64}@{'b' * 48}"),
    "pat-lifetime-days": ("1", "30", "90"),
    "pat-rotate-before-days": ("1", "7", "364"),
    "pat-grace-hours": ("1", "48", "8736"),
    "pat-authorization-id": (ID, f"{ID} 0123456789ab", f"{ID} 0123456789AB".upper()),
    "pat-retire": ("now 0123456789ab", "NOW 0123456789AB"),
    "pat-attempt": ("0 2026-11-22T07:30:00Z", "999999 2026-11-22T07:30:00Z"),
}
"""The tags that mean something, and what is well in them."""
OTHERS = ("team", "", "PAT-ROTATION", "pat-rotation ", "Pat-Attempt", "pat-", "pat-future", "\x1b")
FAR = 400
REACHES = (None, (), ("other",), (ACCOUNT, "other"))


class Chance(Random):
    """Makes up what nobody would think of."""

    def text(self, longest: int = LONGEST_TAG) -> str:
        """Give a text: nearly always short, sometimes as long as can be."""
        length = self.randrange(longest if self.random() < 0.02 else min(longest, 50))
        return "".join(self.choices(self.choice((NASTY, PLAIN, DIGITS, HEX)), k=length))

    def nearly(self, text: str) -> str:
        """Spoil a text in one place."""
        at = self.randrange(len(text) + 1)
        return text[:at] + self.text(6) + text[at + self.choice((0, 1)) :]

    def tags(self) -> dict[str, str]:
        """Give the tags of a secret: some that mean something, well or spoilt, and others."""
        names = self.sample(sorted(WELL), self.randrange(len(WELL) + 1))
        spoilt = self.choice((0.0, 0.2, 0.8))
        tags = {name: self._tag(WELL[name], spoilt) for name in names}
        for _ in range(self.choice((0, 1, 6, TAGS_ON_A_SECRET))):
            if len(tags) < TAGS_ON_A_SECRET:
                tags.setdefault(self.choice((*OTHERS, self.text(20))), self.text())
        return {name: text[:LONGEST_TAG] for name, text in tags.items()}

    def _tag(self, well: Sequence[str], spoilt: float) -> str:
        text = self.choice(well)
        if self.random() >= spoilt:
            return text
        return self.choice((self.text, lambda: self.nearly(text)))()

    def name(self) -> SecretName:
        """Give a secret's name."""
        letters = PLAIN[:62] + "-"
        vault, name = ("".join(self.choices(letters, k=self.randint(1, 24))) for _ in range(2))
        return SecretName(vault, name)

    def recorded(self) -> Recorded:
        """Give what the rotator would record of a token."""
        digits = "".join(self.choices(HEX, k=44))
        groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])
        return Recorded("-".join(groups), digits[32:])

    def instant(self) -> datetime:
        """Give an instant: near now, near another one, or far away."""
        step = self.choice((SECOND, HOUR, DAY))
        return NOW + self.randint(-FAR, FAR) * step

    def snapshot(self) -> Snapshot:
        """Give a snapshot as an observer could: what was not asked for is not known."""
        known = frozenset(fact for fact in Fact if self.random() < 0.85)
        secret = self._secret(has_value=Fact.VALUE in known)
        ids = [self.recorded().authorization_id for _ in range(3)]
        mandate = self._mandate(secret.value, ids)
        listed = tuple(self._token(secret.name, one) for one in ids if self.random() < 0.5)
        bound = tuple(token for token in listed if token.is_bound_to(secret.name))
        named = [token for token in listed if token.authorization_id == ids[0]]
        unlisted = self.choice((None, self._token(secret.name, ids[0])))
        recorded = named[0] if named else unlisted
        has_tokens = Fact.TOKENS in known
        return Snapshot(
            secret=secret,
            mandate=mandate,
            session=self._session() if Fact.SESSION in known else None,
            account_id=self.choice((None, ACCOUNT)) if has_tokens else None,
            bound=bound if has_tokens else (),
            recorded=recorded if known & {Fact.TOKENS, Fact.RECORDED, Fact.HISTORY} else None,
            proof=self.choice((True, False)) if Fact.PROOF in known else None,
            has_wall=self.random() < 0.2,
            former_id=self.choice((None, ids[0])) if Fact.HISTORY in known else None,
            scanned_at=self.choice((None, self.instant())),
            known=known,
        )

    def _secret(self, *, has_value: bool) -> ManagedSecret:
        value = TokenValue("one") if has_value else None
        return replace(
            SETTLED.snapshot.secret,
            name=self.choice((NAME, self.name())),
            created_at=self.instant(),
            expires_at=self.choice((None, NOW + DAY, self.instant())),
            enabled=self.random() < 0.97,
            value=value,
        )

    def _mandate(self, value: TokenValue | None, ids: Sequence[str]) -> Mandate:
        lifetime = self.randint(1, 364) * DAY
        digest = (value or TokenValue("two")).digest if self.random() < 0.8 else "0" * 12
        return replace(
            MANDATE,
            mode=Mode.WATCH if self.random() < 0.03 else self.choice((*Mode,)[:2]),
            lifetime=lifetime,
            rotate_before=lifetime * self.random(),
            grace_period=self.randint(1, 8736) * HOUR,
            recorded=None if self.random() < 0.1 else Recorded(ids[0], digest),
            retire_now=self.choice((None, digest)),
            attempt=self.choice((None, Attempt(self.choice((0, 1, 9, 999_999)), self.instant()))),
            faults=("tag pat-owner is wrong",) if self.random() < 0.03 else (),
        )

    def _token(self, name: SecretName, authorization_id: str) -> Token:
        mark = name.mark if self.random() < 0.9 else self.text(20)
        valid_from, valid_to = sorted((self.instant(), self.choice((NOW + DAY, self.instant()))))
        return Token(
            authorization_id=authorization_id,
            display_name=f"{self.text(20)} {mark}",
            scopes=frozenset(self.sample(["vso.code", "vso.build", "app_token"], 2)),
            valid_from=valid_from,
            valid_to=valid_to + SECOND,
            target_accounts=(ACCOUNT,) if self.random() < 0.9 else self.choice(REACHES),
        )

    def _session(self) -> Session:
        return Session(OWNER, is_working=self.random() < 0.97, reason="sign-in-needed", message="x")
