"""Records that waited for their payment until nobody waits any more: nothing in the source tells of it, time does."""

from datetime import date

from ..settings import Settings
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import quote
from .flow import Flow
from .stage import flow_store, staging_table

WAITING, OVER = "NOT_PAID", "GIVEN_UP"


def overdue(flow: Flow, settings: Settings) -> list[date]:
    """The windows of documents that the ledger still has as waiting, and that are given up by now, oldest first."""
    given_up = [sql for sql, reason in flow.document.skips(settings) if reason == OVER] if flow.document else []
    if not flow.document or not given_up:
        return []
    staging, key = staging_table(flow, settings), flow.part(flow.document.kind(settings).header).key
    with flow_store(flow, settings).open() as connection:
        ledger.create(connection)
        create_staging(connection, staging)
        found = connection.execute(
            f'SELECT DISTINCT l."window" FROM ledger AS l JOIN {quote(staging.name)} ON {key} = l.key '
            f"WHERE l.part = ? AND l.state = 'SKIPPED' AND l.reason = ? AND ({given_up[0]}) ORDER BY 1",
            [flow.main, WAITING],
        )
        return [window for (window,) in found.fetchall()]
