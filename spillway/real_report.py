"""The folder of a replay: what the tables gave, what was recorded, and each policy beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spillway import real_measures, record
from spillway.real_measures import TOPS, Spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from spillway.presets import Preset
    from spillway.real_story import Story
    from spillway.rebuild import Record
    from spillway.replay import Replay

# What no reader of these tables can know, said with every result.
CANNOT_TELL = (
    (
        "Accounts that were passed over are not in them: every policy closes the same accounts in "
        "the end, and only the order in which it reaches them tells policies apart."
    ),
    (
        "What an account with several fills had in a market is an estimate: such positions count "
        "in notional and spread, and not in `matched`."
    ),
    (
        "An account's value is that of all its markets, at its closing. Isolated margin, and what "
        "it held elsewhere, are not in them."
    ),
    (
        "Nor is the mark at which the liquidators fell below zero (here: just below each batch's "
        "price), nor which of them had which lots (here: each its share of every batch)."
    ),
)

BATCHES = pa.schema(
    [
        ("time", pa.int64()),
        ("market", pa.string()),
        ("recorded_usd", pa.string()),
        ("price_usd", pa.string()),  # 0 where no one price explains the batch
        ("lots", pa.int64()),  # of shorts
        ("single_fills", pa.int64()),  # accounts that show the price
    ]
)
CLOSED = pa.schema(
    [
        ("policy", pa.string()),
        ("place", pa.int64()),  # in the order of closing
        ("time", pa.int64()),
        ("market", pa.string()),
        ("account", pa.string()),
        ("loser", pa.string()),
        ("lots", pa.int64()),
        ("quote", record.QUOTE),
        ("tier", pa.int64()),
    ]
)
ACCOUNTS = pa.schema(
    [
        ("account", pa.string()),
        ("value_usd", pa.string()),
        ("market", pa.string()),
        ("lots", pa.int64()),
        ("entry_usd", pa.string()),
        ("price_usd", pa.string()),
        ("time", pa.int64()),  # of its batch, null where it is not told
        ("basis", pa.string()),
    ]
)
_STEP = Decimal("0.000001")


def write(
    folder: Path,
    story: Story,
    preset: Preset,
    rebuilt: Record,
    replays: Sequence[Replay],
) -> dict[str, Any]:
    """Write the folder, in place of an earlier one; give the summary."""
    told = summary(story, preset, rebuilt, replays)
    with record.replaced(folder) as part:
        record.write_start(part, story, preset, told)
        record.write_table(part / "batches.parquet", list(_batch_rows(story, rebuilt)), BATCHES)
        record.write_table(part / "accounts.parquet", list(_account_rows(story, rebuilt)), ACCOUNTS)
        record.write_table(part / "closed.parquet", list(_closed_rows(story, replays)), CLOSED)
    return told


def summary(
    story: Story, preset: Preset, rebuilt: Record, replays: Sequence[Replay]
) -> dict[str, Any]:
    """Return summary.json. Amounts are USD as text, shares parts of 1."""
    markets, first = story.markets, replays[0]
    until = real_measures.half_time(first.played, markets)
    return {
        "scenario": story.name,
        "title": story.title,
        "venue": preset.name,
        "engine": first.engine,
        "markets": [_market(number, story, rebuilt) for number in range(len(markets))],
        "not_replayed": {
            "longs_usd": _usd(rebuilt.longs),
            "batches_too_small": len(first.too_small),
            "batches_too_small_usd": _usd(sum((b.notional for b in first.too_small), Decimal(0))),
            "positions_too_small": len(first.left_out),
            "accounts_with_more_collateral": len(first.raised),
        },
        "recorded": {
            "all_markets": _spread(real_measures.spread(rebuilt.notionals)),
            "replayed_markets": _spread(real_measures.recorded(rebuilt, markets)),
            "half_time": until,
            "half_way_single_fills": _spread(real_measures.recorded_half(rebuilt, markets, until)),
        },
        "matched_by_chance": _share(real_measures.by_chance(first, rebuilt, markets)),
        "policies": [_policy(replay, rebuilt, story) for replay in replays],
        "solvent": not any(replay.findings for replay in replays),
        "cannot_tell": list(CANNOT_TELL),
    }


def _market(number: int, story: Story, rebuilt: Record) -> dict[str, Any]:
    batches = [batch for batch in rebuilt.batches if batch.market == number]
    parts = [p for winner in rebuilt.winners for p in winner.parts if p.market == number]
    bases: dict[str, Any] = {}
    for basis in ("read", "weighed", "shared"):
        ours = [part for part in parts if part.basis == basis]
        usd = sum((real_measures.worth(part, story.markets) for part in ours), Decimal(0))
        bases[basis] = {"accounts": len(ours), "notional_usd": _usd(usd)}
    return {
        "market": story.markets[number].symbol,
        "batches": len(batches),
        "batches_priced": sum(1 for batch in batches if batch.price),
        "recorded_usd": _usd(sum((batch.notional for batch in batches), Decimal(0))),
        "positions": bases,
    }


def _policy(replay: Replay, rebuilt: Record, story: Story) -> dict[str, Any]:
    found = real_measures.measured(replay, rebuilt, story.markets)
    return {
        "policy": replay.policy,
        **_spread(found.whole),
        "matched": _share(found.matched),
        "half_way": _spread(found.half),
        "fills": len(replay.hits),
        "fills_at_mark": sum(1 for hit in replay.hits if hit.tier > 1),
        "blocks": replay.blocks,
        "transactions": replay.transactions,
        "wall_seconds": round(replay.wall_seconds, 3),
        "findings": [
            {"invariant": f.invariant, "block": f.block, "detail": f.detail}
            for f in replay.findings
        ],
    }


def _spread(found: Spread) -> dict[str, Any]:
    tops = {f"top_{top}": _share(part) for top, part in zip(TOPS, found.tops, strict=True)}
    return {"notional_usd": _usd(found.notional), "accounts": found.accounts, **tops}


def _usd(amount: Decimal) -> str:
    return f"{amount.quantize(_STEP):f}"


def _share(part: Decimal) -> str:
    return f"{part.quantize(_STEP):f}"


def _batch_rows(story: Story, rebuilt: Record) -> Iterator[dict[str, Any]]:
    for batch in rebuilt.batches:
        yield {
            "time": batch.time,
            "market": story.markets[batch.market].symbol,
            "recorded_usd": _usd(batch.notional),
            "price_usd": f"{batch.price:f}",
            "lots": batch.lots,
            "single_fills": batch.shown_by,
        }


def _account_rows(story: Story, rebuilt: Record) -> Iterator[dict[str, Any]]:
    for winner in rebuilt.winners:
        for part in winner.parts:
            yield {
                "account": winner.user,
                "value_usd": _usd(winner.value),
                "market": story.markets[part.market].symbol,
                "lots": part.lots,
                "entry_usd": _usd(part.entry),
                "price_usd": _usd(part.price),
                "time": part.batch.time if part.batch else None,
                "basis": part.basis,
            }


def _closed_rows(story: Story, replays: Sequence[Replay]) -> Iterator[dict[str, Any]]:
    for replay in replays:
        for place, hit in enumerate(replay.hits, 1):
            yield {
                "policy": replay.policy,
                "place": place,
                "time": hit.batch.time,
                "market": story.markets[hit.batch.market].symbol,
                "account": hit.user,
                "loser": hit.loser,
                "lots": hit.lots,
                "quote": Decimal(hit.quote),
                "tier": hit.tier,
            }
