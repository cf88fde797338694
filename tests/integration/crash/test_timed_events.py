"""Timed events on a chain: who is told to do something does it, at its block, and nobody else."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spillway import crash, engines, presets, scenario, tables
from tests.chains import FASTEST
from tests.runs import account, happened, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.crash import Run

    Play = Callable[..., Run]

VIRTUAL_SHARES = 10**6  # of the vault: nobody's
BUY = {"what": "order", "who": "saver", "market": "BTC", "side": "buy"}


@pytest.fixture(scope="session")
def play(artifacts: Artifacts) -> Play:
    """Run `thin` with other events."""

    def run(*events: dict[str, Any], blocks: int = 4) -> Run:
        path = scenario.find("thin")
        data = tables.read(path, scenario.Scenario).model_dump(exclude_none=True)
        data["events"] = events
        data["clock"]["blocks"] = blocks
        told = tables.shaped(data, scenario.Scenario, "thin")
        scenario.check(told, "thin")
        preset = presets.load(presets.find("hyperliquid"))
        with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
            result = crash.run(chain, artifacts, told, preset)
        assert result.findings == []
        return result

    return run


def test_a_deposit_and_a_withdrawal_are_what_was_told(play: Play) -> None:
    run = play(
        {"at": 1, "what": "deposit", "who": "saver", "amount_usd": 250},
        {"at": 2, "what": "withdraw", "who": "saver", "amount_usd": 100},
    )
    saver = account(run, "saver")
    paid_in = [(at, e.units) for at, e in happened(run, "Deposited")]
    assert paid_in == [(1, 250_000_000)]
    paid_out = [(at, e.account, e.paid) for at, e in happened(run, "Withdrawn")]
    assert paid_out == [(3, saver, 100_000_000)]  # asked for in block 2, paid in the next epoch


def test_a_market_order_trades_at_its_block(play: Play) -> None:
    run = play({"at": 1, **BUY, "kind": "market", "size": Decimal("0.01")})
    saver = account(run, "saver")
    bought = [(at, e.lots) for at, e in happened(run, "Filled") if e.taker == saver]
    assert {at for at, _ in bought} == {1}
    assert sum(lots for _, lots in bought) == 1_000
    assert run.now.accounts[saver].legs[0].size == 1_000


def test_a_limit_order_rests_until_it_is_cancelled(play: Play) -> None:
    rest = {"at": 1, **BUY, "kind": "post_only", "price": 95_000, "size": Decimal("0.01")}
    saver = account(standing := play(rest), "saver")
    assert standing.now.accounts[saver].legs[0].bids == 1_000
    cancelled = play(rest, {"at": 2, "what": "cancel", "who": "saver"})
    assert 0 not in cancelled.now.accounts[saver].legs
    removed = [at for at, e in happened(cancelled, "Removed") if e.account == saver]
    assert removed == [2]


def test_a_stop_is_placed_on_the_side_that_its_kind_says(play: Play) -> None:
    stop = {"at": 0, "what": "order", "who": "short_5x", "market": "BTC", "size": 1}
    run = play(
        {**stop, "side": "buy", "kind": "stop", "price": 101_000},
        {**stop, "side": "buy", "kind": "take_profit", "price": 99_000},
        blocks=1,
    )
    placed = [e for _, e in happened(run, "StopPlaced")]
    assert [(e.is_bid, e.above) for e in placed] == [(True, True), (True, False)]


def test_closing_offers_the_whole_position_and_no_more(play: Play) -> None:
    run = play({"at": 1, "what": "close", "who": "long_10x"})
    assert 0 not in run.now.accounts[account(run, "long_10x")].legs
    ((at, receipt),) = sent(run, "place")[:1]
    assert at == 1
    assert receipt.success


def test_a_group_is_told_as_one(play: Play) -> None:
    run = play({"at": 1, "what": "deposit", "who": "crowd", "amount_usd": 5})
    named = [run.roster.accounts[e.account].name for _, e in happened(run, "Deposited")]
    assert named == [f"crowd_{place}" for place in range(1, 9)]


def test_without_an_amount_all_shares_are_redeemed(play: Play) -> None:
    run = play({"at": 1, "what": "redeem", "who": "depositor"})
    ((at, asked),) = happened(run, "RedemptionRequested")
    assert at == 1
    assert asked.shares == asked.shares_total - VIRTUAL_SHARES
    # 3 % of it stands behind the child, and stays in the queue until that is free again.
    ((_, redeemed),) = happened(run, "SharesRedeemed")
    assert redeemed.units == 970_000 * 10**6


def test_who_is_cut_off_acts_as_soon_as_they_are_back(play: Play) -> None:
    run = play(
        {"at": 1, "what": "outage", "who": "traders", "until": 3},
        {"at": 2, "what": "deposit", "who": "saver", "amount_usd": 5},
        {"at": 1, "what": "redeem", "who": "depositor", "amount_usd": 100},
    )
    assert [at for at, _ in happened(run, "Deposited")] == [3]
    assert [at for at, _ in happened(run, "RedemptionRequested")] == [1]


def test_traders_who_are_cut_off_send_nothing_and_all_others_go_on(play: Play) -> None:
    run = play({"at": 0, "what": "outage", "who": "traders"}, blocks=8)
    assert sent(run, "place") == []
    assert len(sent(run, "update")) == 8
    assert sent(run, "requote")
    assert sent(run, "liquidate")


def test_makers_who_are_cut_off_leave_their_quotes_behind(play: Play) -> None:
    run = play({"at": 1, "what": "outage", "who": "makers"})
    assert {at for at, _ in sent(run, "requote")} == {0}
    maker = run.roster.makers[0].account
    assert run.now.accounts[maker].legs[0].bids


def test_makers_who_leave_take_their_quotes_away(play: Play) -> None:
    run = play({"at": 1, "what": "leave", "who": "makers"})
    assert {at for at, _ in sent(run, "requote")} == {0, 1}
    maker = run.roster.makers[0].account
    legs = run.now.accounts[maker].legs
    assert 0 not in legs or legs[0].bids == legs[0].asks == 0


def test_without_reporters_and_keepers_nobody_posts_and_nobody_is_liquidated(play: Play) -> None:
    run = play(
        {"at": 2, "what": "outage", "who": "reporters"},
        {"at": 0, "what": "outage", "who": "keepers"},
        blocks=8,
    )
    assert {at for at, _ in sent(run, "post")} == {0, 1}
    assert {at for at, _ in sent(run, "update")} == {0, 1}
    for function in ("liquidate", "deleverage", "shed", "trigger"):
        assert sent(run, function) == []
