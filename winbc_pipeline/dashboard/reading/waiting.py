"""What waits for a person in a flow, as runs have published it: for the time in which a run may want its database.

It has no record that came to wait longer ago than outcomes are published (`event_days`), and no values of people.
"""

import duckdb

from ...staging.published import files
from ...staging.published.outcomes import OUTCOME, rows_in
from ...staging.store import Row, rows_of
from ...sync.connected import ConnectedFlow
from ...workbench.desk.waiting import STATES, Waiting, as_waiting
from .asking import reading


def waiting_published(
    connected: ConnectedFlow, most: int, reason: str = "", text: str = ""
) -> tuple[int, list[Waiting]]:
    """How many records wait, and the first of them; as workbench.desk.waiting.waiting tells."""
    states = [str(state) for state in STATES]

    def ask(connection: duckdb.DuckDBPyConnection) -> list[Row]:
        rows = rows_in(files.outcome_files(connected.settings))
        sql = f"""
            WITH outcome AS (FROM {rows} WHERE flow = ? AND {OUTCOME}),
            ever AS (SELECT DISTINCT part, key FROM outcome WHERE list_contains(?, state)),
            newest AS (
                SELECT part, key, state, reason, message, target_no, sought, moment AS moved_at
                FROM outcome
                SEMI JOIN ever USING (part, key)
                QUALIFY row_number() OVER (PARTITION BY part, key ORDER BY moment DESC) = 1
            )
            SELECT *, count(*) OVER () AS records
            FROM newest
            WHERE list_contains(?, state) AND (? = '' OR reason = ?) AND contains(sought, lower(?))
            ORDER BY list_position(?, state), moved_at, part, key
            LIMIT {most}"""
        return rows_of(connection, sql, [connected.flow.id, states, states, reason, reason, text, states])

    found = reading(ask)
    records = [as_waiting(connected, row, row["message"] or "") for row in found]
    return (found[0]["records"] if found else 0), records
