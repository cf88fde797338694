"""Every preset is a venue that lives through a crash, solvent or with its deficit named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import crash, engines, metrics, presets, scenario
from tests.chains import FASTEST

if TYPE_CHECKING:
    from spillway.build import Artifacts


@pytest.mark.parametrize("venue", presets.names())
def test_a_venue_is_solvent_in_a_crash(artifacts: Artifacts, venue: str) -> None:
    told = scenario.load(scenario.find("thin"))
    preset = presets.load(presets.find(venue))
    with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
        run = crash.run(chain, artifacts, told, preset, lambda _: True)

    summary = metrics.summary(run)
    assert not run.findings
    assert any(layer["count"] for layer in summary["layers"].values())
    assert run.tally.flat_loss == 0
    assert bool(run.now.deficit) == bool(run.tally.written_off)
