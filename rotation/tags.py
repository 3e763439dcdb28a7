"""The tags of a managed secret: the only file that spells their names.

``parse`` reads them, with all faults at once; the other functions give the tags that a version is
to carry next. Everybody else's tags are always carried over.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from rotation.model import DIGEST_LENGTH, NAMES_LIMIT, Attempt, Defaults, Mandate, Mode, Recorded
from rotation.model import OWNER as OWNER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

ROTATION = "pat-rotation"
ORGANIZATION = "pat-organization"
OWNER = "pat-owner"
LIFETIME_DAYS = "pat-lifetime-days"
ROTATE_BEFORE_DAYS = "pat-rotate-before-days"
GRACE_HOURS = "pat-grace-hours"
AUTHORIZATION_ID = "pat-authorization-id"
RETIRE = "pat-retire"
ATTEMPT = "pat-attempt"

OWN = (
    ROTATION,
    ORGANIZATION,
    OWNER,
    LIFETIME_DAYS,
    ROTATE_BEFORE_DAYS,
    GRACE_HOURS,
    AUTHORIZATION_ID,
    RETIRE,
    ATTEMPT,
)
WRITTEN_ON_RENEWAL = frozenset({AUTHORIZATION_ID, ATTEMPT})
HOURS_LIMIT = 364 * 24
NUMBER_LIMIT = 999_999
"""No greater number is read in any tag, so none may be written: counting ends there."""
SHOWN_LENGTH = 40
TAG_LIMIT = 15
"""Tags that Key Vault keeps on a secret (Key Vault documentation, *About secrets*)."""

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DIGEST = rf"[0-9a-f]{{{DIGEST_LENGTH}}}"
# Azure DevOps: letters, digits and hyphens, a letter or digit at both ends, at most 50 characters.
# Nothing that could steer a request to another host or path gets through.
ORGANIZATION_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
_RECORDED = re.compile(rf"({_GUID})(?: ({_DIGEST}))?", re.IGNORECASE)
_RETIRE = re.compile(rf"now ({_DIGEST})", re.IGNORECASE)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def is_managed(tags: Mapping[str, str]) -> bool:
    """Tell whether a secret with these tags is a managed one."""
    return ROTATION in tags


def parse(tags: Mapping[str, str], defaults: Defaults) -> Mandate:
    """Read what the tags of one secret ask for.

    Returns:
        The mandate. What does not parse or contradicts something else is listed in its ``faults``,
        all at once, and then nothing else in it may be acted on.
    """
    return _parsed(tuple(map(tags.get, OWN)), len(tags), defaults)


@lru_cache(maxsize=NAMES_LIMIT)  # the tags of most secrets are the same at every scan
def _parsed(own: tuple[str | None, ...], count: int, defaults: Defaults) -> Mandate:
    tags = {name: text for name, text in zip(OWN, own, strict=True) if text is not None}
    return _Reader(tags, count, defaults).mandate()


def names(tags: Mapping[str, str], authorization_id: str) -> bool:
    """Tell whether a version with these tags names this token, with a digest or without."""
    return tags.get(AUTHORIZATION_ID, "").strip().lower().split(" ")[0] == authorization_id


def recorded_in(tags: Mapping[str, str]) -> Recorded | None:
    """Give what a version's tags record of its token; None if nothing, or nothing that parses."""
    match = _RECORDED.fullmatch(tags.get(AUTHORIZATION_ID, "").strip())
    return Recorded(match[1].lower(), match[2].lower()) if match and match[2] else None


def stored(tags: Mapping[str, str], recorded: Recorded) -> dict[str, str]:
    """Give the tags of a newly stored version: an order and a count of failures end with it."""
    return {**_without(tags, RETIRE, ATTEMPT), **_id_tag(recorded)}


def adopted(tags: Mapping[str, str], recorded: Recorded) -> dict[str, str]:
    """Give the tags that say which token the version holds."""
    return {**tags, **_id_tag(recorded)}


def attempted(tags: Mapping[str, str], attempt: Attempt) -> dict[str, str]:
    """Give the tags that count an attempt."""
    return {**tags, ATTEMPT: f"{attempt.failures} {format_instant(attempt.at)}"}


def succeeded(tags: Mapping[str, str]) -> dict[str, str]:
    """Give the tags without the count of failures."""
    return _without(tags, ATTEMPT)


def hastened(tags: Mapping[str, str], digest: str) -> dict[str, str]:
    """Give the tags that end the grace of the tokens before the version whose value this is."""
    return {**tags, RETIRE: f"now {digest}"}


def given_up(tags: Mapping[str, str]) -> dict[str, str]:
    """Give the tags of a secret that is not managed any more: everybody else's."""
    return _without(tags, *OWN)


@lru_cache(maxsize=2 * NAMES_LIMIT)  # most dates of a scan are those of the one before
def format_instant(instant: datetime) -> str:
    """Write an aware instant as ``2026-11-22T07:00:00Z``."""
    written = instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{written}Z"


def _id_tag(recorded: Recorded) -> dict[str, str]:
    return {AUTHORIZATION_ID: f"{recorded.authorization_id} {recorded.digest}"}


def _without(tags: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name not in names}


class _Reader:
    """Reads tag after tag and collects the faults; a faulty one reads as its default."""

    def __init__(self, tags: Mapping[str, str], count: int, defaults: Defaults) -> None:
        self.tags = tags
        self.count = count
        self.defaults = defaults
        self.faults: list[str] = []

    def mandate(self) -> Mandate:
        mode = self._read(ROTATION, _mode, Mode.REGENERATE)
        longest = self.defaults.max_lifetime.days
        lifetime = self._read(LIFETIME_DAYS, _days(longest), self.defaults.lifetime)
        mandate = Mandate(
            mode=mode,
            organization=self._read(ORGANIZATION, _organization, ""),
            owner=self._owner(mode),
            lifetime=lifetime,
            rotate_before=self._read(ROTATE_BEFORE_DAYS, _days(364), lifetime / 3),
            grace_period=self._read(GRACE_HOURS, _hours, self.defaults.grace_period),
            recorded=self._read(AUTHORIZATION_ID, _recorded, None),
            retire_now=self._read(RETIRE, _retire, None),
            attempt=self._read(ATTEMPT, _attempt, None),
        )
        self._check_together(mandate)
        return replace(mandate, faults=tuple(self.faults))

    def _read(self, name: str, read: Callable[[str], T], default: T) -> T:
        text = self.tags.get(name)
        if text is None:
            return default
        try:
            return read(text.strip())
        except ValueError as exc:
            self.faults.append(f"tag {name} is {_shown(text)}, expected {exc}")
            return default

    def _owner(self, mode: Mode) -> str:
        owners = self.defaults.owners
        if OWNER not in self.tags and len(owners) > 1 and mode is not Mode.WATCH:
            self.faults.append(
                f"tag {OWNER} is missing, expected one of the {len(owners)} in ROTATION_OWNERS"
            )
        return self._read(OWNER, _owner, owners[0] if len(owners) == 1 else "")

    def _check_together(self, mandate: Mandate) -> None:
        if mandate.mode is Mode.WATCH:
            return
        if ORGANIZATION not in self.tags:
            self.faults.append(
                f"tag {ORGANIZATION} is missing, expected the name of an organization"
            )
        is_lifetime_faulty = any(fault.startswith(f"tag {LIFETIME_DAYS} ") for fault in self.faults)
        if mandate.rotate_before >= mandate.lifetime and not is_lifetime_faulty:
            self.faults.append(
                f"tag {ROTATE_BEFORE_DAYS} is {mandate.rotate_before.days}, "
                f"expected less than the lifetime of {mandate.lifetime.days} days"
            )
        if self.count + len(WRITTEN_ON_RENEWAL - self.tags.keys()) > TAG_LIMIT:
            self.faults.append(
                f"{self.count} tags are too many, expected room for "
                f"{' and '.join(sorted(WRITTEN_ON_RENEWAL))} among the {TAG_LIMIT} of Key Vault"
            )


def _shown(text: str) -> str:
    """Show a faulty tag, but nothing long enough to be a token pasted into the wrong place."""
    return ascii(text) if len(text) <= SHOWN_LENGTH else f"a text of {len(text)} characters"


def _mode(text: str) -> Mode:
    try:
        return Mode(text.lower())
    except ValueError:
        raise ValueError(", ".join(Mode)) from None


def _organization(text: str) -> str:
    if not ORGANIZATION_NAME.fullmatch(text):
        message = "the name of an organization: letters, digits and inner hyphens, at most 50"
        raise ValueError(message)
    return text


def _owner(text: str) -> str:
    if not OWNER_NAME.fullmatch(text):
        message = "a user principal name such as ada@example.com"
        raise ValueError(message)
    return text.lower()


def _number(text: str, *, lowest: int = 1, highest: int = NUMBER_LIMIT) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not lowest <= int(text) <= highest:
        message = f"a whole number from {lowest} to {highest}"
        raise ValueError(message)
    return int(text)


def _days(highest: int) -> Callable[[str], timedelta]:
    return lambda text: timedelta(days=_number(text, highest=highest))


def _hours(text: str) -> timedelta:
    return timedelta(hours=_number(text, highest=HOURS_LIMIT))


def _recorded(text: str) -> Recorded | None:
    if not _RECORDED.fullmatch(text):
        message = f"an authorization id and {DIGEST_LENGTH} hex digits, as the rotator writes them"
        raise ValueError(message)
    # An id without the digest of the value that it was recorded for counts as none.
    return recorded_in({AUTHORIZATION_ID: text})


def _retire(text: str) -> str:
    match = _RETIRE.fullmatch(text)
    if not match:
        message = f"'now' and {DIGEST_LENGTH} hex digits, as the order writes them"
        raise ValueError(message)
    return match[1].lower()


def _attempt(text: str) -> Attempt:
    try:
        failures, at = text.split(" ")
        return Attempt(_number(failures, lowest=0), _instant(at))
    except ValueError:
        message = "a count and an instant, as the rotator writes them"
        raise ValueError(message) from None


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text)
