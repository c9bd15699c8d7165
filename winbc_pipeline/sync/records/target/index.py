"""A local index of the keys of the target's records, for keys that no filter of the target finds.

An e-mail field of Business Central may hold several addresses, and telephone numbers are typed in many ways. The index
holds a hash of each key, follows the target by modified moments, and only proposes: what it finds is looked up, and
must have the key now.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .... import clock
from ....staging.pairs import Pairs
from ....staging.people.personal import PersonalTable, nothing
from ....staging.store import insert_rows
from ....systems.business_central import BusinessCentral
from ...part import KeyChain, Part
from ...reading.read_bc import MODIFIED, changed
from .winstore_target import WinstoreRecords

KEY_INDEX = {"part": "VARCHAR", "system": "VARCHAR", "id": "VARCHAR", "kind": "VARCHAR", "key": "VARCHAR"}
READ = {"part": "VARCHAR", "system": "VARCHAR", "moment": "TIMESTAMPTZ"}
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
Key = tuple[str, str]  # its kind and its value


class KeyIndex:
    """The keys of one part's records in one system.

    Args:
        system: the system that is indexed: winstore or bc.
        overlap: how far before the last reading the next one begins: changes may be committed late.
    """

    def __init__(self, pairs: Pairs, part: Part, chain: KeyChain, system: str, overlap: timedelta) -> None:
        self.pairs, self.part, self.chain, self.system, self.overlap = pairs, part, chain, system, overlap

    def refresh(self, target: BusinessCentral | WinstoreRecords) -> None:
        """Reads what changed in the target since the index was last refreshed."""
        since = self._moment()
        for page in self._pages(target, since):
            self._take_in(page)

    def _pages(self, target: BusinessCentral | WinstoreRecords, since: datetime) -> Iterator[list[dict[str, Any]]]:
        fields = self.chain.fields[self.system]
        if isinstance(target, WinstoreRecords):
            return target.changed(self.part.entity_set, since, fields)
        return changed(target, self.part.entity_set, since, "", f"$select={','.join({*fields, 'id', MODIFIED})}")

    def _moment(self) -> datetime:
        with self.pairs.opened({"key_index": KEY_INDEX, "key_index_read": READ}) as connection:
            row = connection.execute(
                "SELECT max(moment) FROM key_index_read WHERE part = ? AND system = ?",
                [self.part.paired_as, self.system],
            ).fetchone()
        return row[0] - self.overlap if row and row[0] else BEGINNING

    def _take_in(self, records: list[dict[str, Any]]) -> None:
        """Puts the keys of records in the place of the keys that they had."""
        if not records:
            return
        own = {"part": self.part.paired_as, "system": self.system}
        rows = [
            own | {"id": each["id"], "kind": kind, "key": key} for each in records for kind, key in self._keys(each)
        ]
        # Winstore's ids are needed as they are, to give new ones.
        ids = [own | {"id": each["id"], "kind": "", "key": ""} for each in records]
        moments = [_moment_of(each) for each in records]
        with self.pairs.opened({"key_index": KEY_INDEX, "key_index_read": READ}, transaction=True) as connection:
            connection.execute(
                "DELETE FROM key_index WHERE part = ? AND system = ? AND id IN (SELECT unnest(?::VARCHAR[]))",
                [*own.values(), [each["id"] for each in records]],
            )
            insert_rows(connection, "key_index", KEY_INDEX, rows + ids)
            if newest := max(filter(None, moments), default=None):
                connection.execute("DELETE FROM key_index_read WHERE part = ? AND system = ?", [*own.values()])
                insert_rows(connection, "key_index_read", READ, [own | {"moment": newest}])

    def _keys(self, record: Mapping[str, Any]) -> Iterator[Key]:
        for kind, values in self.chain.keys_of(self.system, record).items():
            for value in values:
                yield kind, self.pairs.hashes({"key": value})["key"]

    def proposed(self, keys: Collection[Key]) -> dict[Key, set[str]]:
        """The ids of the records that had these keys when the index last read them."""
        hashes = {(kind, self.pairs.hashes({"key": value})["key"]): (kind, value) for kind, value in keys}
        if not hashes:
            return {}
        with self.pairs.opened({"key_index": KEY_INDEX}) as connection:
            found = connection.execute(
                """
                SELECT kind, key, id
                FROM key_index
                WHERE part = ? AND system = ? AND (kind, key) IN (
                    SELECT (unnest(?::VARCHAR[]), unnest(?::VARCHAR[]))
                )
                """,
                [self.part.paired_as, self.system, [kind for kind, _ in hashes], [key for _, key in hashes]],
            ).fetchall()
        proposed: dict[Key, set[str]] = {}
        for kind, key, own in found:
            proposed.setdefault(hashes[kind, key], set()).add(own)
        return proposed

    def greatest_id(self, first: int, last: int) -> int | None:
        """The greatest id of a range that a record has, in the index or in a pair; None when none has one."""
        with self.pairs.opened({"key_index": KEY_INDEX}) as connection:
            row = connection.execute(
                """
                SELECT max(try_cast(id AS BIGINT))
                FROM (
                    SELECT id FROM key_index WHERE part = ? AND system = ? AND kind = ''
                    UNION ALL
                    SELECT winstore_key FROM pair WHERE part = ?
                )
                WHERE try_cast(id AS BIGINT) BETWEEN ? AND ?
                """,
                [self.part.paired_as, self.system, self.part.paired_as, first, last],
            ).fetchone()
        return int(row[0]) if row and row[0] is not None else None


def keys_in(values: Mapping[str, Iterable[str]], chosen: Collection[str]) -> list[Key]:
    """The keys of a record as the settings choose them, the strongest first."""
    return [(kind, value) for kind in chosen for value in sorted(values.get(kind, ()))]


def _moment_of(record: Mapping[str, Any]) -> datetime | None:
    return clock.moment_of(record.get(MODIFIED) or record.get("modified"))


PERSONAL = (PersonalTable("key_index", "ids", {"id": "either"}), *nothing("key_index_read"))
"""What these tables hold of people (staging/people/personal.py)."""
