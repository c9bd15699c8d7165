"""Bodies: what is nested or unknown is refused whole, never dropped in silence."""

from typing import Any

import pytest

from ...conftest import Bc


@pytest.mark.parametrize("name", ["itemVariants", "defaultDimensions", "picture"])
def test_what_is_not_inserted_with_its_parent_is_refused(bc: Bc, name: str) -> None:
    assert name in bc.refusal("POST", "items", {"displayName": "Mug", name: [{}]})[2]
    assert bc.values("items") == []


def test_lines_are_not_changed_through_their_document(bc: Bc, customer: dict[str, Any]) -> None:
    order = bc.post("salesOrders", {"customerId": customer["id"]})
    path = f"salesOrders({order['id']})"
    body = {"externalDocumentNumber": "X", "salesOrderLines": [{"description": "A comment"}]}
    assert bc.refusal("PATCH", path, body, If_Match="*")[0] == 400
    assert bc.get(path)["externalDocumentNumber"] == ""


@pytest.mark.parametrize("lines", [{}, "x", 5, None, [5]])
def test_lines_that_are_no_list_of_objects_are_refused(bc: Bc, customer: dict[str, Any], lines: Any) -> None:
    assert bc.refusal("POST", "salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})[0] == 400
    assert bc.values("salesOrders") == []


@pytest.mark.parametrize("name", ["shoe@size", "currency@odata.bind", "shoes@odata.type"])
def test_a_name_with_an_at_sign_is_not_dropped(bc: Bc, name: str) -> None:
    assert bc.refusal("POST", "customers", {"displayName": "New", name: "X"})[0] == 400


def test_a_record_may_be_sent_back_with_its_annotations(bc: Bc, customer: dict[str, Any]) -> None:
    path = f"customers({customer['id']})"
    body = {"@odata.etag": "old", "@odata.context": "x", "picture@odata.context": "x", "city": "Gent"}
    assert bc.patch(path, body)["city"] == "Gent"


@pytest.mark.parametrize(
    "tag", ["old", 'W/"old"', '"*"', 'W/"JzQ0O2FiYzE7MDA7Jw=="', "JzQ0OzNPaHFuS0ZQdk5oc3ZkSW9KdzVkdXk2", 'W/"*"', "W/*"]
)
def test_a_tag_that_bc_never_gave_is_unusable(bc: Bc, customer: dict[str, Any], tag: str) -> None:
    """behaviour.md section 3: missing or unusable is 400, stale is 409; an ETag is a quoted hash with its length."""
    path = f"customers({customer['id']})"
    for method, body in (("PATCH", {"city": "Gent"}), ("DELETE", None)):
        assert bc.refusal(method, path, body, If_Match=tag)[:2] == (400, "BadRequest_InvalidToken")


def test_a_tag_of_another_record_is_stale(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    answer = bc.refusal("PATCH", f"customers({customer['id']})", {"city": "Gent"}, If_Match=item["@odata.etag"])
    assert answer[:2] == (409, "Request_EntityChanged")


@pytest.mark.parametrize(
    ("entity", "body", "table", "key"),
    [
        ("customers", {"displayName": "A", "number": "A1"}, "Customer", "No.='A1'"),
        ("paymentTerms", {"code": "1 YEAR"}, "Payment Terms", "Code='1 YEAR'"),
        ("unitsOfMeasure", {"code": "CRATE"}, "Unit of Measure", "Code='CRATE'"),
    ],
)
def test_a_second_record_with_a_key_is_refused_in_the_words_of_its_table(
    bc: Bc, entity: str, body: dict[str, Any], table: str, key: str
) -> None:
    """dynamics-error-codes.md: NavCSideDuplicateKeyException; the captions are those of the tables in AL."""
    bc.post(entity, body)
    message = f"The {table} already exists. Identification fields and values: {key}"
    assert bc.refusal("POST", entity, body) == (400, "Internal_EntityWithSameKeyExists", message)


def test_a_second_variant_of_an_item_is_refused(bc: Bc, item: dict[str, Any]) -> None:
    """The primary key of Item Variant is Item No., Code (ItemVariant.Table.al)."""
    body = {"itemNumber": item["number"], "code": "RED"}
    bc.post("itemVariants", body)
    message = "The Item Variant already exists. Identification fields and values: Item No.='MUG',Code='RED'"
    assert bc.refusal("POST", "itemVariants", body) == (400, "Internal_EntityWithSameKeyExists", message)
