"""The gas table of `docs/adl.md` is a snapshot: `python -m tests.gas_adl` writes it."""

from __future__ import annotations

from tests import gas_adl

FEW = gas_adl.HOLDERS[:2]  # the command alone measures more


def test_the_page_on_auto_deleveraging_tells_what_each_policy_costs_now() -> None:
    told = [line.split("|")[1:-1] for line in gas_adl.told().splitlines()]
    rows = gas_adl.rows(gas_adl.measured(FEW)).splitlines()
    for line, row in zip(told, rows, strict=True):
        measured = {place: cell for place, cell in enumerate(row.split("|")[1:-1]) if cell.strip()}
        assert {place: line[place] for place in measured} == measured
