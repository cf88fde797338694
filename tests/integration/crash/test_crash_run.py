"""A run from end to end: what happens in it, that it repeats, that it stops where it must."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from spillway import crash, engines, invariants, metrics, presets, scenario
from spillway.actors import closings, rankings
from spillway.actors.keeper import Keeper
from spillway.crash import unexplained
from spillway.invariants import Finding
from spillway.model.words import DEFICIT
from spillway.units import usd_to_price
from tests.chains import FASTEST, OTHERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from spillway.actors.view import View
    from spillway.build import Artifacts
    from spillway.crash import Run
    from spillway.engines import Call, Receipt
    from spillway.invariants import Flows, Snapshot

ORDER = (
    "Oracle.post",
    "Oracle.update",
    "OrderBook.requote",
    "Liquidator.liquidate",
    "Adl.deleverage",
    "Vault.shed",
    "OrderBook.trigger",
    "OrderBook.place",
    "Custody.withdraw",
    "Custody.request_withdrawal",
)


def test_it_ends_solvent_with_every_layer_entered(thin: Run) -> None:
    summary = metrics.summary(thin)
    assert summary["solvent"]
    assert summary["conservation"] == {"BTC": 0, "quote_minus_custody": 0}
    assert summary["flat_accounts_loss_usd"] == "0"
    for layer in ("book", "backstop", "adl"):
        assert summary["layers"][layer]["count"] > 0, layer


def test_each_block_of_the_clock_is_one_block_of_the_chain(thin: Run) -> None:
    clock = thin.scenario.clock
    assert [block.timestamp for block in thin.blocks] == [
        clock.time_of(block) for block in range(clock.blocks)
    ]
    numbers = [block.number for block in thin.blocks]
    assert numbers == list(range(numbers[0], numbers[0] + clock.blocks))


def test_the_calls_of_a_block_stand_in_the_order_of_the_rules(thin: Run) -> None:
    seen = set()
    for block in thin.blocks:
        labels = [receipt.label for receipt in block.receipts]
        assert labels == sorted(labels, key=ORDER.index)
        seen.update(labels)
    assert seen == set(ORDER)


def test_the_vault_result_is_the_sum_of_its_parts(thin: Run) -> None:
    vault = {key: Fraction(value) for key, value in metrics.summary(thin)["vault"].items()}
    assert vault["equity_end_usd"] - vault["equity_start_usd"] == vault["pnl_usd"]
    parts = ("from_margin_usd", "from_book_usd", "from_adl_usd")
    assert sum(vault[part] for part in parts) == vault["pnl_usd"]


def test_a_stop_fires_when_the_mark_reaches_it(thin: Run) -> None:
    # `long_10x` has a stop at 99,100 for all that it holds.
    (stopped,) = [t.member.account for t in thin.roster.traders if t.member.name == "long_10x"]
    fired = [
        block.markets[0].mark
        for block in thin.blocks
        for receipt in block.receipts
        if receipt.label == "OrderBook.trigger"
        for event in receipt.named("Removed")
        if event.account == stopped
    ]
    assert len(fired) == 1
    assert fired[0] <= usd_to_price(99_100, 5)
    assert thin.now.accounts[stopped].flat


def test_the_saver_is_paid_what_it_asked_for(thin: Run) -> None:
    (saver,) = [t.member.account for t in thin.roster.traders if t.member.name == "saver"]
    assert thin.start.quote(saver) - thin.now.quote(saver) == 1_000 * 10**18


def test_the_same_seed_ends_in_the_same_state(thin: Run, run_thin: Callable[..., Run]) -> None:
    assert run_thin().state_digest == thin.state_digest


def test_another_seed_ends_in_another_state(thin: Run, run_thin: Callable[..., Run]) -> None:
    other = run_thin(seed=2)
    assert not other.findings
    assert other.state_digest != thin.state_digest


def told(receipt: Receipt) -> tuple[Any, ...]:
    """All that a receipt says; the logs as the EVM left them."""
    return (
        *(receipt.label, receipt.success, receipt.gas_used, receipt.reason),
        *(receipt.block, receipt.timestamp, receipt.logs),
    )


@pytest.mark.parametrize("name", OTHERS)
def test_the_engine_makes_no_difference(thin: Run, run_thin: Callable[..., Run], name: str) -> None:
    other = run_thin(name)
    assert other.state_digest == thin.state_digest
    for theirs, ours in zip(other.blocks, thin.blocks, strict=True):
        assert [told(each) for each in theirs.receipts] == [told(each) for each in ours.receipts]


def test_it_stops_after_the_block_in_which_it_is_told_to(run_thin: Callable[..., Run]) -> None:
    run = run_thin(watch=lambda run: len(run.blocks) < 3)
    assert len(run.blocks) == 3
    assert run.interrupted
    assert metrics.summary(run)["partial"] is True


def test_it_stops_at_the_first_broken_invariant(
    run_thin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Finding("I-2", 0, (7,), "a quote is missing")
    honest = invariants.check

    def check(before: Snapshot, now: Snapshot, flows: Flows) -> list[Finding]:
        found = honest(before, now, flows)
        return [broken] if any(n == 7 for n in flows.liquidated) else found

    monkeypatch.setattr(invariants, "check", check)
    run = run_thin()
    assert run.findings == [broken]
    assert len(run.blocks) < run.scenario.clock.blocks
    assert metrics.summary(run)["solvent"] is False


def test_a_side_too_large_for_one_transaction_is_ranked_page_by_page_to_the_same_end(
    thin: Run, run_thin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (closings, rankings):
        monkeypatch.setattr(module, "GAS_CALL", 5 * rankings.GAS_HOLDER)
    paged = run_thin()
    steps = [r.label for block in paged.blocks for r in block.receipts if "Adl." in r.label]
    assert steps.count("Adl.scan") > steps.count("Adl.open_jobs") == steps.count("Adl.end_job") > 0
    assert "Adl.deleverage" not in steps
    assert paged.state_digest == thin.state_digest


@pytest.mark.parametrize("calls", [1, 3, 5, 6])
def test_a_keeper_that_stops_half_way_goes_on_in_the_next_block(
    run_thin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    for module in (closings, rankings):
        monkeypatch.setattr(module, "GAS_CALL", 5 * rankings.GAS_HOLDER)
    honest = Keeper.deleverage
    stopped: list[int] = []

    def deleverage(self: Keeper, view: View) -> list[Call]:
        wanted = honest(self, view)
        if stopped or not wanted:
            return wanted
        stopped.append(view.block)
        return wanted[:calls]

    monkeypatch.setattr(Keeper, "deleverage", deleverage)
    run = run_thin(FASTEST)
    (left,) = stopped
    after = [block.markets[0].locked for block in run.blocks[left : left + 2]]
    assert after == [True, False]
    refused = {each.label for block in run.blocks for each in block.reverted}
    assert refused <= {"OrderBook.place", "OrderBook.trigger", "OrderBook.requote"}
    assert run.blocks[left + 1].below_zero == 0


def test_makers_quote_every_one_of_many_markets(artifacts: Artifacts) -> None:
    told = scenario.load(scenario.find("oct10_cross"))
    preset = presets.load(presets.find("hyperliquid"))
    with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
        run = crash.run(chain, artifacts, told, preset, watch=lambda _: False)
    (block,) = run.blocks
    assert block.reverted == []
    quoted = [e.args.market for r in block.receipts for e in r.events if e.name == "Placed"]
    assert set(quoted) == set(range(len(told.markets)))


def test_an_account_that_changes_without_an_event_is_found(thin: Run) -> None:
    honest = thin.now
    forged = replace(
        honest,
        accounts={
            **honest.accounts,
            DEFICIT: replace(honest.accounts[DEFICIT], stored=1),
        },
    )
    assert unexplained(honest, honest) == []
    (finding,) = unexplained(honest, forged)
    assert finding.accounts == (DEFICIT,)
