"""What tests do with any contract on a chain."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.engines import Engine


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The calls inside must be refused by a contract, with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@contextmanager
def undone(engine: Engine) -> Iterator[None]:
    """Put the chain back to where it was, also where the body fails."""
    token = engine.snapshot()
    try:
        yield
    finally:
        engine.revert(token)
