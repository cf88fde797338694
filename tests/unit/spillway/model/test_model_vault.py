"""The vault's arithmetic: what shares cost and what they are paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spillway.model.margin import QUOTE_PER_USD, Market, Tier
from spillway.model.pool import Pool, Refused, Update
from spillway.model.rounding import ceil_div
from spillway.model.vault import VIRTUAL_SHARES, Redemption, Vault, payment
from spillway.units import QUOTE_PER_UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

USD = QUOTE_PER_USD
UNITS = 10**6  # a USD
TRADER = 5


def vault(at_risk: int = 100_000, *depositors: str) -> Vault:
    """A vault without a lock, a million USD of each depositor, and a trader with as much."""
    pool = Pool()
    pool.list_market(Market((Tier(0, 20),), 0, 60, 10**9))
    parent, child = (pool.open_account("vault", protocol=True) for _ in range(2))
    pool.deposit(pool.open_account("trader"), 1_000_000 * UNITS)
    pool.now = 10**6
    held = Vault(pool, parent, child, at_risk=at_risk, lock=0)
    for owner in depositors:
        held.deposit(owner, 1_000_000 * UNITS)
    epoch(held)
    return held


def epoch(held: Vault, price: int = 100, seconds: int = 15) -> None:
    held.pool.mine(seconds)
    held.pool.advance([Update(0, price * USD, price * USD)])


def inherit(held: Vault, lots: int, price: int = 100) -> None:
    """The child takes a long over from the trader at a price."""
    held.pool.exchange(0, held.child, TRADER, lots, lots * price * USD)


def run(held: Vault, price: int = 100, rounds: int = 3) -> None:
    """Epochs in which everyone is paid whom the cash pays."""
    for _ in range(rounds):
        epoch(held, price)
        if held.asked.units:
            held.collect()
        if held.till and held.queue:
            held.settle(64)


def test_equal_deposits_get_equal_shares() -> None:
    held = vault(100_000, "first", "second")

    assert held.balances["first"] == 10**12 * VIRTUAL_SHARES
    assert 0 <= held.balances["first"] - held.balances["second"] <= 2 * VIRTUAL_SHARES


def test_who_runs_and_who_stays_bear_a_loss_alike() -> None:
    held = vault(100_000, "runs", "stays")
    held.top_up()
    inherit(held, 10_000)
    epoch(held, 92)  # 80,000 of the child's 200,000
    held.request_redemption("runs", held.balances["runs"])
    run(held, 92)

    assert 960_000 * UNITS - held.claimable["runs"] in range(3)
    assert 960_000 * USD - held.nav in range(-3 * QUOTE_PER_UNIT, 3 * QUOTE_PER_UNIT)


def test_who_runs_from_a_child_in_trouble_leaves_it_to_who_stays() -> None:
    held = vault(100_000, "runs", "stays")
    held.top_up()
    inherit(held, 20_000)  # 2,000,000 USD on 200,000
    epoch(held, 92)  # equity 40,000, maintenance 46,000
    assert held.in_trouble
    held.request_redemption("runs", held.balances["runs"])
    run(held, 92)
    epoch(held, 100)

    assert 900_000 * UNITS - held.claimable["runs"] in range(3)
    assert held.nav >= 1_100_000 * USD - 3 * QUOTE_PER_UNIT


def test_the_lower_of_two_prices_is_paid() -> None:
    for then, now, paid in ((100, 110, 2_000_000), (110, 100, 2_000_000), (100, 95, 1_950_000)):
        held = vault(100_000, "runs", "stays")
        held.top_up()
        inherit(held, 10_000)
        epoch(held, then)
        held.request_redemption("runs", held.balances["runs"])
        run(held, now)
        assert paid * UNITS // 2 - held.claimable["runs"] in range(3)


def test_everyone_may_leave_at_once() -> None:
    held = vault(100_000, "first", "second", "third")
    held.top_up()
    for owner in ("first", "second", "third"):
        held.request_redemption(owner, held.balances[owner])
    run(held)
    assert held.waiting
    held.skim()
    held.collect()
    run(held)

    assert not held.queue
    for owner in ("first", "second", "third"):
        assert 1_000_000 * UNITS - held.claimable[owner] in range(4)
    assert held.nav < 10 * QUOTE_PER_UNIT


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (Vault.skim, "vault: nothing to move"),
        (Vault.collect, "vault: nothing to collect"),
        (lambda held: held.settle(1), "vault: queue is empty"),
        (lambda held: held.claim("first"), "vault: nothing to claim"),
    ],
)
def test_a_refusal_changes_nothing(call: Callable[[Vault], object], reason: str) -> None:
    held = vault(100_000, "first")
    before = held.copy()
    with pytest.raises(Refused, match=reason):
        call(held)
    assert held == before


quotes = st.integers(0, 2**111)
supplies = st.integers(0, 2**140).map(lambda shares: shares + VIRTUAL_SHARES)


@given(quotes, supplies, quotes, supplies, st.integers(1, 2**140), st.integers(1, 2**63))
def test_a_payment_is_never_worth_more_than_its_shares(
    assets_then: int, total_then: int, assets: int, total: int, shares: int, cash: int
) -> None:
    assume(shares < min(total_then, total))
    request = Redemption("owner", 1, shares, assets_then, total_then)

    redeemed, units = payment(request, assets, total, cash)

    assert 0 <= redeemed <= shares
    assert 0 <= units <= cash
    quote = units * QUOTE_PER_UNIT
    assert quote * total <= redeemed * assets
    assert quote * total_then <= redeemed * assets_then
    # Whoever stays has no less a share than before.
    assert (assets - quote) * total >= assets * (total - redeemed)


@given(quotes, supplies, st.integers(1, 2**140), st.integers(1, 2**63))
def test_all_is_paid_that_the_cash_allows(assets: int, total: int, shares: int, cash: int) -> None:
    assume(shares < total)
    request = Redemption("owner", 1, shares, assets, total)
    worth = shares * assets // total // QUOTE_PER_UNIT

    redeemed, units = payment(request, assets, total, cash)

    assert units == min(worth, cash)
    if worth <= cash:
        assert redeemed == shares
    else:
        assert redeemed == ceil_div(cash * QUOTE_PER_UNIT * total, assets)


@given(st.lists(st.integers(10**7, 10**13), min_size=2, max_size=5), st.data())
def test_deposits_and_redemptions_at_a_standing_value_earn_nothing(
    amounts: list[int], data: st.DataObject
) -> None:
    held = vault()
    for number, units in enumerate(amounts):
        held.deposit(str(number), units)
    for number in data.draw(st.permutations(range(len(amounts)))):
        held.request_redemption(str(number), held.balances[str(number)])
    run(held)

    for number, units in enumerate(amounts):
        assert 0 <= units - held.claimable[str(number)] <= 2 + len(amounts)
