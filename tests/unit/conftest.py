"""Fixtures for tests without a world."""

from __future__ import annotations

from tests.stage import loggers

__all__ = ["loggers"]
