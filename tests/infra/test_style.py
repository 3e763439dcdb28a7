"""Each template reads like a table of contents."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.infra.given import INFRA, MAIN, templates
from tests.infra.parameters import description

if TYPE_CHECKING:
    from tests.infra.bicep.nodes import Template

SECTIONS = ["param", "var", "resource", "output", "type"]
SAME = {"module": "resource", "func": "type"}
BANNERS = ["Parameters", "Variables", "Resources", "Outputs", "Definitions"]
BANNER = re.compile(r"^// =+ //\n// +(\w+) +//\n// =+ //$", re.MULTILINE)
LONGEST = 400
"""Lines of a module: a list of fourteen alerts takes its space."""
HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:net|com|us|cn|io)\b")

BICEP = [template for template in templates() if template.path.suffix == ".bicep"]
EACH = pytest.mark.parametrize("template", BICEP, ids=lambda t: str(t.path.relative_to(INFRA)))


def test_there_are_templates() -> None:
    """The search finds them, and the parameters files."""
    assert len(BICEP) > 10
    assert len(templates()) == len(BICEP) + 3


@EACH
def test_sections_come_in_one_order(template: Template) -> None:
    """Parameters, variables, resources, outputs, definitions: each under its banner, if there."""
    kinds = [
        SECTIONS.index(SAME.get(d.kind, d.kind))
        for d in template.declarations
        if d.kind != "metadata"
    ]
    banners = BANNER.findall("\n".join(template.lines))

    assert kinds == sorted(kinds)
    assert banners == [BANNERS[section] for section in sorted(set(kinds))]
    assert [m.name for m in template.of_kind("metadata")] == ["name", "description"]


@EACH
def test_each_parameter_and_output_says_what_it_is(template: Template) -> None:
    """Whether a parameter must be given, and what for, in sentences."""
    for parameter in template.of_kind("param"):
        kind, _, meaning = description(parameter).partition(". ")
        is_there = parameter.body is not None or parameter.type.endswith("?")
        assert kind in ({"Optional", "Conditional"} if is_there else {"Required"}), parameter.name
        assert meaning.endswith((".", ")"))
    assert all(description(output) for output in template.of_kind("output"))


@EACH
def test_names_are_in_lower_camel_case(template: Template) -> None:
    """But for outputs of the main template: azd keeps them as environment variables."""
    for declaration in template.declarations:
        upper = declaration.kind == "output" and template.target_scope == "subscription"
        rule = (
            r"[a-z][A-Za-z0-9]*|[A-Z][A-Z0-9_]*(?:__[a-z][A-Za-z]*)?"
            if upper
            else r"[a-z][A-Za-z0-9]*"
        )
        assert re.fullmatch(rule, declaration.name), declaration.name


@EACH
def test_modules_are_small(template: Template) -> None:
    """One purpose each; the main template is long by its parameters alone."""
    if template.path != MAIN:
        assert len(template.lines) <= LONGEST


@EACH
def test_no_host_is_written_down(template: Template) -> None:
    """Not in code, and not in a default: the cloud says them, or a parameter does."""
    for line in template.lines:
        if not re.match(r"\s*(//|@description|metadata |extension |'\$schema':)", line):
            assert not HOST.search(line.lower()), line


def test_one_type_has_one_version() -> None:
    """Whatever is there once is there in one form."""
    versions: dict[str, set[str]] = {}
    for template in BICEP:
        for resource in template.of_kind("resource"):
            kind, _, version = resource.type.partition("@")
            versions.setdefault(kind, set()).add(version)

    assert [kind for kind, found in versions.items() if len(found) > 1] == []


def test_the_linter_lets_nothing_pass() -> None:
    """Every rule that is named is an error, and the linter is on."""
    linter = json.loads((INFRA / "bicepconfig.json").read_text())["analyzers"]["core"]

    assert linter["enabled"] is True
    assert {name: rule["level"] for name, rule in linter["rules"].items()} == dict.fromkeys(
        linter["rules"], "error"
    )
    assert "outputs-should-not-contain-secrets" in linter["rules"]
