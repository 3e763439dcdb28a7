"""The living tokens of one owner in one organization: as many as there may be. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, overload

from rotation.model import Token
from rotation.packed import BLOCK, Guids, Index, Strings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotation.model import SecretName

    _Kind = tuple[frozenset[str], tuple[str, ...] | None]
    """Scopes and organizations."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Tokens(Sequence[Token]):
    """Tokens that are only ever added, and are made anew whenever they are looked at."""

    def __init__(self) -> None:
        """Start with none."""
        self._blocks: list[_Block] = []
        self._last: list[Token] = []
        self._kinds: dict[_Kind, _Kind] = {}
        """Each once: the same object for all that are equal."""

    def extend(self, tokens: Iterable[Token]) -> None:
        """Add some."""
        for token in tokens:
            self._last.append(token)
            if len(self._last) == BLOCK:
                self._blocks.append(_Block(self._last, self._kinds))
                self._last = []

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._last)

    def __repr__(self) -> str:
        return repr(tuple(self))

    @overload
    def __getitem__(self, number: int) -> Token: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Token]: ...

    def __getitem__(self, number: int | slice) -> Token | Sequence[Token]:
        if isinstance(number, slice):
            return tuple(map(self.__getitem__, range(len(self))[number]))
        block, place = divmod(range(len(self))[number], BLOCK)
        return self._last[place] if block == len(self._blocks) else self._blocks[block][place]


class _Block:
    """Some tokens, packed."""

    __slots__ = ("_ids", "_kinds", "_lives", "_names")

    def __init__(self, tokens: Sequence[Token], kinds: dict[_Kind, _Kind]) -> None:
        ids = [token.authorization_id for token in tokens]
        self._ids: Guids | Strings
        try:
            self._ids = Guids(ids)
        except ValueError:
            self._ids = Strings(ids)
        self._names = Strings(token.display_name for token in tokens)
        instants = (instant for t in tokens for instant in (t.valid_from, t.valid_to))
        self._lives = array("q", ((at - _BEGINNING) // _MICROSECOND for at in instants))
        each = ((token.scopes, token.target_accounts) for token in tokens)
        self._kinds = tuple(kinds.setdefault(kind, kind) for kind in each)

    def __getitem__(self, place: int) -> Token:
        scopes, accounts = self._kinds[place]
        return Token(
            authorization_id=self._ids[place],
            display_name=self._names[place],
            scopes=scopes,
            valid_from=_BEGINNING + self._lives[2 * place] * _MICROSECOND,
            valid_to=_BEGINNING + self._lives[2 * place + 1] * _MICROSECOND,
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
        if authorization_id is None:
            return None
        found = map(self.tokens.__getitem__, self._by_id.find(authorization_id))
        return next((t for t in found if t.authorization_id == authorization_id), None)

    # Every secret of a run asks: looked through once, whatever their number.

    @cached_property
    def _by_mark(self) -> Index:
        return Index(token.marked for token in self.tokens)

    @cached_property
    def _by_id(self) -> Index:
        return Index(token.authorization_id for token in self.tokens)
