"""Stock in the companion app: levels and demand by item, variant and location, the log of changes, adjustments.

AL: queries WINS Inventory Levels and WINS Sales Demands, codeunits WINS Stock Log and WINS Stock Posting.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial

from ...records import Record
from ..data.company import ROW_VERSION, Company, amount
from ..data.late import minimum_active
from ..data.refusal import dialog_error
from ..data.schema import ZERO_GUID
from ..rules.stock import DECREASE, INCREASE, Movement, in_base_units, move
from .behaviours import Offered, behaviour, computation, subscriber
from .companion import check_sync_on

Place = tuple[str, str, str]  # the item's number, the variant's code, the location's code
ADJUSTMENTS = "connector.winstore.stockAdjustments"
CURSOR = "2f0c1c9e-6f4e-4b55-9b0e-5b2a0d0f8f01"


@computation("winstore.inventoryLevels")
def inventory_levels(company: Company, offered: Iterable[Offered]) -> list[Record]:
    """The stock of each place in which an item ever was."""
    rows = company.records.select("stock")
    places = ((row["itemNumber"], row["variantCode"], row["locationCode"], row["quantity"]) for row in rows)
    return [_level(*one) for one in sorted(places, key=lambda one: one[:3])]


@computation("winstore.salesDemands")
def sales_demands(company: Company, offered: Iterable[Offered]) -> list[Record]:
    """What sales orders still ask for, in base units. AL calls an order Open that API v2.0 shows as a draft."""
    asked: dict[tuple[Place, str], Decimal] = {}
    drafts = {order["id"] for order in company.all("salesOrders", "status", "Draft")}
    for line in company.records.select("salesOrderLines"):
        if (place := _place_of(company, line)) and (left := _outstanding(company, line)):
            named = place, "Open" if line["documentId"] in drafts else "Released"
            asked[named] = asked.get(named, Decimal(0)) + left
    return [_level(*place, left) | {"orderStatus": status} for (place, status), left in sorted(asked.items())]


@computation("winstore.reservedStocks")
def reserved_stocks(company: Company, offered: Iterable[Offered]) -> list[Record]:
    """What a person has reserved of the stock of each place."""
    rows = (row for row in company.records.select("stock") if row.get("reserved"))
    places = ((row["itemNumber"], row["variantCode"], row["locationCode"], row["reserved"]) for row in rows)
    return [_level(*one) for one in sorted(places, key=lambda one: one[:3])]


@computation("winstore.changeCursors")
def change_cursors(company: Company, offered: Iterable[Offered]) -> list[Record]:
    """The row version below which no transaction is open."""
    active, last = minimum_active(company)
    return [{"id": CURSOR, "minimumActiveRowVersion": active, "lastUsedRowVersion": last}]


@subscriber("winstore.stockLog")
def stock_log(company: Company, changes: str) -> Callable[[], None]:
    """Notes each movement of stock, and each change of what sales orders ask for."""
    lines: dict[str, tuple[Place, Decimal]] = {}
    follow_movement, follow_line = (
        partial(_note_movement, company, changes),
        partial(_note_line, company, changes, lines),
    )
    for line in company.records.select("salesOrderLines"):
        if place := _place_of(company, line):
            lines[line["id"]] = place, _outstanding(company, line)
    company.movements.append(follow_movement)
    company.mirrors.setdefault("salesOrderLines", []).append(follow_line)

    def end() -> None:
        company.movements.remove(follow_movement)
        company.mirrors["salesOrderLines"].remove(follow_line)

    return end


@behaviour("stockAdjustment.post")
def post(company: Company, record: Record, arguments: Record) -> None:
    """Posts an adjustment, unless it was posted before. Raises Refused: then nothing is kept."""
    if record["posted"]:
        return
    check_sync_on(company)
    quantity, item = amount(record["quantity"]), company.find("items", "number", record["itemNumber"]) or {}
    if not quantity:
        raise dialog_error(f"Quantity must have a value in Stock Adjustment: Reference={record['reference']}.")
    variant = _variant_id(company, record) if record["variantCode"] else ZERO_GUID
    location = (company.find("locations", "code", record["locationCode"]) or {"id": ZERO_GUID})["id"]
    kind = INCREASE if quantity > 0 else DECREASE
    move(company, Movement(item, quantity, kind, record["reference"][:20], variant_id=variant, location_id=location))
    entries = company.records.select("itemLedgerEntries", order="seq DESC", limit=1)
    number = entries[0]["entryNumber"] if entries else 0
    company.change(ADJUSTMENTS, record | {"posted": True, "itemLedgerEntryNumber": number})


def _variant_id(company: Company, record: Record) -> str:
    variants = company.all("itemVariants", "itemNumber", record["itemNumber"])
    found = next((one for one in variants if one["code"] == record["variantCode"]), None)
    if found is None:
        raise dialog_error(
            f"The Item Variant does not exist. Item No.='{record['itemNumber']}',Code='{record['variantCode']}'"
        )
    return str(found["id"])


def _level(item: str, variant: str, location: str, quantity: Decimal) -> Record:
    return {"itemNumber": item, "variantCode": variant, "locationCode": location, "quantity": quantity}


def _place_of(company: Company, line: Record) -> Place | None:
    """The place whose stock a line of a sales order asks for; None for a line that is not about an item."""
    if line["lineType"] != "Item":
        return None
    variant = company.get("itemVariants", line["itemVariantId"]) or {}
    location = company.get("locations", line["locationId"]) or {}
    return line["lineObjectNumber"], variant.get("code", ""), location.get("code", "")


def _outstanding(company: Company, line: Record) -> Decimal:
    item = company.get("items", line["itemId"])
    left = amount(line["quantity"]) - amount(line["shippedQuantity"])
    return in_base_units(company, item, left, line["unitOfMeasureId"]) if item else left


def _note_movement(company: Company, changes: str, movement: Movement, place: Place) -> None:
    _note(company, changes, place, "Item_x0020_Ledger_x0020_Entry", movement.entry_type)


def _note_line(
    company: Company, changes: str, lines: dict[str, tuple[Place, Decimal]], record: Record, kind: str, tell: bool
) -> None:
    place, old = _place_of(company, record), lines.pop(record["id"], None)
    new = (place, _outstanding(company, record)) if place and kind != "deleted" else None
    if new:
        lines[record["id"]] = new
    if new != old:
        for touched in dict.fromkeys(one[0] for one in (old, new) if one):
            _note(company, changes, touched, "Sales_x0020_Line", "Sale")


def _note(company: Company, changes: str, place: Place, source: str, entry_type: str) -> None:
    item, variant, location = place
    change: Record = {"itemNumber": item, "variantCode": variant, "locationCode": location, "source": source}
    change |= {"entryType": entry_type, "entryNumber": company.records.next_value("stockChanges")}
    company.add(changes, change | {ROW_VERSION: company.next_row_version()})
