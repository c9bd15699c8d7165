"""`$filter`: literals of the field's type and no other, wildcards, and sets that are read below their parent only."""

import uuid
from typing import Any

import pytest

from ...conftest import Bc, names, seeded

NIL = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "condition",
    [
        "lastModifiedDateTime gt '2019-08-18T20:05:51.603Z'",
        "lastModifiedDateTime gt 2019-08-18",
        "currencyId eq '00000000-0000-0000-0000-000000000000'",
        "number eq 1000",
        "taxLiable eq 'false'",
        "taxLiable eq 0",
        "creditLimit gt '5'",
        "displayName eq 2020-01-01",
        "contains(displayName,5)",
        "contains(creditLimit,'5')",
        "displayName eq null",
        "blocked eq 1",
    ],
)
def test_a_literal_of_another_type_is_refused(bc: Bc, condition: str) -> None:
    assert "incompatible types" in bc.refusal("GET", f"customers?$filter={condition}")[2]


@pytest.mark.parametrize(
    "condition",
    ["orderDate ge '2020-01-01'", "orderDate eq 2025-02-30", "lastModifiedDateTime gt 2025-02-30T00:00:00Z"],
)
def test_a_date_that_is_none_is_refused(bc: Bc, condition: str) -> None:
    assert bc.refusal("GET", f"salesOrders?$filter={condition}")[0] == 400


@pytest.mark.parametrize(
    "condition",
    [
        "lastModifiedDateTime gt 2019-08-18T20:05:51.603Z",
        f"currencyId eq {NIL}",
        "creditLimit gt 2.5",
        "creditLimit gt 2",
        "taxLiable eq false",
        "blocked eq '_x0020_'",
    ],
)
def test_a_literal_of_the_fields_type_is_taken(bc: Bc, condition: str) -> None:
    assert "C4" in names(seeded(bc).values(f"customers?$filter={condition}"))


def test_wildcards_work_in_ne_as_in_eq(bc: Bc) -> None:
    assert names(seeded(bc).values("customers?$filter=city ne 'U*'")) == ["C0", "C2", "C4"]


def test_letters_count_in_eq_and_do_not_in_contains(bc: Bc) -> None:
    assert names(seeded(bc).values("customers?$filter=city eq 'GENT'")) == []
    assert names(bc.values("customers?$filter=contains(city,'GENT')")) == ["C0", "C2", "C4"]


@pytest.mark.parametrize("query", ["city in ('Gent')", "defaultDimensions/any(d:d/dimensionCode eq 'X')"])
def test_what_bc_ignores_in_silence_brings_the_whole_table(bc: Bc, query: str) -> None:
    assert len(seeded(bc).values(f"customers?$filter={query}")) == 5


def test_functions_inside_functions_need_the_newer_schema_version(bc: Bc) -> None:
    query = "$filter=startswith(tolower(city),'gen')"
    assert bc.refusal("GET", f"customers?{query}")[0] == 400
    assert len(seeded(bc).values(f"customers?$schemaversion=2.1&{query}")) == 3


@pytest.mark.parametrize("count", [84, 3000])
def test_many_terms_over_one_field(bc: Bc, count: int) -> None:
    terms = " or ".join(f"city eq '{n}'" for n in range(count))
    url = bc.url("customers").removeprefix(bc.base + "/") + f"?$filter={terms} or city eq 'Gent'"
    (answer,) = seeded(bc).batch({"id": "1", "method": "GET", "url": url})
    assert names(answer["body"]["value"]) == ["C0", "C2", "C4"]


def test_more_terms_than_can_be_asked_are_refused(bc: Bc) -> None:
    url = bc.url("customers").removeprefix(bc.base + "/") + "?$filter=" + " or ".join(["city eq '1'"] * 30_001)
    assert bc.batch({"id": "1", "method": "GET", "url": url})[0]["status"] == 400


def test_brackets_in_brackets_in_brackets(bc: Bc) -> None:
    seeded(bc)
    condition = "city eq 'Gent'"
    for _ in range(8):
        condition = f"(creditLimit ge 0 and (city eq 'Gent' or ({condition})))"
    assert bc.call("GET", f"customers?$filter={condition}").status_code in (200, 400)
    for _ in range(40):
        condition = f"(creditLimit ge 0 and (city eq 'Gent' or ({condition})))"
    assert bc.refusal("GET", f"customers?$filter={condition}")[0] == 400


PARENTS = {
    "salesOrderLines": "documentId",
    "dimensionSetLines": "parentId",
    "attachments": "parentId",
}


@pytest.mark.parametrize("path", [*PARENTS, "contactsInformation", "pictures"])
def test_records_of_a_parent_are_not_read_without_it(bc: Bc, path: str) -> None:
    assert bc.refusal("GET", path)[:2] == (400, "Application_DialogException")


@pytest.mark.parametrize(("path", "field"), PARENTS.items())
def test_a_filter_that_names_no_parent_is_none(bc: Bc, path: str, field: str) -> None:
    assert bc.refusal("GET", f"{path}?$filter={field} ne {NIL}")[1] == "Application_DialogException"
    assert bc.values(f"{path}?$filter={field} eq {uuid.uuid4()}") == []


def test_lines_are_found_by_document(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    body = {"customerId": customer["id"], "salesOrderLines": [{"itemId": item["id"], "quantity": 1}]}
    orders = [bc.post("salesOrders", body) for _ in range(2)]
    first, both = (" or ".join(f"documentId eq {order['id']}" for order in some) for some in (orders[:1], orders))
    assert len(bc.values(f"salesOrderLines?$filter={first}")) == 1
    assert len(bc.values(f"salesOrderLines?$filter={first} and quantity gt 0")) == 1
    assert len(bc.values(f"salesOrderLines?$filter={both}")) == 2
