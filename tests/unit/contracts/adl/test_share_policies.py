"""Share policies: equal to their twins on any holders, at any level."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import pytest

from spillway.model.levels import level_of
from spillway.model.policies import SHARES, Asked, Candidate, Side, contract_name
from spillway.model.policies.share import MAX_LEVEL
from tests.rng import seeded
from tests.unit.contracts.adl.candidates import (
    COST,
    HOLDERS,
    LOTS,
    PAGE,
    SETS,
    amount,
    draw_set,
    extremes,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine


@pytest.fixture(scope="module")
def policies(engine: Engine, artifacts: Artifacts, admin: Address) -> dict[str, Contract]:
    return {name: engine.deploy(artifacts[contract_name(name)], sender=admin) for name in SHARES}


def draw_asked(rng: Random, found: Sequence[Candidate]) -> Asked:
    """From no lot to all, of these holders or of more."""
    total = sum(each.size for each in found) + amount(rng, LOTS) + 1
    loss = amount(rng, COST) * rng.choice((1, -1))
    return Asked(rng.randrange(total + 1), total, loss)


def check(
    policy: Contract, name: str, side: Side, asked: Asked, found: Sequence[Candidate], level: int
) -> None:
    """Contract and twin say the same, and nobody gives more than it has."""
    rows = [row(each) for each in found]
    got = list(policy.call.quotas(astuple(side), astuple(asked), rows, level))
    assert got == [SHARES[name](side, asked, each, level) for each in found]
    assert all(quota <= each.size for quota, each in zip(got, found, strict=True))


@pytest.mark.parametrize("name", SHARES)
def test_a_policy_gives_the_quotas_of_its_twin(policies: dict[str, Contract], name: str) -> None:
    """Of each set once at any level, once at the one that meets what is asked."""
    rng = seeded("shares")
    for _ in range(SETS):
        side, found = draw_set(rng)
        asked = draw_asked(rng, found)
        check(policies[name], name, side, asked, found, amount(rng, MAX_LEVEL))
        if sum(each.size for each in found) >= asked.lots:
            level = level_of(SHARES[name], side, asked, found)
            check(policies[name], name, side, asked, found, level)


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("level", [0, 2**112, 2**193 - 1, MAX_LEVEL, 2**256 - 1])
def test_a_policy_gives_the_quotas_of_its_twin_at_the_ends_of_every_range(
    policies: dict[str, Contract], name: str, level: int
) -> None:
    side = Side(255, True, 2**80 - 1, 2**80 - 1, -(2**86) + 1, HOLDERS)
    found = [each for each in extremes() if not each.place]
    for loss in (-COST, COST):
        asked = Asked(LOTS, LOTS, loss)
        for start in range(0, len(found), PAGE):
            check(policies[name], name, side, asked, found[start : start + PAGE], level)


@pytest.mark.parametrize("name", SHARES)
def test_nobody_gives_at_level_0_and_everybody_gives_all_at_the_last(
    policies: dict[str, Contract], name: str
) -> None:
    side, found = draw_set(seeded("ends"))
    found = [replace(each, account=3 + place) for place, each in enumerate(found)]
    assert found
    asked = Asked(1, sum(each.size for each in found), 0)
    told = (astuple(side), astuple(asked), [row(each) for each in found])
    assert list(policies[name].call.quotas(*told, 0)) == [0] * len(found)
    assert list(policies[name].call.quotas(*told, MAX_LEVEL)) == [each.size for each in found]
