"""What the databases of versions 1 and 2 kept of people as plain hashes becomes keyed, without the values.

Plain hashes of single fields, and keys of guests (a part of the MD5 of an e-mail address), could be found by trying out
telephone numbers and addresses. Their HMAC with the key of the installation takes their place: what is sent and
compared from now on is hashed the same way (sync/payloads.py, flows/orders.py), so nothing looks changed.
"""

import duckdb

from ..sql import quote
from .installation_key import keyed_sql

GUEST = "guest [0-9a-f]{12}"
"""The key of a guest."""
HASH, PLACE = "[0-9a-f]{12}", " sequence"
"""A hash of a field; the end of a name whose value is no hash but the place of a line (sync/documents/hashes.py)."""
KEYS, HASHES = ("key", "_key", "customer_key"), "field_hashes"
"""Columns with keys of records, and the one with hashes of fields (JSON)."""


def make_keyed(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Makes all plain pseudonyms of a database keyed, inside the caller's transaction. Twice would be wrong."""
    columns = connection.execute(
        """
        SELECT table_name, column_name
        FROM duckdb_columns()
        WHERE NOT internal AND data_type = 'VARCHAR' AND database_name = current_database()
        AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE NOT temporary)
        """
    ).fetchall()
    for table, column in columns:
        name = quote(column)
        if column in KEYS:
            new = f"'guest ' || left({keyed_sql(key, f'{name}[7:]')}, 12)"
            is_one = f"starts_with({name}, 'guest ') AND regexp_full_match({name}, '{GUEST}')"
            connection.execute(f"UPDATE {quote(table)} SET {name} = {new} WHERE {is_one}")
        elif column == HASHES:
            connection.execute(f"UPDATE {quote(table)} SET {name} = {_with_keyed(key, name)} WHERE {name} <> '{{}}'")


def forget_hashes(connection: duckdb.DuckDBPyConnection) -> None:
    """Empties the hashes of fields in a ledger, except for the places of lines.

    With another key than the one that they were made with, everything would look changed. The hash of a whole record
    has no key, and stays: what is as it was sent, is not sent again.
    """
    kept = f"list_filter(map_entries({HASHES}::JSON::MAP(VARCHAR, VARCHAR)), lambda e: suffix(e.key, '{PLACE}'))"
    text = f"map_from_entries({kept})::JSON::VARCHAR"
    connection.execute(f"UPDATE ledger SET {HASHES} = {text} WHERE {HASHES} IS NOT NULL")


def _with_keyed(key: str, column: str) -> str:
    """SQL of a JSON object of hashes, with a keyed one in the place of each."""
    is_hash = f"regexp_full_match(e.value, '{HASH}') AND NOT suffix(e.key, '{PLACE}')"
    value = f"CASE WHEN {is_hash} THEN left({keyed_sql(key, 'e.value')}, 12) ELSE e.value END"
    entries = f"map_entries({column}::JSON::MAP(VARCHAR, VARCHAR))"
    return f"map_from_entries(list_transform({entries}, lambda e: {{'k': e.key, 'v': {value}}}))::JSON::VARCHAR"
