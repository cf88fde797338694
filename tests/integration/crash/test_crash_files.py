"""The run directory: its files, and that they add up on their own."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from spillway import presets, record, scenario
from spillway.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from spillway.crash import Run

QUOTE_PER_UNIT = 10**12


@pytest.fixture(scope="module")
def folder(thin: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The written run."""
    path = tmp_path_factory.mktemp("runs") / "thin"
    record.write(thin, path)
    return path


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return table


def summary(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return read


def test_a_run_is_these_files_and_no_other(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "scenario.toml",
        "venue.toml",
        "summary.json",
        "blocks.parquet",
        "events.parquet",
        "accounts.parquet",
    }
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_is_resolved_is_enough_to_repeat_the_run(folder: Path, thin: Run) -> None:
    assert scenario.load(folder / "scenario.toml") == thin.scenario
    assert presets.load(folder / "venue.toml") == thin.preset


def test_the_summary_has_the_keys_that_others_rely_on(folder: Path) -> None:
    read = summary(folder)
    assert set(read) == {
        *("scenario", "venue", "engine", "seed", "blocks", "transactions", "gas_used", "accounts"),
        *("wall_seconds", "solvent", "state_digest", "conservation", "cash", "layers", "vault"),
        *("fund", "adl", "flat_accounts_loss_usd", "deficit_usd", "early_warning"),
    }
    assert set(read["layers"]) == {"book", "insurance", "backstop", "adl", "socialized"}
    for layer in read["layers"].values():
        assert set(layer) == {"count", "accounts", "notional_usd", "loss_usd"}
    assert set(read["vault"]) == {
        *("equity_start_usd", "equity_end_usd", "pnl_usd"),
        *("from_margin_usd", "from_book_usd", "from_adl_usd"),
    }
    assert set(read["adl"]) == {
        *("needed_usd", "taken_usd", "overshoot_usd", "accounts", "fills", "largest_share"),
        *("max_leverage_before", "max_leverage_after", "peak_deficit_usd", "capacity_usd"),
        *("survival", "seconds_to_adl", "forgone_usd", "forgone_accounts", "benchmarks"),
    }
    assert set(read["fund"]) == {"equity_start_usd", "equity_end_usd", "pnl_usd"}
    assert set(read["early_warning"]) == {
        *("open_interest_usd", "long_by_leverage_usd", "short_by_leverage_usd", "share_from_10x"),
        *("funding_rate_8h", "depth_1pct_usd", "depth_2pct_usd"),
        *("depth_1pct_of_open_interest", "depth_2pct_of_open_interest"),
        *("fund_usd", "loss_of_10pct_usd", "fund_to_loss", "markets"),
    }


@pytest.mark.parametrize("phase", ["start", "end"])
def test_the_accounts_add_up_to_custody_and_sizes_to_nothing(folder: Path, phase: str) -> None:
    sizes: dict[str, int] = defaultdict(int)
    quotes = Decimal(0)
    for row in rows(folder, "accounts"):
        if row["phase"] == phase:
            quotes += row["quote"]
            sizes[row["market"]] += row["size"]
    assert sizes["BTC"] == 0
    cash = summary(folder)["cash"]
    paid_out = Decimal(cash["withdrawn"]) if phase == "end" else 0
    assert quotes == (Decimal(cash["deposited"]) - paid_out) * 10**18


def test_every_account_has_a_row_in_both_phases(folder: Path) -> None:
    phases = Counter((row["phase"], row["account"]) for row in rows(folder, "accounts"))
    accounts = range(1, summary(folder)["accounts"] + 1)
    assert phases == Counter((phase, n) for phase in ("start", "end") for n in accounts)


def test_the_accounts_say_who_lost_by_auto_deleveraging(folder: Path) -> None:
    adl = summary(folder)["adl"]
    found = rows(folder, "accounts")
    for column, key in (("adl_taken", "taken_usd"), ("adl_forgone", "forgone_usd")):
        assert sum(row[column] for row in found) == Decimal(adl[key]).scaleb(18)
        assert not any(row[column] for row in found if row["phase"] == "start")
    assert sum(bool(row["adl_taken"]) for row in found) == adl["accounts"]


def test_there_is_a_row_for_every_block(folder: Path) -> None:
    read, blocks = summary(folder), rows(folder, "blocks")
    assert len(blocks) == read["blocks"]
    assert sum(row["transactions"] for row in blocks) == read["transactions"]
    assert sum(row["gas_used"] for row in blocks) == read["gas_used"]
    custody = Decimal(read["cash"]["custody"])
    assert blocks[-1]["custody_units"] * QUOTE_PER_UNIT == custody * 10**18


def test_the_events_say_what_the_summary_counts(folder: Path) -> None:
    events = [(row["event"], json.loads(row["fields"])) for row in rows(folder, "events")]
    layers = summary(folder)["layers"]
    names = Counter(name for name, _ in events)
    assert names["BookEntered"] == layers["book"]["count"]
    assert names["BackstopEntered"] == layers["backstop"]["count"]
    assert names["ClosingBegun"] == layers["adl"]["count"]
    seized = sum(fields["equity"] for name, fields in events if name == "BackstopEntered")
    assert Decimal(seized).scaleb(-18) == Decimal(layers["backstop"]["loss_usd"])


def test_what_holding_on_would_have_brought_follows_from_the_files(folder: Path) -> None:
    # Valued from the decoded events and the last row of blocks alone. Winners were short: their
    # lots were bought back for `quote` and would cost the last mark, less the funding since then.
    last = rows(folder, "blocks")[-1]
    funding = {row["block"]: row["funding_BTC"] for row in rows(folder, "blocks")}
    forgone = Decimal(0)
    for row in rows(folder, "events"):
        fields = json.loads(row["fields"])
        if row["event"] == "Deleveraged":
            since = last["funding_BTC"] - funding[row["block"]]
            forgone += fields["quote"] - fields["lots"] * (last["mark_BTC"] - since)
        elif row["event"] == "GapBorne":
            forgone += fields["amount"]
    assert forgone != 0
    assert forgone == Decimal(summary(folder)["adl"]["forgone_usd"]).scaleb(18)


def test_early_warning_follows_from_the_first_block(folder: Path, thin: Run) -> None:
    first, early = rows(folder, "blocks")[0], summary(folder)["early_warning"]
    interest = Decimal(first["open_interest_BTC"] * first["mark_BTC"]).scaleb(-18)
    assert Decimal(early["open_interest_usd"]) == interest
    for side in ("long_by_leverage_usd", "short_by_leverage_usd"):
        assert sum(map(Decimal, early[side].values())) == interest
    # The child has at_risk_ppm of the only depositor's deposit.
    (depositor,) = thin.scenario.vault.depositors
    share = Decimal(thin.preset.vault.at_risk_ppm) / 10**6
    assert Decimal(early["fund_usd"]) == depositor.amount_usd * share
    # Of what the makers are to show within 1 %, all stands, less what rounding to ticks and lots
    # and the first takers took.
    shown = sum(level.depth_usd for level in thin.scenario.book.levels)
    assert shown * Decimal("0.9") < Decimal(early["depth_1pct_usd"]) <= shown * Decimal("1.01")


def test_a_refused_call_is_written_with_its_reason(thin: Run, folder: Path) -> None:
    refused = [
        (receipt.block, receipt.reason)
        for block in thin.blocks
        for receipt in block.receipts
        if not receipt.success
    ]
    written = [
        (row["block"], json.loads(row["fields"])["reason"])
        for row in rows(folder, "events")
        if row["event"] == record.REVERTED
    ]
    assert written == refused
    assert sum(row["reverted"] for row in rows(folder, "blocks")) == len(refused)


def test_a_run_takes_the_place_of_an_earlier_one(thin: Run, tmp_path: Path) -> None:
    path = tmp_path / "thin"
    record.write(thin, path)
    (path / "left_over").touch()
    record.write(thin, path)
    assert not (path / "left_over").exists()


def test_a_folder_that_is_no_run_is_left_alone(thin: Run, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(BadInput, match=r"--out: .* a new folder, or that of a run"):
        record.write(thin, tmp_path)
    assert (tmp_path / "precious").exists()
