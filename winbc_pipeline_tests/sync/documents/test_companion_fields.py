"""Fields of Business Central's sales header that API v2.0 does not have: known, named, and never dropped in silence."""

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import main, mapping
from winbc_pipeline.sync.documents.decide import COMPANION_FIELDS
from winbc_pipeline.systems.business_central import entity_fields

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import REPOSITORY

pytestmark = pytest.mark.proof

WARNING = "needs the companion app, which is off; orders that fill it fail with NEEDS_APP"


def plan_of(order_flow: OrderFlow, document: str) -> tuple[str, str, str]:
    """Action, reason and message of an order that fills them; one that leaves them empty is sent all the same."""
    order_flow.choose(document=document)
    for field in COMPANION_FIELDS:
        order_flow.edit_table(document, field, source="if(ordernr = 'W1', 'X', null)")
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


@pytest.mark.parametrize("field", COMPANION_FIELDS[:1] + COMPANION_FIELDS[-1:])
def test_one_of_them_is_enough(order_flow: OrderFlow, field: str) -> None:
    order_flow.edit_table("order", field, source="ordernr")
    assert order_flow.send()["reason"] == "NEEDS_APP"


@pytest.mark.parametrize("arguments", [("mapping", "validate", "orders_winstore_to_bc"), ("check",)])
def test_the_tables_are_valid_and_each_row_is_warned_of(
    order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    for field in COMPANION_FIELDS:
        order_flow.edit_table("order", field, source="ordernr")
    for module in (main, mapping):
        monkeypatch.setattr(module, "load_settings", lambda: order_flow.settings)
    table = order_flow.settings.mapping_folder / "orders_winstore_to_bc" / "order.csv"
    first = len(table.read_text(encoding="utf-8").splitlines()) - len(COMPANION_FIELDS) + 1
    done = CliRunner().invoke(main.app, list(arguments))
    assert done.exit_code == 0, done.output
    for row, field in enumerate(COMPANION_FIELDS, first):
        assert f"warning orders_winstore_to_bc/order.csv row {row}: {field} {WARNING}" in done.output


@pytest.mark.parametrize("field", COMPANION_FIELDS)
def test_it_is_in_the_docs_and_api_v2_really_lacks_it(field: str) -> None:
    assert f"`{field}`" in (REPOSITORY / "docs" / "orders.md").read_text(encoding="utf-8")
    assert field not in {**entity_fields("salesOrders"), **entity_fields("salesInvoices")}
