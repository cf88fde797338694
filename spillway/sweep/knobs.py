"""What a sweep may turn: each knob has a name, its allowed values, and what it does to a run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING

from spillway import presets
from spillway.errors import BadInput
from spillway.presets import PPM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spillway.presets import Preset
    from spillway.scenario import Scenario

OPTION = "--over"
UNIT = Decimal("0.000001")  # of the collateral


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing to turn.

    Attributes:
        about: What its value means, for people.
        read: Gives a value in its one spelling; raises ValueError for what is not allowed.
        turn: Gives scenario and preset with the value in place.
    """

    about: str
    read: Callable[[str], str]
    turn: Callable[[Scenario, Preset, str], tuple[Scenario, Preset]]


def turned(
    scenario: Scenario, preset: Preset, values: Mapping[str, str]
) -> tuple[Scenario, Preset]:
    """Return scenario and preset with every knob at its value; the venue first: others turn it."""
    for name in sorted(values, key=list(KNOBS).index):
        scenario, preset = KNOBS[name].turn(scenario, preset, values[name])
    return scenario, preset


def read(name: str, text: str) -> str:
    """Return a knob's value in its one spelling. Raises BadInput."""
    knob = KNOBS.get(name)
    if knob is None:
        raise BadInput("command line", OPTION, name, ", ".join(KNOBS))
    try:
        return knob.read(text)
    except ValueError:
        raise BadInput("command line", f"{OPTION} {name}", text, knob.about) from None


def spelled(value: Decimal) -> str:
    """Return a number in its one spelling, without an exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- values --------------------------------------------------------------------------------------


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not value.is_finite() or value <= 0:
        raise ValueError(text)
    return value


def _factor(text: str) -> str:
    return spelled(_number(text))


def _share(text: str) -> str:
    value = _number(text)
    if value > 1 or int(value * PPM) < 1:
        raise ValueError(text)
    return spelled(value)


def _whole(text: str) -> str:
    if not text.isdecimal():
        raise ValueError(text)
    return str(int(text))


def _venue(text: str) -> str:
    try:
        presets.find(text)
    except BadInput:
        raise ValueError(text) from None
    return text


def _policy(text: str) -> str:
    if text not in presets.POLICIES:
        raise ValueError(text)
    return text


# --- turning -------------------------------------------------------------------------------------


def _set_venue(scenario: Scenario, _: Preset, value: str) -> tuple[Scenario, Preset]:
    return scenario, presets.load(presets.find(value))


def _set_policy(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    return scenario, presets.with_policy(preset, value)


def _set_at_risk(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    vault = preset.vault.model_copy(update={"at_risk_ppm": int(Decimal(value) * PPM)})
    return scenario, preset.model_copy(update={"vault": vault})


def _scale_depth(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    levels = tuple(
        level.model_copy(update={"depth_usd": level.depth_usd * Decimal(value)})
        for level in scenario.book.levels
    )
    book = scenario.book.model_copy(update={"levels": levels})
    return scenario.model_copy(update={"book": book}), preset


def _scale_vault(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    depositors = tuple(
        one.model_copy(
            update={"amount_usd": (one.amount_usd * Decimal(value)).quantize(UNIT, ROUND_DOWN)}
        )
        for one in scenario.vault.depositors
    )
    vault = scenario.vault.model_copy(update={"depositors": depositors})
    return scenario.model_copy(update={"vault": vault}), preset


def _scale_traders(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    groups = tuple(
        group.model_copy(update={"count": _scaled(group.count, Decimal(value))})
        for group in scenario.population
    )
    return scenario.model_copy(update={"population": groups}), preset


def _scaled(count: int, factor: Decimal) -> int:
    return max(1, int((count * factor).quantize(Decimal(1), ROUND_HALF_EVEN)))


def _set_lag(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    feed = scenario.feed.model_copy(update={"lag_blocks": int(value)})
    return scenario.model_copy(update={"feed": feed}), preset


def _set_seed(scenario: Scenario, preset: Preset, value: str) -> tuple[Scenario, Preset]:
    return scenario.model_copy(update={"seed": int(value)}), preset


KNOBS = {
    "venue": Knob("a preset under venues/, or a path to a .toml file", _venue, _set_venue),
    "policy": Knob("a ranking policy of contracts/adl, in snake case", _policy, _set_policy),
    "at_risk": Knob("share of the vault that its child is given, above 0", _share, _set_at_risk),
    "depth": Knob("factor of the book's depth, above 0", _factor, _scale_depth),
    "vault": Knob("factor of the vault's deposits, above 0", _factor, _scale_vault),
    "traders": Knob("factor of the numbers of drawn traders, above 0", _factor, _scale_traders),
    "lag": Knob("blocks that reported prices are late, a whole number", _whole, _set_lag),
    "seed": Knob("a whole number", _whole, _set_seed),
}
