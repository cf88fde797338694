"""A whole venue for tests, with prices set by hand: what the worked examples are played on.

Everything is real but the two sources of outside facts: the oracle and the vault are plain
addresses that hold their roles, so that a test says what the mark is and what the backstop owns.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from spillway import ranking
from spillway import sharing as keeping
from spillway.model.policies import SHARES, contract_name
from spillway.rules import (
    HYPERLIQUID,
    HYPERLIQUID_ADL,
    NOBODY,
    AdlRules,
    CounterpartyTerms,
    FundParams,
    IndexRules,
    Layer,
    LiquidationRules,
    Price,
    ProfitRules,
)

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt
    from spillway.model.policies import Quota

USD = 10**18
UNITS = 10**6
FEES, DEFICIT = 1, 2
ORACLE, BOOK, LIQUIDATOR, ADL, VAULT, CUSTODY, FUND, LEVERS = (1 << bit for bit in range(8))
GTC, IOC, ALO, MARKET = range(4)
MAX_UINT = 2**256 - 1
NO_TIER = (0, 0)
LEAST_STRENGTH = 100  # USD, of a provider
BEHIND_THE_BOOK = Layer(NOBODY)
SHARED_ADL = AdlRules(price=Price.BANKRUPTCY, everyone=True)

# An amount of USD. As whole ones compare equal to integers, tests write them so.
Usd: TypeAlias = Decimal | int


@dataclass(slots=True)
class Bench:
    """A deployed venue and its accounts by name. Amounts are USD, sizes lots of a whole coin."""

    engine: Engine
    usdc: Contract
    pool: Contract
    custody: Contract
    book: Contract
    backstop: Contract
    liquidator: Contract
    adl: Contract
    lens: Contract
    fund: Contract | None
    oracle: Address
    vault: Address
    admin: Address
    keeper: Address
    levers: Contract | None = None
    quota: Quota | None = None  # where lots are shared
    providers: Contract | None = None
    counterparty: Contract | None = None
    accounts: dict[str, int] = field(default_factory=dict)
    owners: dict[int, Address] = field(default_factory=dict)
    next_sender: int = 20
    ranks: bool = True
    pro_rata: bool = False  # of profit: where nobody is ranked, whoever is in profit bears a loss

    def list_market(
        self,
        max_leverage: int = 5,
        size_decimals: int = 0,
        max_age: int = 3_600,
        cap: int = 10**12,
        tiers: Sequence[tuple[int, int]] = (),
    ) -> int:
        """List a market and open its book; its id."""
        schedule = [(0, max_leverage), *tiers]
        schedule += [NO_TIER] * (5 - len(schedule))
        market: int = self.pool.call.market_count()
        config = (size_decimals, max_age, cap, schedule)
        self.pool.transact.list_market(config, sender=self.admin)
        self.book.transact.open_market(market, sender=self.keeper)
        return market

    def list_at(self, *prices: Decimal | int | str) -> None:
        """List a market for each price, USD a lot, and mark it there."""
        for _ in prices:
            self.list_market()
        self.mark(*prices)

    def mark(self, *prices: Decimal | int | str, funding: Sequence[int] = ()) -> Receipt:
        """Open an epoch: the mark (and index) of market 0, 1, ... in USD a lot; F moves by USD."""
        updates = []
        for market, price in enumerate(prices):
            quote = int(Decimal(price) * USD)
            delta = funding[market] * USD if funding else 0
            updates.append((market, quote, quote, delta))
        receipt: Receipt = self.pool.transact.advance(updates, sender=self.oracle)
        return receipt

    def age(self, seconds: int) -> None:
        """Let time pass, and nothing else."""
        self.engine.send_block([], self.engine.head.timestamp + seconds)

    def open(self, name: str, usd: Decimal | int = 0, owner: Address | None = None) -> int:
        """Open a cross account with collateral; its id."""
        if owner is None:
            owner = self.engine.sender(self.next_sender)
            self.next_sender += 1
        receipt = self.pool.transact.open_account(sender=owner)
        return self.adopt(name, receipt.named("AccountOpened")[0].account, owner, usd)

    def open_fund(self, name: str, usd: Decimal | int = 0, market: int = 0) -> int:
        """Open the insurance fund's account, and give it money; its id."""
        fund = self.insurance
        fund.transact.open(market, sender=self.keeper)
        account: int = fund.call.account_of(market)
        self.accounts[name] = account
        if usd:
            self.give(usd, market)
        return account

    def give(self, usd: Decimal | int, market: int = 0) -> None:
        """Give money to the insurance fund."""
        units = int(Decimal(usd) * UNITS)
        self.usdc.transact.mint(self.keeper, units, sender=self.keeper)
        self.usdc.transact.approve(self.insurance.address, units, sender=self.keeper)
        self.insurance.transact.give(market, units, sender=self.keeper)

    def pledge(self, account: int, limit: Decimal | int) -> Receipt:
        """Its owner has an account stand behind the book, up to so much notional in USD."""
        assert self.providers is not None
        owner, quote = self.owners[account], int(Decimal(limit) * USD)
        receipt: Receipt = self.providers.transact.pledge(account, quote, sender=owner)
        return receipt

    @property
    def insurance(self) -> Contract:
        """The insurance fund, which the venue must have."""
        assert self.fund is not None
        return self.fund

    @property
    def pooled(self) -> Contract:
        """The counterparty of everyone, which the venue must have."""
        assert self.counterparty is not None
        return self.counterparty

    def open_pooled(self, name: str, usd: Decimal | int = 0) -> int:
        """Open the counterparty's account, and give it money; its id."""
        self.pooled.transact.open(sender=self.keeper)
        account: int = self.pooled.call.account()
        self.accounts[name] = account
        if usd:
            self.give_pooled(usd)
        return account

    def give_pooled(self, usd: Decimal | int) -> None:
        """Give money to the counterparty."""
        units = int(Decimal(usd) * UNITS)
        self.usdc.transact.mint(self.keeper, units, sender=self.keeper)
        self.usdc.transact.approve(self.pooled.address, units, sender=self.keeper)
        self.pooled.transact.give(units, sender=self.keeper)

    def requote(self, market: int = 0) -> Receipt:
        """Anyone has the counterparty quote a market."""
        receipt: Receipt = self.pooled.transact.quote(market, sender=self.keeper)
        return receipt

    def limit(self, market: int = 0) -> Receipt:
        """Anyone has the counterparty limit what is won from it in a market."""
        receipt: Receipt = self.pooled.transact.limit(market, sender=self.keeper)
        return receipt

    def open_backstop(self, name: str, usd: Decimal | int) -> int:
        """Open the account that takes positions over."""
        receipt = self.pool.transact.open_protocol_account(sender=self.vault)
        account: int = receipt.named("AccountOpened")[0].account
        self.backstop.transact.set_backstop(account, sender=self.admin)
        return self.adopt(name, account, self.vault, usd)

    def adopt(self, name: str, account: int, owner: Address, usd: Decimal | int) -> int:
        """Remember an account, and pay its collateral in."""
        self.accounts[name] = account
        self.owners[account] = owner
        if usd:
            self.deposit(account, usd)
        return account

    def deposit(self, account: int, usd: Decimal | int) -> None:
        """Pay collateral into an account."""
        owner, units = self.owners[account], int(Decimal(usd) * UNITS)
        self.usdc.transact.mint(owner, units, sender=owner)
        self.usdc.transact.approve(self.custody.address, MAX_UINT, sender=owner)
        self.custody.transact.deposit(account, units, sender=owner)

    def place(
        self,
        account: int,
        lots: int,
        price: Decimal | int,
        kind: int = GTC,
        market: int = 0,
        *,
        reduce_only: bool = False,
    ) -> Receipt:
        """Place an order: lots > 0 bids, lots < 0 asks, at USD a lot."""
        order = (lots > 0, int(Decimal(price) * USD), abs(lots), kind, reduce_only)
        owner = self.owners[account]
        receipt: Receipt = self.book.transact.place(account, market, order, sender=owner)
        return receipt

    def trade(
        self, buyer: int, seller: int, lots: int, price: Decimal | int, market: int = 0
    ) -> None:
        """`buyer` takes `lots` from `seller` at a price, through the book."""
        self.place(seller, -lots, price, ALO, market)
        self.place(buyer, lots, price, IOC, market)
        assert self.tops(market) == (0, 0) or self.book.call.orders_of(seller) == ()

    def tops(self, market: int = 0) -> tuple[int, int]:
        """Best bid and ask, quote per lot; 0 = none."""
        tops = self.book.call.tops(market)
        return tops.bid, tops.ask

    def liquidate(self, *accounts: int) -> Receipt:
        """A keeper runs the waterfall."""
        receipt: Receipt = self.liquidator.transact.liquidate(list(accounts), sender=self.keeper)
        return receipt

    def deleverage(self, *losers: int) -> Receipt:
        """A keeper closes the losers, in this order, with honest plans where winners are ranked.

        The last transaction, where each loser takes one.
        """
        if not self.ranks:
            return [self.socialize(loser) for loser in losers][-1]
        if self.quota:
            return [self.share(self.sharing(loser)) for loser in losers][-1]
        plans = [_as_tuple(plan) for plan in self.plans(*losers)]
        receipt: Receipt = self.adl.transact.deleverage(list(losers), plans, sender=self.keeper)
        return receipt

    def socialize(self, loser: int) -> Receipt:
        """Anyone closes a loser whose debt is charged per lot, or on profit."""
        told = ([loser], MAX_UINT) if self.pro_rata else (loser,)
        receipt: Receipt = self.adl.transact.close(*told, sender=self.keeper)
        return receipt

    def sharing(self, loser: int) -> list[keeping.Plan]:
        """The plans that close a loser where lots are shared."""
        assert self.quota is not None
        return [
            keeping.read(self.adl, self.pool, self.quota, loser, market).plan
            for market in self.legs(loser)
        ]

    def share(self, plans: Sequence[keeping.Plan]) -> Receipt:
        """A keeper closes the losers of plans, in their order."""
        losers = list(dict.fromkeys(plan.loser for plan in plans))
        receipt: Receipt = self.adl.transact.deleverage(losers, plans, sender=self.keeper)
        return receipt

    def plans(self, *losers: int) -> list[ranking.Plan]:
        """The plans that close the losers."""
        lots: dict[tuple[int, bool], int] = {}
        for loser in losers:
            for market in self.legs(loser):
                size = self.size(loser, market)
                side = (market, size < 0)
                lots[side] = lots.get(side, 0) + abs(size)
        return [
            ranking.plan(market, longs, self.keys(market, longs), needed)
            for (market, longs), needed in sorted(lots.items())
        ]

    def keys(self, market: int, longs: bool) -> list[tuple[int, int]]:
        """(key, lots) of each holder of a side."""
        holders = self.pool.call.holder_count(market, longs)
        return ranking.read_keys(self.lens, market, longs, holders)

    def legs(self, account: int) -> list[int]:
        """Markets in which an account has a leg."""
        bits = self.pool.call.health(account).legs
        return [market for market in range(256) if bits >> market & 1]

    def size(self, account: int, market: int = 0) -> int:
        """Lots, long > 0."""
        return int(self.pool.call.position(account, market).size)

    def equity(self, account: int) -> Usd:
        """USD, at the marks."""
        return Decimal(self.pool.call.health(account).equity) / USD

    def quote(self, account: int) -> Usd:
        """Effective quote, USD: equity less the value of all positions."""
        value = sum(
            self.size(account, market) * self.pool.call.market(market).mark
            for market in self.legs(account)
        )
        return Decimal(self.pool.call.health(account).equity - value) / USD

    def at(self, account: int, market: int = 0) -> tuple[int, Usd]:
        """(lots, effective quote in USD)."""
        return self.size(account, market), self.quote(account)

    def withdraw(self, account: int, usd: Decimal | int) -> None:
        """Ask for a withdrawal; it is paid in the next epoch by whoever calls."""
        owner = self.owners[account]
        units = int(Decimal(usd) * UNITS)
        self.custody.transact.request_withdrawal(account, units, owner, sender=owner)

    def pay_out(self, account: int) -> Receipt:
        """A keeper has the requested withdrawal paid."""
        receipt: Receipt = self.custody.transact.withdraw(account, sender=self.keeper)
        return receipt

    def total_equity(self) -> Usd:
        """USD, over all accounts: by I-1 and I-2 the cash in custody."""
        count = self.pool.call.account_count()
        return sum((self.equity(account) for account in range(1, count + 1)), Decimal(0))

    def cash(self) -> Usd:
        """USD in custody."""
        return Decimal(self.pool.call.solvency().custody) / UNITS


def _kind(policy: str) -> str:
    """The contract that a policy, by the name of its contract, is for."""
    return "AdlShares" if _quota(policy) else "Adl"


def _quota(policy: str) -> Quota | None:
    by_contract = {contract_name(name): quota for name, quota in SHARES.items()}
    return by_contract.get(policy)


def _as_tuple(plan: ranking.Plan) -> tuple[Any, ...]:
    return plan.market, plan.longs, plan.threshold, list(plan.order)


def deploy(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    *,
    taker_fee: int = 0,
    maker_fee: int = 0,
    policy: str = "HyperliquidQueue",
    liquidation: LiquidationRules = HYPERLIQUID,
    layer: Layer = BEHIND_THE_BOOK,
    providers: Layer | None = None,
    counterparty: CounterpartyTerms | None = None,
    fund: FundParams | None = None,
    caps: Sequence[int] = (),
    closing: AdlRules | None = None,
    index: IndexRules | None = None,
    profit: ProfitRules | None = None,
    vault_params: tuple[int, ...] | None = None,
    by_hand: Mapping[int, Address] | None = None,
    ungranted: Container[int] = (),
    notice: int = 0,
    further: Sequence[str] = (),
) -> Bench:
    """Deploy and wire a venue whose oracle and vault are plain addresses.

    `vault_params` makes the vault a real one, whose accounts are still to be opened; `layer` says
    how it stands behind the book, and `providers` how they do, in front of it, with LEAST_STRENGTH
    and more; none, no providers. A `counterparty` stands behind the book alone, covers those below
    zero, and orders closings. `fund` adds an insurance fund, with `caps` by market; one that
    takes over stands behind the book in place of the vault. With `index` losses are charged per
    lot, with `profit` on profit, and nobody is ranked: lots go to the fund if it takes over, else
    to the vault. `by_hand` gives further roles to plain addresses, in place of the contract of that
    role; those `ungranted` stay open, as `rank_by` needs it. With a `notice`, seconds, the venue
    has levers, which may put one of the `further` policies in the place of `policy`.
    """
    oracle, vault = engine.sender(10), engine.sender(11)
    usdc = engine.deploy(artifacts["USDC"], sender=admin)
    pool = engine.deploy(artifacts["MarginPool"], taker_fee, maker_fee, 100_000, sender=admin)
    custody = engine.deploy(artifacts["Custody"], pool.address, usdc.address, sender=admin)
    book = engine.deploy(artifacts["OrderBook"], pool.address, sender=admin)
    traded_at = (pool.address, custody.address, book.address)
    if vault_params is None:
        backstop = engine.deploy(artifacts["SettableBackstop"], sender=admin)
    else:
        backstop = engine.deploy(artifacts["Vault"], *traded_at, vault_params, sender=admin)
        vault = backstop.address
    insurance = None
    if fund is not None:
        given = (*traded_at, fund, list(caps))
        insurance = engine.deploy(artifacts["InsuranceFund"], *given, sender=admin)
    fund_at = insurance.address if insurance else NOBODY
    layers = [layer._replace(backstop=backstop.address)]
    if insurance and fund and fund.takes_over:
        layers = [Layer(insurance.address, 1, 1, covers=True)]
    standing = None
    if providers is not None:
        pledged = (pool.address, LEAST_STRENGTH * USD)
        standing = engine.deploy(artifacts["BackstopProviders"], *pledged, sender=admin)
        layers = [providers._replace(backstop=standing.address), *layers]
    pooled = _counterparty(engine, artifacts, admin, traded_at, counterparty)
    layers = [Layer(pooled.address, 1, 1, covers=True)] if pooled else layers
    ruled = (pool.address, book.address, fund_at, liquidation, layers)
    liquidator = engine.deploy(artifacts["Liquidator"], *ruled, sender=admin)
    quota = _quota(policy)
    ranks = index is None and profit is None
    policies = () if not ranks else (policy,) if quota else (policy, *further)
    allowed = [engine.deploy(artifacts[name], sender=admin) for name in policies]
    levers = None
    if notice:
        named = [] if quota else [each.address for each in allowed]
        levers = engine.deploy(artifacts["Levers"], pool.address, notice, named, sender=admin)
    if ranks:
        scores = levers or allowed[0] if quota is None else allowed[0]
        told = (closing or rules_of(policy))._replace(liquidator=(pooled or liquidator).address)
        ranked = (pool.address, scores.address, fund_at, told)
        adl = engine.deploy(artifacts[_kind(policy)], *ranked, sender=admin)
    else:
        taker = fund_at if fund and fund.takes_over else backstop.address
        rules = (index or profit or ProfitRules())._replace(liquidator=liquidator.address)
        charging = (pool.address, fund_at, taker, rules)
        adl = engine.deploy(
            artifacts["AdlIndex" if index else "AdlProfit"], *charging, sender=admin
        )
    lens = engine.deploy(artifacts["Lens"], pool.address, book.address, adl.address, sender=admin)
    roles = {
        ORACLE: oracle,
        BOOK: book.address,
        LIQUIDATOR: liquidator.address,
        ADL: adl.address,
        VAULT: vault,
        CUSTODY: custody.address,
        **({FUND: insurance.address} if insurance else {}),
        **({LEVERS: levers.address} if levers else {}),
        **(by_hand or {}),
    }
    _grant(pool, {n: holder for n, holder in roles.items() if n not in ungranted}, admin)
    return Bench(
        engine=engine,
        usdc=usdc,
        pool=pool,
        custody=custody,
        book=book,
        backstop=backstop,
        liquidator=liquidator,
        adl=adl,
        lens=lens,
        ranks=ranks,
        pro_rata=profit is not None,
        fund=insurance,
        oracle=oracle,
        vault=vault,
        admin=admin,
        keeper=keeper,
        levers=levers,
        quota=quota,
        providers=standing,
        counterparty=pooled,
    )


def _counterparty(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    traded_at: Sequence[Address],
    terms: CounterpartyTerms | None,
) -> Contract | None:
    """Deploy a counterparty, where there are terms for one."""
    if terms is None:
        return None
    return engine.deploy(artifacts["Counterparty"], *traded_at, terms, sender=admin)


def _grant(pool: Contract, roles: Mapping[int, Address], admin: Address) -> None:
    for role, holder in roles.items():
        pool.transact.grant(role, holder, sender=admin)


def rank_by(bench: Bench, artifacts: Artifacts, policy: str) -> Bench:
    """The same venue, whose role ADL was open, deleveraging by the contract of a policy."""
    scores = bench.engine.deploy(artifacts[policy], sender=bench.admin)
    told = bench.pool.address, scores.address, NOBODY, rules_of(policy)
    adl = bench.engine.deploy(artifacts[_kind(policy)], *told, sender=bench.admin)
    bench.pool.transact.grant(ADL, adl.address, sender=bench.admin)
    seen = bench.pool.address, bench.book.address, adl.address
    lens = bench.engine.deploy(artifacts["Lens"], *seen, sender=bench.admin)
    return replace(bench, adl=adl, lens=lens, quota=_quota(policy))


def rules_of(policy: str) -> AdlRules:
    """Hyperliquid's, but for the price that sharing needs."""
    return SHARED_ADL if _quota(policy) else HYPERLIQUID_ADL
