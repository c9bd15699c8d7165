"""Customers, contacts, items and what belongs to them."""

from typing import Any

import pytest

from ...conftest import ANY, Bc, order

UNKNOWN = "5c2a1f1e-7d3b-4b7e-9a51-0d6f2c0b1a01"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x04\x00\x00\x00\x03\x08\x02\x00\x00\x00"


def test_a_customer_with_an_open_order_is_not_deleted(bc: Bc, customer: dict[str, Any]) -> None:
    order(bc, customer)
    refusal = bc.refusal("DELETE", f"customers({customer['id']})", If_Match="*")
    assert "at least one outstanding Sales Order for this customer" in refusal[2]


def test_stock_is_adjusted_by_patch_and_never_by_post(bc: Bc, item: dict[str, Any]) -> None:
    assert bc.refusal("POST", "items", {"inventory": 1})[2] == "Inventory cannot be changed during on insert."
    bc.patch(f"items({item['id']})", {"inventory": 5})
    bc.patch(f"items({item['id']})", {"inventory": 2})
    entries = bc.values("itemLedgerEntries")
    assert [(entry["entryType"], entry["quantity"]) for entry in entries] == [
        ("Positive_x0020_Adjmt_x002E_", 5),
        ("Negative_x0020_Adjmt_x002E_", -3),
    ]


def test_equal_values_change_nothing(bc: Bc, customer: dict[str, Any]) -> None:
    same = bc.patch(f"customers({customer['id']})", {"displayName": "Jansen"})
    names = ("@odata.etag", "lastModifiedDateTime")
    assert [same[name] for name in names] == [customer[name] for name in names]


def test_numbers_are_never_given_twice(bc: Bc) -> None:
    made = [bc.post("items", {"displayName": "A"}) for _ in range(2)]
    bc.call("DELETE", f"items({made[0]['id']})", If_Match="*")
    assert bc.post("items", {"displayName": "B"})["number"] == "I00003"


@pytest.mark.parametrize(
    ("entity", "body", "code"),
    [
        ("customers", {"displayName": "x" * 101}, "Application_StringExceededLength"),
        ("customers", {"displayName": "X", "type": "Robot"}, "Unknown"),
        ("customers", {"displayName": "X", "country": "XX"}, "Internal_InvalidTableRelation"),
        ("customers", {"displayName": "X", "currencyId": "not-a-guid"}, "Application_InvalidGUID"),
        ("customers", {"displayName": "X", "creditLimit": "12"}, "BadRequest"),
        ("customers", {"displayName": "X", "taxLiable": "yes"}, "BadRequest"),
        ("customers", {"displayName": "X", "shoeSize": 9}, "BadRequest"),
        ("customers", {}, "BadRequest_RequiredParamNotProvided"),
        ("customers", [], "BadRequest"),
        ("paymentTerms", {"displayName": "no code"}, "BadRequest_RequiredParamNotProvided"),
        ("itemLedgerEntries", {"quantity": 1}, "BadRequest_MethodNotAllowed"),
        ("items", {"number": "A", "itemCategoryCode": "NONE"}, "Application_DialogException"),
        ("items", {"unitPrice": -1}, "Application_FieldValidationException"),
        ("paymentTerms", {"code": "T", "discountPercent": 101}, "Application_FieldValidationException"),
        ("customers", {"displayName": "X", "salespersonCode": "NONE"}, "Internal_InvalidTableRelation"),
        ("customers", {"displayName": "X", "taxAreaId": UNKNOWN}, "Internal_InvalidTableRelation"),
        ("customers", {"displayName": "X", "phoneNumber": "06-CALL-ME"}, "Application_FieldValidationException"),
        ("customers", {"displayName": "X", "email": "nobody"}, "Application_DialogException"),
        ("vendors", {"displayName": "X", "email": "a@b.example; nobody"}, "Application_DialogException"),
        ("contacts", {"displayName": "X", "mobilePhoneNumber": "six"}, "Application_FieldValidationException"),
    ],
)
def test_values_that_are_refused(bc: Bc, entity: str, body: Any, code: str) -> None:
    assert bc.refusal("POST", entity, body)[1] == code


def test_a_template_fills_what_was_not_sent(bc: Bc) -> None:
    template = {"taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS", "displayName2": "from the template"}
    bc.control("__seed", {"templates": {"items": template}})
    made = bc.post("items", {"displayName": "Mug", "displayName2": "sent"})
    assert (made["taxGroupCode"], made["baseUnitOfMeasureCode"], made["displayName2"]) == ("VAT21", "PCS", "sent")


def test_an_attachment_comes_in_two_steps(bc: Bc, customer: dict[str, Any]) -> None:
    made = order(bc, customer)
    body = {"parentId": made["id"], "parentType": "Sales_x0020_Order", "fileName": "note.txt"}
    attachment = bc.post("attachments", body)
    path = f"attachments({attachment['id']})/attachmentContent"
    assert bc.call("GET", path).status_code == 204
    sent = bc.http.patch(bc.url(path), content=b"hello", headers={"If-Match": "*"})
    assert sent.status_code == 204
    assert bc.call("GET", path).content == b"hello"
    (found,) = bc.values(f"salesOrders({made['id']})/attachments")
    assert (found["fileName"], found["byteSize"]) == ("note.txt", 5)


def test_dimensions_of_a_customer_are_found_from_both_ends(bc: Bc, customer: dict[str, Any]) -> None:
    dimension = bc.values("dimensions?$expand=dimensionValues")[0]
    value = dimension["dimensionValues"][0]
    body = {"dimensionId": dimension["id"], "dimensionValueId": value["id"]}
    bc.post(f"customers({customer['id']})/defaultDimensions", body)
    (found,) = bc.get(f"customers({customer['id']})?$expand=defaultDimensions($expand=dimension)")["defaultDimensions"]
    assert (found["parentType"], found["dimension"]["code"]) == ("Customer", dimension["code"])
    assert bc.get(f"defaultDimensions({found['id']})/customer")["number"] == customer["number"]


@pytest.mark.parametrize("entity", ["customers", "contacts", "items", "vendors", "employees"])
def test_a_number_that_was_taken_by_hand_is_not_given_again(bc: Bc, entity: str) -> None:
    body = {"givenName": "A", "surname": "B"} if entity == "employees" else {"displayName": "A"}
    first = bc.post(entity, body)["number"]
    taken = f"{first[:-1]}2"
    bc.post(entity, body | {"number": taken.lower()})
    assert bc.post(entity, body)["number"] == f"{first[:-1]}3"


@pytest.mark.parametrize(("entity", "field"), [("customers", "number"), ("items", "number"), ("paymentTerms", "code")])
def test_a_number_or_code_is_not_blanked(bc: Bc, entity: str, field: str) -> None:
    made = bc.post(entity, {"displayName": "A"} | ({"code": "T"} if field == "code" else {}))
    refusal = bc.refusal("PATCH", f"{entity}({made['id']})", {field: ""}, If_Match="*")
    assert refusal[1] == "Application_FieldValidationException"


def test_a_new_number_is_carried_along(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, {"description": "MUG"})
    bc.patch(f"items({item['id']})", {"inventory": 1})
    bc.patch(f"items({item['id']})", {"number": "REN1"})
    bc.patch(f"customers({customer['id']})", {"number": "CUST1"})
    assert [row["itemNumber"] for row in bc.values("itemVariants") + bc.values("itemLedgerEntries")] == ["REN1"] * 2
    lines = bc.values(f"salesOrders({made['id']})/salesOrderLines")
    assert [line["lineObjectNumber"] for line in lines] == ["REN1", ""]
    header = bc.get(f"salesOrders({made['id']})")
    assert (header["customerNumber"], header["billToCustomerNumber"]) == ("CUST1", "CUST1")
    assert bc.get(f"customers({customer['id']})/customerFinancialDetail")["number"] == "CUST1"


def test_a_new_code_is_carried_along(bc: Bc, item: dict[str, Any]) -> None:
    (unit,) = bc.values("unitsOfMeasure?$filter=code eq 'PCS'")
    bc.patch(f"unitsOfMeasure({unit['id']})", {"code": "EACH"})
    assert bc.get(f"items({item['id']})")["baseUnitOfMeasureCode"] == "EACH"


def test_an_item_takes_its_picture_and_variants_along(bc: Bc, item: dict[str, Any]) -> None:
    variant = bc.post("itemVariants", {"itemId": item["id"], "code": "RED"})
    bc.http.patch(bc.url(f"items({item['id']})/picture/pictureContent"), content=PNG, headers=ANY)
    assert bc.call("DELETE", f"items({item['id']})", If_Match="*").status_code == 204
    assert bc.call("GET", f"itemVariants({variant['id']})").status_code == 404
    assert "pictures" not in bc.control("__state")["records"]


@pytest.mark.parametrize(
    ("entity", "kind"),
    [
        ("salesOrders", "Sales Order"),
        ("salesInvoices", "Sales Invoice"),
        ("salesCreditMemos", "Sales Credit Memo"),
        ("salesQuotes", "Sales Quote"),
    ],
)
def test_an_item_on_a_document_is_not_deleted(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], entity: str, kind: str
) -> None:
    """AL: Check Sales Document Line, CheckSalesLines."""
    lines = [{"itemId": item["id"], "quantity": 1}]
    bc.post(entity, {"customerId": customer["id"], f"{entity[:-1]}Lines": lines})
    refusal = bc.refusal("DELETE", f"items({item['id']})", If_Match="*")
    assert refusal[2] == (
        f"You cannot delete Item MUG because there is at least one outstanding {kind} that includes this item."
    )


def test_a_customer_with_posted_documents_alone_has_ledger_entries(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any]
) -> None:
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    bc.call("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    refusal = bc.refusal("DELETE", f"customers({customer['id']})", If_Match="*")
    assert refusal[2].endswith("it has ledger entries in a fiscal year that has not been closed yet.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"itemId": UNKNOWN, "code": "A"}, 'The "itemId" does not match to an Item.'),
        ({"itemNumber": "NONE", "code": "A"}, 'The "itemNumber" does not match to an Item.'),
        ({"itemNumber": "OTHER", "code": "A"}, "The item values do not match to a specific Item."),
    ],
)
def test_variants_that_are_refused(bc: Bc, item: dict[str, Any], body: dict[str, Any], words: str) -> None:
    whole = {"itemId": item["id"]} | body if words.startswith("The item values") else body
    assert bc.refusal("POST", "itemVariants", whole)[2] == words


def test_a_category_id_that_is_nowhere_is_refused_in_the_words_of_the_page(bc: Bc) -> None:
    refusal = bc.refusal("POST", "items", {"itemCategoryId": UNKNOWN})
    assert refusal[2] == 'The "itemCategoryId" does not match to a specific Item Category group.'


@pytest.mark.parametrize("kind", ["Service", "Non_x002D_Inventory"])
def test_stock_is_of_items_that_are_stocked(bc: Bc, item: dict[str, Any], kind: str) -> None:
    """AL: Item Journal Line, ValidateTypeWithItemNo."""
    bc.patch(f"items({item['id']})", {"type": kind})
    refusal = bc.refusal("PATCH", f"items({item['id']})", {"inventory": 5}, If_Match="*")
    assert refusal[1:] == (
        "Application_FieldValidationException",
        f"Type must be equal to 'Inventory'  in Item: No.=MUG. Current value is '{kind.replace('_x002D_', '-')}'.",
    )


@pytest.mark.parametrize("kind", ["Service", "Non_x002D_Inventory"])
def test_only_stocked_items_have_an_inventory_posting_group(bc: Bc, kind: str) -> None:
    """AL: Item, Inventory Posting Group, OnValidate."""
    body = {"type": kind, "inventoryPostingGroupCode": "RESALE"}
    assert bc.refusal("POST", "items", body)[1] == "Application_FieldValidationException"
    made = bc.post("items", {"type": kind})
    refusal = bc.refusal("PATCH", f"items({made['id']})", {"inventoryPostingGroupCode": "RESALE"}, If_Match="*")
    assert refusal[2].startswith("Type must be equal to 'Inventory'  in Item: No.=")


def test_a_stocked_item_that_becomes_a_service_loses_its_inventory_posting_group(bc: Bc, item: dict[str, Any]) -> None:
    """AL: Item, CheckUpdateFieldsForNonInventoriableItem."""
    bc.patch(f"items({item['id']})", {"inventoryPostingGroupCode": "RESALE"})
    changed = bc.patch(f"items({item['id']})", {"type": "Service"})
    assert (changed["inventoryPostingGroupCode"], int(changed["inventoryPostingGroupId"].replace("-", ""))) == ("", 0)


@pytest.mark.parametrize(("gtin", "taken"), [("8712345678906", True), ("", True), ("87123A", False), ("٣", False)])
def test_a_gtin_has_digits_only(bc: Bc, gtin: str, taken: bool) -> None:
    """AL: Item, GTIN, Numeric = true. The words of the platform are not published."""
    assert (bc.call("POST", "items", {"gtin": gtin}).status_code == 201) is taken


@pytest.mark.parametrize("code", ["PCS", "EA"])
def test_a_base_unit_may_be_given_by_its_international_code(bc: Bc, code: str) -> None:
    """AL: Item, Base Unit of Measure, OnValidate."""
    assert bc.post("items", {"baseUnitOfMeasureCode": code})["baseUnitOfMeasureCode"] == "PCS"


def test_a_base_unit_that_is_nowhere_is_refused_in_the_words_of_the_table(bc: Bc) -> None:
    """AL: Item, Base Unit of Measure, OnValidate."""
    refusal = bc.refusal("POST", "items", {"baseUnitOfMeasureCode": "NONE"})
    assert refusal[1:] == (
        "Application_DialogException",
        "The Unit of Measure with Code NONE does not exist.",
    )


@pytest.mark.parametrize("phone", ["030-0074321", "(5) 555-4729", "+31 20.123"])
def test_telephone_numbers_as_people_write_them(bc: Bc, phone: str) -> None:
    assert bc.post("customers", {"displayName": "A", "phoneNumber": phone})["phoneNumber"] == phone


POST_CODES = [
    {"code": "1000", "city": "Bruxelles", "county": "", "country": "BE"},
    {"code": "1000", "city": "Laken", "county": "", "country": "BE"},
    {"code": "1000", "city": "Ljubljana", "county": "", "country": "SI"},
    {"code": "1012 AB", "city": "AMSTERDAM", "county": "NH", "country": "NL"},
]


@pytest.mark.parametrize(
    ("sent", "filled"),
    [
        ({"postalCode": "1012 ab"}, ("AMSTERDAM", "NH", "NL")),
        ({"postalCode": "1012 AB", "city": "Amsterdam-Centrum", "country": "BE"}, ("AMSTERDAM", "NH", "NL")),
        ({"postalCode": "1000", "country": "SI"}, ("Ljubljana", "", "SI")),
        ({"postalCode": "1000", "city": "laken"}, ("Laken", "", "BE")),
        ({"postalCode": "9999", "city": "Gent"}, ("Gent", "", "")),
        ({"city": "Amsterdam"}, ("Amsterdam", "", "")),
    ],
)
@pytest.mark.parametrize("entity", ["customers", "vendors", "contacts", "employees", "locations"])
def test_a_post_code_fills_in_what_the_list_says(bc: Bc, entity: str, sent: Any, filled: tuple[str, ...]) -> None:
    """AL: Post Code, ValidatePostCode and ValidateCity."""
    bc.control("__seed", {"settings": {"postCodes": POST_CODES}})
    body = {"code": "X"} if entity == "locations" else {"displayName": "X"}
    made = bc.post(entity, (body if entity != "employees" else {"givenName": "X"}) | sent)
    assert (made["city"], made["state"], made["country"]) == filled


def test_a_new_post_code_fills_in_anew_and_an_old_one_does_not(bc: Bc, customer: dict[str, Any]) -> None:
    """AL: Customer, Post Code, OnValidate."""
    bc.control("__seed", {"settings": {"postCodes": POST_CODES}})
    path = f"customers({customer['id']})"
    assert bc.patch(path, {"postalCode": "1012 AB"})["city"] == "AMSTERDAM"
    assert bc.patch(path, {"postalCode": "1012 AB", "city": "Mokum"})["city"] == "Mokum"


def test_a_post_code_of_a_document_fills_in_its_side(bc: Bc, customer: dict[str, Any]) -> None:
    """AL: Sales Header, Ship-to Post Code, OnValidate."""
    bc.control("__seed", {"settings": {"postCodes": POST_CODES}})
    made = order(bc, customer, shipToPostCode="1012 AB")
    assert (made["shipToCity"], made["shipToState"], made["shipToCountry"]) == ("AMSTERDAM", "NH", "NL")


def block_for_privacy(bc: Bc, customer: dict[str, Any]) -> None:
    bc.control("__seed", {"settings": {"customers": {customer["number"]: {"privacyBlocked": True}}}})


def test_a_customer_who_is_blocked_for_privacy_gets_no_document(bc: Bc, customer: dict[str, Any]) -> None:
    """AL: Customer, CheckBlockedCustOnDocs and CustPrivacyBlockedErrorMessage."""
    block_for_privacy(bc, customer)
    refusal = bc.refusal("POST", "salesCreditMemos", {"customerId": customer["id"]})
    words = f"You cannot create this type of document when Customer {customer['number']} is blocked for privacy."
    assert refusal == (400, "Application_DialogException", words)


def test_what_was_ordered_before_is_not_posted(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    """AL: Customer, CheckBlockedCustOnDocs."""
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    block_for_privacy(bc, customer)
    refusal = bc.refusal("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    assert refusal[2].startswith("You cannot post this type of document when Customer")


def test_the_api_does_not_lift_a_block_for_privacy(bc: Bc, customer: dict[str, Any]) -> None:
    """AL: Customer, Privacy Blocked and Blocked, OnValidate."""
    block_for_privacy(bc, customer)
    assert bc.get(f"customers({customer['id']})")["blocked"] == "All"
    refusal = bc.refusal("PATCH", f"customers({customer['id']})", {"blocked": "_x0020_"}, If_Match="*")
    assert refusal[2] == "The Blocked field cannot be changed because the user is blocked for privacy reasons."
    assert bc.patch(f"customers({customer['id']})", {"blocked": "All", "city": "Gent"})["city"] == "Gent"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"privacyBlocked": True}, "Privacy Blocked must not be true for Salesperson WEB."),
        ({"blocked": True}, "that is not in the related table (Salesperson/Purchaser)."),
    ],
)
def test_a_blocked_salesperson_is_given_to_nobody(bc: Bc, customer: Any, change: Any, words: str) -> None:
    """AL: Customer and Sales Header, Salesperson Code: the table relation, and ValidateSalesPersonCode."""
    (person,) = bc.values("salespeoplePurchasers?$filter=code eq 'WEB'")
    bc.patch(f"salespeoplePurchasers({person['id']})", change)
    for entity, field in (("customers", "salespersonCode"), ("salesOrders", "salesperson")):
        body = {"displayName": "A"} if entity == "customers" else {"customerId": customer["id"]}
        assert bc.refusal("POST", entity, body | {field: "WEB"})[2].endswith(words)


def test_a_salesperson_who_is_blocked_for_privacy_stops_posting(bc: Bc, customer: Any, item: dict[str, Any]) -> None:
    """AL: Sales Header, ValidateSalesPersonOnSalesHeader."""
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1}, salesperson="WEB")
    (person,) = bc.values("salespeoplePurchasers?$filter=code eq 'WEB'")
    bc.patch(f"salespeoplePurchasers({person['id']})", {"privacyBlocked": True})
    refusal = bc.refusal("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    assert refusal[2] == "You cannot post this document because Salesperson WEB is blocked due to privacy."


def test_a_contact_who_is_blocked_for_privacy_gets_no_document_as_customer(bc: Bc) -> None:
    """AL: Sales Header, UpdateSellToCont, and Contact, IsUpdateNeeded: the block alone does not reach the customer."""
    company = bc.post("customers", {"displayName": "Baker"})
    (relation,) = bc.values(f"customers({company['id']})/contactsInformation")
    bc.patch(f"contacts({relation['contactId']})", {"privacyBlocked": True})
    refusal = bc.refusal("POST", "salesOrders", {"customerId": company["id"]})
    words = (
        f"You cannot use contact {relation['contactNumber']} Baker because they are marked as blocked due to privacy."
    )
    assert refusal[2] == words
    assert bc.get(f"customers({company['id']})")["blocked"] == "_x0020_"


def test_a_block_for_privacy_goes_from_contact_to_customer_and_back_with_the_next_change(bc: Bc) -> None:
    """AL: CustVendBank-Update and CustCont-Update take over all fields that both have, once a field of them differs."""
    company = bc.post("customers", {"displayName": "Baker"})
    (relation,) = bc.values(f"customers({company['id']})/contactsInformation")
    contact = f"contacts({relation['contactId']})"
    bc.patch(contact, {"privacyBlocked": True})
    bc.patch(contact, {"city": "Gent"})
    refusal = bc.refusal("POST", "salesOrders", {"customerId": company["id"]})
    assert refusal[2].endswith(f"when Customer {company['number']} is blocked for privacy.")
    bc.control("__seed", {"settings": {"customers": {company["number"]: {"privacyBlocked": False}}}})
    assert bc.get(contact)["privacyBlocked"] is True
    bc.patch(f"customers({company['id']})", {"city": "Breda"})
    assert bc.get(contact)["privacyBlocked"] is False


def test_a_block_of_the_customer_for_privacy_does_not_show_on_his_contact(bc: Bc) -> None:
    """AL: Customer, IsContactUpdateNeeded."""
    company = bc.post("customers", {"displayName": "Baker"})
    block_for_privacy(bc, company)
    (relation,) = bc.values(f"customers({company['id']})/contactsInformation")
    assert bc.get(f"contacts({relation['contactId']})")["privacyBlocked"] is False
