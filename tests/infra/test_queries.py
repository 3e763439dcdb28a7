"""Each query is right in the eyes of Microsoft's own parser, and as the template expects it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.infra.kusto import TEXTS, Verdict, judge
from tests.infra.rules import DEFAULTS, MODULE, RULES

WRONG = {
    "table": "AppTrace | count",
    "column": "AppTraces | where Mesage == 'x'",
    "function": "AppTraces | extend Length = strlength(Message)",
    "operator": "AppTraces | filtre Message == 'x'",
    "text": "AppTraces | where Message == 'x",
}
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
NOT_IN_RULES = ("bag_unpack", "pivot(", "narrow(", "AggregatedValue", "adx(", "arg(", "search ")
"""Not supported there (Azure Monitor documentation, *Create or edit a log search alert rule*)."""


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    """Have all judged at once: starting the parser is what takes time."""
    deployed = {f"rule {rule.name}": rule.query() for rule in RULES.values()}
    return judge({**TEXTS, **deployed, **{f"wrong {what}": WRONG[what] for what in WRONG}})


def test_every_query_parses(verdicts: dict[str, Verdict]) -> None:
    """No table, column or function is misspelt, in the files and as they are deployed."""
    found = {name: one.findings for name, one in verdicts.items() if not name.startswith("wrong")}

    assert {name: findings for name, findings in found.items() if findings} == {}
    assert len(found) == len(TEXTS) + len(RULES)


@pytest.mark.parametrize("what", WRONG)
def test_the_parser_notices(verdicts: dict[str, Verdict], what: str) -> None:
    """What is wrong is found: the test above can fail."""
    assert any(finding.startswith("Error") for finding in verdicts[f"wrong {what}"].findings)


@pytest.mark.parametrize("name", TEXTS)
def test_each_query_says_what_it_is_for(name: str) -> None:
    """The first line is the question, and the next ones tell what to do about the answer."""
    first, second = TEXTS[name].splitlines()[:2]

    assert re.fullmatch(r"// .+\?( .+)?", first)
    assert second.startswith("// ")


@pytest.mark.parametrize("name", RULES)
def test_what_is_replaced_is_there_once(name: str) -> None:
    """A parameter always takes the place of its default, and of nothing else."""
    rule = RULES[name]

    assert [TEXTS[rule.file].count(old) for old, _ in rule.replaced] == [1] * len(rule.replaced)


@pytest.mark.parametrize("name", RULES)
def test_the_defaults_are_those_of_the_file(name: str) -> None:
    """Whoever runs the file by hand sees what the alert sees."""
    given = {"rotatorPrincipalId": "ROTATOR", "sessionVaultId": "SESSION-VAULT"}

    assert RULES[name].query(**given) == TEXTS[RULES[name].file]


def test_every_parameter_of_a_query_is_known() -> None:
    """Each name that a replacement uses is a parameter or a threshold of the module."""
    used = {
        name
        for rule in RULES.values()
        for _, new in rule.replaced
        for name in re.findall(r"\$\{(\w+)\}", new)
    }

    assert used <= DEFAULTS.keys()
    assert len(used) == 8


@pytest.mark.parametrize("name", RULES)
def test_a_rule_looks_as_far_back_as_its_query(name: str) -> None:
    """Azure Monitor shows a rule its window and no more: a query that looks further is blind."""
    found = re.search(r"^let since = ago\((\d+)([hd])\);$", RULES[name].query(), re.MULTILINE)
    reach = int(found[1]) * UNITS[found[2]] if found else timedelta(days=2)

    assert RULES[name].window == reach


@pytest.mark.parametrize("name", RULES)
def test_a_rule_uses_what_rules_may_use(name: str) -> None:
    """What Azure Monitor refuses in rules is in none; ``ago`` is given nothing but a literal."""
    query = RULES[name].query()

    assert [word for word in NOT_IN_RULES if word in query] == []
    assert query.count("ago(") == len(re.findall(r"ago\(\d+[hd]\)", query))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_gives_columns_that_it_can_be_split_by(
    verdicts: dict[str, Verdict], name: str
) -> None:
    """Dimensions are strings that it gives, and no column is an instant.

    By one, Azure Monitor would sort the rows into periods, and leave out those of bygone ones.
    """
    columns = verdicts[f"rule {name}"].columns

    assert {columns.get(dimension) for dimension in RULES[name].dimensions} <= {"string"}
    assert set(columns.values()) <= {"string", "int", "long", "real"}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_within_the_limits(name: str) -> None:
    """Six dimensions, 64 KB in all (Azure Monitor documentation, *service limits*)."""
    rule = RULES[name]

    assert len(rule.dimensions) <= 6
    assert len(rule.query().encode()) + len(rule.todo) + 1000 < 64 * 1024


def test_the_action_group_has_a_short_name() -> None:
    """Twelve characters, which stand in front of each message."""
    (name,) = re.findall(r"groupShortName: '(.+)'", MODULE)

    assert len(name) <= 12
