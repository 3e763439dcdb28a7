"""The server under the faces: many clients, rude ones too, and a tidy end."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.furniture import ORGANIZATION
from sandbox.https import Sandbox

if TYPE_CHECKING:
    from sandbox.fault import Call
    from sandbox.https import Authority
    from sandbox.world import World
    from tests.contract.conftest import AzureDevOps


def test_many_clients_at_once_are_served_one_world(azure_devops: AzureDevOps, world: World) -> None:
    """Forty creations by eight threads are forty tokens, none lost and none alike."""
    headers = azure_devops.bearer

    def create(number: int) -> str:
        body = {
            "displayName": f"token-{number}",
            "scope": "vso.code",
            "validTo": "2026-11-23T07:00:00Z",
            "allOrgs": False,
        }
        answer = azure_devops.tokens("POST", body=body, headers=headers)
        return str(answer.json()["patToken"]["authorizationId"])

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(create, range(40)))

    assert len(ids) == 40
    assert {token.authorization_id for token in world.living_tokens()} == ids


def test_a_client_that_does_not_trust_hurts_nobody_else(
    azure_devops: AzureDevOps, sandbox: Sandbox
) -> None:
    """Its handshake fails, and the next client is served."""
    port = int(sandbox.devops_url.rpartition(":")[2])

    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")

    assert azure_devops.connection("wrong").status_code == 401


def test_a_client_that_never_speaks_holds_up_nobody(world: World, authority: Authority) -> None:
    """Neither the other clients nor the end."""
    with Sandbox(world, authority) as sandbox:
        port = int(sandbox.devops_url.rpartition(":")[2])
        silent = socket.create_connection(("127.0.0.1", port))
        url = f"{sandbox.devops_url}/{ORGANIZATION}/_apis/connectionData"
        answer = requests.get(url, verify=str(authority.bundle), timeout=5)

    with silent:
        silent.settimeout(5)
        assert silent.recv(1) == b""
    assert answer.status_code == 401


def test_a_request_that_was_cut_off_has_no_effect(world: World, authority: Authority) -> None:
    """A client that dies between the head of its request and the body has asked for nothing."""
    with Sandbox(world, authority) as sandbox:
        host, port = sandbox.identity_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"POST /msi/token HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(1024)

    assert (answer, world.calls) == (b"", [])


def test_an_open_connection_does_not_hold_up_the_end(world: World, authority: Authority) -> None:
    """Idle connections are ended; their clients notice at the next request."""
    with requests.Session() as http:
        trust = str(authority.bundle)
        with Sandbox(world, authority) as sandbox:
            url = f"{sandbox.devops_url}/{ORGANIZATION}/_apis/connectionData"
            assert http.get(url, verify=trust, timeout=5).status_code == 401

        with pytest.raises(requests.ConnectionError):
            http.get(url, verify=trust, timeout=5)


def test_a_fault_of_the_sandbox_itself_is_not_swallowed(world: World, authority: Authority) -> None:
    """The client gets a bare 500, and whoever closes the sandbox gets the error."""

    def stumble(call: Call) -> None:
        raise LookupError(call.operation)

    world.before_call = stumble
    sandbox = Sandbox(world, authority).start()
    url = f"{sandbox.devops_url}/{ORGANIZATION}/_apis/connectionData"

    answer = requests.get(url, verify=str(authority.bundle), timeout=5)

    assert answer.status_code == 500
    with pytest.raises(ExceptionGroup) as group:
        sandbox.close()
    assert group.group_contains(LookupError, match="connection_data")


def test_it_may_bring_its_own_authority(world: World) -> None:
    """The bundle is there as long as the sandbox is."""
    with Sandbox(world) as sandbox:
        bundle = sandbox.authority.bundle
        url = f"{sandbox.devops_url}/{ORGANIZATION}/_apis/connectionData"
        assert requests.get(url, verify=str(bundle), timeout=5).status_code == 401

    assert not bundle.exists()
