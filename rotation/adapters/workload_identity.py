"""A managed identity without a managed identity endpoint: a token in a file stands for it.

Kubernetes gives a service account a token and renews it in its file; so do the recipes for
pipelines. Entra gives a token of the identity for it, if the identity has a federated credential
for its issuer and subject (Entra documentation, *Workload identity federation*).

What Entra gives for it is nobody's credential again (AADSTS700231). So wherever the managed
identity's own token would be the credential of the app registration, the one in the file must be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from azure.identity import ClientAssertionCredential

from rotation.errors import AccessDeniedError, SettingsError

if TYPE_CHECKING:
    from rotation.settings import Settings

FILE = "AZURE_FEDERATED_TOKEN_FILE"
"""The variable that names the file, as the libraries for Azure know it."""


def read_token(path: str) -> str:
    """Read what is in the file now: it is renewed while a run goes on.

    Raises:
        AccessDeniedError: there is no token in it.
    """
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        token = ""
    if not token:
        raise AccessDeniedError(
            f"no token in the file that {FILE} names",
            service="identity",
            operation="assert",
            hint="see whether the platform has put it there, and whether this user may read it",
        )
    return token


def open_identity(
    path: str, settings: Settings, client_id: str | None
) -> ClientAssertionCredential:
    """Give the managed identity for which the token in the file at ``path`` stands.

    Raises:
        SettingsError: nobody has said which identity.
    """
    if client_id is None:
        hint = f"{FILE} is set, so the managed identity must be named by its client id"
        raise SettingsError(("AZURE_CLIENT_ID is missing",), hint=hint)
    return ClientAssertionCredential(
        settings.tenant_id,
        client_id,
        lambda: read_token(path),
        authority=settings.authority,
        disable_instance_discovery=not settings.is_microsoft,
        permit_redirects=False,
    )
