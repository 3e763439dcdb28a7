"""The errors, one class per reaction.

::

    RotationError                 .hint: what a person should do next
    ├── SettingsError             fix it; every bad setting at once
    ├── ServiceError              .service .operation .status
    │   ├── UnavailableError      no usable answer to an idempotent call; the next run tries again
    │   ├── AccessDeniedError     somebody must grant something
    │   ├── RejectedError         a clear no; .reason says which
    │   └── OutcomeUnknownError   a create without an answer: never repeated, the next run looks
    ├── SessionError              .reason: a person must sign in, or an administrator must act
    ├── SignInError               a sign-in in the browser came to nothing; .reason says why
    ├── OrderError                an order is refused for good; .reason says why
    ├── VerificationError         a stored or new token does not work
    ├── OverrunError              a settling took too long; the next run goes on
    ├── BusyError                 not its turn: come again when .wait is over
    └── LockHeldError             another run has it: leave quietly

Messages are lower case, without a full stop, and name the thing and the place. No message, and no
attribute, ever carries a value. What a service says is quoted in them, so they are plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


def plain(text: str) -> str:
    """Put a blank for whatever is no plain text: a terminal might obey it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class RotationError(Exception):
    """The root: everything that the rotator itself raises on purpose."""

    reason = "failed"
    """One machine word, for events and alerts."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Say what is wrong (``message``) and what a person should do next (``hint``)."""
        super().__init__(plain(message))
        self.hint = hint

    def __str__(self) -> str:
        """Join the message and the hint."""
        message = str(self.args[0])
        return f"{message}; {self.hint}" if self.hint else message


class SettingsError(RotationError):
    """Settings are missing or wrong; nothing was touched, and trying again does not help."""

    reason = "misconfigured"

    def __init__(self, faults: tuple[str, ...], *, hint: str = "") -> None:
        """Take all ``faults`` at once; each names the setting, what it is and what was expected."""
        super().__init__("; ".join(faults), hint=hint)
        self.faults = faults


class ServiceError(RotationError):
    """A remote service did not do what it was asked."""

    def __init__(
        self,
        message: str,
        *,
        service: str,
        operation: str,
        status: int | None = None,
        hint: str = "",
    ) -> None:
        """Name the ``service``, its ``operation`` and the HTTP ``status``, if there was one."""
        super().__init__(message, hint=hint)
        self.service = service
        self.operation = operation
        self.status = status


class UnavailableError(ServiceError):
    """No usable answer to an idempotent call; the next run tries again."""

    reason = "unavailable"


class AccessDeniedError(ServiceError):
    """The service knows us and refuses; somebody must grant something."""

    reason = "access-denied"


class RejectedError(ServiceError):
    """A clear no: the request was understood and refused."""

    def __init__(
        self, message: str, *, service: str, operation: str, reason: str, hint: str = ""
    ) -> None:
        """Keep the service's own machine word for the refusal as ``reason``."""
        super().__init__(message, service=service, operation=operation, hint=hint)
        self.reason = plain(reason)


class OutcomeUnknownError(ServiceError):
    """A call that must not be repeated got no answer: it may have taken effect."""

    reason = "outcome-unknown"


class SessionError(RotationError):
    """The owner's session does not work; somebody must act."""

    def __init__(self, message: str, *, reason: str = "sign-in-needed", hint: str = "") -> None:
        """Say who must act by ``reason``: ``sign-in-needed`` or ``administrator-needed``."""
        super().__init__(message, hint=hint)
        self.reason = reason


class SignInError(RotationError):
    """A sign-in in the browser came to nothing, and nothing was saved."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        """Give one machine word for why as ``reason``."""
        super().__init__(message, hint=hint)
        self.reason = reason


class OrderError(RotationError):
    """An order is refused for good."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        """Give one machine word for why as ``reason``."""
        super().__init__(message, hint=hint)
        self.reason = reason


class VerificationError(RotationError):
    """A token does not work although it should."""

    reason = "proof-failed"


class OverrunError(RotationError):
    """A settling took too long and makes no further call; the next run finds what it left."""

    reason = "too-slow"


class BusyError(RotationError):
    """Not now: a service would be asked for more than it allows. Nothing was begun."""

    reason = "busy"

    def __init__(self, message: str, *, wait: timedelta) -> None:
        """Say how long to ``wait`` before it is worth coming again."""
        super().__init__(message)
        self.wait = wait


class LockHeldError(RotationError):
    """Another run holds this secret, or has taken it over."""

    reason = "lock-held"
