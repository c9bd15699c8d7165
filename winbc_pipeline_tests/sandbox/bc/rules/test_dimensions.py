"""Dimension lines, default dimensions and journal lines: none without what they belong to, none twice."""

import uuid
from typing import Any

import pytest

from ...conftest import Bc, order


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


def test_a_default_dimension_is_known_and_there_once(
    bc: Bc, customer: dict[str, Any], dimension: dict[str, Any]
) -> None:
    path = f"customers({customer['id']})/defaultDimensions"
    assert "does not match to a Dimension." in bc.refusal("POST", path, {"dimensionId": str(uuid.uuid4())})[2]
    body = {"dimensionId": dimension["id"], "dimensionValueId": dimension["dimensionValues"][0]["id"]}
    assert bc.post(path, body)["dimensionValueCode"] == dimension["dimensionValues"][0]["code"]
    assert bc.refusal("POST", path, body)[1] == "Internal_EntityWithSameKeyExists"


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
