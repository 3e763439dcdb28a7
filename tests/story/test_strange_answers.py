"""A service may answer what nobody asked for: it is looked at before anything is done with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.events import Kind
from rotation.model import SecretName
from rotation.order import Verb
from rotation.report import Ending
from rotation.rotator import Rotator
from sandbox.content import Properties
from sandbox.furniture import VAULT, Placement, place
from sandbox.ports import MemoryLocks
from tests.story.plot import extension, renewal, retirement
from tests.story.stage import DAY, HOUR, SECRET, Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotation.model import Created, Draft, Token
    from rotation.ports import TokenIssuer
    from rotation.report import Outcome

    Twist = Callable[[Token], Token]


class Crooked:
    """The issuer of a stage, whose answers about new and extended tokens are twisted."""

    def __init__(self, issuer: TokenIssuer, twist: Twist) -> None:
        self._issuer = issuer
        self._twist = twist
        self.inventory = issuer.inventory
        self.get = issuer.get
        self.revoke = issuer.revoke
        self.prove = issuer.prove

    def create(self, owner: str, organization: str, draft: Draft) -> Created:
        """Create the token that was asked for, and tell of another."""
        created = self._issuer.create(owner, organization, draft)
        return replace(created, token=self._twist(created.token))

    def rename(self, owner: str, organization: str, token: Token, display_name: str) -> Token:
        """Rename the token, and tell of another."""
        return self._twist(self._issuer.rename(owner, organization, token, display_name))

    def extend(self, owner: str, organization: str, token: Token, valid_to: datetime) -> Token:
        """Extend the token, and tell of another."""
        return self._twist(self._issuer.extend(owner, organization, token, valid_to))


def run_crooked(stage: Stage, twist: Twist) -> Outcome:
    """Run once with twisted answers."""
    process = stage.process()
    ports = replace(process.ports, issuer=Crooked(process.issuer, twist))
    rotator = Rotator(ports, process.sessions, MemoryLocks(), stage.scope)
    (outcome,) = rotator.run().outcomes
    stage.events += process.journal.events
    return outcome


NEW_TOKENS = {
    "its scope is": lambda token: replace(token, scopes=token.scopes | {"vso.build"}),
    "it is not confined to contoso": lambda token: replace(token, target_accounts=None),
    "its name does not end in": lambda token: replace(token, display_name="feed-token"),
    "it expires on": lambda token: replace(token, valid_to=token.valid_to + DAY),
    "it would have to be renewed at once": lambda token: replace(
        token, valid_from=token.valid_to - 365 * DAY, valid_to=token.valid_to - 25 * DAY
    ),
}


@pytest.mark.parametrize(("said", "twist"), NEW_TOKENS.items(), ids=NEW_TOKENS.keys())
def test_a_new_token_that_is_not_what_was_asked_for_is_revoked(said: str, twist: Twist) -> None:
    """I5: it is never stored, and does not live on."""
    stage = Stage()
    before = renewal(stage)

    outcome = run_crooked(stage, twist)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "proof-failed")
    assert said in outcome.message
    assert stage.managed()[0].value == before.value
    assert stage.bound(SECRET) == [before]


@pytest.mark.parametrize(
    "twist",
    [
        lambda token: replace(token, authorization_id="another"),
        lambda token: replace(token, scopes=token.scopes | {"app_token"}),
    ],
    ids=["another token", "a wider scope"],
)
def test_an_extension_that_changed_more_than_the_expiry_is_not_believed(twist: Twist) -> None:
    """The vault goes on showing the old expiry, and the failure is counted."""
    stage = Stage()
    extension(stage)
    before = stage.managed()[0].expires_at

    outcome = run_crooked(stage, twist)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "proof-failed")
    assert stage.managed()[0].expires_at == before
    assert stage.managed()[0].tags["pat-attempt"].startswith("1 ")


def test_an_extension_that_is_cut_short_is_told() -> None:
    """A lifespan policy may shorten what was asked for, without a word."""
    stage = Stage()
    extension(stage)

    outcome = run_crooked(stage, lambda token: replace(token, valid_to=token.valid_to - 5 * DAY))

    assert outcome.ending == Ending.SETTLED
    assert Kind.LIFETIME_CLAMPED in {event.event for event in stage.events}


def test_an_extension_that_kills_the_value_is_followed_by_a_renewal() -> None:
    """The API does not promise that a value survives an update: it is proven before it counts."""
    stage = Stage()
    token = place(stage.world, Placement(SECRET, mode="extend", age=25 * DAY))

    def kill(granted: Token) -> Token:
        if granted.authorization_id == token.authorization_id:
            stage.kill(token)
        return granted

    outcome = run_crooked(stage, kill)

    assert outcome.actions == ("extend", "renew")
    assert Kind.PROOF_FAILED in {event.event for event in stage.events}
    stage.check()


def test_a_version_that_appears_during_a_retirement_ends_it() -> None:
    """Somebody stores a newer version between the proof and the list of versions: hands off."""
    stage = Stage()
    retirement(stage)
    newest = stage.managed()[0]
    old = stage.bound(SECRET)[0]

    def restore(call: object) -> None:
        if "list_versions" in str(call):
            stage.world.before_call = lambda _call: None
            tags = Properties(tags=newest.tags)
            stage.world.vault(VAULT).set(SECRET, old.value, tags)

    stage.world.before_call = restore

    (outcome,) = stage.run().outcomes

    assert outcome.ending == Ending.LOCKED
    assert old in stage.bound(SECRET)
    stage.live(timedelta(hours=3))
    stage.check()


def test_a_value_that_died_is_found_before_its_date_is_mended() -> None:
    """Rule 9 proves first: a token that died is renewed, whatever the vault shows."""
    stage = Stage()
    token = place(stage.world, Placement(SECRET, age=2 * DAY))
    wrong = Properties(expires_at=stage.clock() + 3 * DAY)
    stage.world.vault(VAULT).update(SECRET, None, wrong)
    stage.killed.add(token.authorization_id)
    stage.world.registry.amend(token.authorization_id, asleep=True)

    (outcome,) = stage.run().outcomes

    assert outcome.actions == ("renew",)
    stage.live(HOUR)


class Broken(Crooked):
    """An issuer with a defect, whose words hold what must not be told."""

    def create(self, owner: str, organization: str, draft: Draft) -> Created:
        """Raise what nobody foresaw."""
        created = self._issuer.create(owner, organization, draft)
        raise ZeroDivisionError(created.value.reveal())


def test_a_defect_stops_one_secret_and_tells_no_value() -> None:
    """I4 and I8: of a strange error the type and the place are told, and the others go on."""
    stage = Stage()
    renewal(stage)
    place(stage.world, Placement("another", mode="extend", age=25 * DAY))
    process = stage.process()
    broken = Broken(process.issuer, lambda token: token)
    ports = replace(process.ports, issuer=broken)

    report = Rotator(ports, process.sessions, MemoryLocks(), stage.scope).run()

    another, broken_one = report.outcomes
    assert another.ending == Ending.SETTLED
    assert (broken_one.ending, broken_one.reason) == (Ending.FAILED, "failed")
    assert broken_one.message.startswith("unexpected ZeroDivisionError in test_strange_answers.py:")
    assert not stage.world.leaks_in(f"{report} {process.journal.events}")


@pytest.mark.parametrize(
    "twist",
    [
        lambda token: replace(token, scopes=token.scopes | {"vso.build"}),
        lambda token: replace(token, display_name="by hand"),
    ],
    ids=["more in it", "no mark"],
)
def test_a_token_that_became_another_by_its_new_name_is_not_adopted(twist: Twist) -> None:
    """I5: nothing is recorded of it, and nothing made in its place."""
    stage = Stage()
    token = place(
        stage.world, Placement(SECRET, age=DAY, is_recorded=False, display_name="by hand")
    )
    process = stage.process()
    ports = replace(process.ports, issuer=Crooked(process.issuer, twist))
    order = stage.order(Verb.ADOPT, authorization_id=token.authorization_id)

    outcome = Rotator(ports, process.sessions, MemoryLocks(), stage.scope).carry_out(order)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "proof-failed")
    assert "made another token of it" in outcome.message
    assert len(stage.versions(stage.managed()[0])) == 1


def test_a_lock_that_is_lost_ends_a_settling() -> None:
    """No further call is made; the next run finds what was left, and goes on."""
    stage = Stage()
    before = renewal(stage)
    locks = MemoryLocks()
    process = stage.process(locks)

    def lose(call: object) -> None:
        if "create_pat" in str(call):
            locks.lose(SecretName(VAULT, SECRET))

    stage.world.after_effect = lose
    (outcome,) = process.rotator.run().outcomes
    stage.world.after_effect = lambda _call: None

    assert outcome.ending == Ending.LOCKED
    assert stage.managed()[0].value == before.value
    assert stage.run_until_quiet(limit=1) == 1
    stage.check()


def test_a_secret_that_another_run_holds_is_left_alone() -> None:
    """Two runs at once do not settle one secret twice; the second leaves quietly."""
    stage = Stage()
    renewal(stage)
    locks = MemoryLocks()

    with locks.hold(SecretName(VAULT, SECRET)):
        report = stage.process(locks).rotator.run()

    assert [str(outcome.ending) for outcome in report.outcomes] == ["locked"]
    assert not report.has_failures


class Mistaken(Crooked):
    """An issuer that tells of a token, but not of the one that it was asked for."""

    def __init__(self, issuer: TokenIssuer, twist: Twist) -> None:
        super().__init__(issuer, twist)
        self.get = self.get_another

    def get_another(self, owner: str, organization: str, authorization_id: str) -> Token | None:
        """Ask for the token, and tell of another."""
        found = self._issuer.get(owner, organization, authorization_id)
        return found and self._twist(found)


def test_an_answer_about_another_token_tells_of_none() -> None:
    """I5: no successor takes its scope from a token that nobody asked for.

    The published example of a *get* is answered with another id than the one in its request.
    """
    stage = Stage()
    token = place(stage.world, Placement(SECRET, age=2 * DAY))
    stage.world.registry.amend(token.authorization_id, revoked=True)
    stage.killed.add(token.authorization_id)
    process = stage.process()
    other = "0" * 8 + token.authorization_id[8:]
    mistaken = Mistaken(
        process.issuer,
        lambda token: replace(token, authorization_id=other, scopes=frozenset({"app_token"})),
    )
    ports = replace(process.ports, issuer=mistaken)

    (outcome,) = Rotator(ports, process.sessions, MemoryLocks(), stage.scope).run().outcomes

    assert (outcome.actions, outcome.reason) == ((), "unknown-token")
    assert not stage.bound(SECRET)
