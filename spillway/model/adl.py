"""Auto-deleveraging by rule R: who is hit, at what quote, and who bears the gap.

An account with equity below zero is closed whole, market after market. The queue of a market is
its whole opposite side: tier 1 (in profit and solvent) at the previous mark, tier 2 at mark. What
is still missing afterwards is the gap, borne by those just hit out of what they won.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from spillway.model import margin
from spillway.model.pool import Pool, cost_out, require
from spillway.model.scores import Score, rank_key, tier_1


@dataclass(frozen=True, slots=True)
class Hit:
    """One counterparty of a deleveraging, in (market, rank) order.

    Attributes:
        market: Where.
        account: Who.
        lots: Closed, unsigned.
        quote: That passed with the lots, from buyer to seller.
        taken: What the price took from its equity at mark; below zero where it gained.
        won: Profit realised on these lots at the price given, at least 0.
        gap: What it paid towards the gap.
    """

    market: int
    account: int
    lots: int
    quote: int
    taken: int
    won: int
    gap: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deleveraging did.

    Attributes:
        needed: What bad debt required: the loser's equity below zero at mark.
        hits: In (market, rank) order.
        gap: What was missing after all legs were closed.
        unborne: The part of the gap that no winner could bear: it goes to the next layer.
        steps: Fills, and winners asked to bear the gap: what the chain counts in pages.
    """

    needed: int
    hits: tuple[Hit, ...]
    gap: int
    unborne: int
    steps: int

    @property
    def taken(self) -> int:
        """What the counterparties lost against mark, in all."""
        return sum(hit.taken + hit.gap for hit in self.hits)


class Borne(NamedTuple):
    """What each hit pays towards a gap, and how many were asked, those who had nothing included."""

    paid: list[int]
    asked: int


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a queue, as it was ranked: whose it is, and in which tier."""

    account: int
    tier: int


Jobs = dict[tuple[int, bool], list[Place]]  # (market, whether the winners are long) -> queue


def deleverage(pool: Pool, loser: int, score: Score, jobs: Jobs | None = None) -> Outcome:
    """Close an account with equity below zero, whole.

    Args:
        pool: Changed in place. Every market of the loser must be fresh.
        loser: Its resting orders must be gone.
        score: The ranking policy.
        jobs: Queues ranked for earlier losers of this epoch, which this one goes on with; those
            that are missing are ranked before anything is closed, and added.

    Returns:
        What was done. A residue above zero stays with the loser; one below zero is `unborne`, as
        is all that a loser owes who is flat already.
    """
    needed = -pool.equity(loser)
    require(needed > 0, "adl: account is not bankrupt")
    legs = pool.accounts[loser].legs
    require(all(pool.markets[m].fresh(pool.now) for m in legs), "adl: stale mark")
    shares = {m: margin.leg_maintenance(leg, pool.markets[m]) for m, leg in legs.items()}
    ranked = {} if jobs is None else jobs
    for market, leg in legs.items():
        side = market, leg.size < 0
        if side not in ranked:
            ranked[side] = queue(pool, market, longs=leg.size < 0, score=score)
    hits = [
        hit
        for market, leg in legs.items()
        for hit in close_leg(pool, market, loser, ranked[market, leg.size < 0])
    ]
    gap = max(-pool.quote(loser), 0)
    paid, asked = bear_gap(pool, hits, split_gap(gap, shares))
    for hit, amount in zip(hits, paid, strict=True):
        if amount:
            pool.pay(hit.account, loser, amount)
    borne = tuple(
        Hit(h.market, h.account, h.lots, h.quote, h.taken, h.won, g)
        for h, g in zip(hits, paid, strict=True)
    )
    return Outcome(needed, borne, gap, gap - sum(paid), len(hits) + asked)


def queue(pool: Pool, market: int, *, longs: bool, score: Score) -> list[Place]:
    """Return the holders of one side, the front of the queue first."""
    now = pool.markets[market]
    seen = [
        pool.candidate(market, account, now.mark, now.funding)
        for account in pool.holders(market, longs=longs)
    ]
    seen.sort(key=lambda candidate: rank_key(candidate, score), reverse=True)
    return [Place(candidate.account, 1 if tier_1(candidate) else 2) for candidate in seen]


def close_leg(pool: Pool, market: int, loser: int, ranked: Iterable[Place]) -> list[Hit]:
    """Close one leg of the loser against the queue of the other side."""
    rest, hits = abs(pool.leg(loser, market).size), []
    for place in ranked:
        if not rest:
            break
        lots = min(rest, abs(pool.leg(place.account, market).size))
        if lots:  # some were closed before, for other losers or as losers themselves
            hits.append(_hit(pool, market, loser, place, lots))
            rest -= lots
    return hits


def _hit(pool: Pool, market: int, loser: int, place: Place, lots: int) -> Hit:
    """Exchange `lots` between the loser and one counterparty."""
    account = place.account
    now, leg = pool.markets[market], pool.leg(account, market)
    loser_side = -1 if leg.size > 0 else 1
    taken = 0
    if place.tier == 1:
        bite = lots * loser_side * (pool.previous_mark(market) - now.mark)
        taken = min(bite, max(pool.equity(account), 0))
    quote = lots * now.mark + loser_side * taken
    proceeds = -loser_side * (quote - lots * now.funding)  # of the counterparty's closing
    won = max(proceeds - cost_out(leg, lots), 0)
    buyer, seller = (account, loser) if loser_side > 0 else (loser, account)
    pool.exchange(market, buyer, seller, lots, quote)
    return Hit(market, account, lots, quote, taken, won)


def split_gap(gap: int, shares: dict[int, int]) -> dict[int, int]:
    """Split a gap over markets by maintenance share: floor, the rest to the last market."""
    total = sum(shares.values())
    parts = {market: gap * share // total for market, share in shares.items()}
    if parts:
        parts[max(parts)] += gap - sum(parts.values())
    return parts


def bear_gap(pool: Pool, hits: Iterable[Hit], parts: dict[int, int]) -> Borne:
    """Say what each hit pays: its market's part first, then what other markets can't bear.

    Nobody pays more than it won on these lots, nor more than its live equity.
    """
    order = list(hits)
    paid, asked = [0] * len(order), 0
    equity = {hit.account: max(pool.equity(hit.account), 0) for hit in order}
    rest = dict(parts)

    def collect(place: int, wanted: int) -> int:
        nonlocal asked
        asked += wanted > 0
        hit = order[place]
        amount = min(wanted, hit.won - paid[place], equity[hit.account])
        equity[hit.account] -= amount
        paid[place] += amount
        return amount

    for place, hit in enumerate(order):
        rest[hit.market] -= collect(place, rest[hit.market])
    left = sum(rest.values())
    for place in range(len(order)):
        left -= collect(place, left)
    return Borne(paid, asked)
