"""The page of the refusals has the product's tables: nothing is missing, and nothing made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotation.adapters import entra_refusal, refusal, vault_refusal
from tests.refusals import (
    ANY_WORD,
    ENTRA_NOES,
    SIGN_IN_ANSWERS,
    VAULT_DENIALS,
    VAULT_NOES,
    VAULT_OUTAGES,
    WORDS,
    VaultNo,
)

PAGE = (Path(__file__).parents[2] / "docs" / "refusals.md").read_text()
EXTENSION = {True: "waits", False: "becomes a renewal"}


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table under a heading, without its head."""
    (part,) = [part for part in PAGE.split("\n## ") if part.startswith(heading)]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def bare(cell: str) -> str:
    """Give the text of a cell without the signs for code."""
    return cell.replace("`", "")


TOKENS = {bare(cells[0]): cells for cells in rows("Azure DevOps refuses a token")}
WRITES = rows("Key Vault refuses a write")


def test_every_word_stands_there_once() -> None:
    """Each word that the product knows, in order, and no other; at the end all others."""
    words = [bare(cells[0]) for cells in rows("Azure DevOps refuses a token")]

    assert words == [*sorted(refusal.REFUSALS, key=str.lower), "any other"]
    assert set(words[:-1]) == set(WORDS)


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_word_is_explained_as_the_product_does(word: str) -> None:
    """Who can do something, what is said to them, and whether an extension waits."""
    row = refusal.of(word)

    _, meaning, who, hint, extension = TOKENS.get(word, TOKENS["any other"])

    assert meaning
    assert (who, bare(hint)) == (row.who, row.hint)
    assert extension == EXTENSION[row.is_passing]


def test_entras_words_and_numbers_are_those_that_the_product_knows() -> None:
    """Each after which somebody must act: the reason it is told with, and what is to be done."""
    reasons = {
        entra_refusal.Remedy.PERSON: ("sign-in-needed", "the owner must sign in: "),
        entra_refusal.Remedy.ADMINISTRATOR: ("administrator-needed", ""),
    }
    numbers = {str(number): row for number, row in entra_refusal.NUMBERS.items()}
    known = {**entra_refusal.WORDS, **numbers}

    named = {
        bare(name): (bare(reason), text)
        for name, reason, text in rows("Entra refuses a session")
        if "any other" not in name and name != "number"
    }

    assert named == {
        key: (reasons[row.remedy][0], reasons[row.remedy][1] + row.sentence)
        for key, row in known.items()
    }
    assert named.keys() >= {no.error for no in ENTRA_NOES if no.reason}


def test_key_vaults_words_are_those_that_the_product_knows() -> None:
    """Each word with a hint of its own, in the product's words."""
    hints = {bare(word).lower(): hint for _, word, _, _, hint in WRITES if "any" not in word}
    others = {bare(reason): hint for _, word, reason, _, hint in WRITES if "any" in word}

    assert hints | {"not-found": others["not-found"]} == vault_refusal.HINTS
    assert others["access-denied"] == vault_refusal.DENIED


@pytest.mark.parametrize("no", [*VAULT_DENIALS, *VAULT_NOES, *VAULT_OUTAGES])
def test_every_answer_of_a_vault_stands_there(no: VaultNo) -> None:
    """Each status, with its word or among any others."""
    known = {str(no.status), "5xx" if no.status >= 500 else "4xx"}
    words = {bare(word) for status, word, *_ in WRITES if known & {*status.split(", ")}}

    assert words & {no.word, "any", "any other"}


@pytest.mark.parametrize("status", SIGN_IN_ANSWERS)
def test_every_answer_to_a_session_stands_there(status: str) -> None:
    """Each status with which Azure DevOps keeps a session out."""
    assert any(status in cells[0] for cells in rows("Azure DevOps does not admit a session"))
