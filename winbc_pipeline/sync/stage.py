"""Asks the source what changed and stages it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from .. import clock
from ..settings import Settings
from ..staging.load import StagingTable, load
from ..staging.store import Store
from ..systems.business_central import BusinessCentral
from ..systems.winstore import Winstore, load_profile
from ..systems.winstore.client import as_lines
from . import read_bc
from .flow import Flow, Reading


def staging_table(flow: Flow, settings: Settings) -> StagingTable:
    """The staging table of a flow, as Winstore's profile or BC's facts describe the source."""
    if flow.reading:
        return read_bc.staging_table(flow, flow.reading, read_bc.source_kinds(flow))
    profile = load_profile(settings.winstore.profile).entity(flow.entity)
    fields: dict[str, str] = dict(profile.fields)
    if profile.count:
        fields[profile.count] = "decimal"
    group = profile.parent_key or "" if profile.explode else ""
    return StagingTable(f"staging_{flow.staging}", fields, profile.key, profile.modified, group)


def stage(flow: Flow, settings: Settings, first: date, now: datetime | None = None) -> int:
    """Stages everything that changed since the beginning of a window (UTC); returns how many records were read.

    Winstore only answers "changed since"; records of later windows come along and wait in their own window.
    """
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    if flow.reading:
        return _stage_bc(flow, flow.reading, settings, since, now or clock.now())
    store = flow_store(flow, settings)
    source = Winstore(settings)
    try:

        def pages() -> Iterator[bytes]:
            for rows in source.changed_since(flow.entity, since):
                yield as_lines(rows)

        return load(store, staging_table(flow, settings), pages(), now or clock.now())
    finally:
        source.close()


def _stage_bc(flow: Flow, reading: Reading, settings: Settings, since: datetime, now: datetime) -> int:
    """Looks back over the overlap too: BC may commit a change late, and rounds moments (behaviour.md section 7)."""
    source = BusinessCentral(settings)
    try:
        since -= timedelta(minutes=settings.overlap_minutes, milliseconds=50)
        rows = reading.rows(settings, source, since, read_bc.wanted(flow, settings))
        return load(flow_store(flow, settings), staging_table(flow, settings), map(read_bc.as_lines, rows), now)
    finally:
        source.close()


def newest_change(flow: Flow, settings: Settings, since: datetime) -> tuple[datetime | None, date | None]:
    """The newest modification moment after `since`, and the first window that holds such a change."""
    if flow.reading:
        books = BusinessCentral(settings)
        try:
            return read_bc.newest_change(books, flow.reading.sets(settings), since)
        finally:
            books.close()
    profile = load_profile(settings.winstore.profile).entity(flow.entity)
    source = Winstore(settings)
    moments = []
    try:
        for rows in source.changed_since(flow.entity, since):
            for row in rows:
                moment = datetime.fromisoformat(row[profile.modified]) if row.get(profile.modified) else None
                if moment and moment > since:
                    moments.append(moment.astimezone(UTC))
    finally:
        source.close()
    return (max(moments), min(moments).date()) if moments else (None, None)


def flow_store(flow: Flow, settings: Settings) -> Store:
    """The database of a flow."""
    return Store(settings.flow_database(flow.id), settings.memory_limit_mb)
