"""The commands by which an operator orders something about one secret, or about several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotation.cli.completion import complete_scope
from rotation.cli.frame import NEEDS_SOMEBODY, output_option, with_service
from rotation.cli.ordering import Manner, agrees, carry_out, in_bulk, newest, unconfirmed
from rotation.cli.parameter import owner_name
from rotation.cli.teaching import Command
from rotation.console.terminal import is_typed, remark
from rotation.scope import FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotation.cli.frame import Surroundings
    from rotation.cli.selection import Filters
    from rotation.cli.wish import Wish
    from rotation.wiring import Service

    Decorated = Callable[..., Any]

PATIENCE = 15
GIVING_UP = (
    "retire --altogether gives a secret up for good: its versions are disabled, its tokens are "
    "revoked at once, and its tags are removed."
)


def _with_manner(command: Decorated) -> Decorated:
    """Add the options that all four commands take."""
    for option in (
        output_option,
        click.option(
            "--timeout",
            type=click.IntRange(1, 24 * 60),
            default=PATIENCE,
            show_default=True,
            metavar="MINUTES",
            help="With --wait: for how long.",
        ),
        click.option("--wait", is_flag=True, help="Wait for the end, and tell how it ended."),
        click.option("--yes", is_flag=True, help="Do not ask."),
    ):
        command = option(command)
    return command


def _with_filters(command: Decorated) -> Decorated:
    """Add the options that choose several secrets at once."""
    for option in (
        click.option("--vault", metavar="VAULT", help="All in this vault."),
        click.option(
            "--owner", metavar="OWNER", callback=owner_name, help="All tokens of this owner."
        ),
        click.option("--all-expired", is_flag=True, help="All that have expired."),
    ):
        command = option(command)
    return command


_names = click.argument("names", nargs=-1, metavar="[VAULT/NAME]...")
_name = click.argument("name", metavar="VAULT/NAME")


def _scope(purpose: str) -> Decorated:
    return click.option(
        "--scope",
        "scopes",
        multiple=True,
        metavar="SCOPES",
        shell_complete=complete_scope,
        help=f"{purpose}; several are separated by blanks, or given one by one.",
    )


_lifetime = click.option(
    "--lifetime-days", type=int, metavar="DAYS", help="How long a token lives: from 1 to 364."
)


@click.command(
    cls=Command,
    examples=[
        (
            "rotation issue kv-build/feed-token --scope vso.packaging --organization contoso",
            "a token for a new secret",
        ),
        (
            'rotation issue kv-build/feed-token --scope "vso.code vso.packaging" --yes',
            "another one for a secret whose tags say the rest",
        ),
        (
            "rotation issue kv-build/ci --scope vso.build --owner ada@example.com --wait",
            "of this owner, and tell how it ended",
        ),
    ],
)
@_name
@_scope("What the token may do")
@click.option("--organization", metavar="NAME", help="The Azure DevOps organization.")
@click.option("--owner", metavar="OWNER", help="Whose token it is to be.")
@_lifetime
@click.option(
    "--mode",
    type=click.Choice(["regenerate", "extend"]),
    help="How the secret is kept fresh from then on.",
)
@click.option("--display-name", metavar="TEXT", help="The token's name in Azure DevOps.")
@_with_manner
@click.pass_obj
def issue(around: Surroundings, /, name: str, scopes: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - the options
    """Order a first token for a new secret, or for an old one.

    The value of a secret that exists is replaced.
    """
    manner, arguments = _apart(around, given)
    wish = _wish("issue", scope=_joined(scopes), **arguments)
    (secret,) = wish.check([name], around.now())

    def work(service: Service) -> int:
        desk = service.orders
        version = desk.newest(secret)
        if version:
            remark(f"{secret} exists: its value is replaced.")
        elif not given["organization"]:
            remark(f"{secret} is new: say its --organization, or the order will be refused.")
        is_full = FULL in _joined(scopes, "").split()
        if is_full:
            remark(f"{FULL} is full access: the token may do whatever its owner may.")
        if (version or is_full) and not agrees(manner, f"Order issue for {secret}?"):
            return NEEDS_SOMEBODY
        return carry_out(manner, desk, [(wish, secret, version)])

    return with_service(around, work)


@click.command(
    cls=Command,
    examples=[
        (
            "rotation adopt kv-build/feed-token 6c3c23c4-4ae0-4a1b-a1d1-5e0b7bbf2d5e",
            "manage the token whose value was pasted into this secret",
        ),
    ],
)
@_name
@click.argument("authorization_id")
@_with_manner
@click.pass_obj
def adopt(around: Surroundings, /, name: str, authorization_id: str, **given: Any) -> int:  # noqa: ANN401 - the options
    """Order that a token made by hand is managed from now on.

    It is the one whose value the secret holds; AUTHORIZATION_ID is its id in Azure DevOps.
    """
    manner, _ = _apart(around, given)
    wish = _wish("adopt", authorization_id=authorization_id)
    (secret,) = wish.check([name], around.now())

    def work(service: Service) -> int:
        desk = service.orders
        ((_, version),) = newest(desk, [secret])
        return carry_out(manner, desk, [(wish, secret, version)])

    return with_service(around, work)


@click.command(
    cls=Command,
    examples=[
        ("rotation rotate kv-build/feed-token", "a new token now, the old one in its grace"),
        ("rotation rotate kv-build/feed-token --wait", "the same, and tell how it ended"),
        ("rotation rotate --all-expired", "show all that have expired, ask, and order"),
        ("rotation rotate --owner ada@example.com --vault kv-build", "hers in this vault"),
        ("rotation rotate kv-build/ci --scope vso.code", "show how the scope changes, and order"),
    ],
)
@_names
@_with_filters
@_scope("What the new token may do")
@_lifetime
@click.option("--allow-wider", is_flag=True, help="The new scope may have more in it.")
@_with_manner
@click.pass_obj
def rotate(
    around: Surroundings,
    /,
    names: tuple[str, ...],
    scopes: tuple[str, ...],
    **given: Any,  # noqa: ANN401 - the options
) -> int:
    """Order new tokens now; the old ones keep their grace period.

    Secrets are named, or chosen: those that pass every filter. Several are shown before, and asked
    about once.
    """
    filters, given = _filters(given)
    manner, arguments = _apart(around, given)
    _need_some(names, filters)
    wish = _wish("rotate", scope=_joined(scopes), **arguments)
    return in_bulk(manner, wish, wish.check(names, around.now()), filters)


@click.command(
    cls=Command,
    examples=[
        ("rotation retire kv-build/feed-token --now", "a leak: the old tokens end at once"),
        ("rotation retire --now --owner ada@example.com", "all of hers: shown, and asked about"),
        ("rotation retire kv-build/old-feed --altogether", "nobody needs this secret any more"),
    ],
)
@_names
@click.option("--now", is_flag=True, help="End the grace of the tokens that are known so far.")
@click.option("--altogether", is_flag=True, help="Give the secret up, with all its tokens.")
@_with_filters
@_with_manner
@click.pass_obj
def retire(
    around: Surroundings,
    /,
    names: tuple[str, ...],
    *,
    now: bool,
    altogether: bool,
    **given: Any,  # noqa: ANN401 - the options
) -> int:
    """Order that tokens end: the old ones at once, or all of them.

    With --now, a secret gets a new token first, and the old ones are revoked without any grace: for
    a value that has leaked. With --altogether, it is given up.
    """
    filters, given = _filters(given)
    manner, _ = _apart(around, given)
    if now is altogether:
        raise click.UsageError("retire needs either --now or --altogether")
    if altogether and filters:
        raise click.UsageError(
            "what is given up altogether is named: no --all-expired, --owner, --vault"
        )
    _need_some(names, filters)
    wish = _wish("retire", extent="now" if now else "altogether")
    secrets = wish.check(names, around.now())
    if now:
        return in_bulk(manner, wish, secrets, filters)

    def work(service: Service) -> int:
        desk = service.orders
        found = newest(desk, secrets)
        remark(GIVING_UP)
        for secret in secrets:
            if not manner.yes and not is_typed(str(secret), f"Type {secret} to give it up"):
                return unconfirmed()
        return carry_out(manner, desk, [(wish, *each) for each in found])

    return with_service(around, work)


def _apart(around: Surroundings, given: dict[str, Any]) -> tuple[Manner, dict[str, Any]]:
    """Tell how an order is given from what it says."""
    keys = ("output", "yes", "wait", "timeout")
    rest = {key: value for key, value in given.items() if key not in keys}
    return Manner(around, **{key: given[key] for key in keys}), rest


def _filters(given: dict[str, Any]) -> tuple[Filters, dict[str, Any]]:
    """Tell which secrets are meant from the rest of what was given."""
    from rotation.cli.selection import Filters

    keys = {"all_expired": "is_expired", "owner": "owner", "vault": "vault"}
    rest = {key: value for key, value in given.items() if key not in keys}
    return Filters(**{field: given[key] for key, field in keys.items()}), rest


def _need_some(names: Sequence[str], filters: Filters) -> None:
    if not names and not filters:
        raise click.UsageError("name a secret, or choose with --all-expired, --owner or --vault")


def _wish(verb: str, **arguments: Any) -> Wish:  # noqa: ANN401 - as in a message
    from rotation.cli.wish import Wish
    from rotation.order import Verb

    return Wish(Verb(verb), arguments)


def _joined(scopes: tuple[str, ...], nothing: Any = None) -> Any:  # noqa: ANN401 - as in a message
    return " ".join(scopes) if scopes else nothing
