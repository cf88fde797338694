"""`docs/gas.md` is a snapshot: `python -m tests.gas` writes it, and it may not lag behind."""

from __future__ import annotations

from tests import gas


def test_the_page_on_gas_tells_what_the_contracts_cost_now() -> None:
    assert gas.told() == gas.rows(gas.measured())
