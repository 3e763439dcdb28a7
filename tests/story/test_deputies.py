"""No confused deputy: who may write one vault gets nothing out of it that is kept elsewhere."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotation.report import Ending
from sandbox.furniture import ORGANIZATION, Placement, plant
from tests.story.attack import ATTACKS, Attack
from tests.story.stage import DAY, HOUR
from tests.story.town import ATTACKED, FEED, NARROW, OPEN, Town

if TYPE_CHECKING:
    from datetime import timedelta

LONGEST_MESSAGE = 1500
"""Characters: with a fault in every tag."""


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_gets_nothing(attack: Attack) -> None:
    """I6: hour by hour no other token is touched or copied, and what is wrong is said each time."""
    town = Town()
    attacked = attack.begin(town) or ATTACKED
    before = {token.authorization_id: token for token in town.world.registry.tokens}

    report = town.run()
    town.live(DAY, every=3 * HOUR)

    said = [
        outcome
        for each in (report, town.reports[-1])
        for outcome in each.outcomes
        if outcome.name == attacked
    ]
    (first, last) = said
    assert (first.ending, first.reason) == (attack.ending, attack.reason)
    assert attack.words in first.message
    if attack.ending is not Ending.SETTLED:
        assert first.actions == last.actions == ()
        assert (last.ending, last.reason) == (attack.ending, attack.reason)
        assert (str(attacked), attack.reason) in told(town)
    now = {token.authorization_id: token for token in town.world.registry.tokens}
    for victim in town.victims.values():
        assert now[victim.authorization_id] == before[victim.authorization_id]
    for made in (now[identity] for identity in now.keys() - before.keys()):
        # Only the attacker's own token was ever renewed, as what it is.
        assert made.display_name.endswith(ATTACKED.mark)
        assert made == replace(
            made,
            owner=town.own.owner,
            scope=NARROW,
            accounts=(town.world.organization(ORGANIZATION).account_id,),
        )
    assert not unprintable(town)


@pytest.mark.parametrize("age", [40 * DAY, 5 * DAY], ids=["expired", "alive"])
@pytest.mark.parametrize("value", ["its own value", "a dead value"])
def test_a_secret_gets_nothing_but_what_was_marked_for_it(value: str, age: timedelta) -> None:
    """I6: who names an older token of the secret itself gets that one's scope, and no other."""
    town = Town()
    middle = Placement(FEED, OPEN, scope="vso.code vso.packaging", age=age)
    older = plant(town.world, middle)
    if value == "a dead value":
        town.paste(value)
    town.claim(older)
    before = {token.authorization_id for token in town.world.registry.tokens}

    town.live(15 * DAY, every=6 * HOUR)

    tokens = town.world.registry.tokens
    made = [token for token in tokens if token.authorization_id not in before]
    assert {token.scope for token in made} <= {older.scope, NARROW}
    assert all(token.display_name.endswith(ATTACKED.mark) for token in made)
    assert {*town.victims.values()} <= {*tokens}


def told(town: Town) -> set[tuple[str, str | None]]:
    """Give the secrets that the events of a stage are about, each with the reason."""
    return {(f"{event.vault}/{event.secret}", event.reason) for event in town.events}


def unprintable(town: Town) -> list[str]:
    """Give the messages that could play tricks on a terminal, or flood it."""
    outcomes = [outcome.message for report in town.reports for outcome in report.outcomes]
    events = [text for event in town.events for text in event.as_dict().values()]
    lines = [json.dumps(event.as_dict()) for event in town.events]
    return [
        text
        for text in {*outcomes, *events, *lines}
        if len(text) > LONGEST_MESSAGE or any(unicodedata.category(c)[0] == "C" for c in text)
    ]
