"""The published limits of the services, and what they say to whoever comes near them.

Key Vault counts, for each vault and in any ten seconds, the secrets that are created, and all other
calls about secrets. Who asks for more gets a 429, which counts no further, and is not told for how
long to stay away (Key Vault documentation, *Service limits* and *Throttling guidance*; the body is
the one that users report).

Azure DevOps counts for each user, in any five minutes, what they use, in a unit of its own, the
TSTU. Who comes near the limit is told so by headers; who is past it is made to wait, and told by
``Retry-After`` when to come again, with a 200, too; who goes on gets a 429 (Azure DevOps
documentation, *Rate and usage limits*). Not published, and so assumed here: what a call uses, how
near is near, how the waiting grows, and where it ends.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from sandbox.fault import Answer, Delay, Extra

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.fault import Call, Kind

VAULT_SPAN = timedelta(seconds=10)
USER_SPAN = timedelta(minutes=5)
LONGEST_DELAY = timedelta(seconds=30)
NEAR = 0.5
"""The part of a user's limit from which on the answers speak of it."""
BLOCKED = 1.5
"""The part of it from which on every answer is a 429."""
CREATE, CHALLENGE = "set_secret", "challenge"
RESOURCE = "TSTUs"


class Usage:
    """What was used in the last seconds or minutes."""

    def __init__(self, span: timedelta) -> None:
        """Begin with nothing; what is older than ``span`` counts no more."""
        self._span = span
        self._uses: deque[tuple[datetime, float]] = deque()

    def at(self, now: datetime) -> float:
        """Tell how much is used at the instant ``now``."""
        while self._uses and self._uses[0][0] <= now - self._span:
            self._uses.popleft()
        # All uses are alike, so that nothing has to be added up.
        return len(self._uses) * self._uses[0][1] if self._uses else 0.0

    def add(self, now: datetime, amount: float = 1.0) -> None:
        """Use something; the same amount each time."""
        self._uses.append((now, amount))

    def below(self, amount: float, now: datetime) -> datetime:
        """Tell when less than ``amount`` is used, if nothing more is."""
        surplus = self.at(now) - amount
        if surplus < 0:
            return now
        count = int(surplus / self._uses[0][1]) + 1
        return self._uses[min(count, len(self._uses)) - 1][0] + self._span


@dataclass
class Limits:
    """The limits of one world."""

    are_enforced: bool = False
    creates: float = 300
    """Secrets that may be created in one vault in ten seconds."""
    calls: float = 4000
    """Other calls about the secrets of one vault in ten seconds."""
    tstus: float = 200
    """What one user may use in five minutes."""
    tstus_a_call: float = 0.1
    """What a call uses: not published. A user's own limit is that of 200 typical users."""
    refused: Counter[str] = field(default_factory=Counter)
    """How often a 429 was given, by the vault or the user whose limit was met."""
    _vaults: defaultdict[tuple[str, bool], Usage] = field(
        default_factory=partial(defaultdict, partial(Usage, VAULT_SPAN)), repr=False
    )
    _users: defaultdict[str, Usage] = field(
        default_factory=partial(defaultdict, partial(Usage, USER_SPAN)), repr=False
    )

    def take(self, call: Call, now: datetime) -> Kind | None:
        """Count a call, unless it is refused, and give what its limit makes of the answer."""
        if not self.are_enforced:
            return None
        if call.service == "key-vault" and call.operation != CHALLENGE:
            return self._of_vault(call, now)
        if call.service == "azure-devops" and call.payer:
            return self._of_user(call.payer, now)
        return None

    def _of_vault(self, call: Call, now: datetime) -> Kind | None:
        vault, is_create = call.target.split("/")[0].lower(), call.operation == CREATE
        usage = self._vaults[vault, is_create]
        if usage.at(now) < (self.creates if is_create else self.calls):
            usage.add(now)
            return None
        self.refused[vault] += 1
        message = (
            "Request was not processed because too many requests were received. "
            "Reason: VaultRequestTypeLimitReached"
        )
        return Answer(429, json.dumps({"error": {"code": "Throttled", "message": message}}))

    def _of_user(self, user: str, now: datetime) -> Kind | None:
        usage = self._users[user]
        if usage.at(now) >= BLOCKED * self.tstus:
            self.refused[user] += 1
            message = (
                "TF400733: The request has been canceled: Request was blocked due to exceeding "
                f"usage of resource {RESOURCE} in namespace {user}."
            )
            body = json.dumps({"$id": "1", "message": message, "errorCode": 0, "eventId": 3000})
            return Answer(429, body, headers=self._headers(usage, now))
        usage.add(now, self.tstus_a_call)
        used = usage.at(now)
        if used < NEAR * self.tstus:
            return None
        headers = self._headers(usage, now)
        if used < self.tstus:
            return Extra(headers)
        part = (used - self.tstus) / ((BLOCKED - 1) * self.tstus)
        delay = LONGEST_DELAY * min(part, 1)
        return Delay(delay, {**headers, "X-RateLimit-Delay": f"{delay.total_seconds():.3f}"})

    def _headers(self, usage: Usage, now: datetime) -> dict[str, str]:
        remaining = max(self.tstus - usage.at(now), 0)
        headers = {
            "X-RateLimit-Resource": RESOURCE,
            "X-RateLimit-Limit": f"{self.tstus:.0f}",
            "X-RateLimit-Remaining": f"{remaining:.0f}",
            "X-RateLimit-Reset": f"{ceil((now + USER_SPAN).timestamp())}",
        }
        wait = usage.below(self.tstus, now) - now
        return headers | ({"Retry-After": f"{ceil(wait.total_seconds())}"} if wait else {})
