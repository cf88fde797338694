"""The pool: accounts, the verbs that move value, epochs, seniority and the deficit.

What the contract keeps in O(1) (flat quote, its junior part) is summed here from its definition.
A refused call raises `Refused` with the contract's own reason and changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from spillway.errors import SpillwayError
from spillway.model import margin
from spillway.model.margin import Health, Market, Tier
from spillway.model.policies import Candidate, Side, seeded
from spillway.model.rounding import ceil_div
from spillway.model.words import DEFICIT, FEES, ISOLATED, PROTOCOL, Account, Leg
from spillway.units import QUOTE_PER_UNIT

FEE_UNIT = 10**6
MAX_LEGS = 8
MAX_PRICE = 2**80 - 1
MAX_FUNDING = 2**86
UNDERFLOW = ""  # the contract's arithmetic itself refuses, without a reason


class Refused(SpillwayError):
    """The pool said no; `reason` is what the contract answers."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def require(condition: bool, reason: str) -> None:
    """Raise `Refused(reason)` unless the condition holds."""
    if not condition:
        raise Refused(reason)


@dataclass(frozen=True, slots=True)
class Update:
    """One step of one market into a new epoch: funding first, then the prices."""

    market: int
    mark: int
    index: int
    funding_delta: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A withdrawal asked for in `epoch`, in units of collateral."""

    units: int
    epoch: int


@dataclass(slots=True)
class Pool:
    """The pool's state; `now` is the block's timestamp, `block` its number.

    Attributes:
        taker_fee: Parts per million.
        maker_fee: Parts per million.
        band: Distance of a voluntary fill from mark, parts per million.
        custody: Units of collateral counted in.
        junior_since: An account that turned flat in this epoch or later is junior to a loss.
        held: Seniority is held open: `junior_since` stands still.
        deficit_since: Timestamp at which the standing deficit began.
        idle: (account, market) -> what stays of a leg that is neither position nor order.
    """

    taker_fee: int = 0
    maker_fee: int = 0
    band: int = 100_000
    now: int = 0
    block: int = 0
    custody: int = 0
    epoch: int = 1
    epoch_block: int = -1
    junior_since: int = 1
    held: bool = False
    deficit_since: int = 0
    markets: list[Market] = field(default_factory=list)
    accounts: dict[int, Account] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    isolated_to: dict[int, int] = field(default_factory=dict)
    flat_since: dict[int, int] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    idle: dict[tuple[int, int], Leg] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the fee account and the deficit account."""
        if not self.accounts:
            self.accounts = {n: Account(n, flags=PROTOCOL) for n in (FEES, DEFICIT)}

    # --- accounts ----------------------------------------------------------------------------

    def list_market(self, market: Market) -> int:
        """List a market; give its id."""
        self.markets.append(market)
        return len(self.markets) - 1

    def open_account(
        self, owner: str, isolated_to: int | None = None, *, protocol: bool = False
    ) -> int:
        """Open an account; give its id."""
        number = len(self.accounts) + 1
        flags = (PROTOCOL if protocol else 0) | (0 if isolated_to is None else ISOLATED)
        self.accounts[number] = Account(number, flags=flags)
        self.owners[number] = owner
        if isolated_to is not None:
            self.isolated_to[number] = isolated_to
        return number

    def leg(self, account: int, market: int) -> Leg:
        """Return one leg, an empty one where there is none."""
        held = self.accounts[account].legs.get(market)
        return held or self.idle.get((account, market), Leg())

    def quote(self, account: int) -> int:
        """Return the effective quote of an account."""
        return margin.quote(self.accounts[account], self.markets)

    def equity(self, account: int) -> int:
        """Return the equity of an account at the marks."""
        return margin.equity(self.accounts[account], self.markets)

    def maintenance(self, account: int) -> int:
        """Return the maintenance margin of an account at the marks."""
        return margin.account_maintenance(self.accounts[account], self.markets)

    def health(self, account: int) -> Health:
        """Return everything that judges an account."""
        return margin.health(self.accounts[account], self.markets, self.now)

    # --- the verbs that move value ------------------------------------------------------------

    def deposit(self, account: int, units: int) -> None:
        """Count `units` of collateral into custody and into an account."""
        require(units > 0, "custody: zero amount")
        self.custody += units
        self.credit(account, units * QUOTE_PER_UNIT)

    def exchange(self, market: int, buyer: int, seller: int, lots: int, quote: int) -> None:
        """`lots` pass from seller to buyer, `quote` (signed) from buyer to seller."""
        require(buyer != seller, "pool: same account")
        require(lots > 0, "pool: zero lots")
        before = max(self.leg(buyer, market).size, 0) + max(self.leg(seller, market).size, 0)
        self._trade(buyer, market, lots, quote)
        self._trade(seller, market, -lots, -quote)
        after = max(self.leg(buyer, market).size, 0) + max(self.leg(seller, market).size, 0)
        held = self.markets[market]
        self.markets[market] = replace(held, open_interest=held.open_interest + after - before)

    def pay(self, source: int, target: int, amount: int) -> None:
        """`amount` of quote passes; a trader's account that was flat before never pays."""
        require(not self.senior(source), "pool: flat account never pays")
        require(source != target, "pool: same account")
        self.move(source, target, amount)

    def socialize(self, market: int, target: int, amount: int, *, longs: bool) -> None:
        """Charge `amount` to the holders of a side, per lot, rounded up; pay it to `target`."""
        held = self.markets[market]
        require(held.open_interest > 0, "pool: nobody to charge")
        per_lot = ceil_div(amount, held.open_interest)
        self.markets[market] = replace(
            held,
            long_charge=held.long_charge + (per_lot if longs else 0),
            short_charge=held.short_charge + (0 if longs else per_lot),
            pot=held.pot - amount,
        )
        self.credit(target, amount)

    def move(self, source: int, target: int, amount: int) -> None:
        """Move quote without asking who may be made to pay."""
        self.credit(source, -amount)
        self.credit(target, amount)

    def credit(self, account: int, amount: int) -> None:
        """Add quote to one account; the caller owes the other side of it."""
        held = self.accounts[account]
        self.accounts[account] = replace(held, stored=held.stored + amount)

    def set_leg(self, account: int, market: int, leg: Leg) -> None:
        """Write one leg back, and the epoch in which the account turned flat."""
        held = self.accounts[account]
        legs = {m: other for m, other in held.legs.items() if m != market}
        if leg.live:
            legs = dict(sorted({**legs, market: leg}.items()))
        else:
            self.idle[account, market] = leg
        self.accounts[account] = replace(held, legs=legs)
        if held.legs and not legs and held.trader:
            self.flat_since[account] = self.epoch

    def _trade(self, account: int, market: int, lots: int, quote: int) -> None:
        """Add signed `lots` for signed `quote` (paid > 0) to a position."""
        held, leg = self.markets[market], self.leg(account, market)
        cost = cost_after(leg, lots, quote, held.funding)
        size = leg.size + lots
        birth = leg.birth + (size != 0 and size * leg.size <= 0)
        charged = held.charge(size) - held.charge(leg.size)
        self.markets[market] = replace(held, pot=held.pot - charged)
        self.credit(account, lots * held.funding - quote + charged)
        self.set_leg(account, market, replace(leg, size=size, cost=cost, birth=birth % 2**24))

    # --- epochs -------------------------------------------------------------------------------

    def mine(self, seconds: int) -> None:
        """Begin a new block, `seconds` later."""
        self.block += 1
        self.now += seconds

    def advance(self, updates: Iterable[Update]) -> None:
        """Accrue funding, then set prices; the first call of a block opens an epoch."""
        steps = tuple(updates)
        for step in steps:
            require(step.market < len(self.markets), "pool: unknown market")
            require(0 < step.mark <= MAX_PRICE, "pool: price out of range")
            require(0 < step.index <= MAX_PRICE, "pool: price out of range")
            funding = self.markets[step.market].funding + step.funding_delta
            require(abs(funding) < MAX_FUNDING, "pool: funding out of range")
        if self.epoch_block != self.block:
            self.epoch_block = self.block
            self.epoch += 1
            if not self.deficit and not self.held:
                self.junior_since = self.epoch
        for step in steps:
            self._step(step)

    def _step(self, step: Update) -> None:
        held = self.markets[step.market]
        self.markets[step.market] = replace(
            held,
            mark=step.mark,
            previous_mark=self.previous_mark(step.market) or step.mark,
            index=step.index,
            funding=held.funding + step.funding_delta,
            updated_at=self.now,
            epoch=self.epoch,
        )

    def previous_mark(self, market: int) -> int:
        """Return the mark at the end of the last epoch, whenever the market was last touched."""
        held = self.markets[market]
        return held.previous_mark if held.epoch == self.epoch else held.mark

    def lock_market(self, market: int, *, locked: bool) -> None:
        """Close a market to all but auto-deleveraging, or open it again."""
        self.markets[market] = replace(self.markets[market], locked=locked)

    # --- levers -------------------------------------------------------------------------------

    def set_schedule(self, market: int, tiers: tuple[Tier, ...], entry: tuple[Tier, ...]) -> None:
        """Judge positions that stand by one schedule, and new risk by another."""
        self.markets[market] = replace(self.markets[market], tiers=tiers, entry=entry)

    def set_open_interest_cap(self, market: int, cap: int) -> None:
        """Set the lots beyond which open interest may not grow."""
        self.markets[market] = replace(self.markets[market], open_interest_cap=cap)

    # --- seniority and the deficit ------------------------------------------------------------

    @property
    def deficit(self) -> int:
        """Standing deficit, quote >= 0."""
        return max(-self.accounts[DEFICIT].stored, 0)

    def senior(self, account: int) -> bool:
        """Return whether it is a trader's, flat, and was so before any loss of this moment."""
        held = self.accounts[account]
        return held.trader and held.flat and self.flat_since.get(account, 0) < self.junior_since

    @property
    def flat_quote(self) -> tuple[int, int]:
        """Quote of flat traders' accounts, and the part of it that is junior."""
        flat = {n: a.stored for n, a in self.accounts.items() if a.trader and a.flat}
        return sum(flat.values()), sum(s for n, s in flat.items() if not self.senior(n))

    @property
    def senior_quote(self) -> int:
        """What accounts claim that were flat before the loss."""
        total, junior = self.flat_quote
        return total - junior

    def write_off(self, account: int) -> None:
        """Write what a flat account owes as a loss: the fee account first, then the deficit."""
        held = self.accounts[account]
        require(held.flat, "pool: account is not flat")
        require(held.stored < 0 and account != DEFICIT, "pool: nothing to write off")
        loss = -held.stored
        from_fees = min(loss, max(self.accounts[FEES].stored, 0))
        if not self.deficit:
            self.deficit_since = self.now
        self.move(FEES, account, from_fees)
        self.move(DEFICIT, account, loss - from_fees)

    # --- ranking ------------------------------------------------------------------------------

    def candidate(self, market: int, account: int, mark: int, funding: int) -> Candidate:
        """Return what ranking needs of one holder, this leg at the given mark and funding."""
        leg, now = self.leg(account, market), self.markets[market]
        shift = (mark - funding) - (now.mark - now.funding)
        return Candidate(
            account=account,
            size=abs(leg.size),
            pnl=leg.size * (mark - funding) - leg.cost,
            equity=self.equity(account) + leg.size * shift,
            notional=abs(leg.size) * mark,
            entry_notional=max(abs(leg.cost), 1),
            others=sum(
                other.size * self.markets[number].mark
                for number, other in self.accounts[account].legs.items()
                if number != market
            ),
        )

    def side(self, market: int, *, longs: bool) -> Side:
        """Return what a job opened now would rank.

        Where a holder stands in the list is not kept here: its length is the number of holders.
        """
        held = self.markets[market]
        side = Side(
            market=market,
            longs=longs,
            mark=held.mark,
            previous_mark=self.previous_mark(market),
            funding=held.funding,
            length=len(self.holders(market, longs=longs)),
        )
        return seeded(side, self.epoch)

    def holders(self, market: int, *, longs: bool) -> list[int]:
        """Return the accounts with a position on one side, ids ascending."""
        side = 1 if longs else -1
        return [n for n in self.accounts if self.leg(n, market).size * side > 0]

    # --- trials -------------------------------------------------------------------------------

    def copy(self) -> "Pool":
        """Return a pool that can be changed without changing this one."""
        return replace(
            self,
            markets=list(self.markets),
            accounts=dict(self.accounts),
            owners=dict(self.owners),
            isolated_to=dict(self.isolated_to),
            flat_since=dict(self.flat_since),
            requests=dict(self.requests),
            idle=dict(self.idle),
        )

    def become(self, other: "Pool") -> None:
        """Take over the state of a copy of this pool."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))


def cost_after(leg: Leg, lots: int, quote: int, funding: int) -> int:
    """Return the cost of a position after a trade, so that its profit is never overstated.

    Args:
        leg: The position before.
        lots: Signed, bought > 0.
        quote: Signed, paid > 0.
        funding: The market's index F.

    Returns:
        Quote. Opening adds the trade; closing k of |n| lots takes floor(cost * k / |n|) out; a
        flip closes the whole and opens the rest with its share of the quote, rounded up.
    """
    if leg.size * lots >= 0:
        return leg.cost + quote - lots * funding
    if abs(lots) <= abs(leg.size):
        return leg.cost - cost_out(leg, abs(lots))
    opened = leg.size + lots
    return ceil_div(quote * abs(opened), abs(lots)) - opened * funding


def cost_out(leg: Leg, lots: int) -> int:
    """Return the cost that leaves with `lots` (unsigned) of a position."""
    return leg.cost * lots // abs(leg.size)
