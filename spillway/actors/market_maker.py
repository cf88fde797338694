"""A maker: quotes both sides around the mark, and less as the price moves more."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

from spillway.ticks import at_or_above, at_or_below
from spillway.timeline import left
from spillway.units import price_to_usd, usd_to_price, usd_to_quote
from spillway.venue import Kind, Order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from spillway.actors.view import View
    from spillway.engines import Call
    from spillway.scenario import Book, Scenario
    from spillway.venue import Member, Venue

BP = 10_000
MIN_NOTIONAL = usd_to_quote(10)  # of an order
JITTER = 10  # percent by which makers' sizes differ, either way
PERCENT = 100

_CONTEXT = Context(prec=40, rounding=ROUND_FLOOR)


@dataclass(slots=True)
class Quoted:
    """What a maker last quoted in a market: around which mark, when, and how many lots."""

    mark: int
    block: int
    bids: int
    asks: int


class MarketMaker:
    """One account of a maker, which quotes some of the markets."""

    def __init__(
        self, venue: Venue, scenario: Scenario, member: Member, markets: Sequence[int]
    ) -> None:
        self.member = member
        self._markets = markets
        self._venue = venue
        self._scenario = scenario
        count = len(scenario.markets)
        window = scenario.book.withdrawal.window_blocks
        self._marks: list[deque[int]] = [deque(maxlen=window + 1) for _ in range(count)]
        self._quoted: list[Quoted | None] = [None] * count

    def decide(self, view: View, rng: Random) -> list[Call]:
        """Requote where the mark has moved or orders were filled; leave when told to."""
        calls = []
        for market in self._markets:
            if not view.usable(market):
                continue
            self._marks[market].append(view.now.markets[market].mark)
            if left(self._scenario, view.block):
                orders: list[Order] = []
                stale = self._quoted[market] is not None
                self._quoted[market] = None
            else:
                stale = self._is_stale(market, view)
                orders = self._ladder(market, view, rng) if stale else []
            if not stale:
                continue
            cancels = self._orders_in(market, view)
            if cancels or orders:
                calls.append(self._venue.requote(self.member, market, cancels, orders))
        return calls

    def _orders_in(self, market: int, view: View) -> list[int]:
        """Ids of the maker's orders; those of other markets are passed over by the book."""
        leg = view.leg(self.member.account, market)
        stands = leg is not None and (leg.bids or leg.asks)
        return list(view.orders_of(self.member.account)) if stands else []

    def _is_stale(self, market: int, view: View) -> bool:
        quoted, mark = self._quoted[market], view.now.markets[market].mark
        if quoted is None:
            return True
        if abs(mark - quoted.mark) * BP > self._scenario.book.requote_bp * quoted.mark:
            return True
        leg = view.leg(self.member.account, market)
        standing = (leg.bids, leg.asks) if leg else (0, 0)
        filled = standing != (quoted.bids, quoted.asks)
        return filled and view.block - quoted.block >= self._scenario.book.refill_blocks

    def _ladder(self, market: int, view: View, rng: Random) -> list[Order]:
        """Orders on both sides, as far as the maker's own limit on inventory goes."""
        book, mark = self._scenario.book, view.now.markets[market].mark
        share = depth_share(book, volatility(list(self._marks[market])))
        room_bids, room_asks = self._room(market, view)
        usd = price_to_usd(mark, self._scenario.markets[market].size_decimals)
        orders: list[Order] = []
        for level in book.levels:
            jitter = Decimal(PERCENT + rng.randint(-JITTER, JITTER)) / PERCENT
            depth = level.depth_usd * self._scenario.markets[market].depth_scale
            quote = usd_to_quote((depth * share * jitter / book.makers).quantize(Decimal("0.01")))
            bids = min(quote // mark, room_bids)
            asks = min(quote // mark, room_asks)
            room_bids -= bids
            room_asks -= asks
            orders += (
                self._quote(market, usd, -level.distance_bp, bids),
                self._quote(market, usd, level.distance_bp, asks),
            )
        orders = [order for order in orders if order.lots * order.price >= MIN_NOTIONAL]
        sides = [sum(o.lots for o in orders if o.is_bid == is_bid) for is_bid in (True, False)]
        self._quoted[market] = Quoted(mark, view.block, *sides)
        return orders

    def _room(self, market: int, view: View) -> tuple[int, int]:
        """Lots that it may still buy and sell before its inventory is at its limit."""
        mark = view.now.markets[market].mark
        equity = max(view.now.equity(self.member.account), 0)
        most = equity * self._scenario.book.leverage // mark // len(self._markets)
        leg = view.leg(self.member.account, market)
        size = leg.size if leg else 0
        return max(most - size, 0), max(most + size, 0)

    def _quote(self, market: int, mark: Decimal, distance_bp: Decimal, lots: int) -> Order:
        """An order at a signed distance from mark (USD), its price legal and rounded outwards."""
        is_bid = distance_bp < 0
        decimals = self._scenario.markets[market].size_decimals
        usd = mark * (1 + distance_bp / BP)
        legal = at_or_below(usd, decimals) if is_bid else at_or_above(usd, decimals)
        return Order(is_bid, usd_to_price(legal, decimals), lots, Kind.POST_ONLY)


def volatility(marks: list[int]) -> Decimal:
    """Mean move of a block, in basis points, over marks in the order in which they were seen."""
    if len(marks) < 2:
        return Decimal(0)
    moves = [
        _CONTEXT.divide(Decimal(abs(after - before) * BP), Decimal(before))
        for before, after in itertools.pairwise(marks)
    ]
    return _CONTEXT.divide(sum(moves, Decimal(0)), Decimal(len(moves)))


def depth_share(book: Book, moves_bp: Decimal) -> Decimal:
    """Share of its depth that a maker shows: all in calm, down to the floor in a straight line."""
    calm, gone = book.withdrawal.calm_bp, book.withdrawal.gone_bp
    part = min(max(_CONTEXT.divide(moves_bp - calm, gone - calm), Decimal(0)), Decimal(1))
    return 1 - part * (1 - book.withdrawal.floor)
