"""The command that reports on all tokens of the owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation import __version__, settings
from rotation.audit_rules import RULES
from rotation.auditor import Auditor
from rotation.cli.frame import FINE, JSON, NEEDS_SOMEBODY, TABLE, show, with_service, write
from rotation.cli.teaching import Command
from rotation.console.audit import show_findings
from rotation.console.terminal import progress
from rotation.diagnosis import has_errors
from rotation.errors import SettingsError
from rotation.export import as_csv, as_list, as_sarif
from rotation.model import OWNER
from rotation.tags import ORGANIZATION_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.cli.frame import Surroundings
    from rotation.diagnosis import Diagnosis
    from rotation.settings import Settings
    from rotation.wiring import Service

CSV, SARIF = "csv", "sarif"


def _organizations(
    _context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Check the names of organizations: they become part of an address."""
    if not all(ORGANIZATION_NAME.fullmatch(name) for name in names):
        message = "expected the name of an organization: letters, digits and inner hyphens"
        raise click.BadParameter(message)
    return names


def _owners(
    _context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Check the names of owners, and give them in lower case."""
    if not all(OWNER.fullmatch(name) for name in names):
        raise click.BadParameter("expected a user principal name such as ada@example.com")
    return tuple(name.lower() for name in names)


@click.command(
    cls=Command,
    examples=[
        ("rotation audit", "all tokens of all owners"),
        ("rotation audit --owner ada@example.com", "hers alone"),
        ("rotation audit --organization contoso", "in this organization, too"),
        ("rotation audit --output sarif > tokens.sarif", "for those who collect findings"),
    ],
)
@click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="NAME",
    callback=_owners,
    help="Only the tokens of this owner; may be given several times.  [default: every owner]",
)
@click.option(
    "--organization",
    "organizations",
    multiple=True,
    metavar="NAME",
    callback=_organizations,
    help="Look here, too, beside the organizations that the managed secrets name.",
)
@click.option(
    "--output",
    type=click.Choice([TABLE, JSON, CSV, SARIF]),
    default=TABLE,
    show_default=True,
    help="How the findings are written to stdout.",
)
@click.pass_obj
def audit(
    around: Surroundings, owners: tuple[str, ...], organizations: tuple[str, ...], output: str
) -> int:
    """Report on all tokens of the owners; change nothing.

    Which of them nobody looks after, which reach too far or live too long, which were made by
    tools, and which an Entra token could replace. Ends with 1 if anything among that is an error.
    """

    def look(service: Service) -> Sequence[Diagnosis]:
        chosen = settings.load()
        asked = [owner.lower() for owner in owners]
        if faults := tuple(f"{o!a} is no owner" for o in asked if o not in chosen.all_owners):
            hint = f"the owners are {', '.join(chosen.all_owners)}"
            raise SettingsError(faults, hint=hint)
        with progress("Asking") as tell:
            return _auditor(service, chosen).audit(asked, organizations, tell)

    found = with_service(around, look)
    _write(output, found)
    return NEEDS_SOMEBODY if has_errors(found) else FINE


def _auditor(service: Service, chosen: Settings) -> Auditor:
    """Give what looks: at the same things as the doctor."""
    doctor = service.doctor
    return Auditor(
        store=doctor.store,
        issuer=doctor.issuer,
        sessions=doctor.sessions,
        clock=doctor.clock,
        vaults=doctor.vaults,
        owners=doctor.owners,
        defaults=doctor.defaults,
        devops_url=chosen.devops_url,
    )


def _write(output: str, found: Sequence[Diagnosis]) -> None:
    if output == SARIF:
        show(JSON, as_sarif(found, RULES, __version__), lambda: None)
    elif output == CSV:
        write(lambda: click.echo(as_csv(found), nl=False))
    else:
        show(output, as_list(found), lambda: show_findings(found))
