"""What a person found out about a record that the program must not judge by itself."""

from ...errors import ConfigurationError
from ...settings import Settings
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.store import quote, rows_of
from ..flow import Flow
from ..planned import planned_table
from ..push import lease
from ..stage import flow_store

WAITING = (State.NEEDS_HUMAN, State.DUPLICATE, State.CONFLICT)


def resolve(flow: Flow, settings: Settings, key: str, there: bool, run_id: str) -> None:
    """Notes that Winstore has a held record as it is now, or that it does not have it: then the next run sends it.

    Raises ConfigurationError for a record that waits for nobody.
    """
    store, part = flow_store(flow, settings), flow.main
    with lease(flow, settings):
        rows = ledger.read(store, "part = ? AND key = ?", [part, key])
        if not rows or rows[0]["state"] not in WAITING:
            hint = f"`winbc records --flow {flow.id} --state NEEDS_HUMAN` lists those that do."
            raise ConfigurationError(f"{flow.id}: record {key} waits for no decision.", hint)
        known = {"reason": "RESOLVED", "target_id": None}
        if there:
            with store.open() as connection:
                sql = f"SELECT hash, version FROM {quote(planned_table(flow))} WHERE part = ? AND key = ?"
                known |= next(iter(rows_of(connection, sql, [part, key])), {})
            known["target_id"] = rows[0]["target_no"]
        ledger.move(store, [Move(part, key, State.CONFIRMED if there else State.PLANNED, known)], run_id)
