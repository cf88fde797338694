"""The margin schedule: marginal rates, continuous at every bound; leverage falls beyond a bound."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import MARK, START, USD, Stand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.engines import Address

Tiers = tuple[tuple[int, int], ...]

FIVE: Tiers = ((0, 50), (1_000, 20), (5_000, 10), (20_000, 5), (100_000, 3))
BTC: Tiers = ((0, 40), (150_000_000, 20))
HUGE = 10**9  # USD, what the two holders have


def by_rate_and_deduction(tiers: Tiers, notional: int, tier: int) -> Fraction:
    """Maintenance as exchanges write it: notional * rate - deduction, of the tier given."""
    rates = [Fraction(1, 2 * leverage) for _, leverage in tiers]
    deduction = Fraction(0)
    for place in range(1, tier + 1):
        deduction += tiers[place][0] * USD * (rates[place] - rates[place - 1])
    return notional * rates[tier] - deduction


def tier_of(tiers: Tiers, notional: int) -> int:
    """The tier of a notional; a bound is in the tier below it."""
    return max(
        place for place, (bound, _) in enumerate(tiers) if place == 0 or notional > bound * USD
    )


class Holders:
    """A long and a short of one lot in a market of its own, whose mark is then their notional."""

    def __init__(
        self, stand: Stand, tiers: Tiers, owners: Sequence[Address], lots: int = 1
    ) -> None:
        self.stand = stand
        self.market = stand.list_market(tiers=tiers)
        self.long, self.short = (stand.open(owner, HUGE) for owner in owners)
        self.at(USD)
        stand.trade(self.long, self.short, lots, 1, self.market)

    def at(self, mark: int) -> None:
        self.stand.post((self.market, mark, mark, 0))

    def maintenance(self, account: int) -> int:
        maintenance: int = self.stand.pool.call.position(account, self.market).maintenance
        assert self.stand.pool.call.health(account).maintenance == maintenance
        return maintenance

    def initial(self, account: int) -> int:
        initial: int = self.stand.pool.call.health(account).initial
        return initial


@pytest.fixture
def holders(stand: Stand, trader: Address, maker: Address) -> Holders:
    return Holders(stand, FIVE, (trader, maker))


@pytest.mark.parametrize("tier", range(1, len(FIVE)))
def test_maintenance_is_continuous_at_each_bound(holders: Holders, tier: int) -> None:
    bound = FIVE[tier][0] * USD
    assert by_rate_and_deduction(FIVE, bound, tier) == by_rate_and_deduction(FIVE, bound, tier - 1)

    for account in (holders.long, holders.short):
        found = []
        for notional in (bound - 1, bound, bound + 1):
            holders.at(notional)
            found.append(holders.maintenance(account))
        assert found[1] == by_rate_and_deduction(FIVE, bound, tier)
        # One quote of notional more needs less than one quote of margin more, rounded up.
        assert found[1] - found[0] in {0, 1}
        assert found[2] - found[1] == 1


@pytest.mark.parametrize(
    "notional",
    [1, 7 * USD // 3, 999 * USD, 1_234 * USD + 1, 19_999 * USD + 12_345, 10**6 * USD + 98_765],
)
def test_maintenance_is_rate_and_deduction_rounded_up_tier_by_tier(
    holders: Holders, notional: int
) -> None:
    holders.at(notional)

    tier = tier_of(FIVE, notional)
    exact = by_rate_and_deduction(FIVE, notional, tier)
    assert ceil(exact) <= holders.maintenance(holders.long) <= exact + tier + 1
    assert holders.maintenance(holders.long) == holders.maintenance(holders.short)


@pytest.mark.parametrize("tier", range(len(FIVE)))
def test_initial_margin_is_that_of_the_highest_leverage_of_the_tier(
    holders: Holders, tier: int
) -> None:
    bound, leverage = FIVE[tier]
    notional = bound * USD + 1
    holders.at(notional)
    assert holders.initial(holders.long) == -(-notional // leverage)

    if tier:
        below = FIVE[tier - 1][1]
        holders.at(notional - 1)
        assert holders.initial(holders.long) == -(-(notional - 1) // below)


@pytest.mark.parametrize("tier", range(len(FIVE)))
def test_no_leverage_above_that_of_the_tier_may_be_chosen(
    holders: Holders, trader: Address, tier: int
) -> None:
    bound, leverage = FIVE[tier]
    holders.at(bound * USD + 1)
    choose = holders.stand.pool.transact.set_leverage

    with refused("pool: leverage not allowed"):
        choose(holders.long, holders.market, leverage + 1, sender=trader)
    choose(holders.long, holders.market, leverage, sender=trader)


def test_margin_of_many_lots_by_the_schedule_of_btc(
    stand: Stand, trader: Address, maker: Address
) -> None:
    holders = Holders(stand, BTC, (trader, maker), lots=2_000)

    holders.at(75_000 * USD)  # 150M: the bound itself, all of it at 1 / 80
    assert holders.maintenance(holders.long) == 150_000_000 * USD // 80
    assert holders.initial(holders.long) == 150_000_000 * USD // 40
    holders.at(100_000 * USD)  # 200M: 150M at 1 / 80, 50M at 1 / 40
    assert holders.maintenance(holders.long) == (150_000_000 // 80 + 50_000_000 // 40) * USD
    assert holders.initial(holders.long) == 200_000_000 * USD // 20


def test_margin_is_rounded_up_leg_by_leg(stand: Stand, trader: Address, maker: Address) -> None:
    second = stand.list_market()
    long, short = stand.open(trader, 1_000), stand.open(maker, 1_000)
    odd = MARK + 1
    stand.post((0, odd, odd, 0), (second, odd, odd, 0))
    for market in (0, second):
        stand.trade(long, short, 1, START, market)

    health = stand.pool.call.health(long)
    assert health.maintenance == 2 * -(-odd // 20)
    assert health.initial == 2 * -(-odd // 10)
    assert health.notional == 2 * odd
