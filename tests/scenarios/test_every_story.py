"""What holds in each story, whatever it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

STORIES = (
    ("overbooked", "hyperliquid"),
    ("poker", "hyperliquid"),
    ("keeper_outage", "hyperliquid"),
    ("oracle_outage", "hyperliquid"),
    ("vault_run", "hyperliquid"),
    ("jelly_2025", "hyperliquid"),
    ("jelly_2025", "hyperliquid_jelly"),
    ("may19_2021", "hyperliquid"),
    ("maneki_2024", "bybit_2024"),
)


@pytest.mark.parametrize(("name", "venue"), STORIES)
def test_it_goes_to_its_end_solvent_and_no_flat_account_pays(
    tell: Callable[..., Story], name: str, venue: str
) -> None:
    story = tell(name, venue)
    assert story.run.findings == []
    assert story.summary["blocks"] == story.run.scenario.clock.blocks
    assert set(story.summary["conservation"].values()) == {0}
    assert story.summary["flat_accounts_loss_usd"] == "0"
    assert story.summary["deficit_usd"] == "0"
    assert "socialized" not in story.layers


@pytest.mark.parametrize("name", sorted({name for name, _ in STORIES}))
def test_it_names_its_sources(name: str) -> None:
    told = scenario.load(scenario.find(name))
    assert all(len(source) > len("made up") for source in told.sources)
