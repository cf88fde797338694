"""The engines that tests run on, each skipped where what it needs is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from spillway import engines

_NO_WAKE = pytest.mark.skipif(
    find_spec("wake_rs") is None, reason="requirements-revm.lock is not installed"
)

ENGINES = [pytest.param(name, marks=_NO_WAKE if name == "revm" else ()) for name in engines.NAMES]
# Those that are compared with `pyevm`.
OTHERS = [each for each in ENGINES if each.values != ("pyevm",)]
