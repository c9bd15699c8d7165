"""What a status of Winstore does to the order's document in Business Central: once, and only while it may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from winbc_pipeline import clock
from winbc_pipeline.cli.main import app
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import OrderSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.run import plan_windows
from winbc_pipeline.sync.work import Work

from ...support.bc_users import AT, CUSTOMER, LINE, BcUsers
from ...support.sandboxes import FIRST, HTTP, LAST, Sandboxes

pytestmark = pytest.mark.proof

FLOW = "order_status_winstore_to_bc"
ACTION = {"path": "$batch", "method": "POST"}
STARTED = datetime.fromisoformat(AT)


class Desk:
    """A clerk's books, an order W1 in Winstore, and a clock that the test moves. What is cancelled may be deleted."""

    def __init__(self, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandboxes, self.bc_users, self.now = sandboxes, BcUsers(sandboxes), STARTED
        sandboxes.settings = sandboxes.settings.model_copy(update={"orders": OrderSettings(on_cancel="apply")})
        monkeypatch.setattr(clock, "now", lambda: self.now)
        self.bc_users.set_up()

    def says(self, status: str) -> None:
        """Winstore's order has a status, from this moment on."""
        modified = self.now.astimezone(UTC).isoformat()
        self.sandboxes.fill(orders=[{"order_number": "W1", "status": status, "modified_at": modified}])

    def draft(self) -> dict[str, Any]:
        """The order's document, as it was sent."""
        return self.bc_users.order(externalDocumentNumber="WS-W1", release=False)

    def pass_time(self, **time: float) -> None:
        """Both clocks go on."""
        self.now += timedelta(**time)
        self.bc_users.at(self.now.astimezone(UTC).isoformat())

    def lose(self, kind: str, **more: Any) -> None:
        """The next batch is the action: its answer is lost."""
        self.sandboxes.fault("bc", ACTION | {"kind": kind} | more)

    def outcome(self) -> tuple[str, str | None]:
        """State and reason after a run."""
        self.sandboxes.sync(FLOW)
        row = self.sandboxes.ledger(FLOW)["W1"]
        return row["state"], row["reason"]

    def records(self, place: str) -> list[dict[str, Any]]:
        return self.sandboxes.bc()["records"].get(place, [])  # type: ignore[no-any-return]

    def acted(self) -> list[str]:
        """The actions that Business Central ran, and deletions of documents."""
        writes = [w for w in self.sandboxes.bc()["writes"] if w["entity"] in ("salesOrders", "salesInvoices")]
        names = [w["method"] if w["method"] == "DELETE" else (w["body"] or {}).get("action") for w in writes]
        return [name.removeprefix("Microsoft.NAV.") for name in names if name]


@pytest.fixture
def desk(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(sandboxes, monkeypatch)


@pytest.mark.parametrize("released", [False, True])
def test_a_completed_order_is_shipped_and_invoiced(desk: Desk, released: bool) -> None:
    order = desk.draft()
    if released:
        desk.bc_users.user("release", order)
    desk.says("completed")
    assert desk.outcome() == ("CONFIRMED", None)
    assert desk.records("salesOrders") == []
    assert [invoice["externalDocumentNumber"] for invoice in desk.records("salesInvoices")] == ["WS-W1"]


def test_the_document_of_a_customer_who_was_blocked_for_privacy_is_not_posted(desk: Desk) -> None:
    """AL: Sales-Post, CheckCustBlockage. Once the block is lifted, the next run posts it."""
    desk.draft()
    desk.says("completed")
    for blocked, outcome in ((True, ("FAILED", "PRIVACY_BLOCKED")), (False, ("CONFIRMED", None))):
        settings = {"customers": {CUSTOMER["number"]: {"privacyBlocked": blocked}}}
        control = f"{desk.sandboxes.addresses.bc_control}/__seed"
        HTTP.post(control, json={"settings": settings}).raise_for_status()
        if not blocked:
            (customer, *_) = desk.records("customers")
            desk.bc_users.call("PATCH", f"customers({customer['id']})", {"blocked": "_x0020_"})
        assert desk.outcome() == outcome


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_rerun_does_nothing(desk: Desk, status: str) -> None:
    desk.draft()
    desk.says(status)
    desk.outcome()
    acted = desk.acted()
    assert len(acted) == 1
    desk.pass_time(hours=1)
    assert desk.outcome()[0] == "CONFIRMED"
    assert desk.acted() == acted


@pytest.mark.parametrize("status", ["completed", "cancelled"])
@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status_after", "status": 500}], ids=str)
def test_an_action_whose_answer_was_lost_is_found_as_done(desk: Desk, fault: dict[str, Any], status: str) -> None:
    desk.draft()
    desk.says(status)
    desk.lose(**fault)
    assert desk.outcome() == ("UNKNOWN", "NO_ANSWER")
    desk.pass_time(minutes=1)
    assert desk.outcome() == ("CONFIRMED", "RECONCILED")
    assert len(desk.acted()) == 1


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_an_action_that_did_not_arrive_is_sent_once_it_cannot_arrive_any_more(desk: Desk, status: str) -> None:
    desk.draft()
    desk.says(status)
    desk.lose("drop_before")
    assert desk.outcome() == ("UNKNOWN", "NO_ANSWER")
    desk.pass_time(minutes=19)
    assert desk.outcome() == ("UNKNOWN", "QUARANTINE")
    desk.pass_time(minutes=2)
    assert desk.outcome() == ("UNKNOWN", "LOOK_AGAIN")
    assert desk.acted() == []
    desk.pass_time(seconds=61)
    assert desk.outcome()[0] == "CONFIRMED"
    assert len(desk.acted()) == 1


def test_a_lost_action_is_waited_for_though_the_order_no_longer_asks_for_it(desk: Desk) -> None:
    desk.draft()
    desk.says("completed")
    desk.lose("drop_before")
    assert desk.outcome() == ("UNKNOWN", "NO_ANSWER")
    desk.pass_time(minutes=1)
    desk.says("processing")
    assert desk.outcome() == ("UNKNOWN", "QUARANTINE")
    desk.pass_time(minutes=20)
    assert desk.outcome() == ("UNKNOWN", "LOOK_AGAIN")
    desk.pass_time(seconds=61)
    assert desk.outcome() == ("SKIPPED", "NO_ACTION")
    assert desk.acted() == []


@pytest.mark.parametrize(
    ("edited", "outcome"), [("processing", ("CONFIRMED", "RECONCILED")), ("cancelled", ("CONFLICT", "CANCELLED"))]
)
def test_a_lost_action_that_arrived_is_told_though_the_order_was_edited(
    desk: Desk, edited: str, outcome: tuple[str, str]
) -> None:
    desk.draft()
    desk.says("completed")
    desk.lose("drop_after")
    assert desk.outcome() == ("UNKNOWN", "NO_ANSWER")
    desk.pass_time(minutes=1)
    desk.says(edited)
    assert desk.outcome() == outcome
    assert len(desk.acted()) == 1


def test_a_lost_action_is_waited_for_though_the_order_can_no_longer_be_mapped(desk: Desk) -> None:
    table = desk.sandboxes.own_tables() / FLOW / "status.csv"
    desk.draft()
    desk.says("completed")
    desk.lose("drop_before")
    desk.outcome()
    desk.pass_time(minutes=1)
    table.write_text(table.read_text().replace("'WS-' || upper(trim(ordernr))", '"nullif(ordernr, ordernr)"'))
    assert desk.outcome() == ("UNKNOWN", "QUARANTINE")


def test_an_action_that_never_arrives_is_for_a_person_after_three_times(desk: Desk) -> None:
    desk.draft()
    desk.says("completed")
    for _ in range(3):
        desk.lose("drop_before")
        assert desk.outcome() == ("UNKNOWN", "NO_ANSWER")
        desk.pass_time(minutes=21)
        desk.outcome()
        desk.pass_time(seconds=61)
    assert desk.outcome() == ("NEEDS_HUMAN", "TRIED_OUT")
    desk.pass_time(hours=1)
    assert desk.outcome() == ("NEEDS_HUMAN", "TRIED_OUT")
    assert desk.acted() == []


def test_what_a_person_posted_already_is_not_posted_again(desk: Desk) -> None:
    desk.bc_users.post(desk.draft())
    before = desk.acted()
    desk.says("completed")
    desk.outcome()
    assert desk.acted() == before


def test_a_cancelled_order_is_deleted_while_it_is_open(desk: Desk) -> None:
    desk.draft()
    desk.says("cancelled")
    assert desk.outcome() == ("CONFIRMED", "CANCELLED")
    assert desk.records("salesOrders") == []


@pytest.mark.parametrize(("is_posted", "what"), [(True, "posted"), (False, "released")])
def test_a_cancelled_order_that_is_under_way_is_for_a_person(desk: Desk, is_posted: bool, what: str) -> None:
    order = desk.draft()
    if is_posted:
        desk.bc_users.post(order)
    else:
        desk.bc_users.user("release", order)
    before = desk.acted()
    desk.says("cancelled")
    assert desk.outcome() == ("CONFLICT", "CANCELLED")
    assert desk.sandboxes.ledger(FLOW)["W1"]["message"].endswith(f"is {what}")
    assert desk.acted() == before


def test_an_order_that_is_not_there_yet_is_completed_once_it_is(desk: Desk) -> None:
    desk.says("completed")
    assert desk.outcome() == ("SKIPPED", "NO_DOCUMENT")
    desk.draft()
    assert desk.outcome() == ("CONFIRMED", None)
    assert desk.acted() == ["shipAndInvoice"]


def test_an_action_on_one_of_two_documents_is_for_a_person(desk: Desk) -> None:
    desk.draft()
    desk.draft()
    desk.says("completed")
    assert desk.outcome() == ("CONFLICT", "DUPLICATE")
    assert desk.acted() == []


def test_a_draft_invoice_is_posted(desk: Desk) -> None:
    header = {"customerNumber": CUSTOMER["number"], "externalDocumentNumber": "WS-W1", "invoiceDate": "2026-03-02"}
    desk.bc_users.call("POST", "salesInvoices", header | {"salesInvoiceLines": [LINE]})
    desk.says("completed")
    assert desk.outcome() == ("CONFIRMED", None)
    assert desk.acted() == ["post"]
    assert [invoice["status"] for invoice in desk.records("salesInvoices")] == ["Open"]


def test_a_status_that_asks_for_nothing_does_nothing(desk: Desk) -> None:
    desk.draft()
    desk.says("processing")
    assert desk.outcome() == ("SKIPPED", "NO_ACTION")
    assert desk.acted() == []


def test_an_invoice_that_was_cancelled_in_business_central_is_not_made_again(desk: Desk) -> None:
    invoice = desk.bc_users.post(desk.draft())
    desk.bc_users.call("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel", {})
    before = desk.acted()
    desk.says("completed")
    desk.outcome()
    assert desk.acted() == before


def test_an_order_that_was_shipped_in_part_is_finished_by_its_completion(desk: Desk) -> None:
    order = desk.bc_users.order(externalDocumentNumber="WS-W1")
    desk.bc_users.ship(order, 1)
    desk.says("completed")
    assert desk.outcome()[0] == "CONFIRMED"
    assert len(desk.records("salesInvoices")) == 1


def test_a_status_that_breaks_a_rule_is_named_with_its_table_and_row(desk: Desk) -> None:
    table = desk.sandboxes.own_tables() / "lookups" / "order_actions.csv"
    table.write_text(table.read_text().replace("*,none", "other,none"))
    desk.says("processing")
    assert desk.outcome() == ("FAILED", "MAPPING")
    assert "(status.csv row 3)" in desk.sandboxes.ledger(FLOW)["W1"]["message"]


def test_a_table_that_gives_no_reference_is_told_by_each_record(desk: Desk) -> None:
    table = desk.sandboxes.own_tables() / FLOW / "status.csv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join(row for row in rows if not row.startswith("externalDocumentNumber")))
    desk.draft()
    desk.says("completed")
    assert desk.outcome() == ("FAILED", "REFERENCE")
    assert desk.acted() == []


def test_a_person_who_retries_a_refused_action_has_it_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.draft()
    desk.says("completed")
    desk.lose("status", status=400)
    assert desk.outcome()[0] == "FAILED"
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(desk.sandboxes.settings.data_folder))
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(desk.sandboxes.settings.mapping_folder))
    result = CliRunner().invoke(app, ["retry", "--flow", FLOW, "--yes"])
    assert result.exit_code == 0, result.output
    assert desk.acted() == ["shipAndInvoice"]


def test_a_status_is_mapped_again_when_its_tables_were_edited_before_the_plan(desk: Desk) -> None:
    flow, table = flow_named(FLOW), desk.sandboxes.own_tables() / "lookups" / "order_actions.csv"
    desk.draft()
    desk.says("completed")
    stage(ConnectedFlow(flow, desk.sandboxes.settings), FIRST)
    map_windows(Work(ConnectedFlow(flow, desk.sandboxes.settings), FIRST, LAST, "run-1"))
    table.write_text(table.read_text().replace("shipAndInvoice", "none"))
    work = Work(ConnectedFlow(flow, desk.sandboxes.settings), FIRST, LAST, "plan")
    assert plan_windows(work) == ["mapped"]
    assert [(row["action"], row["reason"]) for row in planned_rows(work)] == [("skip", "NO_ACTION")]
