"""Engines side by side: one story, told by each of them, is the same to the last detail."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from coincurve import PrivateKey
from eth_hash.auto import keccak

from spillway import engines
from spillway.engines import Genesis
from tests import chains

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Call, Engine, Receipt

GENESIS = Genesis(timestamp=1_760_126_400)  # 20:00:00 UTC, 10 October 2025
SHAPE = ("triangle", [(-3, 1), (2**255 - 1, 255), (0, 0)])


def story(engine: Engine, artifacts: Artifacts) -> list[dict[str, Any]]:
    """Deploy, run blocks of every kind of call, and give what can be told of each of them."""
    sender, other = engine.sender(0), engine.sender(1)
    harness = engine.deploy(artifacts["EngineHarness"], 3, sender=sender)
    usdc = engine.deploy(artifacts["USDC"], sender=other)
    build, token = harness.build, usdc.build
    inner = [build.bump("inner").data, build.spin().data, build.refuse("inner").data]
    blocks: list[list[Call]] = [
        [build.bump("x", sender=sender), build.write(0, 40, 2**255, sender=other)],
        [build.write(0, 20, 0, sender=sender), build.write(10, 20, 7, sender=other)],
        [build.outlive(harness.address, data, 40_000, sender=sender) for data in inner],
        [build.locked(harness.address, data, sender=other) for data in inner],
        [build.spawn(usdc.address, sender=sender), build.draw(SHAPE, sender=other)],
        [build.write_and_undo(1, sender=sender), build.panic(0, sender=other)],
        [build.spin(gas=200_000, sender=sender), build.sum(64, sender=sender)],
        [build.block_fields(sender=sender), build.left(sender=sender), build.keep(sender=other)],
        [token.mint(other, 10**12, sender=other), token.transfer(sender, 9, sender=other)],
        [
            token.approve(sender, 50, sender=other),
            token.transferFrom(other, sender, 20, sender=sender),
        ],
        [token.transferFrom(other, sender, 31, sender=sender)],
        [token.reenter(usdc.address, token.mint(sender, 5).data, sender=sender)],
        [token.transfer(sender, 1, sender=other), token.transfer(sender, 2, sender=other)],
        [
            *(token.behave(mode, sender=other) for mode in (2, 4, 8, 16)),
            token.transfer(other, 1, sender=sender),
        ],
        [],
    ]
    told: list[dict[str, Any]] = []
    for calls in blocks:
        result = engine.send_block(calls, engine.head.timestamp + 15)
        told += [_tell(receipt) for receipt in result.receipts]
        told.append({"gas": result.gas_used, **asdict(result.head)})
    slots = [engine.storage_at(harness.address, slot) for slot in range(66)]
    told.append({"slots": slots, "nonces": [engine.backend.nonce(who) for who in (sender, other)]})
    return told


def _tell(receipt: Receipt) -> dict[str, Any]:
    return {
        "label": receipt.label,
        "success": receipt.success,
        "gas": receipt.gas_used,
        "reason": receipt.reason,
        "events": [str(event) for event in receipt.events],
        "block": (receipt.block, receipt.timestamp),
    }


@pytest.mark.parametrize("name", chains.OTHERS)
def test_engines_tell_the_same_story(artifacts: Artifacts, name: str) -> None:
    with engines.start("pyevm", GENESIS) as engine:
        expected = story(engine, artifacts)
    assert {each["success"] for each in expected if "success" in each} == {True, False}
    with chains.start(name, GENESIS) as engine:
        told = story(engine, artifacts)
    for ours, theirs in zip(expected, told, strict=True):
        assert ours == theirs


def test_senders_are_the_same_everywhere_and_all_different() -> None:
    addresses = [engines.sender(index).address for index in range(50)]
    assert len(set(addresses)) == 50
    key = engines.sender(7).key
    point = PrivateKey(key).public_key.format(compressed=False)
    assert addresses[7] == "0x" + keccak(point[1:])[-20:].hex()
