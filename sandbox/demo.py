"""``make demo``: a story in which tokens are rotated, a crash is healed, and no pipeline notices.

The product runs as it would in real life: as separate processes that know nothing but their
settings and talk HTTPS. Only their clock is handed to them. The story ends with an account of what
happened, and non-zero if anything in it is not as it should be.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import requests
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.clock import Clock, ShiftedClock
from sandbox.content import Properties
from sandbox.functions import Functions
from sandbox.furniture import OWNER, VAULT, Placement, place, recorded_id
from sandbox.https import Sandbox
from sandbox.person import Page, Person
from sandbox.pipeline import Consumer, Pipelines
from sandbox.product import Product, never
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.product import Fatal, Ran
    from sandbox.token import Token

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE = 48 * HOUR
STRICT = "fabrikam"
"""An organization whose administrators have set policies."""
CRASHING = "deploy-crash"

EXPECTED = {
    "feed-fresh": ("settled", []),
    "feed-due": ("settled", ["renew"]),
    "agent-extend": ("settled", ["extend"]),
    "agent-at-wall": ("settled", ["extend", "renew"]),
    "portal-watched": ("watched", []),
    "wiki-mistagged": ("rejected", []),
    "admin-refused": ("failed", []),
    "feed-lost": ("settled", ["renew"]),
    "mirror-found": ("settled", ["renew"]),
    "feed-restored": ("settled", ["adopt"]),
    CRASHING: ("settled", ["prove"]),  # seven is its hour of the day
}
"""What the first run is to do with each secret."""


class DemoError(Exception):
    """Something is not as the story says."""


def main() -> int:
    """Tell the story.

    Returns:
        0 if all of it came true, 1 otherwise.
    """
    console = Console(highlight=False, soft_wrap=True)
    with ExitStack() as opened:
        clock = ShiftedClock()
        clock.advance(_until_morning(clock()))
        world = furnish(clock)
        sandbox = opened.enter_context(Sandbox(world))
        os.environ.update(sandbox.environment)
        if console.is_terminal:  # the product writes into a pipe, which has no width
            os.environ["COLUMNS"] = str(console.width)
        story = Story(world, clock, sandbox, console)
        try:
            story.tell(opened)
        except DemoError as exc:
            console.print(Text(f"The story went wrong: {exc}", style="bold red"))
            return 1
    return 0


def _until_morning(now: datetime) -> timedelta:
    """Give the time until the next run at seven past seven, so that the story is always alike."""
    morning = now.replace(hour=7, minute=7, second=0, microsecond=0)
    return morning - now if morning > now else morning + DAY - now


def furnish(clock: Clock) -> World:
    """Make a world with every kind of secret that the rotator meets."""
    world = World(clock)
    world.add_vault(VAULT)
    ada = world.add_user(OWNER)
    world.add_organization("contoso", [ada])
    strict = world.add_organization(STRICT, [ada])
    strict.policy = replace(strict.policy, max_lifespan=30 * DAY, restrict_full_scope=True)
    for placement in (
        Placement("feed-fresh", age=DAY),
        Placement("feed-due", scope="vso.packaging", age=25 * DAY),
        Placement("agent-extend", mode="extend", scope="vso.agentpools_manage", age=25 * DAY),
        Placement("agent-at-wall", mode="extend", organization=STRICT, age=25 * DAY),
        Placement("portal-watched", mode="watch", age=3 * DAY, is_recorded=False),
        Placement("wiki-mistagged", age=5 * DAY, tags={"pat-lifetime-days": "a month"}),
        Placement("admin-refused", scope="app_token", organization=STRICT, age=25 * DAY),
        Placement("feed-lost", age=5 * DAY),
        Placement("mirror-found", age=2 * DAY, is_recorded=False, is_short=True),
        Placement(CRASHING, scope="vso.build", age=18.9 * DAY),
    ):
        place(world, placement)
    _restore(world)
    return world


def _restore(world: World) -> None:
    """Rotate a token, then paste its old value back, with the tags of the newer version."""
    vault = world.vault(VAULT)
    old = place(world, Placement("feed-restored", age=10 * DAY))
    new = place(world, Placement("feed-restored", age=2 * HOUR))
    tags = {**vault.newest("feed-restored").tags, "pat-authorization-id": recorded_id(new)}
    vault.set("feed-restored", old.value, Properties(tags=tags), created_at=world.clock() - HOUR)


class Story:
    """The chapters, in their order."""

    def __init__(
        self, world: World, clock: ShiftedClock, sandbox: Sandbox, console: Console
    ) -> None:
        """Take the stage."""
        self.world = world
        self.clock = clock
        self.sandbox = sandbox
        self.console = console
        self.product = Product(world, clock)
        self.killed: set[str] = set()
        """Values of tokens that an administrator revoked."""

    def tell(self, opened: ExitStack) -> None:
        """Tell all chapters, with the pipelines at work from beginning to end.

        Raises:
            DemoError: something is not as it should be.
        """
        self.pipelines = self._hire(opened)
        self._connect()
        self._first_run()
        self._crash()
        self._heal()
        self._two_days()
        self._account()

    def _connect(self) -> None:
        self._chapter("Ada connects: one sign-in in a browser, at the product's page.")
        ada = Person(self.world.tenant.users[OWNER])
        with (
            Functions(self.sandbox.environment, self.clock.offset) as functions,
            requests.Session() as browser,
        ):
            begun = browser.get(f"{functions.url}/sign-in?start=now", allow_redirects=False)
            answer = ada.sign_in(browser, begun.headers["Location"])
            cookie = {"Cookie": begun.headers["Set-Cookie"].split(";")[0]}
            page = browser.post(answer.action, data=answer.fields, headers=cookie)
        told = Page.read(page.text).text
        self.product.heard += [functions.log, told]
        self._check("You are connected" in told, f"the page says: {told}")
        self._say("Connected. From now on the product keeps her session alive by itself.")

    def _first_run(self) -> None:
        self._chapter("An administrator revokes the token of feed-lost. The hourly run comes.")
        lost = self._current("feed-lost")
        self.killed.add(lost.value)
        self.world.registry.amend(lost.authorization_id, revoked=True)
        ran = self._run()
        self._show_run(ran, "what it did with each secret")
        self._expect(EXPECTED, ran)
        again = self._run()
        changed = [s["secret"] for s in again.secrets if {*s["actions"]} - {"prove"}]
        self._check(not changed, f"a second run directly after it changed {changed}")
        self._say("A second run directly after it changed nothing.")

    def _crash(self) -> None:
        self._chapter(f"A day later {CRASHING} is due. The run is killed between create and store.")
        self.clock.advance(29 * HOUR)
        before = self._current(CRASHING)
        ran = self._run(
            is_fatal=lambda call: call.operation == "create_pat" and len(self._bound(CRASHING)) > 1
        )
        self._check(ran.code == -signal.SIGKILL, f"the run ended with {ran.code}, not by SIGKILL")
        self._check(self._current(CRASHING) == before, "the killed run stored something")
        strays = [token for token in self._bound(CRASHING) if token != before]
        self._check(len(strays) == 1, f"the killed run left {len(strays)} strays instead of 1")
        self._say("Killed. A token was made and never stored; the secret holds its old one.")

    def _heal(self) -> None:
        self._chapter("The next run knows nothing of the crash. It looks, and goes on.")
        ran = self._run()
        self._expect({CRASHING: ("settled", ["renew"])}, ran)
        self._say(f"{CRASHING} is renewed; the stray is left until its grace period is over.")

    def _two_days(self) -> None:
        self._chapter("Two days pass. Jobs hold on to previous tokens until their grace is over.")
        self.clock.advance(47 * HOUR)
        retired = self._retired()
        self._check(bool(retired), "nothing was retired when the grace was over")
        self._check(CRASHING not in retired, f"{CRASHING} lost its predecessor in its grace")
        self._say(f"After 47 hours, retired: the predecessors of {', '.join(retired)};")
        self._say(f"that of {CRASHING} is still in its grace, and its jobs still use it.")
        self.clock.advance(2 * HOUR)
        retired = self._retired()
        self._check(retired == [CRASHING], f"retired were those of {retired}")
        self._say(f"After 49 hours, retired: the predecessor of {CRASHING}, and the stray.")

    def _retired(self) -> list[str]:
        """Run, and tell which secrets had a token retired."""
        return [s["secret"] for s in self._run().secrets if "retire" in s["actions"]]

    def _account(self) -> None:
        self._chapter("The account")
        self.console.print(self.product.start("status").output)
        self._show_timeline()
        tally, strays = self.pipelines.tally, self._strays()
        self._say(
            f"The pipelines used the newest token {tally.uses} times and one in grace "
            f"{tally.held_uses} times: {len(tally.failures)} failures. ({tally.excused} more uses "
            "met the token that the administrator had revoked, before the run replaced it.)"
        )
        self._say(f"Living tokens beyond those current and in grace: {len(strays)}.")
        self._check(not tally.failures, f"pipelines failed: {tally.failures[:5]}")
        self._check(tally.held_uses > 0, "no pipeline held on to an older token")
        self._check(not strays, f"{len(strays)} tokens live on")
        leaked = self.world.leaks_in("\n".join(self.product.heard))
        self._check(not leaked, f"{leaked} values were given away in the product's output")
        self._say("Values given away in anything that the product wrote: 0.")

    # --- The product, as a process -------------------------------------------------------------

    def _run(self, is_fatal: Fatal = never) -> Ran:
        """Run the product once, with the pipelines at work all the while, and once more after."""
        stop = threading.Event()
        worker = threading.Thread(target=self.pipelines.work_until, args=[stop])
        worker.start()
        try:
            return self.product.start("run", "--output", "json", is_fatal=is_fatal)
        finally:
            stop.set()
            worker.join()
            with requests.Session() as http:
                self.pipelines.work(http)

    def _hire(self, opened: ExitStack) -> Pipelines:
        """Give every secret that holds a token a pipeline that lives on it."""
        credential = opened.enter_context(
            ManagedIdentityCredential(client_id=self.world.tenant.identity.client_id)
        )
        client = opened.enter_context(
            SecretClient(
                self.sandbox.vault_urls[VAULT],
                credential,
                api_version="7.6",
                verify_challenge_resource=False,
            )
        )
        strict = {"agent-at-wall", "admin-refused"}
        return Pipelines(
            [
                Consumer(VAULT, name, STRICT if name in strict else "contoso", GRACE)
                for name in EXPECTED
            ],
            {VAULT: client},
            self.sandbox.devops_url,
            self.clock,
            is_excused=lambda value: value in self.killed,
        )

    # --- Looking at the world itself, not at what the product says -----------------------------

    def _current(self, secret: str) -> Token:
        token = self.world.token_in(VAULT, secret)
        if token is None:
            message = f"{secret} holds no token at all"
            raise DemoError(message)
        return token

    def _bound(self, secret: str) -> list[Token]:
        mark = f"[{VAULT}/{secret}]"
        return [token for token in self.world.living_tokens() if token.display_name.endswith(mark)]

    def _strays(self) -> list[Token]:
        """Give the living tokens that are neither current nor in their grace period."""
        now, vault = self.clock(), self.world.vault(VAULT)
        return [
            token
            for newest in vault.list_secrets()
            for token in self._bound(newest.name)
            if token.value != newest.value and now - newest.created_at > GRACE
        ]

    # --- Telling -------------------------------------------------------------------------------

    def _chapter(self, title: str) -> None:
        self.console.print()
        self.console.rule(Text(title), align="left")

    def _say(self, sentence: str) -> None:
        self.console.print(Text(sentence))

    def _check(self, is_so: bool, otherwise: str) -> None:  # noqa: FBT001 - a fact
        if not is_so:
            raise DemoError(otherwise)

    def _expect(self, expected: Mapping[str, tuple[str, list[str]]], ran: Ran) -> None:
        found = {s["secret"]: (s["outcome"], s["actions"]) for s in ran.secrets}
        for secret, outcome in expected.items():
            self._check(
                found.get(secret) == outcome,
                f"{secret} ended as {found.get(secret)}, expected {outcome}",
            )

    def _show_run(self, ran: Ran, title: str) -> None:
        table = Table("Secret", "Outcome", "Done", "Why", title=title, box=None, pad_edge=False)
        for secret in ran.secrets:
            done = ", ".join(secret["actions"]) or "-"
            table.add_row(secret["secret"], secret["outcome"], done, Text(secret["message"]))
        self.console.print(table)

    def _show_timeline(self) -> None:
        table = Table("Time", "Event", "Secret", "Reason", title="what happened", box=None)
        for event in self.product.events:
            if not event["event"].startswith("Scan"):
                table.add_row(
                    event["time"],
                    event["event"],
                    event.get("secret", "-"),
                    event.get("reason", ""),
                )
        self.console.print(table)


if __name__ == "__main__":
    sys.exit(main())
