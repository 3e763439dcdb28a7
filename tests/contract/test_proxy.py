"""A proxy that stands between, and lets nothing through."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from rotation.errors import UnavailableError
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from sandbox.https.server import HOST, Server
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotation.errors import ServiceError
    from sandbox.https import Authority, Sandbox
    from tests.stage import HttpsStage

    Fail = Callable[[Callable[[], object]], ServiceError]


@pytest.fixture(params=["refuses", "is away"])
def closed_proxy(request: pytest.FixtureRequest, https_stage: HttpsStage) -> Iterator[str]:
    """Give the address of a proxy that lets nobody through."""
    if request.param == "refuses":
        with closing(Server(https_stage.world.clock)) as server:
            server.start(server.respond)
            yield server.url
        return
    with socket.socket() as taken:  # and not listened to
        taken.bind((HOST, 0))
        yield f"http://{HOST}:{taken.getsockname()[1]}"


def test_a_proxy_that_lets_nothing_through_is_named(
    https_stage: HttpsStage, closed_proxy: str, monkeypatch: pytest.MonkeyPatch, fail: Fail
) -> None:
    """Whoever sees to it must know where."""
    place(https_stage.world, Placement(FEED.name))
    https_stage.sessions.access_token(OWNER)
    monkeypatch.setenv("HTTPS_PROXY", closed_proxy)
    monkeypatch.setenv("NO_PROXY", HOST)

    listed = fail(lambda: https_stage.issuer.inventory(OWNER, ORGANIZATION))
    read = fail(lambda: https_stage.store.read(FEED))

    for error in (listed, read):
        assert type(error) is UnavailableError
        assert "the proxy lets nothing through" in str(error)
        assert "see HTTPS_PROXY" in str(error)


def test_who_is_not_trusted_behind_a_proxy_is_named(
    https_stage: HttpsStage,
    sandbox: Sandbox,
    other_authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    fail: Fail,
) -> None:
    """It is not the proxy that is in the way."""
    https_stage.sessions.access_token(OWNER)
    port = urlsplit(sandbox.devops_url).port
    assert port
    with closing(Server(https_stage.world.clock)) as proxy:
        proxy.routes[f"localhost:{port}"] = port
        proxy.start(proxy.respond)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", HOST)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other_authority.bundle))

        error = fail(lambda: https_stage.issuer.inventory(OWNER, ORGANIZATION))

    assert "its certificate is not trusted; see REQUESTS_CA_BUNDLE" in str(error)
