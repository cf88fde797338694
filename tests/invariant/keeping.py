"""The honest keeper, and the way back: whatever has happened, it leaves nobody below zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spillway import ranking, sharing
from spillway.actors.rankings import SCANNING
from spillway.ranking import MOST_RANKS
from tests.bench import MAX_UINT
from tests.invariant.arena import MARKETS, Arena, BrokenError

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 16
LIFETIME = 20  # blocks of a job
ROUNDS = 8


def liquidate(arena: Arena, accounts: Sequence[int]) -> None:
    """Run the waterfall; whoever is named, it is never refused."""
    for start in range(0, len(accounts), BATCH):
        batch = list(accounts[start : start + BATCH])
        arena.must(arena.liquidator, "liquidate", batch, sender=arena.keeper)


def plans(arena: Arena, losers: Sequence[int]) -> list[tuple[Any, ...]]:
    """Honest plans that close the losers."""
    lots: dict[tuple[int, bool], int] = {}
    for loser in losers:
        for market in arena.now.accounts[loser].legs:
            size = arena.size(loser, market)
            if size:
                side = (market, size < 0)
                lots[side] = lots.get(side, 0) + abs(size)
    found = []
    for (market, longs), needed in sorted(lots.items()):
        plan = ranking.plan(market, longs, keys(arena, market, longs=longs), needed)
        found.append((plan.market, plan.longs, plan.threshold, list(plan.order)))
    return found


def keys(arena: Arena, market: int, *, longs: bool) -> list[tuple[int, int]]:
    """(key, lots) of each holder of a side."""
    holders = len(arena.now.holders[market, longs])
    return ranking.read_keys(arena.lens, market, longs, holders)


def deleverage(arena: Arena) -> bool:
    """Close whoever is below zero; never refused while nobody else is at it. Whether anyone was."""
    losers = arena.due()[:BATCH]
    if arena.venue.profit:
        return bear(arena, losers)
    if not losers:
        return False
    if arena.venue.index:
        charge(arena, losers)
        return True
    if arena.venue.quota:
        # What one gives decides what the next finds.
        for loser in losers:
            _close(arena, [loser], shares(arena, loser))
        return True
    return _close(arena, losers, plans(arena, losers))


def close_ordered(arena: Arena) -> None:
    """Close what the counterparty has ordered of its position."""
    _close(arena, [arena.pooled], plans(arena, [arena.pooled]))


def shares(arena: Arena, loser: int) -> list[tuple[int, ...]]:
    """Honest plans that close a loser where lots are shared."""
    quota = arena.venue.quota
    assert quota is not None
    if arena.now.equity(loser) >= 0:
        return []
    return [
        tuple(sharing.read(arena.adl, arena.pool, quota, loser, market).plan)
        for market in arena.legs(loser)
    ]


def _close(arena: Arena, losers: Sequence[int], told_plans: Sequence[tuple[Any, ...]]) -> bool:
    disturbed = bool(arena.jobs)
    told = (losers, told_plans)
    act = arena.act if disturbed else arena.must
    receipt = act(arena.adl, "deleverage", *told, sender=arena.keeper)
    if disturbed:
        arena.events["deleverage among open jobs"] += 1
        arena.events["deleverage among open jobs, done"] += receipt.success
        return True
    left = [n for n in losers if arena.now.equity(n) < 0]
    if left and not arena.jobs:
        raise BrokenError(f"deleverage{told}: {left} are left below zero")
    arena.events["deleverage, honest"] += 1
    arena.events["deleverage, left open"] += bool(left)
    return True


def go_on(arena: Arena) -> None:
    """Go on with closings whose queues have run dry: their winners were losers, or passed over.

    A queue can run dry twice: of those enrolled, then of all but those who can't bear the price.
    """
    for _ in range(2 * len(MARKETS)):
        dry = [side for side in arena.jobs if arena.job(*side).phase == SCANNING]
        for side in sorted(side for side in dry if arena.job(*side).serving):
            arena.must(arena.adl, "scan", *side, MAX_UINT, sender=arena.keeper)
            job = arena.job(*side)
            queue = {place: arena.adl.call.entry(*side, place) for place in range(job.enrolled)}
            left = sorted(range(job.next, job.enrolled), key=queue.__getitem__, reverse=True)
            for start in range(0, max(len(left), 1), MOST_RANKS):
                ranks = left[start : start + MOST_RANKS]
                told = (job.next + start, ranks)
                arena.must(arena.adl, "order", *side, *told, sender=arena.keeper)
            arena.must(arena.adl, "close", job.serving, MAX_UINT, sender=arena.keeper)
            arena.events["closing gone on with"] += 1


def charge(arena: Arena, losers: Sequence[int]) -> None:
    """Close losers one by one, where their debts are charged per lot; never refused."""
    for loser in losers:
        arena.must(arena.adl, "close", loser, sender=arena.keeper)


def bear(arena: Arena, losers: Sequence[int]) -> bool:
    """End the jobs that are open, then close losers; never refused. Whether there was a need."""
    markets = arena.collecting()
    for market in markets:
        arena.must(arena.adl, "proceed", market, MAX_UINT, sender=arena.keeper)
    if losers:
        arena.must(arena.adl, "close", losers, MAX_UINT, sender=arena.keeper)
    if arena.collecting():
        raise BrokenError(f"jobs are left open in {arena.collecting()}")
    arena.events["went on with a job"] += bool(markets)
    return bool(losers or markets)


def keep(arena: Arena) -> bool:
    """Do one round of the waterfall. Whether anybody was below zero."""
    liquidate(arena, [*arena.accounts, *arena.backstops])
    closed = deleverage(arena)
    if not (arena.venue.index or arena.venue.quota):
        go_on(arena)
    return closed


def same_marks(arena: Arena) -> None:
    """Open an epoch at the marks that stand, in every market."""
    updates = [
        (number, arena.now.markets[number].mark, arena.now.markets[number].index, 0)
        for number in range(len(MARKETS))
    ]
    arena.must(arena.pool, "advance", updates, sender=arena.oracle)


def expire_jobs(arena: Arena) -> None:
    """Wait until every job may be ended, and end them: whoever opened them can't hold them open."""
    if not arena.jobs:
        return
    last = max(arena.job(*side).opened_in for side in arena.jobs)
    while arena.engine.head.number <= last + LIFETIME:
        arena.engine.send_block([], arena.engine.head.timestamp + 1)
    for job in sorted(arena.jobs):
        arena.must(arena.adl, "end_job", *job, sender=arena.outsider)


def settle(arena: Arena) -> None:
    """At marks that stand still: bounded rounds of the keeper leave nobody below zero.

    But for a backstop whose debt is charged to holders: they bear so much an epoch, or no more than
    they profit, and it keeps its lots.
    """
    same_marks(arena)
    for _ in range(ROUNDS):
        expire_jobs(arena)
        same_marks(arena)
        if not keep(arena) and not arena.jobs:
            break
    spared = arena.backstops if arena.venue.charges else []
    left = {n: arena.now.equity(n) for n in arena.below_zero() if n not in spared}
    if left or arena.jobs:
        raise BrokenError(f"after {ROUNDS} rounds: below zero {left}, jobs {arena.jobs}")
