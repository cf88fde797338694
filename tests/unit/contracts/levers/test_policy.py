"""Another policy: after a notice, out of those of construction, never within a ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import USD
from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.levers.conftest import NOTICE, POLICIES

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt
    from tests.bench import Bench
    from tests.unit.contracts.levers.conftest import Board

NOBODY = "0x" + "00" * 20


def announce(board: Board, place: int) -> Receipt:
    receipt: Receipt = board.levers.transact.announce_policy(place, sender=board.admin)
    return receipt


def switch(board: Board) -> Receipt:
    receipt: Receipt = board.levers.transact.switch_policy(sender=board.outsider)
    return receipt


def queue(bench: Bench) -> list[int]:
    """The shorts, first to be deleveraged first, as auto-deleveraging ranks them now."""
    keys = sorted((key for key, _ in bench.keys(0, longs=False)), reverse=True)
    return [2**32 - 1 - (key >> 24) % 2**32 for key in keys]


def by_leverage(crowd: dict[str, int]) -> list[int]:
    return [crowd[name] for name in stage.QUEUE]


def by_notional(bench: Bench, crowd: dict[str, int]) -> list[int]:
    """The crowd has 5, 4, 3 and 2 lots."""
    shorts = [crowd[name] for name in "abcd"]
    return sorted(shorts, key=lambda number: (bench.size(number), number))


def test_the_first_is_in_force(board: Board, crowd: dict[str, int]) -> None:
    stage.crash(board.bench)
    first, _ = board.levers.call.policies()

    assert board.levers.call.policy() == first
    assert board.bench.adl.call.policy() == board.levers.address
    assert queue(board.bench) == by_leverage(crowd)
    assert by_leverage(crowd) != by_notional(board.bench, crowd)


def test_after_the_notice_anyone_puts_another_in_force(board: Board, crowd: dict[str, int]) -> None:
    _, second = board.levers.call.policies()
    told = announce(board, 1)
    due = board.bench.engine.head.timestamp + NOTICE
    assert [tuple(event) for event in told.named("PolicyAnnounced")] == [(second, due)]
    assert tuple(board.levers.call.next_policy()) == (second, due)
    board.wait()
    stage.crash(board.bench)
    assert queue(board.bench) == by_leverage(crowd)

    done = switch(board)

    assert [tuple(event) for event in done.named("PolicySwitched")] == [(second,)]
    assert board.levers.call.policy() == second
    assert tuple(board.levers.call.next_policy()) == (NOBODY, 0)
    assert queue(board.bench) == by_notional(board.bench, crowd)


def test_losers_are_closed_against_those_whom_it_ranks_first(
    board: Board, crowd: dict[str, int]
) -> None:
    announce(board, 1)
    board.wait()
    switch(board)
    stage.crash(board.bench)

    receipt = board.bench.deleverage(crowd["loser"])

    hit = [winner for winner, *_ in stage.fills(receipt)]
    assert hit == by_notional_before(crowd)[: len(hit)]
    assert board.bench.size(crowd["loser"]) == 0


def by_notional_before(crowd: dict[str, int]) -> list[int]:
    """As by_notional: c has 5 lots, a 4, b 3, d 2."""
    return [crowd[name] for name in "cabd"]


def test_not_a_second_before(board: Board) -> None:
    announce(board, 1)
    board.bench.engine.send_block([], board.levers.call.next_policy()[1] - 2)

    with refused("levers: notice is running"):
        switch(board)
    switch(board)


def test_one_announcement_at_a_time(board: Board) -> None:
    announce(board, 1)
    board.wait()
    with refused("levers: notice is running"):
        announce(board, 0)
    switch(board)
    announce(board, 0)


def test_nothing_is_in_force_that_was_not_announced(board: Board) -> None:
    with refused("levers: nothing announced"):
        switch(board)


def test_the_admin_alone_announces(board: Board) -> None:
    with refused("levers: not the admin"):
        board.levers.transact.announce_policy(1, sender=board.outsider)


@pytest.mark.parametrize("place", [len(POLICIES), 2**256 - 1])
def test_no_admin_brings_a_policy_of_its_own(board: Board, place: int) -> None:
    with refused("levers: no such policy"):
        announce(board, place)


def test_a_ranking_keeps_the_policy_that_it_began_with(board: Board, ranking: int) -> None:
    bench = board.bench
    announce(board, 1)
    board.wait()
    with refused("levers: deleveraging at work"):
        switch(board)
    bench.mark(89, 50, 20)
    stage.scan(bench)
    with refused("levers: deleveraging at work"):
        switch(board)
    stage.order(bench, stage.ranked(bench))
    stage.close(bench, ranking)
    stage.end_job(bench)
    switch(board)


def test_whoever_opens_rankings_can_not_put_a_switch_off_for_ever(
    board: Board, ranking: int
) -> None:
    """A ranking needs a loser, and anyone may have it closed, or the ranking ended."""
    announce(board, 1)
    board.wait()
    stage.pass_blocks(board.bench, stage.LIFETIME)
    stage.end_job(board.bench)
    switch(board)
    assert board.bench.equity(ranking) < 0


# --- construction --------------------------------------------------------------------------------


def test_a_venue_without_a_queue_has_no_policy_to_switch(
    engine: Engine, artifacts: Artifacts, admin: Address, board: Board
) -> None:
    levers = engine.deploy(artifacts["Levers"], board.bench.pool.address, NOTICE, [], sender=admin)
    assert levers.call.policy() == NOBODY
    with refused("levers: no such policy"):
        levers.transact.announce_policy(0, sender=admin)


def test_there_is_a_notice(
    engine: Engine, artifacts: Artifacts, admin: Address, board: Board
) -> None:
    told = artifacts["Levers"], board.bench.pool.address
    with refused("levers: no notice"):
        engine.deploy(*told, 0, [], sender=admin)
    assert engine.deploy(*told, 1, [], sender=admin).call.notice() == 1
    assert board.levers.call.notice() == NOTICE


def test_there_are_no_other_levers(artifacts: Artifacts, board: Board) -> None:
    """What an admin, or anyone, may do beyond reading; none of it moves money."""
    writes = {
        entry["name"]
        for entry in artifacts["Levers"].abi
        if entry["type"] == "function" and entry["stateMutability"] != "view"
    }
    assert writes == {
        "announce_maintenance",
        "raise_maintenance",
        "lower_cap",
        "announce_policy",
        "switch_policy",
    }
    held = [r for r in range(8) if holds(board, 1 << r)]
    assert held == [7]


def holds(board: Board, role: int) -> bool:
    holder: Contract | str = board.bench.pool.call.role_holder(role)
    return holder == board.levers.address


def test_what_it_scores_is_what_the_policy_scores(
    board: Board, engine: Engine, artifacts: Artifacts, admin: Address
) -> None:
    side = (0, False, 100 * USD, 101 * USD, 0, 2, 7)
    found = [(n, n, 3, n * USD, 5 * USD, 300 * USD, 301 * USD, -n * USD) for n in (4, 5)]
    alone = engine.deploy(artifacts[POLICIES[0]], sender=admin)
    assert board.levers.call.scores(side, found) == alone.call.scores(side, found)
