"""The parameters of the templates, as rows of a table in docs/deployment-parameters.md.

``python -m tests.infra.parameters`` prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.infra.bicep.nodes import Call, Literal, Text
from tests.infra.bicep.parser import parse
from tests.infra.given import MAIN, REGISTRATION, WATCHED

if TYPE_CHECKING:
    from tests.infra.bicep.nodes import Declaration, Expression

TEMPLATES = {path.name: path for path in (MAIN, WATCHED, REGISTRATION)}


def rows(template: str) -> list[str]:
    """Give the rows of one template's parameters, in its order."""
    return [_row(parameter) for parameter in parse(TEMPLATES[template]).of_kind("param")]


def _row(parameter: Declaration) -> str:
    kind, _, meaning = description(parameter).partition(". ")
    default = "required" if parameter.body is None else _shown(parameter.body)
    if kind == "Conditional":
        default = f"{default}; conditional"
    return f"| `{parameter.name}` | {meaning} | {default} |"


def description(parameter: Declaration) -> str:
    """Give what a parameter says of itself."""
    found = parameter.decorator("description")
    if found and isinstance(found.arguments[0], Text):
        return "".join(map(str, found.arguments[0].parts))
    return ""


def _shown(default: Expression) -> str:
    match default:
        case Text((str(text),)):
            return f"`{text}`" if text else "none"
        case Literal(value):
            return f"`{str(value).lower()}`"
        case Call():
            return "the platform's"
        case _ if getattr(default, "name", "") == "loginEndpoint":
            return "the cloud's"
    return "none"


if __name__ == "__main__":
    for name in TEMPLATES:
        print(f"## {name}\n\n| parameter | meaning | default |\n|---|---|---|")  # noqa: T201 - its job
        print("\n".join(rows(name)), end="\n\n")  # noqa: T201 - the same
