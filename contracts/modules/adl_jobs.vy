# pragma version 0.4.3
"""
@title adl_jobs
@license MIT
@notice Jobs that find the winners of one side of one market: their state, and the queue that closings go along.
@dev How the queue comes about is another module's: adl_queue ranks holders, a job for all losers of a side;
     adl_quotas shares the lots of one loser, a job for each. A queue entry is a key, see adl_keys. Once the
     winner has been closed, what it won stands in the place of its score or quota.
"""

from ..interfaces import IAdl
from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from . import adl_keys
from . import math

ABSENT: constant(uint256) = 0
SCANNING: constant(uint256) = 1
ORDERING: constant(uint256) = 2
READY: constant(uint256) = 3

# Pages of one call of `scan`: 64 * 32 holders of ~8k gas: as many as 2**24 gas can pay for.
MAX_PAGES: constant(uint256) = 64
# Blocks after which anyone may end a job.
LIFETIME: constant(uint256) = 20

PRICE_MASK: constant(uint256) = 2**80 - 1
WORD_MASK: constant(uint256) = 2**32 - 1

# At what price winners are closed.
PREVIOUS: constant(uint256) = 0
MARK: constant(uint256) = 1
INDEX: constant(uint256) = 2
BANKRUPTCY: constant(uint256) = 3
# Bankruptcy, and of an account above zero two thirds of the way there from the mark.
PROVIDER: constant(uint256) = 4

# The pool whose holders are ranked.
POOL: immutable(IMarginPool)

# At what price they are closed.
PRICE: immutable(uint256)

# Whether holders are closed by quotas, each loser having jobs of its own.
SHARED: immutable(bool)

# By job: mark | previous mark << 80 | block of opening << 160 | phase << 200 | locked << 204 | turn << 208 |
# epoch << 216
prices: HashMap[uint256, uint256]

# By job: funding index << 128 | lots enrolled << 64 | loser << 32 | serving
parties: HashMap[uint256, int256]

# By job: length | cursor << 32 | enrolled << 64 | ordered << 96 | next << 128 | first << 160 | used << 192
cursors: HashMap[uint256, uint256]

# By job: least key that is enrolled
thresholds: HashMap[uint256, uint256]

# By job: key of a front that is partly used
last_keys: HashMap[uint256, uint256]

# By job << 32 | place in the queue: key
queue: HashMap[uint256, uint256]

# By job << 32 | rank >> 3: eight places in the queue, best key first
ranks: HashMap[uint256, uint256]

# By job of shares: where its queue begins; it is in order as it stands
bases: HashMap[uint256, uint256]


@deploy
def __init__(pool: IMarginPool, price: uint256, shared: bool):
    POOL = pool
    PRICE = price
    SHARED = shared


# @notice Number of the job that serves an account in a market.
# @param longs The winners' side.
@internal
@view
def _number_for(account: uint256, market: uint256, longs: bool) -> uint256:
    if SHARED:
        return account << 16 | market
    return self._number(market, longs)


# @notice Number of the job that ranks one side of a market.
@internal
@pure
def _number(market: uint256, longs: bool) -> uint256:
    return market << 1 | convert(longs, uint256)


@internal
@view
def _load(number: uint256) -> IAdl.Job:
    price: uint256 = self.prices[number]
    if (price >> 200) & 15 == ABSENT:
        return empty(IAdl.Job)
    party: int256 = self.parties[number]
    low: uint256 = convert(party & (2**128 - 1), uint256)
    cursor: uint256 = self.cursors[number]
    return IAdl.Job(
        mark=price & PRICE_MASK,
        previous_mark=(price >> 80) & PRICE_MASK,
        funding=party >> 128,
        opened_in=(price >> 160) & (2**40 - 1),
        epoch=price >> 216,
        phase=(price >> 200) & 15,
        threshold=self.thresholds[number],
        loser=(low >> 32) & WORD_MASK,
        serving=low & WORD_MASK,
        length=cursor & WORD_MASK,
        cursor=(cursor >> 32) & WORD_MASK,
        enrolled=(cursor >> 64) & WORD_MASK,
        lots=low >> 64,
        ordered=(cursor >> 96) & WORD_MASK,
        last_key=self.last_keys[number],
        next=(cursor >> 128) & WORD_MASK,
        first=(cursor >> 160) & WORD_MASK,
        used=cursor >> 192,
        locked=(price >> 204) & 15 != 0,
        turn=(price >> 208) & 255,
    )


@internal
def _save(number: uint256, job: IAdl.Job):
    self.prices[number] = (
        job.mark
        | job.previous_mark << 80
        | job.opened_in << 160
        | job.phase << 200
        | convert(job.locked, uint256) << 204
        | job.turn << 208
        | job.epoch << 216
    )
    low: uint256 = job.lots << 64 | job.loser << 32 | job.serving
    self.parties[number] = job.funding << 128 | convert(low, int256)
    self.cursors[number] = (
        job.length
        | job.cursor << 32
        | job.enrolled << 64
        | job.ordered << 96
        | job.next << 128
        | job.first << 160
        | job.used << 192
    )
    self.thresholds[number] = job.threshold
    self.last_keys[number] = job.last_key


# @notice Forget a job. Its words stay non-zero, so that the next one pays 5,000 gas for each and not 22,100.
@internal
def _erase(number: uint256):
    self.prices[number] &= 2**200 - 1


# @notice A job as it begins: prices and the length of the holder list are fixed with it.
@internal
@view
def _opened(market: uint256, loser: uint256, longs: bool, threshold: uint256) -> IAdl.Job:
    seen: IMarginPool.Market = self._market(market)
    job: IAdl.Job = empty(IAdl.Job)
    job.mark = seen.mark
    job.previous_mark = seen.previous_mark
    if PRICE != PREVIOUS:
        job.previous_mark = seen.index if PRICE == INDEX else seen.mark
    job.funding = seen.funding
    job.opened_in = block.number
    job.epoch = self._epoch()
    job.phase = SCANNING
    job.threshold = threshold
    job.loser = loser
    job.length = staticcall POOL.holder_count(market, longs)
    return job


@internal
@view
def _lots(account: uint256, market: uint256) -> uint256:
    return math._magnitude(self._position(account, market).size)


# @notice What a job ranks, for its policy.
# @dev The seed is made of nothing that whoever opens a job has a say in; a block hash would differ from
#      engine to engine.
@internal
@pure
def _side(market: uint256, longs: bool, job: IAdl.Job) -> IAdlPolicy.Side:
    seed: bytes32 = keccak256(
        abi_encode(market, longs, job.mark, job.previous_mark, job.funding, job.epoch)
    )
    return IAdlPolicy.Side(
        market=market,
        longs=longs,
        mark=job.mark,
        previous_mark=job.previous_mark,
        funding=job.funding,
        length=job.length,
        seed=convert(seed, uint256),
    )


# @notice Slot of the queue entry of a rank.
@internal
@view
def _slot(number: uint256, rank: uint256) -> uint256:
    if SHARED:
        return self.bases[number] | rank
    page: uint256 = self.ranks[number << 32 | rank >> 3]
    return number << 32 | (page >> (32 * (rank & 7))) & WORD_MASK


# @notice What the winner of an entry has won in the present closing.
@internal
@pure
def _won(entry: uint256) -> uint256:
    return (entry >> 56) & adl_keys.MAX_SCORE


@internal
@pure
def _with_won(entry: uint256, won: uint256) -> uint256:
    return entry & adl_keys.TIER | won << 56 | entry & (2**56 - 1)


# --- the pool, asked in one place: each of these answers is a page of code to decode -------------


@internal
@view
def _health(account: uint256) -> IMarginPool.Health:
    return staticcall POOL.health(account)


@internal
@view
def _position(account: uint256, market: uint256) -> IMarginPool.Position:
    return staticcall POOL.position(account, market)


@internal
@view
def _market(market: uint256) -> IMarginPool.Market:
    return staticcall POOL.market(market)


# @notice Holders of a side from a place on, weighed at the prices of a job.
@internal
@view
def _candidates(
    market: uint256, longs: bool, start: uint256, count: uint256, job: IAdl.Job
) -> DynArray[IMarginPool.Candidate, adl_keys.PAGE]:
    return staticcall POOL.candidates(market, longs, start, count, job.mark, job.funding)


@internal
@view
def _epoch() -> uint256:
    return staticcall POOL.epoch()
