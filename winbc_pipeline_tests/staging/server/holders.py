"""Processes that take a lease on a server and move a record, for tests that kill, stop or cut them off.

Each tells by a line what it has done, and goes on when it gets one.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from winbc_pipeline.calling import calling
from winbc_pipeline.errors import WinbcError
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.server.lease import lease
from winbc_pipeline.staging.store import Store

NAME, NOW = "shop.orders", datetime(2026, 3, 10, tzinfo=UTC)


class Holder:
    """A process that has the lease (holders.py)."""

    def __init__(self, address: str, store: Store) -> None:
        command = [sys.executable, "-m", __name__, address, str(store.path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hears(self) -> str:
        return _of(self.process.stdout).readline().strip()

    def goes_on(self) -> str:
        """Lets it go on; what it then does."""
        _of(self.process.stdin).write("\n")
        _of(self.process.stdin).flush()
        return self.hears()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def _of(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def main(address: str, path: str) -> None:
    store = Store(Path(path), server=address)
    with lease(address, NAME, "orders", NOW, 20):
        ledger.move(store, [Move("order", "1", State.PLANNED)], "run")
        tell("has it")
        ledger.move(store, [Move("order", "1", State.SENDING)], "run")
        tell("intent")
        with calling():
            tell("sent")


def tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except WinbcError as error:
        tell(error.code)
