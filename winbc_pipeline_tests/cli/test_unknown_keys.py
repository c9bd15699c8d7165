"""A key that nobody knows is answered alike by every command that takes one, with what is written alike.

Source: docs/errors.md (E-UNKNOWN), docs/commands.md (exit codes).
"""

from collections.abc import Callable
from functools import partial

import pytest

from ..support.order_flow import OrderFlow
from ..support.shops.product_shop import ProductShop
from ..support.shops.product_shop import product_shop as product_shop
from ..support.shops.stock_world import StockWorld
from .test_cli import as_commands_see_it, run

PRODUCTS, STOCK, ORDERS = "products_winstore_to_bc", "stock_winstore_to_bc", "orders_winstore_to_bc"
WITH_A_SKU = (
    ["products", "{}"],
    ["trace", "{}", "--flow", PRODUCTS],
    ["mapping", "preview", PRODUCTS, "--key", "{}"],
    ["mapping", "explain", PRODUCTS, "{}", "unitPrice"],
    ["plan", PRODUCTS, "--key", "{}"],
    ["records", "--flow", PRODUCTS, "--key", "{}"],
    ["resolve", "{}", "--flow", PRODUCTS, "--ignore", "so", "--yes"],
    ["resolve", "{}", "--flow", PRODUCTS, "--again", "--yes"],
    ["retry", "--order", "{}", "--flow", PRODUCTS, "--yes"],
    ["replay", "{}", "--flow", PRODUCTS, "--as-mapped-now", "--yes"],
)
TO_WINSTORE = "orders_bc_to_winstore"
WITH_AN_ORDER = (
    (ORDERS, ["trace", "{}"]),
    (ORDERS, ["resolve", "{}", "--ignore", "so", "--yes"]),
    (TO_WINSTORE, ["resolve", "{}", "--flow", TO_WINSTORE, "--there"]),
)
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("COLUMNS", "400")
    return partial(run, monkeypatch, capsys)


@pytest.fixture
def shop(product_shop: ProductShop, monkeypatch: pytest.MonkeyPatch) -> ProductShop:
    """Two articles that were sent."""
    as_commands_see_it(product_shop.settings, monkeypatch)
    product_shop.article("1", "SHIRT-R", gtin="0100537900016")
    product_shop.article("2", "MUG")
    product_shop.run()
    return product_shop


def test_every_command_gives_the_same_answer_to_a_sku_that_nobody_knows(shop: ProductShop, command: Command) -> None:
    """Other signs, a letter too many: what people type from a label."""
    said = [command(*(each.format("shirt R") for each in arguments)) for arguments in WITH_A_SKU]
    answers = {(code, printed[printed.index("E-UNKNOWN") :].replace(" SKU ", " record ")) for code, printed in said}
    ((code, printed),) = answers
    assert code == 1
    assert printed == (
        f"E-UNKNOWN: There is no record shirt R: it is neither among what {PRODUCTS} has read of Winstore (articles) "
        "nor in its ledger. There is SHIRT-R. If it is written as you mean it, read the source: "
        f"`winbc plan {PRODUCTS}`."
    )


def test_a_gtin_names_the_sku_that_has_it(shop: ProductShop, command: Command) -> None:
    _, printed = command("products", "100537900016")
    assert "There is SHIRT-R (gtin 0100537900016)." in printed


def test_orders_are_answered_in_the_same_words(
    order_flow: OrderFlow, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    as_commands_see_it(order_flow.settings, monkeypatch)
    order_flow.order("W-1001")
    order_flow.sync()
    for flow, arguments in WITH_AN_ORDER:
        code, printed = command(*(each.format("W1001") for each in arguments))
        assert (code, f"no record W1001: it is neither among what {flow}" in printed) == (1, True), printed
        assert ("There is W-1001." in printed) is (flow == ORDERS)


def test_stock_answers_in_the_same_words(stock: StockWorld, monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    as_commands_see_it(stock.settings, monkeypatch)
    stock.shop_has()
    stock.run()
    for arguments in (["stock", "explain", "SKU1"], ["sync", "stock", "--key", "SKU1"]):
        code, printed = command(*arguments)
        assert code == 1
        assert "E-UNKNOWN: There is no SKU SKU1: it is neither among what " in printed
        assert "There is SKU-1." in printed


@pytest.mark.parametrize("sku", ["MUG", "mug"])
def test_a_sku_without_stock_is_answered_with_that_fact(shop: ProductShop, command: Command, sku: str) -> None:
    code, printed = command("stock", "explain", sku)
    assert code == 0
    assert f"{PRODUCTS} knows the SKU {sku}. It has no stock: {STOCK} read no figure of it" in printed
