"""What it takes to liquidate an account does not depend on how many others there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import ALO
from tests.unit.contracts.hand import swap
from tests.unit.contracts.liquidator.ward import (
    RESTORED,
    TAKEN_OVER,
    maker,
    open_long,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from tests.bench import Bench

FEW, MANY = 10, 1_000
DIGIT = 12  # gas that a byte of call data costs more if it is not zero: the number of the account


@pytest.mark.parametrize(("mark", "becomes"), [(82, TAKEN_OVER), (88, RESTORED)])
def test_a_liquidation_costs_the_same_in_a_crowd(bench: Bench, mark: int, becomes: int) -> None:
    """In the book, and where the backstop takes over; to the last unit of gas."""
    spent = []
    for crowd in (FEW, MANY):
        token = bench.engine.snapshot()
        accounts, owners, sender = dict(bench.accounts), dict(bench.owners), bench.next_sender
        for _ in range(crowd):
            other = bench.open("other", 1_000, bench.keeper)
            swap(bench, other, rich(bench), 10, 100)
        loser = open_long(bench, 200)
        bench.mark(100, 50, 20)
        if becomes == RESTORED:
            bench.place(maker(bench), 4, 86, ALO)
        bench.mark(mark, 50, 20)
        receipt = bench.liquidate(loser)
        assert outcome(receipt, loser) == becomes
        digits = sum(byte != 0 for byte in loser.to_bytes(32, "big"))
        spent.append(receipt.gas_used - DIGIT * digits)
        bench.engine.revert(token)
        bench.accounts, bench.owners, bench.next_sender = accounts, owners, sender
    assert spent[0] == spent[1]
