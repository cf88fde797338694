"""Gas of a closing whose losses are borne by profits, by the number of holders.

`docs/adl.md` tells it in thousands; a test holds it to what is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spillway import engines
from spillway.build import build_all
from spillway.rules import ProfitRules
from tests.chains import FASTEST
from tests.unit.contracts.adl.crowded import deploy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spillway.engines import Receipt
    from tests.bench import Bench

HOLDERS = (100, 1_000, 10_000)
LOTS = 60  # that the loser has; a holder has 1 to 3 of them, and is in profit
WEIGHED, PAID = 300, 420  # steps of a page: what 2**24 gas pays for, with room


class Cost(NamedTuple):
    """Gas of a closing: of the call that takes the loser, and a holder's part of the others.

    Attributes:
        taken: One leg, its lots passed on, its job begun, no holder weighed.
        weighed: A holder in profit.
        paid: A payment.
        transactions: In all.
    """

    taken: int
    weighed: int
    paid: int
    transactions: int


def measure(holders: int) -> Cost:
    """Close a loser among so many holders; all storage is new."""
    artifacts = build_all()
    engine = engines.start(FASTEST, engines.Genesis(timestamp=1_760_126_400, senders=128))
    admin, keeper = engine.sender(0), engine.sender(3)
    crowded = deploy(engine, artifacts, admin, keeper, holders, LOTS, profit=ProfitRules())
    bench = crowded.bench
    bench.open_backstop("child", 0)
    taken = bench.adl.transact.close([crowded.loser], 0, sender=keeper).gas_used
    job = bench.adl.call.job(0)
    weighing = list(_pages(bench, WEIGHED, lambda: bench.adl.call.job(0).phase == 1))
    paying = list(_pages(bench, PAID, lambda: bench.adl.call.job(0).phase == 2))
    fills = sum(len(receipt.named("ProfitCharged")) for receipt in paying)
    weighed = sum(receipt.gas_used for receipt in weighing) // (job.longs + job.shorts)
    paid = sum(receipt.gas_used for receipt in paying) // fills
    return Cost(taken, weighed, paid, 1 + len(weighing) + len(paying))


def _pages(bench: Bench, steps: int, goes_on: Callable[[], bool]) -> Iterator[Receipt]:
    """Go on with the job of market 0, its phase alone."""
    while goes_on():
        job = bench.adl.call.job(0)
        left = job.longs + job.shorts - job.cursor
        most = min(steps, left) if left else steps
        yield bench.adl.transact.proceed(0, most, sender=bench.keeper)


def row(holders: int, cost: Cost) -> str:
    """A row of the table of `docs/adl.md`, gas in whole thousands."""
    gas = (round(each, -3) for each in (cost.taken, cost.weighed, cost.paid))
    cells = (holders, *gas, cost.transactions)
    return "| " + " | ".join(f"{cell:,}" for cell in cells) + " |\n"


def main() -> None:
    """Print the rows."""
    for holders in HOLDERS:
        print(row(holders, measure(holders)), end="")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
