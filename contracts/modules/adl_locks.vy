# pragma version 0.4.3
"""
@title adl_locks
@license MIT
@notice Jobs of losers that have outlived their transaction: which there are, and the locks that they hold in the pool.
@dev A market is locked while any job of it is listed, and seniority is held while any market is locked.
"""

from . import adl_jobs

uses: adl_jobs

# By market: how many are listed
counts: HashMap[uint256, uint256]

# By market and place: whose job
losers: HashMap[uint256, HashMap[uint256, uint256]]

# By market and loser: its place, plus 1; 0 = not listed
places: HashMap[uint256, HashMap[uint256, uint256]]

# Listed in all markets.
total: uint256


@internal
def _lock(loser: uint256, market: uint256):
    if self.places[market][loser] != 0:
        return
    count: uint256 = self.counts[market]
    self.losers[market][count] = loser
    self.places[market][loser] = count + 1
    self.counts[market] = count + 1
    self.total += 1
    if count == 0:
        extcall adl_jobs.POOL.lock_market(market, True)
    if self.total == 1:
        extcall adl_jobs.POOL.hold_seniority(True)


# @notice The last of the list takes the place of the one that leaves it.
@internal
def _unlock(loser: uint256, market: uint256):
    place: uint256 = self.places[market][loser]
    if place == 0:
        return
    count: uint256 = self.counts[market] - 1
    last: uint256 = self.losers[market][count]
    self.losers[market][place - 1] = last
    self.places[market][last] = place
    self.places[market][loser] = 0
    self.counts[market] = count
    self.total -= 1
    if count == 0:
        extcall adl_jobs.POOL.lock_market(market, False)
    if self.total == 0:
        extcall adl_jobs.POOL.hold_seniority(False)
