# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Custody
@license MIT
@notice Collateral in and out, and who is paid while a deficit stands. See ICustody.
@dev The token is hostile: it may fail, keep a fee or call back. Every move is measured by the balance
     it makes, and nothing here can be entered twice.
"""

from ethereum.ercs import IERC20

from .interfaces import ICustody
from .interfaces import IMarginPool

implements: ICustody

# Quote per unit of collateral.
UNIT: constant(uint256) = 10**12
# The pool's account of what no layer could take.
DEFICIT: constant(uint256) = 2
MAX_UNITS: constant(uint256) = 2**64
# How long those who are not senior wait for a deficit to be cured.
CURE_TIME: constant(uint256) = 7 * 24 * 60 * 60

# The collateral.
token: public(immutable(address))

# The pool that keeps the accounts.
POOL: immutable(IMarginPool)

# units | epoch of the request << 64, by account
requests: HashMap[uint256, uint256]

# Where the requested withdrawal goes, by account
recipients: HashMap[uint256, address]


@deploy
def __init__(pool: IMarginPool, collateral: address):
    POOL = pool
    token = collateral


# --- owners of accounts --------------------------------------------------------------------


@external
def deposit(account: uint256, units: uint256):
    # The pool takes what is for the deficit from anyone: `cover_deficit` is the door for that.
    assert account != DEFICIT, "custody: not the owner"
    self._receive(units)
    extcall POOL.credit(msg.sender, account, units)
    log ICustody.Deposited(account=account, units=units)


@external
def request_withdrawal(account: uint256, units: uint256, recipient: address):
    assert staticcall POOL.owner_of(account) == msg.sender, "custody: not the owner"
    assert recipient not in [empty(address), self], "custody: bad recipient"
    assert units < MAX_UNITS, "custody: amount too large"
    self.requests[account] = units | staticcall POOL.epoch() << 64
    self.recipients[account] = recipient
    log ICustody.WithdrawalRequested(account=account, units=units, recipient=recipient)


# --- anyone --------------------------------------------------------------------------------


@external
def withdraw(account: uint256) -> uint256:
    units: uint256 = self.requests[account] % MAX_UNITS
    assert units != 0, "custody: no request"
    assert (staticcall POOL.epoch() > self.requests[account] >> 64), "custody: wait for an epoch"
    paid: uint256 = self._payable(account, units)
    # Nobody else may decide that an account takes its haircut now.
    assert paid == units or msg.sender == staticcall POOL.owner_of(
        account
    ), "custody: not the owner"
    recipient: address = self.recipients[account]
    self.requests[account] = 0
    extcall POOL.debit(account, units, paid)
    self._send(recipient, paid)
    log ICustody.Withdrawn(account=account, units=units, paid=paid, recipient=recipient)
    return paid


@external
def cover_deficit(units: uint256):
    missing: uint256 = ((staticcall POOL.solvency()).deficit + UNIT - 1) // UNIT
    assert missing != 0, "custody: no deficit"
    taken: uint256 = min(units, missing)
    self._receive(taken)
    extcall POOL.credit(msg.sender, DEFICIT, taken)
    log ICustody.DeficitCovered(units=taken, deficit=(staticcall POOL.solvency()).deficit)


# --- views ---------------------------------------------------------------------------------


@external
@view
def request_of(account: uint256) -> (uint256, uint256, address):
    request: uint256 = self.requests[account]
    return request % MAX_UNITS, request >> 64, self.recipients[account]


# --- internals -----------------------------------------------------------------------------


@internal
def _receive(units: uint256):
    assert units != 0, "custody: zero amount"
    assert units < MAX_UNITS, "custody: amount too large"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, units, default_return_value=True
    ), "custody: token failed"
    now: uint256 = staticcall IERC20(token).balanceOf(self)
    assert now == before + units, "custody: token took a fee"


@internal
def _send(recipient: address, units: uint256):
    if units == 0:
        return
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transfer(
        recipient, units, default_return_value=True
    ), "custody: token failed"
    now: uint256 = staticcall IERC20(token).balanceOf(self)
    assert now + units == before, "custody: token took a fee"


# @notice Units paid out for `units` taken from an account.
# @dev Seniors: all, while cash covers their claims; others: all, without a deficit. Where that is not so,
#      after CURE_TIME a share that such a payment leaves as it was: of seniors cash / claims, of
#      others (cash - claims) / (cash - claims + deficit). Rounded down, against the one who withdraws.
#      Never more than the cash, and to others never the cash that seniors claim: whoever is below
#      zero at this moment and not yet closed owes to them first.
@internal
@view
def _payable(account: uint256, units: uint256) -> uint256:
    senior: bool = staticcall POOL.is_senior(account)
    pool: IMarginPool.Solvency = staticcall POOL.solvency()
    assert senior or not pool.seniority_held, "custody: seniority is open"
    cash: uint256 = pool.custody * UNIT
    claimed: uint256 = convert(max(pool.flat_quote - pool.junior_quote, 0), uint256)
    reserved: uint256 = 0 if senior else claimed
    paid: uint256 = units
    if claimed > cash or (pool.deficit != 0 and not senior):
        waited: bool = pool.deficit != 0 and block.timestamp >= pool.deficit_at + CURE_TIME
        assert waited and cash > reserved, "custody: deficit stands"
        free: uint256 = cash - reserved
        paid = units * free // (claimed if senior else free + pool.deficit)
    assert reserved + paid * UNIT <= cash, "custody: beyond the cash"
    return paid
