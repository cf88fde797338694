"""What each knob does to a scenario and its preset, and that it does nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway import presets, scenario
from spillway.errors import BadInput
from spillway.sweep import knobs

if TYPE_CHECKING:
    from spillway.presets import Preset
    from spillway.scenario import Scenario


@pytest.fixture
def told() -> Scenario:
    return scenario.load(scenario.find("thin"))


@pytest.fixture
def preset() -> Preset:
    return presets.load(presets.find("hyperliquid"))


def test_depth_scales_every_level(told: Scenario, preset: Preset) -> None:
    turned, same = knobs.turned(told, preset, {"depth": "0.5"})
    before = [level.depth_usd for level in told.book.levels]
    assert [level.depth_usd for level in turned.book.levels] == [depth / 2 for depth in before]
    assert same == preset
    assert knobs.turned(turned, preset, {"depth": "2"})[0] == told


def test_the_vault_is_scaled_in_whole_units_of_collateral(told: Scenario, preset: Preset) -> None:
    turned, _ = knobs.turned(told, preset, {"vault": "0.3333333"})
    amounts = [one.amount_usd for one in told.vault.depositors]
    for scaled, amount in zip(turned.vault.depositors, amounts, strict=True):
        exact = amount * Decimal("0.3333333")
        assert exact - knobs.UNIT < scaled.amount_usd <= exact
        assert scaled.amount_usd % knobs.UNIT == 0


def test_traders_are_at_least_one_of_a_group(told: Scenario, preset: Preset) -> None:
    assert [group.count for group in told.population] == [8]
    for factor, count in (("0.5", 4), ("0.01", 1), ("3", 24)):
        turned, _ = knobs.turned(told, preset, {"traders": factor})
        assert [group.count for group in turned.population] == [count]


def test_at_risk_goes_to_the_venue_that_was_chosen(told: Scenario, preset: Preset) -> None:
    _, turned = knobs.turned(told, preset, {"at_risk": "0.25", "venue": "hyperliquid"})
    assert turned.vault.at_risk_ppm == 250_000
    assert turned.trading == preset.trading


def test_a_policy_goes_to_the_venue_that_was_chosen(told: Scenario, preset: Preset) -> None:
    values = {"policy": "hyperliquid_docs_queue", "venue": "hyperliquid"}
    same, turned = knobs.turned(told, preset, values)
    assert turned.adl.policy == "hyperliquid_docs_queue"
    assert presets.with_policy(turned, preset.adl.policy) == preset
    assert same == told


def test_a_policy_has_a_contract() -> None:
    with pytest.raises(BadInput, match=r"--over policy: found 'vault'"):
        knobs.read("policy", "vault")


def test_seed_and_lag_are_set(told: Scenario, preset: Preset) -> None:
    turned, _ = knobs.turned(told, preset, {"seed": "7", "lag": "2"})
    assert (turned.seed, turned.feed.lag_blocks) == (7, 2)


@pytest.mark.parametrize(
    ("text", "spelled"), [("1.50", "1.5"), ("2", "2"), ("1e1", "10"), ("0.030", "0.03")]
)
def test_a_number_has_one_spelling(text: str, spelled: str) -> None:
    assert knobs.read("depth", text) == spelled
