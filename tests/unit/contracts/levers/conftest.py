"""A venue with levers: three markets, two policies, a notice of an hour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.contracts.adl import stage

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt
    from tests.bench import Bench

NOTICE = 3_600
POLICIES = ("HyperliquidQueue", "LargestPositionQueue")
# Of the markets that the bench lists: one tier, leverage of 5.
LEVERAGE, HALF = 5, 3


@dataclass(frozen=True, slots=True)
class Board:
    """A venue and its levers."""

    bench: Bench
    levers: Contract
    admin: Address
    outsider: Address

    def announce(self, *leverages: int, market: int = 0) -> Receipt:
        """The admin announces the leverages of a market's tiers."""
        told = [*leverages, *[0] * (5 - len(leverages))]
        receipt: Receipt = self.levers.transact.announce_maintenance(
            market, told, sender=self.admin
        )
        return receipt

    def force(self, market: int = 0) -> Receipt:
        """An outsider puts in force what is due."""
        receipt: Receipt = self.levers.transact.raise_maintenance(market, sender=self.outsider)
        return receipt

    def wait(self, seconds: int = NOTICE) -> None:
        """Let time pass after the last block; marks grow old by it."""
        head = self.bench.engine.head.timestamp
        self.bench.engine.send_block([], head + seconds)

    def announced(self, market: int = 0) -> tuple[Any, ...]:
        """The schedule that is announced for a market, and when it is due."""
        return tuple(self.levers.call.announced(market))

    def maintenance(self, account: int) -> int:
        """Quote."""
        return int(self.bench.pool.call.health(account).maintenance)


@pytest.fixture(scope="package")
def deployed(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, outsider: Address
) -> Board:
    """Deployed once; tests get a copy of what it remembers."""
    told = {"notice": NOTICE, "policy": POLICIES[0], "further": POLICIES[1:]}
    bench = stage.deploy(engine, artifacts, admin, keeper, **told)
    assert bench.levers is not None
    return Board(bench, bench.levers, admin, outsider)


@pytest.fixture
def board(deployed: Board) -> Board:
    """A venue with levers, and nobody in it."""
    return replace(deployed, bench=replace(deployed.bench, accounts={}, owners={}))


@pytest.fixture
def crowd(board: Board) -> dict[str, int]:
    """A loser long 10 at 100, the shorts against it, and a rich long."""
    return stage.open_crowd(board.bench)


@pytest.fixture
def ranking(board: Board, crowd: dict[str, int]) -> int:
    """The loser below zero, for whom a ranking is open."""
    stage.crash(board.bench)
    stage.open_job(board.bench, crowd["loser"])
    return crowd["loser"]
