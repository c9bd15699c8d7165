"""Dagster's SQLite storage with its databases kept open: here those of events; runs and ticks: records.py.

Dagster opens and closes a database four times for each event, and waits for the disk each time. A window has a dozen
events, so a run over years would spend nearly all its time there. The files, their tables and their places are
Dagster's own: whoever takes this storage out of dagster.yaml has the same history.

Dagster has no public class to derive from. A test holds the names that are used of its inside.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dagster import DagsterEventType, EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, text

from . import blank
from .engine import engine_of, opened, transaction
from .many_windows import Stored, rows_of_event, store_checks
from .records import KeptOpenRuns, KeptOpenTicks

PLANNED = DagsterEventType.ASSET_MATERIALIZATION_PLANNED
AT_ONCE = "DAGSTER_EVENT_BATCH_SIZE"
MOST_OPEN = 8  # databases of single runs, which the UI may show in any number


class KeptOpenEventLog(SqliteEventLogStorage):
    """Dagster's events in SQLite: one connection to each database, used by one thread at a time.

    Nothing forks a process that has it open. When the power fails, the last events may be missing, and no file is
    damaged (SQLite's documentation: `synchronous=NORMAL` with a write-ahead log).
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.opened: OrderedDict[str, Connection] = OrderedDict()
        self.columns: dict[str, bool] = {}
        self.tables: dict[str, bool] = {}
        # Dagster gives events of many windows together only where this says so, and reads it for each event.
        os.environ.setdefault(AT_ONCE, "500")
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # type: ignore[assignment] # a transaction may lie in another one

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction in a database: `index`, or that of a run. Inside of one of this thread it is the same one."""
        with (
            self._db_lock,
            transaction(self._open(shard), lambda: self.opened.pop(shard).close()) as connection,
        ):
            yield connection

    def _open(self, shard: str) -> Connection:
        if shard not in self.opened:
            self.opened[shard] = self._connection(shard)
        self.opened.move_to_end(shard)
        runs = [name for name in self.opened if name != INDEX_SHARD_NAME]
        for name in runs[:-MOST_OPEN]:
            self.opened.pop(name).close()
        return self.opened[shard]

    def _connection(self, shard: str) -> Connection:
        path = self.path_for_shard(shard)
        if shard not in self._initialized_dbs:
            if not blank.copied(path):
                with engine_of(path) as engine:
                    self._initdb(engine)
                if shard != INDEX_SHARD_NAME:
                    blank.remember(path)
            self._initialized_dbs.add(shard)
        connection = opened(path)
        connection.execute(text("PRAGMA synchronous=NORMAL"))
        connection.commit()
        return connection

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Whether a table has a column. It stays so while this process lives, and is asked for each event."""
        if column_name not in self.columns:
            self.columns[column_name] = super()._has_asset_key_col_on_connection(conn, column_name)
        return self.columns[column_name]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table. Once it has, it stays so."""
        if not self.tables.get(table_name):
            self.tables[table_name] = super().has_table(table_name)
        return self.tables[table_name]

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Dagster then plans all windows of a layer by one event. It is stored as one row for each, as always."""
        return True

    def store_event(self, event: EventLogEntry) -> None:
        """Stores an event. The UI watches the file of a run: what is appended to its log only does not change it."""
        if event.dagster_event_type == PLANNED:
            self.store_event_batch([event])
            return
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores events of one run by one transaction in each of the two files.

        A batch holds the events of many windows: what is planned, what a layer made, the results of its checks.
        """
        of_assets = [event for event in events if event.dagster_event_type in ASSET_EVENTS]
        of_checks = [event for event in events if event.dagster_event_type not in ASSET_EVENTS]
        (run,) = {event.run_id for event in events}
        with self.run_connection(run), self.index_connection() as connection:
            self._store_assets(connection, self._stored(run, of_assets))
            store_checks(connection, self._stored(run, of_checks), self.store_asset_check_event)
        os.utime(self.path_for_shard(run))

    def _stored(self, run: str, events: Sequence[EventLogEntry]) -> list[Stored]:
        """Stores the rows of events in both files."""
        pairs = [(event, row) for event in events for row in rows_of_event(event, self._event_to_row)]
        if not pairs:
            return []
        rows = [row for _, row in pairs]
        with self.run_connection(run) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_connection() as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
            last: int = connection.execute(text("SELECT last_insert_rowid()")).scalar_one()
        first = last - len(rows) + 1  # nobody else writes while this transaction does
        return [Stored(event, row, number) for number, (event, row) in enumerate(pairs, first)]

    def _store_assets(self, connection: Connection, stored: Sequence[Stored]) -> None:
        made = [each for each in stored if each.event.dagster_event_type != PLANNED]
        self._store_asset_event_tags(connection, [each.event for each in made], [each.number for each in made])
        newest = {  # of each asset the last event of a kind counts
            (each.row["asset_key"], each.row["dagster_event_type"]): each for each in stored
        }
        for each in newest.values():
            self._store_asset_event(connection, each.event, each.number)

    def dispose(self) -> None:
        """Closes what is open."""
        super().dispose()
        with self._db_lock:
            while self.opened:
                self.opened.popitem()[1].close()


class KeptOpenStorage(DagsterSqliteStorage):
    """Dagster's storage on one machine; `base_dir` is DAGSTER_HOME, as where no storage is named."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = KeptOpenRuns(self._run_storage._conn_string)
        self._schedule_storage = KeptOpenTicks(self._schedule_storage._conn_string)
        self._event_log_storage = KeptOpenEventLog(os.path.join(base_dir, "history", "runs", ""))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "KeptOpenStorage":
        """The storage that dagster.yaml describes."""
        return cls.from_local(inst_data=inst_data, **config_value)
