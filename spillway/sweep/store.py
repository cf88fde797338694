"""Where a sweep keeps its results: a folder with one Parquet file a run, and one for its blocks.

A file is written beside its place and moved there in one step, the blocks before the row of the
run: what has a row is done, whatever happened to the process. A run that is done twice is the same
file twice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from spillway.errors import BadInput
from spillway.measures import bucket_names
from spillway.metrics import LAYERS
from spillway.record import blocks_schema
from spillway.sweep.knobs import KNOBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from spillway.sweep.work import Job, Result

RUNS, BLOCKS = "runs", "blocks"
USD = pa.decimal128(38, 18)  # quote has 18 decimals: nothing is cut
COUNTS = ("blocks", "transactions", "gas_used", "accounts")
FUND = ("equity_start_usd", "equity_end_usd", "pnl_usd")
VAULT = (*FUND, "from_margin_usd", "from_book_usd", "from_adl_usd")
ADL_USD = (
    *("needed_usd", "taken_usd", "overshoot_usd"),
    *("peak_deficit_usd", "capacity_usd", "forgone_usd"),
)
ADL_COUNTS = ("accounts", "fills")
ADL_RATIOS = ("largest_share", "survival", "max_leverage_before", "max_leverage_after")
BENCHMARKS = ("profit_queue", "wealth_pro_rata")
BENCHMARK_RATIOS = ("largest_share", "survival")
EARLY_USD = (
    *("open_interest_usd", "depth_1pct_usd", "depth_2pct_usd"),
    *("fund_usd", "loss_of_10pct_usd"),
)
EARLY_RATIOS = (
    *("share_from_10x", "funding_rate_8h", "fund_to_loss"),
    *("depth_1pct_of_open_interest", "depth_2pct_of_open_interest"),
)

SIDES = ("long", "short")


def bucket_column(side: str, name: str) -> str:
    """Name the column of a bucket: `early_long_2_to_5x_usd`, `early_long_from_20x_usd`."""
    span = f"from_{name[:-1]}" if name.endswith("+") else name.replace("-", "_to_")
    return f"early_{side}_{span}x_usd"


SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("scenario", pa.string()),
        ("venue", pa.string()),
        ("policy", pa.string()),
        ("seed", pa.int64()),
        ("engine", pa.string()),
        *((f"knob_{name}", pa.string()) for name in KNOBS),  # null where it was not turned
        ("status", pa.string()),
        ("error", pa.string()),
        ("state_digest", pa.string()),
        ("wall_seconds", pa.float64()),
        *((name, pa.int64()) for name in COUNTS),
        *((f"{layer}_{what}", pa.int64()) for layer in LAYERS for what in ("count", "accounts")),
        *((f"{layer}_{what}", USD) for layer in LAYERS for what in ("notional_usd", "loss_usd")),
        *((f"vault_{name}", USD) for name in VAULT),
        *((f"fund_{name}", USD) for name in FUND),
        *((f"adl_{name}", USD) for name in ADL_USD),
        *((f"adl_hit_{name}", pa.int64()) for name in ADL_COUNTS),
        ("adl_forgone_accounts", pa.int64()),
        ("adl_seconds_to_adl", pa.int64()),
        *((f"adl_{name}", pa.float64()) for name in ADL_RATIOS),
        *((f"{rule}_{name}", pa.float64()) for rule in BENCHMARKS for name in BENCHMARK_RATIOS),
        *((f"early_{name}", USD) for name in EARLY_USD),
        *((bucket_column(side, name), USD) for side in SIDES for name in bucket_names()),
        *((f"early_{name}", pa.float64()) for name in EARLY_RATIOS),
        ("flat_accounts_loss_usd", USD),
        ("deficit_usd", USD),
    ]
)


class Store:
    """The results of a sweep in a folder."""

    def __init__(self, folder: Path) -> None:
        """Open a folder of results, or a new one. Raises BadInput for any other folder."""
        if folder.exists() and not (folder / RUNS).is_dir():
            raise BadInput("command line", "--out", str(folder), "a new folder, or that of a sweep")
        self.folder = folder

    def done(self) -> set[str]:
        """Return the keys of the runs that have a row."""
        return {path.stem for path in (self.folder / RUNS).glob("*.parquet")}

    def add(self, result: Result) -> dict[str, Any]:
        """Write a result; give its row."""
        row = _row(result)
        if result.blocks:
            schema = pa.schema([("key", pa.string()), *blocks_schema(result.job.scenario)])
            rows = [{"key": result.job.key, **block} for block in result.blocks]
            self._write(BLOCKS, result.job.key, pa.Table.from_pylist(rows, schema))
        self._write(RUNS, result.job.key, pa.Table.from_pylist([row], SCHEMA))
        return row

    def rows(self, keys: set[str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of the runs with these keys."""
        if not (self.folder / RUNS).is_dir():
            return
        table = ds.dataset(self.folder / RUNS, schema=SCHEMA, format="parquet").to_table()
        yield from (row for row in table.to_pylist() if row["key"] in keys)

    def _write(self, part: str, name: str, table: pa.Table) -> None:
        folder = self.folder / part
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{name}.part"
        pq.write_table(table, beside)
        beside.replace(folder / f"{name}.parquet")


def _row(result: Result) -> dict[str, Any]:
    row = {**_about(result.job), "status": result.status, "error": result.error}
    return row | _figures(result.summary) if result.summary else row


def _about(job: Job) -> dict[str, Any]:
    return {
        "key": job.key,
        "scenario": job.scenario.name,
        "venue": job.preset.name,
        "policy": job.preset.adl.policy,
        "seed": job.scenario.seed,
        "engine": job.engine,
        **{f"knob_{name}": value for name, value in job.values.items()},
    }


def _figures(summary: Mapping[str, Any]) -> dict[str, Any]:
    vault, adl = summary["vault"], summary["adl"]
    row: dict[str, Any] = {name: summary[name] for name in (*COUNTS, "wall_seconds")}
    for name, layer in summary["layers"].items():
        for what in ("count", "accounts"):
            row[f"{name}_{what}"] = layer[what]
        for what in ("notional_usd", "loss_usd"):
            row[f"{name}_{what}"] = Decimal(layer[what])
    row |= {f"vault_{name}": Decimal(vault[name]) for name in VAULT}
    row |= {f"fund_{name}": Decimal(summary["fund"][name]) for name in FUND}
    row |= {f"adl_{name}": Decimal(adl[name]) for name in ADL_USD}
    row |= {f"adl_hit_{name}": adl[name] for name in ADL_COUNTS}
    row |= {f"adl_{name}": adl[name] for name in ("forgone_accounts", "seconds_to_adl")}
    row |= {f"adl_{name}": adl[name] for name in ADL_RATIOS}
    for rule, ratios in adl["benchmarks"].items():
        row |= {f"{rule}_{name}": ratios[name] for name in BENCHMARK_RATIOS}
    row |= {name: Decimal(summary[name]) for name in ("flat_accounts_loss_usd", "deficit_usd")}
    row |= _early(summary["early_warning"])
    return row | {"state_digest": summary["state_digest"]}


def _early(early: Mapping[str, Any] | None) -> dict[str, Any]:
    if early is None:
        return {}
    row: dict[str, Any] = {f"early_{name}": Decimal(early[name]) for name in EARLY_USD}
    row |= {f"early_{name}": early[name] for name in EARLY_RATIOS}
    for side in SIDES:
        for name, amount in early[f"{side}_by_leverage_usd"].items():
            row[bucket_column(side, name)] = Decimal(amount)
    return row
