"""A run whose network is cut between intent and call, in a network namespace of its own.

Writes what happened: the run's intent, whether the lease is free when the network is back, and how the run ended.
"""

import subprocess
import sys
import time
from pathlib import Path

from winbc_pipeline.staging.server.lease import lease
from winbc_pipeline.staging.store import Store

from ...support.postgres import running
from .holders import NAME, NOW, Holder

CUT_S = 14  # a little more than the keepalives need (staging/server/address.py)


def main(folder: Path) -> None:
    network("up")
    with running() as server:
        holder = Holder(server.address, Store(folder / "shop" / "orders.duckdb", server=server.address))
        assert holder.hears() == "has it"
        told = [holder.goes_on()]
        network("down")
        time.sleep(CUT_S)
        network("up")
        with lease(server.address, NAME, "orders", NOW, 0.5):
            told.append("free")
        told.append(holder.goes_on())
        holder.end()
    sys.stdout.write(" ".join(told))


def network(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
