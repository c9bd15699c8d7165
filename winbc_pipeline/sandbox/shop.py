"""One Winstore: its records, what its reading calls return, and what its writing calls do.

Here belongs: the contract of docs/winstore-contract.md. HTTP, XML and planned faults belong to winstore.py.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from .control import Clock, timestamp
from .records import Record, Records
from .retail import Retail, order_total

Parameters = dict[str, str]
Answer = tuple[str, str, list[Record]]  # names of the list and of one row in XML and JSON, and the rows
KEYS = {"articles": "artkey", "customers": "customerid", "stock": "id", "orders": "id"}


class Refused(Exception):
    """A call that Winstore answers with a status code other than 200. The codes are assumed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Shop:
    """One Winstore. `reads` and `writes` hold its calls by name."""

    def __init__(self, path: Path | None = None) -> None:
        self.records, self.clock = Records(path), Clock()
        self.reads: dict[str, Callable[[Parameters], Answer]] = {
            "GetSuppliers": lambda _: ("suppliers", "supplier", self._suppliers()),
            "GetArticleDataBySupplierId": lambda asked: ("articles", "article", self._of_supplier(asked)),
            "GetArticleDataChangesByDate": lambda asked: ("articles", "article", self._changed("articles", asked)),
            "GetStock": lambda asked: ("stocks", "stock", self._stock_of(asked)),
            "GetChangedStock": lambda asked: ("stocks", "stock", self._stock_totals(asked)),
            "GetChangedStockWithWarehouse": lambda asked: ("stocks", "stock", self._stock_by_warehouse(asked)),
            "GetCustomerChangesByDate": lambda asked: ("customers", "customer", self._changed("customers", asked)),
            "GetOrderChangesByDate": lambda asked: ("orders", "order", self._changed("orders", asked)),
            "GetOrderStatusChangesByDate": lambda asked: ("orderstatuses", "orderstatus", self._statuses(asked)),
        }
        self.writes: dict[str, Callable[[Record, str], str]] = {
            "PostOrderWithStatusCode": self._post_order,
            "PostOrderStatus": self._post_status,
            "PostOrderNumber": self._post_number,
            "PostCustomer": self._post_customer,
            "PostArticle": self._post_article,
            "PostStock": self._post_stock,
        }

    def load(self, retail: Retail) -> dict[str, int]:
        """Adds the records of a retail folder. Returns how many there are of each kind; of articles, the variants."""
        for entity, rows in retail.items():
            self.records.insert_many(entity, ((row[KEYS[entity]], row) for row in rows))
        counts = {entity: len(rows) for entity, rows in retail.items()}
        return counts | {"articles": sum(len(row["variants"]) for row in retail["articles"])}

    def write(self, call: str, sent: Record) -> None:
        """Runs a writing call and adds it to the log of writes. Raises Refused."""
        now = timestamp(self.clock.now())
        key = self.writes[call](sent, now)
        self.records.log_write(now, "POST", call, key, "", sent)

    def _changed(self, entity: str, asked: Parameters) -> list[Record]:
        """The records changed at or after `date`: all of them, or the page that the call asks for."""
        size, page = int(asked.get("pagesize", -1)), int(asked.get("page", 1))  # -1 means no limit
        modified = "json_extract(body, '$.modified')"
        rows = self.records.select(
            entity,
            where=f"{modified} >= ?",
            values=[_since(asked)],
            order=f"{modified}, id",
            limit=size,
            offset=(page - 1) * size,
        )
        return _without_id(rows)

    def _suppliers(self) -> list[Record]:
        ids = sorted({row["supplierid"] for row in self.records.select("articles")})
        return [{"id": supplier, "name": f"Supplier {supplier}"} for supplier in ids]

    def _of_supplier(self, asked: Parameters) -> list[Record]:
        return self.records.select("articles", "json_extract(body, '$.supplierid') = ?", [_required_text(asked, "id")])

    def _stock_of(self, asked: Parameters) -> list[Record]:
        """The stock of an article, one row per warehouse.

        The call has `type=byArtikelKey` and `artkey`, or `type=byGtin` and `gtin`.
        """
        names = {"byArtikelKey": "artkey", "byGtin": "gtin"}
        kind = names.get(_required_text(asked, "type"))
        if kind is None:
            raise Refused(400, f"type is one of {', '.join(names)}")
        rows = self.records.select("stock", f"json_extract(body, '$.{kind}') = ?", [_required_text(asked, kind)])
        return _without_id(rows)

    def _stock_by_warehouse(self, asked: Parameters) -> list[Record]:
        """The changed stock per warehouse. Rows without stock are left out, unless the call has `outOfStock=1`."""
        rows = self._changed("stock", asked)
        if asked.get("outOfStock") == "1":
            return rows
        return [row for row in rows if Decimal(row["quantity"]) > 0]

    def _stock_totals(self, asked: Parameters) -> list[Record]:
        """The articles whose stock changed, each with the sum of its quantities in all warehouses."""
        totals: dict[str, Record] = {}
        for changed in self._changed("stock", asked):
            if changed["sku"] not in totals:
                totals[changed["sku"]] = self._total_of(changed)
        return list(totals.values())

    def _total_of(self, changed: Record) -> Record:
        rows = self.records.select("stock", "json_extract(body, '$.sku') = ?", [changed["sku"]])
        total = {name: value for name, value in changed.items() if name != "warehouse"}
        for name in ("quantity", "reserved"):
            total[name] = str(sum(Decimal(row[name]) for row in rows))
        total["modified"] = max(row["modified"] for row in rows)
        return total

    def _statuses(self, asked: Parameters) -> list[Record]:
        names = ("ordernr", "status", "modified")
        return [{name: row[name] for name in names} for row in self._changed("orders", asked)]

    def _post_customer(self, sent: Record, now: str) -> str:
        key = _required_text(sent, "customerid")
        known = self.records.get("customers", key) or {}
        self.records.insert_many("customers", [(key, known | sent | {"modified": now})])
        return key

    def _post_article(self, sent: Record, now: str) -> str:
        article = self._article_of(_required_text(sent, "sku"))
        for name in {"price", "costprice"} & set(sent):
            _required_number(sent, name)
        for row in article["variants"]:
            if row["sku"] == sent["sku"]:
                row |= {name: value for name, value in sent.items() if name in row}
        article |= {name: value for name, value in sent.items() if name in article}
        self.records.replace("articles", article["artkey"], article | {"modified": now})
        return str(sent["sku"])

    def _post_stock(self, sent: Record, now: str) -> str:
        sku, warehouse = _required_text(sent, "sku"), _required_text(sent, "warehouse")
        article, _ = self._article_of(sku), _required_number(sent, "quantity")
        key = f"{sku}/{warehouse}"
        gtin = next(row["gtin"] for row in article["variants"] if row["sku"] == sku)
        fresh = {"id": key, "artkey": article["artkey"], "sku": sku, "gtin": gtin, "warehouse": warehouse}
        known = self.records.get("stock", key) or fresh | {"reserved": "0"}
        self.records.insert_many("stock", [(key, known | sent | {"modified": now})])
        return key

    def _post_status(self, sent: Record, now: str) -> str:
        for order in self._known_orders(sent):
            changed = {"status": _required_text(sent, "status"), "modified": now}
            self.records.replace("orders", order["id"], order | changed)
        return str(sent["ordernr"])

    def _post_number(self, sent: Record, now: str) -> str:
        """Stores the number that the order has in another system."""
        for order in self._known_orders(sent):
            changed = {"externalnr": _required_text(sent, "number"), "modified": now}
            self.records.replace("orders", order["id"], order | changed)
        return str(sent["ordernr"])

    def _orders_with_number(self, number: str) -> list[Record]:
        return self.records.select("orders", "json_extract(body, '$.ordernr') = ?", [number])

    def _known_orders(self, sent: Record) -> list[Record]:
        """The orders with the number that was sent. There may be several. Raises Refused if there is none."""
        found = self._orders_with_number(_required_text(sent, "ordernr"))
        if not found:
            raise Refused(404, f"order {sent['ordernr']} is not known")
        return found

    def _post_order(self, sent: Record, now: str) -> str:
        """Takes an order (winstore.md section 2).

        An order number that is sent twice makes two orders. It is not published whether Winstore refuses the second
        one, so a client must not rely on that.
        """
        number = _required_text(sent, "ordernr")
        _check_header(sent)
        rows = enumerate(_position_list(sent.get("positions")), 1)
        positions = [{"linenr": str(line_number)} | self._position(row) for line_number, row in rows]
        if not positions:
            raise Refused(400, "an order needs a position")
        earlier = len(self._orders_with_number(number))
        order = sent | {
            "id": f"{number}#{earlier + 1}" if earlier else number,
            "positions": positions,
            "modified": now,
            "status": sent.get("status") or "new",
            "currency": sent.get("currency") or "EUR",
        }
        order["total"] = sent.get("total") or order_total(order)
        self.records.insert("orders", order["id"], order)
        return str(order["id"])

    def _position(self, sent: Record) -> Record:
        product = _required_text(sent, "product_id")
        self._article_of(product)
        for name in ("amount", "single_price"):
            _required_number(sent, name)
        return {"type": "S"} | sent

    def _article_of(self, product: str) -> Record:
        """The article that has a variant with this SKU or GTIN."""
        found = self.records.select(
            "articles",
            """
            EXISTS (
                SELECT 1
                FROM json_each(body, '$.variants') AS v
                WHERE json_extract(v.value, '$.sku') = ?
                   OR json_extract(v.value, '$.gtin') = ?
            )
            """,
            [product, product],
        )
        if not found:
            raise Refused(404, f"product {product} is not known")
        return found[0]


def _without_id(rows: list[Record]) -> list[Record]:
    """The rows without the id, which the sandbox has added."""
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def _since(asked: Parameters) -> str:
    try:
        moment = datetime.fromisoformat(_required_text(asked, "date").replace(" ", "+"))
    except ValueError:
        raise Refused(400, "date is not ISO 8601") from None
    if moment.tzinfo is None:
        raise Refused(400, "date has no offset")
    return timestamp(moment)


def _check_header(order: Record) -> None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", order.get("orderdate") or ""):
        raise Refused(400, "orderdate is not YYYY-MM-DD HH:MM:SS")
    for name in ("customerid", "branch"):
        if not re.fullmatch(r"\d+", order.get(name) or ""):
            raise Refused(400, f"{name} is not an integer")


def _required_text(sent: Record, name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"{name} is missing")
    return value


def _required_number(sent: Record, name: str) -> Decimal:
    try:
        return Decimal(_required_text(sent, name))
    except InvalidOperation:
        raise Refused(400, f"{name} is not a number with a dot") from None


def _position_list(positions: object) -> list[Record]:
    """The positions of an order. In the parsed XML they are missing, one object, or a list."""
    inner = positions.get("position", []) if isinstance(positions, dict) else []
    return inner if isinstance(inner, list) else [inner]
