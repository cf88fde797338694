"""The plumbing of the bench: works are recorded, replayed and checked. Nothing is timed here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench import record, tables, tool
from bench import work as works
from bench.rows import ROWS
from bench.tools.anvil import Anvil
from bench.tools.pyevm_loop import PyEvmLoop
from bench.tools.spillway import Spillway
from tests.chains import needs_anvil

if TYPE_CHECKING:
    from pathlib import Path

    from bench.tool import Tool
    from bench.work import Work


@pytest.fixture(scope="module")
def transfers() -> Work:
    return record.transfers(5)


@pytest.fixture(scope="module")
def fills() -> Work:
    return record.fills(3)


def test_a_work_is_the_same_once_written_and_read(fills: Work, tmp_path: Path) -> None:
    fills.save(tmp_path / "B.json")
    assert works.load(tmp_path / "B.json") == replace(
        fills, abis=works.load(tmp_path / "B.json").abis
    )


@pytest.mark.parametrize(
    ("chain", "variant"),
    [
        (Spillway, "pyevm"),
        (Spillway, "pyevm encoded"),
        (PyEvmLoop, ""),
        pytest.param(Anvil, "", marks=needs_anvil),
    ],
)
def test_replaying_does_what_was_recorded(
    chain: type[Tool], variant: str, transfers: Work, fills: Work
) -> None:
    for work in (transfers, fills.first(2)):
        timing = tool.measure(chain, work, variant, runs=2, since=0)
        assert timing.gas == "equal"
        assert (len(timing.seconds), timing.calls) == (2, len(work.calls))


def test_calls_that_were_left_out_are_noticed(transfers: Work) -> None:
    class Lazy(Spillway):
        def run(self) -> None:
            return None

    with pytest.raises(RuntimeError, match="after the calls"):
        tool.measure(Lazy, transfers, "pyevm", runs=1, since=0)


def test_gas_of_another_amount_is_told(transfers: Work) -> None:
    other = replace(transfers, gas=tuple(gas + 1 for gas in transfers.gas))
    assert tool.measure(Spillway, other, "pyevm", runs=1, since=0).gas == "differs"


def test_a_tool_that_is_missing_keeps_its_row() -> None:
    missing = tool.Timing(reason="no such tool")
    timings = {row.key: missing for row in ROWS}
    assert tables.speeds("Work A", ROWS, timings).row_count == len(ROWS)
    goals = tables.goals({"A": timings, "B": timings}, {"revm": None})
    assert set(goals.columns[3].cells) == {"not measured"}
