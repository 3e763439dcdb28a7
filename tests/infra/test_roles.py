"""The rights are those of docs/roles.md: no more in the templates, and no more in the table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.infra import given
from tests.infra.bicep.azure import Scope
from tests.infra.bicep.resolver import resolve
from tests.infra.given import (
    IDENTITY,
    OPERATORS,
    RIGHTS,
    ROOT,
    VAULTS,
    WATCHED,
    least,
    most,
    watched,
)

if TYPE_CHECKING:
    from tests.infra.bicep.deployment import Deployment, Resource

PAGE = (ROOT / "docs" / "roles.md").read_text()
ASSIGNMENT, DEFINITION = (
    f"Microsoft.Authorization/role{kind}" for kind in ("Assignments", "Definitions")
)
BUILT_IN = {
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "76199698-9eea-4c19-bc75-cec21354c6b6": "Storage Table Data Reader",
    "21090545-7ca7-4776-b22c-e363652d74d2": "Key Vault Reader",
}
"""Azure's own roles (Azure documentation, *Azure built-in roles*)."""
PLACES = (
    (r"/vaults/kv-sess-[^/]+$", "session vault"),
    (r"/vaults/[^/]+$", "each watched vault"),
    (r"/queues/([^/]+)$", r"queue `\1`"),
    (r"/tables/([^/]+)$", r"table `\1`"),
    (r"/storageAccounts/[^/]+$", "storage account"),
    (r"/components/[^/]+$", "Application Insights"),
)
DATA_ACTIONS = {
    f"Microsoft.KeyVault/vaults/secrets/{name}"
    for name in (
        "delete",
        *(f"{n}/action" for n in ("getSecret", "readMetadata", "recover", "setSecret", "update")),
    )
}
"""Those that Azure knows, and that somebody here needs (*Azure permissions for Security*)."""
FORBIDDEN = ("purge", "backup", "restore", "*")


def roles(deployment: Deployment) -> dict[str, str]:
    """Give the names of the custom roles, without what makes them different, by their ids."""
    found = {
        r.name: re.sub(r" \(\w+\)$", "", r.body["properties"]["roleName"])
        for r in deployment.of_type(DEFINITION)
    }
    return found | BUILT_IN


def place(resource: Resource) -> str:
    """Say on what a right is, in the table's words."""
    on = resource.id.partition("/providers/Microsoft.Authorization/")[0]
    for pattern, words in PLACES:
        if found := re.search(pattern, on):
            return found.expand(words)
    raise AssertionError(on)


def granted(deployment: Deployment) -> list[tuple[str, str, str]]:
    """Give who may do what, and where."""
    known = roles(deployment)
    rights = []
    for right in deployment.of_type(ASSIGNMENT):
        said = right.body["properties"]
        who = {"ServicePrincipal": "identity", "Group": "operators"}[said["principalType"]]
        role = known[said["roleDefinitionId"].split("/")[-1]]
        rights.append((who, f"`{role}`", place(right)))
    return rights


def table(heading: str) -> list[tuple[str, ...]]:
    """Give the rows of the table whose first column has this heading."""
    block = PAGE.split(f"| {heading} |")[1].split("\n\n")[0]
    rows = [line for line in block.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in row.strip("| ").split(" | ")) for row in rows]


def test_the_table_and_the_templates_agree() -> None:
    """A right that is added to one only fails here; and each is told why, and what breaks."""
    rows = table("who")

    assert sorted(row[:3] for row in rows) == sorted({*granted(most()), *granted(watched())})
    assert all(len(row) == 5 and all(len(cell) > 5 for cell in row[3:]) for row in rows)


def test_no_right_is_given_twice() -> None:
    """One assignment each, by a name that comes from scope, principal and role."""
    for deployment in (most(), watched()):
        rights = granted(deployment)
        on_vaults = len(VAULTS) if deployment is watched() else 1
        assert all(rights.count(right) == on_vaults for right in rights)
        names = [r.name for r in deployment.of_type(ASSIGNMENT)]
        assert len(set(names)) == len(names)


def test_the_rights_are_those_of_who_they_should_be() -> None:
    """The identity that was made, and the group that was named."""
    identity = most().one("Microsoft.ManagedIdentity/userAssignedIdentities")
    known = {
        "ServicePrincipal": {identity.member("properties")["principalId"], IDENTITY},
        "Group": {OPERATORS},
    }

    for right in (*most().of_type(ASSIGNMENT), *watched().of_type(ASSIGNMENT)):
        said = right.body["properties"]
        assert said["principalId"] in known[said["principalType"]]


def test_without_operators_they_have_no_rights() -> None:
    """Nothing is made for them."""
    alone = resolve(WATCHED, RIGHTS | {"operatorsGroupId": ""})

    assert {who for who, _, _ in (*granted(least()), *granted(alone))} == {"identity"}
    assert len(least().of_type(DEFINITION)) == 1


def test_roles_of_our_own_allow_what_the_page_says() -> None:
    """Data actions one by one, no control of any resource, and no end of secrets."""
    rows = {role.strip("`"): re.findall(r"`(\w+)`", actions) for role, actions in table("role")}
    found = {}
    for deployment in (most(), watched()):
        for role in deployment.of_type(DEFINITION):
            (allowed,) = role.body["properties"]["permissions"]
            assert (allowed["actions"], allowed["notActions"], allowed["notDataActions"]) == (
                [],
                [],
                [],
            )
            found[roles(deployment)[role.name]] = [
                re.sub(r"^Microsoft\.KeyVault/vaults/secrets/(\w+?)(/action)?$", r"\1", action)
                for action in allowed["dataActions"]
            ]

    assert found == rows
    assert not [a for actions in found.values() for a in actions if a in FORBIDDEN or "*" in a]


def test_roles_of_our_own_can_be_given_nowhere_else() -> None:
    """In the installation's group; that for watched vaults, in the subscriptions of these."""
    scopes = [r.body["properties"]["assignableScopes"] for r in most().of_type(DEFINITION)]
    (group,) = most().of_type("Microsoft.Resources/resourceGroups")
    (elsewhere,) = (r.body["properties"]["assignableScopes"] for r in watched().of_type(DEFINITION))

    assert scopes == [[group.id], [group.id]]
    assert sorted(elsewhere) == sorted({vault.split("/resourceGroups")[0] for vault in VAULTS})


def test_nobody_controls_a_resource() -> None:
    """No Owner, no Contributor, no administrator of anything: data roles alone."""
    assert {role for _, role, _ in (*granted(most()), *granted(watched()))} <= {
        f"`{name}`" for name in {*roles(most()).values(), *roles(watched()).values()}
    }


@pytest.mark.parametrize("prefix", ["", "pat-"])
def test_a_condition_confines_the_identity(prefix: str) -> None:
    """To names that begin so; operators, who see no values, are not confined."""
    deployment = resolve(WATCHED, RIGHTS | {"namePrefix": prefix})
    for right in deployment.of_type(ASSIGNMENT):
        said = right.body["properties"]
        is_confined = bool(prefix) and said["principalType"] == "ServicePrincipal"
        assert (said["condition"] is not None) == is_confined
        assert said["conditionVersion"] == ("2.0" if is_confined else None)


def holds(condition: str, action: str, asked: str, there: str) -> bool:
    """Work a condition out as Azure does, for one call.

    Args:
        condition: as it is written.
        action: the data action's last words.
        asked: the secret that the request names.
        there: the secret that is there already; empty if there is none.
    """
    start = "Microsoft.KeyVault/vaults/secrets"
    text = re.sub(
        r"ActionMatches\{'([^']+)'\}", lambda m: str(m[1] == f"{start}/{action}/action"), condition
    )
    for side, name in (("@Request", asked), ("@Resource", there)):
        for found in re.finditer(rf"{side}\[{start}:name\] StringStartsWith '([^']+)'", condition):
            text = text.replace(found[0], str(name.startswith(found[1])))
    words = text.replace("!", " not ").replace("AND", "and").replace("OR", "or")
    assert set(re.findall(r"\w+", words)) <= {"True", "False", "not", "and", "or"}
    return bool(eval(words))  # noqa: S307 - only the five words that the line above allows


@pytest.mark.parametrize(
    ("action", "asked", "there", "is_allowed"),
    [
        ("readMetadata", "", "", True),
        ("readMetadata", "other", "other", True),
        ("getSecret", "pat-feed", "pat-feed", True),
        ("getSecret", "other", "other", False),
        ("update", "pat-feed", "pat-feed", True),
        ("update", "other", "other", False),
        ("setSecret", "pat-new", "", True),
        ("setSecret", "pat-feed", "pat-feed", True),
        ("setSecret", "other", "", False),
        ("setSecret", "other", "other", False),
    ],
)
def test_what_the_condition_allows(
    action: str, asked: str, there: str, *, is_allowed: bool
) -> None:
    """Reads and writes of the secrets that begin so, and the list of all."""
    (condition,) = {
        r.body["properties"]["condition"]
        for r in given.watched().of_type(ASSIGNMENT)
        if r.body["properties"]["condition"]
    }

    assert holds(condition, action, asked, there) == is_allowed


def test_every_data_action_is_one_of_azures() -> None:
    """A role with a name that Azure does not know cannot be made."""
    for deployment in (most(), watched()):
        for role in deployment.of_type(DEFINITION):
            (permission,) = role.body["properties"]["permissions"]
            assert set(permission["dataActions"]) <= DATA_ACTIONS


def test_two_keepers_make_two_roles() -> None:
    """From another subscription the same identity gets a role of another name and id."""
    there = resolve(WATCHED, RIGHTS, scope=Scope(given.OTHER_SUBSCRIPTION))
    here, other = (d.of_type(DEFINITION)[0] for d in (watched(), there))

    assert here.name != other.name
    assert here.body["properties"]["roleName"] != other.body["properties"]["roleName"]
