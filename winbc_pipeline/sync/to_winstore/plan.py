"""The plan for Winstore: one row per record, with the body that would be sent. Materialising it is the exact dry run.

Here belongs: which records are due, with their lines. What happens to one record: decide.py. Sending: push.py.
"""

from datetime import datetime

from ... import clock
from ...staging import ledger
from ...staging.ledger import State
from ...staging.store import Row, Store, literal, quote, rows_of
from ...systems.winstore import Winstore
from ..connected import ConnectedFlow
from ..flow import Flow
from ..keeping.restored import in_doubt, last_restored
from ..map import KNOWN, mapped_table, skip_gone
from ..payloads import hashes_as_text
from ..plan_table import store_plan, unchanged_rows
from ..records.plan import planned_row
from ..sending import chunks_of
from ..session import recover
from ..work import Work
from .decide import HELD, STATES, Decider, body_of, lines_of

STATUSES = "staging_winstore_order_status"
RECORD_OF_LINE = "regexp_extract(_key, '^(.*)/', 1)"  # SQL: the key of the record that a line belongs to
AT_ONCE = 2_500  # records that are decided at once: memory grows with it


def plan(work: Work, target: Winstore) -> None:
    """Writes the plan table: what would happen to the mapped records of the windows. Writes nothing to Winstore."""
    flow, store = work.flow, work.store
    recover(store, work.run_id)
    # A record can disappear before it was sent: a draft gets another number when it is released.
    skip_gone(store, flow, work.run_id, [flow.main], never_sent=True)
    listed = _listed(work)
    work.connected.check_mapped_now(version for _, _, version in listed)
    numbers = [str(number) for _, number, _ in listed]
    there = _there_now(work.connected, numbers) if flow.target_state_from else {}
    decider = Decider(work.connected, target, _taken(store), there, _sent_since_backup(work.connected))
    some = chunks_of([key for key, _, _ in listed], AT_ONCE)
    store_plan(work, (_planned(work, decider, keys) for keys in some), unchanged_rows(due(flow)))


def _listed(work: Work) -> list[tuple[str, str | None, str]]:
    """Key, order number and mapping version of the records that may need something, in the order of their keys."""
    with work.store.open() as connection:
        return connection.execute(
            f"""
            SELECT _key, creates ->> '$.ordernr', mapping_version
            FROM ({due(work.flow)})
            WHERE NOT unchanged
            ORDER BY _key
            """,
            work.days,
        ).fetchall()


def _planned(work: Work, decider: Decider, keys: list[str]) -> list[Row]:
    """The planned rows of some records."""
    with work.store.open() as connection:
        select = due(work.flow, "{key} IN (SELECT unnest(?::VARCHAR[]))")
        rows = rows_of(connection, f"{select} ORDER BY _key", [keys, keys, *work.days])
    key, planned = work.connected.hash_key, []
    for row, decision in decider.decide_all(rows):
        fields = body_of(row)["fields"]  # The plan keeps a hash of each of them.
        planned.append(planned_row(row | {"new_hashes": hashes_as_text(key, fields)}, decision, clock.now()))
    return planned


def _taken(store: Store) -> dict[str, str]:
    """The key of the record that has an order number in Winstore, or may have it, by the number."""
    open_states = ", ".join(map(literal, (State.SENDING, State.UNKNOWN, *HELD)))
    with store.open() as connection:
        ledger.create(connection)
        return dict(
            connection.execute(
                f"""
                SELECT target_no, key
                FROM ledger
                WHERE target_no IS NOT NULL AND (target_id IS NOT NULL OR state IN ({open_states}))
                ORDER BY part, key
                """
            ).fetchall()
        )


def _sent_since_backup(connected: ConnectedFlow) -> dict[str, datetime]:
    """The records that were perhaps sent after the backup that this ledger comes from was made, with its moment."""
    if connected.flow.part(connected.flow.main).repeatable:
        return {}
    restored = last_restored(connected.store)
    return dict.fromkeys(in_doubt(connected, restored), restored.backup_at) if restored else {}


def _there_now(connected: ConnectedFlow, numbers: list[str]) -> dict[str, str]:
    """The states of orders in Winstore, each one of STATES, by order number.

    The flow of the other direction has read Winstore's statuses. Its database is opened for a moment. Without that
    database nothing is known.
    """
    flow, settings = connected.flow, connected.settings
    store = Store.of(settings, settings.flow_database(flow.target_state_from))
    if not store.exists():
        return {}
    states = states_by_word(connected)
    with store.open() as connection:
        if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [STATUSES]).fetchone():
            return {}
        newest = connection.execute(
            f"""
            SELECT ordernr, arg_max(lower(status), _modified_at)
            FROM {STATUSES}
            WHERE list_contains(?, ordernr)
            GROUP BY ordernr
            """,
            [numbers],
        ).fetchall()
    return {number: states[status] for number, status in newest if status in states}


def states_by_word(connected: ConnectedFlow) -> dict[str, str]:
    """The state, one of STATES, of each of Winstore's words for a status, in small letters.

    The flow's own lookup table says it. If several states have the same word, the first of them counts.
    """
    lookups = connected.compiled()[connected.flow.main].lookups.values()
    return {word.lower(): state for state in reversed(STATES) for lookup in lookups if (word := lookup.get(state))}


def due(flow: Flow, only: str = "true") -> str:
    """SELECT of the mapped records between two bound days, with their lines and with what the ledger knows.

    The column `hash` stands for a record and its lines. The column `unchanged` says whether both were sent as they are.

    Args:
        only: a condition on `{key}`, the key of a record. Its bound values come twice, before the days.
    """
    return f"""
        WITH {_lines(flow, only)},
        records AS (
            SELECT
                m.* EXCLUDE (hash, errors),
                md5(m.hash || coalesce(lines.hash, '')) AS hash,
                m.errors,
                lines.errors AS line_errors,
                coalesce(lines.bodies, []) AS lines,
                {lines_of(flow) is not None} AS has_lines,
                {KNOWN},
                l.hash AS sent_hash, l.version AS sent_version, l.mapping_version AS sent_by
            FROM {quote(mapped_table(flow))} AS m
            LEFT JOIN lines ON lines.parent = m._key
            LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
            WHERE m.part = '{flow.main}'
            AND ({only.format(key="m._key")})
            AND m._window BETWEEN ? AND ?
        )
        SELECT *
        FROM (
            SELECT *, coalesce(state = 'CONFIRMED' AND sent_hash = hash, false) AS unchanged
            FROM records
        )"""


def _lines(flow: Flow, only: str) -> str:
    """The common table expression `lines`: the mapped lines of each record, in the order of their keys."""
    part = lines_of(flow)
    return f"""lines AS (
            -- The key of a line is the key of its record, a slash, and what is the line's own.
            SELECT
                {RECORD_OF_LINE} AS parent,
                list(creates ORDER BY _key) AS bodies,
                string_agg(hash, ',' ORDER BY _key) AS hash,
                flatten(list(errors ORDER BY _key)) AS errors
            FROM {quote(mapped_table(flow))}
            WHERE part = '{part.name if part else ""}' AND ({only.format(key=RECORD_OF_LINE)})
            GROUP BY parent
        )"""
