"""Timed events: what a scenario has happen at a moment of the run, from its `[[events]]`.

An act is done once, at its block. An absence begins at its block and lasts until another one, or to
the end of the run. Whoever is absent sends nothing, and does what was due as soon as they are back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from spillway.errors import BadInput
from spillway.model.policies import QUEUES
from spillway.tables import Flag, Table
from spillway.terms import Leverage, Name, Positive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.scenario import Scenario

TRADERS, DEPOSITORS, MAKERS = "traders", "depositors", "makers"
KEEPERS, REPORTERS = "keepers", "reporters"
# Nobody reaches it; its oracle, its keepers and its admin, who stand beside it, go on.
VENUE = "venue"
_BEHIND = {VENUE: (TRADERS, DEPOSITORS, MAKERS)}

OUTAGE, LEAVE = "outage", "leave"
MAINTENANCE, CAP, POLICY, TOP_UP = "maintenance", "cap", "policy", "top_up"
LEVERS = (MAINTENANCE, CAP, POLICY, TOP_UP)  # what the venue itself does
MARKET = "market"


def _moment(value: object) -> object:
    """Refuse what is neither a block nor a time that all agree on."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if whole or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    raise PydanticCustomError("moment", "not a moment")


Moment = Annotated[int | datetime, BeforeValidator(_moment)]


class Event(Table):
    """Something that happens at a block of the run, or from it on for a while.

    `at` and `until` are blocks of the run, or times: then the first block that is not earlier.
    """

    at: Moment
    what: Literal[
        "outage",
        "leave",
        "deposit",
        "withdraw",
        "redeem",
        "order",
        "close",
        "cancel",
        "maintenance",
        "cap",
        "policy",
        "top_up",
    ]
    who: Name
    until: Moment | None = None
    amount_usd: Positive | None = None
    market: Name | None = None
    side: Literal["buy", "sell"] | None = None
    kind: Literal["market", "limit", "ioc", "post_only", "stop", "take_profit"] | None = None
    price: Positive | None = None  # USD; of a stop or take-profit, the trigger
    size: Positive | None = None  # of the asset
    reduce_only: Flag | None = None
    leverages: Annotated[tuple[Leverage, ...], Field(min_length=1, max_length=5)] | None = None
    policy: Name | None = None


@dataclass(frozen=True, slots=True)
class Grammar:
    """What an event of a sort says of itself, beside `at` and `who`.

    Another sort is a row here, its name in `Event.what`, and what comes of it in actors/script.py.

    Attributes:
        needs: Keys that it has.
        may: Keys that it may have.
        cast: Who it can be told of, where these are fixed names.
        by: Whose members, where no cast is told: those of whom an outage puts the act off.
    """

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    cast: tuple[str, ...] = ()
    by: str = TRADERS


GRAMMAR = {
    OUTAGE: Grammar(may=("until",), cast=(TRADERS, DEPOSITORS, MAKERS, KEEPERS, REPORTERS, VENUE)),
    LEAVE: Grammar(may=("until",), cast=(MAKERS,)),
    "deposit": Grammar(needs=("amount_usd",)),
    "withdraw": Grammar(needs=("amount_usd",)),
    "redeem": Grammar(may=("amount_usd",), by=DEPOSITORS),
    "order": Grammar(needs=("market", "side", "kind", "size"), may=("price", "reduce_only")),
    "close": Grammar(may=("market",)),
    "cancel": Grammar(),
    MAINTENANCE: Grammar(needs=("market", "leverages"), cast=(VENUE,)),
    CAP: Grammar(needs=("market", "size"), cast=(VENUE,)),
    POLICY: Grammar(needs=("policy",), cast=(VENUE,)),
    TOP_UP: Grammar(needs=("amount_usd",), may=("market",), cast=(VENUE,)),
}

_KEYS = [key for key in Event.model_fields if key not in {"at", "what", "who"}]


def check(event: Event, scenario: Scenario, file: str, field: str) -> None:
    """Check when an event happens, which keys it has, and whom it names. Raises BadInput."""
    _check_times(event, scenario, file, field)
    grammar = GRAMMAR[event.what]
    for key in _KEYS:
        told: Any = getattr(event, key)
        if told is None and key in grammar.needs:
            raise BadInput(file, f"{field}.{key}", "nothing", f"a value with {event.what}")
        if told is not None and key not in grammar.needs + grammar.may:
            raise BadInput(file, f"{field}.{key}", str(told), f"nothing with {event.what}")
    if event.what == "order" and (event.kind == MARKET) != (event.price is None):
        found = "nothing" if event.price is None else str(event.price)
        allowed = "nothing with a market order" if event.price else f"a value with {event.kind}"
        raise BadInput(file, f"{field}.price", found, allowed)
    if event.policy is not None and event.policy not in QUEUES:
        raise BadInput(file, f"{field}.policy", event.policy, f"one of {', '.join(QUEUES)}")
    known = grammar.cast or _people(grammar.by, scenario)
    if event.who not in known:
        raise BadInput(file, f"{field}.who", event.who, f"one of {', '.join(known)}")


def _check_times(event: Event, scenario: Scenario, file: str, field: str) -> None:
    blocks = scenario.clock.blocks
    first = scenario.clock.block_of(event.at)
    if not 0 <= first < blocks:
        allowed = f"a block, 0 to {blocks - 1}, or a time of one"
        raise BadInput(file, f"{field}.at", str(event.at), allowed)
    if event.until is not None and not first < scenario.clock.block_of(event.until) <= blocks:
        allowed = f"later than `at`, and at most block {blocks}, the end"
        raise BadInput(file, f"{field}.until", str(event.until), allowed)


def _people(by: str, scenario: Scenario) -> tuple[str, ...]:
    """Names that an act can be told of: depositors, or accounts and whole groups of traders."""
    if by == DEPOSITORS:
        return tuple(depositor.name for depositor in scenario.vault.depositors)
    accounts = tuple(account.name for account in scenario.accounts)
    return accounts + tuple(group.name for group in scenario.population)


def absent(scenario: Scenario, who: str, block: int) -> bool:
    """Return whether a group of people is cut off at a block of the run."""
    return any(
        who == event.who or who in _BEHIND.get(event.who, ())
        for event in _lasting(scenario, OUTAGE, block)
    )


def left(scenario: Scenario, block: int) -> bool:
    """Return whether the makers have taken their orders away at a block of the run."""
    return any(_lasting(scenario, LEAVE, block))


def _lasting(scenario: Scenario, what: str, block: int) -> Iterator[Event]:
    clock = scenario.clock
    for event in scenario.events:
        if event.what == what and clock.block_of(event.at) <= block:
            until = clock.blocks if event.until is None else clock.block_of(event.until)
            if block < until:
                yield event


def acts(scenario: Scenario, *, of_venue: bool = False) -> list[tuple[int, Event]]:
    """Return (block, event) of all that people do once, or the venue; by block, then as told."""
    clock = scenario.clock
    once = [e for e in scenario.events if e.what not in {OUTAGE, LEAVE}]
    told = [e for e in once if (e.what in LEVERS) == of_venue]
    return sorted(((clock.block_of(e.at), e) for e in told), key=lambda act: act[0])


def needs_levers(scenario: Scenario) -> bool:
    """Return whether anything happens that the contract `Levers` is for."""
    return any(event.what in {MAINTENANCE, CAP, POLICY} for event in scenario.events)


def without(scenario: Scenario, sorts: str) -> Scenario:
    """Leave out events: of these sorts, separated by commas; `levers` is all that the venue does.

    Raises BadInput for a sort that there is not.
    """
    left: set[str] = set()
    for sort in filter(None, sorts.split(",")):
        if sort not in {*GRAMMAR, "levers"}:
            allowed = f"some of {', '.join(GRAMMAR)}, levers"
            raise BadInput("command line", "--without", sort, allowed)
        left.update(LEVERS if sort == "levers" else (sort,))
    events = tuple(event for event in scenario.events if event.what not in left)
    return scenario.model_copy(update={"events": events})
