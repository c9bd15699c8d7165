"""The contract suite of Winstore: passes against the sandbox, and tells what does not hold."""

import base64
from datetime import UTC, datetime

import httpx
import pytest

from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.systems.transport import Answer
from winbc_pipeline.systems.winstore import Winstore
from winbc_pipeline.systems.winstore.contract import JSON, Finding, examine

from ..support.sandboxes import HTTP, Sandboxes

PNG = b"\x89PNG\r\n\x1a\nx"


def findings(sandboxes: Sandboxes) -> dict[str, Finding]:
    source = Winstore(sandboxes.settings)
    source.transport.sleep = lambda _: None
    try:
        return {finding.call: finding for finding in examine(source)}
    finally:
        source.close()


def filled(sandboxes: Sandboxes, picture: bool = False) -> None:
    """A customer, an article and its stock, all of this moment; where wanted, a picture."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    stock = {"sku": "SKU-1", "warehouse": "MAIN", "quantity": "5", "reserved": "0", "modified_at": now}
    write_folder(sandboxes.folder / "retail", {"stock": [stock]})
    sandboxes.fill([{"modified_at": now}], [{"modified_at": now}])
    if picture:
        sent = {"artkey": "100001", "content": base64.b64encode(PNG).decode()}
        HTTP.post(f"{sandboxes.addresses.winstore_control}/__picture", json=sent).raise_for_status()


def test_the_sandbox_keeps_the_contract_and_nothing_is_written(sandboxes: Sandboxes) -> None:
    filled(sandboxes)
    found = findings(sandboxes)
    assert found["GetArticleDataChangesByDate"].outcome == "pass"
    assert found["GetStock byGtin"].outcome == "pass"
    assert found["GetCustomerChangesByDate"].outcome == "assumed, holds"
    for look_up in ("GetCustomer by customerid", "GetCustomer by email", "GetArticle by sku", "GetArticle by artkey"):
        assert found[look_up].outcome == "assumed, holds", look_up
    assert found["GetArticlePicture"].outcome == "not seen"
    assert found["GetOrderChangesByDate"].outcome == "not seen"
    assert {finding.outcome for finding in found.values()} == {"pass", "assumed, holds", "not seen", "not tried"}
    state = HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()
    assert state["writes"] == []


@pytest.mark.parametrize(
    ("path", "kind", "outcome"),
    [
        ("GetCustomerChangesByDate", "html", "assumed, does not hold"),
        ("GetSuppliers", "truncate", "fail"),
        ("GetArticlePicture", "garbage", "assumed, does not hold"),
        ("GetChangedStock", "garbage", "fail"),
    ],
)
def test_what_does_not_hold_is_told(sandboxes: Sandboxes, path: str, kind: str, outcome: str) -> None:
    filled(sandboxes, picture=True)
    assert findings(sandboxes)[path].outcome in ("pass", "assumed, holds")
    sandboxes.fault("winstore", {"kind": kind, "path": f"/{path}", "times": 99})
    found = findings(sandboxes)
    assert found[path].outcome == outcome
    assert found["GetStock byGtin"].outcome == "pass"


@pytest.mark.parametrize(
    ("status", "words"),
    [(500, "answers 500"), (200, "does not find what is there by email")],
    ids=["fails", "is empty"],
)
def test_a_look_up_that_finds_nothing_is_told_without_what_was_asked_for(
    sandboxes: Sandboxes, status: int, words: str
) -> None:
    filled(sandboxes)
    source = Winstore(sandboxes.settings)
    ask = source.ask

    def forgetful(call: str, asked: dict[str, str], accept: str) -> Answer:
        if call != "GetCustomer":
            return ask(call, asked, accept)
        return Answer(status, httpx.Headers({"content-type": JSON}), b'{"customers":{"customer":[]}}', "id")

    source.ask = forgetful  # type: ignore[method-assign]
    found = {finding.call: finding for finding in examine(source)}
    source.close()
    told = found["GetCustomer by email"]
    assert told.outcome == "assumed, does not hold"
    assert words in told.detail
    assert "anna" not in told.detail
    assert found["GetArticle by sku"].outcome == "assumed, holds"


def test_an_answer_that_is_no_chunk_is_told(sandboxes: Sandboxes) -> None:
    """More records than the limit asks for."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    sandboxes.fill([{"customer_id": str(n), "modified_at": now} for n in range(101)])
    source = Winstore(sandboxes.settings)
    customers = source.profile.entity("customers").model_copy(update={"limit": "most"})  # Winstore knows no such one
    source.profile = source.profile.model_copy(update={"reads": {"customers": customers}})
    told = next(finding for finding in examine(source) if finding.call == "GetCustomerChangesByDate")
    source.close()
    assert (told.outcome, told.detail) == ("assumed, does not hold", "101 records where `most` asks for 100")


def test_where_no_record_came_nothing_was_checked(sandboxes: Sandboxes) -> None:
    found = findings(sandboxes)
    assert {found[call].outcome for call in ("GetOrderChangesByDate", "GetChangedStock")} == {"not seen"}
    assert {finding.outcome for finding in found.values()} == {"not seen", "not tried"}


def test_a_call_that_was_never_made_did_not_fail(sandboxes: Sandboxes) -> None:
    filled(sandboxes)
    sandboxes.fault("winstore", {"kind": "status", "status": 500, "path": "/GetStock", "times": 99})
    found = findings(sandboxes)
    assert found["GetStock byArtikelKey"].outcome == "fail"
    assert found["GetChangedStock"].outcome == "not tried"


def test_a_value_of_another_type_is_named_by_its_field(sandboxes: Sandboxes) -> None:
    body = "<customer><customerid>5</customerid><created>the other day</created></customer>"
    url = f"{sandboxes.addresses.winstore_base}/PostCustomer"
    HTTP.post(url, content=body, auth=("winstore", "sandbox-secret")).raise_for_status()
    detail = findings(sandboxes)["GetCustomerChangesByDate"].detail
    assert "created" in detail
    assert "the other day" not in detail
