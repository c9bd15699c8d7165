"""The commands of stock, against both sandboxes."""

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli.main import app

from ..support.flow_cases import FLOW_CASES, winstore_state
from ..support.sandboxes import Sandboxes

CASE = FLOW_CASES["stock_winstore_to_bc"]


def winbc(*words: str) -> str:
    """What a command prints; it must succeed."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def inventory(sandboxes: Sandboxes, number: str = "SKU-1") -> float:
    (item,) = [each for each in sandboxes.bc()["records"]["items"] if each["number"] == number]
    return float(item["inventory"])


@pytest.fixture
def shop(sandboxes: Sandboxes) -> Sandboxes:
    """Two SKUs with an article, an item and five pieces each."""
    sandboxes.fill(articles=[{}, {"sku": "SKU-2", "article_key": "2"}])
    CASE.fill(sandboxes, False)
    return sandboxes


def test_a_sale_in_winstore_arrives_and_a_count_is_found_by_the_sweep(shop: Sandboxes) -> None:
    winbc("sync", "stock")
    assert inventory(shop) == 5
    words = winbc("sandbox", "sell", shop.addresses.winstore_base, "SKU-1", "--quantity", "2")
    assert "has 3 of SKU-1 left" in words
    assert {row["sku"]: row["quantity"] for row in winstore_state(shop)["records"]["stock"]}["SKU-1"] == "3"
    winbc("sync", "stock", "--key", "sku-1")
    assert inventory(shop) == 3

    winbc("sandbox", "count", shop.addresses.bc_control, "SKU-1", "9")
    assert inventory(shop) == 9
    assert "1 differ or were not known, 0 failed" in " ".join(winbc("stock", "sweep").split())
    assert inventory(shop) == 3


def test_a_figure_is_explained(shop: Sandboxes) -> None:
    winbc("sync", "stock")
    words = winbc("stock", "explain", "sku-2")
    assert "stock_winstore_to_bc SKU-2" in words
    assert "warehouses: 7: 5, reserved 0" in words
    assert "in the target now: 5" in words
    assert CliRunner().invoke(app, ["stock", "explain", "NOBODY"]).exit_code == 1
