# pragma version 0.4.3
"""
@title TicksHarness
@license MIT
@notice Opens the arithmetic of legal prices to its unit tests.
"""

from ..modules import ticks


@external
@pure
def at_or_below(price: uint256, size_decimals: uint256) -> uint256:
    return ticks._at_or_below(price, size_decimals)


@external
@pure
def at_or_above(price: uint256, size_decimals: uint256) -> uint256:
    return ticks._at_or_above(price, size_decimals)


@external
@pure
def price(index: uint256, size_decimals: uint256) -> uint256:
    return ticks._price(index, size_decimals)
