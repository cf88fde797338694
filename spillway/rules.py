"""The rules of a venue's waterfall as its contracts take them.

Each class has the fields of the struct of the same purpose in contracts/interfaces, in their
order; the defaults are Hyperliquid's. Presets say the same in words, and `spillway.deploy` turns
one into the other.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spillway.engines import Address

NOBODY = "0x" + "00" * 20
PPM = 10**6


class Limit(IntEnum):
    """How far an order of the book layer may go."""

    BANKRUPTCY = 0
    COVERED = 1
    MARK = 2
    OPEN = 3


class Trigger(IntEnum):
    """Whom auto-deleveraging closes."""

    BELOW_ZERO = 0
    UNRESTORED = 1
    FUND_SHORT = 2
    ORDERED = 3


class Price(IntEnum):
    """At what price winners are closed."""

    PREVIOUS_MARK = 0
    MARK = 1
    INDEX = 2
    BANKRUPTCY = 3
    PROVIDER = 4


class LiquidationRules(NamedTuple):
    """`ILiquidator.Rules`."""

    window: int = 30
    slice_above: int = 100_000 * 10**18
    slices: int = 5
    limit: Limit = Limit.BANKRUPTCY
    restoring: bool = False
    fee: int = 0
    fee_share: int = 0
    notes_due: bool = False


class Layer(NamedTuple):
    """`ILiquidator.Layer`."""

    backstop: Address
    below_num: int = 2
    below_den: int = 3
    share_num: int = 1
    share_den: int = 1
    covers: bool = False


HYPERLIQUID = LiquidationRules()


class FundParams(NamedTuple):
    """`IInsuranceFund.Params`."""

    pooled: bool = True
    takes_over: bool = False
    drawdown: int = PPM
    resume: int = PPM
    shed_slice: int = 50_000
    shed_band: int = 5_000


class CounterpartyTerms(NamedTuple):
    """`ICounterparty.Terms`."""

    factor: int = 100_000
    target: int = 20_000
    reserve: int = 500_000
    spread: int = 500


class AdlRules(NamedTuple):
    """`IAdl.Rules`."""

    trigger: Trigger = Trigger.BELOW_ZERO
    price: Price = Price.PREVIOUS_MARK
    everyone: bool = False
    covered: bool = False
    restoring: bool = False
    fee: int = 0
    delay: int = 0
    residual_to: int = 0
    liquidator: Address = NOBODY
    below_num: int = 1
    below_den: int = 1
    overlapping: bool = False


HYPERLIQUID_ADL = AdlRules()


class IndexRules(NamedTuple):
    """`IAdlIndex.Rules`."""

    both_sides: bool = False
    most: int = PPM
    delay: int = 0
    liquidator: Address = NOBODY


class ProfitRules(NamedTuple):
    """`IAdlProfit.Rules`."""

    delay: int = 0
    liquidator: Address = NOBODY
