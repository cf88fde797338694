"""Public tables: found by name, read strictly, refused in one line that says where."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import datasets
from spillway.errors import BadInput
from tests import real_tables
from tests.real_tables import ACCOUNTS, FILLS, FLOW, POSITIONS

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tables_are_read_as_they_are(tmp_path: Path) -> None:
    tables = datasets.read(real_tables.write(tmp_path))
    first = tables.accounts[0]
    assert first.user == real_tables.user(1)
    assert abs(first.adl_notional - FILLS[0].notional) < Decimal("1e-6")
    assert first.num_adl_events == 1
    assert [row.was_adl for row in tables.positions].count(False) == 1
    assert [bucket.time for bucket in tables.flow.timeBuckets] == [
        1000 * real_tables.FIRST,
        1000 * real_tables.SECOND,
    ]


def test_cloned_repositories_below_the_folder_will_do(tmp_path: Path) -> None:
    real_tables.write(tmp_path)
    for name, place in (
        (ACCOUNTS, "HyperMultiAssetedADL/adl_by_user_REALTIME.csv"),
        (FLOW, "ADLVisualizer/public/data/adl_flow_data.json"),
        (POSITIONS, "HyperAnalyzeADL/results/positions_FINAL.csv"),
    ):
        path = tmp_path / place
        path.parent.mkdir(parents=True)
        (tmp_path / name).rename(path)
    assert len(datasets.read(tmp_path).accounts) == 9


@pytest.mark.parametrize("name", [ACCOUNTS, FLOW, POSITIONS])
def test_a_missing_table_is_named_with_the_place_where_it_is_published(
    tmp_path: Path, name: str
) -> None:
    (real_tables.write(tmp_path) / name).unlink()
    with pytest.raises(BadInput) as error:
        datasets.read(tmp_path)
    assert error.value.field == "--data"
    assert name in error.value.allowed
    assert "github.com/ConejoCapital/" in error.value.allowed
    assert error.value.allowed.count("github.com") == 1  # what is there is not asked for


def test_without_a_folder_all_tables_are_named(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "nowhere"):
        with pytest.raises(BadInput, match="--data") as error:
            datasets.read(folder)
        for name in (ACCOUNTS, FLOW, POSITIONS):
            assert name in error.value.allowed


@pytest.mark.parametrize(
    ("name", "old", "new", "field", "value"),
    [
        (ACCOUNTS, "adl_notional", "notional", "columns", None),
        (ACCOUNTS, ",50000.25,", ",much,", "row 1, account_value_realtime", "much"),
        (ACCOUNTS, ",50000.25,", ",inf,", "row 1, account_value_realtime", "inf"),
        (ACCOUNTS, "False,1", "False,1.5", "row 1, num_adl_events", "1.5"),
        (ACCOUNTS, "False,1", "False,0", "row 1, num_adl_events", "0"),
        (ACCOUNTS, real_tables.user(2), real_tables.user(1), "row 2, user", None),
        (ACCOUNTS, real_tables.user(2), "0x02", "row 2, user", "0x02"),
        (POSITIONS, "SHORT", "short", "row 1, side", "short"),
        (POSITIONS, "True", "yes", "row 1, was_adl", "yes"),
        (FLOW, '"timeBuckets"', '"buckets"', "timeBuckets", "nothing"),
        (FLOW, str(real_tables.FIRST), str(real_tables.SECOND), "timeBuckets[1].time", None),
        (FLOW, '"BTC": ', '"BTC": -', "timeBuckets[0].adldByAsset.BTC", None),
        (FLOW, "{", "", "syntax", None),
    ],
)
def test_what_a_table_must_not_say(
    tmp_path: Path, name: str, old: str, new: str, field: str, value: str | None
) -> None:
    path = real_tables.write(tmp_path) / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput) as error:
        datasets.read(tmp_path)
    assert error.value.file == str(path)
    assert error.value.field == field
    assert value is None or error.value.value == value
    assert "\n" not in str(error.value)


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    path = real_tables.write(tmp_path) / ACCOUNTS
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(BadInput, match="rows: found 'none'"):
        datasets.read(tmp_path)
