"""The tables of a comparison: what a cell says, and that they fit any terminal."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from spillway import compare_table
from spillway.sweep.store import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

ZERO = Decimal(0)


def run(venue: str = "alpha", policy: str = "queue", seed: int = 1, **told: Any) -> dict[str, Any]:
    """A row of a solvent run in which nothing happened, but for what is told."""
    kinds = {field.name: str(field.type) for field in SCHEMA}
    quiet = {"double": 0.0, "int64": 0, "string": ""}
    row: dict[str, Any] = {name: quiet.get(kind, ZERO) for name, kind in kinds.items()}
    about = {"scenario": "crash", "knob_venue": venue, "policy": policy, "seed": seed}
    return {**row, **about, "status": "solvent", **told}


def failed(**told: Any) -> dict[str, Any]:
    row = run(**told)
    kept = {"scenario", "knob_venue", "policy", "seed"}
    return {
        **{name: value if name in kept else None for name, value in row.items()},
        "status": "failed",
        "error": "pool: below initial margin",
    }


def drawn(rows: Sequence[dict[str, Any]], width: int = 300) -> list[str]:
    """The lines as they stand on a terminal."""
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(compare_table.render(rows, width))
    return console.export_text().splitlines()


def row_of(label: str, lines: Sequence[str]) -> list[list[str]]:
    """What stands in the rows that begin with a label, split at blanks."""
    return [line.split() for line in lines if line.startswith(label)]


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("0.5", "0.50"),
        ("99.989", "100"),
        ("99.94", "99.94"),
        ("-62555", "-62.6k"),
        ("910580", "911k"),
        ("999600", "1.00M"),
        ("1306000", "1.31M"),
        ("23395690", "23.4M"),
        ("12345678901", "12.3B"),
        ("123456789012345", "123000B"),
    ],
)
def test_amounts_have_three_digits(amount: str, text: str) -> None:
    assert compare_table.short(Decimal(amount)) == text


def test_nothing_is_a_dash_unless_it_matters() -> None:
    assert compare_table.usd(ZERO) == "-"
    assert compare_table.signed(ZERO) == "-"
    assert compare_table.claim(ZERO) == "0"
    assert compare_table.signed(Decimal(5_000)) == "+5.00k"


# --- rows ----------------------------------------------------------------------------------------


def test_runs_of_one_venue_and_policy_are_one_row() -> None:
    rows = [run(seed=seed) for seed in (1, 2, 3)] + [run(policy="other"), run(venue="beta")]
    lines = drawn(rows)
    assert len(row_of("alpha", lines)) == 2
    assert len(row_of("beta", lines)) == 1


def test_a_cell_has_the_mean_and_the_range() -> None:
    taken = [Decimal(1_000), Decimal(2_000), Decimal(6_000)]
    lines = drawn([run(seed=seed, adl_taken_usd=usd) for seed, usd in enumerate(taken)])
    place = next(line.index("taken") + len("taken") for line in lines if "taken" in line)
    start = next(number for number, line in enumerate(lines) if line.startswith("alpha"))
    cells = [line[:place].split()[-1] for line in lines[start : start + 3]]
    assert cells == ["3.00k", "1.00k", "6.00k"]


def test_runs_that_say_nothing_are_left_out_of_a_mean() -> None:
    rows = [run(adl_count=1, adl_survival=0.5), run(seed=2, adl_survival=None), failed(seed=3)]
    assert any("50.0%" in line for line in drawn(rows))


def test_paths_are_called_by_their_name_where_that_is_one_venue_s_own() -> None:
    lines = drawn([run(venue="x/one.toml"), run(venue="x/two.toml"), run(venue="y/two.toml")])
    assert [len(row_of(label, lines)) for label in ("one ", "x/two.toml", "y/two.toml")] == [
        1,
        1,
        1,
    ]


# --- verdicts ------------------------------------------------------------------------------------


def test_the_verdict_counts_what_did_not_end_alike() -> None:
    rows = [
        run(),
        run(seed=2, deficit_usd=Decimal(5)),
        run(seed=3, status="broken", error="I-4 broken in block 7: a flat account lost 9 quote"),
        failed(seed=4),
    ]
    text = "\n".join(drawn(rows))
    for verdict in ("1 solvent", "1 deficit", "1 broken", "1 failed"):
        assert verdict in text
    assert "broken: alpha, queue, seed 3: I-4 broken in block 7" in text
    assert "failed: alpha, queue, seed 4: pool: below initial margin" in text


def test_a_deficit_is_named() -> None:
    (row,) = row_of("alpha", drawn([run(deficit_usd=Decimal(1_500))]))
    assert row[1] == "deficit"
    assert "1.50k" in row


def test_a_run_that_failed_alone_still_has_its_row() -> None:
    (row,) = row_of("alpha", drawn([failed()]))
    assert row[1] == "failed"
    assert set(row[2:]) == {"-"}


def test_many_troubles_are_counted() -> None:
    lines = drawn([failed(seed=seed) for seed in range(compare_table.TROUBLES + 3)])
    assert sum(line.startswith("failed:") for line in lines) == compare_table.TROUBLES
    assert "and 3 more: see column `error`" in lines


# --- width ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 100, 160, 240])
def test_tables_fit_the_terminal(width: int) -> None:
    big: dict[str, Any] = {
        field.name: Decimal(-123_456_789) for field in SCHEMA if "decimal" in str(field.type)
    }
    rows = [
        run(venue="hyperliquid", policy="profit_leverage_size_queue", adl_count=1, **big),
        run(venue="percolator_like", seed=2),
    ]
    lines = drawn(rows, width)
    assert max(map(len, lines)) <= width
    # Every measure stands somewhere, under its heading.
    assert len(row_of("hyperliquid", lines)) == len(row_of("percolator_", lines))
    measures = [measure for part in compare_table.PARTS.values() for measure in part]
    shown = sum(len(row) for row in row_of("hyperliquid", lines))
    labels = len(row_of("hyperliquid", lines))
    assert shown == labels + 1 + len(measures)


def test_wider_terminals_need_fewer_tables() -> None:
    tables = [len(row_of("alpha", drawn([run()], width))) for width in (60, 100, 160, 300)]
    assert tables == sorted(tables, reverse=True)
    assert tables[-1] == 1


def test_every_column_is_in_the_schema() -> None:
    names = {measure.name for part in compare_table.PARTS.values() for measure in part}
    assert names <= set(SCHEMA.names)
