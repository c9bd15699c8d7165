"""What each flow carries in the conformance tests, so that all of them pass the same ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from winbc_pipeline.sandbox.retail import write_folder

from .bc_users import AT, CUSTOMER, LINE, BcUsers
from .sandboxes import HTTP, Sandboxes

Written = list[dict[str, Any]]
SECOND_CUSTOMER = {"customer_id": "124", "email": "b@mail.example"}
SECOND_ARTICLE = {"sku": "SKU-2", "article_key": "2"}
LINES_OF_SHOP = [{"order_number": "W1", "sku": "SKU-1"}, {"order_number": "W2", "sku": "SKU-2"}]
ITEM = {
    "displayName": "Mug",
    "type": "Inventory",
    "unitPrice": 10,
    "taxGroupCode": "VAT21",
    "baseUnitOfMeasureCode": "PCS",
}
COMPLETED = {"status": "completed"}


@dataclass(frozen=True)
class FlowCase:
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

    fill: Callable[[Sandboxes, bool], None]
    many: Callable[[Sandboxes, int], None]
    written: Callable[[Sandboxes], Written]
    arrived: Callable[[Sandboxes], list[str]]
    day: date
    broken: str
    done: str
    slow: tuple[str, str]
    looks_twice: bool = False


def winstore_state(sandboxes: Sandboxes) -> dict[str, Any]:
    return HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()  # type: ignore[no-any-return]


def _customers(sandboxes: Sandboxes, broken: bool) -> None:
    sandboxes.fill(customers=[{"email": "no at sign"} if broken else {}, SECOND_CUSTOMER])


def _articles(sandboxes: Sandboxes, broken: bool) -> None:
    sandboxes.fill(articles=[{"name": "x" * 101} if broken else {}, SECOND_ARTICLE])


def _many_masters(sandboxes: Sandboxes, count: int) -> None:
    sandboxes.fill(
        customers=[{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(1, count + 1)],
        articles=[{"sku": f"S{n}", "article_key": str(n)} for n in range(1, count + 1)],
    )


def _books(sandboxes: Sandboxes) -> BcUsers:
    """The books, set up once; the first article is made known to Winstore when the record is mended."""
    bc_users = BcUsers(sandboxes)
    if not sandboxes.bc()["records"].get("customers"):
        bc_users.set_up()
    return bc_users


def _orders(sandboxes: Sandboxes, broken: bool) -> None:
    bc_users = _books(sandboxes)
    if not sandboxes.bc()["records"].get("salesOrders"):
        sandboxes.seed_bc(items=[{"number": "SKU-9", "displayName": "Mug", "baseUnitOfMeasureCode": "PCS"}])
        bc_users.order({"lineObjectNumber": "SKU-9"})
        bc_users.order()
    if not broken:
        sandboxes.fill(articles=[{"sku": "SKU-9", "article_key": "9"}])


def _many_orders(sandboxes: Sandboxes, count: int) -> None:
    bc_users = _books(sandboxes)
    for order in bc_users.orders([{}] * count):
        bc_users.user("release", order)


def _statuses(sandboxes: Sandboxes, broken: bool) -> None:
    bc_users = _books(sandboxes)
    if not sandboxes.bc()["records"].get("salesOrders"):
        for number in ("W1", "W2"):
            bc_users.order(externalDocumentNumber=f"WS-{number}")
        bc_users.in_shop("W2")
    if not broken:
        bc_users.in_shop("W1")


def _many_statuses(sandboxes: Sandboxes, count: int) -> None:
    bc_users = _books(sandboxes)
    for order in bc_users.orders([{"externalDocumentNumber": f"WS-W{n}"} for n in range(1, count + 1)]):
        bc_users.user("release", order)
        bc_users.in_shop(order["externalDocumentNumber"].removeprefix("WS-"))


def _orders_of_shop(sandboxes: Sandboxes, broken: bool) -> None:
    """Two orders; the first one's item is not in Business Central until the record is mended."""
    sandboxes.fill(orders=[{"order_number": "W1"}, {"order_number": "W2"}], lines=LINES_OF_SHOP)
    _items(sandboxes, "SKU-2", *([] if broken else ["SKU-1"]))


def _many_orders_of_shop(sandboxes: Sandboxes, count: int) -> None:
    sandboxes.fill(orders=[{"order_number": f"W{n}"} for n in range(1, count + 1)])
    _items(sandboxes, "SKU-1")


def _items(sandboxes: Sandboxes, *skus: str) -> None:
    """Items for the lines of Winstore's orders, each made once."""
    there = {item["number"] for item in sandboxes.bc()["records"].get("items", [])}
    item = {"displayName": "Mug", "type": "Inventory", "taxGroupCode": "VAT21", "baseUnitOfMeasureCode": "PCS"}
    sandboxes.seed_bc(items=[item | {"number": sku} for sku in skus if sku not in there])


def _completed(sandboxes: Sandboxes, broken: bool) -> None:
    """Two completed orders with a document each; the first one's has no lines to post until the record is mended."""
    sandboxes.fill(orders=[COMPLETED | {"order_number": number} for number in ("W1", "W2")])
    bc_users = BcUsers(sandboxes)
    orders = sandboxes.bc()["records"].get("salesOrders", [])
    if not orders:
        _set_up_books(sandboxes)
        bc_users.orders(
            [{"externalDocumentNumber": "WS-W1", "salesOrderLines": []}, {"externalDocumentNumber": "WS-W2"}]
        )
    if not broken:
        empty = next(o for o in sandboxes.bc()["records"]["salesOrders"] if o["externalDocumentNumber"] == "WS-W1")
        bc_users.call("POST", f"salesOrders({empty['id']})/salesOrderLines", LINE)


def _many_completed(sandboxes: Sandboxes, count: int) -> None:
    numbers = [f"W{n}" for n in range(1, count + 1)]
    sandboxes.fill(orders=[COMPLETED | {"order_number": number} for number in numbers])
    _set_up_books(sandboxes)
    BcUsers(sandboxes).orders([{"externalDocumentNumber": f"WS-{number}"} for number in numbers])


def _set_up_books(sandboxes: Sandboxes) -> None:
    BcUsers(sandboxes).at(AT)
    _items(sandboxes, "SKU-1")
    sandboxes.seed_bc(customers=[CUSTOMER])


def _customers_of_bc(sandboxes: Sandboxes, broken: bool) -> None:
    """Two customers of Business Central; the first has no e-mail address until the record is mended."""
    bc_users = BcUsers(sandboxes)
    bc_users.at(AT)
    customer = {"displayName": "Bea Klein", "type": "Person"}
    there = {each["number"]: each["id"] for each in sandboxes.bc()["records"].get("customers", [])}
    if not there:
        first = customer | {"number": "C1"} | ({} if broken else {"email": "c1@mail.example"})
        sandboxes.seed_bc(customers=[first, customer | {"number": "C2", "email": "c2@mail.example"}])
    elif not broken:
        bc_users.call("PATCH", f"customers({there['C1']})", {"email": "c1@mail.example"})


def _many_customers_of_bc(sandboxes: Sandboxes, count: int) -> None:
    BcUsers(sandboxes).at(AT)
    customer = {"displayName": "Bea Klein", "type": "Person"}
    sandboxes.seed_bc(
        customers=[customer | {"number": f"C{n}", "email": f"c{n}@mail.example"} for n in range(1, count + 1)]
    )


def _items_of_bc(sandboxes: Sandboxes, broken: bool) -> None:
    """Two items of Business Central; the first has no tax code, so no price, until the record is mended."""
    bc_users = BcUsers(sandboxes)
    bc_users.at(AT)
    there = {each["number"]: each["id"] for each in sandboxes.bc()["records"].get("items", [])}
    if not there:
        first = ITEM | {"number": "I1"} | ({"taxGroupCode": ""} if broken else {})
        sandboxes.seed_bc(items=[first, ITEM | {"number": "I2"}])
    elif not broken:
        bc_users.call("PATCH", f"items({there['I1']})", {"taxGroupCode": "VAT21"})


def _many_items_of_bc(sandboxes: Sandboxes, count: int) -> None:
    BcUsers(sandboxes).at(AT)
    sandboxes.seed_bc(items=[ITEM | {"number": f"I{n}"} for n in range(1, count + 1)])


def _skus(sandboxes: Sandboxes) -> list[str]:
    articles = winstore_state(sandboxes)["records"]["articles"]
    return [row["sku"] for article in articles for row in article["variants"]]


def _stock_rows(sandboxes: Sandboxes, *skus: str) -> None:
    """Stock of five pieces in Winstore's warehouse 7."""
    usual = {"warehouse": "7", "quantity": "5", "reserved": "0", "modified_at": "2026-03-02T10:00:00.000Z"}
    write_folder(
        sandboxes.folder / "stock", {"articles": [], "customers": [], "stock": [usual | {"sku": sku} for sku in skus]}
    )
    sandboxes.seed(sandboxes.folder / "stock")


def _stock_items(sandboxes: Sandboxes, *skus: str, **fields: Any) -> None:
    BcUsers(sandboxes).at(AT)
    item = {"displayName": "Mug", "type": "Inventory", "baseUnitOfMeasureCode": "PCS"} | fields
    sandboxes.seed_bc(items=[item | {"number": sku} for sku in skus])


def _stock(sandboxes: Sandboxes, broken: bool) -> None:
    """Stock of two SKUs; the first one's item has no posting group until the record is mended."""
    if not sandboxes.bc()["records"].get("items"):
        _stock_items(sandboxes, "SKU-2")
        _stock_items(sandboxes, "SKU-1", **({"generalProductPostingGroupCode": ""} if broken else {}))
        _stock_rows(sandboxes, "SKU-1", "SKU-2")
    elif not broken:
        sandboxes.edit_item("SKU-1", generalProductPostingGroupCode="RETAIL")


def _many_stocks(sandboxes: Sandboxes, count: int) -> None:
    skus = [f"S{n}" for n in range(1, count + 1)]
    _stock_items(sandboxes, *skus)
    _stock_rows(sandboxes, *skus)


def _stock_of_bc(sandboxes: Sandboxes, broken: bool) -> None:
    """Stock of two items; Winstore does not know the first one's article until the record is mended."""
    if not sandboxes.bc()["records"].get("items"):
        _stock_items(sandboxes, "SKU-1", "SKU-2", inventory=9)
        sandboxes.fill(articles=[SECOND_ARTICLE])
        _stock_rows(sandboxes, "SKU-1", "SKU-2")
    if not broken:
        sandboxes.fill(articles=[{}, SECOND_ARTICLE])


def _many_stocks_of_bc(sandboxes: Sandboxes, count: int) -> None:
    skus = [f"S{n}" for n in range(1, count + 1)]
    _stock_items(sandboxes, *skus, inventory=9)
    _many_masters(sandboxes, count)
    _stock_rows(sandboxes, *skus)


def _by_reference(sandboxes: Sandboxes, made: bool) -> Written:
    """Orders that were made, or actions on them, by the order's reference; their customers and lines left out."""
    writes = [w for w in _in_bc(sandboxes) if (w["method"], w["entity"]) == ("POST", "salesOrders")]
    references = {w["key"]: w["body"]["externalDocumentNumber"] for w in writes if "action" not in w["body"]}
    return [w | {"key": references[w["key"]]} for w in writes if ("action" not in w["body"]) == made]


def _in_bc(sandboxes: Sandboxes) -> Written:
    return sandboxes.bc()["writes"]  # type: ignore[no-any-return]


def _in_shop(call: str) -> Callable[[Sandboxes], Written]:
    return lambda sandboxes: [write for write in winstore_state(sandboxes)["writes"] if write["entity"] == call]


def _numbers(entity_set: str) -> Callable[[Sandboxes], list[str]]:
    return lambda sandboxes: [record["number"] for record in sandboxes.bc()["records"][entity_set]]


FLOW_CASES = {
    "customers_winstore_to_bc": FlowCase(
        _customers, _many_masters, _in_bc, _numbers("customers"), date(2026, 3, 1), "000123", "WS124", ("bc", "$batch")
    ),
    "customers_bc_to_winstore": FlowCase(
        _customers_of_bc,
        _many_customers_of_bc,
        _in_shop("PostCustomer"),
        lambda sandboxes: [customer["email"] for customer in winstore_state(sandboxes)["records"]["customers"]],
        date(2026, 3, 2),
        "C1",
        "800000000",  # the first id of customers.winstore_ids
        ("winstore", "PostCustomer"),
    ),
    "products_winstore_to_bc": FlowCase(
        _articles, _many_masters, _in_bc, _numbers("items"), date(2026, 3, 2), "SKU-1", "SKU-2", ("bc", "$batch")
    ),
    "products_bc_to_winstore": FlowCase(
        _items_of_bc,
        _many_items_of_bc,
        _in_shop("PostArticle"),
        _skus,
        date(2026, 3, 2),
        "I1",
        "1",  # the key that Winstore gives to the first article
        ("winstore", "PostArticle"),
    ),
    "stock_winstore_to_bc": FlowCase(
        _stock, _many_stocks, _in_bc, _numbers("items"), date(2026, 3, 2), "SKU-1", "SKU-2", ("bc", "$batch")
    ),
    "stock_bc_to_winstore": FlowCase(
        _stock_of_bc,
        _many_stocks_of_bc,
        _in_shop("PostStock"),
        lambda sandboxes: [row["sku"] for row in winstore_state(sandboxes)["records"]["stock"]],
        date(2026, 3, 2),
        "SKU-1",
        "SKU-2/7",
        ("winstore", "PostStock"),
    ),
    "orders_bc_to_winstore": FlowCase(
        _orders,
        _many_orders,
        _in_shop("PostOrderWithStatusCode"),
        lambda sandboxes: [order["ordernr"] for order in winstore_state(sandboxes)["records"]["orders"]],
        date(2026, 3, 2),
        "S-ORD00001",
        "S-ORD00002",
        ("winstore", "PostOrderWithStatusCode"),
    ),
    "order_status_bc_to_winstore": FlowCase(
        _statuses,
        _many_statuses,
        _in_shop("PostOrderStatus"),
        lambda sandboxes: [
            o["ordernr"] for o in winstore_state(sandboxes)["records"]["orders"] if o["status"] == "processing"
        ],
        date(2026, 3, 2),
        "WS-W1",
        "W2",
        ("winstore", "PostOrderStatus"),
    ),
    "orders_winstore_to_bc": FlowCase(
        _orders_of_shop,
        _many_orders_of_shop,
        lambda sandboxes: _by_reference(sandboxes, made=True),
        lambda sandboxes: [order["externalDocumentNumber"] for order in sandboxes.bc()["records"]["salesOrders"]],
        date(2026, 3, 3),
        "W1",
        "WS-W2",
        ("bc", "$batch"),
        looks_twice=True,
    ),
    "order_status_winstore_to_bc": FlowCase(
        _completed,
        _many_completed,
        lambda sandboxes: _by_reference(sandboxes, made=False),
        lambda sandboxes: [invoice["externalDocumentNumber"] for invoice in sandboxes.bc()["records"]["salesInvoices"]],
        date(2026, 3, 3),
        "W1",
        "WS-W2",
        ("bc", "$batch"),
        looks_twice=True,
    ),
}
