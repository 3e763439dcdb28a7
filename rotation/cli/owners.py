"""The commands that begin and end the session of an owner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, with_service
from rotation.cli.teaching import Command
from rotation.console.owners import show_dependents
from rotation.console.terminal import complain, is_confirmed, waiting
from rotation.errors import RotationError, SettingsError
from rotation.model import OWNER
from rotation.session import SIGN_IN_PERIOD

if TYPE_CHECKING:
    from rotation.cli.frame import Surroundings
    from rotation.wiring import Service


def _user_principal_name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Check the name of an owner, and give it in lower case."""
    if not OWNER.fullmatch(value):
        raise click.BadParameter("expected a user principal name such as ada@example.com")
    return value.lower()


@click.command(
    cls=Command,
    examples=[
        ("rotation connect ada@example.com", "open the page on which she signs in"),
        ("rotation connect ada@example.com --no-browser", "she opens it on another machine"),
    ],
)
@click.argument("owner", callback=_user_principal_name)
@click.option(
    "--timeout",
    type=click.IntRange(1, 60),
    default=10,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for the sign-in.",
)
@click.option("--no-browser", is_flag=True, help="Only say the address; open no browser.")
@click.pass_obj
def connect(around: Surroundings, owner: str, timeout: int, *, no_browser: bool) -> int:
    """Let OWNER sign in, and wait until the session works.

    Says where to sign in, and opens the browser there.
    """

    def connect(service: Service) -> int:
        from rotation import settings

        chosen = settings.load()
        if owner not in chosen.owners:
            kind = "an agent user: nobody signs in" if owner in chosen.all_owners else "no owner"
            hint = f"ROTATION_OWNERS names {', '.join(chosen.owners) or 'nobody'}"
            raise SettingsError((f"{owner} is {kind}",), hint=hint)
        if not chosen.public_url:
            hint = "it says where the pages of the function app are, such as https://APP.azurewebsites.net"
            raise SettingsError(("ROTATION_PUBLIC_URL is missing",), hint=hint)
        connections, address = service.connections, f"{chosen.public_url}/sign-in"
        before = connections.signed_in_at(owner)
        click.echo(f"{owner} signs in at {address}")
        if not no_browser:
            click.launch(address)
        with waiting(f"Waiting for {owner} to sign in"):
            signed_in_at = connections.wait(owner, before, timedelta(minutes=timeout))
        if signed_in_at is None:
            message = f"{owner} has not signed in within {timeout} minutes"
            raise RotationError(message, hint="the page of the browser says what is missing")
        until = signed_in_at + SIGN_IN_PERIOD
        click.echo(f"{owner} is connected; the next sign-in is due by {until:%Y-%m-%d}")
        return FINE

    return with_service(around, connect)


@click.command(
    cls=Command,
    examples=[
        ("rotation disconnect ada@example.com", "say what is not renewed any more, and ask"),
        ("rotation disconnect ada@example.com --yes", "say it, and do not ask"),
    ],
)
@click.argument("owner", callback=_user_principal_name)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def disconnect(around: Surroundings, owner: str, *, yes: bool) -> int:
    """End the session of OWNER.

    Says what is not renewed any more, and asks.
    """

    def disconnect(service: Service) -> int:
        connections = service.connections
        show_dependents(owner, connections.dependents(owner))
        if not yes and not is_confirmed(f"End the session of {owner}?"):
            complain("not confirmed; nothing was done", hint="--yes does not ask")
            return NEEDS_SOMEBODY
        if not connections.end(owner):
            click.echo(f"{owner} has no session.")
            return FINE
        click.echo(
            f"The session of {owner} is ended. Entra still honours its refresh token until an "
            "administrator revokes the person's sessions there; without this rotator's identity "
            "it is of no use."
        )
        return FINE

    return with_service(around, disconnect)
