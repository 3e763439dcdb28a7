"""Commands whose help teaches: what it is for, examples that work, then the options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    Example = tuple[str, str]
    """A line as it is typed, and what it is for."""


class Command(click.Command):
    """A command with examples in its help."""

    def __init__(self, *args: Any, examples: Sequence[Example], **kwargs: Any) -> None:  # noqa: ANN401 - click's own
        """Take the ``examples`` beside what click takes."""
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command is for, and the examples below it."""
        super().format_help_text(ctx, formatter)
        show_examples(self.examples, formatter)


class Group(click.Group):
    """The program itself, with examples in its help."""

    def __init__(self, *args: Any, examples: Sequence[Example], **kwargs: Any) -> None:  # noqa: ANN401 - click's own
        """Take the ``examples`` beside what click takes."""
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the program is for, and the examples below it."""
        super().format_help_text(ctx, formatter)
        show_examples(self.examples, formatter)


def show_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """Write examples, each on a line of its own that is never broken, and what it is for."""
    with formatter.section("Examples"):
        for line, purpose in examples:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
            with formatter.indentation(), formatter.indentation():
                formatter.write_text(purpose)
