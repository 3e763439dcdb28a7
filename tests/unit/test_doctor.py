"""The doctor in process: what stands around the rotator, rights, and policies by their effects."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation.diagnosis import LATER, Diagnosis
from rotation.doctor import Doctor, Installation
from rotation.doctor.installation import PYTHONS, versions
from rotation.doctor.vault import grant
from rotation.errors import AccessDeniedError, RotationError, UnavailableError
from rotation.model import Defaults, SecretName
from sandbox.clock import ManualClock
from sandbox.content import Properties
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.ports import MemoryLocks, WorldIssuer, WorldSessionStore, WorldStore, sessions_of
from sandbox.report import describe
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
CLIENT = "0a1b2c3d-0000-4000-8000-000000000001"
OTHER_VAULT = "kv-web"
VAULTS = (VAULT, OTHER_VAULT)
PLACE = f"{OWNER} in {ORGANIZATION}"


@dataclass
class OneIdentity:
    """An identity, or the want of one."""

    error: RotationError | None = None

    def name(self) -> str:
        """See ``Identity``."""
        if self.error:
            raise self.error
        return CLIENT


@dataclass
class Shed:
    """A storage in which some things are missing."""

    missing: set[str] = field(default_factory=set)
    error: RotationError | None = None
    is_closed: bool = False
    """Whether nothing can be made in it."""
    tables: tuple[str, ...] = ("RotationEvents", "RotationLocks")
    queue: str = "rotation-requests"

    def has_table(self, name: str) -> bool:
        """See ``StorageCheck``."""
        if self.error:
            raise self.error
        return name not in self.missing

    def has_queue(self) -> bool:
        """See ``StorageCheck``."""
        return self.has_table(self.queue)

    def create(self) -> tuple[str, ...]:
        """See ``StorageCheck``."""
        if self.is_closed:
            raise DENIED
        made = tuple(sorted(self.missing))
        self.missing.clear()
        return made


DENIED = AccessDeniedError(
    "cannot read: 403", service="x", operation="read", hint="grant the identity its role"
)
AWAY = UnavailableError("no answer", service="x", operation="read")


@pytest.fixture
def world() -> World:
    """Give a world with two vaults, a secret in each, and a connected owner."""
    world = World(ManualClock(datetime(2026, 11, 22, 7, 0, tzinfo=UTC)))
    for vault in VAULTS:
        world.add_vault(vault)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    place(world, Placement("feed", age=DAY))
    place(world, Placement("site", vault=OTHER_VAULT, age=DAY))
    return world


@pytest.fixture
def locks() -> MemoryLocks:
    """Give the locks that all processes share."""
    return MemoryLocks()


@pytest.fixture
def installation(world: World, locks: MemoryLocks) -> Installation:
    """Give an installation in perfect order."""
    return Installation(
        identity=OneIdentity(),
        locks=locks,
        session_vault="kv-sessions",
        session_store=WorldSessionStore(world),
        people=(OWNER,),
        storage=Shed(),
        public_url="https://pats.contoso.example",
    )


def examined(
    world: World, installation: Installation | None, *, mends: bool = False
) -> list[Diagnosis]:
    """Give all that the doctor says of this world."""
    return list(_examine(world, installation, mends=mends))


def _examine(
    world: World, installation: Installation | None, *, mends: bool
) -> Iterator[Diagnosis]:
    sessions = sessions_of(world, [OWNER])
    issuer = WorldIssuer(world, sessions.access_token)
    defaults = Defaults((OWNER,), 30 * DAY, 90 * DAY, 2 * DAY)
    doctor = Doctor(
        WorldStore(world), issuer, sessions, world.clock, VAULTS, [OWNER], defaults, installation
    )
    for diagnosis in doctor.examine(mends=mends):
        assert bool(diagnosis.fix) is (diagnosis.severity != "fine")
        assert diagnosis.message
        assert not diagnosis.message.endswith(".")
        yield diagnosis


def about(found: list[Diagnosis], subject: str) -> dict[str, Diagnosis]:
    """Give what is said of one thing, by its words."""
    return {each.finding: each for each in found if each.subject == subject}


def one(found: list[Diagnosis], subject: str) -> tuple[str, str, str]:
    """Give the word, the severity and the fix of the only thing that is said of one thing."""
    ((word, diagnosis),) = about(found, subject).items()
    return word, str(diagnosis.severity), diagnosis.fix


def test_everything_is_tried(world: World, installation: Installation) -> None:
    """One line each, in an order in which the first thing that fails explains the others."""
    found = examined(world, installation)

    assert [(each.subject, each.finding) for each in found] == [
        ("versions", "supported"),
        ("identity", "admitted"),
        ("session vault kv-sessions", "read"),
        ("storage", "complete"),
        ("pages", "located"),
        ("vault kv-build", "listed"),
        ("vault kv-build", "read"),
        ("vault kv-build", "written"),
        ("vault kv-web", "listed"),
        ("vault kv-web", "read"),
        ("vault kv-web", "written"),
        (OWNER, "connected"),
        (PLACE, "admitted"),
        ("clock", "in-step"),
    ]
    assert {each.severity for each in found} == {"fine"}


def test_each_vault_is_listed_once(world: World, installation: Installation) -> None:
    """However many owners there are."""
    examined(world, installation)

    listed = [call.target for call in world.calls if call.operation == "list_secrets"]
    assert listed == [VAULT, OTHER_VAULT]


def test_nothing_changes(world: World, installation: Installation) -> None:
    """The write that shows the right to write leaves everything as it was."""
    before = {name: what for name, what in describe(world).items() if name != "calls"}
    versions_before = world.vault(VAULT).versions("feed")

    examined(world, installation, mends=True)

    assert before == {name: what for name, what in describe(world).items() if name != "calls"}
    after = world.vault(VAULT).versions("feed")
    changed = [replace(version, updated_at=versions_before[0].updated_at) for version in after]
    assert tuple(changed) == versions_before


class TestAroundTheRotator:
    """Identity, storage, session vault, pages, versions."""

    def test_without_an_installation_nothing_is_written(self, world: World) -> None:
        """Nobody could tell that no run is at work."""
        found = examined(world, None)

        assert about(found, f"vault {VAULT}").keys() == {"listed", "read"}
        assert "update_secret" not in {call.operation for call in world.calls}

    def test_the_identity_is_named(self, world: World, installation: Installation) -> None:
        """So that somebody can grant it something."""
        message = about(examined(world, installation), "identity")["admitted"].message

        assert message == f"{CLIENT} gets tokens for Key Vault"

    def test_no_identity(self, world: World, installation: Installation) -> None:
        """Is an error, and the rest is tried all the same."""
        nobody = replace(installation, identity=OneIdentity(DENIED))

        found = examined(world, nobody)

        assert one(found, "identity") == ("access-denied", "error", "grant the identity its role")
        assert about(found, PLACE)

    def test_no_storage(self, world: World, installation: Installation) -> None:
        """A note: what is lost."""
        found = examined(world, replace(installation, storage=None))

        assert one(found, "storage") == ("no-storage", "note", "set ROTATION_STORAGE")
        assert "locks hold within one process" in about(found, "storage")["no-storage"].message

    def test_what_a_storage_lacks(self, world: World, installation: Installation) -> None:
        """Is named, and made only when that is asked for."""
        shed = Shed({"RotationEvents", "rotation-requests"})
        lacking = replace(installation, storage=shed)

        found = about(examined(world, lacking), "storage")["missing"]

        assert found.message == "there is no table RotationEvents, no queue rotation-requests"
        assert found.severity == "warning"
        assert "`rotation doctor --fix`" in found.fix
        assert shed.missing
        made = about(examined(world, lacking, mends=True), "storage")["made"]
        assert made.message == "made: RotationEvents, rotation-requests"
        assert not shed.missing
        assert one(examined(world, lacking), "storage")[0] == "complete"

    @pytest.mark.parametrize(
        ("shed", "word"),
        [
            (Shed(error=AWAY), "unavailable"),
            (Shed({"RotationLocks"}, is_closed=True), "access-denied"),
        ],
    )
    def test_a_storage_that_fails(
        self, world: World, installation: Installation, shed: Shed, word: str
    ) -> None:
        """Whether it is looked at or something is made in it."""
        found = examined(world, replace(installation, storage=shed), mends=True)

        assert one(found, "storage")[:2] == (word, "error")

    def test_a_session_vault_that_refuses(self, world: World, installation: Installation) -> None:
        """Is an error of its own, beside those of the owners."""
        world.session_vault.permissions.discard("get")

        assert one(examined(world, installation), "session vault kv-sessions")[:2] == (
            "access-denied",
            "error",
        )

    def test_nobody_knows_where_to_sign_in(self, world: World, installation: Installation) -> None:
        """A warning with a command, if there is anybody who would sign in."""
        lost = replace(installation, public_url=None)

        word, severity, fix = one(examined(world, lost), "pages")

        assert (word, severity) == ("no-public-url", "warning")
        assert "`az functionapp config appsettings set " in fix
        assert not about(examined(world, replace(lost, people=())), "pages")

    @pytest.mark.parametrize(
        ("python", "word"),
        [
            ((3, 10, 14), "unsupported-python"),
            ((3, 11, 0), "supported"),
            ((3, 13, 9), "supported"),
            ((3, 14, 0), "unsupported-python"),
        ],
    )
    def test_versions(self, python: tuple[int, ...], word: str) -> None:
        """What runs is told, and whether it is supported."""
        told = versions(python)

        assert told.finding == word
        assert f"Python {'.'.join(map(str, python))}, rotation " in told.message
        assert "azure-keyvault-secrets 4." in told.message
        assert bool(told.fix) is (word != "supported")

    def test_the_supported_range_is_that_of_the_package(self) -> None:
        """Said once more, since a deployed function has no package metadata."""
        project = Path(__file__).parents[2] / "pyproject.toml"
        (low, high) = (".".join(map(str, version)) for version in PYTHONS)

        asked = tomllib.loads(project.read_text())["project"]["requires-python"]
        assert asked == f">={low},<{high}"

    def test_a_package_that_is_not_there_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not everything is needed everywhere."""
        monkeypatch.setattr("rotation.doctor.installation.PACKAGES", ("no-such-package", "msal"))

        told = versions().message

        assert "no-such-package" not in told
        assert ", msal " in told


class TestVaults:
    """What the identity may do in each vault, and what is in it."""

    def test_a_right_to_write_is_missing(self, world: World, installation: Installation) -> None:
        """It is seen by the effect alone."""
        world.vault(VAULT).permissions.discard("update")

        found = about(examined(world, installation), f"vault {VAULT}")

        assert found.keys() == {"listed", "read", "access-denied"}
        assert found["access-denied"].severity == "error"

    @pytest.mark.parametrize(
        ("error", "command"),
        [
            (DENIED, True),
            (AWAY, False),
            (AccessDeniedError("no", service="x", operation="y", hint="open the firewall"), False),
        ],
    )
    def test_a_role_is_offered_where_it_helps(self, error: RotationError, *, command: bool) -> None:
        """As a command, with the identity if it is known."""
        assert bool(grant(VAULT, CLIENT, error)) is command
        if command:
            assert f"--assignee {CLIENT} " in grant(VAULT, CLIENT, error)
            assert "--assignee IDENTITY " in grant(VAULT, None, error)
            assert """--assignee 'o'"'"'hara@a.example' """ in grant(
                VAULT, "o'hara@a.example", error
            )

    def test_a_vault_that_cannot_be_listed(self, world: World, installation: Installation) -> None:
        """Is not tried any further."""
        world.vault(VAULT).permissions.discard("list")

        assert one(examined(world, installation), f"vault {VAULT}")[:2] == (
            "access-denied",
            "error",
        )

    @pytest.mark.parametrize("is_disabled", [True, False])
    def test_nothing_to_try(
        self, world: World, installation: Installation, *, is_disabled: bool
    ) -> None:
        """A vault without an enabled managed secret is not tried, and it is said."""
        if is_disabled:
            world.vault(VAULT).update("feed", None, Properties(enabled=False))
        else:
            world.vault(VAULT).delete("feed")

        found = about(examined(world, installation), f"vault {VAULT}")

        assert found.keys() == {"listed", "not-tried"}
        assert found["not-tried"].severity == "note"

    def test_a_secret_that_is_being_worked_on_is_left_alone(
        self, world: World, installation: Installation, locks: MemoryLocks
    ) -> None:
        """Another one is tried; if there is none, nothing is."""
        with locks.hold(SecretName(VAULT, "feed")):
            assert "not-tried" in about(examined(world, installation), f"vault {VAULT}")
            place(world, Placement("other", age=DAY))

            found = about(examined(world, installation), f"vault {VAULT}")

        assert found["written"].message == f"the tags of {VAULT}/other can be written"

    def test_a_watched_secret_is_tried_first(
        self, world: World, installation: Installation
    ) -> None:
        """Nobody but people ever writes its tags."""
        place(world, Placement("watched", mode="watch", age=DAY))

        found = about(examined(world, installation), f"vault {VAULT}")

        assert found["read"].message == f"{VAULT}/watched can be read"

    def test_faulty_tags_are_counted(self, world: World, installation: Installation) -> None:
        """With the first few: what a lifetime over the maximum is, too."""
        for number in range(5):
            tags = {"pat-lifetime-days": "91"}
            place(world, Placement(f"wrong-{number}", age=DAY, tags=tags))

        found = about(examined(world, installation), f"vault {VAULT}")["mis-tagged"]

        assert found.severity == "warning"
        assert found.message.startswith(
            "secrets with faulty tags: 5: wrong-0: tag pat-lifetime-days is '91', expected a whole "
            "number from 1 to 90; wrong-1: "
        )
        assert found.message.endswith("; and 2 more")
        assert "`rotation plan`" in found.fix


class TestOwners:
    """Sessions, access, policies."""

    def test_who_must_sign_in(self, world: World, installation: Installation) -> None:
        """With the command that says where; the clocks cannot be compared then."""
        world.tenant.revoke_sessions(OWNER)

        found = examined(world, installation)

        assert one(found, OWNER) == (
            "sign-in-needed",
            "error",
            f"`rotation connect {OWNER}` says where {OWNER} signs in",
        )
        assert one(found, "clock")[:2] == ("not-compared", "note")

    def test_a_session_of_which_nothing_can_be_said(
        self, world: World, installation: Installation
    ) -> None:
        """The service that redeems it is away."""
        world.faults.add(Fault(unavailable(), service="entra", times=None))

        assert one(examined(world, installation), OWNER) == ("unavailable", "error", LATER)

    def test_who_is_no_member(self, world: World, installation: Installation) -> None:
        """A refusal of the list tells that the access level is missing."""
        world.organization(ORGANIZATION).members.clear()

        word, severity, fix = one(examined(world, installation), PLACE)

        assert (word, severity) == ("access-denied", "error")
        assert f"`az devops user add --email-id {OWNER} --license-type express " in fix

    def test_azure_devops_is_away(self, world: World, installation: Installation) -> None:
        """No access level helps against that."""
        world.faults.add(Fault(unavailable(), service="azure-devops", times=None))

        word, _, fix = one(examined(world, installation), PLACE)

        assert (word, fix) == ("unavailable", LATER)

    def test_a_lifespan_policy_shows(self, world: World, installation: Installation) -> None:
        """By a life that is shorter than what is asked for; what is only watched says nothing."""
        place(world, Placement("short", lifetime=7 * DAY, age=DAY))
        place(world, Placement("rounded", lifetime=30 * DAY - timedelta(hours=23)))
        place(world, Placement("extended", mode="extend", lifetime=7 * DAY))
        place(world, Placement("watched", mode="watch", lifetime=7 * DAY))
        place(world, Placement("asked", lifetime=7 * DAY, tags={"pat-lifetime-days": "7"}))

        found = about(examined(world, installation), PLACE)

        assert found.keys() == {"admitted", "lifespan-policy"}
        policy = found["lifespan-policy"]
        assert policy.severity == "warning"
        assert "asked for: kv-build/short has 7 of 30 days; that is" in policy.message
        assert "pat-lifetime-days, or ROTATION_LIFETIME_DAYS, to 7;" in policy.fix

    def test_full_access_will_be_refused(self, world: World, installation: Installation) -> None:
        """Where a policy restricts it: the first few are named."""
        for number in range(5):
            place(world, Placement(f"wide-{number}", scope="app_token", age=DAY))

        found = about(examined(world, installation), PLACE)["full-scope"]

        assert found.severity == "warning"
        assert "kv-build/wide-0, kv-build/wide-1, kv-build/wide-2, and 2 more;" in found.message
        assert '`rotation rotate kv-build/wide-0 --scope "SCOPES"`' in found.fix

    def test_a_token_for_all_organizations_stops(
        self, world: World, installation: Installation
    ) -> None:
        """It is an error: nothing renews it."""
        place(world, Placement("everywhere", is_global=True, age=DAY))

        found = about(examined(world, installation), PLACE)["all-organizations"]

        assert found.severity == "error"
        assert "kv-build/everywhere;" in found.message
        assert f"`rotation issue kv-build/everywhere --organization {ORGANIZATION} " in found.fix

    def test_what_was_switched_off_is_not_renewed(
        self, world: World, installation: Installation
    ) -> None:
        """So no policy bites; nor is anything said of a token that no secret says it holds."""
        place(world, Placement("wide", scope="app_token", age=DAY))
        world.vault(VAULT).update("wide", None, Properties(enabled=False))
        place(world, Placement("loose", scope="app_token", is_recorded=False, age=DAY))

        assert about(examined(world, installation), PLACE).keys() == {"admitted"}
