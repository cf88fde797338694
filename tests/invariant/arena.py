"""The venue that the state machine plays on, and the judge of every transaction.

Everything is the real contract but the oracle, whose role a plain sender holds: prices are the
state machine's to choose.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillway import invariants, observe
from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.model import margin
from spillway.model.margin import Market, Tier
from spillway.model.policies import SHARES
from spillway.model.words import DEFICIT
from spillway.rules import (
    HYPERLIQUID_ADL,
    AdlRules,
    CounterpartyTerms,
    FundParams,
    IndexRules,
    Layer,
    Limit,
    LiquidationRules,
    Price,
    ProfitRules,
    Trigger,
)
from spillway.storage import PoolStorage
from tests import bench
from tests.bench import MAX_UINT, UNITS, USD
from tests.keepers import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt
    from spillway.invariants import Snapshot
    from spillway.model.policies import Quota

MAX_AGE = 3_600
DAY = 24 * 60 * 60
TIERS = 5
# What a market starts at (USD a lot), its decimals, its cap (lots), its tiers.
MARKETS: tuple[tuple[str, int, int, tuple[tuple[int, int], ...]], ...] = (
    ("100", 0, 10**6, ((0, 20),)),
    ("0.5", 2, 10**6, ((0, 10), (3_000, 5), (20_000, 2))),
    ("200", 1, 150, ((0, 40), (10_000, 20))),
)
# USD that an account starts with; those in one tuple have one owner.
CROSS = ((1_000, 300), (700,), (2_000,), (400,), (1_200,), (50_000,))
ISOLATED = ((500, 0), (500, 1))  # USD, market
DEPOSITORS = ((6_000,), (3_000,))
VAULT_PARAMS = (150_000, 4 * DAY, 200_000, 20_000)
# A twentieth of the venue's rule: positions are small here, and both kinds of order must occur.
SLICE_ABOVE = 5_000 * USD
NOTICE = 60  # seconds
FURTHER = ("LargestPositionQueue",)  # policies that levers may switch to
PULLED = {"announce_maintenance", "raise_maintenance", "lower_cap"}
PULLED |= {"announce_policy", "switch_policy"}
SLICED = LiquidationRules(slice_above=SLICE_ABOVE)
FUND_UNITS = 1_500 * UNITS
POOL_UNITS = 4_000 * UNITS
INTERFACES = Path(__file__).parents[2] / "contracts" / "interfaces"
REASON = re.compile(
    r'"((?:pool|custody|book|liquidator|adl|vault|shedding|fund|levers|providers|counterparty)'
    r': [^"]+)"'
)
# What an interface says that a function may refuse with.
REASONS = {
    reason for path in INTERFACES.glob("*.vyi") for reason in REASON.findall(path.read_text())
}


@dataclass(frozen=True, slots=True)
class Venue:
    """The rules of a waterfall; those not told are Hyperliquid's."""

    liquidation: LiquidationRules = SLICED
    fund: FundParams | None = None
    closing: AdlRules = HYPERLIQUID_ADL
    index: IndexRules | None = None  # losses are charged per lot, and nobody is ranked
    profit: ProfitRules | None = None  # likewise, but on profit
    providers: Layer | None = None
    counterparty: CounterpartyTerms | None = None
    policy: str = "HyperliquidQueue"
    quota: Quota | None = None  # lots are shared, and nobody is ranked

    @property
    def charges(self) -> bool:
        """Whether losses are charged to holders, and nobody but losers is closed."""
        return self.index is not None or self.profit is not None


VENUES = {
    "vault": Venue(),
    # A fund that takes accounts over as far as its drawdown lets it, then bankruptcy prices, which
    # not everyone has to bear.
    "fund": Venue(
        SLICED._replace(limit=Limit.COVERED, fee=2_000, fee_share=250_000),
        FundParams(
            takes_over=True, drawdown=300_000, resume=250_000, shed_slice=200_000, shed_band=20_000
        ),
        AdlRules(price=Price.BANKRUPTCY, everyone=True, covered=True, overlapping=True),
    ),
    # No more is closed than restores maintenance; a fund for each market pays what fills lack.
    "restoring": Venue(
        LiquidationRules(limit=Limit.COVERED, restoring=True, fee=1_000),
        FundParams(pooled=False),
        AdlRules(Trigger.UNRESTORED, Price.BANKRUPTCY, everyone=True, restoring=True, fee=1_000),
    ),
    # Traders behind the book before the vault; whoever they can't hold, winners are paid to close.
    "providers": Venue(
        SLICED,
        FundParams(),
        AdlRules(
            Trigger.UNRESTORED,
            Price.PROVIDER,
            everyone=True,
            covered=True,
            fee=1_000_000,
            below_num=1,
            below_den=2,
        ),
        providers=Layer("", below_num=3, below_den=4, share_num=2, share_den=3),
    ),
    # A pool that quotes, takes accounts over, and has winners closed.
    "counterparty": Venue(
        closing=AdlRules(Trigger.ORDERED, Price.BANKRUPTCY, everyone=True, restoring=True),
        counterparty=CounterpartyTerms(factor=50_000, target=20_000, reserve=1_000_000, spread=500),
        policy="ProfitQueue",
    ),
    # The book at any price: what nobody covers is written off.
    "open": Venue(SLICED._replace(limit=Limit.OPEN), closing=AdlRules(price=Price.MARK)),
    # Losses per lot: a fund, then both sides; or the other side alone, and little of it at a time.
    "both sides": Venue(SLICED, FundParams(), index=IndexRules(both_sides=True)),
    "other side": Venue(SLICED, index=IndexRules(most=50_000)),
    # Losses on the profits of both sides, after a fund.
    "session profit": Venue(SLICED, FundParams(), profit=ProfitRules()),
    # Lots by shares, at bankruptcy prices.
    "shares": Venue(
        closing=AdlRules(price=Price.BANKRUPTCY, everyone=True),
        policy="WaterFilling",
        quota=SHARES["water_filling"],
    ),
}


class BrokenError(AssertionError):
    """A transaction has broken a law of the venue."""


@dataclass(slots=True)
class Arena:
    """A deployed venue, its people, and what the last snapshot says."""

    engine: Engine
    usdc: Contract
    pool: Contract
    custody: Contract
    book: Contract
    vault: Contract
    liquidator: Contract
    adl: Contract
    levers: Contract
    lens: Contract
    oracle: Address
    admin: Address
    keeper: Address
    outsider: Address
    depositors: list[Address]
    reader: Reader
    venue: Venue
    insurance: Contract | None
    providers: Contract | None
    counterparty: Contract | None
    owners: dict[int, Address] = field(default_factory=dict)
    child: int = 0
    pooled: int = 0  # the counterparty's account
    funds: list[int] = field(default_factory=list)
    now: Snapshot = field(init=False)
    # (contract.function, "" or the reason of the refusal) -> times; and what events told.
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    # By market and side, or by loser and market where lots are shared.
    jobs: set[tuple[int, int]] = field(default_factory=set)
    # Closings that have not ended: the loser -> those who won from it.
    winners: dict[int, set[int]] = field(default_factory=dict)
    # Losers with a debt that profits are to bear, who may have paid in since they were closed.
    debtors: set[int] = field(default_factory=set)
    most_gas: Counter[str] = field(default_factory=Counter)

    @property
    def accounts(self) -> list[int]:
        """The traders' accounts."""
        return list(self.owners)

    @property
    def backstops(self) -> list[int]:
        """The accounts that take positions over, those of providers left out."""
        return [self.child, *self.funds, *([self.pooled] if self.pooled else [])]

    def reset(self, owners: dict[int, Address]) -> None:
        """Forget what happened on a chain that has been put back."""
        self.owners = dict(owners)
        self.jobs, self.winners, self.debtors = set(), {}, set()
        self.now = self.snapshot()

    # --- acting ----------------------------------------------------------------------------

    def act(self, contract: Contract, function: str, *args: Any, sender: Address) -> Receipt:
        """Mine one transaction and judge what it did; a refusal must have a known reason."""
        build = getattr(contract.build, function)
        receipt = self.engine.send(build(*args, sender=sender, gas=TX_GAS_LIMIT))
        label = f"{contract.interface.name}.{function}"
        self.counts[label, receipt.reason if not receipt.success else ""] += 1
        if not receipt.success:
            if receipt.reason not in REASONS:
                raise BrokenError(f"{label}{args}: reverts with {receipt.reason!r}")
            return receipt
        self.most_gas[label] = max(self.most_gas[label], receipt.gas_used)
        self.events.update(_told(receipt))
        before, self.now = self.now, self.snapshot()
        broken = list(self._judge(before, receipt, function))
        if broken:
            told = "\n".join(f"  {event.name} {event.args}" for event in receipt.events)
            raise BrokenError(f"{label}{args}: " + "; ".join(broken) + "\n" + told)
        return receipt

    def must(self, contract: Contract, function: str, *args: Any, sender: Address) -> Receipt:
        """`act` where a refusal is a failure too."""
        receipt = self.act(contract, function, *args, sender=sender)
        if not receipt.success:
            label = f"{contract.interface.name}.{function}{args}"
            raise BrokenError(f"{label}: refused with {receipt.reason!r}")
        return receipt

    def fund(self, owner: Address, spender: Contract, units: int) -> None:
        """Give an owner units of collateral that a contract may take."""
        self.usdc.transact.mint(owner, units, sender=self.admin)
        self.usdc.transact.approve(spender.address, MAX_UINT, sender=owner)

    # --- reading ---------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that the invariants judge, at the head."""
        return self.reader.snapshot()

    def size(self, account: int, market: int) -> int:
        """Lots, long > 0."""
        leg = self.now.accounts[account].legs.get(market)
        return leg.size if leg else 0

    def fresh(self, account: int) -> bool:
        """Whether every leg of an account has a mark that counts."""
        time = self.engine.head.timestamp
        legs = self.now.accounts[account].legs
        return all(self.now.markets[market].fresh(time) for market in legs)

    def below_zero(self) -> list[int]:
        """Accounts that auto-deleveraging can close now, those that owe without a leg included."""
        return [
            number
            for number in sorted(self.now.accounts, key=lambda n: (n in self.backstops, n))
            if number != DEFICIT and self.fresh(number) and self.now.equity(number) < 0
        ]

    def due(self) -> list[int]:
        """Whom the rules have closed: those below zero, or also those who were not restored."""
        losers, rules = self.below_zero(), self.venue.closing
        if rules.trigger != Trigger.UNRESTORED:
            return losers
        epoch = self.pool.call.epoch()
        return losers + [
            number
            for number in self.accounts
            if number not in losers
            and self.fresh(number)
            and self.legs(number)
            and self.now.equity(number) * rules.below_den
            < margin.account_maintenance(self.now.accounts[number], self.now.markets)
            * rules.below_num
            and self.liquidator.call.last_handled(number)[0] == epoch
        ]

    def legs(self, account: int) -> list[int]:
        """Markets in which an account has a position."""
        held = self.now.accounts[account].legs
        return [market for market, leg in held.items() if leg.size]

    def job(self, first: int, second: int) -> Any:
        """A job of auto-deleveraging, by what `jobs` holds."""
        return self.adl.call.job(first, second)

    def collecting(self) -> list[int]:
        """Markets in which profits are to bear debts."""
        if self.venue.profit is None:
            return []
        return [number for number in range(len(MARKETS)) if self.adl.call.job(number).phase]

    def market_of(self, job: tuple[int, int]) -> int:
        """The market of a job."""
        return job[1 if self.venue.quota else 0]

    # --- judging ---------------------------------------------------------------------------

    def _judge(self, before: Snapshot, receipt: Receipt, function: str) -> Iterator[str]:
        """Yield what a transaction has broken."""
        reachable = set().union(*self.winners.values()) if self.winners else set()
        self._follow(receipt)
        flows = self._flows(before, receipt, function, reachable)
        for finding in invariants.check(before, self.now, flows):
            yield f"{finding.invariant} {finding.accounts}: {finding.detail}"
        if function != "advance":
            yield from self._falls_below_zero(before, receipt)
        if function in PULLED:
            yield from self._pulled(before, function)
        yield from self._grown_by_force(before, receipt)
        for entered in receipt.named("BackstopEntered"):
            taken = self.now.accounts[entered.account]
            if not taken.flat or taken.stored:
                yield f"account {entered.account} is taken over and ends with {taken.stored}"
        yield from self._closed(receipt)
        yield from self._locks()
        yield from self._borne(receipt)
        self.debtors = {n for n in self.now.accounts if self._owes(n)}

    def _flows(
        self, before: Snapshot, receipt: Receipt, function: str, reachable: Iterable[int]
    ) -> invariants.Flows:
        flows = observe.flows(receipt.events, reachable)
        moved = dict(flows.moved)
        if function == "transfer":
            for paid in receipt.named("Paid"):
                moved[paid.source] = moved.get(paid.source, 0) - paid.amount
                moved[paid.target] = moved.get(paid.target, 0) + paid.amount
        # Whoever was below zero waits for auto-deleveraging; `_falls_below_zero` sees to the rest.
        owing = {number for number in before.accounts if before.equity(number) < 0}
        served = {self.job(*side).serving for side in self.jobs}
        return replace(
            flows,
            moved=moved,
            explained={*flows.explained, *owing, *served},
            liquidated=set(flows.liquidated).intersection(before.accounts),
        )

    def _follow(self, receipt: Receipt) -> None:
        """Keep the jobs and the closings that have not ended."""
        for event in receipt.events:
            args = event.args
            if event.name == "SharesOpened":
                self.jobs.add((args.loser, args.market))
            elif event.name == "SharesEnded":
                self.jobs.discard((args.loser, args.market))
            elif event.name == "JobOpened":
                self.jobs.add((args.market, args.longs))
            elif event.name == "JobEnded":
                self.jobs.discard((args.market, args.longs))
            elif event.name == "ClosingBegun":
                self.winners[args.account] = set()
            elif event.name == "Deleveraged":
                self.winners[args.account].add(args.winner)
            elif event.name in {"Closed", "ClosingDropped"}:
                self.winners.pop(args.account, None)
        if self.winners:
            served = {self.job(*side).serving for side in self.jobs}
            self.winners = {n: found for n, found in self.winners.items() if n in served}

    def _falls_below_zero(self, before: Snapshot, receipt: Receipt) -> Iterator[str]:
        """Nobody falls below zero but by a move of the marks, a charge, or sold at any price.

        A loser may in between, whose legs are closed page by page at the prices of its jobs: what
        one leg has given too much by the present marks the next one takes.
        """
        sold = {entered.account for entered in receipt.named("BookEntered")}
        spared = sold if self.venue.liquidation.limit == Limit.OPEN else set()
        spared |= self.winners.keys()
        sides = {(charge.market, charge.longs) for charge in receipt.named("Charged")}
        for number in self.now.accounts.keys() - spared:
            was = before.equity(number) if number in before.accounts else 0
            now = self.now.equity(number)
            charged = any((m, self.size(number, m) > 0) in sides for m in self.legs(number))
            if was >= 0 > now and number != DEFICIT and not charged:
                yield f"account {number} falls from {was} to {now} quote"

    def _pulled(self, before: Snapshot, function: str) -> Iterator[str]:
        """A lever moves nobody's equity, doubles maintenance at most, and loosens nothing."""
        most = 2 if function == "raise_maintenance" else 1
        for number, held in self.now.accounts.items():
            was = margin.account_maintenance(before.accounts[number], before.markets)
            now = margin.account_maintenance(held, self.now.markets)
            if not was <= now <= most * was:
                yield f"account {number} needs {now} after {was} quote by {function}"
            if self.now.equity(number) != before.equity(number):
                yield f"account {number} has another equity by {function}"
        for old, new in zip(before.markets, self.now.markets, strict=True):
            tiers = zip(old.tiers, new.entry or new.tiers, strict=True)
            looser = any(now.max_leverage > was.max_leverage for was, now in tiers)
            if looser or new.open_interest_cap > old.open_interest_cap:
                yield f"{function} loosens {old} to {new}"

    def _grown_by_force(self, before: Snapshot, receipt: Receipt) -> Iterator[str]:
        """Auto-deleveraging only shrinks positions."""
        hit = receipt.named("Deleveraged")
        for fill in hit:
            for number in (fill.account, fill.winner):
                leg = before.accounts[number].legs.get(fill.market)
                was = leg.size if leg else 0
                now = self.size(number, fill.market)
                if abs(now) >= abs(was) or now * was < 0:
                    yield f"account {number} goes from {was} to {now} lots of {fill.market}"

    def _closed(self, receipt: Receipt) -> Iterator[str]:
        """An account that is closed whole keeps its residual, or nothing at all."""
        for closed in receipt.named("Closed"):
            held = self.now.accounts[closed.account]
            if held.flat and held.trader and held.stored != closed.residual:
                yield f"account {closed.account} is closed and keeps {held.stored} quote"
            if closed.borne + closed.left != closed.gap:
                yield f"account {closed.account}: the gap is not accounted for"
        for closed in receipt.named("Socialized"):
            held = self.now.accounts[closed.account]
            paid_in = closed.account in self.debtors and held.stored > 0
            if held.trader and (not held.flat or held.stored) and not paid_in:
                yield f"account {closed.account} is closed and keeps {held.stored} quote"
            if closed.owed != closed.covered + closed.charged + closed.left:
                yield f"account {closed.account}: what it owed is not accounted for"

    def _owes(self, number: int) -> bool:
        return self.venue.profit is not None and bool(self.adl.call.owing(number))

    def _borne(self, receipt: Receipt) -> Iterator[str]:
        """Nobody who is charged on profit is left below zero, flat or not."""
        for charge in receipt.named("ProfitCharged"):
            if self.now.accounts[charge.holder].flat or self.now.equity(charge.holder) < 0:
                yield f"account {charge.holder} is charged {charge.amount} quote"

    def _locks(self) -> Iterator[str]:
        """A market is locked, and seniority held, just while a job outlives its transaction."""
        shared = self.venue.quota is not None  # whose jobs lock their market from the first on
        due = {self.market_of(job) for job in self.jobs if shared or self.job(*job).locked}
        due.update(self.collecting())
        locked = {number for number, market in enumerate(self.now.markets) if market.locked}
        if due != locked:
            yield f"locked markets {locked}, jobs in {due}"
        if self.pool.call.solvency().seniority_held != bool(due):
            yield f"seniority is held: {not due}, jobs in {due}"


def _told(receipt: Receipt) -> Iterator[str]:
    """What to count of a receipt: each event, with what tells its kinds apart."""
    for event in receipt.events:
        kinds = KINDS.get(event.name)
        yield event.name + (f", {kinds(event.args)}" if kinds else "")


KINDS: dict[str, Callable[[Any], str]] = {
    "Judged": lambda args: f"outcome {args.outcome}",
    "BookEntered": lambda args: "filled" if args.filled else "empty",
    "Deleveraged": lambda args: f"tier {args.tier}",
    "Closed": lambda args: (
        "left" if args.left else "gap" if args.gap else "residual" if args.residual else "even"
    ),
    "DeficitWritten": lambda args: "deficit" if args.deficit else "by fees",
    "Removed": lambda args: f"reason {args.reason}",
    "Taken": lambda args: f"end {args.end}",
    "JobEnded": lambda args: f"reason {args.reason}",
    "SharesEnded": lambda args: f"reason {args.reason}",
    "Socialized": lambda args: "left" if args.left else "borne",
    "Withdrawn": lambda args: "whole" if args.paid == args.units else "haircut",
}


# --- setting up ----------------------------------------------------------------------------


def deploy(engine: Engine, artifacts: Artifacts, rules: Venue = VENUES["vault"]) -> Arena:
    """Deploy and wire the venue, and open the accounts."""
    admin, keeper, outsider = (engine.sender(n) for n in (0, 3, 5))
    venue = bench.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        taker_fee=450,
        maker_fee=150,
        liquidation=rules.liquidation,
        fund=rules.fund,
        providers=rules.providers,
        counterparty=rules.counterparty,
        closing=rules.closing,
        index=rules.index,
        profit=rules.profit,
        policy=rules.policy,
        vault_params=VAULT_PARAMS,
        notice=NOTICE,
        further=FURTHER,
    )
    assert venue.levers is not None
    arena = Arena(
        engine=engine,
        usdc=venue.usdc,
        pool=venue.pool,
        custody=venue.custody,
        book=venue.book,
        vault=venue.backstop,
        liquidator=venue.liquidator,
        adl=venue.adl,
        levers=venue.levers,
        lens=venue.lens,
        oracle=venue.oracle,
        admin=admin,
        keeper=keeper,
        outsider=outsider,
        depositors=[engine.sender(40 + n) for n in range(len(DEPOSITORS))],
        venue=rules,
        insurance=venue.fund,
        providers=venue.providers,
        counterparty=venue.counterparty,
        reader=Reader(
            engine=engine,
            usdc=venue.usdc,
            pool=venue.pool,
            custody=venue.custody,
            storage=PoolStorage(venue.pool, artifacts["MarginPool"]),
            listed=[
                Market(
                    tiers=tuple(Tier(*tier) for tier in tiers),
                    size_decimals=size_decimals,
                    max_age=MAX_AGE,
                    open_interest_cap=cap,
                )
                for _, size_decimals, cap, tiers in MARKETS
            ],
        ),
    )
    _list_markets(arena)
    _open_accounts(arena)
    return arena


def _list_markets(arena: Arena) -> None:
    updates = []
    for number, (price, size_decimals, cap, tiers) in enumerate(MARKETS):
        schedule = [*tiers, *[bench.NO_TIER] * (TIERS - len(tiers))]
        config = (size_decimals, MAX_AGE, cap, schedule)
        arena.pool.transact.list_market(config, sender=arena.admin)
        arena.book.transact.open_market(number, sender=arena.keeper)
        mark = int(Decimal(price) * USD)
        updates.append((number, mark, mark, 0))
    arena.pool.transact.advance(updates, sender=arena.oracle)


def _open_accounts(arena: Arena) -> None:
    arena.vault.transact.open_accounts(sender=arena.admin)
    arena.child = arena.vault.call.backstop()
    for who, (usd,) in zip(arena.depositors, DEPOSITORS, strict=True):
        arena.fund(who, arena.vault, usd * UNITS)
        arena.vault.transact.deposit(usd * UNITS, sender=who)
    arena.vault.transact.top_up(sender=arena.keeper)
    _open_funds(arena)
    if arena.counterparty:
        arena.counterparty.transact.open(sender=arena.keeper)
        arena.pooled = arena.counterparty.call.account()
        arena.fund(arena.keeper, arena.counterparty, POOL_UNITS)
        arena.counterparty.transact.give(POOL_UNITS, sender=arena.keeper)
    sender = 20
    for amounts in CROSS:
        owner = arena.engine.sender(sender)
        sender += 1
        for usd in amounts:
            opened = arena.pool.transact.open_account(sender=owner)
            _pay_in(arena, opened, owner, usd)
    for usd, market in ISOLATED:
        owner = arena.engine.sender(sender)
        sender += 1
        opened = arena.pool.transact.open_isolated_account(market, sender=owner)
        _pay_in(arena, opened, owner, usd)
    arena.now = arena.snapshot()


def _open_funds(arena: Arena) -> None:
    fund, rules = arena.insurance, arena.venue.fund
    if fund is None or rules is None:
        return
    for market in range(1 if rules.pooled else len(MARKETS)):
        fund.transact.open(market, sender=arena.keeper)
        arena.funds.append(fund.call.account_of(market))
        arena.fund(arena.keeper, fund, FUND_UNITS)
        fund.transact.give(market, FUND_UNITS, sender=arena.keeper)


def _pay_in(arena: Arena, opened: Receipt, owner: Address, usd: int) -> None:
    account = opened.named("AccountOpened")[0].account
    arena.owners[account] = owner
    arena.fund(owner, arena.custody, usd * UNITS)
    arena.custody.transact.deposit(account, usd * UNITS, sender=owner)
