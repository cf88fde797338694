# pragma version 0.4.3
"""
@title SettableBackstop
@license MIT
@notice Names whichever account a test wants as the backstop, and what it can pay.
"""

from ..interfaces import IBackstop

implements: IBackstop

# The account that takes over; 0 = none.
named: uint256

# Quote that it can pay for an account below zero.
allowance: public(uint256)


@external
def set_backstop(account: uint256):
    self.named = account


@external
@view
def backstop_for(account: uint256) -> uint256:
    return self.named


@external
def set_allowance(amount: uint256):
    self.allowance = amount
