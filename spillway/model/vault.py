"""The vault: shares at net asset value, the queue of redemptions, the child's capital.

What shedding does is a trade of the book and stands there. Amounts are quote, units 1e-6 USD of
collateral, rates parts per million. A refused call raises `Refused` with the contract's reason.
"""

from dataclasses import dataclass, field, replace

from spillway.model import custody
from spillway.model.margin import QUOTE_PER_USD, Health
from spillway.model.pool import FEE_UNIT, Pool, Request, require
from spillway.model.rounding import ceil_div
from spillway.units import QUOTE_PER_UNIT

VIRTUAL_SHARES = 10**6
VIRTUAL_ASSETS: int = QUOTE_PER_UNIT
MAX_SUPPLY = 2**140
MIN_ISSUED = 10**4
MIN_AMOUNT = 10 * QUOTE_PER_USD
MAX_UNITS = 2**64
MAX_SETTLED = 64
DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Redemption:
    """Shares that wait in the queue; the price at the request is assets / shares_total.

    Attributes:
        owner: Whose they were.
        epoch: Of the request.
        shares: Not yet paid.
        assets: Redeemable at the request, quote.
        shares_total: The supply at the request and the virtual shares.
    """

    owner: str
    epoch: int
    shares: int
    assets: int
    shares_total: int


@dataclass(slots=True)
class Vault:
    """The vault's state beside the pool that holds its accounts.

    Attributes:
        pool: Changed in place.
        parent: Account that holds the cash.
        child: Account that takes liquidated accounts over.
        at_risk: Capital of the child, parts per million of the assets of those who stay.
        lock: Seconds after a deposit in which its owner's shares stay.
        supply: Shares in existence, those in the queue included.
        balances: Shares outside the queue, by owner.
        unlocks_at: Timestamp from which an owner's shares may be redeemed.
        queue: Requests, the front first.
        settled: Requests that have left the queue; the front's number.
        till: Units drawn out of custody for redemptions, or given, and not yet used.
        claimable: Units redeemed and not yet paid, by owner.
        topped_up_at: Timestamp of the last top-up.
    """

    pool: Pool
    parent: int
    child: int
    at_risk: int
    lock: int
    supply: int = 0
    balances: dict[str, int] = field(default_factory=dict)
    unlocks_at: dict[str, int] = field(default_factory=dict)
    queue: list[Redemption] = field(default_factory=list)
    settled: int = 0
    till: int = 0
    claimable: dict[str, int] = field(default_factory=dict)
    topped_up_at: int = 0

    # --- what it owns -------------------------------------------------------------------------

    @property
    def shares_total(self) -> int:
        """The supply and the virtual shares."""
        return self.supply + VIRTUAL_SHARES

    @property
    def waiting(self) -> int:
        """Shares in the queue."""
        return sum(request.shares for request in self.queue)

    @property
    def in_trouble(self) -> bool:
        """Whether the child's equity is below its maintenance margin."""
        health = self._child
        return health.equity < health.maintenance

    @property
    def nav(self) -> int:
        """Net asset value: parent, child and till, nothing below zero."""
        return self._parent + max(self._child.equity, 0) + self._till

    @property
    def redeemable(self) -> int:
        """What redemptions count on: no child in trouble, accounts at what custody would pay."""
        booked = self._parent + (0 if self.in_trouble else max(self._child.equity, 0))
        if self.pool.deficit:
            booked = booked * self._cash // (self._cash + self.pool.deficit)
        return booked + self._till

    @property
    def capital(self) -> int:
        """What the child should have."""
        assets = self.nav
        leaving = ceil_div(assets * self.waiting, self.shares_total)
        return (assets - leaving) * self.at_risk // FEE_UNIT

    @property
    def asked(self) -> Request:
        """What custody has been asked for and has not paid."""
        return self.pool.requests.get(self.parent, Request(0, 0))

    @property
    def _child(self) -> Health:
        return self.pool.health(self.child)

    @property
    def _parent(self) -> int:
        return max(self.pool.equity(self.parent), 0)

    @property
    def _payable(self) -> int:
        """Units that custody can pay the parent."""
        units: int = self._parent // QUOTE_PER_UNIT
        return min(units, self.pool.custody)

    @property
    def _till(self) -> int:
        """The till in quote."""
        quote: int = self.till * QUOTE_PER_UNIT
        return quote

    @property
    def _cash(self) -> int:
        """Cash that those share who are not senior."""
        cash: int = self.pool.custody * QUOTE_PER_UNIT
        return max(cash - max(self.pool.senior_quote, 0), 0)

    # --- depositors ---------------------------------------------------------------------------

    def deposit(self, owner: str, units: int) -> int:
        """Take `units` in; give the shares issued."""
        self._check_sound()
        require(not self.pool.held, "vault: deleveraging is open")
        require(not self.pool.deficit, "vault: deficit stands")
        require(units < MAX_UNITS, "vault: amount too large")
        quote: int = units * QUOTE_PER_UNIT
        issued = quote * self.shares_total // (self.nav + VIRTUAL_ASSETS)
        require(quote >= MIN_AMOUNT and issued >= MIN_ISSUED, "vault: below minimum")
        require(self.supply + issued < MAX_SUPPLY, "vault: too many shares")
        self.supply += issued
        self.balances[owner] = self.balances.get(owner, 0) + issued
        self.unlocks_at[owner] = self.pool.now + self.lock
        if not self.queue:
            units, self.till = units + self.till, 0
        self.pool.deposit(self.parent, units)
        return issued

    def request_redemption(self, owner: str, shares: int) -> None:
        """Queue shares, at the price of now or of the payment, whichever is lower."""
        held = self.balances.get(owner, 0)
        require(shares > 0, "vault: zero shares")
        require(shares <= held, "vault: not enough shares")
        require(self.pool.now >= self.unlocks_at.get(owner, 0), "vault: shares are locked")
        worth = shares * self.redeemable // self.shares_total
        require(shares == held or worth >= MIN_AMOUNT, "vault: below minimum")
        request = Redemption(owner, self.pool.epoch, shares, self.redeemable, self.shares_total)
        self.balances[owner] -= shares
        self.queue.append(request)
        if not self.asked.units or self.asked.epoch == self.pool.epoch:
            self._draw()

    # --- anyone -------------------------------------------------------------------------------

    def collect(self) -> None:
        """Bring what custody owes into the till, and ask it for what the queue still lacks."""
        if 0 < self.asked.units <= self._payable:
            self.till += custody.withdraw(self.pool, self.parent)
            self._draw()
        else:
            require(self._draw() > 0, "vault: nothing to collect")

    def settle(self, count: int) -> None:
        """Redeem at most `count` requests from the front of the queue, out of the till."""
        require(bool(self.queue), "vault: queue is empty")
        require(self.queue[0].epoch < self.pool.epoch, "vault: wait for an epoch")
        require(self._child.stale_notional == 0, "vault: stale mark")
        require(self.till > 0, "vault: till is empty")
        for _ in range(min(count, MAX_SETTLED)):
            if not self.queue or not self.till or self.queue[0].epoch >= self.pool.epoch:
                break
            request = self.queue[0]
            shares, units = payment(request, self.redeemable, self.shares_total, self.till)
            self.supply -= shares
            self.till -= units
            self.claimable[request.owner] = self.claimable.get(request.owner, 0) + units
            self._reduce(request.shares - shares)

    def claim(self, owner: str) -> int:
        """Pay an owner what was redeemed for it; give the units."""
        units = self.claimable.get(owner, 0)
        require(units > 0, "vault: nothing to claim")
        self.claimable[owner] = 0
        return units

    def top_up(self) -> None:
        """Give the child what it lacks of its capital."""
        self._check_sound()
        require(self.pool.now >= self.topped_up_at + DAY, "vault: wait for a day")
        lacking = max(self.capital - self._child.equity, 0)
        amount = min(lacking, self._parent)
        require(amount > 0, "vault: nothing to move")
        custody.transfer(self.pool, self.parent, self.child, amount)
        self.topped_up_at = self.pool.now

    def skim(self) -> None:
        """Give the parent what a flat child has beyond its capital."""
        require(self._child.legs == 0, "vault: child is not flat")
        surplus = self._child.equity - self.capital
        require(surplus > 0, "vault: nothing to move")
        custody.transfer(self.pool, self.child, self.parent, surplus)

    # --- within -------------------------------------------------------------------------------

    def _check_sound(self) -> None:
        require(self._child.stale_notional == 0, "vault: stale mark")
        require(not self.in_trouble, "vault: child below maintenance")

    def _draw(self) -> int:
        """Ask custody for what the queue is worth beyond the till; give the units asked for."""
        owed = ceil_div(self.redeemable * self.waiting, self.shares_total)
        units = max(ceil_div(owed, QUOTE_PER_UNIT) - self.till, 0)
        if units and self.pool.deficit:
            units = ceil_div(units * (self._cash + self.pool.deficit), self._cash)
        units = min(units, self._payable)
        if units:
            custody.request_withdrawal(self.pool, self.parent, units)
        return units

    def _reduce(self, left: int) -> None:
        """Leave `left` shares to the request in front; at 0 it leaves the queue."""
        if left:
            self.queue[0] = replace(self.queue[0], shares=left)
        else:
            del self.queue[0]
            self.settled += 1

    def copy(self) -> "Vault":
        """Return a vault on a copy of the pool."""
        return replace(
            self,
            pool=self.pool.copy(),
            balances=dict(self.balances),
            unlocks_at=dict(self.unlocks_at),
            queue=list(self.queue),
            claimable=dict(self.claimable),
        )


def payment(request: Redemption, assets: int, shares_total: int, cash: int) -> tuple[int, int]:
    """Return the shares redeemed and the units paid for the request in front.

    Args:
        request: With the price at the request.
        assets: Redeemable now, quote.
        shares_total: Supply and virtual shares now.
        cash: Units in the till.

    Returns:
        All shares at the lower price, units rounded down; or, where the cash falls short, all of
        the cash for as many shares as it pays for, rounded up.
    """
    prices = (request.assets, request.shares_total), (assets, shares_total)
    (lower, over), (other, other_over) = prices
    if other * over < lower * other_over:
        lower, over = other, other_over
    units = request.shares * lower // over // QUOTE_PER_UNIT
    if units <= cash:
        return request.shares, units
    return ceil_div(cash * QUOTE_PER_UNIT * over, lower), cash
