"""What a keeper tells the chain where lots are shared: the level at which quotas add up.

The contract weighs every holder itself and checks the sum; see contracts/interfaces/IAdlShares.vyi.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from spillway.model.levels import level_of
from spillway.model.policies import Asked, Candidate, Side
from spillway.ranking import PAGE

if TYPE_CHECKING:
    from spillway.engines import Contract
    from spillway.model.policies import Quota


class Plan(NamedTuple):
    """The level of one leg, as `IAdlShares.Plan`."""

    loser: int
    market: int
    level: int


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands: phases and blocks as those of `spillway.actors.rankings.Ranking`.

    Attributes:
        phase: ABSENT where there is none.
        opened_in: Block.
        serving: Whose closing is under way, 0 = nobody's.
        lots: Of the quotas that are not yet closed; 0 until it is ready.
        enrolled: Holders who give lots, likewise.
    """

    phase: int
    opened_in: int
    serving: int
    lots: int
    enrolled: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """One leg of a loser, whoever stands against it, and the level.

    Attributes:
        plan: What the contract is told.
        holders: Places of the holder list, and lots that its holder gives; holes left out.
        length: Places of the list.
        borne: Whether each has the equity for its part, so that there is no gap.
    """

    plan: Plan
    holders: tuple[tuple[int, int], ...]
    length: int
    borne: bool

    @property
    def giving(self) -> int:
        """Holders who give lots."""
        return sum(1 for _, lots in self.holders if lots)


def job(adl: Contract, loser: int, market: int) -> Job:
    """Return the job of a leg."""
    found: Job = _as(Job, adl.call.job(loser, market))
    return found


def read(adl: Contract, pool: Contract, quota: Quota, loser: int, market: int) -> Sharing:
    """Find the level for a leg: at the prices of its job, or at the present ones without one."""
    told, wanted = adl.call.demand(loser, market)
    side, asked = _as(Side, told), _as(Asked, wanted)
    found = [
        _as(Candidate, each)
        for start in range(0, side.length, PAGE)
        for each in pool.call.candidates(market, side.longs, start, PAGE, side.mark, side.funding)
    ]
    level = level_of(quota, side, asked, found)
    lots = [quota(side, asked, each, level) for each in found]
    return Sharing(
        plan=Plan(loser, market, level),
        holders=tuple((each.place, given) for each, given in zip(found, lots, strict=True)),
        length=side.length,
        borne=all(
            each.equity >= given * asked.loss
            for each, given in zip(found, lots, strict=True)
            if given
        ),
    )


def _as(kind: type[Any], told: object) -> Any:
    """Turn a struct as a contract gives it into its twin's class."""
    return kind(**{each.name: getattr(told, each.name) for each in fields(kind)})
