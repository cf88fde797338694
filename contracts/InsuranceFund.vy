# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title InsuranceFund
@license MIT
@notice First-loss capital: what it may pay, and what it has paid. See IInsuranceFund.
"""

from ethereum.ercs import IERC20

from .interfaces import IBackstop
from .interfaces import ICustody
from .interfaces import IInsuranceFund
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .interfaces import IShedding
from .modules import drawdown
from .modules import math
from .modules import shedding

implements: IBackstop
implements: IInsuranceFund
implements: IShedding

initializes: drawdown
initializes: shedding

MAX_MARKETS: constant(uint256) = 256
ALL: constant(uint256) = max_value(uint256)
# Roles of the pool that may spend.
LIQUIDATOR: constant(uint256) = 4
ADL: constant(uint256) = 8

POOL: immutable(IMarginPool)
CUSTODY: immutable(ICustody)
TOKEN: immutable(IERC20)
PARAMS: immutable(IInsuranceFund.Params)

# The account behind a market; pooled, that of market 0 is everyone's.
accounts: HashMap[uint256, uint256]

# Most that it pays for a market in all, less 1; 0 = no cap.
caps: HashMap[uint256, uint256]

# Paid for a market so far.
paid: public(HashMap[uint256, uint256])


# @param caps By market, quote; max_value = none. Markets beyond the list have none.
@deploy
def __init__(
    pool: IMarginPool,
    custody: ICustody,
    book: IOrderBook,
    params: IInsuranceFund.Params,
    caps: DynArray[uint256, MAX_MARKETS],
):
    assert params.pooled or not params.takes_over, "fund: takes over only if pooled"
    POOL = pool
    CUSTODY = custody
    TOKEN = IERC20(staticcall custody.token())
    PARAMS = params
    drawdown.__init__(params.drawdown, params.resume)
    shedding.__init__(pool, book, params.shed_slice, params.shed_band)
    for market: uint256 in range(len(caps), bound=MAX_MARKETS):
        self.caps[market] = unsafe_add(caps[market], 1)
    extcall TOKEN.approve(custody.address, ALL, default_return_value=True)


# --- anyone --------------------------------------------------------------------------------


@external
def open(market: uint256):
    assert market < staticcall POOL.market_count(), "fund: unknown market"
    slot: uint256 = self._slot(market)
    assert self.accounts[slot] == 0, "fund: already open"
    account: uint256 = extcall POOL.open_protocol_account()
    self.accounts[slot] = account
    log IInsuranceFund.FundOpened(account=account, market=ALL if PARAMS.pooled else market)


@external
def give(market: uint256, units: uint256):
    account: uint256 = self._account(market)
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(
        msg.sender, self, units, default_return_value=True
    ), "fund: token failed"
    assert staticcall TOKEN.balanceOf(self) == before + units, "fund: token took a fee"
    extcall CUSTODY.deposit(account, units)
    drawdown._touch(account, self._equity(account))
    log IInsuranceFund.Gift(donor=msg.sender, account=account, units=units)


@external
def touch(market: uint256):
    account: uint256 = self._account(market)
    drawdown._touch(account, self._equity(account))


@external
def shed(market: uint256):
    shedding._shed(self._account(market), market)


# --- engines: liquidator and auto-deleveraging ---------------------------------------------


@external
def spent(market: uint256, amount: uint256):
    allowed: bool = msg.sender in [
        staticcall POOL.role_holder(LIQUIDATOR), staticcall POOL.role_holder(ADL)
    ]
    assert allowed, "fund: wrong role"
    account: uint256 = self._account(market)
    self.paid[market] += amount
    # The peak is the one before the payment.
    equity: int256 = self._equity(account)
    drawdown._touch(account, equity + convert(amount, int256))
    drawdown._touch(account, equity)
    log IInsuranceFund.Spent(market=market, amount=amount, total=self.paid[market])


# --- views ---------------------------------------------------------------------------------


@external
@view
def backstop_for(account: uint256) -> uint256:
    return self.accounts[0] if PARAMS.takes_over else 0


@external
@view
def allowance() -> uint256:
    return self._allowance(self.accounts[0])


@external
@view
def account_of(market: uint256) -> uint256:
    return self.accounts[self._slot(market)]


@external
@view
def allowance_of(market: uint256) -> uint256:
    allowed: uint256 = self._allowance(self.accounts[self._slot(market)])
    cap: uint256 = self._cap(market)
    return min(allowed, cap - min(cap, self.paid[market]))


@external
@view
def peak(market: uint256) -> uint256:
    account: uint256 = self._account(market)
    return drawdown._peak(account, self._equity(account))


@external
@view
def cap(market: uint256) -> uint256:
    return self._cap(market)


@external
@view
def shed_in(market: uint256) -> uint256:
    return shedding.shed_in[self.accounts[self._slot(market)]][market]


@external
@view
def params() -> IInsuranceFund.Params:
    return PARAMS


# --- internals -----------------------------------------------------------------------------


@internal
@view
def _slot(market: uint256) -> uint256:
    return 0 if PARAMS.pooled else market


@internal
@view
def _account(market: uint256) -> uint256:
    account: uint256 = self.accounts[self._slot(market)]
    assert account != 0, "fund: not open"
    return account


# @dev A stale mark counts at its last good value, as everywhere.
@internal
@view
def _equity(account: uint256) -> int256:
    return (staticcall POOL.health(account)).equity


@internal
@view
def _allowance(account: uint256) -> uint256:
    return 0 if account == 0 else drawdown._allowance(account, self._equity(account))


@internal
@view
def _cap(market: uint256) -> uint256:
    return unsafe_sub(self.caps[market], 1)
