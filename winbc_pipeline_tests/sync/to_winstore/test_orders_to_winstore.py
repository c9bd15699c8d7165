"""Orders and invoices of Business Central in Winstore: each once, whole, and never a second time in doubt."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.cli.main import app
from winbc_pipeline.errors import AuthenticationFailed, ConfigurationError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import OrdersToWinstoreSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.glance import change_since
from winbc_pipeline.sync.run import dry_run, push_windows
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.plans import planned
from winbc_pipeline.workbench.winstore_answers import note_answer

from ...support.bc_users import REGULAR, BcUsers
from ...support.flow_cases import winstore_state
from ...support.sandboxes import FIRST, LAST, Sandboxes

pytestmark = pytest.mark.proof

FLOW = "orders_bc_to_winstore"
POST = "PostOrderWithStatusCode"
LATER = "2026-03-03T10:00:00.000Z"
LOST = [
    {"kind": "drop_after"},
    {"kind": "status_after", "status": 500},
    {"kind": "status_after", "status": 504},
    {"kind": "status_after", "status": 302},
    {"kind": "truncate"},
    {"kind": "garbage"},
    {"kind": "html"},
    {"kind": "drop_before"},
]


def orders(sandboxes: Sandboxes) -> list[dict[str, Any]]:
    return winstore_state(sandboxes)["records"].get("orders", [])  # type: ignore[no-any-return]


def only(sandboxes: Sandboxes, key: str = "S-ORD00001") -> dict[str, Any]:
    return sandboxes.ledger(FLOW)[key]


def settle(sandboxes: Sandboxes, **own: Any) -> None:
    """Other settings of this flow."""
    settings = OrdersToWinstoreSettings(**own)
    sandboxes.settings = sandboxes.settings.model_copy(update={"orders_to_winstore": settings})


def fail(sandboxes: Sandboxes, fault: dict[str, Any], times: int = 1) -> None:
    sandboxes.fault("winstore", fault | {"path": POST, "method": "POST", "times": times})


@pytest.fixture
def bc_users(sandboxes: Sandboxes) -> BcUsers:
    made = BcUsers(sandboxes)
    made.set_up()
    return made


@pytest.fixture
def looked_up(bc_users: BcUsers) -> Iterator[BcUsers]:
    """The same, with the call that lists orders."""
    settle(bc_users.sandboxes, look_up="GetOrderChangesByDate")
    yield bc_users


def test_a_released_order_arrives_once_with_all_that_winstore_needs(bc_users: BcUsers) -> None:
    order = bc_users.order({}, {"lineObjectNumber": "SKU-2", "quantity": 3, "unitPrice": 0.10, "discountPercent": 5})
    assert bc_users.sandboxes.sync(FLOW).created == 1
    (arrived,) = orders(bc_users.sandboxes)
    header = {name: arrived[name] for name in ("ordernr", "orderdate", "customerid", "branch", "currency", "email")}
    assert header == {
        "ordernr": order["number"],
        "orderdate": "2026-03-02 00:00:00",
        "customerid": "605254",
        "branch": "1",
        "currency": "EUR",
        "email": "paul@vinet.example",
    }
    assert arrived["invoice_add"]["city"] == arrived["delivery_add"]["city"] == "Utrecht"
    names = ("product_id", "amount", "single_price", "reduction", "type", "branch")
    assert [[row[name] for name in names] for row in arrived["positions"]] == [
        ["SKU-1", "2", "10.5", "0", "S", "1"],
        ["SKU-2", "3", "0.1", "5", "S", "1"],
    ]


def test_amounts_are_those_of_the_document_to_the_cent(bc_users: BcUsers) -> None:
    bc_users.order({"quantity": 3, "unitPrice": 33.33}, {"quantity": 7, "unitPrice": 0.07}, {"unitPrice": 1234567.89})
    bc_users.sandboxes.sync(FLOW)
    (made,) = bc_users.sandboxes.bc()["records"]["salesOrders"]
    (arrived,) = orders(bc_users.sandboxes)
    assert Decimal(arrived["total"]) == Decimal(str(made["totalAmountIncludingTax"]))
    assert [row["single_price"] for row in arrived["positions"]] == ["33.33", "0.07", "1234567.89"]


def test_a_discount_of_the_whole_document_does_not_get_lost(bc_users: BcUsers) -> None:
    """3 x 10.00 less 6.00: the positions come to 36.30 with VAT, the document to 29.04."""
    bc_users.order({"quantity": 3, "unitPrice": 10}, discountAmount=6)
    sandboxes = bc_users.sandboxes
    assert sandboxes.sync(FLOW).failed == 1
    row = only(sandboxes)
    assert (row["state"], row["reason"], orders(sandboxes)) == ("FAILED", "TOTAL", [])
    assert row["message"] == "the positions come to 36.30 with VAT, the document to 29.04"
    table = sandboxes.own_tables() / FLOW / "position.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    advised = [row for row in rows if row.split(",")[0] not in ("single_price", "reduction")]
    advised += ['single_price,"round(line_netAmount / line_quantity, 5)",,create,yes,', "reduction,0,,create,,"]
    table.write_text("\n".join(advised) + "\n", encoding="utf-8")
    assert sandboxes.sync(FLOW).created == 1
    (arrived,) = orders(sandboxes)
    assert [row["single_price"] for row in arrived["positions"]] == ["8"]


def test_a_customer_that_winstore_does_not_know_is_its_catch_all(bc_users: BcUsers) -> None:
    bc_users.order(customerNumber=REGULAR["number"])
    bc_users.sandboxes.sync(FLOW)
    assert orders(bc_users.sandboxes)[0]["customerid"] == "999999"


def test_a_line_has_the_branch_of_its_location(bc_users: BcUsers) -> None:
    locations = {each["code"]: each["id"] for each in bc_users.sandboxes.bc()["records"]["locations"]}
    bc_users.order({"locationId": locations["SHOP2"]}, {"locationId": locations["MAIN"]})
    bc_users.sandboxes.sync(FLOW)
    (arrived,) = orders(bc_users.sandboxes)
    assert (arrived["branch"], [row["branch"] for row in arrived["positions"]]) == ("2", ["2", "3"])


def test_201_lines_arrive_in_their_order_and_every_character_as_it_is(bc_users: BcUsers) -> None:
    texts = [f'{n} <b> & "\'" ]]> é 😀' for n in range(201)]
    bc_users.order(
        *({"description": text, "quantity": n + 1} for n, text in enumerate(texts)), shipToName="A & B <BV> 😀"
    )
    bc_users.sandboxes.sync(FLOW)
    (arrived,) = orders(bc_users.sandboxes)
    assert [row["description"] for row in arrived["positions"]] == texts
    assert arrived["delivery_add"]["name"] == "A & B <BV> 😀"


def test_a_character_that_xml_cannot_carry_fails_its_order_before_anything_is_sent(bc_users: BcUsers) -> None:
    bc_users.order({"description": "bell \x07"})
    bc_users.order()
    done = bc_users.sandboxes.sync(FLOW)
    assert (done.created, done.failed) == (1, 1)
    assert "description" in only(bc_users.sandboxes)["message"]


def test_comments_are_no_positions_and_an_order_of_nothing_else_is_not_sent(bc_users: BcUsers) -> None:
    remark = {"lineType": "Comment", "description": "Ring twice"}
    body = {"customerNumber": REGULAR["number"], "salesOrderLines": [remark]}
    bc_users.user("release", bc_users.call("POST", "salesOrders", body))
    bc_users.sandboxes.sync(FLOW)
    assert only(bc_users.sandboxes)["reason"] == "NO_LINES"
    assert orders(bc_users.sandboxes) == []


def test_a_draft_waits_with_a_reason_until_it_is_released(bc_users: BcUsers) -> None:
    order = bc_users.order(release=False)
    bc_users.sandboxes.sync(FLOW)
    assert only(bc_users.sandboxes)["reason"] == "STATUS"
    bc_users.at(LATER)
    bc_users.user("release", order)
    assert bc_users.sandboxes.sync(FLOW).created == 1


def test_two_orders_with_one_reference_do_not_become_one_order_twice(bc_users: BcUsers) -> None:
    for _ in range(2):
        bc_users.order(externalDocumentNumber="PO-7")
    done = bc_users.sandboxes.sync(FLOW)
    assert (done.created, done.failed) == (1, 1)
    assert only(bc_users.sandboxes, "S-ORD00002")["reason"] == "TARGET_TAKEN"
    assert [order["ordernr"] for order in orders(bc_users.sandboxes)] == ["PO-7"]


def test_the_plan_shows_the_body_that_is_sent_and_sends_nothing(bc_users: BcUsers) -> None:
    bc_users.order()
    dry_run(Work(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), FIRST, LAST, "plan"))
    (row,) = planned(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), FIRST, LAST)
    assert orders(bc_users.sandboxes) == []
    body = json.loads(row["body"])
    assert (row["action"], body["fields"]["ordernr"], len(body["lines"])) == ("create", "S-ORD00001", 1)


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_lost_answer_waits_for_a_person_and_is_never_sent_again(bc_users: BcUsers, fault: dict[str, Any]) -> None:
    bc_users.order()
    fail(bc_users.sandboxes, fault)
    assert bc_users.sandboxes.sync(FLOW).failed == 1
    sent = len(orders(bc_users.sandboxes))
    assert (only(bc_users.sandboxes)["state"], only(bc_users.sandboxes)["reason"]) == ("NEEDS_HUMAN", "NO_LOOK_UP")
    for _ in range(3):
        assert bc_users.sandboxes.sync(FLOW).created == 0
    assert len(orders(bc_users.sandboxes)) == sent
    assert only(bc_users.sandboxes)["state"] == "NEEDS_HUMAN"


def test_an_older_plan_does_not_send_what_came_into_doubt_meanwhile(bc_users: BcUsers) -> None:
    flow, settings = flow_named(FLOW), bc_users.sandboxes.settings
    bc_users.order()
    dry_run(Work(ConnectedFlow(flow, settings), FIRST, LAST, "plan"))
    fail(bc_users.sandboxes, {"kind": "drop_after"})
    push_windows(Work(ConnectedFlow(flow, settings), FIRST, LAST, "push"))
    push_windows(Work(ConnectedFlow(flow, settings), FIRST, LAST, "push again"))
    assert len(orders(bc_users.sandboxes)) == 1


@pytest.mark.parametrize("look_up", ["none", "GetOrderChangesByDate"])
def test_a_call_that_a_dead_run_left_open_is_not_repeated(bc_users: BcUsers, look_up: str) -> None:
    settle(bc_users.sandboxes, look_up=look_up)
    flow, settings = flow_named(FLOW), bc_users.sandboxes.settings
    bc_users.order()
    dry_run(Work(ConnectedFlow(flow, settings), FIRST, LAST, "plan"))
    known = {"intent_at": clock.now(), "target_no": "S-ORD00001", "window": datetime(2026, 3, 2, tzinfo=UTC).date()}
    ledger.move(ConnectedFlow(flow, settings).store, [Move("order", "S-ORD00001", State.SENDING, known)], "dead")
    push_windows(Work(ConnectedFlow(flow, settings), FIRST, LAST, "next"))
    assert orders(bc_users.sandboxes) == []
    assert only(bc_users.sandboxes)["state"] == ("NEEDS_HUMAN" if look_up == "none" else "UNKNOWN")


@pytest.mark.parametrize("there", [True, False])
def test_a_person_settles_what_was_in_doubt(bc_users: BcUsers, there: bool) -> None:
    bc_users.order()
    fail(bc_users.sandboxes, {"kind": "drop_after" if there else "drop_before"})
    bc_users.sandboxes.sync(FLOW)
    note_answer(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), "S-ORD00001", there, "a person")
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert len(orders(bc_users.sandboxes)) == 1
    assert only(bc_users.sandboxes)["state"] == "CONFIRMED"


def test_only_what_waits_for_a_person_can_be_settled_by_one(bc_users: BcUsers) -> None:
    bc_users.order()
    bc_users.sandboxes.sync(FLOW)
    with pytest.raises(ConfigurationError, match="waits for no decision"):
        note_answer(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), "S-ORD00001", False, "a person")


def test_a_lost_answer_is_found_again_where_winstore_can_be_asked(looked_up: BcUsers) -> None:
    looked_up.order()
    fail(looked_up.sandboxes, {"kind": "drop_after"})
    looked_up.sandboxes.sync(FLOW)
    assert only(looked_up.sandboxes)["state"] == "UNKNOWN"
    assert looked_up.sandboxes.sync(FLOW).failed == 0
    assert (only(looked_up.sandboxes)["state"], only(looked_up.sandboxes)["reason"]) == ("CONFIRMED", "FOUND")
    assert looked_up.sandboxes.sync(FLOW).created == 0
    assert len(orders(looked_up.sandboxes)) == 1


def test_what_winstore_does_not_have_is_sent_again_after_the_quarantine_only(
    looked_up: BcUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up.order()
    fail(looked_up.sandboxes, {"kind": "drop_before"})
    looked_up.sandboxes.sync(FLOW)
    looked_up.sandboxes.sync(FLOW)
    assert orders(looked_up.sandboxes) == []
    later = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert looked_up.sandboxes.sync(FLOW).created == 1
    assert len(orders(looked_up.sandboxes)) == 1


def test_an_order_that_winstore_has_twice_is_left_to_a_person(looked_up: BcUsers) -> None:
    looked_up.order()
    fail(looked_up.sandboxes, {"kind": "drop_before"})
    looked_up.sandboxes.sync(FLOW)
    looked_up.sandboxes.without = {"I9"}  # a person did what the program must not
    for _ in range(2):
        looked_up.in_shop("S-ORD00001")
    assert looked_up.sandboxes.sync(FLOW).failed == 1
    assert only(looked_up.sandboxes)["state"] == "DUPLICATE"


def test_a_refusal_has_winstores_code_and_words_and_is_tried_again(bc_users: BcUsers) -> None:
    bc_users.sandboxes.seed_bc(items=[{"number": "SKU-9", "displayName": "Mug", "baseUnitOfMeasureCode": "PCS"}])
    bc_users.order({"lineObjectNumber": "SKU-9"})
    assert bc_users.sandboxes.sync(FLOW).failed == 1
    row = only(bc_users.sandboxes)
    assert (row["reason"], row["message"]) == ("WINSTORE_REFUSED", "404: product SKU-9 is not known")
    bc_users.sandboxes.fill(articles=[{"sku": "SKU-9", "article_key": "9"}])
    assert bc_users.sandboxes.sync(FLOW).created == 1


def test_a_storm_of_429_is_waited_for_and_sends_once(bc_users: BcUsers) -> None:
    bc_users.order()
    fail(bc_users.sandboxes, {"kind": "storm"}, times=2)
    assert bc_users.sandboxes.sync(FLOW).created == 1
    assert len(orders(bc_users.sandboxes)) == 1


def test_refused_credentials_stop_the_flow_and_leave_nothing_in_doubt(bc_users: BcUsers) -> None:
    for _ in range(8):
        bc_users.order()
    fail(bc_users.sandboxes, {"kind": "expired_token"}, times=99)
    with pytest.raises(AuthenticationFailed):
        bc_users.sandboxes.sync(FLOW)
    assert {row["state"] for row in bc_users.sandboxes.ledger(FLOW).values()} == {"PLANNED"}
    bc_users.sandboxes.fault("winstore")
    assert bc_users.sandboxes.sync(FLOW).created == 8


def test_an_order_that_is_changed_after_it_was_sent_is_a_conflict_and_not_sent_again(bc_users: BcUsers) -> None:
    order = bc_users.order(release=False)
    settle(bc_users.sandboxes, statuses=["Draft"])
    bc_users.sandboxes.sync(FLOW)
    bc_users.at(LATER)
    bc_users.call("PATCH", f"salesOrders({order['id']})", {"shipToCity": "Gent"})
    for _ in range(2):
        assert bc_users.sandboxes.sync(FLOW).failed == 1
        assert (only(bc_users.sandboxes)["state"], only(bc_users.sandboxes)["reason"]) == ("CONFLICT", "CHANGED")
    note_answer(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), "S-ORD00001", True, "a person")
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert len(orders(bc_users.sandboxes)) == 1


@pytest.mark.parametrize("removed", [True, False])
def test_a_line_that_is_removed_or_described_otherwise_is_a_change_too(bc_users: BcUsers, removed: bool) -> None:
    bc_users.order({}, {"lineObjectNumber": "SKU-2"}, release=False)
    settle(bc_users.sandboxes, statuses=["Draft"])
    bc_users.sandboxes.sync(FLOW)
    lines = bc_users.sandboxes.bc()["records"]["salesOrderLines"]
    path = next(f"salesOrderLines({row['id']})" for row in lines if row["lineObjectNumber"] == "SKU-2")
    if removed:
        bc_users.at(LATER)
        bc_users.call("DELETE", path)
    else:
        bc_users.call("PATCH", path, {"description": "another"})
    bc_users.sandboxes.sync(FLOW)
    assert only(bc_users.sandboxes)["reason"] == "CHANGED"


def test_shipping_an_order_that_was_sent_is_no_change(bc_users: BcUsers) -> None:
    order = bc_users.order()
    bc_users.sandboxes.sync(FLOW)
    bc_users.at(LATER)
    bc_users.ship(order, 1)
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert only(bc_users.sandboxes)["state"] == "CONFIRMED"


def test_an_edited_table_makes_no_conflicts_of_what_was_sent(bc_users: BcUsers) -> None:
    bc_users.order()
    path = bc_users.sandboxes.own_tables() / FLOW / "order.csv"
    bc_users.sandboxes.sync(FLOW)
    path.write_text(path.read_text().replace("'businesscentral'", "'books'"))
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert len(orders(bc_users.sandboxes)) == 1


def test_an_order_is_mapped_again_when_its_tables_were_edited_before_the_plan(bc_users: BcUsers) -> None:
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.plan_table import planned_rows
    from winbc_pipeline.sync.reading.stage import stage
    from winbc_pipeline.sync.run import plan_windows

    bc_users.order()
    path = bc_users.sandboxes.own_tables() / FLOW / "order.csv"
    flow, settings = flow_named(FLOW), bc_users.sandboxes.settings
    stage(ConnectedFlow(flow, settings), FIRST)
    map_windows(Work(ConnectedFlow(flow, settings), FIRST, LAST, "run-1"))
    path.write_text(path.read_text().replace("'businesscentral'", "'books'"))
    work = Work(ConnectedFlow(flow, settings), FIRST, LAST, "plan")
    assert plan_windows(work) == ["mapped"]
    assert [json.loads(row["body"])["fields"]["channel"] for row in planned_rows(work)] == ["books"]


def test_a_line_that_breaks_a_rule_is_named_with_its_table_and_row(bc_users: BcUsers) -> None:
    path = bc_users.sandboxes.own_tables() / FLOW / "position.csv"
    path.write_text(path.read_text().replace("amount,line_quantity", 'amount,"nullif(line_quantity, 2)"'))
    bc_users.order()
    bc_users.sandboxes.sync(FLOW)
    row = only(bc_users.sandboxes)
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert row["message"] == "amount: required, given nothing (position.csv row 3)"


def test_an_order_that_came_from_winstore_does_not_go_back(bc_users: BcUsers) -> None:
    bc_users.order(externalDocumentNumber="WS-W1")
    bc_users.sandboxes.sync(FLOW)
    assert only(bc_users.sandboxes)["reason"] == "ORIGIN"
    assert orders(bc_users.sandboxes) == []


def test_a_document_that_the_other_directions_ledger_knows_does_not_go_back(bc_users: BcUsers) -> None:
    order = bc_users.order()
    other = ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings).store
    other.path = bc_users.sandboxes.settings.flow_database("orders_winstore_to_bc")
    ledger.move(other, [Move("order", "W1", State.CONFIRMED, {"target_id": order["id"]})], "run")
    bc_users.sandboxes.sync(FLOW)
    assert only(bc_users.sandboxes)["reason"] == "ORIGIN"


@pytest.mark.parametrize("fault", [None, {"kind": "drop_after"}], ids=["answered", "lost"])
def test_an_order_that_winstore_has_from_business_central_does_not_come_back(
    bc_users: BcUsers, fault: dict[str, Any] | None
) -> None:
    bc_users.order()
    if fault:
        fail(bc_users.sandboxes, fault)
    bc_users.sandboxes.sync(FLOW)
    back = bc_users.sandboxes.sync("orders_winstore_to_bc")
    assert (back.created, back.failed) == (0, 0)
    assert bc_users.sandboxes.ledger("orders_winstore_to_bc")["S-ORD00001"]["reason"] == "ORIGIN"
    assert len(bc_users.sandboxes.bc()["records"]["salesOrders"]) == 1


def test_an_order_of_winstore_whose_number_was_refused_from_business_central_is_still_taken(bc_users: BcUsers) -> None:
    bc_users.order(externalDocumentNumber="W1")
    fail(bc_users.sandboxes, {"kind": "status", "status": 400})
    assert bc_users.sandboxes.sync(FLOW).failed == 1
    bc_users.sandboxes.fill(orders=[{}])
    bc_users.sandboxes.set_clock()  # the machine's again, as the program's
    assert bc_users.sandboxes.sync("orders_winstore_to_bc").created == 1


def test_nothing_of_a_person_is_kept_of_what_does_not_go_and_no_field_that_no_table_names(bc_users: BcUsers) -> None:
    bc_users.order(externalDocumentNumber="WS-W1")
    bc_users.order(phoneNumber="030-1")
    bc_users.sandboxes.sync(FLOW)
    staging = ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings).staging
    with ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings).store.open() as connection:
        rows = rows_of(connection, f'SELECT * FROM "{staging.name}" ORDER BY number')
    assert [row["customerName"] for row in rows] == [None, "Vinet"]
    assert {row["phoneNumber"] for row in rows} == {None}


def test_an_order_that_was_invoiced_before_anybody_looked_comes_from_its_invoice(bc_users: BcUsers) -> None:
    invoice = bc_users.post(bc_users.order())
    assert bc_users.sandboxes.sync(FLOW).created == 1
    assert [order["ordernr"] for order in orders(bc_users.sandboxes)] == [invoice["number"]]


@pytest.mark.parametrize("documents", ["orders", "both"])
def test_an_order_that_was_sent_is_not_sent_again_as_its_invoice(bc_users: BcUsers, documents: str) -> None:
    settle(bc_users.sandboxes, documents=documents)
    order = bc_users.order()
    bc_users.sandboxes.sync(FLOW)
    bc_users.at(LATER)
    invoice = bc_users.post(order)
    assert bc_users.sandboxes.sync(FLOW).failed == 0
    assert only(bc_users.sandboxes, invoice["number"])["reason"] == "AS_ORDER"
    assert len(orders(bc_users.sandboxes)) == 1


@pytest.mark.parametrize(("documents", "expected"), [("orders", []), ("invoices", ["I"]), ("both", ["I"])])
def test_invoices_without_an_order_go_when_the_setting_says_so(
    bc_users: BcUsers, documents: str, expected: list[str]
) -> None:
    settle(bc_users.sandboxes, documents=documents)
    line = {"lineType": "Item", "lineObjectNumber": "SKU-1", "quantity": 1}
    body = {"customerNumber": REGULAR["number"], "externalDocumentNumber": "I", "salesInvoiceLines": [line]}
    made = bc_users.call("POST", "salesInvoices", body)
    bc_users.call("POST", f"salesInvoices({made['id']})/Microsoft.NAV.post", {})
    bc_users.sandboxes.sync(FLOW)
    assert [order["ordernr"] for order in orders(bc_users.sandboxes)] == expected


def test_the_sensor_asks_for_little_and_finds_nothing_new_after_a_run(bc_users: BcUsers) -> None:
    bc_users.order()
    flow, settings = flow_named(FLOW), bc_users.sandboxes.settings
    change = change_since(ConnectedFlow(flow, settings), datetime(2026, 1, 1, tzinfo=UTC))
    assert change
    assert change.newest
    assert (change.newest.isoformat(), change.oldest) == ("2026-03-02T10:00:00+00:00", change.newest.date())
    bc_users.sandboxes.sync(FLOW)
    followed = ledger.watermark(ConnectedFlow(flow, settings).store, flow.id)
    assert followed == change.newest
    before = len(bc_users.sandboxes.calls())
    assert change_since(ConnectedFlow(flow, settings), followed) is None
    asked = [call["path"].rpartition("/")[2] for call in bc_users.sandboxes.calls()[before:]]
    assert [path for path in asked if path != "companies"] == ["$batch"], "one call for all entity sets"


def test_the_watermark_does_not_pass_an_order_of_a_window_that_was_not_run(bc_users: BcUsers) -> None:
    bc_users.order()
    bc_users.at(LATER)
    bc_users.order()
    flow, settings = flow_named(FLOW), bc_users.sandboxes.settings
    day = datetime(2026, 3, 3, tzinfo=UTC).date()
    dry_run(Work(ConnectedFlow(flow, settings), day, day, "newer"))
    from winbc_pipeline.sync.reading.stage import stage

    stage(ConnectedFlow(flow, settings), FIRST)
    push_windows(Work(ConnectedFlow(flow, settings), day, day, "newer"))
    assert ledger.watermark(ConnectedFlow(flow, settings).store, flow.id) is None


def test_the_watermark_does_not_pass_what_lies_in_the_future(
    bc_users: BcUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = datetime(2026, 3, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: before)
    bc_users.order()
    bc_users.sandboxes.sync(FLOW)
    assert only(bc_users.sandboxes)["state"] == "CONFIRMED"
    flow = flow_named(FLOW)
    assert ledger.watermark(ConnectedFlow(flow, bc_users.sandboxes.settings).store, flow.id) is None


def test_a_ledger_of_another_winstore_is_not_believed(bc_users: BcUsers) -> None:
    bc_users.order()
    bc_users.sandboxes.sync(FLOW)
    moved = bc_users.sandboxes.addresses.winstore_base.replace("127.0.0.1", "localhost")
    winstore = bc_users.sandboxes.settings.winstore.model_copy(update={"base_url": moved})
    bc_users.sandboxes.settings = bc_users.sandboxes.settings.model_copy(update={"winstore": winstore})
    with pytest.raises(ConfigurationError, match="was kept for 127.0.0.1"):
        bc_users.sandboxes.sync(FLOW)


def test_what_a_person_decides_can_be_typed(bc_users: BcUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    bc_users.order()
    fail(bc_users.sandboxes, {"kind": "drop_after"})
    bc_users.sandboxes.sync(FLOW)
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(bc_users.sandboxes.settings.data_folder))
    result = CliRunner().invoke(app, ["resolve", "S-ORD00001", "--flow", FLOW, "--there"])
    assert result.exit_code == 0
    assert only(bc_users.sandboxes)["state"] == "CONFIRMED"


def test_the_preview_shows_the_values_of_an_order(bc_users: BcUsers) -> None:
    from winbc_pipeline.workbench.preview import preview

    bc_users.order()
    dry_run(Work(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), FIRST, LAST, "plan"))
    order, position = preview(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), None, 3)
    assert (order.request, order.decision.body["customerid"]) == ("POST orders", "605254")
    assert position.decision.body["product_id"] == "SKU-1"
