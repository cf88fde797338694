"""How a run that has ended is judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from spillway import presets, scenario, timeline
from spillway.invariants import Finding
from spillway.sweep import work
from tests.chains import FASTEST


def ended(*findings: Finding, flat_loss: int = 0) -> Any:
    return SimpleNamespace(findings=list(findings), tally=SimpleNamespace(flat_loss=flat_loss))


def test_a_run_without_findings_is_whole() -> None:
    assert not work.finding(ended())


def test_the_first_invariant_that_broke_is_told() -> None:
    said = work.finding(ended(Finding("I-1", 7, (), "sizes sum to 1"), Finding("I-2", 7, (), "x")))
    assert said == "I-1 broken in block 7: sizes sum to 1"


def test_a_loss_of_flat_accounts_breaks_a_run_by_itself() -> None:
    assert work.finding(ended(flat_loss=9)) == "I-4 broken: flat accounts lost 9 quote"


def stage_of(without: str, **changes: Any) -> str:
    """What decides the venue of a story with levers, some of its events left out."""
    told = timeline.without(scenario.load(scenario.find("maneki_2024")), without)
    preset = presets.load(presets.find("bybit_2024"))
    job = work.Job("", {}, told.model_copy(update=changes), preset, FASTEST, "")
    return work._stage_key(job)  # noqa: SLF001 (what is kept of venues shows nowhere else)


def test_a_venue_with_levers_is_another_one() -> None:
    assert stage_of("") == stage_of("order,cancel,top_up")
    assert stage_of("policy") != stage_of("") != stage_of("levers") != stage_of("policy")


def test_a_venue_is_another_one_where_the_vault_begins_with_more() -> None:
    told = scenario.load(scenario.find("thin"))
    assert stage_of("") != stage_of("", vault=told.vault)
    assert stage_of("") == stage_of("", seed=7)
