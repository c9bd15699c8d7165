"""The plan while it is made: its rows, and what later decisions must know of earlier ones.

Here belongs: the tables of the draft in the flow's database, so that a plan takes no more memory for more records. What
is concluded from them: decide.py, decision.py. A draft that a killed plan left behind goes when the next one begins.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from ...staging.store import Row, compress_with_zstd, create_table, insert_rows, literal, quote, rows_of
from ..plan_table import PLANNED, take_plan
from ..work import Work
from .decision import SWAPPED, Given
from .target.index import Key

DRAFT = "draft"
TABLES = {
    DRAFT: PLANNED,
    "draft_note": {"kind": "VARCHAR", "value": "VARCHAR", "number": "VARCHAR", "owner": "VARCHAR", "slice": "INTEGER"},
    "draft_sign": {"key": "VARCHAR", "old": "VARCHAR", "new": "VARCHAR"},
    "draft_given": {
        "key": "VARCHAR",
        "target_id": "VARCHAR",
        "named": "VARCHAR",
        "keys": "STRUCT(kind VARCHAR, value VARCHAR)[]",
        "had": "STRUCT(kind VARCHAR, value VARCHAR)[]",
    },
}
OF_A_PART = [name for name in TABLES if name != DRAFT]
KEYS_OF = {"kind": "VARCHAR", "value": "VARCHAR"}
LINKED = "@linked"  # kind of a note about a record of the target, whose id is the value; no field has this name
Note = tuple[str, str]  # the number of the target's record, and the key of the source's record


@dataclass
class Noted:
    """What the decisions about some records mean for those after them.

    Attributes:
        notes: whose each key of the target is by this plan, and each record of the target (kind LINKED).
        given: the keys that updates give; signs: the old and the new sign, by the key of the record (decision.py).
    """

    notes: Mapping[Key, Note] = field(default_factory=dict)
    given: Collection[Given] = ()
    signs: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


class Draft:
    """The draft of the plan of a work. A new one takes the place of any other.

    Args:
        at_once: how many rows of it are read at once.
    """

    def __init__(self, work: Work, at_once: int) -> None:
        self.work, self.store, self.at_once, self.slice = work, work.store, at_once, 0
        with self.store.transaction() as connection:
            _make_anew(connection, TABLES)

    def begin_part(self) -> None:
        """Forgets the notes, which are about the records of one part."""
        with self.store.transaction() as connection:
            _make_anew(connection, OF_A_PART)

    def add(self, rows: list[Row], noted: Noted) -> None:
        """Adds planned rows, with what follows from them for later ones."""
        self.slice += 1
        signs = [{"key": key, "old": old, "new": new} for key, (old, new) in noted.signs.items()]
        notes = [
            {"kind": kind, "value": value, "number": number, "owner": owner, "slice": self.slice}
            for (kind, value), (number, owner) in noted.notes.items()
        ]
        given = [asdict(each) | {"keys": _structs(each.keys), "had": _structs(each.had)} for each in noted.given]
        with self.store.transaction() as connection:
            compress_with_zstd(connection)
            for table, new in zip(TABLES, (rows, notes, signs, given), strict=True):
                insert_rows(connection, table, TABLES[table], new)

    def noted(self, keys: Collection[Key]) -> dict[Key, Note]:
        """What was noted of keys of the part, the newest of each."""
        if not keys:
            return {}
        with self.store.open() as connection:
            _ask_for(connection, keys)
            rows = connection.execute(
                "SELECT kind, value, number, owner FROM draft_note SEMI JOIN asked USING (kind, value) ORDER BY slice"
            ).fetchall()
        return {(kind, value): (number, owner) for kind, value, number, owner in rows}

    def planned(self, part: str, keys: Collection[str]) -> dict[str, Row]:
        """The rows of the draft for records of a part, by key: `key`, `action`, `reason`, `target_id`, `target_no`,
        `body`."""
        with self.store.open() as connection:
            rows = rows_of(
                connection,
                f"""
                SELECT key, action, reason, target_id, target_no, body
                FROM {DRAFT}
                WHERE part = ? AND key IN (SELECT unnest(?::VARCHAR[]))
                """,
                [part, list(keys)],
            )
        return {row["key"]: row for row in rows}

    def made(self, part: str) -> Iterator[list[Row]]:
        """The rows of records of a part that are to be made: `part`, `key`, `target_no`, `body`."""
        sql = f"SELECT part, key, target_no, body FROM {DRAFT} WHERE action = 'create' AND part = ?"
        return self._in_slices(sql, [part])

    def takers(self) -> Iterator[list[Row]]:
        """The records of the part that get the sign of others: their `key`, and the keys of the others, `owners`."""
        return self._in_slices(
            """
            SELECT taker.key, list(owner.key ORDER BY owner.key) AS owners
            FROM draft_sign AS taker
            JOIN draft_sign AS owner ON owner.old = taker.new
            WHERE owner.old <> ''
            GROUP BY taker.key
            """
        )

    def given(self) -> Iterator[list[Given]]:
        """The keys that updates of the part give."""
        for rows in self._in_slices("FROM draft_given"):
            yield [Given(**row | {"keys": _keys(row["keys"]), "had": _keys(row["had"])}) for row in rows]

    def repeated(self, keys: Collection[Key]) -> set[Key]:
        """Those of some keys that several updates of the part give."""
        with self.store.open() as connection:
            _ask_for(connection, keys)
            rows = connection.execute(
                """
                SELECT kind, value
                FROM (SELECT unnest(keys, recursive := true) FROM draft_given)
                SEMI JOIN asked USING (kind, value)
                GROUP BY ALL
                HAVING count(*) > 1
                """
            ).fetchall()
        return set(rows)

    def gets(self, ids: Collection[str]) -> dict[str, list[Key]]:
        """The keys that updates of the part give to records of the target, by their id."""
        sql = "SELECT target_id, keys FROM draft_given WHERE target_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY key"
        with self.store.open() as connection:
            return {own: _keys(keys) for own, keys in connection.execute(sql, [list(ids)]).fetchall()}

    def tell_swaps(self, part: str, words: Mapping[str, str]) -> None:
        """Says of updates that they are one half of a swap of signs.

        Args:
            words: by the key of the record.
        """
        reason = f"coalesce(reason, {literal(SWAPPED)})"
        self._change(
            part,
            [{"key": key, "message": told} for key, told in words.items()],
            f"reason = {reason}, message = concat_ws('; ', nullif(d.message, ''), c.message)",
        )

    def decide_again(self, part: str, rows: list[Row]) -> None:
        """Puts other decisions in the place of those of some records; each row has `key` and all that is new."""
        if rows:
            new = ", ".join(f"{quote(name)} = c.{quote(name)}" for name in rows[0] if name != "key")
            self._change(part, rows, new)

    def become_the_plan(self, unchanged: str) -> None:
        """Puts the draft in the place of the plan before it, in one transaction.

        Args:
            unchanged: as for `plan_table.store_plan`.
        """
        with self.store.transaction() as connection:
            take_plan(connection, self.work, DRAFT, unchanged)
            for table in TABLES:
                connection.execute(f"DROP TABLE {table}")

    def _change(self, part: str, rows: list[Row], new: str) -> None:
        with self.store.transaction() as connection:
            create_table(connection, "changed", PLANNED, temporary=True)
            insert_rows(connection, "changed", PLANNED, rows)
            connection.execute(
                f"UPDATE {DRAFT} AS d SET {new} FROM changed AS c WHERE d.part = ? AND d.key = c.key", [part]
            )

    def _in_slices(self, select: str, values: Iterable[Any] = ()) -> Iterator[list[Row]]:
        """The rows of a SELECT with the column `key`, which no two of its rows share, in the order of these."""
        after = None
        sql = f"FROM ({select}) WHERE key > ? OR ? IS NULL ORDER BY key LIMIT {self.at_once}"
        while True:
            with self.store.open() as connection:
                rows = rows_of(connection, sql, [*values, after, after])
            if not rows:
                return
            yield rows
            after = rows[-1]["key"]


def _make_anew(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    for table in tables:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        create_table(connection, table, TABLES[table])


def _ask_for(connection: duckdb.DuckDBPyConnection, keys: Collection[Key]) -> None:
    """Makes the temporary table `asked` of keys."""
    create_table(connection, "asked", KEYS_OF, temporary=True)
    both = [[kind for kind, _ in keys], [value for _, value in keys]]
    connection.execute("INSERT INTO asked SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", both)


def _structs(keys: Iterable[Key]) -> list[Row]:
    return [{"kind": kind, "value": value} for kind, value in keys]


def _keys(structs: Iterable[Row]) -> list[Key]:
    return [(each["kind"], each["value"]) for each in structs]
