"""How far Winstore's orders are in Business Central, told to Winstore: forward only, and never as an echo."""

from datetime import UTC, datetime
from typing import Any

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.flows.states_of_bc import state_of
from winbc_pipeline.settings import OrderStatusSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.glance import change_since
from winbc_pipeline.systems.business_central import BusinessCentral

from ...support.bc_users import BcUsers
from ...support.flow_cases import winstore_state
from ...support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

FLOW = "order_status_bc_to_winstore"
POST = "PostOrderStatus"
MOMENTS = [f"2026-03-0{day}T10:00:00.000Z" for day in range(3, 10)]


def status(sandboxes: Sandboxes, number: str = "W1") -> str:
    """What Winstore has."""
    return next(
        str(each["status"]) for each in winstore_state(sandboxes)["records"]["orders"] if each["ordernr"] == number
    )


def sent(sandboxes: Sandboxes) -> list[str]:
    """The statuses that were written to Winstore."""
    return [write["body"]["status"] for write in winstore_state(sandboxes)["writes"] if write["entity"] == POST]


def cancel(bc_users: BcUsers, invoice: dict[str, Any]) -> None:
    bc_users.call("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel", {})


def made_of(sandboxes: Sandboxes, number: str, document: dict[str, Any]) -> None:
    """The ledger of the other direction knows that an order of Winstore became this one."""
    store = Store(sandboxes.settings.flow_database("orders_winstore_to_bc"))
    ledger.move(store, [Move("order", number, State.CONFIRMED, {"target_id": document["id"]})], "run")


@pytest.fixture
def bc_users(sandboxes: Sandboxes) -> BcUsers:
    made = BcUsers(sandboxes)
    made.set_up()
    made.in_shop("W1")
    return made


def order(bc_users: BcUsers, **more: Any) -> dict[str, Any]:
    """The order of Winstore in the books, of two pieces."""
    return bc_users.order(externalDocumentNumber="WS-W1", **more)


def test_each_step_of_an_order_is_told_by_the_lookup_table(bc_users: BcUsers) -> None:
    made = order(bc_users)
    seen = []
    for moment, step in zip(MOMENTS, ("released", "ship", "ship", "post", "cancel"), strict=False):
        bc_users.at(moment)
        if step == "ship":
            bc_users.ship(made, 1)
        elif step == "post":
            invoice = bc_users.post(made)
        elif step == "cancel":
            cancel(bc_users, invoice)
        assert bc_users.sandboxes.sync(FLOW).failed == 0
        seen.append(status(bc_users.sandboxes))
    assert seen == ["processing", "partly shipped", "shipped", "completed", "cancelled"]


def test_a_draft_has_no_status_yet(bc_users: BcUsers) -> None:
    order(bc_users, release=False)
    bc_users.sandboxes.sync(FLOW)
    assert bc_users.sandboxes.ledger(FLOW)["WS-W1"]["reason"] == "NOT_RELEASED"
    assert sent(bc_users.sandboxes) == []


def test_an_order_that_did_not_come_from_winstore_has_no_status_there(bc_users: BcUsers) -> None:
    bc_users.order()
    assert bc_users.sandboxes.sync(FLOW).read == 0
    assert sent(bc_users.sandboxes) == []


def test_a_status_that_was_written_makes_no_further_write(bc_users: BcUsers) -> None:
    order(bc_users)
    bc_users.sandboxes.sync(FLOW)
    for _ in range(3):
        again = bc_users.sandboxes.sync(FLOW)
        assert (again.created, again.updated, again.failed) == (0, 0, 0)
        assert bc_users.sandboxes.sync("orders_bc_to_winstore").created == 0
    assert sent(bc_users.sandboxes) == ["processing"]


def reopened(bc_users: BcUsers) -> None:
    """The invoice of a finished order is cancelled and the order typed again: the state goes back."""
    made = order(bc_users)
    bc_users.post(made)
    bc_users.sandboxes.sync(FLOW)
    bc_users.at(MOMENTS[0])
    order(bc_users)


def test_a_status_never_goes_back(bc_users: BcUsers) -> None:
    reopened(bc_users)
    for _ in range(2):
        bc_users.sandboxes.sync(FLOW)
        assert bc_users.sandboxes.ledger(FLOW)["WS-W1"]["reason"] == "BACKWARDS"
    assert sent(bc_users.sandboxes) == ["completed"]


def test_a_later_status_that_a_shop_typed_stays(bc_users: BcUsers) -> None:
    order(bc_users)
    bc_users.sandboxes.fill(orders=[{"order_number": "W1", "status": "Shipped", "modified_at": MOMENTS[0]}])
    bc_users.sandboxes.sync("order_status_winstore_to_bc")
    bc_users.sandboxes.sync(FLOW)
    row = bc_users.sandboxes.ledger(FLOW)["WS-W1"]
    assert (row["state"], row["reason"]) == ("SKIPPED", "BACKWARDS")
    assert row["message"] == "Winstore has shipped, released comes before it"
    assert sent(bc_users.sandboxes) == []


def test_an_earlier_status_of_winstore_goes_on(bc_users: BcUsers) -> None:
    order(bc_users)
    bc_users.sandboxes.fill(orders=[{"order_number": "W1", "status": "paid", "modified_at": MOMENTS[0]}])
    bc_users.sandboxes.sync("order_status_winstore_to_bc")
    bc_users.sandboxes.sync(FLOW)
    assert sent(bc_users.sandboxes) == ["processing"]


def test_a_status_goes_back_when_the_table_says_so(bc_users: BcUsers) -> None:
    path = bc_users.sandboxes.own_tables() / FLOW / "status.csv"
    path.write_text(path.read_text().replace("allow_backwards,false", "allow_backwards,true"))
    reopened(bc_users)
    bc_users.sandboxes.sync(FLOW)
    assert sent(bc_users.sandboxes) == ["completed", "processing"]


def test_an_order_goes_forward_again_after_a_step_back(bc_users: BcUsers) -> None:
    reopened(bc_users)
    bc_users.sandboxes.sync(FLOW)
    bc_users.at(MOMENTS[1])
    cancel(bc_users, bc_users.sandboxes.bc()["records"]["salesInvoices"][0])
    made = bc_users.sandboxes.bc()["records"]["salesOrders"][0]
    bc_users.call("DELETE", f"salesOrders({made['id']})")
    bc_users.sandboxes.sync(FLOW)
    assert sent(bc_users.sandboxes) == ["completed", "cancelled"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "status_after", "status": 500},
        {"kind": "truncate"},
        {"kind": "garbage"},
        {"kind": "html"},
    ],
    ids=str,
)
def test_a_lost_answer_is_sent_again_because_it_is_an_absolute_value(bc_users: BcUsers, fault: dict[str, Any]) -> None:
    order(bc_users)
    bc_users.sandboxes.fault("winstore", fault | {"path": POST})
    bc_users.sandboxes.sync(FLOW)
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert status(bc_users.sandboxes) == "processing"
    assert bc_users.sandboxes.ledger(FLOW)["WS-W1"]["state"] == "CONFIRMED"


def test_an_order_that_winstore_does_not_know_fails_with_its_words(bc_users: BcUsers) -> None:
    bc_users.order(externalDocumentNumber="WS-NONE")
    assert bc_users.sandboxes.sync(FLOW).failed == 1
    assert bc_users.sandboxes.ledger(FLOW)["WS-NONE"]["message"] == "404: order NONE is not known"


def test_winstores_own_spelling_is_kept_where_the_ledger_knows_it(bc_users: BcUsers) -> None:
    bc_users.in_shop("w7")
    made_of(bc_users.sandboxes, "w7", bc_users.order(externalDocumentNumber="WS-W7"))
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert status(bc_users.sandboxes, "w7") == "processing"


@pytest.mark.parametrize(("missing", "expected"), [("ignore", []), ("cancelled", ["cancelled"])])
def test_an_order_that_was_deleted_counts_as_cancelled_only_by_setting(
    bc_users: BcUsers, missing: str, expected: list[str]
) -> None:
    own = OrderStatusSettings.model_validate({"missing": missing})
    bc_users.sandboxes.settings = bc_users.sandboxes.settings.model_copy(update={"order_status": own})
    made = order(bc_users, release=False)
    made_of(bc_users.sandboxes, "W1", made)
    bc_users.sandboxes.sync(FLOW)
    bc_users.call("DELETE", f"salesOrders({made['id']})")
    for _ in range(2):
        bc_users.sandboxes.sync(FLOW)
    assert sent(bc_users.sandboxes) == expected


def test_an_order_that_is_gone_between_two_looks_is_not_taken_for_cancelled(
    bc_users: BcUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(bc_users)
    monkeypatch.setattr(BusinessCentral, "find", lambda *_: {})
    assert bc_users.sandboxes.sync(FLOW).read == 0
    assert sent(bc_users.sandboxes) == []


def test_the_sensor_looks_at_winstores_orders_only_and_rests_after_a_run(bc_users: BcUsers) -> None:
    flow, settings, start = flow_named(FLOW), bc_users.sandboxes.settings, datetime(2026, 1, 1, tzinfo=UTC)
    bc_users.order()
    assert change_since(ConnectedFlow(flow, settings), start) is None
    order(bc_users)
    assert change_since(ConnectedFlow(flow, settings), start)
    bc_users.sandboxes.sync(FLOW)
    followed = ledger.watermark(ConnectedFlow(flow, settings).store, flow.id)
    assert followed
    assert change_since(ConnectedFlow(flow, settings), followed) is None


ORDER = {"number": "O", "fullyShipped": False, "status": "Open"}


@pytest.mark.parametrize(
    ("orders", "shipments", "invoices", "state"),
    [
        ([ORDER | {"status": "Draft"}], 0, [], None),
        ([ORDER | {"status": "In_x0020_Review"}], 0, [], None),
        ([ORDER], 0, [], "released"),
        ([ORDER], 1, [], "partly shipped"),
        ([ORDER | {"status": "Draft"}], 1, [], "partly shipped"),
        ([ORDER], 1, ["Open"], "partly shipped"),
        ([ORDER | {"number": "typed anew"}], 1, ["Canceled"], "released"),
        ([ORDER | {"fullyShipped": True}], 1, ["Open"], "shipped"),
        ([], 1, ["Open"], "invoiced"),
        ([], 1, ["Paid"], "invoiced"),
        ([], 2, ["Canceled", "Open"], "invoiced"),
        ([], 0, ["Draft"], None),
        ([], 1, [], "shipped"),
        ([], 1, ["Canceled"], "cancelled"),
        ([], 1, ["Corrective"], "cancelled"),
        ([], 0, [], "cancelled"),
    ],
)
def test_the_state_of_an_order(
    orders: list[dict[str, Any]], shipments: int, invoices: list[str], state: str | None
) -> None:
    assert state_of(orders, [{"orderNumber": "O"}] * shipments, [{"status": each} for each in invoices]) == state
