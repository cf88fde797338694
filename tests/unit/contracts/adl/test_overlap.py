"""Winners whose bankruptcy price does not overlap the loser's wait until all others are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import presets
from spillway.rules import AdlRules, Price
from tests.chain import refused
from tests.keepers import Shift, labels
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import READY, SCANNING, fills, gaps, job
from tests.unit.contracts.hand import START, sums_hold, swap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench

    Deploy = Callable[..., Bench]

BANKRUPTCY = AdlRules(price=Price.BANKRUPTCY, everyone=True)
OVERLAPPING = BANKRUPTCY._replace(overlapping=True)
NONE_PASSED_OVER, SOME_PASSED_OVER, LAST = range(3)  # turns of a queue


@pytest.fixture
def deploy(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Deploy:
    """At 70 `loser`, long 10, lacks 90, which is 9 a lot; largest winners first.

    `thin`, short 6, has 42 by then, 7 a lot. `able` is short 4, and `spare`, where there is one, 5:
    they have thousands.
    """

    def deploy(closing: AdlRules = OVERLAPPING, *, spare: bool = True) -> Bench:
        venue = stage.deploy(engine, artifacts, admin, keeper, policy="SizeQueue", closing=closing)
        for name, usd in {"loser": 60, "thin": 12, "able": 5_000, "rich": 5_000}.items():
            venue.open(name, usd)
        a = venue.accounts
        swap(venue, a["loser"], a["able"], 4, 100)
        swap(venue, a["loser"], a["thin"], 6, 75)
        if spare:
            venue.open("spare", 5_000)
            swap(venue, a["rich"], a["spare"], 5, 100)
            swap(venue, a["rich"], a["able"], 1, 100)
        venue.mark(70, *START[1:])
        assert venue.equity(a["loser"]) == -90
        assert venue.equity(a["thin"]) == 42
        return venue

    return deploy


def close(bench: Bench, name: str = "loser") -> Receipt:
    """Close an account against a job that has enrolled everybody."""
    stage.make_ready(bench, bench.accounts[name])
    return stage.close(bench, bench.accounts[name])


def winners(bench: Bench, receipts: Sequence[Receipt]) -> list[tuple[str, int, object]]:
    """Name, lots and USD a lot of each fill."""
    names = {number: name for name, number in bench.accounts.items()}
    return [(names[n], lots, usd) for each in receipts for n, lots, usd, _ in fills(each)]


def test_a_winner_that_can_not_bear_the_price_is_passed_over(deploy: Deploy) -> None:
    bench = deploy()
    receipt = close(bench)
    assert winners(bench, [receipt]) == [("able", 5, 79), ("spare", 5, 79)]
    assert gaps(receipt) == []
    assert bench.equity(bench.accounts["thin"]) == 42
    assert bench.at(bench.accounts["loser"]) == (0, 0)
    assert sums_hold(bench)


def test_a_venue_without_that_rule_closes_it_at_its_own_price(deploy: Deploy) -> None:
    """`thin` gives all of its 42, and the others what is missing of its 54."""
    bench = deploy(BANKRUPTCY)
    receipt = close(bench)
    assert winners(bench, [receipt]) == [("thin", 6, 70 + 7), ("able", 4, 79)]
    assert bench.equity(bench.accounts["thin"]) == 0
    assert sum(usd for _, _, usd in gaps(receipt)) == 12
    assert sums_hold(bench)


@pytest.mark.parametrize("cash", [54 - 30 - 1, 54 - 30])
def test_prices_that_just_meet_overlap(deploy: Deploy, cash: int) -> None:
    """9 a lot are 54 for 6 lots: with 54 of equity it is closed, with 53 it is not."""
    bench = deploy()
    swap(bench, bench.accounts["rich"], bench.accounts["thin"], 1, 70 + cash - 12, market=1)
    swap(bench, bench.accounts["thin"], bench.accounts["rich"], 1, 70, market=1)
    assert bench.equity(bench.accounts["thin"]) == 30 + cash
    first = winners(bench, [close(bench)])[0]
    assert first == (("thin", 6, 79) if cash == 24 else ("able", 5, 79))


def test_a_part_of_a_leg_is_judged_by_the_price_and_not_by_all_of_its_equity(
    deploy: Deploy,
) -> None:
    """The last lot would cost `thin` 9 of its 42, but its price is 7 away, and not 9."""
    bench = deploy(spare=False)
    swap(bench, bench.accounts["rich"], bench.accounts["able"], 5, 100)
    receipt = close(bench)
    assert winners(bench, [receipt]) == [("able", 9, 79)]
    assert bench.size(bench.accounts["loser"]) == 1
    assert (job(bench).phase, job(bench).turn) == (SCANNING, LAST)


def test_when_all_others_are_closed_nobody_is_passed_over(
    deploy: Deploy, artifacts: Artifacts
) -> None:
    """`able` bears its 36 and the 12 that `thin` does not have: the loser ends with nothing."""
    bench = deploy(spare=False)
    able = bench.equity(bench.accounts["able"])
    first = close(bench)
    assert winners(bench, [first]) == [("able", 4, 79)]
    assert (job(bench).phase, job(bench).turn) == (SCANNING, LAST)
    keeper = Shift(bench, artifacts, liquidates=False, rules=rules())
    receipts = keeper.block()
    assert winners(bench, receipts) == [("thin", 6, 77)]
    assert bench.at(bench.accounts["loser"]) == (0, 0)
    assert bench.equity(bench.accounts["thin"]) == 0
    assert able - bench.equity(bench.accounts["able"]) == 36 + 12
    assert labels(keeper.block()) == ["Adl.end_job"]
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)


def rules() -> presets.Adl:
    """What the keeper of such a venue knows of it."""
    preset = presets.with_policy(presets.load(presets.find("hyperliquid")), "size_queue")
    told = {"price": "bankruptcy", "everyone": True, "overlapping": True}
    return preset.adl.model_copy(update=told)


def test_a_keeper_enrols_who_can_bear_the_price_too(deploy: Deploy, artifacts: Artifacts) -> None:
    """One transaction does: `thin` does not count for the lots that are needed."""
    bench = deploy()
    receipts = Shift(bench, artifacts, liquidates=False, rules=rules()).block()
    assert labels(receipts) == ["Adl.deleverage"]
    assert winners(bench, receipts) == [("able", 5, 79), ("spare", 5, 79)]
    assert bench.at(bench.accounts["loser"]) == (0, 0)


def test_who_was_not_enrolled_is_asked_before_who_was_passed_over(deploy: Deploy) -> None:
    """A job that enrols `thin` alone can't have it closed: the queue runs dry, and all come in."""
    bench = deploy()
    loser, thin = bench.accounts["loser"], bench.accounts["thin"]
    keys = dict(zip(holders(bench), (key for key, _ in bench.keys(0, False)), strict=True))
    swap(bench, bench.accounts["rich"], thin, 4, 75)  # now it has lots enough for the loser
    stage.open_job(bench, loser, threshold=keys[thin])
    stage.scan(bench)
    stage.order(bench, [0])
    assert (job(bench).enrolled, job(bench).lots) == (1, 10)
    assert fills(stage.close(bench, loser)) == []
    assert (job(bench).phase, job(bench).turn) == (SCANNING, SOME_PASSED_OVER)
    stage.scan(bench)
    keys_left = [bench.adl.call.entry(0, False, place) for place in (1, 2, 3)]
    stage.order(bench, sorted((1, 2, 3), key=lambda n: -keys_left[n - 1]), start=1)
    receipt = stage.close(bench, loser)
    assert winners(bench, [receipt]) == [("able", 5, 79), ("spare", 5, 79)]
    assert sums_hold(bench)


def holders(bench: Bench) -> list[int]:
    """The shorts of market 0, in the order of their list."""
    count = bench.pool.call.holder_count(0, False)
    found = bench.pool.call.candidates(0, False, 0, count, 70 * 10**18, 0)
    return [each.account for each in found]


def test_each_closing_passes_over_for_itself(deploy: Deploy) -> None:
    """`second`, who lacks 1 a lot, is closed against `thin`, whom the first has passed over."""
    bench = deploy()
    bench.open("second", 20)
    loser, second = bench.accounts["loser"], bench.accounts["second"]
    swap(bench, second, bench.accounts["rich"], 6, 74)
    assert bench.equity(second) == -4
    stage.make_ready(bench, loser)
    stage.close(bench, loser)
    assert (job(bench).phase, job(bench).turn) == (READY, SOME_PASSED_OVER)
    stage.end_job(bench)
    receipt = close(bench, "second")
    assert [name for name, _, _ in winners(bench, [receipt])] == ["thin"]


def test_the_rule_needs_a_price_for_everyone(deploy: Deploy) -> None:
    with refused("adl: bad rules"):
        deploy(OVERLAPPING._replace(everyone=False))
