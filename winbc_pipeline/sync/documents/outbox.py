"""What of a plan of documents is to be sent now, and whether the plan may still be true."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb

from ... import clock
from ...staging import ledger
from ...staging.store import Row, create_table, insert_rows, literal, quote, rows_of
from ...systems.business_central import BusinessCentral
from ...systems.business_central.client import dumps
from ..flow import Flow
from ..plan_table import planned_table
from ..session import recover
from ..work import Work

FRESH = timedelta(minutes=5)
SENT = ("create", "change", "delete", "cancel", "ship")
IS_SENT = f"p.action IN ({', '.join(map(literal, SENT))})"  # of a planned document (alias p)
FOR_PEOPLE = "changes, lookups"
KNOWN = ("state", "reason", "message", "action", "version", "target_id", "attempt_no", "looked_at")


def renew(plan: Callable[[Work, BusinessCentral], None], work: Work, target: BusinessCentral) -> None:
    """Plans the documents anew when their plan may no longer be true."""
    with work.store.open():  # once for both
        stale = recover(work.store, work.run_id) or is_stale(work)
    if stale:
        plan(work, target)


def is_stale(work: Work) -> bool:
    """Whether the plan may no longer be true: too old to send a document on its look-ups (or from the future, because
    the clock was set back), overtaken by a run, or only shown to somebody (planned.set_aside)."""
    documents, values = _documents(work)
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(
            "SELECT min(p.planned_at), coalesce(bool_or((p.planned_at IS NULL AND p.reason IS DISTINCT FROM "
            f"'UNCHANGED') OR ({IS_SENT} AND p.attempt_id IS DISTINCT FROM l.attempt_id)), false), "
            f"(SELECT max(moved_at) FROM ledger) FROM {documents}",
            values,
        ).fetchall()
    ((first, overtaken, moved),) = found
    if overtaken or not first:
        return bool(overtaken)
    return not timedelta(0) <= clock.now() - first <= FRESH or bool(moved and moved > first)


def _documents(work: Work) -> tuple[str, list[Any]]:
    """The planned documents of a work (alias p) with their ledger rows (alias l), for the place after FROM, and its
    bound values."""
    wanted = None if work.keys is None else [key for part, key in work.keys if part == work.flow.main]
    sql = (
        f"{quote(planned_table(work.flow))} AS p LEFT JOIN ledger AS l USING (part, key) WHERE p.part = ? "
        'AND p."window" BETWEEN ? AND ?'
    )
    values = [work.flow.main, *work.days]
    return (sql, values) if wanted is None else (f"{sql} AND p.key IN (SELECT unnest(?))", [*values, wanted])


def keys_due(work: Work) -> tuple[list[str], list[str]]:
    """The keys of the documents that have an outcome without being sent, and of those that are sent: those that were
    refused before come last, so that they hold up nobody."""
    documents, values = _documents(work)
    same = "coalesce(p.action = 'skip' AND p.reason = 'UNCHANGED' AND p.version = l.version, false)"
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(
            f"SELECT p.key, {IS_SENT} FROM {documents} AND NOT {same} "
            "ORDER BY coalesce(l.state = 'FAILED', false), p.key",
            values,
        ).fetchall()
    return [key for key, sent in found if not sent], [key for key, sent in found if sent]


def customers_of(work: Work) -> set[str]:
    """The keys of the customers that the documents of a work need."""
    documents, values = _documents(work)
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(f"SELECT DISTINCT p.customer_key FROM {documents}", values).fetchall()
    return {key for (key,) in found if key}


def planned_documents(
    connection: duckdb.DuckDBPyConnection, work: Work, keys: Sequence[str], customer: str
) -> list[Row]:
    """The planned documents of some keys, in that order; `known`: what the ledger has of each (names of KNOWN),
    `customer`: its state, reason and target_no of the record that is written for it, which is of the part `customer`.
    """
    known = ", ".join(f"{name} := l.{name}" for name in KNOWN)
    found = rows_of(
        connection,
        f"SELECT p.* EXCLUDE ({FOR_PEOPLE}), struct_pack({known}) AS known, "
        "struct_pack(state := c.state, reason := c.reason, target_no := c.target_no) AS customer "
        f"FROM {quote(planned_table(work.flow))} AS p LEFT JOIN ledger AS l USING (part, key) "
        "LEFT JOIN ledger AS c ON c.part = ? AND c.key = p.customer_key "
        "WHERE p.part = ? AND p.key IN (SELECT unnest(?))",
        [customer, work.flow.main, keys],
    )
    by_key = {row["key"]: row for row in found}
    return [by_key[key] for key in keys]


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
