# pragma version 0.4.3
"""
@title adl_queue
@license MIT
@notice Jobs that rank: the scan that enrols holders by their keys, and the order that is told of them.
@dev Slots of the queue are used again by later jobs.
"""

from ..interfaces import IAdl
from ..interfaces import IAdlPolicy
from ..interfaces import IMarginPool
from . import adl_jobs
from . import adl_keys
from . import require

uses: adl_jobs

# Holders weighed by one call of the pool.
PAGE: constant(uint256) = adl_keys.PAGE
# Ranks told by one call of `order`: ~3k gas each, cold.
MAX_RANKS: constant(uint256) = 64

# Who scores the holders.
POLICY: immutable(IAdlPolicy)


@deploy
def __init__(policy: IAdlPolicy):
    POLICY = policy


# @notice Weigh the next holders and enrol those whose key is at least the threshold.
# @param everyone Whether the venue's price holds for all of them.
@internal
def _scan(
    market: uint256, longs: bool, opened: IAdl.Job, count: uint256, everyone: bool
) -> IAdl.Job:
    require._that(opened.phase == adl_jobs.SCANNING, "adl: wrong phase")
    job: IAdl.Job = opened
    number: uint256 = adl_jobs._number(market, longs)
    side: IAdlPolicy.Side = adl_jobs._side(market, longs, job)
    end: uint256 = min(job.length, job.cursor + min(count, PAGE * adl_jobs.MAX_PAGES))
    for i: uint256 in range(adl_jobs.MAX_PAGES):
        if job.cursor >= end:
            break
        size: uint256 = min(PAGE, end - job.cursor)
        found: DynArray[IMarginPool.Candidate, PAGE] = adl_jobs._candidates(
            market, longs, job.cursor, size, job
        )
        keys: DynArray[uint256, PAGE] = adl_keys._of(POLICY, everyone, side, found)
        for j: uint256 in range(len(found), bound=PAGE):
            if keys[j] >= job.threshold:
                adl_jobs.queue[number << 32 | job.enrolled] = keys[j]
                job.enrolled += 1
                job.lots += found[j].size
        job.cursor += size
    if job.cursor == job.length:
        job = self._scanned(market, job)
    return job


# @notice All holders are weighed. A threshold that enrolled too little is lowered to 0: whoever opened
#         the job can delay it by one scan, but not stop it.
@internal
@view
def _scanned(market: uint256, scanned: IAdl.Job) -> IAdl.Job:
    job: IAdl.Job = scanned
    if job.threshold != 0 and job.lots < adl_jobs._lots(job.loser, market):
        job.threshold = 0
        job.cursor = 0
        job.enrolled = 0
        job.lots = 0
    else:
        job.phase = adl_jobs.ORDERING
    return job


# @notice Write down ranks from `start` on. Keys differ from each other and must fall, so that the whole can
#         only be the one order. Entries before `next` are of a queue that ran dry.
# @dev Of all falling sequences the right one is the greatest at every rank: a better key where one is told
#      already proves that one wrong, and with it all behind it. So whoever tells the right order gets on,
#      whatever others tell.
@internal
def _order(
    number: uint256,
    scanned: IAdl.Job,
    start: uint256,
    places: DynArray[uint256, MAX_RANKS],
) -> IAdl.Job:
    require._that(scanned.phase == adl_jobs.ORDERING, "adl: wrong phase")
    job: IAdl.Job = scanned
    require._that(start >= job.next and start <= job.ordered, "adl: no such rank")
    last: uint256 = max_value(uint256)
    if start != job.next:
        last = adl_jobs.queue[adl_jobs._slot(number, start - 1)]
    rank: uint256 = start
    for place: uint256 in places:
        require._that(place >= job.next and place < job.enrolled, "adl: no such place")
        key: uint256 = adl_jobs.queue[number << 32 | place]
        require._that(key < last, "adl: keys must fall")
        if rank < job.ordered:
            told: uint256 = adl_jobs.queue[adl_jobs._slot(number, rank)]
            require._that(key >= told, "adl: a better key is told")
            if key != told:
                job.ordered = rank
        if rank == job.ordered:
            self._tell(number, rank, place)
            job.ordered += 1
        last = key
        rank += 1
    if job.ordered == job.enrolled:
        job.phase = adl_jobs.READY
    return job


@internal
def _tell(number: uint256, rank: uint256, place: uint256):
    page: uint256 = number << 32 | rank >> 3
    offset: uint256 = 32 * (rank & 7)
    adl_jobs.ranks[page] = adl_jobs.ranks[page] & ~(adl_jobs.WORD_MASK << offset) | place << offset
