"""Up to when the source was followed: the cursor that sensors and schedules read."""

from .. import clock
from ..settings import Settings
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import quote
from .flow import Flow
from .map import newest_rows
from .stage import flow_store, staging_table


def advance_watermark(flow: Flow, settings: Settings) -> None:
    """Up to the newest change before which none is without an outcome of its own version; never into the future, and
    never by our own clock (records without a modification moment)."""
    staging = staging_table(flow, settings)
    with flow_store(flow, settings).transaction() as connection:
        create_staging(connection, staging)
        row = connection.execute(
            f"WITH seen AS MATERIALIZED ({_versions(flow, settings)}) "
            "SELECT max(moment) FROM seen WHERE moment <= ? AND moment < coalesce((SELECT min(s.moment) "
            "FROM seen AS s ANTI JOIN ledger AS l ON l.part = ? AND l.key = s.key AND l.version = s.version), "
            "'infinity'::TIMESTAMPTZ)",
            [clock.now(), flow.main],
        ).fetchone()
        if row and row[0]:
            ledger.advance(connection, flow.id, row[0])


def _versions(flow: Flow, settings: Settings) -> str:
    """SELECT of `key, version, moment` of the records of the main part, as the ledger keeps them."""
    staging, key = staging_table(flow, settings), flow.part(flow.main).key
    name, moment = quote(staging.name), quote(staging.modified)
    if not flow.document:
        return (
            f"SELECT {key} AS key, _version::VARCHAR AS version, {moment} AS moment FROM {name} "
            f"{newest_rows(key, staging.name)}"
        )
    return (
        f"SELECT {key} AS key, md5(string_agg(_version::VARCHAR, ' ' ORDER BY _key)) AS version, "
        f"max({moment}) AS moment FROM {name} GROUP BY 1"
    )
