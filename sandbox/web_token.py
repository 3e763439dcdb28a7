"""JSON web tokens in form only: the sandbox never trusts what is written in one.

Whoever checks a token looks its value up in the tenant's ledger; the claims are there for clients
that read them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(claims: Mapping[str, object], key: str) -> str:
    """Write ``claims`` as a JSON web token, signed by HMAC with ``key``."""
    head = f"{_segment({'typ': 'JWT', 'alg': 'HS256'})}.{_segment(claims)}"
    return f"{head}.{_base64(hmac.digest(key.encode(), head.encode(), hashlib.sha256))}"


def encode_object(value: Mapping[str, object]) -> str:
    """Write a JSON object as base64url without padding, as Entra writes ``client_info``."""
    return _segment(value)


def digest(text: str) -> str:
    """Give the SHA-256 of a text as base64url without padding, as PKCE's S256 writes it."""
    return _base64(hashlib.sha256(text.encode()).digest())


def _segment(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
