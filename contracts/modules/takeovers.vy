# pragma version 0.4.3
"""
@title takeovers
@license MIT
@notice The second layer of the waterfall: somebody with capital takes an account over, all of it.
@dev Its legs pass at mark and its equity with them; where the equity is below zero, who takes over pays it. The
     account ends flat with exactly 0: for who takes over, that is the bankruptcy price.
"""

from ..interfaces import IBackstop
from ..interfaces import ILiquidator
from ..interfaces import IMarginPool
from . import insurance
from . import math

uses: insurance

# Legs of a trader's account.
MAX_LEGS: constant(uint256) = 8
# Who may stand behind the book, one after the other.
MAX_LAYERS: constant(uint256) = 3

# Reasons of BackstopRefused.
BACKSTOP_BELOW_ZERO: constant(uint256) = 0
MARKET_STALE: constant(uint256) = 1
MARKET_LOCKED: constant(uint256) = 2
NO_BACKSTOP: constant(uint256) = 3
TOO_DEAR: constant(uint256) = 4
WILLING: constant(uint256) = max_value(uint256)

# In the order in which they are asked.
LAYERS: immutable(DynArray[ILiquidator.Layer, MAX_LAYERS])


@deploy
def __init__(layers: DynArray[ILiquidator.Layer, MAX_LAYERS]):
    for layer: ILiquidator.Layer in layers:
        assert layer.below_den != 0 and layer.share_den != 0, "liquidator: bad layer"
        assert layer.share_num <= layer.share_den, "liquidator: bad layer"
    LAYERS = layers


# @notice Ask each backstop that the account has come down to.
@internal
def _take_over(account: uint256, health: IMarginPool.Health) -> bool:
    for layer: ILiquidator.Layer in LAYERS:
        below: bool = health.equity * layer.below_den < (
            convert(health.maintenance, int256) * layer.below_num
        )
        if below and (layer.covers or health.equity >= 0):
            if self._enter(account, health, layer):
                return True
    return False


@internal
def _enter(account: uint256, health: IMarginPool.Health, layer: ILiquidator.Layer) -> bool:
    backstop: uint256 = staticcall layer.backstop.backstop_for(account)
    refusal: uint256 = self._refusal(backstop, health, layer)
    if refusal != WILLING:
        log ILiquidator.BackstopRefused(
            account=account, layer=layer.backstop.address, reason=refusal
        )
        return False
    self._pass_equity(account, backstop, health, layer)
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        self._hand_over(account, backstop, market)
    log ILiquidator.BackstopEntered(
        account=account, backstop=backstop, equity=health.equity, legs=health.legs
    )
    return True


# @notice The equity first: from then on the account is worth nothing, and ends flat with exactly 0. A backstop that
#         gets but a share of it leaves the rest to the fund, that of the account's first market.
@internal
def _pass_equity(
    account: uint256, backstop: uint256, health: IMarginPool.Health, layer: ILiquidator.Layer
):
    left: uint256 = math._magnitude(health.equity)
    if left == 0:
        return
    if health.equity < 0:
        extcall insurance.POOL.pay(backstop, account, left)
        return
    share: uint256 = left * layer.share_num // layer.share_den
    if share != left:
        insurance._feed(account, math._lowest_bit(health.legs), left - share)
        # What no fund took is the backstop's, too.
        left = convert((staticcall insurance.POOL.health(account)).equity, uint256)
    if left != 0:
        extcall insurance.POOL.pay(account, backstop, left)


@internal
def _hand_over(account: uint256, backstop: uint256, market: uint256):
    size: int256 = (staticcall insurance.POOL.position(account, market)).size
    lots: uint256 = math._magnitude(size)
    mark: uint256 = (staticcall insurance.POOL.trading(market)).mark
    buyer: uint256 = backstop if size > 0 else account
    seller: uint256 = account if size > 0 else backstop
    extcall insurance.POOL.exchange(market, buyer, seller, lots, convert(lots * mark, int256))


# @return A reason of BackstopRefused, or WILLING.
@internal
@view
def _refusal(backstop: uint256, health: IMarginPool.Health, layer: ILiquidator.Layer) -> uint256:
    if backstop == 0:
        return NO_BACKSTOP
    if (staticcall insurance.POOL.health(backstop)).equity < 0:
        return BACKSTOP_BELOW_ZERO
    if layer.covers:
        allowance: uint256 = staticcall layer.backstop.allowance()
        if allowance == 0 or convert(allowance, int256) + health.equity < 0:
            return TOO_DEAR
    if health.stale_notional != 0:
        return MARKET_STALE
    rest: uint256 = health.legs
    for i: uint256 in range(MAX_LEGS):
        if rest == 0:
            break
        market: uint256 = math._lowest_bit(rest)
        rest &= rest - 1
        if (staticcall insurance.POOL.trading(market)).locked:
            return MARKET_LOCKED
    return WILLING
