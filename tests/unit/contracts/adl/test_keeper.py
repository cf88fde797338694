"""The keeper at a closing whose queue has run dry, which only states of the hand lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.keepers import Shift, labels
from tests.unit.contracts.adl.stage import SCANNING, SHORTS, fills, job, order, scan
from tests.unit.contracts.hand import sums_hold

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from tests.bench import Bench

LAST = 2**32 - 1  # less the account: so it stands in a key


@pytest.fixture
def shift(bench: Bench, artifacts: Artifacts) -> Shift:
    """Without liquidations: their role is the hand's."""
    return Shift(bench, artifacts, liquidates=False)


@pytest.mark.parametrize("told", [None, "scanned", "in a wrong order"])
def test_it_goes_on_with_a_queue_that_has_run_dry(
    bench: Bench, dry: dict[str, int], shift: Shift, told: str | None
) -> None:
    assert (job(bench).phase, job(bench).serving) == (SCANNING, dry["loser"])
    if told:
        scan(bench)
    if told == "in a wrong order":
        keys = bench.adl.call.queue(0, SHORTS, 0, 32)[0]
        (far,) = (n for n, key in enumerate(keys) if LAST - (key >> 24) % 2**32 == dry["far"])
        order(bench, [far], start=2)
    receipts = shift.block()
    assert fills(receipts[-1]) == [(dry["near"], 4, 89, 2)]
    assert (bench.size(dry["loser"]), bench.size(dry["far"])) == (0, -4)
    assert labels(shift.block()) == ["Adl.end_job"]
    assert sums_hold(bench)
