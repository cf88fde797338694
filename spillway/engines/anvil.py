"""A process of anvil, Foundry's node, on a free port of this machine."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from spillway.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

STARTED_WITHIN = 20  # seconds
# Once the pipe from this process is closed, however this process ends: stop anvil, remove $0.
_KEEPER = '"$@" & read -r _; kill $!; wait; rm -rf "$0"'


class Anvil:
    """A node that answers at `uri` until it is closed.

    It stands in a session of its own, so that Ctrl-C ends a run and not the node below it. What it
    keeps on disk goes with it.
    """

    def __init__(self, options: Sequence[str]) -> None:
        """Start it; raises EngineError where there is no binary, or none that answers."""
        found = binary()
        if found is None:
            raise EngineError("no anvil, neither from npm nor on PATH")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}"
        folder = mkdtemp(prefix="anvil-")
        command = [found, "--silent", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--cache-path", folder, *options]
        self._process = subprocess.Popen(  # noqa: S603 (found as told below)
            ["/bin/sh", "-c", _KEEPER, folder, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_for(port)

    def close(self) -> None:
        """Stop it."""
        self._process.communicate()

    def _wait_for(self, port: int) -> None:
        until = time.monotonic() + STARTED_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    self.close()
                    raise EngineError(f"anvil did not start in {STARTED_WITHIN} s") from None
                time.sleep(0.02)
            else:
                return


def binary() -> str | None:
    """Where anvil stands: in the environment's own npm folder, or else on PATH."""
    packages = Path(sys.prefix) / "node_modules" / "@foundry-rs"
    found = [str(path) for path in packages.glob("anvil-*/bin/anvil")]
    return found[0] if found else shutil.which("anvil")
