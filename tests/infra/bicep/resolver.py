"""A template and its parameters in, the resources that it would deploy out.

Everything is worked out when it is first asked for, as names may stand in any order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.infra.bicep.azure import TENANT, Azure, Scope
from tests.infra.bicep.deployment import Deployment, Resource, resource_id
from tests.infra.bicep.evaluator import Evaluator
from tests.infra.bicep.nodes import Object, Text
from tests.infra.bicep.parser import parse
from tests.infra.bicep.tokens import BicepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.infra.bicep.evaluator import Names
    from tests.infra.bicep.nodes import Call, Declaration, Expression, Template

META = {"name", "scope", "parent"}
"""Of a resource: where it is, and not what it is."""
_TYPES = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


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
    file = _File(parse(path), parameters, azure or Azure(), scope or Scope(), deployment)
    file.deploy()
    outputs = file.template.of_kind("output")
    deployment.outputs = {output.name: file.output(output.name) for output in outputs}
    return deployment


def parameters_of(path: Path, azure: Azure) -> dict[str, Any]:
    """Work out what a parameters file says."""
    file = _File(parse(path), {}, azure, Scope(), Deployment())
    return {p.name: file.value(p.name) for p in file.template.of_kind("param")}


@dataclass(frozen=True)
class _Module:
    """A module in the eyes of the file that calls it."""

    symbol: str
    file: _File

    def member(self, name: str) -> Any:  # noqa: ANN401 - any value
        """Give ``module.outputs``, and each of these."""
        return self if name == "outputs" else self.file.output(name)


class _File:
    """A file that is being deployed: its names, and what they stand for."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        azure: Azure,
        scope: Scope,
        deployment: Deployment,
    ) -> None:
        self.template = template
        self._azure = azure
        self._scope = scope
        self._deployment = deployment
        self._parameters = parameters
        self._evaluator = Evaluator(self.value, self._functions())
        self._values: dict[str, Any] = {}
        self._outputs = {d.name: d for d in template.of_kind("output")}
        self._declared = {d.name: d for d in template.declarations if d.kind != "output"}
        if unknown := set(parameters) - {p.name for p in template.of_kind("param")}:
            raise self._error(f"unknown parameters {sorted(unknown)}")
        is_subscription = template.target_scope == "subscription"
        if not template.using and is_subscription == bool(scope.resource_group):
            raise self._error(f"it is not for {scope.id}")

    def _error(self, message: str) -> BicepError:
        return BicepError(f"{self.template.path}: {message}")

    def deploy(self) -> None:
        """Work out everything that is deployed."""
        for kind in ("param", "resource", "module"):
            for declaration in self.template.of_kind(kind):
                self.value(declaration.name)

    def value(self, name: str) -> Any:  # noqa: ANN401 - any value
        """Give what a name stands for."""
        if name not in self._values:
            if name not in self._declared:
                raise self._error(f"there is no {name}")
            self._values[name] = self._make(self._declared[name])
        return self._values[name]

    def output(self, name: str) -> Any:  # noqa: ANN401 - any value
        """Give an output."""
        if name not in self._outputs:
            raise self._error(f"there is no output {name}")
        return self._evaluate(self._outputs[name].body)

    # --- declarations

    def _make(self, d: Declaration) -> Any:  # noqa: ANN401 - any value
        makers: dict[str, Callable[..., Any]] = {"resource": self._resource, "module": self._module}
        if d.kind == "param":
            return self._parameter(d)
        if d.body is None or d.kind not in makers:
            return self._evaluate(d.body)
        make = makers[d.kind]
        return self._evaluator.repeated(d.body, {}, lambda body, names: make(d, body, names))

    def _parameter(self, d: Declaration) -> Any:  # noqa: ANN401 - any value
        where = f"parameter {d.name}"
        if d.name not in self._parameters and d.body is None and not d.type.endswith("?"):
            raise self._error(f"{where} is missing")
        is_given = d.name in self._parameters
        found = self._parameters[d.name] if is_given else d.body and self._evaluate(d.body)
        expected = list if d.type.endswith("[]") else _TYPES.get(d.type)
        if expected and type(found) is not expected:
            raise self._error(f"{where} is {found!r}, and not of type {d.type}")
        for decorator in d.decorators:
            if not self._is_within(decorator, found):
                raise self._error(f"{where} is {found!r}, against its {decorator.function}")
        return found

    def _is_within(self, decorator: Call, found: Any) -> bool:  # noqa: ANN401 - any value
        checks: dict[str, Callable[[Any], bool]] = {
            "allowed": lambda allowed: found in allowed,
            "minValue": lambda least: found >= least,
            "maxValue": lambda most: found <= most,
            "minLength": lambda least: len(found) >= least,
            "maxLength": lambda most: len(found) <= most,
        }
        check = checks.get(decorator.function)
        return check is None or check(self._evaluate(decorator.arguments[0]))

    def _resource(self, d: Declaration, body: Expression, names: Names) -> Resource:
        said = self._said(body, names)
        kind, _, version = d.type.partition("@")
        is_graph = kind.startswith("Microsoft.Graph/")  # where "scope" is a property like others
        name = said.get("name") or said.get("uniqueName") or said.get("appId") or d.name
        scope, on = self._scope, None if is_graph else said.get("scope")
        if parent := said.get("parent"):
            name, scope = f"{parent.name}/{name}", parent.scope
        if isinstance(on, Scope):
            scope, on = on, None
        found = Resource(
            symbol=d.name,
            type=kind,
            api_version=version,
            name=name,
            id=resource_id((on or scope).id, kind, name),
            scope=scope,
            is_existing=d.is_existing,
            body={key: value for key, value in said.items() if is_graph or key not in META},
            template=self.template,
            declaration=d,
            azure=self._azure,
        )
        if kind == "Microsoft.Resources/resourceGroups":
            found = replace(found, id=Scope(scope.subscription_id, name).id)
        self._deployment.resources.append(found)
        for inner in body.inner if isinstance(body, Object) else ():
            self._inner(found, inner, names)
        return found

    def _inner(self, parent: Resource, d: Declaration, names: Names) -> None:
        """Make a resource that is declared inside another."""
        kind, _, version = d.type.partition("@")
        kind, said = f"{parent.type}/{kind}", self._said(d.body, names)
        name, symbol = f"{parent.name}/{said['name']}", f"{parent.symbol}::{d.name}"
        found = replace(
            parent,
            symbol=symbol,
            type=kind,
            api_version=version or parent.api_version,
            name=name,
            id=resource_id(parent.scope.id, kind, name),
            is_existing=d.is_existing,
            body={key: value for key, value in said.items() if key not in META},
            declaration=d,
        )
        self._deployment.resources.append(found)
        self._values[symbol] = found

    def _module(self, d: Declaration, body: Expression, names: Names) -> _Module:
        said = self._said(body, names)
        at = said.get("scope") or self._scope
        if isinstance(at, Resource):  # a resource group
            at = Scope(at.scope.subscription_id, at.name)
        template = parse(self.template.path.parent / d.type)
        file = _File(template, said.get("params", {}), self._azure, at, self._deployment)
        file.deploy()
        return _Module(d.name, file)

    def _said(self, body: Expression | None, names: Names) -> dict[str, Any]:
        """Give what stands in a body; the order of the work is none of our business."""
        if not isinstance(body, Object):
            raise self._error("expected an object as the body")
        properties = tuple(p for p in body.properties if p[0] != Text(("dependsOn",)))
        said: dict[str, Any] = self._evaluator.evaluate(Object(properties), names)
        return said

    def _evaluate(self, body: Expression | None) -> Any:  # noqa: ANN401 - any value
        if body is None:
            raise self._error("expected a value")
        try:
            return self._evaluator.evaluate(body, {})
        except BicepError as exc:
            is_placed = str(self.template.path.parent) in str(exc)
            raise exc if is_placed else self._error(str(exc)) from None

    # --- functions that need Azure, or the file

    def _functions(self) -> dict[str, Callable[..., Any]]:
        scope, folder = self._scope, self.template.path.parent
        subscription = Scope(scope.subscription_id)
        return {
            "environment": lambda: self._azure.environment,
            "tenant": lambda: {"tenantId": TENANT},
            "subscription": lambda: {
                "id": subscription.id,
                "subscriptionId": subscription.subscription_id,
            },
            "resourceGroup": self._group,
            "resourceId": lambda kind, *parts: resource_id(scope.id, kind, "/".join(parts)),
            "subscriptionResourceId": lambda kind, *parts: resource_id(
                subscription.id, kind, "/".join(parts)
            ),
            "loadTextContent": lambda path: (folder / path).read_text(),
            "loadJsonContent": lambda path: json.loads((folder / path).read_text()),
            "readEnvironmentVariable": self._variable,
            **{d.name: partial(self._own, d.name) for d in self.template.of_kind("func")},
        }

    def _own(self, name: str, *values: object) -> Any:  # noqa: ANN401 - any value
        """Call a function that the file itself declares."""
        return self.value(name)(*values)

    def _group(self, *names: str) -> dict[str, str] | Scope:
        """Give this group, or another one of this or of another subscription."""
        scope = self._scope
        if not names:
            return {"id": scope.id, "name": scope.resource_group, "location": "westeurope"}
        return Scope(*names) if len(names) > 1 else Scope(scope.subscription_id, names[0])

    def _variable(self, name: str, *default: str) -> str:
        found = [self._azure.variables[name]] if name in self._azure.variables else [*default]
        if not found:
            raise self._error(f"the variable {name} is missing")
        return found[0]
