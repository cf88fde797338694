"""The pool under test; plain addresses hold the engine roles, so that each verb is called directly.

Amounts are USD and lots of a whole coin unless a name says quote; 1 USD = 10**18 quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from spillway import invariants
from spillway.invariants import Snapshot
from spillway.model.margin import Market, Tier, packed
from spillway.model.words import LOW_MARKETS, Account, decode_dump, set_bits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

USD = 10**18
UNITS_PER_USD = 10**6
QUOTE_PER_UNIT = 10**12
NOBODY = "0x" + "00" * 20

FEES, DEFICIT, FIRST_TRADER = 1, 2, 3
ORACLE, BOOK, LIQUIDATOR, ADL, VAULT, CUSTODY, FUND, LEVERS = (1 << bit for bit in range(8))
FILLED, TAKER_FAILS, MAKER_FAILS, CAP_REACHED = range(4)

# Round fees, so that tests can say them in USD: 0.1 % and 0.05 % of notional.
TAKER_FEE, MAKER_FEE, BAND = 1_000, 500, 100_000
PPM = 10**6
MAX_AGE = 60
CAP = 10**6
MAX_PRICE = 2**80 - 1
MAX_LEGS = 8
# Initial margin 10 %, maintenance 5 %; above 100,000 USD 20 % and 10 %.
TIERS = ((0, 10), (100_000, 5))
START = 100  # USD a lot, the first mark
MARK = START * USD  # the same, quote


class Match(NamedTuple):
    """IMarginPool.Fill."""

    market: int
    taker: int
    maker: int
    taker_buys: bool
    lots: int
    price: int
    maker_reserved: bool = False
    liquidation: bool = False


@dataclass(frozen=True, slots=True)
class Stand:
    """A pool with one market, marked at START."""

    engine: Engine
    pool: Contract
    admin: Address
    oracle: Address
    book: Address
    liquidator: Address
    deleverager: Address
    vault: Address
    levers: Address
    cashier: Address

    # --- markets and time ------------------------------------------------------------------

    def list_market(
        self,
        *,
        tiers: Sequence[tuple[int, int]] = TIERS,
        size_decimals: int = 0,
        max_age: int = MAX_AGE,
        cap: int = CAP,
    ) -> int:
        """List a market; its id."""
        config = (size_decimals, max_age, cap, schedule(*tiers))
        receipt = self.pool.transact.list_market(config, sender=self.admin)
        market: int = receipt.named("MarketListed")[0].market
        return market

    def mark(self, *prices: Decimal | str | int, funding: Sequence[int] = ()) -> Receipt:
        """Open an epoch: mark and index of market 0, 1, ... in USD a lot; F moves by USD a lot."""
        return self.post(
            *(
                (market, usd(price), usd(price), usd(funding[market]) if funding else 0)
                for market, price in enumerate(prices)
            )
        )

    def post(self, *updates: tuple[int, int, int, int]) -> Receipt:
        """Open an epoch with (market, mark, index, funding delta) in quote."""
        receipt: Receipt = self.pool.transact.advance(updates, sender=self.oracle)
        return receipt

    def wait(self, seconds: int) -> None:
        """Let time pass, and nothing else."""
        self.engine.send_block([], self.engine.head.timestamp + seconds)

    # --- accounts and cash -----------------------------------------------------------------

    def open(self, owner: Address, cash: Decimal | str | int = 0) -> int:
        """A cross account with cash; its id."""
        receipt = self.pool.transact.open_account(sender=owner)
        return self._opened(receipt, owner, cash)

    def open_isolated(self, owner: Address, market: int, cash: Decimal | str | int = 0) -> int:
        """An account for one market, with cash; its id."""
        receipt = self.pool.transact.open_isolated_account(market, sender=owner)
        return self._opened(receipt, owner, cash)

    def open_protocol(self, cash: Decimal | str | int = 0) -> int:
        """An account of the vault's, with cash; its id."""
        receipt = self.pool.transact.open_protocol_account(sender=self.vault)
        return self._opened(receipt, self.vault, cash)

    def _opened(self, receipt: Receipt, owner: Address, cash: Decimal | str | int) -> int:
        account: int = receipt.named("AccountOpened")[0].account
        if cash:
            self.credit(account, owner, cash)
        return account

    def credit(self, account: int, owner: Address, cash: Decimal | str | int) -> None:
        """Count collateral in for an account, as custody does."""
        self.pool.transact.credit(owner, account, units(cash), sender=self.cashier)

    def debit(self, account: int, cash: Decimal | str | int) -> None:
        """Take collateral out of an account, as custody does without a deficit."""
        self.pool.transact.debit(account, units(cash), units(cash), sender=self.cashier)

    # --- the verbs of engines --------------------------------------------------------------

    def rest(self, account: int, bids: int = 0, asks: int = 0, market: int = 0) -> Receipt:
        """Change resting lots as the book does."""
        receipt: Receipt = self.pool.transact.rest(account, market, bids, asks, sender=self.book)
        return receipt

    def answer(self, match: Match) -> int:
        """What the pool answers to a match; it is not made."""
        answer: int = self.pool.call.fill(match, sender=self.book)
        return answer

    def fill(self, match: Match) -> Any:
        """Make a match that must be filled; its Filled event."""
        receipt = self.pool.transact.fill(match, sender=self.book)
        (filled,) = receipt.named("Filled")
        return filled

    def trade(
        self,
        buyer: int,
        seller: int,
        lots: int,
        price: Decimal | str | int = START,
        market: int = 0,
    ) -> None:
        """Lots pass at a price, with no fee and no check: the liquidator's exchange."""
        quote = lots * usd(price)
        self.exchange(buyer, seller, lots, quote, market)

    def exchange(self, buyer: int, seller: int, lots: int, quote: int, market: int = 0) -> Receipt:
        """Lots one way, quote the other, as the liquidator."""
        receipt: Receipt = self.pool.transact.exchange(
            market, buyer, seller, lots, quote, sender=self.liquidator
        )
        return receipt

    def pay(self, source: int, target: int, quote: int) -> Receipt:
        """Quote passes, as the liquidator."""
        receipt: Receipt = self.pool.transact.pay(source, target, quote, sender=self.liquidator)
        return receipt

    def tighten(
        self,
        entry: Sequence[tuple[int, int]],
        standing: Sequence[tuple[int, int]] = TIERS,
        market: int = 0,
    ) -> None:
        """Judge new risk by one schedule, and what stands by another, as levers do."""
        words = (packed([Tier(*tier) for tier in tiers], MAX_AGE) for tiers in (standing, entry))
        self.pool.transact.set_schedule(market, *words, sender=self.levers)

    def write_off(self, account: int) -> Any:
        """Write what an account owes as a loss; the event."""
        receipt = self.pool.transact.write_off(account, sender=self.liquidator)
        return receipt.named("DeficitWritten")[0]

    # --- what stands -----------------------------------------------------------------------

    def size(self, account: int, market: int = 0) -> int:
        """Lots, long > 0."""
        size: int = self.pool.call.position(account, market).size
        return size

    def equity(self, account: int) -> Decimal | int:
        """USD, at the marks."""
        return Decimal(self.pool.call.health(account).equity) / USD

    def markets(self) -> range:
        return range(self.pool.call.market_count())

    def findings(self) -> list[str]:
        """What is wrong with the sums over all accounts; nothing ever should be."""
        now = self.snapshot()
        found = [
            *invariants.sizes_cancel(now),
            *invariants.open_interest_is_both_sides(now),
            *invariants.lists_hold_the_holders(now),
            *invariants.flat_quote_is_the_sum(now),
            *invariants.legs_are_bounded(now),
        ]
        return [str(finding) for finding in found] + [*self._quotes(now), *self._juniors(now)]

    def _quotes(self, now: Snapshot) -> Iterator[str]:
        """I-2. By I-1 the value of all positions is 0, so that equities sum to what quotes do."""
        equities = sum(self.pool.call.health(account).equity for account in now.accounts)
        pots = sum(self.pool.call.pot(market) for market in self.markets())
        if equities + pots != now.custody * QUOTE_PER_UNIT:
            yield f"equities {equities} and pots {pots} are not custody {now.custody}"

    def _juniors(self, now: Snapshot) -> Iterator[str]:
        told = self.pool.call.solvency().junior_quote
        flat = [n for n, held in now.accounts.items() if held.trader and held.flat]
        junior = [n for n in flat if not self.pool.call.is_senior(n)]
        total = sum(now.accounts[n].stored for n in junior)
        if told != total:
            yield f"juniors hold {total} quote, the pool says {told}"

    def snapshot(self) -> Snapshot:
        """What the invariants judge, read through the pool's views."""
        told = self.pool.call.solvency()
        return Snapshot(
            block=self.engine.head.number,
            accounts=self.accounts(),
            markets=[self._market(market) for market in self.markets()],
            custody=told.custody,
            balance=told.custody,
            deficit=told.deficit,
            flat_quote=told.flat_quote,
            holders={
                (market, longs): self.holders(market, longs=longs)
                for market in self.markets()
                for longs in (True, False)
            },
        )

    def _market(self, number: int) -> Market:
        seen = self.pool.call.market(number)
        return Market(
            tiers=(Tier(0, 1),),
            size_decimals=seen.size_decimals,
            max_age=1,
            open_interest_cap=seen.open_interest_cap,
            mark=seen.mark,
            funding=seen.funding,
            open_interest=seen.open_interest,
        )

    def accounts(self) -> dict[int, Account]:
        """Every account, decoded from its packed words."""
        stream: list[int] = []
        for number in range(1, self.pool.call.account_count() + 1):
            legs = self.pool.call.legs_of(number)
            first = self.pool.call.words(number, 0)
            stream += [first.account, *([first.high_legs] if legs >> LOW_MARKETS else [])]
            for market in set_bits(legs):
                leg = self.pool.call.words(number, market)
                stream += [leg.position, leg.resting]
        return {account.number: account for account in decode_dump(stream, 1)}

    def holders(self, market: int = 0, *, longs: bool) -> list[int]:
        """A holder list place by place; 0 for a hole."""
        entries = []
        for place in range(self.pool.call.holder_count(market, longs)):
            found = self.pool.call.candidates(market, longs, place, 1, 1, 0)
            entries.append(int(found[0].account) if found else 0)
        return entries


def usd(amount: Decimal | str | int) -> int:
    """Quote of an amount in USD."""
    quote = Decimal(amount) * USD
    assert quote == int(quote)
    return int(quote)


def units(amount: Decimal | str | int) -> int:
    """Units of collateral of an amount in USD."""
    return int(Decimal(amount) * UNITS_PER_USD)


def schedule(*tiers: tuple[int, int]) -> list[tuple[int, int]]:
    """Tiers as the pool takes them: five, those not used are zero."""
    return [*tiers, *[(0, 0)] * (5 - len(tiers))]


def deploy(engine: Engine, artifacts: Artifacts, *, cashier: Address | None = None) -> Stand:
    """Deploy the pool, hand its roles out, list a market, set its first mark.

    `cashier` holds the role of custody; nobody does yet where it is None.
    """
    admin, oracle, book, liquidator, deleverager, vault, fund, levers = (
        engine.sender(place) for place in (0, 10, 11, 12, 13, 14, 16, 17)
    )
    pool = engine.deploy(artifacts["MarginPool"], TAKER_FEE, MAKER_FEE, BAND, sender=admin)
    for role, holder in (
        (ORACLE, oracle),
        (BOOK, book),
        (LIQUIDATOR, liquidator),
        (ADL, deleverager),
        (VAULT, vault),
        (FUND, fund),
        (LEVERS, levers),
    ):
        pool.transact.grant(role, holder, sender=admin)
    if cashier:
        pool.transact.grant(CUSTODY, cashier, sender=admin)
    stand = Stand(
        engine=engine,
        pool=pool,
        admin=admin,
        oracle=oracle,
        book=book,
        liquidator=liquidator,
        deleverager=deleverager,
        vault=vault,
        levers=levers,
        cashier=cashier or NOBODY,
    )
    assert stand.list_market() == 0
    stand.mark(START)
    return stand
