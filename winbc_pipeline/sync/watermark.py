"""The watermark of a flow: up to when the source was followed. Sensors and schedules read it as their cursor."""

from .. import clock
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.notes import polls
from ..staging.progress import last_asked_within
from ..staging.store import quote
from .connected import ConnectedFlow
from .map import newest_rows


def advance_watermark(connected: ConnectedFlow) -> None:
    """Moves the watermark to the newest change up to which the ledger has an outcome of every change.

    The outcome must be of that very version: a rerun of an old window must not hide a newer change. The watermark never
    moves into the future. Records without a modification moment do not move it: they have only our own clock's moment.

    Winstore answers in whole seconds. More may have changed in the second in which it was asked, so the watermark stops
    before that second, and the next look finds it again. The watermark's own second is therefore over for good.

    Where every change has its outcome, none waits any more that was seen before the source was asked.
    """
    with connected.store.transaction() as connection:
        create_staging(connection, connected.staging)
        asked = last_asked_within(connection, connected.staging.name)
        asked_at = None if connected.flow.reading else asked
        row = connection.execute(
            f"""
            WITH
                versions AS MATERIALIZED ({versions(connected)}),
                first_open AS (
                    SELECT min(v.moment) AS moment, count(*) AS records
                    FROM versions AS v
                    ANTI JOIN ledger AS l ON l.part = ? AND l.key = v.key AND l.version = v.version
                )
            SELECT max(moment), (SELECT records FROM first_open)
            FROM versions
            WHERE
                moment <= ?
                AND moment < coalesce(date_trunc('second', ?::TIMESTAMPTZ), 'infinity'::TIMESTAMPTZ)
                AND moment < coalesce((SELECT moment FROM first_open), 'infinity'::TIMESTAMPTZ)
            """,  # 'infinity': nothing bounds it
            [connected.flow.main, clock.now(), asked_at],
        ).fetchone()
        if row and row[0]:
            ledger.advance(connection, connected.flow.id, row[0])
    is_copy = connected.database is not None
    if asked and row and not row[1] and not is_copy:
        polls.taken(connected.settings, connected.flow.id, asked)


def versions(connected: ConnectedFlow) -> str:
    """SELECT of `key, version, moment` of the main part's records, as the ledger names them.

    A document's version is made of the versions of all its lines.
    """
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
