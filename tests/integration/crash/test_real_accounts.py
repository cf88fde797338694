"""`ape run crash oct10_real`: recorded accounts stand as they were, and are closed as recorded."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from spillway import crash, datasets, engines, presets, real_story, real_table, rebuild, replay
from spillway.command import Options
from spillway.command import crash as run_crash
from spillway.errors import BadInput
from spillway.model import margin
from spillway.model.policies import QUEUES
from spillway.replay import LEAST_BAND, Replay
from spillway.units import quote_to_usd, usd_to_price
from tests import real_tables
from tests.chains import FASTEST
from tests.real_tables import BOTH, FIRST, ONE, POOR, SECOND, SOLO, THREE, TINY, TWO, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.invariants import Snapshot
    from spillway.presets import Preset
    from spillway.rebuild import Record

PUBLIC = Path(__file__).parents[3] / "../shared/data/hyperliquid_oct10"
WHOLE = real_story.load("oct10_real")
# As much equity for the made-up batches as the liquidators had for theirs: some percent of them.
EQUITY = {"liquidator": Decimal("1199.98"), "liquidator_2": Decimal(10_000)}
STORY = WHOLE.model_copy(
    update={
        "losers": tuple(
            loser.model_copy(update={"equity_usd": EQUITY[loser.name]}) for loser in WHOLE.losers
        )
    }
)
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_tables.write(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def record(tables: Path) -> Record:
    return rebuild.rebuild(datasets.read(tables), STORY.markets)


def hyperliquid(policy: str = "hyperliquid_queue") -> Preset:
    return presets.with_policy(presets.load(presets.find("hyperliquid")), policy)


def stand(
    preset: Preset, record: Record, artifacts: Artifacts, story: real_story.Story = STORY
) -> Any:
    told = real_story.as_scenario(story, record)
    chain = engines.start(FASTEST, real_story.genesis(told, preset))
    return replay._Stand(crash.stage(chain, artifacts, told, preset), told, story, record)  # noqa: SLF001


@pytest.fixture(scope="module")
def opened(record: Record, artifacts: Artifacts) -> tuple[Any, Snapshot]:
    """A venue as the first batch finds it; not to be changed."""
    venue = stand(hyperliquid(), record, artifacts)
    venue.open()
    return venue, venue.now


@pytest.fixture(scope="module")
def played(record: Record, artifacts: Artifacts) -> Replay:
    result: Replay = stand(hyperliquid(), record, artifacts).play()
    return result


# --- how it is set up ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [ONE, TWO, THREE, SOLO])
def test_an_account_has_its_recorded_value_at_the_price_of_its_batch(
    opened: tuple[Any, Snapshot], record: Record, number: int
) -> None:
    venue, now = opened
    (winner,) = [winner for winner in record.winners if winner.user == user(number)]
    (part,) = winner.parts
    held = now.accounts[venue.accounts[user(number)]]
    market = now.markets[part.market]
    price = usd_to_price(part.price, market.size_decimals)
    markets = list(now.markets)
    markets[part.market] = replace(market, mark=price)

    assert held.legs[part.market].size == -part.lots
    value = quote_to_usd(margin.equity(held, markets))
    assert 0 <= value - winner.value < Decimal("0.000001")
    # What ranks it, beside that: profit and entry notional, to a tick of the smallest order.
    profit = Decimal(part.lots).scaleb(-market.size_decimals) * (part.entry - part.price)
    pnl = -held.legs[part.market].size * -price - held.legs[part.market].cost
    assert abs(quote_to_usd(pnl) - profit) < CENT


def test_whoever_is_worth_less_than_it_won_gets_the_least_that_opens_it(
    opened: tuple[Any, Snapshot],
) -> None:
    venue, now = opened
    assert venue.result.raised == [user(POOR)]
    held = now.accounts[venue.accounts[user(POOR)]]
    assert held.legs[1].size == -1_111


def test_a_position_below_the_smallest_order_is_left_out_and_said(
    opened: tuple[Any, Snapshot],
) -> None:
    venue, _ = opened
    assert user(TINY) not in venue.accounts
    assert [part.lots for part in venue.result.left_out] == [3]


def test_the_losers_have_what_the_liquidators_had(opened: tuple[Any, Snapshot]) -> None:
    venue, now = opened
    values = [quote_to_usd(now.quote(member.account)) for member in venue.losers]
    assert values == list(EQUITY.values())
    shipped = [loser.equity_usd for loser in WHOLE.losers]
    assert shipped == [Decimal("599991.58"), Decimal(7_500_000)]


def test_equity_that_no_fall_within_the_band_can_take_is_refused(
    record: Record, artifacts: Artifacts
) -> None:
    venue = stand(hyperliquid(), record, artifacts, WHOLE)
    with pytest.raises(BadInput, match="equity_usd of liquidator"):
        venue.play()


def test_a_venue_with_too_narrow_a_band_is_refused(record: Record, artifacts: Artifacts) -> None:
    narrow = hyperliquid()
    trading = narrow.trading.model_copy(update={"band_ppm": int(LEAST_BAND * 10**6) - 1})
    venue = stand(narrow.model_copy(update={"trading": trading}), record, artifacts)
    with pytest.raises(BadInput, match=r"trading\.band_ppm"):
        venue.play()


# --- what it does --------------------------------------------------------------------------------


def test_every_batch_closes_its_lots_at_its_price(played: Replay, record: Record) -> None:
    tiny = 3  # lots of SOL that no order can be as small as
    for batch in record.batches:
        hits = [
            h for h in played.hits if (h.batch.time, h.batch.market) == (batch.time, batch.market)
        ]
        closed = sum(hit.lots for hit in hits)
        assert closed == batch.lots - (tiny if batch.market == 1 and batch.time == SECOND else 0)
        price = usd_to_price(batch.price, STORY.markets[batch.market].size_decimals)
        assert all(hit.quote == hit.lots * price and hit.tier == 1 for hit in hits)
    assert not played.findings


def test_each_loser_has_its_share_of_every_batch(played: Replay) -> None:
    weights = {loser.name: loser.passed_on_usd for loser in STORY.losers}
    for batch in played.played:
        for name, weight in weights.items():
            closed = sum(h.lots for h in played.hits if h.batch == batch and h.loser == name)
            assert abs(closed - batch.lots * weight / sum(weights.values())) <= 1


def test_the_policy_decides_who_is_closed_first(record: Record, artifacts: Artifacts) -> None:
    """TWO won 3 % and THREE 10 %, with the same value: by profit and leverage TWO comes last."""
    result = stand(hyperliquid(), record, artifacts).play()
    first = {hit.user for hit in result.hits if hit.batch.time == FIRST and hit.batch.market == 0}
    assert user(THREE) in first
    assert user(TWO) not in first


# --- the command ---------------------------------------------------------------------------------


def test_the_command_reports_each_policy_beside_the_record(
    tables: Path, tmp_path: Path, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artifacts
    monkeypatch.setattr(real_story, "load", lambda _: STORY)
    console = Console(width=80, file=io.StringIO(), record=True, highlight=False)
    out = tmp_path / "run"
    options = Options("oct10_real", engine=FASTEST, data=tables, out=out)
    assert run_crash(options, console) == 0

    summary = json.loads((out / "summary.json").read_text())
    assert summary["policies"][0]["policy"] == "hyperliquid_queue"
    assert {policy["policy"] for policy in summary["policies"]} == set(QUEUES)
    recorded = summary["recorded"]["replayed_markets"]
    shorts = [fill for fill in real_tables.FILLS if fill.side == "SHORT"]
    assert abs(Decimal(recorded["notional_usd"]) - sum(f.notional for f in shorts)) < 50
    assert recorded["accounts"] == len({fill.user for fill in shorts})
    for policy in summary["policies"]:
        left = Decimal(recorded["notional_usd"]) - Decimal(policy["notional_usd"])
        assert abs(left - Decimal("0.03") * Decimal("168.21")) < CENT
        assert policy["accounts"] == recorded["accounts"] - 1
        assert 0 <= Decimal(policy["matched"]) <= 1
        assert policy["findings"] == []
    assert summary["cannot_tell"]
    closed = pq.read_table(out / "closed.parquet").to_pylist()
    assert len(closed) == sum(policy["fills"] for policy in summary["policies"])
    assert {row["account"] for row in closed} >= {user(ONE), user(BOTH)}
    assert "What the tables cannot tell" in console.export_text()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(width: int, played: Replay, record: Record) -> None:
    from spillway import real_report  # noqa: PLC0415 (used here alone)

    console = Console(width=width, record=True, file=io.StringIO())
    summary = real_report.summary(STORY, hyperliquid(), record, [played])
    console.print(real_table.render(summary))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "hyperliquid_queue" in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": None}, r"--data: found 'nothing'.*HyperMultiAssetedADL.*ADLVisualizer"),
        ({"seed": 1}, "--seed: found 1"),
        ({"traders": 5}, "--traders: found 5"),
        ({"policies": "seniority"}, "--policies: found 'seniority', allowed: hyperliquid_queue"),
        ({"engine": "geth"}, "--engine: found 'geth'"),
        ({"scenario": "thin"}, "--data: found .*allowed: nothing with this scenario"),
        ({"scenario": "thin", "data": None, "policies": "x"}, "--policies: found 'x'"),
    ],
)
def test_options_that_are_not_allowed(
    tables: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    options = Options("oct10_real", engine=FASTEST, data=tables, out=tmp_path / "run")
    with pytest.raises(BadInput, match=says) as error:
        run_crash(replace(options, **change), Console(file=io.StringIO()))
    assert error.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


# --- the public tables ---------------------------------------------------------------------------


@pytest.mark.campaign
@pytest.mark.skipif(not PUBLIC.exists(), reason=f"needs the public figures in {PUBLIC}")
def test_the_public_tables_are_replayed(
    tmp_path: Path, artifacts: Artifacts, record_property: Callable[[str, object], None]
) -> None:
    assert artifacts
    out = tmp_path / "run"
    options = Options("oct10_real", engine=FASTEST, data=PUBLIC, out=out)
    assert run_crash(options, Console(file=io.StringIO())) == 0
    summary = json.loads((out / "summary.json").read_text())
    recorded = summary["recorded"]["replayed_markets"]
    for policy in summary["policies"]:
        short_of = Decimal(recorded["notional_usd"]) - Decimal(policy["notional_usd"])
        assert 0 <= short_of < Decimal("0.0001") * Decimal(recorded["notional_usd"])
        record_property(policy["policy"], policy["matched"])
