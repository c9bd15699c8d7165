"""The plan table: what a plan decided, a row per record, until the next plan of its windows."""

from collections.abc import Collection, Iterable
from itertools import chain

import duckdb

from ..staging.store import Row, Store, create_table, for_long_texts, insert_rows, quote, renew_table, rows_of
from .flow import Flow
from .work import Work

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
    "customer_key": "VARCHAR",  # the record whose number goes with a document once it is written
    "lookups": "VARCHAR",  # what was asked of the target and found, for people
    "planned_at": "TIMESTAMPTZ",
    "attempt_id": "VARCHAR",  # the last attempt that the plan knew of
}


def planned_table(flow: Flow) -> str:
    """Name of the flow's plan table."""
    return f"planned_{flow.id}"


def store_plan(work: Work, chunks: Iterable[list[Row]], unchanged: str) -> None:
    """Puts the plan of a work in place of the one before.

    Args:
        chunks: the rows, some at a time. The plan before is there until the first of them are decided.
        unchanged: SELECT of the rows of records that need nothing, with the two days as bound values.
    """
    flow, rest = work.flow, iter(chunks)
    table = quote(planned_table(flow))
    for number, rows in enumerate(chain([next(rest, [])], rest)):
        with work.store.transaction() as connection:
            for_long_texts(connection)
            if number == 0:
                renew_table(connection, planned_table(flow), PLANNED)
            if number == 0 and work.keys is None:
                connection.execute(f"CREATE TEMP TABLE same AS {unchanged}", work.days)
                connection.execute(f'DELETE FROM {table} WHERE "window" BETWEEN ? AND ?', work.days)
                _delete_planned(connection, table, "same")
                connection.execute(f"INSERT INTO {table} BY NAME FROM same")
            names = {name: PLANNED[name] for name in ("part", "key")}
            create_table(connection, "fresh", names, temporary=True)
            insert_rows(connection, "fresh", names, rows)
            _delete_planned(connection, table, "fresh")
            insert_rows(connection, planned_table(flow), PLANNED, rows)


def _delete_planned(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Takes the planned rows of some records away, whatever window they are in."""
    connection.execute(f"DELETE FROM {table} AS p USING {rows} AS r WHERE p.part = r.part AND p.key = r.key")


def planned_rows(work: Work, part: str | None = None) -> list[Row]:
    """What is planned for a work, or only of one part of it, in the order of the keys."""
    with work.store.open() as connection:
        table = quote(planned_table(work.flow))
        sql = f'SELECT * FROM {table} WHERE "window" BETWEEN ? AND ? AND part = coalesce(?, part) ORDER BY key'
        rows = rows_of(connection, sql, [*work.days, part])
    return [row for row in rows if work.wants(row["part"], row["key"])]


def set_aside(store: Store, flow: Flow, keys: Collection[str]) -> None:
    """What was planned of these keys was only shown to somebody: it is not sent before it is planned again."""
    with store.transaction() as connection:
        renew_table(connection, planned_table(flow), PLANNED)
        table = quote(planned_table(flow))
        connection.execute(f"UPDATE {table} SET planned_at = NULL WHERE list_contains(?, key)", [list(keys)])


def unchanged_rows(records: str) -> str:
    """SELECT of the planned rows of records that were sent as they are: nothing of them is compared again.

    Args:
        records: SELECT of mapped records with what the ledger knows, such as map.classified.
    """
    return f"""
        SELECT
            part, _key AS key, _window AS "window", 'skip' AS action, 'UNCHANGED' AS reason, target_id, target_no,
            '{{}}' AS body, '[]' AS changes, hash, field_hashes, _version AS version, mapping_version
        FROM ({records})
        WHERE unchanged"""
