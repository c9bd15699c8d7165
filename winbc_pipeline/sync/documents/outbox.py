"""Chooses what of a plan of documents is sent now, and tells whether the plan may still be true."""

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

FRESH = timedelta(minutes=5)  # how long a plan's lookups may be believed
SENT = ("create", "change", "delete", "cancel", "ship", "release", "deliver")  # actions that need a call
# SQL over a planned document (alias p): whether its action needs a call.
IS_SENT = f"p.action IN ({', '.join(map(literal, SENT))})"
FOR_PEOPLE = "changes, lookups"  # columns that sending does not need
# Columns of the ledger that sending needs.
KNOWN = ("state", "reason", "message", "action", "version", "target_id", "attempt_no", "looked_at")


def renew(plan: Callable[[Work, BusinessCentral], None], work: Work, target: BusinessCentral) -> None:
    """Plans the documents of a work anew when their plan may no longer be true."""
    with work.store.open():  # The file is opened once for both.
        stale = recover(work.store, work.run_id) or is_stale(work)
    if stale:
        plan(work, target)


def is_stale(work: Work) -> bool:
    """Whether the plan of a work may no longer be true.

    There are three cases. Its lookups are too old, or from the future because the clock was set back. A run has sent or
    moved documents since. The plan was only shown to somebody (plan_table.mark_only_shown).
    """
    documents, values = _documents(work)
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(
            f"""
            SELECT
                min(p.planned_at),
                coalesce(bool_or(
                    (p.planned_at IS NULL AND p.reason IS DISTINCT FROM 'UNCHANGED')
                    OR ({IS_SENT} AND p.attempt_id IS DISTINCT FROM l.attempt_id)
                ), false),
                (SELECT max(moved_at) FROM ledger)
            {documents}
            """,
            values,
        ).fetchall()
    ((first, overtaken, moved),) = found
    if overtaken:
        return True
    if not first:  # Nothing is planned, or only documents that need nothing.
        return False
    is_fresh = timedelta(0) <= clock.now() - first <= FRESH
    return not is_fresh or bool(moved and moved > first)


def _documents(work: Work) -> tuple[str, list[Any]]:
    """FROM and WHERE of the planned documents of a work (alias p) with their ledger rows (alias l); its bound values.

    More conditions can be added with AND.
    """
    sql = f"""
            FROM {quote(planned_table(work.flow))} AS p
            LEFT JOIN ledger AS l USING (part, key)
            WHERE p.part = ?
            AND p."window" BETWEEN ? AND ?"""
    values: list[Any] = [work.flow.main, *work.days]
    if work.keys is None:
        return sql, values
    wanted = [key for part, key in work.keys if part == work.flow.main]
    return f"{sql} AND p.key IN (SELECT unnest(?))", [*values, wanted]


def keys_due(work: Work) -> tuple[list[str], list[str]]:
    """The keys of planned documents: first of those that get an outcome without a call, then of those that are sent.

    The oldest window comes first, and in a window the lowest number: after hours without a run, orders go out as they
    came in. Documents that were refused before come last, so that they hold up no others.
    """
    documents, values = _documents(work)
    same = "coalesce(p.action = 'skip' AND p.reason = 'UNCHANGED' AND p.version = l.version, false)"
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(
            f"""
            SELECT p.key, {IS_SENT}
            {documents}
            AND NOT {same}
            ORDER BY coalesce(l.state = 'FAILED', false), p."window", length(p.key), p.key
            """,
            values,
        ).fetchall()
    return [key for key, sent in found if not sent], [key for key, sent in found if sent]


def customers_of(work: Work) -> set[str]:
    """The keys of the customers that the documents of a work need."""
    documents, values = _documents(work)
    with work.store.open() as connection:
        ledger.create(connection)
        found = connection.execute(f"SELECT DISTINCT p.customer_key {documents}", values).fetchall()
    return {key for (key,) in found if key}


def planned_documents(
    connection: duckdb.DuckDBPyConnection, work: Work, keys: Sequence[str], customer: str
) -> list[Row]:
    """The planned documents of some keys, in the order of the keys.

    Args:
        customer: name of the part of the documents' customers.

    Returns:
        Rows of the plan table with two more columns. `known` is what the ledger has of the document (names of KNOWN).
        `customer` is what it has of the customer that is written first: state, reason and target_no.
    """
    known = ", ".join(f"{name} := l.{name}" for name in KNOWN)
    found = rows_of(
        connection,
        f"""
        SELECT
            p.* EXCLUDE ({FOR_PEOPLE}),
            struct_pack({known}) AS known,
            struct_pack(state := c.state, reason := c.reason, target_no := c.target_no) AS customer
        FROM {quote(planned_table(work.flow))} AS p
        LEFT JOIN ledger AS l USING (part, key)
        LEFT JOIN ledger AS c ON c.part = ? AND c.key = p.customer_key
        WHERE p.part = ? AND p.key IN (SELECT unnest(?))
        """,
        [customer, work.flow.main, keys],
    )
    by_key = {row["key"]: row for row in found}
    return [by_key[key] for key in keys]


def with_customer_number(body: str, number: str) -> str:
    """The body of a planned document with its customer's number. Both bodies are JSON texts."""
    # A body that has the number already is not parsed.
    if f'"customerNumber":{dumps(number).decode()}' in body:
        return body
    return dumps(json.loads(body, parse_float=Decimal) | {"customerNumber": number}).decode()


def put_bodies(connection: duckdb.DuckDBPyConnection, flow: Flow, bodies: Mapping[str, str]) -> None:
    """Replaces the bodies of planned documents, by key. So the bodies that are kept are those that were sent."""
    if not bodies:
        return
    columns = {"key": "VARCHAR", "body": "VARCHAR"}
    create_table(connection, "put", columns, temporary=True)
    insert_rows(connection, "put", columns, [{"key": key, "body": body} for key, body in bodies.items()])
    connection.execute(
        f"""
        UPDATE {quote(planned_table(flow))} AS p
        SET body = put.body
        FROM put
        WHERE p.part = ? AND p.key = put.key
        """,
        [flow.main],
    )
