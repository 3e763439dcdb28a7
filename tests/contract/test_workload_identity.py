"""The whole product where a token in a file stands for the managed identity, as on Kubernetes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from rotation import settings, wiring
from rotation.adapters.vault_identity import VaultIdentity
from rotation.adapters.workload_identity import FILE, open_identity, read_token
from rotation.errors import AccessDeniedError, SettingsError
from sandbox.fault import Answer, Fault
from sandbox.furniture import ORGANIZATION, Placement, place
from sandbox.grant import KEY_VAULT, TOKEN_EXCHANGE
from sandbox.https.message import Request, Response
from sandbox.https.server import Server
from tests.contract.entra_client import EntraClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotation.report import RunReport
    from sandbox.clock import ManualClock
    from sandbox.https import Authority, Sandbox
    from sandbox.world import World

ISSUER = "https://cluster.example/oidc"
SUBJECT = "system:serviceaccount:pat-rotation:pat-rotation"
AGENT = "agent@contoso.example"


@pytest.fixture
def token_file(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loggers: object,
    slept: object,
) -> Path:
    """Give the file with a service account's token, in a world that trusts it."""
    del loggers, slept
    sandbox.world.tenant.federate(ISSUER, SUBJECT)
    path = tmp_path / "token"
    path.write_text(sandbox.world.tenant.outside_token(ISSUER, SUBJECT).value + "\n")
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    monkeypatch.setenv(FILE, str(path))
    return path


@pytest.fixture
def run(token_file: Path, clock: ManualClock) -> Iterator[Callable[[], RunReport]]:
    """Give what makes one run of a process that lives on."""
    del token_file
    with wiring.open_service(settings.load(), clock) as service:
        yield service.rotator.run


def test_a_secret_is_renewed_without_an_identity_endpoint(
    run: Callable[[], RunReport], world: World
) -> None:
    """The token in the file is enough for the vaults and for the owners' sessions."""
    place(world, Placement("feed", age=timedelta(days=25)))

    (outcome,) = run().outcomes

    assert (outcome.ending, [*map(str, outcome.actions)]) == ("settled", ["renew"])
    asked = [call.operation for call in world.calls if call.service in {"entra", "identity"}]
    assert {"become_identity", "redeem"} <= {*asked}
    assert "identity_token" not in asked


def test_an_agent_user_is_acted_as(
    sandbox: Sandbox, token_file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blueprint that trusts the file's token takes it for the first of the three legs."""
    del token_file
    world = sandbox.world
    user = world.add_agent_user(AGENT)
    world.organization(ORGANIZATION).members.add(user.identity_id)
    world.tenant.federate(ISSUER, SUBJECT)
    for name, value in sandbox.environment.items():
        if name.startswith("ROTATION_"):
            monkeypatch.setenv(name, value)
    place(world, Placement("feed", age=timedelta(days=25), owner=AGENT, tags={"pat-owner": AGENT}))

    with wiring.open_service(settings.load(), clock) as service:
        (outcome,) = service.rotator.run().outcomes

    assert (outcome.ending, [*map(str, outcome.actions)]) == ("settled", ["renew"])


def test_a_token_that_is_renewed_in_its_file_is_read_again(
    run: Callable[[], RunReport], sandbox: Sandbox, token_file: Path, clock: ManualClock
) -> None:
    """The first one has long expired, as the platform's tokens do within the hour."""
    assert all(session.is_working for session in run().sessions)
    clock.advance(timedelta(hours=2))

    assert not any(session.is_working for session in run().sessions)
    token_file.write_text(sandbox.world.tenant.outside_token(ISSUER, SUBJECT).value)

    assert all(session.is_working for session in run().sessions)


def test_without_a_token_nothing_is_done_and_everything_is_said(
    run: Callable[[], RunReport], token_file: Path
) -> None:
    """The variable is named, and neither the path nor what is in the file."""
    token_file.unlink()

    report = run()

    (session,) = report.sessions
    assert not session.is_working
    assert f"no token in the file that {FILE} names" in session.message
    assert {failure.reason for failure in report.vault_failures} == {"access-denied"}


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_without_a_token_is_no_credential(tmp_path: Path, content: bytes) -> None:
    """Empty, blank, or no text at all."""
    path = tmp_path / "token"
    path.write_bytes(content)

    with pytest.raises(AccessDeniedError, match="whether this user may read it"):
        read_token(str(path))


@pytest.mark.usefixtures("token_file")
def test_the_identity_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no default: the platform does not know which identity is meant."""
    monkeypatch.delenv("AZURE_CLIENT_ID")

    with (
        pytest.raises(SettingsError, match="AZURE_CLIENT_ID is missing"),
        wiring.open_service(settings.load()),
    ):
        pass


def test_where_there_is_an_identity_endpoint_the_file_is_left_alone(
    sandbox: Sandbox, token_file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A managed identity of the platform itself is asked, and nothing else."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, sandbox.environment[name])
    token_file.unlink()

    with wiring.open_service(settings.load(), clock) as service:
        (session,) = service.rotator.run().sessions

    assert session.is_working


def test_an_untrusted_file_opens_nothing(sandbox: Sandbox, token_file: Path) -> None:
    """Another service account of the same cluster is nobody here."""
    token = sandbox.world.tenant.outside_token(ISSUER, f"{SUBJECT}-2")
    token_file.write_text(token.value)

    with (
        open_identity(str(token_file), settings.load(), _client_id(sandbox)) as credential,
        pytest.raises(AccessDeniedError, match="no token for Key Vault"),
    ):
        VaultIdentity(credential).name()


@pytest.mark.parametrize("status", [302, 307])
def test_the_token_goes_to_no_other_host(
    sandbox: Sandbox, token_file: Path, authority: Authority, status: int
) -> None:
    """A redirect of Entra's is not followed: whoever has the file's token is the rotator."""
    heard: list[Request] = []

    def hear(request: Request) -> Response:
        heard.append(request)
        return Response.of_json({"access_token": "a.b.c", "expires_in": 3600})

    with closing(Server(sandbox.world.clock, authority.context)) as stranger:
        stranger.start(hear)
        away = Answer(status, "", headers={"Location": f"{stranger.url}/token"})
        sandbox.world.faults.add(Fault(away, "entra", "become_identity", times=None))
        with (
            open_identity(str(token_file), settings.load(), _client_id(sandbox)) as credential,
            pytest.raises(AccessDeniedError, match="no token for Key Vault"),
        ):
            VaultIdentity(credential).name()

    assert heard == []


def test_what_entra_gives_for_the_file_is_nobodys_credential(
    sandbox: Sandbox, token_file: Path
) -> None:
    """Microsoft Entra's AADSTS700231: that is why the file's own token is the assertion."""
    chosen = settings.load()
    with open_identity(str(token_file), chosen, _client_id(sandbox)) as credential:
        token = credential.get_token(f"{TOKEN_EXCHANGE}/.default").token
    client = EntraClient(sandbox)

    with client.http:
        refresh = sandbox.world.tenant.sign_in(chosen.owners[0]).value
        asked = {"grant_type": "refresh_token", "refresh_token": refresh}
        status, answer = client.token(**asked, client_assertion=token)
        good, _ = client.token(**asked, client_assertion=read_token(str(token_file)))

    assert (status, answer["error_codes"]) == (401, [700231])
    assert good == 200


@pytest.mark.parametrize(
    ("resource", "status", "number"),
    [(KEY_VAULT, 200, None), ("https://graph.microsoft.com", 400, 500011)],
)
def test_the_sandbox_gives_tokens_for_its_own_resources_only(
    sandbox: Sandbox, token_file: Path, resource: str, status: int, number: int | None
) -> None:
    """As the managed identity endpoint does."""
    form = {
        "grant_type": "client_credentials",
        "client_id": _client_id(sandbox),
        "scope": f"{resource}/.default",
        "client_assertion": read_token(str(token_file)),
    }
    client = replace(EntraClient(sandbox), http=requests.Session())
    with client.http:
        found, answer = client.token(**form)

    assert (found, (answer.get("error_codes") or [None])[0]) == (status, number)


def _client_id(sandbox: Sandbox) -> str:
    return sandbox.world.tenant.identity.client_id
