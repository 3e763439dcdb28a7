"""Stands in for programs that are not here: ``stand_in.py PROGRAM ARGUMENTS…``.

Each does with the token what the real one would do first: it shows it to the gate of Azure DevOps.
What they do not understand, they refuse.
"""

from __future__ import annotations

import json
import os
import re
import sys
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

API = {"api-version": "7.6"}
WHO = "_apis/connectionData?api-version=7.1-preview.1"
TIMEOUT = 30
REFERENCE = re.compile(r"(\w+)=@Microsoft\.KeyVault\(VaultName=([\w-]+);SecretName=([\w-]+)\)")


def az(words: Sequence[str]) -> None:
    """Be the Azure CLI, with the managed identity as whoever is signed in."""
    command = [word for word in words if not word.startswith("--")]
    options = _options(words)
    match command[:4]:
        case ["keyvault", "secret", "show", *_] if options["--query"] == "value":
            sys.stdout.write(_secret(options["--vault-name"], options["--name"])["value"] + "\n")
        case ["keyvault", "secret", "set", *_]:
            _store(options)
        case ["keyvault", "secret", "set-attributes", *_]:
            _amend(options)
        case ["login", *_] if "--identity" in words:
            _access_token()
        case ["devops", "project", "list", *_]:
            _show(options["--organization"], os.environ["AZURE_DEVOPS_EXT_PAT"])
        case ["webapp", "config", "appsettings", "set"]:
            _refer(options["--settings"])
        case _:
            raise SystemExit(f"the stand-in for az does not understand {command}")


def terraform(words: Sequence[str]) -> None:
    """Be Terraform with the provider ``azuredevops``, as it is configured first."""
    assert words == ["plan"]
    _show(os.environ["AZDO_ORG_SERVICE_URL"], os.environ["AZDO_PERSONAL_ACCESS_TOKEN"])


def dotnet(words: Sequence[str]) -> None:
    """Be dotnet with the credential provider, as it looks at each source first."""
    assert words == ["restore"]
    found = json.loads(os.environ["VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"])
    for endpoint in found["endpointCredentials"]:
        _get(endpoint["endpoint"], endpoint["username"], endpoint["password"])


def agent(words: Sequence[str]) -> None:
    """Be the agent's ``config.sh``, as it connects first."""
    options = _options(words)
    assert (options["--auth"], "--unattended" in words) == ("pat", True)
    _show(options["--url"], os.environ["VSTS_AGENT_INPUT_TOKEN"])


def _options(words: Sequence[str]) -> dict[str, str]:
    return {
        word: value
        for word, value in zip(words, [*words[1:], ""], strict=True)
        if word.startswith("--")
    }


def _show(organization: str, pat: str) -> None:
    _get(f"{organization}/{WHO}", "", pat)


def _get(address: str, user: str, pat: str) -> None:
    credential = b64encode(f"{user}:{pat}".encode()).decode()
    headers = {"Authorization": f"Basic {credential}"}
    answer = requests.get(address, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    if answer.status_code != requests.codes.ok:
        raise SystemExit(f"refused: {answer.status_code}")


def _access_token() -> str:
    query = {
        "resource": "https://vault.azure.net",
        "api-version": "2019-08-01",
        "client_id": os.environ["AZURE_CLIENT_ID"],
    }
    headers = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
    address = os.environ["IDENTITY_ENDPOINT"]
    answer = requests.get(address, query, headers=headers, timeout=TIMEOUT)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _address(vault: str, secret: str) -> str:
    return f"{json.loads(os.environ['STAND_IN_VAULTS'])[vault]}/secrets/{secret}"


def _secret(vault: str, secret: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {_access_token()}"}
    answer = requests.get(_address(vault, secret), API, headers=headers, timeout=TIMEOUT)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found


def _store(options: dict[str, str]) -> None:
    _write("PUT", options, {"value": Path(options["--file"]).read_text()})


def _amend(options: dict[str, str]) -> None:
    """Change what stands beside the newest value; what is not named stays."""
    _write("PATCH", options, {})


def _write(method: str, options: dict[str, str], body: dict[str, Any]) -> None:
    attributes: dict[str, int | bool] = {}
    if expires := options.get("--expires"):
        attributes["exp"] = int(datetime.fromisoformat(expires).timestamp())
    if enabled := options.get("--enabled"):
        attributes["enabled"] = {"true": True, "false": False}[enabled]
    if tags := options.get("--tags"):
        body["tags"] = dict([tags.split("=")])
    headers = {"Authorization": f"Bearer {_access_token()}"}
    answer = requests.request(
        method,
        _address(options["--vault-name"], options["--name"]),
        json={**body, "attributes": attributes},
        params=API,
        headers=headers,
        timeout=TIMEOUT,
    )
    answer.raise_for_status()


def _refer(setting: str) -> None:
    """Keep what the platform would show to the app, for the app."""
    found = REFERENCE.fullmatch(setting)
    assert found, "not a reference without a version"
    Path("app-settings.json").write_text(
        json.dumps({found[1]: _secret(found[2], found[3])["value"]})
    )


PROGRAMS: dict[str, Callable[[Sequence[str]], None]] = {
    "az": az,
    "terraform": terraform,
    "dotnet": dotnet,
    "config.sh": agent,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])
