"""Up to when the source was followed: the cursor that sensors and schedules read."""

from .. import clock
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import quote
from .connected import ConnectedFlow
from .map import newest_rows


def advance_watermark(connected: ConnectedFlow) -> None:
    """Moves the watermark to the newest change before which every change has an outcome of its own version.

    It never moves into the future, and never by our own clock (records without a modification moment).
    """
    with connected.store.transaction() as connection:
        create_staging(connection, connected.staging)
        row = connection.execute(
            f"""
            WITH versions AS MATERIALIZED ({_versions(connected)}), first_open AS (
                SELECT min(v.moment) AS moment
                FROM versions AS v
                ANTI JOIN ledger AS l ON l.part = ? AND l.key = v.key AND l.version = v.version
            )
            SELECT max(moment)
            FROM versions
            WHERE moment <= ?
            AND moment < coalesce((SELECT moment FROM first_open), 'infinity'::TIMESTAMPTZ)
            """,
            [connected.flow.main, clock.now()],
        ).fetchone()
        if row and row[0]:
            ledger.advance(connection, connected.flow.id, row[0])


def _versions(connected: ConnectedFlow) -> str:
    """SELECT of `key, version, moment` of the records of the main part, as the ledger keeps them."""
    flow, staging = connected.flow, connected.staging
    key, name, moment = flow.part(flow.main).key, quote(staging.name), quote(staging.modified)
    if not flow.document:
        return f"""
            SELECT {key} AS key, _version::VARCHAR AS version, {moment} AS moment
            FROM {name}
            {newest_rows(key, staging.name)}"""
    return f"""
        SELECT {key} AS key, md5(string_agg(_version::VARCHAR, ' ' ORDER BY _key)) AS version, max({moment}) AS moment
        FROM {name}
        GROUP BY 1"""
