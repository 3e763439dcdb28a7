"""What counted calls cost a month, and how near they come to the limits: arithmetic, and no more.

Prices and limits are Microsoft's public ones, of the region and the day that ``PRICES`` names; each
has its page. What cannot be counted on a sandbox is an assumption, and is named as one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from rotation.adapters.pace import OWNER_CALLS

REGION, CHECKED = "East US, US dollars, pay as you go", "2026-11-22"
HOURS = 730
"""Of a month, as Azure counts it."""


@dataclass(frozen=True)
class Price:
    """One line of the price list."""

    what: str
    dollars: float
    per: float
    """Units that this buys."""
    unit: str
    free: float
    """Units that are free each month."""
    page: str

    def of(self, units: float) -> float:
        """Give what so many units cost."""
        return max(units - self.free, 0) * self.dollars / self.per


_PAGES = "https://azure.microsoft.com/pricing/details/"
PRICES = {
    "vault": Price("Key Vault operations", 0.03, 10_000, "operations", 0, f"{_PAGES}key-vault/"),
    "time": Price(
        "Flex Consumption, time on demand", 0.000026, 1, "GB-s", 100_000, f"{_PAGES}functions/"
    ),
    "starts": Price(
        "Flex Consumption, executions", 0.40, 1e6, "executions", 250_000, f"{_PAGES}functions/"
    ),
    "logs": Price("Log Analytics, analytics logs", 2.30, 1, "GB", 5, f"{_PAGES}monitor/"),
    "rules": Price(
        "alert rules on logs, every 15 minutes", 0.50, 1, "rules", 0, f"{_PAGES}monitor/"
    ),
    "tables": Price(
        "Table Storage transactions", 0.00036, 10_000, "transactions", 0, f"{_PAGES}storage/tables/"
    ),
    "queues": Price(
        "Queue Storage operations", 0.004, 10_000, "operations", 0, f"{_PAGES}storage/queues/"
    ),
}


@dataclass(frozen=True)
class Assumed:
    """What no sandbox can tell."""

    latency: float = 0.05
    """Seconds until a service of Azure or Azure DevOps answers."""
    memory: float = 2.0
    """GB of an instance: the default of Flex Consumption."""
    concurrency: int = 8
    """Calls at once: the default of ROTATION_CONCURRENCY."""
    rules: int = 14
    """Alert rules."""
    envelope: int = 500
    """Bytes that a line of the log is billed for beside its text."""
    audit: int = 1_000
    """Bytes of one row of a vault's audit log."""
    polls: int = 8
    """Calls to storage a minute by the Functions host: for the queue, and for its lease."""


ASSUMED = Assumed()


@dataclass(frozen=True)
class Counts:
    """What one size of tenant came to in so many hours, in the order of the table's rows."""

    secrets: int
    vaults: int
    hours: int
    """That were measured."""
    vault_calls: int
    vault_writes: int
    """New versions, of the calls above."""
    devops_calls: int
    entra_calls: int
    identity_calls: int
    table_calls: int
    queue_calls: int
    event_lines: int
    event_bytes: int
    fleet_lines: int
    fleet_bytes: int
    vault_peak: int
    """Calls to one vault in the busiest run."""
    owner_peak: int
    """Calls to Azure DevOps for each owner in the busiest run."""
    renewal_calls: int
    """Of one renewal, to all services, in a run that renews many."""
    cpu_seconds: float
    """Of one run, as a process of its own."""
    megabytes: int
    """Of memory at most, in that run."""

    def month(self, what: str) -> float:
        """Give a count for a month."""
        count: float = getattr(self, what)
        return count * HOURS / self.hours

    @property
    def remote_calls(self) -> int:
        """All calls that a run waits for."""
        calls = self.vault_calls + self.devops_calls + self.entra_calls + self.identity_calls
        return calls + self.table_calls + self.queue_calls

    @property
    def run_seconds(self) -> float:
        """How long one run takes."""
        return max(self.remote_calls / self.hours * self.call_seconds, 1)

    @property
    def call_seconds(self) -> float:
        """How long one call holds up a run: its share of the waiting, and of the processor."""
        thinking = self.cpu_seconds * self.hours / self.remote_calls
        return ASSUMED.latency / ASSUMED.concurrency + thinking

    @property
    def gigabytes(self) -> dict[str, float]:
        """What is written to the log in a month, by kind."""
        lines = {"event": self.event_bytes, "fleet": self.fleet_bytes}
        told = {
            kind: size + getattr(self, f"{kind}_lines") * ASSUMED.envelope
            for kind, size in lines.items()
        }
        told["audit"] = self.vault_calls * ASSUMED.audit
        return {kind: size * HOURS / self.hours / 1e9 for kind, size in told.items()}


def units(counts: Counts) -> dict[str, float]:
    """Give what is paid for in a month, by the names of ``PRICES``."""
    host = ASSUMED.polls * 60 * HOURS
    return {
        "vault": counts.month("vault_calls"),
        "time": counts.run_seconds * ASSUMED.memory * HOURS,
        "starts": HOURS,
        "logs": sum(counts.gigabytes.values()),
        "rules": ASSUMED.rules,
        "tables": counts.month("table_calls"),
        "queues": counts.month("queue_calls") + host,
    }


def bill(counts: Counts) -> dict[str, float]:
    """Give the dollars of a month, by the names of ``PRICES``."""
    return {name: PRICES[name].of(count) for name, count in units(counts).items()}


TIMEOUT_MINUTES = 30
RENEWAL_DEVOPS_CALLS = 4
"""Create and try; later, prove and revoke."""
VAULT_CALLS, VAULT_WRITES, VAULT_SECONDS = 4_000, 300, 10


def shares(counts: Counts) -> dict[str, tuple[str, float]]:
    """Give for each limit how much of it is used at worst, in words and as a share of it."""
    a = ASSUMED
    rate = a.concurrency / a.latency * VAULT_SECONDS  # calls of a run in ten seconds
    calls = min(rate, counts.vault_peak)
    writes = min(rate / counts.renewal_calls, counts.secrets / counts.vaults)
    by_calls = counts.secrets * counts.renewal_calls * counts.call_seconds
    of_an_owner = counts.secrets / counts.vaults * RENEWAL_DEVOPS_CALLS
    by_pace = of_an_owner / OWNER_CALLS.calls * OWNER_CALLS.seconds
    everything = max(by_calls, by_pace) / 60
    return {
        "Key Vault: 4,000 calls a vault in 10 seconds": (f"{calls:,.0f}", calls / VAULT_CALLS),
        "Key Vault: 300 new versions a vault in 10 seconds, everything due at once": (
            f"{writes:,.0f}",
            writes / VAULT_WRITES,
        ),
        "Functions: 30 minutes a run, an ordinary hour": (
            f"{counts.run_seconds / 60:.1f} min",
            counts.run_seconds / 60 / TIMEOUT_MINUTES,
        ),
        "Functions: 30 minutes a run, everything due at once": (
            f"{everything:.1f} min",
            everything / TIMEOUT_MINUTES,
        ),
        "Functions: memory of an instance": (
            f"{counts.megabytes:,} MB",
            counts.megabytes / 1024 / a.memory,
        ),
        "Queue: 2,000 messages a second, everything due at once": (
            f"{counts.secrets / 2000:.1f} s",
            counts.secrets / 2000 / (TIMEOUT_MINUTES * 60),
        ),
    }


# --- Tables ------------------------------------------------------------------------------------

NAMES = {
    "secrets": "PATs",
    "vaults": "vaults, and owners",
    "hours": "hours measured",
    "vault_calls": "calls to Key Vault",
    "vault_writes": "new versions among them",
    "devops_calls": "calls to Azure DevOps",
    "entra_calls": "calls to Entra",
    "identity_calls": "calls for the managed identity's tokens",
    "table_calls": "calls to tables",
    "queue_calls": "calls to the queue",
    "event_lines": "lines of events",
    "event_bytes": "their bytes",
    "fleet_lines": "lines of the fleet's picture",
    "fleet_bytes": "their bytes, too",
    "vault_peak": "calls to one vault, busiest run",
    "owner_peak": "calls to Azure DevOps for each owner, busiest run",
    "renewal_calls": "calls of one renewal, to all services",
    "cpu_seconds": "processor seconds of one run",
    "megabytes": "MB of memory, one run",
}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table in Markdown; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_counts(measured: list[Counts]) -> str:
    """Write what was counted: a row each, as ``read_counts`` reads it."""
    rows = [
        [NAMES[f.name], *(f"{getattr(counts, f.name):,}" for counts in measured)]
        for f in fields(Counts)
    ]
    return table(["counted", *["" for _ in measured]], rows)


def read_counts(text: str) -> list[Counts]:
    """Read such a table."""
    by_name = {name: key for key, name in NAMES.items()}
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("| ").split(" | "))
        if name in by_name:
            found[by_name[name]] = [cell.replace(",", "") for cell in cells]
    return [
        Counts(
            cpu_seconds=float(found["cpu_seconds"][n]),
            **{key: int(cells[n]) for key, cells in found.items() if key != "cpu_seconds"},
        )
        for n in range(len(found["secrets"]))
    ]


def write_prices() -> str:
    """Write the price list."""
    rows = [
        [
            f"[{price.what}]({price.page})",
            f"${price.dollars:f}".rstrip("0").rstrip("."),
            f"{price.per:,.0f} {price.unit}",
            f"{price.free:,.0f}" if price.free else "-",
        ]
        for price in PRICES.values()
    ]
    listed = table(["what", "price", "for", "free each month"], rows)
    return f"{REGION}; looked up on {CHECKED}.\n\n{listed}"


def write_bill(measured: list[Counts]) -> str:
    """Write the bill of a month for each size."""
    head = ["a month", *(f"{counts.secrets:,} PATs" for counts in measured)]
    bills, used = [*map(bill, measured)], [*map(units, measured)]
    rows = [
        [price.what, *(_line(price, amount[name]) for amount in used)]
        for name, price in PRICES.items()
    ]
    total = ["**together**", *(f"**${sum(paid.values()):.2f}**" for paid in bills)]
    a_pat = [
        "for one PAT",
        *(f"${sum(b.values()) / c.secrets:.4f}" for b, c in zip(bills, measured, strict=True)),
    ]
    return table(head, [*rows, total, a_pat])


def _line(price: Price, units: float) -> str:
    digits = 2 if price.unit == "GB" else 0
    return f"{units:,.{digits}f} {price.unit}: ${price.of(units):.2f}"


def write_logs(measured: list[Counts]) -> str:
    """Write what is in the log, by kind."""
    head = ["GB a month", *(f"{counts.secrets:,} PATs" for counts in measured)]
    kinds = {"event": "events", "fleet": "the fleet's picture", "audit": "audit of the vaults"}
    rows = [
        [told, *(f"{counts.gigabytes[kind]:.3f}" for counts in measured)]
        for kind, told in kinds.items()
    ]
    return table(head, rows)


def write_shares(measured: list[Counts]) -> str:
    """Write how near each limit is, the nearest of the largest size first."""
    head = ["limit", *(f"{counts.secrets:,} PATs" for counts in measured)]
    found = [shares(counts) for counts in measured]
    order = sorted(found[-1], key=lambda limit: -found[-1][limit][1])
    rows = [
        [limit, *(f"{each[limit][0]} ({each[limit][1]:.1%})" for each in found)] for limit in order
    ]
    return table(head, rows)


def write(measured: list[Counts]) -> dict[str, str]:
    """Write all tables, by the names of their places on the page."""
    return {
        "counts": write_counts(measured),
        "prices": write_prices(),
        "bill": write_bill(measured),
        "logs": write_logs(measured),
        "limits": write_shares(measured),
    }
