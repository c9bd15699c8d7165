"""That a database was put back from a backup: what it says of the time since then is not believed.

Here belongs: the note, and which records may have been sent after the backup was made. What is done about them: in each
kind of sending. Source: test catalogue rows 22 and 90.
"""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from ...staging import ledger
from ...staging.ledger import State
from ...staging.people.personal import nothing
from ...staging.store import Store, create_table, literal, quote, renew_table
from ..connected import ConnectedFlow
from ..flow import Flow
from ..outcomes import RESOLVED
from ..plan_table import PLANNED, planned_table
from ..watermark import versions

NOTE = "restored"
COLUMNS = {"backup_at": "TIMESTAMPTZ", "restored_at": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class Restored:
    """When a flow's ledger stopped to be written, and when it was put back."""

    backup_at: datetime
    restored_at: datetime


def note(connection: duckdb.DuckDBPyConnection, flow: Flow, backup_at: datetime, now: datetime) -> None:
    """Notes that a flow's database was restored.

    All that it calls sent of master data and stock is compared with the target once more: a value that went to another
    one and back since the backup would look unchanged otherwise. Documents are looked up in any case. The plan in the
    backup was made before what was sent since then, so it goes.
    """
    create(connection)
    ledger.create(connection)
    renew_table(connection, planned_table(flow), PLANNED)
    connection.execute(f"DELETE FROM {quote(planned_table(flow))}")
    if flow.guarded:
        connection.execute("UPDATE ledger SET hash = NULL WHERE state = 'CONFIRMED'")
    connection.execute(f"DELETE FROM {NOTE}")
    connection.execute(f"INSERT INTO {NOTE} VALUES (?, ?)", [backup_at, now])


def last_restored(store: Store) -> Restored | None:
    """The last restoring of a database; None for one that never was."""
    with store.open() as connection:
        create(connection)
        return last_restored_in(connection)


def last_restored_in(connection: duckdb.DuckDBPyConnection) -> Restored | None:
    """The last restoring of a database that is open and has the note's table."""
    row = connection.execute(f"SELECT backup_at, restored_at FROM {NOTE}").fetchone()
    return Restored(*row) if row else None


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the note's table where it is missing."""
    create_table(connection, NOTE, COLUMNS)


def in_doubt(connected: ConnectedFlow, restored: Restored) -> set[str]:
    """Keys of the main part's records that may have been sent between the backup and its restoring.

    These are all that were there by then and of which the ledger knows no record in the target. Only a new intent,
    which follows a look-up, or a person's answer ends the doubt: any other outcome says nothing of the target.
    """
    with connected.store.open() as connection:
        ledger.create(connection)
        rows = connection.execute(
            f"""
            SELECT v.key
            FROM ({versions(connected)}) AS v
            LEFT JOIN ledger AS l ON l.part = {literal(connected.flow.main)} AND l.key = v.key
            ANTI JOIN (
                SELECT key
                FROM ledger_event
                WHERE part = {literal(connected.flow.main)} AND moved_at >= $1
                AND (state = '{State.SENDING}' OR reason = '{RESOLVED}')
            ) AS e ON e.key = v.key
            WHERE v.moment < $1 AND l.target_id IS NULL
            """,
            [restored.restored_at],
        ).fetchall()
    return {key for (key,) in rows}


PERSONAL = nothing(NOTE)
"""What these tables hold of people (staging/people/personal.py)."""
