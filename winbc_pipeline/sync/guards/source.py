"""The guard of the source: a whole read that gives nothing, or less than half of the one before, is mapped by nobody.

A source that answers without an error may still have lost its records, or the right to see them. A whole read begins at
the start of history. Only reads since the same day are compared.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from ...errors import NotDone, SourceShrank
from ...staging.people.personal import nothing
from ...staging.store import create_table
from ..connected import ConnectedFlow
from . import is_on, safe_mode

TABLE = "whole_read"
COLUMNS = {"since": "DATE", "records": "BIGINT", "refused": "BIGINT"}


@dataclass(frozen=True)
class WholeRead:
    """How many records the last whole read gave, and how many a later one that was refused (None for none)."""

    records: int
    refused: int | None


def check_whole_read(connected: ConnectedFlow, since: date, records: int) -> None:
    """Notes how many records a read since a day gave, if it was a whole read of a guarded flow.

    Raises: SourceShrank when it gave less than half of the last one; `accept` lets such a read pass.
    """
    if since > connected.settings.history_start or not is_on(connected):
        return
    with connected.store.transaction() as connection:
        before = _noted(connection, since)
        shrank = before is not None and 2 * records < before.records
        kept = WholeRead(before.records, records) if before and shrank else WholeRead(records, None)
        connection.execute(f"DELETE FROM {TABLE}")
        connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", [since, kept.records, kept.refused])
    if shrank:
        safe_mode.arm(connected)  # what the next read gives is seen by a person before it is written
        raise _shrank(connected, kept)


def refused(connected: ConnectedFlow) -> WholeRead:
    """The last whole read and the one that was refused since; raises NotDone when none was refused."""
    with connected.store.transaction() as connection:
        read = _noted(connection)
    if read is None or read.refused is None:
        raise NotDone(f"{connected.flow.id}: no read of the source waits for an approval.")
    return read


def accept(connected: ConnectedFlow, shown: WholeRead) -> None:
    """Takes what a refused read gave as what the source has: the next reads are compared with that.

    Raises: NotDone when another read was refused since it was shown.
    """
    if refused(connected) != shown:
        raise NotDone("Another read was refused while you were looking; nothing was approved.", "Look again.")
    with connected.store.transaction() as connection:
        connection.execute(f"UPDATE {TABLE} SET records = refused, refused = NULL")


def _noted(connection: duckdb.DuckDBPyConnection, since: date | None = None) -> WholeRead | None:
    """What was noted of whole reads since a day, or of the last one; None before the first."""
    create_table(connection, TABLE, COLUMNS)
    noted = f"SELECT records, refused FROM {TABLE} WHERE since = coalesce(?, since)"
    row = connection.execute(noted, [since]).fetchone()
    return WholeRead(*row) if row else None


def _shrank(connected: ConnectedFlow, read: WholeRead) -> SourceShrank:
    flow = connected.flow
    counts = f"{flow.id}: source gave {read.refused} of {read.records} {flow.entity}, nothing sent."
    hint = (
        f"The last whole read gave {read.records}. Look whether the source still has them, and whether its user "
        f"may still see them. If it is right, `winbc approve {flow.id} --source` lets the next read pass."
    )
    return SourceShrank(counts, hint)


PERSONAL = nothing(TABLE)
"""What these tables hold of people (staging/people/personal.py)."""
