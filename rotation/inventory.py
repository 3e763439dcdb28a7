"""The living tokens of one owner in one organization: as many as there may be. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, overload

from rotation.model import Token
from rotation.packed import Index, Texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotation.model import SecretName

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Tokens(Sequence[Token]):
    """Tokens that are only ever added, and are made anew whenever they are looked at."""

    def __init__(self) -> None:
        """Start with none."""
        self._ids = Texts()
        self._names = Texts()
        self._lives = array("q")
        """For each token two instants, in microseconds."""
        self._kinds: list[tuple[frozenset[str], tuple[str, ...] | None]] = []
        """Scopes and organizations, each pair once."""
        self._numbers: dict[tuple[frozenset[str], tuple[str, ...] | None], int] = {}
        self._kind_of = array("I")

    def extend(self, tokens: Iterable[Token]) -> None:
        """Add some."""
        for token in tokens:
            self._ids.append(token.authorization_id)
            self._names.append(token.display_name)
            for instant in (token.valid_from, token.valid_to):
                self._lives.append((instant - _BEGINNING) // _MICROSECOND)
            kind = (token.scopes, token.target_accounts)
            if kind not in self._numbers:
                self._numbers[kind] = len(self._kinds)
                self._kinds.append(kind)
            self._kind_of.append(self._numbers[kind])

    def __len__(self) -> int:
        return len(self._kind_of)

    @overload
    def __getitem__(self, number: int) -> Token: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Token]: ...

    def __getitem__(self, number: int | slice) -> Token | Sequence[Token]:
        if isinstance(number, slice):
            return tuple(map(self.__getitem__, range(len(self))[number]))
        number = range(len(self))[number]
        scopes, accounts = self._kinds[self._kind_of[number]]
        return Token(
            authorization_id=self._ids[number],
            display_name=self._names[number],
            scopes=scopes,
            valid_from=_BEGINNING + self._lives[2 * number] * _MICROSECOND,
            valid_to=_BEGINNING + self._lives[2 * number + 1] * _MICROSECOND,
            target_accounts=accounts,
        )


@dataclass(frozen=True)
class Inventory:
    """The living tokens of one owner in one organization."""

    account_id: str | None
    """The organization's id, as in ``Token.target_accounts``; None while that is not certain."""
    tokens: Sequence[Token]

    def bound_to(self, secret: SecretName) -> tuple[Token, ...]:
        """Give the tokens that are bound to ``secret``."""
        found = map(self.tokens.__getitem__, self._by_mark.find(secret.folded))
        return tuple(token for token in found if token.is_bound_to(secret))

    def find(self, authorization_id: str | None) -> Token | None:
        """Give the token with this id, if it is among them."""
        found = map(self.tokens.__getitem__, self._by_id.find(authorization_id))
        return next((t for t in found if t.authorization_id == authorization_id), None)

    # Every secret of a run asks: looked through once, whatever their number.

    @cached_property
    def _by_mark(self) -> Index:
        return Index(token.marked for token in self.tokens)

    @cached_property
    def _by_id(self) -> Index:
        return Index(token.authorization_id for token in self.tokens)
