"""What an order of Winstore becomes in Business Central."""

import json
from decimal import Decimal
from typing import Any

import pytest

from .shop import GTIN, SEND, Shop
from .world import BC

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
    shop: Shop, settings: dict[str, Any], order: dict[str, Any], reason: str
) -> None:
    shop.choose(**settings)
    shop.send(**order)
    assert shop.outcome() == ("SKIPPED", reason)
    assert shop.writes() == 0


def test_an_order_that_waited_for_its_payment_goes_once_it_is_paid(shop: Shop) -> None:
    shop.choose(payment_rules={"ideal": "when_paid"})
    shop.send(status="new")
    shop.pass_time(60)
    shop.edit("W1", status="paid")
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", None)


def test_an_order_that_is_not_paid_in_time_is_given_up(shop: Shop) -> None:
    shop.choose(payment_rules={"ideal": "when_paid"}, give_up_after_days=3)
    shop.send(status="new", orderdate="2020-03-01 09:30:00")
    assert shop.outcome() == ("SKIPPED", "GIVEN_UP")


@pytest.mark.parametrize("settings", [{"payment_rules": {"ideal": "always"}}, {"statuses": ["PAID", "completed"]}])
def test_an_order_that_the_settings_take_is_sent(shop: Shop, settings: dict[str, Any]) -> None:
    shop.choose(**settings)
    shop.send()
    assert shop.outcome() == ("CONFIRMED", None)


# What is there already (more: test_existing.py).


@pytest.mark.parametrize("action", ["shipAndInvoice", "ship"])
def test_a_document_is_found_where_it_was_shipped_to(shop: Shop, action: str) -> None:
    shop.types("W1")
    if action == "ship":
        shop.ships("W1")
    else:
        shop.act(action)
    shop.send()
    assert shop.outcome()[0] == "CONFIRMED"
    assert shop.ledger()["W1"]["target_set"] == ("salesOrders" if action == "ship" else "salesInvoices")


# For whom.


def test_the_customer_is_found_by_email_and_left_as_it_is(shop: Shop) -> None:
    shop.seed(customers=[PERSON])
    shop.send(email="Anna@Mail.Example")
    (customer,) = shop.records("customers")
    assert (shop.document()["customerNumber"], customer["displayName"]) == ("C1", "Anna")


def test_the_customer_is_brought_up_to_date_where_the_setting_says_so(shop: Shop) -> None:
    shop.choose(customers="create_and_update")
    shop.seed(customers=[PERSON])
    shop.send()
    (customer,) = shop.records("customers")
    assert customer["displayName"] == "Anna Groen"


def test_a_person_becomes_a_person(shop: Shop) -> None:
    shop.send()
    (customer,) = shop.records("customers")
    assert (customer["type"], customer["displayName"], customer["number"]) == ("Person", "Anna Groen", "WS605254")


def test_a_company_becomes_a_company_with_its_contact(shop: Shop) -> None:
    shop.send(invoice_add={"company": "Groen BV", "fname": "Anna", "lname": "Groen"})
    (customer,) = shop.records("customers")
    people = [each["displayName"] for each in shop.records("contacts") if each["type"] == "Person"]
    assert (customer["type"], customer["displayName"], people) == ("Company", "Groen BV", ["Anna Groen"])


def test_a_guest_with_an_email_is_made_once(shop: Shop) -> None:
    shop.order("W1", **GUEST | {"email": "guest@mail.example"})
    shop.send("W2", **GUEST | {"email": "Guest@mail.example"})
    (customer,) = shop.records("customers")
    assert customer["number"].startswith("WSG-")


def test_a_guest_without_an_email_needs_a_default_debtor(shop: Shop) -> None:
    shop.send(**GUEST)
    assert shop.outcome() == ("FAILED", "NO_CUSTOMER")
    assert shop.writes() == 0


@pytest.mark.parametrize("force", [False, True])
def test_a_guest_gets_the_default_debtor_and_everybody_does_where_it_is_forced(shop: Shop, force: bool) -> None:
    shop.choose(default_customer="SHOP", force_default_customer=force)
    shop.seed(customers=[DEFAULT])
    shop.send(**({} if force else GUEST))
    assert shop.document()["customerNumber"] == "SHOP"


def test_the_default_debtor_depends_on_the_country(shop: Shop) -> None:
    shop.choose(default_customer="SHOP", default_customers_by_country={"BE": "SHOP-BE"})
    shop.seed(customers=[DEFAULT, DEFAULT | {"number": "SHOP-BE"}])
    shop.send(**GUEST, delivery_add={"name": "Anna", "countryISO": "be"})
    assert shop.document()["customerNumber"] == "SHOP-BE"


def test_a_default_debtor_that_is_not_there_is_told_before_anything_is_sent(shop: Shop) -> None:
    shop.choose(default_customer="SHOP")
    shop.send(**GUEST)
    assert shop.outcome() == ("FAILED", "NO_CUSTOMER")
    assert shop.writes() == 0


@pytest.mark.parametrize("default", ["", "SHOP"])
def test_orders_make_no_customers_where_the_setting_says_never(shop: Shop, default: str) -> None:
    shop.choose(customers="never", default_customer=default)
    shop.seed(customers=[DEFAULT])
    shop.send()
    assert shop.outcome() == (("CONFIRMED", None) if default else ("FAILED", "NO_CUSTOMER"))
    assert len(shop.records("customers")) == 1


def test_two_customers_with_the_email_are_for_a_person(shop: Shop) -> None:
    shop.seed(customers=[PERSON, PERSON | {"number": "C2"}])
    shop.send()
    assert shop.outcome() == ("FAILED", "AMBIGUOUS")
    assert shop.writes() == 0


# Products.


def test_an_order_with_an_unknown_sku_waits_and_goes_by_itself_once_it_is_there(shop: Shop) -> None:
    row = shop.send(lines=[{}, {"product_id": "SKU-LATER"}])
    assert (row["state"], row["reason"]) == ("FAILED", "DEPENDENCY")
    assert "SKU-LATER" in row["message"]
    assert shop.records("salesOrders") == []
    shop.add_item("SKU-LATER")
    shop.sync()
    assert shop.outcome() == ("CONFIRMED", None)


def with_gtin(shop: Shop) -> None:
    item = {"number": "MUG", "displayName": "Mug", "gtin": GTIN, "taxGroupCode": "VAT21"}
    shop.seed(items=[item | {"baseUnitOfMeasureCode": "PCS"}])


def test_a_gtin_finds_its_item(shop: Shop) -> None:
    with_gtin(shop)
    shop.send(lines=[{"product_id": GTIN}])
    assert shop.document()["lines"][0]["lineObjectNumber"] == "MUG"


def test_an_edit_of_an_order_by_gtin_changes_what_was_edited_and_no_more(shop: Shop) -> None:
    with_gtin(shop)
    shop.choose(on_change="apply")
    shop.send(lines=[{"product_id": GTIN}])
    shop.pass_time(60)
    shop.edit("W1", amount="3")
    shop.sync()
    assert shop.outcome()[0] == "CONFIRMED"
    assert [(line["lineObjectNumber"], line["quantity"]) for line in shop.document()["lines"]][0] == ("MUG", 3)


# Which document.


def test_the_setting_makes_a_sales_invoice(shop: Shop) -> None:
    shop.choose(document="invoice")
    shop.send()
    assert shop.records("salesOrders") == []
    assert shop.document("salesInvoices")["externalDocumentNumber"] == "WS-W1"


def test_an_invoice_is_made_once_the_order_is_completed(shop: Shop) -> None:
    shop.choose(document="invoice_when_completed")
    shop.send(status="paid")
    shop.pass_time(60)
    shop.edit("W1", status="completed")
    shop.sync()
    assert shop.document("salesInvoices")["status"] == "Draft"


# Lines and amounts.


def test_lines_have_discount_vat_and_the_location_of_the_branch(shop: Shop) -> None:
    shop.send(lines=[{"reduction": "5"}, {"amount": "1", "single_price": "100", "vatrate": "9", "reduction": "0"}])
    first, second, shipping = shop.document()["lines"]
    places = {each["id"]: each["code"] for each in shop.records("locations")}
    assert (first["discountPercent"], first["taxCode"], second["taxCode"]) == (5, "VAT21", "VAT9")
    assert places[first["locationId"]] == "SHOP2"
    assert (shipping["lineType"], shipping["lineObjectNumber"], shipping["unitPrice"]) == (
        "Account",
        "8300",
        Decimal("4.95"),
    )


def test_the_shipping_cost_may_be_an_item(shop: Shop) -> None:
    shop.add_item("FREIGHT")
    shop.edit_table("shipping", "lineType", source="'Item'")
    shop.edit_table("shipping", "lineObjectNumber", source="'FREIGHT'")
    shop.edit_table("shipping", "taxCode", source="'VAT0'")
    shop.send()
    assert [line["lineObjectNumber"] for line in shop.document()["lines"]] == ["SKU-1", "FREIGHT"]


def test_no_shipping_cost_makes_no_line(shop: Shop) -> None:
    shop.send(shippingcost="0")
    assert len(shop.document()["lines"]) == 1


def test_a_returned_line_is_negative(shop: Shop) -> None:
    shop.send(lines=[{"amount": "3"}, {"amount": "-1"}])
    assert shop.outcome() == ("CONFIRMED", None)
    assert [line["quantity"] for line in shop.document()["lines"]] == [3, -1, 1]


def test_prices_with_vat_come_to_the_same_total(shop: Shop) -> None:
    shop.edit_table("order", "pricesIncludeTax", source="true")
    shop.send(lines=[{"amount": "1", "single_price": "121", "reduction": "0"}], shippingcost="0", total="121.00")
    document = shop.document()
    assert shop.outcome() == ("CONFIRMED", None)
    assert (document["totalAmountIncludingTax"], document["totalAmountExcludingTax"]) == (121, 100)


def test_an_order_in_another_currency_is_a_document_in_it(shop: Shop) -> None:
    shop.send(currency="USD")
    assert shop.document()["currencyCode"] == "USD"


def test_an_order_whose_lines_do_not_come_to_its_total_is_not_sent(shop: Shop) -> None:
    shop.send(total="99.00")
    assert shop.outcome() == ("FAILED", "TOTAL")
    assert shop.writes() == 0


def test_it_is_sent_and_shown_where_the_setting_says_so(shop: Shop) -> None:
    shop.choose(on_total="warn", rounding_account="8300")
    row = shop.send(total="99.00")
    assert shop.outcome() == ("CONFIRMED", "TOTAL_DIFFERS")
    assert "99.00 in Winstore" in row["message"]
    assert len(shop.document()["lines"]) == 2, "no rounding line makes up for more than cents"


def test_a_line_on_the_rounding_account_makes_up_for_cents(shop: Shop) -> None:
    shop.choose(rounding_account="8100")
    shop.send(total="24.22", shippingcost="0")
    document = shop.document()
    assert shop.outcome() == ("CONFIRMED", None)
    assert document["totalAmountIncludingTax"] == Decimal("24.22")
    assert (document["lines"][-1]["lineObjectNumber"], document["lines"][-1]["unitPrice"]) == ("8100", Decimal("0.02"))


# The header.


def test_the_header_has_reference_terms_shipment_agent_and_where_to_ship(shop: Shop) -> None:
    address = {"name": "Shop Vinet", "street": "Domplein", "streetnr": "9", "zip": "9000", "city": "Gent"}
    shop.send("w1", paymentmethod="invoice", shippingmethod="pickup", delivery_add=address | {"countryISO": "be"})
    found = shop.document()
    terms = {each["id"]: each["code"] for each in shop.records("paymentTerms")}
    shipped = {each["id"]: each["code"] for each in shop.records("shipmentMethods")}
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
def test_the_order_date_is_winstores_own_day(shop: Shop, local: str, day: str) -> None:
    shop.send(orderdate=local)
    assert shop.document()["orderDate"] == day


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
    shop: Shop, local: str, day: str
) -> None:
    """docs/mapping.md: the second of the two, and an hour later."""
    moment = "to_datetime(orderdate, 'Europe/Amsterdam')"
    shop.edit_table("order", "orderDate", source=f"to_date({moment}, 'Atlantic/Cape_Verde')")  # UTC-1 all year
    shop.send(orderdate=local)
    assert shop.document()["orderDate"] == day


@pytest.mark.parametrize("field", ["paymentMethodCode", "yourReference", "shipToCode"])
def test_what_api_v2_does_not_have_is_named_and_never_dropped(shop: Shop, field: str) -> None:
    shop.edit_table("order", field, source="'X'")
    row = shop.send()
    assert (row["state"], row["reason"]) == ("FAILED", "NEEDS_APP")
    assert field in row["message"]


# Changed after it was sent.


def edited(shop: Shop, **changes: Any) -> tuple[str, str | None]:
    shop.send()
    shop.pass_time(60)
    shop.edit("W1", **changes)
    shop.sync()
    return shop.outcome()


def test_the_plan_of_a_new_order_shows_every_field_and_line(shop: Shop) -> None:
    shop.send()
    (row,) = [each for each in shop.planned() if each["part"] == "order"]
    fields = {each["field"]: each["new"] for each in json.loads(row["changes"])}
    assert (row["action"], fields["externalDocumentNumber"], fields["line 1 quantity"]) == ("create", "WS-W1", 2)
    assert not any(name.startswith("_") for name in fields)


def test_an_edit_is_held_with_what_it_would_change(shop: Shop) -> None:
    assert edited(shop, amount="5") == ("CONFLICT", "CHANGED")
    (row,) = [each for each in shop.planned() if each["part"] == "order"]
    assert '"field":"line 1 quantity"' in row["changes"]
    assert shop.document()["lines"][0]["quantity"] == 2


def test_an_edit_is_applied_while_the_document_is_open(shop: Shop) -> None:
    shop.choose(on_change="apply")
    assert edited(shop, amount="5")[0] == "CONFIRMED"
    assert shop.document()["lines"][0]["quantity"] == 5


def test_an_edit_is_for_a_person_once_the_document_is_released(shop: Shop) -> None:
    shop.choose(on_change="apply")
    shop.send()
    shop.releases("W1")
    shop.pass_time(60)
    shop.edit("W1", amount="5")
    shop.sync()
    assert shop.outcome() == ("CONFLICT", "CHANGED")
    assert shop.document()["lines"][0]["quantity"] == 2


def test_a_new_status_that_changes_nothing_leaves_what_is_known_of_the_document(shop: Shop) -> None:
    before = shop.send()
    shop.pass_time(60)
    shop.edit("W1", status="completed")
    writes = shop.writes()
    assert shop.sync().created == 0
    after = shop.ledger()["W1"]
    names = ("state", "reference", "amount", "currency", "target_id", "target_no", "target_set", "hash")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert shop.writes() == writes


def test_a_cancelled_order_is_held(shop: Shop) -> None:
    assert edited(shop, status="cancelled") == ("CONFLICT", "CANCELLED")
    assert len(shop.records("salesOrders")) == 1


def test_a_cancelled_order_takes_its_open_document_along_where_the_setting_says_so(shop: Shop) -> None:
    shop.choose(on_cancel="apply")
    assert edited(shop, status="cancelled") == ("CONFIRMED", "CANCELLED")
    assert shop.records("salesOrders") == []


@pytest.mark.parametrize("credit_memo", [False, True])
def test_a_refund_of_a_posted_order_becomes_a_credit_memo_where_the_setting_says_so(
    shop: Shop, credit_memo: bool
) -> None:
    shop.choose(credit_memo=credit_memo)
    shop.send()
    shop.act("shipAndInvoice")
    shop.pass_time(60)
    shop.edit("W1", status="refunded")
    shop.sync()
    assert shop.outcome() == (("CONFIRMED", "CANCELLED") if credit_memo else ("CONFLICT", "CANCELLED"))
    assert len(shop.records("salesCreditMemos")) == int(credit_memo)
    writes = shop.writes()
    shop.sync()
    assert shop.writes() == writes, "it is done once"


# One among many.


def test_one_order_that_business_central_refuses_does_not_hold_up_the_others(shop: Shop) -> None:
    shop.seed(customers=[{"number": "WS2", "displayName": "Blocked", "type": "Person", "blocked": "All"}])
    for number in ("W1", "W2", "W3"):
        shop.order(number, customerid=number[1:], email=f"{number}@mail.example")
    shop.sync()
    assert [shop.outcome(number)[0] for number in ("W1", "W2", "W3")] == ["CONFIRMED", "FAILED", "CONFIRMED"]


def test_a_batch_that_is_refused_whole_is_split_and_the_rest_is_sent(shop: Shop) -> None:
    for number in range(12):
        shop.order(f"W{number}")
    shop.fault(BC, {"kind": "status", "status": 400, **SEND})
    shop.sync()
    assert {shop.outcome(f"W{number}") for number in range(12)} == {("CONFIRMED", None)}


@pytest.mark.parametrize("number", ["1" * 33, "1" * 300, "A B", "#1", "Ä1", "'"])
def test_an_order_number_that_makes_no_reference_holds_up_nothing_else(shop: Shop, number: str) -> None:
    shop.order(number)
    shop.send()
    assert shop.outcome() == ("CONFIRMED", None)
    assert shop.outcome(number)[0] == "FAILED"


@pytest.mark.parametrize("sku", ["1" * 17, "1" * 300, "SKU 1*"])
def test_a_product_id_that_no_item_can_have_holds_up_nothing_else(shop: Shop, sku: str) -> None:
    shop.order("W2", lines=[{"product_id": sku}])
    shop.send()
    assert shop.outcome() == ("CONFIRMED", None)
    assert shop.outcome("W2")[0] == "FAILED"


def test_a_position_that_is_no_article_goes_to_an_account(shop: Shop) -> None:
    shop.send(lines=[{}, {"linenr": "2", "type": "T", "product_id": "PAYMENT-FEE"}])
    kinds = [(line["lineType"], line["lineObjectNumber"]) for line in shop.document()["lines"]]
    assert kinds[:2] == [("Item", "SKU-1"), ("Account", "8300")]
