"""One behaviour on every engine: each test runs on all of them.

`chain` is the engine under test, `harness` a contract that exercises it, `sender` who calls.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from coincurve import PrivateKey
from eth_hash.auto import keccak

from spillway.engines import Call, Genesis, Head
from spillway.engines.ape_node import ApeNode
from spillway.engines.protocol import BLOCK_GAS_LIMIT, SENDER_BALANCE, TX_GAS_LIMIT
from spillway.errors import EngineError, Reverted
from tests import chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine, Receipt

GENESIS = Genesis(timestamp=1_760_126_400)  # 20:00:00 UTC, 10 October 2025
INTRINSIC = 21_000
SHAPE = {"name": "triangle", "points": [(-3, 1), (2**255 - 1, 255), (0, 0)]}


@dataclass(frozen=True, slots=True)
class Point:
    """A struct of the harness, as a dataclass."""

    x: int
    y: int


@pytest.fixture(scope="module", params=chains.ENGINES)
def chain(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with chains.start(request.param, GENESIS) as engine:
        yield engine


@pytest.fixture(scope="module")
def sender(chain: Engine) -> Address:
    return chain.sender(0)


@pytest.fixture(scope="module")
def harness(chain: Engine, artifacts: Artifacts, sender: Address) -> Contract:
    return chain.deploy(artifacts["EngineHarness"], 7, sender=sender)


@pytest.fixture(autouse=True)
def undo(chain: Engine, harness: Contract) -> Iterator[None]:
    del harness  # only its deployment matters: it comes before the snapshot
    token = chain.snapshot()
    yield
    chain.revert(token)


def spend(sender: Address, to: Address, **options: Any) -> Call:
    """A call without data."""
    return Call(sender, to, b"", **options)


# --- blocks --------------------------------------------------------------------------------------


def test_a_block_stands_at_the_time_that_the_caller_names(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    then = chain.head.timestamp + 3_600
    result = chain.send_block([harness.build.bump("a", sender=sender)], then)
    assert result.head == chain.head
    assert (chain.head.number, chain.head.timestamp) == (2, then)
    assert [(each.block, each.timestamp) for each in result.receipts] == [(2, then)]


def test_an_empty_block_is_a_block(chain: Engine) -> None:
    before = chain.head
    result = chain.send_block([], before.timestamp + 15)
    assert result.receipts == ()
    assert (chain.head.number, chain.head.timestamp) == (before.number + 1, before.timestamp + 15)


def test_a_time_that_is_not_after_the_head_is_refused(chain: Engine) -> None:
    before = chain.head
    with pytest.raises(EngineError, match=f"{before.timestamp} is not after"):
        chain.send_block([], before.timestamp)
    assert chain.head == before


def test_a_view_sees_the_head_block(chain: Engine, harness: Contract) -> None:
    chain.send_block([], chain.head.timestamp + 5)
    *fields, randao = harness.call.block_fields()
    head, coinbase = chain.head, "0x" + "00" * 20
    assert fields == [head.number, head.timestamp, coinbase, BLOCK_GAS_LIMIT, 0, 1337]
    if not isinstance(chain.backend, ApeNode):  # a node draws its own
        assert randao == bytes(32)


def test_calls_of_a_block_run_in_the_order_given(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    others = [chain.sender(index) for index in (3, 1, 2)]
    calls = [harness.build.bump("in turn", sender=who) for who in (*others, sender)]
    result = chain.send_block(calls, chain.head.timestamp + 1)
    seen = [(event.args.who, event.args.count) for each in result.receipts for event in each.events]
    assert seen == list(zip((*others, sender), (8, 9, 10, 11), strict=True))


def test_a_block_of_hundreds_of_calls_keeps_their_order(chain: Engine, harness: Contract) -> None:
    """Of more calls than a node takes up in one go, by senders in no order that it could know."""
    order = [chain.sender(7 * index % 64) for index in range(200)]
    calls = [harness.build.bump("x", sender=who, gas=100_000) for who in order]
    result = chain.send_block(calls, chain.head.timestamp + 1)
    seen = [event.args.who for each in result.receipts for event in each.events]
    assert seen == order


def test_calls_over_the_block_limit_go_on_one_second_later(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    fitting = BLOCK_GAS_LIMIT // TX_GAS_LIMIT
    call = harness.build.bump("full", sender=sender, gas=TX_GAS_LIMIT)
    start = chain.head
    result = chain.send_block([call] * (fitting + 2), start.timestamp + 10)
    assert [each.block - start.number for each in result.receipts] == [1] * fitting + [2, 2]
    assert [each.timestamp - start.timestamp for each in result.receipts] == [10] * fitting + [
        11,
        11,
    ]
    assert result.head.timestamp == start.timestamp + 11


# --- gas -----------------------------------------------------------------------------------------


def test_a_plain_transfer_costs_the_intrinsic_gas(chain: Engine, sender: Address) -> None:
    receiver = chain.sender(9)
    receipt = chain.send(spend(sender, receiver, value=5, gas=INTRINSIC))
    assert (receipt.success, receipt.gas_used) == (True, INTRINSIC)
    assert chain.backend.balance(receiver) == SENDER_BALANCE + 5
    assert chain.backend.balance(sender) == SENDER_BALANCE - 5


def test_slots_are_cold_again_in_each_transaction(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    harness.transact.write(0, 64, 1, sender=sender)
    call = harness.build.sum(64, sender=sender)
    first, second = chain.send_block([call, call], chain.head.timestamp + 1).receipts
    assert first.gas_used == second.gas_used > INTRINSIC + 64 * 2_100


def test_writing_costs_what_the_slots_held_before(harness: Contract, sender: Address) -> None:
    def cost(word: int) -> int:
        receipt: Receipt = harness.transact.write(5, 8, word, sender=sender)
        return receipt.gas_used

    fresh, change, same = cost(1), cost(2), cost(2)
    assert fresh - change == 8 * (20_000 - 2_900)
    assert change - same == 8 * (2_900 - 100)


def test_refunds_give_back_a_fifth_at_most(harness: Contract, sender: Address) -> None:
    harness.transact.write(5, 8, 1, sender=sender)
    changed = harness.transact.write(5, 8, 2, sender=sender).gas_used
    cleared = harness.transact.write(5, 8, 0, sender=sender).gas_used
    before = changed - 12  # a byte of call data is 12 gas cheaper when it is zero
    assert before // 5 < 8 * 4_800
    assert cleared == before - before // 5


def test_call_data_has_a_floor_that_refunds_do_not_lower(
    harness: Contract, sender: Address
) -> None:
    harness.transact.write(5, 1, 1, sender=sender)
    clear = harness.build.write(5, 1, 0, sender=sender)
    zeros = clear.data.count(0)
    tokens = zeros + 4 * (len(clear.data) - zeros)
    assert harness.engine.send(clear).gas_used == INTRINSIC + 10 * tokens


def test_putting_a_word_back_refunds_the_write(harness: Contract, sender: Address) -> None:
    harness.transact.write(0, 1, 9, sender=sender)
    changed = harness.transact.write_and_undo(3, sender=sender).gas_used
    kept = harness.transact.write_and_undo(9, sender=sender).gas_used
    # 2,900 for the change instead of 100, of which 2,800 come back with the old word.
    assert changed - kept == (2_900 - 100) - 2_800


def test_running_out_of_gas_takes_all_of_it_and_undoes_everything(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    receipt = chain.send(harness.build.spin(sender=sender, gas=100_000))
    assert (receipt.success, receipt.gas_used, receipt.reason) == (False, 100_000, "out of gas")
    assert harness.call.count() == 7


def test_a_call_may_declare_2_to_the_24_gas_and_no_more(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    call = harness.build.bump("most", sender=sender, gas=TX_GAS_LIMIT)
    assert chain.send(call).success
    before = chain.head
    more = harness.build.bump("more", sender=sender, gas=TX_GAS_LIMIT + 1)
    with pytest.raises(EngineError, match="at most 16777216"):
        chain.send_block([call, more], before.timestamp + 1)
    assert (chain.head, harness.call.count()) == (before, 8)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"gas": INTRINSIC - 1}, id="less gas than it costs to begin"),
        pytest.param({"value": SENDER_BALANCE + 1}, id="more value than the sender has"),
        pytest.param({"value": SENDER_BALANCE}, id="value that an earlier call has spent"),
    ],
)
def test_a_call_that_cannot_stand_in_a_block_leaves_no_block(
    chain: Engine, harness: Contract, sender: Address, wrong: dict[str, int]
) -> None:
    before = chain.head
    good = harness.build.bump("good", sender=sender)
    calls = [good, spend(sender, chain.sender(9), value=1), spend(sender, chain.sender(9), **wrong)]
    with pytest.raises(EngineError):
        chain.send_block(calls, before.timestamp + 1)
    assert (chain.head, harness.call.count()) == (before, 7)
    assert chain.send(good).success


# --- reverts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "reason"),
    [
        ("refuse", ["harness: a reason of 32 bytes..."], "harness: a reason of 32 bytes..."),
        ("refuse_silently", [], ""),
        ("panic", [0], ""),
    ],
)
def test_a_revert_is_recorded_with_its_reason_and_undone(
    chain: Engine, harness: Contract, sender: Address, function: str, args: list[Any], reason: str
) -> None:
    bad = getattr(harness.build, function)(*args, sender=sender)
    good = harness.build.bump("after", sender=sender)
    result = chain.send_block([bad, good], chain.head.timestamp + 1)
    first, second = result.receipts
    assert (first.success, first.reason, first.events) == (False, reason, ())
    assert second.success
    assert harness.call.count() == 8


def test_a_refused_read_raises_with_its_reason(harness: Contract) -> None:
    with pytest.raises(Reverted, match="harness: no") as caught:
        harness.call.refuse("harness: no")
    assert (caught.value.reason, caught.value.label) == ("harness: no", "EngineHarness.refuse")


def test_a_refused_transaction_of_a_handle_raises(harness: Contract, sender: Address) -> None:
    with pytest.raises(Reverted, match="harness: no"):
        harness.transact.refuse("harness: no", sender=sender)


def test_a_failed_inner_call_is_undone_alone(harness: Contract, sender: Address) -> None:
    for payload, count in (
        (harness.build.bump("in"), 9),
        (harness.build.refuse("no"), 10),
        (harness.build.spin(), 11),
    ):
        receipt = harness.transact.outlive(harness.address, payload.data, 50_000, sender=sender)
        assert receipt.success
        assert harness.call.count() == count
        assert len(receipt.events) == (1 if count == 9 else 0)


def test_a_lock_holds_within_a_transaction_and_not_beyond(
    harness: Contract, sender: Address
) -> None:
    inner = harness.build.bump("inner").data
    harness.transact.locked(harness.address, inner, sender=sender)
    harness.transact.locked(harness.address, inner, sender=sender)
    again = harness.build.locked(harness.address, inner).data
    with pytest.raises(Reverted):
        harness.transact.locked(harness.address, again, sender=sender)
    assert harness.call.count() == 9


# --- contracts -----------------------------------------------------------------------------------


def test_a_constructor_may_refuse(chain: Engine, artifacts: Artifacts, sender: Address) -> None:
    with pytest.raises(Reverted, match="harness: count too high"):
        chain.deploy(artifacts["EngineHarness"], 100, sender=sender)


def test_a_contract_stands_where_its_creator_and_nonce_say(
    chain: Engine, artifacts: Artifacts, harness: Contract
) -> None:
    creator = chain.sender(4)
    first = chain.deploy(artifacts["EngineHarness"], 1, sender=creator)
    second = chain.deploy(artifacts["EngineHarness"], 2, sender=creator)
    assert len({harness.address, first.address, second.address}) == 3
    assert (first.call.count(), second.call.count()) == (1, 2)


def test_the_code_on_chain_has_the_size_that_the_build_counts(
    chain: Engine, artifacts: Artifacts, harness: Contract
) -> None:
    size = artifacts["EngineHarness"].runtime_size
    assert chain.backend.code_size(harness.address) == size
    assert harness.call.balance_of(harness.address)[1] == size


def test_code_over_24_576_bytes_is_not_deployed(chain: Engine, sender: Address) -> None:
    def creation(size: int) -> Call:
        # PUSH3 size, PUSH1 0, RETURN: `size` zero bytes of code.
        code = b"\x62" + size.to_bytes(3, "big") + bytes.fromhex("6000f3")
        return Call(sender, None, code, gas=TX_GAS_LIMIT)

    assert chain.send(creation(24_576)).success
    refused = chain.send(creation(24_577))
    assert (refused.success, refused.gas_used) == (False, TX_GAS_LIMIT)


def test_code_that_is_too_large_does_not_disturb_its_block(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    creator, then = chain.sender(5), chain.head.timestamp + 100
    code = bytes.fromhex("62006001" + "6000f3")  # 24,577 zero bytes
    refused = Call(creator, None, code, gas=TX_GAS_LIMIT)
    bumps = [harness.build.bump(note, sender=sender) for note in "abc"]
    result = chain.send_block([bumps[0], refused, bumps[1]], then)
    assert [each.success for each in result.receipts] == [True, False, True]
    assert chain.backend.nonce(creator) == 1
    assert harness.call.block_fields()[:2] == (chain.head.number, then)
    chain.send(bumps[2])
    assert harness.call.count() == 10


def test_value_moves_with_a_call_among_others(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    pay = harness.build.keep(sender=sender, value=7)
    chain.send_block([harness.build.bump("a", sender=sender), pay, pay], chain.head.timestamp + 1)
    assert harness.call.balance_of(harness.address)[0] == chain.backend.balance(harness.address)
    assert chain.backend.balance(harness.address) == 14
    assert (harness.call.count(), chain.backend.nonce(sender)) == (8, 4)


def test_a_contract_creates_a_contract(chain: Engine, harness: Contract, sender: Address) -> None:
    [address] = chain.read_many([harness.build.spawn(harness.address)])
    assert chain.backend.code_size(address) == 0
    harness.transact.spawn(harness.address, sender=sender)
    assert chain.backend.code_size(address) == 45  # EIP-1167


def test_precompiles_answer(harness: Contract) -> None:
    digest, key = keccak(b"spillway"), PrivateKey(b"\1" * 32)
    signature = key.sign_recoverable(digest, hasher=None)
    r, s = (int.from_bytes(signature[start : start + 32], "big") for start in (0, 32))
    signer = "0x" + keccak(key.public_key.format(compressed=False)[1:])[-20:].hex()
    answer = harness.call.precompiles(digest, signature[64] + 27, r, s)
    assert answer == (signer, hashlib.sha256(digest).digest())


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        ("triangle", [(-3, 1), (2**255 - 1, 255), (0, 0)]),
        {"name": "triangle", "points": [Point(-3, 1), Point(2**255 - 1, 255), Point(0, 0)]},
    ],
)
def test_structs_go_in_by_any_form_and_come_out_named(
    harness: Contract, sender: Address, shape: Any
) -> None:
    receipt = harness.transact.draw(shape, sender=sender)
    drawn = harness.call.shape()
    assert (drawn.name, drawn.points[1].x, drawn.points[0].y) == ("triangle", 2**255 - 1, 1)
    [event] = receipt.named("Drawn")
    assert (event.shape, event.digest) == (drawn, keccak(b"triangle"))


def test_events_come_with_their_contract_name_and_fields(
    harness: Contract, sender: Address
) -> None:
    [event] = harness.transact.bump("note", sender=sender).events
    assert (event.contract, event.name, event.address) == (
        "EngineHarness",
        "Counted",
        harness.address,
    )
    assert event.args._asdict() == {"who": sender, "count": 8, "note": "note"}
    assert str(event) == f"EngineHarness.Counted(who={sender}, count=8, note=note)"


def test_storage_can_be_read_directly(chain: Engine, harness: Contract, sender: Address) -> None:
    harness.transact.bump("", sender=sender)
    assert chain.storage_at(harness.address, 0) == harness.call.count() == 8


def test_a_read_leaves_no_trace(chain: Engine, harness: Contract, sender: Address) -> None:
    before = chain.head
    assert harness.call.bump("read", sender=sender) == 8
    assert (harness.call.count(), chain.head, chain.backend.nonce(sender)) == (7, before, 1)


def test_the_sender_is_who_the_contract_sees(harness: Contract, sender: Address) -> None:
    assert harness.call.transaction_fields(sender=sender) == (sender, sender, 0)


def test_senders_are_funded_and_counted(chain: Engine) -> None:
    last = GENESIS.senders - 1
    assert chain.backend.balance(chain.sender(last)) == SENDER_BALANCE
    for index in (-1, GENESIS.senders):
        with pytest.raises(EngineError, match=f"sender {index}"):
            chain.sender(index)


# --- snapshots -----------------------------------------------------------------------------------


def test_a_revert_puts_everything_back(chain: Engine, harness: Contract, sender: Address) -> None:
    before, nonce = chain.head, chain.backend.nonce(sender)
    token = chain.snapshot()
    harness.transact.write(0, 8, 5, sender=sender)
    address = chain.read(harness.build.spawn(harness.address))
    harness.transact.spawn(harness.address, sender=sender)
    chain.send(spend(sender, chain.sender(9), value=5))
    chain.revert(token)
    assert (chain.head, chain.backend.nonce(sender)) == (before, nonce)
    assert (harness.call.sum(8), chain.backend.code_size(address)) == (0, 0)
    assert chain.backend.balance(sender) == SENDER_BALANCE
    assert harness.transact.bump("again", sender=sender).named("Counted")[0].count == 8


def test_snapshots_nest(chain: Engine, harness: Contract, sender: Address) -> None:
    outer = chain.snapshot()
    harness.transact.bump("1", sender=sender)
    inner = chain.snapshot()
    harness.transact.bump("2", sender=sender)
    chain.revert(inner)
    assert harness.call.count() == 8
    harness.transact.bump("3", sender=sender)
    chain.revert(outer)
    assert harness.call.count() == 7


def test_what_was_mined_before_a_snapshot_is_original_after_a_revert(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    first = harness.transact.write(0, 4, 1, sender=sender).gas_used
    token = chain.snapshot()
    change = harness.transact.write(0, 4, 2, sender=sender).gas_used
    chain.revert(token)
    assert harness.transact.write(0, 4, 2, sender=sender).gas_used == change < first


# --- rehearsals ----------------------------------------------------------------------------------


def test_a_rehearsal_shows_what_mining_does_and_leaves_no_trace(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    calls = [harness.build.bump("rehearsed", sender=sender) for _ in range(2)]
    before, nonce, at = chain.head, chain.backend.nonce(sender), chain.head.timestamp + 15
    with chain.rehearse(calls, at) as rehearsed:
        assert chain.head == rehearsed.head == Head(before.number + 1, at)
        assert harness.call.count() == 9
        assert harness.call.block_fields()[:2] == (before.number + 1, at)
    assert (chain.head, chain.backend.nonce(sender), harness.call.count()) == (before, nonce, 7)
    mined = chain.send_block(calls, at)
    assert [(r.gas_used, r.logs, r.block, r.timestamp) for r in mined.receipts] == [
        (r.gas_used, r.logs, r.block, r.timestamp) for r in rehearsed.receipts
    ]


def test_a_rehearsal_may_declare_more_gas_than_a_block_has(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    calls = [harness.build.bump("x", sender=sender, gas=TX_GAS_LIMIT)] * 40
    assert sum(call.gas for call in calls) > 2 * BLOCK_GAS_LIMIT
    with chain.rehearse(calls, chain.head.timestamp + 1) as rehearsed:
        assert harness.call.count() == 47
        assert {each.success for each in rehearsed.receipts} == {True}
    chain.send_block([], chain.head.timestamp + 1)
    assert harness.call.block_fields()[3] == BLOCK_GAS_LIMIT


def test_a_rehearsal_ends_with_whatever_ends_its_context(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    before = chain.head
    with (
        pytest.raises(ZeroDivisionError),
        chain.rehearse([harness.build.bump("x", sender=sender)], before.timestamp + 1),
    ):
        _ = 1 // 0
    assert (chain.head, harness.call.count()) == (before, 7)


def test_a_call_that_cannot_stand_in_a_block_cannot_be_rehearsed(
    chain: Engine, harness: Contract, sender: Address
) -> None:
    before = chain.head
    poor = spend(sender, harness.address, value=SENDER_BALANCE + 1)
    with (
        pytest.raises(EngineError),
        chain.rehearse([harness.build.bump("x", sender=sender), poor], before.timestamp + 1),
    ):
        pass
    assert (chain.head, harness.call.count()) == (before, 7)
