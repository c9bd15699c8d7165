"""Rules by category: a category is known from products, whose database may be in use meanwhile (docs/stock.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from winbc_pipeline.errors import StoreBusy
from winbc_pipeline.flows.products import PRODUCTS
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync.reading.stage import stage

from ...support.order_sandboxes import FIRST, WINSTORE
from ...support.shops.stock_world import SKU, TO_BC, StockWorld


@contextmanager
def held(path: Path) -> Iterator[list[Path]]:
    """A run of another flow has a database open. Gives the databases that were open when one waited for it."""
    opened, waited, usual = list[Path](), list[Path](), Store.open

    @contextmanager
    def busy(store: Store, wait_s: float | None = None, alone: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        if store.path == path:
            waited.extend(opened)
            raise StoreBusy(f"{path} is in use by process 1.", "")
        with usual(store, wait_s, alone) as connection:
            opened.append(store.path)
            yield connection
            opened.remove(store.path)

    with patch.object(Store, "open", busy):
        yield waited


@pytest.fixture
def wine(stock: StockWorld) -> StockWorld:
    """An article of the category Wine, of which two pieces are kept back; of all others one is."""
    stock.table("stock_rules", ",Wine,2,,,,,", ",*,1,,,,,")
    stock.shop_lists()
    records = stock.winstore_app.state.records
    (article,) = [each for each in stock.state(WINSTORE)["records"]["articles"] if each["artkey"] == f"A-{SKU}"]
    records.insert_many("articles", [(article["artkey"], article | {"category": "Wine"})])
    stage(stock.connected(PRODUCTS.id), FIRST)
    stock.shop_has(quantity="10")
    return stock


def test_a_rule_of_a_category_counts_for_its_skus(wine: StockWorld) -> None:
    wine.run()
    assert wine.inventory() == 8


def test_while_a_run_of_products_goes_on_the_categories_that_are_known_count(wine: StockWorld) -> None:
    wine.run()
    wine.shop_has(quantity="20")
    with held(wine.connected(PRODUCTS.id).store.path):
        assert wine.run().failed == 0
    assert wine.inventory() == 18


def test_a_sku_whose_category_is_not_known_yet_is_sent_by_the_run_after(wine: StockWorld) -> None:
    with held(wine.connected(PRODUCTS.id).store.path):
        wine.run()
    assert (wine.told(), wine.inventory()) == (("SKIPPED", "NO_CATEGORY"), 0)
    wine.run()
    assert wine.inventory() == 8


def test_stock_keeps_its_own_database_free_while_it_waits_for_products(wine: StockWorld) -> None:
    wine.run()
    with held(wine.connected(PRODUCTS.id).store.path) as open_meanwhile:
        wine.run()
    assert wine.connected(TO_BC).store.path not in open_meanwhile
