# pragma version 0.4.3
"""
@title TickTreeHarness
@license MIT
@notice Opens the set of ticks to its unit tests.
"""

from ..modules import tick_tree

initializes: tick_tree


@external
def add(market: uint256, tick: uint256):
    tick_tree._add(market, tick)


@external
def remove(market: uint256, tick: uint256):
    tick_tree._remove(market, tick)


@external
@view
def next(market: uint256, tick: uint256, below: bool) -> uint256:
    return tick_tree._next(market, tick, below)
