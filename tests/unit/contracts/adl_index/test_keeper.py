"""The keeper of a venue that charges losses per lot: a call a loser, and nothing to tidy up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import presets
from spillway.rules import IndexRules
from tests.keepers import Shift, labels
from tests.unit.contracts.adl_index.crowd import crash, gather
from tests.unit.contracts.hand import sums_hold, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from tests.unit.contracts.adl_index.conftest import Deploy

DRIFT = presets.load(presets.find("drift")).adl


@pytest.mark.parametrize("most", [10**6, 10_000])
def test_it_closes_losers_by_id_in_a_call_each(
    deploy: Deploy, artifacts: Artifacts, most: int
) -> None:
    bench = deploy(IndexRules(both_sides=True, most=most))
    a = gather(bench)
    bench.open("second", 20)
    swap(bench, a["second"], a["far"], 3, 100)
    crash(bench)
    shift = Shift(bench, artifacts, liquidates=False, rules=DRIFT)
    receipts = shift.block()
    assert labels(receipts) == ["AdlIndex.close"] * 2
    told = [each.account for receipt in receipts for each in receipt.named("Socialized")]
    assert told == [a["loser"], a["second"]]
    assert shift.block() == []
    assert bench.size(a["child"]) == 13
    assert sums_hold(bench)
