"""What a person does with an order: nothing without consent, nothing twice, and all of it on the record."""

import io
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline import clock
from winbc_pipeline.cli.main import main
from winbc_pipeline.flows import flow_named
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import push_windows
from winbc_pipeline.sync.work import Work

from ..support.order_invariants import BY_HAND
from ..support.sandboxes import FIRST, LAST, Sandboxes

pytestmark = pytest.mark.proof

FLOW = "orders_winstore_to_bc"


@dataclass
class Desk:
    """A world with orders, and a person who types commands."""

    sandboxes: Sandboxes
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def winbc(self, *arguments: str) -> tuple[int, str]:
        """Exit code, and all that was printed."""
        self.monkeypatch.setattr(sys, "argv", ["winbc", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self.capsys.readouterr()
        return int(ended.value.code or 0), " ".join((captured.out + captured.err).split())

    def fill(self, *orders: dict[str, str], lines: list[dict[str, str]] | None = None) -> None:
        """Orders without shipping, of one line each (given as changes to a usual one), into Winstore."""
        self.sandboxes.fill(orders=[{"shipping_cost": ""} | order for order in orders], lines=lines)

    def add_item(self) -> None:
        item = {"number": "SKU-1", "displayName": "Mug", "taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS"}
        self.sandboxes.seed_bc(items=[item])

    def sync(self) -> dict[str, Any]:
        self.sandboxes.sync(FLOW)
        return self.row()

    def row(self, key: str = "W1") -> dict[str, Any]:
        return self.sandboxes.ledger(FLOW)[key]

    def documents(self) -> list[str]:
        """Numbers of what Business Central has."""
        records = self.sandboxes.bc()["records"]
        return [each["number"] for place in ("salesOrders", "salesInvoices") for each in records.get(place, [])]

    def events(self) -> list[tuple[str, str | None]]:
        """State and reason of what was done to W1 by hand."""
        with ConnectedFlow(flow_named(FLOW), self.sandboxes.settings).store.open() as connection:
            sql = "SELECT * FROM ledger_event WHERE key = 'W1' AND run_id LIKE 'by hand %' ORDER BY moved_at"
            return [(row["state"], row["reason"]) for row in rows_of(connection, sql)]

    def move(self, state: str, **known: Any) -> None:
        """Puts W1 into a state, as a run would have."""
        moves = [ledger.Move("order", "W1", ledger.State(state), known)]
        ledger.move(ConnectedFlow(flow_named(FLOW), self.sandboxes.settings).store, moves, "a run")

    def delete(self, number: str) -> None:
        """A person deletes an order in Business Central."""
        record = next(each for each in self.sandboxes.bc()["records"]["salesOrders"] if each["number"] == number)
        self._bc("DELETE", f"salesOrders({record['id']})", record["@odata.etag"])

    def type_order(self, reference: str) -> str:
        """A person types an order in Business Central; its number."""
        customer = self.sandboxes.bc()["records"]["customers"][0]["number"]
        body = {"customerNumber": customer, "externalDocumentNumber": reference}
        return str(self._bc("POST", "salesOrders", None, body)["number"])

    def _bc(self, method: str, path: str, etag: str | None, body: dict[str, Any] | None = None) -> dict[str, Any]:
        from winbc_pipeline.systems.business_central import BusinessCentral, Operation

        target = BusinessCentral(self.sandboxes.settings)
        try:
            (result,) = target.batch([Operation("1", method, path, body, etag, BY_HAND)])
            assert 200 <= result.status < 300, result
            return result.body
        finally:
            target.close()


@pytest.fixture
def desk(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    settings = sandboxes.settings
    monkeypatch.setenv("WINBC_DATA_FOLDER", str(settings.data_folder))
    monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(settings.mapping_folder))
    monkeypatch.setenv("COLUMNS", "250")
    return Desk(sandboxes, monkeypatch, capsys)


@pytest.fixture
def sent(desk: Desk) -> Desk:
    """W1 is in Business Central."""
    desk.fill({})
    desk.add_item()
    assert desk.sync()["state"] == "CONFIRMED"
    return desk


@pytest.fixture
def held(desk: Desk) -> Desk:
    """W1 failed: its item is not in Business Central."""
    desk.fill({})
    assert desk.sync()["reason"] == "DEPENDENCY"
    return desk


def test_trace_tells_the_whole_way_of_an_order_by_any_of_its_numbers(sent: Desk) -> None:
    number = sent.documents()[0]
    for name in ("W1", "WS-W1", "ws-w1", number):
        code, printed = sent.winbc("trace", name)
        assert code == 0
        for words in (
            "changed in the source",
            "order.csv",
            "externalDocumentNumber row 2",
            "WS-W1 in salesOrders, salesInvoices, salesShipments: not there",
            "1 items: all there",
            "new -> SENDING",
            "attempt ",
            "SENDING -> CONFIRMED",
            f"number {number}",
            "run-1",
        ):
            assert words in printed


def test_trace_tells_which_items_were_looked_up_and_not_found(held: Desk) -> None:
    assert "1 items: SKU SKU-1: no such item in Business Central" in held.winbc("trace", "W1")[1]


def test_trace_shows_what_was_sent_only_when_asked(sent: Desk) -> None:
    assert "Kerkweg" not in sent.winbc("trace", "W1")[1]
    assert "Kerkweg" in sent.winbc("trace", "W1", "--body")[1]


def test_trace_of_an_order_that_nobody_knows_fails(sent: Desk) -> None:
    assert sent.winbc("trace", "W9")[0] == 1


def test_retry_sends_an_order_once_its_cause_is_mended(held: Desk) -> None:
    held.add_item()
    code, printed = held.winbc("retry", "--order", "W1", "--yes")
    assert code == 0, printed
    assert "create" in printed
    assert held.row()["state"] == "CONFIRMED"
    assert ("CONFIRMED", None) in held.events()
    assert len(held.documents()) == 1


def test_retry_of_a_reason_touches_only_its_records(desk: Desk) -> None:
    desk.fill({}, {"order_number": "W2", "order_date": ""})
    desk.sync()
    assert desk.row("W2")["reason"] == "MAPPING"
    desk.add_item()
    desk.winbc("retry", "--reason", "DEPENDENCY", "--yes")
    assert desk.row()["state"] == "CONFIRMED"
    assert not desk.row("W2")["run_id"].startswith("by hand")


def test_nothing_is_done_without_consent(held: Desk) -> None:
    held.add_item()
    before = held.sandboxes.bc()["writes"]
    for arguments in (["retry"], ["resolve", "W1", "--ignore", "a test"], ["resolve", "W1", "--resend"]):
        held.monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        code, printed = held.winbc(*arguments)
        assert code == 1, printed
    assert held.sandboxes.bc()["writes"] == before
    assert held.row()["state"] == "FAILED"
    assert held.events() == []


def test_what_a_person_declined_is_not_sent_by_a_run_that_only_sends(sent: Desk) -> None:
    sent.delete(sent.documents()[0])
    sent.monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert sent.winbc("resolve", "W1", "--resend")[0] == 1
    push_windows(Work(ConnectedFlow(flow_named(FLOW), sent.sandboxes.settings), FIRST, LAST, "a run"))
    assert sent.documents() == []


def test_what_cannot_be_sent_yet_is_told_and_stays(held: Desk) -> None:
    code, printed = held.winbc("retry", "--order", "W1", "--yes")
    assert code == 1
    assert "SKU SKU-1: no such item in Business Central" in printed
    assert held.documents() == []


def test_a_confirmed_order_is_not_retried(sent: Desk) -> None:
    code, printed = sent.winbc("retry", "--order", "W1", "--yes")
    assert code == 1
    assert "W1 is CONFIRMED: nothing to retry" in printed


def test_an_order_that_is_there_is_not_sent_again(sent: Desk) -> None:
    number = sent.documents()[0]
    for arguments in (["resolve", "W1", "--resend"], ["replay", "W1", "--as-sent"]):
        code, printed = sent.winbc(*arguments, "--yes")
        assert code == 1
        assert f"W1 is in Business Central: salesOrders {number}" in printed
    assert sent.documents() == [number]
    assert sent.row()["state"] == "CONFIRMED"


@pytest.mark.parametrize("arguments", [["resolve", "W1", "--resend"], ["replay", "W1", "--as-sent"]])
def test_an_order_that_was_deleted_there_is_sent_anew_when_a_person_says_so(sent: Desk, arguments: list[str]) -> None:
    first = sent.documents()[0]
    sent.delete(first)
    sent.sync()
    assert sent.documents() == []
    code, printed = sent.winbc(*arguments, "--yes")
    assert code == 0, printed
    assert sent.row()["target_no"] == sent.documents()[0] != first
    assert [state for state, _ in sent.events()] == ["PLANNED", "SENDING", "CONFIRMED"]
    before = sent.sandboxes.bc()["writes"]
    sent.sync()
    assert sent.sandboxes.bc()["writes"] == before


def test_what_is_sent_again_as_sent_is_what_was_sent(sent: Desk) -> None:
    first = sent.sandboxes.bc()["records"]["salesOrders"][0]
    sent.delete(first["number"])
    table = sent.sandboxes.own_tables() / FLOW / "order.csv"
    table.write_text(table.read_text().replace("delivery_add_city", "upper(delivery_add_city)"))
    sent.monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sent.sandboxes.settings.mapping_folder))
    assert sent.winbc("replay", "W1", "--as-sent", "--yes")[0] == 0
    second = sent.sandboxes.bc()["records"]["salesOrders"][0]
    assert second["shipToCity"] == first["shipToCity"] == "Utrecht"
    assert second["number"] != first["number"]


def test_a_body_that_is_no_longer_kept_is_told(sent: Desk) -> None:
    sent.delete(sent.documents()[0])
    with ConnectedFlow(flow_named(FLOW), sent.sandboxes.settings).store.open() as connection:
        connection.execute("DELETE FROM sent_payload")
    code, printed = sent.winbc("replay", "W1", "--as-sent", "--yes")
    assert code == 1
    assert "Bodies are kept for 7 days" in printed


def test_an_order_edited_since_is_not_replayed_as_sent(sent: Desk) -> None:
    sent.delete(sent.documents()[0])
    sent.fill({"modified_at": "2026-03-03T11:00:00.000Z"}, lines=[{"quantity": "3"}])
    sent.sync()
    code, printed = sent.winbc("replay", "W1", "--as-sent", "--yes")
    assert code == 1
    assert "was edited since it was sent" in printed
    assert sent.documents() == []


def test_as_mapped_now_shows_what_the_tables_would_change_and_leaves_the_order_as_it_is(sent: Desk) -> None:
    table = sent.sandboxes.own_tables() / FLOW / "order.csv"
    table.write_text(table.read_text().replace("delivery_add_city", "upper(delivery_add_city)"))
    sent.monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sent.sandboxes.settings.mapping_folder))
    code, printed = sent.winbc("replay", "W1", "--as-mapped-now", "--yes")
    assert code == 1
    assert "shipToCity: Utrecht -> UTRECHT" in printed
    assert sent.row()["state"] == "CONFIRMED"


def test_as_mapped_now_changes_an_open_order_where_changes_are_applied(sent: Desk) -> None:
    table = sent.sandboxes.own_tables() / FLOW / "order.csv"
    table.write_text(table.read_text().replace("delivery_add_city", "upper(delivery_add_city)"))
    sent.monkeypatch.setenv("WINBC_MAPPING_FOLDER", str(sent.sandboxes.settings.mapping_folder))
    sent.monkeypatch.setenv("WINBC_ORDERS__ON_CHANGE", "apply")
    code, printed = sent.winbc("replay", "W1", "--as-mapped-now", "--yes")
    assert code == 0, printed
    assert sent.sandboxes.bc()["records"]["salesOrders"][0]["shipToCity"] == "UTRECHT"


@dataclass
class Lost:
    """W1 may be on its way: sent at noon, no answer, nowhere to be seen."""

    desk: Desk
    sent_at: datetime

    def later(self, minutes: float) -> None:
        now = self.sent_at + timedelta(minutes=minutes)
        self.desk.monkeypatch.setattr(clock, "now", lambda: now)
        self.desk.sandboxes.set_clock(now=now.isoformat())


@pytest.fixture
def on_its_way(sent: Desk) -> Lost:
    sent.delete(sent.documents()[0])
    moment = datetime.now(UTC)
    sent.move("SENDING", intent_at=moment, action="create", attempt_no=1, target_id=None, looked_at=None)
    sent.move("UNKNOWN", reason="NO_ANSWER", server_at=None)
    return Lost(sent, moment)


def test_nobody_hurries_an_order_that_may_still_arrive(on_its_way: Lost) -> None:
    resend, ignore = ["resolve", "W1", "--resend"], ["resolve", "W1", "--ignore", "lost"]
    on_its_way.later(19.9)
    for arguments in (resend, ["replay", "W1", "--as-sent"], ignore):
        code, printed = on_its_way.desk.winbc(*arguments, "--yes")
        assert code == 1
        assert "may still arrive" in printed
    on_its_way.desk.winbc("retry", "--order", "W1", "--yes")
    assert on_its_way.desk.documents() == []
    assert on_its_way.desk.row()["state"] == "UNKNOWN"


def test_a_lost_order_is_looked_up_twice_before_it_is_sent_by_hand(on_its_way: Lost) -> None:
    desk = on_its_way.desk
    on_its_way.later(21)
    code, printed = desk.winbc("resolve", "W1", "--resend", "--yes")
    assert code == 1
    assert "ask again in a minute" in printed
    on_its_way.later(21.9)
    assert desk.winbc("resolve", "W1", "--resend", "--yes")[0] == 1
    assert desk.documents() == []
    on_its_way.later(22.1)
    code, printed = desk.winbc("resolve", "W1", "--resend", "--yes")
    assert code == 0, printed
    assert len(desk.documents()) == 1


def test_a_lost_order_that_was_cancelled_meanwhile_is_not_sent_again(on_its_way: Lost) -> None:
    desk = on_its_way.desk
    desk.fill({"status": "cancelled", "modified_at": "2026-03-03T12:00:00.000Z"})
    for minutes in (21, 23, 25):
        on_its_way.later(minutes)
        desk.sandboxes.sync(FLOW)
    assert desk.documents() == []
    assert desk.row()["state"] == "SKIPPED"


def test_after_three_losses_a_person_may_send_it(sent: Desk) -> None:
    sent.delete(sent.documents()[0])
    sent.move("NEEDS_HUMAN", reason="TRIED_OUT", attempt_no=3, intent_at=datetime(2026, 3, 1, tzinfo=UTC))
    code, printed = sent.winbc("resolve", "W1", "--resend", "--yes")
    assert code == 0, printed
    assert len(sent.documents()) == 1


def test_a_document_typed_by_hand_becomes_the_orders(held: Desk) -> None:
    held.sandboxes.sync("customers")
    number = held.type_order("WS-W1")
    code, printed = held.winbc("resolve", "W1", "--adopt", number, "--yes")
    assert code == 0, printed
    row = held.row()
    assert (row["state"], row["reason"], row["target_no"]) == ("CONFIRMED", "ADOPTED_DIFFERS", number)
    assert held.documents() == [number]
    assert held.events() == [("CONFIRMED", "ADOPTED_DIFFERS")]


def test_a_document_with_another_reference_is_taken_only_by_force(held: Desk) -> None:
    held.sandboxes.sync("customers")
    number = held.type_order("PHONE-7")
    code, printed = held.winbc("resolve", "W1", "--adopt", number, "--yes")
    assert code == 1
    assert "has the external document number PHONE-7, not WS-W1" in printed
    assert held.row()["state"] == "FAILED"
    assert held.winbc("resolve", "W1", "--adopt", number, "--force", "--yes")[0] == 0
    assert held.row()["target_no"] == number


def test_the_document_of_another_order_is_not_taken(desk: Desk) -> None:
    desk.fill({}, {"order_number": "W2"}, lines=[{}, {"order_number": "W2", "sku": "SKU-9"}])
    desk.add_item()
    desk.sync()
    number = desk.row()["target_no"]
    code, printed = desk.winbc("resolve", "W2", "--adopt", number, "--force", "--yes")
    assert code == 1
    assert f"{number} belongs to order W1 already" in printed


def test_a_number_that_is_not_there_is_not_adopted(held: Desk) -> None:
    code, printed = held.winbc("resolve", "W1", "--adopt", "S-ORD99999", "--yes")
    assert code == 1
    assert "Business Central has 0 documents numbered S-ORD99999" in printed


def test_an_ignored_order_stays_so_with_its_words_until_it_is_edited(held: Desk) -> None:
    assert held.winbc("resolve", "W1", "--ignore", "sold at the counter", "--yes")[0] == 0
    held.add_item()
    row = held.sync()
    assert (row["state"], row["reason"], row["message"]) == ("SKIPPED", "IGNORED", "sold at the counter")
    assert held.documents() == []
    assert held.events() == [("SKIPPED", "IGNORED")]
    held.fill({"modified_at": "2026-03-03T11:00:00.000Z"}, lines=[{"quantity": "3"}])
    assert held.sync()["state"] == "CONFIRMED"


def test_an_ignored_change_leaves_the_document_the_orders(sent: Desk) -> None:
    sent.fill({"modified_at": "2026-03-03T11:00:00.000Z"}, lines=[{"quantity": "3"}])
    assert sent.sync()["state"] == "CONFLICT"
    assert sent.winbc("resolve", "W1", "--ignore", "the customer keeps two", "--yes")[0] == 0
    assert sent.sync()["state"] == "SKIPPED"
    sent.fill({"modified_at": "2026-03-03T12:00:00.000Z"}, lines=[{"quantity": "4"}])
    row = sent.sync()
    assert (row["state"], row["reason"]) == ("CONFLICT", "CHANGED")
    assert len(sent.documents()) == 1


def test_ignoring_needs_a_reason_and_something_to_ignore(sent: Desk) -> None:
    assert "nothing to ignore" in sent.winbc("resolve", "W1", "--ignore", "why not", "--yes")[1]
    assert "Say why" in sent.winbc("resolve", "W1", "--ignore", " ", "--yes")[1]


def test_what_changed_while_a_person_looked_is_not_done(held: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(*_: Any, **__: Any) -> bool:
        held.add_item()
        held.sync()
        return True

    monkeypatch.setattr("typer.confirm", meanwhile)
    code, printed = held.winbc("resolve", "W1", "--ignore", "never mind")
    assert code == 1
    assert "nothing to ignore" in printed
    assert len(held.documents()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["resolve", "W1"],
        ["resolve", "W1", "--resend", "--ignore", "both"],
        ["resolve", "W1", "--resend", "--force"],
        ["replay", "W1"],
        ["replay", "W1", "--as-sent", "--as-mapped-now"],
        ["retry", "--order", "W1", "--reason", "TOTAL"],
        ["retry", "--flow", "orders_bc_to_nowhere"],
    ],
)
def test_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["winbc", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


def test_retry_and_ignore_work_for_plain_records_too(desk: Desk) -> None:
    desk.sandboxes.fill(customers=[{"email": "no address"}])
    desk.sandboxes.sync("customers")
    assert desk.sandboxes.ledger("customers")["000123"]["state"] == "FAILED"
    code, printed = desk.winbc("resolve", "000123", "--flow", "customers", "--ignore", "gone away", "--yes")
    assert code == 0, printed
    desk.sandboxes.sync("customers")
    assert desk.sandboxes.ledger("customers")["000123"]["reason"] == "IGNORED"
    assert "makes no documents" in desk.winbc("resolve", "000123", "--flow", "customers", "--resend", "--yes")[1]
