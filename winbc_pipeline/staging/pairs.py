"""Pairs: which record of Winstore and which of Business Central are one, and what each of them last answered.

Here belongs: the table, one file per connection and entity, that both directions of a flow read and write. What is
concluded from it: sync/records/. Values are never kept, only a hash of each field. Its key is in a file of the
connection, so that nobody can try out telephone numbers without it.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import duckdb
import orjson

from .. import clock
from ..settings import Settings
from .people.installation_key import key_in
from .people.personal import PersonalTable, nothing
from .store import Row, Store, create_table, insert_rows, literal, quote, rows_of, writing

Hashes = dict[str, str]  # a hash by field

PAIR = {
    "part": "VARCHAR",
    "winstore_key": "VARCHAR",
    "bc_id": "VARCHAR",
    "bc_no": "VARCHAR",
    "parent": "VARCHAR",  # the group in Winstore that the record belonged to when it was last sent, such as an article
    "made_by": "VARCHAR",  # the system that had the record first: winstore or bc; `person` for a pair made by hand
    "winstore": "VARCHAR",  # JSON: a hash of each field, as Winstore last answered it or took it
    "bc": "VARCHAR",  # the same of Business Central
    "moved_at": "TIMESTAMPTZ",
}
KEYS = {"winstore": "winstore_key", "bc": "bc_id"}
"""The column of each system's own id."""
UNIQUE = tuple(("part", column) for column in KEYS.values())
"""A record is in one pair only."""
LEAST_MB = 64
ETAG, VERSION = SIGNS = ("@odata.etag", "@version")
"""Beside the hashes of fields: the ETag, or the version of the staged record, with which a record had these fields."""


class Pairs:
    """The pairs of one entity in one connection.

    Args:
        name: the entity, such as `customers`.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        folder = settings.data_folder / settings.connection
        # Beside the database of a flow, which is open at the same time. What does not fit goes to disk.
        memory_mb = max(settings.memory_limit_mb // 2, LEAST_MB)
        self.store = Store.of(settings, folder / f"pairs_{name}.duckdb", memory_mb)
        with writing(folder):
            self.secret = key_in(folder)

    def hashes(self, fields: Mapping[str, Any]) -> Hashes:
        """The hash of each field, without OData's annotations and without what is no single value."""
        return {
            name: _hash(self.secret, canonical(value))
            for name, value in fields.items()
            if "@" not in name and not isinstance(value, list | dict)
        }

    def sql(self, kinds: Mapping[str, str], table: str) -> str:
        """SQL of the same hashes of a staged record, as JSON: a database hashes many records at once.

        Args:
            kinds: the fields and their kinds.
            table: the alias of the staging table.
        """
        values = {name: _canonical_sql(f"{table}.{quote(name)}", kind) for name, kind in kinds.items()}
        hashed = [f"{quote(name)}: left(sha256({literal(self.secret)} || {v}), 12)" for name, v in values.items()]
        return f"to_json({{{', '.join(hashed)}}})::VARCHAR"

    @contextmanager
    def opened(
        self, tables: Mapping[str, Mapping[str, str]] = MappingProxyType({}), transaction: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file of the pairs with its table and further ones, by name with their columns, until the block ends."""
        with self.store.transaction() if transaction else self.store.open() as connection:
            self._renew_with_another_key(connection, transaction)
            for name, columns in {"pair": PAIR, **tables}.items():
                create_table(connection, name, columns, unique=UNIQUE if name == "pair" else ())
            yield connection

    def _renew_with_another_key(self, connection: duckdb.DuckDBPyConnection, transaction: bool) -> None:
        """Forgets all hashes when the file of the key was lost: they would call everything changed. The pairs stay.

        Args:
            transaction: whether the connection is in a transaction already.
        """
        create_table(connection, "pair_key", {"sign": "VARCHAR"})
        sign, before = _hash(self.secret, "sign"), connection.execute("SELECT sign FROM pair_key").fetchone()
        if before == (sign,):
            return
        if not transaction:
            connection.begin()
        if before:
            create_table(connection, "pair", PAIR, unique=UNIQUE)
            # An UPDATE of many pairs would take more memory than DuckDB may have.
            connection.execute("CREATE TEMP TABLE kept AS SELECT * REPLACE ('{}' AS winstore, '{}' AS bc) FROM pair")
            connection.execute("DELETE FROM pair")
            connection.execute("INSERT INTO pair FROM kept")
            for table in ("key_index", "key_index_read"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute("DELETE FROM pair_key")
        connection.execute("INSERT INTO pair_key VALUES (?)", [sign])
        if not transaction:
            connection.commit()

    def read(self, part: str, system: str, keys: Collection[str]) -> dict[str, Row]:
        """The pairs of records, by the id that they have in a system; `winstore` and `bc` are dictionaries.

        Args:
            system: winstore or bc.
            keys: ids of records in that system.
        """
        if not keys or not self.store.exists():
            return {}
        with self.opened() as connection:
            return read_within(connection, part, system, keys)

    def newest(self) -> datetime | None:
        """The moment at which a pair was last written; None without pairs."""
        with self.opened() as connection:
            row = connection.execute("SELECT max(moved_at) FROM pair").fetchone()
        moment: datetime | None = row[0] if row else None
        return moment

    def write(self, rows: Iterable[Row]) -> None:
        """Puts pairs in the place of those of the same records. A record is in one pair only."""
        if listed := list(rows):
            with self.opened(transaction=True) as connection:
                write_within(connection, listed)

    def forget(self, part: str, system: str, keys: Collection[str]) -> None:
        """Deletes the pairs of records, by the id that they have in a system."""
        with self.opened(transaction=True) as connection:
            connection.execute(
                f"DELETE FROM pair WHERE part = ? AND {quote(KEYS[system])} IN (SELECT unnest(?::VARCHAR[]))",
                [part, list(keys)],
            )


def read_within(connection: duckdb.DuckDBPyConnection, part: str, system: str, keys: Collection[str]) -> dict[str, Row]:
    """Reads pairs as `Pairs.read` does, in a file that the caller has opened."""
    # Without the moment, which takes as long to make as all the rest.
    sql = f"""
        SELECT * EXCLUDE (part, moved_at)
        FROM pair
        WHERE part = ? AND {quote(KEYS[system])} IN (SELECT unnest(?::VARCHAR[]))"""
    rows = rows_of(connection, sql, [part, list(keys)])
    for row in rows:
        for each in KEYS:
            row[each] = orjson.loads(row[each] or "{}")
    return {row[KEYS[system]]: row for row in rows}


def write_within(connection: duckdb.DuckDBPyConnection, rows: Iterable[Row]) -> None:
    """Writes pairs as `Pairs.write` does, inside a transaction that the caller has begun."""
    create_table(connection, "fresh", PAIR, temporary=True)
    insert_rows(connection, "fresh", PAIR, [_as_text(row) for row in rows])
    for column in map(quote, KEYS.values()):
        connection.execute(f"DELETE FROM pair USING fresh AS f WHERE pair.part = f.part AND pair.{column} = f.{column}")
    connection.execute("INSERT INTO pair BY NAME FROM fresh")


def canonical(value: Any) -> str:
    """A value as text that is the same however a system, JSON or a database writes it. Blank texts are empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    text = str(value)
    return "" if text.isspace() else text


def _canonical_sql(column: str, kind: str) -> str:
    """The same text in SQL, of a column of a staging table, in which blank texts are NULL already."""
    text = f"coalesce({column}::VARCHAR, '')"
    return f"rtrim(rtrim({text}, '0'), '.')" if kind == "decimal" else text  # decimals always have five places


@lru_cache(maxsize=20_000)  # the same values occur in many records
def _hash(secret: str, text: str) -> str:
    return hashlib.sha256(f"{secret}{text}".encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _as_text(row: Row) -> Row:
    texts = {system: orjson.dumps(row[system]).decode() for system in KEYS}
    return row | texts | {"moved_at": clock.now()}


PERSONAL = (PersonalTable("pair", "ids", {"winstore_key": "winstore", "bc_id": "bc"}), *nothing("pair_key"))
"""What these tables hold of people (staging/people/personal.py)."""
