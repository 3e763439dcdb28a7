"""A figure that was measured, and the goal that it is held to: a row of what ``make bench`` prints.

Each benchmark of that table has a function ``figures()``: it measures, prints its raw numbers, and
gives its rows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of one run."""

    what: str
    """What was measured."""

    against: str
    """What it was measured against in the same run, or how."""

    value: float
    """What came out."""

    unit: str = "x"
    """What it is counted in; a ratio is ``x``."""

    at_most: float | None = None
    """The goal, if less is better."""

    at_least: float | None = None
    """The goal, if more is better."""

    @property
    def is_reached(self) -> bool:
        """Tell whether it keeps to its goal; a figure without one does."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )
