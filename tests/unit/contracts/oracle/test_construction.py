"""What an oracle may be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway.engines.protocol import ZERO_ADDRESS
from spillway.errors import Reverted
from tests.unit.contracts.oracle import feed as feeds

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Contract, Engine

Feed = feeds.Feed


@pytest.fixture
def deploy(engine: Engine, artifacts: Artifacts, feed: Feed) -> Any:
    """Deploys an oracle of given reporters, report age and quorum."""

    def deployed(reporters: list[tuple[str, int, int]], age: int = 60, quorum: int = 3) -> Contract:
        return engine.deploy(
            artifacts["Oracle"],
            feed.pool.address,
            feed.book.address,
            reporters,
            age,
            quorum,
            0,
            False,
            sender=engine.sender(0),
        )

    return deployed


def reporters(engine: Engine, *weights: tuple[int, int]) -> list[tuple[str, int, int]]:
    return [(engine.sender(20 + place), *pair) for place, pair in enumerate(weights)]


def test_tells_its_reporters_and_parameters(feed: Feed) -> None:
    found = [tuple(reporter) for reporter in feed.oracle.call.reporters()]

    assert found == [(feed.venues[name], *pair) for name, pair in feeds.WEIGHTS.items()]
    assert feed.oracle.call.max_report_age() == feeds.MAX_REPORT_AGE
    assert feed.oracle.call.quorum() == feeds.QUORUM


def test_takes_a_quorum_of_just_more_than_twice_the_largest_weight(
    engine: Engine, deploy: Any
) -> None:
    equal = reporters(engine, (1, 1), (1, 1), (1, 1))
    assert deploy(equal, quorum=3).call.quorum() == 3

    with pytest.raises(Reverted, match="oracle: bad quorum"):
        deploy(equal, quorum=2)


def test_counts_the_perp_weights_against_the_quorum(engine: Engine, deploy: Any) -> None:
    heavy_perp = reporters(engine, (1, 2), (2, 1), (2, 1))
    assert deploy(heavy_perp, quorum=5).call.quorum() == 5

    with pytest.raises(Reverted, match="oracle: bad quorum"):
        deploy(reporters(engine, (1, 3), (2, 1), (2, 1)), quorum=5)


def test_refuses_a_quorum_that_all_spots_together_miss(engine: Engine, deploy: Any) -> None:
    with pytest.raises(Reverted, match="oracle: bad quorum"):
        deploy(reporters(engine, (1, 1), (1, 1), (1, 1)), quorum=4)


def test_refuses_to_be_without_reporters(deploy: Any) -> None:
    with pytest.raises(Reverted, match="oracle: bad quorum"):
        deploy([], quorum=1)


def test_refuses_a_reporter_twice(engine: Engine, deploy: Any) -> None:
    twice = reporters(engine, (1, 1), (1, 1), (1, 1))
    with pytest.raises(Reverted, match="oracle: reporter twice"):
        deploy([*twice, twice[0]])


def test_refuses_nobody_as_a_reporter(engine: Engine, deploy: Any) -> None:
    with pytest.raises(Reverted, match="oracle: zero address"):
        deploy([*reporters(engine, (1, 1), (1, 1), (1, 1)), (ZERO_ADDRESS, 1, 1)])


def test_takes_the_largest_weight_and_refuses_one_above_it(engine: Engine, deploy: Any) -> None:
    top = 2**16 - 1
    assert deploy(reporters(engine, *[(top, top)] * 3), quorum=3 * top).call.quorum() == 3 * top

    with pytest.raises(Reverted, match="oracle: weight out of range"):
        deploy(reporters(engine, *[(top + 1, 0)] * 3), quorum=3 * top + 3)


def test_refuses_reports_that_never_count(engine: Engine, deploy: Any) -> None:
    with pytest.raises(Reverted, match="oracle: bad report age"):
        deploy(reporters(engine, (1, 1), (1, 1), (1, 1)), age=0)
