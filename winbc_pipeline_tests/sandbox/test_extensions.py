"""Apps in the Business Central sandbox: their API is like API v2.0, and is there only while they are installed.

The app is the companion of the tests' support folder. Sources: extension.md, behaviour.md; others are named.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from winbc_pipeline.cli.sandbox import _app
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.bc.extensions.description import read_description
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.setup_data import COMPANY_ID

from .bc.test_webhooks import Receiver, receiver  # noqa: F401 - a fixture
from .companion import FILE, LINES, REQUESTS, companion, older_companion
from .conftest import ANY, LOGIN, Bc

PATH = "connector/winstore/v1.0"
NO_ROUTE = (404, "BadRequest_NotFound")
FRESH = {"data-access-intent": "ReadWrite"}


class App(Bc):
    """Calls to the app's API."""

    api = PATH

    @property
    def base(self) -> str:
        return f"{self.root}/v2.0/sandbox/api/{self.api}"


class Automation(App):
    api = "microsoft/automation/v2.0"


@pytest.fixture
def bc(start: Callable[..., Bc]) -> Bc:
    return start(extensions=(read_description(companion()),), time_scale=300)


@pytest.fixture
def app(bc: Bc) -> App:
    return App(bc.root, bc.http)


@pytest.fixture
def automation(bc: Bc) -> Automation:
    return Automation(bc.root, bc.http)


@pytest.fixture
def request_body(item: dict[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
    line = {"itemNumber": item["number"], "quantity": 2, "unitPrice": 9.5}
    body = {"documentType": "Order", "reference": "w-1", "customerNumber": customer["number"]}
    return body | {"orderRequestLines": [line | {"sequence": 10000}, line | {"sequence": 20000}]}


def seed(bc: Bc, **asked: Any) -> httpx.Response:
    return bc.http.post(f"{bc.root}/__seed", json=asked)


def settings_of(app: App, number: str) -> dict[str, Any]:
    (found,) = app.values(f"itemSettings?$filter=number eq '{number}'")
    return found


def installed(automation: Automation) -> dict[str, Any]:
    (found,) = automation.values("extensions?$filter=displayName eq 'WINS Companion'")
    return found


class TestTheApiOfAnApp:
    def test_without_an_app_its_address_is_no_route(self, start: Callable[..., Bc]) -> None:
        """microsoft/AL issues 7889 and 8283; include-http-status-error-codes.md, 404: "uninstalling … an app"."""
        plain = start()
        app = App(plain.root, plain.http)
        status, code, message = app.refusal("GET", "itemSettings")
        assert (status, code) == NO_ROUTE
        assert message == f"No HTTP resource was found that matches the request URI '{app.url('itemSettings')}'."
        assert app.call("GET", f"{app.base}/$metadata").status_code == 404
        assert app.call("POST", f"{app.base}/$batch", {"requests": []}).status_code == 404

    @pytest.mark.parametrize("address", ["a%20b/c/v1.0", "other/winstore/v1.0", "connector/winstore/v2.0"])
    def test_any_other_address_is_no_route(self, app: App, address: str) -> None:
        assert app.refusal("GET", f"{app.root}/v2.0/sandbox/api/{address}/companies")[:2] == NO_ROUTE

    def test_it_needs_a_sign_in_as_every_api_does(self, app: App) -> None:
        assert httpx.get(app.url("itemSettings")).status_code == 401

    @pytest.mark.parametrize("prefix", ["v2.0/sandbox", "v2.0/tenant/sandbox"])
    def test_it_answers_with_and_without_a_tenant_in_the_path(self, app: App, prefix: str) -> None:
        """api-endpoint-structure.md."""
        answer = app.call("GET", f"{app.root}/{prefix}/api/{PATH}/companies({COMPANY_ID})/shipToAddresses")
        assert answer.status_code == 200

    def test_the_metadata_has_the_entity_sets_of_the_app_and_the_companies_only(self, app: App) -> None:
        text = app.call("GET", f"{app.base}/$metadata").text
        names = ("companies", "itemSettings", "shipToAddresses", "orderRequests", "orderRequestLines")
        assert text.count("<EntitySet ") == len(names)
        for name in names:
            assert f'<EntitySet Name="{name}" ' in text
        assert '<Property Name="reference" Type="Edm.String" MaxLength="35"/>' in text
        assert '<NavigationPropertyBinding Path="orderRequestLines" Target="orderRequestLines"/>' in text
        parameters = '<Parameter Name="reason" Type="Edm.String"/>'
        assert f'Type="Microsoft.NAV.orderRequest"/>{parameters}</Action>' in text

    def test_the_service_document_and_the_captions_have_the_same_entity_sets(self, app: App) -> None:
        listed = [one["name"] for one in app.values(app.base)]
        captioned = [one["entitySetName"] for one in app.values(f"{app.base}/entityDefinitions")]
        assert listed == captioned
        assert set(listed) == {"companies", *companion()["entities"]}

    def test_the_entity_sets_of_an_app_are_not_in_api_v2(self, bc: Bc) -> None:
        assert bc.refusal("GET", "orderRequests")[:2] == (404, "BadRequest_ResourceNotFound")
        assert "orderRequest" not in bc.call("GET", f"{bc.base}/$metadata").text

    def test_the_standard_entity_sets_are_not_in_the_api_of_an_app(self, app: App) -> None:
        assert app.refusal("GET", "customers")[:2] == NO_ROUTE

    def test_query_options_work_as_on_standard_sets(self, app: App, customer: dict[str, Any]) -> None:
        for code in ("HOME", "WORK", "SHOP"):
            app.post("shipToAddresses", {"customerNumber": customer["number"], "code": code, "city": "Gent"})
        query = "$filter=city eq 'Gent' and code ne 'HOME'&$orderby=code desc&$select=code&$count=true"
        answer = app.get(f"shipToAddresses?{query}")
        assert [row["code"] for row in answer["value"]] == ["WORK", "SHOP"]
        assert answer["@odata.count"] == 2
        assert answer["@odata.context"] == f"{app.base}/$metadata#shipToAddresses"
        assert app.call("GET", "shipToAddresses/$count").text == "3"

    def test_records_come_in_the_order_of_the_primary_key_page_by_page(
        self, app: App, customer: dict[str, Any]
    ) -> None:
        for code in ("C", "A", "B"):
            app.post("shipToAddresses", {"customerNumber": customer["number"], "code": code})
        first = app.get("shipToAddresses", Prefer="odata.maxpagesize=2")
        second = app.get(first["@odata.nextLink"])
        assert [row["code"] for row in (*first["value"], *second["value"])] == ["A", "B", "C"]

    def test_a_write_needs_the_present_etag(self, app: App, customer: dict[str, Any]) -> None:
        made = app.post("shipToAddresses", {"customerNumber": customer["number"], "code": "HOME"})
        path = f"shipToAddresses({made['id']})"
        assert app.refusal("PATCH", path, {"city": "Gent"})[:2] == (400, "BadRequest_InvalidToken")
        assert app.call("PATCH", path, {"city": "Gent"}, If_Match=made["@odata.etag"]).status_code == 200
        stale = app.refusal("PATCH", path, {"city": "Ghent"}, If_Match=made["@odata.etag"])
        assert stale[:2] == (409, "Request_EntityChanged")
        assert app.call("DELETE", path, If_Match="*").status_code == 204

    def test_the_values_of_fields_are_checked_in_the_words_of_bc(self, app: App, customer: dict[str, Any]) -> None:
        body = {"customerNumber": customer["number"], "code": "12345678901"}
        assert app.refusal("POST", "shipToAddresses", body)[1] == "Application_StringExceededLength"
        body = {"documentType": "Quote", "reference": "W1"}
        known = "'Quote' is not an option. The existing options are: Order,Credit Memo"
        assert app.refusal("POST", "orderRequests", body) == (400, "Unknown", known)
        body = {"documentType": "Order", "reference": "W1", "state": "Accepted"}
        expected = (400, "BadRequest_InvalidOperation", "Control 'state' is read-only.")
        assert app.refusal("POST", "orderRequests", body) == expected

    def test_options_are_shown_encoded_and_taken_by_caption(self, app: App) -> None:
        made = app.post("orderRequests", {"documentType": "Credit Memo", "reference": "r1"})
        assert (made["documentType"], made["reference"]) == ("Credit_x0020_Memo", "R1")

    def test_a_value_must_be_in_the_related_table(self, app: App) -> None:
        """dynamics-error-codes.md: NavCSideValidateTableRelationException."""
        status, code, message = app.refusal("POST", "shipToAddresses", {"customerNumber": "NOBODY", "code": "HOME"})
        assert (status, code) == (400, "Internal_InvalidTableRelation")
        assert "(NOBODY) that is not in the related table (Customer)" in message

    def test_a_field_that_is_not_blank_must_be_filled_in(self, app: App, customer: dict[str, Any]) -> None:
        refusal = app.refusal("POST", "shipToAddresses", {"customerNumber": customer["number"]})
        assert refusal[1:] == ("Application_FieldValidationException", "code must be filled in. Enter a value.")

    def test_a_verb_that_the_description_does_not_name_is_refused(self, app: App) -> None:
        assert app.refusal("POST", "itemSettings", {"status": "Draft"})[:2] == (405, "BadRequest_MethodNotAllowed")

    def test_the_company_may_be_named_in_a_header(self, app: App) -> None:
        assert app.call("GET", f"{app.base}/shipToAddresses", Company=COMPANY_ID).status_code == 200

    def test_the_company_expands_the_sets_of_the_app(self, app: App, item: dict[str, Any]) -> None:
        answer = app.get(f"{app.base}/companies({COMPANY_ID})?$expand=itemSettings")
        assert [row["number"] for row in answer["itemSettings"]] == ["MUG"]


class TestOwnTables:
    def test_lines_are_inserted_with_their_header(self, app: App, request_body: dict[str, Any]) -> None:
        """dynamics-rate-limits.md (deep insert), for custom pages with parts."""
        made = app.post("orderRequests", request_body)
        assert "orderRequestLines" not in made
        lines = app.values(f"orderRequests({made['id']})/orderRequestLines")
        assert [line["sequence"] for line in lines] == [10000, 20000]
        shown = app.get(f"orderRequests({made['id']})?$expand=orderRequestLines($select=quantity)")
        assert [line["quantity"] for line in shown["orderRequestLines"]] == [2, 2]

    def test_a_refused_line_leaves_no_header(self, app: App, request_body: dict[str, Any]) -> None:
        request_body["orderRequestLines"][1]["itemNumber"] = "NONE"
        assert app.refusal("POST", "orderRequests", request_body)[1] == "Internal_InvalidTableRelation"
        assert app.values("orderRequests") == []

    def test_lines_go_with_their_header(self, app: App, request_body: dict[str, Any]) -> None:
        made = app.post("orderRequests", request_body)
        assert app.call("DELETE", f"orderRequests({made['id']})", If_Match="*").status_code == 204
        assert app.values("orderRequestLines") == []

    def test_a_second_record_with_the_primary_key_is_refused(self, app: App, request_body: dict[str, Any]) -> None:
        """dynamics-error-codes.md: NavCSideDuplicateKeyException."""
        app.post("orderRequests", request_body)
        message = "The Order Request already exists. Identification fields and values: "
        expected = (400, "Internal_EntityWithSameKeyExists", f"{message}Document Type='Order',Reference='W-1'")
        assert app.refusal("POST", "orderRequests", request_body) == expected
        other = app.post("orderRequests", {"documentType": "Credit Memo", "reference": "W-1"})
        assert (
            app.refusal("PATCH", f"orderRequests({other['id']})", {"documentType": "Order"}, If_Match="*") == expected
        )

    def test_a_batch_with_isolation_keeps_all_or_nothing(self, app: App, request_body: dict[str, Any]) -> None:
        """use-odata-batch.md; the address of the batch is that of the API."""
        url = f"companies({COMPANY_ID})/orderRequests"
        posts = [{"id": str(n), "method": "POST", "url": url, "body": request_body} for n in (1, 2)]
        answers = app.batch(*posts, Isolation="snapshot")
        assert [one["status"] for one in answers] == [201, 400]
        assert app.values("orderRequests") == []

    def test_a_renamed_customer_is_renamed_in_the_app_too(self, bc: Bc, app: App, customer: dict[str, Any]) -> None:
        """AL: Rename() follows the table relations of all apps."""
        app.post("shipToAddresses", {"customerNumber": customer["number"], "code": "HOME"})
        bc.patch(f"customers({customer['id']})", {"number": "NEW"})
        assert app.values("shipToAddresses")[0]["customerNumber"] == "NEW"

    def test_seeded_records_stand_under_publisher_and_group(self, bc: Bc, app: App) -> None:
        bc.control("__seed", {"records": {REQUESTS: [{"documentType": "Order", "reference": "S1"}]}})
        assert [row["reference"] for row in app.values("orderRequests")] == ["S1"]
        assert bc.control("__state")["records"][REQUESTS][0]["reference"] == "S1"


class TestFieldsOnStandardRecords:
    def test_every_standard_record_has_them(self, app: App, item: dict[str, Any]) -> None:
        found = settings_of(app, "MUG")
        assert {name: found[name] for name in ("id", "displayName", "status", "syncEnabled")} == {
            "id": item["id"],
            "displayName": "Mug",
            "status": "Draft",
            "syncEnabled": False,
        }
        assert found["lastModifiedDateTime"] == item["lastModifiedDateTime"]

    def test_a_write_changes_the_standard_record(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        """A table extension's fields are the record's: its SystemModifiedAt and ETag move (extension.md 2.2)."""
        changed = app.patch(f"itemSettings({item['id']})", {"status": "Published"})
        after = bc.get(f"items({item['id']})")
        assert changed["status"] == "Published"
        assert after["@odata.etag"] != item["@odata.etag"]
        assert after["lastModifiedDateTime"] == changed["lastModifiedDateTime"] > item["lastModifiedDateTime"]

    def test_equal_values_change_nothing(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        """APIWebhookNotificationSend: IsNullUpdate."""
        app.patch(f"itemSettings({item['id']})", {"status": "Draft"})
        assert bc.get(f"items({item['id']})")["@odata.etag"] == item["@odata.etag"]

    def test_a_change_of_the_standard_record_moves_their_etag(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        before = app.patch(f"itemSettings({item['id']})", {"status": "Hidden"})
        bc.patch(f"items({item['id']})", {"displayName": "Cup"})
        after = settings_of(app, "MUG")
        assert (after["displayName"], after["status"]) == ("Cup", "Hidden")
        stale = app.refusal("PATCH", f"itemSettings({item['id']})", {"status": "Draft"}, If_Match=before["@odata.etag"])
        assert stale[0] == 409

    def test_a_standard_field_is_written_by_its_own_rules(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        path = f"itemSettings({item['id']})"
        assert app.patch(path, {"gtin": "8710000000013", "status": "Published"})["gtin"] == "8710000000013"
        assert bc.get(f"items({item['id']})")["gtin"] == "8710000000013"
        assert app.call("PATCH", path, {"gtin": "no digits", "status": "Hidden"}, If_Match="*").status_code == 400
        assert settings_of(app, "MUG")["status"] == "Published"

    def test_a_deleted_standard_record_takes_them_away(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        assert bc.call("DELETE", f"items({item['id']})", **ANY_HEADER).status_code == 204
        assert app.values("itemSettings") == []

    def test_stock_that_moves_shows_without_a_new_moment(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        """rules.md: receipts and adjustments do not move an item's lastModifiedDateTime."""
        bc.control("__user", {"do": "adjust", "item": "MUG", "quantity": 7})
        found = settings_of(app, "MUG")
        assert (found["inventory"], found["lastModifiedDateTime"]) == (7, item["lastModifiedDateTime"])

    def test_their_records_cannot_be_seeded(self, bc: Bc) -> None:
        answer = seed(bc, records={"connector.winstore.itemSettings": [{"status": "Draft"}]})
        assert answer.status_code == 400
        assert "standard entity set" in answer.json()["error"]


ANY_HEADER = {name.replace("-", "_"): value for name, value in ANY.items()}


class TestActions:
    def test_an_action_runs_the_registered_function(self, app: App, request_body: dict[str, Any]) -> None:
        """Bound actions answer 204 (APIV2 E2E tests)."""
        made = app.post("orderRequests", request_body)
        answer = app.call("POST", f"orderRequests({made['id']})/Microsoft.NAV.accept")
        assert (answer.status_code, answer.content) == (204, b"")
        assert app.get(f"orderRequests({made['id']})")["state"] == "Accepted"

    def test_a_function_that_refuses_leaves_everything_as_it_was(self, app: App) -> None:
        made = app.post("orderRequests", {"documentType": "Order", "reference": "W2"})
        expected = (400, "Application_DialogException", "There are no lines.")
        assert app.refusal("POST", f"orderRequests({made['id']})/Microsoft.NAV.accept") == expected
        assert app.get(f"orderRequests({made['id']})")["@odata.etag"] == made["@odata.etag"]

    def test_arguments_are_checked_by_the_description(self, app: App) -> None:
        made = app.post("orderRequests", {"documentType": "Order", "reference": "W3"})
        path = f"orderRequests({made['id']})/Microsoft.NAV.refuse"
        assert app.refusal("POST", path, {})[1] == "BadRequest_RequiredParamNotProvided"
        assert app.refusal("POST", path, {"reason": "x", "other": 1})[0] == 400
        assert app.refusal("POST", path, {"reason": "x" * 101})[1] == "Application_StringExceededLength"
        assert app.call("POST", path, {"reason": "no stock"}).status_code == 204
        assert app.get(f"orderRequests({made['id']})")["remark"] == "no stock"

    def test_the_log_of_writes_names_the_action_and_its_request(self, bc: Bc, app: App) -> None:
        made = app.post("orderRequests", {"documentType": "Order", "reference": "W4"})
        path = f"orderRequests({made['id']})/Microsoft.NAV.refuse"
        app.call("POST", path, {"reason": "late"}, client_request_id="mine")
        (write,) = [one for one in bc.control("__state")["writes"] if one["request_id"] == "mine"]
        assert (write["entity"], write["body"]) == (REQUESTS, {"action": "Microsoft.NAV.refuse", "reason": "late"})


class TestSchemaVersion:
    def test_in_is_heeded_from_2_1_on(self, app: App, request_body: dict[str, Any]) -> None:
        """use-filter-expressions-in-odata-uris.md; the default of custom APIs is 2.0 (deprecated-features-platform)."""
        app.post("orderRequests", request_body)
        query = "$filter=reference in ('NONE')"
        assert len(app.values(f"orderRequests?{query}")) == 1
        assert len(app.values(f"orderRequests?$schemaversion=2.0&{query}")) == 1
        assert app.values(f"orderRequests?$schemaversion=2.1&{query}") == []

    @pytest.mark.parametrize("version", ["1.0", "3.0", "x", ""])
    def test_another_version_is_refused(self, app: App, version: str) -> None:
        """Assumed: what BC answers is not published."""
        assert app.refusal("GET", f"orderRequests?$schemaversion={version}")[:2] == (400, "BadRequest")


class TestWebhooks:
    def subscribe(self, app: App, hook: Receiver, entity_set: str) -> dict[str, Any]:
        resource = f"api/{PATH}/companies({COMPANY_ID})/{entity_set}"
        return app.post(f"{app.base}/subscriptions", {"notificationUrl": hook.url, "resource": resource})

    def test_changes_of_an_own_table_are_told(self, app: App, receiver: Receiver) -> None:  # noqa: F811
        """dynamics-subscriptions.md: custom API pages have webhooks, at `subscriptions` of their own API."""
        made = self.subscribe(app, receiver, "orderRequests")
        record = app.post("orderRequests", {"documentType": "Order", "reference": "H1"})
        receiver.wait(1)
        (one,) = receiver.received
        assert (one["changeType"], one["subscriptionId"]) == ("created", made["subscriptionId"])
        assert one["resource"] == f"api/{PATH}/companies({COMPANY_ID})/orderRequests({record['id']})"

    def test_a_write_to_fields_on_an_item_tells_both_sets(
        self,
        bc: Bc,
        app: App,
        item: dict[str, Any],
        receiver: Receiver,  # noqa: F811
    ) -> None:
        self.subscribe(app, receiver, "itemSettings")
        body = {"notificationUrl": receiver.url, "resource": "companies(1)/items", "clientState": "standard"}
        bc.post(f"{bc.base}/subscriptions", body)
        app.patch(f"itemSettings({item['id']})", {"status": "Published"})
        receiver.wait(1)
        told = {(one["clientState"], one["changeType"]) for one in receiver.received}
        assert told == {("", "updated"), ("standard", "updated")}

    @pytest.mark.parametrize("entity_set", ["orderRequestLines", "customers", "unknown"])
    def test_a_set_without_webhooks_is_refused(self, app: App, receiver: Receiver, entity_set: str) -> None:  # noqa: F811
        body = {"notificationUrl": receiver.url, "resource": f"api/{PATH}/companies({COMPANY_ID})/{entity_set}"}
        assert app.refusal("POST", f"{app.base}/subscriptions", body)[:2] == (400, "Application_DialogException")

    def test_what_can_be_subscribed_to_is_listed_while_the_app_is_there(self, bc: Bc, app: App) -> None:
        """dynamics-subscriptions.md: webhookSupportedResources."""
        url = f"{bc.root}/v2.0/sandbox/api/microsoft/runtime/beta/companies({COMPANY_ID})/webhookSupportedResources"
        query = f"?$filter=resource eq '{PATH}*'"
        listed = {row["resource"] for row in bc.values(url + query)}
        assert listed == {f"{PATH}/{name}" for name in ("itemSettings", "shipToAddresses", "orderRequests")}
        assert seed(bc, extensions=[{"id": companion()["id"], "installed": False}]).status_code == 200
        assert bc.values(url + query) == []


class TestPermissions:
    def test_without_the_permission_set_every_call_is_forbidden(self, bc: Bc, app: App) -> None:
        """Words: PlanbasedE2E tests of BCApps, Simple-Object-Designer issue 149. Status: reported by integrators."""
        made = app.post("orderRequests", {"documentType": "Order", "reference": "P1"})
        bc.control("__seed", {"permissionSets": {"WINS API": False, "WINS READ": False}})
        words = "Sorry, the current permissions prevented the action. (TableData 62202 WINS Order Request"
        for method, path, right in (
            ("GET", "orderRequests", "Read"),
            ("GET", f"orderRequests({made['id']})", "Read"),
            ("GET", "orderRequests/$count", "Read"),
            ("POST", "orderRequests", "Insert"),
            ("PATCH", f"orderRequests({made['id']})", "Modify"),
            ("DELETE", f"orderRequests({made['id']})", "Delete"),
            ("POST", f"orderRequests({made['id']})/Microsoft.NAV.accept", "Execute"),
        ):
            body = {} if method in ("POST", "PATCH") else None
            expected = (403, "Internal_ServerError", f"{words} {right}: WINS Companion)")
            assert app.refusal(method, path, body, If_Match="*") == expected

    def test_a_set_that_only_reads_lets_read(self, bc: Bc, app: App, item: dict[str, Any]) -> None:
        bc.control("__seed", {"permissionSets": {"WINS API": False}})
        assert len(app.values("itemSettings")) == 1
        refusal = app.refusal("PATCH", f"itemSettings({item['id']})", {"status": "Hidden"}, If_Match="*")
        assert refusal[0] == 403
        bc.control("__seed", {"permissionSets": {"WINS API": True}})
        assert app.patch(f"itemSettings({item['id']})", {"status": "Hidden"})["status"] == "Hidden"

    def test_expanded_and_inserted_subpages_need_their_own_rights(self, start: Callable[..., Bc]) -> None:
        described = companion()
        described["entities"]["orderRequestLines"]["permissions"] = {"WINS LINES": ["read", "insert"]}
        bc = start(extensions=(read_description(described),))
        app = App(bc.root, bc.http)
        bc.control("__seed", {"permissionSets": {"WINS LINES": False}})
        body = {"documentType": "Order", "reference": "P2"}
        assert app.refusal("POST", "orderRequests", body | {"orderRequestLines": [{"quantity": 1}]})[0] == 403
        app.post("orderRequests", body)
        assert app.refusal("GET", "orderRequests?$expand=orderRequestLines")[0] == 403
        assert app.refusal("GET", f"{app.base}/companies?$expand=orderRequestLines")[0] == 403

    def test_an_entity_without_permissions_is_everybodys(self, bc: Bc, app: App) -> None:
        bc.control("__seed", {"permissionSets": {"WINS API": False, "WINS READ": False}})
        assert app.values("shipToAddresses") == []

    @pytest.mark.parametrize("asked", [{"OTHER": False}, {"WINS API": "no"}, []])
    def test_unknown_permission_sets_are_refused(self, bc: Bc, asked: Any) -> None:
        assert seed(bc, permissionSets=asked).status_code == 400


class TestInstalling:
    def test_the_list_shows_the_app_and_those_of_microsoft(self, automation: Automation) -> None:
        """Page 30002, APIV2 - Aut. Extensions (microsoft/BCApps): its fields, and sorted by name."""
        rows = automation.values("extensions")
        assert [row["displayName"] for row in rows] == [
            "Application",
            "Base Application",
            "System Application",
            "WINS Companion",
        ]
        app = {name: value for name, value in rows[-1].items() if name not in ("@odata.etag", "packageId")}
        assert app == {
            "id": companion()["id"],
            "displayName": "WINS Companion",
            "publisher": "Example",
            "versionMajor": 1,
            "versionMinor": 1,
            "versionBuild": 0,
            "versionRevision": 0,
            "isInstalled": True,
            "publishedAs": " PTE",
        }
        assert automation.get(f"extensions({rows[-1]['packageId']})")["id"] == companion()["id"]

    def test_the_list_is_read_only(self, automation: Automation) -> None:
        """Page 30002: InsertAllowed, ModifyAllowed, DeleteAllowed = false."""
        package = installed(automation)["packageId"]
        for method, path in (
            ("POST", "extensions"),
            *((verb, f"extensions({package})") for verb in ("PATCH", "DELETE")),
        ):
            assert automation.refusal(method, path, {}, If_Match="*")[0] == 405

    def test_a_company_without_apps_lists_microsofts_only(self, start: Callable[..., Bc]) -> None:
        plain = start()
        rows = Automation(plain.root, plain.http).values("extensions")
        assert {row["publisher"] for row in rows} == {"Microsoft"}
        assert {row["versionMajor"] for row in rows} == {29}

    def test_a_seed_installs_an_app(self, start: Callable[..., Bc]) -> None:
        plain = start()
        plain.control("__seed", {"extensions": [companion()], "records": {REQUESTS: [{"reference": "S2"}]}})
        assert [row["reference"] for row in App(plain.root, plain.http).values("orderRequests")] == ["S2"]

    def test_an_older_version_lacks_what_came_later(self, bc: Bc, app: App, automation: Automation) -> None:
        """microsoft/AL issue 8283: an entity set that is not there is no route, while the others of the API answer."""
        bc.control("__seed", {"extensions": [older_companion()]})
        assert app.refusal("GET", "shipToAddresses")[:2] == NO_ROUTE
        assert app.values("orderRequests") == []
        unknown = app.refusal("GET", "itemSettings?$filter=manageStock eq 'Yes'")
        assert unknown[1:] == (
            "BadRequest",
            "Could not find a property named 'manageStock' on type 'Microsoft.NAV.itemSetting'.",
        )
        assert (installed(automation)["versionMinor"], len(automation.values("extensions"))) == (0, 4)

    def test_an_update_keeps_the_records_and_brings_new_fields(self, start: Callable[..., Bc]) -> None:
        bc = start(extensions=(read_description(older_companion()),))
        app = App(bc.root, bc.http)
        item = bc.post("items", {"number": "MUG", "displayName": "Mug"})
        app.patch(f"itemSettings({item['id']})", {"status": "Published"})
        app.post("orderRequests", {"documentType": "Order", "reference": "U1"})
        described = companion()
        described["entities"]["orderRequests"]["fields"]["note"] = {}
        bc.control("__seed", {"extensions": [described]})
        assert app.values("orderRequests")[0]["note"] == ""
        found = settings_of(app, "MUG")
        assert (found["status"], found["manageStock"]) == ("Published", "Default")

    def test_uninstalling_takes_the_api_away_and_keeps_the_data(self, bc: Bc, app: App, automation: Automation) -> None:
        app.post("orderRequests", {"documentType": "Order", "reference": "K1"})
        package = installed(automation)["packageId"]
        path = f"extensions({package})/Microsoft.NAV."
        assert automation.call("POST", f"{path}uninstall").status_code == 204
        assert app.refusal("GET", "orderRequests")[:2] == NO_ROUTE
        assert installed(automation)["isInstalled"] is False
        made = bc.post("items", {"number": "CUP", "displayName": "Cup"})
        assert automation.call("POST", f"{path}install").status_code == 204
        assert [row["reference"] for row in app.values("orderRequests")] == ["K1"]
        assert settings_of(app, "CUP")["id"] == made["id"]

    def test_data_may_be_deleted_with_the_app(self, app: App, automation: Automation) -> None:
        app.post("orderRequests", {"documentType": "Order", "reference": "K2"})
        path = f"extensions({installed(automation)['packageId']})/Microsoft.NAV."
        assert automation.call("POST", f"{path}uninstallAndDeleteExtensionData").status_code == 204
        assert automation.call("POST", f"{path}install").status_code == 204
        assert app.values("orderRequests") == []

    def test_the_states_of_an_app_are_checked(self, automation: Automation) -> None:
        """Page 30002: IsNotInstalledErr, IsInstalledErr, CannotUnpublishInstalledAppErr."""
        path = f"extensions({installed(automation)['packageId']})/Microsoft.NAV."
        assert automation.refusal("POST", f"{path}install")[2] == "The extension WINS Companion is already installed."
        message = "The extension WINS Companion cannot be unpublished because it is installed."
        assert automation.refusal("POST", f"{path}unpublish")[2] == message
        automation.call("POST", f"{path}uninstall")
        assert automation.refusal("POST", f"{path}uninstall")[2] == "The extension WINS Companion is not installed."
        assert automation.call("POST", f"{path}unpublish").status_code == 204
        assert automation.values("extensions?$filter=publisher eq 'Example'") == []

    def test_an_app_survives_a_restart(self, tmp_path: Path) -> None:
        file = tmp_path / "bc.sqlite"
        with running(create_app(file)) as root:
            httpx.post(f"{root}/__seed", json={"extensions": [companion()]}).raise_for_status()
        with running(create_app(file)) as root, httpx.Client() as http:
            token = http.post(f"{root}/t/oauth2/v2.0/token", data=LOGIN).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            app = App(root, http)
            assert app.values("orderRequests") == []
            assert len(Automation(root, http).values("extensions")) == 4

    def test_a_replica_shows_the_app_later(self, start: Callable[..., Bc]) -> None:
        """database-read-scale-out-overview.md: GET reads from the replica unless it asks for the primary."""
        bc = start(extensions=(read_description(companion()),), replica_lag_s=3600)
        app = App(bc.root, bc.http)
        app.post("orderRequests", {"documentType": "Order", "reference": "L1"})
        assert app.values("orderRequests") == []
        assert (
            len(app.get("orderRequests", **{name.replace("-", "_"): value for name, value in FRESH.items()})["value"])
            == 1
        )
        bc.control("__clock", {"advance_s": 3601})
        assert len(app.values("orderRequests")) == 1

    def test_two_sandboxes_may_have_different_versions(self, start: Callable[..., Bc]) -> None:
        older = start(extensions=(read_description(older_companion()),))
        newer = start(extensions=(read_description(companion()),))
        assert App(older.root, older.http).refusal("GET", "shipToAddresses")[:2] == NO_ROUTE
        assert App(newer.root, newer.http).values("shipToAddresses") == []


class TestDescriptions:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"version": "1.0"}, "version"),
            ({"colour": "red"}, "colour"),
            ({"api": {"publisher": "a-b", "group": "x", "version": "v1.0"}}, "api.publisher"),
            ({"entities": {"a": {"entityName": "b", "fields": {}}}}, "a field id of type Edm.Guid"),
        ],
    )
    def test_a_wrong_description_is_refused_and_says_why(self, bc: Bc, change: dict[str, Any], words: str) -> None:
        answer = seed(bc, extensions=[companion() | change])
        assert answer.status_code == 400
        assert words in answer.json()["error"]

    @pytest.mark.parametrize(
        ("entity_set", "change", "words"),
        [
            ("itemSettings", {"on": "nothing"}, "there is no entity set nothing"),
            ("itemSettings", {"verbs": ["insert"]}, "is not inserted or deleted"),
            ("itemSettings", {"fields": {"id": {"type": "Edm.Guid"}, "x": {"shows": "y"}}}, "items has no field y"),
            ("orderRequests", {"naturalKey": ["nothing"]}, "naturalKey"),
            ("orderRequests", {"subpages": {"nothing": "documentId"}}, "nothing is no table of the app"),
            ("orderRequests", {"actions": {"a": {"does": "nothing"}}}, "no function is registered as nothing"),
            ("orderRequests", {"on": "items"}, "has no naturalKey"),
        ],
    )
    def test_a_wrong_entity_is_refused(self, bc: Bc, entity_set: str, change: dict[str, Any], words: str) -> None:
        described = companion()
        described["entities"][entity_set] |= change
        answer = seed(bc, extensions=[described])
        assert answer.status_code == 400
        assert words in answer.json()["error"]

    def test_nothing_is_done_when_one_of_them_is_wrong(self, bc: Bc, app: App) -> None:
        assert seed(bc, extensions=[older_companion(), {"id": "unknown", "installed": True}]).status_code == 400
        assert app.values("shipToAddresses") == []

    def test_two_apps_do_not_bring_the_same_entity_set(self, bc: Bc) -> None:
        other = companion() | {"id": "7a6f1c7e-52d0-4f0e-9b1c-3d0b6f1a2c02", "name": "Other"}
        answer = seed(bc, extensions=[other])
        assert answer.status_code == 400
        assert "WINS Companion has connector.winstore." in answer.json()["error"]

    def test_the_command_line_names_the_file_that_is_wrong(self, tmp_path: Path) -> None:
        file = tmp_path / "app.json"
        file.write_text(json.dumps(companion() | {"version": "one"}))
        with pytest.raises(ConfigurationError, match=r"app\.json is no description of an app: version"):
            _app(file)
        assert _app(FILE).version == "1.1.0.0"

    def test_options_may_install_several_apps(self) -> None:
        second = companion() | {"id": "7a6f1c7e-52d0-4f0e-9b1c-3d0b6f1a2c03", "name": "Second"}
        second["api"] = {"publisher": "connector", "group": "other", "version": "beta"}
        apps = (read_description(companion()), read_description(second))
        create_app(options=Options(extensions=apps)).state.records.db.close()
        assert apps[0].stored_name("orderRequestLines") == LINES
        assert apps[1].path == "connector/other/beta"
