"""The companion app in the sandbox: Python that does what the app in AL is written to do. No AL runs here.

Sources: facts/companion_app.json; extension.md for what Business Central does.
"""

from collections.abc import Callable
from typing import Any

import pytest

from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.setup_data import COMPANY_ID

from .conftest import Bc

PATH = "connector/winstore/v1.0"
FRESH = {"data-access-intent": "ReadWrite"}


class App(Bc):
    """Calls to the companion app's API."""

    @property
    def base(self) -> str:
        return f"{self.root}/v2.0/sandbox/api/{PATH}"


@pytest.fixture
def bc(start: Callable[..., Bc]) -> Bc:
    return start(extensions=(companion_app(),))


@pytest.fixture
def app(bc: Bc) -> App:
    return App(bc.root, bc.http)


@pytest.fixture
def request_body(item: dict[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
    lines = [
        {"sequence": 10000, "type": "Item", "number": item["number"], "quantity": 2, "unitPrice": 9.5},
        {"sequence": 20000, "type": "_x0020_", "description": "Gift wrapped"},
    ]
    header = {"documentType": "Order", "reference": "w-1", "contentHash": "abc", "customerNumber": customer["number"]}
    return header | {"winstoreOrderNumber": "1001", "shipToName": "Eva Prins", "orderRequestLines": lines}


def process(app: App, request: dict[str, Any]) -> dict[str, Any]:
    meant = {"contentHash": request["contentHash"]}
    answer = app.call("POST", f"orderRequests({request['id']})/Microsoft.NAV.process", meant)
    assert answer.status_code == 204, answer.text
    return app.get(f"orderRequests({request['id']})", **FRESH)  # type: ignore[no-any-return]


class TestOrderRequests:
    def test_processing_makes_the_document_with_its_lines(self, app: App, bc: Bc, request_body: dict[str, Any]) -> None:
        done = process(app, app.post("orderRequests", request_body))
        order = bc.get(f"salesOrders({done['documentId']})?$expand=salesOrderLines")
        assert (done["state"], done["documentNumber"]) == ("Processed", order["number"])
        assert (order["externalDocumentNumber"], order["shipToName"]) == ("W-1", "Eva Prins")
        described = [(line["lineType"], line["quantity"], line["unitPrice"]) for line in order["salesOrderLines"]]
        assert described == [("Item", 2, 9.5), ("Comment", 0, 0)]

    def test_processing_twice_makes_one_document(self, app: App, bc: Bc, request_body: dict[str, Any]) -> None:
        request = app.post("orderRequests", request_body)
        assert process(app, request)["documentId"] == process(app, request)["documentId"]
        assert len(bc.values("salesOrders")) == 1

    def test_a_second_post_of_a_key_answers_with_the_first_document(
        self, app: App, bc: Bc, request_body: dict[str, Any]
    ) -> None:
        done = process(app, app.post("orderRequests", request_body))
        again = app.post("orderRequests", request_body)
        assert (again["id"], again["documentNumber"]) == (done["id"], done["documentNumber"])
        assert len(bc.values("salesOrders")) == 1

    def test_the_same_key_with_other_content_is_refused(self, app: App, request_body: dict[str, Any]) -> None:
        process(app, app.post("orderRequests", request_body))
        status, code, message = app.refusal("POST", "orderRequests", request_body | {"contentHash": "other"})
        assert (status, code) == (400, "Application_DialogException")
        assert message == "The order request W-1 was sent before with other content: abc is there, other was sent."

    def test_other_content_takes_the_place_of_a_request_that_made_nothing(
        self, app: App, bc: Bc, request_body: dict[str, Any]
    ) -> None:
        """Else an order that was refused and then corrected could never be sent."""
        first = app.post("orderRequests", request_body)
        lines = [request_body["orderRequestLines"][0] | {"quantity": 3}]
        second = app.post("orderRequests", request_body | {"contentHash": "other", "orderRequestLines": lines})
        assert first["id"] != second["id"]
        done = process(app, second)
        order = bc.get(f"salesOrders({done['documentId']})?$expand=salesOrderLines")
        assert [line["quantity"] for line in order["salesOrderLines"]] == [3]

    def test_no_document_is_made_of_content_that_was_not_meant(
        self, app: App, bc: Bc, request_body: dict[str, Any]
    ) -> None:
        """A call that comes late may have put older content in the place of the newer."""
        request = app.post("orderRequests", request_body)
        path = f"orderRequests({request['id']})/Microsoft.NAV.process"
        status, _, message = app.refusal("POST", path, {"contentHash": "newer"})
        assert (status, message.split(": ")[1]) == (400, "abc is there, newer was sent.")
        assert bc.values("salesOrders") == []

    def test_an_address_of_the_request_is_the_whole_address(
        self, app: App, bc: Bc, request_body: dict[str, Any]
    ) -> None:
        """As in a document that is made over API v2.0: the customer's own second line does not stay."""
        customer = bc.values("customers")[0]
        bc.call("PATCH", f"customers({customer['id']})", {"addressLine2": "Unit 4"}, **{"If-Match": "*"})
        done = process(app, app.post("orderRequests", request_body | {"sellToAddress": "Kerkweg 7"}))
        order = bc.get(f"salesOrders({done['documentId']})")
        assert (order["sellToAddressLine1"], order["sellToAddressLine2"]) == ("Kerkweg 7", "")

    def test_a_document_that_is_refused_leaves_nothing(self, app: App, bc: Bc, request_body: dict[str, Any]) -> None:
        """One transaction: the second line names an item that is not there."""
        request_body["orderRequestLines"][1] |= {"type": "Item", "number": "NONE", "quantity": 1}
        request = app.post("orderRequests", request_body)
        answer = app.call("POST", f"orderRequests({request['id']})/Microsoft.NAV.process", {"contentHash": "abc"})
        assert answer.status_code == 400
        assert bc.values("salesOrders") == []
        assert app.get(f"orderRequests({request['id']})", **FRESH)["state"] == "Received"

    def test_the_link_stays_when_the_order_is_posted_and_gone(
        self, app: App, bc: Bc, request_body: dict[str, Any]
    ) -> None:
        done = process(app, app.post("orderRequests", request_body))
        answer = bc.call("POST", f"salesOrders({done['documentId']})/Microsoft.NAV.shipAndInvoice")
        assert answer.status_code == 204, answer.text
        (invoice,) = bc.values("salesInvoices")
        again = app.post("orderRequests", request_body)
        assert (again["documentNumber"], again["postedDocumentNumber"]) == (done["documentNumber"], invoice["number"])

    def test_a_document_that_was_made_without_the_app_is_linked(
        self, app: App, bc: Bc, request_body: dict[str, Any]
    ) -> None:
        header = {"customerNumber": request_body["customerNumber"], "externalDocumentNumber": "W-1"}
        order = bc.post("salesOrders", header)
        assert process(app, app.post("orderRequests", request_body))["documentId"] == order["id"]

    def test_what_api_v2_lacks_is_on_the_order(self, app: App, request_body: dict[str, Any]) -> None:
        done = process(app, app.post("orderRequests", request_body | {"yourReference": "Eva"}))
        settings = app.get(f"salesOrderSettings({done['documentId']})", **FRESH)
        assert (settings["winstoreOrderNumber"], settings["yourReference"]) == ("1001", "Eva")

    def test_what_the_document_holds_is_kept_no_second_time(self, app: App, request_body: dict[str, Any]) -> None:
        """Data about people stays where a privacy officer finds it."""
        done = process(app, app.post("orderRequests", request_body))
        assert done["shipToName"] == ""
        assert app.values("orderRequestLines") == []

    def test_no_order_is_made_in_a_copied_environment(self, app: App, bc: Bc, request_body: dict[str, Any]) -> None:
        """extension.md: Environment Cleanup."""
        request = app.post("orderRequests", request_body)
        bc.control("__user", {"do": "copyEnvironment"})
        path = f"orderRequests({request['id']})/Microsoft.NAV.process"
        _, _, message = app.refusal("POST", path, {"contentHash": "abc"})
        assert message.startswith("Synchronization with Winstore is switched off")


class TestStock:
    def test_levels_give_the_stock_by_item_variant_and_location(self, app: App, bc: Bc, item: dict[str, Any]) -> None:
        bc.control("__user", {"do": "adjust", "item": item["number"], "quantity": 7})
        (level,) = app.values("inventoryLevels")
        assert level == {"itemNumber": item["number"], "variantCode": "", "locationCode": "", "quantity": 7}

    def test_levels_come_page_by_page_without_one_twice(self, app: App, bc: Bc) -> None:
        bc.control("__seed", {"records": {"items": [{"number": f"L{n}", "inventory": n + 1} for n in range(7)]}})
        first = app.get("inventoryLevels", Prefer="odata.maxpagesize=3")
        second = app.get(first["@odata.nextLink"], Prefer="odata.maxpagesize=3")
        third = app.get(second["@odata.nextLink"], Prefer="odata.maxpagesize=3")
        numbers = [one["itemNumber"] for page in (first, second, third) for one in page["value"]]
        assert numbers == [f"L{n}" for n in range(7)]

    def test_demand_is_what_open_orders_still_ask_for(self, app: App, request_body: dict[str, Any]) -> None:
        process(app, app.post("orderRequests", request_body))
        assert [one["quantity"] for one in app.values("salesDemands")] == [2]

    def test_the_log_has_movements_and_changes_of_demand(
        self, app: App, bc: Bc, item: dict[str, Any], request_body: dict[str, Any]
    ) -> None:
        bc.control("__user", {"do": "adjust", "item": item["number"], "quantity": 7})
        process(app, app.post("orderRequests", request_body))
        changes = app.values("stockChanges")
        assert [one["source"] for one in changes] == ["Item_x0020_Ledger_x0020_Entry", "Sales_x0020_Line"]
        (cursor,) = app.values("changeCursors")
        assert all(one["rowVersion"] < cursor["minimumActiveRowVersion"] for one in changes)

    def test_an_adjustment_is_posted_once_by_its_key(self, app: App, bc: Bc, item: dict[str, Any]) -> None:
        body = {"reference": "a-1", "itemNumber": item["number"], "quantity": 5}
        for _ in range(2):
            adjustment = app.post("stockAdjustments", body)
            app.call("POST", f"stockAdjustments({adjustment['id']})/Microsoft.NAV.post")
        assert bc.get(f"items({item['id']})")["inventory"] == 5
        status, _, _ = app.refusal("POST", "stockAdjustments", body | {"quantity": 6})
        assert status == 400


class TestCapabilities:
    def test_they_list_every_entity_set_with_what_the_user_may(self, app: App) -> None:
        rows = {one["entitySetName"]: one for one in app.values("capabilities")}
        assert set(rows) == set(companion_app().entities)
        assert (rows["itemSettings"]["canRead"], rows["itemSettings"]["canWrite"]) == (True, True)
        assert rows["salesPrices"]["canWrite"] is False

    def test_a_right_that_was_taken_shows(self, app: App, bc: Bc) -> None:
        bc.control("__seed", {"rights": {"connector.winstore.syncStates": ["insert"]}})
        (row,) = app.values("capabilities?$filter=entitySetName eq 'syncStates'")
        assert (row["canRead"], row["canWrite"]) == (True, False)

    def test_a_copied_environment_says_that_synchronization_is_off(self, app: App, bc: Bc) -> None:
        bc.control("__user", {"do": "copyEnvironment"})
        assert {one["syncEnabled"] for one in app.values("capabilities")} == {False}


def test_the_variant_for_version_14_has_fewer_sets_under_the_same_names() -> None:
    """extension.md section 2.3."""
    small = companion_app(for_bc14=True)
    assert set(small.entities) == {"capabilities", "itemSettings", "inventoryLevels", "salesDemands"}
    assert "lastModifiedDateTime" in small.entities["itemSettings"].fields


def test_the_state_of_a_record_is_kept_once_for_each_flow(app: App) -> None:
    body = {"flow": "orders_winstore_to_bc", "sourceKey": "1001", "result": "Failed", "reasonCode": "BC_REFUSED"}
    state = app.post("syncStates", body)
    assert app.call("POST", "syncStates", body).status_code == 400
    assert app.patch(f"syncStates({state['id']})", {"result": "Done"})["result"] == "Done"


def test_the_company_of_the_api_is_the_one_of_api_v2(app: App) -> None:
    assert [one["id"] for one in app.values(f"{app.base}/companies")] == [COMPANY_ID]


@pytest.mark.parametrize(("given", "kept"), [("", "Anna O'Neil"), ("Depot", "Depot")])
def test_a_delivery_address_without_a_name_has_that_of_its_customer(bc: Bc, app: App, given: str, kept: str) -> None:
    """AL: table Ship-to Address, OnInsert; page WINS Ship-to Addresses API, which keeps the name that is given."""
    customer = bc.post("customers", {"displayName": "Anna O'Neil"})
    made = app.post("shipToAddresses", {"customerNumber": customer["number"], "code": "DEPOT", "name": given})
    assert made["name"] == kept
