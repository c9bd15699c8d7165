"""Real trading data: all orders of the retail folder, to the cent, computed here from its files alone."""

import csv
import json
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from winbc_pipeline.settings import Settings

from ...support.sandboxes import HTTP, Sandboxes
from ..records.test_retail import RETAIL

FLOW = "orders_winstore_to_bc"
CENT = Decimal("0.01")
ORDERS, LINES = 830, 2155
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout"),
]
Rows = list[dict[str, str]]


def rows(table: str) -> Rows:
    with (RETAIL / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def lines_by_order() -> dict[str, Rows]:
    found = defaultdict(list)
    for line in rows("order_lines"):
        found[line["order_number"]].append(line)
    return found


def paid(order: dict[str, str], lines: Rows) -> Decimal:
    """What the customer pays: every line with its VAT in cents, and the shipping cost."""
    total = Decimal(order["shipping_cost"] or 0)
    for line in lines:
        net = Decimal(line["quantity"]) * Decimal(line["unit_price"]) * (100 - Decimal(line["discount_percent"])) / 100
        total += (net * (100 + Decimal(line["vat_rate"])) / 100).quantize(CENT, ROUND_HALF_UP)
    return total


def loaded(sandboxes: Sandboxes, **orders: Any) -> None:
    """Items for all SKUs, as the product flow would make them, and the whole folder in Winstore."""
    sandboxes.settings = Settings(**(dict(sandboxes.settings) | {"orders": orders}))
    skus = sorted({(line["sku"], line["vat_rate"]) for line in rows("order_lines")})
    item = {"displayName": "Article", "baseUnitOfMeasureCode": "PCS"}
    sandboxes.seed_bc(items=[item | {"number": sku, "taxGroupCode": f"VAT{rate}"} for sku, rate in dict(skus).items()])
    sandboxes.seed(RETAIL)


def documents(sandboxes: Sandboxes) -> dict[str, dict[str, Any]]:
    """Sales orders by the order's number, with their lines, decimals exact."""
    state = json.loads(HTTP.get(f"{sandboxes.addresses.bc_control}/__state").text, parse_float=Decimal)["records"]
    lines = defaultdict(list)
    for line in state["salesOrderLines"]:
        lines[line["documentId"]].append(line)
    found = {
        d["externalDocumentNumber"].removeprefix("WS-"): d | {"lines": lines[d["id"]]} for d in state["salesOrders"]
    }
    assert len(found) == len(state["salesOrders"]), "no order is there twice"
    return found


def test_every_order_arrives_and_comes_to_what_was_paid_to_the_cent(sandboxes: Sandboxes) -> None:
    loaded(sandboxes, rounding_account="8100")
    done = sandboxes.sync(FLOW)
    assert (done.created, done.failed) == (ORDERS, 0)
    found, lines, sent = documents(sandboxes), lines_by_order(), 0
    for order in rows("orders"):
        number = order["order_number"]
        document = found.pop(number)
        assert document["totalAmountIncludingTax"] == paid(order, lines[number]), number
        there = [line for line in document["lines"] if line["lineType"] == "Item"]
        names = ("lineObjectNumber", "quantity", "unitPrice", "discountPercent")
        wanted = [
            (line["sku"], *(Decimal(line[name]) for name in ("quantity", "unit_price", "discount_percent")))
            for line in lines[number]
        ]
        assert [tuple(line[name] for name in names) for line in there] == wanted, number
        sent += len(there)
    assert (found, sent) == ({}, LINES)
    assert {row["reason"] for row in sandboxes.ledger(FLOW).values()} == {None}

    writes = len(sandboxes.bc()["writes"])
    again = sandboxes.sync(FLOW)
    assert (again.created, again.updated, again.skipped) == (0, 0, ORDERS)
    assert len(sandboxes.bc()["writes"]) == writes


@pytest.mark.soak
def test_without_a_rounding_account_those_that_differ_are_told_and_differ_by_cents(sandboxes: Sandboxes) -> None:
    loaded(sandboxes)
    sandboxes.sync(FLOW)
    found, lines, differing = documents(sandboxes), lines_by_order(), set()
    for order in rows("orders"):
        number = order["order_number"]
        difference = found[number]["totalAmountIncludingTax"] - paid(order, lines[number])
        assert abs(difference) <= Decimal("0.05"), number
        differing |= {number} if difference else set()
    told = {number for number, row in sandboxes.ledger(FLOW).items() if row["reason"] == "TOTAL_DIFFERS"}
    assert told == differing
    assert differing
