"""Packed words of many accounts in one call, and books of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.words import LOW_MARKETS, Account, decode_dump
from tests import bench as benches
from tests.unit.contracts.margin_pool.stand import START, Stand, usd

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine

ALL = 2**256 - 1
MOST_WORDS, MOST_SHOWN = 1500, 128


def dumped(glass: Contract, start: int, count: int) -> tuple[dict[int, Account], int]:
    words, following = glass.call.dump(start, count)
    return {account.number: account for account in decode_dump(words, max(start, 1))}, following


def test_decodes_to_every_account(
    stand: Stand, glass: Contract, trader: Address, maker: Address
) -> None:
    long, short, saver = (stand.open(owner, 500) for owner in (trader, maker, trader))
    stand.trade(long, short, 3, 90)
    stand.rest(short, bids=20)
    stand.pool.transact.set_leverage(long, 0, 4, sender=trader)

    found, following = dumped(glass, 1, ALL)

    assert found == stand.accounts()
    assert (found[long].legs[0].size, found[short].legs[0].bids) == (3, 20)
    assert found[saver].flat
    assert following == 0


def test_comes_in_pages(stand: Stand, glass: Contract, trader: Address) -> None:
    for _ in range(5):
        stand.open(trader, 1)
    last = stand.pool.call.account_count()

    found, start, pages = {}, 1, 0
    while start:
        page, start = dumped(glass, start, 3)
        assert len(page) <= 3
        found.update(page)
        pages += 1

    assert found == stand.accounts()
    assert pages == -(-last // 3)
    assert glass.call.dump(last + 1, 3) == ((), 0)
    assert glass.call.dump(1, 0) == ((), 1)


def test_tells_legs_beyond_the_low_markets(stand: Stand, glass: Contract, maker: Address) -> None:
    for _ in range(LOW_MARKETS + 2):
        stand.list_market()
    child, against = stand.open_protocol(), stand.open(maker)
    for market in (2, LOW_MARKETS - 1, LOW_MARKETS, LOW_MARKETS + 2):
        stand.trade(child, against, 1 + market, START, market)

    found, _ = dumped(glass, 1, ALL)

    assert {market: leg.size for market, leg in found[child].legs.items()} == {
        market: 1 + market for market in (2, LOW_MARKETS - 1, LOW_MARKETS, LOW_MARKETS + 2)
    }


def test_an_account_that_no_longer_fits_waits_for_the_next_page(
    stand: Stand, glass: Contract, trader: Address
) -> None:
    """Accounts of one word each: two places are kept for a word of high legs, and none is cut."""
    now = stand.engine.head.timestamp
    opening = stand.pool.build.open_account(sender=trader, gas=200_000)
    stand.engine.send_block([opening] * (MOST_WORDS + 10), now + 1)
    count = stand.pool.call.account_count()

    words, following = glass.call.dump(1, ALL)

    assert len(words) == MOST_WORDS - 1 == following - 1
    rest, end = glass.call.dump(following, ALL)
    assert (len(rest), end) == (count - len(words), 0)


def test_an_account_of_the_protocol_shows_all_its_legs(
    stand: Stand, glass: Contract, maker: Address
) -> None:
    """More than any trader may have; the cash is what is left of equity without any of them."""
    legs = MOST_SHOWN + 2
    for _ in range(legs - 1):
        stand.list_market()
    child, against = stand.open_protocol(7), stand.open(maker)
    for start in range(0, legs, 64):
        some = range(start, min(start + 64, legs))
        stand.post(*[(market, usd(START), usd(START), 0) for market in some])
    for market in range(legs):
        stand.trade(child, against, 1 + market, START, market)

    shown = glass.call.account(child)

    assert [leg.size for leg in shown.legs] == list(range(1, MOST_SHOWN + 1))
    bought = sum(range(1, legs + 1)) * START
    assert (shown.equity, shown.quote) == (usd(7), usd(7 - bought))


def test_break_even_is_rounded_against_the_holder(
    stand: Stand, glass: Contract, trader: Address, maker: Address
) -> None:
    long, short = stand.open(trader, 100), stand.open(maker, 100)
    stand.exchange(long, short, 3, 10)
    stand.post((0, 5, 5, 2))

    entries = [glass.call.account(account).legs[0].break_even for account in (long, short)]

    # 10 / 3 a lot, and 2 of funding paid by the long.
    assert entries == [4 + 2, 3 + 2]


def test_depth_is_that_of_the_book(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    bench = benches.deploy(engine, artifacts, admin, keeper)
    bench.list_market()
    bench.mark(100)
    maker = bench.open("maker", 10_000)
    for lots, price in ((4, 98), (2, 99), (-3, 101), (-5, 103), (-1, 103)):
        bench.place(maker, lots, price)
    book, adl = bench.book.address, bench.adl.address
    lens = engine.deploy(artifacts["Lens"], bench.pool.address, book, adl, sender=admin)

    depth = lens.call.depth(0, 64)
    assert [tuple(level) for level in depth.bids] == [
        (99 * benches.USD, 2, 1),
        (98 * benches.USD, 4, 1),
    ]
    assert [tuple(level) for level in depth.asks] == [
        (101 * benches.USD, 3, 1),
        (103 * benches.USD, 6, 2),
    ]
    best = lens.call.depth(0, 1)
    assert (best.bids, best.asks) == (depth.bids[:1], depth.asks[:1])
