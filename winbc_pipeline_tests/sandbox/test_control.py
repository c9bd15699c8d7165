"""The calls that steer a sandbox: what they do not take they refuse in words, whatever is sent."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winbc_pipeline.sandbox.faults import KINDS, MEMBERS

from .conftest import Bc


def sent(bc: Bc, path: str, body: Any) -> httpx.Response:
    return bc.http.post(f"{bc.root}/{path}", content=body if isinstance(body, str) else json.dumps(body))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("__faults", {}),
        ("__faults", {"faults": "x"}),
        ("__faults", {"faults": [5]}),
        ("__faults", {"faults": [{"kind": "status"}]}),
        ("__faults", {"faults": [{"kind": "status", "status": 99}]}),
        ("__faults", {"faults": [{"kind": "slow", "nth": "x"}]}),
        ("__faults", {"faults": [{"kind": "slow", "tmies": 2}]}),
        ("__faults", {"faults": [{"kind": "slow", "probability": 2}]}),
        ("__faults", {"faults": [{"kind": "storm", "headers": {"Retry-After": "1\r\nX: y"}}]}),
        ("__faults", '{"faults": [{"kind": "slow", "seconds": NaN}]}'),
        ("__clock", {"now": "x"}),
        ("__clock", {"now": 5}),
        ("__clock", {"nwo": "2026-03-01T10:00:00Z"}),
        ("__clock", {"advance_s": "x"}),
        ("__clock", {"advance_s": 10**30}),
        ("__clock", [1]),
        ("__clock", "{"),
        ("__seed", {"records": {"shoes": [{}]}}),
        ("__seed", {"records": {"customers": 5}}),
        ("__seed", {"records": {"customers": [5]}}),
        ("__seed", {"records": {"customers": [{"shoeSize": 9}]}}),
        ("__seed", {"records": {"customers": [{"creditLimit": "much"}]}}),
        ("__seed", {"templates": {"customers": {"shoeSize": 9}}}),
        ("__seed", {"rights": {"shoes": ["read"]}}),
        ("__seed", {"rights": {"customers": ["wear"]}}),
        ("__seed", {"rights": {"customers": "read"}}),
        ("__user", "no JSON"),
    ],
)
def test_what_is_not_taken_is_refused_and_changes_nothing(bc: Bc, path: str, body: Any) -> None:
    before = bc.control("__state")
    answer = sent(bc, path, body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert bc.control("__state") == before
    assert bc.control("__faults") == {"faults": []}


def test_a_record_seeded_twice_is_refused_and_nothing_of_the_call_stays(bc: Bc) -> None:
    row = {"id": str(uuid.uuid4()), "displayName": "New"}
    assert sent(bc, "__seed", {"records": {"customers": [row, row]}}).status_code == 400
    assert bc.values("customers") == []


def test_an_unknown_kind_or_member_of_a_fault_is_told_what_there_is(bc: Bc) -> None:
    answer = sent(bc, "__faults", {"faults": [{"kind": "earthquake"}]})
    assert all(kind in answer.text for kind in KINDS)
    answer = sent(bc, "__faults", {"faults": [{"kind": "slow", "tmies": 2}]})
    assert all(name in answer.text for name in MEMBERS)


def test_faults_that_have_begun_can_be_planned_as_they_are_read(bc: Bc) -> None:
    bc.control("__faults", {"faults": [{"kind": "storm", "times": 4, "nth": 2}]})
    statuses = [bc.call("GET", "customers").status_code for _ in range(4)]
    assert statuses == [200, 429, 429, 429]
    left = bc.control("__faults")["faults"]
    assert left == [{"kind": "storm", "times": 1, "nth": 1}]
    assert sent(bc, "__faults", {"faults": left}).status_code == 200


def test_planned_faults_can_be_read(bc: Bc) -> None:
    bc.control("__faults", {"faults": [{"kind": "slow", "times": 2}]})
    assert bc.control("__faults") == {"faults": [{"kind": "slow", "times": 2}]}


def test_a_person_works_on_an_order_that_is_there(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    assert sent(bc, "__user", {"do": "release", "id": str(uuid.uuid4())}).status_code == 404
    assert sent(bc, "__user", {"do": "release"}).status_code == 404
    lines = [{"itemId": item["id"], "quantity": 1}]
    order = bc.post("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    for wrong in ({"do": "dance"}, {"do": "ship"}, {"do": "ship", "quantities": {"x": 1}}):
        assert sent(bc, "__user", wrong | {"id": order["id"]}).status_code == 400


VALUE = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20)
NAMES = ["faults", "now", "advance_s", "records", "templates", "settings", "items", "customers", "do", "id", "x"]
NAME = st.sampled_from([*MEMBERS, *NAMES])
BODY = st.recursive(VALUE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["__faults", "__clock", "__seed", "__user"]), BODY)
def test_whatever_is_sent_is_no_accident(bc: Bc, path: str, body: Any) -> None:
    assert sent(bc, path, body).status_code in (200, 400, 404)


FAULT = st.fixed_dictionaries(
    {"kind": st.sampled_from(sorted(set(KINDS) - {"bomb", "slow", "late"}))}
) | st.dictionaries(st.sampled_from(sorted(set(MEMBERS) - {"seconds"})), VALUE, max_size=2)


@pytest.mark.proof
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FAULT, st.dictionaries(st.sampled_from(["status", "nth", "times", "probability", "headers"]), VALUE, max_size=2))
def test_a_fault_that_was_taken_makes_no_accident(bc: Bc, fault: Any, more: Any) -> None:
    if sent(bc, "__faults", {"faults": [fault | more]}).status_code != 200:
        return
    try:
        answer = bc.call("GET", "companies")
    except httpx.RemoteProtocolError:
        return
    assert answer.status_code != 500 or "status" in more


def test_the_same_seed_clock_and_calls_make_the_same_state(start: Callable[..., Bc]) -> None:
    def state() -> Any:
        bc = start(seed="s", clock="2026-03-01T10:00:00Z")
        customer = bc.post("customers", {"displayName": "New"})
        item = bc.post("items", {"displayName": "Mug", "unitPrice": 10, "baseUnitOfMeasureCode": "PCS"})
        line = {"itemId": item["id"], "quantity": 1}
        order = bc.post("salesOrders", {"customerId": customer["id"], "salesOrderLines": [line]})
        bc.get(f"items({item['id']})/picture")
        bc.call("POST", f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {})
        return bc.control("__state")

    first, second = state(), state()
    assert len(first["records"]) > 21
    assert first == second


@pytest.mark.parametrize(("right", "method"), [("read", "GET"), ("insert", "POST"), ("modify", "PATCH")])
def test_a_right_that_was_taken_is_refused_until_it_is_given_back(bc: Bc, right: str, method: str) -> None:
    """Words and status as of a table of an app: test_extensions.py, TestPermissions."""
    made = bc.post("customers", {"displayName": "New"})
    path = f"customers({made['id']})" if method == "PATCH" else "customers"
    body = None if method == "GET" else {"displayName": "Newer"}
    bc.control("__seed", {"rights": {"customers": [right]}})
    words = f"Sorry, the current permissions prevented the action. (TableData customer {right.capitalize()}"
    refused = (403, "Internal_ServerError", f"{words}: Base Application)")
    assert bc.refusal(method, path, body, If_Match="*") == refused
    bc.control("__seed", {"rights": {"customers": []}})
    assert bc.call(method, path, body, If_Match="*").status_code < 300
