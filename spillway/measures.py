"""Measures of an outcome, as functions of plain numbers; docs/measures.md defines and works them.

All amounts are quote. Equities and profits are signed; what was taken is > 0 where its owner lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from spillway.model.rounding import ceil_div

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Leverage at which a bucket of open interest begins; it ends where the next one begins.
BUCKETS = (0, 2, 5, 10, 20)


# --- who owes, who could give --------------------------------------------------------------------


def deficit(equities: Iterable[int]) -> int:
    """Return D = sum of max(-equity, 0): what accounts below zero owe together."""
    return sum(max(-equity, 0) for equity in equities)


def capacity(profits: Iterable[int]) -> int:
    """Return U = sum of max(profit, 0): all that candidates have won and could be asked for."""
    return sum(max(profit, 0) for profit in profits)


# --- what was taken ------------------------------------------------------------------------------


def overshoot(taken: int, needed: int) -> int:
    """Return what was taken from winners beyond what bad debt required; < 0 if others bore some."""
    return taken - needed


def largest_share(taken: Iterable[int]) -> Fraction:
    """Return the part of all that was taken that a single winner gave, 0 where nothing was."""
    amounts = [max(amount, 0) for amount in taken]
    return Fraction(max(amounts), sum(amounts)) if any(amounts) else Fraction(0)


def survival(equity: int, taken: int) -> Fraction:
    """Return the part of its equity (> 0) that a winner keeps of what it had before."""
    return Fraction(equity - taken, equity)


def highest_leverage(accounts: Iterable[tuple[int, int]]) -> Fraction:
    """Return the highest notional / equity of (notional, equity), those with equity > 0 alone."""
    most = (0, 1)
    for notional, equity in accounts:
        if equity > 0 and notional * most[1] > most[0] * equity:
            most = notional, equity
    return Fraction(*most)


# --- two rules to compare with -------------------------------------------------------------------


def queue(profits: Sequence[int], budget: int) -> list[int]:
    """Take `budget` from winners one after another, of each at most its profit; from whom how much.

    `profits` are in the order of the queue.
    """
    taken = []
    for profit in profits:
        taken.append(min(max(profit, 0), budget))
        budget -= taken[-1]
    return taken


def pro_rata(profits: Sequence[int], budget: int) -> list[int]:
    """Take the same part of everyone's profit, in all `budget` or, if that is less, the capacity.

    Parts are rounded down; what is left over, less than one unit a winner, goes a unit each to
    those who lost the largest remainders, the first of equals first.
    """
    weights = [max(profit, 0) for profit in profits]
    whole = sum(weights)
    budget = min(budget, whole)
    if budget == 0:
        return [0] * len(weights)
    parts = [divmod(budget * weight, whole) for weight in weights]
    taken = [part for part, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    for place in by_remainder[: budget - sum(taken)]:
        taken[place] += 1
    return taken


# --- against holding on --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Closed:
    """Lots of a winner that were closed by force.

    Attributes:
        long: Its side.
        lots: > 0.
        cash: Quote that it got for them; of a short < 0, what it paid.
        funding: The market's funding index when they were closed, quote per lot.
        charge: What a lot of its side had been charged since listing by then, quote.
    """

    long: bool
    lots: int
    cash: int
    funding: int = 0
    charge: int = 0


def forgone(closed: Closed, mark: int, funding: int = 0, charge: int = 0) -> int:
    """Return what the lots would be worth had they been kept, less what was got for them.

    Worth = the lots at `mark`, less the funding and the charges that they would have paid until
    the index stood at `funding` and the charge at `charge`. > 0: holding on would have been better.
    """
    side = 1 if closed.long else -1
    kept = side * closed.lots * (mark - (funding - closed.funding))
    return kept - closed.lots * (charge - closed.charge) - closed.cash


# --- before the crash ----------------------------------------------------------------------------


def loss_of_move(accounts: Iterable[tuple[int, int]], parts: int) -> int:
    """Return the bad debt of a move of all marks by 1 / `parts` at once, in the worse direction.

    Args:
        accounts: (equity, net notional at mark: longs less shorts) of each.
        parts: 10 is a move of 10 %.

    Returns:
        Sum of max(-equity after the move, 0), nobody having been liquidated; rounded up.
    """
    down = up = 0
    for equity, net in accounts:
        down += max(net - parts * equity, 0)
        up += max(-net - parts * equity, 0)
    return ceil_div(max(down, up), parts)


def bucket(notional: int, equity: int) -> int:
    """Return the place in BUCKETS of an account's leverage; without equity, the last."""
    if equity <= 0:
        return len(BUCKETS) - 1
    return sum(notional >= start * equity for start in BUCKETS[1:])


def bucket_names() -> list[str]:
    """Name the buckets: `0-2` is a leverage of at least 0 and below 2, the last has no end."""
    return [*(f"{start}-{end}" for start, end in pairwise(BUCKETS)), f"{BUCKETS[-1]}+"]


def depth(levels: Iterable[tuple[int, int]], mark: int, percent: int) -> int:
    """Return quote that rests within so many percent of mark, each lot at its own price.

    `levels` are (price, lots) of one side.
    """
    reach = mark * percent
    return sum(price * lots for price, lots in levels if abs(price - mark) * 100 <= reach)


def by_bucket(amounts: Mapping[int, int]) -> dict[str, int]:
    """Return amounts by the name of their bucket, 0 where there is none."""
    return {name: amounts.get(place, 0) for place, name in enumerate(bucket_names())}
