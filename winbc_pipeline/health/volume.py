"""Did far fewer records come today than usual? Then something before this program may be broken.

Here belongs: what is usual. It is the median of the same weekday, up to the same time of day (UTC).
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

from ..staging import ledger
from ..sync.connected import ConnectedFlow
from .problem import SYSTEMS, Name, Problem

WEEKS = 12
DAY_S, EPOCH = 86_400, date(1970, 1, 1).toordinal()
FEWEST_WEEKS = 3  # fewer say nothing about what is usual
FEWEST_RECORDS = 10  # below that, chance decides
AGAIN = timedelta(minutes=15)  # events are many, and a day is long
_looked: dict[Path, tuple[datetime, Problem | None]] = {}


def low(connected: ConnectedFlow, now: datetime, wait_s: float | None = None) -> Problem | None:
    """The problem that few records of a flow came today; None when as many came as usual, or nobody can tell.

    Raises: StoreBusy when another process keeps the database for longer than `wait_s` seconds.
    """
    path, share = connected.store.path, connected.settings.alerts.volume_percent
    if not share or not connected.store.exists():
        return None
    known = _looked.get(path)
    if known and timedelta() <= now - known[0] < AGAIN and known[0].date() == now.date():
        return known[1]
    found = _low(connected, _counts(connected, now, wait_s), now.date(), share, now)
    _looked[path] = now, found
    return found


def _counts(connected: ConnectedFlow, now: datetime, wait_s: float | None) -> dict[date, int]:
    """New records and new versions by day up to the same time of day (UTC), of this weekday since the first event."""
    with connected.store.open(wait_s) as connection:
        ledger.create(connection)
        rows = connection.execute(
            f"""
            WITH seen AS (
                SELECT key, version, epoch(min(moved_at))::BIGINT AS second
                FROM ledger_event
                WHERE part = $1 AND moved_at > $2::TIMESTAMPTZ - INTERVAL {7 * WEEKS + 1} DAY
                GROUP BY ALL
            )
            SELECT second // {DAY_S} AS day, count(*) FILTER (second % {DAY_S} <= epoch($2::TIMESTAMPTZ) % {DAY_S})
            FROM seen
            GROUP BY ALL
            """,
            [connected.flow.main, now],
        ).fetchall()
    counts = {date.fromordinal(EPOCH + day): count for day, count in rows}
    days = [now.date() - timedelta(weeks=week) for week in range(WEEKS + 1)]
    return {day: counts.get(day, 0) for day in days if day >= min(counts, default=date.max)}


def _low(connected: ConnectedFlow, counts: dict[date, int], today: date, share: int, now: datetime) -> Problem | None:
    came = counts.pop(today, 0)
    usual = median(counts.values()) if len(counts) >= FEWEST_WEEKS else 0
    if usual < FEWEST_RECORDS or came * 100 >= usual * share:
        return None
    words = f"{came} records came today up to now; on a {today:%A} it is {usual:g} (median of {len(counts)} weeks)."
    fix = f"Does {SYSTEMS[connected.flow.source]} still get its records? Nothing is wrong if the shop is closed today."
    return Problem(
        Name(connected.flow.id, "volume", "VOLUME", ""), now, words=words, fix=fix, flows=(connected.flow.id,)
    )
