"""Charges against the model: the same per lot, the same positions and equities, to the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway.model.adl_index import AdlIndex
from spillway.model.words import PROTOCOL
from spillway.rules import IndexRules
from tests.rng import seeded
from tests.unit.contracts.adl.test_against_model import Twins, below_zero, build
from tests.unit.contracts.hand import MARKETS, sums_hold

if TYPE_CHECKING:
    from tests.unit.contracts.adl_index.conftest import Deploy

RULES = {
    "other side": IndexRules(),
    "both sides": IndexRules(both_sides=True),
    "other side, little": IndexRules(most=20_000),
    "both sides, little": IndexRules(both_sides=True, most=20_000),
}


def adopt_backstop(twins: Twins) -> int:
    """Open the account that takes lots over, on both, with a position in each market."""
    bench, model = twins.bench, twins.model
    child: int = model.open_account("vault", protocol=True)
    assert bench.open_backstop("child", 0) == child
    assert model.accounts[child].flags & PROTOCOL
    for market in range(MARKETS):
        other = twins.rng.choice([n for n in model.accounts if n > 2 and n != child])
        price = twins.price(market, 0.2)
        lots = twins.rng.randrange(1, 5)
        buyer, seller = (child, other) if twins.rng.random() < 0.5 else (other, child)
        twins.exchange(market, buyer, seller, lots, lots * price)
    return child


def charges(receipt: Any) -> list[tuple[int, bool, int]]:
    return [(each.market, each.longs, each.per_lot) for each in receipt.named("Charged")]


def compare(twins: Twins) -> None:
    pool = twins.bench.pool.call
    for account in twins.model.accounts:
        for market in range(MARKETS):
            leg, held = twins.model.leg(account, market), pool.position(account, market)
            assert (held.size, held.cost) == (leg.size, leg.cost)
        assert pool.health(account).equity == twins.model.equity(account)
    assert pool.solvency().deficit == twins.model.deficit


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("seed", range(6))
def test_losers_one_after_another(deploy: Deploy, rules: IndexRules, seed: int) -> None:
    twins = build(deploy(rules), seeded(seed))
    child = adopt_backstop(twins)
    twin = AdlIndex(twins.model, child, rules.both_sides, rules.most)
    losers = below_zero(twins.model)
    assert losers
    for loser in [*losers, child]:
        if twins.model.equity(loser) < 0:
            receipt = twins.bench.socialize(loser)
            outcome = twin.close(loser)
            (closed,) = receipt.named("Socialized")
            assert charges(receipt) == [tuple(charge) for charge in outcome.charges]
            found = closed.owed, closed.charged, closed.left
            assert found == (outcome.owed, outcome.borne, outcome.left)
            compare(twins)
    assert sums_hold(twins.bench)
