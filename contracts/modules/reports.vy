# pragma version 0.4.3
"""
@title reports
@license MIT
@notice What the reporters last saw, and the weighted medians of what is fresh.
@dev One word a reporter and market, so that a price can't outlive the time at which it was seen.
"""

from ..interfaces import IOracle
from . import markets
from . import weighted_median

# A poll of one market reads one slot of each: 16 * 2.3k gas.
MAX_REPORTERS: constant(uint256) = 16
# A post about every market writes one slot of each: 256 * 22k gas the first time, 256 * 6k after.
MAX_REPORTS: constant(uint256) = 256

PRICE_BITS: constant(uint256) = 88
PRICE_MASK: constant(uint256) = 2**PRICE_BITS - 1

# Seconds after which a report no longer counts.
max_report_age: public(immutable(uint256))

# Weight that must be fresh to believe a price more than 50 % off.
quorum: public(immutable(uint256))

# The reporters, in the order of their places in `words`.
REPORTERS: immutable(DynArray[IOracle.Reporter, MAX_REPORTERS])

# Market -> reporter's place -> observed_at << 176 | perp << 88 | spot
words: HashMap[uint256, uint256[MAX_REPORTERS]]


# Weighted medians of the fresh prices of a market, and the weights behind them.
struct Poll:
    spot: uint256
    spot_weight: uint256
    perp: uint256
    perp_weight: uint256


# @dev A quorum of more than twice the largest weight: no single reporter holds half of it, so none
#      can choose the median of a quorum.
@deploy
def __init__(
    reporters: DynArray[IOracle.Reporter, MAX_REPORTERS], report_age: uint256, weight: uint256
):
    largest: uint256 = 0
    spot_total: uint256 = 0
    for i: uint256 in range(len(reporters), bound=MAX_REPORTERS):
        reporter: IOracle.Reporter = reporters[i]
        assert reporter.account != empty(address), "oracle: zero address"
        for j: uint256 in range(i, bound=MAX_REPORTERS):
            assert reporters[j].account != reporter.account, "oracle: reporter twice"
        heavier: uint256 = max(reporter.spot_weight, reporter.perp_weight)
        assert heavier <= weighted_median.MAX_WEIGHT, "oracle: weight out of range"
        largest = max(largest, heavier)
        spot_total += reporter.spot_weight
    assert weight > 2 * largest and weight <= spot_total, "oracle: bad quorum"
    assert report_age != 0, "oracle: bad report age"
    REPORTERS = reporters
    max_report_age = report_age
    quorum = weight


@internal
def _post(account: address, observed_at: uint256, posted: DynArray[IOracle.Report, MAX_REPORTS]):
    place: uint256 = self._place(account)
    assert place < MAX_REPORTERS, "oracle: not a reporter"
    assert observed_at <= block.timestamp, "oracle: report from the future"
    for report: IOracle.Report in posted:
        self._store(place, observed_at, report)
    log IOracle.Posted(reporter=account, observed_at=observed_at)


@internal
def _store(place: uint256, observed_at: uint256, report: IOracle.Report):
    assert (
        report.spot <= markets.MAX_PRICE and report.perp <= markets.MAX_PRICE
    ), "oracle: price out of range"
    standing: uint256 = self.words[report.market][place] >> 2 * PRICE_BITS
    assert observed_at >= standing, "oracle: report is older"
    self.words[report.market][place] = (
        observed_at << 2 * PRICE_BITS | report.perp << PRICE_BITS | report.spot
    )


@internal
@view
def _poll(market: uint256) -> Poll:
    spots: DynArray[uint256, weighted_median.MAX_VOTES] = []
    perps: DynArray[uint256, weighted_median.MAX_VOTES] = []
    for i: uint256 in range(len(REPORTERS), bound=MAX_REPORTERS):
        word: uint256 = self.words[market][i]
        if block.timestamp > (word >> 2 * PRICE_BITS) + max_report_age:
            continue
        spot: uint256 = word & PRICE_MASK
        perp: uint256 = word >> PRICE_BITS & PRICE_MASK
        if spot != 0:
            spots.append(weighted_median._vote(spot, REPORTERS[i].spot_weight))
        if perp != 0:
            perps.append(weighted_median._vote(perp, REPORTERS[i].perp_weight))
    poll: Poll = empty(Poll)
    poll.spot, poll.spot_weight = weighted_median._of(spots)
    poll.perp, poll.perp_weight = weighted_median._of(perps)
    return poll


# @return (spot, perp, observed_at) of a reporter, zeros where there is none.
@internal
@view
def _report(account: address, market: uint256) -> (uint256, uint256, uint256):
    place: uint256 = self._place(account)
    if place == MAX_REPORTERS:
        return 0, 0, 0
    word: uint256 = self.words[market][place]
    return word & PRICE_MASK, word >> PRICE_BITS & PRICE_MASK, word >> 2 * PRICE_BITS


# @return The reporter's place, or MAX_REPORTERS where the account is none.
@internal
@view
def _place(account: address) -> uint256:
    for i: uint256 in range(len(REPORTERS), bound=MAX_REPORTERS):
        if REPORTERS[i].account == account:
            return i
    return MAX_REPORTERS
