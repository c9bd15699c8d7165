"""One product on both sides: its SKUs and their partners, each field beside the target's, the last writes.

Here belongs: gathering it for people. It reads the target and writes nothing. What a plan does: sync/records/.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...flows.products import PRODUCTS
from ...settings import Settings
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.pairs import Pairs
from ...staging.store import Row, quote, rows_of
from ...sync.connected import ConnectedFlow
from ..preview import RecordView, preview
from ..unknown import unknown

LAST = 10  # writes that are shown
SKU_PARTS = ("item", "variant")


@dataclass(frozen=True)
class Product:
    """One product.

    Attributes:
        article: the key of the article in Winstore, and `sku` the SKU that was asked for.
        skus: all SKUs of the article: `sku, color, size, gtin, price` as Winstore gave them, and of each the number in
            Business Central, who made it first, and state and reason by the ledger (None where it was never sent).
        records: the fields of the SKU, and of its item where it is a variant, beside those of Business Central.
        writes: the last moves of the SKU's records in the ledger, the newest first.
        remarks: in words, what is lost or odd.
    """

    article: str
    sku: str
    skus: Sequence[Row]
    records: Sequence[RecordView]
    writes: Sequence[Row]
    remarks: Sequence[str]


def product(settings: Settings, sku: str) -> Product:
    """What both sides have of the product with a SKU.

    Raises: UnknownRecord when no article with this SKU was read; WinbcError when Business Central does not answer.
    """
    connected = ConnectedFlow(PRODUCTS, settings)
    with connected.store.open() as connection:
        ledger.create(connection)
        create_staging(connection, connected.staging)
        table = quote(connected.staging.name)
        skus = rows_of(
            connection,
            f"""
            SELECT artkey, sku, color, size, gtin, price, l.target_no, l.state, l.reason
            FROM {table}
            LEFT JOIN ledger AS l ON l.part IN {SKU_PARTS} AND l.key = _key
            WHERE artkey IN (SELECT artkey FROM {table} WHERE lower(sku) = lower(?))
            ORDER BY sku
            """,
            [sku],
        )
    # Capitals make no difference, as long as they need not.
    same = [row for row in skus if row["sku"] and row["sku"].lower() == sku.lower()]
    asked = next((row for row in same if row["sku"] == sku), same[0] if same else None)
    if not asked:
        raise unknown([connected], sku, "SKU")
    article, own = str(asked["artkey"]), str(asked["sku"])
    records = [*preview(connected, article, 1), *preview(connected, own, 1)]
    known = [own, article]
    return Product(article, own, _with_pairs(settings, skus), records, _writes(connected, known), _remarks(settings))


def _with_pairs(settings: Settings, skus: list[Row]) -> list[Row]:
    """The SKUs with who made each of them first: winstore, bc, or `person` for a pair made by hand."""
    pairs, keys = Pairs(settings, PRODUCTS.pairs), [row["sku"] for row in skus]
    known = {key: pair for part in SKU_PARTS for key, pair in pairs.read(part, "winstore", keys).items()}
    return [row | {"made_by": known.get(row["sku"], Row()).get("made_by")} for row in skus]


def _writes(connected: ConnectedFlow, keys: list[str]) -> list[Row]:
    """The last moves of records in the ledger, the newest first."""
    with connected.store.open() as connection:
        return rows_of(
            connection,
            f"""
            SELECT moved_at, part, key, state, action, reason, message
            FROM ledger_event
            WHERE list_contains(?, key)
            ORDER BY moved_at DESC
            LIMIT {LAST}
            """,
            [keys],
        )


def _remarks(settings: Settings) -> list[str]:
    return PRODUCTS.notes(settings)
