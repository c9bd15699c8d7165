"""Whether both systems agree on products: what changed behind our back is found, and nothing else.

Source: docs/operations.md, "Do both systems agree?".
"""

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.reconcile.findings import DIFFERENT, MISSING_RIGHT, Reconciled
from winbc_pipeline.workbench.reconcile.repair import repair, to_repair
from winbc_pipeline.workbench.reconcile.whole import reconcile

from ...support.sandboxes import Sandboxes


def connected(sandboxes: Sandboxes) -> ConnectedFlow:
    return ConnectedFlow(PRODUCTS, sandboxes.settings)


def compared(sandboxes: Sandboxes) -> Reconciled:
    return reconcile(connected(sandboxes))


@pytest.fixture
def shop(sandboxes: Sandboxes) -> Sandboxes:
    """Thirty articles that are items."""
    sandboxes.fill(articles=[{"sku": f"S{n}", "article_key": str(n)} for n in range(30)], customers=[])
    assert sandboxes.sync("products").created == 30
    return sandboxes


def test_what_changed_behind_our_back_is_found_and_nothing_else_and_repaired(shop: Sandboxes) -> None:
    assert compared(shop).agrees
    for n in range(20):
        shop.edit_item(f"S{n}", **({"displayName": "Typed over"} if n % 2 else {"unitPrice": 1}))
    for n in range(20, 25):
        shop.delete_in_bc("items", f"S{n}")

    found = compared(shop)
    assert {each.key for each in found.of_kind(DIFFERENT)} == {f"S{n}" for n in range(20)}
    assert {each.key for each in found.of_kind(MISSING_RIGHT)} == {f"S{n}" for n in range(20, 25)}
    assert len(found.findings) == 25
    (price,) = [each.changes for each in found.findings if each.key == "S2"]
    assert [(each["field"], float(each["old"]), float(each["new"])) for each in price] == [("unitPrice", 1, 18.5)]

    shown = to_repair(connected(shop), found)
    done = repair(connected(shop), shown, "repair")
    assert (done.sent, done.moved, done.undone) == (25, (), ())
    assert compared(shop).agrees
    assert len(shop.bc()["records"]["items"]) == 30
