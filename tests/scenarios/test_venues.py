"""Every preset is a venue that lives through a crash, solvent or with its deficit named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import crash, engines, metrics, presets, scenario
from tests.chains import FASTEST
from tests.runs import happened

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.crash import Run
    from spillway.presets import Preset

FEES = 1


def run_of(artifacts: Artifacts, preset: Preset) -> Run:
    """Run the tiny crash under a preset."""
    told = scenario.load(scenario.find("thin"))
    with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
        return crash.run(chain, artifacts, told, preset, lambda _: True)


@pytest.mark.parametrize("venue", presets.names())
def test_a_venue_is_solvent_in_a_crash(artifacts: Artifacts, venue: str) -> None:
    run = run_of(artifacts, presets.load(presets.find(venue)))

    summary = metrics.summary(run)
    assert not run.findings
    assert any(layer["count"] for layer in summary["layers"].values())
    assert run.tally.flat_loss == 0
    assert bool(run.now.deficit) == bool(run.tally.written_off)


def test_a_keeper_gives_the_fund_its_share_of_fees(artifacts: Artifacts) -> None:
    preset = presets.load(presets.find("bitmex"))
    assert preset.insurance is not None
    shared = preset.insurance.model_copy(update={"fee_share_ppm": 250_000})
    run = run_of(artifacts, preset.model_copy(update={"insurance": shared}))

    (fund,) = run.funds
    given = [args for _, args in happened(run, "Paid") if args.source == FEES]
    assert len(given) > 1
    assert {args.target for args in given} == {fund}
    # Of what was earned up to the last call a quarter, each time rounded down.
    total = sum(args.amount for args in given)
    assert 0 < 4 * total <= run.now.equity(FEES) + total
