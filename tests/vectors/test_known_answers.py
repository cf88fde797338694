"""Known answers of public venues, each under its own preset: one case of one file a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.vectors import stage
from tests.vectors.stage import Stage

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.vectors.stage import Case, Vectors

CASES = list(stage.cases())


@pytest.mark.parametrize(
    ("vectors", "case"), CASES, ids=[f"{v.venue}: {case.name}" for v, case in CASES]
)
def test_a_known_answer(
    vectors: Vectors,
    case: Case,
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
) -> None:
    played = Stage(case, stage.deploy(vectors, engine, artifacts, admin, keeper))
    loser = played.bench.accounts[case.loser]
    assert played.bench.liquidator.call.is_liquidatable(loser) == case.liquidatable

    played.play()

    played.check()
