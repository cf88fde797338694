# pragma version 0.4.3
"""
@title redemptions
@license MIT
@notice The queue of shares that wait to be redeemed, first come first served, and what one of them
        is paid.
"""

from ..interfaces import IVault
from . import math

# Quote per unit of collateral.
UNIT: constant(uint256) = 10**12

# Requests by number; those before `first` are settled.
requests: HashMap[uint256, IVault.Redemption]

# Number of the request in front.
first: uint256

# Number of the next request to come.
next: uint256

# Shares of all requests in the queue.
waiting: uint256


@internal
def _append(request: IVault.Redemption) -> uint256:
    number: uint256 = self.next
    self.requests[number] = request
    self.next = number + 1
    self.waiting += request.shares
    return number


@internal
@view
def _empty() -> bool:
    return self.first == self.next


# @notice Take shares out of the request in front, and the request out of the queue with the last of them.
# @return The shares that it has left.
@internal
def _reduce(shares: uint256) -> uint256:
    number: uint256 = self.first
    left: uint256 = self.requests[number].shares - shares
    self.waiting -= shares
    if left == 0:
        self.requests[number] = empty(IVault.Redemption)
        self.first = number + 1
    else:
        self.requests[number].shares = left
    return left


# @notice What a request is paid out of `cash` units, at the lower of the price then and the price now.
# @param assets Quote, now.
# @param total Shares that they belong to, now.
# @return Shares redeemed and units paid. Units are rounded down; where the cash does not pay all
#         shares, those that it pays for are rounded up.
# @dev assets < 2**112 and total < 2**141: the products stay below 2**253.
@internal
@pure
def _payment(
    request: IVault.Redemption, assets: uint256, total: uint256, cash: uint256
) -> (uint256, uint256):
    price_assets: uint256 = assets
    price_total: uint256 = total
    if request.assets * total < assets * request.shares_total:
        price_assets = request.assets
        price_total = request.shares_total
    units: uint256 = request.shares * price_assets // price_total // UNIT
    if units <= cash:
        return request.shares, units
    return math._ceil_div(cash * UNIT * price_total, price_assets), cash
