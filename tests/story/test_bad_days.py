"""What is said and done on bad days: nothing fails in silence, and nothing is touched in error."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.decision import Action
from rotation.events import Kind
from rotation.fleet import State, state
from rotation.report import Ending
from sandbox.content import Properties
from sandbox.fault import (
    Answer,
    Delay,
    Drop,
    Fault,
    refused_token,
    sign_in_page,
    unavailable,
)
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from tests.story.plot import DUE, extension, loss, renewal
from tests.story.stage import DAY, GRACE, HOUR, SECRET, STRANGER, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = timedelta(minutes=1)
OTHER = "other-token"


def kinds(stage: Stage) -> list[Kind]:
    """Give the kinds of the events so far, without those that frame a run."""
    return [event.event for event in stage.events if not event.event.startswith("Scan")]


def test_a_settling_that_is_too_slow_fails_aloud() -> None:
    """After ten minutes no further call is made, and the run does not look as if all were well."""
    stage = Stage()
    before = renewal(stage)
    stage.world.faults.add(Fault(Delay(11 * MINUTE), "azure-devops", "create_pat"))

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "too-slow")
    assert stage.managed()[0].value == before.value
    assert stage.world.calls[-1].operation == "create_pat"


def test_a_dead_token_that_waits_for_the_next_attempt_is_no_success() -> None:
    """While a failed renewal rests, each run counts the secret as failed."""
    stage = Stage()
    loss(stage)
    stage.refuse("create_pat", "disablePatCreationPolicyViolation")
    stage.run()
    stage.clock.advance(30 * MINUTE)

    report = stage.run()

    assert report.has_failures
    assert report.outcomes[0].reason == "backing-off"
    assert report.outcomes[0].message.startswith("its token is dead, and its renewal failed once")


def test_a_dead_token_is_not_refreshed() -> None:
    """The date of a value that does not work is not worth mending: it is done once, or not."""
    stage = Stage()
    loss(stage)
    attempt = f"1 {stage.clock():%Y-%m-%dT%H:%M:%SZ}"
    tags = {**stage.managed()[0].tags, "pat-attempt": attempt}
    wrong = Properties(tags=tags, expires_at=stage.clock() + 3 * DAY)
    stage.world.vault(VAULT).update(SECRET, None, wrong)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == ()


def test_many_superseded_tokens_are_retired_over_several_runs() -> None:
    """Eight in a settling; that there are more is no failure."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=3 * DAY))
    for _ in range(10):
        plant(stage.world, Placement(SECRET, age=4 * DAY))

    first, second = stage.run(), stage.run()

    assert first.outcomes[0].actions == (Action.RETIRE,) * 8
    assert (first.outcomes[0].ending, first.outcomes[0].reason) == (Ending.SETTLED, "more-to-do")
    assert second.outcomes[0].actions == (Action.RETIRE,) * 2
    assert kinds(stage).count(Kind.UNCLAIMED_TOKEN_FOUND) == 1


def test_a_scope_that_was_narrowed_stays_narrow() -> None:
    """An extension says again what the token is now, not what a list showed a while ago."""
    stage = Stage()
    token = place(stage.world, Placement(SECRET, mode="extend", scope="vso.code vso.packaging"))
    stage.clock.advance(DUE)

    def narrow(call: object) -> None:
        if "get_secret" in str(call) and SECRET in str(call):
            stage.world.registry.amend(token.authorization_id, scope="vso.packaging")

    stage.world.before_call = narrow
    stage.run()

    (living,) = stage.bound(SECRET)
    assert living.scope == "vso.packaging"
    assert living.valid_to > stage.clock() + 29 * DAY


def test_a_token_that_its_extension_has_killed_is_not_in_grace() -> None:
    """A lifespan policy that was lowered moves its end into the past: nobody can use it any more.

    Its successor is the only one, and the run says so.
    """
    stage = Stage()
    extension(stage)
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, max_lifespan=2 * DAY)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.EXTEND, Action.RENEW)
    assert outcome.reason == "fresh"
    assert len(stage.bound(SECRET)) == 1


def test_a_refused_extension_is_told() -> None:
    """It is renewed instead, and an event has the service's own word for the refusal."""
    stage = Stage()
    extension(stage)
    stage.refuse("update_pat", "accessDenied")
    stage.run()

    (event,) = [event for event in stage.events if event.event == Kind.ROTATION_FAILED]
    assert (event.reason, event.secret) == ("accessDenied", SECRET)
    assert event.message
    assert event.message.endswith("it is renewed instead")


def test_a_policy_that_cannot_be_read_is_waited_for() -> None:
    """It is no refusal: the token is extended by a later run, and keeps its value."""
    stage = Stage()
    extension(stage)
    stage.refuse("update_pat", "failedToReadTenantPolicy")

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "unavailable")
    assert len(stage.all_bound(SECRET)) == 1


@pytest.mark.parametrize(
    "answer", [unavailable(), refused_token("failedToReadTenantPolicy"), sign_in_page()]
)
def test_on_its_last_day_a_token_is_renewed_whatever_is_wrong_with_its_extension(
    answer: Answer,
) -> None:
    """I1: to wait for a service that extends nothing would cost the token its life."""
    stage = Stage()
    place(stage.world, Placement(SECRET, mode="extend", age=DUE))
    stage.world.faults.add(Fault(answer, "azure-devops", "update_pat", times=None))

    stage.live(6 * DAY)

    (made,) = (event for event in stage.events if event.event == Kind.TOKEN_STORED)
    (before, now) = stage.all_bound(SECRET)
    assert before.valid_to - DAY <= made.time <= before.valid_to - DAY + 2 * HOUR
    assert stage.managed()[0].value == now.value


def test_a_token_that_its_secret_left_behind_is_reported_and_not_touched() -> None:
    """I6: a secret that moved to another organization claims nothing where it was."""
    stage = Stage()
    place(stage.world, Placement("another"))
    place(stage.world, Placement(SECRET, tags={"pat-organization": "fabrikam"}))
    stage.world.add_organization("fabrikam", stage.world.tenant.users.values())
    stage.run()
    stage.live(GRACE + 2 * HOUR, every=8 * HOUR)

    reasons = {event.reason for event in stage.events if event.event == Kind.UNCLAIMED_TOKEN_FOUND}
    assert reasons == {"another-organization"}
    assert len(stage.bound(SECRET)) == 1


def test_a_secret_that_is_deleted_meanwhile_is_let_go() -> None:
    """Somebody deletes it between the list and the read: that is no failure."""
    stage = Stage()
    renewal(stage)

    def delete(call: object) -> None:
        if "get_secret" in str(call) and SECRET in str(call):
            stage.world.vault(VAULT).delete(SECRET)

    stage.world.before_call = delete

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.SKIPPED, "deleted")


def test_a_token_whose_trial_fails_is_revoked_and_never_stored() -> None:
    """The secret keeps its old value, and no new token lives on."""
    stage = Stage()
    before = renewal(stage)
    stage.world.faults.add(
        Fault(Answer(401, "{}"), "azure-devops", "connection_data", times=None, after=1)
    )

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "proof-failed")
    assert [token.value for token in stage.bound(SECRET)] == [before.value]
    assert stage.managed()[0].value == before.value


def test_a_token_is_not_revoked_once_its_store_was_sent() -> None:
    """Without an answer to the store, the version may be there: it is, and it works."""
    stage = Stage()
    renewal(stage)
    stage.world.faults.add(Fault(Drop(after_effect=True), "key-vault", "set_secret"))

    (outcome,) = stage.run().outcomes

    assert outcome.reason == "outcome-unknown"
    stage.check()
    assert stage.run_until_quiet(limit=1) == 0


def test_nothing_is_created_that_could_not_be_stored() -> None:
    """A vault that refuses writes is found out before a token is made."""
    stage = Stage()
    renewal(stage)
    stage.world.vault(VAULT).permissions -= {"set", "update"}

    (outcome,) = stage.run().outcomes

    assert outcome.reason == "access-denied"
    assert len(stage.all_bound(SECRET)) == 1


def test_nothing_is_retired_by_a_vault_that_takes_no_write() -> None:
    """One that failed over to an older, read-only copy must not cost a token."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    place(stage.world, Placement(SECRET, age=3 * DAY))
    stage.world.vault(VAULT).permissions -= {"set", "update"}

    stage.run()

    assert len(stage.bound(SECRET)) == 2


def test_a_second_failure_waits_for_longer() -> None:
    """The count is kept in the secret, so that it survives every process."""
    stage = Stage()
    renewal(stage)
    stage.refuse("create_pat", "fullScopePatPolicyViolation")

    stage.live(3 * HOUR)

    assert [call.operation for call in stage.world.calls].count("create_pat") == 2
    assert stage.managed()[0].tags["pat-attempt"].startswith("2 ")


def test_a_foreign_token_is_not_minted_from() -> None:
    """I6: whoever may write a vault cannot have somebody else's token copied into it."""
    stage = Stage()
    strong = plant(stage.world, Placement("strong", scope="app_token", display_name="strong"))
    weak = place(stage.world, Placement(SECRET, age=DAY))
    tags = {**stage.managed()[0].tags}
    tags["pat-authorization-id"] = tags["pat-authorization-id"].replace(
        weak.authorization_id, strong.authorization_id
    )
    stage.world.vault(VAULT).update(SECRET, None, Properties(tags=tags))
    before = stage.fingerprint()

    stage.clock.advance(DUE)
    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.REJECTED, "foreign-token")
    assert stage.fingerprint()[1:] == before[1:]  # type: ignore[index]


def test_another_owners_token_is_unknown() -> None:
    """A session sees its owner's tokens only: one of somebody else is not acted on."""
    stage = Stage()
    place(stage.world, Placement(SECRET, owner=STRANGER, age=DUE))

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.REJECTED, "unknown-token")


def test_a_clock_that_is_wrong_stops_everything() -> None:
    """With more than five minutes between the service's clock and ours, nothing is acted on."""
    stage = Stage()
    renewal(stage)
    process = stage.process(clock=lambda: stage.clock() + 6 * MINUTE)

    (outcome,) = process.rotator.run().outcomes

    assert outcome.ending == Ending.FAILED
    assert len(stage.all_bound(SECRET)) == 1


def test_a_lifespan_policy_makes_no_loop() -> None:
    """A life that is silently cut to two days is renewed about once a day, and that is said."""
    stage = Stage()
    renewal(stage)
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, max_lifespan=2 * DAY)

    stage.live(10 * DAY)

    assert 9 <= kinds(stage).count(Kind.TOKEN_STORED) <= 12
    assert kinds(stage).count(Kind.LIFETIME_CLAMPED) == kinds(stage).count(Kind.TOKEN_STORED)


def test_an_owner_who_must_sign_in_blocks_only_what_is_theirs() -> None:
    """The other secrets go on, and the event says who must act."""
    stage = Stage()
    place(stage.world, Placement("watched", mode="watch", is_recorded=False))
    renewal(stage)
    stage.people.end_session(OWNER, None)

    report = stage.run()

    assert [str(outcome.ending) for outcome in report.outcomes] == ["blocked", "watched"]
    assert Kind.SESSION_SIGN_IN_NEEDED in kinds(stage)
    assert not report.has_failures
    assert report.needs_somebody


def test_a_watched_token_that_expired_needs_somebody() -> None:
    """Nobody renews it, so somebody must be told by the run, too."""
    stage = Stage()
    place(stage.world, Placement("watched", mode="watch", is_recorded=False, age=31 * DAY))

    report = stage.run()

    assert report.needs_somebody
    assert not report.has_failures


def test_the_hour_of_proof_does_not_hide_a_predecessor_in_grace() -> None:
    """At whatever hour one looks, a secret whose predecessor lives on is shown as retiring."""
    stage = Stage()
    renewal(stage)
    stage.run()
    seen = set()
    for _ in range(24):
        stage.clock.advance(HOUR)
        fleet = stage.process().rotator.survey()
        seen |= {state(finding, fleet.checked_at) for finding in fleet.findings}

    assert seen == {State.RETIRING}


def asleep_between_two(stage: Stage, wake: Callable[[], object]) -> None:
    """Let a run fall asleep over one secret, and settle the other one half a day later."""
    with stage.runner() as sleeper:
        for stop in sleeper.stops():
            if stop.call.operation == "get_secret" and stop.call.target.endswith(SECRET):
                break
        stage.clock.advance(12 * HOUR)
        wake()
        sleeper.finish()
    stage.check_at_any_moment()


def test_a_rename_is_seen_by_a_run_that_slept() -> None:
    """I6: an owner took the mark off to keep a token; the list that shows it is half a day old."""
    stage = Stage()
    for secret in (SECRET, OTHER):
        place(stage.world, Placement(secret, age=5 * DAY))
        place(stage.world, Placement(secret, age=3 * DAY))
    kept = stage.bound(OTHER)[0]

    asleep_between_two(
        stage,
        lambda: stage.world.registry.amend(kept.authorization_id, display_name="to be kept"),
    )

    assert stage.world.authenticate(ORGANIZATION, kept.value)


def test_a_narrower_scope_is_seen_by_a_run_that_slept() -> None:
    """I5: the successor has the scope that the token has, not what a list showed half a day ago."""
    stage = Stage()
    for secret in (SECRET, OTHER):
        place(stage.world, Placement(secret, scope="vso.code vso.packaging", age=DUE))
    (token,) = stage.bound(OTHER)

    asleep_between_two(
        stage, lambda: stage.world.registry.amend(token.authorization_id, scope="vso.code")
    )

    assert {living.scope for living in stage.bound(OTHER)} == {"vso.code"}
