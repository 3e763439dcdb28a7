"""The published scopes, and how far each reaches."""

from __future__ import annotations

import pytest

from rotation.scope import (
    FULL,
    INNER,
    SCOPES,
    SHOWN_LENGTH,
    WITHDRAWN,
    Difference,
    allows,
    difference,
    faults_of,
    is_within,
)

EVERYTHING = sorted({*SCOPES, *WITHDRAWN})


class TestThePublishedList:
    """The data themselves."""

    @pytest.mark.parametrize("name", SCOPES)
    def test_each_scope_says_what_it_allows(self, name: str) -> None:
        """In a few words of ours, as the tail of "it lets a token"."""
        words = SCOPES[name].allows

        assert words[0].islower()
        assert not words.endswith(".")
        assert len(words) <= 65

    @pytest.mark.parametrize("name", EVERYTHING)
    def test_what_is_in_a_scope_is_known(self, name: str) -> None:
        """Nothing is in itself, and what is in another one is a scope, too."""
        inner = SCOPES[name].includes if name in SCOPES else INNER.get(name, "")

        assert inner in {"", *EVERYTHING} - {name}

    def test_no_scope_is_both_offered_and_withdrawn(self) -> None:
        """A name is one or the other."""
        assert not SCOPES.keys() & WITHDRAWN.keys()
        assert INNER.keys() <= WITHDRAWN.keys()

    @pytest.mark.parametrize("name", SCOPES)
    def test_every_published_scope_may_be_wanted(self, name: str) -> None:
        """Alone, there is nothing wrong with it."""
        assert faults_of(name) == ()


class TestFaults:
    """What is wrong with a scope that somebody wants."""

    @pytest.mark.parametrize("scope", ["", " ", "\t\n"])
    def test_a_missing_scope(self, scope: str) -> None:
        """Nothing is no scope."""
        assert faults_of(scope) == ("a scope is missing",)

    @pytest.mark.parametrize(
        "scope",
        ["vso.code vso.packaging", "  vso.packaging\n vso.code ", "vso.code vso.code", FULL],
    )
    def test_a_good_one(self, scope: str) -> None:
        """Any order and any blanks; a name that is there twice does no harm."""
        assert faults_of(scope) == ()

    def test_all_faults_are_told_at_once(self) -> None:
        """Each with the nearest scopes, in the order in which they were written."""
        faults = faults_of(f"vso.coed {FULL} vso.auditlogs vso.loadtest nonsense")

        assert faults == (
            "'vso.coed' is no scope that Azure DevOps publishes; did you mean vso.code?",
            "'vso.auditlogs' is no scope that Azure DevOps publishes; did you mean vso.auditlog?",
            "vso.loadtest is given to no token: the service for load tests is closed",
            "'nonsense' is no scope that Azure DevOps publishes",
            "app_token has every other scope in it; name it alone",
        )

    def test_capitals_are_no_scope_but_are_understood(self) -> None:
        """Azure DevOps writes them small; what was meant is suggested."""
        (fault,) = faults_of("VSO.Build_Execute")

        assert "did you mean vso.build_execute" in fault

    @pytest.mark.parametrize("name", WITHDRAWN)
    def test_what_is_not_granted_is_told(self, name: str) -> None:
        """With the reason, as far as it is known."""
        assert faults_of(name) == (f"{name} is given to no token: {WITHDRAWN[name]}",)

    def test_a_long_word_is_never_quoted(self) -> None:
        """It may be a token value in the wrong place."""
        value = "x7" * 42
        (fault,) = faults_of(value)
        (longest,) = faults_of(value[:SHOWN_LENGTH])

        assert fault == "a text of 84 characters is no scope"
        assert value[:SHOWN_LENGTH] in longest

    def test_strange_letters_are_shown_as_what_they_are(self) -> None:
        """A terminal might obey them."""
        (fault,) = faults_of("vso.code\x1b[31m")

        assert fault.isprintable()


WIDER = {
    "the same": ("vso.code", "vso.code", (), ()),
    "write instead of read": ("vso.code_write", "vso.code", ("vso.code_write",), ()),
    "read instead of write": ("vso.code", "vso.code_write", (), ("vso.code_write",)),
    "read instead of everything": ("vso.code", "vso.code_full", (), ("vso.code_full",)),
    "one more": ("vso.code vso.wiki", "vso.code", ("vso.wiki",), ()),
    "one less": ("vso.code", "vso.code vso.wiki", (), ("vso.wiki",)),
    "another one": ("vso.wiki", "vso.code", ("vso.wiki",), ("vso.code",)),
    "what is in another one": (
        "vso.profile",
        "vso.packaging_manage",
        (),
        ("vso.packaging_manage",),
    ),
    "what is in both": ("vso.work", "vso.code", ("vso.work",), ("vso.code",)),
    "what was withdrawn, but is in it": ("vso.hooks", "vso.code", (), ("vso.code",)),
    "full access": (FULL, "vso.code", (FULL,), ()),
    "less than full access": ("vso.code", FULL, (), (FULL,)),
    "full access again": (FULL, FULL, (), ()),
    "a scope that nobody knows": ("vso.new", "vso.code_full", ("vso.new",), ("vso.code_full",)),
    "the same unknown scope": ("vso.new", "vso.new vso.code", (), ("vso.code",)),
    "an unknown scope, out of full access": ("vso.new", FULL, (), (FULL,)),
}


@pytest.mark.parametrize(("wanted", "present", "added", "removed"), WIDER.values(), ids=WIDER)
def test_what_another_scope_would_change(
    wanted: str, present: str, added: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    """A scope is compared by how far it reaches, not by its name."""
    found = difference(wanted.split(), present.split())

    assert found == Difference(added, removed)
    assert found.is_wider is bool(added)
    assert is_within(wanted.split(), present.split()) is not bool(added)


def test_full_access_has_everything_in_it() -> None:
    """Whatever a token could do, one with full access can."""
    assert is_within(EVERYTHING, {FULL})
    assert not is_within({FULL}, {*EVERYTHING} - {FULL})


def test_what_a_token_may_do_is_said_in_words() -> None:
    """In the order of the names; a scope that nobody knows is named."""
    assert allows({"vso.wiki", "vso.code"}) == "read and search source code, read and search wikis"
    assert allows({"vso.new"}) == "vso.new"
