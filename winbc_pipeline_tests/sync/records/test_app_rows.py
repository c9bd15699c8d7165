"""Attributes, barcodes and units in mapping tables: rows of the companion app below an item, fields of it in winbc.

Contract of the app: facts/companion_app.json. Rules: docs/products.md, Attributes and features; without the app, or a
right in it, a record is sent as without these fields.
"""

from typing import Any
from unittest.mock import Mock

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.tables import read_features
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.sync.records.beside.rows_below import Barcodes

from ...support.order_sandboxes import BC, Record
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop
from .test_app_fields import API, STORED, add_rows, install, places, warnings

ATTRIBUTES, VALUES, MAPPINGS = (f"{STORED}.itemAttribute{name}" for name in ("s", "Values", "Mappings"))
BARCODES, UNITS = f"{STORED}.itemBarcodes", f"{STORED}.itemUnits"
ROWS = (
    "sub,subcategory,attribute Sub category,,",
    "box,'12',unit BOX,create,",
    "label,gtin,barcode,,",
    "box label,'B' || gtin,barcode BOX,create,",
)
proof, soak = pytest.mark.proof, pytest.mark.soak


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    """The app is installed; an article has a sub-category, a barcode and a box."""
    install(product_shop)
    product_shop.seed(unitsOfMeasure=[{"code": "BOX", "displayName": "Box"}])
    places(product_shop, *ROWS)
    product_shop.article("7", "MUG", subcategory="Mugs", gtin="111")
    return product_shop


def attributes(shop: ProductShop, item: str = "MUG") -> dict[str, str]:
    """The values of an item's attributes by the names of these."""
    names = {each["attributeId"]: each["name"] for each in shop.records(ATTRIBUTES)}
    texts = {each["valueId"]: each["value"] for each in shop.records(VALUES)}
    own = (each for each in shop.records(MAPPINGS) if each["itemNumber"] == item)
    return {names[each["attributeId"]]: texts[each["valueId"]] for each in own}


def barcodes(shop: ProductShop) -> set[tuple[str, str, str, str]]:
    names = ("itemNumber", "variantCode", "unitOfMeasureCode", "barcode")
    return {tuple(each[name] for name in names) for each in shop.records(BARCODES)}  # type: ignore[misc]


def person(shop: ProductShop, method: str, path: str, **fields: Any) -> Record:
    """A call that a user of Business Central makes to the app."""
    shop.pass_time(1)
    url = f"http://127.0.0.1:{BC}/{API}/companies({COMPANY_ID})/{path}"
    answer = shop.http.request(method, url, json=fields or None, headers={"If-Match": "*"})
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else {}


def mapping(shop: ProductShop) -> str:
    """The path of the only attribute of the item."""
    (own,) = shop.records(MAPPINGS)
    return f"itemAttributeMappings({own['id']})"


def bodies_since(shop: ProductShop, before: int) -> list[Record]:
    return [body for _, body in shop.writes_since(before)]


@proof
def test_a_new_item_gets_its_rows_in_the_same_run_and_a_rerun_writes_nothing(shop: ProductShop) -> None:
    shop.run()
    assert attributes(shop) == {"Sub category": "Mugs"}
    assert [(each["name"], each["type"], each["use"]) for each in shop.records(ATTRIBUTES)] == [
        ("Sub category", "Option", "Feature")
    ]
    assert barcodes(shop) == {("MUG", "", "", "111"), ("MUG", "", "BOX", "B111")}
    assert [(each["code"], each["quantityPerUnit"]) for each in shop.records(UNITS)] == [("BOX", 12)]
    assert shop.row("MUG")["state"] == "CONFIRMED"
    before = len(shop.state(BC)["writes"])
    shop.run()
    assert shop.writes_since(before) == []


@proof
def test_an_edit_changes_the_value_adds_a_barcode_and_nothing_else(shop: ProductShop) -> None:
    shop.run()
    before = len(shop.state(BC)["writes"])
    shop.article("7", "MUG", subcategory="Cups", gtin="222")
    shop.run()
    sent = [sorted(body) for body in bodies_since(shop, before)]
    keys = ["barcode", "itemNumber", "unitOfMeasureCode", "variantCode"]
    assert sent == [["gtin"], ["attributeId", "value"], ["valueId"], keys]
    assert attributes(shop) == {"Sub category": "Cups"}
    assert barcodes(shop) == {("MUG", "", "", "111"), ("MUG", "", "", "222"), ("MUG", "", "BOX", "B111")}
    shop.article("7", "MUG", subcategory="", gtin="222")
    shop.run()
    assert attributes(shop) == {}


def test_a_barcode_that_comes_back_becomes_the_newest_again() -> None:
    """Else the one before it would stay the barcode for Business Central, and come back to Winstore (`app_barcode`)."""
    key = {"itemNumber": "MUG", "variantCode": "", "unitOfMeasureCode": ""}
    old, new = (
        {"id": text, "@odata.etag": "e", "barcode": text, "description": "", "lastModifiedDateTime": moment} | key
        for text, moment in (("111", "2026-03-10T10:00:00Z"), ("222", "2026-03-10T11:00:00Z"))
    )
    found = {"value": [old, new], "of": ("MUG", "")}
    one = Barcodes(None, Mock(), "items", ["barcode"])

    def calls(barcode: str) -> list[tuple[str, str, Any]]:
        change = {"field": "barcode", "old": "222", "new": barcode}
        return [(each.method, each.path, each.body) for each in one.calls({}, [change], found)]

    post = "POST", "itemBarcodes", key | {"barcode": "111"}
    assert calls("111") == [("DELETE", "itemBarcodes(111)", None), post]
    assert calls("222") == [], "it is the newest already"


@proof
def test_a_barcode_that_comes_back_is_the_newest_in_business_central(shop: ProductShop) -> None:
    shop.run()
    for gtin in ("222", "111"):
        shop.pass_time(60)
        shop.article("7", "MUG", subcategory="Mugs", gtin=gtin)
        shop.run()
    moments = {each["barcode"]: each["lastModifiedDateTime"] for each in shop.records(BARCODES)}
    assert moments["111"] > moments["222"]
    assert shop.row("MUG")["state"] == "CONFIRMED"


@proof
def test_what_a_person_chose_stays_while_winstore_says_the_same(shop: ProductShop) -> None:
    shop.run()
    (attribute,) = shop.records(ATTRIBUTES)
    value = person(shop, "POST", "itemAttributeValues", attributeId=attribute["attributeId"], value="By hand")
    person(shop, "PATCH", mapping(shop), valueId=value["valueId"])
    shop.article("7", "MUG", subcategory="Mugs", gtin="111", price="20")
    shop.run()
    assert attributes(shop) == {"Sub category": "By hand"}
    assert shop.item("MUG")["unitPrice"] == 20


@proof
def test_attributes_and_values_that_are_there_are_used_whatever_their_capitals(shop: ProductShop) -> None:
    known = person(shop, "POST", "itemAttributes", name="SUB CATEGORY", type="Option", use="None")
    person(shop, "POST", "itemAttributeValues", attributeId=known["attributeId"], value="MUGS")
    shop.article("8", "CUP", subcategory="mugs", gtin="333")
    shop.run()
    assert (attributes(shop), attributes(shop, "CUP")) == ({"SUB CATEGORY": "MUGS"}, {"SUB CATEGORY": "MUGS"})
    assert [each["use"] for each in shop.records(ATTRIBUTES)] == ["None"]


@proof
def test_what_makes_variants_is_an_option_in_the_shop(shop: ProductShop) -> None:
    shop._own_tables()
    path = shop.settings.tables.path(shop.connected.place_of("attributes.csv"))
    path.write_text("name,source,place,when,note\ncolor,color,attribute Colour,,\n", encoding="utf-8")
    shop.article("9", "HAT", color="Red")
    shop.run()
    assert attributes(shop, "HAT")["Colour"] == "Red"
    assert {each["name"]: each["use"] for each in shop.records(ATTRIBUTES)}["Colour"] == "Option"


@proof
def test_a_variant_has_its_own_barcode(shop: ProductShop) -> None:
    places(shop, "sub,subcategory,attribute Sub category,,")
    shop.products(variants="item_variants", accept_losses=("price", "cost", "stock", "blocked"))  # GTINs are kept
    add_rows(shop, shop.connected.flow.id, "variant", "barcode,gtin,,always,,")
    shop.sells("A", {"sku": "A-1", "color": "Red", "gtin": "1"}, {"sku": "A-2", "color": "Blue", "gtin": "2"})
    shop.run()
    assert {("A", "A-1", "", "1"), ("A", "A-2", "", "2")} <= barcodes(shop)
    shop.sells("A", {"sku": "A-1", "color": "Red", "gtin": "1"}, {"sku": "A-2", "color": "Blue", "gtin": "5"})
    shop.run()
    assert ("A", "A-2", "", "5") in barcodes(shop)
    assert shop.row("A-2", "variant")["state"] == "CONFIRMED"


@proof
@pytest.mark.parametrize("nth", [pytest.param(1, marks=soak), 2, pytest.param(3, marks=soak)])
def test_a_call_that_is_lost_leaves_the_item_open_and_the_next_run_ends_it(shop: ProductShop, nth: int) -> None:
    """The calls to the app: attributes, values, and which item has them."""
    shop.fault(BC, {"kind": "drop_after", "path": "connector/winstore/v1.0/$batch", "method": "POST", "nth": nth})
    shop.run()
    assert shop.row("MUG")["state"] != "CONFIRMED"
    shop.run()
    assert (attributes(shop), shop.row("MUG")["state"]) == ({"Sub category": "Mugs"}, "CONFIRMED")
    assert (len(shop.records(ATTRIBUTES)), len(shop.records(VALUES)), len(shop.records(BARCODES))) == (1, 1, 2)


@proof
@pytest.mark.parametrize("taken", [pytest.param(MAPPINGS, marks=soak), BARCODES])
def test_without_the_right_the_item_is_sent_and_the_right_is_named(shop: ProductShop, taken: str) -> None:
    shop._control(BC, "seed", {"rights": {taken: ["insert"]}})
    shop.run()
    assert (shop.row("MUG")["state"], shop.records(taken)) == ("CONFIRMED", [])
    assert any(f"needs {taken.split('.')[-1]} of the companion app" in each for each in warnings(shop))


@proof
def test_without_the_app_the_item_is_sent_and_each_field_is_named_until_it_is_there(product_shop: ProductShop) -> None:
    places(product_shop, *ROWS)
    product_shop.article("7", "MUG", subcategory="Mugs", gtin="111")
    product_shop.run()
    assert product_shop.row("MUG")["state"] == "CONFIRMED"
    told = "\n".join(warnings(product_shop))
    assert all(f"{name} needs" in told for name in ("attribute.Sub category", "unit.BOX", "barcode", "barcode.BOX"))
    install(product_shop)
    product_shop.seed(unitsOfMeasure=[{"code": "BOX", "displayName": "Box"}])
    product_shop.article("7", "MUG", subcategory="Mugs", gtin="111", price="20")
    product_shop.run()
    assert attributes(product_shop) == {"Sub category": "Mugs"}
    assert barcodes(product_shop) == {("MUG", "", "", "111")}, "what only new records get is not made up for"


@proof
def test_a_unit_that_business_central_lacks_holds_its_item_with_its_words(shop: ProductShop) -> None:
    places(shop, "pallet,'40',unit PALLET,,")
    shop.run()
    row = shop.row("MUG")
    assert (row["state"], "PALLET" in row["message"]) == ("FAILED", True)


@pytest.mark.parametrize("place", ["attribute", "unit", "category X", "barcode ELEVENCHARS"])
def test_a_place_that_is_none_is_refused_with_those_that_are(tmp_path: Any, place: str) -> None:
    path = tmp_path / "features.csv"
    path.write_text(f"name,source,place,when,note\nx,'1',{place},,\n", encoding="utf-8")
    with pytest.raises(MappingError, match="attribute NAME"):
        read_features(path)
