"""A status of Winstore releases an order or ships it without an invoice, through the companion app, once.

Source: docs/order-status.md, What each action does. Without the app: test_status_to_bc.py.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.errors import TooManyWrites
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.actions import with_app
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work

from ...support.in_process import in_process
from ...support.order_flow import OrderFlow, settings_of_order_flow
from ...support.order_sandboxes import BC, FIRST, KNOWN_SKU, LAST

FLOW = "order_status_winstore_to_bc"
SHIPMENT = f"'{KNOWN_SKU}=' || if(status = 'Partly', '2', '5')"
APP_CALL = {"path": "connector/winstore", "method": "POST"}


class Counter(OrderFlow):
    """An order W1 of five mugs in both systems, and what Winstore says of it."""

    def says(self, status: str) -> None:
        self.pass_time(60)
        self.order("W1", status=status)

    def run(self) -> tuple[str, str | None]:
        """State and reason of the status after a run."""
        self.runs += 1
        connected = ConnectedFlow(flow_named(FLOW), self.settings)
        sync(Work(connected, FIRST, LAST, f"status-{self.runs}"))
        (row,) = ledger.read(connected.store, "key = 'W1'")
        self.message = row["message"]
        return row["state"], row["reason"]

    def install(self, version: str = "") -> None:
        self.seed_app(companion_app(version).source())

    def shipped(self) -> Decimal:
        return sum((Decimal(line["shippedQuantity"]) for line in self.records("salesOrderLines")), Decimal(0))

    def status_of_order(self) -> str:
        return str(self.document()["status"])


@pytest.fixture
def counter(tmp_path: Path, tables: Path) -> Iterator[Counter]:
    made = Counter(settings_of_order_flow(tmp_path))
    try:
        with in_process(made.wire, made.moment, made.pass_time):
            made.edit_lookup("order_actions", "picking,release,", "sent,ship,", "partly,ship,")
            made.seed(customers=[{"number": "C1", "displayName": "Anna"}])
            line = {"lineType": "Item", "lineObjectNumber": KNOWN_SKU, "quantity": 5}
            order = {"customerNumber": "C1", "externalDocumentNumber": "WS-W1", "salesOrderLines": [line]}
            assert made.by_person("POST", "salesOrders", order).status_code == 201
            yield made
    finally:
        made.close()


def test_a_status_releases_the_order_once(counter: Counter) -> None:
    counter.install()
    counter.says("Picking")
    assert counter.run() == ("CONFIRMED", None)
    assert counter.status_of_order() == "Open"  # as API v2.0 calls a released order
    before = counter.writes()
    counter.says("Picking")
    assert counter.run()[0] == "CONFIRMED"
    assert counter.writes() == before


@pytest.mark.proof
def test_a_status_ships_all_that_is_left_and_makes_no_invoice(counter: Counter) -> None:
    counter.install()
    counter.says("Sent")
    assert counter.run() == ("CONFIRMED", None)
    assert counter.document()["fullyShipped"]
    assert (len(counter.records("salesShipments")), counter.records("salesInvoices")) == (1, [])


def test_quantities_are_shipped_up_to_what_winstore_says_in_all(counter: Counter) -> None:
    counter.install()
    counter.edit_table("status", "quantities", FLOW, source=SHIPMENT, when="update")
    for status, shipped in (("Partly", 2), ("Partly", 2), ("Sent", 5)):
        counter.says(status)
        assert counter.run()[0] == "CONFIRMED"
        assert counter.shipped() == shipped
    assert len(counter.records("salesShipments")) == 2


@pytest.mark.proof
@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "drop_before"}], ids=["done", "not done"])
@pytest.mark.parametrize("status", ["Picking", "Sent"])
def test_a_lost_answer_is_asked_for_again_by_the_next_run_and_done_once(
    counter: Counter, fault: dict[str, Any], status: str
) -> None:
    counter.install()
    counter.says(status)
    counter.fault(BC, APP_CALL | fault)
    assert counter.run() == ("UNKNOWN", "NO_ANSWER")
    assert counter.run()[0] == "CONFIRMED"
    assert counter.status_of_order() == "Open" or counter.document()["fullyShipped"]
    assert len(counter.records("salesShipments")) == (1 if status == "Sent" else 0)


@pytest.mark.parametrize(("status", "what"), [("Picking", "to release"), ("Sent", "to ship")])
def test_who_approves_a_held_run_is_told_what_it_does_to_orders(counter: Counter, status: str, what: str) -> None:
    counter.install()
    counter.settings = counter.settings.model_copy(update={"safe_mode": True})
    counter.says(status)
    with pytest.raises(TooManyWrites, match=rf"1 to update \(1 of them {what}\)"):
        counter.run()
    assert counter.shipped() == 0


def test_two_quantities_of_one_item_count_together() -> None:
    """An order of Winstore may have an item on two lines."""
    assert with_app._quantities("MUG=1; CUP=4; MUG=2.5") == {"MUG": Decimal("3.5"), "CUP": 4}


@pytest.mark.parametrize("text", ["MUG", "=2", "MUG=two", "MUG=-1", "MUG=NaN", "MUG=Infinity"])
def test_what_is_no_quantity_is_said_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not an item's number, = and a quantity"):
        with_app._quantities(text)


@pytest.mark.proof
def test_more_than_the_order_has_fails_with_its_words(counter: Counter) -> None:
    counter.install()
    counter.edit_table("status", "quantities", FLOW, source=f"'{KNOWN_SKU}=7'", when="update")
    counter.says("Sent")
    assert counter.run() == ("FAILED", "MAPPING")
    assert f"7 of {KNOWN_SKU} are 2 more than" in counter.message
    assert counter.shipped() == 0


@pytest.mark.parametrize(
    ("version", "status", "gap"),
    [("", "Picking", "release needs the companion app: .*not installed"), ("1.0.0.0", "Sent", "needs version 1.1.0.0")],
)
def test_without_the_app_or_with_an_older_one_the_status_waits_and_names_what_is_missing(
    counter: Counter, version: str, status: str, gap: str
) -> None:
    if version:
        counter.install(version)
    counter.says(status)
    assert counter.run() == ("SKIPPED", "HELD")
    assert re.search(gap, counter.message)
    counter.install()
    assert counter.run()[0] == "CONFIRMED"


@pytest.mark.proof
def test_an_older_app_releases(counter: Counter) -> None:
    counter.install("1.0.0.0")
    counter.says("Picking")
    assert counter.run() == ("CONFIRMED", None)


@pytest.mark.proof
def test_a_person_who_shipped_a_part_before_is_not_shipped_over(counter: Counter) -> None:
    counter.install()
    counter.edit_table("status", "quantities", FLOW, source=SHIPMENT, when="update")
    (line,) = [each for each in counter.records("salesOrderLines") if each["lineType"] == "Item"]
    ship = {"do": "ship", "id": counter.document()["id"], "quantities": {line["id"]: 3}}
    assert counter.http.post(f"http://127.0.0.1:{BC}/__user", json=ship).status_code == 200
    counter.says("Partly")
    assert counter.run()[0] == "CONFIRMED"
    assert counter.shipped() == 3
