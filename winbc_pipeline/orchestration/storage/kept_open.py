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

from dagster import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, text

from . import blank
from .engine import engine_of, opened, transaction
from .many_windows import ManyWindowsLog, Row
from .records import KeptOpenRuns, KeptOpenTicks

MOST_OPEN = 8  # databases of single runs, which the UI may show in any number


class KeptOpenEventLog(ManyWindowsLog, SqliteEventLogStorage):
    """Dagster's events in SQLite: one connection to each database, used by one thread at a time.

    Nothing forks a process that has it open. When the power fails, the last events may be missing, and no file is
    damaged (SQLite's documentation: `synchronous=NORMAL` with a write-ahead log).
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.opened: OrderedDict[str, Connection] = OrderedDict()
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

    def store_event(self, event: EventLogEntry) -> None:
        """Stores an event. The UI watches the file of a run: what is appended to its log only does not change it."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores events of one run."""
        super().store_event_batch(events)
        os.utime(self.path_for_shard(events[0].run_id))

    @contextmanager
    def whole(self, run: str) -> Iterator[Connection]:
        """A transaction in each of the two files of a run; that of the index is given."""
        with self.run_connection(run), self.index_connection() as connection:
            yield connection

    def insert(self, run: str, rows: Sequence[Row]) -> Sequence[int]:
        """Adds rows to the log of a run, and to the index."""
        with self.run_connection(run) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_connection() as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
            last: int = connection.execute(text("SELECT last_insert_rowid()")).scalar_one()
        return range(last - len(rows) + 1, last + 1)  # nobody else writes while this transaction does

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
