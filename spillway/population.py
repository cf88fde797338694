"""Who trades: accounts drawn from the shape of a real population. See docs/population.md.

A distribution is a table of quantiles with straight lines between them; a draw turns a uniform
number into the quantile at that place. All of it is in decimals: the same draw on every machine.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)
_STEPS = 10**9  # of a uniform draw


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution: `values[i]` is its quantile at `shares[i]`; both ascend, shares 0 to 1."""

    shares: Sequence[Decimal]
    values: Sequence[Decimal]

    def value(self, share: Decimal) -> Decimal:
        """Return the quantile at `share`, 0 .. 1."""
        return _line(self.shares, self.values, share)

    def share(self, value: Decimal) -> Decimal:
        """Return the share of the population at or below `value`."""
        return _line(self.values, self.shares, value)

    def draw(self, rng: Random, at_least: Decimal, at_most: Decimal) -> Decimal:
        """Draw a value, given that it lies between two others."""
        low, high = self.share(at_least), self.share(at_most)
        place = Decimal(rng.randrange(_STEPS + 1)) / _STEPS
        drawn = self.value(_CONTEXT.add(low, _CONTEXT.multiply(high - low, place)))
        return min(max(drawn, at_least), at_most)


def uniform(rng: Random, at_least: Decimal, at_most: Decimal) -> Decimal:
    """Draw a value from between two others, each as likely as any."""
    place = Decimal(rng.randrange(_STEPS + 1)) / _STEPS
    return _CONTEXT.add(at_least, _CONTEXT.multiply(at_most - at_least, place))


def _line(xs: Sequence[Decimal], ys: Sequence[Decimal], x: Decimal) -> Decimal:
    """Return y at `x` on the straight lines through (xs, ys); beyond the ends, the end."""
    place = bisect_right(xs, x)
    if place == 0:
        return ys[0]
    if place == len(xs):
        return ys[-1]
    run, rise = xs[place] - xs[place - 1], ys[place] - ys[place - 1]
    part = _CONTEXT.divide(_CONTEXT.multiply(rise, x - xs[place - 1]), run)
    return _CONTEXT.add(ys[place - 1], part)


def _table(*points: tuple[str, str]) -> Quantiles:
    shares, values = zip(*points, strict=True)
    percent = Decimal(100)
    return Quantiles([Decimal(p) / percent for p in shares], [Decimal(v) for v in values])


# Of the 16,380 accounts with an account value of at least 100 USD and a leverage of at most 40,
# among the 19,337 that were deleveraged on Hyperliquid on 10 October 2025 (ConejoCapital/
# HyperMultiAssetedADL @79bad0f, adl_by_user_REALTIME.csv): percent, value.
LEVERAGE = _table(
    ("0", "0"),
    ("5", "0.005868"),
    ("10", "0.04475"),
    ("15", "0.08498"),
    ("20", "0.1122"),
    ("25", "0.1446"),
    ("30", "0.1792"),
    ("35", "0.2101"),
    ("40", "0.2468"),
    ("45", "0.2872"),
    ("50", "0.3591"),
    ("55", "0.4314"),
    ("60", "0.5479"),
    ("65", "0.6824"),
    ("70", "0.7602"),
    ("75", "0.8212"),
    ("80", "0.9506"),
    ("85", "1.165"),
    ("90", "1.846"),
    ("95", "3.538"),
    ("97.5", "5.587"),
    ("99", "9.481"),
    ("99.5", "13.3"),
    ("99.9", "25.95"),
    ("100", "40"),
)
COLLATERAL_USD = _table(
    ("0", "100"),
    ("5", "184.3"),
    ("10", "265.3"),
    ("15", "303"),
    ("20", "360.4"),
    ("25", "442"),
    ("30", "562.6"),
    ("35", "697.7"),
    ("40", "889.5"),
    ("45", "1162"),
    ("50", "1525"),
    ("55", "2065"),
    ("60", "2821"),
    ("65", "4068"),
    ("70", "5824"),
    ("75", "8557"),
    ("80", "14320"),
    ("85", "26520"),
    ("90", "62830"),
    ("95", "237700"),
    ("97.5", "591700"),
    ("99", "2043000"),
    ("99.5", "5967000"),
    ("99.9", "29097000"),
    ("100", "316000000"),
)
