"""Orders and invoices of Business Central in Winstore: each once, whole, and never a second time in doubt."""

from typing import Any

import httpx
import pytest

from .books import Books
from .conftest import World

FLOW = "orders_bc_to_winstore"


def shop_orders(world: World) -> list[dict[str, Any]]:
    state = httpx.get(f"{world.addresses.winstore_control}/__state").json()
    return state["records"].get("orders", [])  # type: ignore[no-any-return]


@pytest.fixture
def books(world: World) -> Books:
    made = Books(world)
    made.set_up()
    return made


def test_a_released_order_arrives_once_with_all_that_winstore_needs(books: Books) -> None:
    order = books.order({}, {"lineObjectNumber": "SKU-2", "quantity": 3, "unitPrice": 0.10, "discountPercent": 5})
    assert books.world.sync(FLOW).created == 1
    (arrived,) = shop_orders(books.world)
    assert (arrived["ordernr"], arrived["customerid"]) == (order["number"], "605254")
