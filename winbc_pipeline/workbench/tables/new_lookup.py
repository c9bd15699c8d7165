"""Fills the source values of a lookup table with those that were seen in the source."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import MappingError, NotDone
from ...mapping.cells import CELL_CHARACTERS, MOST_ROWS, exact, plain, read_rows, write_rows
from ...mapping.expressions import Expression, as_text
from ...mapping.functions import BLANKS
from ...mapping.grammar import similar
from ...mapping.tables import LOOKUP_COLUMNS, LOOKUPS, TESTS, TO_FILL
from ...staging.load import create as create_staging
from ...staging.store import quote
from ...sync.connected import ConnectedFlow

ANY_OTHER = "*"


@dataclass(frozen=True)
class NewLookup:
    """The table that was written.

    Attributes:
        path: the table's file.
        rows: how many rows are new.
        left_out: in words, the values that cannot stand in a table.
    """

    path: Path
    rows: int
    left_out: Sequence[str]


def values_seen(connected: ConnectedFlow, field: str) -> list[tuple[str, int]]:
    """The distinct values of a staged field as lookups see them, and how often each occurs; the most frequent first.

    Raises: MappingError for a field that the source does not have.
    """
    flow, staging = connected.flow, connected.staging
    by_name = {name.lower(): name for name in staging.fields}
    if field.lower() not in by_name:
        hint = f"{similar(field, by_name)} Known are {', '.join(staging.fields)}."
        raise MappingError(f"The source of {flow.id} has no field `{field[:40]}`.", hint)
    name = by_name[field.lower()]
    column = Expression(quote(name), staging.fields[name], fits=True)
    text = f"trim({as_text(column).sql}, {BLANKS})"
    with connected.store.open() as connection:
        create_staging(connection, staging)
        counted = connection.execute(
            f"""
            SELECT __value, count(*) AS times
            FROM (SELECT {text} AS __value FROM {quote(staging.name)})
            WHERE __value <> ''
            GROUP BY __value
            ORDER BY times DESC, __value
            """
        )
        return counted.fetchall()


def new_lookup(connected: ConnectedFlow, name: str, field: str) -> NewLookup:
    """Writes the lookup table, or adds the missing values to it; to a copy of the connection's own, where it is shared.

    New rows have `?` as target value. The tables' check refuses it until a person has put a value in its place.

    Raises: MappingError for a name that formulas cannot use, an unknown field, more values than a table takes, and a
        shared folder that is missing; NotDone when there is no mapping folder.
    """
    if not re.fullmatch(r"\w+", name, re.ASCII) or name == Path(TESTS).stem:
        hint = "Use letters from a to z, digits and _, and another word than tests."
        raise MappingError(f"`{name[:40]}` cannot be the name of a lookup table.", hint)
    folder, base = connected.settings.mapping_folder, connected.settings.mapping_base
    if not folder.exists() and not base:
        raise NotDone(f"There is no mapping folder {folder} to write to.", "`winbc mapping edit` makes it.")
    connected.settings.tables.check()  # else the new table would hide all rows of the shared one
    table = Path(LOOKUPS, f"{name}.csv")
    path, present = folder / table, connected.settings.tables.path(table)
    rows = _rows(present) if present.exists() else []
    known = {row[0] for row in rows}
    seen = [(value, count) for value, count in values_seen(connected, field) if value not in known]
    fresh = [[value, TO_FILL, f"seen {count} times"] for value, count in seen if _fits(value)]
    if len(rows) + len(fresh) > MOST_ROWS:
        words = f"{field} has {len(fresh):,} values, and a lookup table takes {MOST_ROWS:,} rows."
        raise MappingError(words, "Is it the right field? Map it with a formula.")
    if fresh:
        write_rows(path, LOOKUP_COLUMNS, [*rows, *fresh])
    return NewLookup(path, len(fresh), tuple(_left_out([value for value, _ in seen])))


def _rows(path: Path) -> list[list[str]]:
    rows = []
    for row in read_rows(path, LOOKUP_COLUMNS, untrimmed="source_value"):
        source, *others = row.cells.values()
        rows.append([exact(source), *map(plain, others)])
    return rows


def _fits(value: str) -> bool:
    return value != ANY_OTHER and "\0" not in value and len(value) < CELL_CHARACTERS


def _left_out(values: Sequence[str]) -> Iterator[str]:
    if ANY_OTHER in values:
        yield "The value * is left out: the row * is the fall-back for any other value, and for this one too."
    if unfit := [value for value in values if value != ANY_OTHER and not _fits(value)]:
        yield f"{len(unfit)} values are left out: they are longer than a cell, or no text."
