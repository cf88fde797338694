"""Known answer of MCDEX v2: a loss per short contract; figures and source in mcdex_v2.toml."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spillway.rules import IndexRules
from tests import bench as benches
from tests.bench import USD

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

FILE = Path(__file__).with_name("mcdex_v2.toml")
CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["cases"]
PPM = 10**6
LEVERAGE = 10


@pytest.mark.parametrize("case", CASES)
def test_shorts_are_charged_what_a_long_lacks_and_no_penalty(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, case: dict[str, Any]
) -> None:
    bench = benches.deploy(engine, artifacts, admin, keeper, index=IndexRules())
    bench.list_market(LEVERAGE)
    bench.mark(case["entry_usd"])
    bench.open_backstop("child", 0)
    long, short = bench.open("long", case["cash_usd"]), bench.open("short", 10_000)
    bench.trade(long, short, 1, case["entry_usd"])
    bench.mark(case["mark_usd"])
    before = bench.equity(short)

    bench.liquidate(long)
    receipt = bench.socialize(long)

    (charge,) = receipt.named("Charged")
    told = Decimal(case["loss_per_short_usd"])
    assert Decimal(charge.per_lot) / USD == before - bench.equity(short) == told
    penalty = Decimal(case["mark_usd"]) * case["penalty_ppm"] / PPM
    assert Decimal(case["their_loss_per_short_usd"]) == told + penalty
    assert bench.at(long) == (0, 0)
