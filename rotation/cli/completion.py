"""The command that teaches a shell to complete the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import write
from rotation.cli.teaching import Command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "rotation"
VARIABLE = "_ROTATION_COMPLETE"
"""In which the shell asks for completions: click derives it from the program's name."""


@click.command(
    cls=Command,
    examples=[
        (
            "rotation completion bash",
            "to be kept as ~/.local/share/bash-completion/completions/rotation",
        ),
        ("rotation completion zsh", "to be kept as a file _rotation in a folder of $fpath"),
        ("rotation completion fish", "to be kept as ~/.config/fish/completions/rotation.fish"),
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that teaches SHELL to complete the commands.

    Options and values are completed, too. Keep it where the shell looks for such scripts, as the
    examples say; no settings are needed.
    """
    from click.shell_completion import get_completion_class

    # click asks the bash that is installed for its version, and a script needs none to be printed
    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter("click knows nothing of this shell", context)
    made = kind(context.find_root().command, {}, PROGRAM, VARIABLE)
    write(lambda: click.echo(made.source_template % made.source_vars()))


def complete_scope(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the last of the scopes that are typed."""
    from click.shell_completion import CompletionItem

    from rotation.scope import SCOPES

    before, blank, last = incomplete.rpartition(" ")
    return [
        CompletionItem(f"{before}{blank}{name}", help=found.allows)
        for name, found in SCOPES.items()
        if name.startswith(last)
    ]
