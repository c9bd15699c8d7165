"""The plan for Winstore: a row per record with the body that would be sent. Materialising it is the exact dry run.

Here belongs: which records are due, with their lines. What is to happen to one: decide.py. Sending: push.py.
"""

from ...staging import ledger
from ...staging.store import Store, quote, rows_of
from ...systems.winstore import Winstore
from ..connected import ConnectedFlow
from ..flow import Flow
from ..map import KNOWN, mapped_table, settle_gone
from ..payloads import fields_of
from ..plan_table import store_plan, unchanged_rows
from ..records.plan import planned_row
from ..session import recover
from ..work import Work
from .decide import STATES, Decider, body_of, lines_of

STATUSES = "staging_winstore_order_status"


def plan(work: Work, target: Winstore) -> None:
    """Plans the mapped records of the windows into the planned table; writes nothing to Winstore."""
    flow, store = work.flow, work.store
    recover(store, work.run_id)
    settle_gone(store, flow, work.run_id, [flow.main], never_sent=True)  # such as a draft that got its final number
    with store.open() as connection:
        rows = rows_of(connection, f"{_due(flow)} WHERE NOT unchanged ORDER BY _key", work.days)
    work.connected.check_mapped_now(row["mapping_version"] for row in rows)
    numbers = [str(fields_of(row["creates"]).get("ordernr")) for row in rows]
    there = _there_now(work.connected, numbers) if flow.target_state_from else {}
    decider = Decider(work.connected, target, ledger.read(store, "target_no IS NOT NULL"), there)
    planned = [
        planned_row(row | {"updates": body_of(row)["fields"]}, decision) for row, decision in decider.decide_all(rows)
    ]
    store_plan(work, [planned], unchanged_rows(_due(flow)))


def _there_now(connected: ConnectedFlow, numbers: list[str]) -> dict[str, str]:
    """The state of some orders in Winstore, as one of STATES, by order number.

    Winstore's status was last read by the flow of the other direction. The lookup table is read backwards: of several
    states with one status, the first one counts. That flow's database is opened for a moment, and may not be there.
    """
    flow, settings = connected.flow, connected.settings
    path = settings.flow_database(flow.target_state_from)
    if not path.exists():
        return {}
    lookups = connected.compiled()[flow.main].lookups.values()
    words = {word.lower(): state for state in reversed(STATES) for lookup in lookups if (word := lookup.get(state))}
    newest = f"SELECT ordernr, arg_max(lower(status), _modified_at) FROM {STATUSES} WHERE list_contains(?, ordernr)"
    with Store(path, settings.memory_limit_mb).open() as connection:
        if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [STATUSES]).fetchone():
            return {}
        there = connection.execute(f"{newest} GROUP BY ordernr", [numbers]).fetchall()
    return {number: words[word] for number, word in there if word in words}


def _due(flow: Flow) -> str:
    """SELECT of the records of the windows between two bound days with their lines, and what the ledger knows. The hash
    stands for all of it."""
    lines, mapped = lines_of(flow), quote(mapped_table(flow))
    return f"""
        WITH lines AS (
            SELECT regexp_extract(_key, '^(.*)/', 1) AS parent, list(creates ORDER BY _key) AS bodies,
                string_agg(hash, ',' ORDER BY _key) AS hash, flatten(list(errors ORDER BY _key)) AS errors
            FROM {mapped} WHERE part = '{lines.name if lines else ""}' GROUP BY parent
        ), records AS (
            SELECT m.* EXCLUDE (hash, errors), md5(m.hash || coalesce(lines.hash, '')) AS hash, m.errors,
                lines.errors AS line_errors, coalesce(lines.bodies, []) AS lines, {bool(lines)} AS has_lines,
                {KNOWN}, l.hash AS sent_hash, l.version AS sent_version, l.mapping_version AS sent_by
            FROM {mapped} AS m LEFT JOIN lines ON lines.parent = m._key
            LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
            WHERE m.part = '{flow.main}' AND m._window BETWEEN ? AND ?
        )
        SELECT * FROM (SELECT *, coalesce(state = 'CONFIRMED' AND sent_hash = hash, false) AS unchanged FROM records)"""
