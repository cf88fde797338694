"""The oracle: from reports and the own book to index, mark and funding.

Prices are quote per lot, premiums and rates 1e-18, times seconds. The arithmetic is the contracts'
own, truncation for truncation, so that both can be compared to the last unit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from spillway.model.margin import Market
from spillway.model.pool import MAX_FUNDING, MAX_PRICE, Update
from spillway.model.rounding import trunc_div

ONE = 2**127  # of the decay factors
SLOW_DECAY = 169010681431205101938362594105892158670  # floor(exp(-1/150) * ONE)
FAST_DECAY = 164563291998028609093701007017111495006  # floor(exp(-1/30) * ONE)
SECOND = 2**32  # weight of one second
MAX_SECONDS = 60  # for which one sample speaks

SCALE = 10**18
INTEREST = 10**14  # 0.01 % in 8 hours
INTEREST_BAND = 5 * 10**14
MAX_RATE = 32 * 10**16  # 4 % an hour
MAX_PREMIUM = 10**18
HOUR = 3600
PERIOD = 8 * HOUR

PPM = 10**6
MAJOR_IMPACT = 20_000 * 10**18
MINOR_IMPACT = 6_000 * 10**18


class Reason(IntEnum):
    """Why a market kept its last prices."""

    NO_FRESH_SPOT = 1
    TOO_FAR = 2
    FUNDING_BOUND = 3


@dataclass(frozen=True, slots=True)
class Reporter:
    """A price source and its weights; 0 = does not vote."""

    account: str
    spot_weight: int
    perp_weight: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a reporter saw of one market at a time; 0 = not quoted there."""

    spot: int
    perp: int
    observed_at: int


@dataclass(frozen=True, slots=True)
class Quotes:
    """The own book of one market; 0 = none, or too thin.

    Attributes:
        bid: Best bid.
        ask: Best ask.
        last: Last trade.
        impact_bid: Average price of selling the impact notional into the book.
        impact_ask: The same for buying.
    """

    bid: int = 0
    ask: int = 0
    last: int = 0
    impact_bid: int = 0
    impact_ask: int = 0


@dataclass(frozen=True, slots=True)
class Average:
    """A moving average and its weight in 1 / SECOND seconds; weight 0 = no sample yet."""

    value: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a mark, and what came out; 0 = missing."""

    index: int = 0
    from_index: int = 0
    from_book: int = 0
    from_perps: int = 0
    book_average: int = 0
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What an update does to one market: an update of the pool, or the reason why there is none."""

    update: Update | None
    reason: Reason | None
    inputs: Inputs


@dataclass(slots=True)
class Samples:
    """What the oracle remembers of one market.

    Attributes:
        basis: Average of mid - index over 150 s.
        price: Average of the book's price over 30 s.
        premiums: Sum of the premiums of the running hour.
        count: Number of them.
    """

    basis: Average = field(default_factory=Average)
    price: Average = field(default_factory=Average)
    premiums: int = 0
    count: int = 0

    @property
    def rate(self) -> int:
        """8 hour funding rate of the samples that stand."""
        return rate(self.premiums, self.count)


@dataclass(slots=True)
class Oracle:
    """The oracle's state.

    Attributes:
        reporters: The price sources.
        max_report_age: Seconds after which a report no longer counts.
        quorum: Weight of fresh reports that is believed whatever it says.
        band: The pool's band around mark, parts per million.
        hourly: Funding accrues at the hours rather than at every update.
        reports: (account, market) -> its last report.
        samples: Market -> what was sampled there.
    """

    reporters: Sequence[Reporter]
    max_report_age: int
    quorum: int
    band: int = 100_000
    hourly: bool = False
    reports: dict[tuple[str, int], Report] = field(default_factory=dict)
    samples: dict[int, Samples] = field(default_factory=dict)

    def step(self, number: int, now: int, standing: Market, quotes: Quotes) -> Step:
        """Bring market `number` up to date, as the first or a later update of a block at `now`.

        `standing` is the market as the pool has it; the pool is not touched.
        """
        samples = self.samples.setdefault(number, Samples())
        accrued = accrual(
            samples.rate, standing.index, seconds_accrued(standing.updated_at, now, self.hourly)
        )
        reason = self.refusal(number, now, standing.index)
        if reason is None and abs(standing.funding + accrued) >= MAX_FUNDING:
            reason = Reason.FUNDING_BOUND
        if reason is not None:
            return Step(None, reason, Inputs())
        counted = self._counted(number, now, standing, quotes)
        if standing.updated_at != now:
            index = self._poll(number, now, spot=True)[0]
            _sample(samples, index, counted, standing.updated_at, now)
        found = self._inputs(number, now, counted)
        return Step(Update(number, found.mark, found.index, accrued), None, found)

    def inputs(self, number: int, now: int, standing: Market, quotes: Quotes) -> Inputs:
        """Return what an update at `now` would set, without a sample; zeros where it would hold."""
        if self.refusal(number, now, standing.index) is not None:
            return Inputs()
        return self._inputs(number, now, self._counted(number, now, standing, quotes))

    def refusal(self, number: int, now: int, standing_index: int) -> Reason | None:
        """Say why the market can't be updated from the reports that are fresh now."""
        index, weight = self._poll(number, now, spot=True)
        if index == 0:
            return Reason.NO_FRESH_SPOT
        if weight < self.quorum and far(index, standing_index):
            return Reason.TOO_FAR
        return None

    def _counted(self, number: int, now: int, standing: Market, quotes: Quotes) -> Quotes:
        """Keep the quotes that the pool lets people hit, impact prices within the tops."""
        centre = standing.previous_mark if standing.updated_at == now else standing.mark
        centre = centre or self._poll(number, now, spot=True)[0]
        bid, ask = (
            price if price <= MAX_PRICE and abs(price - centre) * PPM <= self.band * centre else 0
            for price in (quotes.bid, quotes.ask)
        )
        return replace(
            quotes,
            bid=bid,
            ask=ask,
            impact_bid=min(quotes.impact_bid, bid),
            impact_ask=max(quotes.impact_ask, ask) if quotes.impact_ask and ask else 0,
        )

    def _inputs(self, number: int, now: int, counted: Quotes) -> Inputs:
        samples = self.samples[number]
        index = self._poll(number, now, spot=True)[0]
        perp, weight = self._poll(number, now, spot=False)
        from_index = index + samples.basis.value if samples.basis.weight else 0
        inputs = Inputs(
            index=index,
            from_index=from_index if 0 < from_index <= MAX_PRICE else 0,
            from_book=book_price(counted),
            from_perps=perp if weight >= self.quorum or not far(perp, index) else 0,
            book_average=samples.price.value,
        )
        return replace(inputs, mark=mark(inputs))

    def _poll(self, number: int, now: int, *, spot: bool) -> tuple[int, int]:
        votes = []
        for reporter in self.reporters:
            report = self.reports.get((reporter.account, number))
            if report is None or now - report.observed_at > self.max_report_age:
                continue
            price = report.spot if spot else report.perp
            weight = reporter.spot_weight if spot else reporter.perp_weight
            if price:
                votes.append((price, weight))
        return weighted_median(votes), sum(weight for _, weight in votes)


def weighted_median(votes: Iterable[tuple[int, int]]) -> int:
    """Lowest price at or below which half of all weight stands; `votes` are (price, weight).

    0 where no vote has weight.
    """
    ordered = sorted(votes)
    total = sum(weight for _, weight in ordered)
    held = 0
    for price, weight in ordered:
        held += weight
        if held and 2 * held >= total:
            return price
    return 0


def power(decay: int, seconds: int) -> int:
    """`decay` ** `seconds` as a fraction of ONE, by squaring, every product truncated."""
    result, factor = ONE, decay
    while seconds:
        if seconds & 1:
            result = result * factor // ONE
        seconds >>= 1
        factor = factor * factor // ONE
    return result


def mixed(before: Average, sample: int, seconds: int, decay: int) -> Average:
    """Mix one more sample, that speaks for 1 .. MAX_SECONDS `seconds`, into an average."""
    kept = before.weight * power(decay, seconds) // ONE
    added = seconds * SECOND
    weight = kept + added
    return Average(trunc_div(before.value * kept + sample * added, weight), weight)


def premium(index: int, impact_bid: int, impact_ask: int) -> int:
    """How far the book's impact prices lie off the index; 0 = a side that is too thin."""
    above = max(impact_bid - index, 0)
    below = max(index - impact_ask, 0) if impact_ask else 0
    return min(MAX_PREMIUM, trunc_div((above - below) * SCALE, index))


def rate(premiums: int, count: int) -> int:
    """8 hour funding rate from the sum and number of the premium samples; 0 without one."""
    if count == 0:
        return 0
    average = trunc_div(premiums, count)
    interest = max(-INTEREST_BAND, min(INTEREST_BAND, INTEREST - average))
    return max(-MAX_RATE, min(MAX_RATE, average + interest))


def seconds_accrued(last: int, now: int, hourly: bool) -> int:
    """Seconds for which the rate of the hour of `last` accrues at `now`."""
    end = (last // HOUR + 1) * HOUR
    if hourly:
        return HOUR if now >= end else 0
    return min(now, end) - last


def accrual(rate_8h: int, index: int, seconds: int) -> int:
    """Quote per lot that longs owe for `seconds` at a rate."""
    return trunc_div(rate_8h * index * seconds, PERIOD * SCALE)


def far(price: int, standing: int) -> bool:
    """Whether `price` is more than 50 % off; every price is, from a standing 0."""
    return 2 * abs(price - standing) > standing


def book_price(counted: Quotes) -> int:
    """Median of bid, ask and last trade (the mid before the first); 0 without a bid or an ask."""
    if not counted.bid or not counted.ask:
        return 0
    last = counted.last or (counted.bid + counted.ask) // 2
    return sorted((counted.bid, counted.ask, last))[1]


def mark(inputs: Inputs) -> int:
    """Return the median of the inputs that are there, filled up to three as the venue does."""
    prices = [price for price in _three(inputs) if price]
    if not prices:
        return inputs.index
    if len(prices) == 1:
        return prices[0]
    if len(prices) == 2:
        prices.append(inputs.book_average or inputs.index)
    return sorted(prices)[1]


def _three(inputs: Inputs) -> tuple[int, int, int]:
    return inputs.from_index, inputs.from_book, inputs.from_perps


def _sample(samples: Samples, index: int, counted: Quotes, last: int, now: int) -> None:
    seconds = min(now - last, MAX_SECONDS)
    if counted.bid and counted.ask and last:
        basis = (counted.bid + counted.ask) // 2 - index
        samples.basis = mixed(samples.basis, basis, seconds, SLOW_DECAY)
        samples.price = mixed(samples.price, book_price(counted), seconds, FAST_DECAY)
    if last // HOUR != now // HOUR:
        samples.premiums, samples.count = 0, 0
    samples.premiums += premium(index, counted.impact_bid, counted.impact_ask)
    samples.count += 1
