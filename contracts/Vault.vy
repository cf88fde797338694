# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Vault
@license MIT
@notice Depositors' shares, the parent and the backstop. See IVault.
@dev Nobody owns the vault: every rule is fixed at construction, and every step is open to anyone.
     The token is hostile: it may fail, keep a fee or call back.
"""

from ethereum.ercs import IERC20

from .interfaces import IBackstop
from .interfaces import ICustody
from .interfaces import IMarginPool
from .interfaces import IOrderBook
from .interfaces import IShedding
from .interfaces import IVault
from .modules import math
from .modules import redemptions
from .modules import shares
from .modules import shedding

implements: IBackstop
implements: IShedding
implements: IVault

initializes: shares
initializes: redemptions
initializes: shedding

PPM: constant(uint256) = 10**6
# Quote per unit of collateral.
UNIT: constant(uint256) = 10**12
MAX_UNITS: constant(uint256) = 2**64
# Least deposit and redemption of a part, quote: 10 USD.
MIN_AMOUNT: constant(uint256) = 10 * 10**18
DAY: constant(uint256) = 24 * 60 * 60
MAX_LOCK: constant(uint256) = 365 * DAY
# Requests settled in one call: ~50k gas each.
MAX_SETTLED: constant(uint256) = 64

POOL: immutable(IMarginPool)
CUSTODY: immutable(ICustody)
TOKEN: immutable(IERC20)
PARAMS: immutable(IVault.Params)

# The account that holds the cash.
parent: public(uint256)

# The account that takes liquidated accounts over.
backstop: public(uint256)

# Units that a depositor may claim.
claimable: public(HashMap[address, uint256])

# The sum of them.
owed: public(uint256)

# Block time of the last top-up.
topped_up_at: public(uint256)


@deploy
def __init__(pool: IMarginPool, custody: ICustody, book: IOrderBook, params: IVault.Params):
    assert 0 < params.at_risk and params.at_risk <= PPM, "vault: bad share at risk"
    assert params.lock <= MAX_LOCK, "vault: bad lock"
    POOL = pool
    CUSTODY = custody
    TOKEN = IERC20(staticcall custody.token())
    PARAMS = params
    shedding.__init__(pool, book, params.shed_slice, params.shed_band)
    extcall TOKEN.approve(custody.address, max_value(uint256), default_return_value=True)


# --- anyone --------------------------------------------------------------------------------


@external
def open_accounts():
    assert self.parent == 0, "vault: already open"
    self.parent = extcall POOL.open_protocol_account()
    self.backstop = extcall POOL.open_protocol_account()
    log IVault.AccountsOpened(parent=self.parent, child=self.backstop)


@external
def settle(count: uint256):
    child: IMarginPool.Health = self._child()
    epoch: uint256 = staticcall POOL.epoch()
    assert not redemptions._empty(), "vault: queue is empty"
    assert (redemptions.requests[redemptions.first].epoch < epoch), "vault: wait for an epoch"
    assert child.stale_notional == 0, "vault: stale mark"
    till: uint256 = self._till()
    assert till != 0, "vault: till is empty"

    assets: uint256 = self._redeemable(child)
    for i: uint256 in range(min(count, MAX_SETTLED), bound=MAX_SETTLED):
        if redemptions._empty() or till == 0:
            break
        number: uint256 = redemptions.first
        request: IVault.Redemption = redemptions.requests[number]
        if request.epoch >= epoch:
            break
        redeemed: uint256 = 0
        units: uint256 = 0
        redeemed, units = redemptions._payment(request, assets, shares._total(), till)
        assets -= units * UNIT
        shares._burn(redeemed)
        till -= units
        self.owed += units
        self.claimable[request.owner] += units
        left: uint256 = redemptions._reduce(redeemed)
        log IVault.SharesRedeemed(
            depositor=request.owner,
            number=number,
            shares=redeemed,
            units=units,
            shares_left=left,
        )


@external
def collect():
    units: uint256 = self._asked()[0]
    if units != 0 and units <= self._payable():
        extcall CUSTODY.withdraw(self.parent)
        self._draw()
    else:
        # Nothing was asked for, or more than can be paid now.
        assert self._draw() != 0, "vault: nothing to collect"


@external
def claim(depositor: address):
    units: uint256 = self.claimable[depositor]
    assert units != 0, "vault: nothing to claim"
    self.claimable[depositor] = 0
    self.owed -= units
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transfer(
        depositor, units, default_return_value=True
    ), "vault: token failed"
    sent: uint256 = before - staticcall TOKEN.balanceOf(self)
    assert sent == units, "vault: token took a fee"
    log IVault.Claimed(depositor=depositor, units=units)


@external
def top_up():
    child: IMarginPool.Health = self._child()
    self._check_sound(child)
    assert block.timestamp >= self.topped_up_at + DAY, "vault: wait for a day"
    capital: uint256 = self._capital(child)
    held: uint256 = math._positive(child.equity)
    amount: uint256 = min(capital - min(capital, held), self._parent_equity())
    assert amount != 0, "vault: nothing to move"
    self.topped_up_at = block.timestamp
    extcall POOL.transfer(self.parent, self.backstop, amount)
    log IVault.ToppedUp(amount=amount, capital=capital)


@external
def skim():
    child: IMarginPool.Health = self._child()
    assert child.legs == 0, "vault: child is not flat"
    capital: uint256 = self._capital(child)
    held: uint256 = math._positive(child.equity)
    assert held > capital, "vault: nothing to move"
    extcall POOL.transfer(self.backstop, self.parent, held - capital)
    log IVault.Skimmed(amount=held - capital, capital=capital)


@external
def shed(market: uint256):
    shedding._shed(self.backstop, market)


# --- depositors ----------------------------------------------------------------------------


@external
def deposit(units: uint256):
    child: IMarginPool.Health = self._child()
    pool: IMarginPool.Solvency = staticcall POOL.solvency()
    self._check_sound(child)
    assert not pool.seniority_held, "vault: deleveraging is open"
    assert pool.deficit == 0, "vault: deficit stands"
    assert units < MAX_UNITS, "vault: amount too large"
    issued: uint256 = shares._issued_for(units * UNIT, self._nav(child))
    enough: bool = units * UNIT >= MIN_AMOUNT and issued >= shares.MIN_ISSUED
    assert enough, "vault: below minimum"

    unlocks_at: uint256 = block.timestamp + PARAMS.lock
    shares._issue(msg.sender, issued, unlocks_at)
    self._receive(units)
    # What redemptions have left over goes back to the parent.
    banked: uint256 = self._till() if redemptions._empty() else units
    extcall CUSTODY.deposit(self.parent, banked)
    log IVault.SharesIssued(depositor=msg.sender, units=units, shares=issued, unlocks_at=unlocks_at)


@external
def request_redemption(amount: uint256):
    assets: uint256 = self._redeemable(self._child())
    total: uint256 = shares._total()
    epoch: uint256 = staticcall POOL.epoch()
    all_of_it: bool = amount == shares.balances[msg.sender]
    shares._take(msg.sender, amount)
    assert all_of_it or amount * assets // total >= MIN_AMOUNT, "vault: below minimum"
    number: uint256 = redemptions._append(
        IVault.Redemption(
            owner=msg.sender,
            epoch=epoch,
            shares=amount,
            assets=assets,
            shares_total=total,
        )
    )
    log IVault.RedemptionRequested(
        depositor=msg.sender,
        number=number,
        shares=amount,
        assets=assets,
        shares_total=total,
    )
    units: uint256 = 0
    asked_in: uint256 = 0
    units, asked_in = self._asked()
    # What was asked for in an earlier epoch is left alone: asking again would put its payment off.
    if units == 0 or asked_in == epoch:
        self._draw()


# --- views ---------------------------------------------------------------------------------


@external
@view
def backstop_for(account: uint256) -> uint256:
    return self.backstop


@external
@view
def allowance() -> uint256:
    return math._positive(self._child().equity)


@external
@view
def shed_in(market: uint256) -> uint256:
    return shedding.shed_in[self.backstop][market]


@external
@view
def till() -> uint256:
    return self._till()


@external
@view
def nav() -> uint256:
    return self._nav(self._child())


@external
@view
def redeemable() -> uint256:
    return self._redeemable(self._child())


@external
@view
def capital() -> uint256:
    return self._capital(self._child())


@external
@view
def supply() -> uint256:
    return shares.supply


@external
@view
def balance_of(depositor: address) -> uint256:
    return shares.balances[depositor]


@external
@view
def unlocks_at(depositor: address) -> uint256:
    return shares.unlocks_at[depositor]


@external
@view
def queue() -> (uint256, uint256, uint256):
    return redemptions.first, redemptions.next, redemptions.waiting


@external
@view
def redemption(number: uint256) -> IVault.Redemption:
    return redemptions.requests[number]


@external
@view
def params() -> IVault.Params:
    return PARAMS


# --- what the vault owns -------------------------------------------------------------------


@internal
@view
def _child() -> IMarginPool.Health:
    return staticcall POOL.health(self.backstop)


@internal
@view
def _parent_equity() -> uint256:
    return math._positive((staticcall POOL.health(self.parent)).equity)


# @notice Whether the child's equity may soon be gone, or is.
@internal
@pure
def _in_trouble(child: IMarginPool.Health) -> bool:
    return child.equity < convert(child.maintenance, int256)


@internal
@view
def _check_sound(child: IMarginPool.Health):
    assert child.stale_notional == 0, "vault: stale mark"
    assert not self._in_trouble(child), "vault: child below maintenance"


@internal
@view
def _nav(child: IMarginPool.Health) -> uint256:
    return self._parent_equity() + math._positive(child.equity) + self._till() * UNIT


# @notice What redemptions count on: a child in trouble counts 0, and accounts count at what custody
#         would pay for them.
@internal
@view
def _redeemable(child: IMarginPool.Health) -> uint256:
    booked: uint256 = self._parent_equity()
    if not self._in_trouble(child):
        booked += math._positive(child.equity)
    deficit: uint256 = 0
    cash: uint256 = 0
    deficit, cash = self._shortfall()
    if deficit != 0:
        booked = booked * cash // (cash + deficit)
    return booked + self._till() * UNIT


# @notice The pool's deficit, and the cash that those who are not senior share: custody's rule.
@internal
@view
def _shortfall() -> (uint256, uint256):
    pool: IMarginPool.Solvency = staticcall POOL.solvency()
    senior: uint256 = math._positive(pool.flat_quote - pool.junior_quote)
    cash: uint256 = pool.custody * UNIT
    return pool.deficit, cash - min(cash, senior)


# @notice What the child should have: its share of the value of those who stay.
@internal
@view
def _capital(child: IMarginPool.Health) -> uint256:
    assets: uint256 = self._nav(child)
    leaving: uint256 = math._ceil_div(assets * redemptions.waiting, shares._total())
    return (assets - leaving) * PARAMS.at_risk // PPM


# --- cash in and out -----------------------------------------------------------------------


# @notice Units that lie here for redemptions.
# @dev By balance, because anyone may have custody pay what the vault has asked for. A gift is everyone's.
@internal
@view
def _till() -> uint256:
    balance: uint256 = staticcall TOKEN.balanceOf(self)
    return balance - min(balance, self.owed)


@internal
def _receive(units: uint256):
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(
        msg.sender, self, units, default_return_value=True
    ), "vault: token failed"
    received: uint256 = staticcall TOKEN.balanceOf(self) - before
    assert received == units, "vault: token took a fee"


# @notice Units that custody can pay the parent. It never has a leg, so all that it has is free.
@internal
@view
def _payable() -> uint256:
    return min(self._parent_equity() // UNIT, (staticcall POOL.solvency()).custody)


# @notice Units that custody has been asked for and has not paid, and in which epoch.
@internal
@view
def _asked() -> (uint256, uint256):
    units: uint256 = 0
    epoch: uint256 = 0
    recipient: address = empty(address)
    units, epoch, recipient = staticcall CUSTODY.request_of(self.parent)
    return units, epoch


# @notice Ask custody for what the queue is worth beyond the till, as far as the parent's cash goes.
# @return Units asked for.
@internal
def _draw() -> uint256:
    assets: uint256 = self._redeemable(self._child())
    owed: uint256 = math._ceil_div(assets * redemptions.waiting, shares._total())
    units: uint256 = math._ceil_div(owed, UNIT)
    units -= min(units, self._till())
    deficit: uint256 = 0
    cash: uint256 = 0
    deficit, cash = self._shortfall()
    if units != 0 and deficit != 0:
        # Custody will pay cash / (cash + deficit) of it. Cash is not 0: accounts count for something.
        units = math._ceil_div(units * (cash + deficit), cash)
    units = min(units, self._payable())
    if units != 0:
        extcall CUSTODY.request_withdrawal(self.parent, units, self)
    return units
