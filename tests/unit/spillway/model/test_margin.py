"""Tiers, maintenance, initial margin, equity and the liquidation price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model import margin
from spillway.model.margin import QUOTE_PER_USD, Market, Tier
from spillway.model.words import Account, Leg

USD = QUOTE_PER_USD

# Listed schedules: bound in USD, maximum leverage below and above it.
BTC = (Tier(0, 40), Tier(150_000_000, 20))
ETH = (Tier(0, 25), Tier(100_000_000, 15))
SOL = (Tier(0, 20), Tier(70_000_000, 10))
ALT = (Tier(0, 10), Tier(3_000_000, 5))
FIVE = (Tier(0, 50), Tier(1, 20), Tier(10, 10), Tier(1_000, 3), Tier(10**6, 1))
SCHEDULES = (BTC, ETH, SOL, ALT, FIVE)


def market(tiers: tuple[Tier, ...] = BTC, mark: int = USD, funding: int = 0) -> Market:
    return Market(tiers, 5, 60, 2**54 - 1, mark=mark, funding=funding, updated_at=0)


def exact_maintenance(tiers: tuple[Tier, ...], notional: int) -> Fraction:
    """Notional * rate - deduction of the tier, deductions built up tier by tier."""
    rate, deduction = Fraction(1, 2 * tiers[0].max_leverage), Fraction(0)
    for tier in tiers[1:]:
        if notional < tier.lower_bound * USD:
            break
        steeper = Fraction(1, 2 * tier.max_leverage)
        deduction += tier.lower_bound * USD * (steeper - rate)
        rate = steeper
    return notional * rate - deduction


# --- tiers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tiers", SCHEDULES)
def test_maintenance_is_continuous_at_every_bound(tiers: tuple[Tier, ...]) -> None:
    for place, tier in enumerate(tiers[1:], 1):
        bound = tier.lower_bound * USD
        from_below = exact_maintenance(tiers[:place], bound)
        assert exact_maintenance(tiers, bound) == from_below
        assert margin.maintenance(tiers, bound) == margin.maintenance(tiers[:place], bound)
        assert margin.maintenance(tiers, bound) - margin.maintenance(tiers, bound - 1) in (0, 1)
        assert margin.maintenance(tiers, bound + 1) - margin.maintenance(tiers, bound) == 1


@given(st.sampled_from(SCHEDULES), st.integers(0, 10**10 * USD))
def test_maintenance_is_rate_minus_deduction_rounded_up(
    tiers: tuple[Tier, ...], notional: int
) -> None:
    held = margin.maintenance(tiers, notional)
    assert 0 <= held - exact_maintenance(tiers, notional) < len(tiers)


def test_maintenance_of_200_million_in_btc() -> None:
    # 150M at 1/80 and 50M at 1/40.
    assert margin.maintenance(BTC, 200_000_000 * USD) == (1_875_000 + 1_250_000) * USD


@pytest.mark.parametrize(
    ("notional", "leverage"),
    [(0, 40), (150_000_000 * USD, 40), (150_000_000 * USD + 1, 20), (10**12 * USD, 20)],
)
def test_a_bound_is_in_the_tier_below_it(notional: int, leverage: int) -> None:
    assert margin.max_leverage(BTC, notional) == leverage


@pytest.mark.parametrize(("worst", "chosen", "owed"), [(101, 10, 11), (100, 10, 10), (101, 0, 3)])
def test_initial_margin_is_rounded_up_at_the_chosen_leverage(
    worst: int, chosen: int, owed: int
) -> None:
    assert margin.initial(market(), worst, chosen) == owed


@pytest.mark.parametrize(("chosen", "owed"), [(0, 11), (40, 11), (10, 11), (5, 21)])
def test_where_levers_have_tightened_a_choice_counts_for_no_more_than_is_allowed(
    chosen: int, owed: int
) -> None:
    tightened = replace(market(), entry=(Tier(0, 10), Tier(150_000_000, 5)))
    assert margin.initial(tightened, 101, chosen) == owed


@pytest.mark.parametrize("tiers", SCHEDULES)
def test_a_schedule_is_packed_and_read_back(tiers: tuple[Tier, ...]) -> None:
    word = margin.packed(tiers, 60)
    assert margin.tiers_of(word) == tiers
    assert word >> 240 == 60


@pytest.mark.parametrize(
    ("leg", "worst"),
    [
        (Leg(size=5, bids=3, asks=2), 8),
        (Leg(size=5, asks=11), 6),
        (Leg(size=-5, bids=3), 5),
        (Leg(size=-5, asks=1, bids=12), 7),
        (Leg(bids=4, asks=6), 6),
    ],
)
def test_the_worst_case_is_the_larger_side(leg: Leg, worst: int) -> None:
    assert margin.worst_lots(leg) == worst


# --- equity --------------------------------------------------------------------------------------


def test_equity_is_quote_plus_value_after_funding_and_charges() -> None:
    markets = [
        replace(market(mark=100, funding=7), long_charge=2, short_charge=3),
        replace(market(mark=50, funding=-4), long_charge=5, short_charge=1),
    ]
    account = Account(3, 1_000, 0, {0: Leg(size=10), 1: Leg(size=-6)})
    quote = 1_000 - (10 * 7 + 10 * 2) - (-6 * -4 + 6 * 1)
    assert margin.quote(account, markets) == quote
    assert margin.equity(account, markets) == quote + 10 * 100 - 6 * 50


def test_health_counts_legs_that_are_stale() -> None:
    markets = [market(mark=100), replace(market(mark=50), updated_at=1_000)]
    account = Account(3, 0, 0, {0: Leg(bids=4), 1: Leg(size=-6)})
    health = margin.health(account, markets, now=1_000)
    assert (health.notional, health.stale_notional, health.legs) == (300, 1, 0b11)
    assert health.initial == 10 + 8  # ceil(400 / 40), ceil(300 / 40)
    assert health.maintenance == 4  # ceil(300 / 80)


@pytest.mark.parametrize(("equity", "answer"), [(12, False), (13, False), (11, True)])
def test_liquidatable_is_strictly_below_maintenance(equity: int, answer: bool) -> None:
    markets = [market(mark=1)]
    account = Account(3, equity - 960, 0, {0: Leg(size=960)})
    assert margin.account_maintenance(account, markets) == 12
    assert margin.liquidatable(account, markets) is answer


# --- liquidation price ---------------------------------------------------------------------------


def test_liquidation_price_uses_the_tier_at_the_resulting_price() -> None:
    # Long 2,000 BTC at 100,000 with equity 60M: above the bound at mark, below it when liquidated.
    lots, mark = 2_000 * 10**5, 100_000 * USD // 10**5
    account = Account(3, 60_000_000 * USD - lots * mark, 0, {0: Leg(size=lots)})
    price = margin.liquidation_price(account, 0, [market(mark=mark)])
    assert price is not None
    shown = Decimal(price * 10**5).scaleb(-18).quantize(Decimal("0.01"))
    assert shown == Decimal("70886.08")
    assert price * 10**5 == pytest.approx(Fraction(140_000_000 * USD, 1_975), abs=10**5)


@given(
    tiers=st.sampled_from(SCHEDULES),
    lots=st.integers(1, 10**9),
    long=st.booleans(),
    mark=st.integers(10**6, 10**15),
    cushion=st.integers(-(10**6), 10**6),
    other=st.integers(-(10**9), 10**9),
)
def test_liquidation_price_puts_equity_on_maintenance(
    *, tiers: tuple[Tier, ...], lots: int, long: bool, mark: int, cushion: int, other: int
) -> None:
    size = lots if long else -lots
    markets = [market(tiers, mark), market(BTC, 10**9)]
    legs = {0: Leg(size=size), 1: Leg(size=other)} if other else {0: Leg(size=size)}
    stored = lots * mark * cushion // 10**6 - size * mark - other * 10**9
    account = Account(3, stored, 0, legs)

    def safe(price: int) -> bool:
        markets[0] = replace(markets[0], mark=price)
        return not margin.liquidatable(account, markets)

    price = margin.liquidation_price(account, 0, markets)
    if price is None:
        assert safe(0) if long else not safe(1)
    else:
        assert safe(price)
        assert not safe(price - 1 if long else price + 1)


def test_a_long_backed_by_cash_alone_has_no_liquidation_price() -> None:
    account = Account(3, 1, 0, {0: Leg(size=5)})
    assert margin.liquidation_price(account, 0, [market(mark=10)]) is None
