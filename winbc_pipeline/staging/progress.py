"""How far the loads of a staging table came: when the last whole one began, and what a killed one has taken.

Here belongs: what the next load may leave out. It may only where the source gives records in the order of their
modification: then everything before the newest committed record is there. What came in another order is never noted.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import duckdb

from .people.personal import PersonalTable, nothing
from .server.instances import is_server
from .sql import with_key
from .store import Store

TABLES = (
    "CREATE TABLE IF NOT EXISTS last_load (name VARCHAR, asked_at TIMESTAMPTZ)",
    """
    CREATE TABLE IF NOT EXISTS load_progress (
        name VARCHAR,
        source VARCHAR,
        made_of VARCHAR,
        since TIMESTAMPTZ,
        up_to TIMESTAMPTZ,
        asked_at TIMESTAMPTZ,
        began_at TIMESTAMPTZ,
        position VARCHAR
    )""",
)
TABLES_ON_SERVER = (with_key(TABLES[0], "name"), with_key(TABLES[1], "name, source"))
BELIEVED = timedelta(days=1)  # an older note may have missed what was committed late


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables where they are missing."""
    for statement in TABLES_ON_SERVER if is_server(connection) else TABLES:
        connection.execute(statement)


def last_asked(store: Store, name: str, wait_s: float | None = None) -> datetime | None:
    """When the last whole load of a staging table asked its source, by the source's clock; None before the first.

    Args:
        wait_s: seconds to wait for the database; None: as the store says.
    """
    with store.open(wait_s) as connection:
        return last_asked_within(connection, name)


def last_asked_within(connection: duckdb.DuckDBPyConnection, name: str) -> datetime | None:
    """The same as `last_asked`, inside a connection that the caller has opened."""
    create(connection)
    row = connection.execute("SELECT max(asked_at) FROM last_load WHERE name = ?", [name]).fetchone()
    moment: datetime | None = row[0] if row else None
    return moment


class Progress:
    """The notes of one load. `page` may be called by another thread than the rest.

    Args:
        name: the staging table.
        made_of: what decides which fields and records are read. The note of a load that was made of something else is
            not believed.
    """

    def __init__(self, store: Store, name: str, made_of: str) -> None:
        self.store, self.name, self.made_of = store, name, made_of
        self.oldest: dict[str, datetime] = {}  # by source: the first moment of this load
        self.newest: dict[str, datetime] = {}  # by source, as long as it keeps the order
        self.positions: dict[str, str] = {}  # by source: of the last record that a killed load has taken
        self.disordered: set[str] = set()
        self.marks: list[tuple[str, datetime | None, datetime, str] | None] = []  # one for each page
        self.noted = 0
        self.began: datetime | None = None

    def begin(self, wanted: Mapping[str, datetime], now: datetime, late: timedelta) -> dict[str, datetime]:
        """From when to read each source: where a killed load has stopped, or from the wanted moment.

        Args:
            wanted: the moments by name of the source. A source is what comes in one order, such as an entity set.
            now: the moment at which the load begins, by our clock.
            late: how late a source may commit a change. What changed so shortly before a load asked is read again.
        """
        self.began = now
        with self.store.transaction() as connection:
            create(connection)
            return {source: self._begin(connection, source, since, now, late) for source, since in wanted.items()}

    def _begin(
        self, connection: duckdb.DuckDBPyConnection, source: str, since: datetime, now: datetime, late: timedelta
    ) -> datetime:
        row = connection.execute(
            """
            SELECT
                since,
                least(up_to, asked_at - $1::INTERVAL),
                CASE WHEN up_to <= asked_at - $1::INTERVAL THEN position END
            FROM load_progress
            WHERE name = $2 AND source = $3 AND made_of = $4 AND up_to IS NOT NULL AND began_at > $5
            """,
            [late, self.name, source, self.made_of, now - BELIEVED],
        ).fetchone()
        if row and row[0] <= since < row[1]:
            reached: datetime = row[1]
            self.positions[source] = row[2] or ""
            return reached
        connection.execute("DELETE FROM load_progress WHERE name = ? AND source = ?", [self.name, source])
        note = [self.name, source, self.made_of, since]
        connection.execute("INSERT INTO load_progress VALUES (?, ?, ?, ?, NULL, NULL, NULL, NULL)", note)
        return since

    def page(self, source: str, moments: Collection[datetime | None], asked_at: datetime, position: str = "") -> None:
        """Takes down a page, before it is handed to the load. Every page of the load is taken down.

        Args:
            source: what the page is of; empty for what does not come in the order of modification.
            moments: the modification moments of its records, as they come.
            asked_at: when this load first asked, by the source's clock.
            position: where the last of its records stands in the order of the source; empty if the source knows none.
        """
        known = [moment for moment in moments if moment]
        last = self.newest.get(source)
        if len(known) < len(moments) or known != sorted(known) or (known and last and known[0] < last):
            self.disordered.add(source)
        if not source or not known:
            self.marks.append(None)
            return
        self.oldest.setdefault(source, known[0])
        self.newest[source] = known[-1]
        self.marks.append((source, None if source in self.disordered else known[-1], asked_at, position))

    def taken(self, connection: duckdb.DuckDBPyConnection, pages: int) -> None:
        """Notes, in the transaction that loads them, how far the load has come with so many pages."""
        for mark in self.marks[self.noted : pages]:
            if mark:
                source, up_to, asked_at, position = mark
                connection.execute(
                    """
                    UPDATE load_progress SET up_to = ?, asked_at = ?, began_at = ?, position = ?
                    WHERE name = ? AND source = ?
                    """,
                    [up_to, asked_at, self.began, position, self.name, source],
                )
        self.noted = pages

    def reached(self) -> tuple[datetime | None, datetime | None]:
        """The modification moments of the first and the last record that this load has taken.

        None for both where that tells nothing of how far it is: the records come from several sources, or in no order.
        """
        moments = [mark[1] for mark in self.marks[: self.noted] if mark]
        if len(self.oldest) != 1 or self.disordered or not moments:
            return None, None
        return next(iter(self.oldest.values())), moments[-1]

    def end(self, asked_at: datetime, is_whole: bool = True) -> None:
        """Notes that the load is done.

        Args:
            asked_at: when it first asked, by the source's clock.
            is_whole: whether it has read all since its moment. What a killed load has taken still counts where not.
        """
        with self.store.transaction() as connection:
            create(connection)
            if is_whole:
                connection.execute("DELETE FROM load_progress WHERE name = ?", [self.name])
            connection.execute("DELETE FROM last_load WHERE name = ?", [self.name])
            connection.execute("INSERT INTO last_load VALUES (?, ?)", [self.name, asked_at])


PERSONAL = (PersonalTable("load_progress", "texts", {"position": ""}), *nothing("last_load"))
"""What these tables hold of people (staging/people/personal.py)."""
