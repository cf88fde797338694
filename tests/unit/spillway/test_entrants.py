"""Who enters a run, and with what."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import presets, scenario
from spillway.entrants import LEAST_NOTIONAL, Entrant, enter, first_price
from spillway.units import lots_to_size, units_to_usdc
from tests.rng import seeded

if TYPE_CHECKING:
    from spillway.presets import Preset
    from spillway.scenario import Scenario


@pytest.fixture(scope="module")
def preset() -> Preset:
    return presets.load(presets.find("hyperliquid"))


@pytest.fixture(scope="module")
def crash() -> Scenario:
    return scenario.load(scenario.find("oct10_btc"))


@pytest.fixture(scope="module")
def entrants(crash: Scenario, preset: Preset) -> list[Entrant]:
    return enter(crash, preset, seeded(crash.seed))


def test_longs_and_shorts_are_as_many_lots(entrants: list[Entrant]) -> None:
    assert sum(stake.lots for entrant in entrants for stake in entrant.stakes) == 0


def test_at_least_sixty_trade_and_both_sides_do(entrants: list[Entrant]) -> None:
    lots = [stake.lots for entrant in entrants for stake in entrant.stakes]
    assert len(lots) >= 60
    assert sum(n > 0 for n in lots) >= 20
    assert sum(n < 0 for n in lots) >= 20


def test_everyone_covers_margin_and_fee(
    entrants: list[Entrant], crash: Scenario, preset: Preset
) -> None:
    price = first_price(crash, 0)
    for entrant in entrants:
        for stake in entrant.stakes:
            notional = abs(lots_to_size(stake.lots, 5)) * price
            fee = notional * preset.trading.taker_fee_ppm / 10**6
            margin = notional / (stake.leverage or 40)
            assert notional >= LEAST_NOTIONAL * Decimal("0.99")
            assert margin + fee <= units_to_usdc(entrant.units)


def test_the_last_group_of_the_heavier_side_gives_way_first(
    entrants: list[Entrant], crash: Scenario
) -> None:
    # More short than long was drawn: the hedgers, who come last, are cut, and nobody else.
    for entrant in entrants:
        if entrant.name.startswith("levered_short"):
            (stake,) = entrant.stakes
            notional = abs(lots_to_size(stake.lots, 5)) * stake.entry
            assert notional / units_to_usdc(entrant.units) > 4 - Decimal("0.01")
    hedgers = next(group for group in crash.population if group.name == "hedger")
    leverage = [
        abs(lots_to_size(e.stakes[0].lots, 5)) * e.stakes[0].entry / units_to_usdc(e.units)
        for e in entrants
        if e.name.startswith("hedger")
    ]
    assert min(leverage) < hedgers.leverage.at_least


def test_the_same_seed_lets_the_same_people_in(crash: Scenario, preset: Preset) -> None:
    first, again, other = (enter(crash, preset, seeded(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_explicit_accounts_enter_as_they_are_told(preset: Preset) -> None:
    told = scenario.load(scenario.find("thin"))
    by_name = {entrant.name: entrant for entrant in enter(told, preset, seeded(1))}
    long = by_name["long_20x"]
    assert (long.units, long.isolated_to) == (10_000 * 10**6, 0)
    assert [(s.market, s.lots, s.entry, s.leverage) for s in long.stakes] == [
        (0, 200_000, Decimal(100_000), 25)
    ]
    assert by_name["saver"].stakes == ()


def test_drawn_accounts_may_hold_several_markets_and_each_market_is_even(preset: Preset) -> None:
    told = scenario.load(scenario.find("oct10_cross"))
    entrants = enter(told, preset, seeded(told.seed))
    net = [0] * len(told.markets)
    for entrant in entrants:
        markets = [stake.market for stake in entrant.stakes]
        assert markets == sorted(set(markets))
        assert len({stake.lots > 0 for stake in entrant.stakes}) == 1
        for stake in entrant.stakes:
            net[stake.market] += stake.lots
    assert sorted({len(entrant.stakes) for entrant in entrants}) == [2, 4, 6]
    # What a heavier side can't give up without going below the smallest position is left over.
    for market, lots in enumerate(net):
        price = first_price(told, market)
        left = abs(lots_to_size(lots, told.markets[market].size_decimals)) * price
        assert left <= LEAST_NOTIONAL * len(entrants)
