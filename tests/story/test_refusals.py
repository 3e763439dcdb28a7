"""What becomes of a secret when somebody refuses: nothing is lost, and nobody is pestered."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rotation.decision import Action
from rotation.events import Kind
from rotation.report import Ending
from sandbox.fault import Fault
from sandbox.furniture import VAULT
from tests.refusals import (
    ANY_WORD,
    ENTRA_NOES,
    GONE,
    PASSING,
    SIGN_IN_ANSWERS,
    VAULT_DENIALS,
    VAULT_NOES,
    VAULT_OUTAGES,
    EntraNo,
    VaultNo,
)
from tests.story.plot import extension, renewal, retirement
from tests.story.stage import HOUR, SECRET, Stage

if TYPE_CHECKING:
    from rotation.report import Outcome
    from sandbox.fault import Call

MINUTE = timedelta(minutes=1)
REFUSING = [word for word in ANY_WORD if word not in PASSING]
VAULT_ANSWERS = [*VAULT_DENIALS, *VAULT_NOES, *VAULT_OUTAGES]


def _name(no: EntraNo | VaultNo) -> str:
    if isinstance(no, VaultNo):
        return f"{no.status}-{no.word}"
    return f"{no.error}-{no.number}-{no.status}"


def run(stage: Stage) -> Outcome:
    """Run once; give what became of the one secret."""
    (outcome,) = stage.run().outcomes
    return outcome


def attempt(stage: Stage) -> str:
    """Give the tag that counts failed renewals, or nothing."""
    return stage.managed()[0].tags.get("pat-attempt", "")


def count(stage: Stage, operation: str) -> int:
    """Count the calls of one operation since the beginning."""
    return sum(call.operation == operation for call in stage.world.calls)


def check_failure_rests(stage: Stage, operation: str) -> None:
    """See that the run that just failed was counted, and what is tried again, and when.

    An hour after the first failure, two hours after the second; and a success ends it.
    """
    assert attempt(stage).startswith("1 ")
    calls = count(stage, operation)
    stage.clock.advance(30 * MINUTE)
    assert run(stage).reason == "backing-off"
    assert count(stage, operation) == calls
    stage.clock.advance(30 * MINUTE)
    assert run(stage).ending == Ending.FAILED
    assert count(stage, operation) > calls
    assert attempt(stage).startswith("2 ")
    stage.world.faults.clear()
    stage.clock.advance(HOUR)
    assert run(stage).reason == "backing-off"
    stage.clock.advance(HOUR)
    assert run(stage).ending == Ending.SETTLED
    assert attempt(stage) == ""


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_refused_renewal_keeps_the_old_token_and_rests(word: str) -> None:
    """The run says so with the service's own word; as soon as it is allowed, it is done."""
    stage = Stage()
    before = renewal(stage)
    stage.refuse("create_pat", word)

    outcome = run(stage)

    reason = "unavailable" if word in PASSING else word
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, reason)
    assert word in outcome.message
    assert count(stage, "create_pat") == 1
    assert stage.all_bound(SECRET) == [before]
    assert [version.value for version in stage.versions(stage.managed()[0])] == [before.value]
    check_failure_rests(stage, "create_pat")
    assert stage.managed()[0].value != before.value


@pytest.mark.parametrize("word", REFUSING)
def test_a_refused_extension_is_a_renewal(word: str) -> None:
    """A new token is made at once, and the refusal is told; it is no failure of the run."""
    stage = Stage()
    extension(stage)
    stage.refuse("update_pat", word)

    outcome = run(stage)

    assert (outcome.ending, outcome.actions) == (Ending.SETTLED, (Action.EXTEND, Action.RENEW))
    assert (count(stage, "update_pat"), count(stage, "create_pat")) == (1, 1)
    (event,) = [event for event in stage.events if event.event == Kind.ROTATION_FAILED]
    assert (event.reason, event.secret) == (word, SECRET)
    assert attempt(stage) == ""
    assert stage.run_until_quiet(limit=1) == 0


@pytest.mark.parametrize("word", sorted(PASSING))
def test_an_extension_that_only_waits_keeps_its_value(word: str) -> None:
    """Consumers that cannot read a new value keep theirs; the extension comes later."""
    stage = Stage()
    extension(stage)
    value = stage.managed()[0].value
    stage.refuse("update_pat", word)

    outcome = run(stage)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "unavailable")
    assert word in outcome.message
    assert (count(stage, "update_pat"), count(stage, "create_pat")) == (1, 0)
    check_failure_rests(stage, "update_pat")
    assert (stage.managed()[0].value, len(stage.all_bound(SECRET))) == (value, 1)


@pytest.mark.parametrize("word", REFUSING)
def test_where_both_are_refused_the_old_token_is_kept(word: str) -> None:
    """An organization that refuses the extension may refuse the renewal, too."""
    stage = Stage()
    extension(stage)
    before = stage.bound(SECRET)
    stage.refuse("update_pat", word)
    stage.refuse("create_pat", word)

    outcome = run(stage)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, word)
    assert stage.bound(SECRET) == before
    check_failure_rests(stage, "create_pat")


def end_before_it_is_revoked(stage: Stage, call: Call) -> None:
    """Let somebody else revoke the superseded token in that moment: it is gone indeed."""
    if call.operation == "revoke_pat":
        stage.kill(stage.bound(SECRET)[0])


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_refused_revocation_is_tried_again(word: str) -> None:
    """The superseded token is not forgotten, and nothing else suffers."""
    stage = Stage()
    retirement(stage)
    stage.refuse("revoke_pat", word)
    if word in GONE:
        stage.world.before_call = partial(end_before_it_is_revoked, stage)

    (outcome,) = stage.run().outcomes

    if word in GONE:
        assert outcome.ending == Ending.SETTLED
        return
    assert outcome.ending == Ending.FAILED
    assert outcome.reason == ("unavailable" if word in PASSING else word)
    stage.world.faults.clear()
    assert run(stage).actions == (Action.RETIRE,)
    assert len(stage.bound(SECRET)) == 1


@pytest.mark.parametrize("no", ENTRA_NOES, ids=_name)
def test_a_refused_session_blocks_and_harms_nothing(no: EntraNo) -> None:
    """Nothing is touched until the session works; then all goes on as if nothing had been."""
    stage = Stage()
    renewal(stage)
    before = stage.fingerprint()
    stage.world.faults.add(Fault(no.answer, "entra", stage.people.redemption, times=None))

    outcome = run(stage)

    blocked = (Ending.BLOCKED, stage.people.reason(no.reason))
    assert (outcome.ending, outcome.reason) == (
        blocked if no.reason else (Ending.FAILED, "unavailable")
    )
    assert no.error in outcome.message
    assert stage.fingerprint() == before
    stage.world.faults.clear()
    assert run(stage).actions == (Action.RENEW,)


@pytest.mark.parametrize("operation", ["create_pat", "update_pat"])
@pytest.mark.parametrize("status", SIGN_IN_ANSWERS)
def test_a_session_that_is_not_admitted_costs_nothing(status: str, operation: str) -> None:
    """It is no refusal of the extension: nothing is renewed in its place."""
    stage = Stage()
    begin = {"create_pat": renewal, "update_pat": extension}[operation]
    begin(stage)
    before = stage.all_bound(SECRET)
    fault = Fault(SIGN_IN_ANSWERS[status], "azure-devops", operation, times=None)
    stage.world.faults.add(fault)

    outcome = run(stage)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "access-denied")
    assert stage.all_bound(SECRET) == before
    check_failure_rests(stage, operation)


@pytest.mark.parametrize("no", VAULT_ANSWERS, ids=_name)
def test_a_refused_preflight_makes_no_token(no: VaultNo) -> None:
    """What cannot be stored is never made; it cannot be counted either, and is tried again."""
    stage = Stage()
    before = renewal(stage)
    stage.world.faults.add(Fault(no.answer, "key-vault", "update_secret", VAULT, times=None))

    outcome = run(stage)

    assert outcome.ending == Ending.FAILED
    assert stage.all_bound(SECRET) == [before]
    stage.world.faults.clear()
    assert run(stage).actions == (Action.RENEW,)


@pytest.mark.parametrize("no", VAULT_ANSWERS, ids=_name)
def test_a_refused_store_loses_nothing(no: VaultNo) -> None:
    """The old token stays in its place; the one that was made in vain is retired in its time."""
    stage = Stage()
    before = renewal(stage)
    stage.world.faults.add(Fault(no.answer, "key-vault", "set_secret", VAULT, times=None))

    outcome = run(stage)

    assert outcome.ending == Ending.FAILED
    assert stage.managed()[0].value == before.value
    assert len(stage.bound(SECRET)) == 2
    check_failure_rests(stage, "set_secret")
    stage.live(50 * HOUR, every=2 * HOUR)
    assert [token.value for token in stage.bound(SECRET)] == [stage.managed()[0].value]
