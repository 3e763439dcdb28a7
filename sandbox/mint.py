"""Ids and secret values that look like the real ones, the same for the same seed."""

from __future__ import annotations

import random
import string
import uuid

_SMALL = string.ascii_lowercase + string.digits
_MIXED = string.ascii_letters + string.digits


class Mint:
    """Makes ids and values; two mints with one seed make the same ones in the same order."""

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to ``seed``."""
        self._random = random.Random(seed)  # noqa: S311 - made-up secrets, equal at every run

    def guid(self) -> str:
        """Make a GUID, in lower case."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def version_id(self) -> str:
        """Make the id of a Key Vault version: 32 hex digits."""
        return f"{self._random.getrandbits(128):032x}"

    def token_value(self) -> str:
        """Make a PAT of today's form.

        It has 84 characters, the first 52 random, with the signature ``AZDO`` at 76 to 80
        (Azure DevOps documentation, *Use personal access tokens*).
        """
        return f"{self.opaque(52)}{self.opaque(24)}AZDO{self.opaque(4)}"

    def short_token_value(self) -> str:
        """Make a PAT of the form that was issued before: 52 lower-case letters and digits."""
        return "".join(self._random.choices(_SMALL, k=52))

    def opaque(self, length: int) -> str:
        """Make ``length`` letters and digits."""
        return "".join(self._random.choices(_MIXED, k=length))

    def between(self, lowest: int, highest: int) -> int:
        """Choose a whole number, both ends included."""
        return self._random.randint(lowest, highest)
