# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Counterparty
@license MIT
@notice A pool that quotes around the index, and whose position is closed once others win too much from it. See
        ICounterparty.
"""

from ethereum.ercs import IERC20

from .interfaces import IBackstop
from .interfaces import ICounterparty
from .interfaces import ICustody
from .interfaces import ILiquidator
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .modules import capacity
from .modules import math
from .modules import tick_tree
from .modules import ticks

implements: IBackstop
implements: ICounterparty

initializes: capacity

PPM: constant(uint256) = 10**6
ALL: constant(uint256) = max_value(uint256)
# Least order of the book, quote: 10 USD.
MIN_ORDER: constant(uint256) = 10 * 10**18
# The book's kind of order that only rests.
POST_ONLY: constant(uint256) = 2
# Of an account, in the book.
MAX_ORDERS: constant(uint256) = 32

POOL: immutable(IMarginPool)
CUSTODY: immutable(ICustody)
BOOK: immutable(IOrderBook)
TOKEN: immutable(IERC20)
TERMS: immutable(ICounterparty.Terms)
# How far from mark a trade may be, ppm.
BAND: immutable(uint256)


# What is to be closed of a position.
struct Ordered:
    epoch: uint256
    lots: int256  # signed as the position


# The account of the pool; 0 before it is opened.
account: public(uint256)

# Epoch of the last order.
ordered_in: uint256

# The last order, by market.
orders: HashMap[uint256, Ordered]


@deploy
def __init__(pool: IMarginPool, custody: ICustody, book: IOrderBook, terms: ICounterparty.Terms):
    band: uint256 = (staticcall pool.fees())[2]
    assert 0 < terms.target and terms.target < terms.factor, "counterparty: bad terms"
    assert terms.factor <= PPM and terms.reserve <= PPM, "counterparty: bad terms"
    assert 0 < terms.spread and terms.spread <= band, "counterparty: bad terms"
    POOL = pool
    CUSTODY = custody
    BOOK = book
    TOKEN = IERC20(staticcall custody.token())
    TERMS = terms
    BAND = band
    capacity.__init__(pool)
    extcall TOKEN.approve(custody.address, ALL, default_return_value=True)


# --- anyone --------------------------------------------------------------------------------


@external
def open():
    assert self.account == 0, "counterparty: already open"
    self.account = extcall POOL.open_account()
    log ICounterparty.CounterpartyOpened(account=self.account)


@external
def give(units: uint256):
    account: uint256 = self._account()
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(
        msg.sender, self, units, default_return_value=True
    ), "counterparty: token failed"
    after: uint256 = staticcall TOKEN.balanceOf(self)
    assert after == before + units, "counterparty: token took a fee"
    extcall CUSTODY.deposit(account, units)
    log ICounterparty.Gift(donor=msg.sender, account=account, units=units)


@external
def quote(market: uint256):
    account: uint256 = self._account()
    seen: IMarginPool.Market = self._fresh(market)
    assert not seen.locked, "counterparty: market is locked"
    assert self.ordered_in != staticcall POOL.epoch(), "counterparty: closing is ordered"
    size: int256 = (staticcall POOL.position(account, market)).size
    health: IMarginPool.Health = staticcall POOL.health(account)
    most: int256 = self._most(account, health, seen)
    orders: DynArray[IOrderBook.Order, MAX_ORDERS] = []
    # Short of margin it only cancels: a refusal would leave prices of before in the book.
    solid: bool = health.equity >= convert(health.initial, int256)
    if solid and seen.open_interest < seen.open_interest_cap:
        for is_bid: bool in [True, False]:
            price: uint256 = self._price(seen, is_bid)
            lots: uint256 = math._positive(most - size if is_bid else most + size)
            if price != 0 and price * lots >= MIN_ORDER:
                orders.append(
                    IOrderBook.Order(
                        is_bid=is_bid, price=price, lots=lots, kind=POST_ONLY, reduce_only=False
                    )
                )
    self._requote(account, market, orders)


@external
def limit(market: uint256):
    account: uint256 = self._account()
    seen: IMarginPool.Market = self._fresh(market)
    health: IMarginPool.Health = staticcall POOL.health(account)
    assert health.equity >= 0, "counterparty: below zero"
    held: IMarginPool.Position = staticcall POOL.position(account, market)
    pending: uint256 = self._pending(held, seen)
    worth: int256 = self._worth(account, health)
    lots: uint256 = self._beyond(pending, worth, math._magnitude(held.size))
    assert lots != 0, "counterparty: within its limit"
    epoch: uint256 = staticcall POOL.epoch()
    assert self.orders[market].epoch != epoch, "counterparty: wait for an epoch"
    signed: int256 = convert(lots, int256)
    self.orders[market] = Ordered(epoch=epoch, lots=signed if held.size > 0 else -signed)
    self.ordered_in = epoch
    rest: uint256 = health.legs
    for i: uint256 in range(capacity.MAX_LEGS):
        if rest == 0:
            break
        self._requote(account, math._lowest_bit(rest), [])
        rest &= rest - 1
    log ICounterparty.ProfitLimited(
        market=market, account=account, pending=pending, worth=worth, lots=lots
    )


# --- views ---------------------------------------------------------------------------------


@external
@view
def worth() -> int256:
    account: uint256 = self.account
    return self._worth(account, staticcall POOL.health(account))


@external
@view
def pending(market: uint256) -> uint256:
    held: IMarginPool.Position = staticcall POOL.position(self.account, market)
    return self._pending(held, staticcall POOL.market(market))


@external
@view
def terms() -> ICounterparty.Terms:
    return TERMS


# --- backstop ------------------------------------------------------------------------------


# @dev Within its margin, not within its reserve: beyond that it only quotes what makes its position smaller.
@external
@view
def backstop_for(account: uint256) -> uint256:
    taker: uint256 = self.account
    if taker == 0 or account == taker:
        return 0
    own: IMarginPool.Health = staticcall POOL.health(taker)
    taken: IMarginPool.Health = staticcall POOL.health(account)
    if math._count_bits(own.legs | taken.legs) > capacity.MAX_LEGS or own.stale_notional != 0:
        return 0
    left: int256 = own.equity + min(taken.equity, 0)
    if left < capacity._initial_with(taker, own, capacity._legs(account, taken.legs)):
        return 0
    return taker


# @dev What is not margin. Nothing while it is flat, with not a quote in the book: nobody can make a flat account pay.
@external
@view
def allowance() -> uint256:
    account: uint256 = self.account
    if account == 0 or staticcall POOL.is_senior(account):
        return 0
    own: IMarginPool.Health = staticcall POOL.health(account)
    return math._positive(own.equity - convert(own.initial, int256))


# --- what auto-deleveraging asks -----------------------------------------------------------


@external
@view
def due_since(account: uint256) -> uint256:
    return 0


@external
@view
def last_handled(account: uint256) -> (uint256, uint256):
    if account != self.account or (staticcall POOL.health(account)).equity < 0:
        return 0, 0
    return self.ordered_in, 0


# @dev Auto-deleveraging gives an order's lots what they gained since its prices were fixed, less `equity`: what mark
#      is better for them than the index leaves the index. Who has less than that gives what it has.
@external
@view
def order_of(account: uint256, market: uint256) -> ILiquidator.Order:
    order: ILiquidator.Order = empty(ILiquidator.Order)
    if account != self.account:
        return order
    noted: Ordered = self.orders[market]
    size: int256 = (staticcall POOL.position(account, market)).size
    if (size > 0) != (noted.lots > 0) or size == 0:
        return order
    lots: int256 = min(noted.lots, size) if size > 0 else max(noted.lots, size)
    seen: IMarginPool.Market = staticcall POOL.market(market)
    order.epoch = noted.epoch
    order.size = math._magnitude(lots)
    order.left = order.size
    better: int256 = lots * (convert(seen.mark, int256) - convert(seen.index, int256))
    order.equity = min(better, (staticcall POOL.health(account)).equity)
    return order


# --- internals -----------------------------------------------------------------------------


@internal
@view
def _account() -> uint256:
    account: uint256 = self.account
    assert account != 0, "counterparty: not open"
    return account


@internal
@view
def _fresh(market: uint256) -> IMarginPool.Market:
    seen: IMarginPool.Market = staticcall POOL.market(market)
    assert seen.fresh, "counterparty: stale mark"
    return seen


# @notice Put orders in the place of all that it has resting in a market.
# @dev Ids of other markets are passed over: with a position and two quotes in each of eight markets a quote costs up to
#      600k gas, and an order of closing, which comes here for each market, up to 1.5M.
@internal
def _requote(account: uint256, market: uint256, orders: DynArray[IOrderBook.Order, MAX_ORDERS]):
    resting: DynArray[uint256, MAX_ORDERS] = staticcall BOOK.orders_of(account)
    extcall BOOK.requote(account, market, resting, orders)


# @notice Most lots of a position that quotes may lead to: not more than the reserve, and than there may be in all.
@internal
@view
def _most(account: uint256, health: IMarginPool.Health, seen: IMarginPool.Market) -> int256:
    worth: uint256 = math._positive(self._worth(account, health))
    lots: uint256 = worth * TERMS.reserve // PPM // seen.index
    return convert(min(lots, seen.open_interest_cap), int256)


# @return The price of a quote, 0 where there is none that is legal and within the band.
@internal
@view
def _price(seen: IMarginPool.Market, is_bid: bool) -> uint256:
    away: uint256 = math._ceil_div(seen.index * TERMS.spread, PPM)
    tick: uint256 = 0
    if is_bid:
        tick = ticks._at_or_below(seen.index - away, seen.size_decimals)
    else:
        tick = ticks._at_or_above(seen.index + away, seen.size_decimals)
    if tick > tick_tree.MAX_TICK:
        return 0
    price: uint256 = ticks._price(tick, seen.size_decimals)
    width: uint256 = seen.mark * BAND // PPM
    if price < seen.mark - width or price > seen.mark + width:
        return 0
    return price


# @notice What was given and realised. A leg is worth less than 2**143.
@internal
@view
def _worth(account: uint256, health: IMarginPool.Health) -> int256:
    worth: int256 = health.equity
    rest: uint256 = health.legs
    for i: uint256 in range(capacity.MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        seen: IMarginPool.Market = staticcall POOL.market(market)
        worth -= self._profit(staticcall POOL.position(account, market), seen.mark, seen.funding)
    return worth


@internal
@pure
def _profit(held: IMarginPool.Position, price: uint256, funding: int256) -> int256:
    return held.size * (convert(price, int256) - funding) - held.cost


@internal
@pure
def _pending(held: IMarginPool.Position, seen: IMarginPool.Market) -> uint256:
    return math._positive(-self._profit(held, seen.index, seen.funding))


# @return Lots to be closed, at most all of them; 0 within the limit.
# @dev A pending loss is below 2**143, a worth below 2**147: with lots and ppm products stay below 2**225.
@internal
@view
def _beyond(pending: uint256, worth: int256, size: uint256) -> uint256:
    loss: int256 = convert(pending * PPM, int256)
    if pending == 0 or loss <= worth * convert(TERMS.factor, int256):
        return 0
    # Above zero, as `target` is below `factor`; below zero all of it is too much.
    excess: uint256 = math._positive(loss - worth * convert(TERMS.target, int256))
    return min(size, math._ceil_div(size * excess, pending * (PPM - TERMS.target)))
