"""What docs/orders.md says, statement by statement: lines and headers by task, and what an edit in Winstore does."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.systems.winstore.profile import load_profile

from ..support.order_flow import OrderFlow
from ..support.order_sandboxes import ADDRESS, REPOSITORY, Record

pytestmark = pytest.mark.proof  # cell by cell: minutes

# What each kind of edit in the source does.

EDITS: dict[str, Callable[[Record], Record]] = {
    "a quantity": lambda order: {"amount": "5"},
    "a new line": lambda order: {"positions": [*order["positions"], order["positions"][0] | {"linenr": "9"}]},
    "a removed line": lambda order: {"positions": order["positions"][:1]},
    "an address": lambda order: {"delivery_add": order["delivery_add"] | {"city": "Zeist"}},
}
NO_LONGER_WANTED = ("cancelled", "refunded")
DOCUMENTS = ("open", "released", "posted")
HELD, CANCELLED = ("CONFLICT", "CHANGED"), ("CONFLICT", "CANCELLED")


def edited(order_flow: OrderFlow, document: str, edit: Callable[[Record], Record]) -> tuple[str, str | None]:
    """State and reason of an order of two lines that is edited while its document is open, released or posted."""
    order = order_flow.order("W1", lines=[{}, {"amount": "3"}])
    order_flow.sync()
    if document == "released":
        order_flow.releases("W1")
    if document == "posted":
        order_flow.act("shipAndInvoice")
    order_flow.pass_time(60)
    order_flow.edit("W1", **edit(order))
    order_flow.sync()
    return order_flow.outcome()


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_held_for_a_person(order_flow: OrderFlow, document: str, edit: str) -> None:
    assert edited(order_flow, document, EDITS[edit]) == HELD


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_applied_to_an_open_document_where_the_rule_says_so(
    order_flow: OrderFlow, document: str, edit: str
) -> None:
    order_flow.choose(on_change="apply")
    if document != "open":
        assert edited(order_flow, document, EDITS[edit]) == HELD
        return
    assert edited(order_flow, document, EDITS[edit])[0] == "CONFIRMED"
    found = order_flow.document()
    goods = [int(line["quantity"]) for line in found["lines"] if line["lineType"] == "Item"]
    expected = {"a quantity": [5, 3], "a new line": [2, 3, 2], "a removed line": [2]}.get(edit, [2, 3])
    assert (goods, found["shipToCity"]) == (expected, "Zeist" if edit == "an address" else "Utrecht")


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("status", NO_LONGER_WANTED)
def test_a_cancelled_or_refunded_order_is_held(order_flow: OrderFlow, document: str, status: str) -> None:
    assert edited(order_flow, document, lambda _: {"status": status}) == CANCELLED


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("status", NO_LONGER_WANTED)
def test_where_the_rule_says_so_its_open_document_is_deleted_and_no_other(
    order_flow: OrderFlow, document: str, status: str
) -> None:
    order_flow.choose(on_cancel="apply")
    outcome = edited(order_flow, document, lambda _: {"status": status})
    assert outcome == (("CONFIRMED", "CANCELLED") if document == "open" else CANCELLED)
    assert len(order_flow.records("salesOrders")) == (document == "released")


@pytest.mark.parametrize("on_cancel", ["hold", "apply"])
@pytest.mark.parametrize("document", DOCUMENTS[1:])
def test_a_credit_memo_is_made_of_a_posted_invoice_whatever_on_cancel_says(
    order_flow: OrderFlow, document: str, on_cancel: str
) -> None:
    order_flow.choose(on_cancel=on_cancel, credit_memo=True)
    outcome = edited(order_flow, document, lambda _: {"status": "refunded"})
    assert outcome == (("CONFIRMED", "CANCELLED") if document == "posted" else CANCELLED)
    assert len(order_flow.records("salesCreditMemos")) == (document == "posted")


def test_an_edited_order_whose_document_was_deleted_is_for_a_person_and_a_cancelled_one_is_done(
    order_flow: OrderFlow,
) -> None:
    order_flow.order("W1")
    order_flow.order("W2")
    order_flow.sync()
    for number in ("W1", "W2"):
        order_flow.deletes(number)
    order_flow.pass_time(60)
    order_flow.edit("W1", amount="5")
    order_flow.edit("W2", status="cancelled")
    order_flow.sync()
    assert order_flow.outcome("W1") == ("CONFLICT", "DELETED")
    assert order_flow.outcome("W2") == ("CONFIRMED", "CANCELLED")


def test_another_status_alone_changes_nothing(order_flow: OrderFlow) -> None:
    assert edited(order_flow, "posted", lambda _: {"status": "completed"})[0] == "CONFIRMED"


def test_a_document_that_was_shipped_in_part_and_is_open_is_changed_as_far_as_business_central_lets_it(
    order_flow: OrderFlow,
) -> None:
    order_flow.choose(on_change="apply", on_cancel="apply")
    order_flow.send()
    order_flow.ships("W1")
    order_flow.pass_time(60)
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    assert order_flow.document()["lines"][0]["quantity"] == 5
    order_flow.pass_time(60)
    order_flow.edit("W1", status="cancelled")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "BC_REFUSED")
    assert len(order_flow.records("salesOrders")) == 1


def test_what_people_changed_in_business_central_stays_unless_the_edit_is_of_the_same_field(
    order_flow: OrderFlow,
) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send()
    document = order_flow.document()
    order_flow.without = ("I7",)  # the city is a person's
    order_flow.by_person("PATCH", f"salesOrders({document['id']})", {"shipToCity": "Gent", "shipToName": "Desk"})
    order_flow.pass_time(60)
    order_flow.edit("W1", delivery_add=ADDRESS | {"countryISO": "NL", "name": "Eva"})
    order_flow.sync()
    assert (order_flow.document()["shipToCity"], order_flow.document()["shipToName"]) == ("Gent", "Eva")


def test_a_document_out_of_which_somebody_took_lines_is_for_a_person(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send(lines=[{}, {"amount": "3"}])
    order_flow.by_person("DELETE", f"salesOrderLines({order_flow.document()['lines'][1]['id']})")
    order_flow.pass_time(60)
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    assert order_flow.outcome() == HELD


# Lines by task.


def test_a_discount_as_an_amount(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order_line", "discountPercent", when="never")
    order_flow.edit_table("order_line", "discountAmount", source="reduction")
    order_flow.without = {"I7"}
    order_flow.send(lines=[{"reduction": "1.50"}], total="27.34")
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.document()["lines"][0]["discountAmount"] == Decimal("1.50")


def test_a_sku_with_a_variant_in_it(order_flow: OrderFlow) -> None:
    mug = next(item["id"] for item in order_flow.records("items") if item["number"] == "SKU-1")
    order_flow.seed(itemVariants=[{"itemId": mug, "itemNumber": "SKU-1", "code": "RED", "description": "Red mug"}])
    source = "if(coalesce(type, 'S') = 'S', split_part(product_id, '/', 1), lookup('position_accounts', type))"
    order_flow.edit_table("order_line", "lineObjectNumber", source=source)
    order_flow.edit_table("order_line", "itemVariantCode", source="split_part(product_id, '/', 2)")
    order_flow.without = {"I7"}
    order_flow.send(lines=[{"product_id": "SKU-1/RED"}, {"product_id": "SKU-1"}])
    red, plain, _ = order_flow.document()["lines"]
    assert red["itemVariantId"] == order_flow.records("itemVariants")[0]["id"]
    assert [line["lineObjectNumber"] for line in (red, plain)] == ["SKU-1", "SKU-1"]
    assert plain["itemVariantId"] != red["itemVariantId"]
    assert order_flow.send("W2", lines=[{"product_id": "SKU-1/BLUE"}])["message"] == "SKU SKU-1: no variant BLUE"


def test_prices_with_vat_on_orders(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "pricesIncludeTax", source="true")
    order_flow.edit_table("shipping", "unitPrice", source="shippingcost")
    order_flow.without = {"I7"}
    order_flow.send(lines=[{"amount": "1", "single_price": "121"}], total="125.95")
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.document()["totalAmountIncludingTax"] == Decimal("125.95")


def test_prices_with_vat_on_invoices(order_flow: OrderFlow) -> None:
    order_flow.choose(document="invoice")
    order_flow.edit_table("invoice_line", "unitPrice", source="round(remove_vat(single_price, vatrate), 5)")
    order_flow.without = {"I7"}
    order_flow.send(lines=[{"amount": "3", "single_price": "9.95"}], total="34.80")
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.document("salesInvoices")["totalAmountIncludingTax"] == Decimal("34.80")


def test_prices_with_vat_cannot_be_said_of_an_invoice(order_flow: OrderFlow) -> None:
    order_flow.choose(document="invoice")
    order_flow.edit_table("invoice", "pricesIncludeTax", source="true")
    with pytest.raises(MappingError, match="pricesIncludeTax is read-only"):
        order_flow.send()


# The header by task.


def terms(order_flow: OrderFlow, **order: Any) -> str | None:
    order_flow.send(**order)
    codes = {each["id"]: each["code"] for each in order_flow.records("paymentTerms")}
    return codes.get(order_flow.document()["paymentTermsId"])


def other_terms(order_flow: OrderFlow, *rows: str) -> None:
    order_flow.edit_table("order", "paymentTermsId")
    path = order_flow.settings.mapping_folder / "lookups" / "payment_terms.csv"
    path.write_text("\n".join(["source_value,target_value,note", *rows]), encoding="utf-8")


@pytest.mark.parametrize(("method", "code"), [("invoice", "30 DAYS"), ("bitcoin", "14 DAYS")])
def test_terms_by_lookup_with_a_row_for_the_rest(order_flow: OrderFlow, method: str, code: str) -> None:
    assert terms(order_flow, paymentmethod=method) == code


def test_terms_of_an_order_without_a_method_come_from_the_column_default(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "paymentTermsId", default="COD")
    assert terms(order_flow, paymentmethod="") == "COD"


def test_a_method_without_a_row_fails_where_there_is_none_for_the_rest(order_flow: OrderFlow) -> None:
    other_terms(order_flow, "ideal,14 DAYS,")
    order_flow.edit_table("order", "paymentTermsId", default="COD")
    assert order_flow.send(paymentmethod="bitcoin")["reason"] == "MAPPING"


def test_a_constant_is_forced(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "paymentTermsId", source="'COD'")
    assert terms(order_flow, paymentmethod="invoice") == "COD"


def test_the_customers_own_terms(order_flow: OrderFlow) -> None:
    codes = {each["code"]: each["id"] for each in order_flow.records("paymentTerms")}
    customer = {"number": "C1", "displayName": "Anna", "type": "Person", "email": "anna@mail.example"}
    order_flow.seed(customers=[customer | {"paymentTermsId": codes["COD"]}])
    order_flow.edit_table("order", "paymentTermsId", when="never")
    assert terms(order_flow, paymentmethod="invoice") == "COD"


def test_a_field_of_your_own_winstore(order_flow: OrderFlow) -> None:
    profile = order_flow.settings.data_folder / "profile.toml"
    shipped = (REPOSITORY / "winbc_pipeline/systems/winstore/profile.toml").read_text(encoding="utf-8")
    profile.write_text(shipped.replace('shippingcost = "decimal"\n', 'shippingcost = "decimal"\nwanted = "text"\n', 1))
    assert "wanted" in load_profile(profile).entity("orders").fields
    winstore = order_flow.settings.winstore.model_copy(update={"profile": profile})
    order_flow.settings = order_flow.settings.model_copy(update={"winstore": winstore})
    order_flow.edit_table("order", "requestedDeliveryDate", source="to_date(wanted)")
    order_flow.send(wanted="2026-03-24")
    assert order_flow.document()["requestedDeliveryDate"] == "2026-03-24"


def test_a_dimension(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "shortcutDimension1Code", source="branch")
    order_flow.send()
    assert order_flow.document()["shortcutDimension1Code"] == "2"


def test_the_reference_of_the_customer_on_an_invoice(order_flow: OrderFlow) -> None:
    order_flow.choose(document="invoice")
    order_flow.edit_table("invoice", "customerPurchaseOrderReference", source="'shop ' || ordernr")
    order_flow.send()
    assert order_flow.document("salesInvoices")["customerPurchaseOrderReference"] == "shop W1"


def test_a_field_of_an_extension_is_refused_by_name(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "giftWrap", source="'yes'")
    with pytest.raises(MappingError, match="has no field `giftWrap`"):
        order_flow.send()
