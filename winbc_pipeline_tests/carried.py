"""What each flow carries in the conformance tests, so that all of them pass the same ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from .books import HTTP, Books
from .conftest import World

Written = list[dict[str, Any]]
SECOND_CUSTOMER = {"customer_id": "124", "email": "b@mail.example"}
SECOND_ARTICLE = {"sku": "SKU-2", "article_key": "2"}


@dataclass(frozen=True)
class Carried:
    """The records of one flow.

    Attributes:
        fill: two records in the source, the first one broken or mended.
        many: so many records.
        arrived: the keys of the target's records, by which one that is there twice shows.
        day: the window of the records.
        broken: how a failure names the broken record.
        done: how the target's writes name the other one.
        slow: the fault that lets a kill find the push at work.
    """

    fill: Callable[[World, bool], None]
    many: Callable[[World, int], None]
    written: Callable[[World], Written]
    arrived: Callable[[World], list[str]]
    day: date
    broken: str
    done: str
    slow: tuple[str, str]


def shop(world: World) -> dict[str, Any]:
    return HTTP.get(f"{world.addresses.winstore_control}/__state").json()  # type: ignore[no-any-return]


def _customers(world: World, broken: bool) -> None:
    world.fill(customers=[{"email": "no at sign"} if broken else {}, SECOND_CUSTOMER])


def _articles(world: World, broken: bool) -> None:
    world.fill(articles=[{"name": "x" * 101} if broken else {}, SECOND_ARTICLE])


def _many_masters(world: World, count: int) -> None:
    world.fill(
        customers=[{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(1, count + 1)],
        articles=[{"sku": f"S{n}", "article_key": str(n)} for n in range(1, count + 1)],
    )


def _books(world: World) -> Books:
    """The books, set up once; the first article is made known to Winstore when the record is mended."""
    books = Books(world)
    if not world.bc()["records"].get("customers"):
        books.set_up()
    return books


def _orders(world: World, broken: bool) -> None:
    books = _books(world)
    if not world.bc()["records"].get("salesOrders"):
        world.seed_bc(items=[{"number": "SKU-9", "displayName": "Mug", "type": "Inventory"}])
        books.order({"lineObjectNumber": "SKU-9"})
        books.order()
    if not broken:
        world.fill(articles=[{"sku": "SKU-9", "article_key": "9"}])


def _many_orders(world: World, count: int) -> None:
    books = _books(world)
    for order in books.orders([{}] * count):
        books.user("release", order)


def _statuses(world: World, broken: bool) -> None:
    books = _books(world)
    if not world.bc()["records"].get("salesOrders"):
        for number in ("W1", "W2"):
            books.order(externalDocumentNumber=f"WS-{number}")
        books.in_shop("W2")
    if not broken:
        books.in_shop("W1")


def _many_statuses(world: World, count: int) -> None:
    books = _books(world)
    for order in books.orders([{"externalDocumentNumber": f"WS-W{n}"} for n in range(1, count + 1)]):
        books.user("release", order)
        books.in_shop(order["externalDocumentNumber"].removeprefix("WS-"))


def _in_bc(world: World) -> Written:
    return world.bc()["writes"]  # type: ignore[no-any-return]


def _in_shop(call: str) -> Callable[[World], Written]:
    return lambda world: [write for write in shop(world)["writes"] if write["entity"] == call]


def _numbers(entity_set: str) -> Callable[[World], list[str]]:
    return lambda world: [record["number"] for record in world.bc()["records"][entity_set]]


CARRIED = {
    "customers_winstore_to_bc": Carried(
        _customers, _many_masters, _in_bc, _numbers("customers"), date(2026, 3, 1), "000123", "WS124", ("bc", "$batch")
    ),
    "products_winstore_to_bc": Carried(
        _articles, _many_masters, _in_bc, _numbers("items"), date(2026, 3, 2), "SKU-1", "SKU-2", ("bc", "$batch")
    ),
    "orders_bc_to_winstore": Carried(
        _orders,
        _many_orders,
        _in_shop("PostOrderWithStatusCode"),
        lambda world: [order["ordernr"] for order in shop(world)["records"]["orders"]],
        date(2026, 3, 2),
        "S-ORD00001",
        "S-ORD00002",
        ("winstore", "PostOrderWithStatusCode"),
    ),
    "order_status_bc_to_winstore": Carried(
        _statuses,
        _many_statuses,
        _in_shop("PostOrderStatus"),
        lambda world: [o["ordernr"] for o in shop(world)["records"]["orders"] if o["status"] == "processing"],
        date(2026, 3, 2),
        "WS-W1",
        "W2",
        ("winstore", "PostOrderStatus"),
    ),
}
