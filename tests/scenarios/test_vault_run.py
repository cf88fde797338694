"""A run on the vault while its liquidator is in trouble: possible, and safe for who stays."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.units import quote_to_usd, units_to_usdc
from tests.runs import happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.conftest import Story

SHARES = {"early": 300_000, "runner": 500_000, "stayer": 200_000}  # bought at 1 USD
CAPITAL = 30_000
SIZE, TAKEN_AT, TROUGH, END = 8, 90_700, 87_000, 95_000
SEIZED = 80_000 - SIZE * (100_000 - TAKEN_AT)
RUN = 15  # the block of it
DUST = Decimal("0.000001")  # USD: a unit of collateral, rounded down
# The virtual shares hold a unit's worth of the vault; their part grows with the price of a share.
VIRTUAL = Decimal("0.00001")


@pytest.fixture(scope="module")
def story(tell: Callable[..., Story]) -> Story:
    return tell("vault_run")


@pytest.fixture(scope="module")
def calm(tell: Callable[..., Story]) -> Story:
    return tell("vault_run", without="redeem")


def paid(story: Story) -> dict[str, Decimal]:
    names = {member.owner: member.name for member in story.run.roster.depositors}
    return {
        names[e.depositor]: units_to_usdc(e.units) for _, e in happened(story.run, "SharesRedeemed")
    }


def test_the_liquidator_is_in_trouble_when_the_run_comes(story: Story) -> None:
    assert SEIZED == 5_600
    child = story.run.child
    assert story.equity(child, RUN) == CAPITAL + SEIZED - SIZE * (TAKEN_AT - TROUGH) == 6_000
    maintenance = SIZE * TROUGH / Decimal(80)
    assert 0 < story.equity(child, RUN) < maintenance
    assert story.layers == {"book", "backstop"}


def test_nobody_is_refused_and_all_are_redeemed_in_the_next_block(story: Story) -> None:
    assert [block for block, _ in happened(story.run, "RedemptionRequested")] == [1, RUN]
    # Redeemed in the first epoch after the request; claimed once the vault says that it owes it.
    assert [block for block, _ in happened(story.run, "SharesRedeemed")] == [2, RUN + 1]
    assert [block for block, _ in happened(story.run, "Claimed")] == [3, RUN + 2]
    assert all(receipt.success for block in story.run.blocks for receipt in block.receipts)


def test_who_left_before_is_paid_in_full(story: Story) -> None:
    assert SHARES["early"] - paid(story)["early"] <= DUST


def test_who_runs_is_paid_as_if_the_liquidator_had_nothing(story: Story) -> None:
    cash = sum(SHARES.values()) - CAPITAL - SHARES["early"]
    worth = Decimal(cash) * SHARES["runner"] / (SHARES["runner"] + SHARES["stayer"])
    assert abs(paid(story)["runner"] - worth) <= VIRTUAL
    assert paid(story)["runner"] < SHARES["runner"]


def test_the_liquidator_is_the_same_with_and_without_a_run(story: Story, calm: Story) -> None:
    child = story.run.child
    for block in range(len(story.seen)):
        assert story.equity(child, block) == calm.equity(child, block)
    assert list(happened(story.run, "ToppedUp")) == []


def test_who_stays_has_what_the_runners_left_behind(story: Story, calm: Story) -> None:
    won = SEIZED + SIZE * (END - TAKEN_AT)
    shares = sum(SHARES.values())
    in_calm = Decimal(SHARES["stayer"]) * (shares + won) / shares
    assert quote_to_usd(calm.run.blocks[-1].vault_equity) == shares + won
    after_run = quote_to_usd(story.run.blocks[-1].vault_equity)
    assert after_run == shares + won - sum(paid(story).values())
    assert after_run > in_calm
    assert story.usd("vault", "pnl_usd") == calm.usd("vault", "pnl_usd") == won
