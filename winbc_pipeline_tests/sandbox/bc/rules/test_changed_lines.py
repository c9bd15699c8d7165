"""Lines whose type, number, variant, unit or location changes, and what a line gets from its header.

Source: rules.md, "Units", "Variants", "Lines" [S, T]. AL: validation of Type, No., Variant Code, Unit of Measure Code
and Location Code in Sales Line, UpdateDates, GetSalesHeader; tests TestPatchingTheTypeBlanksIds,
TestPatchingTheIdToAccountChangesLineType and TestPatchingTheIdToItemChangesLineType of APIV2.
"""

from typing import Any

import pytest

from winbc_pipeline.sandbox.bc.data.schema import ZERO_DATE, ZERO_GUID

from ...conftest import Bc, line_of, order

KINDS = ["salesOrders", "salesInvoices", "salesCreditMemos", "salesQuotes"]
FIELD_ERROR = "Application_FieldValidationException"


@pytest.fixture
def red(bc: Bc, item: dict[str, Any]) -> dict[str, Any]:
    return bc.post("itemVariants", {"itemId": item["id"], "code": "RED", "description": "Red mug"})


@pytest.fixture
def cup(bc: Bc) -> dict[str, Any]:
    body = {"number": "CUP", "displayName": "Cup", "unitPrice": 3, "taxGroupCode": "VAT9"}
    return bc.post("items", body | {"baseUnitOfMeasureCode": "BOX"})


def one_line(bc: Bc, entity: str, customer: dict[str, Any], line: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The path and the line of a new document."""
    made = bc.post(entity, {"customerId": customer["id"], f"{entity[:-1]}Lines": [line]})
    found = line_of(bc, made, entity)
    return f"{entity[:-1]}Lines({found['id']})", found


@pytest.mark.parametrize("entity", KINDS)
def test_another_type_alone_empties_the_line(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], red: dict[str, Any], entity: str
) -> None:
    line = {"itemId": item["id"], "itemVariantId": red["id"], "quantity": 2, "discountPercent": 5}
    path, made = one_line(bc, entity, customer, line)
    changed = bc.patch(path, {"lineType": "Account"})
    assert changed["lineType"] == "Account"
    ids = ("itemId", "accountId", "itemVariantId", "unitOfMeasureId", "locationId")
    assert {changed[name] for name in ids} == {ZERO_GUID}
    assert {changed[name] for name in ("lineObjectNumber", "description", "unitOfMeasureCode", "taxCode")} == {""}
    assert {changed[name] for name in ("quantity", "unitPrice", "discountPercent", "netAmount")} == {0}
    assert (changed["id"], changed["sequence"]) == (made["id"], made["sequence"])


def test_a_line_with_a_type_only_takes_a_number_and_is_not_posted_without(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    lines = [{"itemId": item["id"], "quantity": 1}, {"lineType": "Account"}]
    made = order(bc, customer, *lines)
    bare = bc.values(f"salesOrders({made['id']})/salesOrderLines")[1]
    path, place = (
        f"salesOrderLines({bare['id']})",
        f"Document Type=Order, Document No.={made['number']}, Line No.=20000",
    )
    words = f"No. must have a value in Sales Line: {place}. It cannot be zero or empty."
    assert bc.refusal("PATCH", path, {"lineType": "Item", "quantity": 1}, If_Match="*")[1:] == (FIELD_ERROR, words)
    post = f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice"
    assert bc.refusal("POST", post, {})[1:] == (FIELD_ERROR, words)
    changed = bc.patch(path, {"lineObjectNumber": "8100", "quantity": 1, "unitPrice": 5})
    assert (changed["description"], changed["netAmount"]) == ("Sales", 5)
    assert bc.call("POST", post, {}).status_code == 204


@pytest.mark.parametrize("entity", KINDS)
def test_another_item_keeps_the_quantity_and_nothing_else(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], red: dict[str, Any], cup: dict[str, Any], entity: str
) -> None:
    line = {"itemId": item["id"], "itemVariantId": red["id"], "quantity": 2, "unitPrice": 8, "discountPercent": 5}
    path, _ = one_line(bc, entity, customer, line)
    changed = bc.patch(path, {"itemId": cup["id"]})
    assert (changed["lineObjectNumber"], changed["description"], changed["itemVariantId"]) == ("CUP", "Cup", ZERO_GUID)
    assert (changed["quantity"], changed["unitPrice"], changed["discountPercent"]) == (2, 3, 0)
    assert (changed["unitOfMeasureCode"], changed["taxCode"]) == ("BOX", "VAT9")


def test_another_item_with_values_of_its_own(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], cup: dict[str, Any]
) -> None:
    path, _ = one_line(bc, "salesOrders", customer, {"itemId": item["id"], "quantity": 2})
    changed = bc.patch(path, {"itemId": cup["id"], "quantity": 4, "unitPrice": 6, "description": "Ours"})
    assert (changed["quantity"], changed["unitPrice"], changed["description"]) == (4, 6, "Ours")
    assert changed["shipQuantity"] == 4


@pytest.mark.parametrize("entity", KINDS)
def test_an_account_in_place_of_an_item_empties_the_quantity_too(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], entity: str
) -> None:
    path, _ = one_line(bc, entity, customer, {"itemId": item["id"], "quantity": 2})
    account = bc.values("accounts")[0]
    changed = bc.patch(path, {"accountId": account["id"]})
    assert (changed["lineType"], changed["lineObjectNumber"]) == ("Account", account["number"])
    assert (changed["quantity"], changed["unitPrice"], changed["itemId"]) == (0, 0, ZERO_GUID)
    again = bc.patch(path, {"itemId": item["id"], "quantity": 1})
    assert (again["lineType"], again["unitPrice"], again["accountId"]) == ("Item", 10, ZERO_GUID)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"directPosting": False},
            "Direct Posting must be equal to 'Yes'  in G/L Account: No.=9. Current value is 'No'.",
        ),
        ({"blocked": True}, "Blocked must be equal to 'No'  in G/L Account: No.=9. Current value is 'Yes'."),
        (
            {"accountType": "Begin_x002D_Total"},
            "Account Type must be equal to 'Posting'  in G/L Account: No.=9. Current value is 'Begin-Total'.",
        ),
    ],
)
def test_an_account_that_takes_no_posting_is_refused(
    bc: Bc, customer: dict[str, Any], fields: dict[str, Any], words: str
) -> None:
    """AL: CheckGLAcc and TestDirectPosting in CopyFromGLAccount of Sales Line."""
    bc.control("__seed", {"records": {"accounts": [{"number": "9", "directPosting": True} | fields]}})
    body = {"customerId": customer["id"], "salesOrderLines": [{"lineType": "Account", "lineObjectNumber": "9"}]}
    assert bc.refusal("POST", "salesOrders", body)[1:] == (FIELD_ERROR, words)


def test_an_item_and_an_account_at_once_are_refused(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    path, _ = one_line(bc, "salesOrders", customer, {"itemId": item["id"], "quantity": 2})
    both = {"itemId": item["id"], "accountId": bc.values("accounts")[0]["id"]}
    words = 'Both "itemId" and "accountId" are specified. Specify only one of them.'
    assert bc.refusal("PATCH", path, both, If_Match="*")[2] == words
    assert bc.refusal("PATCH", path, {"itemId": ZERO_GUID}, If_Match="*")[2] == "Item does not exist."


def test_another_variant_describes_the_line_and_keeps_its_price(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], red: dict[str, Any]
) -> None:
    bare = bc.post("itemVariants", {"itemId": item["id"], "code": "BARE"})
    path, _ = one_line(bc, "salesOrders", customer, {"itemId": item["id"], "quantity": 2, "unitPrice": 8})
    told = []
    for variant in (red["id"], bare["id"], ZERO_GUID):
        changed = bc.patch(path, {"itemVariantId": variant})
        told.append((changed["description"], changed["unitPrice"], changed["quantity"]))
    assert told == [("Red mug", 8, 2), ("", 8, 2), ("Mug", 8, 2)]


def test_a_variant_of_another_item_is_refused(
    bc: Bc, customer: dict[str, Any], cup: dict[str, Any], red: dict[str, Any]
) -> None:
    path, _ = one_line(bc, "salesOrders", customer, {"itemId": cup["id"], "quantity": 2})
    refusal = bc.refusal("PATCH", path, {"itemVariantId": red["id"]}, If_Match="*")
    assert refusal[2] == "The item variant does not exist for this item."


@pytest.mark.parametrize("entity", KINDS)
@pytest.mark.parametrize(("kind", "caption"), [("Account", "G/L Account"), ("Comment", " ")])
def test_only_lines_of_an_item_take_a_variant(
    bc: Bc, customer: dict[str, Any], red: dict[str, Any], entity: str, kind: str, caption: str
) -> None:
    made = bc.post(entity, {"customerId": customer["id"]})
    line = {"lineType": kind, "description": "x", "itemVariantId": red["id"]}
    number = {"lineObjectNumber": "8100"} if kind == "Account" else {}
    refusal = bc.refusal("POST", f"{entity}({made['id']})/{entity[:-1]}Lines", line | number)
    assert refusal[1] == FIELD_ERROR
    assert refusal[2].startswith("Type must be equal to 'Item'  in Sales Line: Document Type=")
    assert refusal[2].endswith(f"Line No.=10000. Current value is '{caption}'.")


@pytest.mark.parametrize("entity", KINDS)
def test_a_line_takes_only_units_of_its_item(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], cup: dict[str, Any], entity: str
) -> None:
    path, _ = one_line(bc, entity, customer, {"itemId": item["id"], "quantity": 1, "unitOfMeasureCode": "PCS"})
    assert bc.refusal("PATCH", path, {"unitOfMeasureCode": "BOX"}, If_Match="*")[1] == "Internal_InvalidTableRelation"
    (box,) = bc.values("unitsOfMeasure?$filter=code eq 'BOX'")
    changed = bc.patch(path, {"itemId": cup["id"], "unitOfMeasureId": box["id"]})
    assert changed["unitOfMeasureCode"] == "BOX"


@pytest.mark.parametrize("entity", ["salesOrders", "salesInvoices"])
def test_a_line_is_shipped_on_the_day_on_which_it_is_made(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], entity: str
) -> None:
    bc.control("__clock", {"now": "2026-03-01T10:00:00Z"})
    line = {"itemId": item["id"], "quantity": 1}
    assert one_line(bc, entity, customer, line)[1]["shipmentDate"] == "2026-03-01"
    assert one_line(bc, entity, customer, line | {"shipmentDate": "2026-03-09"})[1]["shipmentDate"] == "2026-03-09"
    assert one_line(bc, entity, customer, {"description": "x"})[1]["shipmentDate"] == ZERO_DATE


def test_a_line_is_shipped_on_the_requested_delivery_date_of_its_order(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, requestedDeliveryDate="2026-05-01")
    assert line_of(bc, made)["shipmentDate"] == "2026-05-01"
    bc.patch(f"salesOrders({made['id']})", {"requestedDeliveryDate": "2026-06-01"})
    assert line_of(bc, made)["shipmentDate"] == "2026-06-01"


def test_an_order_made_of_a_quote_is_shipped_today(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    bc.control("__clock", {"now": "2026-03-01T10:00:00Z"})
    lines = [{"itemId": item["id"], "quantity": 1}]
    quote = bc.post("salesQuotes", {"customerId": customer["id"], "salesQuoteLines": lines})
    bc.call("POST", f"salesQuotes({quote['id']})/Microsoft.NAV.makeOrder", {})
    assert line_of(bc, bc.values("salesOrders")[0])["shipmentDate"] == "2026-03-01"


@pytest.mark.parametrize(
    "change",
    [{"lineType": "Account"}, {"itemId": "CUP"}, {"itemVariantId": "RED"}, {"locationId": "MAIN"}],
)
def test_a_shipped_line_stays_what_it_is(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], red: dict[str, Any], cup: dict[str, Any], change: Any
) -> None:
    (main,) = bc.values("locations?$filter=code eq 'MAIN'")
    ids = {"CUP": cup["id"], "RED": red["id"], "MAIN": main["id"]}
    made = order(bc, customer, {"itemId": item["id"], "quantity": 3})
    line = line_of(bc, made)
    bc.control("__user", {"do": "ship", "id": made["id"], "quantities": {line["id"]: 1}})
    sent = {name: ids.get(value, value) for name, value in change.items()}
    refusal = bc.refusal("PATCH", f"salesOrderLines({line['id']})", sent, If_Match="*")
    assert refusal[1] == FIELD_ERROR
    assert refusal[2].split(" must")[0] in ("Quantity Shipped", "Qty. Shipped Not Invoiced")


@pytest.mark.parametrize("entity", KINDS)
def test_a_currency_without_an_exchange_rate_takes_no_line(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], entity: str
) -> None:
    bc.post("currencies", {"code": "XAU", "displayName": "Gold"})
    made = bc.post(entity, {"customerId": customer["id"], "currencyCode": "XAU"})
    line = {"itemId": item["id"], "quantity": 1}
    refusal = bc.refusal("POST", f"{entity}({made['id']})/{entity[:-1]}Lines", line)
    assert refusal[1] == FIELD_ERROR
    assert refusal[2].startswith("Currency Factor must have a value in Sales Header: Document Type=")


def test_a_document_does_not_post_before_the_first_exchange_rate(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    bc.post("currencies", {"code": "XAU", "displayName": "Gold"})
    made = bc.post("salesInvoices", {"customerId": customer["id"], "currencyCode": "USD"})
    bc.post(f"salesInvoices({made['id']})/salesInvoiceLines", {"itemId": item["id"], "quantity": 1})
    post = f"salesInvoices({made['id']})/Microsoft.NAV.post"
    bc.patch(f"salesInvoices({made['id']})", {"currencyCode": "XAU", "postingDate": "2026-03-01"})
    assert "Currency Factor must have a value" in bc.refusal("POST", post, {})[2]
    rate = {"currencyCode": "XAU", "startingDate": "2026-03-02", "exchangeRateAmount": 1}
    bc.control("__seed", {"records": {"currencyExchangeRates": [rate]}})
    assert "Currency Factor must have a value" in bc.refusal("POST", post, {})[2]
    bc.patch(f"salesInvoices({made['id']})", {"postingDate": "2026-03-02"})
    assert bc.call("POST", post, {}).status_code == 204
