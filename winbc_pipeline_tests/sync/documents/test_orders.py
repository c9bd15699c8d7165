"""What an order of Winstore becomes in Business Central."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.flows.products import PRODUCTS
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.run import cents_off, sync
from winbc_pipeline.sync.work import Work

from ...support.order_flow import GTIN, IN_BOTH_MODES, SEND, OrderFlow
from ...support.order_sandboxes import BC, FIRST, LAST

pytestmark = [pytest.mark.proof, IN_BOTH_MODES]

PERSON = {"number": "C1", "displayName": "Anna", "type": "Person", "email": "anna@mail.example"}
DEFAULT = {"number": "SHOP", "displayName": "Counter sales", "type": "Company"}
GUEST: dict[str, Any] = {"customerid": "999999", "email": ""}


# Which orders are taken.


@pytest.mark.parametrize(
    ("settings", "order", "reason"),
    [
        ({"statuses": ["completed"]}, {"status": "paid"}, "STATUS"),
        ({"payment_rules": {"Cash": "never"}}, {"paymentmethod": "cash"}, "PAYMENT_METHOD"),
        ({"payment_rules": {"ideal": "when_paid"}}, {"status": "new"}, "NOT_PAID"),
        ({}, {"status": "Cancelled"}, "CANCELLED"),
        ({}, {"status": "refunded"}, "CANCELLED"),
        ({"document": "invoice_when_completed"}, {"status": "paid"}, "NOT_COMPLETED"),
    ],
)
def test_an_order_that_the_settings_do_not_take_is_skipped_with_the_reason(
    order_flow: OrderFlow, settings: dict[str, Any], order: dict[str, Any], reason: str
) -> None:
    order_flow.choose(**settings)
    order_flow.send(**order)
    assert order_flow.outcome() == ("SKIPPED", reason)
    assert order_flow.writes() == 0


def test_an_order_that_waited_for_its_payment_goes_once_it_is_paid(order_flow: OrderFlow) -> None:
    order_flow.choose(payment_rules={"ideal": "when_paid"})
    order_flow.send(status="new")
    order_flow.pass_time(60)
    order_flow.edit("W1", status="paid")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", None)


def test_an_order_that_is_not_paid_in_time_is_given_up(order_flow: OrderFlow) -> None:
    order_flow.choose(payment_rules={"ideal": "when_paid"}, give_up_after_days=3)
    order_flow.send(status="new", orderdate="2020-03-01 09:30:00")
    assert order_flow.outcome() == ("SKIPPED", "GIVEN_UP")


@pytest.mark.parametrize("settings", [{"payment_rules": {"ideal": "always"}}, {"statuses": ["PAID", "completed"]}])
def test_an_order_that_the_settings_take_is_sent(order_flow: OrderFlow, settings: dict[str, Any]) -> None:
    order_flow.choose(**settings)
    order_flow.send()
    assert order_flow.outcome() == ("CONFIRMED", None)


# What is there already (more: test_existing.py).


@pytest.mark.parametrize("action", ["shipAndInvoice", "ship"])
def test_a_document_is_found_where_it_was_shipped_to(order_flow: OrderFlow, action: str) -> None:
    order_flow.types("W1")
    if action == "ship":
        order_flow.ships("W1")
    else:
        order_flow.act(action)
    order_flow.send()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert order_flow.ledger()["W1"]["target_set"] == ("salesOrders" if action == "ship" else "salesInvoices")


# For whom.


def test_the_customer_is_found_by_email_and_left_as_it_is(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[PERSON])
    order_flow.send(email="Anna@Mail.Example")
    (customer,) = order_flow.records("customers")
    assert (order_flow.document()["customerNumber"], customer["displayName"]) == ("C1", "Anna")


def test_the_customer_is_brought_up_to_date_where_the_setting_says_so(order_flow: OrderFlow) -> None:
    order_flow.choose(customers="create_and_update")
    order_flow.seed(customers=[PERSON])
    order_flow.send()
    (customer,) = order_flow.records("customers")
    assert customer["displayName"] == "Anna Groen"


def test_a_person_becomes_a_person(order_flow: OrderFlow) -> None:
    order_flow.send()
    (customer,) = order_flow.records("customers")
    assert (customer["type"], customer["displayName"], customer["number"]) == ("Person", "Anna Groen", "WS605254")


def test_a_company_becomes_a_company_with_its_contact(order_flow: OrderFlow) -> None:
    order_flow.send(invoice_add={"company": "Groen BV", "fname": "Anna", "lname": "Groen"})
    (customer,) = order_flow.records("customers")
    people = [each["displayName"] for each in order_flow.records("contacts") if each["type"] == "Person"]
    assert (customer["type"], customer["displayName"], people) == ("Company", "Groen BV", ["Anna Groen"])


def test_a_guest_with_an_email_is_made_once(order_flow: OrderFlow) -> None:
    order_flow.order("W1", **GUEST | {"email": "guest@mail.example"})
    order_flow.send("W2", **GUEST | {"email": "Guest@mail.example"})
    (customer,) = order_flow.records("customers")
    assert customer["number"].startswith("WSG-")


def test_a_guest_without_an_email_needs_a_default_debtor(order_flow: OrderFlow) -> None:
    row = order_flow.send(**GUEST)
    assert order_flow.outcome() == ("FAILED", "NO_CUSTOMER")
    assert "`orders.default_customer` is not set" in row["message"]
    assert order_flow.writes() == 0


@pytest.mark.parametrize("force", [False, True])
def test_a_guest_gets_the_default_debtor_and_everybody_does_where_it_is_forced(
    order_flow: OrderFlow, force: bool
) -> None:
    order_flow.choose(default_customer="SHOP", force_default_customer=force)
    order_flow.seed(customers=[DEFAULT])
    order_flow.send(**({} if force else GUEST))
    assert order_flow.document()["customerNumber"] == "SHOP"


def test_without_a_template_the_order_of_a_new_customer_says_which_template_to_choose(order_flow: OrderFlow) -> None:
    """rules.md, posting groups [S]: API v2.0 sets no posting group on a customer, and no document takes one without."""
    order_flow.without_templates()
    row = order_flow.send()
    assert order_flow.outcome() == ("FAILED", "CUSTOMER_GROUP")
    assert "Gen. Bus. Posting Group must have a value in Customer: No.=WS605254." in row["message"]
    assert "In API Setup, choose a template for the table Customer" in row["message"]
    assert order_flow.records("salesOrders") == []


def test_an_order_of_an_item_without_posting_groups_says_which_template_to_choose(order_flow: OrderFlow) -> None:
    item = {"number": "BARE", "displayName": "Bare", "type": "Inventory", "generalProductPostingGroupCode": ""}
    order_flow.seed(items=[item])
    row = order_flow.send(lines=[{"product_id": "BARE"}])
    assert order_flow.outcome() == ("FAILED", "ITEM_GROUP")
    assert "Gen. Prod. Posting Group must have a value in Item: No.=BARE." in row["message"]
    assert "choose a template for the table Item" in row["message"]


@pytest.mark.parametrize("force", [False, True])
def test_the_default_debtor_gets_round_a_missing_template(order_flow: OrderFlow, force: bool) -> None:
    order_flow.without_templates()
    order_flow.choose(default_customer="SHOP", force_default_customer=force, stop_after=1)
    order_flow.seed(customers=[DEFAULT])
    for number in ("W1", "W2"):
        order_flow.order(number)
    order_flow.sync()
    documents = order_flow.records("salesOrders")
    assert [each["customerNumber"] for each in documents] == ["SHOP", "SHOP"]
    assert [row["state"] for row in order_flow.ledger().values()] == ["CONFIRMED", "CONFIRMED"]
    told = "for the default customer SHOP: its customer has no posting group there (CUSTOMER_GROUP)"
    assert order_flow.ledger()["W1"]["message"] == (None if force else told)


def test_a_later_order_of_a_customer_without_posting_groups_goes_to_the_default_debtor(order_flow: OrderFlow) -> None:
    order_flow.without_templates()
    order_flow.send("W1")
    order_flow.choose(default_customer="SHOP")
    order_flow.seed(customers=[DEFAULT])
    order_flow.pass_time(60)
    order_flow.send("W2")
    assert [each["customerNumber"] for each in order_flow.records("salesOrders")] == ["SHOP", "SHOP"]


def test_a_default_debtor_without_posting_groups_is_refused_as_any_customer(order_flow: OrderFlow) -> None:
    order_flow.choose(default_customer="SHOP", force_default_customer=True)
    order_flow.seed(customers=[DEFAULT | {"customerPostingGroupCode": ""}])
    row = order_flow.send()
    assert order_flow.outcome() == ("FAILED", "CUSTOMER_GROUP")
    assert "Customer Posting Group must have a value in Customer: No.=SHOP." in row["message"]


def test_the_default_debtor_depends_on_the_country(order_flow: OrderFlow) -> None:
    order_flow.choose(default_customer="SHOP", default_customers_by_country={"BE": "SHOP-BE"})
    order_flow.seed(customers=[DEFAULT, DEFAULT | {"number": "SHOP-BE"}])
    order_flow.send(**GUEST, delivery_add={"name": "Anna", "countryISO": "be"})
    assert order_flow.document()["customerNumber"] == "SHOP-BE"


def test_a_default_debtor_that_is_not_there_is_told_before_anything_is_sent(order_flow: OrderFlow) -> None:
    order_flow.choose(default_customer="SHOP")
    order_flow.send(**GUEST)
    assert order_flow.outcome() == ("FAILED", "NO_CUSTOMER")
    assert order_flow.writes() == 0


@pytest.mark.parametrize("default", ["", "SHOP"])
def test_orders_make_no_customers_where_the_setting_says_never(order_flow: OrderFlow, default: str) -> None:
    order_flow.choose(customers="never", default_customer=default)
    order_flow.seed(customers=[DEFAULT])
    order_flow.send()
    assert order_flow.outcome() == (("CONFIRMED", None) if default else ("FAILED", "NO_CUSTOMER"))
    assert len(order_flow.records("customers")) == 1


NAMELESS: dict[str, Any] = {"delivery_add": {"street": "Kerkweg", "streetnr": "7", "countryISO": "NL"}}


@pytest.mark.parametrize("rule", ["create", "create_and_update", "never"])
def test_an_order_needs_its_customer_and_not_the_customers_mapping(order_flow: OrderFlow, rule: str) -> None:
    """The order names nobody, so that no customer could be made of it; the customer is known all the same."""
    order_flow.choose(customers=rule)
    order_flow.seed(customers=[PERSON])
    order_flow.send(**NAMELESS)
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert order_flow.document()["customerNumber"] == "C1"
    assert [each["displayName"] for each in order_flow.records("customers")] == ["Anna"]


def test_a_customer_is_known_by_number_before_the_email(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[PERSON | {"number": "WS605254", "email": "other@mail.example"}])
    order_flow.send(**NAMELESS, email="")
    assert order_flow.document()["customerNumber"] == "WS605254"


def test_a_new_customer_whose_row_breaks_a_rule_fails_the_order_with_the_rule(order_flow: OrderFlow) -> None:
    row = order_flow.send(**NAMELESS)
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert row["message"].startswith("customer (described by order W1): displayName: required")
    assert order_flow.writes() == 0


ABROAD: dict[str, Any] = {"invoice_add": {"lname": "Groen", "countryISO": "XX"}}


@pytest.mark.parametrize("newest", ["W1", "W2"])
def test_an_order_with_an_unknown_country_does_not_fail_the_others_of_its_customer(
    order_flow: OrderFlow, newest: str
) -> None:
    for number in sorted(("W1", "W2"), key=lambda number: number == newest):
        order_flow.order(number, **(ABROAD if number == "W2" else {}))
        order_flow.pass_time(60)
    order_flow.sync()
    assert order_flow.outcome("W1") == ("CONFIRMED", None)
    row = order_flow.ledger()["W2"]
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert "XX" in row["message"] and "sellToCountry" in row["message"]
    (customer,) = order_flow.records("customers")
    assert customer["country"] == "NL"


def test_a_rerun_of_an_old_window_does_not_bring_back_an_old_address(order_flow: OrderFlow) -> None:
    order_flow.choose(customers="create_and_update")
    order_flow.send("W1", lines=[{"product_id": "SKU-LATER"}])
    old = order_flow.now.date()
    order_flow.pass_time(24 * 3600)
    order_flow.send("W2", invoice_add={"lname": "Groen", "city": "Gouda", "countryISO": "NL"})
    order_flow.add_item("SKU-LATER")
    sync(Work(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), old, old, "rerun"))
    assert order_flow.outcome("W1") == ("CONFIRMED", None)
    (customer,) = order_flow.records("customers")
    assert customer["city"] == "Gouda"


def test_a_customer_whom_his_order_does_not_name_is_made_as_the_customers_flow_knows_him(
    order_flow: OrderFlow,
) -> None:
    known = {"customerid": "605254", "fname": "Anna", "lname": "Groen", "email": "anna@mail.example"}
    order_flow.winstore_app.state.records.insert_many(
        "customers", [("605254", known | {"countryISO": "NL", "modified": timestamp(order_flow.now)})]
    )
    customers = Work(ConnectedFlow(CUSTOMERS, order_flow.settings), FIRST, LAST, "run")
    stage(customers.connected, FIRST)
    map_windows(customers)
    order_flow.send(**NAMELESS)
    assert order_flow.outcome() == ("CONFIRMED", None)
    (customer,) = order_flow.records("customers")
    assert (customer["number"], customer["displayName"]) == ("WS605254", "Anna Groen")


def test_two_customers_with_the_email_are_for_a_person(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[PERSON, PERSON | {"number": "C2"}])
    order_flow.send()
    assert order_flow.outcome() == ("FAILED", "AMBIGUOUS")
    assert order_flow.writes() == 0


# Products.


def sync_articles(order_flow: OrderFlow, *skus: str) -> ConnectedFlow:
    """Sends articles to Business Central; each costs 10."""
    article = {"name": "Mug", "price": "10", "vatrate": "21", "title": "Mug"}
    for sku in skus:
        whole = {"artkey": sku, "name": "Mug", "modified": timestamp(order_flow.now)}
        order_flow.winstore_app.state.records.insert_many(
            "articles", [(sku, whole | {"variants": [article | {"sku": sku}]})]
        )
    connected = ConnectedFlow(PRODUCTS, order_flow.settings)
    sync(Work(connected, FIRST, LAST, "products"))
    return connected


def test_an_article_whose_item_number_is_another_articles_is_not_sold_as_the_other(order_flow: OrderFlow) -> None:
    articles = sync_articles(order_flow, "15056BL", "15056bl")
    (item,) = [each for each in order_flow.records("items") if each["number"] == "15056BL"]
    (owner,) = ledger.read(articles.store, "target_id = ?", [item["id"]])
    (other,) = {"15056BL", "15056bl"} - {owner["key"]}
    order_flow.order("W1", lines=[{"product_id": owner["key"]}])
    order_flow.order("W2", lines=[{"product_id": other}])
    order_flow.sync()
    assert order_flow.outcome("W1") == ("CONFIRMED", None)
    row = order_flow.ledger()["W2"]
    assert (row["state"], row["reason"]) == ("FAILED", "AMBIGUOUS_SKU")
    assert f"SKU {other} is" in row["message"] and f"article {owner['key']}" in row["message"]


def test_a_sku_in_other_capitals_than_its_article_is_that_article(order_flow: OrderFlow) -> None:
    sync_articles(order_flow, "abc-2")
    order_flow.order("W1", lines=[{"product_id": "ABC-2"}])
    order_flow.without = ("I7",)  # the sandbox's test compares capitals
    order_flow.sync()
    assert order_flow.outcome("W1") == ("CONFIRMED", None)


def test_an_order_with_an_unknown_sku_waits_and_goes_by_itself_once_it_is_there(order_flow: OrderFlow) -> None:
    row = order_flow.send(lines=[{}, {"product_id": "SKU-LATER"}])
    assert (row["state"], row["reason"]) == ("FAILED", "DEPENDENCY")
    assert "SKU-LATER" in row["message"]
    assert order_flow.records("salesOrders") == []
    order_flow.add_item("SKU-LATER")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", None)


def with_gtin(order_flow: OrderFlow) -> None:
    item = {"number": "MUG", "displayName": "Mug", "gtin": GTIN, "taxGroupCode": "VAT21"}
    order_flow.seed(items=[item | {"baseUnitOfMeasureCode": "PCS"}])


def test_a_gtin_finds_its_item(order_flow: OrderFlow) -> None:
    with_gtin(order_flow)
    order_flow.send(lines=[{"product_id": GTIN}])
    assert order_flow.document()["lines"][0]["lineObjectNumber"] == "MUG"


def test_an_edit_of_an_order_by_gtin_changes_what_was_edited_and_no_more(order_flow: OrderFlow) -> None:
    with_gtin(order_flow)
    order_flow.choose(on_change="apply")
    order_flow.send(lines=[{"product_id": GTIN}])
    order_flow.pass_time(60)
    order_flow.edit("W1", amount="3")
    order_flow.sync()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert [(line["lineObjectNumber"], line["quantity"]) for line in order_flow.document()["lines"]][0] == ("MUG", 3)


# Which document.


def test_the_setting_makes_a_sales_invoice(order_flow: OrderFlow) -> None:
    order_flow.choose(document="invoice")
    order_flow.send()
    assert order_flow.records("salesOrders") == []
    assert order_flow.document("salesInvoices")["externalDocumentNumber"] == "WS-W1"


def test_an_invoice_is_made_once_the_order_is_completed(order_flow: OrderFlow) -> None:
    order_flow.choose(document="invoice_when_completed")
    order_flow.send(status="paid")
    order_flow.pass_time(60)
    order_flow.edit("W1", status="completed")
    order_flow.sync()
    assert order_flow.document("salesInvoices")["status"] == "Draft"


# Lines and amounts.


def test_lines_have_discount_vat_and_the_location_of_the_branch(order_flow: OrderFlow) -> None:
    order_flow.send(
        lines=[{"reduction": "5"}, {"amount": "1", "single_price": "100", "vatrate": "9", "reduction": "0"}]
    )
    first, second, shipping = order_flow.document()["lines"]
    places = {each["id"]: each["code"] for each in order_flow.records("locations")}
    assert (first["discountPercent"], first["taxCode"], second["taxCode"]) == (5, "VAT21", "VAT9")
    assert places[first["locationId"]] == "SHOP2"
    assert (shipping["lineType"], shipping["lineObjectNumber"], shipping["unitPrice"]) == (
        "Account",
        "8300",
        Decimal("4.95"),
    )


def test_the_shipping_cost_may_be_an_item(order_flow: OrderFlow) -> None:
    order_flow.add_item("FREIGHT")
    order_flow.edit_table("shipping", "lineType", source="'Item'")
    order_flow.edit_table("shipping", "lineObjectNumber", source="'FREIGHT'")
    order_flow.edit_table("shipping", "taxCode", source="'VAT0'")
    order_flow.send()
    assert [line["lineObjectNumber"] for line in order_flow.document()["lines"]] == ["SKU-1", "FREIGHT"]


def test_no_shipping_cost_makes_no_line(order_flow: OrderFlow) -> None:
    order_flow.send(shippingcost="0")
    assert len(order_flow.document()["lines"]) == 1


def test_a_returned_line_is_negative(order_flow: OrderFlow) -> None:
    order_flow.send(lines=[{"amount": "3"}, {"amount": "-1"}])
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert [line["quantity"] for line in order_flow.document()["lines"]] == [3, -1, 1]


def test_prices_with_vat_come_to_the_same_total(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "pricesIncludeTax", source="true")
    order_flow.send(lines=[{"amount": "1", "single_price": "121", "reduction": "0"}], shippingcost="0", total="121.00")
    document = order_flow.document()
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert (document["totalAmountIncludingTax"], document["totalAmountExcludingTax"]) == (121, 100)


def test_an_order_in_another_currency_is_a_document_in_it(order_flow: OrderFlow) -> None:
    order_flow.send(currency="USD")
    assert order_flow.document()["currencyCode"] == "USD"


def test_an_order_whose_lines_do_not_come_to_its_total_is_not_sent(order_flow: OrderFlow) -> None:
    order_flow.send(total="99.00")
    assert order_flow.outcome() == ("FAILED", "TOTAL")
    assert order_flow.writes() == 0


def test_it_is_sent_and_shown_where_the_setting_says_so(order_flow: OrderFlow) -> None:
    order_flow.choose(on_total="warn", rounding_account="8300")
    row = order_flow.send(total="99.00")
    assert order_flow.outcome() == ("CONFIRMED", "TOTAL_DIFFERS")
    assert "99.00 in Winstore" in row["message"]
    assert len(order_flow.document()["lines"]) == 2, "no rounding line makes up for more than cents"


def test_a_line_on_the_rounding_account_makes_up_for_cents(order_flow: OrderFlow) -> None:
    order_flow.choose(rounding_account="8100")
    order_flow.send(total="24.21", shippingcost="0")
    document = order_flow.document()
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert document["totalAmountIncludingTax"] == Decimal("24.21")
    assert (document["lines"][-1]["lineObjectNumber"], document["lines"][-1]["unitPrice"]) == ("8100", Decimal("0.01"))


# Each line has 21 % of VAT on 0.05: 0.0105, which a shop rounds to 0.01 a line and Business Central once for all.
@pytest.mark.parametrize(
    ("lines", "off_by", "state"), [(1, "0.02", "FAILED"), (60, "0.30", "CONFIRMED"), (60, "0.31", "FAILED")]
)
def test_how_far_a_total_may_be_off_follows_the_number_of_lines(
    order_flow: OrderFlow, lines: int, off_by: str, state: str
) -> None:
    positions = [{"linenr": str(number), "single_price": "10"} for number in range(1, lines + 1)]
    total = lines * Decimal("24.20") + Decimal(off_by)
    order_flow.without = ("I7",) if state == "CONFIRMED" else ()
    order_flow.send(lines=positions, shippingcost="0", total=str(total))
    assert order_flow.outcome()[0] == state


def test_no_total_is_off_by_more_than_the_setting_however_many_lines_there_are(order_flow: OrderFlow) -> None:
    order_flow.choose(total_tolerance="0.05")
    positions = [{"linenr": str(number)} for number in range(1, 61)]
    order_flow.send(lines=positions, shippingcost="0", total=str(60 * Decimal("24.20") + Decimal("0.06")))
    assert order_flow.outcome() == ("FAILED", "TOTAL")


def test_the_cents_that_remain_are_told_together(order_flow: OrderFlow) -> None:
    for number, total in (("W1", "48.41"), ("W2", "48.39"), ("W3", "48.41")):
        order_flow.order(number, lines=[{}, {"linenr": "2"}], shippingcost="0", total=total)
    order_flow.sync()
    connected = ConnectedFlow(ORDERS_TO_BC, order_flow.settings)
    assert cents_off(connected, "run-1") == ["3 documents, -0.01 EUR"]
    assert cents_off(connected, "another run") == []


def test_a_run_stops_after_many_totals_in_a_row_that_business_central_makes_otherwise(order_flow: OrderFlow) -> None:
    """A lookup row that gives a rate the wrong code: the orders are sent with 9 % where the shop took 21 %."""
    order_flow.choose(stop_after=3, batch_size=1)
    order_flow.edit_table("order_line", "taxCode", source="'VAT9'")
    order_flow.without = ("I7",)
    for number in range(12):
        order_flow.order(f"W{number:02}")
    order_flow.sync()
    outcomes = Counter((row["state"], row["reason"]) for row in order_flow.ledger().values() if row["part"] == "order")
    assert outcomes[("CONFLICT", "TOTAL_DIFFERS")] < 12
    assert outcomes[("PLANNED", "STOPPED")] > 0


# The header.


def test_the_header_has_reference_terms_shipment_agent_and_where_to_ship(order_flow: OrderFlow) -> None:
    address = {"name": "Shop Vinet", "street": "Domplein", "streetnr": "9", "zip": "9000", "city": "Gent"}
    taken = {"paymentmethod": "invoice", "shippingmethod": "pickup", "shippingcost": "0"}
    order_flow.send("w1", **taken, delivery_add=address | {"countryISO": "be"})
    found = order_flow.document()
    terms = {each["id"]: each["code"] for each in order_flow.records("paymentTerms")}
    shipped = {each["id"]: each["code"] for each in order_flow.records("shipmentMethods")}
    assert found["externalDocumentNumber"] == "WS-W1"
    assert (terms[found["paymentTermsId"]], shipped[found["shipmentMethodId"]]) == ("30 DAYS", "PICKUP")
    assert found["salesperson"] == "WEB"
    ship_to = [found[f"shipTo{name}"] for name in ("Name", "AddressLine1", "PostCode", "City", "Country")]
    assert ship_to == ["Shop Vinet", "Domplein 9", "9000", "Gent", "BE"]


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2026-03-09 23:59:59", "2026-03-09"),
        ("2026-03-29 02:30:00", "2026-03-29"),  # the hour that does not exist
        ("2025-10-26 02:30:00", "2025-10-26"),  # the hour that comes twice
        ("2026-01-01 00:00:00", "2026-01-01"),
    ],
)
def test_the_order_date_is_winstores_own_day(order_flow: OrderFlow, local: str, day: str) -> None:
    order_flow.send(orderdate=local)
    assert order_flow.document()["orderDate"] == day


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2026-10-25 01:30:00", "2026-10-24"),
        ("2026-10-25 02:30:00", "2026-10-25"),  # comes twice: the first of the two would be the day before
        ("2026-03-29 01:30:00", "2026-03-28"),
        ("2026-03-29 02:30:00", "2026-03-29"),  # does not exist: half past one would be the day before
    ],
)
def test_the_order_date_in_a_zone_further_west_tells_how_the_two_hours_are_read(
    order_flow: OrderFlow, local: str, day: str
) -> None:
    """docs/mapping.md: the second of the two, and an hour later."""
    moment = "to_datetime(orderdate, 'Europe/Amsterdam')"
    order_flow.edit_table("order", "orderDate", source=f"to_date({moment}, 'Atlantic/Cape_Verde')")  # UTC-1 all year
    order_flow.send(orderdate=local)
    assert order_flow.document()["orderDate"] == day


@pytest.mark.parametrize("field", ["paymentMethodCode", "yourReference", "shipToCode"])
def test_what_api_v2_does_not_have_is_named_and_never_dropped(order_flow: OrderFlow, field: str) -> None:
    order_flow.edit_table("order", field, source="'X'")
    row = order_flow.send()
    assert (row["state"], row["reason"]) == ("FAILED", "NEEDS_APP")
    assert field in row["message"]


# Changed after it was sent.


def edited(order_flow: OrderFlow, **changes: Any) -> tuple[str, str | None]:
    order_flow.send()
    order_flow.pass_time(60)
    order_flow.edit("W1", **changes)
    order_flow.sync()
    return order_flow.outcome()


def test_the_plan_of_a_new_order_shows_every_field_and_line(order_flow: OrderFlow) -> None:
    order_flow.send()
    (row,) = [each for each in order_flow.planned() if each["part"] == "order"]
    fields = {each["field"]: each["new"] for each in json.loads(row["changes"])}
    assert (row["action"], fields["externalDocumentNumber"], fields["line 1 quantity"]) == ("create", "WS-W1", 2)
    assert not any(name.startswith("_") for name in fields)


def test_an_edit_is_held_with_what_it_would_change(order_flow: OrderFlow) -> None:
    assert edited(order_flow, amount="5") == ("CONFLICT", "CHANGED")
    (row,) = [each for each in order_flow.planned() if each["part"] == "order"]
    assert '"field":"line 1 quantity"' in row["changes"]
    assert order_flow.document()["lines"][0]["quantity"] == 2


def test_an_edit_is_applied_while_the_document_is_open(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    assert edited(order_flow, amount="5")[0] == "CONFIRMED"
    assert order_flow.document()["lines"][0]["quantity"] == 5


@pytest.mark.parametrize("edit", [{"amount": "4"}, {"single_price": "80"}, {"amount": "1"}, {"discount": "4"}])
def test_an_applied_edit_comes_to_the_shops_total_with_a_discount_that_is_an_amount(
    order_flow: OrderFlow, edit: dict[str, str]
) -> None:
    """Business Central computes a discount anew when quantity or price changes: it is sent with them."""
    order_flow.choose(on_change="apply")
    order_flow.edit_table("order_line", "discountPercent", when="never")
    order_flow.edit_table("order_line", "discountAmount", source="to_number(description)")
    line = {"amount": "2", "single_price": "50", "description": "10"}
    order_flow.without = ("I7",)  # its discounts are percentages
    order_flow.send(lines=[line], shippingcost="0", total="108.90")
    changed = line | {"description": edit.get("discount", "10")} | {n: v for n, v in edit.items() if n != "discount"}
    net = Decimal(changed["amount"]) * Decimal(changed["single_price"]) - Decimal(changed["description"])
    order_flow.pass_time(60)
    order_flow.order("W1", lines=[changed], shippingcost="0", total=str(net * Decimal("1.21")))
    order_flow.sync()
    assert order_flow.outcome()[0] == "CONFIRMED"
    assert order_flow.document()["totalAmountIncludingTax"] == net * Decimal("1.21")


@pytest.mark.parametrize("on_change", ["hold", "apply"])
@pytest.mark.parametrize("edit", [{"vatrate": "9"}, {"customerid": "700001"}])
def test_an_edited_rate_without_a_code_of_its_own_and_another_customer_are_for_a_person(
    order_flow: OrderFlow, edit: dict[str, str], on_change: str
) -> None:
    order_flow.choose(on_change=on_change)
    order_flow.edit_table("order_line", "taxCode", source="'VAT21'")
    order_flow.send(shippingcost="0")
    order_flow.without = ("I7",)
    order_flow.pass_time(60)
    lines = [{"vatrate": edit["vatrate"]}] if "vatrate" in edit else [{}]
    order_flow.order("W1", lines=lines, shippingcost="0", **{n: v for n, v in edit.items() if n != "vatrate"})
    order_flow.sync()
    row = order_flow.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "CHANGED")
    assert ("line 1 VAT rate" if "vatrate" in edit else "customer") in row["message"]


def test_a_change_after_which_the_totals_differ_is_for_a_person(order_flow: OrderFlow) -> None:
    """A line of 6 % is added, and the table gives every rate one code."""
    order_flow.choose(on_change="apply")
    order_flow.edit_table("order_line", "taxCode", source="'VAT21'")
    order_flow.send(shippingcost="0")
    order_flow.without = ("I7",)
    order_flow.pass_time(60)
    order_flow.order("W1", lines=[{}, {"linenr": "2", "vatrate": "6", "single_price": "100"}], shippingcost="0")
    order_flow.sync()
    row = order_flow.ledger()["W1"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "TOTAL_DIFFERS")
    assert "in Business Central" in row["message"] and "in Winstore" in row["message"]


def test_an_edit_of_more_calls_than_a_transaction_takes_is_for_a_person(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    lines = [{"linenr": str(number)} for number in range(1, 120)]
    order_flow.send(lines=lines)
    order_flow.pass_time(60)
    order_flow.order("W1", lines=[line | {"amount": "3"} for line in lines])
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "CHANGED")


def test_an_edit_is_for_a_person_once_the_document_is_released(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send()
    order_flow.releases("W1")
    order_flow.pass_time(60)
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "CHANGED")
    assert order_flow.document()["lines"][0]["quantity"] == 2


def test_a_new_status_that_changes_nothing_leaves_what_is_known_of_the_document(order_flow: OrderFlow) -> None:
    before = order_flow.send()
    order_flow.pass_time(60)
    order_flow.edit("W1", status="completed")
    writes = order_flow.writes()
    assert order_flow.sync().created == 0
    after = order_flow.ledger()["W1"]
    names = ("state", "reference", "amount", "currency", "target_id", "target_no", "target_set", "hash")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert order_flow.writes() == writes


def test_a_cancelled_order_is_held(order_flow: OrderFlow) -> None:
    assert edited(order_flow, status="cancelled") == ("CONFLICT", "CANCELLED")
    assert len(order_flow.records("salesOrders")) == 1


def test_a_cancelled_order_takes_its_open_document_along_where_the_setting_says_so(order_flow: OrderFlow) -> None:
    order_flow.choose(on_cancel="apply")
    assert edited(order_flow, status="cancelled") == ("CONFIRMED", "CANCELLED")
    assert order_flow.records("salesOrders") == []


@pytest.mark.parametrize("credit_memo", [False, True])
def test_a_refund_of_a_posted_order_becomes_a_credit_memo_where_the_setting_says_so(
    order_flow: OrderFlow, credit_memo: bool
) -> None:
    order_flow.choose(credit_memo=credit_memo)
    order_flow.send()
    order_flow.act("shipAndInvoice")
    order_flow.pass_time(60)
    order_flow.edit("W1", status="refunded")
    order_flow.sync()
    assert order_flow.outcome() == (("CONFIRMED", "CANCELLED") if credit_memo else ("CONFLICT", "CANCELLED"))
    assert len(order_flow.records("salesCreditMemos")) == int(credit_memo)
    writes = order_flow.writes()
    order_flow.sync()
    assert order_flow.writes() == writes, "it is done once"


# One among many.


def test_one_order_that_business_central_refuses_does_not_hold_up_the_others(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[{"number": "WS2", "displayName": "Blocked", "type": "Person", "blocked": "All"}])
    for number in ("W1", "W2", "W3"):
        order_flow.order(number, customerid=number[1:], email=f"{number}@mail.example")
    order_flow.sync()
    assert [order_flow.outcome(number)[0] for number in ("W1", "W2", "W3")] == ["CONFIRMED", "FAILED", "CONFIRMED"]


def test_a_batch_that_is_refused_whole_is_split_and_the_rest_is_sent(order_flow: OrderFlow) -> None:
    for number in range(12):
        order_flow.order(f"W{number}")
    order_flow.fault(BC, {"kind": "status", "status": 400, **SEND})
    order_flow.sync()
    assert {order_flow.outcome(f"W{number}") for number in range(12)} == {("CONFIRMED", None)}


def test_blanks_around_an_order_number_are_no_part_of_it(order_flow: OrderFlow) -> None:
    """docs/winstore-contract.md, Format: so the status of the order finds it too."""
    order_flow.order(" W1 ")
    order_flow.sync()
    assert order_flow.outcome("W1") == ("CONFIRMED", None)
    assert order_flow.document()["externalDocumentNumber"] == "WS-W1"


def test_two_orders_whose_numbers_differ_in_blanks_only_are_told_and_not_put_together(order_flow: OrderFlow) -> None:
    order_flow.order("W1", customerid="605254")
    order_flow.order("W1 ", customerid="605255", email="other@mail.example")
    order_flow.sync()
    assert order_flow.outcome("W1") == ("FAILED", "NUMBER_TWICE")
    assert order_flow.records("salesOrders") == []


@pytest.mark.parametrize("number", ["1" * 33, "1" * 300, "A B", "#1", "Ä1", "'"])
def test_an_order_number_that_makes_no_reference_holds_up_nothing_else(order_flow: OrderFlow, number: str) -> None:
    order_flow.order(number)
    order_flow.send()
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.outcome(number)[0] == "FAILED"


@pytest.mark.parametrize("sku", ["1" * 17, "1" * 300, "SKU 1*"])
def test_a_product_id_that_no_item_can_have_holds_up_nothing_else(order_flow: OrderFlow, sku: str) -> None:
    order_flow.order("W2", lines=[{"product_id": sku}])
    order_flow.send()
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.outcome("W2")[0] == "FAILED"


def test_a_position_that_is_no_article_waits_for_its_account(order_flow: OrderFlow) -> None:
    row = order_flow.send(lines=[{}, {"linenr": "2", "type": "T", "product_id": "PAYMENT-FEE"}])
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert "`T`" in row["message"] and "add a row for it to lookups/position_accounts.csv" in row["message"]


def test_a_position_that_is_no_article_goes_to_an_account(order_flow: OrderFlow) -> None:
    order_flow.edit_lookup("position_accounts", "T,8300,")
    order_flow.send(lines=[{}, {"linenr": "2", "type": "T", "product_id": "PAYMENT-FEE"}])
    kinds = [(line["lineType"], line["lineObjectNumber"]) for line in order_flow.document()["lines"]]
    assert kinds[:2] == [("Item", "SKU-1"), ("Account", "8300")]


def test_a_rate_or_country_without_a_row_is_named_with_the_table_to_add_it_to(order_flow: OrderFlow) -> None:
    row = order_flow.send(delivery_add={"name": "Anna", "countryISO": "QQ"})
    assert row["reason"] == "MAPPING"
    assert "shipToCountry: not in lookup table countries, given `QQ` (order.csv row" in row["message"]
    assert "add a row for it to lookups/countries.csv" in row["message"]


def test_an_address_in_the_place_of_a_code_is_not_told(order_flow: OrderFlow) -> None:
    row = order_flow.send(delivery_add={"name": "Anna", "countryISO": "anna@mail.example"})
    assert row["reason"] == "MAPPING"
    assert "anna@" not in row["message"].lower()


def test_a_vat_rate_without_a_row_fails_before_anything_is_sent(order_flow: OrderFlow) -> None:
    row = order_flow.send(lines=[{"vatrate": "19"}])
    assert row["reason"] == "MAPPING"
    assert "taxCode: not in lookup table tax_groups, given `19`" in row["message"]
    assert order_flow.writes() == 0
