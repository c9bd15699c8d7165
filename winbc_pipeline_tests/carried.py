"""What each flow carries in the conformance tests, so that all of them pass the same ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from .books import AT, CUSTOMER, HTTP, LINE, Books
from .conftest import World

Written = list[dict[str, Any]]
SECOND_CUSTOMER = {"customer_id": "124", "email": "b@mail.example"}
SECOND_ARTICLE = {"sku": "SKU-2", "article_key": "2"}
LINES_OF_SHOP = [{"order_number": "W1", "sku": "SKU-1"}, {"order_number": "W2", "sku": "SKU-2"}]
COMPLETED = {"status": "completed"}


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
        looks_twice: what may have arrived is looked up twice, a minute apart, before it is sent again: a document and
            an action have no number of ours that would refuse a second one.
    """

    fill: Callable[[World, bool], None]
    many: Callable[[World, int], None]
    written: Callable[[World], Written]
    arrived: Callable[[World], list[str]]
    day: date
    broken: str
    done: str
    slow: tuple[str, str]
    looks_twice: bool = False


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


def _orders_of_shop(world: World, broken: bool) -> None:
    """Two orders; the first one's item is not in Business Central until the record is mended."""
    world.fill(orders=[{"order_number": "W1"}, {"order_number": "W2"}], lines=LINES_OF_SHOP)
    _items(world, "SKU-2", *([] if broken else ["SKU-1"]))


def _many_orders_of_shop(world: World, count: int) -> None:
    world.fill(orders=[{"order_number": f"W{n}"} for n in range(1, count + 1)])
    _items(world, "SKU-1")


def _items(world: World, *skus: str) -> None:
    """Items for the lines of Winstore's orders, each made once."""
    there = {item["number"] for item in world.bc()["records"].get("items", [])}
    item = {"displayName": "Mug", "type": "Inventory", "taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS"}
    world.seed_bc(items=[item | {"number": sku} for sku in skus if sku not in there])


def _completed(world: World, broken: bool) -> None:
    """Two completed orders with a document each; the first one's has no lines to post until the record is mended."""
    world.fill(orders=[COMPLETED | {"order_number": number} for number in ("W1", "W2")])
    books = Books(world)
    orders = world.bc()["records"].get("salesOrders", [])
    if not orders:
        _set_up_books(world)
        books.orders([{"externalDocumentNumber": "WS-W1", "salesOrderLines": []}, {"externalDocumentNumber": "WS-W2"}])
    if not broken:
        empty = next(o for o in world.bc()["records"]["salesOrders"] if o["externalDocumentNumber"] == "WS-W1")
        books.call("POST", f"salesOrders({empty['id']})/salesOrderLines", LINE)


def _many_completed(world: World, count: int) -> None:
    numbers = [f"W{n}" for n in range(1, count + 1)]
    world.fill(orders=[COMPLETED | {"order_number": number} for number in numbers])
    _set_up_books(world)
    Books(world).orders([{"externalDocumentNumber": f"WS-{number}"} for number in numbers])


def _set_up_books(world: World) -> None:
    Books(world).at(AT)
    _items(world, "SKU-1")
    world.seed_bc(customers=[CUSTOMER])


def _by_reference(world: World, made: bool) -> Written:
    """Orders that were made, or actions on them, by the order's reference; their customers and lines left out."""
    writes = [w for w in _in_bc(world) if (w["method"], w["entity"]) == ("POST", "salesOrders")]
    references = {w["key"]: w["body"]["externalDocumentNumber"] for w in writes if "action" not in w["body"]}
    return [w | {"key": references[w["key"]]} for w in writes if ("action" not in w["body"]) == made]


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
    "orders_winstore_to_bc": Carried(
        _orders_of_shop,
        _many_orders_of_shop,
        lambda world: _by_reference(world, made=True),
        lambda world: [order["externalDocumentNumber"] for order in world.bc()["records"]["salesOrders"]],
        date(2026, 3, 3),
        "W1",
        "WS-W2",
        ("bc", "$batch"),
        looks_twice=True,
    ),
    "order_status_winstore_to_bc": Carried(
        _completed,
        _many_completed,
        lambda world: _by_reference(world, made=False),
        lambda world: [invoice["externalDocumentNumber"] for invoice in world.bc()["records"]["salesInvoices"]],
        date(2026, 3, 3),
        "W1",
        "WS-W2",
        ("bc", "$batch"),
        looks_twice=True,
    ),
}
