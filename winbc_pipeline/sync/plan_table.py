"""The plan table: one row for each record, with what the last plan of its window decided."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any, cast

import duckdb
import orjson

from ..staging.people.personal import PersonalTable
from ..staging.store import Row, Store, compress_with_zstd, create_table, insert_rows, quote, renew_table, rows_of
from .flow import Flow
from .sending import chunks_of
from .work import Work

READ_AT_ONCE = 4_000  # planned rows: so many that the calls do not often wait for the next

PLANNED = {
    "part": "VARCHAR",
    "key": "VARCHAR",
    "window": "DATE",
    "action": "VARCHAR",
    "reason": "VARCHAR",
    "message": "VARCHAR",
    "target_id": "VARCHAR",
    "target_no": "VARCHAR",
    "etag": "VARCHAR",
    "body": "VARCHAR",
    "changes": "VARCHAR",
    "hash": "VARCHAR",
    "field_hashes": "VARCHAR",
    "version": "VARCHAR",
    "mapping_version": "VARCHAR",
    "reference": "VARCHAR",
    "target_set": "VARCHAR",
    "amount": "DECIMAL(18, 5)",
    "currency": "VARCHAR",
    "tolerance": "DECIMAL(18, 5)",  # how far the document's total may be from `amount`
    "customer_key": "VARCHAR",  # the customer's record: the document gets its number once it exists
    "fallback": "VARCHAR",  # number of the customer that it gets when that record is refused
    "lookups": "VARCHAR",  # JSON list, for people: what was looked up in the target, and what was found
    "planned_at": "TIMESTAMPTZ",
    "pair": "VARCHAR",  # JSON: what the pair of the record becomes once it is carried out (records/known/known.py)
    "attempt_id": "VARCHAR",  # the last attempt that the plan knew of
}


def planned_table(flow: Flow) -> str:
    """Name of the flow's plan table."""
    return f"planned_{flow.id}"


def store_plan(work: Work, chunks: Iterable[list[Row]], unchanged: str) -> None:
    """Puts the plan of a work in the place of the plan before it.

    Args:
        chunks: the planned rows, some at a time. The plan before stays until the first chunk is decided.
        unchanged: SELECT of the planned rows of unchanged records, with the two days as bound values. It is not used
            for a work of single records.
    """
    flow, rest = work.flow, iter(chunks)
    first = next(rest, [])  # decided before the transaction begins: no lock is held across a call of the target
    for number, rows in enumerate(chain([first], rest)):
        with work.store.transaction() as connection:
            if number == 0:
                begin_plan(connection, work, unchanged)
            _replace_rows(connection, flow, rows)


def begin_plan(connection: duckdb.DuckDBPyConnection, work: Work, unchanged: str) -> None:
    """Begins the plan of a work in the place of the plan before it; the arguments are those of `store_plan`."""
    compress_with_zstd(connection)
    renew_table(connection, planned_table(work.flow), PLANNED)
    if work.keys is None:
        _replace_windows(connection, work, unchanged)


def take_plan(connection: duckdb.DuckDBPyConnection, work: Work, rows: list[Row], table: str, unchanged: str) -> None:
    """Puts rows, and those of a table with the columns of PLANNED, in the place of the plan before.

    Args:
        table: its name; empty for none.
        unchanged: as for `store_plan`.
    """
    begin_plan(connection, work, unchanged)
    _replace_rows(connection, work.flow, rows)
    if table:
        _delete_planned(connection, quote(planned_table(work.flow)), quote(table))
        connection.execute(f"INSERT INTO {quote(planned_table(work.flow))} FROM {quote(table)}")


def put_planned(connection: duckdb.DuckDBPyConnection, flow: Flow, select: str, values: list[Any]) -> None:
    """Adds the rows of a SELECT to the plan. They are in the temporary table `fresh` afterwards.

    Args:
        select: SELECT with some of the columns of PLANNED; values: its bound values.
    """
    create_table(connection, "fresh", PLANNED, temporary=True)
    connection.execute(f"INSERT INTO fresh BY NAME {select}", values)
    _put_fresh(connection, flow)


def _replace_windows(connection: duckdb.DuckDBPyConnection, work: Work, unchanged: str) -> None:
    """Deletes all planned rows of the windows, and inserts those of the unchanged records."""
    table = quote(planned_table(work.flow))
    connection.execute(f"CREATE TEMP TABLE same AS {unchanged}", work.days)
    connection.execute(f'DELETE FROM {table} WHERE "window" BETWEEN ? AND ?', work.days)
    _delete_planned(connection, table, "same")
    connection.execute(f"INSERT INTO {table} BY NAME FROM same")


def _replace_rows(connection: duckdb.DuckDBPyConnection, flow: Flow, rows: list[Row]) -> None:
    create_table(connection, "fresh", PLANNED, temporary=True)
    insert_rows(connection, "fresh", PLANNED, rows)
    _put_fresh(connection, flow)


def _put_fresh(connection: duckdb.DuckDBPyConnection, flow: Flow) -> None:
    compress_with_zstd(connection)
    _delete_planned(connection, quote(planned_table(flow)), "fresh")
    connection.execute(f"INSERT INTO {quote(planned_table(flow))} FROM fresh")


def _delete_planned(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Deletes the planned rows of some records, whatever window they are in.

    Args:
        table: the plan table, quoted.
        rows: a table with `part` and `key` of the records.
    """
    connection.execute(f"DELETE FROM {table} AS p USING {rows} AS r WHERE p.part = r.part AND p.key = r.key")


def planned_rows(work: Work, part: str | None = None) -> list[Row]:
    """The planned rows of a work, or of one part of it, in the order of their keys."""
    with work.store.open() as connection:
        rows = rows_of(
            connection,
            f"""
            SELECT *
            FROM {quote(planned_table(work.flow))}
            WHERE "window" BETWEEN ? AND ? AND part = coalesce(?, part)
            """,
            [*work.days, part],
        )
    # Sorted here: the rows of a large first load are wider than the memory that DuckDB may take for that.
    return sorted((row for row in rows if work.wants(row["part"], row["key"])), key=lambda row: str(row["key"]))


def _planned_keys(work: Work, part: str, order: str) -> list[str]:
    """The keys of the planned rows of a part, in an order (SQL)."""
    with work.store.open() as connection:
        renew_table(connection, planned_table(work.flow), PLANNED)
        found = connection.execute(
            f"""
            SELECT key
            FROM {quote(planned_table(work.flow))}
            WHERE "window" BETWEEN ? AND ? AND part = ?
            ORDER BY {order}
            """,
            [*work.days, part],
        ).fetchall()
    return [key for (key,) in found if work.wants(part, key)]


def planned_slices(work: Work, part: str, order: str = "key", at_once: int = READ_AT_ONCE) -> Iterator[list[Row]]:
    """The planned rows of a part, some at a time, so that a large plan takes no more memory than a small one.

    Args:
        order: SQL by which they are ordered.
    """
    for keys in chunks_of(_planned_keys(work, part, order), at_once):
        first, last = min(keys), max(keys)  # a part's rows lie in the order of their keys, so most are passed over
        with work.store.open() as connection:
            rows = rows_of(
                connection,
                f"""
                SELECT *
                FROM {quote(planned_table(work.flow))}
                WHERE part = ? AND key BETWEEN ? AND ? AND key IN (SELECT unnest(?::VARCHAR[]))
                """,
                [part, first, last, keys],
            )
        found = {row["key"]: row for row in rows}
        yield [found[key] for key in keys]


def planned_since(work: Work) -> datetime | None:
    """When the oldest of a work's planned rows that become pairs was planned; None without such rows."""
    keys = [] if work.keys is None else [[part for part, _ in work.keys], [key for _, key in work.keys]]
    chosen = "AND (part, key) IN (SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]))" if keys else ""
    with work.store.open() as connection:
        renew_table(connection, planned_table(work.flow), PLANNED)
        found = connection.execute(
            f"""
            SELECT min(planned_at)
            FROM {quote(planned_table(work.flow))}
            WHERE "window" BETWEEN ? AND ? AND pair IS NOT NULL {chosen}
            """,
            [*work.days, *keys],
        ).fetchone()
    return cast(datetime, found[0]) if found and found[0] else None


def planned_by(work: Work) -> set[str]:
    """The mapping versions of the records in the plan of a work's windows."""
    with work.store.open() as connection:
        renew_table(connection, planned_table(work.flow), PLANNED)
        found = connection.execute(
            f'SELECT DISTINCT mapping_version FROM {quote(planned_table(work.flow))} WHERE "window" BETWEEN ? AND ?',
            work.days,
        ).fetchall()
    return {version for (version,) in found}


def mark_only_shown(store: Store, flow: Flow, keys: Collection[str]) -> None:
    """Marks the planned rows of these keys as only shown to somebody. A push plans them again before it sends them."""
    with store.transaction() as connection:
        renew_table(connection, planned_table(flow), PLANNED)
        table = quote(planned_table(flow))
        connection.execute(f"UPDATE {table} SET planned_at = NULL WHERE list_contains(?, key)", [list(keys)])


def changes_of(row: Row, prefix: str) -> list[Row]:
    """What a planned row changes in the fields whose names begin with a prefix: field, old and new.

    Of a new record, its body says it.
    """
    if row["changes"] is None:
        body = orjson.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
        changes = [{"field": name, "old": None, "new": value} for name, value in body.items()]
    else:
        changes = orjson.loads(row["changes"]) if f'"{prefix}' in row["changes"] else []
    return [each for each in changes if each["field"].startswith(prefix)]


def unchanged_rows(records: str) -> str:
    """SELECT of the planned rows of unchanged records. They were sent as they are, and are not compared again.

    Args:
        records: SELECT of mapped records with what the ledger knows, such as map.classified.
    """
    return f"""
        SELECT
            part, _key AS key, _window AS "window", _version AS version, mapping_version,
            'skip' AS action, 'UNCHANGED' AS reason, '{{}}' AS body, '[]' AS changes,
            target_id, target_no, hash, field_hashes
        FROM ({records})
        WHERE unchanged"""


PERSONAL = (PersonalTable("planned_*", "keyed"),)
"""What these tables hold of people (staging/people/personal.py)."""
