"""The open interest cap: lowered at once, for those alone who would grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.hand import swap

if TYPE_CHECKING:
    from tests.unit.contracts.levers.conftest import Board

CAP = 10**12  # of the markets that the bench lists


@pytest.mark.parametrize("cap", [CAP - 1, 3, 0])
def test_it_is_lowered_at_once(board: Board, cap: int) -> None:
    receipt = board.levers.transact.lower_cap(0, cap, sender=board.admin)

    assert board.bench.pool.call.market(0).open_interest_cap == cap
    assert board.bench.pool.call.market(1).open_interest_cap == CAP
    assert [tuple(event) for event in receipt.named("CapLowered")] == [(0, cap)]


@pytest.mark.parametrize("cap", [CAP, CAP + 1, 2**256 - 1])
def test_it_never_rises(board: Board, cap: int) -> None:
    with refused("levers: only ever tighter"):
        board.levers.transact.lower_cap(0, cap, sender=board.admin)


def test_a_market_that_there_is_not_has_none(board: Board) -> None:
    with refused("levers: only ever tighter"):
        board.levers.transact.lower_cap(3, 0, sender=board.admin)


def test_the_admin_alone_lowers_it(board: Board) -> None:
    with refused("levers: not the admin"):
        board.levers.transact.lower_cap(0, 1, sender=board.outsider)


def test_whoever_is_in_can_leave(board: Board) -> None:
    bench = board.bench
    long, short = bench.open("long", 1_000), bench.open("short", 1_000)
    swap(bench, long, short, 10, 100)
    board.levers.transact.lower_cap(0, 0, sender=board.admin)

    bench.trade(short, long, 4, 100)

    assert (bench.size(long), bench.size(short)) == (6, -6)
    with refused("book: open interest cap"):
        bench.place(long, 1, 100)
