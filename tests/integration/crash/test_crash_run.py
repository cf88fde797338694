"""A run from end to end: what happens in it, that it repeats, that it stops where it must."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from spillway import crash, invariants, metrics
from spillway.crash import Run, unexplained
from spillway.invariants import Finding
from spillway.model.words import DEFICIT
from spillway.units import usd_to_price

if TYPE_CHECKING:
    from collections.abc import Callable

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
        block.now.markets[0].mark
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


def test_the_engine_makes_no_difference(thin: Run, run_thin: Callable[..., Run]) -> None:
    other = run_thin("ape")
    assert other.state_digest == thin.state_digest
    assert [b.gas_used for b in other.blocks] == [b.gas_used for b in thin.blocks]


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

    def check(before, now, flows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        found = honest(before, now, flows)
        return [broken] if any(n == 7 for n in flows.liquidated) else found

    monkeypatch.setattr(crash.invariants, "check", check)
    run = run_thin()
    assert run.findings == [broken]
    assert len(run.blocks) < run.scenario.clock.blocks
    assert metrics.summary(run)["solvent"] is False


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
