"""From tables to batches and accounts: prices by division, sizes by price, the rest in shares."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from spillway import datasets, real_measures, real_story, rebuild
from spillway.errors import BadInput
from spillway.rebuild import Part, Record, whole_lots
from tests import real_tables
from tests.real_tables import (
    BOTH,
    FILLS,
    FIRST,
    LONG,
    ONE,
    PRICES,
    SECOND,
    SEVERAL,
    THREE,
    TWO,
    Fill,
    user,
)

PUBLIC = Path(__file__).parents[3] / "../shared/data/hyperliquid_oct10"
STORY = real_story.load("oct10_real")
DECIMALS = {"BTC": 5, "SOL": 2}
SYMBOLS = [terms.symbol for terms in STORY.markets]


def rebuilt(folder: Path, fills: tuple[Fill, ...] = FILLS) -> Record:
    return rebuild.rebuild(datasets.read(real_tables.write(folder, fills)), STORY.markets)


def part(record: Record, number: int, market: str = "BTC") -> Part:
    (winner,) = [winner for winner in record.winners if winner.user == user(number)]
    (found,) = [p for p in winner.parts if SYMBOLS[p.market] == market]
    return found


def lots(size: Decimal, market: str) -> int:
    return int(size.scaleb(DECIMALS[market]))


def test_lots_are_whole_at_the_right_price_and_binary_noise_is_none() -> None:
    notional = Decimal("1.00003") * 108_416
    assert whole_lots(notional, Decimal(108_416), 5) == 100_003
    assert whole_lots(notional + Decimal("4e-8"), Decimal(108_416), 5) == 100_003
    assert whole_lots(notional, Decimal(108_417), 5) == 0


def test_every_batch_is_priced_by_what_divides_it(tmp_path: Path) -> None:
    record = rebuilt(tmp_path)
    assert {(SYMBOLS[b.market], b.time): b.price for b in record.batches} == PRICES
    assert [b.time for b in record.batches] == [FIRST, FIRST, SECOND, SECOND]


def test_a_batch_has_the_lots_of_its_shorts_alone(tmp_path: Path) -> None:
    record = rebuilt(tmp_path)
    for batch in record.batches:
        market = SYMBOLS[batch.market]
        ours = [f for f in FILLS if (f.market, f.time) == (market, batch.time)]
        assert batch.lots == sum(lots(f.size, market) for f in ours if f.side == "SHORT")
    (long,) = [f for f in FILLS if f.side == "LONG"]
    assert abs(record.longs - long.notional) < Decimal("1e-6")
    assert user(LONG) not in {winner.user for winner in record.winners}


@pytest.mark.parametrize("number", [ONE, TWO, THREE])
def test_a_single_fill_is_known_to_the_lot(tmp_path: Path, number: int) -> None:
    found = part(rebuilt(tmp_path), number)
    (recorded,) = [f for f in FILLS if f.user == user(number)]
    assert found.basis == "read"
    assert found.lots == lots(recorded.size, "BTC")
    assert found.batch is not None
    assert (found.price, found.batch.time) == (recorded.price, recorded.time)
    assert abs(found.entry - recorded.entry) < Decimal("1e-6")


def test_what_single_fills_leave_is_shared_out_whole(tmp_path: Path) -> None:
    record = rebuilt(tmp_path)
    for number, symbol in enumerate(SYMBOLS):
        held = sum(p.lots for w in record.winners for p in w.parts if p.market == number)
        assert held == sum(batch.lots for batch in record.batches if batch.market == number)
        assert held == sum(
            lots(f.size, symbol) for f in FILLS if f.market == symbol and f.side == "SHORT"
        )


def test_an_account_of_several_fills_is_weighed_by_its_profit(tmp_path: Path) -> None:
    record = rebuilt(tmp_path)
    for number, size in ((SEVERAL, Decimal("0.60026")), (BOTH, Decimal("0.20017"))):
        found = part(record, number)
        assert found.basis == "weighed"
        assert found.batch is None
        assert abs(found.lots - lots(size, "BTC")) <= lots(size, "BTC") // 100


def test_an_account_without_a_profit_of_its_own_takes_a_share(tmp_path: Path) -> None:
    folder = real_tables.write(tmp_path)
    path = folder / real_tables.POSITIONS
    # Its trades in BTC are not all closings, so that their profit says nothing of them.
    rows = path.read_text().splitlines()
    rows = [r.removesuffix("True,1") + "True,7" if f"{user(BOTH)},BTC" in r else r for r in rows]
    path.write_text("\n".join(rows) + "\n")
    record = rebuild.rebuild(datasets.read(folder), STORY.markets)
    found = part(record, BOTH)
    assert found.basis == "shared"
    assert 0 < found.lots < lots(Decimal(1), "BTC")


def test_tables_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    path = real_tables.write(tmp_path) / real_tables.FLOW
    text = path.read_text()
    (whole,) = [b.adldByAsset["BTC"] for b in datasets.read(tmp_path).flow.timeBuckets[:1]]
    path.write_text(text.replace(str(float(whole)), str(float(100 * whole))))
    with pytest.raises(BadInput, match="what single fills leave of the batches"):
        rebuild.rebuild(datasets.read(tmp_path), STORY.markets)


# --- the public tables ---------------------------------------------------------------------------


@pytest.mark.skipif(not PUBLIC.exists(), reason=f"needs the public figures in {PUBLIC}")
def test_the_public_tables_are_rebuilt_to_the_volumes_that_are_published_beside_them() -> None:
    record = rebuild.rebuild(datasets.read(PUBLIC), STORY.markets)
    # adl_net_volume_full_12min.csv, which the rebuilding does not look at.
    volumes = {"BTC": Decimal("5832.3903"), "SOL": Decimal("1671652.73")}
    for number, symbol in enumerate(SYMBOLS):
        ours = [batch for batch in record.batches if batch.market == number]
        assert all(batch.price for batch in ours)
        closed = sum(whole_lots(b.notional, b.price, DECIMALS[symbol]) for b in ours)
        assert closed == lots(volumes[symbol], symbol)
    found = real_measures.spread(record.notionals)
    assert found.accounts == 19_337
    assert [round(100 * share, 1) for share in found.tops] == [
        Decimal("15.7"),
        Decimal("45.8"),
        Decimal("77.6"),
    ]
    alone = [w for w in record.winners if all(p.basis == "read" for p in w.parts)]
    assert len(alone) > len(record.winners) / 2
