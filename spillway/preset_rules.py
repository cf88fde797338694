"""A preset's words, as the rules that contracts take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.policies import SHARES
from spillway.presets import part_of
from spillway.rules import (
    AdlRules,
    CounterpartyTerms,
    FundParams,
    IndexRules,
    Layer,
    Limit,
    LiquidationRules,
    Price,
    ProfitRules,
    Trigger,
)
from spillway.units import usd_to_quote

if TYPE_CHECKING:
    from spillway.engines import Address
    from spillway.presets import Backstop, Counterparty, Insurance, Preset, Vault

FEES = 1
NO_CAP = 2**256 - 1


def liquidation_rules(preset: Preset) -> LiquidationRules:
    """Return how the book layer sells."""
    told = preset.liquidation
    return LiquidationRules(
        window=told.window_seconds,
        slice_above=usd_to_quote(told.slice_above_usd),
        slices=told.slices,
        limit=Limit[told.limit.upper()],
        restoring=told.closes == "restoring",
        fee=told.fee_ppm,
        fee_share=preset.insurance.fee_share_ppm if preset.insurance else 0,
        notes_due=preset.adl.delay_blocks != 0,
    )


def layer(told: Backstop, contract: Address) -> Layer:
    """Return who stands behind the book, at the contract that does."""
    below, share = part_of(told.below), part_of(told.share)
    return Layer(
        contract,
        below.numerator,
        below.denominator,
        share.numerator,
        share.denominator,
        told.covers,
    )


def fund_rules(told: Insurance, sheds: Vault, markets: int) -> tuple[FundParams, list[int]]:
    """Return what the insurance fund may do, and its caps by market; it sheds as the vault does."""
    cap = NO_CAP if told.cap_usd is None else usd_to_quote(told.cap_usd)
    params = FundParams(
        pooled=told.pooled,
        takes_over=told.takes_over,
        drawdown=told.drawdown_ppm,
        resume=told.resume_ppm,
        shed_slice=sheds.shed_slice_ppm,
        shed_band=sheds.shed_band_ppm,
    )
    return params, [cap] * markets


def counterparty_terms(told: Counterparty) -> CounterpartyTerms:
    """Return what the pool that trades against everyone may do."""
    return CounterpartyTerms(told.factor_ppm, told.target_ppm, told.reserve_ppm, told.spread_ppm)


def vault_params(told: Vault) -> tuple[int, ...]:
    """Return what the vault puts at risk, how long it keeps deposits, and how it sheds."""
    return told.at_risk_ppm, told.lock_seconds, told.shed_slice_ppm, told.shed_band_ppm


def adl_rules(preset: Preset, liquidator: Address) -> AdlRules:
    """Return whom auto-deleveraging closes, and how.

    Args:
        preset: The venue.
        liquidator: Whom it asks what was done for an account: the liquidator, or the counterparty
            where that orders closings.
    """
    told = preset.adl
    below = part_of(told.below)
    return AdlRules(
        trigger=Trigger[told.trigger.upper()],
        price=Price[told.price.upper()],
        everyone=told.everyone,
        covered=told.covered,
        # Quotas are of all that the loser has.
        restoring=told.trigger == "ordered"
        or (preset.liquidation.closes == "restoring" and told.policy not in SHARES),
        fee=told.fee_ppm,
        delay=told.delay_blocks,
        residual_to=FEES if told.residual_to == "fees" else 0,
        liquidator=liquidator,
        below_num=below.numerator,
        below_den=below.denominator,
        overlapping=told.overlapping,
    )


def index_rules(preset: Preset, liquidator: Address) -> IndexRules:
    """Return who bears what losers owe, where nobody is ranked."""
    return IndexRules(
        both_sides=preset.adl.policy == "both_sides",
        most=preset.adl.most_ppm,
        delay=preset.adl.delay_blocks,
        liquidator=liquidator,
    )


def profit_rules(preset: Preset, liquidator: Address) -> ProfitRules:
    """Return when losers are closed, where their debts are borne by profits."""
    return ProfitRules(delay=preset.adl.delay_blocks, liquidator=liquidator)
