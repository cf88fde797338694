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
VAULT = ("equity_start_usd", "equity_end_usd", "pnl_usd")
ADL_USD = ("needed_usd", "taken_usd", "overshoot_usd")
ADL_COUNTS = ("accounts", "fills")
ADL_RATIOS = ("largest_share", "max_leverage_before", "max_leverage_after")

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("scenario", pa.string()),
        ("venue", pa.string()),
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
        *((f"adl_{name}", USD) for name in ADL_USD),
        *((f"adl_hit_{name}", pa.int64()) for name in ADL_COUNTS),
        *((f"adl_{name}", pa.float64()) for name in ADL_RATIOS),
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
    row |= {f"adl_{name}": Decimal(adl[name]) for name in ADL_USD}
    row |= {f"adl_hit_{name}": adl[name] for name in ADL_COUNTS}
    row |= {f"adl_{name}": adl[name] for name in ADL_RATIOS}
    row |= {name: Decimal(summary[name]) for name in ("flat_accounts_loss_usd", "deficit_usd")}
    return row | {"state_digest": summary["state_digest"]}
