"""The words of a Bicep file. Source: Bicep documentation, *Bicep file structure and syntax*."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANK = re.compile(r"[ \t]+|//[^\n]*|/\*.*?\*/|#(?:disable|restore)[^\n]*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"\d+")
_SIGN = re.compile(
    r"=>|==|!=|<=|>=|=~|!~|&&|\|\||\?\?|\.\?|\[\?|::|\.\.\.|[-{}\[\]().,:?=@!<>+*/%|]"
)
_PLAIN = re.compile(r"(?:[^'\\$\n]|\$(?!\{))*")
_ESCAPES = {"\\": "\\", "'": "'", "n": "\n", "r": "\r", "t": "\t", "$": "$"}


class BicepError(Exception):
    """This reader does not understand the file, or something in it cannot be worked out."""


@dataclass(frozen=True)
class Token:
    """A word, and the line it stands in."""

    kind: str
    """``word``, ``number``, ``string``, ``sign``, ``newline`` or ``end``."""
    text: str
    line: int
    parts: tuple[str | tuple[Token, ...], ...] = ()
    """Of a string: its pieces, and the words of the expressions between them."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def tokens(self, *, is_inner: bool = False) -> tuple[Token, ...]:
        """Read to the end, or to the brace that closes an expression in a string."""
        found: list[Token] = []
        depth = 0
        while self.at < len(self.text):
            token = self._next()
            if token is None:
                continue
            depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "sign" else 0
            if is_inner and depth < 0:
                return (*found, Token("end", "", token.line))
            found.append(token)
        return (*found, Token("newline", "\n", self.line), Token("end", "", self.line))

    def _next(self) -> Token | None:
        if self.take(_BLANK):
            return None
        line = self.line
        if self.text.startswith("\n", self.at):
            self.at += 1
            return Token("newline", "\n", line)
        if self.text.startswith("'''", self.at):
            return Token("string", "", line, (self._verbatim(),))
        if self.text.startswith("'", self.at):
            return Token("string", "", line, self._string())
        for kind, pattern in (("word", _WORD), ("number", _NUMBER), ("sign", _SIGN)):
            if text := self.take(pattern):
                return Token(kind, text, line)
        raise BicepError(f"line {line}: no word begins with {self.text[self.at]!r}")

    def _verbatim(self) -> str:
        end = self.text.index("'''", self.at + 3)
        while self.text.startswith("'", end + 3):  # quotes before the last three belong to it
            end += 1
        text = self.text[self.at + 3 : end]
        self.at = end + 3
        return text.removeprefix("\n")

    def _string(self) -> tuple[str | tuple[Token, ...], ...]:
        line, piece = self.line, ""
        parts: list[str | tuple[Token, ...]] = []
        self.at += 1
        while True:
            piece += self.take(_PLAIN)
            sign = self.text[self.at : self.at + 1]
            if sign == "'":
                self.at += 1
                return (*parts, piece)
            if sign == "$":
                self.at += 2
                parts += [piece, self.tokens(is_inner=True)]
                piece = ""
            elif sign == "\\" and self.text[self.at + 1] in _ESCAPES:
                piece += _ESCAPES[self.text[self.at + 1]]
                self.at += 2
            else:
                raise BicepError(f"line {line}: a string does not end, or has a strange escape")


def tokens(text: str) -> tuple[Token, ...]:
    """Split a file into its words; comments and directives are left out.

    Raises:
        BicepError: there is something that is no word.
    """
    return _Reader(text).tokens()
