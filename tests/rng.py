"""Random numbers that are the same in every run."""

from __future__ import annotations

from random import Random


def seeded(seed: int | str) -> Random:
    """Give a source that draws the same whenever the seed is the same."""
    return Random(seed)  # noqa: S311 (it has to repeat itself, and nothing is secret)
