"""Who enters a run, and with what."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import presets, scenario
from spillway.entrants import LEAST_NOTIONAL, Entrant, enter, first_price
from spillway.errors import BadInput
from spillway.units import lots_to_size, units_to_usdc
from tests.rng import seeded

if TYPE_CHECKING:
    from pathlib import Path

    from spillway.entrants import Stake
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


# --- many markets --------------------------------------------------------------------------------


def grouped(folder: Path, *groups: str) -> Scenario:
    """Twelve markets of `oct10_cross` with these groups; stakes of SOL are a fifth of others."""
    head, _, _ = scenario.find("oct10_cross").read_text().partition("[[population]]")
    head = head.replace('symbol = "BTC"', 'symbol = "BTC"\ncrowd = 800')
    head = head.replace('symbol = "SOL"', 'symbol = "SOL"\ncrowd = 190\nstake = 0.2')
    tail = 'vault = { depositors = [{ name = "depositor", amount_usd = 1_000 }] }\n'
    path = folder / "scenario.toml"
    path.write_text(tail + head + "".join(f"[[population]]\n{group}\n" for group in groups))
    return scenario.load(path)


SHORTS = """
name = "short"
count = 500
long_share = 0
picks = "crowd"
leverage = { shape = "uniform", at_least = 2, at_most = 2 }
collateral_usd = { shape = "uniform", at_least = 1_000, at_most = 1_000 }
"""
LONGS = """
name = "long"
count = 20
long_share = 1
balances = true
leverage = { shape = "uniform", at_least = 3, at_most = 3 }
collateral_usd = { shape = "uniform", at_least = 100, at_most = 900 }
"""


def notional(told: Scenario, stake: Stake) -> Decimal:
    return lots_to_size(stake.lots, told.markets[stake.market].size_decimals) * stake.entry


def test_the_crowd_picks_markets_by_chance_and_stakes_are_scaled(
    preset: Preset, tmp_path: Path
) -> None:
    told = grouped(tmp_path, SHORTS)
    entrants = enter(told, preset, seeded(told.seed))
    held = Counter(entrant.stakes[0].market for entrant in entrants)
    # Ten markets have one in a thousand each; six deviations are off by chance once in 10^9.
    for market, crowd in ((0, 800), (2, 190)):
        share = crowd / 1000
        assert abs(held[market] - 500 * share) < 6 * (500 * share * (1 - share)) ** 0.5
    assert {e.units for e in entrants if e.stakes[0].market == 0} == {1_000 * 10**6}
    assert {e.units for e in entrants if e.stakes[0].market == 2} == {200 * 10**6}


def test_a_stake_is_not_scaled_below_the_smallest_position(preset: Preset, tmp_path: Path) -> None:
    told = grouped(tmp_path, SHORTS)
    markets = tuple(m.model_copy(update={"stake": Decimal("0.001")}) for m in told.markets)
    for entrant in enter(told.model_copy(update={"markets": markets}), preset, seeded(1)):
        # 12 USD at leverage 2.
        assert entrant.units == 6 * 10**6
        assert -12 <= notional(told, entrant.stakes[0]) < -10


def test_a_group_may_leave_markets_out(preset: Preset, tmp_path: Path) -> None:
    told = grouped(tmp_path, SHORTS + 'without = ["BTC", "SOL"]')
    entrants = enter(told, preset, seeded(told.seed))
    held = {entrant.stakes[0].market for entrant in entrants}
    assert held == set(range(12)) - {0, 2}


def test_who_balances_takes_what_is_lacking_at_the_leverage_drawn(
    preset: Preset, tmp_path: Path
) -> None:
    told = grouped(tmp_path, SHORTS + 'markets = ["BTC", "SOL"]', LONGS)
    entrants = enter(told, preset, seeded(told.seed))
    shorts, longs = entrants[:500], entrants[500:]
    net: Counter[int] = Counter()
    for entrant in entrants:
        for stake in entrant.stakes:
            net[stake.market] += stake.lots
    assert set(net.values()) == {0}
    # In turn: two of the twenty in BTC, two in SOL; nobody is short elsewhere.
    assert [len(long.stakes) for long in longs] == [1, 0, 1, *[0] * 9, 1, 0, 1, *[0] * 5]
    assert {e.units for e in shorts} == {1_000 * 10**6, 200 * 10**6}
    for long in longs:
        for stake in long.stakes:
            leverage = notional(told, stake) / units_to_usdc(long.units)
            assert abs(leverage - 3) < Decimal("0.01")


def test_the_largest_come_first_where_too_little_is_lacking_for_all(
    preset: Preset, tmp_path: Path
) -> None:
    # 30 USD short of BTC: two positions of 12 USD or more, for the two who would have held most.
    one = SHORTS.replace("count = 500", "count = 1").replace("1_000", "15")
    told = grouped(tmp_path, one + 'markets = ["BTC"]', LONGS + 'markets = ["BTC"]')
    longs = enter(told, preset, seeded(told.seed))[1:]
    held = [notional(told, entrant.stakes[0]) for entrant in longs if entrant.stakes]
    assert len(held) == 2
    assert min(held) >= 11
    assert 29 < sum(held) <= 30


@pytest.mark.parametrize(
    ("group", "says"),
    [
        (LONGS.replace("= 1\n", "= 0.5\n"), r"long_share: found 0\.5, allowed: 0 or 1 with balanc"),
        (LONGS + 'without = ["XYZ"]', r"without\[0\]: found 'XYZ', allowed: a market of this"),
        (LONGS + 'without = ["BTC"]\nmarkets = ["SOL"]', r"without: .* nothing beside markets"),
        (LONGS + "legs = 8\n" + 'markets = ["SOL"]', r"legs: found 8, allowed: at most 1"),
    ],
)
def test_groups_that_can_not_be_are_refused(tmp_path: Path, group: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        grouped(tmp_path, group)
