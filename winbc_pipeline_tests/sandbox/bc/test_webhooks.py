"""Subscriptions: handshake, one merged notification after the delay, retries, and what ends them.

The time scale makes a blink of the 30 seconds; the receiver is a server of the test's own.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from winbc_pipeline.sandbox.bc import webhooks
from winbc_pipeline.sandbox.setup_data import COMPANY_ID

from ..conftest import Bc
from .test_facts import FACTS

SCALE = 300


@dataclass
class Receiver:
    """Takes notifications; `statuses` are the answers to the next ones, then 200."""

    url: str = ""
    handshake: bool = True
    statuses: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    calls: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, calls: int) -> None:
        """Until so many notifications came, at most ten seconds."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.calls >= calls, 10), f"{self.calls} of {calls} notifications"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            token = parse_qs(urlsplit(self.path).query).get("validationToken", [""])[0]
            if token:
                return self.answer(200, token.encode() if state.handshake else b"no")
            with state.arrived:
                state.calls += 1
                status = state.statuses.pop(0) if state.statuses else 200
                if status == 200:
                    state.received += json.loads(body)["value"]
                    state.headers.append(dict(self.headers))
                state.arrived.notify_all()
            return self.answer(status, b"")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def bc(start: Callable[..., Bc]) -> Bc:
    return start(time_scale=SCALE)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are collected for two seconds of ours: a busy machine may need more than the tenth that 30 s are here."""
    monkeypatch.setattr(webhooks, "DELAY_S", 2 * SCALE)


def subscribe(bc: Bc, receiver: Receiver, resource: str = "customers") -> dict[str, Any]:
    body = {"notificationUrl": receiver.url, "resource": f"companies(1)/{resource}", "clientState": "secret"}
    return bc.post(f"{bc.base}/subscriptions", body)


def subscriptions(bc: Bc) -> list[dict[str, Any]]:
    return bc.values(f"{bc.base}/subscriptions")


def test_without_the_handshake_there_is_no_subscription(bc: Bc, receiver: Receiver) -> None:
    receiver.handshake = False
    body = {"notificationUrl": receiver.url, "resource": "customers"}
    assert bc.call("POST", f"{bc.base}/subscriptions", body).status_code == 400
    assert subscriptions(bc) == []


@pytest.mark.usefixtures("together")
def test_changes_to_one_record_come_as_one_notification(bc: Bc, receiver: Receiver) -> None:
    made = subscribe(bc, receiver)
    customer = bc.post("customers", {"displayName": "New"})
    bc.patch(f"customers({customer['id']})", {"city": "Gent"})
    receiver.wait(1)
    (one,) = receiver.received
    assert set(one) == set(FACTS["webhook.payload_keys"])
    assert (one["changeType"], one["clientState"]) == ("created", "secret")
    assert one["subscriptionId"] == made["subscriptionId"]
    # BC appends the key to the resource as it was sent (APIWebhookNotificationSend: GetSingleEntityUrl).
    assert one["resource"] == f"{made['resource']}({customer['id']})"
    assert {name.lower() for name in FACTS["webhook.headers"]} <= {name.lower() for name in receiver.headers[0]}


def test_no_notification_for_a_write_that_changed_nothing(bc: Bc, receiver: Receiver) -> None:
    customer = bc.post("customers", {"displayName": "Old"})
    other = bc.post("customers", {"displayName": "Other"})
    subscribe(bc, receiver)
    bc.patch(f"customers({customer['id']})", {"displayName": "Old"})
    bc.patch(f"customers({other['id']})", {"displayName": "Changed"})
    receiver.wait(1)
    assert [one["resource"].split("(")[-1].rstrip(")") for one in receiver.received] == [other["id"]]


def test_a_line_change_is_told_of_the_document(bc: Bc, receiver: Receiver) -> None:
    customer = bc.post("customers", {"displayName": "New"})
    order = bc.post("salesOrders", {"customerId": customer["id"]})
    subscribe(bc, receiver, "salesOrders")
    bc.post(f"salesOrders({order['id']})/salesOrderLines", {"description": "A comment"})
    receiver.wait(1)
    assert {(one["changeType"], one["resource"].split("/")[-1]) for one in receiver.received} == {
        ("updated", f"salesOrders({order['id']})")
    }


def test_a_picture_is_told_as_a_change_of_its_parent(bc: Bc, receiver: Receiver) -> None:
    item = bc.post("items", {"number": "MUG"})
    subscribe(bc, receiver, "items")
    gif = b"GIF89a\x05\x00\x02\x00"
    bc.http.patch(bc.url(f"items({item['id']})/picture/pictureContent"), content=gif, headers={"If-Match": "*"})
    receiver.wait(1)
    assert [one["resource"].split("/")[-1] for one in receiver.received] == [f"items({item['id']})"]


def test_a_deletion_is_told(bc: Bc, receiver: Receiver) -> None:
    customer = bc.post("customers", {"displayName": "Old"})
    subscribe(bc, receiver)
    bc.call("DELETE", f"customers({customer['id']})", If_Match="*")
    receiver.wait(1)
    assert [one["changeType"] for one in receiver.received] == ["deleted"]


@pytest.mark.usefixtures("together")
def test_many_changes_come_as_a_collection(bc: Bc, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "COLLECTION_ABOVE", 3)
    subscribe(bc, receiver)
    for n in range(5):
        bc.post("customers", {"displayName": str(n)})
    receiver.wait(1)
    (one,) = receiver.received
    assert one["changeType"] == "collection"
    assert "?$filter=lastModifiedDateTime%20gt%20" in one["resource"]
    assert {one["changeType"], "created", "updated", "deleted"} == set(FACTS["webhook.changetypes"])


def test_a_busy_receiver_is_told_again(bc: Bc, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "RETRY_S", (3,) * 6)
    receiver.statuses = [503, 429, 408]
    subscribe(bc, receiver)
    bc.post("customers", {"displayName": "New"})
    receiver.wait(4)
    assert len(receiver.received) == 1
    assert len(subscriptions(bc)) == 1


@pytest.mark.parametrize("statuses", [[400], [500] * 6])
def test_a_refusal_or_too_many_failures_end_the_subscription(
    bc: Bc, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, statuses: list[int]
) -> None:
    monkeypatch.setattr(webhooks, "RETRY_S", (3,) * 6)
    receiver.statuses = list(statuses)
    subscribe(bc, receiver)
    bc.post("customers", {"displayName": "New"})
    receiver.wait(len(statuses))
    ends = time.monotonic() + 10
    while subscriptions(bc) and time.monotonic() < ends:
        pass
    assert subscriptions(bc) == []


def test_renewal_needs_the_etag_and_a_new_handshake(bc: Bc, receiver: Receiver) -> None:
    bc.control("__clock", {"now": "2026-03-01T10:00:00Z"})
    made = subscribe(bc, receiver)
    path = f"{bc.base}/subscriptions('{made['subscriptionId']}')"
    assert bc.refusal("PATCH", path, {})[1] == "BadRequest_InvalidToken"
    bc.control("__clock", {"advance_s": 3600})
    renewed = bc.call("PATCH", path, {}, If_Match=made["@odata.etag"]).json()
    assert (made["expirationDateTime"], renewed["expirationDateTime"]) == (
        "2026-03-04T10:00:00.000Z",
        "2026-03-04T11:00:00.000Z",
    )
    receiver.handshake = False
    assert bc.call("PATCH", path, {}, If_Match="*").status_code == 400


@pytest.mark.parametrize("resource", ["salesOrderLines", "pictures", "taxAreas", "nothingOfTheKind"])
def test_what_bc_tells_nobody_about(bc: Bc, receiver: Receiver, resource: str) -> None:
    body = {"notificationUrl": receiver.url, "resource": resource}
    assert bc.call("POST", f"{bc.base}/subscriptions", body).status_code == 400


def test_a_subscription_is_removed_on_request(bc: Bc, receiver: Receiver) -> None:
    made = subscribe(bc, receiver)
    path = f"{bc.base}/subscriptions('{made['subscriptionId']}')"
    assert bc.call("DELETE", path, If_Match="*").status_code == 204
    assert subscriptions(bc) == []


def test_a_refusal_ends_only_the_subscriptions_it_was_about(bc: Bc, receiver: Receiver) -> None:
    receiver.statuses = [400]
    told, other = subscribe(bc, receiver), subscribe(bc, receiver, "items")
    bc.post("customers", {"displayName": "New"})
    receiver.wait(1)
    ends = time.monotonic() + 10
    while told["subscriptionId"] in str(subscriptions(bc)) and time.monotonic() < ends:
        pass
    assert [one["subscriptionId"] for one in subscriptions(bc)] == [other["subscriptionId"]]


def test_subscriptions_are_filtered_like_other_sets(bc: Bc, receiver: Receiver) -> None:
    subscribe(bc, receiver)
    made = subscribe(bc, receiver, "items")
    (found,) = bc.values(f"{bc.base}/subscriptions?$filter=resource eq 'companies(1)/items'")
    assert found["subscriptionId"] == made["subscriptionId"]
    assert made["@odata.context"].endswith("/$metadata#subscriptions/$entity")


@pytest.mark.parametrize("body", [[1], 5, "x", None])
def test_a_renewal_that_is_no_object_is_refused(bc: Bc, receiver: Receiver, body: Any) -> None:
    made = subscribe(bc, receiver)
    path = f"{bc.base}/subscriptions('{made['subscriptionId']}')"
    assert bc.refusal("PATCH", path, body, If_Match="*")[0] == 400


def test_a_subscription_is_kept_as_it_was_sent(bc: Bc, receiver: Receiver) -> None:
    """api/dynamics_subscriptions_create.md: the answer repeats the id and the resource of the request."""
    resource = f"/api/v2.0/companies({COMPANY_ID})/customers"
    sent = {"subscriptionId": "webhookCustomersId", "notificationUrl": receiver.url, "resource": resource}
    made = bc.post(
        f"{bc.base}/subscriptions", sent | {"userId": COMPANY_ID, "expirationDateTime": "2018-10-15T12:32:35Z"}
    )
    assert {name: made[name] for name in sent} == sent
    assert made["expirationDateTime"] > "2018-10-15T12:32:35Z"
    assert bc.refusal("POST", f"{bc.base}/subscriptions", sent)[1] == "Internal_EntityWithSameKeyExists"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"clientState": "x" * 2049}, "Application_StringExceededLength"),
        ({"subscriptionId": "x" * 151}, "Application_StringExceededLength"),
        ({"clientState": 5}, "BadRequest"),
        ({"resource": ["customers"]}, "BadRequest"),
        ({"client": "x"}, "BadRequest"),
    ],
)
def test_limits_and_types_of_a_subscription(bc: Bc, receiver: Receiver, sent: dict[str, Any], code: str) -> None:
    """dynamics-subscriptions.md: clientState takes 2048 characters; the id is a text of 150."""
    body = {"notificationUrl": receiver.url, "resource": "customers"}
    assert bc.refusal("POST", f"{bc.base}/subscriptions", body | sent)[1] == code
    path = f"{bc.base}/subscriptions('{bc.post(f'{bc.base}/subscriptions', body)['subscriptionId']}')"
    assert bc.refusal("PATCH", path, sent, If_Match="*")[1] == code


def test_an_expired_subscription_is_gone(bc: Bc, receiver: Receiver) -> None:
    bc.control("__clock", {"now": "2026-03-01T10:00:00Z"})
    made = subscribe(bc, receiver)
    bc.control("__clock", {"advance_s": 3 * 24 * 3600 + 1})
    assert subscriptions(bc) == []
    path = f"{bc.base}/subscriptions('{made['subscriptionId']}')"
    assert bc.call("PATCH", path, {}, If_Match="*").status_code == 404


def test_api_v1_has_subscriptions_too(start: Callable[..., Bc], receiver: Receiver) -> None:
    """api-reference/v1.0/api/dynamics_subscription_*.md."""
    bc = start(time_scale=SCALE, version=20)
    base = f"{bc.root}/v2.0/sandbox/api/v1.0"
    resource = f"/api/v1.0/companies({COMPANY_ID})/customers"
    made = bc.post(f"{base}/subscriptions", {"notificationUrl": receiver.url, "resource": resource})
    customer = bc.post("customers", {"displayName": "New"})
    receiver.wait(1)
    assert [one["resource"] for one in receiver.received] == [f"{resource}({customer['id']})"]
    assert [one["subscriptionId"] for one in bc.values(f"{base}/subscriptions")] == [made["subscriptionId"]]
    path = f"{base}/subscriptions('{made['subscriptionId']}')"
    for state in ("x", ""):
        assert bc.call("PATCH", path, {"clientState": state}, If_Match="*").json()["clientState"] == state
    assert bc.call("DELETE", path, If_Match="*").status_code == 204


def supported(bc: Bc, query: str = "") -> set[str]:
    path = f"{bc.root}/v2.0/sandbox/api/microsoft/runtime/beta/companies({COMPANY_ID})/webhookSupportedResources"
    return {one["resource"] for one in bc.values(path + query)}


def test_the_resources_with_webhooks_are_listed(start: Callable[..., Bc]) -> None:
    """dynamics-subscriptions.md, supported entities; WebhookSupportedResources.Page.al."""
    bc = start(version=20)
    found = supported(bc, "?$filter=resource eq 'v2.0*'")
    assert {"v2.0/accounts", "v2.0/customers", "v2.0/salesOrders", "v2.0/vendors"} <= found
    assert not {"v2.0/salesOrderLines", "v2.0/taxAreas", "v2.0/pictures", "v2.0/companies"} & found
    assert {one.split("/")[0] for one in supported(bc)} == {"v1.0", "v2.0"}
    assert "v1.0/contacts" not in supported(bc)
