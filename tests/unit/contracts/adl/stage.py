"""Auto-deleveraging on its real pool and book; the hand is the liquidator, and cancels orders."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.bench import LIQUIDATOR, USD
from tests.unit.contracts import hand as hands
from tests.unit.contracts.hand import START, swap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench, Usd

# Phases of a job.
ABSENT, SCANNING, ORDERING, READY = range(4)
# Reasons of JobEnded.
LOSER_CLOSED, USED_UP, EXPIRED = range(3)
LIFETIME = 20
ALL = 2**256 - 1
# The sides that a job ranks.
LONGS, SHORTS = True, False


def deploy(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, **options: Any
) -> Bench:
    """A venue with three markets, whose liquidator is the hand."""
    return hands.deploy(engine, artifacts, admin, keeper, role=LIQUIDATOR, **options)


def open_crowd(bench: Bench) -> dict[str, int]:
    """A loser long 10 at 100 with 100 USD, four shorts of different leverage, and a rich long.

    At 89 the queue of the shorts is c (5 lots), a (4), d (2), b (3): leverage times the same
    return of 11 %, 445/75 > 356/94 > 178/222 > 267/533.
    """
    crowd = {"loser": 100, "a": 50, "b": 500, "c": 20, "d": 200, "rich": 10_000}
    for name, usd in crowd.items():
        bench.open(name, usd)
    a = bench.accounts
    for name, lots in {"a": 4, "b": 3, "c": 3}.items():
        swap(bench, a["loser"], a[name], lots, 100)
    swap(bench, a["rich"], a["c"], 2, 100)
    swap(bench, a["rich"], a["d"], 2, 100)
    return a


QUEUE = "cadb"


def crash(bench: Bench, *, previous: Decimal | int = 91, mark: Decimal | int = 89) -> None:
    """Two epochs: the loser of the crowd is below zero at the second, not at the first."""
    bench.mark(previous, *START[1:])
    bench.mark(mark, *START[1:])


def open_job(bench: Bench, loser: int, market: int = 0, threshold: int = 0) -> Receipt:
    """Anyone opens a job."""
    receipt: Receipt = bench.adl.transact.open_jobs(
        loser, [(market, threshold)], sender=bench.keeper
    )
    return receipt


def scan(bench: Bench, market: int = 0, count: int = ALL, *, longs: bool = False) -> Receipt:
    """Anyone goes on with the scan of a side, the shorts unless told."""
    receipt: Receipt = bench.adl.transact.scan(market, longs, count, sender=bench.keeper)
    return receipt


def order(
    bench: Bench, places: Sequence[int], market: int = 0, *, longs: bool = False, start: int = 0
) -> Receipt:
    """Anyone tells the places of the ranks from `start` on."""
    told = list(places)
    receipt: Receipt = bench.adl.transact.order(market, longs, start, told, sender=bench.keeper)
    return receipt


def close(bench: Bench, loser: int, fills: int = ALL) -> Receipt:
    """Anyone goes on with a closing."""
    receipt: Receipt = bench.adl.transact.close(loser, fills, sender=bench.keeper)
    return receipt


def end_job(bench: Bench, market: int = 0, *, longs: bool = False) -> Receipt:
    """Anyone ends a job."""
    receipt: Receipt = bench.adl.transact.end_job(market, longs, sender=bench.keeper)
    return receipt


def ranked(bench: Bench, market: int = 0, threshold: int = 0, *, longs: bool = False) -> list[int]:
    """Places in the queue of a side's enrolled holders, best key first, at present prices."""
    enrolled = [key for key, _ in bench.keys(market, longs) if key >= threshold]
    return sorted(range(len(enrolled)), key=enrolled.__getitem__, reverse=True)


def make_ready(bench: Bench, loser: int, market: int = 0) -> None:
    """Open the job of a loser's leg, scan and order every holder."""
    longs = bench.size(loser, market) < 0
    places = ranked(bench, market, longs=longs)
    open_job(bench, loser, market)
    scan(bench, market, longs=longs)
    order(bench, places, market, longs=longs)


def job(bench: Bench, market: int = 0, *, longs: bool = False) -> Any:
    """The job of a side, the shorts unless told."""
    return bench.adl.call.job(market, longs)


def pass_blocks(bench: Bench, count: int) -> None:
    """Let empty blocks pass."""
    for _ in range(count):
        bench.engine.send_block([], bench.engine.head.timestamp + 1)


def fills(receipt: Receipt) -> list[tuple[int, int, Usd, int]]:
    """(winner, lots, USD a lot, tier) of each fill."""
    return [
        (f.winner, f.lots, Decimal(f.quote) / f.lots / USD, f.tier)
        for f in receipt.named("Deleveraged")
    ]


def gaps(receipt: Receipt) -> list[tuple[int, int, Usd]]:
    """(market, winner, USD) of each payment towards a gap."""
    return [(g.market, g.winner, Decimal(g.amount) / USD) for g in receipt.named("GapBorne")]
