"""The three addresses of a document, and whom it is for.

Source: rules.md, "Addresses of documents" [S]. AL: CopySellToAddressToBillToAddress in the buffers of orders, invoices
and quotes; UpdateShipToAddressFromSellToAddress, CheckShipmentInfo and RecreateSalesLines of Sales Header.
"""

from typing import Any

import pytest

from ...conftest import Bc, line_of, order

ENDS = ("AddressLine1", "AddressLine2", "City", "Country", "State", "PostCode")
CARD = {"addressLine1": "Card 1", "city": "Gent", "country": "BE", "postalCode": "9000"}
OTHER = {"AddressLine1": "Other 2", "City": "Lille", "Country": "FR", "PostCode": "59000"}
ON_CARD = {
    "AddressLine1": "Card 1",
    "AddressLine2": "",
    "City": "Gent",
    "Country": "BE",
    "State": "",
    "PostCode": "9000",
}
SENT = ON_CARD | OTHER
WITH_SHIP_TO = ["salesOrders", "salesInvoices", "salesQuotes"]


def side(name: str, address: dict[str, str]) -> dict[str, str]:
    return {f"{name}{end}": value for end, value in address.items()}


def address(document: dict[str, Any], name: str) -> dict[str, str]:
    return {end: document[f"{name}{end}"] for end in ENDS}


@pytest.fixture
def buyer(bc: Bc) -> dict[str, Any]:
    return bc.post("customers", {"displayName": "Buyer"} | CARD)


@pytest.fixture
def payer(bc: Bc) -> dict[str, Any]:
    (terms,) = bc.values("paymentTerms?$filter=code eq '30 DAYS'")
    body = {"displayName": "Payer", "paymentTermsId": terms["id"], "currencyCode": "USD", "salespersonCode": "WEB"}
    return bc.post("customers", body | {"city": "Oslo"})


@pytest.mark.parametrize("entity", WITH_SHIP_TO)
def test_bill_to_and_ship_to_follow_the_sell_to_address_of_a_new_document(
    bc: Bc, buyer: dict[str, Any], entity: str
) -> None:
    made = bc.post(entity, {"customerId": buyer["id"]} | side("sellTo", OTHER))
    assert [address(made, name) for name in ("sellTo", "billTo", "shipTo")] == [SENT] * 3


@pytest.mark.parametrize("entity", WITH_SHIP_TO)
def test_bill_to_and_ship_to_follow_an_edit_of_sell_to(bc: Bc, buyer: dict[str, Any], entity: str) -> None:
    made = bc.post(entity, {"customerId": buyer["id"]})
    assert [address(made, name) for name in ("sellTo", "billTo", "shipTo")] == [ON_CARD] * 3
    changed = bc.patch(f"{entity}({made['id']})", side("sellTo", OTHER))
    assert [address(changed, name) for name in ("sellTo", "billTo", "shipTo")] == [SENT] * 3


@pytest.mark.parametrize("entity", WITH_SHIP_TO)
def test_a_ship_to_address_of_its_own_stays(bc: Bc, buyer: dict[str, Any], entity: str) -> None:
    made = bc.post(entity, {"customerId": buyer["id"], "shipToCity": "Brugge"})
    assert (made["sellToCity"], made["billToCity"], made["shipToCity"]) == ("Gent", "Gent", "Brugge")
    changed = bc.patch(f"{entity}({made['id']})", side("sellTo", OTHER))
    assert address(changed, "shipTo") == ON_CARD | {"City": "Brugge"}
    assert address(changed, "billTo") == SENT


def test_what_is_sent_of_ship_to_counts_before_what_follows(bc: Bc, buyer: dict[str, Any]) -> None:
    body = {"customerId": buyer["id"], "shipToPostCode": "8000"} | side("sellTo", OTHER)
    made = bc.post("salesOrders", body)
    assert address(made, "shipTo") == SENT | {"PostCode": "8000"}


def test_a_contact_to_ship_to_makes_ship_to_an_address_of_its_own(bc: Bc, buyer: dict[str, Any]) -> None:
    made = bc.post("salesOrders", {"customerId": buyer["id"], "shipToContact": "Bea"} | side("sellTo", OTHER))
    assert (address(made, "shipTo"), address(made, "billTo")) == (ON_CARD, SENT)


def test_the_name_of_bill_to_is_always_the_customers(bc: Bc, buyer: dict[str, Any]) -> None:
    made = bc.post("salesOrders", {"customerId": buyer["id"], "shipToName": "Bea"} | side("sellTo", OTHER))
    assert (made["customerName"], made["billToName"], made["shipToName"]) == ("Buyer", "Buyer", "Bea")


def test_another_customer_who_pays_keeps_the_own_address_terms_currency_and_salesperson(
    bc: Bc, buyer: dict[str, Any], payer: dict[str, Any]
) -> None:
    body = {"customerId": buyer["id"], "billToCustomerId": payer["id"]} | side("sellTo", OTHER)
    made = bc.post("salesOrders", body)
    assert (made["billToName"], made["billToCity"], made["sellToCity"]) == ("Payer", "Oslo", "Lille")
    told = (made["paymentTermsId"], made["currencyCode"], made["salesperson"])
    assert told == (payer["paymentTermsId"], "USD", "WEB")
    assert bc.post("salesOrders", body | {"currencyCode": "GBP"})["currencyCode"] == "GBP"


def test_bill_to_of_a_credit_memo_is_its_own(bc: Bc, buyer: dict[str, Any]) -> None:
    body = {"customerId": buyer["id"], "billToCity": "Brugge"} | side("sellTo", OTHER)
    made = bc.post("salesCreditMemos", body)
    assert (made["sellToCity"], address(made, "billTo")) == ("Lille", ON_CARD | {"City": "Brugge"})


def test_another_customer_brings_all_addresses(bc: Bc, buyer: dict[str, Any], payer: dict[str, Any]) -> None:
    own = {"shipToCity": "Brugge", "shipToContact": "Bea"}
    made = bc.post("salesOrders", {"customerId": buyer["id"]} | own)
    changed = bc.patch(f"salesOrders({made['id']})", {"customerId": payer["id"]})
    assert [changed[f"{name}City"] for name in ("sellTo", "billTo", "shipTo")] == ["Oslo"] * 3
    assert (changed["shipToName"], changed["shipToContact"], changed["currencyCode"]) == ("Payer", "", "USD")


@pytest.mark.parametrize("field", ["customerId", "billToCustomerId"])
def test_the_customer_stays_once_a_line_is_shipped(
    bc: Bc, buyer: dict[str, Any], payer: dict[str, Any], item: dict[str, Any], field: str
) -> None:
    made = order(bc, buyer, {"itemId": item["id"], "quantity": 3})
    bc.control("__user", {"do": "ship", "id": made["id"], "quantities": {line_of(bc, made)["id"]: 1}})
    refusal = bc.refusal("PATCH", f"salesOrders({made['id']})", {field: payer["id"]}, If_Match="*")
    place = f"Sales Line: Document Type=Order, Document No.={made['number']}, Line No.=10000"
    assert refusal[2] == f"Quantity Shipped must be equal to '0'  in {place}. Current value is '1'."
    same = bc.patch(f"salesOrders({made['id']})", {field: buyer["id"], "email": "a@b.example"})
    assert same["email"] == "a@b.example"


def test_another_customer_makes_the_lines_anew(
    bc: Bc, buyer: dict[str, Any], payer: dict[str, Any], item: dict[str, Any]
) -> None:
    line = {"itemId": item["id"], "quantity": 3, "unitPrice": 7, "discountPercent": 10, "description": "Ours"}
    made = order(bc, buyer, line, {"description": "Thank you"}, discountAmount=1)
    changed = bc.patch(f"salesOrders({made['id']})", {"customerId": payer["id"]})
    first, second = bc.values(f"salesOrders({made['id']})/salesOrderLines")
    assert [first[name] for name in ("description", "quantity", "unitPrice", "discountPercent")] == ["Mug", 3, 10, 0]
    assert (second["description"], second["sequence"]) == ("Thank you", 20000)
    assert (changed["discountAmount"], changed["totalAmountExcludingTax"]) == (0, 30)


def test_the_same_customer_once_more_is_not_tested_again(bc: Bc, buyer: dict[str, Any]) -> None:
    """AL: TransferFieldsWithValidate validates a field only when its value is another one."""
    made = bc.post("salesOrders", {"customerId": buyer["id"]} | side("sellTo", OTHER))
    bc.patch(f"customers({buyer['id']})", {"blocked": "All"})
    again = {"customerId": buyer["id"], "billToCustomerNumber": buyer["number"], "email": "a@b.example"}
    assert address(bc.patch(f"salesOrders({made['id']})", again), "sellTo") == SENT
