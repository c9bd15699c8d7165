"""Dagster's runs, events and ticks in a schema of the PostgreSQL server that has the state, too."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage, PostgresRunStorage
from sqlalchemy import Connection, create_engine

from ...settings import Settings, load_settings
from ...staging.server.address import has_tables, make_plain_schema
from ...staging.server.daemon import dagster_schema
from ..storage.many_windows import ManyWindowsLog, Row

TABLES = ("runs", "instance_info", "event_logs", "jobs")
"""By these Dagster tells whether it has made its tables."""
MOST = 30  # connections at once, besides the one that stays: the daemon has as many threads


class ServerEvents(ManyWindowsLog, PostgresEventLogStorage):
    """Dagster's events on the server. What is stored together is one transaction, which a thread has open."""

    def __init__(self, address: str) -> None:
        self.own = threading.local()
        super().__init__(address, should_autocreate_tables=False)  # they are there

    @contextmanager
    def whole(self, run: str) -> Iterator[Connection]:
        """The transaction. Whatever of Dagster's code this thread calls meanwhile is part of it."""
        with self.index_transaction() as connection:
            self.own.connection = connection
            try:
                yield connection
            finally:
                del self.own.connection

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        known: Connection | None = getattr(self.own, "connection", None)
        if known is not None:
            yield known
            return
        with super()._connect() as connection:
            yield connection

    def insert(self, run: str, rows: Sequence[Row]) -> Sequence[int]:
        """Adds rows to the log."""
        table = SqlEventLogStorageTable
        statement = table.insert().returning(table.c.id, sort_by_parameter_order=True)
        with self.index_connection() as connection:
            return connection.execute(statement, rows).scalars().all()


class ServerRuns(PostgresRunStorage):
    """Dagster's runs on the server. What a run's row tells is asked once: it stays so while this process lives."""

    def has_run_stats_index_cols(self) -> bool:
        """Whether a run's row says when it began and ended."""
        return self._tells_times

    def has_backfill_id_column(self) -> bool:
        """Whether a run's row names its backfill."""
        return self._tells_backfill

    @cached_property
    def _tells_times(self) -> bool:
        return super().has_run_stats_index_cols()

    @cached_property
    def _tells_backfill(self) -> bool:
        return super().has_backfill_id_column()


class ServerStorage(DagsterPostgresStorage):
    """Dagster's own storage for PostgreSQL, at the address that the settings of the working folder give.

    The password is in no file of Dagster.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        settings = load_settings()
        schema = dagster_schema(settings.connection)
        # Dagster looks for its tables by seven sessions, in each process.
        if is_new := not has_tables(settings.state.address, schema, TABLES):
            make_plain_schema(settings.state.address, schema)
        super().__init__(address_of(settings), is_new, inst_data=inst_data)
        self._run_storage = ServerRuns(self.postgres_url, should_autocreate_tables=False)
        self._event_log_storage = ServerEvents(self.postgres_url)
        # Dagster connects anew for each event. A run of years has thousands: two minutes before it even begins.
        engine = create_engine(
            self.postgres_url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=MOST, pool_pre_ping=True
        )
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = engine

    @classmethod
    def config_type(cls) -> Any:
        """It has no settings in dagster.yaml."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "ServerStorage":
        """The storage that dagster.yaml names."""
        return cls(inst_data)


def address_of(settings: Settings) -> str:
    """The address of Dagster's storage: that of the state, with the schema that its tables are in."""
    parts = urlsplit(settings.state.address)
    option = "options=" + quote(f'-csearch_path="{dagster_schema(settings.connection)}"', safe="")
    # SQLAlchemy 2.1 takes another driver by default.
    query = f"{parts.query}&{option}" if parts.query else option
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2", query=query))
