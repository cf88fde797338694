"""The engines that tests run on, each skipped where what it needs is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from spillway import engines
from spillway.engines import anvil

if TYPE_CHECKING:
    from spillway.engines import Engine, Genesis

FOUNDRY = "ethereum:local:foundry"

_HAS_WAKE = find_spec("wake_rs") is not None
_NO_WAKE = pytest.mark.skipif(not _HAS_WAKE, reason="requirements-revm.lock is not installed")
needs_anvil = pytest.mark.skipif(anvil.binary() is None, reason="no anvil, npm's or on PATH")
needs_plugin = pytest.mark.skipif(
    find_spec("ape_foundry") is None, reason="requirements-foundry.lock is not installed"
)

ENGINES = [
    *(pytest.param(name, marks=_NO_WAKE if name == "revm" else ()) for name in engines.NAMES),
    pytest.param(FOUNDRY, marks=(needs_plugin, needs_anvil)),
]
FASTEST = "revm" if _HAS_WAKE else "pyevm"
# Those that are compared with `pyevm`.
OTHERS = [each for each in ENGINES if each.values != ("pyevm",)]


def start(name: str, genesis: Genesis) -> Engine:
    """Start a chain on the engine `name`, or with engine `ape` on the network `name`."""
    if name in engines.NAMES:
        return engines.start(name, genesis)
    return engines.start("ape", genesis, name)
