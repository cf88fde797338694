# pragma version 0.4.3
"""
@title roles
@license MIT
@notice Engine roles: granted once by the admin, never taken back, never the admin's to use.
"""

from ..interfaces import IMarginPool
from . import require

ORACLE: constant(uint256) = 1
BOOK: constant(uint256) = 2
LIQUIDATOR: constant(uint256) = 4
ADL: constant(uint256) = 8
VAULT: constant(uint256) = 16
CUSTODY: constant(uint256) = 32
FUND: constant(uint256) = 64
LEVERS: constant(uint256) = 128

# The one who may list markets and grant roles; it can't move a balance.
admin: immutable(address)

# Roles of a contract, as a bit mask.
masks: HashMap[address, uint256]

# The contract behind a role.
holders: HashMap[uint256, address]


@deploy
def __init__():
    admin = msg.sender


@internal
def _grant(role: uint256, engine: address):
    self._check_admin()
    # One bit, at most that of LEVERS; 0 wraps and is refused.
    below: uint256 = unsafe_sub(role, 1)
    known: bool = below < LEVERS and role & below == 0
    require._that(known and engine != empty(address), "pool: bad grant")
    require._that(self.holders[role] == empty(address), "pool: role already granted")
    self.holders[role] = engine
    self.masks[engine] |= role
    log IMarginPool.RoleGranted(role=role, engine=engine)


@internal
@view
def _check_admin():
    require._that(msg.sender == admin, "pool: not the admin")


# @notice Refuse a caller that holds none of the roles in `mask`; give back those it holds.
@internal
@view
def _check(mask: uint256) -> uint256:
    held: uint256 = self.masks[msg.sender] & mask
    require._that(held != 0, "pool: wrong role")
    return held
