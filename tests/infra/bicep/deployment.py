"""What a template deploys: resources, each with its id and all that is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.infra.bicep.functions import FUNCTIONS
from tests.infra.bicep.tokens import BicepError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.bicep.azure import Azure, Scope
    from tests.infra.bicep.nodes import Declaration, Template


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

    def member(self, name: str) -> Any:  # noqa: ANN401 - any value
        """Give ``resource.name`` as the template sees it: what it says, and what Azure adds."""
        known = {"id": self.id, "name": self.name.split("/")[-1], "type": self.type}
        told = self.azure.says(self.type, self.name, self.id)
        both = [what[name] for what in (self.body, told) if name in what]
        if not both and name not in known:
            raise BicepError(f"{self.symbol} has no {name}")
        is_object = bool(both) and isinstance(both[0], dict)
        return FUNCTIONS["union"](*both) if is_object else [known.get(name), *both][-1]


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


def resource_id(scope: str, kind: str, name: str) -> str:
    """Put a resource id together: the parts of the type and of the name take turns."""
    provider, *kinds = kind.split("/")
    names = name.split("/")
    if len(kinds) != len(names):
        raise BicepError(f"{kind} and {name} have not equally many parts")
    pairs = zip(kinds, names, strict=True)
    return "/".join([scope, "providers", provider, *(part for pair in pairs for part in pair)])
