"""JELLY: what the vault lost when all of it stood behind its liquidator, and what it loses now."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.units import price_to_usd, quote_to_usd
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

# The story's figures.
SHORT, HANDED_OVER = 430_300_000, 398_800_000
ENTRY, BOUGHT_AT, TAKEN_AT = Decimal("0.0095"), Decimal("0.0103"), Decimal("0.011282")
DEPOSITED, WITHDRAWN = 3_500_000, 2_760_000
VAULT, TOLD_LOSS = 230_000_000, 12_000_000
# 2.76M is told to three digits.
TOLD_TO = Decimal(5_000)
MAINTENANCE = 6  # leverage of 3: notional / 6
LONGS = ("attacker_long_1", "attacker_long_2", "bystander")


@pytest.fixture(scope="module")
def shared(tell: Callable[..., Story]) -> Story:
    return tell("jelly_2025", "hyperliquid_jelly")


@pytest.fixture(scope="module")
def isolated(tell: Callable[..., Story]) -> Story:
    return tell("jelly_2025", "hyperliquid")


@pytest.fixture(params=["shared", "isolated"])
def either(request: pytest.FixtureRequest) -> Story:
    story: Story = request.getfixturevalue(request.param)
    return story


def mark(story: Story, block: int = -1) -> Decimal:
    return price_to_usd(story.run.blocks[block].markets[0].mark, 0)


def left_over() -> Decimal:
    """Margin that is left at the takeover: what stays, less the loss on the lots bought back."""
    return DEPOSITED - WITHDRAWN - (SHORT - HANDED_OVER) * (BOUGHT_AT - ENTRY)


# --- how the short came to the vault -------------------------------------------------------------


def test_the_free_margin_is_withdrawn_while_the_price_is_pressed_down(either: Story) -> None:
    ((block, paid),) = happened(either.run, "Withdrawn")
    assert paid.account == either.account("attacker_short")
    assert paid.paid == WITHDRAWN * 10**6
    # Initial margin, a third of the notional, stays; at the entry price it would not have.
    low = mark(either, block)
    assert DEPOSITED - WITHDRAWN + SHORT * (ENTRY - low) >= SHORT * low / 3
    assert DEPOSITED - WITHDRAWN < SHORT * ENTRY / 3


def test_the_book_takes_what_the_story_says_and_the_vault_the_rest(either: Story) -> None:
    filled = [(e.filled, quote_to_usd(e.quote)) for _, e in happened(either.run, "BookEntered")]
    assert filled == [(SHORT - HANDED_OVER, (SHORT - HANDED_OVER) * BOUGHT_AT)]
    ((block, taken),) = happened(either.run, "BackstopEntered")
    assert taken.account == either.account("attacker_short")
    assert either.size(either.run.child, block=block) == -HANDED_OVER
    assert either.equity("attacker_short", block) == 0


def test_the_vault_has_the_short_at_the_price_that_was_told(either: Story) -> None:
    ((block, taken),) = happened(either.run, "BackstopEntered")
    effective = mark(either, block) + quote_to_usd(taken.equity) / HANDED_OVER
    assert abs(effective - TAKEN_AT) * HANDED_OVER <= TOLD_TO
    # The bankruptcy price of what was left, fees and funding aside.
    assert abs(effective - (ENTRY + left_over() / HANDED_OVER)) * HANDED_OVER <= 1_000


# --- collateral shared ---------------------------------------------------------------------------


def test_while_collateral_is_shared_auto_deleveraging_never_starts(shared: Story) -> None:
    assert shared.layers == {"book", "backstop"}
    assert list(happened(shared.run, "Deleveraged")) == []
    lowest = min(shared.equity(shared.run.child, block) for block in range(len(shared.seen)))
    top = max(mark(shared, block) for block in range(len(shared.seen)))
    assert top == Decimal("0.05")
    at_top = VAULT + left_over() - HANDED_OVER * (top - ENTRY)
    assert abs(lowest - at_top) <= TOLD_TO
    assert lowest > Decimal("0.9") * VAULT


def test_while_collateral_is_shared_the_vault_loses_what_was_told(shared: Story) -> None:
    loss = -shared.usd("vault", "pnl_usd")
    # The last price is told to three digits: half of its last one is 20,000 USD of this short.
    told_to = HANDED_OVER * Decimal("0.00005") + TOLD_TO
    assert abs(loss - TOLD_LOSS) <= told_to
    assert abs(loss - HANDED_OVER * (mark(shared) - TAKEN_AT)) <= TOLD_TO
    assert shared.size(shared.run.child) == -HANDED_OVER  # and it is still in it


# --- collateral isolated -------------------------------------------------------------------------


def test_with_an_isolated_liquidator_the_longs_are_deleveraged(isolated: Story) -> None:
    assert isolated.layers == {"book", "backstop", "adl"}
    winners = {fill.winner for _, fill in happened(isolated.run, "Deleveraged")}
    assert winners == {isolated.account(name) for name in LONGS}
    assert isolated.run.blocks[-1].markets[0].open_interest == 0
    assert isolated.size(isolated.run.child) == 0


def test_it_starts_where_the_liquidators_capital_is_used_up(isolated: Story) -> None:
    ((block, begun),) = happened(isolated.run, "ClosingBegun")
    capital = VAULT * Decimal("0.03")
    used_up = ENTRY + (capital + left_over()) / HANDED_OVER
    assert begun.account == isolated.run.child
    slack = Decimal(1_000) / HANDED_OVER  # fees and funding
    assert mark(isolated, block - 1) - slack <= used_up <= mark(isolated, block) + slack


def test_the_vault_loses_no_more_than_what_stood_behind_its_liquidator(
    isolated: Story, shared: Story
) -> None:
    ((block, _),) = happened(isolated.run, "ClosingBegun")
    capital = VAULT * Decimal("0.03")
    loss = -isolated.usd("vault", "pnl_usd")
    # Closed at the mark before: what one block moves the mark by is left to it.
    step = HANDED_OVER * (mark(isolated, block) - mark(isolated, block - 1))
    assert capital - step <= loss <= capital
    assert loss < -shared.usd("vault", "pnl_usd")
