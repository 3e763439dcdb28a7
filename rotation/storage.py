"""Where the storage account is: the variables of one connection in, one frozen object out.

They follow the convention of Azure Functions (*Connections*, *Identity-based connections*), so that
the function app's trigger and the rotator read the same: ``ROTATION_STORAGE`` is a connection
string, or ``ROTATION_STORAGE__queueServiceUri`` and its like name the services, and a managed
identity is the credential. What a connection string says is quoted nowhere: it holds a key.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rotation.model import TokenValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETTING = "ROTATION_STORAGE"
QUEUE_URI, TABLE_URI = f"{SETTING}__queueServiceUri", f"{SETTING}__tableServiceUri"
CLIENT_ID, CREDENTIAL = f"{SETTING}__clientId", f"{SETTING}__credential"
PARTS = (QUEUE_URI, TABLE_URI, CLIENT_ID, CREDENTIAL)
MANAGED_IDENTITY = "managedidentity"
DOMAINS = ("core.windows.net", "core.usgovcloudapi.net", "core.chinacloudapi.cn")
"""Of the storage accounts in Microsoft's clouds (Azure documentation, *national clouds*)."""

_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_ADDRESS = re.compile(r"(?!.*[A-Za-z0-9-]{31})[A-Za-z0-9.:/\[\]-]*")
"""What can be nothing but an address: no host has so long a label, and no key is shorter."""


class StorageFaultsError(Exception):
    """The connection is not given as it should be; each fault names its variable."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Take all faults at once."""
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Storage:
    """A storage account, and how it is entered."""

    table_url: str
    queue_url: str
    """Both without a slash at their end."""
    account: str = ""
    """The account's name, where a key goes with it."""
    key: TokenValue | None = None
    """The account's key."""
    signature: TokenValue | None = None
    """A shared access signature. Without it and a key, the managed identity is the credential."""
    client_id: str | None = None
    """Of the identity, if it is another than the rotator's."""
    is_managed_identity: bool = False
    """Whether nobody but a managed identity will do."""


def known_names(environment: Mapping[str, str]) -> Iterator[str]:
    """Give the variables that belong to the connection, as they are written there."""
    known = {name.lower() for name in PARTS}
    return (name for name in environment if name.lower() in known)


def read(text: str, environment: Mapping[str, str], *, is_microsoft: bool | None) -> Storage | None:
    """Read the connection.

    Args:
        text: a connection string; empty without one.
        environment: all variables. Names are compared without regard to case: Windows never kept
            it, and people write both.
        is_microsoft: whether the authority is one of Microsoft's clouds; None if it is faulty.

    Returns:
        The connection; None if there is none.

    Raises:
        StorageFaultsError: it is not as it should be.
    """
    found = {name.lower(): environment[name].strip() for name in known_names(environment)}
    given = {name: found[name.lower()] for name in PARTS if found.get(name.lower())}
    if text and given:
        told = f"expected a connection string or {', '.join(given)}, not both"
        raise StorageFaultsError((f"{SETTING} is (hidden): {told}",))
    if text:
        return _of_string(text)
    return _of_parts(given, is_microsoft=is_microsoft) if given else None


def _of_parts(given: Mapping[str, str], *, is_microsoft: bool | None) -> Storage:
    faults = []
    for name in (QUEUE_URI, TABLE_URI):
        if name not in given:
            faults.append(f"{name} is missing")
        elif wrong := _wrong_uri(given[name], is_microsoft=is_microsoft):
            faults.append(f"{name} is {_shown(given[name])}: {wrong}")
    client_id, credential = given.get(CLIENT_ID), given.get(CREDENTIAL)
    if client_id and not _GUID.fullmatch(client_id):
        faults.append(f"{CLIENT_ID} is not as it should be: expected a GUID")
    if credential and credential.lower() != MANAGED_IDENTITY:
        faults.append(f"{CREDENTIAL} is not as it should be: expected {MANAGED_IDENTITY}")
    if faults:
        raise StorageFaultsError(tuple(faults))
    return Storage(
        table_url=given[TABLE_URI].rstrip("/"),
        queue_url=given[QUEUE_URI].rstrip("/"),
        client_id=client_id.lower() if client_id else None,
        is_managed_identity=bool(credential),
    )


def _wrong_uri(value: str, *, is_microsoft: bool | None) -> str:
    """Say what is wrong with the address of a service, to which a token will go."""
    try:
        parts = urlsplit(value)
        host, is_plain = parts.hostname or "", not (parts.query or parts.fragment)
        is_plain = is_plain and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # its words quote the value
        host, is_plain = "", False
    if not (value.lower().startswith("https://") and host and is_plain):
        return "expected an address that starts with https://, without credentials or query"
    is_theirs = host.endswith(tuple(f".{domain}" for domain in DOMAINS))
    if is_microsoft is not None and is_theirs != is_microsoft:
        return "expected a host of the same world as ROTATION_AUTHORITY"
    return ""


def _of_string(text: str) -> Storage:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    said = {name.strip().lower(): value.strip() for name, _, value in pairs}
    faults = [*_string_faults(said)]
    if faults:
        told = "; ".join(faults)
        raise StorageFaultsError((f"{SETTING} is (hidden): {told}",))
    key, signature = said.get("accountkey"), said.get("sharedaccesssignature")
    return Storage(
        table_url=_endpoint(said, "table"),
        queue_url=_endpoint(said, "queue"),
        account=said.get("accountname", ""),
        key=TokenValue(key) if key else None,
        signature=TokenValue(signature) if signature and not key else None,
    )


def _string_faults(said: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with a connection string, and quote nothing of it."""
    name, key = said.get("accountname", ""), said.get("accountkey", "")
    if name and not _ACCOUNT.fullmatch(name):
        yield "expected an AccountName of 3 to 24 small letters and digits"
    elif key and not name:
        yield "expected an AccountName beside the AccountKey"
    if not (key or said.get("sharedaccesssignature")):
        yield "expected an AccountKey or a SharedAccessSignature"
    if key and not _is_base64(key):
        yield "expected an AccountKey in base64"
    for service in ("table", "queue"):
        title = f"{service.title()}Endpoint"
        if not (name or said.get(title.lower())):
            yield f"expected a {title} or an AccountName"
        elif not _is_endpoint(_endpoint(said, service)):
            yield f"expected a {title} that starts with https://, without credentials or query"


def _endpoint(said: Mapping[str, str], service: str) -> str:
    if given := said.get(f"{service}endpoint"):
        return given.rstrip("/")
    scheme = said.get("defaultendpointsprotocol") or "https"
    suffix = said.get("endpointsuffix") or DOMAINS[0]
    return f"{scheme}://{said.get('accountname')}.{service}.{suffix}"


def _is_endpoint(url: str) -> bool:
    """Tell whether requests may go there: in plain text only on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_plain = not (parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0)
        is_plain = is_plain and not re.search(r"\s", url)
    except ValueError:
        return False
    is_good = bool(_HOST.fullmatch(host) or _is_loopback(host)) and is_plain
    return is_good and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_base64(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except ValueError:
        return False


def _shown(uri: str) -> str:
    """Show a faulty address, but nothing that may be a credential: people paste keys anywhere."""
    address = re.split(r"[?#]", uri)[0]
    return ascii(address) if _ADDRESS.fullmatch(address) else "(hidden)"
