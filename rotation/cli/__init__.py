"""The commands: ``python -m rotation …``. Thin: they wire, call and show.

Results go to stdout, everything else to stderr. Exit codes: 0 fine, 1 something failed or needs a
person, 2 usage or settings.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rotation import __version__
from rotation.cli import (
    audit,
    completion,
    doctor,
    events,
    git_credential,
    looking,
    orders,
    owners,
)
from rotation.cli.debugging import place_of, stack_of
from rotation.cli.frame import FINE, NEEDS_SOMEBODY, WRONG_USAGE, Surroundings
from rotation.cli.teaching import Group
from rotation.console.terminal import complain, remark
from rotation.errors import RotationError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.cli.frame import OpenService
    from rotation.ports import Clock

__all__ = ["commands", "entry", "main"]


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=[
        ("rotation status", "how every secret and every owner stands"),
        ("rotation doctor", "whether everything works that is needed"),
        ("rotation rotate --all-expired", "order new tokens for all that have expired"),
        ("rotation rotate --help", "what a command does, with examples"),
    ],
)
@click.version_option(__version__, package_name="pat-rotation", prog_name="rotation")
@click.option("--debug", is_flag=True, help="If something fails, show where, without any values.")
@click.pass_obj
def commands(around: Surroundings, *, debug: bool) -> None:
    """Keep the Azure DevOps personal access tokens in Key Vault fresh.

    The settings are environment variables, the same as the app settings of the function app.

    Exit codes: 0 fine, 1 something failed or needs a person, 2 usage or settings.
    """
    around.is_debugging = debug


for _command in (
    looking.run,
    looking.plan,
    looking.status,
    audit.audit,
    events.events,
    orders.issue,
    orders.adopt,
    orders.rotate,
    orders.retire,
    doctor.doctor,
    owners.connect,
    owners.disconnect,
    git_credential.git_credential,
    completion.completion,
):
    commands.add_command(_command)


def main(
    arguments: Sequence[str] | None = None,
    *,
    clock: Clock | None = None,
    open_service: OpenService | None = None,
) -> int:
    """Carry out one command.

    Args:
        arguments: of the command line, without the program's name; those of the process if None.
        clock: tells the present instant; the real one if None. No setting moves it.
        open_service: puts the product together; the composition root if None.

    Returns:
        The exit code.
    """
    around = Surroundings(clock, open_service)
    try:
        code: int | None = commands.main(
            None if arguments is None else list(arguments),
            prog_name="rotation",
            standalone_mode=False,
            obj=around,
        )
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except click.Abort as exc:
        _debug(around, exc)
        complain("interrupted; what was begun is found and finished by the next run")
        return NEEDS_SOMEBODY
    except SettingsError as exc:
        _debug(around, exc)
        complain(*exc.faults, hint=exc.hint)
        return WRONG_USAGE
    except RotationError as exc:
        _debug(around, exc)
        complain(str(exc.args[0]), hint=exc.hint)
        return NEEDS_SOMEBODY
    except Exception as exc:  # noqa: BLE001 - its words and its stack may hold a value
        _debug(around, exc)
        hint = "" if around.is_debugging else "rotation --debug … shows how it got there"
        complain(f"unexpected {type(exc).__name__} in {place_of(exc)}; please report it", hint=hint)
        return NEEDS_SOMEBODY
    return code or FINE


def entry() -> None:
    """Be the program ``rotation``: end the process with the exit code."""
    sys.exit(main())


def _debug(around: Surroundings, exc: BaseException) -> None:
    """Show where an error came from, if that was asked for."""
    if around.is_debugging:
        for line in stack_of(exc):
            remark(line)
