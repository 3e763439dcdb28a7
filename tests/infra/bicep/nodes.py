"""What a Bicep file says, as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Literal:
    """A number, ``true``, ``false`` or ``null``."""

    value: int | bool | None


@dataclass(frozen=True)
class Text:
    """A string; expressions stand between its pieces."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True)
class Name:
    """A name: of a parameter, a variable, a resource, a namespace."""

    name: str


@dataclass(frozen=True)
class Member:
    """``of.name``, or ``of.?name``."""

    of: Expression
    name: str
    is_safe: bool = False


@dataclass(frozen=True)
class Index:
    """``of[key]``, or ``of[?key]``."""

    of: Expression
    key: Expression
    is_safe: bool = False


@dataclass(frozen=True)
class Inner:
    """``of::name``: a resource that is declared inside another."""

    of: Expression
    name: str


@dataclass(frozen=True)
class Call:
    """``function(arguments)``."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Operation:
    """An operator between two expressions, or before one."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Choice:
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True)
class Lambda:
    """``(names) => body``."""

    names: tuple[str, ...]
    body: Expression


@dataclass(frozen=True)
class List:
    """``[items]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Object:
    """``{properties}``; resources may be declared among them."""

    properties: tuple[tuple[Expression, Expression], ...]
    inner: tuple[Declaration, ...] = ()


@dataclass(frozen=True)
class Loop:
    """``[for (item, index) in items: body]``."""

    item: str
    index: str | None
    items: Expression
    body: Expression


@dataclass(frozen=True)
class Condition:
    """``if (condition) body``, of a resource or a module."""

    condition: Expression
    body: Expression


Expression: TypeAlias = (
    "Literal | Text | Name | Member | Index | Inner | Call | Operation | Choice | Lambda | List"
    " | Object | Loop | Condition"
)


@dataclass(frozen=True)
class Declaration:
    """A parameter, a variable, a resource, a module, an output, or another line with a name."""

    kind: str
    name: str
    lines: tuple[int, int]
    """The first and the last, decorators left out."""
    type: str = ""
    """Of a parameter and an output as it is written; of a resource its type and version; of a
    module its path."""
    body: Expression | None = None
    is_existing: bool = False
    decorators: tuple[Call, ...] = ()

    def decorator(self, name: str) -> Call | None:
        """Give the decorator of that name, if there is one."""
        return next((found for found in self.decorators if found.function == name), None)


@dataclass(frozen=True)
class Template:
    """A file."""

    path: Path
    lines: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    target_scope: str = "resourceGroup"
    using: str = ""
    """Of a parameters file: the template's path."""

    def of_kind(self, kind: str) -> tuple[Declaration, ...]:
        """Give the declarations of one kind, in their order."""
        return tuple(found for found in self.declarations if found.kind == kind)
