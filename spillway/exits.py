"""How a command ends: with an exit code, and one line where something is wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from spillway.errors import SpillwayError

if TYPE_CHECKING:
    from collections.abc import Callable

UNEXPECTED, INTERRUPTED = 3, 130


def leave(command: str, work: Callable[[], int]) -> NoReturn:
    """Do the work of a command and exit with its code, or with that of whatever it raises."""
    try:
        code = work()
    except SpillwayError as error:
        click.echo(f"{command}: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told in one line)
        click.echo(f"{command}: {type(error).__name__}: {error}", err=True)
        code = UNEXPECTED
    sys.exit(code)
