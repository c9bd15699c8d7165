"""The target as it is now: all that Winstore has, read once; and the ids of all that the target has.

Business Central finds many records by few calls, so its records are looked up while they are compared. Winstore takes a
call for each, so its records are read whole first.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

import orjson

from ... import clock
from ...staging.load import StagingTable, load
from ...staging.load import create as create_staging
from ...staging.pairs import KEYS, Pairs
from ...staging.progress import Progress
from ...staging.store import Row, insert_rows, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.dispatch import sending_of
from ...sync.part import Part
from ...sync.reading.stage import BEGINNING
from ...sync.records.target.matching import Target
from ...sync.records.target.winstore_target import Record, WinstoreRecords
from ...sync.stock.winstore_stock import WinstoreStock
from ...systems.business_central import BusinessCentral, entity_fields
from ...systems.winstore.client import as_lines
from .findings import MISSING_LEFT, ONLY_IN_TARGET
from .scratch import LISTED, Scratch, note_within

OPEN_FOR_ALL = ("", " ", "_x0020_", "false")  # values of `blocked` of a record that is not blocked


class WholeWinstore(WinstoreRecords):
    """Winstore's records from a copy that was read whole for this comparison. It only reads."""

    def __init__(self, scratch: Scratch) -> None:
        super().__init__(scratch.connected.settings)
        self.scratch, self.store = scratch, scratch.connected.store

    def table(self, entity: str) -> StagingTable:
        """The copy. Its values are texts, as Winstore gave them."""
        profile = self.winstore.profile.entity(entity)
        names = [*profile.fields, *([profile.count] if profile.count else [])]
        return StagingTable(f"copy_of_{entity}", dict.fromkeys(names, "text"), profile.key, profile.modified)

    def read(self, entity: str, since: datetime = BEGINNING) -> None:
        """Reads all records, or what changed since a moment. A killed read goes on where it stopped."""
        table, began = self.table(entity), clock.now()
        late = timedelta(minutes=self.scratch.connected.settings.overlap_minutes)
        name = entity if self.winstore.gives_in_order(entity) else ""
        progress = Progress(self.store, table.name, str(since))
        begins = progress.begin({name: since}, began, late)[name]

        def pages() -> Iterator[bytes]:
            profile = self.winstore.profile.entity(entity)
            for rows in self.winstore.changed_since(entity, begins, progress.positions.get(name, "")):
                moments = [clock.moment_of(row.get(profile.modified)) for row in rows]
                position = profile.position(rows[-1]) if profile.after and rows else ""
                progress.page(name, moments, began + self.winstore.ahead, position)
                yield as_lines(rows)

        load(self.store, table, pages(), began, progress.taken)
        progress.end(began + self.winstore.ahead)

    def read_changes(self, entity: str) -> None:
        """Reads what changed since the comparison began."""
        self.read(entity, self.scratch.began - timedelta(seconds=2))  # Winstore answers in whole seconds

    def find(
        self, entity: str, field: str, keys: Iterable[str], ignore_case: bool, select: Collection[str] = ()
    ) -> dict[str, list[Record]]:
        """Records by the values of a field, as `WinstoreRecords.find` gives them."""
        table, name = self.table(entity), self._key(entity) if field == "id" else field
        value = f"lower({quote(name)})" if ignore_case else quote(name)
        names = ", ".join(map(quote, table.fields))
        with self.store.open() as connection:
            create_staging(connection, table)
            rows = rows_of(
                connection,
                f"""
                SELECT {value} AS _found, {names}
                FROM {quote(table.name)}
                WHERE {value} IN (SELECT unnest(?::VARCHAR[]))
                """,
                [sorted({key for key in keys if key})],
            )
        found: dict[str, list[Record]] = {}
        for row in rows:
            found.setdefault(row.pop("_found"), []).append(self._record(entity, row))
        return found

    def rows(self, entity: str) -> list[Row]:
        """All records of an entity, as texts."""
        table = self.table(entity)
        with self.store.open() as connection:
            create_staging(connection, table)
            return rows_of(connection, f"SELECT {', '.join(map(quote, table.fields))} FROM {quote(table.name)}")


def opened(scratch: Scratch) -> Target:
    """The target of a flow of records, to be compared with. It is read whole first where that is the only way."""
    connected = scratch.connected
    if connected.flow.target == "bc" or connected.flow.part(connected.flow.main).owns:
        target: Target = sending_of(connected.flow).open(connected.settings)
        if isinstance(target, WinstoreStock) and not scratch.is_done("stock"):
            target.refresh(whole=True)
            scratch.note("stock")
        return target
    whole = WholeWinstore(scratch)
    for entity in sorted({part.entity_set for part in connected.parts if not part.picture}):
        if not scratch.is_done(f"copy {entity}"):
            whole.read(entity)
            scratch.note(f"copy {entity}")
    return whole


def look_again(scratch: Scratch, target: Target) -> None:
    """Brings a copy of Winstore up to date. Other targets are asked anew in any case."""
    if isinstance(target, WholeWinstore):
        for entity in sorted({part.entity_set for part in scratch.connected.parts if not part.picture}):
            target.read_changes(entity)


def list_all(scratch: Scratch, target: Target) -> None:
    """Notes the ids of all that the target has of the flow's records, where it may have some of its own."""
    for part in listed_parts(scratch.connected):
        step = f"list {part.name}"
        if scratch.is_done(step):
            continue
        if isinstance(target, WholeWinstore):
            rows = [_own(part) | {"id": each, "number": each.lower()} for each in _ids(target, part)]
            add_listed(scratch, step, rows, "", is_done=True)
        elif isinstance(target, BusinessCentral):
            for page, link in target.linked_pages(_query(part), scratch.position(step)):
                rows = [_listed(part, record) for record in orjson.loads(page)]
                add_listed(scratch, step, rows, link, is_done=not link)


def listed_parts(connected: ConnectedFlow) -> list[Part]:
    """The parts whose records are listed in the target: those that people see as records, and of each set once.

    Business Central makes contacts of customers by itself, and a figure of stock is no record.
    """
    chosen: dict[str, Part] = {}
    for part in connected.parts:
        if not (part.owns or part.picture or part.container) and (part.parent is None or part.within):
            chosen.setdefault(part.entity_set, part)
    return list(chosen.values())


def _ids(target: WholeWinstore, part: Part) -> list[str]:
    key = target.winstore.profile.entity(part.entity_set).key[0]
    return [str(row[key]) for row in target.rows(part.entity_set) if row[key]]


def _query(part: Part) -> str:
    wanted = {"id", part.match[0][0], part.within, "blocked"} & entity_fields(part.entity_set).keys()
    return f"{part.entity_set}?$select={','.join(sorted(wanted))}"


def _listed(part: Part, record: Row) -> Row:
    blocked = str(record.get("blocked", "")).lower()
    number = name_of(part, record)
    return _own(part) | {"id": record["id"], "number": number, "settled": blocked not in OPEN_FOR_ALL}


def _own(part: Part) -> Row:
    return {"part": part.name, "entity_set": part.entity_set}


def name_of(part: Part, fields: Row) -> str:
    """By what a record is known in the target, in small letters: its number, after its parent's where it has one."""
    own = str(fields.get(part.match[0][0]) or "") if part.match else ""
    return (f"{fields.get(part.within)}/{own}" if part.within and own else own).lower()


def add_listed(scratch: Scratch, step: str, rows: list[Row], position: str, is_done: bool) -> None:
    """Notes records that the target has, as rows of LISTED, and how far the step is."""
    with scratch.connected.store.transaction() as connection:
        insert_rows(connection, "listed", LISTED, rows)
        note_within(connection, step, position, is_done)


def note_unmatched(scratch: Scratch) -> None:
    """Adds the records that the target has and that stand for none of the source's: its own, and those left behind.

    A record was left behind when pairs or ledger know it as the partner of one that the source no longer gives. One
    that is blocked in Business Central is settled.
    """
    left = _left_behind(scratch)
    with scratch.connected.store.transaction() as connection:
        connection.execute("CREATE OR REPLACE TEMP TABLE left_behind AS SELECT unnest(?::VARCHAR[]) AS name", [left])
        connection.execute(f"DELETE FROM compared WHERE kind IN ('{MISSING_LEFT}', '{ONLY_IN_TARGET}')")
        connection.execute(
            f"""
            INSERT INTO compared BY NAME
            SELECT
                l.part, l.id AS key, any_value(l.number) AS number, l.id AS target_id,
                CASE WHEN bool_or(b.name IS NOT NULL) THEN '{MISSING_LEFT}' ELSE '{ONLY_IN_TARGET}' END AS kind
            FROM listed AS l
            LEFT JOIN left_behind AS b ON b.name IN (l.id, l.number)
            WHERE NOT EXISTS (FROM partner AS p WHERE p.entity_set = l.entity_set AND p.id = l.id)
            AND NOT EXISTS (FROM partner AS p WHERE p.entity_set = l.entity_set AND p.number = l.number)
            AND NOT (b.name IS NOT NULL AND coalesce(l.settled, false))
            GROUP BY l.part, l.id
            """
        )


def _left_behind(scratch: Scratch) -> list[str]:
    """The ids of all records of the target that pairs or ledger know as somebody's partner, and their references."""
    flow = scratch.connected.flow
    with scratch.connected.store.open() as connection:
        found = connection.execute("SELECT target_id FROM ledger UNION SELECT lower(reference) FROM ledger").fetchall()
    if flow.pairs:
        with Pairs(scratch.connected.settings, flow.pairs).opened() as connection:
            found += connection.execute(f"SELECT DISTINCT {quote(KEYS[flow.target])} FROM pair").fetchall()
    return sorted({str(each) for (each,) in found if each})
