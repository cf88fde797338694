"""From a scenario and a seed to the traders that the run begins with, each with what it holds."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from itertools import accumulate
from typing import TYPE_CHECKING

from spillway import population
from spillway.presets import PPM
from spillway.ticks import at_or_below
from spillway.units import lots_to_size, size_to_lots, usdc_to_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from spillway.presets import Preset
    from spillway.scenario import Account, Drawn, Group, Market, Order, Scenario

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


@dataclass(frozen=True, slots=True)
class _Draft:
    """A drawn trader before its positions are sized: `parts` is collateral, USD, by market."""

    name: str
    group: Group
    side: int  # 1 long, -1 short
    leverage: Decimal
    parts: Mapping[int, Decimal]
    isolated: bool
    stops: bool


def enter(scenario: Scenario, preset: Preset, rng: Random) -> list[Entrant]:
    """Return the explicit accounts, then those drawn.

    Groups that balance take what is lacking of their side once all others are there, in the order
    of the file. Then longs and shorts of a market are made as many lots as each other, or nearly:
    of the drawn positions the heavier side is cut, the last group of the file first and pro rata
    within a group. What is left over is the makers' to take.
    """
    told = [_told(account, scenario) for account in scenario.accounts]
    drafts = [_drafts(group, scenario, rng) for group in scenario.population]
    groups = [
        [] if group.balances else [_sized(draft, scenario, preset) for draft in drawn]
        for group, drawn in zip(scenario.population, drafts, strict=True)
    ]
    net = _net([*told, *(entrant for group in groups for entrant in group)])
    for place, group in enumerate(scenario.population):
        if group.balances:
            groups[place] = _balancing(drafts[place], net, scenario, preset)
            for market, lots in _net(groups[place]).items():
                net[market] += lots
    return [*told, *_rationed(groups, net, scenario)]


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


def _drafts(group: Group, scenario: Scenario, rng: Random) -> list[_Draft]:
    """Draw the traders of a group."""
    markets = scenario.markets_of(group)
    crowds = list(accumulate(scenario.markets[number].crowd for number in markets))
    drafts = []
    for place in range(group.count):
        if group.picks == "crowd":
            held = _picked(markets, crowds, group.legs, rng)
        else:
            held = [markets[(place + leg) % len(markets)] for leg in range(group.legs)]
        drafts.append(_draft(group, place, {n: scenario.markets[n] for n in sorted(held)}, rng))
    return drafts


def _draft(group: Group, place: int, held: Mapping[int, Market], rng: Random) -> _Draft:
    collateral = _draw(group.collateral_usd, population.COLLATERAL_USD, rng).quantize(CENT)
    leverage = _draw(group.leverage, population.LEVERAGE, rng)
    part = _CONTEXT.divide(collateral, Decimal(group.legs))
    return _Draft(
        name=f"{group.name}_{place + 1}",
        group=group,
        side=1 if place < (group.long_share * group.count).to_integral_value() else -1,
        leverage=leverage,
        parts={number: _part(part, leverage, market) for number, market in held.items()},
        isolated=rng.randrange(PPM) < group.isolated_share * PPM,
        stops=rng.randrange(PPM) < group.stops * PPM,
    )


def _picked(markets: Sequence[int], crowds: Sequence[int], count: int, rng: Random) -> list[int]:
    """Pick different markets, each as likely as its part of all crowds; `crowds` adds them up."""
    picked: list[int] = []
    while len(picked) < count:
        market = markets[bisect_right(crowds, rng.randrange(crowds[-1]))]
        if market not in picked:
            picked.append(market)
    return picked


def _part(part: Decimal, leverage: Decimal, market: Market) -> Decimal:
    """Scale collateral to a market's stakes, but not below what the smallest position asks for."""
    least = min(part, _CONTEXT.divide(LEAST_NOTIONAL, leverage))
    return max(_CONTEXT.multiply(part, market.stake), least)


def _sized(draft: _Draft, scenario: Scenario, preset: Preset) -> Entrant:
    """Turn all of a draft's collateral into positions at its leverage."""
    stakes = [
        _stake(market, part, draft.leverage, scenario, preset)
        for market, part in draft.parts.items()
    ]
    stakes = [replace(stake, lots=draft.side * stake.lots) for stake in stakes]
    return _entrant(draft, stakes, sum(draft.parts.values(), Decimal(0)))


def _balancing(
    drafts: Sequence[_Draft], net: Mapping[int, int], scenario: Scenario, preset: Preset
) -> list[Entrant]:
    """Share out what is lacking of the drafts' side, by what they would have liked to hold.

    Their collateral is what that asks for at their leverage. Where too little is lacking for all,
    the largest come first; who gets nothing in any of its markets has no position.
    """
    seats: dict[int, list[tuple[Decimal, int]]] = defaultdict(list)
    for place, draft in enumerate(drafts):
        for market, part in draft.parts.items():
            seats[market].append((_CONTEXT.multiply(part, draft.leverage), place))
    stakes: list[list[Stake]] = [[] for _ in drafts]
    for market, wishes in sorted(seats.items()):
        lacking = -drafts[0].side * net.get(market, 0)
        terms, entry = scenario.markets[market], first_price(scenario, market)
        least = _least_lots(entry, terms.size_decimals) - 1  # what a short of that size holds
        wishes.sort(key=lambda wish: (-wish[0], wish[1]))
        shares = _shared(lacking, [wish for wish, _ in wishes], least)
        for (_, place), lots in zip(wishes, shares, strict=False):
            notional = lots_to_size(lots, terms.size_decimals) * entry
            most = terms.max_leverage_at(notional)
            leverage = min(int(drafts[place].leverage) + 1, most)
            stakes[place].append(Stake(market, drafts[place].side * lots, entry, leverage))
    return [
        _entrant(draft, held, _collateral(held, draft.leverage, scenario, preset))
        for draft, held in zip(drafts, stakes, strict=True)
    ]


def _shared(lots: int, wishes: Sequence[Decimal], least: int) -> list[int]:
    """Share `lots` out by wishes, which fall; at least `least` each, to the first if need be."""
    count = max(min(len(wishes), lots // least), 0)
    whole = sum(wishes[:count], Decimal(0))
    spare = lots - count * least
    shares = [
        least + int(_CONTEXT.divide(_CONTEXT.multiply(Decimal(spare), wish), whole))
        for wish in wishes[:count]
    ]
    if shares:
        shares[0] += lots - sum(shares)
    return shares


def _collateral(
    stakes: Sequence[Stake], leverage: Decimal, scenario: Scenario, preset: Preset
) -> Decimal:
    """Return the collateral, USD, that positions ask for at a leverage; margin and fee at least."""
    total = CENT  # what rounding to cents may take
    for stake in stakes:
        size = lots_to_size(abs(stake.lots), scenario.markets[stake.market].size_decimals)
        of_notional = max(_CONTEXT.divide(Decimal(1), leverage), _asked(stake.leverage, preset))
        total += _CONTEXT.multiply(size * stake.entry, of_notional)
    return total


def _asked(chosen: int, preset: Preset) -> Decimal:
    """Return the part of a notional that margin at a chosen leverage and fees ask for."""
    fee = Decimal(preset.trading.taker_fee_ppm) / PPM
    return _CONTEXT.divide(Decimal(1), Decimal(chosen)) + fee + SLACK


def _entrant(draft: _Draft, stakes: Sequence[Stake], collateral: Decimal) -> Entrant:
    group = draft.group
    return Entrant(
        name=draft.name,
        units=usdc_to_units(collateral.quantize(CENT, ROUND_HALF_EVEN)),
        isolated_to=min(draft.parts) if draft.isolated else None,
        stakes=tuple(stakes),
        trades_ppm=int(group.trades * PPM),
        stop_distance=group.stop_distance if draft.stops else None,
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
    room = _CONTEXT.divide(collateral, _asked(chosen, preset))
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
    groups: Sequence[list[Entrant]], net: Mapping[int, int], scenario: Scenario
) -> list[Entrant]:
    """Cut the heavier side of each market, the last group first, until it is even."""
    excess = defaultdict(int, net)
    cut = []
    for group in reversed(groups):
        kept = list(group)
        for market, seats in sorted(_seats(group).items()):
            if excess[market]:
                _cut(kept, seats, market, excess, scenario)
        cut.append(kept)
    return [entrant for group in reversed(cut) for entrant in group]


def _seats(group: Sequence[Entrant]) -> dict[int, list[tuple[int, int]]]:
    """Return market -> (place in the group, place among its positions) of those who are in it."""
    seats: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, entrant in enumerate(group):
        for leg, stake in enumerate(entrant.stakes):
            seats[stake.market].append((place, leg))
    return seats


def _cut(
    group: list[Entrant],
    seats: Sequence[tuple[int, int]],
    market: int,
    excess: dict[int, int],
    scenario: Scenario,
) -> None:
    """Take `excess[market]` out of a group's positions pro rata; leave there what could not be."""
    side = 1 if excess[market] > 0 else -1
    heavy = [(n, leg) for n, leg in seats if group[n].stakes[leg].lots * side > 0]
    whole = sum(abs(group[place].stakes[leg].lots) for place, leg in heavy)
    wanted = min(abs(excess[market]), whole)
    # The smallest first, so that what rounding and smallest orders leave over is the largest one's.
    for place, leg in sorted(heavy, key=lambda seat: abs(group[seat[0]].stakes[seat[1]].lots)):
        stake = group[place].stakes[leg]
        lots = abs(stake.lots)
        least = _least_lots(stake.entry, scenario.markets[market].size_decimals)
        taken = min(-(-lots * wanted // whole), max(lots - least, 0), abs(excess[market]))
        excess[market] -= side * taken
        group[place] = _with_lots(group[place], leg, side * (lots - taken))


def _with_lots(entrant: Entrant, leg: int, lots: int) -> Entrant:
    stakes = list(entrant.stakes)
    stakes[leg] = replace(stakes[leg], lots=lots)
    return replace(entrant, stakes=tuple(stakes))


def _least_lots(entry: Decimal, size_decimals: int) -> int:
    """Return the lots that are worth LEAST_NOTIONAL."""
    return int(_CONTEXT.divide(LEAST_NOTIONAL, entry).scaleb(size_decimals)) + 1
