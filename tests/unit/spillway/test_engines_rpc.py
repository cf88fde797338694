"""JSON-RPC in batches, against a node that answers in the wrong order, refuses, or hangs up."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from spillway.engines.rpc import MOST_BYTES, Node
from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Echo(BaseHTTPRequestHandler):
    """Answers `echo` with its parameters and refuses whatever else, last request first."""

    protocol_version = "HTTP/1.1"
    bodies: list[int]

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.bodies.append(size)
        asked = json.loads(self.rfile.read(size))
        told = json.dumps([_answer(request) for request in reversed(asked)]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if request["method"] == "echo":
        return {"id": request["id"], "result": request["params"]}
    return {"id": request["id"], "error": {"message": f"no {request['method']} here"}}


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    Echo.bodies = []
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def node(server: HTTPServer) -> Iterator[Node]:
    node = Node(f"http://127.0.0.1:{server.server_port}")
    yield node
    node.close()


def test_answers_come_in_the_order_of_the_requests(node: Node) -> None:
    requests = [("echo", [number]) for number in range(300)]
    assert node.ask_all(requests) == [[number] for number in range(300)]
    assert node.ask("echo", "a", 1) == ["a", 1]
    assert len(Echo.bodies) == 2


def test_nothing_is_asked_where_there_is_nothing_to_ask(node: Node) -> None:
    assert node.ask_all([]) == []
    assert Echo.bodies == []


def test_what_is_too_long_for_one_request_goes_in_several(node: Node) -> None:
    text = "x" * (MOST_BYTES // 3)
    requests = [("echo", [text, number]) for number in range(7)]
    assert node.ask_all(requests) == [[text, number] for number in range(7)]
    assert len(Echo.bodies) == 4
    assert max(Echo.bodies) < MOST_BYTES + 100


def test_a_request_that_is_longer_than_a_batch_goes_alone(node: Node) -> None:
    text = "x" * (MOST_BYTES + 1)
    assert node.ask_all([("echo", [1]), ("echo", [text]), ("echo", [2])]) == [[1], [text], [2]]
    assert len(Echo.bodies) == 3


def test_a_refusal_names_its_method(node: Node) -> None:
    with pytest.raises(EngineError, match=r"^evm_fly: no evm_fly here$"):
        node.ask_all([("echo", []), ("evm_fly", []), ("evm_swim", [])])
    (answer,) = node.answers([("evm_fly", [])])
    assert answer["error"]["message"] == "no evm_fly here"


def test_a_node_that_is_gone_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"the node at http://127\.0\.0\.1:1 does not answer"):
        Node("http://127.0.0.1:1").ask("echo")


@pytest.mark.parametrize("uri", ["https://127.0.0.1:1", "geth.ipc", "http://"])
def test_a_node_is_reached_by_http(uri: str) -> None:
    with pytest.raises(EngineError, match="is not reached by http"):
        Node(uri)
