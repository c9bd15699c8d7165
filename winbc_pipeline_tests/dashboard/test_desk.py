"""To do, Plan, Order beside document, Settings and Reconciliation: what a person sees, does, and may not do."""

import csv
import html
import io
import re
import threading
from typing import Any

import pytest
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import Role
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.store import Row
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.desk import plan_pages
from winbc_pipeline.workbench.desk.plan_pages import Wanted
from winbc_pipeline.workbench.reconcile.findings import Finding, Reconciled
from winbc_pipeline.workbench.reconcile.report import keep, last_report

from ..support.acts import acts_of
from ..support.dashboard import browser, door_of
from ..support.leases import leased_elsewhere
from ..support.order_sandboxes import BC, LATER_SKU, OrderSandboxes

FLOW = ORDERS_TO_BC.id


def opened(orders: OrderSandboxes, role: Role = "operate", language: str = "en") -> TestClient:
    settings = orders.settings
    return browser(door_of(settings.state_folder, settings=settings), role, language)


def fields(page: str, action: str, **wanted: str) -> dict[str, str]:
    """What the form with this action, and these fields, would send."""
    for form in re.findall(rf'<form method="post" action="{action}".*?</form>', page, re.DOTALL):
        found = {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
        if wanted.items() <= found.items():
            return found
    raise AssertionError(f"no form {action} with {wanted}")


def cells(page: str) -> str:
    """The words of a page, without marks."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def failed(orders: OrderSandboxes) -> None:
    """An order of an item that Business Central does not have yet."""
    orders.order("W1", lines=[{"product_id": LATER_SKU}])
    orders.sync()
    assert orders.ledger()["W1"]["state"] == "FAILED"


def test_a_red_order_is_mended_in_two_steps_and_noted(orders: OrderSandboxes) -> None:
    failed(orders)
    client = opened(orders)
    page = client.get("/todo").text
    assert "W1" in page and "DEPENDENCY" in page and LATER_SKU in page and "What to do" in page
    orders.has_item(LATER_SKU)
    plan = client.post("/todo/plan", data=fields(page, "/todo/plan", how="retry", key="W1")).text
    assert "create" in plan and orders.documents("W1") == []
    assert "externalDocumentNumber: WS-W1" in plan and "orderDate: 2026-03-10" in plan and "taxCode VAT21" in plan
    assert "shipToCity: •••" in plan and "Utrecht" not in plan, "only values of persons are masked"
    done = client.post("/todo/do", data=fields(plan, "/todo/do")).text
    assert "CONFIRMED" in done and len(orders.documents("W1")) == 1
    (entry,) = acts_of(orders.settings)
    assert (entry.act, entry.subject, entry.who) == ("retry", FLOW, "dashboard:operate")
    assert "Nothing waits for a person" in client.get("/todo").text


@pytest.mark.proof
def test_what_changed_since_it_was_shown_is_not_done(orders: OrderSandboxes) -> None:
    failed(orders)
    orders.has_item(LATER_SKU)
    client = opened(orders)
    plan = client.post("/todo/plan", data={"flow": FLOW, "how": "retry", "key": "W1"}).text
    orders.types("W1")  # meanwhile a person makes the document by hand
    answer = client.post("/todo/do", data=fields(plan, "/todo/do"))
    assert answer.status_code == 409 and "nothing was done" in answer.text
    assert len(orders.documents("W1")) == 1


def test_an_order_is_ignored_for_a_reason_alone(orders: OrderSandboxes) -> None:
    failed(orders)
    client = opened(orders)
    refused = client.post("/todo/plan", data={"flow": FLOW, "how": "ignore", "key": "W1", "why": " "})
    assert refused.status_code == 409 and "Say why" in refused.text
    plan = client.post("/todo/plan", data={"flow": FLOW, "how": "ignore", "key": "W1", "why": "sent <b>by hand"}).text
    assert "sent &lt;b&gt;by hand" in plan and "<b>by" not in plan
    client.post("/todo/do", data=fields(plan, "/todo/do"))
    assert orders.ledger()["W1"]["state"] == "SKIPPED"


def test_a_document_that_a_person_made_is_adopted_by_its_number(orders: OrderSandboxes) -> None:
    failed(orders)
    orders.has_item(LATER_SKU)
    orders.types("W1")
    (made,) = orders.documents("W1")
    client = opened(orders)
    plan = client.post("/todo/plan", data={"flow": FLOW, "how": "adopt", "key": "W1", "number": made["number"]}).text
    assert "adopt" in plan and orders.ledger()["W1"]["state"] == "FAILED"
    client.post("/todo/do", data=fields(plan, "/todo/do"))
    known = orders.ledger()["W1"]
    assert (known["state"], known["target_no"]) == ("CONFIRMED", made["number"]) and len(orders.documents("W1")) == 1


def test_who_may_only_look_sees_no_button_and_can_do_nothing(orders: OrderSandboxes) -> None:
    failed(orders)
    client = opened(orders, "view")
    page = client.get("/todo").text
    assert "W1" in page and "/todo/plan" not in page
    for path in ("/todo/plan", "/todo/do", "/plan/approve", "/settings/check", "/settings/pause", "/mapping/save"):
        assert client.post(path, data={"flow": FLOW, "how": "retry", "key": "W1"}).status_code == 403


def test_a_page_waits_less_than_a_second_for_a_run(orders: OrderSandboxes) -> None:
    failed(orders)
    client = opened(orders)
    with leased_elsewhere(ConnectedFlow(ORDERS_TO_BC, orders.settings)):
        answer = client.post("/todo/plan", data={"flow": FLOW, "how": "retry", "key": "W1"})
    assert answer.status_code == 503 and "E-STORE" in answer.text
    assert answer.elapsed.total_seconds() < 2


def test_the_list_speaks_dutch(orders: OrderSandboxes) -> None:
    failed(orders)
    page = opened(orders, language="nl-NL").get("/todo").text
    assert '<html lang="nl-NL">' in page and "Opnieuw proberen" in page and "1 record wacht" in page
    assert "Een artikel ontbreekt of is geblokkeerd" in page and "Orders, Winstore naar Business Central" in page


def test_a_hostile_key_and_message_are_only_text(orders: OrderSandboxes) -> None:
    known = {"reason": "BC_REFUSED", "message": "<script>alert(1)</script>"}
    store = ConnectedFlow(ORDERS_TO_BC, orders.settings).store
    ledger.move(store, [Move("document", '"><img src=x>', State.FAILED, known)], "run")
    page = opened(orders).get("/todo").text
    assert "<script>alert" not in page and "<img src=x>" not in page and "&lt;img src=x&gt;" in page


def test_the_plan_is_counted_filtered_and_masked(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.order("W2", lines=[{"product_id": LATER_SKU}])
    orders.sync()
    client = opened(orders)
    page = client.get("/plan", params={"flow": FLOW, "action": "create", "part": ORDERS_TO_BC.main}).text
    assert ">W1<" in page and ">W2<" not in page and "1 record" in page
    assert "Kerkweg" not in page and "People&#39;s values are masked" in page
    shown = client.get("/plan", params={"flow": FLOW, "open": "1"}).text
    assert "Utrecht" in shown
    assert [entry.act for entry in acts_of(orders.settings)] == ["show"]


@pytest.mark.proof
def test_the_plan_as_csv_runs_no_formula(orders: OrderSandboxes) -> None:
    orders.order("W1", status="=1+2")
    orders.order("=1+2")
    orders.sync()
    answer = opened(orders).get("/plan/csv", params={"flow": FLOW})
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer.headers["content-disposition"].endswith(f'"plan_{FLOW}.csv"')
    assert rows[0][:3] == ["key", "part", "action"] and len(rows) > 2
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)


def test_the_plan_as_csv_is_the_same_in_parts(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is short, so that no run waits for a spreadsheet."""
    for number in range(5):
        orders.order(f"W{number}")
    orders.sync()
    client = opened(orders)
    whole = client.get("/plan/csv", params={"flow": FLOW}).content
    monkeypatch.setattr(plan_pages, "IN_PART", 2)
    assert client.get("/plan/csv", params={"flow": FLOW}).content == whole
    assert all(f"W{number}".encode() in whole for number in range(5))


def test_the_plan_as_csv_is_never_a_half_of_two_plans(orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    part = plan_pages._part

    def planned_anew_behind_the_first(connected: ConnectedFlow, wanted: Wanted, last: list[Row], most: int) -> Any:
        found = part(connected, wanted, last, most)
        if not last:
            orders.pass_time(1)
            orders.order("W3")
            run = threading.Thread(target=orders.sync)  # its own context: a run does not look, it writes
            run.start()
            run.join()
        return found

    orders.order("W1")
    orders.order("W2")
    orders.sync()
    monkeypatch.setattr(plan_pages, "IN_PART", 2)
    monkeypatch.setattr(plan_pages, "_part", planned_anew_behind_the_first)
    answer = opened(orders).get("/plan/csv", params={"flow": FLOW})
    assert answer.status_code >= 400 and "planned anew" in cells(answer.text)


def test_an_order_stands_beside_its_document_with_the_difference_in_cents(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    client = opened(orders)
    page = client.get("/order", params={"name": "W1"}).text
    assert "Order and document agree" in page and "-€0.01" in page, "Business Central rounds per VAT rate"
    (line,) = [line for line in orders.lines("W1") if line["lineType"] == "Item"]
    orders.by_person("PATCH", f"salesOrderLines({line['id']})", {"quantity": 3})
    page = client.get("/order", params={"name": orders.documents("W1")[0]["number"]}).text
    assert "not in the document" in page and "Order and document agree" not in page


def test_each_line_has_its_vat_on_both_sides_with_the_differences_and_the_totals(orders: OrderSandboxes) -> None:
    """Two mugs at 9.95 less 5 % (1.00) are 18.90, and 21 % of that is 3.97; the shipping of 4.95 has no VAT."""
    orders.order("W1")
    orders.sync()
    (line,) = [line for line in orders.lines("W1") if line["lineType"] == "Item"]
    client = opened(orders)
    page = cells(client.get("/order", params={"name": "W1"}).text)
    assert page.count("VAT21 21 €18.90 €3.97 €22.87") == 2, "the order's line and the document's"
    orders.by_person("PATCH", f"salesOrderLines({line['id']})", {"taxCode": "VAT9"})
    page = cells(client.get("/order", params={"name": "W1"}).text)
    assert "VAT9 9 €18.90 €1.70 €20.60" in page
    assert "Difference €0.00 -€2.27 -€2.27" in page, "of the line"
    assert "Totals Order €23.85 €3.98 €27.83 Document €23.85 €1.70 €25.55 Difference €0.00 -€2.28 -€2.28" in page


def test_a_retry_that_made_a_document_with_a_difference_says_that_it_was_made(orders: OrderSandboxes) -> None:
    """Without a VAT rate its total is known only afterwards. Source: docs/errors.md, TOTAL_DIFFERS."""
    orders.order("W1", lines=[{"product_id": LATER_SKU, "vatrate": ""}], total="99.00")
    orders.sync()
    orders.has_item(LATER_SKU)
    client = opened(orders)
    plan = client.post("/todo/plan", data={"flow": FLOW, "how": "retry", "key": "W1"}).text
    done = client.post("/todo/do", data=fields(plan, "/todo/do")).text
    assert "TOTAL_DIFFERS" in done and "The document was made, and it differs from its order" in done
    assert "are not done" not in done and 'href="/order?name=W1"' in done
    assert "correct the document in Business Central" in done, "what to do about it"


@pytest.mark.proof
def test_a_record_that_breaks_a_rule_leads_to_the_table_with_the_rule(orders: OrderSandboxes) -> None:
    orders.order("W1", lines=[{"vatrate": "77"}])
    orders.sync()
    page = opened(orders).get("/todo").text
    assert 'href="/mapping/table?name=lookups/tax_groups.csv"' in page
    assert f'href="/mapping/table?name={FLOW}/order_line.csv"' in page


@pytest.mark.proof
def test_what_was_refused_stands_in_no_log_as_done(orders: OrderSandboxes) -> None:
    failed(orders)
    assert opened(orders).post("/todo/do", data={"flow": FLOW, "how": "retry", "key": "W1"}).status_code == 409
    assert acts_of(orders.settings) == []


@pytest.mark.proof
def test_an_order_is_found_by_the_number_of_its_posted_invoice_and_leads_to_what_was_sent(
    orders: OrderSandboxes,
) -> None:
    orders.order("W1")
    orders.sync()
    orders.posts("W1")
    (invoice,) = orders.state(BC)["records"]["salesInvoices"]
    page = opened(orders).get("/order", params={"name": invoice["number"]}).text
    assert "Order W1" in cells(page) and f'href="/activity/{FLOW}/W1"' in page


def test_an_order_that_nobody_knows_is_said_so(orders: OrderSandboxes) -> None:
    orders.order("W1")
    orders.sync()
    answer = opened(orders).get("/order", params={"name": "W9"})
    assert answer.status_code == 404 and "There is no order W9" in answer.text


def test_settings_are_shown_with_their_source_and_no_secret(
    orders: OrderSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINBC_BC__PASSWORD", "sandbox-secret")
    page = opened(orders, "view").get("/settings").text
    assert "bc.company" in page and "sandbox-secret" not in page
    row = re.search(r"bc\.password</th>.*?</tr>", page, re.DOTALL)
    assert row and ">set<" in row[0] and "environment" in row[0]


def test_a_flow_rests_and_goes_on(orders: OrderSandboxes) -> None:
    client = opened(orders)
    assert "rests until" in client.post("/settings/pause", data={"flow": FLOW, "hours": "4"}).text
    assert "rests until" not in client.post("/settings/resume", data={"flow": FLOW}).text
    assert [entry.act for entry in acts_of(orders.settings)] == ["pause", "resume"]


def test_the_last_comparison_is_kept_without_values_of_people_and_shown(orders: OrderSandboxes) -> None:
    changes = ({"field": "sellToCity", "old": "Utrecht", "new": "Zeist"},)
    found = Finding("document", "different", "=W1", number="S-1", reason="ADOPTED_DIFFERS", changes=changes)
    told = Reconciled(FLOW, orders.moment(), orders.moment(), 7, {"document": 2}, {"IGNORED": 1}, (found,))
    one = ConnectedFlow(ORDERS_TO_BC, orders.settings)
    keep(one, told)
    assert "Zeist" not in str(last_report(one))
    client = opened(orders, "view")
    page = client.get("/reconcile").text
    assert "sellToCity" in page and "differ" in page and "S-1" in page
    rows = list(
        csv.reader(io.StringIO(client.get("/reconcile/csv", params={"flow": FLOW}).content.decode("utf-8-sig")))
    )
    assert rows[1][2] == "'=W1"
