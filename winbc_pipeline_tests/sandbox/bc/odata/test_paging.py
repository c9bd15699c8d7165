"""Pages: none lacks a record, none repeats one, and a next link is all that a client needs."""

from collections.abc import Iterator
from typing import Any

import pytest

from ...conftest import Bc, names, seeded

NAMES = ["a&b", "x+B", "100% #1", "é 'q'", "M1"]


def pages(bc: Bc, path: str, size: int = 1) -> Iterator[list[dict[str, Any]]]:
    prefer = f"odata.maxpagesize={size}"
    page = bc.get(path, Prefer=prefer)
    yield page["value"]
    while "@odata.nextLink" in page:
        page = bc.get(page["@odata.nextLink"], Prefer=prefer)
        yield page["value"]


def test_pages_follow_one_another_without_gap_or_repeat(bc: Bc) -> None:
    seeded(bc, 23)
    found = [name for page in pages(bc, "customers?$filter=creditLimit ge 1", 5) for name in names(page)]
    assert found == [f"C{n}" for n in range(1, 23)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$orderby=displayName desc", ["C6", "C5", "C4", "C3", "C2", "C1", "C0"]),
        ("$orderby=city,displayName desc", ["C6", "C4", "C2", "C0", "C5", "C3", "C1"]),
        ("$orderby=city desc,creditLimit", ["C1", "C3", "C5", "C0", "C2", "C4", "C6"]),
        ("$skip=3", ["C3", "C4", "C5", "C6"]),
        ("$orderby=displayName desc&$skip=2", ["C4", "C3", "C2", "C1", "C0"]),
    ],
)
def test_ordered_pages_follow_one_another_too(bc: Bc, query: str, found: list[str]) -> None:
    seeded(bc, 7)
    assert [name for page in pages(bc, f"customers?{query}", 2) for name in names(page)] == found


@pytest.mark.parametrize("query", ["", "?$orderby=displayName"])
def test_a_record_deleted_between_two_pages_takes_no_other_along(bc: Bc, query: str) -> None:
    rows = seeded(bc, 6).values("customers")
    found = []
    for page in pages(bc, f"customers{query}", 2):
        found += names(page)
        bc.call("DELETE", f"customers({rows[0]['id']})", If_Match="*")
    assert found == [f"C{n}" for n in range(6)]


@pytest.mark.parametrize(
    "condition",
    ["contains(displayName,'%2BB') or contains(displayName,'M1')", "displayName eq 'a%26b' or displayName eq 'M1'"]
    + [
        "contains(displayName,'%25') or contains(displayName,'%C3%A9')",
        "displayName eq '100%25 %231' or displayName eq 'M1'",
    ],
)
def test_a_next_link_keeps_the_query_as_it_was_encoded(bc: Bc, condition: str) -> None:
    bc.control("__seed", {"records": {"customers": [{"displayName": name} for name in NAMES]}})
    assert [len(page) for page in pages(bc, f"customers?$filter={condition}")] == [1, 1]


def test_a_next_link_keeps_the_tenant(bc: Bc) -> None:
    seeded(bc, 2)
    url = bc.url("customers").replace(bc.base, f"{bc.root}/BC/api/v2.0")
    assert len(list(pages(bc, f"{url}?tenant=default"))) == 2
    assert "tenant=default" in bc.get(f"{url}?tenant=default", Prefer="odata.maxpagesize=1")["@odata.nextLink"]


def test_the_tenant_of_a_batch_is_kept_too(bc: Bc) -> None:
    seeded(bc, 2)
    operation = {"id": "1", "method": "GET", "url": bc.url("customers").removeprefix(bc.base + "/")}
    operation |= {"headers": {"Prefer": "odata.maxpagesize=1"}}
    url = f"{bc.root}/BC/api/v2.0/$batch?tenant=default"
    answer = bc.http.post(url, json={"requests": [operation]}, headers={"Accept": "application/json"})
    link = answer.json()["responses"][0]["body"]["@odata.nextLink"]
    assert "tenant=default" in link
    assert names(bc.values(link)) == ["C1"]


def test_without_an_order_records_come_by_number(bc: Bc) -> None:
    for number in ("B", "C", "A"):
        bc.post("items", {"number": number, "displayName": number})
    assert [row["number"] for page in pages(bc, "items") for row in page] == ["A", "B", "C"]


@pytest.mark.parametrize(
    "token", ["1", "W10", "WzFd", "W251bGwsMV0", "WzFlOTk5LDE5OTk5OTk5OTk5OTk5OTk5OTk5OTld", "é", "("]
)
def test_a_token_that_nobody_gave_is_refused(bc: Bc, token: str) -> None:
    assert bc.refusal("GET", f"customers?$skiptoken={token}")[0] == 400


def test_an_order_by_the_same_field_again_and_again(bc: Bc) -> None:
    seeded(bc, 3)
    many = ",".join(["displayName desc", *["displayName", "city"] * 1000])
    assert [name for page in pages(bc, f"customers?$orderby={many}") for name in names(page)] == ["C2", "C1", "C0"]
