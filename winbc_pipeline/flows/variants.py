"""Articles whose SKUs are variants of one item: what API v2.0 cannot hold of them, and what cannot be changed later.

`itemVariants` of API v2.0 has a code and a description, and nothing else (rules.md, Variants).
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..errors import ConfigurationError
from ..mapping.execute import fill_joined_tables
from ..mapping.tables import read_table
from ..settings import Settings
from ..staging.ledger import create as create_ledger
from ..staging.load import create as create_staging
from ..staging.people.personal import nothing
from ..staging.store import Row, Store, create_table, lock_down, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.map import create_source_view, mapping_connection
from ..sync.part import Sold
from ..systems.business_central.facts import is_beside
from ..systems.facts import BARCODE

FLOW, STAGING = "products_winstore_to_bc", "staging_winstore_articles"
# A row of staging is one SKU. One with a colour or a size is a variant even if it is the only one: others may follow.
HAS_VARIANTS = "coalesce(artkey IS NOT NULL AND (variant_count > 1 OR color IS NOT NULL OR size IS NOT NULL), false)"
# What a SKU became stays what it is, whatever becomes of its article: Business Central cannot make one of the other.
SENT_AS_ITEM, SENT_AS_VARIANT = (
    f"sku IN (SELECT key FROM ledger WHERE part = '{part}' AND target_id IS NOT NULL)" for part in ("item", "variant")
)
IS_VARIANT = f"({SENT_AS_VARIANT} OR ({HAS_VARIANTS} AND NOT {SENT_AS_ITEM}))"
# Of several SKUs in one item: those that have a value of their own which the item cannot have too.
SEVERAL = "variant_count > 1"
LOST = {
    "gtin": f"{SEVERAL} AND gtin IS NOT NULL",
    "price": f"{SEVERAL} AND price IS DISTINCT FROM of_item.price",
    "cost": f"{SEVERAL} AND costprice IS DISTINCT FROM of_item.costprice",
    "stock": SEVERAL,
    "blocked": SEVERAL,
}
WORDS = {
    "gtin": "SKUs have a GTIN of their own",
    "price": "SKUs have another price than the item",
    "cost": "SKUs have another cost price than the item",
    "stock": "SKUs have stock of their own",
    "blocked": "SKUs cannot be blocked one by one",
}


def check(settings: Settings) -> None:
    """Raises ConfigurationError when the SKUs of articles cannot become what `products.variants` says.

    That is so when SKUs were sent in the other way before, and when something is lost that `products.accept_losses`
    does not name; once variants were sent, a further loss is told and stops nobody.
    """
    _check_way(settings)
    refused = {} if _any_sent(settings) else not_accepted(settings)
    if refused:
        listed = ", ".join(f'"{name}"' for name in (*settings.products.accept_losses, *refused))
        words = "; ".join(refused.values())
        raise ConfigurationError(
            f'`products.variants = "item_variants"`: API v2.0 has no place for what variants have: {words}.',
            f'Use "items", or name what may be lost: `products.accept_losses = [{listed}]` (docs/products.md).',
        )


def not_accepted(settings: Settings) -> dict[str, str]:
    """The losses that `products.accept_losses` does not name, in words by their names."""
    lost = losses(settings) if settings.products.variants == "item_variants" else {}
    return {name: words for name, words in lost.items() if name not in settings.products.accept_losses}


def notes(settings: Settings) -> list[str]:
    """What is lost of staged SKUs, and which of them stay what they became before, in words."""
    if settings.products.variants == "items":
        return []
    refused = not_accepted(settings)
    found = []
    for name, words in losses(settings).items():
        more = " (`products.accept_losses` does not name it)" if name in refused else ""
        found.append(f"not carried: {words}{more}")
    query = f"SELECT string_agg(sku, ', ' ORDER BY sku) AS skus FROM {STAGING} WHERE {HAS_VARIANTS} AND {SENT_AS_ITEM}"
    for row in asked(settings, "ledger", query):
        if row["skus"]:
            words = "SKUs stay the items that they were before their article had colours, sizes or other SKUs"
            found.append(f"{words}: {row['skus']}")
    return found


def differing(connected: ConnectedFlow) -> list[str]:
    """In words, for each feature that has a place: how many SKUs have another value than the item of their article.

    Raises: MappingError for tables that are wrong.
    """
    if connected.settings.products.variants == "items" or not connected.store.exists():
        return []
    article = connected.flow.part("article")
    own = connected.compiled()[article.name]
    features = [each for each in own.targets if each.line.table in article.features]
    if not features:
        return []
    of_sku = ", ".join(f"{each.made} AS value_{place}" for place, each in enumerate(features))
    of_item = ", ".join(f"first(value_{place}) OVER item AS item_{place}" for place in range(len(features)))
    counts = ", ".join(f"count(*) FILTER (value_{n} IS DISTINCT FROM item_{n})" for n in range(len(features)))
    with mapping_connection(connected) as connection:
        create_staging(connection, connected.staging)
        create_ledger(connection)
        lock_down(connection)
        create_source_view(connection, replace(article, key="_key"), own, connected.staging.name, "true")
        fill_joined_tables(connection, own.steps, own.lookups)
        # What the item gets is what the newest row of its article has, as everywhere (newest_rows).
        rows = connection.execute(
            f"""
            SELECT {counts}
            FROM (
                SELECT *, {of_item}
                FROM (SELECT *, {of_sku} FROM ({own.base}))
                WINDOW item AS (PARTITION BY artkey ORDER BY _modified_at DESC, _key)
            )
            """
        ).fetchall()
    found = zip(features, rows[0], strict=True)
    words = "SKUs have another value than the item in"
    return [f"not carried: {n} {words} {each.line.place} ({each.line.target_field})" for each, n in found if n]


def losses(settings: Settings) -> dict[str, str]:
    """What staged SKUs lose as variants of an item, in words with their numbers, by the name of the loss.

    What the table of variants sends to the companion app is not lost.
    """
    kept = _kept_by_app(settings)
    counts = ", ".join(f"count(*) FILTER ({condition}) AS {quote(name)}" for name, condition in LOST.items())
    found = asked(
        settings,
        STAGING,
        f"""
        SELECT {counts}
        FROM (
            -- What the item gets is what its first SKU has.
            SELECT *, first(struct_pack(price, costprice)) OVER (PARTITION BY artkey ORDER BY _key) AS of_item
            FROM {STAGING}
            WHERE {HAS_VARIANTS}
        )
        """,
    )
    return {
        name: f"{count} {WORDS[name]}" for row in found for name, count in row.items() if count and name not in kept
    }


def _kept_by_app(settings: Settings) -> set[str]:
    """The losses that a row of the table of variants prevents: a barcode that is made of the GTIN."""
    path = settings.tables.path(f"{FLOW}/variant.csv")
    if settings.bc.companion_app == "off" or not path.exists():
        return set()
    lines = [line for line in read_table(path).lines if line.when != "never" and is_beside(line.target_field, BARCODE)]
    return {"gtin"} if any(re.search(r"\bgtin\b", line.source) for line in lines) else set()


def sold(settings: Settings, names: Collection[str]) -> dict[str, Sold]:
    """The item variants that SKUs or GTINs stand for (Document.variants), by the ledger of products."""
    if settings.products.variants == "items" or not names:
        return {}
    skus = _skus_by_gtin(settings, names)
    wanted = {*names, *(sku for found in skus.values() for sku in found)}
    known: dict[str, set[str]] = {}
    for row in _sent(settings, "variant", "key", wanted):
        known.setdefault(row["asked"], set()).add(row["target_id"])
    articles = {row["asked"] for row in _sent(settings, "article", "target_no", names)}
    variants = {name: Sold(set()) for name in articles}
    for name in names:
        # A SKU is one, whatever GTIN another SKU has.
        found = {name} if name in known else skus.get(name, set()) & known.keys()
        if found:
            variants[name] = Sold({each for sku in found for each in known[sku]}, name not in known)
    return variants


def skus(settings: Settings, ids: Collection[str]) -> dict[str, str] | None:
    """The SKUs that item variants of Business Central came from, by their ids; None where SKUs are items."""
    if settings.products.variants == "items":
        return None
    return {row["asked"]: row["key"] for row in _sent(settings, "variant", "target_id", ids)}


def articles(settings: Settings, ids: Collection[str]) -> dict[str, str]:
    """The articles that items with variants came from, by the ids of the items."""
    return {row["asked"]: row["key"] for row in _sent(settings, "article", "target_id", ids)}


def _any_sent(settings: Settings) -> bool:
    """Whether any variant is in Business Central."""
    return bool(asked(settings, "ledger", "FROM ledger WHERE part = 'variant' AND target_id IS NOT NULL LIMIT 1"))


def _sent(settings: Settings, part: str, column: str, values: Collection[str]) -> list[Row]:
    """The ledger rows of a part's records that are in Business Central and have one of the values in a column.

    Capitals make no difference: tables write SKUs in capitals, as Business Central does. `asked` is the value.
    """
    query = f"""
        SELECT ledger.*, wanted.name AS asked
        FROM ledger
        JOIN (SELECT unnest(?::VARCHAR[]) AS name) AS wanted
            ON upper(trim(ledger.{quote(column)})) = upper(trim(wanted.name))
        WHERE part = ? AND target_id IS NOT NULL"""
    return asked(settings, "ledger", query, [list(values), part])


def _skus_by_gtin(settings: Settings, names: Collection[str]) -> dict[str, set[str]]:
    """The staged SKUs of each GTIN."""
    numbers = [name for name in names if name.isdigit()]
    rows = asked(settings, STAGING, f"SELECT gtin, sku FROM {STAGING} WHERE list_contains(?, gtin)", [numbers])
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["gtin"], set()).add(row["sku"])
    return found


def _check_way(settings: Settings) -> None:
    """Raises ConfigurationError when `products.variants` was another one when SKUs with colours or sizes were sent.

    The way is noted at the first run. It may change as long as no such SKU is in Business Central.
    """
    chosen, store = settings.products.variants, Store.of(settings, settings.flow_database(FLOW))
    if not store.exists():
        return
    with store.open() as connection:
        create_table(connection, "way_of_variants", {"way": "VARCHAR"})
        noted = connection.execute("SELECT way FROM way_of_variants").fetchone()
    if noted == (chosen,):
        return
    sent = (
        "part = 'variant'"
        if chosen == "items"
        else f"part = 'item' AND key IN (SELECT _key FROM {STAGING} WHERE {HAS_VARIANTS})"
    )
    found = asked(settings, "ledger", f"SELECT count(*) AS n FROM ledger WHERE target_id IS NOT NULL AND {sent}")
    if noted and found and found[0]["n"]:
        words = "variants of items" if chosen == "items" else "items of their own"
        hint = (
            "Business Central cannot move stock and history between items and variants, so winbc does not either. "
            f'Set `products.variants` to "{noted[0]}" again. To change over, sell out or write off the old stock in '
            "Business Central, block the old items, and begin with a `connection` of its own (docs/products.md)."
        )
        raise ConfigurationError(f"{found[0]['n']} SKUs are {words} in Business Central already.", hint)
    with store.transaction() as connection:
        connection.execute("DELETE FROM way_of_variants")
        connection.execute("INSERT INTO way_of_variants VALUES (?)", [chosen])


def asked(settings: Settings, table: str, query: str, values: list[Any] | None = None) -> list[Row]:
    """The rows of a query on the database of products; none where a table is not there yet."""
    store = Store.of(settings, settings.flow_database(FLOW))
    if not store.exists():
        return []
    with store.open() as connection:
        there = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        return rows_of(connection, query, values) if {table, STAGING} <= there else []


PERSONAL = nothing("way_of_variants", "item_variant*", "variant*")
"""What these tables hold of people (staging/people/personal.py)."""
