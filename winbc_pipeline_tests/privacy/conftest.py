"""A shop with a planted person: filled once, and a copy for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.shops.two_ways import TwoWays
from .filled import Filled, filled


@pytest.fixture(scope="session")
def filled_shop(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Filled:
    return filled(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def shop(tmp_path: Path, filled_shop: Filled) -> Iterator[TwoWays]:
    """The shop of `fill`, with a backup and a copy as from before an upgrade, which goes on as the test likes."""
    with filled_shop.opened(tmp_path) as made:
        yield made
