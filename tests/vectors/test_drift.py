"""Known answers of Drift v2: a loss per contract on both sides; figures and source in its file."""

from __future__ import annotations

import tomllib
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spillway.rules import IndexRules
from tests.bench import LIQUIDATOR, USD
from tests.unit.contracts import hand as hands
from tests.unit.contracts.hand import START, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

CASES = tomllib.loads(Path(__file__).with_name("drift.toml").read_text(encoding="utf-8"))["cases"]
MICRO = Decimal("0.000001")
BANKRUPT = 3  # contracts that it is short
ENTRY, MARK = START[0], 150
ENOUGH = 10_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['longs']} and {case['shorts']}")
def test_a_loss_is_borne_per_contract_by_users_of_both_sides(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, case: dict[str, Any]
) -> None:
    bench = hands.deploy(
        engine, artifacts, admin, keeper, role=LIQUIDATOR, index=IndexRules(both_sides=True)
    )
    amm = bench.open_backstop("amm", ENOUGH)
    lacking = BANKRUPT * (MARK - ENTRY) - case["loss_usd"]
    bankrupt = bench.open("bankrupt", lacking)
    long, short = bench.open("long", ENOUGH), bench.open("short", ENOUGH)
    swap(bench, amm, bankrupt, BANKRUPT, ENTRY)
    if case["longs"]:
        swap(bench, long, short, case["shorts"], ENTRY)
        swap(bench, long, amm, case["longs"] - case["shorts"], ENTRY)
    bench.mark(MARK, *START[1:])
    assert bench.equity(bankrupt) == -case["loss_usd"]
    before = {account: bench.equity(account) for account in (long, short, amm)}

    receipt = bench.socialize(bankrupt)

    charged = {each.longs: Decimal(each.per_lot) / USD for each in receipt.named("Charged")}
    assert set(charged) == ({True, False} if case["longs"] else set())
    told = Decimal(case["per_contract_usd"])
    assert {each.quantize(MICRO, ROUND_CEILING) for each in charged.values()} <= {told}
    for account, contracts in ((long, case["longs"]), (short, case["shorts"]), (amm, 0)):
        lost = before[account] - bench.equity(account)
        assert lost == contracts * charged.get(account == long, Decimal(0))
    assert bench.at(bankrupt) == (0, 0)
    assert bench.size(amm) == case["shorts"] - case["longs"]
    written_off = 0 if case["longs"] else case["loss_usd"] * USD
    assert bench.pool.call.solvency().deficit == written_off
    assert hands.sums_hold(bench)
