"""Every fact of Business Central's facts.json holds in the sandbox, by one test each.

facts.json is made by scripts/make_facts.py from the reference. A fact without a test fails the last test of this file;
CANNOT says of which facts the sandbox has no behaviour to compare.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.sandbox.bc import webhooks
from winbc_pipeline.sandbox.bc.app import BODY_LIMIT, Options
from winbc_pipeline.sandbox.bc.data.schema import load_schema
from winbc_pipeline.sandbox.bc.odata import batch, paging

from ...conftest import REPOSITORY
from ..conftest import LOGIN, Bc

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("facts.json").read_text())
REFERENCE = REPOSITORY.parent / "shared" / "reference" / "business-central" / "facts.json"
ELSEWHERE = {"webhook.changetypes", "webhook.payload_keys", "webhook.headers"}  # test_webhooks.py
CANNOT = {
    "gateway.timeout_s": "no gateway stands before the sandbox; a planned fault answers as one would",
    "onprem.port": "the port is free to choose, so that two sandboxes can run",
    "delta.removed_in": "delta links are not there, whatever the version",
}


def fact(name: str) -> Any:
    return FACTS[name]


def test_page_size(bc: Bc) -> None:
    assert fact("page.max") == paging.MAX_PAGE
    assert bc.call("GET", "customers", Prefer=f"odata.maxpagesize={fact('page.max') + 1}").status_code == 413


def test_batch_size(bc: Bc) -> None:
    assert fact("batch.max") == batch.MAX_OPERATIONS
    one = {"method": "GET", "url": "companies"}
    answer = bc.http.post(
        f"{bc.base}/$batch", json={"requests": [one] * (fact("batch.max") + 1)}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 400


def test_body_size() -> None:
    assert fact("body.max_mb") * 2**20 == BODY_LIMIT


def test_rate_and_concurrency_limits() -> None:
    limits = Options().limits()
    assert limits.requests == fact("rate.user.requests")
    assert limits.window_s == fact("rate.user.window_s")
    assert limits.slots._value == fact("conc.user")
    assert limits.queued == fact("queue.user")
    assert Options().in_flight + limits.queued == fact("conn.user")
    assert (limits.queue_s, limits.operation_s) == (fact("queue.timeout_s"), fact("op.timeout_s"))


def test_too_many_calls(start: Callable[..., Bc]) -> None:
    few = start(requests_per_window=3)
    statuses = [few.call("GET", "items").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, fact("rate.status")]


def test_a_call_that_waits_too_long_in_the_queue(start: Callable[..., Bc]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    slow = start(in_flight=1, latency_s=0.4, time_scale=480 / 0.2)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: slow.call("GET", "items"), range(3)))
    late = [answer for answer in answers if answer.status_code == fact("queue.timeout.status")]
    assert late
    assert late[0].status_code in fact("retry_after")
    assert late[0].headers["retry-after"]


def test_a_call_that_runs_too_long(start: Callable[..., Bc]) -> None:
    slow = start(latency_s=0.5, time_scale=480 / 0.1)
    assert slow.call("GET", "items").status_code == fact("op.timeout.status")


def test_a_gateway_timeout_can_be_planned(bc: Bc) -> None:
    bc.control("__faults", {"faults": [{"kind": "late", "seconds": 0.01}]})
    assert bc.call("GET", "items").status_code == fact("gateway.status")


def test_statuses_of_the_verbs(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    assert bc.call("POST", "customers", {"displayName": "X"}).status_code == fact("status.post")
    path = f"customers({customer['id']})"
    assert bc.call("PATCH", path, {"city": "Gent"}, If_Match="*").status_code == fact("status.patch")
    invoice = bc.post("salesInvoices", {"customerId": customer["id"]})
    bc.post(f"salesInvoices({invoice['id']})/salesInvoiceLines", {"itemId": item["id"], "quantity": 1})
    action = f"salesInvoices({invoice['id']})/Microsoft.NAV.post"
    assert bc.call("POST", action, {}).status_code == fact("status.action")
    loner = bc.post("customers", {"displayName": "Y"})
    assert bc.call("DELETE", f"customers({loner['id']})", If_Match="*").status_code == fact("status.delete")


def test_pictures(bc: Bc, item: dict[str, Any]) -> None:
    path = f"items({item['id']})/picture/pictureContent"
    assert bc.call("GET", path).status_code == fact("picture.empty_get")
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x04\x00\x00\x00\x03\x08\x02\x00\x00\x00"
    headers = {"If-Match": "*", "Content-Type": fact("picture.content_type")}
    sent = bc.http.patch(bc.url(path), content=png, headers=headers)
    assert sent.status_code == fact("picture.put_status")
    picture = bc.get(f"items({item['id']})/picture")
    assert (picture["width"], picture["height"], picture["contentType"]) == (4, 3, "image/png")
    assert bc.call("GET", picture["pictureContent@odata.mediaReadLink"]).content == png


def test_a_missing_etag(bc: Bc, customer: dict[str, Any]) -> None:
    wanted = fact("etag.missing")
    answer = bc.refusal("PATCH", f"customers({customer['id']})", {"city": "X"})
    assert answer == (wanted["status"], wanted["code"], wanted["message"])


def test_a_stale_etag(bc: Bc, customer: dict[str, Any]) -> None:
    wanted = fact("etag.stale")
    bc.patch(f"customers({customer['id']})", {"city": "Gent"})
    answer = bc.refusal("PATCH", f"customers({customer['id']})", {"city": "X"}, If_Match=customer["@odata.etag"])
    assert answer == (wanted["status"], wanted["code"], wanted["message"])


def test_a_read_only_field(bc: Bc, customer: dict[str, Any]) -> None:
    wanted = fact("readonly.write")
    answer = bc.refusal("PATCH", f"customers({customer['id']})", {"balanceDue": 1}, If_Match="*")
    assert answer == (wanted["status"], wanted["code"], wanted["messagePattern"].format(name="balanceDue"))


def test_wrong_credentials(bc: Bc) -> None:
    wanted = fact("auth.invalid")
    answer = bc.refusal("GET", "customers", Authorization="Bearer wrong")
    assert answer == (wanted["status"], wanted["code"], wanted["message"])


def test_an_unknown_route(bc: Bc) -> None:
    wanted = fact("route.unknown")
    uri = f"{bc.root}/nowhere/at/all"
    answer = bc.refusal("GET", uri)
    assert answer == (wanted["status"], wanted["code"], wanted["messagePattern"].format(uri=uri))


def test_the_suffix_of_messages(bc: Bc) -> None:
    pattern = re.escape(fact("error.suffix")).replace(re.escape("{guid}"), "[0-9a-f-]{36}")
    message = bc.call("POST", "customers", {}).json()["error"]["message"]
    assert re.search(pattern + "$", message)


def test_filters(bc: Bc, customer: dict[str, Any]) -> None:
    assert fact("filter.or_distinct") == bc.refusal("GET", "customers?$filter=city eq '' or email eq ''")[2]
    ignored = bc.values("customers?$filter=city in ('nowhere')") == bc.values("customers") != []
    heeded = bc.values("customers?$schemaversion=2.1&$filter=city in ('nowhere')") == []
    assert (ignored and heeded) is fact("filter.in")
    everyone = bc.values("customers?$filter=defaultDimensions/any(d:d/dimensionCode eq 'no')")
    assert (len(everyone) == 1) is fact("filter.lambda")


def test_no_next_link_with_top(bc: Bc) -> None:
    page = bc.get("countriesRegions?$top=5", Prefer="odata.maxpagesize=2")
    assert ("@odata.nextLink" not in page) is fact("paging.top_no_nextlink")


def test_a_batch_stops_at_its_first_failure(bc: Bc) -> None:
    statuses = [answer["status"] for answer in bc.batch(*_three_operations(bc))]
    assert ("stop" if statuses == [201, 400] else "go on") == fact("batch.default_on_error")
    assert len(bc.values("paymentTerms?$filter=code eq 'A1' or code eq 'A3'")) == 1, "what ran before stays"


def test_a_batch_in_one_transaction(bc: Bc) -> None:
    answers = bc.batch(*_three_operations(bc), Isolation="snapshot")
    assert answers[0]["status"] == 201
    assert (bc.values("paymentTerms?$filter=code eq 'A1'") == []) is fact("batch.isolation")


def _three_operations(bc: Bc) -> list[dict[str, Any]]:
    url = bc.url("paymentTerms").removeprefix(bc.base + "/")
    bodies: list[dict[str, str]] = [{"code": "A1"}, {"shoeSize": "9"}, {"code": "A3"}]
    return [{"id": str(n), "method": "POST", "url": url, "body": body} for n, body in enumerate(bodies)]


@pytest.mark.parametrize("version", [14, 16, 17, 27, 28, 29])
def test_versions(start: Callable[..., Bc], version: int) -> None:
    there = start(version=version)
    urls = {api: f"{there.root}/v2.0/sandbox/api/{api}/companies" for api in ("v1.0", "v2.0")}
    found = {api: there.call("GET", url).status_code == 200 for api, url in urls.items()}
    in_time = fact("v1.introduced") <= version < fact("v1.removed")
    assert found == {"v1.0": in_time, "v2.0": version >= fact("v2.introduced")}


def test_basic_authentication_online_has_ended(start: Callable[..., Bc]) -> None:
    late = start(clock=f"{fact('basicauth.saas_end')}T00:00:00Z")
    late.http.headers.pop("Authorization")
    assert late.http.get(f"{late.base}/companies", auth=("winbc", "sandbox-secret")).status_code == 401


def test_line_numbers(bc: Bc, customer: dict[str, Any], item: dict[str, Any]) -> None:
    lines = [{"itemId": item["id"], "quantity": 1}] * 2
    order = bc.post("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    step = fact("line.sequence_step")
    assert [row["sequence"] for row in bc.values(f"salesOrders({order['id']})/salesOrderLines")] == [step, 2 * step]


def test_options_of_documents_customers_and_items() -> None:
    schema = load_schema()
    assert list(schema["salesOrders"].fields["status"]["enum"]) == fact("order.statuses")
    assert list(schema["salesInvoices"].fields["status"]["enum"]) == fact("invoice.statuses")
    assert list(schema["customers"].fields["blocked"]["enum"]) == fact("customer.blocked")
    assert list(schema["items"].fields["type"]["enum"]) == fact("item.types")


def test_sign_in(bc: Bc) -> None:
    url = f"{bc.root}/sandbox-tenant/oauth2/v2.0/token"
    assert bc.http.post(url, data=LOGIN | {"scope": fact("oauth.scope")}).status_code == 200
    refused = bc.http.post(url, data=LOGIN | {"scope": "https://graph.microsoft.com/.default"})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    found = bc.http.get(f"{bc.root}/sandbox-tenant/v2.0/.well-known/openid-configuration").json()
    assert found["token_endpoint"].endswith(fact("oauth.token").split("{tenant}")[1])


def test_a_token_for_id_and_secret_in_the_form_or_as_basic_authentication(bc: Bc) -> None:
    """`token_endpoint_auth_methods_supported` of https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration."""
    url = f"{bc.root}/sandbox-tenant/oauth2/v2.0/token"
    form = {name: LOGIN[name] for name in ("grant_type", "scope")}
    token = bc.http.post(url, data=form, auth=("winbc", "sandbox-secret")).json()["access_token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    assert bc.http.get(f"{bc.base}/companies", headers=signed_in).status_code == 200
    refused = [bc.http.post(url, data=form, auth=("winbc", "wrong")), bc.http.post(url, data=form)]
    assert [(one.status_code, one.json()["error"]) for one in refused] == [(401, "invalid_client")] * 2


def test_webhook_figures() -> None:
    assert fact("webhook.max_subscriptions") == webhooks.LIMIT
    assert timedelta(days=fact("webhook.expiry_days")) == webhooks.LIFETIME
    assert fact("webhook.delay_ms") == webhooks.DELAY_S * 1000
    assert fact("webhook.handshake_timeout_ms") == webhooks.HANDSHAKE_S * 1000
    assert fact("webhook.send_timeout_ms") == webhooks.SEND_S * 1000
    assert fact("webhook.collection_threshold") == webhooks.COLLECTION_ABOVE
    assert fact("webhook.retry_delays_ms") == [seconds * 1000 for seconds in webhooks.RETRY_S]
    assert fact("webhook.max_attempts") == webhooks.MAX_ATTEMPTS
    assert {status for status in fact("webhook.retry_statuses") if isinstance(status, int)} == webhooks.RETRIED
    assert timedelta(milliseconds=fact("webhook.collection_overlap_ms")) == webhooks.OVERLAP


def test_modification_moments_are_utc_with_milliseconds(customer: dict[str, Any]) -> None:
    assert datetime.fromisoformat(customer["lastModifiedDateTime"]).utcoffset() == timedelta(0)
    assert re.search(r"\.\d{3}Z$", customer["lastModifiedDateTime"])


def test_no_fact_is_without_a_test() -> None:
    tests = Path(__file__).read_text().partition("def fact(")[2]
    named = {name for name in FACTS if f'"{name}"' in tests or f"'{name}'" in tests}
    assert set(FACTS) - named == ELSEWHERE | set(CANNOT)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside the checkout")
def test_the_facts_are_those_of_the_reference() -> None:
    assert {one["id"]: one["value"] for one in json.loads(REFERENCE.read_text())} == FACTS
