"""A loss that profits bear costs what `docs/adl.md` says, a holder and a payment."""

from __future__ import annotations

from spillway.build import ROOT
from tests import gas_profit

FEW = gas_profit.HOLDERS[:2]  # the command alone measures more


def test_a_closing_costs_what_the_page_says() -> None:
    page = (ROOT / "docs" / "adl.md").read_text(encoding="utf-8")
    for holders in FEW:
        assert gas_profit.row(holders, gas_profit.measure(holders)) in page
