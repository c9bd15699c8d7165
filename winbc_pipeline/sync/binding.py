"""A flow's ledger belongs to one company of one environment: what was sent there says nothing about another.

Here belongs: noticing that the target is another one, or an emptied one. A plan asks before it believes its ledger.
"""

from urllib.parse import urlsplit

import duckdb

from ..errors import ConfigurationError
from ..settings import Settings
from ..staging import ledger
from ..staging.store import Row, rows_of
from ..systems.business_central import BusinessCentral
from .documents.existing import look_up
from .flow import Flow
from .stage import flow_store

SAMPLE, ENOUGH = 40, 5


def check_binding(flow: Flow, settings: Settings, target: BusinessCentral) -> None:
    """Binds a new ledger to the target; raises ConfigurationError when the ledger was kept for another one, or when
    nothing of what was last sent is there any more."""
    store = flow_store(flow, settings)
    here = f"{_address(settings.bc.base_url)}/{target.root}"
    with store.transaction() as connection:
        bound = _bound(connection, here)
        sent = rows_of(
            connection,
            "SELECT target_id, reference FROM ledger WHERE part = ? AND state = 'CONFIRMED' AND target_id IS NOT NULL "
            "AND action IS DISTINCT FROM 'delete' ORDER BY moved_at DESC LIMIT ?",
            [flow.main, SAMPLE],
        )
    if bound != here:
        hint = f"Give this target a `connection` of its own, or delete {store.path} to send everything again."
        raise ConfigurationError(f"The ledger of {flow.id} was kept for {bound}, not for {here}.", hint)
    if len(sent) >= ENOUGH and not _there(flow, target, sent):
        hint = f"Is it another company, or was it emptied? Delete {store.path} to send everything again."
        raise ConfigurationError(f"None of the {len(sent)} records that {flow.id} last sent is in the target.", hint)


def _there(flow: Flow, target: BusinessCentral, sent: list[Row]) -> bool:
    if flow.document or flow.acts_on:  # a posted document has another id than it had as a draft
        return bool(look_up(target, {row["reference"] for row in sent if row["reference"]}))
    return bool(target.find(flow.part(flow.main).entity_set, "id", [row["target_id"] for row in sent], False))


def check_winstore(flow: Flow, settings: Settings) -> None:
    """Binds a new ledger to this Winstore; raises ConfigurationError when it was kept for another one."""
    here = _address(settings.winstore.base_url)
    with flow_store(flow, settings).transaction() as connection:
        bound = _bound(connection, here)
    if bound != here:
        hint = "Give this Winstore a `connection` of its own."
        raise ConfigurationError(f"The ledger of {flow.id} was kept for {bound}, not for {here}.", hint)


def _address(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.hostname}{parts.path.rstrip('/')}"


def _bound(connection: duckdb.DuckDBPyConnection, here: str) -> str:
    """The target that the ledger is kept for; a new one is bound to this one."""
    ledger.create(connection)
    connection.execute("CREATE TABLE IF NOT EXISTS binding (target VARCHAR)")
    row = connection.execute("SELECT target FROM binding").fetchone()
    if row is None:
        connection.execute("INSERT INTO binding VALUES (?)", [here])
    return str(row[0]) if row else here
