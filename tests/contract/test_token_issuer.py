"""The promises of ``ports.TokenIssuer``, quoted, held by whatever stands behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    SessionError,
    UnavailableError,
)
from rotation.model import Draft, Token, TokenValue
from sandbox.fault import Answer, Drop, Fault, Truncate, refused_token, throttled, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from sandbox.organization import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.clock import ManualClock
    from sandbox.organization import Organization
    from sandbox.world import World
    from tests.stage import Stage

pytestmark = pytest.mark.manners

DAY = timedelta(days=1)
PLACE = (OWNER, ORGANIZATION)
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def organization(world: World) -> Organization:
    """Give the organization in which the owner's tokens are."""
    return world.organization(ORGANIZATION)


@pytest.fixture
def draft(clock: ManualClock) -> Draft:
    """Give what a new token shall be."""
    return Draft(f"feed [{VAULT}/feed]", "vso.code vso.packaging", clock() + 30 * DAY)


def test_an_inventory_holds_all_living_tokens(stage: Stage, organization: Organization) -> None:
    """All living tokens of the owner in the organization, over all pages, and its id."""
    living = {plant(stage.world, Placement(f"s{n}")).authorization_id for n in range(205)}
    dead = plant(stage.world, Placement("dead"))
    stage.world.registry.amend(dead.authorization_id, revoked=True)
    plant(stage.world, Placement("old", age=31 * DAY))

    inventory = stage.issuer.inventory(*PLACE)

    assert {token.authorization_id for token in inventory.tokens} == living
    assert len(inventory.tokens) == 205
    assert inventory.account_id == organization.account_id
    assert stage.count("list_pats") == stage.pages(205, 100)


def test_an_inventory_tells_all_about_a_token_but_its_value(stage: Stage) -> None:
    """Name, scopes, dates and reach are as the service has them."""
    planted = plant(stage.world, Placement("feed", scope="vso.code vso.build", age=DAY))

    (token,) = stage.issuer.inventory(*PLACE).tokens

    assert (token.authorization_id, token.display_name) == (
        planted.authorization_id,
        planted.display_name,
    )
    assert token.scopes == {"vso.code", "vso.build"}
    assert (token.valid_from, token.valid_to) == (planted.valid_from, planted.valid_to)
    assert token.target_accounts == planted.accounts


def test_a_global_token_names_no_organization(stage: Stage) -> None:
    """It is listed, and can be told from one that is confined."""
    plant(stage.world, Placement("everywhere", is_global=True))

    (token,) = stage.issuer.inventory(*PLACE).tokens

    assert token.target_accounts is None


def test_nobody_elses_tokens_are_seen(stage: Stage, organization: Organization) -> None:
    """The tokens of the owner, and in this organization."""
    world = stage.world
    bob = world.add_user("bob@contoso.example")
    organization.members.add(bob.identity_id)
    world.add_organization("fabrikam", [world.tenant.users[OWNER]])
    bobs = plant(world, Placement("feed", owner=bob.upn))
    elsewhere = plant(world, Placement("feed", organization="fabrikam"))

    assert not stage.issuer.inventory(*PLACE).tokens
    assert stage.issuer.get(*PLACE, bobs.authorization_id) is None
    assert stage.issuer.get(*PLACE, elsewhere.authorization_id) is None


def test_without_a_session_nothing_is_asked(stage: Stage) -> None:
    """The owner has no working session."""
    stage.world.tenant.revoke_sessions(OWNER)

    with pytest.raises(SessionError, match=OWNER):
        stage.issuer.inventory(*PLACE)

    assert stage.count("list_pats") == 0


@pytest.mark.parametrize("minutes", [-6, 6])
def test_clocks_that_disagree_stop_everything(stage: Stage, minutes: int) -> None:
    """The service's clock and ours are more than five minutes apart."""
    stage.clock.error = timedelta(minutes=minutes)

    with pytest.raises(UnavailableError, match="clock"):
        stage.issuer.inventory(*PLACE)


@pytest.mark.parametrize("minutes", [-5, 4, 5])
def test_clocks_may_disagree_a_little(stage: Stage, minutes: int) -> None:
    """Five minutes and less are no reason to stop."""
    stage.clock.error = timedelta(minutes=minutes)

    assert not stage.issuer.inventory(*PLACE).tokens


@pytest.mark.parametrize("change", [{}, {"revoked": True}, {"asleep": True}])
def test_a_token_is_got_dead_or_alive(stage: Stage, change: dict[str, object]) -> None:
    """One token of the owner, dead or alive."""
    planted = plant(stage.world, Placement("feed", age=31 * DAY))
    stage.world.registry.amend(planted.authorization_id, **change)

    token = stage.issuer.get(*PLACE, planted.authorization_id)

    assert token
    assert (token.authorization_id, token.valid_to) == (planted.authorization_id, planted.valid_to)


def test_an_unknown_token_is_none(stage: Stage) -> None:
    """None if the service does not know it."""
    assert stage.issuer.get(*PLACE, UNKNOWN_ID) is None


def test_a_created_token_is_what_was_asked_for(
    stage: Stage, organization: Organization, draft: Draft
) -> None:
    """A token in this organization only."""
    created = stage.issuer.create(*PLACE, draft)

    (token,) = stage.issuer.inventory(*PLACE).tokens
    assert created.token == token
    assert (token.display_name, token.scope) == (draft.display_name, draft.scope)
    assert token.target_accounts == (organization.account_id,)
    assert token.valid_to == draft.valid_to
    assert stage.issuer.prove(*PLACE, created.value) is True


def test_the_answer_tells_the_expiry_that_was_granted(
    stage: Stage, organization: Organization, draft: Draft, clock: ManualClock
) -> None:
    """A lifespan policy shortens a life without a word: the date is the answer's."""
    organization.policy = Policy(max_lifespan=7 * DAY)

    assert stage.issuer.create(*PLACE, draft).token.valid_to == clock() + 7 * DAY


@pytest.mark.parametrize(
    ("reason", "policy", "name", "scope"),
    [
        ("disablePatCreationPolicyViolation", Policy(restrict_creation=True), "new", "vso.code"),
        ("fullScopePatPolicyViolation", Policy(restrict_full_scope=True), "new", "app_token"),
        ("invalidScope", Policy(), "new", "everything"),
        ("displayNameRequired", Policy(), "", "vso.code"),
    ],
)
def test_a_refused_create_is_a_clear_no(
    stage: Stage, reason: str, policy: Policy, name: str, scope: str
) -> None:
    """The service refuses: the reason is its own word, and no token was made."""
    stage.world.organization(ORGANIZATION).policy = policy
    draft = Draft(name, scope, stage.clock() + DAY)

    with pytest.raises(RejectedError, match=reason) as refused:
        stage.issuer.create(*PLACE, draft)

    assert refused.value.reason == reason
    assert stage.count("create_pat") == 1
    assert not stage.world.living_tokens()


def test_an_unknown_refusal_is_a_refusal(stage: Stage, draft: Draft) -> None:
    """The list of reasons grows: a new one is never taken for success."""
    stage.break_at(Fault(refused_token("brandNewPolicyViolation"), operation="create_pat"))

    with pytest.raises(RejectedError) as refused:
        stage.issuer.create(*PLACE, draft)

    assert refused.value.reason == "brandNewPolicyViolation"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (Drop(), 0),
        (Drop(after_effect=True), 1),
        (unavailable(), 0),
        (Answer(503, after_effect=True), 1),
        (Answer(500, after_effect=True), 1),
        (Truncate(20), 1),
    ],
)
def test_a_create_without_an_answer_is_never_repeated(
    stage: Stage, draft: Draft, kind: Answer | Drop | Truncate, made: int
) -> None:
    """No usable answer: a token may have been made."""
    stage.break_at(Fault(kind, operation="create_pat", times=None))

    with pytest.raises(OutcomeUnknownError):
        stage.issuer.create(*PLACE, draft)

    assert stage.count("create_pat") == 1
    assert len(stage.world.living_tokens()) == made


def test_a_create_that_is_throttled_was_not_carried_out(stage: Stage, draft: Draft) -> None:
    """Too many requests: no token was made, and that is known."""
    stage.break_at(Fault(throttled(), operation="create_pat", times=None))

    with pytest.raises(UnavailableError):
        stage.issuer.create(*PLACE, draft)

    assert stage.count("create_pat") == 1


def test_an_extension_moves_the_expiry_only(stage: Stage, clock: ManualClock) -> None:
    """A later expiry of the token; the answer says which one was granted."""
    planted = place(stage.world, Placement("feed", age=20 * DAY))
    (before,) = stage.issuer.inventory(*PLACE).tokens

    granted = stage.issuer.extend(*PLACE, before, clock() + 30 * DAY)

    assert granted == replace(before, valid_to=clock() + 30 * DAY)
    assert stage.issuer.get(*PLACE, planted.authorization_id) == granted
    assert stage.issuer.prove(*PLACE, TokenValue(planted.value)) is True


def test_a_new_name_changes_nothing_else(stage: Stage) -> None:
    """Another display name, and nothing else; the answer says what came of it."""
    planted = plant(stage.world, Placement("feed", scope="vso.code vso.build", age=DAY))
    (before,) = stage.issuer.inventory(*PLACE).tokens

    renamed = stage.issuer.rename(*PLACE, before, f"Build agents [{VAULT}/other]")

    assert renamed == replace(before, display_name=f"Build agents [{VAULT}/other]")
    assert stage.issuer.get(*PLACE, planted.authorization_id) == renamed
    assert stage.issuer.prove(*PLACE, TokenValue(planted.value)) is True


def test_an_extension_ends_at_the_wall(
    stage: Stage, organization: Organization, clock: ManualClock
) -> None:
    """Creation date plus policy maximum is as far as it goes, without a word."""
    organization.policy = Policy(max_lifespan=40 * DAY)
    plant(stage.world, Placement("feed", age=20 * DAY))
    (before,) = stage.issuer.inventory(*PLACE).tokens

    granted = stage.issuer.extend(*PLACE, before, clock() + 30 * DAY)

    assert granted.valid_to == before.valid_from + 40 * DAY


@pytest.mark.parametrize(
    ("age", "revoked", "reason"),
    [
        (31 * DAY, False, "expiredPatCannotBeExtended"),
        (DAY, True, "failedToUpdateAccessToken"),
    ],
)
def test_a_dead_token_cannot_be_extended(
    stage: Stage, clock: ManualClock, age: timedelta, reason: str, *, revoked: bool
) -> None:
    """The service refuses: expired, revoked."""
    planted = plant(stage.world, Placement("feed", age=age))
    stage.world.registry.amend(planted.authorization_id, revoked=revoked)
    token = stage.issuer.get(*PLACE, planted.authorization_id)
    assert token

    with pytest.raises(RejectedError) as refused:
        stage.issuer.extend(*PLACE, token, clock() + 30 * DAY)

    assert refused.value.reason == reason


@pytest.mark.parametrize("times", [1, 2])
def test_a_revoked_token_cannot_authenticate(stage: Stage, times: int) -> None:
    """On return the token cannot authenticate; a second time is done already."""
    planted = plant(stage.world, Placement("feed"))

    for _ in range(times):
        stage.issuer.revoke(*PLACE, planted.authorization_id)

    assert stage.world.authenticate(ORGANIZATION, planted.value) is None
    assert stage.issuer.prove(*PLACE, TokenValue(planted.value)) is False


def test_an_unknown_token_counts_as_revoked(stage: Stage) -> None:
    """One that is unknown already counts as done."""
    stage.issuer.revoke(*PLACE, UNKNOWN_ID)

    assert stage.count("revoke_pat") == 1


@pytest.mark.parametrize("length", ["is_short", "is_long"])
def test_a_good_value_is_proven(stage: Stage, length: str) -> None:
    """True if it authenticates in the organization as the owner: 84 characters, or 52."""
    planted = plant(stage.world, Placement("feed", is_short=length == "is_short"))

    assert stage.issuer.prove(*PLACE, TokenValue(planted.value)) is True


@pytest.mark.parametrize("change", [{"revoked": True}, {"asleep": True}, {"accounts": ()}])
@pytest.mark.parametrize("has_public_project", [False, True])
def test_a_bad_value_is_not_proven(
    stage: Stage, organization: Organization, change: dict[str, object], *, has_public_project: bool
) -> None:
    """False if it is refused, or taken for nobody: a 200 as the anonymous user is no proof."""
    organization.has_public_project = has_public_project
    planted = plant(stage.world, Placement("feed"))
    stage.world.registry.amend(planted.authorization_id, **change)

    assert stage.issuer.prove(*PLACE, TokenValue(planted.value)) is False


@pytest.mark.parametrize("value", ["", "no token", "ümläut:\n\x00", "x" * 25_000])
def test_what_is_no_token_is_not_proven(stage: Stage, value: str) -> None:
    """People paste anything into a vault."""
    assert stage.issuer.prove(*PLACE, TokenValue(value)) is False


def test_an_expired_value_is_not_proven(stage: Stage) -> None:
    """False if it is refused."""
    planted = plant(stage.world, Placement("feed", age=31 * DAY))

    assert stage.issuer.prove(*PLACE, TokenValue(planted.value)) is False


def test_somebody_elses_value_is_not_proven(stage: Stage, organization: Organization) -> None:
    """False if it is taken for somebody else: user ids are compared."""
    bob = stage.world.add_user("bob@contoso.example")
    organization.members.add(bob.identity_id)
    bobs = plant(stage.world, Placement("feed", owner=bob.upn))

    assert stage.issuer.prove(*PLACE, TokenValue(bobs.value)) is False


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (unavailable(), UnavailableError),
        (throttled(), UnavailableError),
        (Drop(), UnavailableError),
        (Answer(403, "{}"), AccessDeniedError),
    ],
)
def test_without_an_answer_nothing_is_proven_or_refuted(
    stage: Stage, kind: Answer | Drop, error: type[Exception]
) -> None:
    """No answer says nothing about the token: it is an error, never False."""
    planted = plant(stage.world, Placement("feed"))
    stage.issuer.inventory(*PLACE)
    stage.break_at(Fault(kind, operation="connection_data", times=None))

    with pytest.raises(error):
        stage.issuer.prove(*PLACE, TokenValue(planted.value))


@pytest.mark.parametrize("operation", ["inventory", "get", "extend", "revoke"])
@pytest.mark.parametrize("kind", [unavailable(), throttled(), Drop(), Drop(after_effect=True)])
def test_no_usable_answer_is_an_outage(
    stage: Stage, clock: ManualClock, operation: str, kind: Answer | Drop
) -> None:
    """No usable answer to an idempotent call; the message names the place."""
    plant(stage.world, Placement("feed"))
    stage.issuer.inventory(*PLACE)
    stage.break_at(Fault(kind, operation="*_pat*", times=None))

    with pytest.raises(UnavailableError, match=ORGANIZATION):
        _do(stage, operation, clock() + 30 * DAY)


@pytest.mark.parametrize("operation", ["inventory", "get", "extend", "revoke"])
def test_who_is_no_member_is_denied(
    stage: Stage, clock: ManualClock, organization: Organization, operation: str
) -> None:
    """Refused for want of rights."""
    plant(stage.world, Placement("feed"))
    stage.issuer.inventory(*PLACE)
    organization.members.clear()

    with pytest.raises(AccessDeniedError, match=ORGANIZATION) as refused:
        _do(stage, operation, clock() + 30 * DAY)

    assert refused.value.status == 401


def _do(stage: Stage, operation: str, until: datetime) -> object:
    (planted,) = stage.world.registry.tokens
    issuer, found = stage.issuer, planted.authorization_id
    token = Token(
        authorization_id=found,
        display_name=planted.display_name,
        scopes=frozenset(planted.scope.split()),
        valid_from=planted.valid_from,
        valid_to=planted.valid_to,
        target_accounts=planted.accounts,
    )
    doing: dict[str, Callable[[], object]] = {
        "inventory": lambda: issuer.inventory(*PLACE),
        "get": lambda: issuer.get(*PLACE, found),
        "extend": lambda: issuer.extend(*PLACE, token, until),
        "revoke": lambda: issuer.revoke(*PLACE, found),
    }
    return doing[operation]()
