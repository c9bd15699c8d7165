"""The database of one comparison, beside the flow's own: what both systems answered, and how far it is.

Here belongs: beginning it, going on after a kill. It holds people's data as staging does, so it is deleted
when the comparison is done, and begun anew after a day or when the tables or settings are others.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb
from filelock import Timeout

from ... import clock
from ...errors import StoreBusy
from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.store import Row, create_table, insert_rows, literal, quote, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.keeping.comparisons import KEPT, delete, in_use, path_of
from ...sync.map import mapped_table, mapped_with_ledger
from ...sync.session import BINDING
from .findings import LEFT, SAME

BEGUN = {"moment": "TIMESTAMPTZ", "made_of": "VARCHAR"}
STEP = {"name": "VARCHAR", "position": "VARCHAR", "is_done": "BOOLEAN"}
COMPARED = {
    "part": "VARCHAR",
    "key": "VARCHAR",
    "kind": "VARCHAR",
    "number": "VARCHAR",
    "reason": "VARCHAR",
    "message": "VARCHAR",
    "changes": "VARCHAR",
    "target_id": "VARCHAR",
    "window": "DATE",
    "version": "VARCHAR",
}
# What the target has, and by what the source's records are known there.
LISTED = {"part": "VARCHAR", "entity_set": "VARCHAR", "id": "VARCHAR", "number": "VARCHAR", "settled": "BOOLEAN"}
PARTNER = {"entity_set": "VARCHAR", "id": "VARCHAR", "number": "VARCHAR"}
TABLES = {"begun": BEGUN, "step": STEP, "compared": COMPARED, "listed": LISTED, "partner": PARTNER}
AT_ONCE = 10_000  # records that are compared between two notes of how far the comparison is
WAIT_S = 1  # for another comparison of the same flow
EVER = (date.min, date.max)


@dataclass(frozen=True)
class Scratch:
    """A comparison under way.

    Attributes:
        real: the flow in its connection.
        connected: the same flow with the comparison's database: staging, mapped tables, a copy of the ledger.
        began: when the comparison began.
    """

    real: ConnectedFlow
    connected: ConnectedFlow
    began: datetime

    def is_done(self, name: str) -> bool:
        return self._step(name)[1]

    def position(self, name: str) -> str:
        """How far a step is; empty at its beginning."""
        return self._step(name)[0]

    def _step(self, name: str) -> tuple[str, bool]:
        with self.connected.store.open() as connection:
            found = connection.execute("SELECT position, is_done FROM step WHERE name = ?", [name]).fetchone()
        return (str(found[0]), bool(found[1])) if found else ("", False)

    def note(self, name: str, position: str = "", is_done: bool = True) -> None:
        """Notes how far a step is, or that it is done."""
        with self.connected.store.transaction() as connection:
            note_within(connection, name, position, is_done)

    def mapped(self, part: str, after: str) -> list[Row]:
        """The next mapped records of a part behind a key, with what the ledger knows of them (map.KNOWN)."""
        return self._mapped(f"m.part = {literal(part)} AND m._key > {literal(after)}", AT_ONCE)

    def mapped_of(self, part: str, keys: Collection[str]) -> list[Row]:
        """The mapped records of a part with these keys."""
        listed = ", ".join(map(literal, keys))
        return self._mapped(f"m.part = {literal(part)} AND m._key IN ({listed})") if keys else []

    def _mapped(self, where: str, most: int = 2**31) -> list[Row]:
        sql = f"{mapped_with_ledger(self.connected.flow)} AND {where} ORDER BY m._key LIMIT {most}"
        with self.connected.store.open() as connection:
            return rows_of(connection, sql, list(EVER))

    def has_unmapped(self) -> bool:
        """Whether a record was staged that is not mapped as it is now."""
        staging, mapped = quote(self.connected.staging.name), quote(mapped_table(self.connected.flow))
        with self.connected.store.open() as connection:
            found = connection.execute(
                f"FROM {staging} AS s ANTI JOIN {mapped} AS m ON m._version = s._version::VARCHAR LIMIT 1"
            ).fetchone()
        return found is not None

    def not_compared(self, mapped: str, part: str) -> set[str]:
        """The keys of a part's records that were not compared yet.

        Args:
            mapped: the part as which they are mapped; `part`: as which they are compared.
        """
        with self.connected.store.open() as connection:
            found = connection.execute(
                f"""
                SELECT m._key
                FROM {quote(mapped_table(self.connected.flow))} AS m
                ANTI JOIN compared AS c ON c.part = ? AND c.key = m._key
                WHERE m.part = ?
                """,
                [part, mapped],
            ).fetchall()
        return {str(key) for (key,) in found}

    def forget_hashes(self, part: str) -> None:
        """Forgets, in the copy of the ledger, what was sent of a part's records. Nothing is concluded from it."""
        with self.connected.store.open() as connection:
            connection.execute("UPDATE ledger SET hash = NULL, version = NULL WHERE part = ?", [part])

    def keep(self, step: str, position: str, compared: Sequence[Row], partners: Sequence[Row]) -> None:
        """Keeps what some records came to, in the place of what they came to before, and how far the step is.

        Args:
            compared: rows of COMPARED; partners: rows of PARTNER.
        """
        with self.connected.store.transaction() as connection:
            create_table(connection, "fresh", COMPARED, temporary=True)
            insert_rows(connection, "fresh", COMPARED, list(compared))
            connection.execute("DELETE FROM compared AS c USING fresh AS f WHERE c.part = f.part AND c.key = f.key")
            connection.execute("INSERT INTO compared BY NAME FROM fresh")
            insert_rows(connection, "partner", PARTNER, list(partners))
            if step:
                note_within(connection, step, position, is_done=False)

    def to_look_at_again(self) -> list[tuple[str, str]]:
        """Part and key of the records that did not agree, or that changed since the comparison began."""
        agreed = ", ".join(map(literal, (SAME, LEFT)))
        staging, mapped = quote(self.connected.staging.name), quote(mapped_table(self.connected.flow))
        with self.connected.store.open() as connection:
            found = connection.execute(
                f"""
                SELECT part, key FROM compared WHERE kind NOT IN ({agreed})
                UNION
                SELECT m.part, m._key
                FROM {mapped} AS m
                JOIN {staging} AS s ON s._version::VARCHAR = m._version
                WHERE s._modified_at >= ?
                ORDER BY ALL
                """,
                [self.began],
            ).fetchall()
        return [(str(part), str(key)) for part, key in found]


def note_within(connection: duckdb.DuckDBPyConnection, name: str, position: str, is_done: bool) -> None:
    """Notes how far a step is, inside a transaction that the caller has begun."""
    connection.execute("DELETE FROM step WHERE name = ?", [name])
    connection.execute("INSERT INTO step VALUES (?, ?, ?)", [name, position, is_done])


@contextmanager
def begun(connected: ConnectedFlow) -> Iterator[Scratch]:
    """The comparison of a flow that was begun before and did not end, or a new one; one at a time.

    What it holds is deleted when the block ends, and kept when the block fails.

    Raises: StoreBusy while another process compares the same flow.
    """
    path = path_of(connected.settings, connected.flow.id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with in_use(path, WAIT_S):
            scratch = _scratch(connected, replace(connected, database=path))
            yield scratch
            delete(path)
    except Timeout:
        raise StoreBusy(f"{connected.flow.id} is being compared already.", "Wait until that ends.") from None


def _scratch(real: ConnectedFlow, connected: ConnectedFlow) -> Scratch:
    made_of = hashlib.sha256(f"{real.settings.model_dump_json()} {real.mapping_version()}".encode()).hexdigest()
    now = clock.now()
    if connected.store.exists():
        with connected.store.open() as connection:
            create_table(connection, "begun", BEGUN)
            found = connection.execute("SELECT moment, made_of FROM begun").fetchone()
        if found and found[1] == made_of and now - found[0] < KEPT:
            return Scratch(real, connected, found[0])
        delete(connected.store.path)
    _copy(real, connected)
    with connected.store.transaction() as connection:
        ledger.create(connection)
        connection.execute(BINDING)
        create_staging(connection, connected.staging)
        for name, columns in TABLES.items():
            create_table(connection, name, columns)
        connection.execute("INSERT INTO begun VALUES (?, ?)", [now, made_of])
    return Scratch(real, connected, now)


def _copy(real: ConnectedFlow, connected: ConnectedFlow) -> None:
    """Copies what tells which records are partners, and which are settled: the ledger, and whose it is."""
    if not real.store.exists():
        return
    with real.store.open() as connection:
        ledger.create(connection)
        connection.execute(BINDING)
        connected.store.take_over(connection, ("ledger", "binding"))
