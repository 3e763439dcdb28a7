"""Key Vault's face, as Microsoft's own client sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox.furniture import VAULT
from sandbox.https import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.https import Authority
    from sandbox.world import World


def test_whoever_has_no_token_is_told_where_to_get_one(sandbox: Sandbox) -> None:
    """The challenge names the tenant's address and the resource."""
    url = sandbox.vault_urls[VAULT]

    answer = requests.get(f"{url}/secrets", params={"api-version": "7.6"}, timeout=5)

    assert answer.status_code == 401
    tenant = f"{sandbox.authority_url}/{sandbox.world.tenant.id}"
    expected = f'Bearer authorization="{tenant}", resource="https://vault.azure.net"'
    assert answer.headers["WWW-Authenticate"] == expected


def test_a_token_for_another_resource_is_challenged(sandbox: Sandbox) -> None:
    """The audience counts: Azure DevOps' token opens no vault."""
    tenant = sandbox.world.tenant
    token = tenant.identity_token("https://management.azure.com", tenant.identity.client_id)
    assert token

    answer = requests.get(
        f"{sandbox.vault_urls[VAULT]}/secrets",
        params={"api-version": "7.6"},
        headers={"Authorization": f"Bearer {token.value}"},
        timeout=5,
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("version", [None, "2099-01-01", "7.6-preview"])
def test_a_request_must_say_an_api_version_that_is_known(
    sandbox: Sandbox, version: str | None
) -> None:
    """Without api-version, or with that of an SDK that is ahead, a request is a bad one."""
    tenant = sandbox.world.tenant
    token = tenant.identity_token("https://vault.azure.net", tenant.identity.client_id)
    assert token

    answer = requests.get(
        f"{sandbox.vault_urls[VAULT]}/secrets",
        params={"api-version": version},
        headers={"Authorization": f"Bearer {token.value}"},
        timeout=5,
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadParameter"


def test_what_was_set_can_be_read(vault_client: SecretClient, clock: ManualClock) -> None:
    """A version keeps value, tags, content type and instants, to the second."""
    expires_on = datetime(2027, 1, 2, 3, 4, 5, 678, tzinfo=UTC)

    made = vault_client.set_secret(
        "Feed-Token", "v1", tags={"team": "web"}, content_type="text/plain", expires_on=expires_on
    )
    read = vault_client.get_secret("feed-token")

    assert read.value == "v1"
    assert read.name == "Feed-Token"
    assert read.properties.version == made.properties.version
    assert len(read.properties.version or "") == 32
    assert read.properties.tags == {"team": "web"}
    assert read.properties.content_type == "text/plain"
    assert read.properties.expires_on == expires_on.replace(microsecond=0)
    assert read.properties.created_on == clock()
    assert read.properties.enabled


def test_setting_loses_what_is_not_said_again(vault_client: SecretClient) -> None:
    """A new version has nothing of the one before it."""
    vault_client.set_secret("feed", "v1", tags={"a": "1"}, content_type="x", expires_on=_soon())

    properties = vault_client.set_secret("feed", "v2").properties

    assert (properties.tags, properties.content_type, properties.expires_on) == ({}, None, None)


def test_a_list_has_25_items_a_page(
    vault_client: SecretClient, world: World, count_calls: Callable[[str], int]
) -> None:
    """Sixty secrets come in three pages, sorted by name, with tags and without values."""
    for number in range(60):
        world.vault(VAULT).set(f"secret-{number:02}", "v")

    listed = list(vault_client.list_properties_of_secrets())

    assert [item.name for item in listed] == [f"secret-{number:02}" for number in range(60)]
    assert listed[0].version is None
    assert count_calls("list_secrets") == 3


def test_a_page_of_more_than_25_is_refused(vault_client: SecretClient) -> None:
    """Asking for more than the maximum is a bad parameter."""
    with pytest.raises(HttpResponseError) as refused:
        list(vault_client.list_properties_of_secrets(max_page_size=26))

    assert refused.value.status_code == 400


def test_versions_come_in_pages_and_in_no_helpful_order(
    vault_client: SecretClient, world: World, count_calls: Callable[[str], int]
) -> None:
    """All versions are listed, without values, and not from the oldest to the newest."""
    made = [world.vault(VAULT).set("feed", f"v{number}").id for number in range(30)]

    listed = [item.version for item in vault_client.list_properties_of_secret_versions("feed")]

    assert sorted(made) == listed
    assert made != listed
    assert count_calls("list_versions") == 2


def test_fifteen_tags_are_kept_and_sixteen_refused(vault_client: SecretClient) -> None:
    """The limit on tags is fifteen, for new versions and for updates."""
    tags = {f"tag-{number}": "x" for number in range(15)}
    vault_client.set_secret("feed", "v", tags=tags)
    too_many = {**tags, "one": "more"}

    with pytest.raises(HttpResponseError, match="16 tags"):
        vault_client.set_secret("feed", "v", tags=too_many)
    with pytest.raises(HttpResponseError, match="16 tags"):
        vault_client.update_secret_properties("feed", tags=too_many)

    assert vault_client.get_secret("feed").properties.tags == tags


@pytest.mark.parametrize(
    ("name", "value", "properties"),
    [
        ("feed", "x" * (25 * 1024 + 1), {}),
        ("feed", "x", {"tags": {"t": "x" * 513}}),
        ("feed", "x", {"tags": {"t" * 513: "x"}}),
        ("feed", "x", {"content_type": "x" * 256}),
        ("under_score", "x", {}),
        ("x" * 128, "x", {}),
    ],
)
def test_what_is_too_long_or_misspelled_is_refused(
    vault_client: SecretClient, name: str, value: str, properties: dict[str, str]
) -> None:
    """Each of Key Vault's limits is a 400."""
    with pytest.raises(HttpResponseError) as refused:
        vault_client.set_secret(name, value, **properties)  # type: ignore[arg-type]

    assert refused.value.status_code == 400


def test_a_disabled_newest_version_is_refused_without_fall_back(
    vault_client: SecretClient,
) -> None:
    """Reading the newest fails once it is disabled; the older one is given by its id only."""
    older = vault_client.set_secret("feed", "v1").properties.version
    newest = vault_client.set_secret("feed", "v2").properties.version
    vault_client.update_secret_properties("feed", newest, enabled=False)

    with pytest.raises(HttpResponseError) as refused:
        vault_client.get_secret("feed")

    assert refused.value.status_code == 403
    assert refused.value.error
    assert refused.value.error.innererror
    assert refused.value.error.innererror == {"code": "SecretDisabled"}
    assert vault_client.get_secret("feed", older).value == "v1"
    assert not next(iter(vault_client.list_properties_of_secrets())).enabled


def test_an_expired_version_is_given_all_the_same(
    vault_client: SecretClient, clock: ManualClock
) -> None:
    """The expiry is information for consumers, not a gate."""
    vault_client.set_secret("feed", "v1", expires_on=_soon())
    clock.advance(timedelta(days=365))

    assert vault_client.get_secret("feed").value == "v1"


def test_an_update_names_a_version_and_leaves_the_rest(
    vault_client: SecretClient, clock: ManualClock
) -> None:
    """Tags are replaced as a whole, what is not said stays, other versions are not touched."""
    first = vault_client.set_secret("feed", "v1", tags={"a": "1"}, content_type="x")
    vault_client.set_secret("feed", "v2", tags={"b": "2"})
    clock.advance(timedelta(minutes=5))

    updated = vault_client.update_secret_properties(
        "feed", first.properties.version, tags={"c": "3"}, expires_on=_soon()
    )

    assert updated.tags == {"c": "3"}
    assert updated.content_type == "x"
    assert updated.expires_on == _soon()
    assert updated.created_on == clock() - timedelta(minutes=5)
    assert updated.updated_on == clock()
    assert vault_client.get_secret("feed").properties.tags == {"b": "2"}


def test_an_update_without_a_version_takes_the_newest(vault_client: SecretClient) -> None:
    """That is why the rotator must name one."""
    vault_client.set_secret("feed", "v1")
    vault_client.set_secret("feed", "v2")

    vault_client.update_secret_properties("feed", tags={"late": "write"})

    assert vault_client.get_secret("feed").properties.tags == {"late": "write"}


def test_what_is_not_there_is_not_found(vault_client: SecretClient) -> None:
    """A missing secret, and a missing version of one that is there, are a 404."""
    vault_client.set_secret("feed", "v1")

    with pytest.raises(ResourceNotFoundError):
        vault_client.get_secret("nothing")
    with pytest.raises(ResourceNotFoundError):
        vault_client.get_secret("feed", "0" * 32)


def test_a_deleted_secret_keeps_its_name_and_can_be_recovered(
    vault_client: SecretClient,
) -> None:
    """Deleting is soft: the name is taken until the secret is recovered with all its versions."""
    vault_client.set_secret("feed", "v1")
    vault_client.set_secret("feed", "v2")
    vault_client.begin_delete_secret("feed").wait()

    with pytest.raises(ResourceNotFoundError):
        vault_client.get_secret("feed")
    with pytest.raises(ResourceExistsError):
        vault_client.set_secret("feed", "v3")
    assert [item.name for item in vault_client.list_deleted_secrets()] == ["feed"]
    vault_client.begin_recover_deleted_secret("feed").wait()

    assert vault_client.get_secret("feed").value == "v2"
    assert len(list(vault_client.list_properties_of_secret_versions("feed"))) == 2


def test_a_purged_secret_is_gone(vault_client: SecretClient) -> None:
    """After a purge the name is free again, and nothing of the old secret is left."""
    vault_client.set_secret("feed", "v1")
    vault_client.begin_delete_secret("feed").wait()
    vault_client.purge_deleted_secret("feed")

    vault_client.set_secret("feed", "v2")

    assert len(list(vault_client.list_properties_of_secret_versions("feed"))) == 1


@pytest.mark.parametrize("permission", ["get", "set", "update", "list"])
def test_a_right_that_is_taken_away_is_refused(
    vault_client: SecretClient, world: World, permission: str
) -> None:
    """The identity's rights can be taken away one by one; the vault says 403."""
    world.vault(VAULT).set("feed", "v1")
    world.vault(VAULT).permissions.remove(permission)
    uses: dict[str, Callable[[], object]] = {
        "get": lambda: vault_client.get_secret("feed"),
        "set": lambda: vault_client.set_secret("feed", "v2"),
        "update": lambda: vault_client.update_secret_properties("feed", tags={}),
        "list": lambda: list(vault_client.list_properties_of_secrets()),
    }

    outcomes = {name: _status_of(use) for name, use in uses.items()}

    assert outcomes == {name: 403 if name == permission else 200 for name in uses}


def test_a_vault_that_does_not_exist_cannot_be_reached(
    world: World, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is known, and nobody listens there."""
    world.add_vault("kv-gone", exists=False)
    with Sandbox(world, authority) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        with (
            ManagedIdentityCredential(client_id=world.tenant.identity.client_id) as credential,
            # The SDK remembers challenges by port, and this one may have been another vault's.
            SecretClient(
                sandbox.vault_urls["kv-gone"],
                credential,
                retry_total=0,
                verify_challenge_resource=False,
            ) as client,
            pytest.raises(ServiceRequestError),
        ):
            client.get_secret("feed")


def _soon() -> datetime:
    return datetime(2026, 12, 1, tzinfo=UTC)


def _status_of(use: Callable[[], object]) -> int:
    try:
        use()
    except HttpResponseError as exc:
        return exc.status_code or 0
    return 200
