"""How the imitated services say no, before it is put into the form of an answer.

Each class holds the machine words of one service; the HTTPS faces write them as that service does,
and the in-process ports translate them to the rotator's own errors.
"""

from __future__ import annotations


class VaultRefusedError(Exception):
    """Key Vault refuses: an HTTP status, an error code and perhaps an inner code."""

    def __init__(self, status: int, code: str, message: str, inner_code: str | None = None) -> None:
        """Keep the parts of Key Vault's error answer."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner_code = inner_code


class TokenRefusedError(Exception):
    """The PAT lifecycle API refuses: its answer is a 200 that carries a ``patTokenError``."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the ``patTokenError`` as ``reason``."""
        super().__init__(message)
        self.reason = reason


class CallerRefusedError(Exception):
    """Azure DevOps does not let this caller in: a status with a body that is no API answer."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP ``status``: 203 and 302 come with a sign-in page, the others with JSON."""
        super().__init__(message)
        self.status = status


class SignInRefusedError(Exception):
    """Entra refuses a grant: the OAuth error, and the number that goes with it."""

    def __init__(self, error: str, number: int, message: str, *, suberror: str = "") -> None:
        """Keep the OAuth ``error`` and the ``number`` that Entra writes as ``AADSTS…``."""
        super().__init__(message)
        self.error = error
        self.number = number
        self.suberror = suberror

    @property
    def description(self) -> str:
        """What Entra writes as ``error_description``."""
        return f"AADSTS{self.number}: {self}"
