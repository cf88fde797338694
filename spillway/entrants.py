"""From a scenario and a seed to the traders that the run begins with, each with what it holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

from spillway import population
from spillway.presets import PPM
from spillway.ticks import at_or_below
from spillway.units import size_to_lots, usdc_to_units

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from spillway.presets import Preset
    from spillway.scenario import Account, Drawn, Group, Order, Scenario

CENT = Decimal("0.01")
# The smallest position that is drawn, a little above the smallest order; USD.
LEAST_NOTIONAL = Decimal(12)
# Share of a position's notional that is left free beside margin and fee: what rounding an entry to
# a legal price can cost.
SLACK = Decimal("0.0005")

_CONTEXT = Context(prec=60, rounding=ROUND_FLOOR)


@dataclass(frozen=True, slots=True)
class Stake:
    """A position to be opened: lots (long > 0) at `entry` USD; leverage 0 = not chosen."""

    market: int
    lots: int
    entry: Decimal
    leverage: int = 0


@dataclass(frozen=True, slots=True)
class Entrant:
    """A trader as the run finds it.

    Attributes:
        name: What it is called.
        units: Its collateral, 1e-6 USD.
        isolated_to: The market of an isolated account.
        stakes: Its positions.
        orders: What it leaves in the book.
        trades_ppm: Chance to trade in a block of the run.
        stop_distance: Of a stop from the entry, a share of it; None = no stop.
    """

    name: str
    units: int
    isolated_to: int | None = None
    stakes: tuple[Stake, ...] = ()
    orders: tuple[Order, ...] = ()
    trades_ppm: int = 0
    stop_distance: Decimal | None = None


def enter(scenario: Scenario, preset: Preset, rng: Random) -> list[Entrant]:
    """Return the explicit accounts, then those drawn.

    Longs and shorts of a market are as many lots as each other, or nearly: of the drawn positions
    the heavier side is cut, the last group of the file first and pro rata within a group. What is
    left over is the makers' to take.
    """
    told = [_told(account, scenario) for account in scenario.accounts]
    groups = [
        [_drawn(group, place, scenario, preset, rng) for place in range(group.count)]
        for group in scenario.population
    ]
    return [*told, *_rationed(groups, _net(told), scenario)]


def first_price(scenario: Scenario, market: int) -> Decimal:
    """Return the price, USD, of drawn positions: where the run begins, made legal."""
    terms = scenario.markets[market]
    return at_or_below(terms.path.walked.at(scenario.clock.start_time), terms.size_decimals)


def _told(account: Account, scenario: Scenario) -> Entrant:
    stakes = []
    for position in account.positions:
        market = scenario.market_id(position.market)
        lots = size_to_lots(position.size, scenario.markets[market].size_decimals)
        entry = position.entry or first_price(scenario, market)
        stakes.append(Stake(market, lots, entry, position.leverage or 0))
    isolated_to = None
    if account.isolated:
        (symbol,) = account.markets
        isolated_to = scenario.market_id(symbol)
    return Entrant(
        name=account.name,
        units=usdc_to_units(account.collateral_usd),
        isolated_to=isolated_to,
        stakes=tuple(stakes),
        orders=account.orders,
        trades_ppm=int(account.trades * PPM),
    )


def _drawn(group: Group, place: int, scenario: Scenario, preset: Preset, rng: Random) -> Entrant:
    symbols = group.markets or [market.symbol for market in scenario.markets]
    held = [symbols[(place + leg) % len(symbols)] for leg in range(group.legs)]
    markets = sorted(scenario.market_id(symbol) for symbol in held)
    collateral = _draw(group.collateral_usd, population.COLLATERAL_USD, rng).quantize(CENT)
    leverage = _draw(group.leverage, population.LEVERAGE, rng)
    long = place < (group.long_share * group.count).to_integral_value()
    isolated = rng.randrange(PPM) < group.isolated_share * PPM
    stops = rng.randrange(PPM) < group.stops * PPM
    part = _CONTEXT.divide(collateral, Decimal(len(markets)))
    stakes = [_stake(market, part, leverage, scenario, preset) for market in markets]
    return Entrant(
        name=f"{group.name}_{place + 1}",
        units=usdc_to_units(collateral),
        isolated_to=markets[0] if isolated else None,
        stakes=tuple(stake if long else replace(stake, lots=-stake.lots) for stake in stakes),
        trades_ppm=int(group.trades * PPM),
        stop_distance=group.stop_distance if stops else None,
    )


def _draw(drawn: Drawn, shape: population.Quantiles, rng: Random) -> Decimal:
    if drawn.shape == "uniform":
        return population.uniform(rng, drawn.at_least, drawn.at_most)
    return shape.draw(rng, drawn.at_least, drawn.at_most)


def _stake(
    market: int, collateral: Decimal, leverage: Decimal, scenario: Scenario, preset: Preset
) -> Stake:
    """Return a drawn trader's long position, cut to what margin and fee allow."""
    terms, entry = scenario.markets[market], first_price(scenario, market)
    chosen = min(int(leverage) + 1, terms.max_leverage_at(collateral * leverage))
    fee = Decimal(preset.trading.taker_fee_ppm) / PPM
    room = _CONTEXT.divide(collateral, _CONTEXT.divide(Decimal(1), Decimal(chosen)) + fee + SLACK)
    notional = max(min(collateral * leverage, room), LEAST_NOTIONAL)
    size = _CONTEXT.divide(notional, entry)
    return Stake(market, int(size.scaleb(terms.size_decimals)), entry, chosen)


def _net(entrants: Sequence[Entrant]) -> dict[int, int]:
    """Return market -> longs less shorts, lots."""
    net: dict[int, int] = defaultdict(int)
    for entrant in entrants:
        for stake in entrant.stakes:
            net[stake.market] += stake.lots
    return net


def _rationed(
    groups: list[list[Entrant]], told: dict[int, int], scenario: Scenario
) -> list[Entrant]:
    """Cut the heavier side of each market, the last group first, until it is even."""
    excess = _net([entrant for group in groups for entrant in group])
    for market, lots in told.items():
        excess[market] += lots
    cut = []
    for group in reversed(groups):
        kept = group
        for market, terms in enumerate(scenario.markets):
            kept = _cut(kept, market, excess, terms.size_decimals)
        cut.append(kept)
    return [entrant for group in reversed(cut) for entrant in group]


def _cut(
    group: list[Entrant], market: int, excess: dict[int, int], size_decimals: int
) -> list[Entrant]:
    """Take `excess[market]` out of a group's positions pro rata; leave there what could not be."""
    side = 1 if excess[market] > 0 else -1
    heavy = [
        (place, leg)
        for place, entrant in enumerate(group)
        for leg, stake in enumerate(entrant.stakes)
        if stake.market == market and stake.lots * side > 0
    ]
    whole = sum(abs(group[place].stakes[leg].lots) for place, leg in heavy)
    wanted = min(abs(excess[market]), whole)
    after = list(group)
    # The smallest first, so that what rounding and smallest orders leave over is the largest one's.
    for place, leg in sorted(heavy, key=lambda seat: abs(group[seat[0]].stakes[seat[1]].lots)):
        stake = group[place].stakes[leg]
        lots = abs(stake.lots)
        room = max(lots - _least_lots(stake, size_decimals), 0)
        taken = min(-(-lots * wanted // whole), room, abs(excess[market]))
        excess[market] -= side * taken
        after[place] = _with_lots(after[place], leg, side * (lots - taken))
    return after


def _with_lots(entrant: Entrant, leg: int, lots: int) -> Entrant:
    stakes = list(entrant.stakes)
    stakes[leg] = replace(stakes[leg], lots=lots)
    return replace(entrant, stakes=tuple(stakes))


def _least_lots(stake: Stake, size_decimals: int) -> int:
    """Return the lots that are worth LEAST_NOTIONAL."""
    return int(_CONTEXT.divide(LEAST_NOTIONAL, stake.entry).scaleb(size_decimals)) + 1
