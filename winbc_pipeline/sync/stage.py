"""Asks the source what changed, and stages it."""

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
from .guards.source import check_whole_read


def stage(connected: ConnectedFlow, first: date, now: datetime | None = None) -> int:
    """Stages everything that changed since the beginning of a day (UTC); returns how many records were read.

    A source only answers "changed since". Records of later windows are staged too, each in its own window.

    Args:
        first: first day of the windows.
        now: the moment of reading; None for the present one. Records without a modification moment belong to it.

    Raises: SourceShrank when a whole read gave less than half of the last one.
    """
    connected.check_on()
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    reading, moment = connected.flow.reading, now or clock.now()
    read = _stage_bc(connected, reading, since, moment) if reading else _stage_winstore(connected, since, moment)
    check_whole_read(connected, first, read)
    return read


def _stage_winstore(connected: ConnectedFlow, since: datetime, now: datetime) -> int:
    source = Winstore(connected.settings)
    try:

        def pages() -> Iterator[bytes]:
            for rows in source.changed_since(connected.flow.entity, since):
                yield as_lines(rows)

        return load(connected.store, connected.staging, pages(), now)
    finally:
        source.close()


def _stage_bc(connected: ConnectedFlow, reading: Reading, since: datetime, now: datetime) -> int:
    settings = connected.settings
    # BC may commit a change late, and rounds its moments (behaviour.md section 7).
    overlap = timedelta(minutes=settings.overlap_minutes, milliseconds=50)
    source = BusinessCentral(settings)
    try:
        rows = reading.rows(settings, source, since - overlap, fields_wanted(connected))
        return load(connected.store, connected.staging, map(read_bc.as_lines, rows), now)
    finally:
        source.close()


def fields_wanted(connected: ConnectedFlow) -> frozenset[str]:
    """Names of the source's fields that stand in a formula of the flow's tables, or in a condition of its parts.

    Other fields are not asked for.
    """
    tables = [read_table(connected.table_folder / part.table) for part in connected.flow.parts]
    formulas = [line.source for table in tables for line in table.lines]
    formulas += [condition for part in connected.flow.parts for condition, _ in part.skip]
    words = re.findall(r"\w+", " ".join(formulas))
    return frozenset(words) & frozenset(connected.source_fields)


def newest_change(connected: ConnectedFlow, since: datetime) -> tuple[datetime | None, date | None]:
    """The newest modification moment after `since`, and the day (UTC) of the oldest one; (None, None) for no change."""
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
