"""The commands: ``python -m rotation …``. Thin: they wire, call and show.

Results go to stdout, everything else to stderr. Exit codes: 0 fine, 1 something failed or needs a
person, 2 usage or settings.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rotation import __version__
from rotation.cli import audit, doctor, looking, owners
from rotation.cli.frame import FINE, NEEDS_SOMEBODY, WRONG_USAGE
from rotation.console.terminal import complain
from rotation.errors import RotationError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.ports import Clock

__all__ = ["commands", "entry", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="pat-rotation", prog_name="rotation")
def commands() -> None:
    """Keep the Azure DevOps personal access tokens in Key Vault fresh.

    The settings are environment variables, the same as the app settings of the function app.

    Exit codes: 0 fine, 1 something failed or needs a person, 2 usage or settings.
    """


for _command in (
    looking.run,
    looking.plan,
    looking.status,
    audit.audit,
    doctor.doctor,
    owners.connect,
    owners.disconnect,
):
    commands.add_command(_command)


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
        complain("interrupted; what was begun is found and finished by the next run")
        return NEEDS_SOMEBODY
    except SettingsError as exc:
        complain(*exc.faults, hint=exc.hint)
        return WRONG_USAGE
    except RotationError as exc:
        complain(str(exc.args[0]), hint=exc.hint)
        return NEEDS_SOMEBODY
    return code or FINE


def entry() -> None:
    """Be the program ``rotation``: end the process with the exit code."""
    sys.exit(main())
