"""What events say, without decoding more of them than is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.engines.codec import Event, EventCodec, Interface
from spillway.engines.protocol import RawLog
from spillway.model.words import DEFICIT, FEES
from spillway.observe import account_topics, named_accounts

if TYPE_CHECKING:
    from spillway.build import Artifacts

FIELDS = [
    {"name": "lots", "type": "uint256", "indexed": False},
    {"name": "buyer", "type": "uint256", "indexed": True},
    {"name": "market", "type": "uint256", "indexed": True},
    {"name": "seller", "type": "uint256", "indexed": True},
]


def sold(*topics: int) -> Event:
    kind = EventCodec("Pool", {"name": "Sold", "inputs": FIELDS})
    words = tuple(topic.to_bytes(32, "big") for topic in topics)
    return Event(kind, RawLog("0x", (kind.topic, *words), (5).to_bytes(32, "big")))


def test_the_accounts_of_indexed_fields_are_named() -> None:
    assert named_accounts([sold(11, 2, 12), sold(12, 2, 13)]) == {FEES, DEFICIT, 11, 12, 13}


def test_an_account_that_is_not_indexed_is_an_error() -> None:
    hidden = EventCodec("Pool", {"name": "Sold", "inputs": [{**FIELDS[1], "indexed": False}]})
    with pytest.raises(KeyError, match="buyer"):
        account_topics(hidden)


def test_every_event_of_the_contracts_has_its_accounts_indexed(artifacts: Artifacts) -> None:
    kinds = [kind for each in artifacts.values() for kind in Interface(each).events.values()]
    assert sum(bool(account_topics(kind)) for kind in kinds) > 20


def test_fields_come_in_the_order_of_the_declaration() -> None:
    assert sold(11, 2, 12).args._asdict() == {"lots": 5, "buyer": 11, "market": 2, "seller": 12}
