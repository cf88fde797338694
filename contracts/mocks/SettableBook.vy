# pragma version 0.4.3
"""
@title A book whose quotes are chosen
@notice Stands for the order book where a test needs tops and impact prices of its own choice.
"""

from ..interfaces import IOrderBook

# Tops of a market, as they stood when the block began.
opening_tops: public(HashMap[uint256, IOrderBook.Tops])

# Impact prices of a market and a notional: [bid, ask].
impacts: HashMap[uint256, HashMap[uint256, uint256[2]]]


@external
def set_tops(market: uint256, bid: uint256, ask: uint256, last: uint256):
    self.opening_tops[market] = IOrderBook.Tops(bid=bid, ask=ask, last=last)


@external
def set_impact(market: uint256, notional: uint256, bid: uint256, ask: uint256):
    self.impacts[market][notional] = [bid, ask]


@external
@view
def impact_prices(market: uint256, notional: uint256) -> (uint256, uint256):
    return self.impacts[market][notional][0], self.impacts[market][notional][1]
