"""Expressions in, values out. Source: Bicep documentation, *operators* and *expressions*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tests.infra.bicep.functions import FUNCTIONS
from tests.infra.bicep.nodes import (
    Call,
    Choice,
    Condition,
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
    Text,
)
from tests.infra.bicep.tokens import BicepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.infra.bicep.nodes import Expression

    Names = Mapping[str, Any]
    """What loops and lambdas around an expression have named."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "=~": lambda one, other: one.lower() == other.lower(),
    "!~": lambda one, other: one.lower() != other.lower(),
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one // other,
    "%": lambda one, other: one % other,
}
_LAZY: dict[str, Callable[[Any], bool]] = {
    "&&": lambda first: not first,
    "||": bool,
    "??": lambda first: first is not None,
}
"""Operators whose first operand may decide alone."""


@runtime_checkable
class Thing(Protocol):
    """A resource or a module, which has members, too."""

    symbol: str

    def member(self, name: str) -> Any:  # noqa: ANN401 - any value
        """Give ``thing.name``."""


class Evaluator:
    """Works out the expressions of one file."""

    def __init__(
        self, lookup: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        """Take what knows the file's names, and the functions that need Azure or the file."""
        self._lookup = lookup
        self._functions = {**FUNCTIONS, **functions}

    def evaluate(self, e: Expression, names: Names) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - one case a kind
        """Work out an expression."""
        match e:
            case Literal(value):
                return value
            case Text(parts):
                told = [p if isinstance(p, str) else self.evaluate(p, names) for p in parts]
                return "".join(FUNCTIONS["string"](part) for part in told)
            case Name(name):
                return names[name] if name in names else self._lookup(name)
            case Member(of, name, is_safe):
                return _member(self.evaluate(of, names), name, is_safe=is_safe)
            case Index(of, key, is_safe):
                found = self.evaluate(of, names)
                return _item(found, self.evaluate(key, names), is_safe=is_safe)
            case Inner(of, name):
                return self._lookup(f"{self.evaluate(of, names).symbol}::{name}")
            case Call(function, arguments):
                return self._call(function, [self.evaluate(a, names) for a in arguments])
            case Operation(operator, operands):
                return self._operation(operator, operands, names)
            case Choice(condition, yes, no):
                return self.evaluate(yes if self.evaluate(condition, names) else no, names)
            case Lambda(taken, body):
                return self._lambda(taken, body, names)
            case List(items):
                return [self.evaluate(item, names) for item in items]
            case Object(properties):
                both = [(self.evaluate(k, names), self.evaluate(v, names)) for k, v in properties]
                return dict(both)
            case Loop() | Condition():
                return self.repeated(e, names, self.evaluate)

    def repeated(
        self, body: Expression, names: Names, make: Callable[[Expression, Names], Any]
    ) -> Any:  # noqa: ANN401 - any value
        """Make one thing, nothing where its condition does not hold, or a list."""
        if isinstance(body, Loop):
            found = []
            for at, item in enumerate(self.evaluate(body.items, names)):
                more = {body.item: item} | ({body.index: at} if body.index else {})
                found.append(self.repeated(body.body, {**names, **more}, make))
            return found
        if isinstance(body, Condition):
            return make(body.body, names) if self.evaluate(body.condition, names) else None
        return make(body, names)

    def _lambda(self, taken: tuple[str, ...], body: Expression, names: Names) -> Callable[..., Any]:
        def function(*values: object) -> Any:  # noqa: ANN401 - any value
            return self.evaluate(body, {**names, **dict(zip(taken, values, strict=False))})

        function.takes = len(taken)  # type: ignore[attr-defined] # what `map` looks at
        return function

    def _operation(self, operator: str, operands: tuple[Expression, ...], names: Names) -> Any:  # noqa: ANN401 - any value
        first = self.evaluate(operands[0], names)
        if len(operands) == 1:
            return not first if operator == "!" else -first
        if (decides := _LAZY.get(operator)) and decides(first):
            return first
        second = self.evaluate(operands[1], names)
        return second if decides else _OPERATORS[operator](first, second)

    def _call(self, function: str, arguments: list[Any]) -> Any:  # noqa: ANN401 - any value
        if function in self._functions:
            return self._functions[function](*arguments)
        raise BicepError(f"the function {function} is not known here")


def _member(of: Any, name: str, *, is_safe: bool) -> Any:  # noqa: ANN401 - any value
    if isinstance(of, Thing):
        return of.member(name)
    if (isinstance(of, dict) and name in of) or is_safe:
        return (of or {}).get(name)
    raise BicepError(f"{of!r} has no {name}")


def _item(of: Any, key: Any, *, is_safe: bool) -> Any:  # noqa: ANN401 - any value
    try:
        return of[key]
    except (KeyError, IndexError, TypeError):
        if is_safe:
            return None
        raise BicepError(f"{of!r} has no {key!r}") from None
