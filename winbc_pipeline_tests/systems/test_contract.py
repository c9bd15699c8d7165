"""The contract suite of Winstore: passes against the sandbox, and tells what does not hold."""

from datetime import UTC, datetime

import pytest

from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.systems.winstore import Winstore
from winbc_pipeline.systems.winstore.contract import Finding, examine

from ..support.sandboxes import HTTP, Sandboxes


def findings(sandboxes: Sandboxes) -> dict[str, Finding]:
    source = Winstore(sandboxes.settings)
    try:
        return {finding.call: finding for finding in examine(source)}
    finally:
        source.close()


def filled(sandboxes: Sandboxes) -> None:
    """A customer, an article and its stock, all of this moment."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    stock = {"sku": "SKU-1", "warehouse": "MAIN", "quantity": "5", "reserved": "0", "modified_at": now}
    write_folder(sandboxes.folder / "retail", {"stock": [stock]})
    sandboxes.fill([{"modified_at": now}], [{"modified_at": now}])


def test_the_sandbox_keeps_the_contract_and_nothing_is_written(sandboxes: Sandboxes) -> None:
    filled(sandboxes)
    found = findings(sandboxes)
    assert found["GetArticleDataChangesByDate"].outcome == "pass"
    assert found["GetStock byGtin"].outcome == "pass"
    assert found["GetCustomerChangesByDate"].outcome == "assumed, holds"
    assert found["GetOrderChangesByDate"].outcome == "not seen"
    assert {finding.outcome for finding in found.values()} == {"pass", "assumed, holds", "not seen", "not tried"}
    state = HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()
    assert state["writes"] == []


@pytest.mark.parametrize(
    ("path", "kind", "outcome"),
    [
        ("GetCustomerChangesByDate", "html", "assumed, does not hold"),
        ("GetSuppliers", "truncate", "fail"),
        ("GetChangedStock", "garbage", "fail"),
    ],
)
def test_what_does_not_hold_is_told(sandboxes: Sandboxes, path: str, kind: str, outcome: str) -> None:
    filled(sandboxes)
    sandboxes.fault("winstore", {"kind": kind, "path": f"/{path}", "times": 99})
    found = findings(sandboxes)
    assert found[path].outcome == outcome
    assert found["GetStock byGtin"].outcome == "pass"


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
