"""Runs of scenario `thin`, made once and looked at by many tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import crash, presets, scenario
from tests import chains

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.crash import Run


@pytest.fixture(scope="session")
def run_thin(artifacts: Artifacts) -> Callable[..., Run]:
    """Run `thin` on a chain of its own."""

    def run(
        engine: str = "pyevm",
        seed: int | None = None,
        watch: Callable[[Run], bool] = lambda _: True,
    ) -> Run:
        told = scenario.load(scenario.find("thin"), seed)
        preset = presets.load(presets.find("hyperliquid"))
        with chains.start(engine, crash.genesis(told, preset)) as chain:
            return crash.run(chain, artifacts, told, preset, watch)

    return run


@pytest.fixture(scope="session")
def thin(run_thin: Callable[..., Run]) -> Run:
    """The run as the scenario has it; not to be changed."""
    return run_thin()
