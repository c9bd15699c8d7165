"""The sandboxes' store: one SQLite table of JSON records, and the log of accepted writes.

Here belongs: storing, finding and paging records. What a system takes or refuses belongs to its own modules.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

Record = dict[str, Any]

INDEXED = (  # JSON paths; an index on each keeps searches fast
    "$.number", "$.code", "$.email", "$.lastModifiedDateTime", "$.documentId", "$.parentId", "$.itemId", "$.relatedId",
    "$.billToCustomerId",
    "$.sku", "$.customerid", "$.modified",
)  # fmt: skip

DOCUMENT, SEQUENCE = "json_extract(body, '$.documentId')", "json_extract(body, '$.sequence')"

TABLES = """
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (entity, id)
);
CREATE INDEX IF NOT EXISTS by_entity ON record (entity);
CREATE TABLE IF NOT EXISTS counter (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS blob (
    id TEXT PRIMARY KEY,
    content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS write_log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT,
    method TEXT,
    entity TEXT,
    key TEXT,
    request_id TEXT,
    body TEXT
);
"""


DECODER = json.JSONDecoder(parse_float=Decimal)  # json.loads would make a new one for each record that is read


def dumps(value: object) -> bytes:
    """A value as JSON. Decimals keep all their digits."""
    try:
        return orjson.dumps(value, default=_decimal)
    except TypeError:  # orjson refuses integers of more than 64 bits, which a client may send
        return json.dumps(value, default=float).encode()


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Numbers with a decimal point become Decimals."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return DECODER.decode(text)


def _text(body: Record | bytes) -> str:
    return (body if isinstance(body, bytes) else dumps(body)).decode()


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(type(value).__name__)


class Records:
    """The records of one system.

    With a path they are in that file and survive a restart. Without one, SQLite keeps them in a temporary file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.db = sqlite3.connect(path or "", check_same_thread=False, isolation_level=None)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + TABLES)
        self.on_change: Callable[[str, str, str | None], None] | None = None
        # SQLite's own lower() and upper() change ASCII letters only.
        self.db.create_function("lower", 1, lambda text: str(text or "").lower(), deterministic=True)
        self.db.create_function("upper", 1, lambda text: str(text or "").upper(), deterministic=True)
        for field in INDEXED:
            self.add_index(field)
        self.db.execute(f"CREATE INDEX IF NOT EXISTS by_line ON record (entity, {DOCUMENT}, {SEQUENCE})")

    def add_index(self, field: str) -> None:
        """Keeps searches for the values of a field fast. `field` is a JSON path, as `$.number`."""
        value = f"json_extract(body, '{field}')"
        sql = f"CREATE INDEX IF NOT EXISTS by_{field[2:]} ON record (entity, {value}) WHERE {value} IS NOT NULL"
        self.db.execute(sql)

    def insert(self, entity: str, record_id: str, body: Record | bytes) -> None:
        """Adds one record, whose body may be JSON already. Raises sqlite3.IntegrityError if the id exists."""
        text = _text(body)
        self.db.execute("INSERT INTO record (entity, id, body) VALUES (?, ?, ?)", (entity, record_id, text))
        self._notify(entity, record_id, text)

    def insert_many(self, entity: str, rows: Iterable[tuple[str, Record]]) -> None:
        """Adds many records in one transaction, each with its id. A record with an id that exists is replaced."""
        self.db.execute("BEGIN")
        self.db.executemany(
            "INSERT OR REPLACE INTO record (entity, id, body) VALUES (?, ?, ?)",
            ((entity, record_id, dumps(body).decode()) for record_id, body in rows),
        )
        self.db.execute("COMMIT")

    def replace_all(self, entity: str, rows: Iterable[tuple[str, Record]]) -> None:
        """Stores the given records, each with its id, in place of all that there are. Nobody is told."""
        self.db.execute("SAVEPOINT replace_all")
        self.db.execute("DELETE FROM record WHERE entity = ?", (entity,))
        self.db.executemany(
            "INSERT INTO record (entity, id, body) VALUES (?, ?, ?)",
            ((entity, record_id, dumps(body).decode()) for record_id, body in rows),
        )
        self.db.execute("RELEASE replace_all")

    def replace(self, entity: str, record_id: str, body: Record | bytes) -> None:
        """Stores another body for a record that exists. The body may be JSON already."""
        text = _text(body)
        self.db.execute("UPDATE record SET body = ? WHERE entity = ? AND id = ?", (text, entity, record_id))
        self._notify(entity, record_id, text)

    def delete(self, entity: str, record_id: str) -> None:
        """Deletes a record and its content."""
        self.db.execute("DELETE FROM record WHERE entity = ? AND id = ?", (entity, record_id))
        self.db.execute("DELETE FROM blob WHERE id = ?", (record_id,))
        self._notify(entity, record_id, None)

    def put(self, entity: str, record_id: str, text: str | None) -> None:
        """Sets a record to a JSON text, whether it exists or not. None deletes it."""
        if text is None:
            self.delete(entity, record_id)
            return
        self.db.execute(
            """
            INSERT INTO record (entity, id, body)
            VALUES (?, ?, ?)
            ON CONFLICT (entity, id) DO UPDATE SET body = excluded.body
            """,
            (entity, record_id, text),
        )

    def _notify(self, entity: str, record_id: str, text: str | None) -> None:
        if self.on_change:
            self.on_change(entity, record_id, text)

    def get(self, entity: str, record_id: str) -> Record | None:
        """The record with an id."""
        row = self.db.execute("SELECT body FROM record WHERE entity = ? AND id = ?", (entity, record_id)).fetchone()
        return loads(row[0]) if row else None

    def find(self, entity: str, field: str, value: object) -> Record | None:
        """The first record whose field equals the value."""
        row = self.db.execute(
            f"SELECT body FROM record WHERE entity = ? AND json_extract(body, '$.{field}') = ? LIMIT 1", (entity, value)
        ).fetchone()
        return loads(row[0]) if row else None

    def last_line_number(self, entity: str, document_id: str) -> int:
        """The greatest line number of a document, 0 without lines. It is asked for each line of a long document."""
        row = self.db.execute(
            f"SELECT {SEQUENCE} FROM record WHERE entity = ? AND {DOCUMENT} = ? ORDER BY {SEQUENCE} DESC LIMIT 1",
            (entity, document_id),
        ).fetchone()
        return int(row[0]) if row else 0

    def select(
        self,
        entity: str,
        where: str = "true",
        values: Sequence[object] = (),
        order: str = "seq",
        limit: int = -1,
        offset: int = 0,
    ) -> list[Record]:
        """The records that meet an SQL condition. A limit of -1 means all of them."""
        rows = self.db.execute(
            f"SELECT body FROM record WHERE entity = ? AND ({where}) ORDER BY {order} LIMIT ? OFFSET ?",
            (entity, *values, limit, max(offset, 0)),
        )
        return [loads(row[0]) for row in rows]

    def select_page(
        self,
        entity: str,
        columns: Sequence[str],
        where: str,
        values: Sequence[object],
        order: str,
        limit: int,
        skip: int,
    ) -> list[tuple[Any, ...]]:
        """The same records as rows: the JSON text, the wanted columns and the sequence number."""
        wanted = ", ".join(["body", *columns, "seq"])
        # Without the hint, SQLite sorts the whole set for every page of a plain read.
        hint = "" if columns or values else "INDEXED BY by_entity"
        sql = f"SELECT {wanted} FROM record {hint} WHERE entity = ? AND ({where}) ORDER BY {order} LIMIT ? OFFSET ?"
        return self.db.execute(sql, (entity, *values, limit, skip)).fetchall()

    def count(self, entity: str, where: str = "true", values: Sequence[object] = ()) -> int:
        """The number of records that meet an SQL condition."""
        sql = f"SELECT count(*) FROM record WHERE entity = ? AND ({where})"
        return int(self.db.execute(sql, (entity, *values)).fetchone()[0])

    def clear_history(self) -> None:
        """Empties the log of writes. No client wrote the records with which a system starts."""
        self.db.execute("DELETE FROM write_log")

    def store_blob(self, record_id: str, content: bytes) -> None:
        """Stores the content of a record: a picture or a file."""
        self.db.execute("INSERT OR REPLACE INTO blob VALUES (?, ?)", (record_id, content))

    def drop_blob(self, record_id: str) -> None:
        """Deletes the content of a record."""
        self.db.execute("DELETE FROM blob WHERE id = ?", (record_id,))

    def blob(self, record_id: str) -> bytes:
        """The content of a record. It is empty if there is none."""
        row = self.db.execute("SELECT content FROM blob WHERE id = ?", (record_id,)).fetchone()
        return bytes(row[0]) if row else b""

    def next_value(self, name: str, count: int = 1) -> int:
        """The last of the next numbers of a counter, which begins at 1. No number comes twice."""
        row = self.db.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT DO UPDATE SET last = last + excluded.last RETURNING last",
            (name, count),
        ).fetchone()
        return int(row[0])

    def log_write(self, at: str, method: str, entity: str, key: str, request_id: str, body: object) -> None:
        """Adds an accepted write to the log of writes."""
        self.db.execute(
            "INSERT INTO write_log (at, method, entity, key, request_id, body) VALUES (?, ?, ?, ?, ?, ?)",
            (at, method, entity, key, request_id, dumps(body).decode()),
        )

    def state(self) -> Iterator[bytes]:
        """All records and all writes as JSON, in chunks: `{"records": {entity: [...]}, "writes": [...]}`."""
        yield b'{"records":{'
        entities = [row[0] for row in self.db.execute("SELECT DISTINCT entity FROM record ORDER BY entity")]
        for number, entity in enumerate(entities):
            bodies = (row[0] for row in self.db.execute("SELECT body FROM record WHERE entity = ?", (entity,)))
            yield (b"," if number else b"") + dumps(entity) + b":[" + ",".join(bodies).encode() + b"]"
        columns = ("at", "method", "entity", "key", "request_id", "body")
        writes = self.db.execute("SELECT at, method, entity, key, request_id, body FROM write_log ORDER BY seq")
        entries = [dict(zip(columns, (*row[:5], loads(row[5])), strict=True)) for row in writes]
        yield b'},"writes":' + dumps(entries) + b"}"
