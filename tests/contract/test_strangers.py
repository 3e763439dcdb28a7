"""Redirects: nothing that is secret ever goes to another host than the one that was meant."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotation.errors import ServiceError
from rotation.model import TokenValue
from sandbox.fault import Answer, Fault
from sandbox.furniture import OWNER, Placement, place
from sandbox.https.message import Request, Response
from sandbox.https.server import Server
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.https import Authority
    from tests.stage import HttpsStage

UNTIL = datetime(2026, 12, 20, tzinfo=UTC)


class Stranger:
    """A host that is trusted by its certificate, and has no business with us."""

    def __init__(self, server: Server) -> None:
        """Listen."""
        self.url = server.url
        self.got: list[Request] = []
        server.start(self._hear)

    def _hear(self, request: Request) -> Response:
        self.got.append(request)
        return Response.of_json({})


@pytest.fixture
def stranger(https_stage: HttpsStage, authority: Authority) -> Iterator[Stranger]:
    """Give a stranger who listens."""
    with closing(Server(https_stage.world.clock, authority.context)) as server:
        yield Stranger(server)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("operation", "do"),
    [
        ("redeem", lambda stage: stage.sessions.session(OWNER)),
        ("get_secret", lambda stage: stage.store.read(FEED)),
        ("list_secrets", lambda stage: list(stage.store.list_managed(FEED.vault))),
        (
            "set_secret",
            lambda stage: stage.store.store(
                stage.store.read(FEED), TokenValue("new"), tags={}, expires_at=UNTIL
            ),
        ),
    ],
)
def test_no_redirect_is_followed(
    https_stage: HttpsStage,
    stranger: Stranger,
    operation: str,
    do: Callable[[HttpsStage], object],
    status: int,
) -> None:
    """Key Vault and Entra: neither a value nor a refresh token, nor even a request, goes there."""
    place(https_stage.world, Placement(FEED.name))
    away = Answer(status, "", headers={"Location": f"{stranger.url}/elsewhere"})
    https_stage.break_at(Fault(away, operation=operation, times=None))

    with pytest.raises(ServiceError):
        do(https_stage)

    assert stranger.got == []
