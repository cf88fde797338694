"""A loss charged per lot costs the same in any crowd, and what `docs/adl.md` says."""

from __future__ import annotations

from spillway.build import ROOT
from tests import gas_index

FEW = gas_index.HOLDERS[:2]  # the command alone measures more


def test_a_closing_costs_what_the_page_says_however_many_hold_the_market() -> None:
    costs = gas_index.measured(FEW)
    assert all(len(set(by_size.values())) == 1 for by_size in costs.values())
    one, both = (round(by_size[FEW[0]], -3) for by_size in costs.values())
    page = (ROOT / "docs" / "adl.md").read_text(encoding="utf-8")
    assert f"{one:,} gas for a leg against one side, {both:,} against both" in page
