"""One Winstore: its records, and what its reading calls return.

Here belongs: the reading half of docs/winstore-contract.md. What the writing calls do: posts.py. HTTP, XML and planned
faults belong to winstore.py.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from .control import Clock, timestamp
from .lookups import Lookups
from .posts import Posts
from .records import Record, Records
from .refusals import Refused, optional_count, optional_position, required_moment, required_text
from .retail import Retail

Parameters = dict[str, str]
Answer = tuple[str, str, list[Record]]  # names of the list and of one row in XML and JSON, and the rows
KEYS = {"articles": "artkey", "customers": "customerid", "stock": "id", "orders": "id"}
TELLING = ("PostCustomer", "PostArticle")  # writing calls whose answer tells the record's key and its new moment


class Shop:
    """One Winstore. `reads` and `writes` hold its calls by name.

    Args:
        articles_per_call: the most changed articles that one answer has, whatever is asked for; None for no such bound.
    """

    def __init__(self, path: Path | None = None, articles_per_call: int | None = None) -> None:
        self.records, self.clock = Records(path), Clock()
        self.most = {"articles": articles_per_call}
        self.lookups = Lookups(self.records)
        self.reads: dict[str, Callable[[Parameters], Answer]] = {
            "GetSuppliers": lambda _: ("suppliers", "supplier", self._suppliers()),
            "GetArticleDataBySupplierId": lambda asked: ("articles", "article", self._of_supplier(asked)),
            "GetArticleDataChangesByDate": lambda asked: ("articles", "article", self._changed("articles", asked)),
            "GetArticle": lambda asked: (
                "articles",
                "article",
                self._found("articles", ("sku", "artkey", "gtin"), asked),
            ),
            "GetCustomer": lambda asked: (
                "customers",
                "customer",
                self._found("customers", ("customerid", "email"), asked),
            ),
            "GetStock": lambda asked: ("stocks", "stock", self._stock_of(asked)),
            "GetChangedStock": lambda asked: ("stocks", "stock", self._stock_totals(asked)),
            "GetChangedStockWithWarehouse": lambda asked: ("stocks", "stock", self._stock_by_warehouse(asked)),
            "GetCustomerChangesByDate": lambda asked: ("customers", "customer", self._changed("customers", asked)),
            "GetOrderChangesByDate": lambda asked: ("orders", "order", self._changed("orders", asked)),
            "GetOrderStatusChangesByDate": lambda asked: ("orderstatuses", "orderstatus", self._statuses(asked)),
        }
        self.writes = Posts(self.records, self.lookups).calls

    def load(self, retail: Retail) -> dict[str, int]:
        """Adds the records of a retail folder. Returns how many there are of each kind; of articles, the variants."""
        for entity, rows in retail.items():
            self.records.insert_many(entity, ((row[KEYS[entity]], row) for row in rows))
        counts = {entity: len(rows) for entity, rows in retail.items()}
        return counts | {"articles": sum(len(row["variants"]) for row in retail["articles"])}

    def write(self, call: str, sent: Record) -> Record:
        """Runs a writing call, adds it to the log of writes, and returns what the answer tells. Raises Refused."""
        now = timestamp(self.clock.now())
        key = self.writes[call](sent, now)
        self.records.log_write(now, "POST", call, key, "", sent)
        return {"id": key, "modified": now} if call in TELLING else {}

    def _found(self, entity: str, fields: tuple[str, ...], asked: Parameters) -> list[Record]:
        """The records with the one value that the call asks for; none when no record has it (assumed)."""
        names = [name for name in fields if asked.get(name)]
        if len(names) != 1:
            raise Refused(400, f"one of {', '.join(fields)} is needed")
        value = asked[names[0]]
        if names[0] != KEYS[entity]:
            return self.lookups.with_value(entity, names[0], value)
        record = self.records.get(entity, value)
        return [record] if record else []

    def _changed(self, entity: str, asked: Parameters, condition: str = "true") -> list[Record]:
        """The records changed at or after `date`, ordered by modified, then key.

        These are all of them, at most `limit`, or the page that the call asks for; with `after`, those behind a record.

        Args:
            condition: in SQL, which records count at all.
        """
        size, page = optional_count(asked, "pagesize"), optional_count(asked, "page") or 1
        bounds = filter(None, (optional_count(asked, "limit") or size, self.most.get(entity)))
        modified = "json_extract(body, '$.modified')"
        rows = self.records.select(
            entity,
            where=f"{modified} >= ? AND ({modified}, id) > (?, ?) AND {condition}",
            values=[required_moment(asked, "date"), *optional_position(asked, "after")],
            order=f"{modified}, id",
            limit=min(bounds, default=-1),  # -1 means no limit
            offset=(page - 1) * (size or 0),
        )
        return _without_id(rows)

    def _suppliers(self) -> list[Record]:
        ids = sorted({row["supplierid"] for row in self.records.select("articles")})
        return [{"id": supplier, "name": f"Supplier {supplier}"} for supplier in ids]

    def _of_supplier(self, asked: Parameters) -> list[Record]:
        return self.records.select("articles", "json_extract(body, '$.supplierid') = ?", [required_text(asked, "id")])

    def _stock_of(self, asked: Parameters) -> list[Record]:
        """The stock of an article, one row per warehouse.

        The call has `type=byArtikelKey` and `artkey`, or `type=byGtin` and `gtin`.
        """
        names = {"byArtikelKey": "artkey", "byGtin": "gtin"}
        kind = names.get(required_text(asked, "type"))
        if kind is None:
            raise Refused(400, f"type is one of {', '.join(names)}")
        rows = self.records.select("stock", f"json_extract(body, '$.{kind}') = ?", [required_text(asked, kind)])
        return _without_id(rows)

    def _stock_by_warehouse(self, asked: Parameters) -> list[Record]:
        """The changed stock per warehouse. Rows without stock are left out, unless the call has `outOfStock=1`."""
        in_stock = "CAST(json_extract(body, '$.quantity') AS REAL) > 0"
        return self._changed("stock", asked, "true" if asked.get("outOfStock") == "1" else in_stock)

    def _stock_totals(self, asked: Parameters) -> list[Record]:
        """The articles whose stock changed, each with the sum of its quantities in all warehouses."""
        totals: dict[str, Record] = {}
        for changed in self._changed("stock", {"date": asked.get("date", "")}):
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


def _without_id(rows: list[Record]) -> list[Record]:
    """The rows without the id, which the sandbox has added."""
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]
