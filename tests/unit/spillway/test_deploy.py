"""A venue as it is deployed: who holds its roles, and what its levers begin with."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from spillway import crash, engines, presets, scenario, timeline
from spillway.actors.admin import Admin
from spillway.deploy import Role
from spillway.model.margin import Market, Tier
from spillway.rules import NOBODY
from spillway.venue import Venue
from tests.chain import refused
from tests.chains import FASTEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.actors.view import View
    from spillway.build import Artifacts
    from spillway.crash import Stage
    from spillway.engines import Call
    from spillway.scenario import Scenario

STORY = scenario.load(scenario.find("maneki_2024"))
MARKET = Market((Tier(0, 10),), size_decimals=0, max_age=60, open_interest_cap=1)


def staged(artifacts: Artifacts, told: Scenario, venue: str) -> Iterator[Stage]:
    preset = presets.load(presets.find(venue))
    with engines.start(FASTEST, crash.genesis(told, preset)) as chain:
        yield crash.stage(chain, artifacts, told, preset)


@pytest.fixture
def plain(artifacts: Artifacts) -> Iterator[Stage]:
    """A venue whose story pulls no lever."""
    yield from staged(artifacts, timeline.without(STORY, "levers"), "hyperliquid")


@pytest.fixture
def armed(artifacts: Artifacts) -> Iterator[Stage]:
    """A venue with levers, and a fund."""
    yield from staged(artifacts, STORY, "bybit_2024")


@pytest.fixture
def sharing(artifacts: Artifacts) -> Iterator[Stage]:
    """A venue that charges losses per lot, with levers."""
    yield from staged(artifacts, STORY, "drift")


# --- roles ---------------------------------------------------------------------------------------


def test_no_role_is_left_for_the_admin_to_grant_later(plain: Stage) -> None:
    pool, admin = plain.contracts.pool, plain.people.admin
    for role in Role:
        assert pool.call.role_holder(role) != NOBODY
        with refused("pool: role already granted"):
            pool.transact.grant(role, admin, sender=admin)
    # What nobody is to have belongs to a contract that calls nothing.
    assert plain.contracts.levers is plain.contracts.fund is None
    assert pool.call.role_holder(Role.LEVERS) == pool.address
    assert pool.call.role_holder(Role.FUND) == pool.address


def test_levers_hold_their_role_and_stand_before_the_policy(armed: Stage) -> None:
    contracts = armed.contracts
    assert contracts.levers is not None
    assert contracts.pool.call.role_holder(Role.LEVERS) == contracts.levers.address
    assert contracts.adl.call.policy() == contracts.levers.address
    first, second = contracts.levers.call.policies()
    assert contracts.levers.call.policy() == first != second
    assert contracts.levers.call.notice() == armed.preset.levers.notice_seconds


# --- whoever pulls them --------------------------------------------------------------------------


def admin_of(stage: Stage) -> Admin:
    people = stage.people
    return Admin(Venue(stage.contracts), stage.preset, STORY, people.admin, people.keeper)


def seen(block: int, *, locked: bool = False) -> View:
    """What the admin looks at: when it is, and whether a deleveraging is at work."""
    markets = [replace(MARKET, locked=locked)]
    time = STORY.clock.time_of(block)
    return cast(
        "View", SimpleNamespace(block=block, time=time, now=SimpleNamespace(markets=markets))
    )


def functions(calls: list[Call]) -> list[str]:
    return [call.label.partition(".")[2] for call in calls]


def test_the_admin_acts_in_its_block_and_once(armed: Stage) -> None:
    admin = admin_of(armed)
    assert admin.decide(seen(0)) == []
    told = functions(admin.decide(seen(1)))
    assert told == [
        "announce_maintenance",
        "mint",
        "approve",
        "give",
        "lower_cap",
        "announce_policy",
    ]
    assert admin.decide(seen(2)) == []


def test_what_was_announced_is_put_in_force_once_it_is_due_and_no_ranking_is_open(
    armed: Stage,
) -> None:
    admin, engine = admin_of(armed), armed.engine
    announced = engine.send_block(admin.decide(seen(1)), STORY.clock.time_of(1))
    assert all(receipt.success for receipt in announced.receipts)
    due = 1 + armed.preset.levers.notice_seconds // STORY.clock.block_seconds

    assert admin.decide(seen(due - 1)) == []
    assert admin.decide(seen(due, locked=True)) == []
    calls = admin.decide(seen(due + 1))

    assert functions(calls) == ["switch_policy", "raise_maintenance"]
    done: Any = engine.send_block(calls, STORY.clock.time_of(due + 1))
    assert all(receipt.success for receipt in done.receipts)
    assert admin.decide(seen(due + 2)) == []


def test_a_venue_without_a_fund_is_not_topped_up(plain: Stage) -> None:
    assert list(Venue(plain.contracts).give_to_fund(0, 1, plain.people.admin)) == []


def test_a_venue_that_ranks_nobody_has_no_policy_to_switch(sharing: Stage) -> None:
    assert sharing.contracts.levers is not None
    assert sharing.contracts.levers.call.policies() == ()
    told = functions(admin_of(sharing).decide(seen(1)))
    assert "announce_policy" not in told
    assert "announce_maintenance" in told
