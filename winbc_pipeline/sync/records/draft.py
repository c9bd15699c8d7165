"""The plan while it is made: its rows, and what later decisions must know of earlier ones.

Here belongs: where they are, so that a plan takes no more memory for more records. What is concluded from them:
decide.py, decision.py. A small plan stays in memory. Else the rows of the present part are in files, to which it costs
little to add, and those of the parts before in the flow's database. What a killed plan left behind goes with the next.
"""

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import orjson

from ...staging.store import (
    Row,
    Store,
    as_stored,
    compress_with_zstd,
    create_table,
    drop_table,
    in_memory,
    insert_rows,
    literal,
    quote,
    rows_of,
    stored,
    writing,
)
from ..plan_table import PLANNED, take_plan
from ..work import Work
from .decision import SWAPPED, Given
from .target.index import Key

MEMORY_MB = 64  # DuckDB writes as fast with it as with four times as much
DRAFT, NOTE, SIGN, GIVEN = "draft", "draft_note", "draft_sign", "draft_given"
KEYS = "STRUCT(kind VARCHAR, value VARCHAR)[]"
TABLES = {
    DRAFT: PLANNED,
    NOTE: {"slice": "INTEGER"} | dict.fromkeys(("kind", "value", "number", "owner"), "VARCHAR[]"),  # a row each slice
    SIGN: dict.fromkeys(("key", "old", "new"), "VARCHAR"),
    GIVEN: dict.fromkeys(("key", "target_id", "named"), "VARCHAR") | {"keys": KEYS, "had": KEYS},
}
IN_DATABASE = (DRAFT, SIGN, GIVEN)
LINKED = "@linked"  # kind of a note about a record of the target, whose id is the value; no field has this name
Note = tuple[str, str]  # the number of the target's record, and the key of the source's record


@dataclass(frozen=True)
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
        self.work, self.at_once, self.slice = work, at_once, 0
        limit = min(work.store.memory_limit_mb, MEMORY_MB)
        self.store = Store(work.store.path, limit, server=work.store.server)
        self.kept: list[Row] = []  # rows that are few enough to stay in memory
        self.noted_keys: set[int] = set()  # hashes of the keys that were noted: few keys are looked up for nothing
        self.folder = work.store.path.with_suffix(".draft")
        self.is_in_database = False
        self.close()

    def close(self) -> None:
        """Deletes the files. What is in the database is the plan by then, or goes with the next draft."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, rows: list[Row]) -> None:
        """Adds planned rows of which nothing follows for later parts, or only by what they say themselves."""
        self.kept += rows
        if len(self.kept) > self.at_once:
            self.add(self.kept, Noted())
            self.end_part()
            self.kept = []

    def add(self, rows: list[Row], noted: Noted) -> None:
        """Adds planned rows of a part that is decided some records at a time, with what follows for later ones."""
        self.slice += 1
        self._write(DRAFT, rows)
        if noted.notes:
            self._write(NOTE, [(self.slice, *zip(*((*key, *note) for key, note in noted.notes.items()), strict=True))])
        self._write(SIGN, ((key, *signs) for key, signs in noted.signs.items()))
        self._write(GIVEN, (_as_columns(each) for each in noted.given))
        self.noted_keys.update(map(hash, noted.notes))

    def noted(self, keys: Collection[Key]) -> dict[Key, Note]:
        """What was noted of keys of the part, the newest of each."""
        asked = [key for key in keys if hash(key) in self.noted_keys]
        if not asked:
            return {}
        with in_memory() as connection:
            _ask_for(connection, asked)
            rows = connection.execute(
                f"""
                SELECT kind, value, number, owner
                FROM (
                    SELECT
                        slice, unnest(kind) AS kind, unnest("value") AS "value",
                        unnest(number) AS number, unnest("owner") AS "owner"
                    FROM {_from_file(self._file(NOTE), TABLES[NOTE])}
                )
                SEMI JOIN asked USING (kind, value)
                ORDER BY slice
                """
            ).fetchall()
        return {(kind, value): (number, owner) for kind, value, number, owner in rows}

    def end_part(self) -> None:
        """Puts the rows that were added into the database, and forgets what was noted of them."""
        with self.store.transaction(alone=True) as connection:
            compress_with_zstd(connection)
            _make_anew(connection, (SIGN, GIVEN) if self.is_in_database else IN_DATABASE)
            self.is_in_database = True
            for table in IN_DATABASE:
                if self._file(table).exists():
                    source = f"SELECT * FROM {_from_file(self._file(table), TABLES[table])}"
                    rows = as_stored(connection, source, TABLES[table])
                    connection.execute(f"INSERT INTO {stored(connection, table)} BY NAME {rows}")
        self.close()
        self.noted_keys = set()

    def planned(self, part: str, keys: Collection[str]) -> dict[str, Row]:
        """The rows for records of a part that has ended, by key: `key`, `action`, `reason`, `target_id`, `target_no`,
        `body`."""
        wanted = set(keys)
        found = {row["key"]: row for row in self.kept if row["part"] == part and row["key"] in wanted}
        if not self.is_in_database:
            return found
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
        return found | {row["key"]: row for row in rows}

    def made(self, part: str) -> Iterator[list[Row]]:
        """The rows of records of a part that has ended which are to be made: `part`, `key`, `target_no`, `body`."""
        yield [row for row in self.kept if row["part"] == part and row["action"] == "create"]
        if self.is_in_database:
            sql = f"SELECT part, key, target_no, body FROM {DRAFT} WHERE action = 'create' AND part = ?"
            yield from self._in_slices(sql, [part])

    def takers(self) -> Iterator[list[Row]]:
        """The records of the last part that get the sign of others: their `key`, and the keys of these, `owners`."""
        return self._in_slices(
            f"""
            SELECT taker.key, list(owner.key ORDER BY owner.key) AS owners
            FROM {SIGN} AS taker
            JOIN {SIGN} AS owner ON owner.old = taker.new
            WHERE owner.old <> ''
            GROUP BY taker.key
            """
        )

    def given(self) -> Iterator[list[Given]]:
        """The keys that updates of the last part give."""
        for rows in self._in_slices(f"FROM {GIVEN}"):
            yield [Given(**row | {"keys": _keys(row["keys"]), "had": _keys(row["had"])}) for row in rows]

    def repeated(self, keys: Collection[Key]) -> set[Key]:
        """Those of some keys that several updates of the last part give."""
        with self.store.open() as connection:
            _ask_for(connection, keys)
            rows = connection.execute(
                f"""
                SELECT kind, value
                FROM (SELECT unnest(keys, recursive := true) FROM {GIVEN})
                SEMI JOIN asked USING (kind, value)
                GROUP BY ALL
                HAVING count(*) > 1
                """
            ).fetchall()
        return set(rows)

    def gets(self, ids: Collection[str]) -> dict[str, list[Key]]:
        """The keys that updates of the last part give to records of the target, by their id."""
        sql = f"SELECT target_id, keys FROM {GIVEN} WHERE target_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY key"
        with self.store.open() as connection:
            return {own: _keys(keys) for own, keys in connection.execute(sql, [list(ids)]).fetchall()}

    def tell_swaps(self, part: str, words: Mapping[str, str]) -> None:
        """Says of updates that they are one half of a swap of signs.

        Args:
            words: by the key of the record.
        """
        reason = f"coalesce(d.reason, {literal(SWAPPED)})"
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
        with self.store.transaction(alone=self.is_in_database) as connection:
            take_plan(connection, self.work, self.kept, DRAFT if self.is_in_database else "", unchanged)
            for table in IN_DATABASE:
                drop_table(connection, table)

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

    def _file(self, table: str) -> Path:
        return self.folder / f"{table}.json"

    def _write(self, table: str, rows: Iterable[Row | tuple[Any, ...]]) -> None:
        """Adds rows to the file of a table, a line each; a tuple has the values of its columns."""
        names = TABLES[table]
        lines = [
            orjson.dumps(row if isinstance(row, dict) else dict(zip(names, row, strict=True)), default=str)
            for row in rows
        ]
        if lines:
            with writing(self.folder):
                self.folder.mkdir(mode=0o700, exist_ok=True)
            with writing(self.folder), self._file(table).open("ab") as file:
                file.write(b"\n".join(lines) + b"\n")


def _make_anew(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    for table in tables:
        drop_table(connection, table)
        create_table(connection, table, TABLES[table])


def _from_file(path: Path, columns: Mapping[str, str]) -> str:
    typed = ", ".join(f"{quote(name)}: {literal(kind)}" for name, kind in columns.items())
    return f"read_json({literal(str(path))}, format = 'newline_delimited', columns = {{{typed}}})"


def _ask_for(connection: duckdb.DuckDBPyConnection, keys: Collection[Key]) -> None:
    """Makes the temporary table `asked` of keys."""
    create_table(connection, "asked", {"kind": "VARCHAR", "value": "VARCHAR"}, temporary=True)
    both = [[kind for kind, _ in keys], [value for _, value in keys]]
    connection.execute("INSERT INTO asked SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", both)


def _as_columns(given: Given) -> Row:
    return asdict(given) | {name: _structs(keys) for name, keys in (("keys", given.keys), ("had", given.had))}


def _structs(keys: Iterable[Key]) -> list[Row]:
    return [{"kind": kind, "value": value} for kind, value in keys]


def _keys(structs: Iterable[Row]) -> list[Key]:
    return [(each["kind"], each["value"]) for each in structs]
