"""What operators order: each takes effect once, whatever dies, comes twice, or comes between."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotation.events import Kind
from rotation.model import SecretName
from rotation.order import Extent, Verb
from rotation.report import Ending
from sandbox.content import Properties
from sandbox.fault import Fault, unavailable
from sandbox.furniture import OWNER, VAULT, Placement, place, plant, recorded_id
from sandbox.ports import MemoryLocks
from tests.story.plot import paste
from tests.story.stage import DAY, HOUR, MINUTE, SECRET, STRANGER, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.order import Order
    from sandbox.token import Token

    Tally = Callable[[str, int], None]

HEALING_RUNS = 2
WIDE, NARROW = "vso.build vso.code", "vso.code"


@dataclass(frozen=True)
class Wanted:
    """What is to be true once an order is done."""

    tokens: int = 1
    """Bound tokens that are alive then, those in grace included."""
    scope: str = NARROW
    """Of the newest value's token."""
    made: int = 1
    """Tokens that the order made."""


@dataclass(frozen=True)
class Plot:
    """How a story begins, what is ordered then, and what that leads to."""

    begin: Callable[[Stage], Order]
    wanted: Wanted = Wanted()

    def stage(self) -> tuple[Stage, Order]:
        """Set a stage on which the order is given."""
        stage = Stage()
        order = self.begin(stage)
        stage.use()
        return stage, order


def rotation(stage: Stage) -> Order:
    """A token is fresh, and is to be rotated all the same."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    return stage.order(Verb.ROTATE)


def narrower(stage: Stage) -> Order:
    """A token is to have less in it."""
    place(stage.world, Placement(SECRET, age=5 * DAY, scope=WIDE))
    return stage.order(Verb.ROTATE, scope=NARROW)


def wider(stage: Stage) -> Order:
    """A token is to have more in it, on purpose."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    return stage.order(Verb.ROTATE, scope=WIDE, allow_wider=True)


def shorter(stage: Stage) -> Order:
    """A token, and those after it, are to live for a week."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    return stage.order(Verb.ROTATE, lifetime_days=7)


def resting(stage: Stage) -> Order:
    """A token is due, but its renewal has failed, and backs off."""
    attempt = f"3 {stage.clock():%Y-%m-%dT%H:%M:%SZ}"
    place(stage.world, Placement(SECRET, age=25 * DAY, tags={"pat-attempt": attempt}))
    return stage.order(Verb.ROTATE)


def restored(stage: Stage) -> Order:
    """Somebody restored an older value, and it is to be rotated before a run has looked at it."""
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    new = place(stage.world, Placement(SECRET, age=2 * HOUR))
    vault = stage.world.vault(VAULT)
    tags = {**vault.newest(SECRET).tags, "pat-authorization-id": recorded_id(new)}
    vault.set(SECRET, old.value, Properties(tags=tags))
    return stage.order(Verb.ROTATE)


def unknown(stage: Stage) -> Order:
    """Nobody knows which token the value is, and it is to be rotated."""
    place(stage.world, Placement(SECRET, age=5 * DAY, is_recorded=False))
    return stage.order(Verb.ROTATE)


def first(stage: Stage) -> Order:
    """A new secret is to get its first token."""
    place = {"organization": "contoso", "owner": OWNER}
    return stage.order(Verb.ISSUE, scope=NARROW, lifetime_days=10, **place)


def replaced(stage: Stage) -> Order:
    """A secret that holds something else is to get its first token."""
    stage.world.vault(VAULT).set(SECRET, "something", Properties(tags={"team": "web"}))
    return stage.order(Verb.ISSUE, organization="contoso", scope=NARROW)


def afresh(stage: Stage) -> Order:
    """A secret holds a token that is not bound to it, which no rule touches."""
    token = place(stage.world, Placement(SECRET, age=5 * DAY, display_name="by hand"))
    stage.killed.add(token.authorization_id)
    return stage.order(Verb.ISSUE, scope=NARROW)


def confined(stage: Stage) -> Order:
    """A secret holds a token that works in every organization."""
    place(stage.world, Placement(SECRET, age=5 * DAY, is_global=True))
    return stage.order(Verb.ISSUE, scope=NARROW)


def _made_by_hand(stage: Stage, **placement: str) -> Token:
    return place(
        stage.world,
        Placement(SECRET, age=5 * DAY, is_recorded=False, display_name="by hand", **placement),  # type: ignore[arg-type]
    )


def adoption(stage: Stage) -> Order:
    """Somebody pasted the value of a token that they had made by hand."""
    token = _made_by_hand(stage)
    return stage.order(Verb.ADOPT, authorization_id=token.authorization_id)


def adoption_to_extend(stage: Stage) -> Order:
    """The same, of a token whose value must stay what it is."""
    token = _made_by_hand(stage, mode="extend")
    return stage.order(Verb.ADOPT, authorization_id=token.authorization_id)


def leak(stage: Stage) -> Order:
    """The value that is stored has leaked."""
    leaked = place(stage.world, Placement(SECRET, age=5 * DAY))
    stage.killed.add(leaked.authorization_id)
    return stage.order(Verb.RETIRE, extent=Extent.NOW)


def young_leak(stage: Stage) -> Order:
    """The value that is stored has leaked, and is a few minutes old."""
    leaked = place(stage.world, Placement(SECRET, age=10 * MINUTE))
    stage.killed.add(leaked.authorization_id)
    return stage.order(Verb.RETIRE, extent=Extent.NOW)


def leak_in_grace(stage: Stage) -> Order:
    """The value that is stored has leaked, and so had the one before, which is in grace."""
    for age in (5 * DAY, 2 * HOUR):
        leaked = place(stage.world, Placement(SECRET, age=age))
        stage.killed.add(leaked.authorization_id)
    return stage.order(Verb.RETIRE, extent=Extent.NOW)


def leak_overtaken(stage: Stage) -> Order:
    """The value has leaked, and the schedule has renewed it before the order came."""
    leaked = place(stage.world, Placement(SECRET, age=25 * DAY))
    stage.killed.add(leaked.authorization_id)
    order = stage.order(Verb.RETIRE, extent=Extent.NOW)
    stage.clock.advance(MINUTE)
    stage.run()
    return order


def leak_pasted_back(stage: Stage) -> Order:
    """The value has leaked and was renewed, and somebody stored it again before the order came."""
    leaked = place(stage.world, Placement(SECRET, age=5 * DAY))
    order = stage.order(Verb.RETIRE, extent=Extent.NOW)
    stage.clock.advance(MINUTE)
    stage.fulfil(stage.order(Verb.ROTATE))
    stage.clock.advance(MINUTE)
    vault = stage.world.vault(VAULT)
    tags = {key: tag for key, tag in vault.newest(SECRET).tags.items() if "id" not in key}
    vault.set(SECRET, leaked.value, Properties(tags=tags))
    stage.killed |= {token.authorization_id for token in stage.all_bound(SECRET)}
    return order


def leak_pasted_over(stage: Stage) -> Order:
    """The value has leaked, and somebody has stored another one before the order came.

    It is that of a token made by hand, and the tags came with it: nobody knows which one it is.
    """
    leaked = place(stage.world, Placement(SECRET, age=5 * DAY))
    order = stage.order(Verb.RETIRE, extent=Extent.NOW)
    pasted = plant(stage.world, Placement(SECRET, age=2 * HOUR))
    vault = stage.world.vault(VAULT)
    vault.set(SECRET, pasted.value, Properties(tags=vault.newest(SECRET).tags))
    stage.clock.advance(2 * MINUTE)
    stage.killed.add(leaked.authorization_id)
    return order


def end(stage: Stage) -> Order:
    """A secret is not needed any more; its predecessor is in grace."""
    for age in (5 * DAY, 2 * HOUR):
        token = place(stage.world, Placement(SECRET, age=age))
        stage.killed.add(token.authorization_id)
    return stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)


def end_of_disabled(stage: Stage) -> Order:
    """A secret was switched off by its keeper, and is not needed any more."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    stage.world.vault(VAULT).update(SECRET, None, Properties(enabled=False))
    return stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)


def end_of_watched(stage: Stage) -> Order:
    """A secret was only watched, and is not needed any more."""
    tags = {"pat-organization": None}
    place(stage.world, Placement(SECRET, mode="watch", tags=tags, display_name="elsewhere"))
    return stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)


def end_of_rested(stage: Stage) -> Order:
    """A secret was kept fresh, is only watched for the moment, and is not needed any more."""
    token = place(stage.world, Placement(SECRET, age=5 * DAY))
    vault = stage.world.vault(VAULT)
    vault.update(
        SECRET, None, Properties(tags={**vault.newest(SECRET).tags, "pat-rotation": "watch"})
    )
    stage.killed.add(token.authorization_id)
    return stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)


PLOTS = {
    "rotate": Plot(rotation, Wanted(2)),
    "rotate, narrower": Plot(narrower, Wanted(2)),
    "rotate, wider": Plot(wider, Wanted(2, WIDE)),
    "rotate, shorter": Plot(shorter, Wanted(2)),
    "rotate what rests": Plot(resting, Wanted(2)),
    "rotate what was restored": Plot(restored, Wanted(3)),
    "rotate what nobody knows": Plot(unknown, Wanted(2)),
    "issue, new": Plot(first),
    "issue, over something": Plot(replaced),
    "issue, over a foreign token": Plot(afresh),
    "issue, over a global token": Plot(confined, Wanted(2)),
    "adopt": Plot(adoption, Wanted(2)),
    "adopt, to extend": Plot(adoption_to_extend, Wanted(1, made=0)),
    "retire now": Plot(leak),
    "retire now, young": Plot(young_leak),
    "retire now, twice leaked": Plot(leak_in_grace),
    "retire now, overtaken": Plot(leak_overtaken, Wanted(made=0)),
    "retire now, pasted back": Plot(leak_pasted_back),
    "retire now, pasted over": Plot(leak_pasted_over),
    "retire altogether": Plot(end, Wanted(0, made=0)),
    "retire altogether, disabled": Plot(end_of_disabled, Wanted(0, made=0)),
    "retire altogether, watched": Plot(end_of_watched, Wanted(0, made=0)),
    "retire altogether, rested": Plot(end_of_rested, Wanted(0, made=0)),
}
CASES = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())


@CASES
def test_an_order_takes_effect(plot: Plot) -> None:
    """Once, as it was meant; it is received and done, and nothing is left for a run to do."""
    stage, order = plot.stage()
    before = {token.authorization_id for token in stage.all_bound(SECRET)}

    outcome = stage.fulfil(order)

    assert (outcome.ending, outcome.reason) == (Ending.DONE, "done"), outcome
    made = [token for token in stage.all_bound(SECRET) if token.authorization_id not in before]
    is_adopted = order.verb is Verb.ADOPT
    assert len(made) - is_adopted == plot.wanted.made
    assert len(stage.bound(SECRET)) == plot.wanted.tokens
    newest = stage.world.vault(VAULT).newest(SECRET)
    if plot.wanted.tokens:
        token = stage.world.registry.find(newest.value)
        assert token
        assert newest.enabled
        assert token.scope == plot.wanted.scope
        assert newest.tags["pat-authorization-id"] == recorded_id(token)
        assert "pat-attempt" not in newest.tags
        stage.end(HEALING_RUNS)
    else:
        assert not newest.enabled
        assert not [tag for tag in newest.tags if tag.startswith("pat-")]
    said = [event for event in stage.events if event.order == order.title]
    assert {event.event for event in said} == {Kind.ORDER_RECEIVED, Kind.ORDER_DONE}
    assert {event.requested_by for event in said} == {STRANGER}


@CASES
def test_an_order_that_comes_twice_takes_effect_once(plot: Plot) -> None:
    """The second time it is done already, or refused aloud; nothing changes."""
    stage, order = plot.stage()
    stage.fulfil(order)
    before = stage.fingerprint()

    outcome = stage.fulfil(order)

    assert outcome.ending is Ending.DONE, outcome
    assert stage.fingerprint() == before


@CASES
def test_an_order_may_die_at_any_call(plot: Plot, tally: Tally) -> None:
    """Whichever call the process dies at, the order takes effect when it is delivered again."""
    for number in count():
        with ExitStack() as opened:
            stage, order = plot.stage()
            runner = stage.runner(lambda process, o=order: process.rotator.carry_out(o))  # type: ignore[misc]
            if not opened.enter_context(runner).go_to(number):
                break
            stage.check_at_any_moment()
            outcome = stage.fulfil(order)
            assert outcome.ending is Ending.DONE, outcome
            settle(stage)
    assert number > 3
    tally("crash points of orders", number)


@CASES
def test_an_order_may_die_and_never_come_again(plot: Plot) -> None:
    """Plain runs keep all promises with what it left; no token outlives its secret's grace."""
    for number in count():
        with ExitStack() as opened:
            stage, order = plot.stage()
            runner = stage.runner(lambda process, o=order: process.rotator.carry_out(o))  # type: ignore[misc]
            if not opened.enter_context(runner).go_to(number):
                break
            stage.run_until_quiet(HEALING_RUNS)
            stage.live(60 * HOUR, every=10 * HOUR)


def settle(stage: Stage) -> None:
    """Run until nothing changes and every grace is over."""
    if stage.managed():
        stage.end(HEALING_RUNS)
    else:
        stage.run_until_quiet(HEALING_RUNS)


# --- Refused aloud --------------------------------------------------------------------------------


def _somewhere_else(stage: Stage) -> Order:
    return replace(rotation(stage), name=SecretName("kv-other", SECRET))


def _nothing_there(stage: Stage) -> Order:
    return replace(stage.order(Verb.ROTATE), version="0" * 32)


def _unmanaged(stage: Stage) -> Order:
    stage.world.vault(VAULT).set(SECRET, "something", Properties(tags={"team": "web"}))
    return stage.order(Verb.ROTATE)


def _unmanaged_end(stage: Stage) -> Order:
    stage.world.vault(VAULT).set(SECRET, "something", Properties(tags={"team": "web"}))
    return stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)


def _too_old(stage: Stage) -> Order:
    order = rotation(stage)
    stage.clock.advance(25 * HOUR)
    return order


def _from_the_future(stage: Stage) -> Order:
    order = rotation(stage)
    return replace(order, requested_at=stage.clock() + 25 * HOUR)


def _blocked(stage: Stage) -> Order:
    order = rotation(stage)
    stage.people.end_session(OWNER, None)
    return order


def _blocked_first(stage: Stage) -> Order:
    stage.people.end_session(OWNER, None)
    return first(stage)


def _mistagged(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=DAY, tags={"pat-grace-hours": "two"}))
    return stage.order(Verb.ROTATE)


def _too_long(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=DAY))
    return stage.order(Verb.ROTATE, lifetime_days=200)


def _nowhere(stage: Stage) -> Order:
    return stage.order(Verb.ISSUE, scope=NARROW)


def _disabled(stage: Stage) -> Order:
    order = rotation(stage)
    stage.world.vault(VAULT).update(SECRET, None, Properties(enabled=False))
    return order


def _disabled_leak(stage: Stage) -> Order:
    order = leak(stage)
    stage.world.vault(VAULT).update(SECRET, None, Properties(enabled=False))
    return order


def _watched(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, mode="watch", age=DAY))
    return stage.order(Verb.ROTATE)


def _foreign(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=DAY, display_name="by hand"))
    return stage.order(Verb.ROTATE)


def _global(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=DAY, is_global=True))
    return stage.order(Verb.ROTATE)


def _wider(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=DAY))
    return stage.order(Verb.ROTATE, scope=WIDE)


def _refused_by_azure_devops(stage: Stage) -> Order:
    order = rotation(stage)
    stage.refuse("create_pat", "fullScopePatPolicyViolation")
    return order


def _overtaken(stage: Stage, order: Order) -> Order:
    stage.clock.advance(MINUTE)
    stage.fulfil(stage.order(Verb.ROTATE))
    return order


def _overtaken_end(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=5 * DAY))
    return _overtaken(stage, stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER))


def _overtaken_adoption(stage: Stage) -> Order:
    place(stage.world, Placement(SECRET, age=5 * DAY))
    other = plant(stage.world, Placement("other", display_name="by hand"))
    return _overtaken(stage, stage.order(Verb.ADOPT, authorization_id=other.authorization_id))


def _pasted_over_adoption(stage: Stage) -> Order:
    """The token carries its mark already when somebody pastes another value, with copied tags."""
    token = place(stage.world, Placement(SECRET, age=5 * DAY, is_recorded=False))
    order = _adopting(stage, token)
    stage.clock.advance(MINUTE)
    paste(stage, "another value", recorded=recorded_id(token))
    return order


def _adopting(stage: Stage, token: Token) -> Order:
    return stage.order(Verb.ADOPT, authorization_id=token.authorization_id)


def _anothers(stage: Stage) -> Order:
    _made_by_hand(stage)
    return _adopting(stage, plant(stage.world, Placement("another")))


def _everywhere(stage: Stage) -> Order:
    _made_by_hand(stage)
    return _adopting(stage, plant(stage.world, Placement("x", display_name="", is_global=True)))


def _not_theirs(stage: Stage) -> Order:
    _made_by_hand(stage)
    return _adopting(stage, plant(stage.world, Placement("x", display_name="", owner=STRANGER)))


def _no_token(stage: Stage) -> Order:
    tags = {"pat-rotation": "regenerate", "pat-organization": "contoso"}
    stage.world.vault(VAULT).set(SECRET, "no token at all", Properties(tags=tags))
    return _adopting(stage, plant(stage.world, Placement("x", display_name="")))


def _not_alone(stage: Stage) -> Order:
    token = _made_by_hand(stage, mode="extend")
    plant(stage.world, Placement(SECRET))
    return _adopting(stage, token)


REFUSALS: dict[str, tuple[Callable[[Stage], Order], str, str]] = {
    "another vault": (_somewhere_else, "unknown-vault", "none of the watched vaults"),
    "no such secret": (_nothing_there, "unknown-secret", "there is no secret kv-build/feed-token"),
    "not managed": (_unmanaged, "unmanaged", "it has no tag pat-rotation"),
    "not managed, to end": (_unmanaged_end, "unmanaged", "disable it in its vault"),
    "too old": (_too_old, "too-old", "more than a day ago; order it again"),
    "from the future": (_from_the_future, "misdated", "see whether the clock"),
    "no session": (_blocked, "sign-in-needed", "sign"),
    "no session, new": (_blocked_first, "sign-in-needed", "sign"),
    "tags": (_mistagged, "mis-tagged", "tag pat-grace-hours is 'two'"),
    "too long a life": (_too_long, "mis-tagged", "tag pat-lifetime-days is '200'"),
    "nowhere": (_nowhere, "mis-tagged", "tag pat-organization is missing"),
    "disabled": (_disabled, "disabled", "enable it"),
    "disabled, leaked": (_disabled_leak, "disabled", "or order retire --altogether"),
    "watched": (_watched, "watched", "days left"),
    "foreign": (_foreign, "foreign-token", "the recorded token is not marked"),
    "global": (_global, "global-token", "not confined to contoso"),
    "wider": (_wider, "wider-scope", "wider than the present one, 'vso.code'; --allow-wider"),
    "policy": (
        _refused_by_azure_devops,
        "fullScopePatPolicyViolation",
        "fullScopePatPolicyViolation",
    ),
    "overtaken end": (_overtaken_end, "changed", "look at it, and order again"),
    "overtaken adoption": (_overtaken_adoption, "changed", "look at it, and order again"),
    "pasted-over adoption": (_pasted_over_adoption, "changed", "look at it, and order again"),
    "another secret's": (_anothers, "foreign-token", "bound to another secret, kv-build/another"),
    "everywhere": (_everywhere, "global-token", "order issue instead"),
    "not theirs": (_not_theirs, "unknown-token", "has no living token"),
    "no token": (_no_token, "value-refused", "the stored value is no token of"),
    "not alone": (_not_alone, "not-alone", "1 other living tokens are marked"),
}


@pytest.mark.people
@pytest.mark.parametrize(("begin", "reason", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_order_says_why_and_does_nothing(
    begin: Callable[[Stage], Order], reason: str, words: str
) -> None:
    """Each reason has a sentence of its own; nothing is half done, and asking again is the same."""
    stage = Stage()
    order = begin(stage)
    before = stage.fingerprint()

    outcome = stage.carry_out(order)

    assert (outcome.ending, outcome.reason) == (Ending.REFUSED, reason)
    assert words in outcome.message
    if reason != "fullScopePatPolicyViolation":  # that counts as an attempt
        assert stage.fingerprint() == before
    (said,) = [event for event in stage.events if event.event is Kind.ORDER_REFUSED]
    assert (said.reason, said.message) == (reason, outcome.message)
    assert said.order == order.title


def test_what_is_done_already_is_done() -> None:
    """A renewal came between: neither rotate nor issue does anything more."""
    for verb in (Verb.ROTATE, Verb.ISSUE):
        stage = Stage()
        place(stage.world, Placement(SECRET, age=5 * DAY))
        order = _overtaken(stage, stage.order(verb, scope=NARROW))
        before = stage.fingerprint()

        outcome = stage.carry_out(order)

        assert (outcome.ending, outcome.reason) == (Ending.DONE, "done-already")
        assert "another version has been stored" in outcome.message
        assert stage.fingerprint() == before


def test_an_outage_refuses_nothing() -> None:
    """What could not be carried out now is delivered again, and takes effect then."""
    stage = Stage()
    order = rotation(stage)
    stage.world.faults.add(Fault(unavailable(), "azure-devops", "create_pat"))

    outcome = stage.carry_out(order)

    assert outcome.ending is Ending.FAILED
    assert not [event for event in stage.events if event.event is Kind.ORDER_REFUSED]
    assert stage.fulfil(order).reason == "done"
    stage.end(HEALING_RUNS)


def test_an_order_that_finds_the_lock_held_leaves_quietly() -> None:
    """Somebody else is at it; the order goes back to where it came from."""
    stage = Stage()
    order = rotation(stage)
    locks = MemoryLocks()
    with locks.hold(order.name):
        outcome = stage.carry_out(order, stage.process(locks))

    assert outcome.ending is Ending.LOCKED
    assert not stage.events


# --- Details --------------------------------------------------------------------------------------


def test_the_tags_that_an_order_wants_come_with_its_token() -> None:
    """A crash before leaves the secret as it was, and its next renewals do what was ordered."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    order = stage.order(Verb.ROTATE, lifetime_days=7)
    vault = stage.world.vault(VAULT)
    stage.world.faults.add(Fault(unavailable(), "azure-devops", "create_pat"))

    assert stage.carry_out(order).ending is Ending.FAILED
    assert "pat-lifetime-days" not in vault.newest(SECRET).tags
    stage.fulfil(order)

    newest = vault.newest(SECRET)
    assert newest.tags["pat-lifetime-days"] == "7"
    assert newest.expires_at
    assert newest.expires_at - stage.clock() <= 7 * DAY + MINUTE


def test_what_is_stored_in_the_moment_of_an_end_is_spared() -> None:
    """Somebody has found a use for the secret after all: the order goes back, and is refused."""
    stage = Stage()
    place(stage.world, Placement(SECRET, age=5 * DAY))
    order = stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)
    vault = stage.world.vault(VAULT)

    def store(call: object) -> None:
        if "list_versions" in str(call):
            stage.world.before_call = lambda _call: None
            stage.clock.advance(MINUTE)
            place(stage.world, Placement(SECRET))

    stage.world.before_call = store
    assert stage.carry_out(order).ending is Ending.LOCKED
    assert all(version.enabled for version in vault.versions(SECRET))
    assert len(stage.bound(SECRET)) == 2
    assert stage.fulfil(order).reason == "changed"


def test_an_order_with_much_to_do_goes_on_until_it_is_done() -> None:
    """A settling has eight actions at most; an order that needs more of them comes again."""
    stage = Stage()
    for hours in range(120, 108, -1):
        leaked = place(stage.world, Placement(SECRET, age=hours * HOUR))
        stage.killed.add(leaked.authorization_id)
    order = stage.order(Verb.RETIRE, extent=Extent.NOW)
    assert stage.carry_out(order).next_at
    stage.clock.advance(MINUTE)

    outcome = stage.carry_out(order)

    assert (outcome.ending, outcome.reason) == (Ending.WAITING, "more-to-do")
    assert stage.fulfil(order).reason == "done"
    assert len(stage.bound(SECRET)) == 1
