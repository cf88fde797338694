"""Any sequence of calls leaves the venue solvent, and the keeper able to bring it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.invariant import arena as arenas
from tests.invariant.machine import PooledMachine, ProvidedMachine, VenueMachine

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Engine

SHORT = settings(
    max_examples=32,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
# What the short profile must have met: a test that never comes to the waterfall shows nothing.
# Where the price holds for everyone, the second tier is those below zero alone.
FALLS_TO_ALL = ("BookEntered, filled", "Deleveraged, tier 1")
FALLS = (*FALLS_TO_ALL, "Deleveraged, tier 2")
LAYERS = {
    "vault": (*FALLS, "BackstopEntered", "GapBorne", "DeficitWritten, deficit"),
    "fund": (*FALLS_TO_ALL, "BackstopEntered", "Spent", "Halted", "closing gone on with"),
    "restoring": (*FALLS_TO_ALL, "Spent", "Closed, even"),
    "providers": (*FALLS_TO_ALL, "BackstopEntered", "Pledged", "Released", "Spent"),
    "counterparty": (*FALLS_TO_ALL, "BackstopEntered", "ProfitLimited", "Closed, even"),
    "open": (*FALLS, "BackstopEntered", "GapBorne", "DeficitWritten, deficit"),
    "both sides": ("BookEntered, filled", "Spent", "Charged", "Exempted"),
    "shares": (*FALLS_TO_ALL, "BackstopEntered", "Closed, even", "SharesEnded, reason 0"),
    "session profit": (
        "BookEntered, filled",
        "Spent",
        "ProfitCharged",
        "Socialized, borne",
        "Socialized, left",
        "went on with a job",
    ),
    "other side": ("BookEntered, filled", "Charged", "DeficitWritten, deficit"),
}
LONG = settings(
    SHORT,
    max_examples=400,
    stateful_step_count=60,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
)


@pytest.fixture
def arena(engine: Engine, artifacts: Artifacts, venue: str) -> arenas.Arena:
    """A venue of three markets, a vault, and eleven accounts, two of them isolated."""
    return arenas.deploy(engine, artifacts, arenas.VENUES[venue])


def play(arena: arenas.Arena, profile: settings) -> None:
    def start() -> VenueMachine:
        if arena.counterparty:
            return PooledMachine(arena)
        return ProvidedMachine(arena) if arena.providers else VenueMachine(arena)

    run_state_machine_as_test(start, settings=profile)  # type: ignore[arg-type] # any callable does


@pytest.mark.parametrize("venue", arenas.VENUES)
def test_no_sequence_of_calls_breaks_the_venue(arena: arenas.Arena, venue: str) -> None:
    play(arena, SHORT)
    assert set(LAYERS[venue]) <= {event for event, count in arena.events.items() if count}


@pytest.mark.campaign
@pytest.mark.parametrize("venue", arenas.VENUES)
def test_no_sequence_of_calls_breaks_the_venue_for_long(arena: arenas.Arena) -> None:
    play(arena, LONG)
