"""What is fixed of a replay: scenarios/real/*.toml, and the run that follows from it.

Accounts, batches and prices come from public tables; docs/real_accounts.md has the rest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from spillway import crash, scenario, tables
from spillway.build import ROOT
from spillway.engines.protocol import BLOCK_GAS_LIMIT
from spillway.tables import Table, Text
from spillway.terms import Leverage, Name, Positive, SizeDecimals

if TYPE_CHECKING:
    from spillway.engines import Genesis
    from spillway.presets import Preset
    from spillway.rebuild import Record
    from spillway.scenario import Scenario

FOLDER = ROOT / "scenarios" / "real"

PEOPLE = 3  # senders beside those of any run: winners', the rest of the market's, losers'
ROOM = 10  # blocks of the usual size that one of a replay has room for
LEAD = 2  # seconds before a batch in which its lots are taken over


class Terms(Table):
    """A market of a replay; its prices come from the tables."""

    symbol: Name
    size_decimals: SizeDecimals
    max_leverage: Leverage
    tiers: Annotated[tuple[scenario.Tier, ...], Field(max_length=scenario.MAX_TIERS - 1)] = ()


class Loser(Table):
    """A liquidator of the vault."""

    name: Name
    address: Text
    equity_usd: Positive
    passed_on_usd: Positive  # its share of the batches, as against the others'


class Story(Table):
    """What a replay's file says; accounts and batches come from the tables."""

    name: Name
    title: Text
    story: Text
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    least_batch_usd: Positive
    markets: Annotated[tuple[Terms, ...], Field(min_length=1)]
    losers: Annotated[tuple[Loser, ...], Field(min_length=1)]


def names() -> list[str]:
    """Return the names of the replays that the project ships."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Story:
    """Read a replay's file. Raises BadInput."""
    return tables.read(FOLDER / f"{name}.toml", Story)


def as_scenario(story: Story, record: Record) -> Scenario:
    """Return the run that a venue is deployed for: these markets, nobody drawn, an empty book."""
    played = [batch for batch in record.batches if batch.price]
    start, end = played[0].time - LEAD, played[-1].time
    blocks = (end - start) // 4 + 1
    markets = []
    for number, terms in enumerate(story.markets):
        own = [(batch.time, batch.price) for batch in played if batch.market == number]
        first = [] if own[0][0] == start else [(start, own[0][1])]
        points = (*first, *own, (end + 4, own[-1][1]))
        markets.append(
            scenario.Market(
                symbol=terms.symbol,
                size_decimals=terms.size_decimals,
                max_leverage=terms.max_leverage,
                tiers=terms.tiers,
                open_interest_cap=Decimal(2**50).scaleb(-terms.size_decimals),
                path=scenario.PathSource(points=points),
            )
        )
    return scenario.Scenario(
        name=story.name,
        title=story.title,
        story=story.story,
        sources=story.sources,
        seed=0,
        clock=scenario.Clock(
            start=datetime.fromtimestamp(start, UTC), block_seconds=4, blocks=blocks
        ),
        markets=tuple(markets),
        book=scenario.Book(
            makers=1,
            collateral_usd=Decimal(1),
            levels=(scenario.Level(distance_bp=Decimal(1), depth_usd=Decimal(0)),),
            requote_bp=Decimal(0),
            refill_blocks=1,
            withdrawal=scenario.Withdrawal(
                window_blocks=1, calm_bp=Decimal(0), gone_bp=Decimal(1), floor=Decimal(1)
            ),
        ),
        vault=scenario.Vault(
            depositors=(scenario.Depositor(name="nobody", amount_usd=Decimal(1)),)
        ),
    )


def genesis(told: Scenario, preset: Preset) -> Genesis:
    """Return the chain that a replay needs: senders for all, and blocks that hold a batch."""
    usual = crash.genesis(told, preset)
    return replace(usual, senders=usual.senders + PEOPLE, gas_limit=BLOCK_GAS_LIMIT * ROOM)
