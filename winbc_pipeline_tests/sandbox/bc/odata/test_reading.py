"""What GET answers: pages, filters, navigation, metadata."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from ...conftest import Bc, names, seeded

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def test_every_entity_set_can_be_read_or_says_why_not(bc: Bc) -> None:
    for one in bc.http.get(bc.base).json()["value"]:
        answer = bc.call("GET", one["name"] if one["name"] != "companies" else f"{bc.base}/companies")
        if answer.status_code != 200:
            assert answer.json()["error"]["message"], one["name"]
            assert answer.status_code in (400, 404), one["name"]


def test_the_service_document_lists_all_sets(bc: Bc) -> None:
    assert len(bc.http.get(bc.base).json()["value"]) == 64


def test_an_older_version_lacks_what_came_later(start: Callable[..., Bc]) -> None:
    old = start(version=17)
    sets = {one["name"] for one in old.http.get(old.base).json()["value"]}
    assert "customers" in sets
    assert not {"contacts", "itemLedgerEntries", "salespeoplePurchasers"} & sets
    assert "salespersonCode" not in old.post("customers", {"displayName": "X"})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$filter=city eq 'Gent'", ["C0", "C2", "C4"]),
        ("$filter=creditLimit ge 3 and city eq 'Utrecht'", ["C3"]),
        ("$filter=city eq 'Gent' or city eq 'Utrecht'", ["C0", "C1", "C2", "C3", "C4"]),
        ("$filter=startswith(displayName,'C4')", ["C4"]),
        ("$filter=tolower(city) eq 'utrecht'", ["C1", "C3"]),
        ("$schemaversion=2.1&$filter=contains(tolower(city),'trech')", ["C1", "C3"]),
        ("$filter=endswith(city,'ent')", ["C0", "C2", "C4"]),
        ("$filter=substring(displayName,1,1) eq '3'", ["C3"]),
        ("$filter=city eq 'U*'", ["C1", "C3"]),
        ("$orderby=city desc,creditLimit desc", ["C3", "C1", "C4", "C2", "C0"]),
        ("$top=2", ["C0", "C1"]),
        ("$skip=3", ["C3", "C4"]),
        ("$orderby=displayName desc&$skip=1&$top=2", ["C3", "C2"]),
    ],
)
def test_query_options(bc: Bc, query: str, found: list[str]) -> None:
    assert names(seeded(bc).values(f"customers?{query}")) == found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("$filter=city eq 'x' or displayName eq 'y'", "'OR' operator is not supported on distinct fields"),
        ("$filter=shoeSize eq 1", "Could not find a property named 'shoeSize'"),
        ("$select=shoeSize", "Could not find a property named 'shoeSize'"),
        ("$orderby=shoeSize", "Could not find a property named 'shoeSize'"),
        ("$expand=shoes", "Could not find a property named 'shoes'"),
        ("$filter=((", "Syntax error"),
        ("$top=minus", "Invalid value"),
        ("$search=x", "not supported"),
        ("$filter=not (city eq 'Gent')", "not supported"),
    ],
)
def test_what_bc_does_not_take_is_refused_in_its_words(bc: Bc, query: str, words: str) -> None:
    assert words in bc.refusal("GET", f"customers?{query}")[2]


def test_counting(bc: Bc) -> None:
    seeded(bc)
    assert bc.get("customers?$count=true&$top=1&$filter=city eq 'Gent'")["@odata.count"] == 3
    assert bc.call("GET", "customers/$count").text == "5"


def test_expand_goes_down_and_up_with_options_inside(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    lines = [{"itemId": item["id"], "quantity": n} for n in (1, 2, 3)]
    order = bc.post("salesOrders", {"customerNumber": customer["number"], "salesOrderLines": lines})
    inside = "salesOrderLines($select=quantity;$orderby=sequence desc;$top=2;$expand=item($select=number)),customer"
    found = bc.get(f"salesOrders({order['id']})?$expand={inside}")
    assert [(line["quantity"], line["item"]["number"]) for line in found["salesOrderLines"]] == [(3, "MUG"), (2, "MUG")]
    assert found["customer"]["displayName"] == "Jansen"
    assert set(found["salesOrderLines"][0]) == {"@odata.etag", "quantity", "item"}
    line = bc.values(f"salesOrders({order['id']})/salesOrderLines")[0]
    assert bc.get(f"salesOrderLines({line['id']})/salesOrder")["number"] == order["number"]
    assert bc.get(f"salesOrderLines({line['id']})?$expand=salesOrder")["salesOrder"]["number"] == order["number"]


def test_metadata_names_every_set_type_and_target(bc: Bc) -> None:
    root = ElementTree.fromstring(bc.http.get(f"{bc.base}/$metadata").text)  # noqa: S314 - our own
    types = {f"Microsoft.NAV.{each.get('Name')}" for each in root.iter() if each.tag.endswith("Type")}
    sets = {each.get("Name"): each.get("EntityType") for each in root.iter(f"{EDM}EntitySet")}
    assert len(sets) == 64
    assert set(sets.values()) <= types
    used = {(each.get("Type") or "").removeprefix("Collection(").rstrip(")") for each in root.iter(f"{EDM}Property")}
    assert {kind for kind in used if kind.startswith("Microsoft")} <= types
    assert {each.get("Target") for each in root.iter(f"{EDM}NavigationPropertyBinding")} <= set(sets)


def test_entity_definitions_give_captions_of_options(bc: Bc) -> None:
    items = next(
        e for e in bc.http.get(f"{bc.base}/entityDefinitions").json()["value"] if e["entitySetName"] == "items"
    )
    assert {"name": "Non_x002D_Inventory", "caption": "Non-Inventory"} in items["enumMembers"]["type"]


@pytest.mark.parametrize("prefix", ["v2.0/sandbox", "v2.0/sandbox-tenant/sandbox"])
def test_both_addresses_lead_to_the_api(bc: Bc, prefix: str) -> None:
    assert bc.http.get(f"{bc.root}/{prefix}/api/v2.0/companies").json()["value"][0]["name"] == "CRONUS Retail"


def test_on_premises_takes_basic_authentication_and_a_tenant(bc: Bc) -> None:
    url = f"{bc.root}/BC/api/v2.0/companies?tenant=default"
    bc.http.headers.pop("Authorization")
    assert bc.http.get(url, auth=("winbc", "sandbox-secret")).status_code == 200
    assert bc.http.get(url, auth=("winbc", "wrong")).status_code == 401
    assert bc.http.get(f"{bc.base}/companies", auth=("winbc", "sandbox-secret")).status_code == 401, "never online"


@pytest.mark.parametrize("path", ["customers?company=CRONUS Retail", "companies"])
def test_the_company_may_stand_in_the_query(bc: Bc, path: str) -> None:
    assert bc.http.get(f"{bc.base}/{path}").status_code == 200


def test_a_read_replica_lags_unless_the_primary_is_asked(start: Callable[..., Bc]) -> None:
    slow = start(replica_lag_s=10)
    slow.control("__clock", {"now": "2026-03-01T10:00:00Z"})
    slow.post("customers", {"displayName": "New"})
    assert slow.values("customers") == []
    assert len(slow.get("customers", Data_Access_Intent="ReadWrite")["value"]) == 1
    slow.control("__clock", {"advance_s": 11})
    assert len(slow.values("customers")) == 1


@pytest.mark.parametrize("path", ["companies", "customers", "subscriptions"])
def test_the_context_of_a_collection_is_the_set(bc: Bc, path: str) -> None:
    url = path if path == "customers" else f"{bc.base}/{path}"
    assert bc.get(url)["@odata.context"] == f"{bc.base}/$metadata#{path}"


def test_a_company_brings_its_records_along(bc: Bc) -> None:
    seeded(bc, 2)
    (company,) = bc.values(f"{bc.base}/companies?$expand=customers($select=displayName)")
    assert names(company["customers"]) == ["C0", "C1"]


@pytest.mark.parametrize(("method", "path"), [("GET", "$batch"), ("PATCH", "subscriptions")])
def test_a_verb_that_is_not_allowed_there(bc: Bc, method: str, path: str) -> None:
    assert bc.refusal(method, f"{bc.base}/{path}", None)[:2] == (405, "BadRequest_MethodNotAllowed")


def test_options_names_the_verbs(bc: Bc) -> None:
    answer = bc.call("OPTIONS", "customers")
    assert (answer.status_code, "PATCH" in answer.headers["Allow"]) == (200, True)


def test_navigation_that_only_the_documentation_has(bc: Bc) -> None:
    account = bc.values("accounts")[0]
    dimension = bc.values("dimensions")[0]
    # The API refuses an account as a parent (DefaultDimension.Table.al), but a person may give it a dimension.
    row = {"parentId": account["id"], "dimensionId": dimension["id"]}
    bc.control("__seed", {"records": {"defaultDimensions": [row]}})
    (made,) = bc.values("defaultDimensions")
    assert bc.get(f"defaultDimensions({made['id']})/account")["number"] == account["number"]


def test_every_answer_has_a_request_id_by_which_its_writes_are_found(bc: Bc) -> None:
    answer = bc.call("POST", "customers", {"displayName": "New"})
    (write,) = bc.control("__state")["writes"]
    assert write["request_id"] == answer.headers["request-id"] != ""


def test_a_call_that_names_no_company_is_told_how(bc: Bc) -> None:
    """dynamics-error-codes.md: NavCompanyNotFoundException; reported in MicrosoftDocs issue 609."""
    status, code, message = bc.refusal("GET", f"{bc.base}/customers")
    assert (status, code) == (404, "Internal_CompanyNotFound")
    assert message.startswith("Cannot process the request because the default company cannot be found.")


@pytest.mark.parametrize("entity", ["journalLines", "customerPayments"])
def test_lines_of_journals_are_read_below_their_journal_or_by_its_id(bc: Bc, entity: str) -> None:
    """APIV2JournalLines.Page.al and APIV2CustomerPayments.Page.al: CheckFilters."""
    message = "You must specify a journal batch ID or a journal ID to get a journal line."
    assert bc.refusal("GET", entity) == (400, "Application_DialogException", message)
    journal = bc.values("journals")[0]["id"]
    assert bc.values(f"{entity}?$filter=journalId eq {journal}") == []
