# pragma version 0.4.3
"""
@title Positions and holder lists in the open
@notice Exposes contracts/modules/positions.vy, with sizes and lists that no test could trade up to.
"""

from ..modules import positions

initializes: positions


@external
def change(account: uint256, market: uint256, size: int256, cost: int256):
    held: positions.Held = positions._load(account, market)
    positions._change(account, market, held, size, cost)


@external
def set_leverage(account: uint256, market: uint256, leverage: uint256):
    held: positions.Held = positions._load(account, market)
    held.leverage = leverage
    positions._store(account, market, held)


@external
def set_length(market: uint256, longs: bool, length: uint256):
    """
    @notice Pretend that a list without holes is that long already.
    """
    positions._write_list(market, positions._list_offset(longs), length, 0)


@external
@view
def held(account: uint256, market: uint256) -> positions.Held:
    return positions._load(account, market)


@external
@view
def length(market: uint256, longs: bool) -> uint256:
    return positions._length(market, longs)


@external
@view
def holder(market: uint256, longs: bool, place: uint256) -> uint256:
    return positions._holder(market, longs, place)
