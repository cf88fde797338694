"""How a run that has ended is judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from spillway.invariants import Finding
from spillway.sweep import work


def ended(*findings: Finding, flat_loss: int = 0) -> Any:
    return SimpleNamespace(findings=list(findings), tally=SimpleNamespace(flat_loss=flat_loss))


def test_a_run_without_findings_is_whole() -> None:
    assert not work.finding(ended())


def test_the_first_invariant_that_broke_is_told() -> None:
    said = work.finding(ended(Finding("I-1", 7, (), "sizes sum to 1"), Finding("I-2", 7, (), "x")))
    assert said == "I-1 broken in block 7: sizes sum to 1"


def test_a_loss_of_flat_accounts_breaks_a_run_by_itself() -> None:
    assert work.finding(ended(flat_loss=9)) == "I-4 broken: flat accounts lost 9 quote"
