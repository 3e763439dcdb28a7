"""The scopes that a token may have, as Azure DevOps publishes them. Pure."""

from __future__ import annotations

FULL = "app_token"
"""The scope of a token that may do whatever its owner may."""


def faults_of(scope: str) -> tuple[str, ...]:
    """Say what is wrong with a scope (names separated by blanks), all at once; empty if nothing."""
    return () if scope.split() else ("a scope is missing",)


def is_within(wanted: frozenset[str], present: frozenset[str]) -> bool:
    """Tell whether a token with ``wanted`` may do no more than one with ``present``."""
    return FULL in present or wanted <= present
