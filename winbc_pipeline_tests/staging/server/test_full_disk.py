"""The disk runs full while orders are sent: the error names it, and each order arrives once when there is room again.

Source of the promise: docs/errors.md, E-DISK. The disk is a small file system in memory, which only root can make.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.errors import NotWritable
from winbc_pipeline.settings import Settings, StateSettings
from winbc_pipeline.sync import crash_points

from ...support.flow_cases import FLOW_CASES
from ...support.kept_open import let_go
from ...support.postgres import Server, owned_folder, state_on
from ...support.sandboxes import Sandboxes

pytestmark = [
    pytest.mark.scale,
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root mounts a file system"),
]
ORDERS, MANY, MB = "orders_winstore_to_bc", 40, 64
CASE = FLOW_CASES[ORDERS]


class Disk:
    """A small file system.

    Attributes:
        was_full: whether it ran full.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.was_full = folder, False

    def fill(self) -> None:
        """Takes all the room that is left."""
        self.was_full = True
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                return

    def make_room(self) -> None:
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@pytest.fixture
def disk() -> Iterator[Disk]:
    with owned_folder("winbc-disk-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MB}m,mode=777", "tmpfs", str(folder)], check=True)
        try:
            yield Disk(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def in_files(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The settings of a connection whose files are on the disk."""
    yield {"data_folder": disk.folder / "data"}


@contextmanager
def on_server(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The same where the tables of a server are there; the server's own log is not, because it ends without room."""
    with owned_folder("winbc-wal-") as log:
        server = Server(disk.folder)
        server.make("--waldir", str(log / "wal"))
        with server.started(), state_on(server, monkeypatch):
            yield {"state": StateSettings(database=server.address)}


@pytest.mark.parametrize(
    ("where", "named"), [(in_files, "data/default/"), (on_server, "the disk of the server is full")]
)
def test_a_disk_that_runs_full_while_orders_are_sent_is_named_and_each_order_arrives_once(
    where: Callable[..., AbstractContextManager[dict[str, Any]]],
    named: str,
    disk: Disk,
    sandboxes: Sandboxes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached = crash_points.point

    def fill_after_first_answer(name: str) -> None:
        reached(name)
        if name == "after answer" and not disk.was_full:
            disk.fill()

    let_go()
    monkeypatch.setattr(crash_points, "point", fill_after_first_answer)
    with where(disk, monkeypatch) as place:
        bc = sandboxes.settings.bc.model_copy(update={"batch_size": 5, "in_flight": 1})
        own = {"bc": bc, "quarantine_minutes": 0} | place
        sandboxes.settings = Settings(**dict(sandboxes.settings) | own)
        CASE.many(sandboxes, MANY)
        with pytest.raises(NotWritable, match=named):
            sandboxes.sync(ORDERS)
        assert CASE.arrived(sandboxes), "orders are there whose outcome found no room"

        disk.make_room()
        sandboxes.sync(ORDERS)
        later = datetime.now(UTC) + timedelta(seconds=61)  # what may have arrived is looked up twice, a minute apart
        monkeypatch.setattr(clock, "now", lambda: later)
        sandboxes.set_clock(now=later.isoformat())
        assert sandboxes.sync(ORDERS).failed == 0
        arrived = CASE.arrived(sandboxes)
    assert len(arrived) == len(set(arrived)) == MANY
