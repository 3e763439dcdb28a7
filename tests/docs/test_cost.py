"""The page of the costs: its totals are what its prices and its counts give."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import bill, cost
from benchmarks.bill import PRICES, Counts
from sandbox.azurite import is_installable
from tests.infra.rules import RULES

PAGE = Path(__file__).parents[2] / "docs" / "cost-and-limits.md"
TEXT = PAGE.read_text()
MEASURED = bill.read_counts(TEXT)
CENT = 0.005


def part(name: str) -> str:
    """Give what stands in one of the page's places."""
    return TEXT.split(f"<!-- {name} -->\n")[1].split(f"\n<!-- end of {name} -->")[0]


def numbers(line: str) -> list[float]:
    """Give the numbers of a line, without commas."""
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*", line)]


def row(table: str, name: str) -> list[str]:
    """Give the cells of the row that begins with a name."""
    (found,) = (line for line in table.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


@pytest.mark.parametrize("name", ["counts", "prices", "bill", "logs", "limits"])
def test_a_table_is_what_the_benchmark_writes_today(name: str) -> None:
    """From the counts that stand there, in the form of this version."""
    assert part(name) == bill.write(MEASURED)[name]


def test_there_is_a_small_a_middling_and_a_large_tenant() -> None:
    """Ten, a thousand and twenty thousand PATs, measured all three."""
    assert [counts.secrets for counts in MEASURED] == [*cost.SIZES]
    assert [counts.hours for counts in MEASURED] == [*cost.SIZES.values()]


def test_each_line_of_the_bill_is_its_units_at_its_price() -> None:
    """Worked out again from what is printed, by nothing but the price list as it stands there."""
    prices, months = part("prices"), part("bill")

    for price in PRICES.values():
        (listed,) = (line for line in prices.splitlines() if f"[{price.what}]" in line)
        cells = [cell.strip() for cell in listed.strip("|").split("|")][1:]
        (dollars,), (per,), free = (numbers(cell)[:1] for cell in cells)
        for cell in row(months, price.what):
            units, paid = numbers(cell)
            allowed = max(units - (free or [0])[0], 0)
            rounded = 0.5 * (0.01 if price.unit == "GB" else 1) * dollars / per
            assert paid == pytest.approx(allowed * dollars / per, abs=CENT + rounded)


def test_the_totals_are_the_sums() -> None:
    """Of the lines above them, to the cent."""
    months = part("bill")
    lines = [row(months, price.what) for price in PRICES.values()]

    for column, total in enumerate(row(months, r"**together**")):
        paid = sum(numbers(cells[column])[-1] for cells in lines)
        assert numbers(total)[0] == pytest.approx(paid, abs=CENT * len(lines))


def test_the_calls_grow_with_the_pats_and_with_nothing_else() -> None:
    """So a size between those that were measured may be read off between them."""
    _, middling, large = MEASURED

    def each(counts: Counts) -> float:
        return counts.remote_calls / counts.hours / counts.secrets

    assert each(large) == pytest.approx(each(middling), rel=0.15)


def test_the_limit_that_comes_first_is_told() -> None:
    """The sentence that stands out is about the one that is nearest."""
    nearest = {name: share for name, (_, share) in bill.shares(MEASURED[-1]).items()}
    first = max(nearest, key=lambda name: nearest[name])

    assert first == "Functions: 30 minutes a run, everything due at once"
    assert nearest[first] > 1
    assert sum(share > 1 for share in nearest.values()) == 1
    assert "**With everything due at once, a run over 20,000 PATs is the first" in TEXT


def test_the_alert_rules_are_those_that_are_deployed() -> None:
    """Each costs by itself."""
    assert len(RULES) == bill.ASSUMED.rules


def test_what_is_free_costs_nothing() -> None:
    """And only what is beyond it is paid for."""
    logs = PRICES["logs"]

    assert logs.of(logs.free) == 0
    assert logs.of(logs.free + 2) == pytest.approx(2 * logs.dollars)


def test_an_hour_that_is_measured_twice_costs_the_same() -> None:
    """A month is 730 hours, however many were counted."""
    (counts, *_) = MEASURED
    twice = replace(
        counts,
        hours=counts.hours * 2,
        **{
            name: getattr(counts, name) * 2
            for name in vars(counts)
            if name.endswith(("_calls", "_lines", "_bytes")) and name != "renewal_calls"
        },
    )

    assert bill.bill(twice) == pytest.approx(bill.bill(counts))


def test_the_benchmark_counts() -> None:
    """A world of two PATs, for two hours: every service that a run asks is seen."""
    if not is_installable():
        pytest.skip("needs npm")

    counts = cost.measure(2, 2, renewal_calls=15)

    assert bill.read_counts(bill.write_counts([counts])) == [counts]
    assert min(counts.vault_calls, counts.devops_calls, counts.entra_calls) > 0
    assert min(counts.table_calls, counts.event_lines, counts.fleet_lines) > 0
    assert counts.queue_calls == counts.hours  # for what nobody could handle
    assert min(counts.cpu_seconds, counts.megabytes) > 0
