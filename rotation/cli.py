"""The commands: ``python -m rotation …``. Thin: they wire, call and show.

Results go to stdout, everything else to stderr. Exit codes: 0 fine, 1 something failed or needs a
person, 2 usage or settings.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import click

from rotation import __version__, console, settings
from rotation.errors import RotationError, SettingsError
from rotation.model import OWNER
from rotation.session import SIGN_IN_PERIOD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotation.ports import Clock
    from rotation.rotator import Rotator
    from rotation.wiring import Service

T = TypeVar("T")
FINE, NEEDS_SOMEBODY, WRONG_USAGE = 0, 1, 2

output_option = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How results are written to stdout.",
)


def _user_principal_name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Check the name of an owner, and give it in lower case."""
    if not OWNER.fullmatch(value):
        raise click.BadParameter("expected a user principal name such as ada@example.com")
    return value.lower()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="pat-rotation", prog_name="rotation")
def commands() -> None:
    """Keep the Azure DevOps personal access tokens in Key Vault fresh.

    The settings are environment variables, the same as the app settings of the function app.

    Exit codes: 0 fine, 1 something failed or needs a person, 2 usage or settings.
    """


@commands.command()
@output_option
@click.pass_obj
def run(clock: Clock | None, output: str) -> int:
    """Scan once and do what is due, here and now.

    Events go to stderr, one JSON object a line.
    """
    report = _with_rotator(clock, lambda rotator, tell: rotator.run(tell), "Settling")
    _show(output, report.as_dict(), lambda: console.show_run(report))
    return NEEDS_SOMEBODY if report.needs_somebody else FINE


@commands.command()
@output_option
@click.pass_obj
def plan(clock: Clock | None, output: str) -> int:
    """Say what a run would do now, and why; change nothing."""
    fleet = _with_rotator(clock, lambda rotator, tell: rotator.survey(tell), "Looking")
    _show(output, fleet.plan(), lambda: console.show_plan(fleet))
    return NEEDS_SOMEBODY if fleet.needs_somebody else FINE


@commands.command()
@output_option
@click.pass_obj
def status(clock: Clock | None, output: str) -> int:
    """Show every managed secret and every owner.

    Ends with 1 if anything is expired, failing, rejected or blocked, or an owner must sign in.
    """
    fleet = _with_rotator(clock, lambda rotator, tell: rotator.survey(tell), "Looking")
    _show(output, fleet.status(), lambda: console.show_status(fleet))
    return NEEDS_SOMEBODY if fleet.needs_somebody else FINE


@commands.command()
@output_option
@click.pass_obj
def doctor(clock: Clock | None, output: str) -> int:
    """Try every precondition for real, and say how to mend what fails; change nothing.

    Ends with 1 if anything does not work.
    """
    found = _with_service(clock, lambda service: [*service.doctor.examine()])
    _show(output, [vars(diagnosis) for diagnosis in found], lambda: console.show_diagnoses(found))
    return NEEDS_SOMEBODY if any(d.severity == "error" for d in found) else FINE


@commands.command()
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
def connect(clock: Clock | None, owner: str, timeout: int, *, no_browser: bool) -> int:
    """Let OWNER sign in: say where, open the browser, wait until the session works."""

    def connect(service: Service) -> int:
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
        with console.waiting(f"Waiting for {owner} to sign in"):
            signed_in_at = connections.wait(owner, before, timedelta(minutes=timeout))
        if signed_in_at is None:
            message = f"{owner} has not signed in within {timeout} minutes"
            raise RotationError(message, hint="the page of the browser says what is missing")
        until = signed_in_at + SIGN_IN_PERIOD
        click.echo(f"{owner} is connected; the next sign-in is due by {until:%Y-%m-%d}")
        return FINE

    return _with_service(clock, connect)


@commands.command()
@click.argument("owner", callback=_user_principal_name)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def disconnect(clock: Clock | None, owner: str, *, yes: bool) -> int:
    """End the session of OWNER, and say what is not renewed any more."""

    def disconnect(service: Service) -> int:
        connections = service.connections
        console.show_dependents(owner, connections.dependents(owner))
        if not yes and not console.is_confirmed(f"End the session of {owner}?"):
            console.complain("not confirmed; nothing was done", hint="--yes does not ask")
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

    return _with_service(clock, disconnect)


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Carry out one command.

    Args:
        arguments: of the command line, without the program's name; those of the process if None.
        clock: tells the present instant; the real one if None. No setting moves it.

    Returns:
        The exit code.
    """
    try:
        code: int | None = commands.main(
            None if arguments is None else list(arguments),
            prog_name="rotation",
            standalone_mode=False,
            obj=clock,
        )
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except click.Abort:
        console.complain("interrupted; what was begun is found and finished by the next run")
        return NEEDS_SOMEBODY
    except SettingsError as exc:
        console.complain(*exc.faults, hint=exc.hint)
        return WRONG_USAGE
    except RotationError as exc:
        console.complain(str(exc.args[0]), hint=exc.hint)
        return NEEDS_SOMEBODY
    return code or FINE


def entry() -> None:
    """Be the program ``rotation``: end the process with the exit code."""
    sys.exit(main())


def _with_rotator(
    clock: Clock | None, work: Callable[[Rotator, Callable[[int, int], None]], T], verb: str
) -> T:
    def watched(service: Service) -> T:
        with console.progress(verb) as tell:
            return work(service.rotator, tell)

    return _with_service(clock, watched)


def _with_service(clock: Clock | None, work: Callable[[Service], T]) -> T:
    for name in settings.unknown_names():
        console.complain(f"{name} is not a setting of this version and has no effect")
    chosen = settings.load()
    _log_events()
    from rotation import wiring

    with wiring.open_service(chosen, clock or wiring.now) as service:
        return work(service)


def _log_events() -> None:
    """Write events to stderr, one JSON object a line, beside any progress that is shown there."""
    logger = logging.getLogger("rotation")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [console.LogLines()]


def _show(output: str, result: object, draw: Callable[[], None]) -> None:
    try:
        if output == "json":
            click.echo(json.dumps(result, indent=2))
        else:
            draw()
    except OSError as exc:
        message = f"the result cannot be written: {exc.strerror}"
        raise RotationError(message, hint="what the command was to do, is done") from None
