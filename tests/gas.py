"""`make bench`: gas of each operation, whole transactions with cold storage, as one table.

Accounts are warm in the sense of a venue that runs: seats, levels and lists have been used before.
The table of `docs/gas.md` is written from here, and a test holds the page to what is measured; a
budget that is missed is shown as missed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from spillway import engines
from spillway.build import ROOT, build_all
from tests import bench as benches
from tests.bench import ALO, GTC, IOC, USD, Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

LOT = 10**5  # lots a coin
START = 100_000  # USD
HOLDERS = 64
PAGE = ROOT / "docs" / "gas.md"
HEAD = "| operation | gas | budget |\n|---|---:|---:|\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """Gas of an operation, and the budget it is held to."""

    operation: str
    gas: int
    budget: int


@dataclass(slots=True)
class Scene:
    """A venue with a maker and a taker in one 40x market."""

    bench: Bench
    maker: int
    taker: int
    other: int = 0
    costs: list[Cost] = field(default_factory=list)

    def place(self, account: int, lots: int, usd: int, kind: int = GTC) -> int:
        """Place an order; its gas."""
        order = (lots > 0, usd * USD // LOT, abs(lots), kind, False)
        sender = self.bench.owners[account]
        receipt = self.bench.book.transact.place(account, 0, order, sender=sender)
        return int(receipt.gas_used)

    def cancel(self, account: int, index: int) -> int:
        """Cancel one of an account's orders; its gas."""
        order = self.bench.book.call.orders_of(account)[index]
        sender = self.bench.owners[account]
        return int(self.bench.book.transact.cancel(order, sender=sender).gas_used)

    def requote(self, account: int, usd: int) -> int:
        """Replace all orders of an account by four bids and four asks around a price; its gas."""
        steps = range(1, 5)
        bids = [(True, (usd - i) * USD // LOT, 100, ALO, False) for i in steps]
        asks = [(False, (usd + i) * USD // LOT, 100, ALO, False) for i in steps]
        old = list(self.bench.book.call.orders_of(account))
        sender = self.bench.owners[account]
        receipt = self.bench.book.transact.requote(account, 0, old, bids + asks, sender=sender)
        return int(receipt.gas_used)


def new_bench() -> Bench:
    """Deploy a venue with one market of 40x and the fees of Hyperliquid."""
    engine = engines.start("pyevm", engines.Genesis(timestamp=1_760_126_400, senders=128))
    bench = benches.deploy(
        engine, build_all(), engine.sender(0), engine.sender(3), taker_fee=450, maker_fee=150
    )
    bench.list_market(40, 5, tiers=[(150_000_000, 20)])
    mark(bench, START)
    return bench


def mark(bench: Bench, usd: int) -> None:
    """Set the mark in USD a coin."""
    price = usd * USD // LOT
    bench.pool.transact.advance([(0, price, price, 0)], sender=bench.oracle)


def new_scene() -> Scene:
    """Let maker and taker have traded, quoted and cancelled before, so that nothing is new."""
    bench = new_bench()
    scene = Scene(bench, bench.open("maker", 10**6), bench.open("taker", 10**6))
    for usd in (START, START + 1, START + 2):
        scene.place(scene.maker, -1_000, usd)
    scene.place(scene.taker, 500, START, IOC)
    while bench.book.call.orders_of(scene.maker):
        scene.cancel(scene.maker, 0)
    scene.other = bench.open("other", 10**6)
    scene.place(scene.other, -5_000, START)
    scene.place(scene.taker, 100, START, IOC)
    scene.place(scene.maker, -1_000, START + 3)
    return scene


def orders() -> Iterator[Cost]:
    """Orders that rest, and those that take."""
    scene = new_scene()
    yield Cost("resting order, standing level", scene.place(scene.maker, -1_000, START), 80_000)
    yield Cost("resting order, new level", scene.place(scene.maker, -1_000, START + 1), 97_000)
    yield Cost("cancel, end of its level", scene.cancel(scene.maker, 1), 36_000)
    yield Cost("cancel, empties its level", scene.cancel(scene.maker, 1), 36_000)
    yield Cost("fill that adds", scene.place(scene.taker, 100, START, IOC), 95_000)
    fresh = scene.bench.open("fresh", 10**5)
    yield Cost("fill that opens", scene.place(fresh, 100, START, IOC), 150_000)
    scene.place(scene.other, 1_000, START - 5)
    yield Cost("fill that reduces", scene.place(scene.taker, -100, START - 5, IOC), 85_000)
    scene.requote(scene.maker, START - 10)
    scene.requote(scene.maker, START - 20)
    yield Cost("requote of 4 + 4 orders", scene.requote(scene.maker, START - 12), 400_000)


def takeover() -> Iterator[Cost]:
    """An account of one market goes to the backstop; the book is empty."""
    bench = new_bench()
    bench.open_backstop("backstop", 10**6)
    short = bench.open("short", 10**7)
    scene = Scene(bench, short, 0)
    for name in ("first", "second"):
        long = bench.open(name, 3_000)
        scene.place(short, -LOT, START, ALO)
        scene.place(long, LOT, START, IOC)
    mark(bench, 97_500)
    for name, operation in (("first", "takeover, the first"), ("second", "takeover, one market")):
        gas = bench.liquidate(bench.accounts[name]).gas_used
        if name == "second":
            yield Cost(operation, gas, 200_000)


def deleveraging() -> Iterator[Cost]:
    """One loser against many winners; a second round shows queue slots that are used again."""
    bench = new_bench()
    loser = bench.open("loser", 3_300)
    scene = Scene(bench, loser, 0)
    for index in range(HOLDERS):
        winner = bench.open(f"winner {index}", 5_000 + 100 * index)
        scene.place(winner, -2_000, START, ALO)
        scene.place(loser, 2_000, START, IOC)
    mark(bench, 99_990)
    few, many = 8, 40
    gas = {}
    for rounds in ("new", "used"):
        token = bench.engine.snapshot()
        for count in (few, many):
            inner = bench.engine.snapshot()
            gas[rounds, count] = _close(bench, loser, count)
            bench.engine.revert(inner)
        bench.engine.revert(token)
    scan = _scan(bench, loser)
    yield Cost("ranking a candidate of one market, cold", scan, 8_000)
    each = (gas["new", many] - gas["new", few]) // (many - few)
    yield Cost("closing a further counterparty, queue slot new", each, 40_000)


def _close(bench: Bench, loser: int, fills: int) -> int:
    """Gas of closing `fills` winners against a loser whose job is ready."""
    mark(bench, 97_000)
    bench.liquidate(loser)
    (plan,) = bench.plans(loser)
    adl, keeper = bench.adl, bench.keeper
    adl.transact.open_jobs(loser, [(0, plan.threshold)], sender=keeper)
    adl.transact.scan(0, False, 10_000, sender=keeper)
    for start in range(0, len(plan.order), 64):
        adl.transact.order(0, False, start, list(plan.order[start : start + 64]), sender=keeper)
    return int(adl.transact.close(loser, fills, sender=keeper).gas_used)


def _scan(bench: Bench, loser: int) -> int:
    """Gas of weighing a further holder that is not enrolled."""
    mark(bench, 97_000)
    bench.liquidate(loser)
    bench.adl.transact.open_jobs(loser, [(0, 2**256 - 1)], sender=bench.keeper)
    first = bench.adl.transact.scan(0, False, 8, sender=bench.keeper).gas_used
    second = bench.adl.transact.scan(0, False, 32, sender=bench.keeper).gas_used
    return int(second - first) // 24


def table(costs: list[Cost]) -> Table:
    """The figures, each beside its budget."""
    shown = Table(title="Gas of a transaction (21,000, call data and cold storage included)")
    shown.add_column("operation")
    for name in ("gas", "budget", "of it"):
        shown.add_column(name, justify="right")
    for cost in costs:
        share = f"{cost.gas / cost.budget:.0%}"
        shown.add_row(cost.operation, f"{cost.gas:,}", f"{cost.budget:,}", share)
    return shown


def measured() -> list[Cost]:
    """Every operation, in the order of the page."""
    return [*orders(), *takeover(), *deleveraging()]


def rows(costs: list[Cost]) -> str:
    """The figures as the rows of the table in `docs/gas.md`."""
    return "".join(f"| {each.operation} | {each.gas:,} | {each.budget:,} |\n" for each in costs)


def told() -> str:
    """The rows that `docs/gas.md` has now."""
    return PAGE.read_text(encoding="utf-8").partition(HEAD)[2].partition("\n\n")[0] + "\n"


def main() -> None:
    """Print the table, and write it into `docs/gas.md`."""
    costs = measured()
    Console().print(table(costs))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(HEAD + told(), HEAD + rows(costs)), encoding="utf-8")


if __name__ == "__main__":
    main()
