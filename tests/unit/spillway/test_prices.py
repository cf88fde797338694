"""Price paths: how bars are walked, what stands between points, what a CSV file may be."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.errors import BadInput
from spillway.prices import Bar, check_bars, check_points, path_of, read_csv, walk

if TYPE_CHECKING:
    from pathlib import Path

OHLC = {"time": "t", "open": "o", "high": "h", "low": "l", "close": "c"}
UP = Bar(0, Decimal(100), Decimal(120), Decimal(90), Decimal(110))
DOWN = Bar(60, Decimal(110), Decimal(115), Decimal(80), Decimal(85))


def decimals(*values: int | str) -> tuple[Decimal, ...]:
    """Write prices down."""
    return tuple(map(Decimal, values))


def written(folder: Path, *lines: str) -> Path:
    """A CSV file of these lines."""
    path = folder / "prices.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_rising_bar_visits_its_low_first() -> None:
    assert UP.walked() == decimals(100, 90, 120, 110)


def test_a_falling_bar_visits_its_high_first() -> None:
    assert DOWN.walked() == decimals(110, 115, 80, 85)


def test_a_bar_that_closes_where_it_opened_counts_as_rising() -> None:
    flat = Bar(0, Decimal(100), Decimal(120), Decimal(90), Decimal(100))
    assert flat.walked() == decimals(100, 90, 120, 100)


def test_the_prices_of_a_bar_are_a_quarter_of_it_apart() -> None:
    path = walk([UP, DOWN], 60)
    assert [path.at(time) for time in range(0, 120, 15)] == [100, 90, 120, 110, 110, 115, 80, 85]


def test_between_two_points_the_price_moves_in_a_straight_line() -> None:
    path = path_of([(0, Decimal(100)), (30, Decimal(70))])
    assert path.at(10) == 90
    assert path.at(29) == 71


def test_a_price_between_points_is_rounded_to_a_millionth() -> None:
    path = path_of([(0, Decimal(0)), (3, Decimal(2))])
    assert path.at(1) == Decimal("0.666667")


def test_beyond_its_ends_a_path_stands_still() -> None:
    path = path_of([(10, Decimal(100)), (20, Decimal(70))])
    assert path.at(0) == 100
    assert path.at(99) == 70


# --- CSV -----------------------------------------------------------------------------------------


def test_named_columns_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path, "c,volume,t,o,h,l", "110,7,60000,100,120,90")
    assert read_csv(file, OHLC, milliseconds=True) == [[60, 100, 120, 90, 110]]


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "t,o,h,l", "0,1,1,1")
    with pytest.raises(BadInput, match="column of close: found 'c', allowed: one of t, o, h, l"):
        read_csv(file, OHLC, milliseconds=False)


@pytest.mark.parametrize("value", ["nan", "inf", "ten", ""])
def test_a_value_that_is_no_finite_number_is_refused(tmp_path: Path, value: str) -> None:
    file = written(tmp_path, "t,o,h,l,c", "0,1,1,1,1", f"60,1,{value},1,1")
    with pytest.raises(BadInput, match=r"row 2, h: found .* allowed: a finite number"):
        read_csv(file, OHLC, milliseconds=False)


def test_a_time_between_two_seconds_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "t,o,h,l,c", "1500,1,1,1,1")
    with pytest.raises(BadInput, match="row 1, t: found 1500, allowed: a whole number of seconds"):
        read_csv(file, OHLC, milliseconds=True)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "t,o,h,l,c")
    with pytest.raises(BadInput, match="rows: found 'none'"):
        read_csv(file, OHLC, milliseconds=False)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="allowed: a CSV file"):
        read_csv(tmp_path / "nowhere.csv", OHLC, milliseconds=False)


# --- what a path may be --------------------------------------------------------------------------


def test_a_path_of_ascending_prices_above_zero_is_fine() -> None:
    check_points([(0, Decimal(1)), (1, Decimal("0.5"))], "f", "points")
    check_bars([UP, DOWN], 60, "f", "bars")


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_price_that_is_not_above_zero_is_refused(price: str) -> None:
    with pytest.raises(BadInput, match=r"points\[1\]: .* allowed: a price of more than 0"):
        check_points([(0, Decimal(1)), (1, Decimal(price))], "f", "points")
    with pytest.raises(BadInput, match=r"bars\[0\]: .* allowed: a price of more than 0"):
        check_bars([Bar(0, *decimals(1, 1, price, 1))], 60, "f", "bars")


@pytest.mark.parametrize("time", [0, 1])
def test_times_that_do_not_ascend_are_refused(time: int) -> None:
    with pytest.raises(BadInput, match=r"points\[1\]: found \d, allowed: at least 2"):
        check_points([(1, Decimal(1)), (time, Decimal(1))], "f", "points")


def test_bars_that_overlap_are_refused() -> None:
    with pytest.raises(BadInput, match=r"bars\[1\]: found 60, allowed: at least 120"):
        check_bars([UP, DOWN], 120, "f", "bars")


def test_a_bar_whose_close_is_above_its_high_is_refused() -> None:
    with pytest.raises(BadInput, match=r"bars\[0\]: .* low <= open, close <= high"):
        check_bars([Bar(0, *map(Decimal, (100, 105, 90, 106)))], 60, "f", "bars")
