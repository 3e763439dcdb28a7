"""What is asked of the rotator: an order, as a message of the request queue carries it.

Pure. A message is one JSON object; ``read`` takes it apart with all its faults at once, and
``Order.as_json`` writes it. No message ever carries a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from rotation.errors import OrderError, plain
from rotation.model import OWNER, Mode, SecretName
from rotation.scope import faults_of
from rotation.tags import ORGANIZATION_NAME, format_instant

if TYPE_CHECKING:
    from datetime import datetime

LIFE = timedelta(days=1)
"""An order that is older than that is refused: whoever asked has asked for something else since."""
FIRST_YEAR, LAST_YEAR = 2000, 3000
"""Between them orders are given."""
NAME_LENGTH = 100
"""Characters of a display name without its binding mark."""


class Verb(StrEnum):
    """What can be asked for: the ``action`` of a message."""

    SETTLE = "settle"
    """Settle one secret, if it needs anything: what a scan asks for, and no operator's order."""
    ISSUE = "issue"
    ADOPT = "adopt"
    ROTATE = "rotate"
    RETIRE = "retire"


class Extent(StrEnum):
    """How far an order to retire goes."""

    NOW = "now"
    """The tokens before the next version lose their grace: a leak."""
    ALTOGETHER = "altogether"
    """The secret is given up: disabled, its tokens revoked, its tags removed."""


@dataclass(frozen=True)
class Arguments:
    """What an order says beside the secret; each is None or False where it says nothing."""

    organization: str | None = None
    owner: str | None = None
    """User principal name in lower case."""
    scope: str | None = None
    """The scopes, separated by blanks, in a stable order."""
    lifetime_days: int | None = None
    mode: Mode | None = None
    display_name: str | None = None
    """Of the token to issue, without the binding mark."""
    authorization_id: str | None = None
    """The token to adopt, lower case."""
    extent: Extent | None = None
    """How far to retire."""
    allow_wider: bool = False
    """Whether the new scope may have more in it than the present one."""

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes as a set; empty if the order names none."""
        return frozenset((self.scope or "").split())

    def as_dict(self) -> dict[str, Any]:
        """Give what the order says, as in its message."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True)
class Order:
    """One thing that somebody, or a scan, asks for about one secret."""

    verb: Verb
    name: SecretName
    version: str | None
    """The version that was newest when it was asked for; None if there was no such secret."""
    requested_by: str
    """Who asked, as they say."""
    requested_at: datetime
    arguments: Arguments = field(default_factory=Arguments)

    @property
    def title(self) -> str:
        """The order in the words of the command: ``retire --now``."""
        extent = self.arguments.extent
        return f"{self.verb} --{extent}" if extent else str(self.verb)

    def as_dict(self) -> dict[str, Any]:
        """Give the stable form of a message."""
        return {
            "action": str(self.verb),
            "vault": self.name.vault,
            "secret": self.name.name,
            "secret_version": self.version,
            "arguments": self.arguments.as_dict(),
            "requested_by": self.requested_by,
            "requested_at": format_instant(self.requested_at),
        }


def _matching(pattern: re.Pattern[str], expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def _scope(text: str) -> str:
    if faults := faults_of(text):
        raise ValueError("; ".join(faults))
    return " ".join(sorted(set(text.split())))


def _of_our_time(instant: datetime) -> datetime:
    if not FIRST_YEAR <= instant.year < LAST_YEAR:  # at the ends, no other time zone can be counted
        raise ValueError("expected a date of our time")
    return instant


_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_KEY_VAULT_NAME = _matching(
    re.compile(r"[0-9A-Za-z-]{1,127}"), "letters, digits and hyphens, at most 127"
)
_VERSION = _matching(re.compile(r"[0-9A-Za-z]{1,64}"), "the id of a version")
_ORGANIZATION = _matching(ORGANIZATION_NAME, "the name of an organization")
_OWNER = _matching(OWNER, "a user principal name such as ada@example.com")
_AUTHORIZATION_ID = _matching(_GUID, "an authorization id: a GUID")
_TITLE = _matching(re.compile(r"[^\[\]\x00-\x1f\x7f]+"), "a name without brackets")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Arguments(_Strict):
    """As ``Arguments``, from outside."""

    organization: Annotated[str, _ORGANIZATION] | None = None
    owner: Annotated[str, _OWNER, AfterValidator(str.lower)] | None = None
    scope: Annotated[str, AfterValidator(_scope)] | None = None
    lifetime_days: Annotated[int, Field(strict=True, ge=1, le=364)] | None = None
    mode: Literal["regenerate", "extend"] | None = None
    display_name: Annotated[str, Field(max_length=NAME_LENGTH), _TITLE] | None = None
    authorization_id: Annotated[str, _AUTHORIZATION_ID, AfterValidator(str.lower)] | None = None
    extent: Extent | None = None
    allow_wider: Annotated[bool, Field(strict=True)] = False


TAKES: dict[Verb, frozenset[str]] = {
    Verb.SETTLE: frozenset(),
    Verb.ISSUE: frozenset(
        {"organization", "owner", "scope", "lifetime_days", "mode", "display_name"}
    ),
    Verb.ADOPT: frozenset({"authorization_id"}),
    Verb.ROTATE: frozenset({"scope", "lifetime_days", "allow_wider"}),
    Verb.RETIRE: frozenset({"extent"}),
}
"""The arguments of each verb."""
NEEDS: dict[Verb, frozenset[str]] = {
    Verb.ISSUE: frozenset({"scope"}),
    Verb.ADOPT: frozenset({"authorization_id"}),
    Verb.RETIRE: frozenset({"extent"}),
}
"""Those that it cannot do without."""


class _Message(_Strict):
    """As ``Order``, from outside."""

    action: Verb
    vault: Annotated[str, _KEY_VAULT_NAME]
    secret: Annotated[str, _KEY_VAULT_NAME]
    secret_version: Annotated[str, _VERSION] | None = None
    arguments: _Arguments = _Arguments()
    requested_by: Annotated[str, Field(max_length=256)] = ""
    requested_at: Annotated[AwareDatetime, AfterValidator(_of_our_time)]

    @model_validator(mode="after")
    def _check_together(self) -> _Message:
        given = self.arguments.model_fields_set
        needed = NEEDS.get(self.action, frozenset())
        faults = [f"{self.action} takes no {name}" for name in sorted(given - TAKES[self.action])]
        faults += [f"{self.action} needs {name}" for name in sorted(needed - given)]
        if self.action not in {Verb.SETTLE, Verb.ISSUE} and not self.secret_version:
            faults.append(
                f"{self.action} needs secret_version: the newest version when it was asked"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self


def read(text: str) -> Order:
    """Read an order from its message.

    Raises:
        OrderError: it is none; the message names every fault, and quotes nothing.
    """
    try:
        message = _Message.model_validate_json(text)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False, include_context=False)
        faults = [_fault(error) for error in found]
    else:
        arguments = message.arguments.model_dump(exclude_none=True)
        if mode := arguments.get("mode"):
            arguments["mode"] = Mode(mode)
        return Order(
            verb=message.action,
            name=SecretName(message.vault, message.secret),
            version=message.secret_version,
            arguments=Arguments(**arguments),
            requested_by=plain(message.requested_by),
            requested_at=message.requested_at.astimezone(UTC),
        )
    raise OrderError(f"not an order: {'; '.join(faults)}", reason="malformed")


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's error details
    if error["type"] == "extra_forbidden":
        return "an unknown key"  # its name comes from outside
    place = ".".join(str(part) for part in error["loc"])
    told = str(error["msg"]).removeprefix("Value error, ")
    told = f"{told[0].lower()}{told[1:]}"
    return f"{place}: {told}" if place else told
