"""The command that git asks for a password."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, write
from rotation.cli.teaching import Command
from rotation.console.terminal import complain
from rotation.errors import RotationError, SettingsError
from rotation.git_credential import Site, answer, read, remote
from rotation.lookup import value_of
from rotation.model import SecretName

if TYPE_CHECKING:
    from datetime import datetime

    from click.shell_completion import CompletionItem

    from rotation.cli.frame import Surroundings
    from rotation.git_credential import Question, Remote
    from rotation.lookup import Lookup
    from rotation.settings import ReadingSettings

GET, ERASE = "get", "erase"
REFUSED = "it may lack a scope or a right, or be revoked: ask those who look after it"
OPERATIONS = (GET, "store", ERASE)
_NAME = re.compile(r"(?:([0-9A-Za-z-]{1,127})/)?([0-9A-Za-z-]{1,127})")


def _complete(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in OPERATIONS if name.startswith(incomplete)]


def _parts(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, str] | None:
    """Take a secret's name apart: its vault, which may be left out, and itself."""
    if value is None:
        return None
    if not (found := _NAME.fullmatch(value)):
        raise click.BadParameter("expected NAME or VAULT/NAME, such as kv-build/feed-token")
    return found[1] or "", found[2]


@click.command(
    "git-credential",
    cls=Command,
    examples=[
        (
            "rotation git-credential --vault kv-build get",
            "what git does when it needs a password: it asks on stdin, and reads from stdout",
        ),
        (
            "rotation git-credential --secret kv-build/feed-token get",
            "always this secret; its vault is one of ROTATION_VAULTS, or any of this cloud",
        ),
    ],
)
@click.option(
    "--vault",
    "vaults",
    multiple=True,
    metavar="VAULT",
    help="Where to look instead of ROTATION_VAULTS, in the same form; may be repeated.",
)
@click.option(
    "--secret",
    metavar="[VAULT/]NAME",
    callback=_parts,
    help="Which secret; without it, the one whose tag names the organization.",
)
@click.argument("operation", metavar="get|store|erase", shell_complete=_complete)
@click.pass_obj
def git_credential(
    around: Surroundings, vaults: tuple[str, ...], secret: tuple[str, str] | None, operation: str
) -> int:
    """Answer git with the newest token from Key Vault.

    A credential helper of git for Azure DevOps, to be configured once:

    \b
      git config --global credential.https://dev.azure.com.useHttpPath true
      git config --global credential.https://dev.azure.com.helper ""
      git config --global --add credential.https://dev.azure.com.helper \\
        "!rotation git-credential --vault kv-build"

    The empty helper keeps the others from storing the token. Needed are the
    vaults and the right to read their secrets, no other setting. The secret is
    the one of the organization in the address; among several, the one that is
    named as the user in it. Nothing is answered for other hosts than those of
    Azure DevOps, and nothing is kept: each get reads the newest version, store
    does nothing, and erase says whether the token that was refused is still the
    newest one.
    """  # noqa: D301 - \b is a mark for click, not an escape
    asked = sys.stdin.buffer.read().decode(errors="replace")
    if operation not in {GET, ERASE}:
        return FINE  # store, and whatever git may think of later
    question = read(asked)
    try:
        settings = _settings(",".join(vaults), secret)
    except (SettingsError, click.UsageError):
        if _remote(question, os.environ.get("ROTATION_DEVOPS_URL", "")) is None:
            return FINE  # it is none of our business, whatever the settings are
        raise
    if (remote := _remote(question, settings.devops_url)) is None:
        return FINE
    from rotation.reading import open_lookup

    with open_lookup(settings) as lookup:
        errand = _Errand(lookup, question, remote, _name(settings, secret))
        return errand.get(around.now()) if operation == GET else errand.erase()


@dataclass(frozen=True)
class _Errand:
    """One question of git about an address that is our business."""

    lookup: Lookup
    question: Question
    remote: Remote
    name: SecretName | None

    def get(self, now: datetime) -> int:
        """Write the newest token to stdout."""
        try:
            found = self.lookup.find(self.remote, self.name)
            expires_at = found.expires_at
            if expires_at and expires_at <= now:
                complain(
                    f"the token of {found.name} has expired on {expires_at:%Y-%m-%d}; "
                    "ask those who look after it"
                )
                expires_at = None  # git would pass it over without a word; the server decides
            told = answer(found.name, value_of(found), self.question, expires_at)
        except RotationError as exc:
            raise RotationError(str(exc)) from exc  # all of it on one line, amid what git says
        write(lambda: click.echo(told.reveal().encode(), nl=False))
        return FINE

    def erase(self) -> int:
        """Say what is known of a token that was refused. Nothing is kept, so nothing is erased."""
        try:
            found = self.lookup.find(self.remote, self.name)
        except RotationError:
            return FINE  # it was said when git asked for it
        if self.question.password is None:
            return FINE
        if value_of(found) == self.question.password:
            complain(f"Azure DevOps has refused the newest token of {found.name}; {REFUSED}")
            return NEEDS_SOMEBODY
        complain(f"what was refused is not the newest token of {found.name}; try again")
        return FINE


def _remote(question: Question, devops_url: str) -> Remote | None:
    try:
        parts = urlsplit(devops_url)
    except ValueError:
        parts = urlsplit("")
    return remote(question, Site(parts.netloc, parts.path))


def _settings(vaults: str, secret: tuple[str, str] | None) -> ReadingSettings:
    """Read the settings, so that the vault of a secret that was named is among the vaults.

    Raises:
        SettingsError: something is missing or wrong.
        UsageError: a secret is named without its vault, and there are several.
    """
    vault = secret[0] if secret else ""
    if vault and not vaults:
        return _load(_located(vault), "--secret")
    settings = _load(_located(vaults), "--vault")
    if vault and vault.casefold() not in {known.name.casefold() for known in settings.vaults}:
        return _load(_located(vault), "--secret")
    if secret and not vault and len(settings.vaults) > 1:
        names = ", ".join(known.name for known in settings.vaults)
        raise click.UsageError(f"--secret needs its vault, as VAULT/NAME: {names}")
    return settings


def _located(vaults: str) -> str:
    """Put the addresses that ROTATION_VAULTS knows beside the names that were given."""
    from rotation.settings import load_for_reading

    try:
        known = {found.name.casefold(): found for found in load_for_reading().vaults}
    except SettingsError:
        return vaults  # what is wrong shows when these are read, if it matters
    words = (known.get(word.casefold(), word) for word in re.split(r"[\s,]+", vaults))
    return ",".join(word if isinstance(word, str) else f"{word.name}={word.url}" for word in words)


def _load(vaults: str, option: str) -> ReadingSettings:
    """Read the settings; call the vaults by the option that has named them, if one has."""
    from rotation.settings import load_for_reading

    try:
        return load_for_reading(vaults or None)
    except SettingsError as exc:
        name = option if vaults else "ROTATION_VAULTS, or --vault,"
        faults = tuple(fault.replace("ROTATION_VAULTS is", f"{name} is") for fault in exc.faults)
        raise SettingsError(faults, hint=exc.hint) from None


def _name(settings: ReadingSettings, secret: tuple[str, str] | None) -> SecretName | None:
    return secret and SecretName(secret[0] or settings.vaults[0].name, secret[1])
