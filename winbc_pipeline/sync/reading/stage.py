"""Asks the source what changed, and stages it."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from ... import clock
from ...staging.gather import last_whole, note_whole, put_together
from ...staging.gone import create as create_notes
from ...staging.gone import note_absent
from ...staging.holes import close_holes
from ...staging.load import create, load
from ...staging.notes import polls
from ...staging.progress import Progress
from ...staging.row_versions import Read, begun, note_read
from ...staging.spool import COMMIT_S
from ...systems.business_central import BusinessCentral
from ...systems.winstore import Winstore
from ...systems.winstore.client import as_lines
from ..connected import ConnectedFlow
from ..flow import Reading
from ..guards.source import check_whole_read
from ..session import lease_of_layer
from . import read_bc, row_versions
from .time_left import Told, in_words, silent

NOTED_S = 5  # between two notes that the source answers
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # before any change that a source may know
ROUNDING = timedelta(milliseconds=50)  # BC rounds its moments (behaviour.md section 7)


@dataclass(frozen=True)
class Staged:
    """How many records were read, and whether these are all since the wanted moment: a resumed load reads the rest.

    Attributes:
        note: what is known to be read once nobody refuses it; None where no row version is known.
    """

    read: int
    whole: bool
    note: Read | None = None


def stage(
    connected: ConnectedFlow,
    first: date,
    now: datetime | None = None,
    told: Told = silent,
    whole: bool = False,
) -> int:
    """Stages everything that changed since the beginning of a day (UTC); returns how many records were read.

    A source only answers "changed since". Records of later windows are staged too, each in its own window. What a
    killed load of the same records has staged is not read again.

    Args:
        first: first day of the windows.
        now: the moment of reading; None for the present one. Records without a modification moment belong to it.
        told: is told every few seconds of a long read how far it is.
        whole: whether to read everything there is, in a flow whose records are made of several rows.
    """
    connected.check_on()
    with lease_of_layer(connected):
        return _stage(connected, first, now or clock.now(), told, whole)


def _stage(connected: ConnectedFlow, first: date, moment: datetime, told: Told, whole: bool) -> int:
    gather = connected.flow.gather
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    if gather and (whole or _must_be_whole(connected, first)):
        first, since = BEGINNING.date(), BEGINNING
    reading = connected.flow.reading
    if reading:
        staged = _stage_bc(connected, reading, since, moment, told, whole or since == BEGINNING)
    else:
        staged = _stage_winstore(connected, since, moment, told)
    if staged.whole:
        check_whole_read(connected, first, staged.read)
        _note_absent(connected, since, moment)
    if staged.note:  # a read that was refused is made again
        note_read(connected.store, connected.staging.name, staged.note)
    if gather:
        if since == BEGINNING:
            note_whole(connected.store, connected.loaded.name, moment)
        gather_records(connected, moment)
    return staged.read


def _must_be_whole(connected: ConnectedFlow, first: date) -> bool:
    """Whether records of several rows may lack some: nobody has read everything yet, or a run wants all there is."""
    return first <= connected.settings.history_start or last_whole(connected.store, connected.loaded.name) is None


def gather_records(connected: ConnectedFlow, now: datetime) -> None:
    """Makes the records of a flow of the rows that were read, by the present rules."""
    gather, rows = connected.flow.gather, connected.loaded
    if not gather:
        return
    known = gather.asks(connected.settings)
    with connected.store.transaction() as connection:  # only its end lets go of what the old rows keep in memory
        create(connection, rows)
        close_holes(connection, rows.name)
    with connected.store.transaction() as connection:
        create_notes(connection, rows.name)
        gather.prepare(connection, connected.settings, known)
        select = gather.select(connected.settings, rows.name)
        keep, parts = gather.keep(connected.settings), gather.parts(rows.name)
        put_together(connection, connected.staging, parts, select, now, keep)


def _note_absent(connected: ConnectedFlow, since: datetime, now: datetime) -> None:
    """Notes what a read since the start of history did not give, if anybody asks for it. Other reads cannot tell."""
    table = connected.loaded
    if table.watched and since.date() <= connected.settings.history_start:
        note_absent(connected.store, table.name, table.group, table.modified, since, now.date())


def _stage_winstore(connected: ConnectedFlow, since: datetime, now: datetime, told: Told) -> Staged:
    entity, staging, settings = connected.flow.entity, connected.loaded, connected.settings
    progress, began, answered = _progress(connected, frozenset()), clock.now(), _noting(connected)
    source = Winstore(settings)
    name = entity if source.gives_in_order(entity) else ""
    try:
        begins = progress.begin({name: since}, began, timedelta(minutes=settings.overlap_minutes))[name]

        def pages() -> Iterator[bytes]:
            profile = source.profile.entity(entity)
            for rows in source.changed_since(entity, begins, progress.positions.get(name, "")):
                moments = [clock.moment_of(row.get(staging.modified)) for row in rows]
                position = profile.position(rows[-1]) if profile.after and rows else ""
                progress.page(name, moments, began + source.ahead, position)
                answered()
                yield as_lines(rows)

        loaded = _telling(progress, now, told)
        read = load(connected.store, staging, pages(), now, progress.taken, loaded=loaded)
        progress.end(began + source.ahead)
        answered()
        return Staged(read, begins <= since)
    finally:
        source.close()


def _stage_bc(
    connected: ConnectedFlow, reading: Reading, since: datetime, now: datetime, told: Told, everything: bool
) -> Staged:
    settings, wanted = connected.settings, fields_wanted(connected)
    progress, began, answered = _progress(connected, wanted), clock.now(), _noting(connected)
    source = BusinessCentral(settings)
    try:
        beginning = _beginning(connected, reading, source, progress, since, began, everything)
        begins = {
            name: moment if moment == read_bc.NEVER else moment - ROUNDING for name, moment in beginning.begins.items()
        }

        def pages() -> Iterator[bytes]:
            for name, rows in reading.rows(settings, connected.store, source, begins, wanted):
                moments = [clock.moment_of(row.get(read_bc.MODIFIED)) for row in rows]
                # Only a read of all since a moment can be continued at another one.
                progress.page(name if beginning.by_moments else "", moments, began + source.ahead)
                answered()
                yield read_bc.as_lines(rows)

        loaded = _telling(progress, now, told)
        read = load(connected.store, connected.loaded, pages(), now, progress.taken, loaded=loaded)
        reading.note_staged(connected.store)
        progress.end(began + source.ahead, beginning.by_moments)
        answered()
        note = replace(beginning.note, asked_at=began + source.ahead) if beginning.note else None
        return Staged(read, all(moment <= since for moment in begins.values()), note)
    finally:
        source.close()


@dataclass(frozen=True)
class _Beginning:
    """Where a read of Business Central begins.

    Attributes:
        begins: from when each entity set is read.
        by_moments: whether all since a moment is read; else what changed by row versions.
        note: what is read when all of it is staged; None where no row version is known.
    """

    begins: dict[str, datetime]
    by_moments: bool
    note: Read | None


def _beginning(
    connected: ConnectedFlow,
    reading: Reading,
    source: BusinessCentral,
    progress: Progress,
    since: datetime,
    began: datetime,
    everything: bool,
) -> _Beginning:
    overlap = timedelta(minutes=connected.settings.overlap_minutes)  # BC may commit late (behaviour.md section 7)
    found = row_versions.look(connected, reading, source)
    now, known = began + source.ahead, found.known if found else None
    if found and known and not everything and found.suffices(since, progress.made_of, now):
        note = replace(known, below=found.below)
        return _Beginning(row_versions.begins_of(found, connected, reading, since - overlap), False, note)
    whole = dict.fromkeys(reading.sets(connected.settings), since - overlap)
    begins = progress.begin(whole, began, overlap)
    below = begun(connected.store, progress.name, found.below, begins != whole) if found else None
    if found and known:  # what was committed late may be older than what is read by moments
        begins = {name: min(moment, found.oldest.get(name, moment)) for name, moment in begins.items()}
        below = found.below
    return _Beginning(begins, True, Read(below, since, progress.made_of, now, now) if found and below else None)


def _noting(connected: ConnectedFlow) -> Callable[[], None]:
    """What notes that the source answers, every few seconds of a long read: nothing else asks it meanwhile."""
    noted = float("-inf")

    def answered() -> None:
        nonlocal noted
        if time.monotonic() - noted >= NOTED_S:
            noted = time.monotonic()
            polls.answered(connected.settings, connected.flow.id)

    return answered


def _telling(progress: Progress, now: datetime, told: Told) -> Callable[[int], None]:
    """What tells how far a read is, once it takes long: it is called with the number of records that are staged."""
    began = time.monotonic()

    def tell(read: int) -> None:
        seconds = time.monotonic() - began
        if seconds >= COMMIT_S:
            told(in_words(read, seconds, *progress.reached(), now))

    return tell


def _progress(connected: ConnectedFlow, wanted: frozenset[str]) -> Progress:
    """The notes of a load. With other settings, or other fields, a killed load is not continued."""
    made_of = f"{connected.settings.model_dump_json()} {connected.staging} {sorted(wanted)}"
    return Progress(connected.store, connected.staging.name, hashlib.sha256(made_of.encode()).hexdigest())


def fields_wanted(connected: ConnectedFlow) -> frozenset[str]:
    """Names of the source's fields that stand in a formula of the flow's tables, or in a condition of its parts.

    Other fields are not asked for.
    """
    tables = [connected.table(part) for part in connected.parts_with_tables]
    formulas = [line.source for table in tables for line in table.lines]
    formulas += [condition for part in connected.flow.parts for condition, _ in part.skip]
    words = re.findall(r"\w+", " ".join(formulas))
    return frozenset(words) & frozenset(connected.source_fields)
