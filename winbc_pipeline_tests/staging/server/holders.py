"""Processes that take a lease on a server and move a record, for tests that kill, stop or cut them off.

Each tells by a line what it has done, and goes on when it gets one.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from winbc_pipeline.calling import calling
from winbc_pipeline.errors import WinbcError
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.server.lease import lease
from winbc_pipeline.staging.store import Store


def main(address: str, path: str) -> None:
    store = Store(Path(path), server=address)
    with lease(address, "shop.orders", "orders", datetime.now(UTC), 20):
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
