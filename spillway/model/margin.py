"""Margin: tiers, maintenance, initial margin, equity and the liquidation price.

All amounts are quote, all prices quote per lot. Margin is rounded up, leg by leg and tier by tier.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spillway.model.rounding import ceil_div
from spillway.model.words import Account, Leg
from spillway.units import QUOTE_DECIMALS

QUOTE_PER_USD: int = 10**QUOTE_DECIMALS
MAX_TIERS = 5


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a market's schedule.

    Attributes:
        lower_bound: Notional in whole USD above which the tier holds.
        max_leverage: Initial margin is at least notional / max_leverage, maintenance half of it.
    """

    lower_bound: int
    max_leverage: int


@dataclass(frozen=True, slots=True)
class Market:
    """A market at one moment, with the constants that it was listed with.

    Attributes:
        tiers: Ascending; the first starts at 0. Maintenance goes by them.
        size_decimals: A lot is 10**-size_decimals of the asset.
        max_age: Seconds after which the mark is stale.
        open_interest_cap: Lots, one side.
        mark: Quote per lot; 0 before the first update.
        previous_mark: The mark at the end of the last epoch.
        index: The oracle price, quote per lot.
        funding: Cumulative funding index F, quote per lot.
        open_interest: Lots, one side.
        updated_at: Timestamp of the mark.
        epoch: Epoch of the last update.
        locked: Whether only auto-deleveraging may touch it.
        long_charge: What one lot held long has been charged since listing, quote.
        short_charge: The same for one lot held short.
        pot: Quote raised and paid out, without the charges that holders have not settled.
        entry: The schedule of initial margin, once levers have tightened it; else empty: `tiers`.
    """

    tiers: tuple[Tier, ...]
    size_decimals: int
    max_age: int
    open_interest_cap: int
    mark: int = 0
    previous_mark: int = 0
    index: int = 0
    funding: int = 0
    open_interest: int = 0
    updated_at: int = 0
    epoch: int = 0
    locked: bool = False
    long_charge: int = 0
    short_charge: int = 0
    pot: int = 0
    entry: tuple[Tier, ...] = ()

    def charge(self, size: int) -> int:
        """Return what a position of `size` has been charged since listing."""
        return size * self.long_charge if size > 0 else -size * self.short_charge

    @property
    def pot_quote(self) -> int:
        """What the pot holds, the charges that holders have not settled included."""
        return self.pot + self.open_interest * (self.long_charge + self.short_charge)

    def fresh(self, now: int) -> bool:
        """Whether the mark may be used to judge an account at `now`."""
        return self.mark > 0 and now - self.updated_at <= self.max_age


@dataclass(frozen=True, slots=True)
class Health:
    """Margin of an account at the marks, all in quote; stale legs count at their last good mark.

    A stale leg adds at least 1 to `stale_notional`, though it hold nothing but an order.
    """

    equity: int
    maintenance: int
    initial: int
    notional: int
    stale_notional: int
    legs: int


def tiers_of(schedule: int) -> tuple[Tier, ...]:
    """Return the tiers of a packed schedule: bound and leverage in 40 and 8 bits each."""
    words = [schedule >> 48 * place & (2**48 - 1) for place in range(MAX_TIERS)]
    return tuple(Tier(word % 2**40, word >> 40) for word in words if word)


def packed(tiers: Sequence[Tier], max_age: int) -> int:
    """Return a schedule as the pool keeps it."""
    words = (tier.lower_bound | tier.max_leverage << 40 for tier in tiers)
    return sum(word << 48 * place for place, word in enumerate(words)) | max_age << 240


def max_leverage(tiers: Sequence[Tier], notional: int) -> int:
    """Return the highest leverage allowed at `notional` quote; a bound is in the tier below it."""
    above = (t.max_leverage for t in reversed(tiers) if notional > t.lower_bound * QUOTE_PER_USD)
    return next(above, tiers[0].max_leverage)


def maintenance(tiers: Sequence[Tier], notional: int) -> int:
    """Return the maintenance margin of one leg: marginal rates, each tier's part rounded up."""
    total = 0
    upper = notional
    for tier in reversed(tiers):
        lower = tier.lower_bound * QUOTE_PER_USD
        if upper > lower:
            total += ceil_div(upper - lower, 2 * tier.max_leverage)
            upper = lower
    return total


def initial(market: Market, worst: int, leverage: int) -> int:
    """Return the initial margin of one leg.

    Args:
        market: Whose schedule it goes by. Once it was tightened, a leverage chosen before counts
            for no more than is allowed now.
        worst: Notional of the worst case over resting orders.
        leverage: Chosen; 0 = the highest that the tier allows at `worst`.
    """
    most = max_leverage(market.entry or market.tiers, worst)
    if market.entry:
        leverage = min(leverage, most)
    return ceil_div(worst, leverage or most)


def worst_lots(leg: Leg) -> int:
    """Return the larger absolute size that the leg's resting orders can lead to."""
    return max(abs(leg.size + leg.bids), abs(leg.size - leg.asks))


def quote(account: Account, markets: Sequence[Market]) -> int:
    """Return the effective quote: cash after funding and charges, signed."""
    total = account.stored
    for number, leg in account.legs.items():
        market = markets[number]
        total -= leg.size * market.funding + market.charge(leg.size)
    return total


def equity(account: Account, markets: Sequence[Market]) -> int:
    """Return effective quote + sum of size * mark."""
    total = account.stored
    for number, leg in account.legs.items():
        market = markets[number]
        total += leg.size * (market.mark - market.funding) - market.charge(leg.size)
    return total


def leg_maintenance(leg: Leg, market: Market) -> int:
    """Return the maintenance margin of one leg at mark."""
    return maintenance(market.tiers, abs(leg.size) * market.mark)


def account_maintenance(account: Account, markets: Sequence[Market]) -> int:
    """Return the maintenance margin of an account at the marks."""
    return sum(leg_maintenance(leg, markets[m]) for m, leg in account.legs.items())


def health(account: Account, markets: Sequence[Market], now: int) -> Health:
    """Return everything that judges an account, at the marks and at time `now`."""
    held = notional = stale = reserved = legs = 0
    for number, leg in account.legs.items():
        market = markets[number]
        value = abs(leg.size) * market.mark
        notional += value
        stale += 0 if market.fresh(now) else max(value, 1)
        held += maintenance(market.tiers, value)
        reserved += initial(market, worst_lots(leg) * market.mark, leg.leverage)
        legs |= 1 << number
    return Health(equity(account, markets), held, reserved, notional, stale, legs)


def liquidatable(account: Account, markets: Sequence[Market]) -> bool:
    """Return whether equity is below maintenance, strictly."""
    return equity(account, markets) < account_maintenance(account, markets)


def liquidation_price(account: Account, number: int, markets: Sequence[Market]) -> int | None:
    """Return the last mark of one market, all others standing, at which an account is safe.

    That is the lowest (long) or highest (short) price with equity >= maintenance; one unit of
    quote per lot beyond it the account is liquidatable.

    Args:
        account: Holds a position in the market.
        number: The market.
        markets: All markets.

    Returns:
        Quote per lot, or None where no price of 1 and more divides safe from unsafe.
    """
    leg, market = account.legs[number], markets[number]
    others = account_maintenance(account, markets) - leg_maintenance(leg, market)
    owed = leg.size * market.mark - equity(account, markets) + others

    def safe(price: int) -> bool:
        return leg.size * price - owed >= maintenance(market.tiers, abs(leg.size) * price)

    toward_safe = 1 if leg.size > 0 else -1
    price = max(_crossing(leg.size, owed, market.tiers), 0)
    while price >= 0 and not safe(price):
        price += toward_safe
    while price > 0 and safe(price - toward_safe):
        price -= toward_safe
    return price if price > 0 else None


def _crossing(size: int, owed: int, tiers: Sequence[Tier]) -> int:
    """Return the price at which `size * price - owed` meets maintenance, give or take rounding.

    With rate 1/r and deduction k of a tier, size * p - owed = |size| * p / r - k. Tiers are tried
    from low to high: the first whose price lies below the next tier's bound is the one.
    """
    lots, side = abs(size), 1 if size > 0 else -1
    deduction, below, price = 0, 0, 0  # deduction in quote, rounded down: a guess is enough
    for place, tier in enumerate(tiers):
        rate = 2 * tier.max_leverage
        bound = tier.lower_bound * QUOTE_PER_USD
        deduction += bound // rate - (bound // below if below else 0)
        below = rate
        price = (owed - deduction) * rate // (lots * (side * rate - 1))
        last = place + 1 == len(tiers)
        if last or lots * price < tiers[place + 1].lower_bound * QUOTE_PER_USD:
            break
    return price
