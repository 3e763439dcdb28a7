"""The commands: ``python -m rotation …``. Thin: they wire, call and show.

Results go to stdout, everything else to stderr. Exit codes: 0 fine, 1 something failed or needs a
person, 2 usage or settings.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from rotation import __version__, console, settings
from rotation.errors import RotationError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotation.ports import Clock
    from rotation.rotator import Rotator

FINE, NEEDS_SOMEBODY, WRONG_USAGE = 0, 1, 2

output_option = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How results are written to stdout.",
)


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
    clock: Clock | None, work: Callable[[Rotator, Callable[[int, int], None]], Any], verb: str
) -> Any:  # noqa: ANN401 - whatever the work gives
    for name in settings.unknown_names():
        console.complain(f"{name} is not a setting of this version and has no effect")
    chosen = settings.load()
    _log_events()
    from rotation import wiring

    with (
        console.progress(verb) as tell,
        wiring.open_service(chosen, clock or wiring.now) as service,
    ):
        return work(service.rotator, tell)


def _log_events() -> None:
    """Write events to stderr, one JSON object a line, beside any progress that is shown there."""
    logger = logging.getLogger("rotation")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [console.LogLines()]


def _show(output: str, result: dict[str, Any], draw: Callable[[], None]) -> None:
    try:
        if output == "json":
            click.echo(json.dumps(result, indent=2))
        else:
            draw()
    except OSError as exc:
        message = f"the result cannot be written: {exc.strerror}"
        raise RotationError(message, hint="what the command was to do, is done") from None
