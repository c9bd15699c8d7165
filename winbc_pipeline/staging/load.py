"""Takes pages of source records into a typed staging table, newest version per key.

Here belongs: getting bytes into DuckDB fast and keeping them typed. Which source and when belongs to flows/.
Fields that nobody named are never stored.
"""

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from .store import Store, quote

# Amounts: up to 13 digits and 5 decimals, as Business Central keeps them; a wider type costs ten times the time.
TYPES = {"text": "VARCHAR", "decimal": "DECIMAL(18, 5)", "boolean": "BOOLEAN", "datetime": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class StagingTable:
    """A staging table: its name, its fields (text, decimal, boolean, datetime), key and modification field."""

    name: str
    fields: Mapping[str, str]
    key: str
    modified: str

    @property
    def columns(self) -> dict[str, str]:
        return {name: TYPES[kind] for name, kind in self.fields.items()}


def create(connection: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
    fields = ", ".join(f"{quote(name)} {kind}" for name, kind in table.columns.items())
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} (_key VARCHAR, _modified_at TIMESTAMPTZ, _window DATE, "
        f"_version VARCHAR, _bad_fields VARCHAR[], {fields})"
    )


def load(store: Store, table: StagingTable, pages: Iterable[bytes], read_at: datetime) -> int:
    """Stages all pages in one transaction; the next page is fetched while this one is taken in.

    Args:
        pages: each a JSON array, or newline-delimited JSON objects.
        read_at: the moment (UTC) that dates records without a modification moment.
    Returns: the number of records read.
    """
    with TemporaryDirectory(prefix="winbc-") as folder, duckdb.connect(config=_scratch(store, folder)) as scratch:
        scratch.execute("SET TimeZone = 'UTC'")
        names = ", ".join(f"{quote(name)} VARCHAR" for name in table.fields)
        scratch.execute(f"CREATE TABLE incoming ({names})")
        for number, page in enumerate(_ahead(pages)):
            _take_in(scratch, table, page, Path(folder) / f"{number}.json")
        total = scratch.execute("SELECT count(*) FROM incoming").fetchone()
        _merge(store, scratch, table, read_at)
    return int(total[0]) if total else 0


def _scratch(store: Store, folder: str) -> dict[str, str | bool | int | float | list[str]]:
    return {"memory_limit": f"{store.memory_limit_mb}MB", "threads": 2, "temp_directory": folder}


def _take_in(scratch: duckdb.DuckDBPyConnection, table: StagingTable, page: bytes, path: Path) -> None:
    if page.strip() in (b"", b"[]"):
        return
    path.write_bytes(page)
    form = "array" if page.lstrip()[:1] == b"[" else "newline_delimited"
    columns = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in table.fields)
    scratch.execute(
        f"INSERT INTO incoming SELECT * FROM read_json(?, format = '{form}', columns = {{{columns}}})", [str(path)]
    )
    path.unlink()


def _merge(store: Store, scratch: duckdb.DuckDBPyConnection, table: StagingTable, read_at: datetime) -> None:
    """Moves the incoming rows into the flow's database: newest version per key, unchanged rows left alone."""
    with store.open() as own:
        create(own, table)
    target, key, modified = quote(table.name), quote(table.key), quote(table.modified)
    typed = ", ".join(f"{_typed(name, kind)} AS {quote(name)}" for name, kind in table.columns.items())
    suspects = {name: kind for name, kind in table.columns.items() if kind != "VARCHAR"}
    bad = ", ".join(f"CASE WHEN {_is_bad(name, kind)} THEN '{name}' END" for name, kind in suspects.items())
    every = ", ".join(quote(name) for name in table.fields)
    moment = f"coalesce(try_cast({modified} AS TIMESTAMPTZ), ?::TIMESTAMPTZ)"
    newest = f"SELECT arg_max(rowid, {moment}) FROM incoming GROUP BY trim({key})"
    twice = scratch.execute(f"SELECT count(*) > count(DISTINCT trim({key})) FROM incoming").fetchone()
    only_newest, moments = (f"WHERE rowid IN ({newest})", [read_at] * 3) if twice and twice[0] else ("", [read_at] * 2)
    projection = (
        f"SELECT trim({key}) AS _key, {moment} AS _modified_at, {moment}::DATE AS _window, "
        f"md5(concat_ws('|', {every})) AS _version, "
        f"list_filter([{bad or 'NULL::VARCHAR'}], lambda f: f IS NOT NULL) AS _bad_fields, "
        f"{typed} FROM incoming {only_newest}"
    )
    scratch.execute(f"ATTACH '{str(store.path).replace(chr(39), chr(39) * 2)}' AS store")
    target = "store." + target
    scratch.begin()
    if scratch.execute(f"FROM {target} LIMIT 1").fetchone() is None:
        scratch.execute(f"INSERT INTO {target} {projection}", moments)
    else:
        _replace(scratch, target, projection, moments)
    scratch.commit()
    scratch.execute("DETACH store")


def _replace(scratch: duckdb.DuckDBPyConnection, target: str, projection: str, moments: list[datetime]) -> None:
    scratch.execute(f"CREATE TEMP TABLE delta AS {projection}", moments)
    scratch.execute(
        f"DELETE FROM delta USING {target} AS old WHERE old._key = delta._key "
        "AND (old._modified_at > delta._modified_at OR old._version = delta._version)"
    )
    scratch.execute(f"DELETE FROM {target} AS old USING delta WHERE old._key = delta._key")
    scratch.execute(f"INSERT INTO {target} SELECT * FROM delta ORDER BY _key")


def _typed(name: str, kind: str) -> str:
    return f"nullif({quote(name)}, '')" if kind == "VARCHAR" else f"try_cast(nullif({quote(name)}, '') AS {kind})"


def _is_bad(name: str, kind: str) -> str:
    return f"nullif({quote(name)}, '') IS NOT NULL AND {_typed(name, kind)} IS NULL"


def _ahead(pages: Iterable[bytes]) -> Iterator[bytes]:
    """The same pages, one fetched ahead by a thread of its own; an error of the source is raised here."""
    handed: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=1)

    def fetch() -> None:
        try:
            for page in pages:
                handed.put(page)
            handed.put(None)
        except BaseException as error:  # noqa: BLE001 - handed over to the reader
            handed.put(error)

    threading.Thread(target=fetch, daemon=True).start()
    while (item := handed.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item
