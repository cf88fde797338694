# pragma version 0.4.3
"""
@title insurance
@license MIT
@notice Paying out of a venue's insurance fund, and into it. A venue without a fund pays nothing.
"""

from ..interfaces import IInsuranceFund
from ..interfaces import IMarginPool

POOL: immutable(IMarginPool)

# The empty address where the venue has none.
FUND: immutable(IInsuranceFund)


@deploy
def __init__(pool: IMarginPool, fund: IInsuranceFund):
    POOL = pool
    FUND = fund


# @notice What the fund may pay for a market now, quote.
@internal
@view
def _allowance(market: uint256) -> uint256:
    if FUND.address == empty(address):
        return 0
    return staticcall FUND.allowance_of(market)


# @notice Have the fund pay what an account lacks, as far as it may.
# @return What it has paid.
@internal
def _cover(account: uint256, market: uint256, lacking: uint256) -> uint256:
    if lacking == 0:
        return 0
    amount: uint256 = min(lacking, self._allowance(market))
    if amount != 0:
        self._pay(staticcall FUND.account_of(market), account, amount)
        extcall FUND.spent(market, amount)
    log IInsuranceFund.Covered(account=account, market=market, lacking=lacking, paid=amount)
    return amount


# @notice Whether an account is the one that pays for a market.
@internal
@view
def _is_behind(market: uint256, account: uint256) -> bool:
    return FUND.address != empty(address) and staticcall FUND.account_of(market) == account


# @notice Pay into the account behind a market; nothing where there is none.
@internal
def _feed(source: uint256, market: uint256, amount: uint256):
    if amount == 0 or FUND.address == empty(address):
        return
    target: uint256 = staticcall FUND.account_of(market)
    if target not in [0, source]:
        self._pay(source, target, amount)


# @notice Quote from account to account: one call for all who use this module.
@internal
def _pay(source: uint256, target: uint256, amount: uint256):
    extcall POOL.pay(source, target, amount)
