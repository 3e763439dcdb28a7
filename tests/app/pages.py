"""Pages of the product, made of fleets without a world: ordinary ones, refusals, and attacks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotation.decision import Decision, Finding
from rotation.errors import SessionError, SettingsError, SignInError
from rotation.fleet import State
from rotation.model import ManagedSecret, SecretName
from rotation.page import event_view, fleet_view, look, secret_view, sign_in, wanted
from rotation.page.secret_view import Past
from rotation.report import VaultFailure
from rotation.session import Session
from rotation.sign_in import Connected, Trial
from tests.unit.fleets import STATES, finding, fleet, happened, versions
from tests.unit.given import DAY, NOW, OWNER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotation.fleet import Fleet
    from rotation.lookout import Lookout
    from rotation.page.page import Page

FEED = SecretName("kv-build", "feed-token")
HOSTILE = (
    "\"'><script>attacked=1</script><img src=x onerror=attacked=1></title></style></textarea>"
    "<svg onload=attacked=1>javascript:attacked=1 {{7*7}} {% raw %} \u202e\x00\n"
)


def of_fleet(shown: Fleet, **parameters: str) -> Page:
    """Make the page of a fleet."""
    seen = fleet_view.view(shown, wanted.read(parameters))
    rows = happened(shown.findings[0]) if shown.findings else []
    return look._page("fleet.html", view=seen, events=event_view.view(rows, size=10))  # noqa: SLF001 - without a world


def of_secret(one: Finding, past: Past | None = None) -> Page:
    """Make the page of one secret."""
    past = past or Past(events=tuple(happened(one)), versions=versions(one))
    return look._page("secret.html", view=secret_view.view(one, past, NOW, 3 * DAY))  # noqa: SLF001 - as above


def of_events(rows: Sequence[Mapping[str, str]], only: str = "", page: int = 1) -> Page:
    """Make a page of events, thirty on each."""
    return look._page("events.html", view=event_view.view(rows, only, page, 30), days=31)  # noqa: SLF001 - as above


def in_state(state: State) -> Finding:
    """Give a secret in a state."""
    return finding(STATES[state](20), FEED)


def _not_let_in(switch: str | None) -> Page:
    """Make the page for somebody who has not signed in; ``switch``: see ``look.Request``."""
    return look.show_fleet(look.Request({}, {}, switch), _never)


def _broken(error: Exception) -> Page:
    """Make the page for somebody who came while something was wrong."""

    def fail() -> Lookout:
        raise error

    return look.show_fleet(look.Request({look.PRINCIPAL: "e30="}, {}, "true"), fail)


def _never() -> Lookout:
    raise AssertionError("somebody was let in")


def _connected() -> Page:
    trials = (
        Trial("contoso", 12),
        Trial("fabrikam", 1, SessionError("the session was revoked", hint="sign in again")),
    )
    return sign_in.connected(Connected(OWNER, NOW, trials, ("kv-web",)))


SIZES: dict[str, Callable[[], Fleet]] = {
    "none": lambda: fleet(0, [State.FRESH]),
    "one": lambda: fleet(1, [State.FRESH]),
    "fresh": lambda: fleet(26, [State.FRESH] * 5 + [State.RETIRING, State.WATCHED]),
    "two-hundred": lambda: fleet(200),
    "two-thousand": lambda: fleet(2000),
}
OTHERS: dict[str, Callable[[], Page]] = {
    "events": lambda: of_events(happened(in_state(State.FRESH)) * 4, "all", 2),
    "no-events": lambda: of_events([]),
    "filtered-to-nothing": lambda: of_fleet(fleet(9), search="nothing", state="fresh"),
    "no-journal": lambda: of_secret(
        in_state(State.FRESH), Past(events_note=look.NO_JOURNAL, versions_note="no answer")
    ),
    "dark-vault": lambda: of_fleet(
        replace(fleet(3), vault_failures=(VaultFailure("kv-web", "access-denied", "forbidden"),))
    ),
    "sign-in-off": lambda: _not_let_in(None),
    "not-signed-in": lambda: _not_let_in("true"),
    "misconfigured": lambda: _broken(SettingsError(("ROTATION_VAULTS is missing",))),
    "defect": lambda: _broken(ZeroDivisionError()),
    "welcome": sign_in.welcome,
    "connected": _connected,
    "refused": lambda: sign_in.refused(SignInError("no", reason="refused", hint="ask again")),
}
"""Every other page, and every refusal."""


def hostile() -> Finding:
    """Give a secret everything of which is hostile that comes from outside."""
    one = finding(STATES[State.FAILING](4), FEED)
    s = one.snapshot
    assert s.recorded
    token = replace(s.recorded, display_name=HOSTILE, scopes=frozenset({HOSTILE}))
    name = SecretName(HOSTILE, HOSTILE)
    tags = {HOSTILE: "their own", "team": HOSTILE, "pat-rotation": HOSTILE}
    secret = ManagedSecret(name, s.secret.created_at, NOW + DAY, tags, content_type=HOSTILE)
    mandate = replace(s.mandate, owner=HOSTILE, organization=HOSTILE)
    s = replace(s, secret=secret, mandate=mandate, recorded=token, bound=(token,))
    assert one.decision
    return Finding(s, Decision(one.decision.action, HOSTILE, HOSTILE))


def hostile_rows() -> list[Mapping[str, str]]:
    """Give events every key of which is hostile."""
    rows = happened(in_state(State.FRESH))
    return [*({**row, "message": HOSTILE} for row in rows), dict.fromkeys(rows[0], HOSTILE)]


def attacks() -> dict[str, Page]:
    """Give each page with hostile texts wherever there may be one."""
    lost = Session(HOSTILE, is_working=False, reason="sign-in-needed", message=HOSTILE)
    dark = VaultFailure(HOSTILE, HOSTILE, HOSTILE)
    shown = replace(fleet(4), findings=(hostile(), *fleet(4).findings), sessions=(lost,))
    asked = dict.fromkeys(("vault", "owner", "state", "search", "page"), HOSTILE)
    past = Past(tuple(hostile_rows()), "", versions(hostile()), "")
    refusal = look.Refusal(403, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    error = SessionError(HOSTILE, reason=HOSTILE, hint=HOSTILE)
    return {
        "fleet": of_fleet(replace(shown, vault_failures=(dark,))),
        "filtered": of_fleet(shown, **asked),
        "secret": of_secret(hostile(), past),
        "notes": of_secret(hostile(), Past(events_note=HOSTILE, versions_note=HOSTILE)),
        "events": of_events(hostile_rows(), HOSTILE),
        "refused": look._refused(look.Request({}, {}, None), refusal),  # noqa: SLF001 - as above
        "connected": sign_in.connected(
            Connected(HOSTILE, NOW, (Trial(HOSTILE, 1, error),), (HOSTILE,))
        ),
        "sign-in": sign_in.refused(SignInError(HOSTILE, reason=HOSTILE, hint=HOSTILE)),
    }
