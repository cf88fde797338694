"""JSON-RPC to a node of this machine: batches of requests over one connection that stays open.

Ape's own requests take more than a millisecond of processor time each, and a run makes thousands.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Request: TypeAlias = tuple[str, list[Any]]  # method and parameters

MOST_BYTES = 1_000_000  # of a batch, unless it is a single request; a node takes 2 MB by default


class Node:
    """A node that answers at `uri`, which is http and has a host and a port."""

    def __init__(self, uri: str) -> None:
        address = urlsplit(uri)
        if address.scheme != "http" or address.hostname is None:
            raise EngineError(f"the node at {uri} is not reached by http")
        self.uri, self._path = uri, address.path or "/"
        self._connection = HTTPConnection(address.hostname, address.port)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def ask(self, method: str, *params: Any) -> Any:
        """Give the answer to one request; raises EngineError where the node refuses it."""
        return self.ask_all([(method, [*params])])[0]

    def ask_all(self, requests: Sequence[Request]) -> list[Any]:
        """Give the answers in order; raises EngineError with the first refusal, all being sent.

        A node works on the requests of a batch side by side, so none may wait for another.
        """
        answers = self.answers(requests)
        for (method, _), answer in zip(requests, answers, strict=True):
            if "error" in answer:
                raise EngineError(f"{method}: {answer['error']['message']}")
        return [answer["result"] for answer in answers]

    def answers(self, requests: Sequence[Request]) -> list[dict[str, Any]]:
        """Give what the node says to each request, its errors too."""
        try:
            told = [answer for body in _batches(requests) for answer in self._post(body)]
        except (OSError, HTTPException, ValueError) as error:
            raise EngineError(f"the node at {self.uri} does not answer: {error!r}") from error
        return sorted(told, key=lambda answer: int(answer["id"]))

    def _post(self, body: str) -> list[dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._path, body, headers)
        answers: list[dict[str, Any]] = json.loads(self._connection.getresponse().read())
        return answers


def _batches(requests: Sequence[Request]) -> Iterator[str]:
    """Write requests down, numbered, in as few bodies as hold them."""
    body: list[str] = []
    room = MOST_BYTES
    for number, (method, params) in enumerate(requests):
        told = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        text = json.dumps(told)
        if body and len(text) > room:
            yield f"[{','.join(body)}]"
            body, room = [], MOST_BYTES
        body.append(text)
        room -= len(text)
    if body:
        yield f"[{','.join(body)}]"
