"""A market with many holders, on the stage of auto-deleveraging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.bench import USD
from tests.unit.contracts.adl import stage
from tests.unit.contracts.hand import hand, swap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from spillway.engines.protocol import Call
    from tests.bench import Bench


@dataclass(frozen=True)
class Crowded:
    """A venue with a crowd of shorts, and a long below zero."""

    bench: Bench
    loser: int
    first: int
    holders: int

    def lots(self, index: int) -> int:
        """What a holder is short: 1 to 3."""
        return 1 + index % 3

    def premium(self, index: int) -> int:
        """What it sold for above 100, quote a lot: less than 10 USD, and no two the same."""
        return index * 7_919 % 100_003 * USD // 10_003

    def ranked(self, lots: int) -> list[tuple[int, int]]:
        """Index and lots of those to be hit: with no equity but profit, one scores 89 / entry."""
        hit = []
        for index in sorted(range(self.holders), key=self.premium):
            if not lots:
                break
            hit.append((index, min(lots, self.lots(index))))
            lots -= hit[-1][1]
        return hit


def deploy(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    holders: int,
    lots: int,
    **options: Any,
) -> Crowded:
    """A venue with this many shorts; the loser is long `lots` at 100 with 10 USD a lot."""
    venue = stage.deploy(engine, artifacts, admin, keeper, **options)
    rich, loser = venue.open("rich", 10**7), venue.open("loser", 10 * lots)
    first = venue.pool.call.account_count() + 1
    crowded = Crowded(venue, loser, first, holders)
    owner = engine.sender(21)
    send(venue, [venue.pool.build.open_account(sender=owner, gas=200_000)] * holders)
    send(
        venue,
        [
            venue.pool.build.exchange(
                0,
                rich,
                first + index,
                crowded.lots(index),
                crowded.lots(index) * (100 * USD + crowded.premium(index)),
                sender=hand(venue),
                gas=300_000,
            )
            for index in range(holders)
        ],
    )
    swap(venue, loser, rich, lots, 100)
    stage.crash(venue)
    assert venue.equity(loser) == -lots
    return crowded


def send(bench: Bench, calls: Sequence[Call]) -> None:
    """Mine calls, as many to a block as fit; all must succeed."""
    result = bench.engine.send_block(list(calls), bench.engine.head.timestamp + 1)
    assert all(receipt.success for receipt in result.receipts)
