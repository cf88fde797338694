"""The run directory: written whole beside its place, then moved there in one step."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from spillway import metrics, tables
from spillway.errors import BadInput
from spillway.model.words import DEFICIT, FEES, Account, Leg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from spillway.crash import Block, Run
    from spillway.engines import Receipt
    from spillway.invariants import Snapshot
    from spillway.model.margin import Market
    from spillway.scenario import Scenario
    from spillway.tables import Table

SUMMARY = "summary.json"

# Quote, prices and costs pass 64 bits; 38 digits hold 1e20 USD of quote.
QUOTE = pa.decimal128(38, 0)

EVENTS = pa.schema(
    [
        ("block", pa.int64()),
        ("timestamp", pa.int64()),
        ("transaction", pa.int64()),  # place in the block
        ("log", pa.int64()),  # place in the transaction; -1 of a call that was refused
        ("contract", pa.string()),
        ("event", pa.string()),
        ("fields", pa.string()),  # JSON, integers exact
    ]
)
ACCOUNTS = pa.schema(
    [
        ("phase", pa.string()),  # start or end
        ("account", pa.int64()),
        ("name", pa.string()),
        ("owner", pa.string()),
        ("kind", pa.string()),
        ("quote", QUOTE),  # effective; of an account with several rows, on the first alone
        ("equity", QUOTE),  # likewise
        ("market", pa.string()),
        ("size", pa.int64()),  # lots
        ("cost", QUOTE),
        ("resting_bids", pa.int64()),
        ("resting_asks", pa.int64()),
        ("adl_taken", QUOTE),  # at the end, on the first row; docs/measures.md
        ("adl_forgone", QUOTE),  # likewise
    ]
)
REVERTED = "Reverted"
ROW_GROUP = 50_000  # rows of a file that are written at once


def default_folder(*parts: object) -> Path:
    """Return where a run goes unless it is told: by scenario, venue and seed."""
    return Path("runs") / "-".join(map(str, parts))


def check_folder(folder: Path) -> None:
    """Raise BadInput unless a run may be written to `folder`: nothing there, or an earlier run."""
    if folder.exists() and not (folder / SUMMARY).is_file():
        raise BadInput("command line", "--out", str(folder), "a new folder, or that of a run")


def write(run: Run, folder: Path) -> dict[str, Any]:
    """Write the run directory, in place of an earlier one; give the summary."""
    summary = metrics.summary(run)
    with replaced(folder) as part:
        write_start(part, run.scenario, run.preset, summary)
        write_table(part / "blocks.parquet", block_rows(run), blocks_schema(run.scenario))
        write_table(part / "events.parquet", _event_rows(run), EVENTS)
        rows = chain(_account_rows(run, "start", run.start), _account_rows(run, "end", run.now))
        write_table(part / "accounts.parquet", rows, ACCOUNTS)
    return summary


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write to, and put it in the place of `folder` once all is written."""
    check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    yield part
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def write_start(folder: Path, told: Table, preset: Table, summary: Mapping[str, Any]) -> None:
    """Write what a run was made from, and its summary."""
    (folder / "scenario.toml").write_text(tables.written(told), encoding="utf-8")
    (folder / "venue.toml").write_text(tables.written(preset), encoding="utf-8")
    (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def write_table(path: Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
    """Write rows as they come, a group of them at a time, so that not all stand in memory."""
    rest = iter(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(rest, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


# --- blocks --------------------------------------------------------------------------------------


def blocks_schema(scenario: Scenario) -> pa.Schema:
    """Return the columns of blocks.parquet; each market adds its own."""
    fields = [
        ("block", pa.int64()),
        ("timestamp", pa.int64()),
        ("step", pa.int64()),
        ("transactions", pa.int64()),
        ("reverted", pa.int64()),
        ("gas_used", pa.int64()),
        ("custody_units", QUOTE),
        ("deficit", QUOTE),
        ("flat_quote", QUOTE),
        ("vault_equity", QUOTE),
        ("below_maintenance", pa.int64()),  # accounts
        ("below_zero", pa.int64()),  # accounts
    ]
    for market in scenario.markets:
        fields += (
            (f"mark_{market.symbol}", QUOTE),
            (f"index_{market.symbol}", QUOTE),
            (f"funding_{market.symbol}", QUOTE),
            (f"open_interest_{market.symbol}", pa.int64()),
        )
    return pa.schema(fields)


def block_rows(run: Run) -> Iterator[dict[str, Any]]:
    """Yield the rows of blocks.parquet."""
    for block in run.blocks:
        yield {**_block_row(block), **_market_columns(run.scenario, block.markets)}


def _block_row(block: Block) -> dict[str, Any]:
    return {
        "block": block.number,
        "timestamp": block.timestamp,
        "step": block.step,
        "transactions": len(block.receipts),
        "reverted": len(block.reverted),
        "gas_used": block.gas_used,
        "custody_units": Decimal(block.custody),
        "deficit": Decimal(block.deficit),
        "flat_quote": Decimal(block.flat_quote),
        "vault_equity": Decimal(block.vault_equity),
        "below_maintenance": block.below_maintenance,
        "below_zero": block.below_zero,
    }


def _market_columns(scenario: Scenario, markets: Sequence[Market]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for market, seen in zip(scenario.markets, markets, strict=True):
        columns[f"mark_{market.symbol}"] = Decimal(seen.mark)
        columns[f"index_{market.symbol}"] = Decimal(seen.index)
        columns[f"funding_{market.symbol}"] = Decimal(seen.funding)
        columns[f"open_interest_{market.symbol}"] = seen.open_interest
    return columns


# --- events --------------------------------------------------------------------------------------


def _event_rows(run: Run) -> Iterator[dict[str, Any]]:
    for block in run.blocks:
        for place, receipt in enumerate(block.receipts):
            where = {"block": receipt.block, "timestamp": receipt.timestamp, "transaction": place}
            if not receipt.success:
                yield where | _refusal_row(receipt)
            for number, event in enumerate(receipt.events):
                fields = json.dumps(_plain(event.args._asdict()))
                yield where | {
                    "log": number,
                    "contract": event.contract,
                    "event": event.name,
                    "fields": fields,
                }


def _refusal_row(receipt: Receipt) -> dict[str, Any]:
    contract, _, function = receipt.label.partition(".")
    fields = json.dumps({"function": function, "reason": receipt.reason})
    return {"log": -1, "contract": contract, "event": REVERTED, "fields": fields}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: "0x" + value.hex() if isinstance(value, bytes) else value
        for key, value in fields.items()
    }


# --- accounts ------------------------------------------------------------------------------------


def _account_rows(run: Run, phase: str, seen: Snapshot) -> Iterator[dict[str, Any]]:
    lost = run.tally.winners
    taken = lost.taken if phase == "end" else {}
    forgone = lost.forgone(seen.markets) if phase == "end" else {}
    for number, held in seen.accounts.items():
        legs: list[tuple[int, Leg] | tuple[None, None]] = [*held.legs.items()] or [(None, None)]
        for place, (market, leg) in enumerate(legs):
            first = place == 0
            yield {
                "phase": phase,
                "account": number,
                **_who(run, held),
                "quote": Decimal(seen.quote(number) if first else 0),
                "equity": Decimal(seen.equity(number) if first else 0),
                "market": None if market is None else run.scenario.markets[market].symbol,
                "size": leg.size if leg else 0,
                "cost": Decimal(leg.cost if leg else 0),
                "resting_bids": leg.bids if leg else 0,
                "resting_asks": leg.asks if leg else 0,
                "adl_taken": Decimal(taken.get(number, 0) if first else 0),
                "adl_forgone": Decimal(forgone.get(number, 0) if first else 0),
            }


def _who(run: Run, held: Account) -> dict[str, str]:
    """Return the name, owner and kind of an account."""
    own = {
        FEES: "fees",
        DEFICIT: "deficit",
        run.parent: "vault",
        run.child: "backstop",
        **dict.fromkeys(run.funds, "insurance"),
        **({run.counterparty: "counterparty"} if run.counterparty else {}),
    }
    if held.number in own:
        kind = own[held.number]
        return {"name": kind, "owner": "", "kind": kind}
    member = run.roster.accounts[held.number]
    return {"name": member.name, "owner": member.owner, "kind": member.kind}
