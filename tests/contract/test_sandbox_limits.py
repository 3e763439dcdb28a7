"""The sandbox keeps to the services' published limits, and has their manners when one is met."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpResponse

from sandbox.fault import Answer, Call, Delay, Extra
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, plant
from sandbox.limits import Limits

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

    from sandbox.clock import ManualClock
    from sandbox.fault import Kind
    from sandbox.world import World
    from tests.contract.conftest import AzureDevOps

NOW = datetime(2026, 11, 22, 7, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _create(vault: str = VAULT) -> Call:
    return Call("key-vault", "set_secret", f"{vault}/feed")


def _read(vault: str = VAULT) -> Call:
    return Call("key-vault", "get_secret", f"{vault}/feed")


def _use(user: str = "ada") -> Call:
    return Call("azure-devops", "get_pat", ORGANIZATION, user)


def _let_through(limits: Limits, call: Call, times: int, now: datetime = NOW) -> int:
    kinds = [limits.take(call, now) for _ in range(times)]
    return sum(not isinstance(kind, Answer) for kind in kinds)


def test_a_vault_lets_through_what_is_published() -> None:
    """In ten seconds, 300 secrets are created and 4,000 other calls answered, each vault apart."""
    limits = Limits(are_enforced=True)

    assert _let_through(limits, _create(), 310) == 300
    assert _let_through(limits, _read(), 4010) == 4000
    assert _let_through(limits, _create("kv-other"), 310) == 300
    assert limits.refused == {VAULT: 20, "kv-other": 10}


def test_the_window_of_a_vault_slides() -> None:
    """Each call comes free ten seconds after it was made, and what was refused never counted."""
    limits = Limits(are_enforced=True, creates=2)
    for seconds, times, through in ((0, 1, 1), (6, 5, 1), (9, 1, 0), (10, 5, 1), (16, 5, 1)):
        assert _let_through(limits, _create(), times, NOW + seconds * SECOND) == through


def test_a_user_is_told_then_delayed_then_refused() -> None:
    """Nothing is said to who uses little; then headers, then delays that grow, then a 429."""
    limits = Limits(are_enforced=True, tstus_a_call=1)
    kinds = [limits.take(_use(), NOW) for _ in range(310)]

    assert [_word(kind) for kind in kinds] == (
        ["nothing"] * 99 + ["told"] * 100 + ["late"] * 101 + ["refused"] * 10
    )
    told, first, last, refused = kinds[149], kinds[199], kinds[299], kinds[300]
    assert isinstance(told, Extra)
    assert told.headers == {
        "X-RateLimit-Resource": "TSTUs",
        "X-RateLimit-Limit": "200",
        "X-RateLimit-Remaining": "50",
        "X-RateLimit-Reset": f"{(NOW + timedelta(minutes=5)).timestamp():.0f}",
    }
    assert isinstance(first, Delay)
    assert (first.span, first.headers["Retry-After"]) == (timedelta(0), "300")
    assert isinstance(last, Delay)
    assert (last.span, last.headers["X-RateLimit-Delay"]) == (30 * SECOND, "30.000")
    assert isinstance(refused, Answer)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "300")
    assert "TF400733: The request has been canceled" in refused.body
    assert limits.refused == {"ada": 10}


def test_a_user_comes_free_after_five_minutes() -> None:
    """What was used five minutes ago counts no more; ``Retry-After`` says when that is enough."""
    limits = Limits(are_enforced=True, tstus=10, tstus_a_call=1)
    kind = [limits.take(_use(), NOW + second * SECOND) for second in range(10)][-1]
    assert isinstance(kind, Delay)
    assert kind.headers["Retry-After"] == "291"

    assert _word(limits.take(_use("bob"), NOW)) == "nothing"
    assert _word(limits.take(_use(), NOW + 302 * SECOND)) == "told"
    assert _word(limits.take(_use(), NOW + 700 * SECOND)) == "nothing"


def test_limits_can_be_switched_off() -> None:
    """A world in which nobody minds how often they are called."""
    limits = Limits()

    assert _let_through(limits, _create(), 310) == 310
    assert not limits.refused


def test_a_challenge_and_an_unknown_caller_use_nobodys_limit() -> None:
    """What is answered by a challenge, and who is nobody, is not counted."""
    limits = Limits(are_enforced=True, calls=1, tstus=0)

    assert _let_through(limits, Call("key-vault", "challenge", VAULT), 2) == 2
    assert _let_through(limits, _use(""), 2) == 2
    assert _let_through(limits, Call("entra", "redeem", "ada"), 2) == 2


def test_a_vault_refuses_by_its_limits(
    vault_client: SecretClient, world: World, clock: ManualClock
) -> None:
    """Microsoft's own client sees a 429 and the word ``Throttled``; nobody says for how long."""
    world.limits.creates = 1
    vault_client.set_secret("feed", "one")
    with pytest.raises(HttpResponseError) as refused:
        vault_client.set_secret("feed", "two")

    assert (refused.value.status_code, "(Throttled)" in str(refused.value)) == (429, True)
    assert isinstance(response := refused.value.response, HttpResponse)
    assert "Retry-After" not in response.headers
    assert vault_client.get_secret("feed").value == "one"
    clock.advance(10 * SECOND)
    vault_client.set_secret("feed", "three")
    assert world.limits.refused == {VAULT: 1}


def test_azure_devops_refuses_by_its_limits(azure_devops: AzureDevOps, world: World) -> None:
    """A session and the user's tokens use one limit; a 200 may carry ``Retry-After``."""
    world.limits.tstus, world.limits.tstus_a_call = 3, 1.0
    value = plant(world, Placement("feed")).value

    answers = [azure_devops.tokens(), azure_devops.connection(value), azure_devops.tokens()]
    world.limits.tstus = 2
    blocked = azure_devops.create()

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    headers = [answer.headers for answer in answers]
    assert [h.get("X-RateLimit-Remaining") for h in headers] == [None, "1", "0"]
    assert [h.get("Retry-After") for h in headers] == [None, None, "300"]
    assert (blocked.status_code, blocked.headers["Retry-After"]) == (429, "300")
    user = world.tenant.users[OWNER].identity_id
    assert (world.limits.refused, len(world.living_tokens())) == ({user: 1}, 1)


def test_who_is_past_their_limit_waits_for_their_answer(world: World) -> None:
    """The answer comes late, by as much as its header says."""
    world.limits = Limits(are_enforced=True, tstus=10, tstus_a_call=1)
    waited: list[timedelta] = []
    told: list[Kind | None] = []
    for _ in range(11):
        with world.call(_use(), waited.append) as kind:
            told.append(kind)

    assert waited == [timedelta(0), 6 * SECOND]
    assert isinstance(told[-1], Delay)
    assert told[-1].headers["X-RateLimit-Delay"] == "6.000"


def _word(kind: Kind | None) -> str:
    match kind:
        case Extra():
            return "told"
        case Delay():
            return "late"
        case Answer():
            return "refused"
        case _:
            return "nothing"
