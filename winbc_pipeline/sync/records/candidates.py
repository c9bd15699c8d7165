"""The mapped records of a work that may need something, with what the ledger knows of each, some at a time.

Here belongs: which records these are, and in which order they are decided. What is decided: decide.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from ...staging import ledger
from ...staging.load import create as create_staging
from ...staging.store import Row, renew_table, rows_of
from ..map import MAPPED, mapped_table, mapped_with_ledger
from ..part import Part
from ..sending import chunks_of
from ..work import Work

READ_AHEAD = 4  # slices that are read together: each reading goes through the whole table
# The pictures of one article have one name, and come together, so that each is read once.
OF_PICTURES = "updates ->> '$.name', updates ->> '$.key', _key"


class Candidates:
    """The candidates of a work's plan.

    Args:
        as_if: what the ledger would say of records, by part and key. They are planned even if they are as they were
            sent.
    """

    def __init__(self, work: Work, as_if: Mapping[tuple[str, str], Row]) -> None:
        self.work, self.as_if = work, as_if
        with work.store.open() as connection:
            ledger.create(connection)
            renew_table(connection, mapped_table(work.flow), MAPPED)
            create_staging(connection, work.connected.staging)
            self.made_by = {version for (version,) in self._found(connection, "DISTINCT mapping_version")}
            found = {part.name: self._of_part(connection, part) for part in work.connected.parts}
        self.keys: dict[str, list[str]] = found  # by part, in the order in which they are decided

    def count(self, part: Part) -> int:
        """How many candidates a part has."""
        return len(self.keys[part.name])

    def slices(self, part: Part, at_once: int) -> Iterator[list[Row]]:
        """The candidates of a part in the order in which they are decided: by picture, or by key."""
        for some in chunks_of(self.keys[part.name], at_once * READ_AHEAD):
            yield from chunks_of(self._rows(part, some), at_once)

    def _of_part(self, connection: duckdb.DuckDBPyConnection, part: Part) -> list[str]:
        order = OF_PICTURES if part.picture else "_key"
        found = self._found(connection, "_key", "part = ?", [part.name], f"ORDER BY {order}")
        return [key for (key,) in found]

    def _found(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: str,
        where: str = "true",
        values: Sequence[Any] = (),
        order: str = "",
    ) -> list[tuple[Any, ...]]:
        """Columns (SQL) of the candidates that meet a condition (SQL)."""
        named = sorted({key for _, key in self.as_if})
        chosen = None if self.work.keys is None else sorted(self.work.keys)
        return connection.execute(
            f"""
            SELECT {columns}
            FROM ({mapped_with_ledger(self.work.flow)})
            WHERE (NOT unchanged OR _key IN (SELECT unnest(?::VARCHAR[])))
            AND (? OR (part, _key) IN (SELECT (unnest(?::VARCHAR[]), unnest(?::VARCHAR[]))))
            AND {where}
            {order}
            """,
            [*self.work.days, named, chosen is None, *_columns_of(chosen or ()), *values],
        ).fetchall()

    def _rows(self, part: Part, keys: list[str]) -> list[Row]:
        """The rows of some candidates in the order of the keys, with the columns of MAPPED and KNOWN (sync/map.py)."""
        within = "m._key BETWEEN ? AND ? AND m._key IN (SELECT unnest(?::VARCHAR[]))"  # the first passes most rows over
        values = [*self.work.days, part.name, min(keys), max(keys), keys]
        with self.work.store.open() as connection:
            found = rows_of(connection, f"{mapped_with_ledger(self.work.flow)} AND m.part = ? AND {within}", values)
        rows = {row["_key"]: row for row in found}
        return [self._as_if(rows[key]) for key in keys]

    def _as_if(self, row: Row) -> Row:
        given = self.as_if.get((row["part"], row["_key"]))
        return row | given if given else row


def _columns_of(chosen: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [part for part, _ in chosen], [key for _, key in chosen]
