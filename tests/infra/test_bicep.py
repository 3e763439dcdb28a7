"""The reader of Bicep works out what the language's documentation says, and refuses the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.bicep.azure import SUBSCRIPTION, TENANT, Azure, Scope
from tests.infra.bicep.resolver import parameters_of, resolve
from tests.infra.bicep.tokens import BicepError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.bicep.deployment import Deployment

GROUP = Scope(resource_group="rg")


def deploy(folder: Path, text: str, **parameters: object) -> Deployment:
    """Resolve a template that is written here."""
    path = folder / "main.bicep"
    path.write_text(text)
    return resolve(path, parameters, scope=GROUP)


def work_out(folder: Path, expression: str) -> Any:  # noqa: ANN401 - any value
    """Work out one expression."""
    return deploy(folder, f"output found object = {expression}\n").outputs["found"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("1 < 2 && !(2 == 3)", True),
        ("false || 'a' =~ 'A'", True),
        ("null ?? 'x'", "x"),
        ("'a${1 + 1}b${'c${true}'}'", "a2bctrue"),
        (r"'it\'s \${no} $1'", "it's ${no} $1"),
        ("'''\nmany ${lines}\n'''", "many ${lines}\n"),
        ("true\n  ? 'yes'\n  : 'no'", "yes"),
        ("false ? 1 : true ? 2 : 3", 2),
        ("{ a: 1, 'b-c': [2, 3] }", {"a": 1, "b-c": [2, 3]}),
        ("{\n  a: {\n    b: 1 // why\n  }\n}.a.b", 1),
        ("[\n  1\n  2\n][1]", 2),
        ("{}.?nothing.?at ?? 'gone'", "gone"),
        ("[1][?5]", None),
        ("[for (x, i) in ['a', 'b']: '${x}${i}']", ["a0", "b1"]),
        ("map([1, 2], (x, i) => x * i)", [0, 2]),
        ("filter(['a', ''], x => !empty(x))", ["a"]),
        ("flatten(map([1], x => [x, x]))", [1, 1]),
        ("union(['a', 'b', 'a'], ['b', 'c'])", ["a", "b", "c"]),
        ("union({ a: { b: 1 } }, { a: { c: 2 } })", {"a": {"b": 1, "c": 2}}),
        ("contains({ Key: 1 }, 'kEY')", True),
        ("toObject(['a'], x => x, x => 1)", {"a": 1}),
        ("cidrSubnet('10.0.0.0/24', 26, 1)", "10.0.0.64/26"),
        ("string({ a: [1, null] })", '{"a":[1,null]}'),
        ("uri('https://a.b/', 'c/d')", "https://a.b/c/d"),
        ("items({ b: 1, a: 2 })[0].key", "a"),
        ("format('{0}-{1}', 'a', 1)", "a-1"),
        ("tenant().tenantId", TENANT),
        ("resourceGroup().id", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"),
        ("environment().suffixes.keyvaultDns", ".vault.azure.net"),
    ],
)
def test_expressions(expression: str, value: object, tmp_path: Path) -> None:
    """Operators, strings, lists, objects, loops, lambdas and functions."""
    assert work_out(tmp_path, expression) == value


@pytest.mark.parametrize(
    "text",
    [
        "output found string = 'a\n",
        "output found string = nothing\n",
        "output found string = listKeys('a', 'b')\n",
        "output found string = 1 2\n",
        "output found string = {}.a\n",
        "output found string = [][0]\n",
        "output found string = ~1\n",
        "output found string = guid(1)\n",
        "assert a = true\n",
        "targetScope = 'subscription'\n",
    ],
)
def test_what_it_does_not_understand_it_refuses(text: str, tmp_path: Path) -> None:
    """Nothing is guessed, and nothing passed over."""
    with pytest.raises(BicepError):
        deploy(tmp_path, text)


def test_a_file_has_functions_of_its_own(tmp_path: Path) -> None:
    """With types that change nothing, and each with its own names."""
    text = """
func twice(text string, more string[]) string => '${text}${text}${join(more, '')}'
output found string = twice('a', ['b'])
"""

    assert deploy(tmp_path, text).outputs == {"found": "aab"}


NUMBER = """
@minValue(1)
@maxValue(3)
param number int = 2
@allowed(['a', 'b'])
param letter string = 'a'
@minLength(1)
param words string[] = ['x']
param must string
"""


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"must": 1},
        {"must": "x", "other": 1},
        {"must": "x", "number": 0},
        {"must": "x", "number": 4},
        {"must": "x", "letter": "c"},
        {"must": "x", "words": []},
    ],
)
def test_parameters_are_held_to_what_is_said_of_them(
    parameters: dict[str, Any], tmp_path: Path
) -> None:
    """Missing, unknown, of another type, too small, too large, not allowed, too short."""
    with pytest.raises(BicepError):
        deploy(tmp_path, NUMBER, **parameters)

    assert deploy(tmp_path, NUMBER, must="x").outputs == {}


RESOURCES = """
param has bool = true
resource vault 'Microsoft.KeyVault/vaults@1' = {
  name: 'kv'
  properties: { a: 'b' }

  resource secret 'secrets' = {
    name: 's'
  }
}
resource other 'Microsoft.KeyVault/vaults@1' existing = {
  name: 'far'
  scope: resourceGroup('sub', 'group')
}
resource lock 'Microsoft.Authorization/locks@1' = if (has) {
  name: 'l'
  scope: vault
}
resource keys 'Microsoft.KeyVault/vaults/keys@1' = [for name in ['a', 'b']: if (name != 'a') {
  parent: vault
  name: name
}]
output ids array = [vault.id, vault::secret.id, other.id, lock.id, keys[1].id, vault.properties.a]
"""


def test_resources_have_ids(tmp_path: Path) -> None:
    """By scope, parent and place; conditions and loops decide how many there are."""
    deployment = deploy(tmp_path, RESOURCES)
    start = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.KeyVault/vaults/{}"
    vault = start.format(SUBSCRIPTION, "rg", "kv")

    assert deployment.outputs["ids"] == [
        vault,
        f"{vault}/secrets/s",
        start.format("sub", "group", "far"),
        f"{vault}/providers/Microsoft.Authorization/locks/l",
        f"{vault}/keys/b",
        "b",
    ]
    assert [r.name for r in deployment.deployed] == ["kv", "kv/s", "l", "kv/b"]


def test_what_is_not_deployed_has_no_id(tmp_path: Path) -> None:
    """A template that looks at it all the same would fail, and so does the reader."""
    with pytest.raises(BicepError):
        deploy(tmp_path, RESOURCES, has=False)


MODULES = """
targetScope = 'subscription'
resource group 'Microsoft.Resources/resourceGroups@1' = {
  name: 'rg'
}
module inner 'inner.bicep' = [for name in ['a', 'b']: {
  name: name
  scope: group
  params: { name: name }
}]
output ids array = map(inner, one => one.outputs.id)
"""
INNER = """
param name string
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@1' = {
  name: name
}
output id string = identity.properties.principalId
"""


def test_modules_are_deployed_where_they_are_called_for(tmp_path: Path) -> None:
    """Their resources are among those of the whole, and their outputs can be used."""
    (tmp_path / "inner.bicep").write_text(INNER)
    (tmp_path / "main.bicep").write_text(MODULES)

    deployment = resolve(tmp_path / "main.bicep", {})

    assert [r.scope.resource_group for r in deployment.deployed] == ["", "rg", "rg"]
    assert len(set(deployment.outputs["ids"])) == 2


def test_a_parameters_file_is_read(tmp_path: Path) -> None:
    """With the variables that it asks for; one without a default must be there."""
    path = tmp_path / "main.bicepparam"
    path.write_text("using 'main.bicep'\nparam a = readEnvironmentVariable('A', 'x')\n")
    assert parameters_of(path, Azure()) == {"a": "x"}

    path.write_text("using 'main.bicep'\nparam a = readEnvironmentVariable('A')\n")
    assert parameters_of(path, Azure(variables={"A": "y"})) == {"a": "y"}
    with pytest.raises(BicepError):
        parameters_of(path, Azure())
