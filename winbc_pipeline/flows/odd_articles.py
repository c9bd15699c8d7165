"""What is odd about staged articles: it stops nobody, and a person should know of it. Each line names the records."""

from ..settings import Settings
from ..staging.store import Store, rows_of

FLOW, STAGING = "products_winstore_to_bc", "staging_winstore_articles"
NAMED = 10  # groups that are named in each line
OPTIONS = "lower(trim(coalesce(color, ''))), lower(trim(coalesce(size, '')))"
# By what it is: SQL of the rows that count, and what those have in common that belong together.
ODD = {
    "SKUs of one article have the same colour and size": ("variant_count > 1", f"artkey, {OPTIONS}"),
    "SKUs have one GTIN, so an order that names it waits": ("gtin IS NOT NULL", "gtin"),
    "SKUs differ in capitals only, so one of them gets no item": ("sku IS NOT NULL", "upper(trim(sku))"),
}


def odd_articles(settings: Settings) -> list[str]:
    """The oddities of the staged articles, each in words with the SKUs that it is about."""
    store = Store.of(settings, settings.flow_database(FLOW))
    if not store.exists():
        return []
    with store.open() as connection:
        if not connection.execute(f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{STAGING}'").fetchone():
            return []
        return [
            f"{words}: {_listed([row['skus'] for row in rows])}"
            for words, (where, same) in ODD.items()
            if (
                rows := rows_of(
                    connection,
                    f"""
                    SELECT string_agg(sku, ' and ' ORDER BY sku) AS skus
                    FROM {STAGING}
                    WHERE {where}
                    GROUP BY {same}
                    HAVING count(*) > 1
                    ORDER BY skus
                    """,
                )
            )
        ]


def _listed(groups: list[str]) -> str:
    more = f" and {len(groups) - NAMED} more" if len(groups) > NAMED else ""
    return "; ".join(groups[:NAMED]) + more
