"""The stock of Business Central by item: what is there, what open orders take, and what purchase orders bring.

API v2.0 has the inventory of an item as one sum, and no reserved quantity. What sells from it are the open lines of
sales orders. Neither the moment nor the ETag of an item moves with its stock, so its ledger entries and its orders tell
that something changed (rules.md, Stock). Orders are read whole each time: a line that was deleted leaves no trace.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb

from ... import clock
from ...mapping.tables import read_table
from ...settings import Settings
from ...staging.gone import gone_table
from ...staging.store import Store, quote, rows_of
from ...sync.flow import Gather, Reading, Rows
from ...sync.reading.read_bc import MODIFIED, changed
from ...sync.stock import rules
from ...systems.business_central import BusinessCentral, entity_fields
from ...systems.exact_json import exact
from . import entries
from .entries import ENTRIES

FLOW = "stock_bc_to_winstore"
ROWS = "rows_bc_stock"
ITEMS, SALES, PURCHASES, VARIANTS = "items", "salesOrders", "purchaseOrders", "itemVariants"
NEEDED = {"id", "number", "type", "blocked", "inventory", "itemCategoryCode", "baseUnitOfMeasureCode", MODIFIED}
DRAFT, ITEM = "Draft", "Item"
AT_ONCE = 4000  # items that are looked up and staged in one chunk
DERIVED = {
    "on_hand": "decimal",
    "on_orders": "decimal",
    "incoming": "decimal",
    "sales_lines": "text",  # for people, and to see a change: the open quantity by unit
    "purchase_lines": "text",
    "other_unit": "boolean",
    "has_variants": "boolean",
}
Record = dict[str, Any]


@dataclass
class Open:
    """What the open lines of one kind of order take or bring, by item number and unit."""

    by_item: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    def add(self, line: Record, done: str) -> None:
        """Adds what is left of a line. `done` is its field with the quantity that was handled already."""
        left = line["quantity"] - line[done]
        if line["lineType"] == ITEM and left:
            units = self.by_item.setdefault(line["lineObjectNumber"], {})
            unit = line["unitOfMeasureCode"]
            units[unit] = units.get(unit, Decimal(0)) + left

    def of(self, number: str, unit: str) -> Decimal:
        """The open quantity of an item in its base unit."""
        return self.by_item.get(number, {}).get(unit, Decimal(0))

    def in_words(self, number: str) -> str:
        units = self.by_item.get(number, {})
        return "; ".join(f"{format(left.normalize(), 'f')} {unit}".strip() for unit, left in sorted(units.items()))

    def other_units(self, number: str, unit: str) -> bool:
        return any(other != unit for other in self.by_item.get(number, {}))


def sets(settings: Settings) -> Mapping[str, str]:
    """The entity sets whose changes matter; those of orders only where a formula reads what they give."""
    return dict.fromkeys((ITEMS, ENTRIES, *_orders(settings)), "")


def _orders(settings: Settings) -> list[str]:
    table = read_table(settings.tables_folder / FLOW / "stock.csv")
    words = set(re.findall(r"\w+", " ".join(line.source for line in table.lines)))
    named = {"on_orders": SALES, "incoming": PURCHASES}
    return [entity_set for name, entity_set in named.items() if name in words]


def rows(
    settings: Settings, store: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
) -> Iterator[tuple[str, Rows]]:
    """A row for each item whose stock or open orders changed since a moment; for every item at the beginning."""
    start = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    known = _known(store)
    sales, purchases = _open_lines(settings, source, since)
    is_whole = since[ITEMS] < start
    moved = entries.read(store, source, None if is_whole else since[ENTRIES])
    moments = None if is_whole else _moments(source, since[ITEMS], moved, known, sales, purchases)
    fields = sorted((wanted & set(entity_fields(ITEMS))) | NEEDED)
    for items in _items(source, moments, fields):
        variants = _with_variants(source, items, moments is None)
        chunk = []
        for item in items:
            number, unit = item["number"], item["baseUnitOfMeasureCode"]
            row = {name: item[name] for name in fields}
            row |= {"on_hand": item["inventory"], "has_variants": number in variants}
            row |= {"on_orders": sales.of(number, unit), "incoming": purchases.of(number, unit)}
            row |= {"sales_lines": sales.in_words(number), "purchase_lines": purchases.in_words(number)}
            row["other_unit"] = sales.other_units(number, unit) or purchases.other_units(number, unit)
            row[MODIFIED] = _moment(source, row, known.get(number), (moments or {}).get(number))
            chunk.append(row)
        yield "", chunk


def _open_lines(settings: Settings, source: BusinessCentral, since: Mapping[str, datetime]) -> tuple[Open, Open]:
    """What is open on sales orders and on purchase orders, as far as a formula reads it."""
    sales, purchases = Open(), Open()
    kinds = (
        (SALES, "salesOrderLines", "shippedQuantity", sales),
        (PURCHASES, "purchaseOrderLines", "receivedQuantity", purchases),
    )
    for entity_set, lines, done, found in kinds:
        if entity_set not in since:
            continue
        inner = f"lineType,lineObjectNumber,unitOfMeasureCode,quantity,{done}"
        for order in source.get(f"{entity_set}?$select=id,status&$expand={lines}($select={inner})"):
            if settings.stock.drafts or order["status"] != DRAFT:
                for line in order[lines]:
                    found.add(line, done)
    return sales, purchases


def _known(store: Store) -> dict[str, Record]:
    """What was last read of each item, by its number."""
    with store.open() as connection:
        there = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [ROWS]).fetchone()
        names = f"number, {quote(MODIFIED)}, on_hand, sales_lines, purchase_lines"
        found = rows_of(connection, f"SELECT {names} FROM {quote(ROWS)}") if there else []
    return {row["number"]: row for row in found}


def _moments(
    source: BusinessCentral,
    since: datetime,
    moved: Mapping[str, datetime | None],
    known: Mapping[str, Record],
    sales: Open,
    purchases: Open,
) -> dict[str, datetime | None]:
    """The items that changed, and the moment of it; None for what only open lines or the number of an entry show.

    Args:
        moved: the items that ledger entries moved.
    """
    found = dict(moved)
    for page in changed(source, ITEMS, since, "", f"$select=number,{MODIFIED}"):
        for record in page:
            number = record["number"]
            found[number] = clock.newest(clock.moment_of(record[MODIFIED]), found.get(number))
    for number in {*known, *sales.by_item, *purchases.by_item}:
        row = known.get(number, {})
        told = ((row.get("sales_lines") or "", sales), (row.get("purchase_lines") or "", purchases))
        if any(before != lines.in_words(number) for before, lines in told):
            found.setdefault(number, None)
    return found


def _items(source: BusinessCentral, numbers: Collection[str] | None, fields: Collection[str]) -> Iterator[list[Record]]:
    """The items with these numbers, or all items for None, some at a time."""
    if numbers is None:
        wanted = f"items?$select={','.join(fields)}"
        for page in source.pages(wanted):
            yield _read(page)
        return
    ordered = sorted(numbers)
    for start in range(0, len(ordered), AT_ONCE):
        found = source.find(ITEMS, "number", ordered[start : start + AT_ONCE], False, fields)
        yield [item for items in found.values() for item in items]


def _read(page: bytes) -> list[Record]:
    records: list[Record] = exact(page)
    return records


def _with_variants(source: BusinessCentral, items: Iterable[Record], every: bool) -> set[str]:
    """The numbers of items that have variants: the stock of one variant is not in API v2.0."""
    if every:
        return {each["itemNumber"] for each in source.get(f"{VARIANTS}?$select=itemNumber")}
    return set(source.find(VARIANTS, "itemNumber", {item["number"] for item in items}, False, ("itemNumber",)))


def _moment(source: BusinessCentral, row: Record, before: Record | None, told: datetime | None) -> str:
    """The moment of a row: the newest of what changed it, never before the one that it had.

    A change that nothing dates, such as a deleted line, has the moment at which Business Central answered.
    """
    newest = clock.newest(clock.moment_of(row[MODIFIED]), told, before[MODIFIED] if before else None)
    figures = ("on_hand", "sales_lines", "purchase_lines")
    is_new = before is not None and any((before[name] or 0) != (row[name] or 0) for name in figures)
    if is_new and not told:
        newest = clock.newest(newest, source.server_now or clock.now())
    return newest.astimezone(UTC).isoformat(timespec="milliseconds") if newest else ""


def prepare(connection: duckdb.DuckDBPyConnection, settings: Settings, _: str, __: Rows | None) -> None:
    """Makes the table of the rules in the flow's database."""
    rules.put_rules(connection, settings)


def select(settings: Settings, rows: str) -> str:
    """SELECT of the items with their rules (staging/gather.py)."""
    start = settings.history_start.isoformat()
    return rules.with_rules(
        f"""
        SELECT
            s.* EXCLUDE (_key, _version, _namesakes, _window), greatest(_window, DATE '{start}') AS _window,
            number AS _sku, itemCategoryCode AS _category
        FROM {quote(rows)} AS s
        WHERE _key NOT IN (SELECT key FROM {quote(gone_table(rows))})"""
    )


def fields(of_rows: Mapping[str, str]) -> Mapping[str, str]:
    """Kinds of the fields of an item's record."""
    return {**of_rows, **rules.FIELDS}


READING = Reading(sets, rows, key=("number",), group="id", unread=entries.unread, note_staged=entries.note_staged)
GATHER = Gather(key=("number",), modified=MODIFIED, fields=fields, prepare=prepare, select=select, keep=rules.keep)
