"""From when the changes of Business Central are read, as the companion app tells it by row versions.

A row version is given when a row is written, and shown when the transaction is committed. Below the minimum active one
no transaction is open, so what has a row version at or above that of the last read is exactly what it has not seen,
whatever its moment says (docs/companion-app.md). Without the app, moments and an overlap have to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from ...settings import Settings
from ...staging import ledger
from ...staging.ledger import OPEN
from ...staging.load import create as create_staging
from ...staging.progress import BELIEVED
from ...staging.row_versions import Read, last_read
from ...staging.store import literal
from ...systems.business_central import BusinessCentral, Operation
from ...systems.business_central.companion import companion_of
from ..connected import ConnectedFlow
from ..flow import Reading
from ..watermark import versions
from .read_bc import MODIFIED, NEVER, changed_since, moments_in

CURSORS, MINIMUM, ROW_VERSION = "changeCursors", "minimumActiveRowVersion", "rowVersion"
LONGEST = timedelta(days=1)  # no transaction is open for longer


@dataclass(frozen=True)
class RowVersions:
    """What the companion app tells before a read.

    Attributes:
        below: the minimum active row version.
        known: what was read before; None when nothing was, or when Business Central was restored since.
        oldest: by entity set, the moment of the oldest change that was not read. No moment: nothing changed.
    """

    below: int
    known: Read | None
    oldest: Mapping[str, datetime]

    def suffices(self, since: datetime, made_of: str, now: datetime) -> bool:
        """Whether only what changed need be read: the same fields of all since a moment were read, a day ago at most.

        What is read may have been completed from other flows, so it is read anew each day.
        """
        known = self.known
        return bool(known and known.made_of == made_of and known.since <= since and known.whole_at > now - BELIEVED)


def logs_of(reading: Reading, settings: Settings) -> dict[str, str]:
    """The app's entity set that tells the changes of each entity set."""
    names = reading.sets(settings)
    return {name: reading.logs.get(name, f"{name.removesuffix('s')}Changes") for name in names}


def look(connected: ConnectedFlow, reading: Reading, source: BusinessCentral) -> RowVersions | None:
    """Asks the app; None where it cannot tell. Raises WinbcError when Business Central does not answer."""
    companion, logs = companion_of(source, connected.settings), logs_of(reading, connected.settings)
    if not companion or not all(companion.offers.can(name) for name in (CURSORS, *logs.values())):
        return None
    (cursor,) = companion.client.get(CURSORS)
    below, known = int(cursor[MINIMUM]), last_read(connected.store, connected.staging.name)
    if not known or below < known.below:
        return RowVersions(below, None, {})
    return RowVersions(below, known, _oldest(companion.client, logs, known))


def _oldest(app: BusinessCentral, logs: Mapping[str, str], read: Read) -> dict[str, datetime]:
    """The moment of the oldest change since a read, by entity set."""
    names = list(dict.fromkeys(logs.values()))
    operations = [Operation(name, "GET", path_after(name, read, MODIFIED)) for name in names]
    told = dict(zip(names, map(moments_in, app.batch(operations)), strict=True))
    found = {name: [moment for moment in told[log] if moment] for name, log in logs.items()}
    return {name: moments[0] for name, moments in found.items() if moments}


def path_after(log: str, read: Read, order: str) -> str:
    """The path of the first row of a log that was not read, in the order of a field.

    The moment bounds what Business Central has to search: it has an index of moments.
    """
    condition = f"{ROW_VERSION} ge {read.below} and {changed_since(read.asked_at - LONGEST)}"
    return f"{log}?$filter={quote(condition)}&$orderby={order}&$top=1&$select={ROW_VERSION},{MODIFIED}"


def late(app: BusinessCentral, log_of: Mapping[str, str], read: Read) -> dict[str, datetime]:
    """By entity set, the moment of a change that was not read and is committed for good. By one call."""
    names = list(dict.fromkeys(log_of.values()))
    paths = [CURSORS, *(path_after(name, read, ROW_VERSION) for name in names)]
    cursors, *logs = app.batch([Operation(str(number), "GET", path) for number, path in enumerate(paths)])
    below = int(cursors.records[0][MINIMUM])
    told = dict(zip(names, logs, strict=True))
    changed = ((name, row) for name, log in log_of.items() for row in told[log].records)
    return {name: datetime.fromisoformat(row[MODIFIED]) for name, row in changed if int(row[ROW_VERSION]) < below}


def begins_of(told: RowVersions, connected: ConnectedFlow, reading: Reading, since: datetime) -> dict[str, datetime]:
    """From when each entity set is read, where only what changed need be.

    While a record is not done, what changed with it or after it is read again: another flow may have completed it.

    Args:
        since: nothing before this moment is read again.
    """
    again = _oldest_open(connected)
    least = max(again, since) if again else NEVER
    return {name: min(told.oldest.get(name, NEVER), least) for name in reading.sets(connected.settings)}


def _oldest_open(connected: ConnectedFlow) -> datetime | None:
    """The modification moment of the oldest record that is not done."""
    is_open = f"state IN ({', '.join(map(literal, OPEN))}) OR reason = 'DEPENDENCY'"
    with connected.store.transaction() as connection:
        create_staging(connection, connected.staging)
        ledger.create(connection)
        if not connection.execute(f"SELECT 1 FROM ledger WHERE {is_open} LIMIT 1").fetchone():
            return None
        row = connection.execute(
            f"""
            SELECT min(moment)
            FROM ({versions(connected)})
            WHERE key IN (SELECT key FROM ledger WHERE {is_open})
            """
        ).fetchone()
    moment: datetime | None = row[0] if row else None
    return moment
