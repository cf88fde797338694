"""The same crash under every share policy, beside the queue of Hyperliquid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway import crash, engines, metrics, presets, scenario
from spillway.model.policies import SHARES
from tests.chains import FASTEST

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.crash import Run

QUEUE = "hyperliquid_queue"


@pytest.fixture(scope="module")
def runs(artifacts: Artifacts) -> dict[str, Run]:
    told = scenario.load(scenario.find("thin"))
    venue = presets.load(presets.find("hyperliquid"))
    found = {}
    for policy in (*SHARES, QUEUE):
        preset = presets.with_policy(venue, policy)
        with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
            found[policy] = crash.run(chain, artifacts, told, preset, lambda _: True)
    return found


def adl(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = metrics.summary(run)["adl"]
    return found


@pytest.mark.parametrize("policy", SHARES)
def test_no_more_is_taken_than_is_needed(runs: dict[str, Run], policy: str) -> None:
    """Closed at the bankruptcy price, the loser ends with nothing; at the previous mark, not."""
    assert not runs[policy].findings
    assert not runs[policy].now.deficit
    assert float(adl(runs[policy])["needed_usd"]) > 0
    assert float(adl(runs[policy])["overshoot_usd"]) == 0
    assert float(adl(runs[QUEUE])["overshoot_usd"]) > 0


@pytest.mark.parametrize("policy", SHARES)
def test_no_call_of_the_keeper_is_refused(runs: dict[str, Run], policy: str) -> None:
    receipts = [each for block in runs[policy].blocks for each in block.receipts]
    calls = [each for each in receipts if each.label.startswith("AdlShares.")]
    assert calls
    assert all(each.success for each in calls)


def test_water_leaves_the_lowest_highest_leverage(runs: dict[str, Run]) -> None:
    after = {policy: adl(run)["max_leverage_after"] for policy, run in runs.items()}
    assert min(after, key=after.__getitem__) == "water_filling"
