# pragma version 0.4.3
"""
@title shares
@license MIT
@notice Claims on the vault's assets: who has how many, and until when they are locked.
@dev VIRTUAL_SHARES that belong to nobody stand beside the supply. They set the first price, 10**-6 units a
     share, and make it costly to raise the price by a gift so that others' deposits round to
     nothing: the virtual shares get their part of the gift. VIRTUAL_ASSETS, one unit, let
     deposits go on after a total loss. They count only against a depositor, never in a redemption, so
     claims never exceed the assets.
"""

VIRTUAL_SHARES: constant(uint256) = 10**6
VIRTUAL_ASSETS: constant(uint256) = 10**12
# Assets stay below 2**112 quote: products with the supply stay inside 256 bits. A deposit of a
# million USD after a total loss multiplies the supply by 2**40, and a first one makes 2**60.
MAX_SUPPLY: constant(uint256) = 2**140
# A deposit for fewer could lose more than a ten-thousandth to rounding.
MIN_ISSUED: constant(uint256) = 10**4

# Shares in existence.
supply: uint256

# Shares of a depositor that do not wait for redemption.
balances: HashMap[address, uint256]

# When the shares of a depositor may be redeemed.
unlocks_at: HashMap[address, uint256]


# @notice What a price is over: the supply with the virtual shares.
@internal
@view
def _total() -> uint256:
    return self.supply + VIRTUAL_SHARES


# @notice Shares for a deposit of `quote` into `assets`, rounded down.
@internal
@view
def _issued_for(quote: uint256, assets: uint256) -> uint256:
    return quote * self._total() // (assets + VIRTUAL_ASSETS)


@internal
def _issue(owner: address, amount: uint256, unlocks_at: uint256):
    assert self.supply + amount < MAX_SUPPLY, "vault: too many shares"
    self.supply += amount
    self.balances[owner] += amount
    self.unlocks_at[owner] = unlocks_at


# @notice Take shares from their owner, to wait for redemption.
@internal
def _take(owner: address, amount: uint256):
    assert amount != 0, "vault: zero shares"
    assert amount <= self.balances[owner], "vault: not enough shares"
    assert block.timestamp >= self.unlocks_at[owner], "vault: shares are locked"
    self.balances[owner] -= amount


@internal
def _burn(amount: uint256):
    self.supply -= amount
