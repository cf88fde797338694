"""Who stands around a loser in the tests of charges."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.bench import USD
from tests.unit.contracts.hand import START, hand, swap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spillway.engines import BlockResult, Call
    from tests.bench import Bench, Usd


def gather(bench: Bench) -> dict[str, int]:
    """A loser long 10 at 100 with 50 USD; others long 4, short 9 and short 5; a backstop.

    At 89 the loser owes 60.
    """
    money = {"loser": 50, "long": 1_000, "near": 1_000, "far": 1_000}
    for name, usd in money.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["near"], 9, 100)
    swap(bench, a["loser"], a["far"], 1, 100)
    swap(bench, a["long"], a["far"], 4, 100)
    return a


def crash(bench: Bench, mark: int = 89) -> None:
    """The mark of market 0 moves, and no other."""
    bench.mark(mark, *START[1:])


def equities(bench: Bench, *names: str) -> list[Usd]:
    return [bench.equity(bench.accounts[name]) for name in names]


def lost(bench: Bench, before: Iterable[Usd], *names: str) -> list[Usd]:
    """USD that each has less than before."""
    return [was - now for was, now in zip(before, equities(bench, *names), strict=True)]


def outcome(receipt: Any) -> tuple[Usd, Usd, Usd, Usd]:
    """Owed, covered, charged and left of a closing, USD."""
    (told,) = receipt.named("Socialized")
    owed, covered, charged, left = (
        Decimal(each) / USD for each in (told.owed, told.covered, told.charged, told.left)
    )
    return owed, covered, charged, left


def pass_on(bench: Bench, buyer: int, seller: int, lots: int, usd: int) -> Call:
    """The call by which the hand passes lots on, at USD a lot."""
    build = bench.pool.build.exchange
    call: Call = build(0, buyer, seller, lots, lots * usd * USD, sender=hand(bench), gas=10**6)
    return call


def closing(bench: Bench, loser: int) -> Call:
    """The call by which anyone closes a loser."""
    call: Call = bench.adl.build.close(loser, sender=bench.keeper, gas=2 * 10**6)
    return call


def in_one_block(bench: Bench, *calls: Call) -> BlockResult:
    """Mine calls in this order, all of which succeed."""
    result = bench.engine.send_block(list(calls), bench.engine.head.timestamp + 1)
    assert all(receipt.success for receipt in result.receipts)
    return result
