"""Orders that are given up because they were not paid in time. No change in the source shows it: only time passes."""

from datetime import date

from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import quote
from ..sync.connected import ConnectedFlow

WAITING, OVER = "NOT_PAID", "GIVEN_UP"


def days_given_up(connected: ConnectedFlow) -> list[date]:
    """The days of orders that are given up by now and still wait for their payment in the ledger; oldest first."""
    flow, settings = connected.flow, connected.settings
    if not flow.document:
        return []
    given_up = [sql for sql, reason in flow.document.skips(settings) if reason == OVER]
    if not given_up:
        return []
    staging = connected.staging
    key = flow.part(flow.document.kind(settings).header).key
    with connected.store.open() as connection:
        ledger.create(connection)
        create_staging(connection, staging)
        found = connection.execute(
            f"""
            SELECT DISTINCT l."window"
            FROM ledger AS l
            JOIN {quote(staging.name)} ON {key} = l.key
            WHERE l.part = ? AND l.state = 'SKIPPED' AND l.reason = ? AND ({given_up[0]})
            ORDER BY 1
            """,
            [flow.main, WAITING],
        )
        return [window for (window,) in found.fetchall()]
