"""A world of orders: both sandboxes in this process, and a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .inprocess import compiled_once
from .world import OrderWorld, order_world


@pytest.fixture(scope="module", autouse=True)
def _compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[OrderWorld]:
    with order_world(tmp_path) as world:
        yield world
