"""Which item ledger entries were read, by their numbers: their moments are not enough.

A long posting commits entries whose moment is older than what was read meanwhile. With concurrent posting, numbers come
out of order and have gaps (both: extension.md section 3.3, inferred). So every number above the greatest one that was
read counts as unread, and so do the gaps shortly below it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ... import clock
from ...staging.store import Store, create_table, insert_rows
from ...sync.reading.read_bc import MODIFIED, changed
from ...systems.business_central import BusinessCentral

ENTRIES, TABLE = "itemLedgerEntries", "stock_entry"
SEEN = {"number": "BIGINT", "staged": "BOOLEAN"}
RECENT = 1000  # numbers below the greatest one in which a gap may still be filled
GAPS = 40  # the newest of these gaps, which one call can ask for


def read(store: Store, source: BusinessCentral, since: datetime | None) -> dict[str, datetime | None]:
    """The numbers of the items that entries moved, with the newest moment; None for what only a number showed.

    What was read is taken down, and counts from `note_staged` on.

    Args:
        store: the database that is staged into, which has the notes.
        since: a moment of Business Central; None when all items are read anyway.
    """
    moments: dict[str, datetime | None] = {}
    numbers: set[int] = set()
    for record in _changed(source, since) if since else ():
        number = record["itemNumber"]
        moments[number] = clock.newest(clock.moment_of(record[MODIFIED]), moments.get(number))
        numbers.add(record["entryNumber"])
    known = _numbers(store)
    where = f"$filter={_unread(known)}" if known else "$orderby=entryNumber%20desc&$top=1"
    for record in source.get(f"{ENTRIES}?{where}&$select=itemNumber,entryNumber"):
        moments.setdefault(record["itemNumber"], None)
        numbers.add(record["entryNumber"])
    _take_down(store, numbers)
    return moments


def _changed(source: BusinessCentral, since: datetime) -> Iterator[dict[str, Any]]:
    for page in changed(source, ENTRIES, since, "", f"$select=itemNumber,entryNumber,{MODIFIED}"):
        yield from page


def unread(store: Store) -> list[str]:
    """The path that gives an entry nobody has read yet, if there is one. No path before the first read.

    Raises: StoreBusy when a run has the database open.
    """
    known = _numbers(store, wait_s=0)
    return [f"{ENTRIES}?$filter={quote(_unread(known))}&$select=entryNumber&$top=1"] if known else []


def _unread(known: set[int]) -> str:
    """The filter on the numbers that were not read. `or` is taken over one field only (behaviour.md section 5)."""
    greatest = max(known)
    gaps = [number for number in range(greatest, max(min(known), greatest - RECENT), -1) if number not in known]
    return " or ".join([f"entryNumber gt {greatest}", *(f"entryNumber eq {number}" for number in gaps[:GAPS])])


def note_staged(store: Store) -> None:
    """Notes that what was taken down last is staged, and forgets the numbers that are old."""
    with store.transaction() as connection:
        create_table(connection, TABLE, SEEN)
        connection.execute(f"UPDATE {TABLE} SET staged = true WHERE NOT staged")
        connection.execute(f"DELETE FROM {TABLE} WHERE number < (SELECT max(number) FROM {TABLE}) - {RECENT}")


def _take_down(store: Store, numbers: set[int]) -> None:
    """Takes numbers down in the place of those whose records were never staged."""
    with store.transaction() as connection:
        create_table(connection, TABLE, SEEN)
        connection.execute(f"DELETE FROM {TABLE} WHERE NOT staged")
        rows = [{"number": number, "staged": False} for number in numbers]
        insert_rows(connection, TABLE, SEEN, rows)


def _numbers(store: Store, wait_s: float | None = None) -> set[int]:
    """The numbers of the newest entries that were read."""
    with store.open(wait_s) as connection:
        create_table(connection, TABLE, SEEN)
        return {number for (number,) in connection.execute(f"SELECT number FROM {TABLE} WHERE staged").fetchall()}
