"""The codec of fixed-size values and lists of them: eth_abi is the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from hypothesis import given
from hypothesis import strategies as st

from spillway.engines import layout
from spillway.engines.codec import Function
from spillway.errors import EngineError

if TYPE_CHECKING:
    from spillway.engines.layout import Entry, Layout

WORDS = ("uint8", "uint64", "uint256", "int8", "int128", "int256", "bool", "address", "bytes32")
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
}
POINT = {
    "name": "point",
    "type": "tuple",
    "components": [{"name": "x", "type": "int256"}, {"name": "on", "type": "bool"}],
}


def entries(*, lists: bool) -> st.SearchStrategy[Entry]:
    """Types of fixed size, up to structs and arrays of structs; lists of them where asked for."""
    word = st.sampled_from(WORDS).map(lambda kind: {"name": "value", "type": kind})
    fixed = st.recursive(word, lambda inner: structs(inner) | arrays(inner), max_leaves=6)
    return fixed | fixed.map(lambda entry: suffixed(entry, "[]")) if lists else fixed


def structs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=1, max_size=4).map(
        lambda parts: {
            "name": "struct",
            "type": "tuple",
            "components": [{**part, "name": f"part{i}"} for i, part in enumerate(parts)],
        }
    )


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(inner, st.integers(1, 3)).map(lambda pair: suffixed(pair[0], f"[{pair[1]}]"))


def suffixed(entry: Entry, suffix: str) -> dict[str, Any]:
    return {**entry, "type": entry["type"] + suffix}


def values(entry: Entry) -> st.SearchStrategy[Any]:
    kind: str = entry["type"]
    if kind.endswith("]"):
        count = kind[kind.rindex("[") + 1 : -1]
        low, high = (int(count), int(count)) if count else (0, 4)
        inner = values(layout.element(entry))
        return st.lists(inner, min_size=low, max_size=high).map(tuple)
    if kind == "tuple":
        return st.tuples(*(values(part) for part in entry["components"]))
    return OTHERS[kind] if kind in OTHERS else integers(kind)


def integers(kind: str) -> st.SearchStrategy[int]:
    bits = int(kind.lstrip("uint"))
    if kind.startswith("u"):
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def canonical(entry: Entry) -> str:
    kind: str = entry["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(canonical, entry['components']))}){kind.removeprefix('tuple')}"


@st.composite
def arguments(draw: st.DrawFn) -> tuple[list[Entry], list[Any]]:
    """Types of a list of arguments, and a value of each."""
    types = draw(st.lists(entries(lists=True), max_size=4))
    return types, [draw(values(each)) for each in types]


def layouts(types: list[Entry]) -> list[Layout]:
    found = [layout.layout(each) for each in types]
    assert all(found)
    return [each for each in found if each]


@given(arguments())
def test_bytes_and_values_are_those_of_eth_abi(told: tuple[list[Entry], list[Any]]) -> None:
    types, args = told
    kinds, known = [canonical(each) for each in types], layouts(types)
    data = layout.Row(known).encode(args)
    assert data == abi_encode(kinds, args)
    assert tuple(layout.Row(known).decode(data)) == abi_decode(kinds, data) == tuple(args)


@given(arguments(), st.data())
def test_data_that_is_cut_short_is_refused(
    told: tuple[list[Entry], list[Any]], data: st.DataObject
) -> None:
    types, args = told
    known = layouts(types)
    whole = layout.Row(known).encode(args)
    if not whole:
        return
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DecodingError):
        layout.Row(known).decode(whole[:cut])


@pytest.mark.parametrize("kind", ["string", "bytes", "string[]", "uint256[][]", "bytes4"])
def test_other_types_are_left_to_eth_abi(kind: str) -> None:
    assert layout.layout({"name": "value", "type": kind}) is None


def test_structs_with_lists_in_them_are_left_to_eth_abi() -> None:
    listed = {"name": "values", "type": "uint256[]"}
    assert layout.layout({"name": "s", "type": "tuple", "components": [listed]}) is None


def test_functions_take_and_give_what_eth_abi_has_to_encode_beside_the_rest() -> None:
    items = [{"name": "label", "type": "string"}, suffixed(POINT, "[]")]
    entry = {"type": "function", "name": "mark", "inputs": items, "outputs": items}
    function = Function("Map", entry)
    data = function.encode(("home", [{"x": -1, "on": True}]))
    assert data[4:] == abi_encode(["string", "(int256,bool)[]"], ["home", [(-1, True)]])
    decoded = function.decode(data[4:])
    assert (decoded.label, decoded.point[0].x, decoded.point[0].on) == ("home", -1, True)


@pytest.mark.parametrize(
    "points",
    [[(1, True, 2)], [(1,)], [(True, True)], [(2**255, True)], [(1, 1)], [{"x": 1}], b"", "ab", 7],
)
def test_values_that_do_not_fit_are_refused_in_one_sentence(points: Any) -> None:
    entry = {"type": "function", "name": "mark", "inputs": [suffixed(POINT, "[]")], "outputs": []}
    with pytest.raises(EngineError, match=r"^Map\.mark"):
        Function("Map", entry).encode((points,))


@pytest.mark.parametrize("points", [[], [(1, True)], [(1, True)] * 3])
def test_arrays_of_another_length_are_refused(points: Any) -> None:
    entry = {"type": "function", "name": "mark", "inputs": [suffixed(POINT, "[2]")], "outputs": []}
    with pytest.raises(EngineError, match=r"elements, not 2"):
        Function("Map", entry).encode((points,))


def test_a_list_that_points_beyond_the_data_is_refused() -> None:
    (known,) = layouts([{"name": "values", "type": "uint256[]"}])
    far = (2**200).to_bytes(32, "big")
    for data in (far, (32).to_bytes(32, "big") + far):
        with pytest.raises(DecodingError):
            layout.Row([known]).decode(data)
