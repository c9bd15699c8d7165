"""What is in Business Central already, in each of the three places where it may be, is never made again."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from winbc_pipeline.sandbox.bc.app import Options
from winbc_pipeline.sync.documents.existing import found_in

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import BC, OrderSandboxes, order_sandboxes

PLACES = ("salesOrders", "salesInvoices", "salesShipments")
OUTCOMES = {"error": ("FAILED", "EXISTS"), "skip": ("SKIPPED", "EXISTS")}


def take(order_flow: OrderFlow, place: str) -> None:
    """A person posts the order; of one that is in salesShipments only, the posted invoice was deleted since."""
    if place != "salesOrders":
        order_flow.posts("W1")
    if place == "salesShipments":
        (invoice,) = order_flow.records("salesInvoices")
        order_flow.bc_app.state.records.put("salesInvoices", invoice["id"], None)
        assert order_flow.records("salesInvoices") == []


def where(order_flow: OrderFlow) -> list[str]:
    """The places that have a document of W1."""
    return [place for place in PLACES if any(r["externalDocumentNumber"] == "WS-W1" for r in order_flow.records(place))]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("on_existing", ["error", "warn", "skip"])
def test_a_document_that_somebody_typed_is_never_made_again(
    order_flow: OrderFlow, on_existing: str, place: str
) -> None:
    order_flow.choose(on_existing=on_existing)
    order_flow.send("W0")  # else the ledger would be taken for lost
    order_flow.types("W1")
    take(order_flow, place)
    assert where(order_flow) == {"salesInvoices": ["salesInvoices", "salesShipments"]}.get(place, [place])
    before = {name: len(order_flow.records(name)) for name in PLACES}

    row = order_flow.send()

    if on_existing == "warn":
        assert (row["state"], row["reason"], row["target_set"]) == ("CONFIRMED", "ADOPTED_DIFFERS", place)
    else:
        assert order_flow.outcome() == OUTCOMES[on_existing]
    assert {name: len(order_flow.records(name)) for name in PLACES} == before


@pytest.mark.parametrize("place", ["salesInvoices", "salesShipments"])
def test_a_lost_order_is_found_wherever_a_person_took_it_meanwhile(order_flow: OrderFlow, place: str) -> None:
    order_flow.order("W1")
    order_flow.fault(BC, {"kind": "drop_after", "path": "$batch", "nth": 2})
    order_flow.sync()
    take(order_flow, place)

    order_flow.until_settled()

    assert order_flow.outcome() == ("CONFIRMED", "RECONCILED")
    assert order_flow.ledger()["W1"]["target_set"] == place


def asked_of(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """By which intent each place is looked up: alone, or as one of the operations of a batch."""
    answer, asked = orders.wire.handle_request, list[tuple[str, str | None]]()

    def answered(request: httpx.Request) -> httpx.Response:
        calls: list[tuple[str, Any]] = [(str(request.url), request.headers)] if request.method == "GET" else []
        if request.url.path.endswith("$batch"):
            operations = json.loads(request.read())["requests"]
            outer = request.headers.get("Data-Access-Intent")
            reads = [each for each in operations if each["method"] == "GET"]
            calls = [(r["url"], r["headers"] if outer else {}) for r in reads]
        asked.extend(
            (place, headers.get("Data-Access-Intent"))
            for url, headers in calls
            for place in PLACES
            if f"/{place}?" in url
        )
        return answer(request)

    monkeypatch.setattr(orders.wire, "handle_request", answered)
    return asked


@pytest.mark.parametrize("count", [1, 41])  # 41 need two calls a place, which go in a batch
def test_each_look_up_asks_the_primary_database(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    for number in range(count):
        orders.order(f"W{number}")
    asked = asked_of(orders, monkeypatch)

    orders.sync()

    assert set(asked) == {(place, "ReadWrite") for place in PLACES}


@pytest.mark.parametrize("done", ["", "posts"])
def test_a_replica_that_lags_behind_hides_nothing(tmp_path: Path, tables: Path, done: str) -> None:
    with order_sandboxes(tmp_path, tables, Options(replica_lag_s=3600)) as orders:
        orders.order("W1")
        orders.fault(BC, {"kind": "drop_after", "path": "$batch", "nth": 2})
        orders.sync()
        getattr(orders, done or "sync")(*(["W1"] if done else []))
        orders.pass_time(60)

        orders.sync()

        assert orders.ledger()["W1"]["reason"] == "RECONCILED"


@pytest.mark.parametrize("on_existing", ["error", "skip"])
def test_a_document_that_is_not_the_orders_is_not_deleted_with_it(orders: OrderSandboxes, on_existing: str) -> None:
    orders.choose(on_existing=on_existing, on_cancel="apply")
    orders.order("W1")
    orders.types("W1")
    orders.sync()
    orders.edit("W1", status="cancelled")

    orders.sync()

    assert orders.ledger()["W1"]["reason"] == "EXISTS"
    assert len(orders.documents("W1")) == 1


def test_an_invoice_that_was_made_again_counts_and_the_cancelled_one_does_not() -> None:
    old = {"number": "I1", "orderNumber": "SO1", "status": "Canceled"}
    new = {"number": "I2", "orderNumber": "SO1", "status": "Open"}
    found = found_in({"salesOrders": [], "salesInvoices": [old, new], "salesShipments": []})
    assert [each.number for each in found] == ["I2"]
