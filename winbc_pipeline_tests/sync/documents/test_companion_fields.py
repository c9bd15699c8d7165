"""Fields of Business Central's sales header that API v2.0 does not have: known, named, and never dropped in silence."""

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import main, mapping
from winbc_pipeline.sync.documents.decide import COMPANION_FIELDS
from winbc_pipeline.systems.business_central import entity_fields

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import REPOSITORY

every_field = pytest.mark.parametrize("field", COMPANION_FIELDS)
WARNING = "needs the companion app, which is off; orders that fill it fail with NEEDS_APP"


def plan_of(order_flow: OrderFlow, field: str, document: str) -> tuple[str, str, str]:
    """Action, reason and message of an order that fills the field; one that leaves it empty is sent all the same."""
    order_flow.choose(document=document)
    order_flow.edit_table(document, field, source="if(ordernr = 'W1', 'X', null)")
    order_flow.order("W2")
    order_flow.send()
    assert order_flow.outcome("W2") == ("CONFIRMED", None)
    row = next(each for each in order_flow.planned() if each["key"] == "W1")
    return row["action"], row["reason"], row["message"]


@every_field
def test_an_order_that_fills_one_is_not_sent_and_its_plan_names_the_field(order_flow: OrderFlow, field: str) -> None:
    action, reason, message = plan_of(order_flow, field, "order")
    assert (action, reason) == ("fail", "NEEDS_APP")
    assert field in message


def test_invoices_too(order_flow: OrderFlow) -> None:
    assert plan_of(order_flow, "vatBusPostingGroup", "invoice")[1] == "NEEDS_APP"


@every_field
def test_the_tables_are_valid_and_warn_of_the_row(
    order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    assert warned(order_flow, monkeypatch, field, "mapping", "validate", "orders_winstore_to_bc")


def test_the_check_of_everything_warns_of_it_too(order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert warned(order_flow, monkeypatch, "yourReference", "check")


def warned(order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch, field: str, *arguments: str) -> bool:
    """Whether a command names the row of the field, and finds nothing wrong."""
    order_flow.edit_table("order", field, source="ordernr")
    for module in (main, mapping):
        monkeypatch.setattr(module, "load_settings", lambda: order_flow.settings)
    table = order_flow.settings.mapping_folder / "orders_winstore_to_bc" / "order.csv"
    row = len(table.read_text(encoding="utf-8").splitlines())
    done = CliRunner().invoke(main.app, list(arguments))
    assert done.exit_code == 0, done.output
    return f"warning orders_winstore_to_bc/order.csv row {row}: {field} {WARNING}" in done.output


@every_field
def test_it_is_in_the_docs_and_api_v2_really_lacks_it(field: str) -> None:
    assert f"`{field}`" in (REPOSITORY / "docs" / "orders.md").read_text(encoding="utf-8")
    assert field not in {**entity_fields("salesOrders"), **entity_fields("salesInvoices")}
