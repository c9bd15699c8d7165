"""The contract suite of Winstore: passes against the sandbox, and tells what does not hold."""

import httpx
import pytest

from winbc_pipeline.systems.winstore import Winstore
from winbc_pipeline.systems.winstore.contract import Finding, examine

from .conftest import World


def findings(world: World) -> dict[str, Finding]:
    source = Winstore(world.settings)
    try:
        return {finding.call: finding for finding in examine(source)}
    finally:
        source.close()


def test_the_sandbox_keeps_the_contract_and_nothing_is_written(world: World) -> None:
    world.fill()
    found = findings(world)
    assert found["GetArticleDataChangesByDate"].outcome == "pass"
    assert found["GetStock byGtin"].outcome == "pass"
    assert found["GetCustomerChangesByDate"].outcome == "assumed, holds"
    assert {finding.outcome for finding in found.values()} == {"pass", "assumed, holds", "not tried"}
    state = httpx.get(f"{world.addresses.winstore_control}/__state").json()
    assert state["writes"] == []


@pytest.mark.parametrize(
    ("path", "kind", "outcome"),
    [
        ("GetCustomerChangesByDate", "html", "assumed, does not hold"),
        ("GetSuppliers", "truncate", "fail"),
        ("GetChangedStock", "garbage", "fail"),
    ],
)
def test_what_does_not_hold_is_told(world: World, path: str, kind: str, outcome: str) -> None:
    world.fill()
    world.fault("winstore", {"kind": kind, "path": f"/{path}", "times": 99})
    found = findings(world)
    assert found[path].outcome == outcome
    assert found["GetStock byGtin"].outcome == "pass"


def test_a_value_of_another_type_is_named_by_its_field(world: World) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    world.fill(articles=[{"price": "18,50", "modified_at": now}])
    detail = findings(world)["GetArticleDataChangesByDate"].detail
    assert "price" in detail
    assert "18,50" not in detail
