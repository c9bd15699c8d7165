"""Safe mode: a flow plans and writes nothing, until a person has approved a plan for its present target.

The database of a flow holds who let it go: the target that was approved. A new ledger has no such row, so every flow
begins in safe mode, and so does one that got another target. A guard that holds a run takes the row away again. The
setting `safe_mode` says whether a flow has a safe mode at all.
"""

import duckdb

from ... import clock
from ...staging.people.personal import nothing
from ..connected import ConnectedFlow
from ..session import BINDING, bound_target

TABLE = "let_go"
COLUMNS = "target VARCHAR, moment TIMESTAMPTZ"


def is_on(connected: ConnectedFlow) -> bool:
    """Whether nothing of the flow may be written that nobody has approved."""
    if not connected.settings.in_safe_mode(connected.flow.id):
        return False
    with connected.store.open() as connection:
        create(connection)
        return not was_let_go(connection)


def was_let_go(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a person has let a flow go for the target that its ledger is kept for now. The tables are there."""
    return connection.execute(f"SELECT 1 FROM {TABLE} JOIN binding USING (target)").fetchone() is not None


def arm(connected: ConnectedFlow) -> None:
    """Puts a flow into safe mode; a flow without one stays as it is."""
    if connected.settings.in_safe_mode(connected.flow.id):
        with connected.store.open() as connection:
            create(connection)
            connection.execute(f"DELETE FROM {TABLE}")


def let_go(connected: ConnectedFlow) -> None:
    """Ends the safe mode of a flow for the target that its ledger is kept for. The caller holds the flow's lease."""
    target = bound_target(connected.store)
    with connected.store.transaction() as connection:
        create(connection)
        connection.execute(f"DELETE FROM {TABLE}")
        connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", [target, clock.now()])


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes what says whether a flow was let go, where it is missing."""
    connection.execute(BINDING)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({COLUMNS})")


PERSONAL = nothing(TABLE)
"""What these tables hold of people (staging/people/personal.py)."""
