"""Bad weather: calls that fail by chance, in every way that is documented, and outages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.fault import (
    Answer,
    Delay,
    Drop,
    Faults,
    Truncate,
    redirect,
    refused_token,
    sign_in_page,
    throttled,
    unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    from sandbox.clock import Clock
    from sandbox.fault import Call, Kind

LATE = Delay(timedelta(seconds=45))
ANYWHERE: tuple[Kind, ...] = (
    throttled(30),
    unavailable(),
    Answer(500, "{}"),
    Answer(502, "<html></html>", "text/html"),
    Answer(503, "{}", after_effect=True),
    Answer(504, "{}", after_effect=True),
    Answer(408, "{}"),
    Drop(),
    Drop(after_effect=True),
    Truncate(),
    LATE,
)
BY_SERVICE: dict[str, tuple[Kind, ...]] = {
    "key-vault": (Answer(401, "{}"), Answer(403, "{}")),
    "azure-devops": (
        Answer(401, "{}"),
        Answer(403, "{}"),
        sign_in_page(),
        redirect(),
        Answer(200, "<html></html>", "text/html"),
    ),
    "entra": tuple(
        Answer(400, f'{{"error": "{word}"}}')
        for word in ("invalid_grant", "interaction_required", "temporarily_unavailable")
    ),
}
REFUSALS = tuple(
    map(
        refused_token,
        ("accessDenied", "failedToReadTenantPolicy", "patLifespanPolicyViolation", "invalidScope"),
    )
)


@dataclass(frozen=True)
class Outage:
    """A service that does not answer."""

    service: str
    begins_at: datetime
    ends_at: datetime


class Weather(Faults):
    """The faults of a world in which everything fails now and then."""

    def __init__(
        self,
        clock: Clock,
        chance: Random,
        rate: float,
        anywhere: Sequence[Kind] = ANYWHERE,
    ) -> None:
        """Let nothing fail but by chance as yet.

        Args:
            clock: the world's.
            chance: decides what fails, and how.
            rate: how many calls fail, from 0 to 1.
            anywhere: what goes wrong at any service, beside what each of them has for itself.
        """
        super().__init__()
        self.rate = rate
        self._anywhere = tuple(anywhere)
        self.failed = 0
        """How many calls went wrong by chance."""
        self.unanswered = 0
        """How many calls went into an outage."""
        self.outages: list[Outage] = []
        self._clock = clock
        self._chance = chance

    def take(self, call: Call) -> Kind | None:
        """Give what goes wrong at ``call``, or None."""
        now = self._clock()
        if self.is_outage(now, call.service):
            self.unanswered += 1
            return Drop()
        if call.service not in BY_SERVICE or self._chance.random() >= self.rate:
            return super().take(call)
        self.failed += 1
        kinds = self._anywhere + BY_SERVICE[call.service]
        if call.operation in {"create_pat", "update_pat"}:
            kinds += REFUSALS
        return self._chance.choice(kinds)

    def is_outage(self, instant: datetime, service: str | None = None) -> bool:
        """Tell whether a service is away at an instant; any, if none is named."""
        return any(
            outage.begins_at <= instant < outage.ends_at
            for outage in self.outages
            if service in {None, outage.service}
        )
