"""The plan for Winstore: a row per record with the body that would be sent. Materialising it is the exact dry run.

Here belongs: which records are due, with their lines. What is to happen to one: decide.py. Sending: push.py.
"""

import json
from datetime import date

from ...settings import Settings
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import Row, Store, create_table, insert_rows, quote, renew_table, rows_of
from ...systems.business_central.client import dumps
from ...systems.winstore import Winstore
from ..flow import Flow
from ..map import MAPPED, check_mapped_now, mapped_table
from ..plan import KNOWN, PLANNED, Decision, planned_table, recover
from ..stage import flow_store
from ..values import field_hashes
from .decide import Decider, body_of


def plan(flow: Flow, settings: Settings, target: Winstore, first: date, last: date, run_id: str) -> None:
    """Plans the mapped records of the windows into the planned table; writes nothing to Winstore."""
    recover(flow, settings, run_id)
    store = flow_store(flow, settings)
    _settle_gone(store, flow, run_id)
    with store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        rows = rows_of(connection, f"{_due(flow, first, last)} WHERE NOT unchanged ORDER BY _key")
    check_mapped_now(flow, settings, (row["mapping_version"] for row in rows))
    decider = Decider(flow.part(flow.main), settings, target, ledger.read(store, "target_no IS NOT NULL"))
    _store(store, flow, [_planned(row, each) for row, each in decider.decide_all(rows)], first, last)


def _settle_gone(store: Store, flow: Flow, run_id: str) -> None:
    """Records in trouble that the mapping no longer makes, such as a draft that got its final number."""
    with store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        gone = rows_of(
            connection,
            f"SELECT l.part, l.key FROM ledger AS l ANTI JOIN {quote(mapped_table(flow))} AS m ON m.part = l.part "
            "AND m._key = l.key WHERE l.state IN ('FAILED', 'PLANNED') AND l.target_id IS NULL",
        )
    ledger.move(store, [Move(row["part"], row["key"], State.SKIPPED, {"reason": "GONE"}) for row in gone], run_id)


def _due(flow: Flow, first: date, last: date) -> str:
    """SELECT of the windows' records with their lines, and what the ledger knows. The hash stands for all of it."""
    lines = next((part.name for part in flow.parts if part.parent == flow.main), "")
    mapped = quote(mapped_table(flow))
    return f"""
        WITH lines AS (
            SELECT regexp_extract(_key, '^(.*)/', 1) AS parent, list(creates ORDER BY _key) AS bodies,
                string_agg(hash, ',' ORDER BY _key) AS hash, flatten(list(errors ORDER BY _key)) AS errors
            FROM {mapped} WHERE part = '{lines}' GROUP BY parent
        ), records AS (
            SELECT m.* EXCLUDE (hash, errors), md5(m.hash || coalesce(lines.hash, '')) AS hash, m.errors,
                lines.errors AS line_errors, coalesce(lines.bodies, []) AS lines, {bool(lines)} AS has_lines,
                {KNOWN}, l.hash AS sent_hash, l.version AS sent_version,
                l.mapping_version AS sent_by, l.target_no
            FROM {mapped} AS m LEFT JOIN lines ON lines.parent = m._key
            LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
            WHERE m.part = '{flow.main}' AND m._window BETWEEN DATE '{first}' AND DATE '{last}'
        )
        SELECT * FROM (SELECT *, coalesce(state = 'CONFIRMED' AND sent_hash = hash, false) AS unchanged FROM records)"""


def _store(store: Store, flow: Flow, rows: list[Row], first: date, last: date) -> None:
    table = quote(planned_table(flow))
    with store.transaction() as connection:
        renew_table(connection, planned_table(flow), PLANNED)
        create_table(connection, "fresh", PLANNED, temporary=True)
        insert_rows(connection, "fresh", PLANNED, rows)
        connection.execute(
            "INSERT INTO fresh BY NAME SELECT part, _key AS key, _window AS \"window\", 'skip' AS action, 'UNCHANGED' "
            "AS reason, target_id, target_no, '{}' AS body, '[]' AS changes, hash, field_hashes, _version AS version, "
            f"mapping_version FROM ({_due(flow, first, last)} WHERE unchanged)"
        )
        connection.execute(f'DELETE FROM {table} WHERE "window" BETWEEN ? AND ?', [first, last])
        connection.execute(f"DELETE FROM {table} AS p USING fresh WHERE p.part = fresh.part AND p.key = fresh.key")
        connection.execute(f"INSERT INTO {table} FROM fresh")


def _planned(row: Row, decision: Decision) -> Row:
    return {
        "part": row["part"],
        "key": row["_key"],
        "window": row["_window"],
        "action": decision.action,
        "reason": decision.reason,
        "message": decision.message,
        "target_id": decision.target.get("id"),
        "target_no": decision.target.get("number"),
        "body": dumps(decision.body).decode(),
        "changes": dumps(decision.changes).decode(),
        "hash": row["hash"],
        "field_hashes": json.dumps(field_hashes(body_of(row)["fields"])),
        "version": row["_version"],
        "mapping_version": row["mapping_version"],
    }
