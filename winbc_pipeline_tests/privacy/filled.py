"""A planted shop that is filled and erased once: tests go on from there with systems and databases of their own."""

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
from starlette.applications import Starlette

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.privacy import erase as erasing
from winbc_pipeline.staging import schema
from winbc_pipeline.workbench.keeping.backup import back_up

from ..support.kept_open import kept_open
from ..support.order_sandboxes import BC, WINSTORE
from ..support.shops.two_ways import TwoWays, open_two_ways
from .shop import EMAIL, fill

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
                with closing(sqlite3.connect(self.folder / name)) as kept:
                    kept.backup(records)
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
        return _left(shop, folder)


def erased(shop: TwoWays, folder: Path, who: str) -> list[Filled]:
    """Erases the planted person. Returns the shop as a kill would leave it before each note of the journal, and the
    shop after the erasing last."""
    found: list[Filled] = []
    noted = erasing._note

    def left() -> None:
        place = folder / str(len(found))
        shutil.copytree(shop.settings.data_folder, place / "data")
        found.append(_left(shop, place))

    def note(*given: Any) -> None:
        left()
        noted(*given)

    with patch.object(erasing, "_note", note):
        erasing.erase(shop.settings, EMAIL, who)
    left()
    return found


def _left(shop: TwoWays, folder: Path) -> Filled:
    for name, records in _records(shop):
        with closing(sqlite3.connect(folder / name)) as kept:
            records.backup(kept)
    return Filled(folder, shop.wire.loop.seconds, shop.runs, next(shop.acts))


def _records(shop: TwoWays) -> Iterator[tuple[str, sqlite3.Connection]]:
    for name, port in SYSTEMS.items():
        app: Starlette = shop.wire.apps[port]
        yield name, app.state.records.db
