"""Fields of Business Central's sales header that API v2.0 does not have: known, named, and never dropped in silence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import main, mapping
from winbc_pipeline.sync.documents.by_key.request import APP_FIELDS
from winbc_pipeline.sync.documents.decide import COMPANION_FIELDS
from winbc_pipeline.systems.business_central import entity_fields
from winbc_pipeline.workbench.checks import takes_orders

from ...support.order_flow import OrderFlow, open_order_flow
from ...support.order_sandboxes import REPOSITORY

# A value for each. Codes are those of the sandbox where it has a table of them.
VALUES = {
    "paymentMethodCode": "CASH",
    "yourReference": "Eva",
    "shipToCode": "HOME",
    "locationCode": "SHOP2",
    "shippingAgentCode": "DHL",
    "shippingAgentServiceCode": "NIGHT",
    "customerPostingGroup": "DOMESTIC",
    "genBusPostingGroup": "DOMESTIC",
    "vatBusPostingGroup": "DOMESTIC",
    "customerPriceGroup": "RETAIL",
    "customerDiscGroup": "STAFF",
    "packageTrackingNo": "JVGL1",
    "languageCode": "NLD",
    "workDescription": "Wrap it",
    "release": "true",
}
pytestmark = pytest.mark.proof

WARNING = "needs the companion app; without it, orders that fill it fail with NEEDS_APP"


def plan_of(order_flow: OrderFlow, document: str) -> tuple[str, str, str]:
    """Action, reason and message of an order that fills them; one that leaves them empty is sent all the same."""
    order_flow.choose(document=document)
    for field in COMPANION_FIELDS:
        value = "true" if field == "release" else "'X'"
        order_flow.edit_table(document, field, source=f"if(ordernr = 'W1', {value}, null)")
    order_flow.order("W2")
    order_flow.send()
    assert order_flow.outcome("W2") == ("CONFIRMED", None)
    row = next(each for each in order_flow.planned() if each["key"] == "W1")
    return row["action"], row["reason"], row["message"]


@pytest.mark.parametrize("document", ["order", "invoice"])
def test_an_order_that_fills_them_is_not_sent_and_its_plan_names_each(order_flow: OrderFlow, document: str) -> None:
    action, reason, message = plan_of(order_flow, document)
    assert (action, reason) == ("fail", "NEEDS_APP")
    assert [field for field in COMPANION_FIELDS if field not in message] == []


@pytest.mark.parametrize("field", COMPANION_FIELDS[:1] + COMPANION_FIELDS[-2:-1])
def test_one_of_them_is_enough(order_flow: OrderFlow, field: str) -> None:
    order_flow.edit_table("order", field, source="ordernr")
    assert order_flow.send()["reason"] == "NEEDS_APP"


@pytest.mark.parametrize("arguments", [("mapping", "validate", "orders_winstore_to_bc"), ("check",)])
def test_the_tables_are_valid_and_each_row_is_warned_of(
    order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    for field in COMPANION_FIELDS:
        order_flow.edit_table("order", field, source="true" if field == "release" else "ordernr")
    for module in (main, mapping):
        monkeypatch.setattr(module, "load_settings", lambda: order_flow.settings)
    table = order_flow.settings.mapping_folder / "orders_winstore_to_bc" / "order.csv"
    first = len(table.read_text(encoding="utf-8").splitlines()) - len(COMPANION_FIELDS) + 1
    done = CliRunner().invoke(main.app, list(arguments))
    assert done.exit_code == 0, done.output
    for row, field in enumerate(COMPANION_FIELDS, first):
        assert f"warning orders_winstore_to_bc/order.csv row {row}: {field} {WARNING}" in done.output


def test_with_the_app_each_of_them_is_on_the_document_and_no_warning_is_left(tmp_path: Path, tables: Path) -> None:
    """docs/companion-app.md, "Fill what API v2.0 lacks"."""
    with open_order_flow(tmp_path, with_app=True) as flow:
        for field, value in VALUES.items():
            flow.edit_table("order", field, source=value if value == "true" else f"'{value}'")
        assert flow.send()["state"] == "CONFIRMED"
        (shown,) = flow.records("connector.winstore.salesOrderSettings")
        (request,) = flow.records("connector.winstore.orderRequests")
        there = {APP_FIELDS[field]: value for field, value in VALUES.items() if APP_FIELDS[field] in shown}
        assert {name: shown[name] for name in there} == there
        assert flow.document()["status"] == "Open", "released"  # API v2.0 calls a released order Open
        assert shown["winstoreOrderNumber"] == request["winstoreOrderNumber"] == "W1"
        assert takes_orders(flow.settings)


def test_an_edit_of_one_of_them_after_the_order_was_sent_is_for_a_person(tmp_path: Path, tables: Path) -> None:
    """API v2.0 cannot change it."""
    with open_order_flow(tmp_path, with_app=True) as flow:
        flow.choose(on_change="apply")
        flow.edit_table("order", "yourReference", source="branch")
        flow.send()
        flow.edit("W1", branch="1")
        flow.sync()
        assert flow.outcome() == ("CONFLICT", "CHANGED")
        assert "yourReference" in flow.ledger()["W1"]["message"]


def test_a_field_that_a_request_does_not_have_sends_the_order_as_without_the_app(tmp_path: Path, tables: Path) -> None:
    """Nothing is left out silently; and together with a field that only the app takes, the order waits."""
    with open_order_flow(tmp_path, with_app=True) as flow:
        flow.edit_table("order_line", "description2", source="'Blue'")
        assert flow.send()["state"] == "CONFIRMED"
        assert flow.records("connector.winstore.orderRequests") == []
        assert flow.document()["lines"][0]["description2"] == "Blue"
        flow.edit_table("order", "yourReference", source="ordernr")
        row = flow.send("W2")
        assert (row["reason"], "description2" in row["message"]) == ("NEEDS_APP", True)


@pytest.mark.parametrize("field", COMPANION_FIELDS)
def test_it_is_in_the_docs_and_api_v2_really_lacks_it(field: str) -> None:
    assert f"`{field}`" in (REPOSITORY / "docs" / "orders.md").read_text(encoding="utf-8")
    assert field not in {**entity_fields("salesOrders"), **entity_fields("salesInvoices")}
