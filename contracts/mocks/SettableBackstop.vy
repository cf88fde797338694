# pragma version 0.4.3
"""
@title SettableBackstop
@license MIT
@notice Names whichever account a test wants as the backstop.
"""

from ..interfaces import IBackstop

implements: IBackstop

# The account that takes over; 0 = none.
backstop: public(uint256)


@external
def set_backstop(account: uint256):
    self.backstop = account
