"""Scenario `oct10_event`: all markets of a day, and a vault's child that ends up in all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from spillway import crash, engines, metrics, presets, scenario
from spillway.model.pool import MAX_LEGS
from tests.chains import FASTEST

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.crash import Run

pytestmark = pytest.mark.skipif(FASTEST != "revm", reason="minutes on any other engine")

MARKETS = 162
# The last minutes of the fall, with few traders.
TRADERS = 400
START = datetime(2025, 10, 10, 21, 18, 30, tzinfo=UTC)
BLOCKS = 9


def run_event(artifacts: Artifacts, told: scenario.Scenario) -> Run:
    preset = presets.load(presets.find("hyperliquid"))
    with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
        return crash.run(chain, artifacts, told, preset)


@pytest.fixture(scope="module")
def event(artifacts: Artifacts) -> Run:
    """A small crash of all markets; not to be changed."""
    told = scenario.grown(scenario.load(scenario.find("oct10_event")), TRADERS)
    clock = told.clock.model_copy(update={"start": START, "blocks": BLOCKS})
    return run_event(artifacts, told.model_copy(update={"clock": clock}))


def test_it_stays_solvent_with_a_deleveraging_in_many_markets(event: Run) -> None:
    summary = metrics.summary(event)
    assert len(event.scenario.markets) == MARKETS
    assert summary["solvent"]
    assert len(event.blocks) == BLOCKS
    assert len(_closed_in(event)) > MAX_LEGS


def test_the_child_with_a_leg_in_many_markets_is_closed_by_pages(event: Run) -> None:
    begun = [
        receipt
        for block in event.blocks
        for receipt in block.receipts
        if any(closing.account == event.child for closing in receipt.named("ClosingBegun"))
    ]
    assert begun
    # The first page begins, and closes nothing.
    assert [receipt.named("Deleveraged") for receipt in begun] == [[] for _ in begun]


def test_no_call_asks_for_less_gas_than_it_needs(event: Run) -> None:
    refused = [receipt for block in event.blocks for receipt in block.reverted]
    assert [receipt.label for receipt in refused if receipt.reason in {"", "out of gas"}] == []


@pytest.mark.campaign
def test_the_event_has_its_own_size(artifacts: Artifacts) -> None:
    run = run_event(artifacts, scenario.load(scenario.find("oct10_event")))
    summary = metrics.summary(run)
    assert summary["solvent"]
    assert _closed_in(run) == set(range(MARKETS))
    assert summary["adl"]["accounts"] >= 19_337
    assert summary["adl"]["fills"] >= 34_983


def _closed_in(run: Run) -> set[int]:
    """Markets in which a position was deleveraged."""
    receipts = (receipt for block in run.blocks for receipt in block.receipts)
    return {fill.market for receipt in receipts for fill in receipt.named("Deleveraged")}
