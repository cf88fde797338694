"""The engines that tests run on, each skipped where what it needs is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from spillway import engines

_HAS_WAKE = find_spec("wake_rs") is not None
_NO_WAKE = pytest.mark.skipif(not _HAS_WAKE, reason="requirements-revm.lock is not installed")

ENGINES = [pytest.param(name, marks=_NO_WAKE if name == "revm" else ()) for name in engines.NAMES]
FASTEST = "revm" if _HAS_WAKE else "pyevm"
# Those that are compared with `pyevm`.
OTHERS = [each for each in ENGINES if each.values != ("pyevm",)]
