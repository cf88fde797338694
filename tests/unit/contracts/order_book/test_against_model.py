"""Random orders against a book of plain lists: same fills, same levels, same positions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.errors import Reverted
from tests.chain import undone
from tests.unit.contracts.order_book.desk import ALO, GTC, IOC, Desk, Order, per_lot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.engines import Address

STEP = per_lot("0.5")
MIDDLE = per_lot(100)
# Two of the four accounts belong to one owner.
OWNERS = (0, 1, 2, 2)


@dataclass
class Resting:
    """An order of the reference book."""

    account: int
    order: Order
    lots: int
    birth: int


@dataclass
class Reference:
    """Price-time priority in a list that is sorted anew for each order."""

    orders: list[Resting] = field(default_factory=list)
    sizes: Counter[int] = field(default_factory=Counter)
    births: Counter[int] = field(default_factory=Counter)

    def reducible(self, account: int, *, is_bid: bool) -> int:
        """Lots of the account's position that lie against a side."""
        return max(-self.sizes[account] if is_bid else self.sizes[account], 0)

    def facing(self, order: Order) -> list[Resting]:
        """The orders that `order` meets, best price first, then first come first served."""
        sign = 1 if order.is_bid else -1
        against = [
            maker
            for maker in self.orders
            if maker.order.is_bid != order.is_bid and sign * (order.price - maker.order.price) >= 0
        ]
        return sorted(against, key=lambda maker: sign * maker.order.price)

    def place(self, account: int, order: Order) -> list[tuple[int, int, int]] | str:
        """Fills as (maker, price, lots), or the reason of the refusal."""
        lots = order.lots
        if order.reduce_only:
            lots = min(lots, self.reducible(account, is_bid=order.is_bid))
            if lots == 0:
                return "book: nothing to reduce"
        birth = self.births[account]
        if order.kind == ALO and self.facing(order):
            return "book: would cross"
        fills = []
        for maker in self.facing(order):
            if lots == 0:
                break
            filled = self.meet(account, order, maker, lots)
            lots -= filled
            if filled:
                fills.append((maker.account, maker.order.price, filled))
        if lots and order.kind != IOC:
            self.orders.append(Resting(account, order, lots, birth))
        return fills

    def meet(self, account: int, order: Order, maker: Resting, wanted: int) -> int:
        """Match with one maker; lots filled. One that leaves the taker wanting is removed."""
        available = maker.lots
        if maker.order.reduce_only:
            alive = maker.birth == self.births[maker.account]
            held = self.reducible(maker.account, is_bid=maker.order.is_bid)
            available = min(available, held) if alive else 0
        if OWNERS[maker.account] == OWNERS[account]:
            available = 0
        filled = min(available, wanted)
        maker.lots -= filled
        self.move(account, filled if order.is_bid else -filled)
        self.move(maker.account, -filled if order.is_bid else filled)
        if maker.lots == 0 or filled < wanted:
            self.orders.remove(maker)
        return filled

    def move(self, account: int, lots: int) -> None:
        """Change a position; one that begins, or begins on the other side, has a new birth."""
        before, after = self.sizes[account], self.sizes[account] + lots
        self.sizes[account] = after
        if after != 0 and before * after <= 0:
            self.births[account] += 1

    def cancel(self, account: int, place: int) -> int | None:
        """Remove the order of an account at a place in its own list; the lots that it had left."""
        own = [order for order in self.orders if order.account == account]
        if not own:
            return None
        order = own[place % len(own)]
        self.orders.remove(order)
        return order.lots

    def levels(self, *, bids: bool) -> list[tuple[int, int, int]]:
        """(price, lots that hold margin, orders) of a side, best first."""
        side = [resting for resting in self.orders if resting.order.is_bid == bids]
        prices = sorted({resting.order.price for resting in side}, reverse=bids)
        return [
            (
                price,
                sum(r.lots for r in side if r.order.price == price and not r.order.reduce_only),
                sum(r.order.price == price for r in side),
            )
            for price in prices
        ]


orders = st.builds(
    lambda is_bid, steps, lots, kind, reduce_only: Order(
        is_bid, MIDDLE + steps * STEP, lots, kind, reduce_only
    ),
    st.booleans(),
    st.integers(-4, 4),
    st.integers(110, 600),
    st.sampled_from([GTC, GTC, IOC, ALO]),
    st.sampled_from([False, False, True]),
)
placements = st.tuples(st.integers(0, 3), orders)
cancels = st.tuples(st.integers(0, 3), st.integers(0, 7))


def place(desk: Desk, ids: Sequence[int], account: int, order: Order) -> object:
    """What the contract makes of an order, in the reference's terms."""
    try:
        receipt = desk.send(ids[account], order)
    except Reverted as refusal:
        return refusal.reason
    return [(ids.index(fill.maker), fill.price, fill.lots) for fill in receipt.named("Filled")]


def cancel(desk: Desk, placed: list[tuple[int, int]], account: int, at: int) -> int | None:
    """Cancel the account's live order at a place in order of arrival; the lots it had left."""
    own = [order_id for owner, order_id in placed if owner == account and desk.lots_of(order_id)]
    if not own:
        return None
    lots: int = desk.cancel(own[at % len(own)]).named("Removed")[0].lots
    return lots


@settings(max_examples=60, deadline=None)
@given(actions=st.lists(st.one_of(placements, placements, placements, cancels), max_size=30))
def test_the_book_does_what_a_sorted_list_would_do(
    desk: Desk,
    trader: Address,
    maker: Address,
    depositor: Address,
    actions: list[tuple[int, Order | int]],
) -> None:
    owners = (trader, maker, depositor)
    with undone(desk.engine):
        ids = [desk.open_account(owners[owner]) for owner in OWNERS]
        desk.set_mark(100)
        reference = Reference()
        placed: list[tuple[int, int]] = []
        for account, action in actions:
            if isinstance(action, int):
                assert cancel(desk, placed, account, action) == reference.cancel(account, action)
                continue
            assert place(desk, ids, account, action) == reference.place(account, action)
            known = {order_id for _, order_id in placed}
            placed += [(account, new) for new in desk.orders_of(ids[account]) if new not in known]
        check_book(desk, reference)
        for account, number in enumerate(ids):
            check_account(desk, reference, account, number)


def check_book(desk: Desk, reference: Reference) -> None:
    """The levels of both sides, and the best prices, which never cross."""
    bids, asks = desk.levels(bids=True), desk.levels(bids=False)
    assert bids == reference.levels(bids=True)
    assert asks == reference.levels(bids=False)
    bid, ask, _ = desk.book.call.tops(desk.market)
    assert bid == (bids[0][0] if bids else 0)
    assert ask == (asks[0][0] if asks else 0)
    assert not bid or not ask or bid < ask, "a crossed book"


def check_account(desk: Desk, reference: Reference, account: int, number: int) -> None:
    """The position of an account, its live orders, and what they reserve in the pool."""
    assert desk.size_of(number) == reference.sizes[account]
    resting = [order for order in reference.orders if order.account == account]
    live = [desk.lots_of(order_id) for order_id in desk.orders_of(number)]
    assert sorted(live) == sorted(order.lots for order in resting)
    reserved = [
        sum(r.lots for r in resting if r.order.is_bid == side and not r.order.reduce_only)
        for side in (True, False)
    ]
    assert list(desk.resting_of(number)) == reserved
