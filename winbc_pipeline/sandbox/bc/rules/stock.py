"""Item ledger entries, and the stock by item, variant and location that they add up to.

API v2.0 shows the sum per item only (`items.inventory`). The rows by place are in `/__state` as `stock`.
Here belongs: what every movement of stock must pass, and what it leaves behind. Who moves it: posting.py, purchases.py.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...records import Record
from ..data.company import Company, amount
from ..data.refusal import dialog_error, must_have_value, validation_error
from ..data.schema import ZERO_GUID
from ..data.settings import inventory_setup
from ..data.values import decoded

STOCKED = "Inventory"  # the type of items whose stock is kept
SALE, PURCHASE, TRANSFER = "Sale", "Purchase", "Transfer"
INCREASE, DECREASE = "Positive_x0020_Adjmt_x002E_", "Negative_x0020_Adjmt_x002E_"
RETURNS = ("Sales_x0020_Credit_x0020_Memo",)  # blocked for sale or not, what was sold may come back
# AL's name of the line that posts a change of stock. It is in no journal (APIV2 - Items, UpdateInventory).
JOURNAL_LINE = "Item Journal Line: Journal Template Name=, Journal Batch Name=, Line No.=0"


@dataclass(frozen=True)
class Movement:
    """A quantity of an item, in its base unit, that comes to a place or leaves it. A negative quantity leaves.

    `source` is the type and the number of the customer or vendor. `sales` is the amount that was invoiced, without VAT.
    """

    item: Record
    quantity: Decimal
    entry_type: str
    document: str
    document_type: str = "_x0020_"
    variant_id: str = ZERO_GUID
    location_id: str = ZERO_GUID
    source: tuple[str, str] = ("_x0020_", "")
    sales: Decimal = Decimal(0)


def move(company: Company, movement: Movement) -> None:
    """Posts an item ledger entry. The item's inventory is the sum of its entries, as it is a FlowField in AL.

    Neither the moment nor the ETag of the item moves. Raises Refused.
    """
    item, setup = movement.item, inventory_setup(company)
    _check_movement(company, movement, setup)
    _change_stock(company, movement, setup)
    if "itemLedgerEntries" in company.schema:
        entry = {"entryNumber": company.records.next_value("itemLedgerEntries"), "itemNumber": item["number"]}
        entry |= {"postingDate": company.today(), "entryType": movement.entry_type, "quantity": movement.quantity}
        entry |= {"documentNumber": movement.document, "documentType": movement.document_type}
        entry |= {"sourceType": movement.source[0], "sourceNumber": movement.source[1]}
        entry |= {"description": item["displayName"], "salesAmountActual": movement.sales}
        entry["costAmountActual"] = movement.quantity * amount(item["unitCost"]) if item["type"] == STOCKED else 0
        company.add("itemLedgerEntries", entry)
    item["inventory"] = amount(item["inventory"]) + movement.quantity
    company.change("items", item, stamp=False)
    codes = _codes(company, item, movement.variant_id, movement.location_id) if company.movements else {}
    for follow in company.movements:
        follow(movement, (codes["itemNumber"], codes["variantCode"], codes["locationCode"]))


def _check_movement(company: Company, movement: Movement, setup: Record) -> None:
    """The checks of an item journal line (AL: Item Journal Line, and codeunit Item Jnl.-Check Line)."""
    item = movement.item
    check_not_blocked(company, item, movement.variant_id, movement.entry_type, movement.document_type)
    if movement.entry_type not in (SALE, PURCHASE) and item["type"] != STOCKED:
        message = f"Type must be equal to 'Inventory'  in Item: No.={item['number']}."
        raise validation_error(f"{message} Current value is '{decoded(item['type'])}'.")
    if not item["baseUnitOfMeasureCode"]:
        raise must_have_value("Base Unit of Measure", f"Item: No.={item['number']}")
    if setup.get("locationMandatory") and movement.location_id == ZERO_GUID and item["type"] == STOCKED:
        raise must_have_value("Location Code", JOURNAL_LINE)
    if setup.get("variantMandatoryIfExists") and movement.variant_id == ZERO_GUID and has_variants(company, item):
        raise must_have_value("Variant Code", JOURNAL_LINE)


def check_not_blocked(
    company: Company, item: Record, variant_id: str, entry_type: str, document_type: str = ""
) -> None:
    """Refuses a blocked item or variant, and one that is blocked for sale or for purchase."""
    subjects = [("Item", item["number"], {"blocked": item["blocked"]} | company.hidden("items", item["id"]))]
    variant = company.get("itemVariants", variant_id) if variant_id != ZERO_GUID else None
    if variant:
        subjects.append(
            ("Item Variant", f"{item['number']}, {variant['code']}", company.hidden("itemVariants", variant_id))
        )
    for table, label, settings in subjects:
        if settings.get("blocked"):
            message = (
                f"You cannot choose {table} {label} because the Blocked check box is selected on its {table} card."
            )
            raise dialog_error(message)
        for kind, verb, name in ((SALE, "sell", "Sales"), (PURCHASE, "purchase", "Purchasing")):
            if entry_type == kind and document_type not in RETURNS and settings.get(f"{name.lower()}Blocked"):
                where = f"the {name} Blocked check box is selected on the {table} card."
                raise dialog_error(f"You cannot {verb} {table} {label} because {where}")


def has_variants(company: Company, item: Record) -> bool:
    """Whether there are variants of an item."""
    return company.find("itemVariants", "itemId", item["id"]) is not None


def load_stock(company: Company, item: Record) -> None:
    """Keeps the inventory of an item that was seeded with one: without variant and location, and without entries."""
    if item["inventory"]:
        _change_stock(company, Movement(item, amount(item["inventory"]), INCREASE, ""), {})


def has_entries(company: Company, item_id: str, variant_id: str = "") -> bool:
    """Whether an item, or one variant of it, has item ledger entries."""
    rows = company.all("stock", "itemId", item_id)
    return any(variant_id in ("", row["itemVariantId"]) for row in rows)


def units_of(company: Company, item: Record) -> dict[str, Decimal]:
    """The units of an item by their ids, with the quantity of the base unit that each holds."""
    units = company.hidden("items", item["id"]).get("units", {})
    return {unit: amount(quantity) for unit, quantity in units.items()} | {item["baseUnitOfMeasureId"]: Decimal(1)}


def in_base_units(company: Company, item: Record, quantity: Decimal, unit_id: str) -> Decimal:
    """A quantity in another unit of the item as one in its base unit."""
    if unit_id == item["baseUnitOfMeasureId"]:
        return quantity
    return quantity * units_of(company, item).get(unit_id, Decimal(1))


def refresh_codes(company: Company, item: Record) -> None:
    """Writes the number of the item and the codes of its variants into its stock rows, after one of them changed."""
    for row in company.all("stock", "itemId", item["id"]):
        current = row | _codes(company, item, row["itemVariantId"], row["locationId"])
        company.records.replace("stock", row["id"], current)


def _change_stock(company: Company, movement: Movement, setup: Record) -> None:
    item, ids = movement.item, (movement.item["id"], movement.variant_id, movement.location_id)
    row_id = "/".join(ids)
    row = company.get("stock", row_id)
    quantity = (amount(row["quantity"]) if row else Decimal(0)) + movement.quantity
    # AL: Item Ledger Entry, VerifyOnInventory. A transfer never takes what is not there.
    guarded = movement.entry_type == TRANSFER or setup.get("preventNegativeInventory")
    if guarded and item["type"] == STOCKED and movement.quantity < 0 and quantity < 0:
        raise dialog_error(f"You have insufficient quantity of Item {item['number']} on inventory.")
    if row:
        company.records.replace("stock", row_id, row | {"quantity": quantity})
        return
    known = dict(zip(("itemId", "itemVariantId", "locationId"), ids, strict=True))
    codes = _codes(company, item, movement.variant_id, movement.location_id)
    company.records.insert("stock", row_id, {"id": row_id} | known | codes | {"quantity": quantity})


def _codes(company: Company, item: Record, variant_id: str, location_id: str) -> Record:
    variant, location = company.get("itemVariants", variant_id) or {}, company.get("locations", location_id) or {}
    return {
        "itemNumber": item["number"],
        "variantCode": variant.get("code", ""),
        "locationCode": location.get("code", ""),
    }
