"""Bicep text in, tree out. Source: Bicep documentation, *syntax* and *operators*."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.infra.bicep.nodes import (
    Call,
    Choice,
    Condition,
    Declaration,
    Index,
    Inner,
    Lambda,
    List,
    Literal,
    Loop,
    Member,
    Name,
    Object,
    Operation,
    Template,
    Text,
)
from tests.infra.bicep.tokens import BicepError, Token, tokens

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.bicep.nodes import Expression

BINDING = {"??": 1, "||": 2, "&&": 3}
BINDING |= dict.fromkeys(["==", "!=", "=~", "!~"], 4)
BINDING |= dict.fromkeys(["<", "<=", ">", ">="], 5)
BINDING |= dict.fromkeys(["+", "-"], 6)
BINDING |= dict.fromkeys(["*", "/", "%"], 7)
"""How closely an operator binds (*Bicep operators*, precedence)."""
VALUES = {"true": True, "false": False, "null": None}
OPENING, CLOSING = {"(", "[", "{", "[?"}, {")", "]", "}"}


def parse(path: Path) -> Template:
    """Read a ``.bicep`` or ``.bicepparam`` file.

    Raises:
        BicepError: this reader does not understand it.
    """
    return _parse(path, path.read_text())


@cache
def _parse(path: Path, text: str) -> Template:
    try:
        return _Parser(tokens(text)).template(path, tuple(text.splitlines()))
    except BicepError as exc:
        raise BicepError(f"{path}: {exc}") from None


class _Parser:
    def __init__(self, found: tuple[Token, ...]) -> None:
        self._tokens = found
        self._at = 0

    # --- words

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *texts: str) -> bool:
        return self._token.kind in {"sign", "word"} and self._token.text in texts

    def _take(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _takes(self, text: str) -> bool:
        is_there = self._is(text)
        self._at += is_there
        return is_there

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            found = self._token
            raise BicepError(f"line {found.line}: expected {text!r}, not {found.text!r}")

    def _word(self) -> str:
        if self._token.kind != "word":
            raise BicepError(f"line {self._token.line}: expected a name, not {self._token.text!r}")
        return self._take().text

    def _skip_lines(self) -> None:
        while self._token.kind == "newline":
            self._at += 1

    # --- declarations

    def template(self, path: Path, lines: tuple[str, ...]) -> Template:
        """Read the whole file."""
        declarations: list[Declaration] = []
        scope, using = "resourceGroup", ""
        while True:
            self._skip_lines()
            if self._token.kind == "end":
                return Template(path, lines, tuple(declarations), scope, using)
            if self._takes("targetScope"):
                self._expect("=")
                scope = _plain(self._expression())
            elif self._takes("using"):
                using = _plain(self._expression())
            elif self._takes("extension"):
                self._word()
            else:
                declarations.append(self._declaration())

    def _declaration(self) -> Declaration:
        decorators = []
        while self._takes("@"):
            decorators.append(self._decorator())
            self._skip_lines()
        first, kind, name = self._token.line, self._word(), self._word()
        body: Expression | None = None
        declared, is_existing = "", False
        if kind in {"resource", "module"}:
            declared = _plain(self._primary())
            is_existing = self._takes("existing")
        elif kind in {"param", "output"}:
            declared = self._raw()
        elif kind not in {"var", "metadata", "type", "func"}:
            raise BicepError(f"line {first}: {kind} is not known here")
        if kind == "type":
            declared = self._raw()
        elif kind == "func":
            body = self._function()
        elif self._takes("="):
            body = self._expression()
        last = self._tokens[self._at - 1].line
        if self._token.kind != "newline":
            raise BicepError(f"line {last}: expected the end of the line after {name}")
        return Declaration(
            kind, name, (first, last), declared, body, is_existing, tuple(decorators)
        )

    def _decorator(self) -> Call:
        found = self._postfix()
        if isinstance(found, Call):
            return found
        raise BicepError(f"line {self._token.line}: expected a decorator")

    def _function(self) -> Expression:
        names = []
        self._expect("(")
        self._skip_lines()
        while not self._takes(")"):
            names.append(self._word())
            self._raw(until=(",", ")"))
            self._takes(",")
            self._skip_lines()
        self._raw(until=("=>",))
        self._expect("=>")
        self._skip_lines()
        return Lambda(tuple(names), self._expression())

    def _raw(self, until: tuple[str, ...] = ("=",)) -> str:
        """Read a type as it is written: nothing of it changes what is deployed."""
        words, depth = [], 0
        if self._is("="):  # of a `type`; of a parameter it is where its default begins
            if self._tokens[self._at - 2].text != "type":
                return ""
            self._take()
        while depth or not (self._is(*until) or self._token.kind in {"newline", "end"}):
            token = self._take()
            depth += (token.text in OPENING) - (token.text in CLOSING)
            words.append(token.text or repr("".join(map(str, token.parts))))
        return "".join(words)

    # --- expressions

    def _expression(self) -> Expression:
        if self._is("if"):
            return self._condition()
        condition = self._binary(0)
        at = self._at
        self._skip_lines()
        if not self._takes("?"):
            self._at = at
            return condition
        self._skip_lines()
        yes = self._expression()
        self._skip_lines()
        self._expect(":")
        self._skip_lines()
        return Choice(condition, yes, self._expression())

    def _condition(self) -> Expression:
        self._expect("if")
        self._expect("(")
        condition = self._expression()
        self._expect(")")
        return Condition(condition, self._expression())

    def _binary(self, least: int) -> Expression:
        left = self._unary()
        while self._token.kind == "sign" and BINDING.get(self._token.text, 0) > least:
            operator = self._take().text
            self._skip_lines()
            left = Operation(operator, (left, self._binary(BINDING[operator])))
        return left

    def _unary(self) -> Expression:
        if self._is("!", "-"):
            return Operation(self._take().text, (self._unary(),))
        return self._postfix()

    def _postfix(self) -> Expression:
        found = self._primary()
        while True:
            if self._is(".", ".?"):
                is_safe, name = self._take().text == ".?", self._word()
                found = Member(found, name, is_safe)
                if self._is("(") and found.of == Name("sys"):
                    found = Call(name, self._arguments())
            elif self._is("[", "[?"):
                is_safe, key = self._take().text == "[?", self._expression()
                self._expect("]")
                found = Index(found, key, is_safe)
            elif self._takes("::"):
                found = Inner(found, self._word())
            elif self._is("!") and self._tokens[self._at + 1].text in {".", "[", "::", ")", ","}:
                self._take()  # says "it is there" to the compiler, and nothing to us
            else:
                return found

    def _primary(self) -> Expression:  # noqa: PLR0911 - one return a kind
        token = self._token
        if token.kind == "string":
            self._take()
            return Text(tuple(_part(part) for part in token.parts))
        if token.kind == "number":
            return Literal(int(self._take().text))
        if self._is("{"):
            return self._object()
        if self._is("["):
            return self._list()
        if self._is("("):
            return self._lambda() if self._is_lambda() else self._parenthesis()
        name = self._word()
        if name in VALUES:
            return Literal(VALUES[name])
        if self._is("("):
            return Call(name, self._arguments())
        if self._takes("=>"):
            return Lambda((name,), self._expression())
        return Name(name)

    def _parenthesis(self) -> Expression:
        self._expect("(")
        self._skip_lines()
        found = self._expression()
        self._skip_lines()
        self._expect(")")
        return found

    def _is_lambda(self) -> bool:
        depth = 0
        for at in range(self._at, len(self._tokens)):
            depth += (self._tokens[at].text in OPENING) - (self._tokens[at].text in CLOSING)
            if not depth:
                return self._tokens[at + 1].text == "=>"
        return False

    def _lambda(self) -> Expression:
        names = []
        self._expect("(")
        while not self._takes(")"):
            names.append(self._word())
            self._takes(",")
        self._expect("=>")
        self._skip_lines()
        return Lambda(tuple(names), self._expression())

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        return self._items(")")

    def _items(self, end: str) -> tuple[Expression, ...]:
        items = []
        self._skip_lines()
        while not self._takes(end):
            items.append(self._expression())
            self._takes(",")
            self._skip_lines()
        return tuple(items)

    def _list(self) -> Expression:
        self._expect("[")
        self._skip_lines()
        if not self._is("for"):
            return List(self._items("]"))
        self._take()
        item, index = "", None
        if self._takes("("):
            item = self._word()
            self._expect(",")
            index = self._word()
            self._expect(")")
        else:
            item = self._word()
        self._expect("in")
        items = self._expression()
        self._expect(":")
        self._skip_lines()
        loop = Loop(item, index, items, self._expression())
        self._skip_lines()
        self._expect("]")
        return loop

    def _object(self) -> Expression:
        properties, inner = [], []
        self._expect("{")
        self._skip_lines()
        while not self._takes("}"):
            if self._is("@") or (
                self._is("resource") and self._tokens[self._at + 1].kind == "word"
            ):
                inner.append(self._declaration())
            else:
                key = self._primary() if self._token.kind == "string" else Text((self._word(),))
                self._expect(":")
                properties.append((key, self._expression()))
            self._takes(",")
            self._skip_lines()
        return Object(tuple(properties), tuple(inner))


def _part(part: str | tuple[Token, ...]) -> str | Expression:
    return part if isinstance(part, str) else _Parser(part)._expression()  # noqa: SLF001 - its own


def _plain(found: Expression) -> str:
    """Give the text of a string in which nothing stands that would have to be worked out."""
    if isinstance(found, Text) and all(isinstance(part, str) for part in found.parts):
        return "".join(map(str, found.parts))
    raise BicepError("expected a plain string")
