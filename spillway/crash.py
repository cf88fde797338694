"""The run: a scenario under a preset on an engine, block by block, judged at the end of each.

What a block does is decided on what it will see. Its first calls, the prices, are rehearsed: mined,
looked at, and taken back. Makers and the keeper decide on that, as those do who watch what is about
to be mined. Where an account will be below zero, the liquidations are rehearsed too, because the
plans of auto-deleveraging need the positions as they leave them. Then the block is mined for good,
in this order:

    prices -> cancels and post-only -> liquidations and takeovers -> auto-deleveraging, the vault's
    child last -> shedding -> stops and takers -> levers, deposits, withdrawals, redemptions

Contracts can't enforce an order between transactions; this module does.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING

from spillway import early, invariants, observe, winners
from spillway import scenario as scenarios
from spillway.actors.admin import Admin
from spillway.actors.cashier import Cashier
from spillway.actors.keeper import Keeper
from spillway.actors.market_maker import MarketMaker
from spillway.actors.oracle_feed import OracleFeed, Source
from spillway.actors.provider import Provider
from spillway.actors.script import Script
from spillway.actors.trader import Trader
from spillway.actors.view import View
from spillway.deploy import cast, cast_size, check_fit, deploy
from spillway.engines import Genesis
from spillway.engines.protocol import BLOCK_GAS_LIMIT
from spillway.entrants import enter
from spillway.invariants import Finding
from spillway.metrics import Tally
from spillway.opening import SETUP_SECONDS, Opening
from spillway.timeline import KEEPERS, MAKERS, REPORTERS, TRADERS, absent
from spillway.venue import Venue
from spillway.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from spillway.build import Artifact
    from spillway.deploy import Cast, Contracts
    from spillway.early import EarlyWarning
    from spillway.engines import BlockResult, Call, Engine, Event, Receipt
    from spillway.invariants import Snapshot
    from spillway.model.margin import Market
    from spillway.opening import Roster
    from spillway.presets import Preset
    from spillway.scenario import Scenario

# Every so many blocks all accounts are read again, and none may differ from what events said.
WHOLE_EVERY = 20
# For how many people and markets a block of the usual size is large enough.
SENDERS_A_BLOCK = 2_000
MARKETS_A_BLOCK = 6  # quotes of each, a page of its ranking, shedding: 50M gas declared
DEPLOY_SECONDS = 120  # before the vault's depositors begin to wait; a block a second


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the run, as it was mined.

    Attributes:
        number: Of the chain.
        timestamp: Seconds.
        step: Of the run, counted from 0.
        receipts: Of its calls, in order.
        markets: At its end.
        custody: Units of collateral at its end.
        deficit: Quote.
        flat_quote: Of flat traders' accounts, quote.
        vault_equity: Of the vault, quote.
        below_maintenance: Accounts with less equity than that, at its end.
        below_zero: Accounts with a position and equity below zero, at its end.
    """

    number: int
    timestamp: int
    step: int
    receipts: tuple[Receipt, ...]
    markets: Sequence[Market]
    custody: int
    deficit: int
    flat_quote: int
    vault_equity: int
    below_maintenance: int
    below_zero: int

    @property
    def gas_used(self) -> int:
        """Gas of all its calls."""
        return sum(receipt.gas_used for receipt in self.receipts)

    @property
    def reverted(self) -> list[Receipt]:
        """Calls that were refused."""
        return [receipt for receipt in self.receipts if not receipt.success]


@dataclass(slots=True)
class Run:
    """A run, while it goes on and after it.

    Attributes:
        scenario: As resolved.
        preset: As resolved.
        engine: Name of the engine.
        roster: Who takes part.
        child: The account of the vault that takes positions over.
        parent: The account of the vault that holds its cash.
        start: The venue when the clock starts.
        now: The venue as it stands.
        vault_start: Equity of the vault then, quote.
        blocks: Those mined so far.
        tally: What happened so far.
        funds: Accounts of the insurance fund; none under a venue without one.
        counterparty: Account of the pool that trades against everyone; 0, there is none.
        early: How crowded it was at the end of the first block; None before.
        findings: Invariants that broke; the run stops at the first block with any.
        interrupted: Whether it was stopped before its end.
        state_digest: Of the state at its end.
        wall_seconds: That it took, set-up included.
    """

    scenario: Scenario
    preset: Preset
    engine: str
    roster: Roster
    parent: int
    child: int
    start: Snapshot
    now: Snapshot
    vault_start: int
    tally: Tally
    funds: tuple[int, ...] = ()
    counterparty: int = 0
    early: EarlyWarning | None = None
    blocks: list[Block] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    interrupted: bool = False
    state_digest: str = ""
    wall_seconds: float = 0.0

    @property
    def payers(self) -> tuple[int, ...]:
        """The accounts of those who are there to pay, beside the vault."""
        return (*self.funds, self.counterparty) if self.counterparty else self.funds


@dataclass(frozen=True, slots=True)
class Stage:
    """A venue that stands on a chain, with nothing done on it yet.

    Attributes:
        engine: The chain.
        pool: The compiled pool, whose storage observers read.
        preset: The venue's rules.
        people: Who sends which transactions.
        contracts: The venue.
    """

    engine: Engine
    pool: Artifact
    preset: Preset
    people: Cast
    contracts: Contracts


def genesis(scenario: Scenario, preset: Preset) -> Genesis:
    """Return the chain that a run needs: long enough before its clock, a sender for everyone.

    A block has room for what everyone may send: 300M gas for up to 2,000 senders and 6 markets, as
    much again for each 2,000 and each 6 more. A transaction has 2**24, however many they are.
    Raises BadInput where the venue can't list the markets.
    """
    check_fit(preset, scenario)
    before = SETUP_SECONDS + preset.vault.lock_seconds + DEPLOY_SECONDS
    senders = cast_size(preset, scenario)
    units = 1 + senders // SENDERS_A_BLOCK + (len(scenario.markets) - 1) // MARKETS_A_BLOCK
    gas_limit = BLOCK_GAS_LIMIT * units
    return Genesis(scenario.clock.start_time - before, gas_limit, senders)


def run(
    engine: Engine,
    artifacts: Mapping[str, Artifact],
    scenario: Scenario,
    preset: Preset,
    watch: Callable[[Run], bool] = lambda _: True,
) -> Run:
    """Run a scenario to its end, or to the first broken invariant.

    Args:
        engine: A fresh chain that starts at `genesis`.
        artifacts: The compiled contracts.
        scenario: What happens.
        preset: Under whose rules.
        watch: Told after each block, says whether to go on.

    Raises:
        BadInput: the venue refuses what the scenario begins with.
    """
    began = time.monotonic()
    result = perform(stage(engine, artifacts, scenario, preset), scenario, watch)
    result.wall_seconds = time.monotonic() - began
    return result


def stage(
    engine: Engine, artifacts: Mapping[str, Artifact], scenario: Scenario, preset: Preset
) -> Stage:
    """Deploy the venue that a scenario needs. Its path, seed and people's deeds play no part."""
    people = cast(engine, preset, scenario)
    contracts = deploy(engine, artifacts, preset, scenario, people)
    return Stage(engine, artifacts["MarginPool"], preset, people, contracts)


def perform(stage: Stage, scenario: Scenario, watch: Callable[[Run], bool] = lambda _: True) -> Run:
    """`run`, on a venue that stands already."""
    began = time.monotonic()
    result = _Loop(stage, scenario).go(watch)
    result.wall_seconds = time.monotonic() - began
    return result


class _Loop:
    """Everything that a run needs while it goes on."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self._engine = engine = stage.engine
        self._scenario = scenario
        self._rng = Random(scenario.seed)  # noqa: S311 (nothing is secret here)
        self._venue = venue = Venue(stage.contracts)
        preset, people = stage.preset, stage.people
        opening = Opening(engine, venue, scenario, people, preset.providers)
        roster, self._stops = opening.run(enter(scenario, preset, self._rng))
        self._observer = observe.Observer(engine, venue, stage.pool, preset, scenario)
        start = self._observer.snapshot()
        self._watch = Watch(start)
        self._run = Run(
            scenario=scenario,
            preset=preset,
            engine=engine.name,
            roster=roster,
            parent=self._observer.parent,
            child=self._observer.child,
            funds=_funds(stage.contracts, len(scenario.markets)),
            counterparty=_counterparty(stage.contracts),
            start=start,
            now=start,
            vault_start=self._observer.vault_equity(start),
            tally=Tally(self._observer.child),
        )
        self._cast_actors(people, preset)

    def _cast_actors(self, people: Cast, preset: Preset) -> None:
        venue, scenario, roster = self._venue, self._scenario, self._run.roster
        sources = [
            Source(address, bool(reporter.spot_weight), bool(reporter.perp_weight))
            for address, reporter in zip(people.reporters, preset.oracle.reporters, strict=True)
        ]
        self._feed = OracleFeed(venue, scenario, sources, people.keeper)
        self._makers = [
            MarketMaker(venue, scenario, member, markets)
            for member, markets in zip(
                roster.makers, cycle(scenarios.desks(scenario)), strict=False
            )
        ]
        backstops = (self._run.child, *self._run.funds)
        shared = preset.insurance is not None and preset.insurance.fee_share_ppm != 0
        self._keeper = Keeper(venue, people.keeper, backstops, preset.adl, shares_fees=shared)
        self._traders = [Trader(venue, t.member, t.entrant) for t in roster.traders]
        self._providers = [
            Provider(venue, scenario, member, preset.vault) for member in roster.providers
        ]
        self._script = Script(venue, scenario, roster, people.admin)
        self._admin = Admin(venue, preset, scenario, people.admin, people.keeper)
        self._cashier = Cashier(venue, roster, people.keeper)

    def go(self, watch: Callable[[Run], bool]) -> Run:
        """Mine the blocks of the scenario."""
        run, last = self._run, self._scenario.clock.blocks - 1
        for step in range(last + 1):
            self._step(step)
            goes_on = watch(run)
            if run.findings:
                break
            if not goes_on:
                run.interrupted = step < last
                break
        owners = [member.owner for member in run.roster.depositors]
        run.state_digest = observe.digest(self._observer.dump(owners))
        return run

    # --- one block ---------------------------------------------------------------------------

    def _step(self, step: int) -> None:
        """Decide on a block, mine it, judge it."""
        at = self._scenario.clock.time_of(step)
        calls: list[Call] = []
        if self._present(REPORTERS, step):
            calls = self._feed.decide(step, self._rng)
        with self._rehearsed(calls, at, step) as view:
            deeds = self._script.decide(view)
            for maker in self._makers if self._present(MAKERS, step) else ():
                calls = [*calls, *maker.decide(view, self._rng)]
            calls = [*calls, *deeds.quotes]
            takers: list[Call] = []
            for trader in self._traders if self._present(TRADERS, step) else ():
                takers += trader.decide(view, self._rng)
            for provider in self._providers if self._present(TRADERS, step) else ():
                takers += provider.decide(view)
            keeps = self._present(KEEPERS, step)
            to_close = self._keeper.finds_losers(view)
            sheds: list[Call] = []
            stops: list[Call] = []
            if keeps:
                calls = [*calls, *self._keeper.unlock(view), *self._keeper.quote(view)]
                calls = [*calls, *self._keeper.liquidate(view), *self._keeper.limit(view)]
                calls = [*calls, *self._keeper.share_fees()]
                sheds, stops = self._keeper.shed(view), self._keeper.trigger(view)
            cash = [*self._admin.decide(view), *self._cashier.decide()]
        if keeps and to_close:
            closes = True
            while closes:
                with self._rehearsed(calls, at, step) as view:
                    more = self._keeper.deleverage(view)
                    if not {self._run.child, *self._run.funds}.isdisjoint(
                        self._keeper.losers(view)
                    ):
                        sheds = []  # nothing is left of it
                calls = [*calls, *more]
                closes = self._keeper.one_by_one and bool(more)
        self._mine([*calls, *sheds, *stops, *deeds.takers, *takers, *cash, *deeds.cash], at, step)

    def _present(self, who: str, step: int) -> bool:
        return not absent(self._scenario, who, step)

    @contextmanager
    def _rehearsed(self, calls: Sequence[Call], at: int, step: int) -> Iterator[View]:
        """Show the venue as it would be after `calls`, and take them back."""
        with self._engine.rehearse(calls, at) as result:
            now = self._observer.holdings(self._run.now, _events(result))
            yield View(
                block=step,
                time=at,
                now=now,
                stops=self._stops,
                orders_of=self._venue.contracts.book.call.orders_of,
                suspects=self._watch.suspects(now),
            )

    def _mine(self, calls: Sequence[Call], at: int, step: int) -> None:
        before = self._run.now
        result = self._engine.send_block(calls, at)
        events = _events(result)
        now = self._observer.after(before, events)
        flows = observe.flows(events, self._observer.junior(now))
        observe.follow_stops(self._stops, events)
        self._cashier.saw(events)
        suspects = self._watch.suspects(winners.marked(before, now))
        weak = self._watch.follow(now)
        self._run.now = now
        self._run.blocks.append(
            Block(
                number=result.head.number,
                timestamp=result.head.timestamp,
                step=step,
                receipts=result.receipts,
                markets=now.markets,
                custody=now.custody,
                deficit=now.deficit,
                flat_quote=now.flat_quote,
                vault_equity=self._observer.vault_equity(now),
                below_maintenance=len(weak),
                below_zero=sum(now.equity(number) < 0 for number in weak),
            )
        )
        self._run.tally.add(before, now, events, flows, suspects)
        if step == 0:
            payers = (self._run.child, *self._run.payers)
            self._run.early = early.read(self._venue.contracts, now, payers)
        self._run.findings = invariants.check(before, now, flows)
        if step % WHOLE_EVERY == 0 or step == self._scenario.clock.blocks - 1:
            whole = self._observer.snapshot()
            self._run.findings += unexplained(now, whole)
            self._run.findings += invariants.check(before, whole, flows)


def unexplained(kept: Snapshot, whole: Snapshot) -> list[Finding]:
    """Find the accounts that changed in a block of which no event names them."""
    changed = tuple(n for n, held in whole.accounts.items() if kept.accounts.get(n) != held)
    if not changed:
        return []
    return [Finding("I-12", whole.block, changed, "they changed without an event that names them")]


def _events(result: BlockResult) -> list[Event]:
    return [event for receipt in result.receipts for event in receipt.events]


def _funds(contracts: Contracts, markets: int) -> tuple[int, ...]:
    """Return the accounts of the insurance fund, none where there is no fund."""
    if contracts.fund is None:
        return ()
    accounts = {contracts.fund.call.account_of(market) for market in range(markets)}
    return tuple(sorted(accounts))


def _counterparty(contracts: Contracts) -> int:
    """Return the account of the pool that trades against everyone, 0 where there is none."""
    return int(contracts.counterparty.call.account()) if contracts.counterparty else 0
