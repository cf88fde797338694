"""Tables of the shape of the public ones of 10 October 2025, of a handful of made-up accounts."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

FIRST, SECOND = 1_760_131_026, 1_760_131_067  # 21:17:06 and 21:17:47 UTC
ENDS = {"BTC": Decimal(108_340), "SOL": Decimal("169.36")}
ACCOUNTS, FLOW, POSITIONS = (
    "adl_by_user_REALTIME.csv",
    "adl_flow_data.json",
    "positions_BTC_SOL_13031.csv",
)


@dataclass(frozen=True, slots=True)
class Fill:
    """A position, or a part of it, that was auto-deleveraged. Sizes of the asset, amounts USD."""

    user: str
    market: str
    time: int
    size: Decimal
    price: Decimal
    entry: Decimal
    side: str = "SHORT"

    @property
    def notional(self) -> Decimal:
        return self.size * self.price

    @property
    def won(self) -> Decimal:
        sign = -1 if self.side == "SHORT" else 1
        return sign * self.size * (self.price - self.entry)


def user(number: int) -> str:
    return f"0x{number:040x}"


def fill(number: int, market: str, time: int, size: str, *, gain: str, side: str = "SHORT") -> Fill:
    """A fill at the price of its batch, with a profit of `gain` of it."""
    price = PRICES[market, time]
    sign = 1 if side == "SHORT" else -1
    return Fill(
        user(number), market, time, Decimal(size), price, price * (1 + sign * Decimal(gain)), side
    )


PRICES = {
    ("BTC", FIRST): Decimal(108_416),
    ("BTC", SECOND): Decimal(107_228),
    ("SOL", FIRST): Decimal("173.05"),
    ("SOL", SECOND): Decimal("168.21"),
}
ONE, TWO, THREE, SEVERAL, SOLO, BOTH, LONG, TINY, POOR = range(1, 10)
FILLS = (
    fill(ONE, "BTC", FIRST, "1.00003", gain="0.123456"),
    fill(TWO, "BTC", FIRST, "0.50007", gain="0.03"),
    fill(THREE, "BTC", SECOND, "2.00011", gain="0.1"),
    fill(SEVERAL, "BTC", FIRST, "0.30013", gain="0.1"),
    fill(SEVERAL, "BTC", SECOND, "0.30013", gain="0.1"),
    fill(SOLO, "SOL", FIRST, "100.03", gain="0.3"),
    fill(BOTH, "BTC", SECOND, "0.20017", gain="0.1"),
    fill(BOTH, "SOL", SECOND, "50.07", gain="0.1"),
    fill(LONG, "BTC", FIRST, "0.10009", gain="0.2", side="LONG"),
    fill(TINY, "SOL", FIRST, "0.03", gain="0.1"),
    fill(POOR, "SOL", FIRST, "11.11", gain="0.2"),
)
# All but POOR's are more than the profit: it has less than nothing beside it.
VALUES = {
    **dict.fromkeys(map(user, (ONE, TWO, THREE, SEVERAL, SOLO, BOTH, LONG)), Decimal("50000.25")),
    user(TINY): Decimal(3),
    user(POOR): Decimal(100),
}


def write(folder: Path, fills: Sequence[Fill] = FILLS) -> Path:
    """Write the three tables; gives the folder."""
    by_user: dict[str, list[Fill]] = defaultdict(list)
    for one in fills:
        by_user[one.user].append(one)
    write_csv(folder / ACCOUNTS, [_account(name, ours) for name, ours in by_user.items()])
    rows = [
        _position(name, market, [one for one in ours if one.market == market])
        for name, ours in by_user.items()
        for market in sorted({one.market for one in ours})
    ]
    write_csv(folder / POSITIONS, [*rows, _passed_over()])
    (folder / FLOW).write_text(json.dumps({"timeBuckets": _buckets(fills)}))
    return folder


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    with path.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _account(name: str, ours: Sequence[Fill]) -> dict[str, Any]:
    return {
        "user": name,
        "adl_notional": float(sum(one.notional for one in ours)),  # as the public tables have it
        "closed_pnl": float(sum(one.won for one in ours)),
        "account_value_realtime": VALUES[name],
        "is_negative_equity": "False",
        "num_adl_events": len(ours),
    }


def _position(name: str, market: str, ours: Sequence[Fill]) -> dict[str, Any]:
    return {
        "user_address": name,
        "asset": market,
        "side": ours[0].side,
        "position_size": "0.0",
        "entry_price": "",
        "mark_price": ENDS[market],
        "realized_pnl": float(sum(one.won for one in ours)),
        "was_adl": "True",
        "trades_count": len(ours),
    }


def _passed_over() -> dict[str, Any]:
    row = _position(user(99), "BTC", [FILLS[0]])
    return {**row, "was_adl": "False", "position_size": "1.5"}


def _buckets(fills: Sequence[Fill]) -> list[dict[str, Any]]:
    sums: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in fills:
        sums[one.time][one.market] += float(one.notional)
    return [
        {"time": 1000 * time, "adldByAsset": dict(sums[time]), "eventCount": 1}
        for time in sorted(sums)
    ]
