"""Scenarios: a crash as data, read from scenarios/*.toml; scenarios/README.md has the keys."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field

from spillway import listing as listings
from spillway import prices, tables, timeline
from spillway.build import ROOT
from spillway.errors import BadInput
from spillway.listing import Listing
from spillway.prices import Bar, PricePath
from spillway.tables import Flag, Number, Table, Text, Whole, field_path
from spillway.terms import Count, Leverage, Name, NotNegative, Positive, Share, SizeDecimals
from spillway.ticks import is_legal, legal_neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

FOLDER = ROOT / "scenarios"

MAX_MARKETS = 256
MAX_LEGS = 8  # markets that an account may be in
MAX_ORDERS = 32  # that an account may have
MAX_TIERS = 5

Ohlc = tuple[Whole, Number, Number, Number, Number]


class Clock(Table):
    """When it begins, and how long it goes on."""

    start: AwareDatetime
    block_seconds: Annotated[Whole, Field(ge=4)]  # a block of the run is up to three of the chain
    blocks: Annotated[Whole, Field(ge=1)]

    @property
    def start_time(self) -> int:
        """Seconds since the epoch."""
        return int(self.start.timestamp())

    def time_of(self, block: int) -> int:
        """Return the time of a block of the run, counted from 0."""
        return self.start_time + block * self.block_seconds

    def block_of(self, moment: int | datetime) -> int:
        """Return the first block of the run that is not earlier than a block or a time."""
        if isinstance(moment, int):
            return moment
        return math.ceil((moment - self.start).total_seconds() / self.block_seconds)


class Columns(Table):
    """What a CSV file calls its columns: either `price`, or all of open, high, low, close."""

    time: Text
    price: Text | None = None
    open: Text | None = None
    high: Text | None = None
    low: Text | None = None
    close: Text | None = None


class PathSource(Table):
    """The price of the asset outside of the venue: bars, points, or a CSV file of either."""

    bar_seconds: Annotated[Whole, Field(gt=0, multiple_of=prices.STEPS)] = 60
    bars: Annotated[tuple[Ohlc, ...], Field(min_length=1)] | None = None
    points: Annotated[tuple[tuple[Whole, Number], ...], Field(min_length=1)] | None = None
    csv: Text | None = None
    columns: Columns | None = None
    time_unit: Literal["s", "ms"] = "s"

    @cached_property  # every trader who enters asks where the path begins
    def walked(self) -> PricePath:
        """The path; of a CSV file only once it was read in."""
        if self.points is not None:
            return prices.path_of(self.points)
        return prices.walk([Bar(*bar) for bar in self.bars or ()], self.bar_seconds)


class Tier(Table):
    """A step of a market's margin schedule."""

    above_usd: Annotated[Whole, Field(gt=0)]
    max_leverage: Leverage


class Market(Table):
    """A market: its terms, and what happens to its price."""

    symbol: Name
    size_decimals: SizeDecimals
    max_leverage: Leverage
    tiers: Annotated[tuple[Tier, ...], Field(max_length=MAX_TIERS - 1)] = ()
    open_interest_cap: Positive  # of the asset
    major: Flag = False  # whether the impact notional of its funding is the larger one
    depth_scale: NotNegative = Decimal(1)  # of the book's depth
    crowd: Annotated[Whole, Field(ge=1)] = 1  # how often it is picked by those who follow the crowd
    stake: Positive = Decimal(1)  # of drawn collateral
    path: PathSource

    def max_leverage_at(self, notional: Decimal) -> int:
        """Return the highest leverage allowed for a notional in USD."""
        allowed = self.max_leverage
        for tier in self.tiers:
            if notional > tier.above_usd:
                allowed = tier.max_leverage
        return allowed


class Feed(Table):
    """How well the reporters see the price."""

    lag_blocks: Count = 0  # of the price they post
    noise_bp: NotNegative = Decimal(0)  # each price is off by up to this, either way


class Level(Table):
    """Liquidity at a distance from mark, on each side, of all makers together."""

    distance_bp: Positive
    depth_usd: NotNegative


class Withdrawal(Table):
    """How makers leave as the price moves: volatility is the mean move of a block, in bp."""

    window_blocks: Annotated[Whole, Field(ge=1)]
    calm_bp: NotNegative  # up to here all of the depth stands
    gone_bp: Positive  # from here on `floor` of it
    floor: Share


class Book(Table):
    """The makers and what they quote."""

    makers: Annotated[Whole, Field(ge=0, le=64)]
    collateral_usd: Positive  # of each account; a maker has one for each eight markets or so
    leverage: Leverage = 5  # that a maker's inventory stays below, orders included
    levels: Annotated[tuple[Level, ...], Field(max_length=16)]
    requote_bp: NotNegative  # a move of mark up to this does not make them requote
    refill_blocks: Annotated[Whole, Field(ge=1)]  # after a fill, blocks until a quote is restored
    withdrawal: Withdrawal


NO_MAKERS = Book(
    makers=0,
    collateral_usd=Decimal(1),
    levels=(),
    requote_bp=Decimal(0),
    refill_blocks=1,
    withdrawal=Withdrawal(
        window_blocks=1, calm_bp=Decimal(0), gone_bp=Decimal(1), floor=Decimal(1)
    ),
)


class Drawn(Table):
    """A distribution between two bounds."""

    shape: Literal["oct10", "uniform"] = "oct10"
    at_least: Positive
    at_most: Positive


class Group(Table):
    """Traders drawn at random."""

    name: Name
    count: Annotated[Whole, Field(ge=1)]
    long_share: Share
    isolated_share: Share = Decimal(0)
    leverage: Drawn  # notional / collateral
    collateral_usd: Drawn
    markets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None  # all if none
    without: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None  # all but these
    picks: Literal["turn", "crowd"] = "turn"  # each market in its turn, or by chance, by its crowd
    legs: Annotated[Whole, Field(ge=1, le=MAX_LEGS)] = 1  # of these markets that each is in
    balances: Flag = False  # takes what the other side of its markets lacks, at its leverage
    trades: Share = Decimal(0)  # chance to trade in a block
    stops: Share = Decimal(0)  # share that keeps a stop
    stop_distance: Annotated[Number, Field(gt=0, lt=1)] = Decimal("0.05")  # of it, from the entry


class Position(Table):
    """A position that stands when the run begins."""

    market: Name
    size: Number  # of the asset, long > 0
    entry: Positive | None = None  # USD; the first price of the path if none
    leverage: Leverage | None = None  # chosen; the highest that is allowed if none


class Order(Table):
    """An order that stands when the run begins."""

    market: Name
    side: Literal["buy", "sell"]
    kind: Literal["limit", "post_only", "stop", "take_profit"] = "limit"
    price: Positive  # USD; of a stop or take-profit, the trigger
    size: Positive
    reduce_only: Flag = False


class Account(Table):
    """A trader told one by one."""

    name: Name
    collateral_usd: Positive
    isolated: Flag = False
    trades: Share = Decimal(0)
    positions: Annotated[tuple[Position, ...], Field(max_length=MAX_LEGS)] = ()
    orders: Annotated[tuple[Order, ...], Field(max_length=MAX_ORDERS)] = ()

    @property
    def markets(self) -> set[str]:
        """Symbols of the markets that it is in."""
        symbols = {position.market for position in self.positions}
        return symbols | {order.market for order in self.orders}


class Depositor(Table):
    """Somebody with shares of the vault."""

    name: Name
    amount_usd: Positive


class Vault(Table):
    """Who funds the vault."""

    depositors: Annotated[tuple[Depositor, ...], Field(min_length=1)]


class Scenario(Table):
    """A crash."""

    name: Name
    title: Text
    story: Text
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    seed: Count
    clock: Clock
    markets: tuple[Market, ...] = ()
    listing: Listing | None = None  # further ones, which `load` puts behind these
    feed: Feed = Feed()
    book: Book = NO_MAKERS
    population: tuple[Group, ...] = ()
    accounts: tuple[Account, ...] = ()
    vault: Vault
    events: tuple[timeline.Event, ...] = ()

    def market_id(self, symbol: str) -> int:
        """Return the id of a market, which is its place in the file."""
        return [market.symbol for market in self.markets].index(symbol)

    def markets_of(self, group: Group) -> list[int]:
        """Return the ids of the markets of a group."""
        if group.markets:
            return [self.market_id(symbol) for symbol in group.markets]
        without = group.without or ()
        return [n for n, market in enumerate(self.markets) if market.symbol not in without]


def names() -> list[str]:
    """Return the names of the scenarios that the project ships."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str) -> Path:
    """Return the file of a scenario: a name under scenarios/, or a path. Raises BadInput."""
    if name in names():
        return FOLDER / f"{name}.toml"
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    allowed = f"{', '.join(names())}, or a path to a .toml file"
    raise BadInput("command line", "SCENARIO", name, allowed)


def load(path: Path, seed: int | None = None) -> Scenario:
    """Read a scenario, CSV files and all, with another seed if told. Raises BadInput."""
    scenario = tables.read(path, Scenario)
    markets = tuple(
        _with_csv(market, path, field_path("markets", place, "path"))
        for place, market in enumerate(scenario.markets)
    )
    if scenario.listing:
        listings.check(scenario.listing, str(path))
        markets += _listed(scenario.listing)
    seed = scenario.seed if seed is None else seed
    scenario = scenario.model_copy(update={"markets": markets, "listing": None, "seed": seed})
    check(scenario, str(path))
    return scenario


def _listed(listing: Listing) -> tuple[Market, ...]:
    """Write a listing out, a market a row."""
    return tuple(
        Market(
            symbol=row.symbol,
            size_decimals=row.size_decimals,
            max_leverage=row.max_leverage,
            open_interest_cap=listing.cap(row),
            depth_scale=listing.depth(row),
            crowd=row.accounts,
            stake=listing.stake(row),
            path=PathSource(points=listing.points(row)),
        )
        for row in listing.rows
    )


def grown(scenario: Scenario, traders: int) -> Scenario:
    """Return the scenario with another number of drawn traders, in the same proportions.

    Book, makers, vault and the cap of open interest grow with them, so that it stays the same
    crash. Raises BadInput where nobody is drawn, or where a group would be empty.
    """
    drawn = sum(group.count for group in scenario.population)
    if not drawn:
        raise BadInput("command line", "--traders", traders, "a scenario with a population")
    if traders < len(scenario.population):
        allowed = f"at least {len(scenario.population)}, one of each group"
        raise BadInput("command line", "--traders", traders, allowed)
    factor = Decimal(traders) / drawn
    counts = [max(group.count * traders // drawn, 1) for group in scenario.population]
    counts[counts.index(max(counts))] += traders - sum(counts)
    groups = zip(scenario.population, counts, strict=True)
    return scenario.model_copy(
        update={
            "population": tuple(g.model_copy(update={"count": n}) for g, n in groups),
            "book": _deeper(scenario.book, factor),
            "vault": scenario.vault.model_copy(
                update={
                    "depositors": tuple(
                        one.model_copy(update={"amount_usd": _cents(one.amount_usd * factor)})
                        for one in scenario.vault.depositors
                    )
                }
            ),
            "markets": tuple(
                market.model_copy(
                    update={"open_interest_cap": _lots(market.open_interest_cap * factor, market)}
                )
                for market in scenario.markets
            ),
        }
    )


def _deeper(book: Book, factor: Decimal) -> Book:
    levels = tuple(
        level.model_copy(update={"depth_usd": level.depth_usd * factor}) for level in book.levels
    )
    collateral = _cents(book.collateral_usd * factor)
    return book.model_copy(update={"levels": levels, "collateral_usd": collateral})


def _cents(usd: Decimal) -> Decimal:
    return usd.quantize(Decimal("0.01"))


def _lots(size: Decimal, market: Market) -> Decimal:
    return size.quantize(Decimal(1).scaleb(-market.size_decimals))


def check(scenario: Scenario, file: str) -> None:
    """Check what the keys of a scenario say of each other. Raises BadInput."""
    if not 1 <= len(scenario.markets) <= MAX_MARKETS:
        allowed = f"1 to {MAX_MARKETS}, those of the listing counted"
        raise BadInput(file, "markets", f"{len(scenario.markets)} of them", allowed)
    _check_unique([market.symbol for market in scenario.markets], file, "markets", "symbol")
    named = [account.name for account in scenario.accounts]
    named += [depositor.name for depositor in scenario.vault.depositors]
    _check_unique(named, file, "accounts", "name")
    for place, market in enumerate(scenario.markets):
        _check_market(market, scenario.clock, file, field_path("markets", place))
    _check_book(scenario.book, file)
    for place, group in enumerate(scenario.population):
        _check_group(group, scenario, file, field_path("population", place))
    for place, account in enumerate(scenario.accounts):
        _check_account(account, scenario, file, field_path("accounts", place))
    for place, event in enumerate(scenario.events):
        _check_event(event, scenario, file, field_path("events", place))


# --- markets -------------------------------------------------------------------------------------


def _with_csv(market: Market, scenario_file: Path, field: str) -> Market:
    """Return the market with the rows of its CSV file in place of the file's name."""
    path = market.path
    told = [key for key in ("bars", "points", "csv") if getattr(path, key) is not None]
    if len(told) != 1:
        found = " and ".join(told) or "nothing"
        raise BadInput(str(scenario_file), field, found, "one of bars, points, csv")
    if path.csv is None:
        return market
    if path.columns is None:
        allowed = "the names of the file's columns"
        raise BadInput(str(scenario_file), f"{field}.columns", "nothing", allowed)
    columns = path.columns.model_dump(exclude_none=True)
    if set(columns) not in ({"time", "price"}, {"time", "open", "high", "low", "close"}):
        found, allowed = ", ".join(columns), "time and price, or time, open, high, low, close"
        raise BadInput(str(scenario_file), f"{field}.columns", found, allowed)
    file = scenario_file.parent / path.csv
    rows = prices.read_csv(file, columns, milliseconds=path.time_unit == "ms")
    data = tuple((int(time), *values) for time, *values in rows)
    shape = "points" if "price" in columns else "bars"
    read_in = path.model_copy(update={shape: data, "csv": None, "columns": None, "time_unit": "s"})
    _check_path(read_in, str(file), "rows")
    return market.model_copy(update={"path": read_in})


def _check_market(market: Market, clock: Clock, file: str, field: str) -> None:
    bounds = [(0, market.max_leverage), *((t.above_usd, t.max_leverage) for t in market.tiers)]
    for place, ((lower, high), (upper, low)) in enumerate(itertools.pairwise(bounds)):
        tier = f"{field}.tiers[{place}]"
        if upper <= lower:
            raise BadInput(file, f"{tier}.above_usd", upper, f"more than {lower}")
        if low >= high:
            raise BadInput(file, f"{tier}.max_leverage", low, f"less than {high}")
    _check_path(market.path, file, f"{field}.path")
    path = market.path.walked
    if not path.times[0] <= clock.start_time <= clock.time_of(clock.blocks - 1) <= path.times[-1]:
        found = f"times {path.times[0]} .. {path.times[-1]}"
        last = clock.time_of(clock.blocks - 1)
        allowed = f"times that cover the clock: {clock.start_time} .. {last}"
        raise BadInput(file, f"{field}.path", found, allowed)


def _check_path(path: PathSource, file: str, field: str) -> None:
    if path.points is not None:
        where = field if field == "rows" else f"{field}.points"
        prices.check_points(path.points, file, where)
    else:
        where = field if field == "rows" else f"{field}.bars"
        bars = [Bar(*bar) for bar in path.bars or ()]
        prices.check_bars(bars, path.bar_seconds, file, where)


def _check_book(book: Book, file: str) -> None:
    if book.makers and not book.levels:
        raise BadInput(file, "book.levels", "none", "at least one of them with makers")
    distances = [level.distance_bp for level in book.levels]
    for place, (near, far) in enumerate(itertools.pairwise(distances), 1):
        if far <= near:
            where = field_path("book", "levels", place, "distance_bp")
            raise BadInput(file, where, far, f"more than {near}")
    if book.withdrawal.gone_bp <= book.withdrawal.calm_bp:
        allowed = f"more than calm_bp, {book.withdrawal.calm_bp}"
        raise BadInput(file, "book.withdrawal.gone_bp", book.withdrawal.gone_bp, allowed)


# --- people --------------------------------------------------------------------------------------


def _check_group(group: Group, scenario: Scenario, file: str, field: str) -> None:
    for key, drawn in (("leverage", group.leverage), ("collateral_usd", group.collateral_usd)):
        if drawn.at_most < drawn.at_least:
            allowed = f"at least {drawn.at_least}"
            raise BadInput(file, f"{field}.{key}.at_most", drawn.at_most, allowed)
    for key in ("markets", "without"):
        for place, symbol in enumerate(getattr(group, key) or ()):
            _check_symbol(symbol, scenario, file, f"{field}.{key}[{place}]")
    if group.markets and group.without:
        raise BadInput(file, f"{field}.without", "a list", "nothing beside markets")
    numbers = scenario.markets_of(group)
    if group.legs > len(numbers):
        allowed = f"at most {len(numbers)}, the group's markets"
        raise BadInput(file, f"{field}.legs", group.legs, allowed)
    if group.balances and group.long_share not in (0, 1):
        allowed = "0 or 1 with balances: one side"
        raise BadInput(file, f"{field}.long_share", group.long_share, allowed)
    most = min(scenario.markets[number].max_leverage for number in numbers)
    if group.legs > 1 and group.isolated_share > 0:
        allowed = "0 with several legs: an isolated account has one market"
        raise BadInput(file, f"{field}.isolated_share", group.isolated_share, allowed)
    if group.leverage.at_most > most:
        where = f"{field}.leverage.at_most"
        raise BadInput(file, where, group.leverage.at_most, f"at most {most}")


def _check_account(account: Account, scenario: Scenario, file: str, field: str) -> None:
    if account.isolated and len(account.markets) != 1:
        raise BadInput(file, f"{field}.isolated", "true", "true only with one market")
    symbols = [position.market for position in account.positions]
    _check_unique(symbols, file, f"{field}.positions", "market")
    for place, position in enumerate(account.positions):
        where = f"{field}.positions[{place}]"
        market = _check_symbol(position.market, scenario, file, f"{where}.market")
        _check_size(position.size, market, file, f"{where}.size")
        entry = position.entry or market.path.walked.prices[0]
        if position.entry is not None:
            _check_price(position.entry, market, file, f"{where}.entry")
        most = market.max_leverage_at(abs(position.size) * entry)
        if position.leverage is not None and position.leverage > most:
            raise BadInput(file, f"{where}.leverage", position.leverage, f"1 to {most}")
    for place, order in enumerate(account.orders):
        where = f"{field}.orders[{place}]"
        market = _check_symbol(order.market, scenario, file, f"{where}.market")
        _check_size(order.size, market, file, f"{where}.size")
        _check_price(order.price, market, file, f"{where}.price")


def _check_size(size: Decimal, market: Market, file: str, field: str) -> None:
    lots = size.scaleb(market.size_decimals)
    if lots == 0 or lots != lots.to_integral_value():
        allowed = f"a multiple of 1e-{market.size_decimals} {market.symbol}, not 0"
        raise BadInput(file, field, size, allowed)


def _check_price(price: Decimal, market: Market, file: str, field: str) -> None:
    if not is_legal(price, market.size_decimals):
        low, high = legal_neighbours(price, market.size_decimals)
        raise BadInput(file, field, price, f"a legal price, such as {low} or {high}")


def _check_symbol(symbol: str, scenario: Scenario, file: str, field: str) -> Market:
    for market in scenario.markets:
        if market.symbol == symbol:
            return market
    symbols = ", ".join(market.symbol for market in scenario.markets)
    raise BadInput(file, field, symbol, f"a market of this scenario: {symbols}")


def _check_unique(values: Sequence[str], file: str, field: str, key: str) -> None:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise BadInput(file, f"{field}.{key}", value, "each once")


# --- events --------------------------------------------------------------------------------------


def _check_event(event: timeline.Event, scenario: Scenario, file: str, field: str) -> None:
    timeline.check(event, scenario, file, field)
    if event.market is None:
        return
    market = _check_symbol(event.market, scenario, file, f"{field}.market")
    if event.size is not None:
        _check_size(event.size, market, file, f"{field}.size")
    if event.leverages is not None and len(event.leverages) != len(market.tiers) + 1:
        told, allowed = len(event.leverages), f"one for each of its {len(market.tiers) + 1} tiers"
        raise BadInput(file, f"{field}.leverages", told, allowed)
    if event.price is not None:
        _check_price(event.price, market, file, f"{field}.price")


def desks(scenario: Scenario) -> list[tuple[int, ...]]:
    """Return the markets that each account of a maker quotes: an account holds only so many."""
    levels = max(len(scenario.book.levels), 1)
    each = max(min(MAX_LEGS, MAX_ORDERS // (2 * levels)), 1)
    markets = tuple(range(len(scenario.markets)))
    return [markets[start : start + each] for start in range(0, len(markets), each)]
