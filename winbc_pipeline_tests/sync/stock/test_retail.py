"""The stock of real trading data (537 rows in 12 warehouses), to Business Central and back."""

from decimal import Decimal

import pytest

from winbc_pipeline.settings import StockSettings

from ...support.flow_cases import winstore_state
from ...support.sandboxes import REPOSITORY, Sandboxes

RETAIL = REPOSITORY.parent / "shared" / "data" / "retail"
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout"),
]


def items(sandboxes: Sandboxes) -> dict[str, Decimal]:
    return {item["number"]: Decimal(str(item["inventory"])) for item in sandboxes.bc()["records"]["items"]}


def test_every_row_arrives_in_business_central_or_is_skipped_with_a_reason(sandboxes: Sandboxes) -> None:
    sandboxes.seed(RETAIL)
    sandboxes.sync("products")
    there = items(sandboxes)
    assert sandboxes.sync("stock").failed == 0
    rows = winstore_state(sandboxes)["records"]["stock"]
    assert len(rows) == 537
    free: dict[str, Decimal] = {}
    for row in rows:
        free[row["sku"]] = free.get(row["sku"], Decimal(0)) + Decimal(row["quantity"]) - Decimal(row["reserved"])
    shown, outcomes = items(sandboxes), sandboxes.ledger("stock_winstore_to_bc")
    assert set(outcomes) == set(free)
    assert {sku: shown[sku.upper()] for sku in free if sku.upper() in there} == {
        sku: figure for sku, figure in free.items() if sku.upper() in there
    }
    skipped = {sku: row["reason"] for sku, row in outcomes.items() if row["state"] == "SKIPPED"}
    assert skipped == {sku: "MISSING_ARTICLE" for sku in free if sku.upper() not in there}


def test_the_figures_of_business_central_come_back_to_one_warehouse(sandboxes: Sandboxes) -> None:
    sandboxes.seed(RETAIL)
    sandboxes.sync("products")
    stock = StockSettings(owner="bc", warehouse="7")
    sandboxes.settings = sandboxes.settings.model_copy(update={"stock": stock})
    for number in list(items(sandboxes))[:20]:
        sandboxes.edit_item(number, inventory=11)
    assert sandboxes.sync("stock_bc_to_winstore").failed == 0
    rows = winstore_state(sandboxes)["records"]["stock"]
    shown = {row["sku"].upper(): Decimal(row["quantity"]) for row in rows if row["warehouse"] == "7"}
    assert {number: shown[number] for number in items(sandboxes)} == items(sandboxes)
