# pragma version 0.4.3
"""
@title markets
@license MIT
@notice What a market is: its schedule of margin, its prices, its funding index and its open interest.
"""

from ..interfaces import IMarginPool
from . import math
from . import require

# 2**8 bits of a bitmap of legs.
MAX_MARKETS: constant(uint256) = 256
MAX_TIERS: constant(uint256) = 5
MAX_LEVERAGE: constant(uint256) = 255
MAX_PRICE: constant(uint256) = 2**80 - 1
# Open interest below 2**54 lots keeps every size inside its 56 bits.
MAX_OPEN_INTEREST: constant(uint256) = 2**54
# |F| below 2**86 keeps size * F and the cost of a position inside 144 bits.
MAX_FUNDING: constant(int256) = 2**86
USD: constant(uint256) = 10**18

LOCKED: constant(uint256) = 1
CHARGED: constant(uint256) = 2
TIGHTENED: constant(uint256) = 4

PRICE_MASK: constant(uint256) = 2**80 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
LOTS_MASK: constant(uint256) = 2**64 - 1
EXPOSURE_MASK: constant(int256) = 2**128 - 1
TIERS_MASK: constant(uint256) = 2**240 - 1

# Number of listed markets.
count: uint256

# mark | previous mark << 80 | updated_at << 160 | epoch of the mark << 200 | flags << 240
prices: HashMap[uint256, uint256]

# funding index F (int128) << 128 | open interest cap << 64 | open interest
exposures: HashMap[uint256, int256]

# index | size_decimals << 80
facts: HashMap[uint256, uint256]

# Five tiers of (lower bound in USD: 40 bits, max leverage: 8 bits) from the low end | max_age << 240
schedules: HashMap[uint256, uint256]

# Of markets whose flag TIGHTENED is set: the schedule that new risk is judged by
entries: HashMap[uint256, uint256]

# Cumulative charge per lot of a side, quote: [longs, shorts]
charges: HashMap[uint256, uint256[2]]

# Quote that charges have raised and payments have taken, without the charges not yet settled by holders.
pots: HashMap[uint256, int256]


# The part of a market that judging an account needs.
struct View:
    mark: uint256
    funding: int256
    schedule: uint256
    fresh: bool
    flags: uint256


@internal
def _list(config: IMarginPool.MarketConfig) -> uint256:
    market: uint256 = self.count
    require._that(market < MAX_MARKETS, "pool: too many markets")
    schedule: uint256 = self._pack_tiers(config.tiers)
    sane: bool = (
        config.size_decimals <= 6
        and unsafe_sub(config.max_age, 1) < 2**16 - 1  # 0 wraps and is refused
        and unsafe_sub(config.open_interest_cap, 1) < MAX_OPEN_INTEREST - 1  # so does this
    )
    require._that(sane and schedule != 0, "pool: bad market config")
    schedule |= config.max_age << 240
    self.schedules[market] = schedule
    self.exposures[market] = convert(config.open_interest_cap << 64, int256)
    self.facts[market] = config.size_decimals << 80
    self.count = market + 1
    log IMarginPool.MarketListed(
        market=market,
        size_decimals=config.size_decimals,
        open_interest_cap=config.open_interest_cap,
        schedule=schedule,
    )
    return market


# @notice Tiers as one word, or 0 where they are not a schedule: bounds rise from 0 and leverages
#         fall, so that margin only grows with size.
@internal
@pure
def _pack_tiers(tiers: IMarginPool.Tier[MAX_TIERS]) -> uint256:
    word: uint256 = 0
    least: uint256 = 0
    most: uint256 = 0  # the first tier begins at 0
    ceiling: uint256 = MAX_LEVERAGE + 1
    for i: uint256 in range(MAX_TIERS):
        tier: IMarginPool.Tier = tiers[i]
        if i != 0 and tier.max_leverage == 0:
            break
        if tier.lower_bound < least or tier.lower_bound > most or tier.max_leverage >= ceiling:
            return 0
        least = tier.lower_bound + 1
        most = TIME_MASK
        ceiling = tier.max_leverage
        word |= (tier.lower_bound | ceiling << 40) << (48 * i)
    return word


# @notice Bring a market into `epoch`: accrue funding first, then set the prices.
@internal
def _advance(update: IMarginPool.Update, epoch: uint256):
    market: uint256 = update.market
    self._check_listed(market)
    # 0 wraps and is refused.
    highest: uint256 = max(unsafe_sub(update.mark, 1), unsafe_sub(update.index, 1))
    require._that(highest < MAX_PRICE, "pool: price out of range")
    funding: int256 = self._funding(market) + update.funding_delta
    require._that(abs(funding) < MAX_FUNDING, "pool: funding out of range")
    if update.funding_delta != 0:
        self.exposures[market] = funding << 128 | self.exposures[market] & EXPOSURE_MASK

    previous: uint256 = self._previous_mark(market, epoch)
    if previous == 0:
        previous = update.mark
    flags: uint256 = self.prices[market] >> 240
    self.prices[market] = (
        update.mark | previous << 80 | block.timestamp << 160 | epoch << 200 | flags << 240
    )
    self.facts[market] = self.facts[market] >> 80 << 80 | update.index
    log IMarginPool.Advanced(
        market=market,
        epoch=epoch,
        mark=update.mark,
        previous_mark=previous,
        index=update.index,
        funding=funding,
    )


@internal
def _set_flag(market: uint256, flag: uint256, on: bool):
    word: uint256 = self.prices[market]
    if on:
        self.prices[market] = word | flag << 240
    else:
        self.prices[market] = word & ~(flag << 240)


# @dev Open interest, the sum of the longs, is never below zero and stays inside its 64 bits.
@internal
def _grow_open_interest(market: uint256, lots: int256):
    if lots != 0:
        self.exposures[market] += lots


# @notice Have positions that stand judged by one schedule, and new risk by another.
@internal
def _set_schedule(market: uint256, schedule: uint256, entry: uint256):
    self._set_flag(market, TIGHTENED, True)
    self.schedules[market] = schedule
    self.entries[market] = entry


@internal
def _set_open_interest_cap(market: uint256, cap: uint256):
    low: uint256 = cap << 64 | self._open_interest(market)
    self.exposures[market] = self._funding(market) << 128 | convert(low, int256)


@internal
@view
def _view(market: uint256) -> View:
    price: uint256 = self.prices[market]
    schedule: uint256 = self.schedules[market]
    updated_at: uint256 = (price >> 160) & TIME_MASK
    return View(
        mark=price & PRICE_MASK,
        funding=self._funding(market),
        schedule=schedule,
        fresh=block.timestamp <= updated_at + (schedule >> 240),
        flags=price >> 240,
    )


@internal
@view
def _check_listed(market: uint256):
    require._that(market < self.count, "pool: unknown market")


@internal
@pure
def _check_fresh(fresh: bool):
    require._that(fresh, "pool: stale mark")


@internal
@pure
def _check_unlocked(seen: View):
    require._that(seen.flags & LOCKED == 0, "pool: market is locked")


@internal
@view
def _funding(market: uint256) -> int256:
    return self.exposures[market] >> 128


@internal
@view
def _open_interest(market: uint256) -> uint256:
    return convert(self.exposures[market] & EXPOSURE_MASK, uint256) & LOTS_MASK


@internal
@view
def _open_interest_cap(market: uint256) -> uint256:
    return convert(self.exposures[market] & EXPOSURE_MASK, uint256) >> 64


# @notice Whether open interest may grow by `lots`.
@internal
@view
def _has_room(market: uint256, lots: uint256) -> bool:
    word: uint256 = convert(self.exposures[market] & EXPOSURE_MASK, uint256)
    return (word & LOTS_MASK) + lots <= word >> 64


# @notice The mark at the end of the last epoch, whenever the market was last touched.
@internal
@view
def _previous_mark(market: uint256, epoch: uint256) -> uint256:
    price: uint256 = self.prices[market]
    if (price >> 200) & TIME_MASK == epoch:
        return (price >> 80) & PRICE_MASK
    return price & PRICE_MASK


@internal
@view
def _describe(market: uint256, epoch: uint256) -> IMarginPool.Market:
    seen: View = self._view(market)
    fact: uint256 = self.facts[market]
    return IMarginPool.Market(
        mark=seen.mark,
        previous_mark=self._previous_mark(market, epoch),
        index=fact & PRICE_MASK,
        funding=seen.funding,
        open_interest=self._open_interest(market),
        open_interest_cap=self._open_interest_cap(market),
        size_decimals=fact >> 80,
        updated_at=(self.prices[market] >> 160) & TIME_MASK,
        fresh=seen.fresh,
        locked=seen.flags & LOCKED != 0,
    )


@internal
@view
def _trading(market: uint256) -> IMarginPool.Trading:
    seen: View = self._view(market)
    return IMarginPool.Trading(
        mark=seen.mark,
        fresh=seen.fresh,
        locked=seen.flags & LOCKED != 0,
        at_cap=not self._has_room(market, 1),
    )


# @notice Maintenance margin of a notional: each tier's share of it over twice the tier's leverage,
#         which is notional * rate - deduction, continuous at every bound. Rounded up per tier.
# @dev Bounds rise and are below 2**40 USD, leverages below 2**8: nothing wraps.
@internal
@pure
def _maintenance(schedule: uint256, notional: uint256) -> uint256:
    total: uint256 = 0
    rest: uint256 = schedule & TIERS_MASK
    for i: uint256 in range(MAX_TIERS):
        lower: uint256 = unsafe_mul(rest & TIME_MASK, USD)
        leverage: uint256 = (rest >> 40) & 255
        if leverage == 0 or notional <= lower:
            break
        rest >>= 48
        upper: uint256 = notional
        if rest != 0:
            upper = min(notional, unsafe_mul(rest & TIME_MASK, USD))
        part: uint256 = math._ceil_div(unsafe_sub(upper, lower), unsafe_mul(leverage, 2))
        total = unsafe_add(total, part)
    return total


# @notice The highest leverage that the tier of `notional` allows.
# @dev Bounds are below 2**40 USD: nothing wraps.
@internal
@pure
def _max_leverage(schedule: uint256, notional: uint256) -> uint256:
    leverage: uint256 = (schedule >> 40) & 255
    rest: uint256 = (schedule & TIERS_MASK) >> 48
    for i: uint256 in range(MAX_TIERS):
        if rest == 0 or notional <= unsafe_mul(rest & TIME_MASK, USD):
            break
        leverage = (rest >> 40) & 255
        rest >>= 48
    return leverage


# @notice Where a tier begins, quote, and its highest leverage; 0 and 0 where there is no such tier.
@internal
@pure
def _tier(schedule: uint256, place: uint256) -> (uint256, uint256):
    tier: uint256 = (schedule & TIERS_MASK) >> (48 * place)
    return (tier & TIME_MASK) * USD, (tier >> 40) & 255


# --- charges on a side --------------------------------------------------------------------


# @notice What a position of `size` has been charged since listing.
@internal
@view
def _charge(market: uint256, size: int256) -> int256:
    per_lot: uint256 = self.charges[market][0 if size > 0 else 1]
    return convert(math._magnitude(size) * per_lot, int256)


# @notice What the pot of a market holds, the charges that its holders have not settled included.
@internal
@view
def _pot(market: uint256) -> int256:
    per_pair: uint256 = self.charges[market][0] + self.charges[market][1]
    return self.pots[market] + convert(self._open_interest(market) * per_pair, int256)
