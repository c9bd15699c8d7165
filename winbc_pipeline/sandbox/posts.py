"""What the writing calls of the Winstore sandbox do.

Here belongs: the writing half of docs/winstore-contract.md. What the reading calls return: shop.py.
"""

import re
from collections.abc import Callable

from .lookups import Lookups
from .records import Record, Records, dumps
from .refusals import Refused, records_of, required_digits, required_number, required_text
from .retail import order_total

GUEST = 999999  # the catch-all customer (winstore.md section 2), whose number no new customer gets
NEW_ARTICLE = dict.fromkeys(("artkey", "name", "supplierid", "category", "subcategory", "type"), "") | {
    "active": "true"
}
NEW_VARIANT = dict.fromkeys("sku gtin title color size description descriptionlong costprice price vatrate".split(), "")


class Posts:
    """The writing calls by name. Each takes what was sent and the present moment, and returns the record's key."""

    def __init__(self, records: Records, lookups: Lookups) -> None:
        self.records, self.lookups = records, lookups
        self.calls: dict[str, Callable[[Record, str], str]] = {
            "PostOrderWithStatusCode": self._order,
            "PostOrderStatus": self._status,
            "PostOrderNumber": self._number,
            "PostCustomer": self._customer,
            "PostArticle": self._article,
            "PostStock": self._stock,
        }

    def _customer(self, sent: Record, now: str) -> str:
        """Updates the customer with the key, or creates one, under a key of its own where none was sent (assumed).

        Addresses that are sent take the place of all that the customer had.
        """
        key = required_digits(sent, "customerid") if sent.get("customerid") else self._free_number("customers")
        known = self.records.get("customers", key) or {"created": now, "addresses": []}
        if "addresses" in sent:
            sent = sent | {"addresses": records_of(sent["addresses"], "address")}
        self._keep("customers", key, known | sent | {"customerid": key, "modified": now})
        return key

    def _article(self, sent: Record, now: str) -> str:
        """Updates the article that has the key or the variants, or creates one, which needs a name (assumed).

        Without `variants`, the fields of one variant may stand at the top, as in version 1 of the contract.
        """
        lines = records_of(sent.get("variants"), "variant")
        if not lines and sent.get("sku"):
            lines = [sent]
        for line in lines:
            required_text(line, "sku")
            for name in ("price", "costprice", "vatrate"):
                if line.get(name):  # an empty one empties the field
                    required_number(line, name)
        article = self._article_to_change(sent, lines)
        article |= _known(sent, NEW_ARTICLE) | {"artkey": article["artkey"], "modified": now}
        variants = {row["sku"]: row for row in article["variants"]}
        for line in lines:
            variants[line["sku"]] = variants.get(line["sku"], NEW_VARIANT) | _known(line, NEW_VARIANT)
        self._keep("articles", article["artkey"], article | {"variants": list(variants.values())})
        return str(article["artkey"])

    def _article_to_change(self, sent: Record, lines: list[Record]) -> Record:
        """The article with the key or the SKUs that were sent, or an empty one. Raises Refused for those of several."""
        owners = [owner for line in lines if (owner := self._owner(line["sku"]))]
        found = {owner["artkey"]: owner for owner in owners}
        sent_key = required_text(sent, "artkey") if sent.get("artkey") else ""
        key = sent_key or next(iter(found), "") or self._free_number("articles")
        if others := sorted(set(found) - {key}):
            raise Refused(400, f"variants that were sent belong to article {', '.join(others)}")
        known = found.get(key) or self.records.get("articles", key)
        if not known and not sent.get("name"):
            raise Refused(404, f"product {sent_key or sent.get('sku') or ''} is not known, and has no name")
        return known or NEW_ARTICLE | {"artkey": key, "picture": "", "variants": []}

    def _owner(self, sku: str) -> Record | None:
        """The article that has a variant with exactly this SKU."""
        found = self.lookups.with_value("articles", "sku", sku)
        return next((each for each in found if any(row["sku"] == sku for row in each["variants"])), None)

    def _free_number(self, entity: str) -> str:
        number = self.lookups.greatest_number(entity) + 1
        return str(number + 1 if number == GUEST else number)

    def _keep(self, entity: str, key: str, record: Record) -> None:
        self.records.put(entity, key, dumps(record).decode())

    def _stock(self, sent: Record, now: str) -> str:
        sku, warehouse = required_text(sent, "sku"), required_text(sent, "warehouse")
        article, _ = self._owner(sku), required_number(sent, "quantity")
        if not article:
            raise Refused(404, f"product {sku} is not known")
        key = f"{sku}/{warehouse}"
        gtin = next(row["gtin"] for row in article["variants"] if row["sku"] == sku)
        fresh = {"id": key, "artkey": article["artkey"], "sku": sku, "gtin": gtin, "warehouse": warehouse}
        known = self.records.get("stock", key) or fresh | {"reserved": "0"}
        self.records.insert_many("stock", [(key, known | sent | {"modified": now})])
        return key

    def _status(self, sent: Record, now: str) -> str:
        for order in self._known_orders(sent):
            changed = {"status": required_text(sent, "status"), "modified": now}
            self.records.replace("orders", order["id"], order | changed)
        return str(sent["ordernr"])

    def _number(self, sent: Record, now: str) -> str:
        """Stores the number that the order has in another system."""
        for order in self._known_orders(sent):
            changed = {"externalnr": required_text(sent, "number"), "modified": now}
            self.records.replace("orders", order["id"], order | changed)
        return str(sent["ordernr"])

    def _orders_with_number(self, number: str) -> list[Record]:
        return self.records.select("orders", "json_extract(body, '$.ordernr') = ?", [number])

    def _known_orders(self, sent: Record) -> list[Record]:
        """The orders with the number that was sent. There may be several. Raises Refused if there is none."""
        found = self._orders_with_number(required_text(sent, "ordernr"))
        if not found:
            raise Refused(404, f"order {sent['ordernr']} is not known")
        return found

    def _order(self, sent: Record, now: str) -> str:
        """Takes an order (winstore.md section 2).

        An order number that is sent twice makes two orders. It is not published whether Winstore refuses the second
        one, so a client must not rely on that.
        """
        number = required_text(sent, "ordernr")
        _check_header(sent)
        rows = enumerate(records_of(sent.get("positions"), "position"), 1)
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
        product = required_text(sent, "product_id")
        self._article_of(product)
        for name in ("amount", "single_price"):
            required_number(sent, name)
        return {"type": "S"} | sent

    def _article_of(self, product: str) -> Record:
        """The article that has a variant with this SKU or GTIN. Raises Refused if there is none."""
        found = self.lookups.article_of(product)
        if not found:
            raise Refused(404, f"product {product} is not known")
        return found


def _known(sent: Record, fields: Record) -> Record:
    """What was sent of some fields. An empty element empties the field (assumed)."""
    return {name: value for name, value in sent.items() if name in fields}


def _check_header(order: Record) -> None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", order.get("orderdate") or ""):
        raise Refused(400, "orderdate is not YYYY-MM-DD HH:MM:SS")
    for name in ("customerid", "branch"):
        required_digits(order, name)
