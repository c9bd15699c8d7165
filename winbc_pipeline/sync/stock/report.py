"""Which SKUs have no stock in the target, and why: counted by reason, the first of them named."""

from ...staging import ledger
from ...staging.store import quote, rows_of
from ..connected import ConnectedFlow

NAMED = 10  # SKUs or warehouses that are named
TOLD = (
    "MISSING_ARTICLE",
    "AMBIGUOUS_SKU",
    "UNKNOWN_WAREHOUSE",
    "WAITS_FOR_PARTS",
    "NOT_STOCKED_PER_VARIANT",
    "OTHER_UNIT",
    "NO_CATEGORY",
)
Found = dict[str, tuple[int, list[str]]]


def unsent(connected: ConnectedFlow) -> Found:
    """How many SKUs are skipped for each of the reasons that a person can end, and the first of them."""
    with connected.store.open() as connection:
        ledger.create(connection)
        rows = rows_of(
            connection,
            f"""
            SELECT reason, count(*) AS records, list(key ORDER BY key)[:{NAMED}] AS named
            FROM ledger
            WHERE part = ? AND state = 'SKIPPED' AND list_contains(?, reason)
            GROUP BY ALL
            ORDER BY reason
            """,
            [connected.flow.main, list(TOLD)],
        )
    return {row["reason"]: (row["records"], row["named"]) for row in rows}


def warehouses(connected: ConnectedFlow) -> tuple[list[str], list[str]]:
    """Winstore's warehouses that the table of groups does not have, and those that only its row `*` covers."""
    with connected.store.open() as connection:
        names = "SELECT table_name FROM duckdb_tables() WHERE table_name IN ('stock_place', 'stock_group')"
        if len(connection.execute(names).fetchall()) < 2:
            return [], []
        rows = rows_of(
            connection,
            f"""
            SELECT DISTINCT p.warehouse, EXISTS (FROM stock_group WHERE warehouse = '*') AS by_star
            FROM {quote("stock_place")} AS p
            ANTI JOIN stock_group AS g ON g.warehouse = p.warehouse
            ORDER BY p.warehouse
            """,
        )
    unlisted = [row["warehouse"] for row in rows if not row["by_star"]]
    return unlisted, [row["warehouse"] for row in rows if row["by_star"]]


def in_words(found: Found) -> list[str]:
    """What `unsent` found, a sentence for each reason."""
    return [
        f"{reason}: {count} SKUs are not sent: {', '.join(named)}{' …' if count > len(named) else ''}"
        for reason, (count, named) in found.items()
    ]
