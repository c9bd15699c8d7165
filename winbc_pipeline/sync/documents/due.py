"""What of a plan of documents is to be sent now, and whether the plan may still be true."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

import duckdb

from ... import clock
from ...staging import ledger
from ...staging.store import Row, Store, create_table, insert_rows, literal, quote, rows_of
from ...systems.business_central import BusinessCentral
from ...systems.business_central.client import dumps
from ..flow import Flow
from ..plan import recover
from ..planned import planned_table
from ..work import Work

FRESH = timedelta(minutes=5)
SENT = ("create", "change", "delete", "cancel", "ship")
UNREAD = "body, changes, lookups, etag"  # read as it goes, or for people only


def due(
    plan: Callable[[Work, BusinessCentral], None], work: Work, target: BusinessCentral
) -> tuple[list[Row], dict[str, Row]]:
    """The planned documents in the order of their keys, and by key what the ledger knows of them. They are planned anew
    first when the plan may no longer be true."""
    rows, known = _planned(work)
    if recover(work.store, work.run_id) or is_stale(work.store, rows, known):
        plan(work, target)
        rows, known = _planned(work)
    return rows, known


def _planned(work: Work) -> tuple[list[Row], dict[str, Row]]:
    flow = work.flow
    sent = ", ".join(literal(action) for action in SENT)
    hashes = f"CASE WHEN action NOT IN ({sent}) THEN field_hashes END AS field_hashes"
    sql = f"SELECT * EXCLUDE ({UNREAD}) REPLACE ({hashes}) FROM {quote(planned_table(flow))} "
    with work.store.open() as connection:
        where = 'WHERE "window" BETWEEN ? AND ? AND part = ? ORDER BY key'
        rows = rows_of(connection, sql + where, [*work.days, flow.main])
        rows = [row for row in rows if work.wants(flow.main, row["key"])]
        ledger.create(connection)
        return rows, ledger.known_within(connection, flow.main, [row["key"] for row in rows])


def is_stale(store: Store, rows: list[Row], known: Mapping[str, Row]) -> bool:
    """Whether the plan may no longer be true: too old to send a document on its look-ups (or from the future, because
    the clock was set back), overtaken by a run, or only shown to somebody (plan.set_aside)."""
    if any(row["planned_at"] is None and row["reason"] != "UNCHANGED" for row in rows):
        return True
    moments = [row["planned_at"] for row in rows if row["planned_at"]]
    if not moments:
        return False
    if not timedelta(0) <= clock.now() - min(moments) <= FRESH:
        return True
    if any(row["attempt_id"] != known.get(row["key"], {}).get("attempt_id") for row in rows if row["action"] in SENT):
        return True
    return bool(ledger.read(store, "moved_at > ?", [min(moments)]))


def contents_of(connection: duckdb.DuckDBPyConnection, flow: Flow, rows: list[Row]) -> dict[str, Row]:
    """What is to be sent of some documents, and its hashes by field."""
    sql = f"SELECT key, body, field_hashes FROM {quote(planned_table(flow))} WHERE part = ? AND key IN "
    found = rows_of(connection, f"{sql} (SELECT unnest(?))", [flow.main, [row["key"] for row in rows]])
    return {row["key"]: row for row in found}


def with_number(body: str, number: str) -> str:
    """A planned document with the number that its customer has got."""
    if f'"customerNumber":{dumps(number).decode()}' in body:
        return body
    return dumps(json.loads(body, parse_float=Decimal) | {"customerNumber": number}).decode()


def put_bodies(connection: duckdb.DuckDBPyConnection, flow: Flow, bodies: Mapping[str, str]) -> None:
    """Puts bodies in the place of the planned ones, so that what is kept is what was sent."""
    if bodies:
        table, columns = quote(planned_table(flow)), {"key": "VARCHAR", "body": "VARCHAR"}
        create_table(connection, "put", columns, temporary=True)
        insert_rows(connection, "put", columns, [{"key": key, "body": body} for key, body in bodies.items()])
        sql = f"UPDATE {table} AS p SET body = put.body FROM put WHERE p.part = ? AND p.key = put.key"
        connection.execute(sql, [flow.main])
