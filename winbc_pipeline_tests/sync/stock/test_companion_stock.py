"""Business Central's stock in Winstore with the companion app: by location and variant, and less what is reserved.

Contract of the app: facts/companion_app.json. Without the app: test_to_winstore.py.
"""

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sync.reading.glance import Change, change_since
from winbc_pipeline.sync.reading.stage import stage

from ...support.order_sandboxes import BC, WINSTORE
from ...support.shops.stock_world import SKU, TO_WINSTORE, StockWorld

LEVELS = "connector.winstore.inventoryLevels"
RESERVED = "connector.winstore.reservedStocks"


@pytest.fixture
def of_bc(stock_with_app: StockWorld) -> StockWorld:
    """Business Central owns all stock; Winstore has the item in one warehouse."""
    stock_with_app.shop_has(warehouse="7", quantity="1")
    stock_with_app.bc_owns()
    return stock_with_app


def counts_reserved(world: StockWorld) -> None:
    world.edit_table("stock", "quantity", TO_WINSTORE, source="on_hand - reserved", when="update")


def test_the_figure_is_that_of_today_with_the_app(of_bc: StockWorld) -> None:
    of_bc.sold(3)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 7
    assert all("salesOrders?" not in each["path"] for each in of_bc.calls(BC) if each["method"] == "GET")


@pytest.mark.proof
def test_only_the_locations_of_the_setting_count(of_bc: StockWorld) -> None:
    of_bc.seed(locations=[{"code": "SHOP"}, {"code": "CENTRAL"}])
    of_bc.counted(4, location="CENTRAL")
    of_bc.counted(2, location="SHOP")
    of_bc.owner("bc", warehouse="7", locations=("CENTRAL",))
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 4
    of_bc.pass_time(3600)
    of_bc.user(do="transfer", item=SKU, quantity=1, **{"from": "SHOP", "to": "CENTRAL"})
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 5


@pytest.mark.proof
def test_what_is_reserved_is_taken_off_when_a_formula_reads_it(of_bc: StockWorld) -> None:
    counts_reserved(of_bc)
    of_bc.user(do="reserve", item=SKU, quantity=4)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 6
    of_bc.pass_time(3600)
    of_bc.user(do="reserve", item=SKU, quantity=1)
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 9


@pytest.mark.proof
def test_an_order_in_another_unit_counts_in_base_units(of_bc: StockWorld) -> None:
    of_bc.has_unit("BOX", 3)
    of_bc.sold(2, unit="BOX")
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 4


@pytest.mark.proof
@pytest.mark.parametrize(("drafts", "shows"), [(False, 10), (True, 8)])
def test_a_draft_counts_where_the_setting_says_so(of_bc: StockWorld, drafts: bool, shows: int) -> None:
    of_bc.owner("bc", warehouse="7", drafts=drafts)
    of_bc.seed(customers=[{"number": "C1", "displayName": "By hand"}])
    line = {"lineType": "Item", "lineObjectNumber": SKU, "quantity": 2}
    of_bc.by_person("POST", "salesOrders", {"customerNumber": "C1", "salesOrderLines": [line]})
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == shows


@pytest.mark.proof
def test_each_variant_has_its_own_stock(of_bc: StockWorld) -> None:
    of_bc.item("MUG")
    for code, quantity in (("RED", 3), ("BLUE", 5)):
        of_bc.by_person("POST", "itemVariants", {"itemNumber": "MUG", "code": code})
        of_bc.counted(quantity, "MUG", variant=code)
        of_bc.shop_lists(f"MUG-{code}")
    products = of_bc.settings.products.model_copy(update={"variants": "item_variants"})
    of_bc.settings = of_bc.settings.model_copy(update={"products": products})
    of_bc.run(TO_WINSTORE)
    assert (of_bc.shown("MUG-RED"), of_bc.shown("MUG-BLUE")) == (3, 5)
    assert of_bc.told("MUG", TO_WINSTORE) == ("SKIPPED", "NOT_STOCKED_PER_VARIANT")
    of_bc.pass_time(3600)
    of_bc.counted(1, "MUG", variant="RED")
    of_bc.run_changes(TO_WINSTORE)
    assert (of_bc.shown("MUG-RED"), of_bc.shown("MUG-BLUE")) == (1, 5)


@pytest.mark.proof
def test_a_rerun_writes_nothing(of_bc: StockWorld) -> None:
    of_bc.sold(3)
    of_bc.run(TO_WINSTORE)
    before = len(of_bc.written(WINSTORE))
    of_bc.run(TO_WINSTORE)
    assert len(of_bc.written(WINSTORE)) == before


def test_an_order_that_is_deleted_is_told_by_the_log_of_stock_with_its_moment(of_bc: StockWorld) -> None:
    """A deleted line leaves no trace in API v2.0 (rules.md, Stock); the app's log is only ever added to."""
    order = of_bc.sold(3)
    of_bc.run(TO_WINSTORE)
    of_bc.pass_time(3600)
    of_bc.by_person("POST", f"salesOrders({order['id']})/Microsoft.NAV.reopen")
    of_bc.by_person("DELETE", f"salesOrders({order['id']})")
    deleted_at = of_bc.now
    of_bc.pass_time(1800)
    assert change_since(of_bc.connected(TO_WINSTORE), of_bc.now) == Change(None, of_bc.now.date())
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 10
    with of_bc.connected(TO_WINSTORE).store.open() as connection:
        (moment,) = connection.execute("SELECT max(lastModifiedDateTime) FROM rows_bc_stock").fetchone() or (None,)
    assert moment == deleted_at


@pytest.mark.proof
def test_a_posting_that_commits_ten_minutes_late_arrives(of_bc: StockWorld) -> None:
    of_bc.run(TO_WINSTORE)
    act = {"do": "adjust", "item": SKU, "quantity": -4}
    transaction = of_bc.http.post(f"http://127.0.0.1:{BC}/__user", json={"do": "begin", "act": act}).json()
    of_bc.pass_time(720)
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 10
    of_bc.user(do="commit", **transaction)
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 6


@pytest.mark.proof
def test_a_run_after_which_no_stock_changed_reads_no_item(of_bc: StockWorld) -> None:
    of_bc.run(TO_WINSTORE)
    of_bc.pass_time(60)
    assert stage(of_bc.connected(TO_WINSTORE), of_bc.now.date()) == 0


def test_without_the_right_to_its_levels_the_figure_is_that_of_api_v2(of_bc: StockWorld) -> None:
    of_bc._control(BC, "seed", {"rights": {LEVELS: ["read"]}})
    of_bc.sold(3)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 7


def test_what_only_the_app_tells_is_refused_by_name_without_it(stock: StockWorld) -> None:
    stock.bc_owns()
    counts_reserved(stock)
    with pytest.raises(ConfigurationError, match=r"`reserved` in stock.csv needs the companion app: .*not installed"):
        stock.run(TO_WINSTORE)
    stock.call(companion_app="off")
    with pytest.raises(ConfigurationError, match='`bc.companion_app` is "off"'):
        stock.run(TO_WINSTORE)


def test_a_right_that_is_missing_is_named(of_bc: StockWorld) -> None:
    counts_reserved(of_bc)
    of_bc._control(BC, "seed", {"rights": {RESERVED: ["read"]}})
    with pytest.raises(ConfigurationError) as refused:
        of_bc.run(TO_WINSTORE)
    assert "reservedStocks" in str(refused.value)


@pytest.mark.proof
def test_an_app_that_is_installed_later_is_used_from_then_on(stock: StockWorld) -> None:
    stock.shop_has(warehouse="7", quantity="1")
    stock.bc_owns()
    stock.has_unit("BOX", 3)
    stock.sold(2, unit="BOX")
    stock.run(TO_WINSTORE)
    assert stock.told(SKU, TO_WINSTORE) == ("SKIPPED", "OTHER_UNIT")
    stock._control(BC, "seed", {"extensions": [companion_app().source()]})
    stock.run(TO_WINSTORE)
    assert stock.shown() == 4
