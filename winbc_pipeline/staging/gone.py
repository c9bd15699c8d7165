"""Notes of records that were staged and that the source no longer gives.

Here belongs: what a load may conclude from what it was given. Two things are noted: a newer answer for a group came
without one of its rows (`left`), and a read of everything came without a whole group (`absent`). Nothing else says that
a record is gone: a read that failed, that went on where another one stopped, or that gave nothing, says nothing. A
record that is given again loses its note. What is done about a gone record: sync/records/.
"""

from datetime import date, datetime

import duckdb

from .people.personal import nothing
from .store import Store, create_table, quote

LEFT, ABSENT = "left", "absent"
GONE = {"key": "VARCHAR", "kind": "VARCHAR", "since": "DATE"}
GIVEN = {"given": "VARCHAR"}


def gone_table(staging: str) -> str:
    """Name of the notes of a staging table: `key`, `kind` (LEFT or ABSENT) and `since`, the window of the noting."""
    return f"gone_{staging}"


def _given_table(staging: str) -> str:
    return f"given_{staging}"


def name_of_group(group: str) -> str:
    """SQL of what a staged row comes with: its group, or the row itself where it has none."""
    return f"coalesce({quote(group)}, _key)" if group else "_key"


def create(connection: duckdb.DuckDBPyConnection, staging: str) -> None:
    """Makes the tables of the notes where they are missing."""
    create_table(connection, gone_table(staging), GONE)
    create_table(connection, _given_table(staging), GIVEN)


def begin(connection: duckdb.DuckDBPyConnection, staging: str) -> None:
    """Begins the notes of a load: nothing was given yet."""
    create(connection, staging)
    connection.execute(f"DELETE FROM {quote(_given_table(staging))}")


def note_given(connection: duckdb.DuckDBPyConnection, staging: str, group: str, rows: str) -> None:
    """Notes which groups the source gave. One that it gave before is noted again: to look for it takes ever longer.

    Args:
        rows: a table with the rows that were given, quoted.
    """
    connection.execute(
        f"INSERT INTO {quote(_given_table(staging))} SELECT DISTINCT {name_of_group(group)} AS given FROM {rows}"
    )


def note_left(connection: duckdb.DuckDBPyConnection, staging: str, leaving: str) -> None:
    """Notes the rows that a newer answer for their group no longer has.

    Args:
        leaving: a table with `key` and `since`, quoted.
    """
    notes = quote(gone_table(staging))
    connection.execute(f"DELETE FROM {notes} AS g USING {leaving} AS l WHERE g.key = l.key")
    connection.execute(f"INSERT INTO {notes} SELECT key, '{LEFT}', since FROM {leaving}")


def forget_given(connection: duckdb.DuckDBPyConnection, staging: str, group: str) -> None:
    """Deletes the notes of records that are there again: staged again, or given again with their group."""
    notes = quote(gone_table(staging))
    if not connection.execute(f"FROM {notes} LIMIT 1").fetchone():
        return  # DuckDB would look through all that was given
    connection.execute(
        f"""
        DELETE FROM {notes} AS g
        USING {quote(staging)} AS s
        WHERE s._key = g.key AND (g.kind = '{LEFT}' OR {name_of_group(group)} IN (FROM {quote(_given_table(staging))}))
        """
    )


def note_absent(store: Store, staging: str, group: str, modified: str, since: datetime, today: date) -> None:
    """Notes the staged records that a whole read did not give, and that it should have given.

    A source is asked for what changed since a moment. So a record that changed before it, or that has no modification
    moment, is not missed. A read that gave nothing at all says nothing.

    Args:
        modified: the field with the moment of the last modification.
        since: from when on the read asked.
        today: the window (UTC) of the read. A record that is noted already keeps its own.
    """
    notes, given = quote(gone_table(staging)), quote(_given_table(staging))
    with store.transaction() as connection:
        create(connection, staging)
        if not connection.execute(f"FROM {given} LIMIT 1").fetchone():
            return
        connection.execute(
            f"""
            CREATE TEMP TABLE absent AS
            SELECT _key AS key
            FROM {quote(staging)} AS s
            ANTI JOIN {given} AS g ON g.given = {name_of_group(group)}
            WHERE {quote(modified)} IS NOT NULL AND _modified_at >= ?
            """,
            [since],
        )
        connection.execute(f"DELETE FROM {notes} WHERE kind = '{ABSENT}' AND key NOT IN (FROM absent)")
        connection.execute(
            f"INSERT INTO {notes} SELECT key, '{ABSENT}', ? FROM absent WHERE key NOT IN (SELECT key FROM {notes})",
            [today],
        )


PERSONAL = nothing("gone_*", "given_*")
"""What these tables hold of people (staging/people/personal.py)."""
