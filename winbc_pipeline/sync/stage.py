"""Asks the source what changed and stages it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from .. import clock
from ..mapping.tables import read_table
from ..staging.load import load
from ..systems.business_central import BusinessCentral
from ..systems.winstore import Winstore, load_profile
from ..systems.winstore.client import as_lines
from . import read_bc
from .connected import ConnectedFlow
from .flow import Reading


def stage(connected: ConnectedFlow, first: date, now: datetime | None = None) -> int:
    """Stages everything that changed since the beginning of a window (UTC); returns how many records were read.

    Winstore only answers "changed since". Records of later windows come along and wait in their own window.
    """
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    flow = connected.flow
    if flow.reading:
        return _stage_bc(connected, flow.reading, since, now or clock.now())
    source = Winstore(connected.settings)
    try:

        def pages() -> Iterator[bytes]:
            for rows in source.changed_since(flow.entity, since):
                yield as_lines(rows)

        return load(connected.store, connected.staging, pages(), now or clock.now())
    finally:
        source.close()


def _stage_bc(connected: ConnectedFlow, reading: Reading, since: datetime, now: datetime) -> int:
    """Looks back over the overlap too: BC may commit a change late, and rounds moments (behaviour.md section 7)."""
    settings = connected.settings
    source = BusinessCentral(settings)
    try:
        since -= timedelta(minutes=settings.overlap_minutes, milliseconds=50)
        rows = reading.rows(settings, source, since, fields_wanted(connected))
        return load(connected.store, connected.staging, map(read_bc.as_lines, rows), now)
    finally:
        source.close()


def fields_wanted(connected: ConnectedFlow) -> frozenset[str]:
    """Names of the source's fields that stand in a formula of the flow's tables: no other field is asked for."""
    tables = [read_table(connected.table_folder / part.table) for part in connected.flow.parts]
    words = re.findall(r"\w+", " ".join(line.source for table in tables for line in table.lines))
    return frozenset(words) & frozenset(connected.source_fields)


def newest_change(connected: ConnectedFlow, since: datetime) -> tuple[datetime | None, date | None]:
    """The newest modification moment after `since`, and the day (UTC) of the oldest one after it."""
    flow, settings = connected.flow, connected.settings
    if flow.reading:
        business_central = BusinessCentral(settings)
        try:
            return read_bc.newest_change(business_central, flow.reading.sets(settings), since)
        finally:
            business_central.close()
    modified = load_profile(settings.winstore.profile).entity(flow.entity).modified
    source = Winstore(settings)
    moments = []
    try:
        for rows in source.changed_since(flow.entity, since):
            for row in rows:
                moment = datetime.fromisoformat(row[modified]) if row.get(modified) else None
                if moment and moment > since:
                    moments.append(moment.astimezone(UTC))
    finally:
        source.close()
    return (max(moments), min(moments).date()) if moments else (None, None)
