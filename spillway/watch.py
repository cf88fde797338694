"""Finds who may be liquidatable without weighing everybody: each account has levels of alarm.

An account that is weighed has some slack: equity less maintenance. Each of its positions gets a
part of the slack, and from that part follows how far the market's mark, and its funding index, may
move against the position before the part is used up. While no level is passed, the slack is not
used up either, and the account needs no second look. Levels are kept sorted by market, so that a
move of prices finds the accounts whose levels it passes and touches no other.

The levels err on the safe side: all moves against an account are added up, those in its favour
count for nothing. A test compares with weighing everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortedcontainers import SortedSet

from spillway.model import margin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.invariants import Holdings
    from spillway.model.margin import Market, Tier
    from spillway.model.words import Account

FUNDING_PART = 8  # one part in so many of a position's slack is kept for funding
ROUNDING = 8  # quote: more than maintenance rounds up in all tiers of one market

Level = tuple[int, int]  # value, account


class _Side:
    """The levels of one side of a market: of the mark, and of the funding index."""

    def __init__(self) -> None:
        self.marks: SortedSet[Level] = SortedSet()
        self.fundings: SortedSet[Level] = SortedSet()


class Watch:
    """Levels of alarm of all accounts with a position."""

    def __init__(self, now: Holdings) -> None:
        # Longs fear a mark below their level and funding above; shorts the other way round. Shorts'
        # levels are kept negated, so that both sides ask the same question.
        self._sides = [(_Side(), _Side()) for _ in now.markets]
        self._levels: dict[int, list[tuple[SortedSet[Level], Level]]] = {}
        self._due: set[int] = set()
        self._terms = _terms(now.markets)
        for held in now.accounts.values():
            self._set(held, now.markets)

    def suspects(self, now: Holdings) -> list[int]:
        """Return the accounts that may be below maintenance or zero, by id; no other can be."""
        if self._terms != _terms(now.markets):
            return sorted(number for number, held in now.accounts.items() if held.legs)
        found = {*self._due, *(number for number, _ in now.news), *self._passed(now.markets)}
        return sorted(number for number in found if now.accounts[number].legs)

    def follow(self, now: Holdings) -> list[int]:
        """Go on to a snapshot: weigh its suspects anew. Gives those below maintenance, by id."""
        suspects = self.suspects(now)
        self._terms = _terms(now.markets)
        for number in {*suspects, *(number for number, _ in now.news)}:
            self._drop(number)
            self._set(now.accounts[number], now.markets)
        return sorted(self._due)

    def _passed(self, markets: Sequence[Market]) -> Iterator[int]:
        for market, (longs, shorts) in zip(markets, self._sides, strict=True):
            for side, sign in ((longs, 1), (shorts, -1)):
                # Alarmed: sign * mark below the level, or sign * funding above it.
                mark, funding = (sign * market.mark, _LAST), (sign * market.funding, -1)
                yield from (number for _, number in side.marks.irange(minimum=mark))
                yield from (number for _, number in side.fundings.irange(maximum=funding))

    def _set(self, held: Account, markets: Sequence[Market]) -> None:
        legs = [(number, leg) for number, leg in held.legs.items() if leg.size]
        if not legs:
            return
        slack = margin.equity(held, markets) - margin.account_maintenance(held, markets)
        if slack < 0:
            self._due.add(held.number)
            return
        notional = sum(abs(leg.size) * markets[number].mark for number, leg in legs)
        free = max(slack - ROUNDING * len(legs), 0)
        levels = self._levels[held.number] = []
        for number, leg in legs:
            market, lots = markets[number], abs(leg.size)
            part = free * lots * market.mark // notional if notional else 0
            side = self._sides[number][0 if leg.size > 0 else 1]
            sign = 1 if leg.size > 0 else -1
            # A lot loses the move, and its maintenance may rise by the move over 2 * leverage.
            least = min(tier.max_leverage for tier in market.tiers)
            kept = part // FUNDING_PART
            move = (part - kept) * 2 * least // (lots * (2 * least + 1))
            mark = (sign * market.mark - move, held.number)
            funding = (sign * market.funding + kept // lots, held.number)
            for kind, level in ((side.marks, mark), (side.fundings, funding)):
                kind.add(level)
                levels.append((kind, level))

    def _drop(self, number: int) -> None:
        self._due.discard(number)
        for kind, level in self._levels.pop(number, ()):
            kind.discard(level)


_LAST = 2**64  # above every account


def _terms(markets: Sequence[Market]) -> list[tuple[int, int, tuple[Tier, ...]]]:
    """What can take slack besides marks and funding, without an event that names the account."""
    return [(market.long_charge, market.short_charge, market.tiers) for market in markets]
