"""Each odd clause of the protocol, and the one story that shows what goes wrong without it.

A second process of the rotator has locks of its own here: what holds must hold without them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rotation.decision import Action
from rotation.events import Kind
from rotation.report import Ending
from sandbox.content import Properties
from sandbox.fault import ConnectionDroppedError, Drop, Fault
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant, recorded_id
from sandbox.ports import InProcess, MemoryLocks
from tests.story.stage import DAY, GRACE, HOUR, STRANGER, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotation.model import SecretName
    from rotation.ports import Lock
    from sandbox.fault import Call
    from sandbox.token import Token
    from sandbox.vault import SecretVersion

MINUTE = timedelta(minutes=1)
SECRET = "feed-token"
DUE = Placement(SECRET, age=25 * DAY)
MARK = f"[{VAULT}/{SECRET}]"


class GoneError(BaseException):
    """The process is gone: nothing in the rotator may see it and go on."""


def newest(stage: Stage) -> SecretVersion:
    """Give the newest version of the secret, enabled or not."""
    return stage.world.vault(VAULT).newest(SECRET)


def paste(stage: Stage, token: Token, tags: Mapping[str, str] | None = None) -> None:
    """Store a token by hand, with the tags of the newest version copied, except for these."""
    copied = {**newest(stage).tags, **(tags or {})}
    stage.world.vault(VAULT).set(SECRET, token.value, Properties(tags=copied))


def put_to_sleep(stage: Stage, token: Token) -> None:
    """Let a token be refused, though it is listed as active: its owner was away for too long."""
    stage.killed.add(token.authorization_id)
    stage.world.registry.amend(token.authorization_id, asleep=True)


def before(stage: Stage, operation: str, do: Callable[[], object]) -> None:
    """Let something happen once, just before the next such call (not about an owner's session)."""

    def look(call: Call) -> None:
        if call.operation == operation and "session" not in call.target:
            stage.world.before_call = lambda _call: None
            do()

    stage.world.before_call = look


def after(stage: Stage, operation: str, do: Callable[[], object]) -> None:
    """Let something happen once, when the next such call has been carried out."""

    def look(call: Call) -> None:
        if call.operation == operation:
            stage.world.after_effect = lambda _call: None
            do()

    stage.world.after_effect = look


# --- Which token the value is ----------------------------------------------------------------


def test_the_digest_beside_the_id() -> None:
    """The older value is pasted with copied tags: the token in use does not count as superseded."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    place(stage.world, Placement(SECRET, age=3 * DAY))
    paste(stage, old)

    stage.live(GRACE + 2 * HOUR)

    assert newest(stage).value == old.value
    assert stage.bound(SECRET) == [old]


def test_an_unknown_value_is_never_adopted_by_exclusion() -> None:
    """A value is pasted after a create was lost: the id of the lost token is not taken for its."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    pasted = plant(stage.world, Placement(SECRET, age=2 * HOUR))
    plant(stage.world, Placement(SECRET, age=HOUR))
    paste(stage, pasted)

    stage.run()

    token = stage.world.registry.find(newest(stage).value)
    assert token
    assert newest(stage).tags["pat-authorization-id"] == recorded_id(token)
    stage.live(GRACE + 2 * HOUR)


def test_a_restored_value_is_known_by_its_own_id() -> None:
    """Its token is younger than the list of tokens: the id in the copied tags is not taken."""
    stage = Stage()
    old = place(stage.world, DUE)

    def overtake() -> None:
        stage.run()
        stored = stage.world.registry.find(newest(stage).value)
        assert stored
        paste(stage, stored, {"pat-authorization-id": recorded_id(old)})

    before(stage, "get_secret", overtake)

    (outcome,) = stage.run().outcomes

    token = stage.world.registry.find(newest(stage).value)
    assert token
    assert outcome.actions == (Action.ADOPT,)
    assert newest(stage).tags["pat-authorization-id"] == recorded_id(token)


@pytest.mark.parametrize("mode", ["regenerate", "extend"])
def test_a_restored_value_begins_afresh(mode: str) -> None:
    """In either mode it is known again; the failures of the version before were not its own."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY, mode=mode))
    failed = f"1 {stage.clock() - DAY:%Y-%m-%dT%H:%M:%SZ}"
    place(stage.world, Placement(SECRET, age=DAY, mode=mode, tags={"pat-attempt": failed}))
    paste(stage, old)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.ADOPT,)
    assert newest(stage).tags["pat-authorization-id"] == recorded_id(old)
    assert "pat-attempt" not in newest(stage).tags


@pytest.mark.parametrize(
    "strong",
    [
        Placement("strong", display_name="strong"),
        Placement("strong", display_name=f"strong {MARK}", owner=STRANGER),
        Placement("strong", display_name=f"strong {MARK}", is_global=True),
    ],
    ids=["binding", "owner", "organization"],
)
def test_the_recorded_token_is_checked(strong: Placement) -> None:
    """Somebody records the id of a powerful token: nothing is minted from it."""
    stage = Stage()
    weak = place(stage.world, Placement(SECRET, age=DAY))
    powerful = plant(stage.world, replace(strong, scope="app_token"))
    digest = recorded_id(weak).split(" ")[1]
    paste(stage, weak, {"pat-authorization-id": f"{powerful.authorization_id} {digest}"})
    stage.clock.advance(25 * DAY)

    (outcome,) = stage.run().outcomes

    assert outcome.ending == Ending.REJECTED
    assert stage.world.registry.tokens == (weak, powerful)


# --- Retire ----------------------------------------------------------------------------------


def test_retire_proves_the_newest_version_first() -> None:
    """The newest value does not work, and cannot be renewed: its predecessor is left alive."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    put_to_sleep(stage, place(stage.world, Placement(SECRET, age=3 * DAY)))
    stage.refuse("create_pat", "accessDenied")

    stage.run()

    assert old in stage.bound(SECRET)


def test_retire_needs_an_accepted_write_first() -> None:
    """The vault failed over to a copy without the newest version: its token is not superseded."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    stored_elsewhere = plant(stage.world, Placement(SECRET, age=3 * DAY))
    stage.world.vault(VAULT).permissions -= {"set", "update"}

    stage.run()

    assert stored_elsewhere in stage.bound(SECRET)


def test_only_older_versions_are_disabled() -> None:
    """An older value is restored while it is being retired: it is not switched off."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    place(stage.world, Placement(SECRET, age=3 * DAY))
    restored = {"pat-authorization-id": recorded_id(old)}
    before(stage, "list_versions", lambda: paste(stage, old, restored))

    (outcome,) = stage.run().outcomes

    assert outcome.ending == Ending.LOCKED
    assert newest(stage).value == old.value
    assert newest(stage).enabled
    stage.check()


def test_a_version_that_is_disabled_already_is_written_again() -> None:
    """A run died after it had disabled the version, and the vault failed over: nothing is lost."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    disabled = Properties(enabled=False)
    stage.world.vault(VAULT).update(SECRET, newest(stage).id, disabled)
    place(stage.world, Placement(SECRET, age=3 * DAY))
    stage.world.vault(VAULT).permissions -= {"set", "update"}

    stage.run()

    assert old in stage.bound(SECRET)


def test_the_version_of_a_retired_token_is_disabled() -> None:
    """Whoever reads it gets a clear no; the newest version is never touched."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    place(stage.world, Placement(SECRET, age=3 * DAY))

    stage.run()

    versions = stage.world.vault(VAULT).versions(SECRET)
    assert [version.enabled for version in versions] == [False, True]


def test_every_version_of_a_retired_token_is_disabled() -> None:
    """Its value was stored twice."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    paste(stage, old)
    stage.clock.advance(DAY)
    place(stage.world, Placement(SECRET))

    stage.live(GRACE + HOUR)

    versions = stage.world.vault(VAULT).versions(SECRET)
    assert [version.enabled for version in versions] == [False, False, True]


def test_the_age_of_the_newest_version_counts() -> None:
    """Jobs that are running hold the predecessor: it works for as long as the grace lasts."""
    stage = Stage()
    predecessor = place(stage.world, DUE)
    stage.run()
    stage.clock.advance(GRACE - MINUTE)

    stage.run()

    assert predecessor in stage.bound(SECRET)


def test_the_age_of_the_token_counts() -> None:
    """A process with a slow clock finds nothing due: it spares what another is about to store."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=18 * DAY))
    (finding,) = stage.process().rotator.survey().findings
    assert finding.decision
    assert finding.decision.next_at
    stage.clock.advance(finding.decision.next_at + MINUTE - stage.clock())
    slow = stage.process(clock=lambda: stage.clock() - 2 * MINUTE)
    before(stage, "set_secret", slow.rotator.run)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.RENEW,)
    stage.check()


def test_superseded_tokens_are_found_by_their_binding() -> None:
    """A token was made, and the answer was lost: no version names it, and it does not live on."""
    stage = Stage()
    place(stage.world, DUE)
    lost = Fault(Drop(after_effect=True), "azure-devops", "create_pat")
    stage.world.faults.add(lost)

    stage.live(GRACE + 4 * HOUR)

    assert [token.value for token in stage.bound(SECRET)] == [newest(stage).value]
    assert len(stage.all_bound(SECRET)) == 3


def test_the_mark_is_compared_without_regard_to_case() -> None:
    """Key Vault does so, too: a stray with the mark in another case is retired."""
    stage = Stage()
    name = f"by hand {MARK.upper()}"
    stray = plant(stage.world, Placement(SECRET, age=4 * DAY, display_name=name))
    place(stage.world, Placement(SECRET, age=3 * DAY))

    stage.run()

    assert stage.world.authenticate(ORGANIZATION, stray.value) is None


def test_the_order_now_is_for_one_value() -> None:
    """A tag of an order was copied from another version: it takes nobody's grace."""
    stage = Stage()
    innocent = place(stage.world, Placement(SECRET, age=5 * DAY))
    copied = {"pat-retire": f"now {recorded_id(innocent).split(' ')[1]}"}
    place(stage.world, Placement(SECRET, age=3 * HOUR, tags=copied))

    stage.run()

    assert innocent in stage.bound(SECRET)


def test_the_order_now_waits_until_the_version_is_a_minute_old() -> None:
    """Versions are dated to the second: one stored after it could look as old."""
    stage = Stage()
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    new = place(stage.world, Placement(SECRET, age=MINUTE / 2))
    paste(stage, new, {"pat-retire": f"now {recorded_id(new).split(' ')[1]}"})

    stage.run()

    assert old in stage.bound(SECRET)
    stage.clock.advance(MINUTE)
    stage.run()
    assert old not in stage.bound(SECRET)


def test_the_order_now_is_not_carried_over() -> None:
    """It ends with the value it was given for: later graces are not lost."""
    stage = Stage()
    token = place(stage.world, DUE)
    paste(stage, token, {"pat-retire": f"now {recorded_id(token).split(' ')[1]}"})

    stage.run()

    assert newest(stage).value != token.value
    assert "pat-retire" not in newest(stage).tags


# --- Renew -----------------------------------------------------------------------------------


def test_the_preflight() -> None:
    """A vault refuses writes for a day: no tokens pile up."""
    stage = Stage()
    token = place(stage.world, DUE)
    stage.world.vault(VAULT).permissions -= {"set", "update"}

    stage.live(DAY)

    assert stage.all_bound(SECRET) == [token]


def test_a_new_token_is_tried_before_it_is_stored() -> None:
    """New tokens do not work: none becomes the newest value, and none lives on."""
    stage = Stage()
    token = place(stage.world, DUE)
    after(stage, "create_pat", lambda: put_to_sleep(stage, stage.all_bound(SECRET)[-1]))

    stage.run()

    assert newest(stage).value == token.value
    assert stage.bound(SECRET) == [token]
    stage.check()


def test_a_new_token_may_need_a_moment_to_spread() -> None:
    """It is refused at first, and works a second later: it is not thrown away."""
    stage = Stage()
    token = place(stage.world, DUE)

    def spread_slowly() -> None:
        made = stage.all_bound(SECRET)[-1].authorization_id
        stage.world.registry.amend(made, asleep=True)
        wake = partial(stage.world.registry.amend, made, asleep=False)
        after(stage, "connection_data", wake)

    after(stage, "create_pat", spread_slowly)

    stage.run()

    assert newest(stage).value != token.value
    assert len(stage.all_bound(SECRET)) == 2


def test_nothing_is_revoked_once_a_store_was_sent() -> None:
    """The answer to a store is lost, and the version is there: its token lives."""
    stage = Stage()
    token = place(stage.world, DUE)
    stage.world.faults.add(Fault(Drop(after_effect=True), "key-vault", "set_secret"))

    stage.run()

    assert newest(stage).value != token.value
    stage.check()


def test_an_unanswered_create_is_not_repeated() -> None:
    """The answer is lost, and the token is there: no second one is made in that run."""
    stage = Stage()
    place(stage.world, DUE)
    stage.world.faults.add(Fault(Drop(after_effect=True), "azure-devops", "create_pat"))

    (outcome,) = stage.run().outcomes

    assert outcome.reason == "outcome-unknown"
    assert len(stage.all_bound(SECRET)) == 2


def test_the_window_takes_at_most_half_of_the_real_lifetime() -> None:
    """A policy cuts every life to two days, ten before the end are asked for: that is no loop."""
    stage = Stage()
    place(stage.world, DUE)
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, max_lifespan=2 * DAY)

    stage.live(DAY - HOUR)

    assert len(stage.all_bound(SECRET)) == 2
    assert newest(stage).value == stage.all_bound(SECRET)[1].value


def test_the_last_day_is_the_tokens_own() -> None:
    """The vault shows a date that is too late: a renewal that failed does not rest until then."""
    stage = Stage()
    failed = f"6 {stage.clock():%Y-%m-%dT%H:%M:%SZ}"
    place(stage.world, Placement(SECRET, age=29 * DAY + HOUR, tags={"pat-attempt": failed}))
    too_late = Properties(expires_at=stage.clock() + 30 * DAY)
    stage.world.vault(VAULT).update(SECRET, None, too_late)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.RENEW,)


def test_a_successor_is_bound_like_its_predecessor() -> None:
    """A token without a mark would be nobody's: it has the same name as the one before."""
    stage = Stage()
    token = place(stage.world, DUE)

    stage.run()

    successor = stage.world.registry.find(newest(stage).value)
    assert successor
    assert successor != token
    assert successor.display_name == token.display_name


@pytest.mark.parametrize("is_dead", [False, True], ids=["due", "dead"])
def test_a_successor_has_the_scope_of_its_own_predecessor(*, is_dead: bool) -> None:
    """An older token of the secret may do more, and is in its grace: nothing grows again."""
    stage = Stage()
    plant(stage.world, replace(DUE, scope="vso.code vso.packaging"))
    token = place(stage.world, Placement(SECRET, age=HOUR) if is_dead else DUE)
    if is_dead:
        stage.kill(token)

    stage.run()

    successor = stage.world.registry.find(newest(stage).value)
    assert successor
    assert successor != token
    assert successor.scope == token.scope


def test_every_date_comes_from_the_answer() -> None:
    """A policy cuts the life short without a word: the vault shows when the token really dies."""
    stage = Stage()
    place(stage.world, DUE)
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, max_lifespan=20 * DAY)

    stage.run()

    assert newest(stage).expires_at == stage.clock() + 20 * DAY


def test_an_instant_that_was_rounded_is_no_other_date() -> None:
    """The service keeps 300ths of a second, the vault whole ones: nothing is mended for that."""
    stage = Stage()
    place(stage.world, DUE)
    stage.clock.advance(timedelta(milliseconds=119))

    (first,), (second,) = (stage.run().outcomes for _ in range(2))

    assert (first.actions, second.actions) == ((Action.RENEW,), ())
    shown, granted = newest(stage).expires_at, stage.bound(SECRET)[-1].valid_to
    assert shown
    assert shown != granted


def test_a_process_that_slept_stores_nothing() -> None:
    """It wakes when others have retired what it is about to store."""
    stage = Stage()
    place(stage.world, DUE)

    def sleep() -> None:
        for _ in range(60):
            stage.clock.advance(HOUR)
            stage.run()

    after(stage, "create_pat", lambda: after(stage, "connection_data", sleep))

    (outcome,) = stage.run().outcomes

    assert outcome.reason == "too-slow"
    stage.check()


def test_metadata_goes_to_the_version_read() -> None:
    """One run fails after another has stored: it puts no old tags on the other's version."""
    stage = Stage()
    place(stage.world, DUE)

    def overtake() -> None:
        stage.run()
        raise ConnectionDroppedError

    before(stage, "create_pat", overtake)
    stage.run()

    token = stage.world.registry.find(newest(stage).value)
    assert token
    assert newest(stage).tags["pat-authorization-id"] == recorded_id(token)
    assert "pat-attempt" not in newest(stage).tags


def test_a_process_that_dies_in_its_first_attempt_is_followed_by_one_at_once() -> None:
    """Nobody knows that it failed: the next run does not back off."""
    stage = Stage()
    token = place(stage.world, DUE)

    def die() -> None:
        raise GoneError

    before(stage, "create_pat", die)
    with pytest.raises(GoneError):
        stage.run()

    stage.run()

    assert newest(stage).value != token.value


# --- What comes first, and what is known --------------------------------------------------------


def test_a_get_comes_before_a_token_is_called_dead() -> None:
    """Another run stores a token after the list was made: it is not renewed as a dead one."""
    stage = Stage()
    place(stage.world, DUE)
    before(stage, "get_secret", stage.run)

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.actions) == (Ending.SETTLED, ())
    assert len(stage.all_bound(SECRET)) == 2


def test_what_is_taken_out_of_management_is_let_alone() -> None:
    """Somebody takes the tag off between the list and the read: their word is the last."""
    stage = Stage()
    token = place(stage.world, DUE)
    left = {name: text for name, text in newest(stage).tags.items() if name != "pat-rotation"}

    def take_off() -> None:
        stage.world.vault(VAULT).update(SECRET, None, Properties(tags=left))

    before(stage, "get_secret", take_off)

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.reason) == (Ending.SKIPPED, "unmanaged")
    assert stage.all_bound(SECRET) == [token]


def test_what_a_get_knows_may_be_dead() -> None:
    """A get does not tell whether a token was revoked: its value does."""
    stage = Stage()
    stage.kill(place(stage.world, Placement(SECRET, age=5 * DAY)))

    stage.run()

    assert stage.world.authenticate(ORGANIZATION, newest(stage).value)


class Queue(MemoryLocks):
    """Locks that are given when another run is through."""

    def __init__(self, first: Callable[[], object]) -> None:
        super().__init__()
        self._first = first

    @contextmanager
    def hold(self, name: SecretName) -> Iterator[Lock]:
        """Wait for the other run, and hold."""
        self._first()
        with super().hold(name) as lock:
            yield lock


def test_a_secret_is_read_under_its_lock() -> None:
    """Whoever had to wait for the lock sees what was done meanwhile, and does not do it again."""
    stage = Stage()
    place(stage.world, DUE)

    stage.process(Queue(stage.run)).rotator.run()

    assert len(stage.all_bound(SECRET)) == 2


def test_dying_comes_before_cleaning() -> None:
    """Azure DevOps refuses to revoke: the secret is renewed all the same."""
    stage = Stage()
    plant(stage.world, Placement(SECRET, age=26 * DAY))
    token = place(stage.world, DUE)
    stage.refuse("revoke_pat", "accessDenied")

    stage.run()

    assert newest(stage).value != token.value


def test_a_false_proof_is_no_failed_action() -> None:
    """The value has died: the run that finds that out renews it."""
    stage = Stage()
    put_to_sleep(stage, place(stage.world, Placement(SECRET, age=5 * DAY)))

    stage.live(DAY)

    outcomes = [outcome for report in stage.reports for outcome in report.outcomes]
    assert [outcome.actions for outcome in outcomes if outcome.actions] == [
        (Action.PROVE, Action.RENEW)
    ]


def test_a_false_proof_is_told_once() -> None:
    """Nobody asked for the proof but the retirement of a predecessor: an event says how it went."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    put_to_sleep(stage, place(stage.world, Placement(SECRET, age=3 * DAY)))

    stage.run()

    assert [event.event for event in stage.events].count(Kind.PROOF_FAILED) == 1


def test_the_daily_proof() -> None:
    """A value that died in silence looks fresh until its date: a day later it is another one."""
    stage = Stage()
    put_to_sleep(stage, place(stage.world, Placement(SECRET, age=5 * DAY)))

    stage.live(DAY)

    assert stage.world.authenticate(ORGANIZATION, newest(stage).value)


# --- Extend and refresh --------------------------------------------------------------------------


def test_the_extension_wall() -> None:
    """A policy lets no token grow older than 30 days: it is renewed before it dies."""
    stage = Stage()
    token = place(stage.world, replace(DUE, mode="extend"))
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, max_lifespan=30 * DAY)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.EXTEND, Action.RENEW)
    assert newest(stage).value != token.value


def test_a_refused_extension_is_a_renewal() -> None:
    """Tokens with full scope may not be extended any more: the secret does not die of it."""
    stage = Stage()
    token = place(stage.world, replace(DUE, mode="extend"))
    stage.refuse("update_pat", "fullScopePatPolicyViolation")

    stage.run()

    assert newest(stage).value != token.value


def test_an_extension_ends_the_count_of_failures() -> None:
    """An earlier attempt had failed: from now on the secret is as healthy as any."""
    stage = Stage()
    failed = f"1 {stage.clock() - 2 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
    place(stage.world, replace(DUE, mode="extend", tags={"pat-attempt": failed}))

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.EXTEND,)
    assert "pat-attempt" not in newest(stage).tags


def test_a_value_is_proven_before_its_extension_is_written() -> None:
    """The extension kills the value: the vault does not go on showing it, with a later date."""
    stage = Stage()
    token = place(stage.world, replace(DUE, mode="extend"))
    after(stage, "update_pat", lambda: put_to_sleep(stage, token))

    stage.run()

    assert stage.world.authenticate(ORGANIZATION, newest(stage).value)


def test_an_extension_of_a_dead_value_is_not_written() -> None:
    """It cannot be renewed either: the vault does not promise a later end than before."""
    stage = Stage()
    token = place(stage.world, replace(DUE, mode="extend"))
    after(stage, "update_pat", lambda: put_to_sleep(stage, token))
    stage.refuse("create_pat", "accessDenied")

    stage.run()

    assert newest(stage).value == token.value
    assert newest(stage).expires_at == token.valid_to


def test_a_value_is_proven_before_its_date_is_mended() -> None:
    """The vault shows another expiry, and the value is dead: it is renewed."""
    stage = Stage()
    token = place(stage.world, Placement(SECRET, age=2 * DAY))
    wrong = Properties(expires_at=stage.clock() + 3 * DAY)
    stage.world.vault(VAULT).update(SECRET, None, wrong)
    put_to_sleep(stage, token)

    stage.run()

    assert stage.world.authenticate(ORGANIZATION, newest(stage).value)


@pytest.mark.parametrize(("age", "is_kept"), [(DAY, False), (25 * DAY, True)], ids=["long", "due"])
def test_a_refresh_ends_the_count_of_failures_unless_it_is_due(
    age: timedelta, *, is_kept: bool
) -> None:
    """An extension that could not be written down has succeeded by now; a renewal has not."""
    stage = Stage()
    failed = f"1 {stage.clock():%Y-%m-%dT%H:%M:%SZ}"
    place(stage.world, Placement(SECRET, age=age, tags={"pat-attempt": failed}))
    wrong = Properties(expires_at=stage.clock() + 3 * DAY)
    stage.world.vault(VAULT).update(SECRET, None, wrong)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == (Action.REFRESH,)
    assert newest(stage).tags.get("pat-attempt") == (failed if is_kept else None)


# --- One another ---------------------------------------------------------------------------------


def test_a_vault_that_is_away_stops_no_other() -> None:
    """Its tokens are not called unclaimed either: nobody knows what is in it."""
    stage = Stage()
    stage.world.add_vault("kv-other")
    place(stage.world, Placement("away", age=DAY))
    token = place(stage.world, replace(DUE, vault="kv-other"))
    stage.world.faults.add(Fault(Drop(), "key-vault", "list_secrets", VAULT, times=None))
    process = InProcess(stage.world, replace(stage.scope, vaults=[VAULT, "kv-other"]))

    report = process.rotator.run()

    assert report.has_failures
    assert stage.world.vault("kv-other").newest(SECRET).value != token.value
    kinds = {event.event for event in process.journal.events}
    assert Kind.UNCLAIMED_TOKEN_FOUND not in kinds


def test_an_owner_whose_session_is_away_stops_no_other() -> None:
    """Nothing can be said of one session: the secrets of the others are renewed."""
    stage = Stage()
    stage.people.connect(STRANGER)
    token = place(stage.world, replace(DUE, tags={"pat-owner": OWNER}))
    stage.world.faults.add(Fault(Drop(), "entra", stage.people.redemption, STRANGER, times=None))
    process = InProcess(stage.world, replace(stage.scope, owners=[STRANGER, OWNER]))

    report = process.rotator.run()

    assert [session.is_known for session in report.sessions] == [False, True]
    assert newest(stage).value != token.value
