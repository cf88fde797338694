"""The reference keeper on a bench, and the snapshots that it decides by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from spillway import observe, presets
from spillway.actors.keeper import Keeper
from spillway.actors.view import View
from spillway.invariants import Snapshot
from spillway.model.margin import Market, Tier, tiers_of
from spillway.storage import PoolStorage
from spillway.venue import Venue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.deploy import Contracts
    from spillway.engines import Contract, Engine, Receipt
    from spillway.presets import Adl
    from tests.bench import Bench


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads everything that the invariants judge; `listed` are the markets as they were listed."""

    engine: Engine
    usdc: Contract
    pool: Contract
    custody: Contract
    storage: PoolStorage
    listed: Sequence[Market]

    def snapshot(self) -> Snapshot:
        """The venue at the head."""
        solvency = self.pool.call.solvency()
        markets = range(len(self.listed))
        return Snapshot(
            block=self.engine.head.number,
            accounts={n: self.storage.account(n) for n in range(1, self.storage.count() + 1)},
            markets=[self._market(number) for number in markets],
            custody=solvency.custody,
            balance=self.usdc.call.balanceOf(self.custody.address),
            deficit=solvency.deficit,
            flat_quote=solvency.flat_quote,
            holders={
                (number, longs): self.storage.holders(number, longs=longs)
                for number in markets
                for longs in (True, False)
            },
        )

    def _market(self, number: int) -> Market:
        standing, entry = self.storage.schedules(number)
        listed = replace(self.listed[number], tiers=tiers_of(standing), entry=tiers_of(entry))
        return observe.market_as_it_stands(self.pool, self.storage, listed, number)


HYPERLIQUID = presets.load(presets.find("hyperliquid"))


class Shift:
    """The keeper at work on a bench, as a run has it work: it rehearses what it will meet."""

    def __init__(
        self,
        bench: Bench,
        artifacts: Artifacts,
        *,
        liquidates: bool = True,
        rules: Adl | None = None,
        policy: str = "hyperliquid_queue",
    ) -> None:
        self._bench = bench
        rules = rules or presets.with_policy(HYPERLIQUID, policy).adl
        # The keeper calls what a bench has under the same names.
        self._keeper = Keeper(Venue(cast("Contracts", bench)), bench.keeper, (), rules)
        self._liquidates = liquidates
        self._storage = PoolStorage(bench.pool, artifacts["MarginPool"])

    def block(self) -> list[Receipt]:
        """Mine a block of its calls, none of which may be refused."""
        engine = self._bench.engine
        at = engine.head.timestamp + 1
        with engine.rehearse([], at):
            view = self._view(at)
            to_close = self._keeper.finds_losers(view)
            calls = [*self._keeper.unlock(view), *self._keeper.quote(view)]
            if self._liquidates:
                calls += self._keeper.liquidate(view)
            calls += self._keeper.limit(view)
        more = to_close
        while more:
            with engine.rehearse(calls, at):
                told = self._keeper.deleverage(self._view(at))
            calls += told
            more = self._keeper.one_by_one and bool(told)
        receipts = list(engine.send_block(calls, at).receipts)
        assert not [(each.label, each.reason) for each in receipts if not each.success]
        return receipts

    def _view(self, at: int) -> View:
        bench = self._bench
        seen = [bench.pool.call.market(number) for number in range(bench.pool.call.market_count())]
        listed = [
            Market(
                tiers=(Tier(0, 5),),
                size_decimals=market.size_decimals,
                max_age=3_600,
                open_interest_cap=market.open_interest_cap,
            )
            for market in seen
        ]
        reader = Reader(bench.engine, bench.usdc, bench.pool, bench.custody, self._storage, listed)
        return View(block=at, time=at, now=reader.snapshot())


def labels(receipts: Sequence[Receipt]) -> list[str]:
    """What was called, in order."""
    return [each.label for each in receipts]
