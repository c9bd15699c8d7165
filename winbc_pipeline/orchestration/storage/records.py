"""Dagster's runs and ticks in SQLite: one connection to each file stays open, and what cannot change is asked once.

Dagster opens and closes a file for each question, asks before it which tables and columns there are, and deletes old
ticks after each tick. That was most of what the daemon did while nothing happened.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from sqlalchemy import Connection, make_url

from .engine import opened, transaction

PURGED_EVERY_S = 3600


class KeptFile:
    """A connection to one file, used by one thread at a time. Nothing forks a process that has it open."""

    def __init__(self, url: str) -> None:
        path = make_url(url).database
        assert path  # noqa: S101 - Dagster names a file
        self.path = path
        self.lock = threading.RLock()
        self.connection: Connection | None = None
        self.known: set[str] = set()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction; inside of one of this thread it is the same one."""
        with self.lock:
            if self.connection is None:
                self.connection = opened(self.path)
            with transaction(self.connection, self.close) as connection:
                yield connection

    def once(self, name: str, ask: Callable[[], bool]) -> bool:
        """What a file has it keeps while this process lives, so it is asked until the answer is yes."""
        if name not in self.known and ask():
            self.known.add(name)
        return name in self.known

    def close(self) -> None:
        """Closes it. The next transaction opens it again."""
        with self.lock:
            if self.connection is not None:
                self.connection.close()
            self.connection = None


class KeptOpenRuns(SqliteRunStorage):
    """Dagster's runs."""

    def __init__(self, url: str) -> None:
        self.file = KeptFile(url)
        super().__init__(url)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction in the database."""
        with self.file.transaction() as connection:
            yield connection

    def has_built_index(self, migration_name: str) -> bool:
        """Whether a migration of Dagster was made."""
        return self.file.once(migration_name, lambda: super(KeptOpenRuns, self).has_built_index(migration_name))

    def has_run_stats_index_cols(self) -> bool:
        """Whether a run's row says when it began and ended."""
        return self.file.once("run_stats", super().has_run_stats_index_cols)

    def has_backfill_id_column(self) -> bool:
        """Whether a run's row names its backfill."""
        return self.file.once("backfill_id", super().has_backfill_id_column)

    def dispose(self) -> None:
        """Closes what is open."""
        super().dispose()
        self.file.close()


class KeptOpenTicks(SqliteScheduleStorage):
    """Dagster's sensors, schedules and their ticks."""

    def __init__(self, url: str) -> None:
        self.file = KeptFile(url)
        self.purged: dict[tuple[str, str], float] = {}
        super().__init__(url)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction in the database."""
        with self.file.transaction() as connection:
            yield connection

    def has_instigators_table(self) -> bool:
        """Whether sensors and schedules have a table of their own."""
        return self.file.once("instigators", super().has_instigators_table)

    def _has_instigators_table(self, conn: Connection) -> bool:
        return self.file.once("instigators", lambda: super(KeptOpenTicks, self)._has_instigators_table(conn))

    def has_built_index(self, migration_name: str) -> bool:
        """Whether a migration of Dagster was made."""
        return self.file.once(migration_name, lambda: super(KeptOpenTicks, self).has_built_index(migration_name))

    def purge_ticks(
        self, origin_id: str, selector_id: str, before: float, tick_statuses: Sequence[TickStatus] | None = None
    ) -> None:
        """Deletes old ticks of a sensor, once an hour. Dagster asks for it after each tick."""
        which = (selector_id, ",".join(sorted(status.value for status in tick_statuses or ())))
        now = time.monotonic()
        if now - self.purged.get(which, -PURGED_EVERY_S) >= PURGED_EVERY_S:
            super().purge_ticks(origin_id, selector_id, before, tick_statuses)
            self.purged[which] = now

    def dispose(self) -> None:
        """Closes what is open."""
        super().dispose()
        self.file.close()
