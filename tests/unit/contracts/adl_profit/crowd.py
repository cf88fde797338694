"""Who stands around a loser in the tests of charges on profit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.bench import MAX_UINT, USD
from tests.unit.contracts.hand import START, hand, swap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spillway.engines import Receipt
    from tests.bench import Bench, Usd

ABSENT, SCANNING, COLLECTING = range(3)
WEI = Decimal(1) / USD


def gather(bench: Bench) -> dict[str, int]:
    """A loser long 10 from 100 with 50 USD, a long with 4 from 85, shorts with 9 and 5, a backstop.

    `near` is short from 100, `far` 1 from 100 and 4 from 85. At 88 the loser owes 70, and profits
    are 4 * 3 = 12, 9 * 12 = 108 and 12 - 12 = 0.
    """
    money = {"loser": 50, "long": 1_000, "near": 1_000, "far": 1_000}
    for name, usd in money.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["near"], 9, 100)
    swap(bench, a["loser"], a["far"], 1, 100)
    swap(bench, a["long"], a["far"], 4, 85)
    return a


def crash(bench: Bench, mark: int = 88) -> None:
    """The mark of market 0 moves, and no other."""
    bench.mark(mark, *START[1:])


def close(bench: Bench, *losers: int, steps: int = MAX_UINT) -> Receipt:
    """Anyone takes losers, and so many steps of their jobs."""
    receipt: Receipt = bench.adl.transact.close(list(losers), steps, sender=bench.keeper)
    return receipt


def proceed(bench: Bench, steps: int = MAX_UINT, market: int = 0) -> Receipt:
    """Anyone goes on with a job."""
    receipt: Receipt = bench.adl.transact.proceed(market, steps, sender=bench.keeper)
    return receipt


def equities(bench: Bench, *names: str) -> list[Usd]:
    return [bench.equity(bench.accounts[name]) for name in names]


def lost(bench: Bench, before: Iterable[Usd], *names: str) -> list[Usd]:
    """USD that each has less than before."""
    return [was - now for was, now in zip(before, equities(bench, *names), strict=True)]


def outcomes(*receipts: Receipt) -> dict[int, tuple[Usd, ...]]:
    """By loser: owed, covered, charged and left, USD."""
    return {
        told.account: tuple(
            Decimal(each) / USD for each in (told.owed, told.covered, told.charged, told.left)
        )
        for receipt in receipts
        for told in receipt.named("Socialized")
    }


def charges(*receipts: Receipt) -> list[tuple[int, int, int, int]]:
    """Market, loser, holder and amount of each charge, quote."""
    return [
        (each.market, each.account, each.holder, each.amount)
        for receipt in receipts
        for each in receipt.named("ProfitCharged")
    ]


def ruin(bench: Bench, account: int, usd: int, winner: int) -> None:
    """An account loses cash to another one, whatever that makes of it."""
    bench.pool.transact.pay(account, winner, usd * USD, sender=hand(bench))


def is_idle(bench: Bench) -> bool:
    """Whether no job is open, no market locked and seniority not held."""
    markets = range(len(START))
    return (
        all(bench.adl.call.job(market).phase == ABSENT for market in markets)
        and not any(bench.pool.call.market(market).locked for market in markets)
        and not bench.pool.call.solvency().seniority_held
    )


def listed(bench: Bench, market: int, longs: bool) -> list[int]:
    """The holders of a side, as its list has them."""
    seen = bench.pool.call.market(market)
    told = (market, longs, 0, 32, seen.mark, seen.funding)
    return [each.account for each in bench.pool.call.candidates(*told)]


def told(event: Any) -> str:
    """The name of an event and what it says."""
    return f"{event.name} {event.args}"
