"""Orders and invoices of Business Central in Winstore: each once, whole, and never a second time in doubt."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.cli.main import app
from winbc_pipeline.errors import AuthenticationFailed, ConfigurationError, MappingError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import OrdersToWinstoreSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.posts import resolve
from winbc_pipeline.sync.run import dry_run, planned, push_windows
from winbc_pipeline.sync.stage import flow_store, newest_change, staging_table

from .books import HTTP, REGULAR, Books
from .carried import shop
from .conftest import FIRST, LAST, World

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


def orders(world: World) -> list[dict[str, Any]]:
    return shop(world)["records"].get("orders", [])  # type: ignore[no-any-return]


def only(world: World, key: str = "S-ORD00001") -> dict[str, Any]:
    return world.ledger(FLOW)[key]


def settle(world: World, **own: Any) -> None:
    """Other settings of this flow."""
    settings = OrdersToWinstoreSettings(**own)
    world.settings = world.settings.model_copy(update={"orders_to_winstore": settings})


def fail(world: World, fault: dict[str, Any], times: int = 1) -> None:
    world.fault("winstore", fault | {"path": POST, "method": "POST", "times": times})


@pytest.fixture
def books(world: World) -> Books:
    made = Books(world)
    made.set_up()
    return made


@pytest.fixture
def looked_up(books: Books) -> Iterator[Books]:
    """The same, with the call that lists orders."""
    settle(books.world, look_up="GetOrderChangesByDate")
    yield books


def test_a_released_order_arrives_once_with_all_that_winstore_needs(books: Books) -> None:
    order = books.order({}, {"lineObjectNumber": "SKU-2", "quantity": 3, "unitPrice": 0.10, "discountPercent": 5})
    assert books.world.sync(FLOW).created == 1
    (arrived,) = orders(books.world)
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


def test_amounts_are_those_of_the_document_to_the_cent(books: Books) -> None:
    books.order({"quantity": 3, "unitPrice": 33.33}, {"quantity": 7, "unitPrice": 0.07}, {"unitPrice": 1234567.89})
    books.world.sync(FLOW)
    (made,) = books.world.bc()["records"]["salesOrders"]
    (arrived,) = orders(books.world)
    assert Decimal(arrived["total"]) == Decimal(str(made["totalAmountIncludingTax"]))
    assert [row["single_price"] for row in arrived["positions"]] == ["33.33", "0.07", "1234567.89"]


def test_a_customer_that_winstore_does_not_know_is_its_catch_all(books: Books) -> None:
    books.order(customerNumber=REGULAR["number"])
    books.world.sync(FLOW)
    assert orders(books.world)[0]["customerid"] == "999999"


def test_a_line_has_the_branch_of_its_location(books: Books) -> None:
    locations = {each["code"]: each["id"] for each in books.world.bc()["records"]["locations"]}
    books.order({"locationId": locations["SHOP2"]}, {"locationId": locations["MAIN"]})
    books.world.sync(FLOW)
    (arrived,) = orders(books.world)
    assert (arrived["branch"], [row["branch"] for row in arrived["positions"]]) == ("2", ["2", "3"])


def test_201_lines_arrive_in_their_order_and_every_character_as_it_is(books: Books) -> None:
    texts = [f'{n} <b> & "\'" ]]> é 😀' for n in range(201)]
    books.order(*({"description": text, "quantity": n + 1} for n, text in enumerate(texts)), shipToName="A & B <BV> 😀")
    books.world.sync(FLOW)
    (arrived,) = orders(books.world)
    assert [row["description"] for row in arrived["positions"]] == texts
    assert arrived["delivery_add"]["name"] == "A & B <BV> 😀"


def test_a_character_that_xml_cannot_carry_fails_its_order_before_anything_is_sent(books: Books) -> None:
    books.order({"description": "bell \x07"})
    books.order()
    done = books.world.sync(FLOW)
    assert (done.created, done.failed) == (1, 1)
    assert "description" in only(books.world)["message"]


def test_comments_are_no_positions_and_an_order_of_nothing_else_is_not_sent(books: Books) -> None:
    remark = {"lineType": "Comment", "description": "Ring twice"}
    body = {"customerNumber": REGULAR["number"], "salesOrderLines": [remark]}
    books.user("release", books.call("POST", "salesOrders", body))
    books.world.sync(FLOW)
    assert only(books.world)["reason"] == "NO_LINES"
    assert orders(books.world) == []


def test_a_draft_waits_with_a_reason_until_it_is_released(books: Books) -> None:
    order = books.order(release=False)
    books.world.sync(FLOW)
    assert only(books.world)["reason"] == "STATUS"
    books.at(LATER)
    books.user("release", order)
    assert books.world.sync(FLOW).created == 1


def test_two_orders_with_one_reference_do_not_become_one_order_twice(books: Books) -> None:
    for _ in range(2):
        books.order(externalDocumentNumber="PO-7")
    done = books.world.sync(FLOW)
    assert (done.created, done.failed) == (1, 1)
    assert only(books.world, "S-ORD00002")["reason"] == "TARGET_TAKEN"
    assert [order["ordernr"] for order in orders(books.world)] == ["PO-7"]


def test_the_plan_shows_the_body_that_is_sent_and_sends_nothing(books: Books) -> None:
    books.order()
    dry_run(flow_named(FLOW), books.world.settings, FIRST, LAST, "plan")
    (row,) = planned(flow_named(FLOW), books.world.settings, FIRST, LAST)
    assert orders(books.world) == []
    body = json.loads(row["body"])
    assert (row["action"], body["fields"]["ordernr"], len(body["lines"])) == ("create", "S-ORD00001", 1)


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_lost_answer_waits_for_a_person_and_is_never_sent_again(books: Books, fault: dict[str, Any]) -> None:
    books.order()
    fail(books.world, fault)
    assert books.world.sync(FLOW).failed == 1
    sent = len(orders(books.world))
    assert (only(books.world)["state"], only(books.world)["reason"]) == ("NEEDS_HUMAN", "NO_LOOK_UP")
    for _ in range(3):
        assert books.world.sync(FLOW).created == 0
    assert len(orders(books.world)) == sent
    assert only(books.world)["state"] == "NEEDS_HUMAN"


def test_an_older_plan_does_not_send_what_came_into_doubt_meanwhile(books: Books) -> None:
    flow, settings = flow_named(FLOW), books.world.settings
    books.order()
    dry_run(flow, settings, FIRST, LAST, "plan")
    fail(books.world, {"kind": "drop_after"})
    push_windows(flow, settings, FIRST, LAST, "push")
    push_windows(flow, settings, FIRST, LAST, "push again")
    assert len(orders(books.world)) == 1


@pytest.mark.parametrize("look_up", ["none", "GetOrderChangesByDate"])
def test_a_call_that_a_dead_run_left_open_is_not_repeated(books: Books, look_up: str) -> None:
    settle(books.world, look_up=look_up)
    flow, settings = flow_named(FLOW), books.world.settings
    books.order()
    dry_run(flow, settings, FIRST, LAST, "plan")
    known = {"intent_at": clock.now(), "target_no": "S-ORD00001", "window": datetime(2026, 3, 2, tzinfo=UTC).date()}
    ledger.move(flow_store(flow, settings), [Move("order", "S-ORD00001", State.SENDING, known)], "dead")
    push_windows(flow, settings, FIRST, LAST, "next")
    assert orders(books.world) == []
    assert only(books.world)["state"] == ("NEEDS_HUMAN" if look_up == "none" else "UNKNOWN")


@pytest.mark.parametrize("there", [True, False])
def test_a_person_settles_what_was_in_doubt(books: Books, there: bool) -> None:
    books.order()
    fail(books.world, {"kind": "drop_after" if there else "drop_before"})
    books.world.sync(FLOW)
    resolve(flow_named(FLOW), books.world.settings, "S-ORD00001", there, "a person")
    assert books.world.sync(FLOW).failed == 0
    assert len(orders(books.world)) == 1
    assert only(books.world)["state"] == "CONFIRMED"


def test_only_what_waits_for_a_person_can_be_settled_by_one(books: Books) -> None:
    books.order()
    books.world.sync(FLOW)
    with pytest.raises(ConfigurationError, match="waits for no decision"):
        resolve(flow_named(FLOW), books.world.settings, "S-ORD00001", False, "a person")


def test_a_lost_answer_is_found_again_where_winstore_can_be_asked(looked_up: Books) -> None:
    looked_up.order()
    fail(looked_up.world, {"kind": "drop_after"})
    looked_up.world.sync(FLOW)
    assert only(looked_up.world)["state"] == "UNKNOWN"
    assert looked_up.world.sync(FLOW).failed == 0
    assert (only(looked_up.world)["state"], only(looked_up.world)["reason"]) == ("CONFIRMED", "FOUND")
    assert looked_up.world.sync(FLOW).created == 0
    assert len(orders(looked_up.world)) == 1


def test_what_winstore_does_not_have_is_sent_again_after_the_quarantine_only(
    looked_up: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up.order()
    fail(looked_up.world, {"kind": "drop_before"})
    looked_up.world.sync(FLOW)
    looked_up.world.sync(FLOW)
    assert orders(looked_up.world) == []
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 31, tzinfo=UTC))
    assert looked_up.world.sync(FLOW).created == 1
    assert len(orders(looked_up.world)) == 1


def test_an_order_that_winstore_has_twice_is_left_to_a_person(looked_up: Books) -> None:
    looked_up.order()
    fail(looked_up.world, {"kind": "drop_before"})
    looked_up.world.sync(FLOW)
    looked_up.world.without = {"I9"}  # a person did what the program must not
    for _ in range(2):
        looked_up.in_shop("S-ORD00001")
    assert looked_up.world.sync(FLOW).failed == 1
    assert only(looked_up.world)["state"] == "DUPLICATE"


def test_a_refusal_has_winstores_code_and_words_and_is_tried_again(books: Books) -> None:
    books.world.seed_bc(items=[{"number": "SKU-9", "displayName": "Mug", "type": "Inventory"}])
    books.order({"lineObjectNumber": "SKU-9"})
    assert books.world.sync(FLOW).failed == 1
    row = only(books.world)
    assert (row["reason"], row["message"]) == ("WINSTORE_REFUSED", "404: product SKU-9 is not known")
    books.world.fill(articles=[{"sku": "SKU-9", "article_key": "9"}])
    assert books.world.sync(FLOW).created == 1


def test_a_storm_of_429_is_waited_for_and_sends_once(books: Books) -> None:
    books.order()
    fail(books.world, {"kind": "storm"}, times=2)
    assert books.world.sync(FLOW).created == 1
    assert len(orders(books.world)) == 1


def test_refused_credentials_stop_the_flow_and_leave_nothing_in_doubt(books: Books) -> None:
    for _ in range(8):
        books.order()
    fail(books.world, {"kind": "expired_token"}, times=99)
    with pytest.raises(AuthenticationFailed):
        books.world.sync(FLOW)
    assert {row["state"] for row in books.world.ledger(FLOW).values()} == {"PLANNED"}
    books.world.fault("winstore")
    assert books.world.sync(FLOW).created == 8


def test_an_order_that_is_changed_after_it_was_sent_is_a_conflict_and_not_sent_again(books: Books) -> None:
    order = books.order(release=False)
    settle(books.world, statuses=["Draft"])
    books.world.sync(FLOW)
    books.at(LATER)
    books.call("PATCH", f"salesOrders({order['id']})", {"shipToCity": "Gent"})
    for _ in range(2):
        assert books.world.sync(FLOW).failed == 1
        assert (only(books.world)["state"], only(books.world)["reason"]) == ("CONFLICT", "CHANGED")
    resolve(flow_named(FLOW), books.world.settings, "S-ORD00001", True, "a person")
    assert books.world.sync(FLOW).failed == 0
    assert len(orders(books.world)) == 1


@pytest.mark.parametrize("removed", [True, False])
def test_a_line_that_is_removed_or_described_otherwise_is_a_change_too(books: Books, removed: bool) -> None:
    books.order({}, {"lineObjectNumber": "SKU-2"}, release=False)
    settle(books.world, statuses=["Draft"])
    books.world.sync(FLOW)
    lines = books.world.bc()["records"]["salesOrderLines"]
    path = next(f"salesOrderLines({row['id']})" for row in lines if row["lineObjectNumber"] == "SKU-2")
    if removed:
        books.at(LATER)
        books.call("DELETE", path)
    else:
        books.call("PATCH", path, {"description": "another"})
    books.world.sync(FLOW)
    assert only(books.world)["reason"] == "CHANGED"


def test_shipping_an_order_that_was_sent_is_no_change(books: Books) -> None:
    order = books.order()
    books.world.sync(FLOW)
    books.at(LATER)
    books.ship(order, 1)
    assert books.world.sync(FLOW).failed == 0
    assert only(books.world)["state"] == "CONFIRMED"


def test_an_edited_table_makes_no_conflicts_of_what_was_sent(books: Books) -> None:
    books.order()
    path = books.world.own_tables() / FLOW / "order.csv"
    books.world.sync(FLOW)
    path.write_text(path.read_text().replace("'businesscentral'", "'books'"))
    assert books.world.sync(FLOW).failed == 0
    assert len(orders(books.world)) == 1


def test_a_plan_of_other_tables_than_the_records_were_mapped_with_is_refused(books: Books) -> None:
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.run import plan_windows
    from winbc_pipeline.sync.stage import stage

    books.order()
    path = books.world.own_tables() / FLOW / "order.csv"
    flow, settings = flow_named(FLOW), books.world.settings
    stage(flow, settings, FIRST)
    map_windows(flow, settings, FIRST, LAST)
    path.write_text(path.read_text().replace("'businesscentral'", "'books'"))
    with pytest.raises(MappingError, match="edited since"):
        plan_windows(flow, settings, FIRST, LAST, "plan")


def test_a_line_that_breaks_a_rule_is_named_with_its_table_and_row(books: Books) -> None:
    path = books.world.own_tables() / FLOW / "position.csv"
    path.write_text(path.read_text().replace("amount,line_quantity", 'amount,"nullif(line_quantity, 2)"'))
    books.order()
    books.world.sync(FLOW)
    row = only(books.world)
    assert (row["state"], row["reason"]) == ("FAILED", "MAPPING")
    assert row["message"] == "amount: required, given nothing (position.csv row 3)"


def test_an_order_that_came_from_winstore_does_not_go_back(books: Books) -> None:
    books.order(externalDocumentNumber="WS-W1")
    books.world.sync(FLOW)
    assert only(books.world)["reason"] == "ORIGIN"
    assert orders(books.world) == []


def test_a_document_that_the_other_directions_ledger_knows_does_not_go_back(books: Books) -> None:
    order = books.order()
    other = flow_store(flow_named(FLOW), books.world.settings)
    other.path = books.world.settings.flow_database("orders_winstore_to_bc")
    ledger.move(other, [Move("order", "W1", State.CONFIRMED, {"target_id": order["id"]})], "run")
    books.world.sync(FLOW)
    assert only(books.world)["reason"] == "ORIGIN"


@pytest.mark.parametrize("fault", [None, {"kind": "drop_after"}], ids=["answered", "lost"])
def test_an_order_that_winstore_has_from_business_central_does_not_come_back(
    books: Books, fault: dict[str, Any] | None
) -> None:
    books.order()
    if fault:
        fail(books.world, fault)
    books.world.sync(FLOW)
    back = books.world.sync("orders_winstore_to_bc")
    assert (back.created, back.failed) == (0, 0)
    assert books.world.ledger("orders_winstore_to_bc")["S-ORD00001"]["reason"] == "ORIGIN"
    assert len(books.world.bc()["records"]["salesOrders"]) == 1


def test_an_order_of_winstore_whose_number_was_refused_from_business_central_is_still_taken(books: Books) -> None:
    books.order(externalDocumentNumber="W1")
    fail(books.world, {"kind": "status", "status": 400})
    assert books.world.sync(FLOW).failed == 1
    books.world.fill(orders=[{}])
    books.world.set_clock()  # the machine's again, as the program's
    assert books.world.sync("orders_winstore_to_bc").created == 1


def test_nothing_of_a_person_is_kept_of_what_does_not_go_and_no_field_that_no_table_names(books: Books) -> None:
    books.order(externalDocumentNumber="WS-W1")
    books.order(phoneNumber="030-1")
    books.world.sync(FLOW)
    staging = staging_table(flow_named(FLOW), books.world.settings)
    with flow_store(flow_named(FLOW), books.world.settings).open() as connection:
        rows = rows_of(connection, f'SELECT * FROM "{staging.name}" ORDER BY number')
    assert [row["customerName"] for row in rows] == [None, "Vinet"]
    assert {row["phoneNumber"] for row in rows} == {None}


def test_an_order_that_was_invoiced_before_anybody_looked_comes_from_its_invoice(books: Books) -> None:
    invoice = books.post(books.order())
    assert books.world.sync(FLOW).created == 1
    assert [order["ordernr"] for order in orders(books.world)] == [invoice["number"]]


@pytest.mark.parametrize("documents", ["orders", "both"])
def test_an_order_that_was_sent_is_not_sent_again_as_its_invoice(books: Books, documents: str) -> None:
    settle(books.world, documents=documents)
    order = books.order()
    books.world.sync(FLOW)
    books.at(LATER)
    invoice = books.post(order)
    assert books.world.sync(FLOW).failed == 0
    assert only(books.world, invoice["number"])["reason"] == "AS_ORDER"
    assert len(orders(books.world)) == 1


@pytest.mark.parametrize(("documents", "expected"), [("orders", []), ("invoices", ["I"]), ("both", ["I"])])
def test_invoices_without_an_order_go_when_the_setting_says_so(
    books: Books, documents: str, expected: list[str]
) -> None:
    settle(books.world, documents=documents)
    line = {"lineType": "Item", "lineObjectNumber": "SKU-1", "quantity": 1}
    body = {"customerNumber": REGULAR["number"], "externalDocumentNumber": "I", "salesInvoiceLines": [line]}
    made = books.call("POST", "salesInvoices", body)
    books.call("POST", f"salesInvoices({made['id']})/Microsoft.NAV.post", {})
    books.world.sync(FLOW)
    assert [order["ordernr"] for order in orders(books.world)] == expected


def test_the_sensor_asks_for_little_and_finds_nothing_new_after_a_run(books: Books) -> None:
    books.order()
    flow, settings = flow_named(FLOW), books.world.settings
    newest, window = newest_change(flow, settings, datetime(2026, 1, 1, tzinfo=UTC))
    assert newest
    assert (newest.isoformat(), window) == ("2026-03-02T10:00:00+00:00", newest.date())
    books.world.sync(FLOW)
    followed = ledger.watermark(flow_store(flow, settings), flow.id)
    assert followed == newest
    assert newest_change(flow, settings, followed) == (None, None)
    calls = HTTP.get(f"{books.world.addresses.bc_control}/__log").json()["calls"]
    asked = [call["path"] for call in calls if "salesOrders" in call["path"]][-1]
    assert "%24top=1" in asked or "$top=1" in asked


def test_the_watermark_does_not_pass_an_order_of_a_window_that_was_not_run(books: Books) -> None:
    books.order()
    books.at(LATER)
    books.order()
    flow, settings = flow_named(FLOW), books.world.settings
    day = datetime(2026, 3, 3, tzinfo=UTC).date()
    dry_run(flow, settings, day, day, "newer")
    from winbc_pipeline.sync.stage import stage

    stage(flow, settings, FIRST)
    push_windows(flow, settings, day, day, "newer")
    assert ledger.watermark(flow_store(flow, settings), flow.id) is None


def test_the_watermark_does_not_pass_what_lies_in_the_future(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    before = datetime(2026, 3, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: before)
    books.order()
    books.world.sync(FLOW)
    assert only(books.world)["state"] == "CONFIRMED"
    flow = flow_named(FLOW)
    assert ledger.watermark(flow_store(flow, books.world.settings), flow.id) is None


def test_a_ledger_of_another_winstore_is_not_believed(books: Books) -> None:
    books.order()
    books.world.sync(FLOW)
    moved = books.world.addresses.winstore_base.replace("127.0.0.1", "localhost")
    winstore = books.world.settings.winstore.model_copy(update={"base_url": moved})
    books.world.settings = books.world.settings.model_copy(update={"winstore": winstore})
    with pytest.raises(ConfigurationError, match="was kept for 127.0.0.1"):
        books.world.sync(FLOW)


def test_what_a_person_decides_can_be_typed(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    books.order()
    fail(books.world, {"kind": "drop_after"})
    books.world.sync(FLOW)
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(books.world.settings.data_folder))
    result = CliRunner().invoke(app, ["resolve", "S-ORD00001", "--flow", FLOW, "--there"])
    assert result.exit_code == 0
    assert only(books.world)["state"] == "CONFIRMED"


def test_the_preview_shows_the_values_of_an_order(books: Books) -> None:
    from winbc_pipeline.sync.preview import preview

    books.order()
    dry_run(flow_named(FLOW), books.world.settings, FIRST, LAST, "plan")
    order, position = preview(flow_named(FLOW), books.world.settings, None, 3)
    assert (order.request, order.decision.body["customerid"]) == ("POST orders", "605254")
    assert position.decision.body["product_id"] == "SKU-1"
