"""A shop with a planted person, and the same after an erasing: made once, and a copy for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.shops.two_ways import TwoWays
from .filled import Filled, erased, filled


@pytest.fixture(scope="session")
def filled_shop(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Filled:
    return filled(tmp_path_factory.mktemp("filled"))


@pytest.fixture(scope="session")
def erasing_shop(tmp_path_factory: pytest.TempPathFactory, filled_shop: Filled) -> list[Filled]:
    """The shop at each step of the erasing of the person, by els from the dashboard; after it last."""
    with filled_shop.opened(tmp_path_factory.mktemp("erasing")) as made:
        return erased(made, tmp_path_factory.mktemp("steps"), "dashboard:els")


@pytest.fixture
def shop(tmp_path: Path, filled_shop: Filled) -> Iterator[TwoWays]:
    """The shop of `fill`, with a backup and a copy as from before an upgrade, which goes on as the test likes."""
    with filled_shop.opened(tmp_path) as made:
        yield made


@pytest.fixture
def erased_shop(tmp_path: Path, erasing_shop: list[Filled]) -> Iterator[TwoWays]:
    """The same shop after the person was erased."""
    with erasing_shop[-1].opened(tmp_path) as made:
        yield made
