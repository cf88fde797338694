# pragma version 0.4.3
"""
@title OrderBook
@license MIT
@notice Price-time priority book of every market. See IOrderBook for units, kinds and errors.
@dev The pool moves all value and calls nobody back, so no lock is needed here.
"""

from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .modules import matching
from .modules import math
from .modules import price_levels
from .modules import seats
from .modules import tick_tree
from .modules import ticks

implements: IOrderBook

initializes: seats
initializes: tick_tree
initializes: price_levels[seats := seats, tick_tree := tick_tree]
initializes: matching[price_levels := price_levels, seats := seats]

GTC: constant(uint256) = 0
IOC: constant(uint256) = 1
POST_ONLY: constant(uint256) = 2
MARKET: constant(uint256) = 3

# The pool's role that may remove the orders of others and sweep for them.
LIQUIDATOR: constant(uint256) = 4
PPM: constant(uint256) = 10**6
# Least notional of an order, quote: 10 USD.
MIN_NOTIONAL: constant(uint256) = 10 * 10**18
MAX_LOTS: constant(uint256) = 2**54
# A taker with more than MANY_LEGS meets FEW_MAKERS at most: after each fill the pool weighs all its legs, ~2k gas
# each. The vault's child may have 256 of them, and must be able to shed: 16 * (165k + 256 * 2k) = 11M.
MANY_LEGS: constant(uint256) = 64
FEW_MAKERS: constant(uint256) = 16
# Levels that a view walks at most: ~10k gas each, cold.
MAX_LEVELS: constant(uint256) = 64
# Precision of the lots of an impact price.
IMPACT_SCALE: constant(uint256) = 2**64

# How far from mark the pool lets a voluntary fill be, ppm.
BAND: immutable(uint256)


# What an order is judged by.
struct Terms:
    book: price_levels.Book
    mark: uint256
    at_cap: bool  # open interest is
    low: uint256  # edges of the band, quote per lot
    high: uint256


# An order that may enter.
struct Entry:
    tick: uint256
    lots: uint256
    birth: uint256  # of the position it may only reduce


@deploy
def __init__(pool: IMarginPool):
    matching.__init__(pool)
    BAND = (staticcall pool.fees())[2]


# --- anyone --------------------------------------------------------------------------------


@external
def open_market(market: uint256):
    pool: IMarginPool = matching.POOL
    assert market < staticcall pool.market_count(), "book: unknown market"
    assert not price_levels._is_open(market), "book: already open"
    book: price_levels.Book = empty(price_levels.Book)
    book.size_decimals = (staticcall pool.market(market)).size_decimals
    price_levels._save_book(market, book)


@external
def trigger(order_id: uint256):
    pointer: uint256 = 0
    stop: seats.Seat = empty(seats.Seat)
    pointer, stop = self._live(order_id)
    assert stop.stop, "book: not a stop"
    terms: Terms = self._terms(stop.market)
    level: uint256 = ticks._price(stop.tick, terms.book.size_decimals)
    assert terms.mark >= level if stop.above else terms.mark <= level, "book: not triggered"
    matching._take_out(pointer, stop, matching.FIRED)
    self._fire(seats._account(pointer), stop, terms)


@external
def prune(order_id: uint256):
    pointer: uint256 = 0
    seat: seats.Seat = empty(seats.Seat)
    pointer, seat = self._live(order_id)
    assert seat.reduce_only, "book: not reduce-only"
    assert (
        matching._reducible(seats._account(pointer), seat) == 0
    ), "book: something left to reduce"
    matching._remove(pointer, seat, matching.NOTHING_TO_REDUCE)


# --- owners of accounts --------------------------------------------------------------------


@external
def place(account: uint256, market: uint256, order: IOrderBook.Order) -> (uint256, uint256):
    self._check_owner(account)
    terms: Terms = self._terms(market)
    entry: Entry = self._admit(account, market, order, terms)
    if order.kind == POST_ONLY:
        assert not matching._crosses(terms.book, order.is_bid, entry.tick), "book: would cross"
        return self._rest(account, market, order, entry), 0

    taker: matching.Taker = matching.Taker(
        account=account,
        owner=msg.sender,
        market=market,
        is_bid=order.is_bid,
        lots=entry.lots,
        limit=entry.tick,
        low=terms.low,
        high=terms.high,
        liquidation=False,
    )
    makers: uint256 = matching.MAX_MAKERS
    if order.reduce_only:
        makers = self._most_makers(account)
    result: matching.Result = matching._take(taker, makers)
    order_id: uint256 = 0
    if order.kind == GTC and result.end == matching.LIMIT_REACHED:
        result.end = matching.RESTS
        entry.lots -= result.filled
        order_id = self._rest(account, market, order, entry)
    if order_id == 0 or result.met != 0:
        self._report(taker, result)
    return order_id, result.filled


@external
def cancel(order_id: uint256):
    pointer: uint256 = 0
    seat: seats.Seat = empty(seats.Seat)
    pointer, seat = self._live(order_id)
    self._check_owner(seats._account(pointer))
    matching._remove(pointer, seat, matching.BY_OWNER)


@external
def requote(
    account: uint256,
    market: uint256,
    cancels: DynArray[uint256, seats.SEATS],
    orders: DynArray[IOrderBook.Order, seats.SEATS],
) -> DynArray[uint256, seats.SEATS]:
    self._check_owner(account)
    # Change of resting lots: [asks, bids].
    change: int256[2] = [0, 0]
    for order_id: uint256 in cancels:
        seat: seats.Seat = self._pull(account, market, order_id)
        change[convert(seat.is_bid, uint256)] -= convert(price_levels._reserved(seat), int256)
    ids: DynArray[uint256, seats.SEATS] = []
    if len(orders) != 0:
        terms: Terms = self._terms(market)
        for order: IOrderBook.Order in orders:
            order_id: uint256 = 0
            lots: int256 = 0
            order_id, lots = self._quote(account, market, order, terms)
            ids.append(order_id)
            change[convert(order.is_bid, uint256)] += lots
    if change[0] != 0 or change[1] != 0:
        extcall matching.POOL.rest(account, market, change[1], change[0])
    return ids


@external
def place_stop(account: uint256, market: uint256, stop: IOrderBook.Stop) -> uint256:
    self._check_owner(account)
    book: price_levels.Book = self._open_book(market)
    self._check_lots(stop.lots)
    position: IMarginPool.Position = staticcall matching.POOL.position(account, market)
    assert (matching._opposite(position.size, stop.is_bid) != 0), "book: nothing to reduce"
    seat: seats.Seat = seats.Seat(
        lots=stop.lots,
        tick=self._legal_tick(stop.trigger, book.size_decimals),
        previous=0,
        next=0,
        birth=position.birth,
        generation=0,
        market=market,
        is_bid=stop.is_bid,
        reduce_only=True,
        stop=True,
        above=stop.above,
        limit=0,
    )
    if stop.limit != 0:
        seat.limit = self._legal_tick(stop.limit, book.size_decimals)
    pointer: uint256 = 0
    pointer, seat.generation = seats._take(account, msg.sender)
    seats._store(pointer, seat)
    order_id: uint256 = seats._id(pointer, seat.generation)
    log IOrderBook.StopPlaced(
        market=market,
        account=account,
        order_id=order_id,
        is_bid=stop.is_bid,
        above=stop.above,
        trigger=stop.trigger,
        limit=stop.limit,
        lots=stop.lots,
    )
    return order_id


# --- engine: liquidator --------------------------------------------------------------------


@external
def cancel_all(account: uint256):
    self._check_liquidator()
    taken: uint256 = seats._taken(account)
    for seat: uint256 in range(seats.SEATS):
        if taken & 1 << seat != 0:
            pointer: uint256 = seats._pointer(account, seat)
            matching._remove(pointer, seats._load(pointer), matching.LIQUIDATED)


@external
def sweep(
    account: uint256,
    market: uint256,
    is_bid: bool,
    lots: uint256,
    limit: uint256,
    makers: uint256,
) -> (uint256, uint256, uint256):
    self._check_liquidator()
    self._check_lots(lots)
    size_decimals: uint256 = price_levels._book(market).size_decimals
    taker: matching.Taker = matching.Taker(
        account=account,
        owner=self._owner_of(account),
        market=market,
        is_bid=is_bid,
        lots=lots,
        limit=self._tick_within(limit, is_bid, size_decimals),
        low=0,
        high=max_value(uint256),
        liquidation=True,
    )
    result: matching.Result = matching._take(taker, min(makers, matching.MAX_MAKERS))
    self._report(taker, result)
    return result.filled, result.quote, result.met


# --- views ---------------------------------------------------------------------------------


@external
@view
def tops(market: uint256) -> IOrderBook.Tops:
    return self._tops(price_levels._book(market))


@external
@view
def opening_tops(market: uint256) -> IOrderBook.Tops:
    return self._tops(price_levels._opening(market))


@external
@view
def impact_prices(market: uint256, notional: uint256) -> (uint256, uint256):
    return self._impact_price(market, True, notional), self._impact_price(market, False, notional)


@external
@view
def depth(market: uint256, bids: bool, count: uint256) -> DynArray[IOrderBook.Level, MAX_LEVELS]:
    found: DynArray[IOrderBook.Level, MAX_LEVELS] = []
    book: price_levels.Book = price_levels._book(market)
    tick: uint256 = book.bid if bids else book.ask
    for i: uint256 in range(min(count, MAX_LEVELS), bound=MAX_LEVELS):
        if tick == 0:
            break
        level: price_levels.Level = price_levels._level(market, tick)
        found.append(
            IOrderBook.Level(
                price=ticks._price(tick, book.size_decimals),
                lots=level.lots,
                orders=level.orders,
            )
        )
        tick = tick_tree._next(market, tick, bids)
    return found


@external
@view
def order(order_id: uint256) -> IOrderBook.Resting:
    pointer: uint256 = 0
    seat: seats.Seat = empty(seats.Seat)
    pointer, seat = seats._find(order_id)
    if seat.lots == 0:
        return empty(IOrderBook.Resting)
    size_decimals: uint256 = price_levels._book(seat.market).size_decimals
    return IOrderBook.Resting(
        account=seats._account(pointer),
        market=seat.market,
        is_bid=seat.is_bid,
        price=ticks._price(seat.tick, size_decimals),
        lots=seat.lots,
        reduce_only=seat.reduce_only,
        stop=seat.stop,
        above=seat.above,
        limit=ticks._price(seat.limit, size_decimals),
    )


@external
@view
def orders_of(account: uint256) -> DynArray[uint256, seats.SEATS]:
    ids: DynArray[uint256, seats.SEATS] = []
    taken: uint256 = seats._taken(account)
    for seat: uint256 in range(seats.SEATS):
        if taken & 1 << seat != 0:
            pointer: uint256 = seats._pointer(account, seat)
            ids.append(seats._id(pointer, seats._load(pointer).generation))
    return ids


# --- who may -------------------------------------------------------------------------------


@internal
@view
def _check_owner(account: uint256):
    assert self._owner_of(account) == msg.sender, "book: not the owner"


# @notice Owner of an account, from the pool where the account has never had a seat here.
@internal
@view
def _owner_of(account: uint256) -> address:
    owner: address = seats._owner(account)
    if owner == empty(address):
        owner = staticcall matching.POOL.owner_of(account)
    return owner


@internal
@view
def _check_liquidator():
    assert (staticcall matching.POOL.role_holder(LIQUIDATOR) == msg.sender), "book: wrong role"


# --- what an order must be -----------------------------------------------------------------


@internal
@view
def _open_book(market: uint256) -> price_levels.Book:
    assert price_levels._is_open(market), "book: market not open"
    return price_levels._book(market)


# @notice What orders in a market are judged by at this moment.
@internal
@view
def _terms(market: uint256) -> Terms:
    book: price_levels.Book = self._open_book(market)
    seen: IMarginPool.Trading = staticcall matching.POOL.trading(market)
    assert seen.fresh, "book: stale mark"
    assert not seen.locked, "book: market is locked"
    width: uint256 = seen.mark * BAND // PPM
    return Terms(
        book=book,
        mark=seen.mark,
        at_cap=seen.at_cap,
        low=seen.mark - width,
        high=seen.mark + width,
    )


@internal
@view
def _admit(account: uint256, market: uint256, order: IOrderBook.Order, terms: Terms) -> Entry:
    assert order.kind <= MARKET, "book: unknown order kind"
    self._check_lots(order.lots)
    entry: Entry = Entry(tick=0, lots=order.lots, birth=0)
    price: uint256 = order.price
    if order.kind == MARKET:
        assert order.price == 0, "book: illegal price"
        entry.tick = self._edge(order.is_bid, terms)
        price = ticks._price(entry.tick, terms.book.size_decimals)
    else:
        entry.tick = self._legal_tick(order.price, terms.book.size_decimals)
        assert (
            order.price <= terms.high if order.is_bid else order.price >= terms.low
        ), "book: outside the band"
    big_enough: bool = price * entry.lots >= MIN_NOTIONAL
    if order.reduce_only:
        position: IMarginPool.Position = staticcall matching.POOL.position(account, market)
        held: uint256 = matching._opposite(position.size, order.is_bid)
        assert held != 0, "book: nothing to reduce"
        big_enough = big_enough or order.lots >= held
        entry.lots = min(order.lots, held)
        entry.birth = position.birth
    elif terms.at_cap:
        self._check_at_cap(account, market, order, price)
    assert big_enough, "book: below minimum order"
    return entry


# @notice At the cap an order may only make open interest smaller, and not push the price there.
@internal
@view
def _check_at_cap(
    account: uint256,
    market: uint256,
    order: IOrderBook.Order,
    price: uint256,
):
    position: IMarginPool.Position = staticcall matching.POOL.position(account, market)
    held: uint256 = matching._opposite(position.size, order.is_bid)
    assert order.lots <= held, "book: open interest cap"
    index: uint256 = (staticcall matching.POOL.market(market)).index
    assert (price <= index if order.is_bid else price >= index), "book: beyond index at the cap"


@internal
@pure
def _check_lots(lots: uint256):
    assert lots != 0, "book: zero lots"
    assert lots < MAX_LOTS, "book: too many lots"


@internal
@pure
def _legal_tick(price: uint256, size_decimals: uint256) -> uint256:
    tick: uint256 = ticks._at_or_below(price, size_decimals)
    assert (
        tick != 0 and tick <= tick_tree.MAX_TICK and ticks._price(tick, size_decimals) == price
    ), "book: illegal price"
    return tick


# @notice The furthest tick at which an order that may pay (or get) `limit` can trade.
@internal
@pure
def _tick_within(limit: uint256, is_bid: bool, size_decimals: uint256) -> uint256:
    if is_bid:
        return ticks._at_or_below(limit, size_decimals)
    return ticks._at_or_above(limit, size_decimals)


@internal
@pure
def _edge(is_bid: bool, terms: Terms) -> uint256:
    limit: uint256 = terms.high if is_bid else terms.low
    return self._tick_within(limit, is_bid, terms.book.size_decimals)


# --- entering the book ---------------------------------------------------------------------


# @notice Makers that an order which only reduces may meet. Other orders meet MAX_MAKERS: only
#         accounts of the protocol have many legs, and those only reduce.
@internal
@view
def _most_makers(account: uint256) -> uint256:
    legs: uint256 = staticcall matching.POOL.legs_of(account)
    return FEW_MAKERS if math._count_bits(legs) > MANY_LEGS else matching.MAX_MAKERS


# @notice Take with what is left of the position of a stop that has fired.
@internal
def _fire(account: uint256, stop: seats.Seat, terms: Terms):
    limit: uint256 = self._edge(stop.is_bid, terms)
    if stop.limit != 0:
        limit = min(stop.limit, limit) if stop.is_bid else max(stop.limit, limit)
    taker: matching.Taker = matching.Taker(
        account=account,
        owner=seats._owner(account),
        market=stop.market,
        is_bid=stop.is_bid,
        lots=min(stop.lots, matching._reducible(account, stop)),
        limit=limit,
        low=terms.low,
        high=terms.high,
        liquidation=False,
    )
    result: matching.Result = empty(matching.Result)
    result.end = matching.NO_POSITION
    if taker.lots != 0:
        result = matching._take(taker, matching.MAX_MAKERS)
    self._report(taker, result)


# @notice Remove an order of a requote; its margin is the caller's to free.
# @return The order, empty where the id is not one of this account and market.
@internal
def _pull(account: uint256, market: uint256, order_id: uint256) -> seats.Seat:
    pointer: uint256 = 0
    seat: seats.Seat = empty(seats.Seat)
    pointer, seat = seats._find(order_id)
    if seat.lots == 0 or seats._account(pointer) != account or seat.market != market:
        return empty(seats.Seat)
    matching._take_out(pointer, seat, matching.BY_OWNER)
    return seat


# @notice Put an order of a requote into the book, or skip it; its margin is the caller's to reserve.
# @return Its id, and the lots to reserve.
@internal
def _quote(
    account: uint256, market: uint256, order: IOrderBook.Order, terms: Terms
) -> (uint256, int256):
    assert order.kind == POST_ONLY, "book: post-only orders only"
    entry: Entry = self._admit(account, market, order, terms)
    book: price_levels.Book = price_levels._book(market)
    if matching._crosses(book, order.is_bid, entry.tick):
        log IOrderBook.Skipped(
            market=market,
            account=account,
            is_bid=order.is_bid,
            price=order.price,
            lots=order.lots,
        )
        return 0, 0
    order_id: uint256 = self._seat(account, market, order, entry)
    return order_id, 0 if order.reduce_only else convert(entry.lots, int256)


# @notice Put an order into the book and reserve its margin.
@internal
def _rest(account: uint256, market: uint256, order: IOrderBook.Order, entry: Entry) -> uint256:
    order_id: uint256 = self._seat(account, market, order, entry)
    if not order.reduce_only:
        matching._reserve(account, market, order.is_bid, convert(entry.lots, int256))
    return order_id


# @notice Put an order into the book; the margin is the caller's to reserve.
@internal
def _seat(account: uint256, market: uint256, order: IOrderBook.Order, entry: Entry) -> uint256:
    pointer: uint256 = 0
    generation: uint256 = 0
    pointer, generation = seats._take(account, msg.sender)
    price_levels._append(
        pointer,
        seats.Seat(
            lots=entry.lots,
            tick=entry.tick,
            previous=0,
            next=0,
            birth=entry.birth,
            generation=generation,
            market=market,
            is_bid=order.is_bid,
            reduce_only=order.reduce_only,
            stop=False,
            above=False,
            limit=0,
        ),
    )
    order_id: uint256 = seats._id(pointer, generation)
    log IOrderBook.Placed(
        market=market,
        account=account,
        order_id=order_id,
        is_bid=order.is_bid,
        price=order.price,
        lots=entry.lots,
        reduce_only=order.reduce_only,
    )
    return order_id


# @notice Say how a taker ended, where its fills do not say it all.
@internal
def _report(taker: matching.Taker, result: matching.Result):
    if result.end == matching.FILLED:
        return
    log IOrderBook.Taken(
        market=taker.market,
        account=taker.account,
        is_bid=taker.is_bid,
        lots=taker.lots,
        filled=result.filled,
        quote=result.quote,
        end=result.end,
    )


@internal
@view
def _live(order_id: uint256) -> (uint256, seats.Seat):
    pointer: uint256 = 0
    seat: seats.Seat = empty(seats.Seat)
    pointer, seat = seats._find(order_id)
    assert seat.lots != 0, "book: no such order"
    return pointer, seat


@internal
@pure
def _tops(book: price_levels.Book) -> IOrderBook.Tops:
    return IOrderBook.Tops(
        bid=ticks._price(book.bid, book.size_decimals),
        ask=ticks._price(book.ask, book.size_decimals),
        last=ticks._price(book.last, book.size_decimals),
    )


# --- walking the levels --------------------------------------------------------------------


# @notice Average price of trading `notional` quote against one side, 0 where it is too thin.
# @dev notional / sum(part / price). The lots are fixed-point and rounded down by less than
#      2**-64 a level: nothing but a sample of the premium depends on it.
@internal
@view
def _impact_price(market: uint256, bids: bool, notional: uint256) -> uint256:
    book: price_levels.Book = price_levels._book(market)
    tick: uint256 = book.bid if bids else book.ask
    rest: uint256 = notional
    lots: uint256 = 0
    for i: uint256 in range(MAX_LEVELS):
        if tick == 0 or rest == 0:
            break
        price: uint256 = ticks._price(tick, book.size_decimals)
        part: uint256 = min(rest, price_levels._level(market, tick).lots * price)
        lots += part * IMPACT_SCALE // price
        rest -= part
        tick = tick_tree._next(market, tick, bids)
    if rest != 0 or lots == 0:
        return 0
    return notional * IMPACT_SCALE // lots
