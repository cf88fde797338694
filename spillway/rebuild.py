"""From the public tables of 10 October 2025 to batches, and to the accounts that were closed.

No table has the price of a batch, nor an account's size. But whatever is closed is a whole number
of lots at a legal price. So the price of a batch is one that divides its notional, and that of the
accounts with a single fill in it: in the recorded data just one does. With the price, such an
account is known to the lot. Among all others, what a market lacks is shared out.
docs/real_accounts.md tells it in full.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Literal

from spillway.datasets import MILLISECONDS
from spillway.ticks import DECIMALS, at_or_above, at_or_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spillway.datasets import Deleveraged, Oct10, PositionHeld
    from spillway.real_story import Terms

# Two sums of the same fills differ by their binary fractions, one part in so many at most.
NOISE = Decimal("1e-9")
# A batch was closed within so much of the price at the end of the tables.
WIDEST = Decimal("0.2")

Basis = Literal["read", "weighed", "shared"]

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_CENT = Decimal("0.01")
_UNIT = Decimal("0.000001")  # of collateral


@dataclass(frozen=True, slots=True)
class Batch:
    """What was closed in one market in one second.

    Attributes:
        market: Place in the list of markets.
        time: Seconds.
        price: USD, the mark before; 0 where no one price explains the batch.
        lots: Of the shorts that were closed.
        notional: USD, longs included, as recorded.
        shown_by: Accounts with one fill whose notional is whole lots at this price.
    """

    market: int
    time: int
    price: Decimal
    lots: int
    notional: Decimal
    shown_by: int


@dataclass(frozen=True, slots=True)
class Part:
    """A short position that was closed, in one market.

    Attributes:
        market: Place in the list of markets.
        lots: Closed.
        price: USD; at which it was closed, or the market's average where that is not known.
        entry: USD, not rounded to any tick.
        batch: In which it was closed; None where that is not known.
        basis: "read" from the tables; "weighed": the market's profit is told, and its notional by
            the account's PnL %; "shared": a part of what the market lacks.
    """

    market: int
    lots: int
    price: Decimal
    entry: Decimal
    batch: Batch | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Winner:
    """An account that was closed: its value in USD with unrealised profit, and its positions."""

    user: str
    value: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that is replayed, and what the tables have beside it.

    Attributes:
        batches: By time, then market.
        winners: By address.
        notionals: USD of each deleveraged account, over all markets.
        longs: USD of the longs that were closed in these markets by one fill each; not replayed.
    """

    batches: tuple[Batch, ...]
    winners: tuple[Winner, ...]
    notionals: tuple[Decimal, ...]
    longs: Decimal


@dataclass(frozen=True, slots=True)
class _Closed:
    """A deleveraged account in one market, as the tables have it."""

    account: Deleveraged
    held: PositionHeld

    @property
    def alone(self) -> bool:
        """Whether its one fill was in this market."""
        return self.account.num_adl_events == 1

    @property
    def short(self) -> bool:
        return self.held.side == "SHORT"


def rebuild(tables: Oct10, markets: Sequence[Terms]) -> Record:
    """Rebuild the batches and the accounts of some markets. Raises BadInput."""
    closed = _closed(tables, markets)
    batches: list[Batch] = []
    parts: dict[str, list[Part]] = defaultdict(list)
    longs = Decimal(0)
    for number, market in enumerate(markets):
        found = _batches(number, market, closed[number], tables)
        ours, sold = _without_longs(found, market, closed[number])
        longs += sold
        for user, part in _parts(ours, market, closed[number], tables):
            parts[user].append(part)
        batches += ours
    winners = [
        Winner(
            account.user,
            account.account_value_realtime.quantize(_UNIT, context=_CONTEXT),
            tuple(parts[account.user]),
        )
        for account in sorted(tables.accounts, key=lambda account: account.user)
        if account.user in parts
    ]
    return Record(
        batches=tuple(sorted(batches, key=lambda batch: (batch.time, batch.market))),
        winners=tuple(winners),
        notionals=tuple(account.adl_notional for account in tables.accounts),
        longs=longs,
    )


def _closed(tables: Oct10, markets: Sequence[Terms]) -> list[list[_Closed]]:
    accounts = {account.user: account for account in tables.accounts}
    symbols = [market.symbol for market in markets]
    found: list[list[_Closed]] = [[] for _ in markets]
    for held in sorted(tables.positions, key=lambda held: held.user_address):
        if held.was_adl and held.asset in symbols:
            account = accounts.get(held.user_address)
            if account is None:
                where = f"was_adl of {held.user_address} in {held.asset}"
                allowed = "True only with a row in the table of accounts"
                raise tables.bad("positions", where, "True", allowed)
            found[symbols.index(held.asset)].append(_Closed(account, held))
    return found


# --- prices of batches ---------------------------------------------------------------------------


def whole_lots(notional: Decimal, price: Decimal, size_decimals: int) -> int:
    """Return the lots that `notional` is at a legal price, 0 where that is not a whole number.

    A lot at a legal price is a whole number of 1e-6 USD. Rounding to that takes off what is left of
    the binary fractions that the tables went through.
    """
    lots, rest = divmod(_micro(notional), _lot_micro(price, size_decimals))
    return 0 if rest else lots


def _micro(usd: Decimal) -> int:
    return int(usd.scaleb(DECIMALS).to_integral_value())


def _lot_micro(price: Decimal, size_decimals: int) -> int:
    """Return what a lot costs, 1e-6 USD."""
    return int(price.scaleb(DECIMALS - size_decimals))


def _batches(number: int, market: Terms, closed: Sequence[_Closed], tables: Oct10) -> list[Batch]:
    """Price the batches of a market, the largest first: what it explains shows no other's price."""
    if not closed:
        raise tables.bad("positions", "asset", "nobody", f"accounts closed in {market.symbol}")
    decimals = market.size_decimals
    lots_at = {
        _lot_micro(price, decimals): price
        for price in _legal_prices(closed[0].held.mark_price, decimals)
    }
    alone = [_micro(one.account.adl_notional) for one in closed if one.alone]
    seconds = [
        (bucket.time // MILLISECONDS, bucket.adldByAsset[market.symbol])
        for bucket in tables.flow.timeBuckets
        if bucket.adldByAsset.get(market.symbol)
    ]
    if not seconds:
        raise tables.bad("flow", "adldByAsset", "nothing", f"batches in {market.symbol}")
    found: list[Batch] = []
    for time, notional in sorted(seconds, key=lambda second: (-second[1], second[0])):
        whole = _micro(notional)
        shown = {
            lot: sum(one <= whole and one % lot == 0 for one in alone)
            for lot in lots_at
            if whole % lot == 0
        }
        near = _lot_micro(_price_near(time, found), decimals)
        lot = max(shown, key=lambda each: (shown[each], -abs(each - near)), default=0)
        alone = [one for one in alone if not lot or one > whole or one % lot]
        price = lots_at.get(lot, Decimal(0))
        lots = whole // lot if lot else 0
        found.append(Batch(number, time, price, lots, notional, shown.get(lot, 0)))
    return sorted(found, key=lambda batch: batch.time)


def _legal_prices(mark: Decimal, size_decimals: int) -> Iterator[Decimal]:
    price = at_or_above(mark * (1 - WIDEST), size_decimals)
    while price <= mark * (1 + WIDEST):
        yield price
        price = _next_legal(price, size_decimals)


def _next_legal(price: Decimal, size_decimals: int) -> Decimal:
    """Return the legal price above a legal one."""
    return at_or_above(price + Decimal(1).scaleb(-DECIMALS), size_decimals)


def _price_near(time: int, batches: Iterable[Batch]) -> Decimal:
    """Return the price of the batch that is closest in time, 0 where there is none."""
    priced = [batch for batch in batches if batch.price]
    nearest = min(priced, key=lambda batch: (abs(batch.time - time), batch.time), default=None)
    return nearest.price if nearest else Decimal(0)


def _batch_of(
    closed: _Closed, batches: Iterable[Batch], size_decimals: int
) -> tuple[Batch | None, int]:
    """Find the batch of an account with one fill, the largest that fits, and the lots closed."""
    for batch in sorted(batches, key=lambda batch: -batch.lots):
        if batch.price:
            lots = whole_lots(closed.account.adl_notional, batch.price, size_decimals)
            if 0 < lots <= batch.lots:
                return batch, lots
    return None, 0


def _without_longs(
    batches: Sequence[Batch], market: Terms, closed: Sequence[_Closed]
) -> tuple[list[Batch], Decimal]:
    """Take the longs that were closed out of the batches: they faced other losers."""
    sold: dict[int, int] = defaultdict(int)
    notional = Decimal(0)
    for one in closed:
        if one.alone and not one.short:
            batch, lots = _batch_of(one, batches, market.size_decimals)
            notional += one.account.adl_notional
            if batch is not None:
                sold[batch.time] += lots
    ours = [replace(batch, lots=max(batch.lots - sold[batch.time], 0)) for batch in batches]
    return ours, notional


# --- accounts ------------------------------------------------------------------------------------


def _parts(
    batches: Sequence[Batch], market: Terms, closed: Sequence[_Closed], tables: Oct10
) -> Iterator[tuple[str, Part]]:
    """Yield (address, position) of the shorts of a market: as many lots as its batches closed."""
    number, decimals = batches[0].market, market.size_decimals
    lots_left = sum(batch.lots for batch in batches)
    worth = sum((batch.lots * batch.price for batch in batches), Decimal(0))
    if not lots_left:
        raise tables.bad("flow", "adldByAsset", market.symbol, "batches that a price explains")
    others = []
    for one in closed:
        batch, lots = _batch_of(one, batches, decimals) if one.alone else (None, 0)
        if one.short and batch is not None:
            lots_left -= lots
            worth -= lots * batch.price
            yield one.account.user, _part(one, number, lots, batch)
        elif one.short:
            others.append(one)
    if lots_left < 0:
        allowed = f"{-lots_left} lots less: what the batches closed"
        raise tables.bad("accounts", "adl_notional", f"single fills in {market.symbol}", allowed)
    if not lots_left:
        return
    average = _CONTEXT.divide(worth, Decimal(lots_left))
    for one, lots, basis in _shared_out(lots_left, others, average, market, tables):
        if lots:
            yield one.account.user, _part(one, number, lots, average, basis)


def _part(
    one: _Closed, market: int, lots: int, where: Batch | Decimal, basis: Basis = "read"
) -> Part:
    """Return a closed short, its entry from the account's PnL %: what it won of what it closed."""
    batch, price = (where, where.price) if isinstance(where, Batch) else (None, where)
    won = _CONTEXT.divide(one.account.closed_pnl, one.account.adl_notional)
    entry = _CONTEXT.multiply(price, 1 + won)
    return Part(market, lots, price, max(entry, _CENT), batch, basis)


def _shared_out(
    lots: int, others: Sequence[_Closed], average: Decimal, market: Terms, tables: Oct10
) -> Iterator[tuple[_Closed, int, Basis]]:
    """Share lots out in proportion to what each account may have had, none beyond its notional.

    What it may have had is its notional by its PnL % where its profit in this market is told, else
    all of its notional.
    """
    lot_usd = average.scaleb(-market.size_decimals)
    guesses = [_guess(one) for one in others]
    most = [_floor(one.account.adl_notional / lot_usd) for one in others]
    if sum(most) < lots:
        found = f"{sum(most)} lots of those with several fills"
        allowed = f"at least {lots} lots, what single fills leave of the batches"
        raise tables.bad("accounts", f"adl_notional in {market.symbol}", found, allowed)
    shares = _filled(lots, [usd for usd, _ in guesses], most)
    for one, share, (_, basis) in zip(others, shares, guesses, strict=True):
        yield one, share, basis


def _guess(one: _Closed) -> tuple[Decimal, Basis]:
    whole, won, here = one.account.adl_notional, one.account.closed_pnl, one.held.realized_pnl
    if one.alone:
        return whole, "shared"
    told = one.held.trades_count == 1 or abs(here - won) <= abs(won) * NOISE
    if told and won and 0 < here / won <= 1 + NOISE:
        return _CONTEXT.multiply(whole, _CONTEXT.divide(here, won)), "weighed"
    return whole, "shared"


def _filled(lots: int, weights: Sequence[Decimal], most: Sequence[int]) -> list[int]:
    """Share `lots` out in proportion to weights, up to a most for each; sums are exact."""
    shares = [0] * len(weights)
    open_ended = {place for place, weight in enumerate(weights) if weight and most[place]}
    left = lots
    while left and open_ended:
        total = sum((weights[place] for place in open_ended), Decimal(0))
        capped = {p for p in open_ended if left * weights[p] >= most[p] * total}
        if not capped:
            for place in open_ended:
                shares[place] = _floor(left * weights[place] / total)
            break
        for place in capped:
            shares[place] = most[place]
        left -= sum(most[place] for place in capped)
        open_ended -= capped
    # What rounding leaves, a lot each, to the largest with room.
    for place in sorted(range(len(weights)), key=lambda p: (-weights[p], p)):
        extra = min(lots - sum(shares), most[place] - shares[place], 1)
        shares[place] += max(extra, 0)
    return shares


def _floor(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR))


def ticks_around(price: Decimal, size_decimals: int) -> tuple[Decimal, Decimal]:
    """Return the highest legal price that is not above `price`, and the one above that."""
    low = at_or_below(price, size_decimals)
    return low, _next_legal(low, size_decimals)
