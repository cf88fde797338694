"""Packed words decode to what was packed, at the edges of every field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spillway.model.words import HIGH, ISOLATED, PROTOCOL, Account, Leg, decode_dump, set_bits

WORD = 1 << 256


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


legs = st.builds(
    Leg,
    size=signed(56),
    cost=st.integers(-(2**143) + 1, 2**143 - 1),
    leverage=unsigned(8),
    birth=unsigned(24),
    holder=unsigned(24),
    bids=unsigned(128),
    asks=unsigned(128),
)


def pack(account: Account) -> list[int]:
    """Pack as the pool does: fields by place, the cost added."""
    bitmap = sum(1 << market for market in account.legs)
    low, high = bitmap & ((1 << 88) - 1), bitmap >> 88
    flags = account.flags | (HIGH if high else 0)
    words = [((account.stored << 96) + (flags << 88) + low) % WORD]
    words += [high] if high else []
    for _, leg in sorted(account.legs.items()):
        fields = leg.size << 200 | leg.leverage << 192 | leg.birth << 168 | leg.holder << 144
        words += [(fields + leg.cost) % WORD, leg.bids << 128 | leg.asks]
    return words


@given(
    signed(160), st.sampled_from([0, ISOLATED, PROTOCOL]), st.dictionaries(st.integers(0, 87), legs)
)
def test_an_account_comes_back(stored: int, flags: int, held: dict[int, Leg]) -> None:
    account = Account(7, stored, flags, held)
    assert decode_dump(pack(account), start=7) == [account]


@given(st.dictionaries(st.integers(0, 255), legs, min_size=1, max_size=6))
def test_legs_above_the_low_markets_come_back(held: dict[int, Leg]) -> None:
    account = Account(3, -1, PROTOCOL, held)
    assert decode_dump(pack(account), start=3) == [account]


def test_accounts_are_numbered_from_the_start_of_the_page() -> None:
    first = Account(40, 5, 0, {2: Leg(size=-1, cost=-9)})
    second = Account(41, -5, PROTOCOL, {})
    assert decode_dump(pack(first) + pack(second), start=40) == [first, second]


def test_a_negative_cost_does_not_leak_into_the_size() -> None:
    account = Account(3, 0, 0, {0: Leg(size=1, cost=-1, leverage=255, birth=2**24 - 1)})
    assert decode_dump(pack(account), start=3) == [account]


@given(st.sets(st.integers(0, 255)))
def test_set_bits_are_found_ascending(places: set[int]) -> None:
    assert list(set_bits(sum(1 << place for place in places))) == sorted(places)


def test_flat_means_without_legs_and_traders_are_not_of_the_protocol() -> None:
    assert Account(3).flat
    assert not Account(3, legs={0: Leg(bids=1)}).flat
    assert Account(3).trader
    assert not Account(3, flags=PROTOCOL).trader
    assert not Account(1).trader
