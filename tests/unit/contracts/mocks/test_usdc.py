"""The token: honest as it comes, and each way in which it can misbehave."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted

if TYPE_CHECKING:
    from spillway.engines import Address, Contract, Engine

YES = (1).to_bytes(32, "big")
NO = bytes(32)


class Mode(IntEnum):
    """The flag of USDC.vy."""

    HONEST = 1
    RETURNS_FALSE = 2
    RETURNS_NOTHING = 4
    REVERTS = 8
    TAKES_FEE = 16


@pytest.fixture
def token(usdc: Contract, trader: Address, maker: Address, admin: Address) -> Contract:
    """A trader with 1,000 units, of which the maker may move 600."""
    usdc.transact.mint(trader, 1_000, sender=admin)
    usdc.transact.approve(maker, 600, sender=trader)
    return usdc


def held(token: Contract, *owners: Address) -> list[int]:
    return [token.call.balanceOf(owner) for owner in owners]


def answer(token: Contract, sender: Address, to: Address, amount: int) -> bytes:
    """What a caller of `transfer` gets back, to the byte."""
    call = token.build.transfer(to, amount, sender=sender)
    return token.engine.backend.call(call).output


def test_minting_is_open_to_anyone(usdc: Contract, outsider: Address, trader: Address) -> None:
    usdc.transact.mint(trader, 7, sender=outsider)
    assert (usdc.call.balanceOf(trader), usdc.call.totalSupply()) == (7, 7)


def test_it_is_usdc_with_6_decimals(usdc: Contract) -> None:
    assert (usdc.call.symbol(), usdc.call.decimals()) == ("USDC", 6)


def test_a_transfer_moves_units_and_says_so(
    token: Contract, trader: Address, keeper: Address
) -> None:
    assert answer(token, trader, keeper, 400) == YES
    receipt = token.transact.transfer(keeper, 400, sender=trader)
    assert held(token, trader, keeper) == [600, 400]
    assert [event._asdict() for event in receipt.named("Transfer")] == [
        {"sender": trader, "receiver": keeper, "value": 400}
    ]


def test_a_transfer_of_more_than_there_is_is_refused(
    token: Contract, trader: Address, keeper: Address
) -> None:
    with pytest.raises(Reverted, match="usdc: balance too low"):
        token.transact.transfer(keeper, 1_001, sender=trader)


def test_a_transfer_from_uses_the_allowance(
    token: Contract, trader: Address, maker: Address, keeper: Address
) -> None:
    token.transact.transferFrom(trader, keeper, 250, sender=maker)
    assert held(token, trader, keeper) == [750, 250]
    assert token.call.allowance(trader, maker) == 350


def test_an_endless_allowance_is_not_used_up(
    token: Contract, trader: Address, maker: Address
) -> None:
    token.transact.approve(maker, 2**256 - 1, sender=trader)
    token.transact.transferFrom(trader, maker, 10, sender=maker)
    assert token.call.allowance(trader, maker) == 2**256 - 1


@pytest.mark.parametrize("amount", [601, 1_001])
def test_a_transfer_from_over_the_allowance_is_refused(
    token: Contract, trader: Address, maker: Address, amount: int
) -> None:
    with pytest.raises(Reverted, match="usdc: not approved"):
        token.transact.transferFrom(trader, maker, amount, sender=maker)


@pytest.mark.parametrize(
    ("mode", "returned", "balances"),
    [
        (Mode.HONEST, YES, [900, 100]),
        (Mode.RETURNS_FALSE, NO, [1_000, 0]),
        (Mode.RETURNS_NOTHING, b"", [900, 100]),
        (Mode.TAKES_FEE, YES, [900, 90]),
    ],
)
def test_each_mode_does_what_it_says(
    token: Contract,
    trader: Address,
    keeper: Address,
    maker: Address,
    mode: Mode,
    returned: bytes,
    balances: list[int],
) -> None:
    token.transact.behave(mode, sender=keeper)
    assert answer(token, trader, keeper, 100) == returned
    state = token.engine.snapshot()
    token.transact.transfer(keeper, 100, sender=trader)
    assert held(token, trader, keeper) == balances
    assert token.call.totalSupply() == sum(balances)
    token.engine.revert(state)
    token.transact.transferFrom(trader, keeper, 100, sender=maker)
    assert held(token, trader, keeper) == balances


def test_it_can_refuse_every_transfer(
    token: Contract, trader: Address, maker: Address, keeper: Address
) -> None:
    token.transact.behave(Mode.REVERTS, sender=keeper)
    with pytest.raises(Reverted, match="usdc: transfers are off"):
        token.transact.transfer(keeper, 0, sender=trader)
    with pytest.raises(Reverted, match="usdc: transfers are off"):
        token.transact.transferFrom(trader, keeper, 0, sender=maker)
    token.transact.behave(Mode.HONEST, sender=keeper)
    token.transact.transfer(keeper, 1, sender=trader)


def test_it_calls_back_once_in_the_middle_of_a_transfer(
    token: Contract, trader: Address, keeper: Address
) -> None:
    # The callback sees the units moved: the token itself may pass them on.
    payload = token.build.mint(keeper, 5).data
    token.transact.reenter(token.address, payload, sender=keeper)
    token.transact.transfer(keeper, 100, sender=trader)
    assert held(token, trader, keeper) == [900, 105]
    assert token.call.reentered()
    token.transact.transfer(keeper, 100, sender=trader)
    assert held(token, trader, keeper) == [800, 205]


def test_a_callback_that_fails_leaves_the_transfer_and_its_reason(
    token: Contract, trader: Address, keeper: Address
) -> None:
    payload = token.build.transfer(keeper, 1).data  # of the token's own units: it has none
    token.transact.reenter(token.address, payload, sender=keeper)
    token.transact.transfer(keeper, 100, sender=trader)
    assert held(token, trader, keeper) == [900, 100]
    assert not token.call.reentered()
    assert b"usdc: balance too low" in token.call.answer()


def test_the_tests_share_one_chain_and_leave_no_trace(engine: Engine, usdc: Contract) -> None:
    assert (usdc.engine, usdc.call.totalSupply()) == (engine, 0)
