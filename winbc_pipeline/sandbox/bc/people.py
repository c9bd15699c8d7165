"""What a person does in the client and the API cannot: release and ship an order, move stock, receive, count.

Here belongs: reading what `POST /__user` asks. What follows from it belongs to rules/.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..records import Record
from .data import late
from .data.company import Company, amount
from .data.refusal import Refused
from .data.schema import ZERO_GUID
from .data.values import DECIMAL_LIMIT
from .extensions.companion import switch_sync_off
from .odata.writing import modify
from .rules import posting, purchases
from .rules.stock import DECREASE, INCREASE, PURCHASE, TRANSFER, Movement, move

Act = Callable[[Company, Record], None]


def act(company: Company, asked: Record) -> object:
    """Does what `do` says, in one transaction. Raises ValueError, and LookupError if there is no such record.

    `{"do": "begin", "act": {…}}` begins a transaction that does an act, and gives its number;
    `{"do": "commit", "transaction": number}` commits it. Nobody sees the act before.
    """
    if asked.get("do") == "begin":
        return {"transaction": late.begin(company, _known(asked.get("act")))}
    if asked.get("do") == "commit":
        with late.committing(company, asked.get("transaction")) as begun:
            return act(company, begun)
    try:
        with company.transaction():
            ACTS[_known(asked)["do"]](company, asked)
    except Refused as refusal:
        raise ValueError(refusal.message) from refusal
    return {"done": asked["do"]}


def _known(asked: Any) -> Record:
    if not isinstance(asked, dict) or str(asked.get("do")) not in ACTS:
        raise ValueError(f"do is one of {', '.join(ACTS)}, begin, commit")
    return asked


def _edit(company: Company, asked: Record) -> None:
    """Edits fields of a record, which is given by its entity set and id."""
    name = str(asked.get("entity"))
    if name not in company.schema or not isinstance(asked.get("fields"), dict):
        raise ValueError("an edit has entity, id and fields")
    modify(company, company.entity(name), _record(company, name, "id", asked.get("id")), asked["fields"], "*")


def _release(company: Company, asked: Record) -> None:
    posting.release(company, _record(company, "salesOrders", "id", asked.get("id")))


def _ship(company: Company, asked: Record) -> None:
    order = _record(company, "salesOrders", "id", asked.get("id"))
    lines = company.all("salesOrderLines", "documentId", order["id"])
    posting.ship(company, order, _quantities(asked.get("quantities"), lines))


def _receive(company: Company, asked: Record) -> None:
    """Posts a receipt of a purchase order, or without one a purchase in an item journal."""
    if "id" in asked:
        order = _record(company, "purchaseOrders", "id", asked["id"])
        lines = company.all("purchaseOrderLines", "documentId", order["id"])
        purchases.receive(company, order, _quantities(asked.get("quantities"), lines))
        return
    quantity, document = _quantity(asked), _document(company, asked)
    move(company, Movement(quantity=quantity, entry_type=PURCHASE, document=document, **_place(company, asked)))


def _adjust(company: Company, asked: Record) -> None:
    """Posts an item journal line: a positive adjustment, or a negative one."""
    _post_difference(company, asked, _quantity(asked, least=-DECIMAL_LIMIT))


def _count(company: Company, asked: Record) -> None:
    """Posts the difference between what was counted in a place and what the books say (a physical inventory)."""
    place = _place(company, asked)
    row = company.get("stock", "/".join((place["item"]["id"], place["variant_id"], place["location_id"])))
    _post_difference(company, asked, _quantity(asked) - amount(row["quantity"] if row else 0))


def _post_difference(company: Company, asked: Record, difference: Decimal) -> None:
    if difference:
        kind = INCREASE if difference > 0 else DECREASE
        document = _document(company, asked)
        move(company, Movement(quantity=difference, entry_type=kind, document=document, **_place(company, asked)))


def _transfer(company: Company, asked: Record) -> None:
    """Moves stock from one location to another (an item reclassification journal)."""
    quantity, document = _quantity(asked), _document(company, asked)
    for end, sign in (("from", -1), ("to", 1)):
        place = _place(company, asked | {"location": asked.get(end)})
        if place["location_id"] == ZERO_GUID:
            raise ValueError("from and to are codes of locations")
        move(company, Movement(quantity=sign * quantity, entry_type=TRANSFER, document=document, **place))


def _reserve(company: Company, asked: Record) -> None:
    """Reserves a quantity of the stock of a place, in the place of what was reserved there."""
    place = _place(company, asked)
    row = company.get("stock", "/".join((place["item"]["id"], place["variant_id"], place["location_id"])))
    quantity = _quantity(asked)
    if row is None or amount(row["quantity"]) < quantity:
        raise ValueError("there is not so much to reserve")
    company.records.replace("stock", row["id"], row | {"reserved": quantity})


def _place(company: Company, asked: Record) -> dict[str, Any]:
    """The item, the variant and the location that are meant, as fields of a Movement."""
    item = _record(company, "items", "number", asked.get("item"))
    variant, location = asked.get("variant") or "", asked.get("location") or ""
    variants = [row for row in company.all("itemVariants", "itemId", item["id"]) if row["code"] == variant]
    if variant and not variants:
        raise LookupError(f"item {item['number']} has no such variant")
    return {
        "item": item,
        "variant_id": variants[0]["id"] if variants else ZERO_GUID,
        "location_id": _record(company, "locations", "code", location)["id"] if location else ZERO_GUID,
    }


def _document(company: Company, asked: Record) -> str:
    return str(asked.get("document") or f"T{company.records.next_value('item journal'):05d}")


def _record(company: Company, entity: str, field: str, value: Any) -> Record:
    text = value if isinstance(value, str) else ""
    found = company.get(entity, text) if field == "id" else company.find(entity, field, text)
    if found is None:
        raise LookupError(f"{entity} has no record with this {field}")
    return found


def _quantities(asked: Any, lines: list[Record]) -> dict[str, Decimal]:
    """Quantities by the ids of lines."""
    if not isinstance(asked, dict) or not set(asked) <= {line["id"] for line in lines}:
        raise ValueError("quantities are by the ids of the order's lines")
    return {line: _quantity({"quantity": quantity}) for line, quantity in asked.items()}


def _quantity(asked: Record, least: int = 0) -> Decimal:
    value = asked.get("quantity")
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not least <= value < DECIMAL_LIMIT:
        raise ValueError("a quantity is a number")
    return Decimal(value)


def _copy_environment(company: Company, asked: Record) -> None:
    """Copies the environment: in the copy, Environment Cleanup switches the companion app off."""
    switch_sync_off(company)


ACTS: dict[str, Act] = {
    "release": _release,
    "ship": _ship,
    "receive": _receive,
    "adjust": _adjust,
    "transfer": _transfer,
    "count": _count,
    "reserve": _reserve,
    "copyEnvironment": _copy_environment,
    "edit": _edit,
}
