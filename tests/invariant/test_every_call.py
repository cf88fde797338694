"""Each rule of the state machine has its way to success: a story in which every call succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import GTC
from tests.chain import undone
from tests.invariant import arena as arenas
from tests.invariant import keeping
from tests.invariant.machine import TRESPASSES, PooledMachine, ProvidedMachine, VenueMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spillway.build import Artifacts
    from spillway.engines import Engine

    Chapter = Callable[[ProvidedMachine], None]

# What only an engine, or the admin, may call, and what opens once, before the play.
NOT_FOR_ALL = {
    "MarginPool": {
        "grant", "list_market", "credit", "debit", "rest", "fill", "exchange", "pay", "socialize",
        "write_off", "lock_market", "hold_seniority", "open_protocol_account", "advance",
        "set_schedule", "set_open_interest_cap",
    },
    "OrderBook": {"open_market", "cancel_all", "sweep"},
    "Vault": {"open_accounts"},
    "Levers": {"announce_maintenance", "lower_cap", "announce_policy"},
    "InsuranceFund": {"open", "spent"},
    "Counterparty": {"open"},
}  # fmt: skip
# Places of accounts: two of some 1,000 USD, one of 2,000, one of 50,000.
POOR, OTHER, FIRM, POCKET = 0, 5, 3, 6
# What only the play's end tells: how a job ended, who paid for a deficit.
ENDS = ("JobEnded, reason 0", "JobEnded, reason 2", "DeficitReduced", "DeficitCovered")


@pytest.fixture(scope="module")
def told(engine: Engine, artifacts: Artifacts) -> Iterator[arenas.Arena]:
    """The venue after the whole story."""
    with undone(engine):
        arena = arenas.deploy(engine, artifacts)
        for chapter in CHAPTERS:
            play(arena, chapter)
        insured = arenas.deploy(engine, artifacts, arenas.VENUES["fund"])
        play(insured, insure)
        provided = arenas.deploy(engine, artifacts, arenas.VENUES["providers"])
        play(provided, stand_behind)
        pooled = arenas.deploy(engine, artifacts, arenas.VENUES["counterparty"])
        machine = PooledMachine(pooled)
        machine.pool_chore("give", 0, 50)
        machine.win_from_it(0, POCKET, 8_000, bids=True, move=150_000)
        machine.teardown()
        for other in (insured, provided, pooled):
            arena.counts.update(other.counts)
            arena.events.update(other.events)
        yield arena


def play(arena: arenas.Arena, chapter: Chapter) -> None:
    """Play a chapter from the opening on, and bring the venue back."""
    machine = ProvidedMachine(arena)
    chapter(machine)
    machine.teardown()


def trade(machine: VenueMachine) -> None:
    machine.open_account(POOR, isolated=False, market=0, usd=50)
    machine.open_account(POOR, isolated=True, market=1, usd=50)
    machine.set_leverage(POOR, 0, 10)
    machine.trade_both(POOR, OTHER, 0, 1_000, 0)
    machine.place(
        who=FIRM, market=0, bids=True, usd=300, offset=-10_000, kind=GTC, reduce_only=False
    )
    machine.cancel(0, own=True)
    machine.requote(FIRM, 0, 300, [(True, -10_000), (False, 10_000)], reduce_only=False)
    machine.quote(0, 1_000)
    machine.place_stop(who=0, above=True, offset=500, usd=20, limited=False, fire=True)
    machine.prune(0, stop=True, gone=True)


def move_cash(machine: VenueMachine) -> None:
    machine.deposit(POOR, 50)
    machine.transfer(POOR, 1, 10, own=True)
    machine.withdraw(POOR, 50, everything=False, wait=True, own=True)


def redeem(machine: VenueMachine) -> None:
    machine.vault_deposit(0, 5_000, invest=True)
    machine.vault_request(0, 1, later=True, pay=True)


def take_over(machine: VenueMachine) -> None:
    """The vault takes a long over, and offers it to who quotes."""
    machine.trade_both(POOR, POCKET, 0, 8_000, 0)
    machine.strike(0, 0, 500_000, twice=False, then="liquidate")
    machine.quote(0, 3_000)
    machine.vault_shed(0, any_market=False)


def close_by_steps(machine: VenueMachine) -> None:
    machine.trade_both(POOR, FIRM, 0, 8_000, 0)
    machine.page(0, 0, -300_000, twice=True, steps=[0, 1])
    machine.work(0, 9)
    keeping.expire_jobs(machine.arena)


def cover(machine: VenueMachine) -> None:
    """Those who won have left, fees do not suffice: a deficit, for fees and strangers to cover."""
    machine.trade_both(POOR, FIRM, 0, 8_000, 0)
    machine.cover_deficit(1, by_fees=True, who=0, ruin=True)
    machine.cover_deficit(1, by_fees=False, who=0, ruin=False)


def insure(machine: VenueMachine) -> None:
    """The fund is given to, has its share of fees, takes a long over, and sheds."""
    machine.fund_chore("give", 0, 50)
    machine.fund_chore("touch", 0, 1)
    machine.share_fees(POOR)
    machine.trade_both(POOR, POCKET, 0, 8_000, 0)
    machine.strike(0, 0, 500_000, twice=False, then="liquidate")
    machine.quote(0, 3_000)
    machine.fund_chore("shed", 0, 1)


def stand_behind(machine: ProvidedMachine) -> None:
    """A provider takes a long over, and leaves."""
    machine.pledge(FIRM, 10**6, leaves=False, own=True)
    machine.trade_both(POOR, POCKET, 0, 8_000, 0)
    machine.strike(0, 0, 500_000, twice=False, then="liquidate")
    machine.pledge(FIRM, 0, leaves=True, own=True)


def trespass(machine: VenueMachine) -> None:
    for place in range(TRESPASSES):
        machine.trespass(POOR, OTHER, 0, 50, place)
    machine.vault_chore(["open_accounts"], 0, 0)
    machine.fund_chore("open", 0, 1)
    machine.spend(0, 50)


def tighten(machine: VenueMachine) -> None:
    """The venue pulls its levers while positions stand."""
    machine.trade_both(POOR, OTHER, 0, 1_000, 0)
    machine.maintenance(0, [50], force=True)
    machine.lower_cap(0, 100)
    machine.switch_policy(1, force=True)


CHAPTERS = (trade, move_cash, redeem, take_over, close_by_steps, cover, tighten)
CONTRACTS = (
    "MarginPool",
    "Custody",
    "OrderBook",
    "Vault",
    "BackstopProviders",
    "Counterparty",
    "InsuranceFund",
    "Liquidator",
    "Adl",
    "Levers",
)


def test_whatever_others_may_call_succeeds_somewhere(
    told: arenas.Arena, artifacts: Artifacts
) -> None:
    calls = {
        f"{name}.{entry['name']}"
        for name in CONTRACTS
        for entry in artifacts[name].abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
        if entry["name"] not in NOT_FOR_ALL.get(name, ())
    }
    done = {label for label, reason in told.counts if not reason}
    assert calls - done == set()


@pytest.mark.parametrize("end", ENDS)
def test_every_end_is_reached(told: arenas.Arena, end: str) -> None:
    assert told.events[end]


def test_nothing_else_succeeds_for_an_outsider(engine: Engine, artifacts: Artifacts) -> None:
    arena = arenas.deploy(engine, artifacts, arenas.VENUES["fund"])
    play(arena, trespass)
    pooled = arenas.deploy(engine, artifacts, arenas.VENUES["counterparty"])
    PooledMachine(pooled).pool_chore("open", 0, 1)
    refused = {label for counts in (arena.counts, pooled.counts) for label, no in counts if no}
    assert refused == {f"{name}.{call}" for name, calls in NOT_FOR_ALL.items() for call in calls}
