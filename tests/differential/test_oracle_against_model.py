"""The oracle and its model, driven by the same random reports, books and clocks, agree exactly."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.model import oracle as model
from spillway.model.margin import Market, Tier
from tests.unit.contracts.oracle import feed as feeds
from tests.unit.contracts.oracle.feed import HOUR, MAX_PRICE, USD, WEIGHTS

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Engine, Receipt
    from tests.unit.contracts.oracle.feed import Feed

BASE = 100 * USD
UNPRICED = Market((Tier(0, 10),), size_decimals=0, max_age=60, open_interest_cap=1)


@dataclass(frozen=True, slots=True)
class Round:
    """What leads to one update: reports (venue -> spot, perp) of some age, and the book."""

    reports: dict[str, tuple[int, int]]
    age: int
    quotes: model.Quotes


@dataclass(frozen=True, slots=True)
class Block:
    """The rounds of one block, so many seconds after the last one."""

    elapsed: int
    rounds: list[Round]


@dataclass(slots=True)
class Twins:
    """An oracle on the chain, its model, and the market as the model has it."""

    feed: Feed
    twin: model.Oracle
    market: Market = UNPRICED

    def play(self, block: Block) -> None:
        """Run a block on both, and compare what they say and leave behind."""
        now = self.feed.now + block.elapsed
        calls = []
        expected = []
        for each in block.rounds:
            calls += [
                self.feed.set_tops(each.quotes.bid, each.quotes.ask, each.quotes.last),
                self.feed.set_impact(each.quotes.impact_bid, each.quotes.impact_ask),
            ]
            for name, (spot, perp) in each.reports.items():
                standing = self.twin.reports.get((name, 0))
                seen = max(now - each.age, standing.observed_at if standing else 0)
                self.twin.reports[name, 0] = model.Report(spot, perp, seen)
                calls.append(self.feed.post(name, spot, perp, at=seen))
            calls.append(self.feed.update(0))
            expected.append(self.step(now, each.quotes))

        receipts = self.feed.block(calls, now)
        updates = [receipt for receipt in receipts if receipt.label == "Oracle.update"]
        for receipt, step in zip(updates, expected, strict=True):
            compare(receipt, step)
        found = self.feed.pool.call.market(0)
        for field in ("mark", "index", "funding", "previous_mark", "updated_at"):
            assert getattr(found, field) == getattr(self.market, field), field
        assert self.feed.oracle.call.funding_rate(0) == self.twin.samples[0].rate
        view = self.twin.inputs(0, now, self.market, block.rounds[-1].quotes)
        assert tuple(self.feed.inputs()) == astuple(view)

    def step(self, now: int, quotes: model.Quotes) -> model.Step:
        """One update of the model, and of its market."""
        step = self.twin.step(0, now, self.market, quotes)
        if step.update:
            before = self.market
            previous = before.previous_mark if before.updated_at == now else before.mark
            self.market = replace(
                before,
                previous_mark=previous or step.update.mark,
                mark=step.update.mark,
                index=step.update.index,
                funding=before.funding + step.update.funding_delta,
                updated_at=now,
            )
        return step


def compare(receipt: Receipt, step: model.Step) -> None:
    """Hold what an update said against the model's step."""
    reasons = [event.reason for event in receipt.named("MarkHeld")]
    assert reasons == ([step.reason] if step.reason else [])
    marks = [event.mark for event in receipt.named("MarkSet")]
    assert marks == ([step.update.mark] if step.update else [])


def near(lowest: int, highest: int) -> st.SearchStrategy[int]:
    """Prices from `lowest` to `highest` percent of BASE, to the last unit."""
    return st.integers(BASE * lowest // 100, BASE * highest // 100)


prices = st.one_of(near(98, 102), near(98, 102), near(40, 250), st.sampled_from([0, 1, MAX_PRICE]))
tops = st.one_of(near(95, 105), near(40, 250), st.sampled_from([0, 1, MAX_PRICE, 2**256 - 1]))
impacts = st.one_of(near(90, 110), st.sampled_from([0, 1, MAX_PRICE]))
usual_quotes = st.builds(
    model.Quotes, near(96, 99), near(101, 104), tops, near(95, 99), near(101, 105)
)
any_quotes = st.builds(model.Quotes, tops, tops, tops, impacts, impacts)
usual_reports = st.fixed_dictionaries({name: st.tuples(prices, prices) for name in WEIGHTS})
any_reports = st.dictionaries(st.sampled_from(list(WEIGHTS)), st.tuples(prices, prices))
rounds = st.builds(
    Round,
    st.one_of(usual_reports, any_reports),
    st.integers(0, 65),
    st.one_of(usual_quotes, any_quotes),
)
elapsed = st.one_of(st.integers(1, 20), st.integers(1, 90), st.integers(1, 3 * HOUR))
blocks = st.builds(Block, elapsed, st.lists(rounds, min_size=1, max_size=2))


@pytest.fixture(scope="module", params=[False, True], ids=["continuous", "hourly"])
def setting(
    request: pytest.FixtureRequest, engine: Engine, artifacts: Artifacts
) -> tuple[Feed, bool]:
    """An oracle, and whether it accrues at the hours."""
    return feeds.deploy(engine, artifacts, hourly=request.param), request.param


@settings(max_examples=30, deadline=None)
@given(run=st.lists(blocks, min_size=2, max_size=8))
def test_runs_of_the_oracle_and_its_model_agree(
    setting: tuple[Feed, bool], run: list[Block]
) -> None:
    feed, hourly = setting
    token = feed.engine.snapshot()
    reporters = [model.Reporter(name, *weights) for name, weights in WEIGHTS.items()]
    twin = model.Oracle(
        reporters, feeds.MAX_REPORT_AGE, feeds.QUORUM, band=feeds.BAND, hourly=hourly
    )
    twins = Twins(feed, twin)
    try:
        for block in run:
            twins.play(block)
    finally:
        feed.engine.revert(token)
