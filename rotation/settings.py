"""The settings: environment variables in, one frozen object out, or all faults at once.

They are read when a function runs, never when a module is imported: on Flex Consumption the code
starts in a warm process whose environment is replaced later (Azure Functions documentation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from os import environ
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rotation import storage
from rotation.errors import SettingsError
from rotation.model import OWNER, Defaults
from rotation.session import AgentUser, session_secret
from rotation.storage import Storage, StorageFaultsError

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "ROTATION_"
VAULT_DOMAINS = {
    "login.microsoftonline.com": "vault.azure.net",
    "login.microsoftonline.us": "vault.usgovcloudapi.net",
    "login.partner.microsoftonline.cn": "vault.azure.cn",
}
"""Each cloud's authority and its Key Vault domain (Azure documentation, *national clouds*)."""
HTTPS_PORT = 443
STORAGE = "storage"
"""The kind of error that carries all faults of the storage connection."""
DEVOPS_HOSTS = ("dev.azure.com", "vssps.dev.azure.com")

_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_LONG = re.compile(r"(?i:(?<=key=)|(?<=sig=))[^\s;&']+|[A-Za-z0-9_-]{40,}")
_USERINFO = re.compile(r"(//)\S*@|()[^\s/:]+:(?!//)\S+@")
_VAULT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,22}[A-Za-z0-9])?")
_NCRONTAB = re.compile(r"(?:\S+ ){5}\S+")


@dataclass(frozen=True)
class Vault:
    """A vault and where it is."""

    name: str
    """As in binding marks and messages."""
    url: str
    """Without a slash at its end; empty until the cloud's domain is known."""


T = TypeVar("T", bound=BaseSettings)


class FanOutMode(StrEnum):
    """Who settles what a scan has found due."""

    INLINE = "inline"
    """The run itself."""
    QUEUE = "queue"
    """Whoever takes the requests from the queue."""


def _words(value: object) -> tuple[str, ...]:
    """Split a list at commas and blanks."""
    words = tuple(word for word in re.split(r"[\s,]+", str(value)) if word)
    if not words:
        message = "expected at least one"
        raise ValueError(message)
    return words


def _https(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        is_plain = not (parts.query or parts.fragment or "@" in parts.netloc)
        if parts.scheme == "https" and parts.hostname and parts.port != 0 and is_plain:
            return parts.geturl().rstrip("/")
    except ValueError:
        pass  # its words quote what may be a credential
    message = "expected an address that starts with https://, without credentials or query"
    raise ValueError(message)


def _https_host(value: str) -> str:
    url = _https(value)
    if urlsplit(url).path:
        message = f"expected no path after the host in {_shown(value)}"
        raise ValueError(message)
    return url


def _vault(text: str) -> Vault:
    name, _, url = text.strip().rpartition("=")
    if url.startswith("https://"):
        url = _https_host(url)
        name = name or str(urlsplit(url).hostname).split(".")[0]
    else:
        name, url = text.strip(), ""
    if not _VAULT_NAME.fullmatch(name):
        message = f"expected a vault as name, https://host or name=https://host, not {_shown(text)}"
        raise ValueError(message)
    return Vault(name, url)


def _vaults(words: tuple[str, ...]) -> tuple[Vault, ...]:
    vaults = tuple(_vault(word) for word in words)
    _refuse_same([vault.name.casefold() for vault in vaults])
    return vaults


def _refuse_same(things: list[str], kind: str = "vault") -> None:
    if twice := sorted({thing for thing in things if things.count(thing) > 1}):
        message = f"expected each {kind} once, but {', '.join(twice)} is there again"
        raise ValueError(message)


def _agents(value: object) -> tuple[AgentUser, ...]:
    """Read ``upn=<agent identity id>``, several times."""
    agents = []
    for word in _words(value) if value else ():
        upn, _, identity_id = word.partition("=")
        if not (OWNER.fullmatch(upn) and re.fullmatch(_GUID, identity_id)):
            message = f"expected agents as upn=<agent identity id>, not {_shown(word)}"
            raise ValueError(message)
        agents.append(AgentUser(upn.lower(), identity_id.lower()))
    _refuse_same([agent.owner for agent in agents], "agent owner")
    return tuple(agents)


def _owners(value: object) -> tuple[str, ...]:
    words = _words(value) if value else ()
    if wrong := [word for word in words if not OWNER.fullmatch(word)]:
        shown = ", ".join(_shown(word) for word in wrong)
        message = f"expected user principal names such as ada@example.com, not {shown}"
        raise ValueError(message)
    owners = tuple(dict.fromkeys(word.lower() for word in words))
    kept_in: dict[str, str] = {}
    for owner in owners:
        if (other := kept_in.setdefault(session_secret(owner), owner)) != owner:
            message = f"expected no two owners whose sessions are kept alike: {other}, {owner}"
            raise ValueError(message)
    return owners


def _ncrontab(value: str) -> str:
    if not _NCRONTAB.fullmatch(value):
        message = "expected an NCRONTAB expression of six fields, such as 0 7 * * * *"
        raise ValueError(message)
    return value


def _fan_out(value: str) -> FanOutMode:
    if value not in [*FanOutMode]:
        message = f"expected {' or '.join(FanOutMode)}"
        raise ValueError(message)
    return FanOutMode(value)


Url = Annotated[str, AfterValidator(_https)]
HostUrl = Annotated[str, AfterValidator(_https_host)]
Guid = Annotated[str, Field(pattern=rf"^{_GUID}$"), AfterValidator(str.lower)]


class ReadingSettings(BaseSettings):
    """What must be known to read the watched vaults: all that somebody needs who uses the tokens.

    Each attribute is the environment variable of that name after ``ROTATION_``. The order matters:
    a field's check may look at the fields above it.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, env_ignore_empty=True, extra="ignore", validate_default=True
    )

    authority: HostUrl = "https://login.microsoftonline.com"
    devops_url: Url = f"https://{DEVOPS_HOSTS[0]}"
    vaults: Annotated[
        tuple[Vault, ...], NoDecode, BeforeValidator(lambda value: _vaults(_words(value)))
    ]
    managed_identity: Annotated[Guid | None, Field(validation_alias="AZURE_CLIENT_ID")] = None

    @property
    def is_microsoft(self) -> bool:
        """Whether this is one of Microsoft's clouds, and not a look-alike world."""
        return urlsplit(self.authority).hostname in VAULT_DOMAINS

    @field_validator("devops_url")
    @classmethod
    def _in_the_same_world(cls, value: str, info: ValidationInfo) -> str:
        _refuse_mixture(info, urlsplit(value).hostname in DEVOPS_HOSTS)
        return value

    @field_validator("vaults")
    @classmethod
    def _located(cls, value: tuple[Vault, ...], info: ValidationInfo) -> tuple[Vault, ...]:
        located = tuple(_locate(vault, info) for vault in value)
        _refuse_same([_address(vault) for vault in located])
        return located


class Settings(ReadingSettings):
    """All settings, those for reading first."""

    devops_tokens_url: Url = f"https://{DEVOPS_HOSTS[1]}"
    session_vault: Annotated[Vault, NoDecode, BeforeValidator(_vault)]
    tenant_id: Guid
    client_id: Guid
    blueprint_id: Guid | None = None
    agent_owners: Annotated[tuple[AgentUser, ...], NoDecode, BeforeValidator(_agents)] = ()
    owners: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_owners)] = ()
    public_url: HostUrl | None = None
    schedule: Annotated[str, AfterValidator(_ncrontab)] = "0 7 * * * *"
    max_lifetime_days: Annotated[int, Field(ge=1, le=364)] = 90
    lifetime_days: Annotated[int, Field(ge=1, le=364)] = 30
    grace_hours: Annotated[int, Field(ge=1, le=364 * 24)] = 48
    alert_days: Annotated[int, Field(ge=1, le=364)] = 3
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    storage: Annotated[Storage | None, NoDecode] = None
    fan_out: Annotated[FanOutMode, BeforeValidator(_fan_out)] = FanOutMode.INLINE
    instances: Annotated[int, Field(ge=1, le=1000)] = 1
    journal_days: Annotated[int, Field(ge=1, le=3650)] = 400

    @property
    def all_owners(self) -> tuple[str, ...]:
        """The owners of both kinds, those who sign in first."""
        return (*self.owners, *(agent.owner for agent in self.agent_owners))

    @property
    def alert_before(self) -> timedelta:
        """From how long before its expiry a secret that is not renewed is an alert."""
        return timedelta(days=self.alert_days)

    @property
    def journal_period(self) -> timedelta:
        """How long events are kept."""
        return timedelta(days=self.journal_days)

    @property
    def defaults(self) -> Defaults:
        """What the tags of a secret fall back to."""
        return Defaults(
            owners=self.all_owners,
            lifetime=timedelta(days=self.lifetime_days),
            max_lifetime=timedelta(days=self.max_lifetime_days),
            grace_period=timedelta(hours=self.grace_hours),
        )

    @field_validator("devops_tokens_url")
    @classmethod
    def _tokens_in_the_same_world(cls, value: str, info: ValidationInfo) -> str:
        _refuse_mixture(info, urlsplit(value).hostname in DEVOPS_HOSTS)
        return value

    @field_validator("session_vault")
    @classmethod
    def _apart(cls, value: Vault, info: ValidationInfo) -> Vault:
        value = _locate(value, info)
        for watched in info.data.get("vaults", ()):
            is_same = value.name.casefold() == watched.name.casefold()
            if is_same or _address(value) == _address(watched):
                message = "expected a vault of its own: pipelines read the watched ones"
                raise ValueError(message)
        return value

    @field_validator("agent_owners")
    @classmethod
    def _with_blueprint(
        cls, value: tuple[AgentUser, ...], info: ValidationInfo
    ) -> tuple[AgentUser, ...]:
        if value and info.data.get("blueprint_id", ...) is None:
            message = "expected ROTATION_BLUEPRINT_ID beside it: the blueprint they belong to"
            raise ValueError(message)
        return value

    @field_validator("owners")
    @classmethod
    def _somebody(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        agents = info.data.get("agent_owners")
        if not value and agents == ():
            message = "expected at least one"
            raise ValueError(message)
        if twice := sorted({agent.owner for agent in agents or ()} & {*value}):
            message = f"expected people only, but {', '.join(twice)} is an agent owner, too"
            raise ValueError(message)
        return value

    @field_validator("public_url", mode="before")
    @classmethod
    def _hosted(cls, value: object) -> object:
        host = environ.get("WEBSITE_HOSTNAME")
        return value or (f"https://{host}" if host else None)

    @field_validator("storage", mode="before")
    @classmethod
    def _connected(cls, value: object, info: ValidationInfo) -> Storage | None:
        authority = info.data.get("authority")
        host = urlsplit(authority or "").hostname
        is_microsoft = host in VAULT_DOMAINS if authority else None
        try:
            return storage.read(str(value or "").strip(), environ, is_microsoft=is_microsoft)
        except StorageFaultsError as exc:
            raise PydanticCustomError(STORAGE, "storage", {"faults": exc.faults}) from None

    @field_validator("fan_out")
    @classmethod
    def _with_storage(cls, value: FanOutMode, info: ValidationInfo) -> FanOutMode:
        if value is FanOutMode.QUEUE and info.data.get("storage", ...) is None:
            message = "expected ROTATION_STORAGE beside it: the queue is there"
            raise ValueError(message)
        return value

    @field_validator("lifetime_days")
    @classmethod
    def _at_most(cls, value: int, info: ValidationInfo) -> int:
        highest = info.data.get("max_lifetime_days", value)
        if value > highest:
            message = f"expected at most ROTATION_MAX_LIFETIME_DAYS, which is {highest}"
            raise ValueError(message)
        return value


def _address(vault: Vault) -> str:
    """Give where a vault is, in the one form that its address can be compared in."""
    parts = urlsplit(vault.url)
    host = str(parts.hostname).rstrip(".")
    return f"{host}:{parts.port or HTTPS_PORT}"


def _locate(vault: Vault, info: ValidationInfo) -> Vault:
    """Complete the address of a vault that was given by name, in its cloud's own domain."""
    authority = info.data.get("authority")
    domain = VAULT_DOMAINS.get(str(urlsplit(authority or "").hostname))
    if vault.url:
        host = str(urlsplit(vault.url).hostname)
        _refuse_mixture(info, any(host.endswith("." + known) for known in VAULT_DOMAINS.values()))
        return vault
    if authority and domain is None:
        message = f"expected an address for {vault.name}: the authority {authority} has no domain"
        raise ValueError(message)
    return Vault(vault.name, f"https://{vault.name.lower()}.{domain}")


def _refuse_mixture(info: ValidationInfo, is_microsoft: bool) -> None:  # noqa: FBT001 - a fact
    """Refuse a world of mixed hosts: a mistyped setting must not send a token to a stranger."""
    authority = info.data.get("authority")
    if authority is None:
        return  # it is faulty itself, and says so
    if is_microsoft != (urlsplit(authority).hostname in VAULT_DOMAINS):
        message = f"expected a host of the same world as ROTATION_AUTHORITY, which is {authority}"
        raise ValueError(message)


def load() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: some are missing or wrong; it names all of them.
    """
    return _load(Settings)


def load_for_reading(vaults: str | None = None) -> ReadingSettings:
    """Read what must be known to read the watched vaults.

    Args:
        vaults: takes the place of ``ROTATION_VAULTS``, in the same form.

    Raises:
        SettingsError: something is missing or wrong; it names all of that.
    """
    if vaults is None:
        return _load(ReadingSettings)
    return _load(lambda: ReadingSettings(vaults=vaults))


def _load(read: Callable[[], T]) -> T:
    try:
        return read()
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        faults = tuple(fault for error in errors for fault in _faults(error))
        hint = "they are environment variables, or app settings; docs/reference.md tells them all"
    raise SettingsError(faults, hint=hint)


def unknown_names() -> tuple[str, ...]:
    """Give the variables that look like settings and are none: misspelt, or of another version."""
    fields = Settings.model_fields.items()
    known = {PREFIX + name.upper() for name, field in fields if not field.validation_alias}
    known |= {name.upper() for name in storage.PARTS}
    return tuple(sorted(n for n in environ if n.startswith(PREFIX) and n.upper() not in known))


def _faults(error: Any) -> tuple[str, ...]:  # noqa: ANN401 - pydantic's error details
    if error["type"] == STORAGE:
        faults: tuple[str, ...] = error["ctx"]["faults"]
        return faults
    return (_fault(error),)


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's error details
    field = str(error["loc"][0])
    name = field if field == "AZURE_CLIENT_ID" else PREFIX + field.upper()
    if error["type"] == "missing" or error["input"] == ():
        return f"{name} is missing"
    expected = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        expected = "expected a GUID"
    if error["type"] in {"int_parsing", "greater_than_equal", "less_than_equal"}:
        least, most = Settings.model_fields[field].metadata
        expected = f"expected a whole number from {least.ge} to {most.le}"
    return f"{name} is {_shown(error['input'])}: {expected[0].lower()}{expected[1:]}"


def _shown(value: object) -> str:
    """Show a faulty setting, but nothing of it that may be a credential."""
    text = _USERINFO.sub(r"\1(credentials)@", ascii(value))
    return _LONG.sub(lambda found: f"({len(found[0])} characters)", text)
