"""Presets: what the shipped ones say, and what a file may not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import presets, tables
from spillway.errors import BadInput
from spillway.model.policies import SHARES
from spillway.preset_rules import adl_rules
from spillway.rules import NOBODY, Price, Trigger

if TYPE_CHECKING:
    from pathlib import Path


def changed(folder: Path, old: str, new: str, venue: str = "hyperliquid") -> Path:
    """A copy of a preset, Hyperliquid's unless told, with one change."""
    text = presets.find(venue).read_text()
    assert old in text
    path = folder / "venue.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_every_shipped_preset_loads_and_is_called_as_its_file() -> None:
    assert presets.names()
    for name in presets.names():
        assert presets.load(presets.find(name)).name == name


def test_a_preset_may_be_a_path(tmp_path: Path) -> None:
    path = changed(tmp_path, "taker_fee_ppm = 450", "taker_fee_ppm = 500")
    assert presets.load(presets.find(str(path))).trading.taker_fee_ppm == 500


def test_an_unknown_venue_is_refused() -> None:
    with pytest.raises(BadInput, match=r"--venue: found 'mtgox', allowed: .*hyperliquid"):
        presets.find("mtgox")


def test_what_was_written_reads_back_the_same(tmp_path: Path) -> None:
    preset = presets.load(presets.find("hyperliquid"))
    path = tmp_path / "venue.toml"
    path.write_text(tables.written(preset))
    assert presets.load(path) == preset


def test_every_shipped_preset_is_written_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "venue.toml"
    for name in presets.names():
        preset = presets.load(presets.find(name))
        path.write_text(tables.written(preset))
        assert presets.load(path) == preset


FUND = "\n[insurance]\ncapital_ppm = 1\n"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            '\n[[backstops]]\nby = "insurance"\n',
            r"backstops\[0\]\.by: found 'insurance', .*takes_over",
        ),
        (FUND + '[[backstops]]\nby = "insurance"\n', r"backstops\[0\]\.by: .*takes_over"),
        (
            '\n[[backstops]]\nby = "vault"\nbelow = "3/2"\n',
            r"backstops\[0\]\.below: found '3/2', .*at most 1",
        ),
        ('\n[[backstops]]\nby = "vault"\nbelow = "0"\n', r"backstops\[0\]\.below"),
        ('\n[[backstops]]\nby = "bank"\n', r"backstops\[0\]\.by"),
        (
            '\n[[backstops]]\nby = "providers"\n',
            r"backstops\[0\]\.by: found 'providers', .*\[providers\]",
        ),
        (
            "\n[providers]\ncount = 5\ncapital_ppm = 1\nleverage = 1\n",
            r"providers\.count: found 5, .*at most 4",
        ),
        (FUND + "pooled = false\ntakes_over = true\n", r"takes_over: .*pooled is true"),
        (
            FUND + "pooled = false\nfee_share_ppm = 5\n",
            r"fee_share_ppm: found 5, .*pooled is false",
        ),
        (FUND + "drawdown_ppm = 5\nresume_ppm = 6\n", r"insurance\.resume_ppm: found 6, .*, 5"),
        (FUND + "drawdown_ppm = 0\n", r"insurance\.drawdown_ppm: found 0"),
    ],
)
def test_layers_that_can_not_be_are_refused(tmp_path: Path, told: str, says: str) -> None:
    path = tmp_path / "venue.toml"
    path.write_text(presets.find("hyperliquid").read_text() + told)
    with pytest.raises(BadInput, match=says):
        presets.load(path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("quorum = 7", "quorum = 6", r"oracle\.quorum: found 6, allowed: more than twice"),
        ("quorum = 7", "quorum = 12", r"oracle\.quorum: found 12, .* their sum \(11\)"),
        ("quorum = 7", "qorum = 7", r"oracle\.qorum: .* the nearest is 'quorum'"),
        ("maker_fee_ppm = 150", "maker_fee_ppm = 451", r"maker_fee_ppm: found 451"),
        (
            "band_ppm = 100_000",
            "band_ppm = -1",
            r"trading\.band_ppm: found -1, allowed: at least 0",
        ),
        ("shed_band_ppm = 5_000", "shed_band_ppm = 100_001", r"vault\.shed_band_ppm: found 100001"),
        ('funding = "hourly"', 'funding = "daily"', r"funding: .* 'continuous' or 'hourly'"),
        ("perp_weight = 3", 'perp_weight = "3"', r"reporters\[0\]\.perp_weight: .* whole number"),
        (
            'policy = "hyperliquid_queue"',
            'policy = "whoever_queue"',
            r"adl\.policy: found 'whoever_queue', allowed: one of hyperliquid_queue, .*_profit$",
        ),
        (
            'policy = "hyperliquid_queue"',
            'policy = "water_filling"',
            r"adl\.price: found 'previous_mark', allowed: \"bankruptcy\", with adl\.everyone",
        ),
        (
            'residual_to = "account"',
            'residual_to = "account"\noverlapping = true',
            r"adl\.overlapping: found 'true', allowed: false, unless .*adl\.everyone is true",
        ),
        (
            'policy = "hyperliquid_queue"',
            'policy = "water_filling"\neveryone = true\noverlapping = true',
            r"adl\.overlapping: found 'true', allowed: false, unless winners are ranked",
        ),
        (
            'residual_to = "account"',
            'residual_to = "account"\nbelow = "3/2"',
            r"adl\.below: found '3/2', allowed: at most 1",
        ),
        ('residual_to = "account"', "", r"adl\.residual_to: found 'nothing', allowed: a value"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        presets.load(changed(tmp_path, old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'trigger = "ordered"',
            'trigger = "unrestored"',
            r"adl\.trigger: found 'unrestored', allowed: \"ordered\", with a table \[counterp",
        ),
        ("capital_ppm = 1_000_000", "capital_ppm = 0", r"capital_ppm: found 0, .* at least 1"),
        ('price = "bankruptcy"', 'price = "index"', r"adl\.price: found 'index', .*\"bankruptcy\""),
        (
            'policy = "profit_queue"',
            'policy = "water_filling"',
            r"adl\.policy: found 'water_filling', allowed: a policy that ranks",
        ),
        (
            "everyone = true",
            "everyone = true\ndelay_blocks = 1",
            r"adl\.delay_blocks: found 1, allowed: 0",
        ),
        ("target_ppm = 20_000", "target_ppm = 100_000", r"target_ppm: found 100000, .*, 100000"),
        ("target_ppm = 20_000", "target_ppm = 0", r"target_ppm: found 0, allowed: at least 1"),
        ("reserve_ppm = 500_000", "reserve_ppm = 1_000_001", r"reserve_ppm: found 1000001"),
        ("spread_ppm = 500", "spread_ppm = 100_001", r"spread_ppm: found 100001, .*band_ppm"),
    ],
)
def test_a_counterparty_that_can_not_be_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        presets.load(changed(tmp_path, old, new, "gmx_v2"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'residual_to = "account"',
            'residual_to = "account"\ntrigger = "ordered"',
            r"adl\.trigger: found 'ordered', allowed: only with a table \[counterparty\]",
        ),
        (
            'by = "vault"',
            'by = "counterparty"',
            r"backstops\[0\]\.by: found 'counterparty', allowed: only with a table \[counterp",
        ),
    ],
)
def test_without_a_counterparty_nobody_asks_for_it(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        presets.load(changed(tmp_path, old, new, "lighter" if "by" in old else "hyperliquid"))


@pytest.mark.parametrize("policy", ["water_filling", "other_side"])
def test_where_nobody_is_ranked_a_counterparty_is_closed_as_others_are(policy: str) -> None:
    preset = presets.load(presets.find("gmx_v2"))
    assert adl_rules(preset, NOBODY).restoring
    turned = presets.with_policy(preset, policy)
    rules = adl_rules(turned, NOBODY)
    assert (rules.trigger, rules.restoring) == (Trigger.BELOW_ZERO, False)
    assert presets.with_policy(preset, "size_queue").adl.trigger == "ordered"


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "venue.toml"
    path.write_text("name = ")
    with pytest.raises(BadInput, match=r"syntax: .* allowed: TOML"):
        presets.load(path)


def test_another_policy_changes_nothing_else() -> None:
    preset = presets.load(presets.find("hyperliquid"))
    turned = presets.with_policy(preset, "hyperliquid_docs_queue")
    assert turned != preset
    assert presets.with_policy(turned, preset.adl.policy) == preset


def test_where_lots_are_shared_nobody_is_passed_over() -> None:
    preset = presets.load(presets.find("dydx_v4"))
    assert adl_rules(preset, NOBODY).overlapping
    assert not adl_rules(presets.with_policy(preset, "water_filling"), NOBODY).overlapping


@pytest.mark.parametrize("policy", SHARES)
def test_a_share_policy_brings_its_price_and_closes_whole(policy: str) -> None:
    preset = presets.load(presets.find("dango"))
    assert adl_rules(preset, NOBODY).restoring
    turned = presets.with_policy(preset, policy)
    rules = adl_rules(turned, NOBODY)
    assert (rules.price, rules.everyone, rules.restoring) == (Price.BANKRUPTCY, True, False)
    same = {"policy", "price", "everyone", "overlapping"}
    assert turned.adl.model_dump(exclude=same) == preset.adl.model_dump(exclude=same)
    assert turned.model_dump(exclude={"adl"}) == preset.model_dump(exclude={"adl"})
