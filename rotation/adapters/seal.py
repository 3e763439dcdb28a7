"""A seal that every instance of the function app can make and break; its key is in a vault.

What is known only until a browser comes back is sealed and given to that browser: nothing is
written for strangers who merely look at the sign-in page. The key is good for nothing else, and a
new one is made when the last one is a day old.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from rotation.adapters.key_vault import ONCE, ask
from rotation.adapters.recovery import write_recovered
from rotation.errors import AccessDeniedError, RejectedError, RotationError
from rotation.model import TokenValue
from rotation.session import LONG_AGO

if TYPE_CHECKING:
    from datetime import datetime

    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

    from rotation.ports import Clock

NAME = "sign-in-key"
CONTENT_TYPE = "application/vnd.pat-rotation.sign-in-key"
RENEW_AFTER = timedelta(days=1)
LIFETIME = timedelta(days=2)
"""A sign-in that was begun with a key ends long before the key does."""
VERSION_LENGTH = 64
"""No id of a version is longer: what is, is asked nobody for."""


class VaultSeal:
    """Seals with the newest key, and names the key's version, so that any instance can open it."""

    def __init__(self, client: SecretClient, clock: Clock) -> None:
        """Take a client of the vault that keeps the key."""
        self._client = client
        self._clock = clock
        self._keys: dict[str, TokenValue] = {}
        self._newest: tuple[str, datetime] | None = None
        self._lock = Lock()

    def close(self, text: TokenValue) -> str:
        """See ``Seal``."""
        with self._lock:
            version = self._current()
            token = _cipher(self._keys[version]).encrypt_at_time(
                text.reveal().encode(), self._seconds()
            )
        # Without its padding: the Functions host writes a cookie's `=` as `%3D` (ASP.NET Core,
        # *IResponseCookies.Append*), and that is what the browser would bring back.
        return f"{version}.{token.decode().rstrip('=')}"

    def open(self, sealed: str, lifetime: timedelta) -> str | None:
        """See ``Seal``."""
        version, _, token = sealed.partition(".")
        if not (version.isascii() and version.isalnum() and len(version) <= VERSION_LENGTH):
            return None
        key = self._keys.get(version) or self._read(version)
        if key is None:
            return None
        try:
            padded = token + "=" * (-len(token) % 4)
            text = _cipher(key).decrypt_at_time(
                padded, int(lifetime.total_seconds()), self._seconds()
            )
        except (InvalidToken, ValueError):
            return None
        return text.decode()

    def _current(self) -> str:
        """Give the version of a key that is young enough, and known; make one if there is none."""
        now = self._clock()
        if self._newest and now - self._newest[1] < RENEW_AFTER:
            return self._newest[0]
        found = self._get(None)
        if found is None or now - _made_at(found) >= RENEW_AFTER:
            # Two instances may do this at once: each seals with its own version, and names it.
            found = self._renewed(now)
        version = str(found.properties.version)
        self._keys = {**self._keys, version: TokenValue(found.value or "")}
        self._newest = version, _made_at(found)
        return version

    def _read(self, version: str) -> TokenValue | None:
        found = self._get(version)
        if found is None or self._clock() - _made_at(found) >= LIFETIME:
            return None
        self._keys = {**self._keys, version: TokenValue(found.value or "")}
        return self._keys[version]

    def _renewed(self, now: datetime) -> KeyVaultSecret:
        """Make a new key, also after somebody has deleted the secret."""

        def save() -> KeyVaultSecret:
            return self._client.set_secret(
                NAME,
                Fernet.generate_key().decode(),
                content_type=CONTENT_TYPE,
                expires_on=now + LIFETIME,
                **ONCE,
            )

        def write() -> KeyVaultSecret:
            return ask(NAME, "save", save, is_repeatable=False)

        return write_recovered(self._client, NAME, NAME, write)

    def _get(self, version: str | None) -> KeyVaultSecret | None:
        try:
            return ask(NAME, "read", lambda: self._client.get_secret(NAME, version))
        except RejectedError as exc:
            if version is None and exc.reason != "not-found":
                raise
            return None  # a version that somebody has made up is refused in more than one way
        except AccessDeniedError:
            if not self._is_switched_off(version):
                raise
            return None

    def _is_switched_off(self, version: str | None) -> bool:
        """Tell whether somebody has disabled a key: the newest, if no version is named.

        A disabled one is refused in the same way as everybody without rights.
        """
        try:
            found = ask(
                NAME,
                "list the versions of",
                lambda: list(self._client.list_properties_of_secret_versions(NAME)),
            )
        except RotationError:
            return False
        asked = [key for key in found if version in {None, key.version}]
        newest = max(asked, key=lambda key: key.created_on or LONG_AGO, default=None)
        return newest is not None and newest.enabled is False

    def _seconds(self) -> int:
        return int(self._clock().timestamp())


def _cipher(key: TokenValue) -> Fernet:
    return Fernet(key.reveal())


def _made_at(found: KeyVaultSecret) -> datetime:
    return found.properties.created_on or LONG_AGO
