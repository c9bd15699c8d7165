"""The stock of Business Central by item: what is there, what open orders take, and what purchase orders bring.

API v2.0 has the inventory of an item as one sum, and no reserved quantity; the companion app has both by variant and
location (app_stock.py). What sells from it are the open lines of sales orders (open_orders.py). Neither the moment nor
the ETag of an item moves with its stock, so its ledger entries and its orders tell that something changed (rules.md,
Stock).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb

from ... import clock
from ...mapping.tables import read_table
from ...settings import Settings
from ...staging.gather import Parts, slice_of
from ...staging.gone import gone_table
from ...staging.store import Store, quote, rows_of
from ...sync.flow import Gather, Reading, Rows
from ...sync.reading.read_bc import MODIFIED, changed
from ...sync.stock import rules
from ...sync.stock.app_stock import LOG, AppStock, Place, Sums, app_stock
from ...systems.business_central import BusinessCentral, entity_fields
from ...systems.exact_json import exact
from .. import variants as item_variants
from . import entries
from .entries import ENTRIES
from .open_orders import BASE, PURCHASES, SALES, Orders, open_orders

FLOW = "stock_bc_to_winstore"
ROWS = "rows_bc_stock"
ITEMS, VARIANTS = "items", "itemVariants"
NEEDED = {"id", "number", "type", "blocked", "inventory", "itemCategoryCode", "baseUnitOfMeasureCode", MODIFIED}
AT_ONCE = 4000  # items that are looked up and staged in one chunk
DERIVED = {
    "on_hand": "decimal",
    "on_orders": "decimal",
    "incoming": "decimal",
    "sales_lines": "text",  # for people, and to see a change: the open quantity by unit
    "purchase_lines": "text",
    "reserved": "decimal",
    "other_unit": "boolean",
    "has_variants": "boolean",
    "item_number": "text",  # the item of a SKU that is a variant
    "variant_code": "text",
}
OF_SKU = ("item_number", "variant_code", "has_variants")
TOLD = ("on_hand", "reserved", "sales_lines", "purchase_lines")  # by which a change is seen that nothing dates
Record = dict[str, Any]


def sets(settings: Settings) -> Mapping[str, str]:
    """The entity sets whose changes matter; those of orders only where a formula reads what they give."""
    return dict.fromkeys((ITEMS, ENTRIES, *_orders(settings)), "")


def _orders(settings: Settings) -> list[str]:
    words, named = _words(settings), {"on_orders": SALES, "incoming": PURCHASES}
    return [entity_set for name, entity_set in named.items() if name in words]


def needs_app(settings: Settings) -> str:
    """What the tables and settings ask for that only the companion app tells, in words; empty for nothing."""
    asked = ["`stock.locations`"] if settings.stock.locations else []
    asked += ["`reserved` in stock.csv"] if "reserved" in _words(settings) else []
    return " and ".join(asked)


def rows(
    settings: Settings, store: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
) -> Iterator[tuple[str, Rows]]:
    """A row for each item whose stock or open orders changed since a moment; for every item at the beginning.

    With the companion app, also for each variant that is a SKU.
    """
    start = datetime.combine(settings.history_start, datetime.min.time(), UTC)
    is_whole = since[ITEMS] < start
    with app_stock(settings, needs_app(settings)) as app:
        orders = open_orders(settings, source, since, app)
        known, reserved = _known(store), app.reserved() if app and "reserved" in _words(settings) else None
        moved = entries.read(store, source, None if is_whole else since[ENTRIES])
        if app and not is_whole:
            moved |= app.changed(since[ENTRIES])
        moments = None if is_whole else _moments(source, since[ITEMS], moved, known, orders, reserved or Sums())
        fields = sorted((wanted & set(entity_fields(ITEMS))) | NEEDED)
        for items in _items(source, moments, fields):
            variants = _variants(source, items, moments is None)
            figures = _Figures(orders, reserved, _on_hand(app, items, moments is None))
            chunk = []
            for found in _with_skus(settings, items, variants, app is not None):
                row = {name: found[name] for name in (*fields, *OF_SKU)} | figures.of(found)
                told = (moments or {}).get(row["item_number"])
                row[MODIFIED] = _moment(source, row, known.get(row["number"]), told)
                chunk.append(row)
            yield "", chunk


def _words(settings: Settings) -> set[str]:
    """The words of the formulas, the names of the fields that they read among them."""
    table = read_table(settings.tables.needed(f"{FLOW}/stock.csv"))
    return set(re.findall(r"\w+", " ".join(line.source for line in table.lines)))


def _on_hand(app: AppStock | None, items: list[Record], every: bool) -> Sums | None:
    """What is there by the companion app; None without it: then an item's `inventory` counts."""
    return app.on_hand(None if every else {item["number"] for item in items}) if app else None


def _with_skus(
    settings: Settings, items: list[Record], variants: Mapping[str, list[Record]], has_app: bool
) -> Iterator[Record]:
    """A row for each item and, with the companion app, for each variant of it that is a SKU of Winstore."""
    ids = {variant["id"] for found in variants.values() for variant in found} if has_app else set[str]()
    skus = item_variants.skus(settings, ids) if ids else None
    for item in items:
        number, own = item["number"], variants.get(item["number"], [])
        yield item | {"item_number": number, "variant_code": "", "has_variants": bool(own)}
        for variant in own if skus is not None else ():
            sku = (skus or {}).get(variant["id"]) or f"{number}-{variant['code']}"
            named = {"id": variant["id"], "number": sku, "item_number": number, "variant_code": variant["code"]}
            yield item | named | {"has_variants": False}


@dataclass(frozen=True)
class _Figures:
    """The parts of figures. `levels` is what is there by item and variant; None where only `inventory` is known.

    `reserved` is None where no formula asks for it.
    """

    orders: Orders
    reserved: Sums | None
    levels: Sums | None

    def of(self, row: Record) -> Record:
        """The parts of the figure of a row."""
        place, unit = (row["item_number"], row["variant_code"]), row["baseUnitOfMeasureCode"]
        sales, purchases = self.orders
        in_unit = unit if self.levels is None else BASE
        found = {"on_hand": row["inventory"] if self.levels is None else _sum(self.levels, place)}
        found |= {"on_orders": sales.of(place, in_unit), "incoming": purchases.of(place, unit)}
        found |= {"reserved": None if self.reserved is None else _sum(self.reserved, place)}
        found |= {"sales_lines": sales.in_words(place), "purchase_lines": purchases.in_words(place)}
        return found | {"other_unit": sales.other_units(place, in_unit) or purchases.other_units(place, unit)}


def _sum(sums: Sums, place: Place) -> Decimal:
    return sums.get(place, Decimal(0))


def _known(store: Store) -> dict[str, Record]:
    """What was last read of each item and SKU, by its number."""
    with store.open() as connection:
        columns = connection.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [ROWS]).fetchall()
        there = {name for (name,) in columns}  # a database of an earlier version has not all of them
        names = [name for name in ("number", MODIFIED, *TOLD, "item_number", "variant_code") if name in there]
        found = rows_of(connection, f"SELECT {', '.join(map(quote, names))} FROM {quote(ROWS)}") if there else []
    return {row["number"]: row for row in found}


def _moments(
    source: BusinessCentral,
    since: datetime,
    moved: Mapping[str, datetime | None],
    known: Mapping[str, Record],
    orders: Orders,
    reserved: Sums,
) -> dict[str, datetime | None]:
    """The items that changed, and the moment of it; None for what only open lines, reservations or the number of an
    entry show.

    Args:
        moved: the items that ledger entries moved.
    """
    found = dict(moved)
    for page in changed(source, ITEMS, since, "", f"$select=number,{MODIFIED}"):
        for record in page:
            number = record["number"]
            found[number] = clock.newest(clock.moment_of(record[MODIFIED]), found.get(number))
    before = {(row.get("item_number") or number, row.get("variant_code") or ""): row for number, row in known.items()}
    sales, purchases = orders
    for place in {*before, *sales.by_place, *purchases.by_place, *reserved}:
        row = before.get(place, {})
        same = (row.get("sales_lines") or "") == sales.in_words(place)
        same = same and (row.get("purchase_lines") or "") == purchases.in_words(place)
        if not same or (row.get("reserved") or 0) != _sum(reserved, place):
            found.setdefault(place[0], None)
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


def _variants(source: BusinessCentral, items: Iterable[Record], every: bool) -> dict[str, list[Record]]:
    """The variants of items by the items' numbers: the stock of one variant is not in API v2.0."""
    fields = ("id", "itemNumber", "code")
    if not every:
        return source.find(VARIANTS, "itemNumber", {item["number"] for item in items}, False, fields)
    found: dict[str, list[Record]] = {}
    for variant in source.get(f"{VARIANTS}?$select={','.join(fields)}"):
        found.setdefault(variant["itemNumber"], []).append(variant)
    return found


def _moment(source: BusinessCentral, row: Record, before: Record | None, told: datetime | None) -> str:
    """The moment of a row: the newest of what changed it, never before the one that it had.

    A change that nothing dates, such as a deleted line, has the moment at which Business Central answered.
    """
    newest = clock.newest(clock.moment_of(row[MODIFIED]), told, before[MODIFIED] if before else None)
    is_new = before is not None and any((before.get(name) or 0) != (row[name] or 0) for name in TOLD)
    if is_new and not told:
        newest = clock.newest(newest, source.server_now or clock.now())
    return newest.astimezone(UTC).isoformat(timespec="milliseconds") if newest else ""


def prepare(connection: duckdb.DuckDBPyConnection, settings: Settings, _: Rows | None) -> None:
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
        FROM {slice_of(rows)} AS s
        WHERE _key NOT IN (SELECT key FROM {quote(gone_table(rows))})"""
    )


def parts(rows: str) -> Parts:
    """What is looked at together: each item by itself."""
    return Parts(rows, "number", rules=("stock_rule", gone_table(rows)))


def fields(of_rows: Mapping[str, str]) -> Mapping[str, str]:
    """Kinds of the fields of an item's record."""
    return {**of_rows, **rules.FIELDS}


READING = Reading(
    sets,
    rows,
    key=("number",),
    group="id",
    logs={ENTRIES: LOG, SALES: LOG},
    unread=entries.unread,
    note_staged=entries.note_staged,
)
GATHER = Gather(
    key=("number",),
    modified=MODIFIED,
    fields=fields,
    prepare=prepare,
    select=select,
    parts=parts,
    keep=rules.keep,
)
