"""Fields of the companion app in mapping tables: written after their record, compared and settled as any field.

Contract of the app: facts/companion_app.json. Without the app, a record is sent as without these fields.
"""

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.sync.run import dry_run, push_windows
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.workbench.readiness import check_ready

from ...support.order_sandboxes import BC, Record
from ...support.shops.product_shop import ProductShop
from ...support.shops.product_shop import product_shop as product_shop
from ...support.shops.two_ways import TO_BC, TwoWays

STORED = "connector.winstore"
SETTINGS = f"{STORED}.itemSettings"
API = "BC/api/connector/winstore/v1.0"
LONG = "<p>" + "A mug that lasts. " * 300 + "</p>"
pytestmark = pytest.mark.proof


def install(world: ProductShop | TwoWays) -> None:
    world._control(BC, "seed", {"extensions": [companion_app().source()]})


def places(shop: ProductShop, *rows: str) -> None:
    """The rows of features.csv."""
    shop._own_tables()
    path = shop.settings.mapping_folder / shop.connected.flow.id / "features.csv"
    path.write_text("\n".join(["name,source,place,when,note", *rows, ""]), encoding="utf-8")


def add_rows(world: ProductShop | TwoWays, flow: str, table: str, *rows: str) -> None:
    """Adds rows to a mapping table."""
    world._own_tables()
    path = world.settings.mapping_folder / flow / f"{table}.csv"
    whole = path.read_text(encoding="utf-8").rstrip()
    path.write_text("\n".join([whole, *rows, ""]), encoding="utf-8")


def settings_of(shop: ProductShop, number: str) -> Record:
    return next(each for each in shop.records(SETTINGS) if each["number"] == number)


def person_sets(shop: ProductShop, number: str, **fields: object) -> None:
    """A user of Business Central changes fields of the app on the card of an item."""
    shop.pass_time(1)
    own = shop.item(number)["id"]
    url = f"http://127.0.0.1:{BC}/{API}/companies({COMPANY_ID})/itemSettings({own})"
    answer = shop.http.request("PATCH", url, json=fields, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def shop(product_shop: ProductShop) -> ProductShop:
    """The app is installed, and the long description of an article goes into its field."""
    install(product_shop)
    places(product_shop, "long,descriptionlong,app longDescription,,", "web,artkey,app webId,create,")
    product_shop.article("7", "MUG", description_long=LONG)
    return product_shop


def test_a_new_item_gets_its_fields_in_the_same_run(shop: ProductShop) -> None:
    shop.run()
    found = settings_of(shop, "MUG")
    assert (found["longDescription"], found["webId"]) == (LONG, "7")
    assert shop.row("MUG")["state"] == "CONFIRMED"


def test_a_new_item_gets_an_option_that_is_not_the_one_of_new_items(shop: ProductShop) -> None:
    """Business Central gives a new item the first option, which nobody has chosen."""
    places(shop, "state,'Published',app status,create,")
    shop.run()
    assert (settings_of(shop, "MUG")["status"], shop.row("MUG")["state"]) == ("Published", "CONFIRMED")
    shop.article("8", "CUP", description_long=LONG)
    shop.fault(BC, {"kind": "drop_before", "path": "connector/winstore/v1.0/$batch", "method": "POST", "nth": 2})
    shop.run()
    shop.run()
    assert (settings_of(shop, "CUP")["status"], shop.row("CUP")["state"]) == ("Published", "CONFIRMED")


def test_an_edit_changes_the_field_alone_and_a_rerun_writes_nothing(shop: ProductShop) -> None:
    shop.run()
    shop.article("7", "MUG", description_long="short")
    before = len(shop.state(BC)["writes"])
    shop.run()
    assert shop.writes_since(before) == [("PATCH", {"longDescription": "short"})]
    shop.run()
    assert len(shop.writes_since(before)) == 1


def test_what_a_person_typed_stays_while_winstore_says_the_same(shop: ProductShop) -> None:
    shop.run()
    person_sets(shop, "MUG", longDescription="by hand", status="Hidden")
    shop.article("7", "MUG", description_long=LONG, price="20")
    shop.run()
    found = settings_of(shop, "MUG")
    assert (found["longDescription"], found["status"]) == ("by hand", "Hidden")
    assert shop.item("MUG")["unitPrice"] == 20


def test_an_option_that_the_field_does_not_have_is_refused_before_anything_is_sent(shop: ProductShop) -> None:
    places(shop, "status,'Gone',app status,,")
    with pytest.raises(MappingError, match="status"):
        shop.run()


def test_a_field_that_the_app_does_not_have_is_refused_by_name(shop: ProductShop) -> None:
    places(shop, "brand,'ACME',app brandCode,,")
    with pytest.raises(MappingError, match="brandCode"):
        shop.run()


def test_a_call_that_is_lost_leaves_the_item_open_and_the_next_run_ends_it(shop: ProductShop) -> None:
    shop.fault(BC, {"kind": "drop_after", "path": "connector/winstore/v1.0/$batch", "method": "POST", "nth": 2})
    shop.run()
    assert shop.row("MUG")["state"] != "CONFIRMED"
    shop.run()
    assert (settings_of(shop, "MUG")["longDescription"], shop.row("MUG")["state"]) == (LONG, "CONFIRMED")


def test_without_the_app_the_item_is_sent_and_the_field_is_named(product_shop: ProductShop) -> None:
    places(product_shop, "long,descriptionlong,app longDescription,,")
    product_shop.article("7", "MUG", description_long=LONG)
    product_shop.run()
    assert product_shop.row("MUG")["state"] == "CONFIRMED"
    assert any("app.longDescription needs itemSettings of the companion app" in each for each in warnings(product_shop))


def test_an_app_that_is_installed_later_gets_the_field_with_the_next_change(product_shop: ProductShop) -> None:
    places(product_shop, "long,descriptionlong,app longDescription,,")
    product_shop.article("7", "MUG", description_long=LONG)
    product_shop.run()
    install(product_shop)
    product_shop.article("7", "MUG", description_long=LONG, price="20")
    product_shop.run()
    assert settings_of(product_shop, "MUG")["longDescription"] == LONG


def test_an_app_that_is_gone_since_the_plan_leaves_the_item_open(shop: ProductShop) -> None:
    work = shop.work()
    dry_run(work)
    shop._control(BC, "seed", {"extensions": [{"id": companion_app().key, "installed": False}]})
    push_windows(work)
    assert shop.row("MUG")["state"] != "CONFIRMED"
    shop.run()
    assert shop.row("MUG")["state"] == "CONFIRMED"


def test_without_the_right_to_write_the_item_is_sent_and_the_right_is_named(shop: ProductShop) -> None:
    shop._control(BC, "seed", {"rights": {SETTINGS: ["modify"]}})
    shop.run()
    assert (shop.row("MUG")["state"], settings_of(shop, "MUG")["longDescription"]) == ("CONFIRMED", "")
    assert any("assign WINS Api" in each for each in warnings(shop))


def test_a_customer_gets_language_and_groups(two_ways: TwoWays) -> None:
    install(two_ways)
    add_rows(two_ways, TO_BC, "customer", "app.languageCode,'NLD',,always,,", "app.customerPriceGroup,'WEB',,create,,")
    two_ways.shop_has()
    two_ways.run(TO_BC)
    (found,) = two_ways.records(f"{STORED}.customerSettings")
    assert (found["languageCode"], found["customerPriceGroup"]) == ("NLD", "WEB")


def test_a_new_category_gets_its_parent(shop: ProductShop) -> None:
    shop.seed(itemCategories=[{"code": "ALL", "displayName": "All"}])
    add_rows(shop, PRODUCTS.id, "category", "app.parentCategory,'ALL',,create,,")
    shop.article("8", "CUP", category="Kitchen")
    shop.run()
    found = {each["code"]: each["parentCategory"] for each in shop.records(f"{STORED}.itemCategorySettings")}
    assert found["KITCHEN"] == "ALL"


def warnings(shop: ProductShop) -> tuple[str, ...]:
    """What `winbc check` says of the tables and Business Central."""
    target = BusinessCentral(shop.settings)
    try:
        return check_ready(shop.connected, target).warnings
    finally:
        target.close()
