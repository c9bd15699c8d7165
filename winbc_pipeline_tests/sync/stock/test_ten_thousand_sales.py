"""How many of ten thousand sales are written over while figures go to Business Central, with the app and without.

`pytest -s -m soak` on this file shows the figures. Source: docs/companion-app.md, Stock.
"""

import sys
from pathlib import Path

import pytest

from ...support.shops.stock_world import open_stock_world
from .seller import lost_of

SKUS, ROUNDS = 200, 50
SALES = SKUS * ROUNDS
SHARE = 0.2  # of the sales: a sale that falls between the last look and the writing


@pytest.mark.soak
@pytest.mark.parametrize("app", [True, False], ids=["with the app", "without"])
def test_with_the_app_none_of_ten_thousand_sales_is_written_over(tmp_path: Path, tables: Path, app: bool) -> None:
    with open_stock_world(tmp_path, app) as world:
        world.run()
        lost = lost_of(world, SKUS, ROUNDS, 7)
    sys.stdout.write(f"{lost} of {SALES} sales were written over {'with' if app else 'without'} the app\n")
    assert lost == 0 if app else lost < SALES * SHARE
