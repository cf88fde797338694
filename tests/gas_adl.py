"""Part of `make bench`: gas of auto-deleveraging by policy and number of holders.

The table of `docs/adl.md` is written from here; a test holds its columns of few holders to what is
measured. Whole transactions, 21,000 and call data included, shared out over what they do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

from spillway import engines, ranking
from spillway import sharing as keeping
from spillway.build import ROOT, build_all
from spillway.model.policies import QUEUES, SHARES, contract_name
from tests import bench as benches
from tests.bench import ADL, MAX_UINT
from tests.chains import FASTEST
from tests.unit.contracts.adl import sharing
from tests.unit.contracts.adl.crowded import Crowded, deploy
from tests.unit.contracts.adl.stage import READY, SHORTS, close, job, open_job, order, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spillway.build import Artifacts

HOLDERS = (100, 1_000, 10_000)
LOTS = 60  # that the loser has; a holder has 1 to 3 of them
HOLDERS_A_PAGE = 1_600
SHARED_A_PAGE = 1_400
RANKS_A_PAGE = 64
PAGE = ROOT / "docs" / "adl.md"
_COLUMNS = [f"{what}, {n:,} holders" for what in ("candidate", "fill") for n in HOLDERS]
HEAD = f"| policy | {' | '.join(_COLUMNS)} |\n|---|{'---:|' * len(_COLUMNS)}\n"


class Cost(NamedTuple):
    """Gas of weighing one holder, and of enrolling, ordering and closing one."""

    candidate: int
    fill: int


Costs = dict[str, dict[int, Cost]]  # by contract, then by number of holders


def measured(sizes: Iterable[int] = HOLDERS) -> Costs:
    """Every policy on the same crowds."""
    artifacts = build_all()
    costs: Costs = {contract_name(name): {} for name in (*QUEUES, *SHARES)}
    for holders in sizes:
        for policy, cost in by_policy(artifacts, holders):
            costs[policy][holders] = cost
    return costs


def by_policy(artifacts: Artifacts, holders: int) -> Iterator[tuple[str, Cost]]:
    """One crowd, deleveraged by each policy from the same state."""
    engine = engines.start(FASTEST, engines.Genesis(timestamp=1_760_126_400, senders=128))
    admin, keeper = engine.sender(0), engine.sender(3)
    crowded = deploy(engine, artifacts, admin, keeper, holders, LOTS, ungranted={ADL})
    for name in (*QUEUES, *SHARES):
        policy = contract_name(name)
        token = engine.snapshot()
        bench = benches.rank_by(crowded.bench, artifacts, policy)
        cost = shared_cost_of if bench.quota else cost_of
        yield policy, cost(replace(crowded, bench=bench))
        engine.revert(token)


def cost_of(crowded: Crowded) -> Cost:
    """Scan without enrolling anyone; then scan, order and close as a keeper does."""
    bench, loser = crowded.bench, crowded.loser
    plan = ranking.plan(0, SHORTS, bench.keys(0, SHORTS), LOTS, most=None)
    token = bench.engine.snapshot()
    weighing = _scan_all(crowded, MAX_UINT)
    bench.engine.revert(token)
    spent = _scan_all(crowded, plan.threshold) - weighing
    for start in range(0, len(plan.order), RANKS_A_PAGE):
        spent += order(bench, plan.order[start : start + RANKS_A_PAGE], start=start).gas_used
    assert job(bench).phase == READY
    receipt = close(bench, loser)
    fills = len(receipt.named("Deleveraged"))
    assert fills == len(plan.order)
    return Cost(weighing // crowded.holders, (spent + receipt.gas_used) // fills)


def shared_cost_of(crowded: Crowded) -> Cost:
    """Scan at the level of no lots, up to the last place; then scan and close as a keeper does."""
    bench, loser = crowded.bench, crowded.loser
    assert bench.quota is not None
    found = keeping.read(bench.adl, bench.pool, bench.quota, loser, 0)
    token = bench.engine.snapshot()
    weighing = _share_all(crowded, 0, crowded.holders - 1)
    bench.engine.revert(token)
    spent = _share_all(crowded, found.plan.level, crowded.holders) - weighing
    assert sharing.job(bench, loser).phase == READY
    receipt = close(bench, loser)
    fills = len(receipt.named("Deleveraged"))
    assert fills == found.giving
    return Cost(weighing // (crowded.holders - 1), (spent + receipt.gas_used) // fills)


def _share_all(crowded: Crowded, level: int, places: int) -> int:
    """Gas of the pages of one draft."""
    sharing.open_jobs(crowded.bench, crowded.loser)
    pages = [min(SHARED_A_PAGE, places - start) for start in range(0, places, SHARED_A_PAGE)]
    return sum(sharing.scan(crowded.bench, crowded.loser, level, page).gas_used for page in pages)


def _scan_all(crowded: Crowded, threshold: int) -> int:
    """Gas of all pages of the first scan of a job."""
    open_job(crowded.bench, crowded.loser, threshold=threshold)
    pages = range(0, crowded.holders, HOLDERS_A_PAGE)
    return sum(scan(crowded.bench, count=HOLDERS_A_PAGE).gas_used for _ in pages)


def cells(costs: dict[int, Cost]) -> list[str]:
    """The figures of one policy, in the order of the columns; of sizes not measured, none."""
    by_size = [costs.get(holders) for holders in HOLDERS]
    return [f"{cost.candidate:,}" if cost else "" for cost in by_size] + [
        f"{cost.fill:,}" if cost else "" for cost in by_size
    ]


def rows(costs: Costs) -> str:
    """The figures as the rows of the table in `docs/adl.md`."""
    return "".join(f"| `{name}` | {' | '.join(cells(of))} |\n" for name, of in costs.items())


def told() -> str:
    """The rows that `docs/adl.md` has now."""
    return PAGE.read_text(encoding="utf-8").partition(HEAD)[2].partition("\n\n")[0] + "\n"


def table(costs: Costs) -> Table:
    """The same for the screen."""
    shown = Table(title="Gas of auto-deleveraging, by policy and number of holders")
    shown.add_column("policy", no_wrap=True)
    for column in _COLUMNS:
        shown.add_column(column, justify="right")
    for name, of in costs.items():
        shown.add_row(name, *cells(of))
    return shown


def main() -> None:
    """Print the table, and write it into `docs/adl.md`."""
    costs = measured()
    Console().print(table(costs))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(HEAD + told(), HEAD + rows(costs)), encoding="utf-8")


if __name__ == "__main__":
    main()
