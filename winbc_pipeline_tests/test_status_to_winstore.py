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
from winbc_pipeline.sync.stage import flow_store, newest_change
from winbc_pipeline.systems.business_central import BusinessCentral

from .books import Books
from .carried import shop
from .conftest import World

pytestmark = pytest.mark.proof

FLOW = "order_status_bc_to_winstore"
POST = "PostOrderStatus"
MOMENTS = [f"2026-03-0{day}T10:00:00.000Z" for day in range(3, 10)]


def status(world: World, number: str = "W1") -> str:
    """What Winstore has."""
    return next(str(each["status"]) for each in shop(world)["records"]["orders"] if each["ordernr"] == number)


def sent(world: World) -> list[str]:
    """The statuses that were written to Winstore."""
    return [write["body"]["status"] for write in shop(world)["writes"] if write["entity"] == POST]


def cancel(books: Books, invoice: dict[str, Any]) -> None:
    books.call("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel", {})


def made_of(world: World, number: str, document: dict[str, Any]) -> None:
    """The ledger of the other direction knows that an order of Winstore became this one."""
    store = Store(world.settings.flow_database("orders_winstore_to_bc"))
    ledger.move(store, [Move("order", number, State.CONFIRMED, {"target_id": document["id"]})], "run")


@pytest.fixture
def books(world: World) -> Books:
    made = Books(world)
    made.set_up()
    made.in_shop("W1")
    return made


def order(books: Books, **more: Any) -> dict[str, Any]:
    """The order of Winstore in the books, of two pieces."""
    return books.order(externalDocumentNumber="WS-W1", **more)


def test_each_step_of_an_order_is_told_by_the_lookup_table(books: Books) -> None:
    made = order(books)
    seen = []
    for moment, step in zip(MOMENTS, ("released", "ship", "ship", "post", "cancel"), strict=False):
        books.at(moment)
        if step == "ship":
            books.ship(made, 1)
        elif step == "post":
            invoice = books.post(made)
        elif step == "cancel":
            cancel(books, invoice)
        assert books.world.sync(FLOW).failed == 0
        seen.append(status(books.world))
    assert seen == ["processing", "partly shipped", "shipped", "completed", "cancelled"]


def test_a_draft_has_no_status_yet(books: Books) -> None:
    order(books, release=False)
    books.world.sync(FLOW)
    assert books.world.ledger(FLOW)["WS-W1"]["reason"] == "NOT_RELEASED"
    assert sent(books.world) == []


def test_an_order_that_did_not_come_from_winstore_has_no_status_there(books: Books) -> None:
    books.order()
    assert books.world.sync(FLOW).read == 0
    assert sent(books.world) == []


def test_a_status_that_was_written_makes_no_further_write(books: Books) -> None:
    order(books)
    books.world.sync(FLOW)
    for _ in range(3):
        again = books.world.sync(FLOW)
        assert (again.created, again.updated, again.failed) == (0, 0, 0)
        assert books.world.sync("orders_bc_to_winstore").created == 0
    assert sent(books.world) == ["processing"]


def reopened(books: Books) -> None:
    """The invoice of a finished order is cancelled and the order typed again: the state goes back."""
    made = order(books)
    books.post(made)
    books.world.sync(FLOW)
    books.at(MOMENTS[0])
    order(books)


def test_a_status_never_goes_back(books: Books) -> None:
    reopened(books)
    for _ in range(2):
        books.world.sync(FLOW)
        assert books.world.ledger(FLOW)["WS-W1"]["reason"] == "BACKWARDS"
    assert sent(books.world) == ["completed"]


def test_a_later_status_that_a_shop_typed_stays(books: Books) -> None:
    order(books)
    books.world.fill(orders=[{"order_number": "W1", "status": "Shipped", "modified_at": MOMENTS[0]}])
    books.world.sync("order_status_winstore_to_bc")
    books.world.sync(FLOW)
    row = books.world.ledger(FLOW)["WS-W1"]
    assert (row["state"], row["reason"]) == ("SKIPPED", "BACKWARDS")
    assert row["message"] == "Winstore has shipped, released comes before it"
    assert sent(books.world) == []


def test_an_earlier_status_of_winstore_goes_on(books: Books) -> None:
    order(books)
    books.world.fill(orders=[{"order_number": "W1", "status": "paid", "modified_at": MOMENTS[0]}])
    books.world.sync("order_status_winstore_to_bc")
    books.world.sync(FLOW)
    assert sent(books.world) == ["processing"]


def test_a_status_goes_back_when_the_table_says_so(books: Books) -> None:
    path = books.world.own_tables() / FLOW / "status.csv"
    path.write_text(path.read_text().replace("allow_backwards,false", "allow_backwards,true"))
    reopened(books)
    books.world.sync(FLOW)
    assert sent(books.world) == ["completed", "processing"]


def test_an_order_goes_forward_again_after_a_step_back(books: Books) -> None:
    reopened(books)
    books.world.sync(FLOW)
    books.at(MOMENTS[1])
    cancel(books, books.world.bc()["records"]["salesInvoices"][0])
    made = books.world.bc()["records"]["salesOrders"][0]
    books.call("DELETE", f"salesOrders({made['id']})")
    books.world.sync(FLOW)
    assert sent(books.world) == ["completed", "cancelled"]


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
def test_a_lost_answer_is_sent_again_because_it_is_an_absolute_value(books: Books, fault: dict[str, Any]) -> None:
    order(books)
    books.world.fault("winstore", fault | {"path": POST})
    books.world.sync(FLOW)
    assert books.world.sync(FLOW).failed == 0
    assert status(books.world) == "processing"
    assert books.world.ledger(FLOW)["WS-W1"]["state"] == "CONFIRMED"


def test_an_order_that_winstore_does_not_know_fails_with_its_words(books: Books) -> None:
    books.order(externalDocumentNumber="WS-NONE")
    assert books.world.sync(FLOW).failed == 1
    assert books.world.ledger(FLOW)["WS-NONE"]["message"] == "404: order NONE is not known"


def test_winstores_own_spelling_is_kept_where_the_ledger_knows_it(books: Books) -> None:
    books.in_shop("w7")
    made_of(books.world, "w7", books.order(externalDocumentNumber="WS-W7"))
    assert books.world.sync(FLOW).failed == 0
    assert status(books.world, "w7") == "processing"


@pytest.mark.parametrize(("missing", "expected"), [("ignore", []), ("cancelled", ["cancelled"])])
def test_an_order_that_was_deleted_counts_as_cancelled_only_by_setting(
    books: Books, missing: str, expected: list[str]
) -> None:
    own = OrderStatusSettings.model_validate({"missing": missing})
    books.world.settings = books.world.settings.model_copy(update={"order_status": own})
    made = order(books, release=False)
    made_of(books.world, "W1", made)
    books.world.sync(FLOW)
    books.call("DELETE", f"salesOrders({made['id']})")
    for _ in range(2):
        books.world.sync(FLOW)
    assert sent(books.world) == expected


def test_an_order_that_is_gone_between_two_looks_is_not_taken_for_cancelled(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(books)
    monkeypatch.setattr(BusinessCentral, "find", lambda *_: {})
    assert books.world.sync(FLOW).read == 0
    assert sent(books.world) == []


def test_the_sensor_looks_at_winstores_orders_only_and_rests_after_a_run(books: Books) -> None:
    flow, settings, start = flow_named(FLOW), books.world.settings, datetime(2026, 1, 1, tzinfo=UTC)
    books.order()
    assert newest_change(flow, settings, start) == (None, None)
    order(books)
    assert newest_change(flow, settings, start) != (None, None)
    books.world.sync(FLOW)
    followed = ledger.watermark(flow_store(flow, settings), flow.id)
    assert followed
    assert newest_change(flow, settings, followed) == (None, None)


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
