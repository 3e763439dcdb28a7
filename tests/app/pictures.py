"""Makes the pictures of the status page in docs/pictures again: ``make pictures``.

A world of the sandbox lives through three months with the rotator; what is shown is what the
product's own page tells of it then.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotation.lookout import Lookout
from rotation.model import Defaults
from rotation.page import look
from rotation.rotator import Scope
from sandbox.clock import ManualClock
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.ports import InProcess
from sandbox.world import World
from tests.app.chromium import launched
from tests.app.window import ROOT, Window

if TYPE_CHECKING:
    from pathlib import Path

    from rotation.page.page import Page

PICTURES = ROOT / "docs" / "pictures"
FLEET, SECRET = PICTURES / "status.png", PICTURES / "status-secret.png"
FEED, WEB, STRICT, BOB = "feed-token", "kv-web", "fabrikam", "bob@contoso.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGIN, END = datetime(2026, 8, 24, 7, 7, tzinfo=UTC), datetime(2026, 11, 21, 9, 7, tzinfo=UTC)
PLACEMENTS = (
    Placement(FEED, scope="vso.packaging", age=9 * DAY),
    Placement("nuget-publish", scope="vso.packaging_write", age=3 * DAY),
    Placement("npm-mirror", scope="vso.packaging", age=14 * DAY),
    Placement("agent-pools", mode="extend", scope="vso.agentpools_manage", age=6 * DAY),
    Placement("symbols-upload", scope="vso.symbols_write", age=17 * DAY),
    Placement("terraform-modules", organization=STRICT, age=11 * DAY),
    Placement("portal-deploy", WEB, scope="vso.build_execute", age=1 * DAY),
    Placement("wiki-sync", WEB, scope="vso.wiki", age=13 * DAY),
    Placement("boards-import", WEB, scope="vso.work_write", age=10 * DAY),
    Placement("release-notes", WEB, scope="vso.work", owner=BOB, age=7 * DAY),
    Placement("code-search", WEB, scope="vso.code", age=5 * DAY),
)
SIZES = {FLEET: (1040, 1200), SECRET: (1040, 900)}
"""Of the windows, in pixels of CSS."""
SCALE = 0.85
"""A pixel of CSS in pixels of a picture: a page of documents is no wider than that."""


def lived() -> Lookout:
    """Let a world live, and give somebody who looks at it in the end."""
    clock = ManualClock(BEGIN)
    world = World(clock)
    for vault in (VAULT, WEB):
        world.add_vault(vault)
    people = [world.add_user(upn) for upn in (OWNER, BOB)]
    for organization in (ORGANIZATION, STRICT):
        world.add_organization(organization, people)
    for user in people:
        world.connect(user.upn)
    for placement in PLACEMENTS:
        place(world, replace(placement, tags={"pat-owner": placement.owner}))
    owners = (OWNER, BOB)
    defaults = Defaults(owners, 30 * DAY, 90 * DAY, 48 * HOUR)
    process = InProcess(world, Scope([VAULT, WEB], owners, defaults, 1))
    while clock() < END:
        clock.advance(HOUR)
        for happen in HAPPENS.get(END - clock(), ()):
            happen(world)
        process.rotator.run()
    return Lookout(process.rotator, process.store, process.journal, clock)


def refuse(world: World) -> None:
    """Let Azure DevOps be away for some calls, as the token of ``FEED`` is due."""
    world.faults.add(Fault(unavailable(), "azure-devops", "create_pat", times=3))


def sign_in(world: World) -> None:
    """Let both owners sign in again."""
    for owner in (OWNER, BOB):
        world.connect(owner)


def tag(world: World) -> None:
    """Let somebody put two more secrets under management, and make a mistake with one."""
    place(world, Placement("portal-legacy", WEB, mode="watch", is_recorded=False, age=9 * DAY))
    tags = {"pat-owner": OWNER, "pat-lifetime-days": "a month"}
    place(world, Placement("wiki-backup", WEB, age=5 * DAY, tags=tags))


def leave(world: World) -> None:
    """End the session of the other owner."""
    world.tenant.revoke_sessions(BOB)


HAPPENS = {40 * DAY: [sign_in], 20 * DAY + 18 * HOUR: [refuse], 3 * DAY: [tag], 2 * DAY: [leave]}
"""What the product can do nothing about, and how long before the end."""


def shown(lookout: Lookout, secret: str = "") -> Page:
    """Give a page as somebody sees it who has signed in."""
    request = look.Request({look.PRINCIPAL: "e30="}, {}, "true")
    if secret:
        return look.show_secret(request, VAULT, secret, lambda: lookout)
    return look.show_fleet(request, lambda: lookout)


def main() -> int:
    """Make both pictures."""
    lookout = lived()
    with launched() as browser:
        window = Window(browser.new_page(device_scale_factor=SCALE))
        for path, answer, scheme in (
            (FLEET, shown(lookout), "light"),
            (SECRET, shown(lookout, FEED), "dark"),
        ):
            window.show(answer, scheme=scheme)
            take(window, path)
    return 0


def take(window: Window, path: Path) -> None:
    """Take the upper part of a page."""
    width, height = SIZES[path]
    window.page.set_viewport_size({"width": width, "height": height})
    window.page.screenshot(path=path)


if __name__ == "__main__":
    sys.exit(main())
