"""Checkov finds nothing that the templates do not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra import checkov, given

if TYPE_CHECKING:
    from tests.infra.checkov import Verdict

SHOWN = {
    "least": given.least().deployed,
    "most": given.most().deployed,
    "watched": given.watched().deployed,
    "registered": given.registered().deployed,
}


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    """Let it look once."""
    return checkov.judge(SHOWN, tmp_path_factory.mktemp("checkov"))


def test_it_sees_every_resource(verdict: Verdict) -> None:
    """Nothing is left out in silence: not a file, and not a resource."""
    assert verdict.unread == 0
    assert verdict.seen == sum(len({r.id for r in shown}) for shown in SHOWN.values())


def test_it_knows_what_it_looks_at(verdict: Verdict) -> None:
    """It has checks for the vault, the storage account and the app, and they are passed."""
    assert {"CKV_AZURE_42", "CKV_AZURE_110", "CKV_AZURE_3", "CKV_AZURE_44", "CKV_AZURE_14"} <= (
        verdict.passed
    )


def test_what_it_finds_has_an_answer(verdict: Verdict) -> None:
    """Each finding is answered by a comment beside the resource; and no comment answers nothing."""
    answered = {
        (check, resource.type): reason
        for shown in SHOWN.values()
        for resource in shown
        for check, reason in checkov.skips(resource)
    }

    assert {key: why for key, why in verdict.failed.items() if key not in answered} == {}
    assert {key: why for key, why in answered.items() if key not in verdict.failed} == {}
    assert all(len(reason) > 20 for reason in answered.values())
