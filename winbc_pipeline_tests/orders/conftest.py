"""A world of orders: both sandboxes in this process, and a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .inprocess import read_once
from .shop import shop as shop
from .world import REPOSITORY, OrderWorld, order_world, plain_tables


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mapping tables with what the protocol needs, which no test changes."""
    folder = plain_tables(tmp_path_factory.mktemp("mapping") / "tables")
    with read_once(folder, REPOSITORY / "mapping_tables"):
        yield folder


@pytest.fixture
def orders(tmp_path: Path, tables: Path) -> Iterator[OrderWorld]:
    with order_world(tmp_path, tables) as world:
        yield world
