# pragma version 0.4.3
"""
@title accounts
@license MIT
@notice Margin accounts: who owns them, what cash they hold, where they have a leg, and how much
        of the cash belongs to flat accounts.
@dev An account is flat where its bitmap of legs is empty: no position, no resting order.
"""

from ..interfaces import IMarginPool
from . import clock
from . import math
from . import require

uses: clock

# Account that earns the fees.
FEES: constant(uint256) = 1
# The only account that may stay below zero: what no layer could take.
DEFICIT: constant(uint256) = 2
# Markets that a trader's account may be in. A judgement costs ~9k gas a leg, cold: 72k.
MAX_LEGS: constant(uint256) = 8

HIGH: constant(uint256) = 1
ISOLATED: constant(uint256) = 2
PROTOCOL: constant(uint256) = 4

LOW_MASK: constant(int256) = 2**96 - 1
LEG_MASK: constant(uint256) = 2**88 - 1
OWNER_MASK: constant(uint256) = 2**160 - 1
MARKET_MASK: constant(uint256) = 2**16 - 1

# Number of accounts; ids count from 1.
count: uint256

# stored quote (int160) << 96 | flags << 88 | legs in markets 0 .. 87
words: HashMap[uint256, int256]

# legs in markets 88 .. 255, of accounts whose flag HIGH is set
high_legs: HashMap[uint256, uint256]

# owner | (market + 1 of an isolated account, else 0) << 160 | epoch in which it last turned flat << 176
owners: HashMap[uint256, uint256]

# Quote of all flat traders' accounts.
flat_quote: int256

# The part of it that turned flat in epoch `junior_since` or later.
junior_quote: int256


# An account in memory. The stored quote is s; effective quote is s - sum(size * F) - charges.
struct Account:
    stored: int256
    flags: uint256
    legs: uint256


@internal
def _open(owner: address, isolated_to: uint256, flags: uint256) -> uint256:
    account: uint256 = self.count + 1
    self.count = account
    self.owners[account] = convert(owner, uint256) | isolated_to << 160
    self._store(account, Account(stored=0, flags=flags, legs=0))
    log IMarginPool.AccountOpened(
        account=account,
        owner=owner,
        isolated_to=isolated_to,
        protocol=flags & PROTOCOL != 0,
    )
    return account


@internal
@view
def _owner(account: uint256) -> address:
    return convert(self.owners[account] & OWNER_MASK, address)


@internal
@view
def _check_owner(account: uint256, caller: address):
    require._that(
        caller != empty(address) and self._owner(account) == caller, "pool: not the owner"
    )


# @notice Nothing passes from an account to itself.
@internal
@pure
def _check_distinct(account: uint256, other: uint256):
    require._that(account != other, "pool: same account")


@internal
@view
def _isolated_to(account: uint256) -> uint256:
    return (self.owners[account] >> 160) & MARKET_MASK


@internal
@view
def _flat_since(account: uint256) -> uint256:
    return self.owners[account] >> 176


# @notice Whether a flat account turned flat too late to be senior to a loss of this moment.
@internal
@view
def _is_junior(account: uint256) -> bool:
    since: uint256 = self._flat_since(account)
    # One that never had a leg has 0, and the line is never that low.
    return since != 0 and since >= clock._junior_since()


# @notice A trader's account that was flat before any loss of this moment: it never pays for it.
@internal
@view
def _is_senior(account: uint256) -> bool:
    a: Account = self._load(account)
    return a.legs == 0 and a.flags & PROTOCOL == 0 and not self._is_junior(account)


@internal
@pure
def _has_leg(a: Account, market: uint256) -> bool:
    return a.legs & 1 << market != 0


@internal
@view
def _load(account: uint256) -> Account:
    word: int256 = self.words[account]
    low: uint256 = convert(word & LOW_MASK, uint256)
    flags: uint256 = low >> 88
    legs: uint256 = low & LEG_MASK
    if flags & HIGH != 0:
        legs |= self.high_legs[account] << 88
    return Account(stored=word >> 96, flags=flags, legs=legs)


# @notice Write an account back and keep the sums over flat accounts.
# @param before What `_load` gave.
@internal
def _save(account: uint256, before: Account, after: Account):
    self._store(account, after)
    if after.flags & PROTOCOL != 0:
        return
    if before.legs == 0:
        self._add_flat(account, -before.stored)
    if after.legs == 0:
        if before.legs != 0:
            owner: uint256 = self.owners[account]
            self.owners[account] = owner & (2**176 - 1) | clock._epoch() << 176
        self._add_flat(account, after.stored)


# @notice Add quote to an account without looking at its legs.
@internal
def _credit(account: uint256, amount: int256):
    before: Account = self._load(account)
    after: Account = before
    after.stored += amount
    self._save(account, before, after)


# @notice Add a fee to what the fee account holds. It is the protocol's and never has a leg.
# @dev The stored quote lies above all else in the word; a fee is below 2**152 as it is.
@internal
def _earn(fee: int256):
    self.words[FEES] += fee << 96


@internal
def _add_flat(account: uint256, amount: int256):
    if amount == 0:
        return
    self.flat_quote += amount
    if self._is_junior(account):
        self.junior_quote += amount


# @dev |stored| < 2**152: open interest * price * markets, plus custody. It never leaves its 160 bits.
@internal
def _store(account: uint256, a: Account):
    high: uint256 = a.legs >> 88
    flags: uint256 = a.flags & ~HIGH
    if high != 0 or a.flags & HIGH != 0:
        self.high_legs[account] = high
    if high != 0:
        flags |= HIGH
    low: uint256 = flags << 88 | a.legs & LEG_MASK
    self.words[account] = a.stored << 96 | convert(low, int256)


# @notice What the deficit account is below zero.
@internal
@view
def _deficit() -> uint256:
    return math._positive(-(self.words[DEFICIT] >> 96))
