"""The records of one Winstore: what its calls read, and what its writes do.

Here belongs: the contract of docs/winstore-contract.md. HTTP, XML and faults belong to winstore.py.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from .control import Clock, timestamp
from .records import Record, Records
from .retail import Retail, order_total

Asked = dict[str, str]
Answer = tuple[str, str, list[Record]]
KEYS = {"articles": "artkey", "customers": "customerid", "stock": "id", "orders": "id"}


class Refused(Exception):
    """A write that Winstore answers with a status code other than 200 (codes assumed)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Shop:
    """One Winstore."""

    def __init__(self, path: Path | None = None) -> None:
        self.records, self.clock = Records(path), Clock()
        self.reads: dict[str, Callable[[Asked], Answer]] = {
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
        """Adds a retail folder; the number of records of each kind."""
        for entity, rows in retail.items():
            self.records.insert_many(entity, ((row[KEYS[entity]], row) for row in rows))
        counts = {entity: len(rows) for entity, rows in retail.items()}
        return counts | {"articles": sum(len(row["variants"]) for row in retail["articles"])}

    def write(self, call: str, sent: Record) -> None:
        """Runs a writing call and logs it; raises Refused."""
        now = timestamp(self.clock.now())
        key = self.writes[call](sent, now)
        self.records.log_write(now, "POST", call, key, "", sent)

    def _changed(self, entity: str, asked: Asked) -> list[Record]:
        """Records changed at or after `date`, a page of them when the call names one."""
        size, page = int(asked.get("pagesize", -1)), int(asked.get("page", 1))
        moment = "json_extract(body, '$.modified')"
        since, offset = [_since(asked)], (page - 1) * size
        return _shown(self.records.select(entity, f"{moment} >= ?", since, f"{moment}, id", size, offset))

    def _suppliers(self) -> list[Record]:
        ids = sorted({row["supplierid"] for row in self.records.select("articles")})
        return [{"id": supplier, "name": f"Supplier {supplier}"} for supplier in ids]

    def _of_supplier(self, asked: Asked) -> list[Record]:
        return self.records.select("articles", "json_extract(body, '$.supplierid') = ?", [_needed(asked, "id")])

    def _stock_of(self, asked: Asked) -> list[Record]:
        """`type=byArtikelKey` with `artkey`, or `type=byGtin` with `gtin`: one row per warehouse."""
        names = {"byArtikelKey": "artkey", "byGtin": "gtin"}
        kind = names.get(_needed(asked, "type"))
        if kind is None:
            raise Refused(400, f"type is one of {', '.join(names)}")
        rows = self.records.select("stock", f"json_extract(body, '$.{kind}') = ?", [_needed(asked, kind)])
        return _shown(rows)

    def _stock_by_warehouse(self, asked: Asked) -> list[Record]:
        rows = self._changed("stock", asked)
        return rows if asked.get("outOfStock") == "1" else [row for row in rows if Decimal(row["quantity"]) > 0]

    def _stock_totals(self, asked: Asked) -> list[Record]:
        """The articles whose stock changed, each with its quantities over all warehouses."""
        totals: dict[str, Record] = {}
        for changed in self._changed("stock", asked):
            if changed["sku"] not in totals:
                rows = self.records.select("stock", "json_extract(body, '$.sku') = ?", [changed["sku"]])
                summed = {name: str(sum(Decimal(row[name]) for row in rows)) for name in ("quantity", "reserved")}
                newest = {"modified": max(row["modified"] for row in rows)}
                kept = {name: value for name, value in changed.items() if name != "warehouse"}
                totals[changed["sku"]] = kept | summed | newest
        return list(totals.values())

    def _statuses(self, asked: Asked) -> list[Record]:
        names = ("ordernr", "status", "modified")
        return [{name: row[name] for name in names} for row in self._changed("orders", asked)]

    def _post_customer(self, sent: Record, now: str) -> str:
        key = _needed(sent, "customerid")
        known = self.records.get("customers", key) or {}
        self.records.insert_many("customers", [(key, known | sent | {"modified": now})])
        return key

    def _post_article(self, sent: Record, now: str) -> str:
        article = self._article_of(_needed(sent, "sku"))
        for name in {"price", "costprice"} & set(sent):
            _number(sent, name)
        for row in article["variants"]:
            if row["sku"] == sent["sku"]:
                row |= {name: value for name, value in sent.items() if name in row}
        article |= {name: value for name, value in sent.items() if name in article}
        self.records.replace("articles", article["artkey"], article | {"modified": now})
        return str(sent["sku"])

    def _post_stock(self, sent: Record, now: str) -> str:
        sku, warehouse = _needed(sent, "sku"), _needed(sent, "warehouse")
        article, _ = self._article_of(sku), _number(sent, "quantity")
        key = f"{sku}/{warehouse}"
        gtin = next(row["gtin"] for row in article["variants"] if row["sku"] == sku)
        fresh = {"id": key, "artkey": article["artkey"], "sku": sku, "gtin": gtin, "warehouse": warehouse}
        known = self.records.get("stock", key) or fresh | {"reserved": "0"}
        self.records.insert_many("stock", [(key, known | sent | {"modified": now})])
        return key

    def _post_status(self, sent: Record, now: str) -> str:
        found = self.records.select("orders", "json_extract(body, '$.ordernr') = ?", [_needed(sent, "ordernr")])
        if not found:
            raise Refused(404, f"order {sent['ordernr']} is not known")
        for order in found:
            self.records.replace("orders", order["id"], order | {"status": _needed(sent, "status"), "modified": now})
        return str(sent["ordernr"])

    def _post_number(self, sent: Record, now: str) -> str:
        """The number that another system knows the order by."""
        found = self.records.select("orders", "json_extract(body, '$.ordernr') = ?", [_needed(sent, "ordernr")])
        if not found:
            raise Refused(404, f"order {sent['ordernr']} is not known")
        for order in found:
            told = {"externalnr": _needed(sent, "number"), "modified": now}
            self.records.replace("orders", order["id"], order | told)
        return str(sent["ordernr"])

    def _post_order(self, sent: Record, now: str) -> str:
        """Takes an order (winstore.md section 2). One number sent twice makes two orders: nobody has published that
        Winstore refuses the second, so a client must not count on it."""
        number = _needed(sent, "ordernr")
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", sent.get("orderdate") or ""):
            raise Refused(400, "orderdate is not YYYY-MM-DD HH:MM:SS")
        for name in ("customerid", "branch"):
            if not re.fullmatch(r"\d+", sent.get(name) or ""):
                raise Refused(400, f"{name} is not an integer")
        listed = enumerate(_listed(sent.get("positions")), 1)
        positions = [{"linenr": str(place)} | self._position(row) for place, row in listed]
        if not positions:
            raise Refused(400, "an order needs a position")
        before = len(self.records.select("orders", "json_extract(body, '$.ordernr') = ?", [number]))
        order = sent | {"id": f"{number}#{before + 1}" if before else number, "positions": positions, "modified": now}
        order |= {"status": sent.get("status") or "new", "currency": sent.get("currency") or "EUR"}
        order["total"] = sent.get("total") or order_total(order)
        self.records.insert("orders", order["id"], order)
        return str(order["id"])

    def _position(self, sent: Record) -> Record:
        product = _needed(sent, "product_id")
        self._article_of(product)
        for name in ("amount", "single_price"):
            _number(sent, name)
        return {"type": "S"} | sent

    def _article_of(self, product: str) -> Record:
        """The article that has a variant with this SKU or GTIN."""
        found = self.records.select(
            "articles",
            "EXISTS (SELECT 1 FROM json_each(body, '$.variants') AS v "
            "WHERE json_extract(v.value, '$.sku') = ? OR json_extract(v.value, '$.gtin') = ?)",
            [product, product],
        )
        if not found:
            raise Refused(404, f"product {product} is not known")
        return found[0]


def _shown(rows: list[Record]) -> list[Record]:
    """Without the sandbox's own id."""
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def _since(asked: Asked) -> str:
    try:
        moment = datetime.fromisoformat(_needed(asked, "date").replace(" ", "+"))
    except ValueError:
        raise Refused(400, "date is not ISO 8601") from None
    if moment.tzinfo is None:
        raise Refused(400, "date has no offset")
    return timestamp(moment)


def _needed(sent: Record, name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"{name} is missing")
    return value


def _number(sent: Record, name: str) -> Decimal:
    try:
        return Decimal(_needed(sent, name))
    except InvalidOperation:
        raise Refused(400, f"{name} is not a number with a dot") from None


def _listed(positions: object) -> list[Record]:
    """`positions` as it comes out of the XML: nothing, one position, or a list of them."""
    inner = positions.get("position", []) if isinstance(positions, dict) else []
    return inner if isinstance(inner, list) else [inner]
