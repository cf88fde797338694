# pragma version 0.4.3
"""
@title Liquidator
@license MIT
@notice The waterfall of an account below maintenance: book, then whoever stands behind it. See ILiquidator.
"""

from .interfaces import IInsuranceFund
from .interfaces import ILiquidator
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .modules import book_layer
from .modules import insurance
from .modules import math
from .modules import takeovers

implements: ILiquidator

initializes: insurance
initializes: book_layer[insurance := insurance]
initializes: takeovers[insurance := insurance]

# Accounts of one call.
MAX_ACCOUNTS: constant(uint256) = 16
# The pool's account of fees, and of what no layer could take.
FEES: constant(uint256) = 1
DEFICIT: constant(uint256) = 2
# The market whose account of the fund gets a share of fees.
MAIN: constant(uint256) = 0

HEALTHY: constant(uint256) = 0
HANDLED: constant(uint256) = 1
SHIELDED: constant(uint256) = 2
RESTORED: constant(uint256) = 3
WAITS: constant(uint256) = 4
TAKEN_OVER: constant(uint256) = 5
BELOW_ZERO: constant(uint256) = 6
PROTOCOL: constant(uint256) = 7
EMPTIED: constant(uint256) = 8

# Block in which an account was first found to be a matter of auto-deleveraging; 0 = it is not.
due_since: public(HashMap[uint256, uint256])

# What the fee account has earned and the fund has had its share of, quote.
shared_fees: uint256


@deploy
def __init__(
    pool: IMarginPool,
    book: IOrderBook,
    fund: IInsuranceFund,
    rules: ILiquidator.Rules,
    layers: DynArray[ILiquidator.Layer, takeovers.MAX_LAYERS],
):
    insurance.__init__(pool, fund)
    book_layer.__init__(book, rules)
    takeovers.__init__(layers)


# --- anyone --------------------------------------------------------------------------------


@external
def liquidate(accounts: DynArray[uint256, MAX_ACCOUNTS]):
    for account: uint256 in accounts:
        before: IMarginPool.Health = staticcall insurance.POOL.health(account)
        outcome: uint256 = self._liquidate(account, before)
        after: IMarginPool.Health = staticcall insurance.POOL.health(account)
        self._note_due(account, after)
        log ILiquidator.Judged(
            account=account,
            outcome=outcome,
            equity=before.equity,
            maintenance=before.maintenance,
            equity_after=after.equity,
            maintenance_after=after.maintenance,
        )


@external
def cover_deficit_from_fees():
    deficit: uint256 = (staticcall insurance.POOL.solvency()).deficit
    assert deficit != 0, "liquidator: no deficit"
    amount: uint256 = min(deficit, self._earned())
    extcall insurance.POOL.pay(FEES, DEFICIT, amount)
    log ILiquidator.DeficitReduced(amount=amount, deficit=deficit - amount)


@external
def share_fees():
    earned: uint256 = self._earned()
    fresh: uint256 = earned - min(earned, self.shared_fees)
    insurance._feed(FEES, MAIN, fresh * book_layer.RULES.fee_share // book_layer.FEE_UNIT)
    self.shared_fees = self._earned()


# --- views ---------------------------------------------------------------------------------


@external
@view
def is_liquidatable(account: uint256) -> bool:
    return self._judge(account, staticcall insurance.POOL.health(account)) in [WAITS, BELOW_ZERO]


@external
@view
def last_handled(account: uint256) -> (uint256, uint256):
    word: uint256 = book_layer.handled[account]
    return word & (2**128 - 1), word >> 128


@external
@view
def order_of(account: uint256, market: uint256) -> ILiquidator.Order:
    return book_layer.orders[account][market]


@external
@view
def rules() -> ILiquidator.Rules:
    return book_layer.RULES


@external
@view
def layers() -> DynArray[ILiquidator.Layer, takeovers.MAX_LAYERS]:
    return takeovers.LAYERS


# --- the waterfall -------------------------------------------------------------------------


# @return The outcome of Judged.
@internal
def _liquidate(account: uint256, health: IMarginPool.Health) -> uint256:
    outcome: uint256 = self._judge(account, health)
    # What an account without a leg owes is auto-deleveraging's: winners may be bearing it already, page by page.
    if outcome not in [WAITS, BELOW_ZERO] or health.protocol or health.legs == 0:
        return outcome
    extcall book_layer.BOOK.cancel_all(account)
    # Weighed again: without its orders only positions are legs, and only theirs can be stale.
    after: IMarginPool.Health = staticcall insurance.POOL.health(account)
    if outcome == WAITS:
        after = book_layer._sell(account, after)
        if after.legs == 0 and after.equity < 0:
            extcall insurance.POOL.write_off(account)
            return EMPTIED
        if after.equity >= convert(after.maintenance, int256):
            return RESTORED
    if takeovers._take_over(account, after):
        return TAKEN_OVER
    return BELOW_ZERO if after.equity < 0 and after.stale_notional == 0 else WAITS


# @notice WAITS where the book is to act now; any other outcome but BELOW_ZERO is final for this epoch.
@internal
@view
def _judge(account: uint256, health: IMarginPool.Health) -> uint256:
    if health.equity >= convert(health.maintenance, int256):
        return HEALTHY
    if health.stale_notional != 0 and self._is_shielded(health):
        return SHIELDED
    if health.equity < 0 and health.stale_notional == 0:
        # Within the bankruptcy limit nobody could sell for it.
        if (
            book_layer.RULES.limit == book_layer.AT_BANKRUPTCY
            or health.protocol
            or health.legs == 0
        ):
            return BELOW_ZERO
        return BELOW_ZERO if book_layer._is_handled(account) else WAITS
    if health.protocol:
        return PROTOCOL
    return HANDLED if book_layer._is_handled(account) else WAITS


# @notice A stale market shields an account, unless it is a tenth of it at most, or the account would be
#         below maintenance with every stale leg a tenth better.
@internal
@pure
def _is_shielded(health: IMarginPool.Health) -> bool:
    if health.stale_notional * 10 <= health.notional:
        return False
    best: int256 = health.equity + convert(health.stale_notional // 10, int256)
    return best >= convert(health.maintenance, int256)


# @notice The clock of a venue that deleverages with a delay. Only such a venue pays for it.
@internal
def _note_due(account: uint256, health: IMarginPool.Health):
    if not book_layer.RULES.notes_due:
        return
    due: bool = health.equity < 0 and account != DEFICIT
    if due != (self.due_since[account] != 0):
        self.due_since[account] = block.number if due else 0


@internal
@view
def _earned() -> uint256:
    return math._positive((staticcall insurance.POOL.health(FEES)).equity)
