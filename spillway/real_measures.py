"""Who was hit, and how it was spread: a replay beside the record. Pure functions.

Shares are of notional: what was closed at the price of its closing, USD.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from spillway.units import quote_to_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from spillway.real_story import Terms
    from spillway.rebuild import Batch, Part, Record
    from spillway.replay import Hit, Replay

TOPS = (1, 10, 100)


@dataclass(frozen=True, slots=True)
class Spread:
    """How auto-deleveraging was spread over accounts.

    Attributes:
        notional: USD.
        accounts: That were hit.
        tops: For each of TOPS, the share of the accounts hit hardest.
    """

    notional: Decimal
    accounts: int
    tops: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A replay under one policy.

    Attributes:
        whole: Over all batches.
        half: Until half of the notional had been closed.
        matched: Share, by notional, of the positions of which the batch is recorded that this
            policy closed in the same batch.
    """

    whole: Spread
    half: Spread
    matched: Decimal


def spread(amounts: Iterable[Decimal]) -> Spread:
    """Measure how amounts, one an account, are spread."""
    largest = sorted((amount for amount in amounts if amount > 0), reverse=True)
    total = sum(largest, Decimal(0))
    tops = tuple(sum(largest[:top], Decimal(0)) / total if total else total for top in TOPS)
    return Spread(total, len(largest), tops)


def recorded(record: Record, markets: Sequence[Terms]) -> Spread:
    """Measure the record in the replayed markets, as rebuilt."""
    return spread(
        sum((worth(part, markets) for part in winner.parts), Decimal(0))
        for winner in record.winners
    )


def worth(part: Part, markets: Sequence[Terms]) -> Decimal:
    """Return the notional of a position, USD."""
    return Decimal(part.lots).scaleb(-markets[part.market].size_decimals) * part.price


def half_time(batches: Iterable[Batch], markets: Sequence[Terms]) -> int:
    """Return the second by whose end half of the notional of the batches has been closed."""
    closed = Decimal(0)
    ascending = sorted(batches, key=lambda batch: batch.time)
    sizes = [Decimal(b.lots).scaleb(-markets[b.market].size_decimals) * b.price for b in ascending]
    for batch, size in zip(ascending, sizes, strict=True):
        closed += size
        if 2 * closed >= sum(sizes):
            return batch.time
    return 0


def recorded_half(record: Record, markets: Sequence[Terms], until: int) -> Spread:
    """Measure what is recorded of batches up to a second: of positions with one fill alone."""
    return spread(
        sum(
            (worth(p, markets) for p in winner.parts if p.batch and p.batch.time <= until),
            Decimal(0),
        )
        for winner in record.winners
    )


def measured(replay: Replay, record: Record, markets: Sequence[Terms]) -> Measured:
    """Measure a replay."""
    until = half_time(replay.played, markets)
    return Measured(
        whole=spread(_by_user(replay.hits).values()),
        half=spread(_by_user(h for h in replay.hits if h.batch.time <= until).values()),
        matched=_matched(replay, record, markets),
    )


def by_chance(replay: Replay, record: Record, markets: Sequence[Terms]) -> Decimal:
    """Return what `matched` is for a policy that knows nothing.

    It closes a position in a batch with the chance that the batch has of all lots of its market.
    """
    lots: dict[int, int] = defaultdict(int)
    for batch in replay.played:
        lots[batch.market] += batch.lots

    def share(_: str, part: Part, batch: Batch) -> Decimal:
        return Decimal(batch.lots) / lots[part.market]

    return _met(replay, record, markets, share)


def _by_user(hits: Iterable[Hit]) -> Mapping[str, Decimal]:
    found: dict[str, int] = defaultdict(int)
    for hit in hits:
        found[hit.user] += hit.quote
    return {user: quote_to_usd(quote) for user, quote in found.items()}


def _matched(replay: Replay, record: Record, markets: Sequence[Terms]) -> Decimal:
    closed: dict[tuple[str, int, int], int] = defaultdict(int)
    for hit in replay.hits:
        closed[hit.user, hit.batch.time, hit.batch.market] += hit.lots

    def share(user: str, part: Part, batch: Batch) -> Decimal:
        return Decimal(closed[user, batch.time, batch.market]) / part.lots

    return _met(replay, record, markets, share)


def _met(
    replay: Replay,
    record: Record,
    markets: Sequence[Terms],
    share: Callable[[str, Part, Batch], Decimal],
) -> Decimal:
    """Average a share over the positions whose batch is recorded and was played, by notional."""
    played = {(batch.time, batch.market): batch for batch in replay.played}
    total = met = Decimal(0)
    for winner in record.winners:
        for part in winner.parts:
            batch = played.get((part.batch.time, part.market)) if part.batch else None
            if batch is not None:
                size = worth(part, markets)
                total += size
                met += size * share(winner.user, part, batch)
    return met / total if total else total
