"""Random lives: people do anything, time passes, runs come and go, and what must hold, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from tests.story.course import Course
from tests.story.estate import ORGANIZATIONS, OWNERS, PLACEMENTS, VAULTS
from tests.story.people import EDITS, PASTES
from tests.story.stage import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    Tally = Callable[[str, int], None]

LIVES, STEPS = 150, 30
FULL = 20
"""How many times as many lives the full form of the proof has."""

NAMES = st.sampled_from(list(PLACEMENTS))
TOKENS = st.integers(0, 30)
"""Which of the living tokens, counted from the newest, and round and round."""
SELDOM = st.sampled_from([False, False, True])


class Life(Course):
    """One life of an estate: at each step somebody does something, or a run does."""

    # --- Secrets -------------------------------------------------------------------------------

    @rule(name=NAMES, edit=st.sampled_from([(tag, text) for tag in EDITS for text in EDITS[tag]]))
    def edit(self, name: str, edit: tuple[str, str | None]) -> None:
        """Write a tag, or take it off."""
        self.disturb()
        self.people.edit(name, *edit)

    @rule(name=NAMES)
    def order(self, name: str) -> None:
        """Stop a leak."""
        self.disturb()
        self.people.order(name)

    @rule(source=NAMES, name=NAMES)
    def copy_tags(self, source: str, name: str) -> None:
        """Copy the tags of another secret, or its own."""
        self.disturb()
        self.people.copy_tags(source, name)

    @rule(name=NAMES, age=st.sampled_from([0, 0, 1, 2]), is_off=SELDOM)
    def switch(self, name: str, age: int, *, is_off: bool) -> None:
        """Switch a version off or on."""
        self.disturb()
        self.people.switch(name, age, is_enabled=not is_off)

    @rule(
        name=NAMES,
        kind=st.sampled_from(PASTES),
        tags=st.sampled_from(["copied", "copied", "none", "identified"]),
    )
    def paste(self, name: str, kind: str, tags: str) -> None:
        """Paste a value."""
        self.disturb()
        self.people.paste(name, self.people.value(name, kind), tags)

    @rule(name=NAMES, age=st.integers(1, 4))
    def restore(self, name: str, age: int) -> None:
        """Paste an older value back."""
        self.disturb()
        self.people.restore(name, age)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        """Delete a secret."""
        self.disturb()
        self.people.delete(name)

    @rule(name=NAMES)
    def recover(self, name: str) -> None:
        """Take it out of the trash."""
        self.disturb()
        self.people.recover(name)

    @rule(name=st.one_of(st.none(), NAMES))
    def mend(self, name: str | None) -> None:
        """Put a secret in order, or all of them."""
        self.disturb()
        for each in [name] if name else PLACEMENTS:
            self.people.mend(each)

    # --- Tokens --------------------------------------------------------------------------------

    @rule(which=TOKENS, sleeps=st.booleans())
    def kill(self, which: int, *, sleeps: bool) -> None:
        """Let a token die."""
        self.disturb()
        if token := self.people.choose(which):
            (self.people.put_to_sleep if sleeps else self.people.revoke)(token)

    @rule(which=TOKENS, mark=st.one_of(st.none(), NAMES))
    def rename(self, which: int, mark: str | None) -> None:
        """Give a token a mark, or none."""
        self.disturb()
        if token := self.people.choose(which):
            self.people.rename(token, mark)

    @rule(which=TOKENS)
    def narrow(self, which: int) -> None:
        """Take scopes from a token."""
        self.disturb()
        if token := self.people.choose(which):
            self.people.narrow(token)

    # --- Everything around ---------------------------------------------------------------------

    @rule(
        organization=st.sampled_from(ORGANIZATIONS),
        policy=st.one_of(
            st.tuples(st.just("max_lifespan"), st.sampled_from([None, 2 * DAY, 20 * DAY])),
            st.tuples(st.sampled_from(["restrict_full_scope", "restrict_creation"]), SELDOM),
            st.tuples(st.just("has_public_project"), st.booleans()),
        ),
    )
    def set_policy(self, organization: str, policy: tuple[str, object]) -> None:
        """Change a policy."""
        self.disturb()
        self.people.set_policy(organization, *policy)

    @rule(owner=st.sampled_from(OWNERS), organization=st.sampled_from(ORGANIZATIONS), leaves=SELDOM)
    def move(self, owner: str, organization: str, *, leaves: bool) -> None:
        """Let an owner leave an organization, or return to it."""
        self.disturb()
        (self.estate.leave if leaves else self.estate.rejoin)(owner, organization)

    @rule(
        owner=st.sampled_from(OWNERS),
        demand=st.sampled_from([None, "interaction_required", "consent_required"]),
    )
    def end_session(self, owner: str, demand: str | None) -> None:
        """End a session."""
        self.disturb()
        self.people.end_session(owner, demand)

    @rule(owner=st.sampled_from(OWNERS))
    def sign_in(self, owner: str) -> None:
        """Sign in again."""
        self.disturb()
        self.estate.people.connect(owner)

    @rule(
        vault=st.sampled_from(VAULTS),
        permission=st.sampled_from(["list", "get", "set", "update"]),
        is_taken=SELDOM,
    )
    def permit(self, vault: str, permission: str, *, is_taken: bool) -> None:
        """Give the rotator a permission, or take it away."""
        self.disturb()
        self.people.permit(vault, permission, is_allowed=not is_taken)


@pytest.mark.exhaustive
def test_whatever_people_do(tally: Tally, *, is_proof: bool) -> None:
    """Nobody loses a token that nobody killed, and what the rotator says of it all is true."""
    Life.counted.clear()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES * (FULL if is_proof else 1),
            stateful_step_count=STEPS,
            # A life is long: that it takes time is no sign of a bad generator.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    for what, count in Life.counted.items():
        tally(what, count)
