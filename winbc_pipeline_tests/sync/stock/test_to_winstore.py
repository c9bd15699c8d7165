"""Business Central's stock in Winstore: what is there less what open orders take, in one warehouse."""

from decimal import Decimal

import pytest

from winbc_pipeline.errors import ConfigurationError, MappingError

from ...support.order_sandboxes import WINSTORE
from ...support.shops.stock_world import SKU, TO_WINSTORE, StockWorld


@pytest.fixture
def of_bc(stock: StockWorld) -> StockWorld:
    """Business Central owns all stock; Winstore has the item in one warehouse."""
    stock.shop_has(warehouse="7", quantity="1")
    stock.bc_owns()
    return stock


def test_the_inventory_less_open_orders_is_what_winstore_shows(of_bc: StockWorld) -> None:
    of_bc.sold(3)
    assert of_bc.run(TO_WINSTORE).updated == 1
    assert of_bc.shown() == 7


def test_a_shipment_changes_nothing_because_the_order_took_it_already(of_bc: StockWorld) -> None:
    order = of_bc.sold(3)
    of_bc.run(TO_WINSTORE)
    before = len(of_bc.written(WINSTORE))
    (line,) = [each for each in of_bc.records("salesOrderLines") if each["documentId"] == order["id"]]
    of_bc.user(do="ship", id=order["id"], quantities={line["id"]: 3})
    assert of_bc.inventory() == 7
    of_bc.pass_time(1)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 7
    assert len(of_bc.written(WINSTORE)) == before


def test_a_correction_without_any_order_arrives(of_bc: StockWorld) -> None:
    of_bc.run(TO_WINSTORE)
    moment = of_bc.of_bc()["lastModifiedDateTime"]
    of_bc.pass_time(3600)
    of_bc.counted(4)
    assert of_bc.of_bc()["lastModifiedDateTime"] == moment  # rules.md, Stock: an adjustment does not move it
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 4


def test_an_order_that_is_deleted_gives_its_stock_back(of_bc: StockWorld) -> None:
    order = of_bc.sold(3)
    of_bc.run(TO_WINSTORE)
    of_bc.by_person("POST", f"salesOrders({order['id']})/Microsoft.NAV.reopen")
    of_bc.by_person("DELETE", f"salesOrders({order['id']})")
    of_bc.pass_time(3600)
    of_bc.run_changes(TO_WINSTORE)
    assert of_bc.shown() == 10


@pytest.mark.parametrize(("drafts", "shows"), [(False, 10), (True, 8)])
def test_a_draft_counts_where_the_setting_says_so(of_bc: StockWorld, drafts: bool, shows: int) -> None:
    of_bc.owner("bc", warehouse="7", drafts=drafts)
    of_bc.seed(customers=[{"number": "C1", "displayName": "By hand"}])
    line = {"lineType": "Item", "lineObjectNumber": SKU, "quantity": 2}
    of_bc.by_person("POST", "salesOrders", {"customerNumber": "C1", "salesOrderLines": [line]})
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == shows


def test_purchase_orders_count_where_a_formula_reads_incoming(of_bc: StockWorld) -> None:
    of_bc.edit_table("stock", "quantity", TO_WINSTORE, source="on_hand + incoming", when="update")
    of_bc.seed(vendors=[{"number": "V1", "displayName": "Maker"}])
    line = {"lineType": "Item", "lineObjectNumber": SKU, "quantity": 6}
    answer = of_bc.by_person("POST", "purchaseOrders", {"vendorNumber": "V1", "purchaseOrderLines": [line]})
    assert answer.status_code == 201, answer.text
    of_bc.owner("bc", warehouse="7", drafts=True)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 16


def test_a_formula_that_reads_what_v2_lacks_is_refused_by_name(of_bc: StockWorld) -> None:
    of_bc.edit_table("stock", "quantity", TO_WINSTORE, source="on_hand - sold", when="update")
    with pytest.raises(MappingError, match="What sells from the stock is `on_orders`"):
        of_bc.run(TO_WINSTORE)


def test_a_sku_that_winstore_does_not_know_is_skipped(of_bc: StockWorld) -> None:
    of_bc.item("NOBODY")
    of_bc.counted(5, "NOBODY")
    of_bc.run(TO_WINSTORE)
    assert of_bc.told("NOBODY", TO_WINSTORE) == ("SKIPPED", "MISSING_ARTICLE")


def test_a_sku_to_which_the_table_gives_no_number_is_skipped_and_the_others_are_sent(of_bc: StockWorld) -> None:
    of_bc.item("NO-NUMBER")
    of_bc.edit_table("stock", "sku", TO_WINSTORE, source="nullif(number, 'NO-NUMBER')", required="")
    of_bc.run(TO_WINSTORE)
    assert of_bc.told("NO-NUMBER", TO_WINSTORE) == ("SKIPPED", "MISSING_ARTICLE")
    assert of_bc.shown() == 10


def test_an_article_without_any_stock_gets_its_first_figure(of_bc: StockWorld) -> None:
    of_bc.item("FRESH")
    of_bc.counted(5, "FRESH")
    of_bc.shop_lists("FRESH")
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown("FRESH") == 5


def test_a_service_is_not_stocked(of_bc: StockWorld) -> None:
    of_bc.item("WORK", type="Service")
    of_bc.shop_lists("WORK")
    of_bc.run(TO_WINSTORE)
    assert of_bc.told("WORK", TO_WINSTORE) == ("SKIPPED", "NOT_STOCKED")


def test_a_rerun_writes_nothing_and_what_somebody_typed_is_overwritten(of_bc: StockWorld) -> None:
    of_bc.run(TO_WINSTORE)
    before = len(of_bc.written(WINSTORE))
    of_bc.run(TO_WINSTORE)
    assert len(of_bc.written(WINSTORE)) == before
    of_bc.shop_has(warehouse="7", quantity="99")
    of_bc.counted(9)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == 9


def test_decimals_are_kept(of_bc: StockWorld) -> None:
    of_bc.counted(2.375)
    of_bc.run(TO_WINSTORE)
    assert of_bc.shown() == Decimal("2.375")


def test_the_other_direction_is_refused_for_a_group(of_bc: StockWorld) -> None:
    with pytest.raises(ConfigurationError, match="stock_winstore_to_bc is off"):
        of_bc.run()
    of_bc.owner("winstore", owners={"CENTRAL": "bc"}, warehouse="7")
    with pytest.raises(ConfigurationError, match="Winstore owns the stock of group ALL"):
        of_bc.run(TO_WINSTORE)


def test_a_flag_without_a_field_is_refused_with_the_reason(of_bc: StockWorld) -> None:
    of_bc.owner("bc", warehouse="7", manage_stock="on")
    with pytest.raises(ConfigurationError, match="writes no managestock"):
        of_bc.run(TO_WINSTORE)
    of_bc.owner("winstore", manage_stock="on")
    with pytest.raises(ConfigurationError, match="API v2.0 of Business Central has no field for it"):
        of_bc.run()


@pytest.mark.parametrize(("chosen", "shown"), [("on", "true"), ("off", "false")])
def test_the_flag_is_forced_through_a_profile_that_has_a_field_for_it(
    of_bc: StockWorld, chosen: str, shown: str
) -> None:
    of_bc.profile_has('[writes.stock.fields]\nmanagestock = "boolean"')
    of_bc.edit_table("stock", "managestock", TO_WINSTORE, source="manage_stock", when="update")
    of_bc.owner("bc", warehouse="7", manage_stock=chosen)
    of_bc.run(TO_WINSTORE)
    (row,) = of_bc.state(WINSTORE)["records"]["stock"]
    assert (row["managestock"], row["quantity"]) == (shown, "10")
    before = len(of_bc.written(WINSTORE))
    of_bc.run(TO_WINSTORE)
    assert len(of_bc.written(WINSTORE)) == before


def test_an_item_on_an_order_in_another_unit_is_not_sent(of_bc: StockWorld) -> None:
    of_bc.has_unit("BOX", 12)
    of_bc.sold(2, unit="BOX")
    of_bc.run(TO_WINSTORE)
    assert of_bc.told(SKU, TO_WINSTORE) == ("SKIPPED", "OTHER_UNIT")
    assert of_bc.shown() == 1


def test_skus_of_winstore_that_differ_only_in_capitals_are_named_both(of_bc: StockWorld) -> None:
    of_bc.shop_has(sku="sku-1", warehouse="1", quantity="2")
    of_bc.run(TO_WINSTORE)
    assert of_bc.told(SKU, TO_WINSTORE) == ("FAILED", "AMBIGUOUS")
    assert of_bc.row(SKU, TO_WINSTORE)["message"] == "2 records match by sku: SKU-1/7, sku-1/7"
    assert of_bc.shown() == 1


@pytest.mark.proof
def test_both_directions_with_different_owners_write_nothing_to_each_other(stock: StockWorld) -> None:
    stock.owner("winstore", owners={"CENTRAL": "bc"}, warehouse="7")
    stock.table("stock_groups", "1,SHOPS,", "7,CENTRAL,")
    stock.item("OURS")
    stock.counted(4, "OURS")
    stock.shop_has(warehouse="1", quantity="5")
    stock.shop_lists("OURS")
    stock.shop_has(sku="OURS", warehouse="7", quantity="1")
    for _ in range(2):
        stock.run()
        stock.run(TO_WINSTORE)
    assert (stock.inventory(), stock.shown("OURS"), stock.inventory("OURS")) == (5, 4, 4)
    assert stock.told(SKU, TO_WINSTORE) == ("SKIPPED", "OTHER_OWNER")
    assert stock.told("OURS") == ("SKIPPED", "OTHER_OWNER")
    before = len(stock.written()), len(stock.written(WINSTORE))
    for _ in range(24):
        stock.pass_time(3600)
        stock.run()
        stock.run(TO_WINSTORE)
    assert (len(stock.written()), len(stock.written(WINSTORE))) == before
