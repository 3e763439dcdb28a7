"""The stories: how each begins, and what one run is to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rotation.decision import Action
from rotation.model import SecretName
from rotation.observer import Observer
from rotation.report import Ending
from rotation.schedule import is_hour_of_proof
from sandbox.content import Properties
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place, plant, recorded_id
from tests.story.stage import DAY, HOUR, SECRET, STRANGER, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.decision import Snapshot
    from sandbox.token import Token


DUE = 25 * DAY


@dataclass(frozen=True)
class Plot:
    """A beginning, and the actions of the next run."""

    begin: Callable[[Stage], object]
    actions: tuple[Action, ...] = ()
    ending: Ending = Ending.SETTLED
    is_managed: bool = True
    """Whether the secret is the rotator's business."""

    def stage(self) -> Stage:
        """Set a stage on which the story begins."""
        stage = Stage()
        self.begin(stage)
        stage.use()
        return stage


def renewal(stage: Stage) -> Token:
    """A token is due."""
    return place(stage.world, Placement(SECRET, age=DUE))


def extension(stage: Stage) -> None:
    """A token in mode extend is due."""
    place(stage.world, Placement(SECRET, mode="extend", age=DUE))


def wall(stage: Stage) -> None:
    """A token in mode extend is due, and a lifespan policy lets it gain nothing."""
    _set_policy(stage, max_lifespan=30 * DAY)
    extension(stage)


def refused_extension(stage: Stage) -> None:
    """A token in mode extend is due, and Azure DevOps refuses: full scope is restricted, say."""
    extension(stage)
    stage.refuse("update_pat", "accessDenied")


def retirement(stage: Stage) -> None:
    """A predecessor has outlived its grace."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    place(stage.world, Placement(SECRET, age=3 * DAY))


def retirements(stage: Stage) -> None:
    """A predecessor and a token that was never stored have outlived their grace."""
    retirement(stage)
    plant(stage.world, Placement(SECRET, age=4 * DAY))


def restoration(stage: Stage) -> None:
    """Somebody restored the older value, with the tags of the newer version."""
    old = place(stage.world, Placement(SECRET, age=5 * DAY))
    new = place(stage.world, Placement(SECRET, age=2 * HOUR))
    paste(stage, old.value, recorded=recorded_id(new))


def pasted_with_tags(stage: Stage) -> None:
    """Somebody pasted the value of a token that nobody recorded, with the tags copied."""
    current = place(stage.world, Placement(SECRET, age=5 * DAY))
    pasted = plant(stage.world, Placement(SECRET, age=HOUR))
    paste(stage, pasted.value, recorded=recorded_id(current))


def pasted_without_tags(stage: Stage) -> None:
    """Somebody put a token under management: two tags, and the mark in its name."""
    place(stage.world, Placement(SECRET, age=5 * DAY, is_recorded=False))


def differing_expiry(stage: Stage) -> None:
    """The vault shows another expiry than the token has."""
    place(stage.world, Placement(SECRET, age=2 * DAY))
    wrong = Properties(expires_at=stage.clock() + 3 * DAY)
    stage.world.vault(VAULT).update(SECRET, None, wrong)


def loss(stage: Stage) -> None:
    """An administrator revoked the token."""
    token = place(stage.world, Placement(SECRET, age=5 * DAY))
    stage.kill(token)


def expiry(stage: Stage) -> None:
    """The token expired while nobody ran."""
    token = place(stage.world, Placement(SECRET, age=31 * DAY))
    stage.killed.add(token.authorization_id)


def proof(stage: Stage) -> None:
    """The secret's last renewal failed; it is not tried again yet."""
    attempt = f"1 {stage.clock():%Y-%m-%dT%H:%M:%SZ}"
    place(stage.world, Placement(SECRET, age=DUE, tags={"pat-attempt": attempt}))


def daily_proof(stage: Stage) -> None:
    """It is the secret's hour to be proven."""
    place(stage.world, Placement(SECRET, age=DAY))
    while not is_hour_of_proof(_seen(stage), stage.clock()):
        stage.clock.advance(HOUR)


def silent_death(stage: Stage) -> None:
    """It is the secret's hour to be proven, and its value does not work, though it is listed."""
    daily_proof(stage)
    (token,) = stage.bound(SECRET)
    stage.killed.add(token.authorization_id)
    stage.world.registry.amend(token.authorization_id, asleep=True)


def leak(stage: Stage) -> None:
    """Somebody ordered that the leaked predecessor is not to wait for the end of its grace."""
    leaked = place(stage.world, Placement(SECRET, age=5 * DAY))
    now = recorded_id(place(stage.world, Placement(SECRET, age=2 * HOUR))).split()[1]
    stage.killed.add(leaked.authorization_id)
    tags = {**stage.managed()[0].tags, "pat-retire": f"now {now}"}
    stage.world.vault(VAULT).update(SECRET, None, Properties(tags=tags))


def pasted_bare(stage: Stage) -> None:
    """Somebody pasted a value in the portal, where a new version has no tags."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    pasted = plant(stage.world, Placement(SECRET, age=HOUR))
    stage.world.vault(VAULT).set(SECRET, pasted.value)


def another_owner(stage: Stage) -> None:
    """Somebody named another owner, who has a session too, for a token that is due."""
    stage.people.connect(STRANGER)
    stage.owners.append(STRANGER)
    place(stage.world, Placement(SECRET, age=DUE, tags={"pat-owner": STRANGER}))


def another_organization(stage: Stage) -> None:
    """Somebody named another organization, to which the owner belongs, for a token that is due."""
    stage.world.add_organization("fabrikam", stage.world.tenant.users.values())
    place(stage.world, Placement(SECRET, age=DUE, tags={"pat-organization": "fabrikam"}))


def _seen(stage: Stage) -> Snapshot:
    """Give the snapshot of the secret that a rotator begins with."""
    process = stage.process()
    return Observer(process.ports, process.sessions, stage.scope.defaults).read(
        SecretName(VAULT, SECRET)
    )


def old_session(stage: Stage) -> None:
    """The owner's session was last saved a day ago."""
    place(stage.world, Placement(SECRET, age=DAY))
    stage.clock.advance(25 * HOUR)


def paste(stage: Stage, value: str, *, recorded: str) -> None:
    """Store a value by hand, with the other tags as they were and this record."""
    vault = stage.world.vault(VAULT)
    tags = {**vault.newest(SECRET).tags, "pat-authorization-id": recorded}
    vault.set(SECRET, value, Properties(tags=tags))


def _set_policy(stage: Stage, **policy: object) -> None:
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, **policy)  # type: ignore[arg-type]


PLOTS = {
    "a token is due": Plot(renewal, (Action.RENEW,)),
    "a token in mode extend is due": Plot(extension, (Action.EXTEND,)),
    "an extension meets a wall": Plot(wall, (Action.EXTEND, Action.RENEW)),
    "an extension is refused": Plot(refused_extension, (Action.EXTEND, Action.RENEW)),
    "a predecessor outlived its grace": Plot(retirement, (Action.RETIRE,)),
    "several tokens outlived their grace": Plot(retirements, (Action.RETIRE, Action.RETIRE)),
    "an older value was restored": Plot(restoration, (Action.ADOPT,)),
    "a value was pasted with copied tags": Plot(pasted_with_tags, (Action.RENEW,)),
    "a value was put under management": Plot(pasted_without_tags, (Action.RENEW,)),
    "the vault shows another expiry": Plot(differing_expiry, (Action.REFRESH,)),
    "a token was revoked by somebody else": Plot(loss, (Action.RENEW,)),
    "a token expired unnoticed": Plot(expiry, (Action.RENEW,)),
    "a renewal has failed": Plot(proof, (Action.PROVE,), Ending.FAILED),
    "its hour of proof has come": Plot(daily_proof, (Action.PROVE,)),
    "a token died silently": Plot(silent_death, (Action.PROVE, Action.RENEW)),
    "a leaked token is to be retired now": Plot(leak, (Action.RETIRE,)),
    "a value was pasted without tags": Plot(pasted_bare, is_managed=False),
    "the owner was changed": Plot(another_owner, (), Ending.REJECTED),
    "the organization was changed": Plot(another_organization, (), Ending.REJECTED),
    "a session was not saved for a day": Plot(old_session),
}
