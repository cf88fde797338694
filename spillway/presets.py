"""Presets: a venue's rules as figures, read from venues/*.toml."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from spillway import tables
from spillway.build import ROOT
from spillway.errors import BadInput
from spillway.model.policies import INDEXES, PROFITS, QUEUES, SHARES
from spillway.tables import Flag, Table, Text, Whole

FOLDER = ROOT / "venues"

PPM = 10**6
POLICIES = (*QUEUES, *SHARES, *INDEXES, *PROFITS)

Ppm = Annotated[Whole, Field(ge=0, le=PPM)]
# A part of one, such as 2/3.
Part = Annotated[Text, Field(pattern=r"^(1|[1-9]\d{0,3}/[1-9]\d{0,3})$")]
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
    """How the book layer sells, and how far."""

    slice_above_usd: Annotated[Whole, Field(ge=0)]
    window_seconds: Annotated[Whole, Field(ge=0)]
    slices: Annotated[Whole, Field(ge=1)] = 5
    limit: Literal["bankruptcy", "covered", "mark", "open"] = "bankruptcy"
    closes: Literal["slices", "restoring"] = "slices"
    fee_ppm: Ppm = 0


class Backstop(Table):
    """Who takes over what the book could not sell, once equity is below a part of maintenance."""

    by: Literal["vault", "insurance", "providers", "counterparty"]
    below: Part = "1"
    share: Part = "1"  # of the equity that is left; the rest is the fund's
    covers: Flag = False  # takes accounts below zero, too, and pays what they lack


class Insurance(Table):
    """An insurance fund: first-loss capital that pays what bankrupt accounts owe."""

    capital_ppm: Annotated[Whole, Field(ge=0)]  # of what depositors have in the vault
    pooled: Flag = True
    takes_over: Flag = False
    drawdown_ppm: Annotated[Whole, Field(ge=1, le=PPM)] = PPM
    resume_ppm: Ppm = PPM
    fee_share_ppm: Ppm = 0
    cap_usd: Annotated[Whole, Field(ge=0)] | None = None  # most that it pays for a market in all


class Providers(Table):
    """Traders who stand behind the book with accounts of their own."""

    count: Annotated[Whole, Field(ge=1, le=4)]
    capital_ppm: Annotated[Whole, Field(ge=1)]  # of what depositors have in the vault, in all
    leverage: Annotated[Whole, Field(ge=1, le=255)]  # notional that each pledges, of its capital


class Counterparty(Table):
    """A pool that trades against everyone, until they win too much from it."""

    capital_ppm: Annotated[Whole, Field(ge=1)]  # of what depositors have in the vault
    factor_ppm: Annotated[Whole, Field(ge=2, le=PPM)]  # of its worth: more pending starts a closing
    target_ppm: Annotated[Whole, Field(ge=1, le=PPM)]  # what that leaves pending, below the factor
    reserve_ppm: Ppm  # of its worth: notional in a market up to which it quotes
    spread_ppm: Annotated[Whole, Field(ge=1, le=PPM)]  # of its quotes from the index


class Vault(Table):
    """How the vault stands behind the book, and how it sheds what it took over."""

    at_risk_ppm: Annotated[Whole, Field(ge=1, le=PPM)]  # capital of the child, of net asset value
    lock_seconds: Annotated[Whole, Field(ge=0, le=365 * 24 * 60 * 60)]
    shed_slice_ppm: Annotated[Whole, Field(ge=1, le=PPM)]  # part of a position sold at a time
    shed_band_ppm: Ppm  # how far from mark


class Adl(Table):
    """Whom auto-deleveraging closes, against whom first, at what price; who keeps what is left."""

    policy: Text
    residual_to: Literal["account", "fees"]
    trigger: Literal["below_zero", "unrestored", "fund_short", "ordered"] = "below_zero"
    below: Part = "1"  # of maintenance, of those unrestored
    price: Literal["previous_mark", "mark", "index", "bankruptcy", "provider"] = "previous_mark"
    everyone: Flag = False
    covered: Flag = False
    overlapping: Flag = False  # who can't bear the price waits until all others are closed
    fee_ppm: Ppm = 0
    delay_blocks: Annotated[Whole, Field(ge=0)] = 0
    most_ppm: Annotated[Whole, Field(ge=1, le=PPM)] = PPM  # of mark, a lot in an epoch; an index


class Levers(Table):
    """How the venue may tighten its rules while it runs."""

    notice_seconds: Seconds = 3_600  # before that concerns positions that stand


class Preset(Table):
    """A venue's rules."""

    name: Text
    title: Text
    sources: tuple[Text, ...] = ()
    trading: Trading
    oracle: Oracle
    liquidation: Liquidation
    backstops: Annotated[tuple[Backstop, ...], Field(max_length=3)] = (
        Backstop(by="vault", below="2/3"),
    )
    insurance: Insurance | None = None
    providers: Providers | None = None
    counterparty: Counterparty | None = None
    vault: Vault
    adl: Adl
    levers: Levers = Levers()


def names() -> list[str]:
    """Return the names of the presets that the project ships."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str, option: str = "--venue") -> Path:
    """Return the file of a preset: a name under venues/, or a path. Raises BadInput."""
    shipped = FOLDER / f"{name}.toml"
    if name in names():
        return shipped
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    allowed = f"{', '.join(names())}, or a path to a .toml file"
    raise BadInput("command line", option, name, allowed)


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
    _check_backstops(preset, str(path))
    if preset.insurance:
        _check_insurance(preset.insurance, str(path))
    _check_counterparty(preset, str(path))
    if preset.adl.policy not in POLICIES:
        raise BadInput(str(path), "adl.policy", preset.adl.policy, f"one of {', '.join(POLICIES)}")
    if preset.adl.overlapping and (preset.adl.policy in SHARES or not preset.adl.everyone):
        allowed = "false, unless winners are ranked and adl.everyone is true"
        raise BadInput(str(path), "adl.overlapping", "true", allowed)
    if preset.adl != _ruled(preset.adl):
        allowed = '"bankruptcy", with adl.everyone = true, where lots are shared'
        raise BadInput(str(path), "adl.price", preset.adl.price, allowed)
    return preset


def _check_backstops(preset: Preset, file: str) -> None:
    """Raise BadInput where somebody is asked who is not there, or a part is more than all."""
    fund = preset.insurance
    for place, backstop in enumerate(preset.backstops):
        field = f"backstops[{place}]"
        if backstop.by == "insurance" and (fund is None or not fund.takes_over):
            allowed = "a fund with insurance.takes_over = true"
            raise BadInput(file, f"{field}.by", backstop.by, allowed)
        if backstop.by == "providers" and preset.providers is None:
            raise BadInput(file, f"{field}.by", backstop.by, "only with a table [providers]")
        if backstop.by == "counterparty" and preset.counterparty is None:
            raise BadInput(file, f"{field}.by", backstop.by, "only with a table [counterparty]")
        for key, part in (("below", backstop.below), ("share", backstop.share)):
            if part_of(part) > 1:
                raise BadInput(file, f"{field}.{key}", part, "at most 1")
    if part_of(preset.adl.below) > 1:
        raise BadInput(file, "adl.below", preset.adl.below, "at most 1")


def _check_insurance(fund: Insurance, file: str) -> None:
    """Raise BadInput where a fund is asked for what it can't do."""
    if fund.takes_over and not fund.pooled:
        raise BadInput(file, "insurance.takes_over", "true", "only where insurance.pooled is true")
    if fund.fee_share_ppm and not fund.pooled:
        allowed = "0 where insurance.pooled is false"
        raise BadInput(file, "insurance.fee_share_ppm", fund.fee_share_ppm, allowed)
    if fund.resume_ppm > fund.drawdown_ppm:
        allowed = f"at most insurance.drawdown_ppm, {fund.drawdown_ppm}"
        raise BadInput(file, "insurance.resume_ppm", fund.resume_ppm, allowed)


def _check_counterparty(preset: Preset, file: str) -> None:
    """Raise BadInput where a pool's closings and auto-deleveraging don't go together."""
    told, adl = preset.counterparty, preset.adl
    if told is None:
        if adl.trigger == "ordered":
            raise BadInput(file, "adl.trigger", adl.trigger, "only with a table [counterparty]")
        return
    if adl.trigger != "ordered":
        raise BadInput(file, "adl.trigger", adl.trigger, '"ordered", with a table [counterparty]')
    if adl.policy not in QUEUES:
        allowed = "a policy that ranks, with a table [counterparty]"
        raise BadInput(file, "adl.policy", adl.policy, allowed)
    if adl.price != "bankruptcy":
        raise BadInput(file, "adl.price", adl.price, '"bankruptcy", with a table [counterparty]')
    if adl.delay_blocks:
        raise BadInput(file, "adl.delay_blocks", adl.delay_blocks, "0, with a table [counterparty]")
    if told.target_ppm >= told.factor_ppm:
        allowed = f"below counterparty.factor_ppm, {told.factor_ppm}"
        raise BadInput(file, "counterparty.target_ppm", told.target_ppm, allowed)
    if told.spread_ppm > preset.trading.band_ppm:
        allowed = f"at most trading.band_ppm, {preset.trading.band_ppm}"
        raise BadInput(file, "counterparty.spread_ppm", told.spread_ppm, allowed)


def part_of(text: str) -> Fraction:
    """Return a part as a preset tells it: `2/3`."""
    return Fraction(text)


def with_policy(preset: Preset, policy: str) -> Preset:
    """Return the preset with another policy; nothing else of it changes, but for the price.

    Where lots are shared they carry the loss: everyone is closed at the loser's bankruptcy price,
    and nobody is passed over. A pool that trades against everyone has parts of its position closed
    against a ranking alone: without one it is closed as others are, below zero.
    """
    adl = _ruled(preset.adl.model_copy(update={"policy": policy}))
    return preset.model_copy(update={"adl": adl})


def _ruled(adl: Adl) -> Adl:
    """Return the rules with the price and the trigger that a policy needs."""
    told: dict[str, object] = {}
    if adl.policy in SHARES:
        told = {"price": "bankruptcy", "everyone": True, "overlapping": False}
    if adl.policy not in QUEUES and adl.trigger == "ordered":
        told["trigger"] = "below_zero"
    return adl.model_copy(update=told)
