# pragma version 0.4.3
"""
@title adl_quotas
@license MIT
@notice Jobs that share: the scan that gives every holder its quota of one loser's lots.
@dev Drafts are by job and sender, so that a wrong level costs who tells it and nobody else. The queue of a draft is where its
     hash says; the job is told of that of the first draft whose quotas add up.
"""

from ..interfaces import IAdl
from ..interfaces import IAdlPolicy
from ..interfaces import IAdlShares
from ..interfaces import IMarginPool
from ..interfaces import ISharePolicy
from . import adl_jobs
from . import adl_keys
from . import require

uses: adl_jobs

# Holders weighed by one call of the pool.
PAGE: constant(uint256) = adl_keys.PAGE

# Who says what each holder gives.
POLICY: immutable(ISharePolicy)

# Jobs opened so far
openings: uint256

# By job: which opening it is
opened_as: HashMap[uint256, uint256]

# By job: what was fixed with it; its lots are those that the loser has
terms: HashMap[uint256, ISharePolicy.Asked]

# By base of its queue
drafts: HashMap[uint256, IAdlShares.Draft]


@deploy
def __init__(policy: ISharePolicy):
    POLICY = policy


# @notice Remember what a job that is being opened shares.
@internal
def _open(number: uint256, terms: ISharePolicy.Asked):
    self.openings += 1
    self.opened_as[number] = self.openings
    self.terms[number] = terms


# @notice What a job shares now. A closing that found a holder gone shares what is left.
@internal
@view
def _asked(loser: uint256, market: uint256) -> ISharePolicy.Asked:
    asked: ISharePolicy.Asked = self.terms[adl_jobs._number_for(loser, market, False)]
    asked.lots = adl_jobs._lots(loser, market)
    return asked


# @notice Weigh the next holders at a level, and note those who give lots in the sender's draft.
@internal
def _scan(
    loser: uint256, market: uint256, longs: bool, opened: IAdl.Job, level: uint256, count: uint256
) -> IAdl.Job:
    require._that(opened.phase == adl_jobs.SCANNING, "adl: wrong phase")
    job: IAdl.Job = opened
    number: uint256 = adl_jobs._number_for(loser, market, longs)
    asked: ISharePolicy.Asked = self._asked(loser, market)
    side: IAdlPolicy.Side = adl_jobs._side(market, longs, job)
    base: uint256 = self._base(number, job.next, asked.lots, msg.sender)
    draft: IAdlShares.Draft = self._draft(base, level, job.next)
    end: uint256 = min(job.length, draft.cursor + min(count, PAGE * adl_jobs.MAX_PAGES))
    for i: uint256 in range(adl_jobs.MAX_PAGES):
        if draft.cursor >= end:
            break
        size: uint256 = min(PAGE, end - draft.cursor)
        found: DynArray[IMarginPool.Candidate, PAGE] = adl_jobs._candidates(
            market, longs, draft.cursor, size, job
        )
        quotas: DynArray[uint256, PAGE] = staticcall POLICY.quotas(side, asked, found, level)
        for j: uint256 in range(len(found), bound=PAGE):
            quota: uint256 = min(quotas[j], found[j].size)
            if quota != 0:
                adl_jobs.queue[base | draft.enrolled] = adl_keys._key(quota, found[j], True)
                draft.enrolled += 1
                draft.lots += quota
        draft.cursor += size
    if draft.cursor != job.length:
        self.drafts[base] = draft
        return job
    require._that(draft.lots == asked.lots, "adl: quotas do not add up")
    adl_jobs.bases[number] = base
    job.enrolled = draft.enrolled
    job.ordered = draft.enrolled
    job.lots = draft.lots
    job.phase = adl_jobs.READY
    log IAdlShares.SharesReady(
        loser=loser, market=market, level=level, lots=draft.lots, enrolled=draft.enrolled
    )
    return job


# @notice Where the queue of a sender's draft begins: its entries are 2**32 places of their own.
# @param first Rank of its first entry: a closing that shares again goes on behind those that it has hit.
@internal
@view
def _base(number: uint256, first: uint256, lots: uint256, sender: address) -> uint256:
    opening: uint256 = self.opened_as[number]
    digest: bytes32 = keccak256(abi_encode(opening, first, lots, sender))
    return convert(digest, uint256) >> 32 << 32


# @notice A sender's draft, begun again where it was of another level.
@internal
@view
def _draft(base: uint256, level: uint256, first: uint256) -> IAdlShares.Draft:
    draft: IAdlShares.Draft = self.drafts[base]
    if draft.cursor == 0 or draft.level != level:
        draft = IAdlShares.Draft(level=level, cursor=0, enrolled=first, lots=0)
    return draft
