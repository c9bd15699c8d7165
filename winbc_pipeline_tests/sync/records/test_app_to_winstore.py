"""What the companion app tells of items, on their way to Winstore: its fields, the price of a price list, the barcode.

Contract of the app: facts/companion_app.json; docs/companion-app.md, What the app tells Winstore. Without the app the
fields are empty, and a formula says what stands in their place.
"""

import pytest

from winbc_pipeline.flows.products import PRODUCTS_TO_WINSTORE
from winbc_pipeline.sandbox.setup_data import COMPANY_ID

from ...support.order_sandboxes import BC, REPOSITORY, WINSTORE
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop
from .test_app_fields import API, STORED, install

PRICES = f"{STORED}.salesPrices"
pytestmark = pytest.mark.proof


def chooses(shop: ProductShop) -> None:
    """The table takes descriptions, price and GTIN from the app where it tells them."""
    shop.products(direction="to_winstore", price_list="WEB")
    for field, source in {
        "descriptionlong": "coalesce(app_longDescription, displayName)",
        "price": "coalesce(app_price, unitPrice)",
        "gtin": "coalesce(app_barcode, gtin)",
        "active": "not blocked and coalesce(app_status, 'Published') = 'Published'",
    }.items():
        shop.edit_table("article", field, PRODUCTS_TO_WINSTORE.id, source=source, when="always")


def price(**fields: object) -> dict[str, object]:
    usual = {"priceListCode": "WEB", "sourceType": "All_x0020_Customers", "itemNumber": "MUG", "minimumQuantity": 1}
    return usual | fields


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    """An item with a text, a price in a price list, and a barcode."""
    install(product_shop)
    chooses(product_shop)
    product_shop.in_bc_made("items", {"number": "MUG", "displayName": "Mug", "unitPrice": 10, "taxGroupCode": "VAT21"})
    tells(product_shop, "PATCH", f"itemSettings({product_shop.item('MUG')['id']})", longDescription="<p>Long</p>")
    tells(product_shop, "PATCH", f"itemSettings({product_shop.item('MUG')['id']})", status="Published")
    tells(product_shop, "POST", "itemBarcodes", itemNumber="MUG", barcode="4006381333931")
    lines = [price(unitPrice=8), price(unitPrice=7, minimumQuantity=6), price(unitPrice=6, priceListCode="SHOPS")]
    lines += [
        price(unitPrice=0, lineDiscountPercent=10),
        price(unitPrice=5, endingDate="2026-03-01"),
        price(unitPrice=4, startingDate="2027-01-01"),
    ]
    product_shop._control(BC, "seed", {"records": {PRICES: lines}})
    return product_shop


def tells(shop: ProductShop, method: str, path: str, **fields: object) -> None:
    """A user of Business Central fills what the app keeps."""
    shop.pass_time(1)
    url = f"http://127.0.0.1:{BC}/{API}/companies({COMPANY_ID})/{path}"
    answer = shop.http.request(method, url, json=fields, headers={"If-Match": "*"})
    assert answer.status_code < 300, answer.text


def article(shop: ProductShop) -> dict[str, str]:
    """What Winstore has of the item."""
    found = shop.state(WINSTORE)["records"]["articles"]
    (whole,) = [each | own for each in found for own in each["variants"] if own["sku"] == "MUG"]
    return {name: str(whole[name]) for name in ("descriptionlong", "price", "gtin")}


def test_an_item_goes_with_what_the_app_tells_of_it(shop: ProductShop) -> None:
    """Of the lines of a price list, those for one piece, today, in that list."""
    shop.run_of(PRODUCTS_TO_WINSTORE)
    assert article(shop) == {"descriptionlong": "<p>Long</p>", "price": "8", "gtin": "4006381333931"}


def test_a_text_that_changes_in_the_app_is_sent_as_any_change_of_the_item(shop: ProductShop) -> None:
    shop.run_of(PRODUCTS_TO_WINSTORE)
    tells(shop, "PATCH", f"itemSettings({shop.item('MUG')['id']})", longDescription="new")
    shop.run_of(PRODUCTS_TO_WINSTORE)
    assert article(shop)["descriptionlong"] == "new"


@pytest.mark.parametrize("why", ["absent", *(pytest.param(why, marks=pytest.mark.soak) for why in ("off", "right"))])
def test_without_the_app_what_stands_in_its_place_is_sent_and_the_gap_is_named(shop: ProductShop, why: str) -> None:
    if why == "off":
        shop.call(companion_app="off")
    elif why == "right":
        rights = {f"{STORED}.{name}": ["read"] for name in ("itemSettings", "salesPrices", "itemBarcodes")}
        shop._control(BC, "seed", {"rights": rights})
    else:
        app = next(each for each in shop.records("microsoft.automation.extensions") if each["publisher"] == "winbc")
        shop._control(BC, "seed", {"extensions": [{"id": app["id"], "installed": False}]})
    shop.run_of(PRODUCTS_TO_WINSTORE)
    assert article(shop) == {"descriptionlong": "Mug", "price": "10", "gtin": ""}
    told = "\n".join(PRODUCTS_TO_WINSTORE.notes(shop.settings))
    sets = ("itemSettings", "salesPrices", "itemBarcodes")
    assert all(f"needs {name} of the companion app, and is empty" in told for name in sets)


def test_with_the_app_no_gap_is_named(shop: ProductShop) -> None:
    assert PRODUCTS_TO_WINSTORE.notes(shop.settings) == []


def test_where_no_table_reads_a_field_of_the_app_nobody_asks_it(shop: ProductShop) -> None:
    shop.settings = shop.settings.model_copy(update={"mapping_folder": REPOSITORY / "mapping_tables"})
    before = len(shop.calls(BC))
    shop.run_of(PRODUCTS_TO_WINSTORE)
    assert PRODUCTS_TO_WINSTORE.notes(shop.settings) == []
    asked = {each["path"].rsplit("/", 1)[-1] for each in shop.calls(BC)[before:] if "connector" in each["path"]}
    assert asked == {"capabilities", "changeCursors"}, "what is read by row versions asks, and no field of an item"
