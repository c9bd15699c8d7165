"""The stock of Winstore by SKU: the sum over the warehouses whose group Winstore owns.

A sum is sent only when every warehouse of the SKU was read. Which these are is kept apart from the rows, so that no
deletion of old rows makes a sum smaller. The rules of a SKU: rules.py.
"""

from collections.abc import Mapping

import duckdb

from ...errors import StoreBusy
from ...settings import Settings
from ...staging.gather import Parts, portions, slice_of
from ...staging.gone import ABSENT, gone_table
from ...staging.load import create as create_staging
from ...staging.store import Row, create_table, insert_rows, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.flow import Gather
from ...sync.stock import rules
from ..products import PRODUCTS

PLACES = "stock_place"
PLACE = {"sku": "VARCHAR", "warehouse": "VARCHAR"}
WAIT_S = 5  # seconds that stock waits for the database of products
CATEGORIES = "stock_category"
CATEGORY = {"sku": "VARCHAR", "category": "VARCHAR"}
SUMS = {
    "artkey": "text",
    "sku": "text",
    "gtin": "text",
    "managestock": "boolean",
    "on_hand": "decimal",
    "reserved": "decimal",
    "warehouses": "text",  # for people: what was summed
    "unlisted": "text",  # warehouses that the table of groups does not have
    "unread": "text",  # warehouses whose rows are not there
    "others": "text",  # warehouses of groups that Business Central owns
    "alike": "text",  # SKUs that differ only in capitals, this one among them: Business Central has one item for them
    "counted": "decimal",  # how many warehouses were summed
    "category": "text",
    "uncategorised": "boolean",  # a rule goes by category, and that of the SKU is not known
    "modified": "datetime",
}


def prepare(connection: duckdb.DuckDBPyConnection, settings: Settings, known: list[Row] | None) -> None:
    """Makes the tables of groups, rules, categories and places in the flow's database.

    Args:
        known: SKU and category of each article; None where products could not be asked: the last ones hold.
    """
    rules.put_groups(connection, settings)
    rules.put_rules(connection, settings)
    create_table(connection, CATEGORIES, CATEGORY)
    if known is not None:
        connection.execute(f"DELETE FROM {CATEGORIES}")
        insert_rows(connection, CATEGORIES, CATEGORY, known)
    create_table(connection, PLACES, PLACE)


def remember(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Notes the places of rows."""
    for portion in portions(connection, rows, "sku"):
        connection.execute(
            f"""
            INSERT INTO {PLACES}
            SELECT DISTINCT sku, warehouse
            FROM (SELECT sku, warehouse FROM {quote(rows)} WHERE {portion})
            ANTI JOIN (FROM {PLACES} WHERE {portion}) USING (sku, warehouse)
            WHERE sku IS NOT NULL AND warehouse IS NOT NULL
            """
        )


def categories_if_needed(settings: Settings) -> list[Row] | None:
    """The categories, if a rule goes by them; None while another process uses the database of products for long."""
    try:
        return categories(settings, WAIT_S) if rules.goes_by_category(settings) else []
    except StoreBusy:
        return None


def categories(settings: Settings, wait_s: float | None = None) -> list[Row]:
    """SKU and category of each article that the flow of products has read.

    Args:
        wait_s: as of Store.open.
    """
    products = ConnectedFlow(PRODUCTS, settings)
    if not products.store.exists():
        return []
    with products.store.open(wait_s) as connection:
        create_staging(connection, products.staging)
        return rows_of(connection, f"SELECT sku, category FROM {quote(products.staging.name)} WHERE sku IS NOT NULL")


def select(settings: Settings, rows: str) -> str:
    """SELECT of the sums, one for each SKU that was ever read (staging/gather.py)."""
    gone, start = quote(gone_table(rows)), settings.history_start.isoformat()
    is_counted = "name <> '' AND owner = 'winstore'"
    named = "string_agg(DISTINCT warehouse, ', ' ORDER BY warehouse) FILTER"
    shown = f"warehouse || ': ' || {_shown('quantity')} || ', reserved ' || {_shown('reserved')}"
    sums = f"""
        WITH places AS (
            FROM {slice_of(PLACES)}
            WHERE trim(sku) || '/' || trim(warehouse) NOT IN (SELECT key FROM {gone} WHERE kind = '{ABSENT}')
        ),
        alike AS (
            SELECT upper(trim(sku)) AS number, string_agg(DISTINCT sku, ', ' ORDER BY sku) AS alike
            FROM places
            GROUP BY ALL
            HAVING count(DISTINCT sku) > 1
        ),
        parts AS (
            SELECT
                p.sku AS place_sku, p.warehouse AS place, s.* EXCLUDE (sku, warehouse), p.warehouse AS warehouse,
                a.alike AS alike,
                CASE WHEN own.warehouse IS NOT NULL THEN own.name ELSE other.name END AS name,
                CASE WHEN own.warehouse IS NOT NULL THEN own.owner ELSE other.owner END AS owner
            FROM places AS p
            LEFT JOIN {slice_of(rows)} AS s ON s.sku = p.sku AND s.warehouse = p.warehouse
            LEFT JOIN alike AS a ON a.number = upper(trim(p.sku))
            LEFT JOIN stock_group AS own ON own.warehouse = p.warehouse
            LEFT JOIN stock_group AS other ON other.warehouse = '{rules.ANY}'
        )
        SELECT
            max(artkey) AS artkey, place_sku AS sku, max(gtin) AS gtin, bool_or(managestock) AS managestock,
            {_sum("quantity", is_counted)} AS on_hand, {_sum("reserved", is_counted)} AS reserved,
            string_agg({shown}, '; ' ORDER BY warehouse) FILTER ({is_counted}) AS warehouses,
            {named} (name IS NULL) AS unlisted, {named} (_key IS NULL) AS unread,
            {named} (name <> '' AND owner = 'bc') AS others,
            count(*) FILTER ({is_counted})::DECIMAL(18, 5) AS counted,
            any_value(alike) AS alike,
            max(modified) AS modified,
            coalesce(max(_modified_at), TIMESTAMPTZ '{start} 00:00:00+00') AS _modified_at,
            greatest(max(_window), DATE '{start}') AS _window,
            list_distinct(flatten(list(
                list_transform(coalesce(_bad_fields, []), lambda f: CASE f WHEN 'quantity' THEN 'on_hand' ELSE f END)
            ))) AS _bad_fields
        FROM parts
        GROUP BY place_sku"""
    with_category = f"""
        SELECT
            s.*, c.category AS category,
            c.category IS NULL AND EXISTS (
                FROM stock_rule WHERE category NOT IN ('', '{rules.ANY}')
            ) AND upper(s.sku) NOT IN (SELECT upper(sku) FROM stock_rule) AS uncategorised,
            s.sku AS _sku, c.category AS _category
        FROM ({sums}) AS s
        LEFT JOIN (
            SELECT sku, max(category) AS category FROM {slice_of(CATEGORIES)} GROUP BY sku
        ) AS c ON c.sku = s.sku"""
    return rules.with_rules(with_category)


def parts(rows: str) -> Parts:
    """What is looked at together: the SKUs that are one item of Business Central."""
    rules_of_all = ("stock_group", "stock_rule", gone_table(rows))
    return Parts(rows, "upper(trim(sku))", (CATEGORIES,), (PLACES,), rules_of_all, remember)


def _shown(field: str) -> str:
    """SQL of a quantity for people, without zeros at its end."""
    return f"coalesce(regexp_replace({field}::VARCHAR, '\\.?0+$', ''), '?')"


def _sum(field: str, condition: str) -> str:
    """SQL of a sum; NULL when a row that counts has no value, so that nothing is taken as zero."""
    lacking = f"count(*) FILTER ({condition} AND {field} IS NULL) > 0"
    return f"CASE WHEN {lacking} THEN NULL ELSE (sum({field}) FILTER ({condition}))::DECIMAL(18, 5) END"


def fields(_: Mapping[str, str]) -> Mapping[str, str]:
    """Kinds of the fields of a sum."""
    return {**SUMS, **rules.FIELDS}


GATHER = Gather(
    key=("sku",),
    modified="modified",
    fields=fields,
    prepare=prepare,
    select=select,
    parts=parts,
    keep=rules.keep,
    asks=categories_if_needed,
)
