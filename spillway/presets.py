"""Presets: a venue's rules as figures, read from venues/*.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from spillway import tables
from spillway.build import ROOT
from spillway.errors import BadInput
from spillway.tables import Table, Text, Whole

FOLDER = ROOT / "venues"

PPM = 10**6

Ppm = Annotated[Whole, Field(ge=0, le=PPM)]
Seconds = Annotated[Whole, Field(gt=0)]
Weight = Annotated[Whole, Field(ge=0, lt=2**16)]


class Trading(Table):
    """What trades cost, and how far from mark they may be."""

    taker_fee_ppm: Ppm
    maker_fee_ppm: Ppm
    band_ppm: Ppm


class Reporter(Table):
    """A price source; a weight of 0 means that it does not vote."""

    name: Text
    spot_weight: Weight
    perp_weight: Weight


class Oracle(Table):
    """Who says what the asset is worth, and for how long that counts."""

    reporters: Annotated[tuple[Reporter, ...], Field(min_length=1, max_length=16)]
    max_report_age_seconds: Seconds
    max_mark_age_seconds: Seconds
    quorum: Annotated[Whole, Field(gt=0)]
    funding: Literal["continuous", "hourly"]


class Liquidation(Table):
    """How the book layer sells."""

    slice_above_usd: Annotated[Whole, Field(ge=0)]
    window_seconds: Annotated[Whole, Field(ge=0)]


class Vault(Table):
    """How the vault stands behind the book, and how it sheds what it took over."""

    at_risk_ppm: Annotated[Whole, Field(ge=1, le=PPM)]  # capital of the child, of net asset value
    lock_seconds: Annotated[Whole, Field(ge=0, le=365 * 24 * 60 * 60)]
    shed_slice_ppm: Annotated[Whole, Field(ge=1, le=PPM)]  # part of a position sold at a time
    shed_band_ppm: Ppm  # how far from mark


class Adl(Table):
    """Who is deleveraged first, and who keeps what a closed account has left."""

    policy: Text
    residual_to: Literal["account", "fees"]


class Preset(Table):
    """A venue's rules."""

    name: Text
    title: Text
    sources: tuple[Text, ...] = ()
    trading: Trading
    oracle: Oracle
    liquidation: Liquidation
    vault: Vault
    adl: Adl


def names() -> list[str]:
    """Return the names of the presets that the project ships."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str) -> Path:
    """Return the file of a preset: a name under venues/, or a path. Raises BadInput."""
    shipped = FOLDER / f"{name}.toml"
    if name in names():
        return shipped
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    allowed = f"{', '.join(names())}, or a path to a .toml file"
    raise BadInput("command line", "--venue", name, allowed)


def load(path: Path) -> Preset:
    """Read a preset and check what its keys say of each other. Raises BadInput."""
    preset = tables.read(path, Preset)
    oracle = preset.oracle
    heaviest = max(max(r.spot_weight, r.perp_weight) for r in oracle.reporters)
    total = sum(reporter.spot_weight for reporter in oracle.reporters)
    if not 2 * heaviest < oracle.quorum <= total:
        allowed = f"more than twice the heaviest weight ({heaviest}), at most their sum ({total})"
        raise BadInput(str(path), "oracle.quorum", oracle.quorum, allowed)
    if preset.vault.shed_band_ppm > preset.trading.band_ppm:
        allowed = f"at most trading.band_ppm, {preset.trading.band_ppm}"
        raise BadInput(str(path), "vault.shed_band_ppm", preset.vault.shed_band_ppm, allowed)
    if preset.trading.maker_fee_ppm > preset.trading.taker_fee_ppm:
        allowed = "at most the taker's fee"
        raise BadInput(str(path), "trading.maker_fee_ppm", preset.trading.maker_fee_ppm, allowed)
    return preset


def policies() -> list[str]:
    """Return the names of the ranking policies that there are contracts of."""
    stems = (path.stem for path in (ROOT / "contracts" / "adl").glob("*.vy"))
    return sorted(re.sub(r"(?<!^)(?=[A-Z])", "_", stem).lower() for stem in stems)


def policy_contract(policy: str) -> str:
    """Return the contract of a ranking policy: `hyperliquid_queue` -> `HyperliquidQueue`."""
    return "".join(word.capitalize() for word in policy.split("_"))
