# pragma version 0.4.3
"""
@title A pool that only keeps prices
@notice Stands for the pool where a test needs an oracle alone: it takes every step it is given, within the
        pool's own bounds, and starts with as many markets as it is told.
"""

from ..interfaces import IMarginPool
from ..modules import markets

MAX_UPDATES: constant(uint256) = 64

# Number of markets.
market_count: public(uint256)

# Distance of a voluntary fill from mark, ppm.
band: uint256

# Prices, funding index and time of a market.
market: public(HashMap[uint256, IMarginPool.Market])

# Calls of `advance`.
advances: public(uint256)


@deploy
def __init__(count: uint256, band: uint256):
    self.market_count = count
    self.band = band


@external
@view
def fees() -> (uint256, uint256, uint256):
    return 0, 0, self.band


@external
def set_funding(market: uint256, funding: int256):
    self.market[market].funding = funding


@external
def advance(updates: DynArray[IMarginPool.Update, MAX_UPDATES]):
    self.advances += 1
    for update: IMarginPool.Update in updates:
        assert (
            min(update.mark, update.index) > 0
            and max(update.mark, update.index) <= markets.MAX_PRICE
        ), "pool: price out of range"
        standing: IMarginPool.Market = self.market[update.market]
        standing.funding += update.funding_delta
        assert abs(standing.funding) < markets.MAX_FUNDING, "pool: funding out of range"
        if standing.updated_at != block.timestamp:
            standing.previous_mark = standing.mark
        if standing.previous_mark == 0:
            standing.previous_mark = update.mark
        standing.mark = update.mark
        standing.index = update.index
        standing.updated_at = block.timestamp
        self.market[update.market] = standing
