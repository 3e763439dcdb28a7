"""A template and its parameters in, the resources that it would deploy out.

Everything is worked out when it is first asked for, as names may stand in any order. What stands
for a resource knows what the template says of it and what the platform would add (``azure``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tests.infra.bicep.azure import TENANT, Azure, Scope
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
from tests.infra.bicep.parser import parse
from tests.infra.bicep.tokens import BicepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.infra.bicep.nodes import Declaration, Expression, Template

META = {"name", "scope", "parent", "dependsOn"}
"""Of a resource: where it is and when, and not what it is."""
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
_TYPES = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


@dataclass(frozen=True)
class Resource:
    """What a template says of one resource."""

    symbol: str
    type: str
    api_version: str
    name: str
    """With those of its parents before it, divided by ``/``."""
    id: str
    scope: Scope
    """Where the file deploys to."""
    is_existing: bool
    body: Mapping[str, Any]
    """What it is to be, without its name, scope and parent."""
    template: Template = field(repr=False, compare=False)
    declaration: Declaration = field(repr=False, compare=False)
    azure: Azure = field(repr=False, compare=False)

    def get(self, name: str) -> Any:  # noqa: ANN401 - any value
        """Give ``resource.name`` as the template sees it."""
        known = {"id": self.id, "name": self.name.split("/")[-1], "type": self.type}
        said = self.azure.says(self.type, self.name, self.id)
        if name in said or name in self.body:
            both = [what[name] for what in (self.body, said) if name in what]
            return FUNCTIONS["union"](*both) if isinstance(both[0], dict) else both[-1]
        return known[name]


@dataclass
class Deployment:
    """What one template deploys, with all of its modules."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def deployed(self) -> list[Resource]:
        """Those that are made or changed: not what is there already."""
        return [resource for resource in self.resources if not resource.is_existing]

    def of_type(self, kind: str) -> list[Resource]:
        """Give the deployed resources of one type."""
        return [resource for resource in self.deployed if resource.type == kind]

    def one(self, kind: str) -> Resource:
        """Give the only deployed resource of one type."""
        (found,) = self.of_type(kind)
        return found


@dataclass(frozen=True)
class _Module:
    """A module in the eyes of the file that calls it."""

    file: File


def resolve(
    path: Path,
    parameters: Mapping[str, Any],
    *,
    azure: Azure | None = None,
    scope: Scope | None = None,
) -> Deployment:
    """Work out what a template deploys.

    Args:
        path: of the ``.bicep`` file.
        parameters: by name; the others have their defaults.
        azure: the cloud.
        scope: where it is deployed.

    Raises:
        BicepError: a parameter is missing, unknown or not allowed; or this reader does not
            understand something.
    """
    deployment = Deployment()
    file = File(parse(path), parameters, azure or Azure(), scope or Scope(), deployment)
    file.deploy()
    deployment.outputs = {
        output.name: file.value(output.name, "output") for output in file.template.of_kind("output")
    }
    return deployment


def parameters_of(path: Path, azure: Azure) -> dict[str, Any]:
    """Work out what a parameters file says."""
    file = File(parse(path), {}, azure, Scope(), Deployment())
    return {p.name: file.evaluate(p.body, {}) for p in file.template.of_kind("param") if p.body}


class File:
    """A file that is being deployed: its names, and what they stand for."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        azure: Azure,
        scope: Scope,
        deployment: Deployment,
    ) -> None:
        """Take the parameters, of which none may be missing or unknown."""
        self.template = template
        self.azure = azure
        self.scope = scope
        self.deployment = deployment
        self._parameters = parameters
        self._values: dict[tuple[str, str], Any] = {}
        self._declared = {
            ("output" if d.kind == "output" else "name", d.name): d for d in template.declarations
        }
        if unknown := set(parameters) - {p.name for p in template.of_kind("param")}:
            raise BicepError(f"{template.path}: unknown parameters {sorted(unknown)}")
        is_subscription = template.target_scope == "subscription"
        if not template.using and is_subscription == bool(scope.resource_group):
            raise BicepError(f"{template.path}: it is not for {scope.id}")

    def deploy(self) -> None:
        """Work out everything that is deployed."""
        for kind in ("param", "resource", "module"):
            for declaration in self.template.of_kind(kind):
                self.value(declaration.name)

    def value(self, name: str, kind: str = "name") -> Any:  # noqa: ANN401 - any value
        """Give what a name stands for."""
        key = (kind, name)
        if key not in self._values:
            if key not in self._declared:
                raise BicepError(f"{self.template.path}: there is no {name}")
            self._values[key] = self._make(self._declared[key])
        return self._values[key]

    # --- declarations

    def _make(self, d: Declaration) -> Any:  # noqa: ANN401 - any value
        if d.kind == "param":
            return self._parameter(d)
        if d.kind == "resource":
            return self._repeated(d.body, {}, lambda body, names: self._resource(d, body, names))
        if d.kind == "module":
            return self._repeated(d.body, {}, lambda body, names: self._module(d, body, names))
        if isinstance(d.body, Loop):
            return self._repeated(d.body, {}, self.evaluate)
        return self.evaluate(_known(d.body), {})

    def _parameter(self, d: Declaration) -> Any:  # noqa: ANN401 - any value
        where = f"{self.template.path}: parameter {d.name}"
        if d.name in self._parameters:
            found = self._parameters[d.name]
        elif d.body is not None:
            found = self.evaluate(d.body, {})
        elif d.type.endswith("?"):
            return None
        else:
            raise BicepError(f"{where} is missing")
        expected = list if d.type.endswith("[]") else _TYPES.get(d.type)
        if expected and type(found) is not expected:
            raise BicepError(f"{where} is {found!r}, and not of type {d.type}")
        if (allowed := d.decorator("allowed")) and found not in self._argument(allowed):
            raise BicepError(f"{where} is {found!r}, which is not allowed")
        for name, size in (("min", found), ("max", found)):
            for what in ("Value", "Length"):
                if limit := d.decorator(name + what):
                    is_size = len(size) if what == "Length" else size
                    ends = sorted([is_size, self._argument(limit)], reverse=name == "max")
                    if ends[0] != self._argument(limit):
                        raise BicepError(f"{where} is {found!r}: {name}{what} is {ends[1]}")
        return found

    def _argument(self, decorator: Call) -> Any:  # noqa: ANN401 - any value
        return self.evaluate(decorator.arguments[0], {})

    def _repeated(
        self,
        body: Expression | None,
        names: Mapping[str, Any],
        make: Callable[[Any, Mapping[str, Any]], Any],
    ) -> Any:  # noqa: ANN401 - any value
        """Make one thing, none where its condition does not hold, or a list."""
        if isinstance(body, Loop):
            items = enumerate(self.evaluate(body.items, names))
            inner = [
                {**names, body.item: item, **({body.index: at} if body.index else {})}
                for at, item in items
            ]
            return [self._repeated(body.body, more, make) for more in inner]
        if isinstance(body, Condition):
            holds = self.evaluate(body.condition, names)
            return make(body.body, names) if holds else None
        return make(_known(body), names)

    def _resource(self, d: Declaration, body: Expression, names: Mapping[str, Any]) -> Resource:
        said, inner = self._said(body, names)
        kind, _, version = d.type.partition("@")
        is_graph = kind.startswith("Microsoft.Graph/")  # where "scope" is a property like others
        parent = said.get("parent")
        name = said.get("name") or said.get("uniqueName") or said.get("appId") or d.name
        scope, at = self.scope, None if is_graph else said.get("scope")
        if parent is not None:
            name, scope, at = f"{parent.name}/{name}", parent.scope, None
        resource_id = _id(scope.id, kind, name)
        if isinstance(at, Resource):
            resource_id = _id(at.id, kind, name)
        elif isinstance(at, Scope):
            scope, resource_id = at, _id(at.id, kind, name)
        if kind == "Microsoft.Resources/resourceGroups":
            resource_id = f"{scope.id}/resourceGroups/{name}"
        what = {key: value for key, value in said.items() if is_graph or key not in META}
        found = Resource(
            d.name,
            kind,
            version,
            name,
            resource_id,
            scope,
            d.is_existing,
            what,
            self.template,
            d,
            self.azure,
        )
        self.deployment.resources.append(found)
        for other in inner:
            self._inner(found, other, names)
        return found

    def _inner(self, parent: Resource, d: Declaration, names: Mapping[str, Any]) -> None:
        """Make a resource that is declared inside another."""
        kind, _, version = d.type.partition("@")
        full = f"{parent.type}/{kind}@{version or parent.api_version}"
        body = d.body
        if not isinstance(body, Object):
            raise BicepError(f"{self.template.path}:{d.lines[0]}: expected a plain resource inside")
        whole = type(d)(d.kind, d.name, d.lines, full, body, d.is_existing, d.decorators)
        said, _ = self._said(body, names)
        made = Resource(
            f"{parent.symbol}::{d.name}",
            f"{parent.type}/{kind}",
            version or parent.api_version,
            f"{parent.name}/{said['name']}",
            _id(parent.scope.id, f"{parent.type}/{kind}", f"{parent.name}/{said['name']}"),
            parent.scope,
            d.is_existing,
            {key: value for key, value in said.items() if key not in META},
            self.template,
            whole,
            self.azure,
        )
        self.deployment.resources.append(made)
        self._values["inner", f"{parent.symbol}::{d.name}"] = made

    def _said(
        self, body: Expression, names: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[Declaration, ...]]:
        if not isinstance(body, Object):
            raise BicepError(f"{self.template.path}: expected an object as the body")
        plain = Object(tuple(p for p in body.properties if p[0] != Text(("dependsOn",))))
        return self.evaluate(plain, names), body.inner

    def _module(self, d: Declaration, body: Expression, names: Mapping[str, Any]) -> _Module:
        said, _ = self._said(body, names)
        at = said.get("scope")
        if isinstance(at, Resource):
            at = Scope(at.scope.subscription_id, at.name)
        path = self.template.path.parent / d.type
        file = File(
            parse(path), said.get("params", {}), self.azure, at or self.scope, self.deployment
        )
        file.deploy()
        return _Module(file)

    # --- expressions

    def evaluate(self, e: Any, names: Mapping[str, Any]) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - one case a kind of expression
        """Work out an expression.

        Args:
            e: the expression.
            names: what loops and lambdas around it have named.
        """
        match e:
            case Literal(value):
                return value
            case Text(parts):
                told = [p if isinstance(p, str) else self.evaluate(p, names) for p in parts]
                return "".join(FUNCTIONS["string"](part) for part in told)
            case Name(name):
                return names[name] if name in names else self.value(name)
            case Member(of, name, is_safe):
                return self._member(self.evaluate(of, names), name, is_safe=is_safe)
            case Index(of, key, is_safe):
                return self._index(
                    self.evaluate(of, names), self.evaluate(key, names), is_safe=is_safe
                )
            case Inner(of, name):
                return self._values["inner", f"{self.evaluate(of, names).symbol}::{name}"]
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
            case Loop():
                return self._repeated(e, names, self.evaluate)
            case Object(properties):
                return {
                    self.evaluate(key, names): self.evaluate(value, names)
                    for key, value in properties
                }
        raise BicepError(f"{self.template.path}: {type(e).__name__} is not known here")

    def _lambda(
        self, taken: tuple[str, ...], body: Expression, names: Mapping[str, Any]
    ) -> Callable[..., Any]:
        def function(*values: object) -> Any:  # noqa: ANN401 - any value
            return self.evaluate(body, {**names, **dict(zip(taken, values, strict=False))})

        function.takes = len(taken)  # type: ignore[attr-defined] # what `map` looks at
        return function

    def _operation(
        self, operator: str, operands: tuple[Expression, ...], names: Mapping[str, Any]
    ) -> Any:  # noqa: ANN401 - any value
        first = self.evaluate(operands[0], names)
        if len(operands) == 1:
            return not first if operator == "!" else -first
        if operator == "&&":
            return first and self.evaluate(operands[1], names)
        if operator == "||":
            return first or self.evaluate(operands[1], names)
        if operator == "??":
            return self.evaluate(operands[1], names) if first is None else first
        return _OPERATORS[operator](first, self.evaluate(operands[1], names))

    def _member(self, of: Any, name: str, *, is_safe: bool) -> Any:  # noqa: ANN401 - any value
        if of is None and is_safe:
            return None
        if isinstance(of, Resource):
            return of.get(name)
        if isinstance(of, _Module) and name == "outputs":
            return of
        if isinstance(of, _Module):
            return of.file.value(name, "output")
        if isinstance(of, dict) and (name in of or is_safe):
            return of.get(name)
        raise BicepError(f"{self.template.path}: {of!r} has no {name}")

    def _index(self, of: Any, key: Any, *, is_safe: bool) -> Any:  # noqa: ANN401 - any value
        try:
            return of[key]
        except (KeyError, IndexError, TypeError):
            if is_safe:
                return None
            raise BicepError(f"{self.template.path}: {of!r} has no {key!r}") from None

    def _call(self, function: str, arguments: list[Any]) -> Any:  # noqa: ANN401, PLR0911 - one return a function
        group = self.scope.resource_group
        match function, arguments:
            case "environment", []:
                return self.azure.environment
            case "tenant", []:
                return {"tenantId": TENANT}
            case "subscription", []:
                subscription_id = self.scope.subscription_id
                return {"id": Scope(subscription_id).id, "subscriptionId": subscription_id}
            case "resourceGroup", []:
                return {"id": self.scope.id, "name": group, "location": "westeurope"}
            case "resourceGroup", [name]:
                return Scope(self.scope.subscription_id, name)
            case "resourceGroup", [subscription_id, name]:
                return Scope(subscription_id, name)
            case "resourceId", [kind, *parts]:
                return _id(self.scope.id, kind, "/".join(parts))
            case "subscriptionResourceId", [kind, *parts]:
                return _id(Scope(self.scope.subscription_id).id, kind, "/".join(parts))
            case "loadTextContent", [path]:
                return (self.template.path.parent / path).read_text()
            case "loadJsonContent", [path]:
                return json.loads((self.template.path.parent / path).read_text())
            case "readEnvironmentVariable", [name, *default]:
                return self._variable(name, default)
        if function in FUNCTIONS:
            return FUNCTIONS[function](*arguments)
        raise BicepError(f"{self.template.path}: the function {function} is not known here")

    def _variable(self, name: str, default: list[str]) -> str:
        found = [self.azure.variables[name]] if name in self.azure.variables else default
        if not found:
            raise BicepError(f"{self.template.path}: the variable {name} is missing")
        return found[0]


def _known(body: Expression | None) -> Expression:
    if body is None:
        raise BicepError("expected a value")
    return body


def _id(scope: str, kind: str, name: str) -> str:
    """Put a resource id together: the parts of the type and of the name take turns."""
    provider, *kinds = kind.split("/")
    names = name.split("/")
    if len(kinds) != len(names):
        raise BicepError(f"{kind} and {name} have not equally many parts")
    pairs = zip_longest(kinds, names)
    return "/".join([scope, "providers", provider, *(part for pair in pairs for part in pair)])
