"""What `winbc check` says to need the companion app needs nothing any more once the app is there.

What is sent without the app, and with it: the tests of each kind of field (sync/records/test_app_fields.py and others).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.flows.products import PRODUCTS, PRODUCTS_TO_WINSTORE
from winbc_pipeline.settings import ProductSettings
from winbc_pipeline.workbench.checks import checks

from ..support.shops.two_ways import TO_BC, TwoWays, open_two_ways
from ..sync.records.test_app_fields import add_rows, install

pytestmark = pytest.mark.proof

# By table, the fields that only the app serves, each with a row that needs it.
ROWS = {
    (PRODUCTS.id, "features"): {
        "app.longDescription": "long,descriptionlong,app longDescription,,",
        "attribute.Season": "season,subcategory,attribute Season,,",
        "barcode": "label,gtin,barcode,,",
        "unit.BOX": "box,'12',unit BOX,create,",
    },
    (PRODUCTS.id, "category"): {"app.parentCategory": "app.parentCategory,'ALL',,create,,"},
    (TO_BC, "customer"): {
        "app.languageCode": "app.languageCode,'NLD',,create,,",
        "shipTo.DELIVERY.city": "shipTo.DELIVERY.city,delivery_city,,always,,",
    },
    ("orders_winstore_to_bc", "order"): {"yourReference": "yourReference,channel,,create,,"},
}
OTHERS = ("app.parentItemNumber", "app_longDescription")  # of products.container; a field that a formula reads
NAMES = [*(name for rows in ROWS.values() for name in rows), *OTHERS]


@pytest.fixture
def shop(tmp_path: Path, tables: Path) -> Iterator[TwoWays]:
    with open_two_ways(tmp_path, products=ProductSettings(direction="both", container=True)) as made:
        for (flow, table), rows in ROWS.items():
            add_rows(made, flow, table, *rows.values())
        made.edit_table("article", "descriptionlong", PRODUCTS_TO_WINSTORE.id, source="app_longDescription")
        yield made


def gaps(shop: TwoWays) -> list[str]:
    """What the whole check says of the companion app."""
    told: list[str] = []
    for each in checks(shop.settings):
        try:
            told += each.run().warnings
        except WinbcError as error:
            told.append(error.message)
    return [words for words in told if "companion app" in words]


def test_all_that_needs_the_app_is_named_without_it_and_nothing_with_it(shop: TwoWays) -> None:
    without = gaps(shop)
    assert [name for name in NAMES if not any(f"{name} needs" in words for words in without)] == []
    install(shop)
    assert gaps(shop) == []
