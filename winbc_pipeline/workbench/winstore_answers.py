"""What a person found in Winstore about a record. The program cannot look it up there."""

from ..errors import ConfigurationError
from ..health.publishing.publish import published
from ..staging import ledger
from ..staging.ledger import Move, State
from ..staging.store import quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.outcomes import RESOLVED
from ..sync.plan_table import planned_table
from ..sync.session import lease

# States of a record that waits for a person.
WAITING = (State.NEEDS_HUMAN, State.DUPLICATE, State.CONFLICT)


def note_answer(connected: ConnectedFlow, key: str, there: bool, run_id: str) -> None:
    """Notes whether Winstore has a record that waits for a person.

    Args:
        there: True when Winstore has the record as it is planned now. When False, the next run sends the record.

    Raises: ConfigurationError for a record that does not wait for a person; StoreBusy while a run goes on.
    """
    flow, store, part = connected.flow, connected.store, connected.flow.main
    with published(connected), lease(connected):
        rows = ledger.read(store, "part = ? AND key = ?", [part, key])
        if not rows or rows[0]["state"] not in WAITING:
            hint = f"`winbc records --flow {flow.id} --state NEEDS_HUMAN` lists those that do."
            raise ConfigurationError(f"{flow.id}: record {key} waits for no decision.", hint)
        known = {"reason": RESOLVED, "target_id": None}
        if there:  # the record counts as sent in the version that is planned
            with store.open() as connection:
                sql = f"SELECT hash, version FROM {quote(planned_table(flow))} WHERE part = ? AND key = ?"
                known |= next(iter(rows_of(connection, sql, [part, key])), {})
            known["target_id"] = rows[0]["target_no"]
        ledger.move(store, [Move(part, key, State.CONFIRMED if there else State.PLANNED, known)], run_id)
