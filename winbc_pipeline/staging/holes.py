"""Large tables with deleted rows here and there.

Of 2,048 rows that follow each other, DuckDB (1.5.5) notes which are deleted in some 30 KB, as soon as one is, and keeps
them in memory once it has looked. With one deleted row in a hundred, ten million rows kept 136 MB of the 256 MB that it
may have.
"""

import duckdb

from .server.instances import is_server
from .sql import quote

TOGETHER = 2048
"""Rows that DuckDB looks at together (STANDARD_VECTOR_SIZE)."""
MOST = 500
"""How many such places may have deleted rows: they keep some 15 MB."""


def close_holes(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Writes a table anew that has deleted rows in more than MOST places. A server looks after that by itself.

    What the old rows keep in memory is let go of when the transaction ends.
    """
    if not is_server(connection) and _places(connection, table) > MOST:
        connection.execute(f"CREATE OR REPLACE TABLE {quote(table)} AS FROM {quote(table)}")


def _places(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """In how many places at the most a table has deleted rows: its estimated size counts them as well."""
    found = connection.execute(
        f"""
        SELECT least(estimated_size - (SELECT count(*) FROM {quote(table)}), 1 + estimated_size // {TOGETHER})
        FROM duckdb_tables()
        WHERE table_name = ? AND database_name = current_database() AND schema_name = current_schema()
        """,
        [table],
    ).fetchone()
    return int(found[0]) if found else 0
