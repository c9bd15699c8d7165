"""A planted shop that is filled once: each test goes on from there with both systems and databases of its own."""

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from starlette.applications import Starlette

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import schema
from winbc_pipeline.workbench.keeping.backup import back_up

from ..support.kept_open import kept_open
from ..support.order_sandboxes import BC, WINSTORE
from ..support.shops.two_ways import TwoWays, open_two_ways
from .shop import fill

SYSTEMS = {"bc.db": BC, "winstore.db": WINSTORE}


@dataclass(frozen=True)
class Filled:
    """A shop as it was left: its folder of data, and beside it the records of both systems.

    Attributes:
        folder: has `data` and a file for each system; nothing in it is changed any more.
        seconds: how long the test's clock had gone on; runs, acts: how many runs and acts of people there were.
    """

    folder: Path
    seconds: float
    runs: int
    acts: int

    @contextmanager
    def opened(self, folder: Path) -> Iterator[TwoWays]:
        """The shop goes on in another folder, until the block ends."""
        shutil.copytree(self.folder / "data", folder, dirs_exist_ok=True)
        with open_two_ways(folder, on_disk=True) as shop:
            for name, records in _records(shop):
                with closing(sqlite3.connect(self.folder / name)) as left:
                    left.backup(records)
            shop.runs, shop.acts = self.runs, itertools.count(self.acts)
            shop.pass_time(self.seconds)
            yield shop


def filled(folder: Path) -> Filled:
    """Fills a shop, with its databases on disk, a backup, and a copy as from before an upgrade."""
    with open_two_ways(folder / "data", on_disk=True) as shop:
        with kept_open():
            fill(shop)
        back_up(shop.settings)
        path = shop.settings.flow_database(ORDERS_TO_BC.id)
        with duckdb.connect(str(path)) as connection:
            schema.keep_copy(connection, schema.kept_path(path, 1))
        for name, records in _records(shop):
            with closing(sqlite3.connect(folder / name)) as left:
                records.backup(left)
        return Filled(folder, shop.wire.loop.seconds, shop.runs, next(shop.acts))


def _records(shop: TwoWays) -> Iterator[tuple[str, sqlite3.Connection]]:
    for name, port in SYSTEMS.items():
        app: Starlette = shop.wire.apps[port]
        yield name, app.state.records.db
