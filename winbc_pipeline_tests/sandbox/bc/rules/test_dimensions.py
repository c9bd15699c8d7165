"""Dimension lines, default dimensions and journal lines: none without what they belong to, none twice."""

import uuid
from typing import Any

import pytest

from winbc_pipeline.sandbox.bc.data.schema import ZERO_GUID

from ...conftest import Bc, line_of, order


@pytest.fixture
def lines(bc: Bc, customer: dict[str, Any]) -> str:
    order = bc.post("salesOrders", {"customerId": customer["id"]})
    return f"salesOrders({order['id']})/dimensionSetLines"


@pytest.fixture
def dimension(bc: Bc) -> dict[str, Any]:
    return bc.values("dimensions?$expand=dimensionValues")[0]


def test_a_dimension_line_by_codes_has_ids_and_names(bc: Bc, lines: str, dimension: dict[str, Any]) -> None:
    value = dimension["dimensionValues"][0]
    made = bc.post(lines, {"code": dimension["code"].lower(), "valueCode": value["code"]})
    assert (made["id"], made["valueId"]) == (dimension["id"], value["id"])
    assert (made["displayName"], made["valueDisplayName"]) == (dimension["displayName"], value["displayName"])


def test_a_dimension_line_needs_its_parent(bc: Bc) -> None:
    words = "You must get to the parent first to create a dimension set line."
    assert bc.refusal("POST", "dimensionSetLines", {"code": "BRANCH", "valueCode": "1"})[2] == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, 'The "id" or "code" field must be filled in.'),
        ({"code": "BRANCH"}, 'The "valueId" or "valueCode" field must be filled in.'),
        ({"code": "NOPE", "valueCode": "1"}, 'The "code" does not match to a Dimension.'),
        ({"id": str(uuid.uuid4()), "valueCode": "1"}, 'The "id" does not match to a Dimension.'),
        ({"code": "BRANCH", "valueCode": "99"}, 'The "valueCode" does not match to a Dimension Value.'),
        ({"code": "BRANCH", "valueId": str(uuid.uuid4())}, 'The "valueId" does not match to a Dimension Value.'),
    ],
)
def test_a_dimension_line_that_names_none(bc: Bc, lines: str, body: Any, words: str) -> None:
    assert bc.refusal("POST", lines, body)[2] == words
    assert bc.values(lines) == []


def test_no_dimension_twice_on_a_document(bc: Bc, lines: str) -> None:
    bc.post(lines, {"code": "BRANCH", "valueCode": "1"})
    assert "already exists" in bc.refusal("POST", lines, {"code": "BRANCH", "valueCode": "2"})[2]


def test_the_value_of_a_dimension_line_can_change_and_its_dimension_cannot(
    bc: Bc, lines: str, dimension: dict[str, Any]
) -> None:
    bc.post(lines, {"code": dimension["code"], "valueCode": dimension["dimensionValues"][0]["code"]})
    other = dimension["dimensionValues"][1]
    path = f"{lines}({dimension['id']})"
    assert bc.patch(path, {"valueCode": other["code"]})["valueId"] == other["id"]
    assert "cannot be modified" in bc.refusal("PATCH", path, {"code": "OTHER"}, If_Match="*")[2]


def test_a_default_dimension_needs_its_parent(bc: Bc, dimension: dict[str, Any]) -> None:
    words = "You must get to the parent first to get to the default dimensions."
    assert bc.refusal("POST", "defaultDimensions", {"dimensionId": dimension["id"]})[2] == words


def test_a_default_dimension_is_there_once(bc: Bc, customer: dict[str, Any], dimension: dict[str, Any]) -> None:
    body = {"dimensionId": dimension["id"], "dimensionValueId": dimension["dimensionValues"][0]["id"]}
    path = f"customers({customer['id']})/defaultDimensions"
    assert bc.post(path, body)["dimensionValueCode"] == dimension["dimensionValues"][0]["code"]
    assert bc.refusal("POST", path, body)[1] == "Internal_EntityWithSameKeyExists"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("dimensionId", 'The "dimensionId" does not match to a Dimension.'),
        ("dimensionValueId", 'The "dimensionValueId" does not match to a Dimension Value.'),
    ],
)
def test_a_default_dimension_that_names_none(bc: Bc, customer: dict[str, Any], field: str, words: str) -> None:
    path = f"customers({customer['id']})/defaultDimensions"
    assert bc.refusal("POST", path, {field: str(uuid.uuid4())})[2] == words
    assert "Dimension Code must be filled in" in bc.refusal("POST", path, {})[2]


def test_a_value_of_another_dimension_is_refused(bc: Bc, customer: dict[str, Any]) -> None:
    """DefaultDimension.Table.al: DimensionIdMismatchErr; APIV2DefaultDimensionsE2E asserts the words."""
    first, second = bc.values("dimensions?$expand=dimensionValues")[:2]
    path = f"customers({customer['id']})/defaultDimensions"
    words = 'The "dimensionId" and "dimensionValueId" match to different Dimension records.'
    body = {"dimensionId": first["id"], "dimensionValueId": second["dimensionValues"][0]["id"]}
    assert bc.refusal("POST", path, body)[2] == words
    made = bc.post(path, {"dimensionId": first["id"]})
    keyed = f"{path}({made['id']})"
    assert bc.refusal("PATCH", keyed, {"dimensionValueId": body["dimensionValueId"]}, If_Match="*")[2] == words


def test_a_value_alone_names_its_dimension(bc: Bc, customer: dict[str, Any], dimension: dict[str, Any]) -> None:
    """DefaultDimension.Table.al, DimensionValueId: an empty dimension code becomes that of the value."""
    path = f"customers({customer['id']})/defaultDimensions"
    made = bc.post(path, {"dimensionValueId": dimension["dimensionValues"][0]["id"]})
    assert (made["dimensionId"], made["dimensionCode"]) == (dimension["id"], dimension["code"])


def test_a_default_dimension_keeps_its_dimension_and_parent(bc: Bc, customer: dict[str, Any]) -> None:
    """DefaultDimension.Table.al: CannotRenameErr; dynamics_customer_update_defaultdimensions.md."""
    first, second = bc.values("dimensions?$expand=dimensionValues")[:2]
    other = bc.post("customers", {"displayName": "Other"})
    path = f"customers({customer['id']})/defaultDimensions"
    keyed = f"{path}({bc.post(path, {'dimensionId': first['id']})['id']})"
    for change in ({"dimensionId": second["id"]}, {"parentId": other["id"]}):
        assert bc.refusal("PATCH", keyed, change, If_Match="*")[2] == "You can't rename a Default Dimension."
    changed = bc.patch(keyed, {"dimensionValueId": first["dimensionValues"][1]["id"], "dimensionId": first["id"]})
    assert changed["dimensionValueCode"] == first["dimensionValues"][1]["code"]
    assert bc.patch(keyed, {"dimensionValueId": ZERO_GUID})["dimensionValueCode"] == ""


@pytest.mark.parametrize(
    ("kind", "words"),
    [({"parentType": "Customer"}, "Parent is not found."), ({}, 'The "parenteId" does not match to any entity.')],
)
def test_a_default_dimension_of_nobody(bc: Bc, dimension: dict[str, Any], kind: dict[str, str], words: str) -> None:
    """DefaultDimension.Table.al: ParentNotFoundErr, ParentIdDoesNotMatchAnIntegrationRecordErr."""
    body = {"parentId": str(uuid.uuid4()), "dimensionId": dimension["id"]} | kind
    assert bc.refusal("POST", "defaultDimensions", body)[2] == words


def test_a_parent_alone_says_of_which_kind_it_is(bc: Bc, item: dict[str, Any], dimension: dict[str, Any]) -> None:
    made = bc.post("defaultDimensions", {"parentId": item["id"], "dimensionId": dimension["id"]})
    assert made["parentType"] == "Item"


def test_no_code_takes_no_value(bc: Bc, customer: dict[str, Any], dimension: dict[str, Any]) -> None:
    """DefaultDimension.Table.al, Value Posting. Options go by caption too: APIV2DefaultDimensionsE2E, 'Same Code'."""
    path = f"customers({customer['id']})/defaultDimensions"
    body = {"dimensionValueId": dimension["dimensionValues"][0]["id"], "postingValidation": "No Code"}
    assert "Dimension Value Code must be equal to ''" in bc.refusal("POST", path, body)[2]
    assert bc.post(path, body | {"postingValidation": "Same Code"})["postingValidation"] == "Same_x0020_Code"
    assert len(bc.values(f"{path}?$filter=postingValidation eq 'Same Code'")) == 1


def give(bc: Bc, parents: str, parent: dict[str, Any], **values: str) -> None:
    """Gives a customer or an item a default dimension per argument: BRANCH="2"."""
    for code, value in values.items():
        (found,) = bc.values(f"dimensions?$filter=code eq '{code}'&$expand=dimensionValues")
        (wanted,) = (one["id"] for one in found["dimensionValues"] if one["code"] == value)
        bc.post(f"{parents}({parent['id']})/defaultDimensions", {"dimensionValueId": wanted})


def dimensions_of(bc: Bc, path: str) -> dict[str, str]:
    return {line["code"]: line["valueCode"] for line in bc.values(f"{path}/dimensionSetLines")}


@pytest.mark.parametrize("header", ["salesOrders", "salesInvoices", "salesQuotes", "salesCreditMemos"])
def test_default_dimensions_go_into_documents_and_their_lines(
    bc: Bc, customer: dict[str, Any], item: dict[str, Any], header: str
) -> None:
    """SalesHeader and SalesLine, CreateDim; DimensionManagement, GetDefaultDimID: the header's value stays."""
    give(bc, "customers", customer, BRANCH="2")
    give(bc, "items", item, BRANCH="3", CHANNEL="WEB")
    lines = f"{header[:-1]}Lines"
    sent = {"customerId": customer["id"], lines: [{"itemId": item["id"], "quantity": 1}, {"description": "A comment"}]}
    made = bc.post(header, sent)
    bc.post(f"{header}({made['id']})/{lines}", {"itemId": item["id"], "quantity": 1})
    assert dimensions_of(bc, f"{header}({made['id']})") == {"BRANCH": "2"}
    found = [dimensions_of(bc, f"{lines}({line['id']})") for line in bc.values(f"{header}({made['id']})/{lines}")]
    assert found == [{"BRANCH": "2", "CHANNEL": "WEB"}, {"BRANCH": "2"}, {"BRANCH": "2", "CHANNEL": "WEB"}]


def test_the_bill_to_customer_gives_the_dimensions(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    """SalesHeader, InitDefaultDimensionSources, and GetDeltaDimSetID for the lines when that customer changes."""
    payer = bc.post("customers", {"displayName": "Payer"})
    give(bc, "customers", customer, BRANCH="2")
    give(bc, "customers", payer, CHANNEL="WEB")
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    bc.patch(f"salesOrders({made['id']})", {"billToCustomerId": payer["id"]})
    line = line_of(bc, made)  # the lines are made anew
    assert dimensions_of(bc, f"salesOrders({made['id']})") == {"CHANNEL": "WEB"}
    assert dimensions_of(bc, f"salesOrderLines({line['id']})") == {"CHANNEL": "WEB"}


def test_another_item_brings_its_own_dimensions(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    other = bc.post("items", {"displayName": "Cup", "unitPrice": 1, "baseUnitOfMeasureCode": "PCS"})
    give(bc, "items", item, CHANNEL="WEB")
    give(bc, "items", other, BRANCH="1")
    line = line_of(bc, order(bc, customer, {"itemId": item["id"], "quantity": 1}))
    bc.patch(f"salesOrderLines({line['id']})", {"itemId": other["id"]})
    assert dimensions_of(bc, f"salesOrderLines({line['id']})") == {"BRANCH": "1"}


def test_posted_documents_keep_the_dimensions(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    """Sales-Post copies the dimension sets to shipments and invoices; nothing of the order's sets remains."""
    give(bc, "customers", customer, BRANCH="2")
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    bc.call("POST", f"salesOrders({made['id']})/Microsoft.NAV.shipAndInvoice", {})
    for header, lines in (("salesInvoices", "salesInvoiceLines"), ("salesShipments", "salesShipmentLines")):
        (posted,) = bc.values(header)
        assert dimensions_of(bc, f"{header}({posted['id']})") == {"BRANCH": "2"}
        (line,) = bc.values(f"{header}({posted['id']})/{lines}")
        assert dimensions_of(bc, f"{lines}({line['id']})") == {"BRANCH": "2"}
    assert len(bc.control("__state")["records"]["dimensionSetLines"]) == 4


def test_a_quote_hands_its_dimensions_on(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    give(bc, "customers", customer, BRANCH="2")
    quote = {"customerId": customer["id"], "salesQuoteLines": [{"itemId": item["id"], "quantity": 1}]}
    made = bc.post("salesQuotes", quote)
    bc.call("POST", f"salesQuotes({made['id']})/Microsoft.NAV.makeOrder", {})
    (found,) = bc.values("salesOrders")
    assert dimensions_of(bc, f"salesOrders({found['id']})") == {"BRANCH": "2"}
    assert dimensions_of(bc, f"salesOrderLines({line_of(bc, found)['id']})") == {"BRANCH": "2"}


def test_dimensions_go_with_their_document(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    give(bc, "customers", customer, BRANCH="2")
    made = order(bc, customer, {"itemId": item["id"], "quantity": 1})
    bc.call("DELETE", f"salesOrders({made['id']})", If_Match="*")
    assert "dimensionSetLines" not in bc.control("__state")["records"]


@pytest.mark.parametrize("path", ["journalLines", "customerPayments"])
def test_a_journal_line_needs_its_journal(bc: Bc, path: str) -> None:
    words = "You must specify a journal batch ID or a journal ID to get a journal line."
    assert bc.refusal("POST", path, {"amount": 5})[2] == words
    assert "cannot be found" in bc.refusal("POST", path, {"journalId": str(uuid.uuid4()), "amount": 5})[2]


def test_journal_lines_are_numbered(bc: Bc) -> None:
    journal = bc.values("journals")[0]
    numbers = [bc.post(f"journals({journal['id']})/journalLines", {"amount": 5})["lineNumber"] for _ in range(2)]
    assert numbers == [10000, 20000]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"dimensions": {"BRANCH": {"blocked": True}}}, "Dimension BRANCH is blocked."),
        ({"dimensionValues": {"BRANCH/1": {"blocked": True}}}, "Dimension Value BRANCH - 1 is blocked."),
    ],
)
@pytest.mark.parametrize("entity", ["defaultDimensions", "dimensionSetLines"])
def test_a_blocked_dimension_is_refused(bc: Bc, customer: Any, setting: Any, words: str, entity: str) -> None:
    """AL: DimensionManagement, CheckDim and CheckDimValue."""
    (dimension,) = bc.values("dimensions?$filter=code eq 'BRANCH'&$expand=dimensionValues")
    value = next(one["id"] for one in dimension["dimensionValues"] if one["code"] == "1")
    bc.control("__seed", {"settings": setting})
    if entity == "defaultDimensions":
        path, body = (
            f"customers({customer['id']})/{entity}",
            {"dimensionId": dimension["id"], "dimensionValueId": value},
        )
    else:
        path, body = f"salesOrders({order(bc, customer)['id']})/{entity}", {"id": dimension["id"], "valueId": value}
    assert bc.refusal("POST", path, body)[2] == words
