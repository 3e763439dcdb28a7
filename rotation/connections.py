"""What an operator does about an owner's session: wait until it is there, and end it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.dependents import Dependents, dependents
from rotation.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotation.model import Defaults
    from rotation.ports import SecretStore, SessionStore

PAUSE = timedelta(seconds=2)
"""Between two looks at the session vault."""


@dataclass(frozen=True)
class Connections:
    """The sessions as an operator sees them: when, and since when; never their values."""

    sessions: SessionStore
    secrets: SecretStore
    vaults: Sequence[str]
    defaults: Defaults
    sleep: Callable[[float], None]

    def signed_in_at(self, owner: str) -> datetime | None:
        """Tell when ``owner`` last signed in to a session that is still there, without using it."""
        versions = self.sessions.versions(owner)
        times = [v.signed_in_at for v in versions if v.enabled and v.signed_in_at]
        return max(times, default=None)

    def wait(self, owner: str, since: datetime | None, patience: timedelta) -> datetime | None:
        """Wait until ``owner`` has signed in: the function tries a session before it saves it.

        Args:
            owner: user principal name in lower case.
            since: the last sign-in that is known already, as ``signed_in_at`` tells it.
            patience: how long.

        Returns:
            When they signed in; None if they did not.
        """
        for _ in range(max(1, patience // PAUSE)):
            with suppress(UnavailableError):  # the person may be in the middle of it
                signed_in_at = self.signed_in_at(owner)
                if signed_in_at and signed_in_at != since:
                    return signed_in_at
            self.sleep(PAUSE.total_seconds())
        return None

    def dependents(self, owner: str) -> Dependents:
        """Tell what stops being renewed when the session of ``owner`` ends."""
        return dependents(owner, self.secrets, self.vaults, self.defaults)

    def end(self, owner: str) -> bool:
        """End the session of ``owner``; tell whether there was one."""
        return self.sessions.delete(owner)
