"""Rows of lookup tables that the set-up writes into the user's mapping folder, each with its test."""

from pathlib import Path

from ..mapping.cases import COLUMNS as TEST_COLUMNS
from ..mapping.cells import exact, plain, read_rows, write_rows
from ..mapping.tables import LOOKUP_COLUMNS, LOOKUPS, TESTS


def put_row(folder: Path, table: str, source: str, target: str) -> None:
    """Writes what a lookup table gives for a value, in the place of the row that is there, and the test of that row.

    Raises: MappingError for a table that is wrong.
    """
    path = folder / LOOKUPS / f"{table}.csv"
    rows = _rows(path, LOOKUP_COLUMNS, "source_value")
    present = next((row for row in rows if row[0] == source), None)
    if present and present[1] == target:
        return
    if present:
        present[1] = target
    else:
        rows.insert(_before_the_rest(rows), [source, target, ""])
    write_rows(path, LOOKUP_COLUMNS, rows)
    _put_test(folder / LOOKUPS / TESTS, table, source, target)


def present_rows(folder: Path, table: str) -> dict[str, str]:
    """What a lookup table gives now, by the value of the source."""
    return {row[0]: row[1] for row in _rows(folder / LOOKUPS / f"{table}.csv", LOOKUP_COLUMNS, "source_value")}


def _rows(path: Path, columns: tuple[str, ...], untrimmed: str) -> list[list[str]]:
    rows = read_rows(path, columns, untrimmed=untrimmed)
    return [[(exact if name == untrimmed else plain)(row.cells[name]) for name in columns] for row in rows]


def _before_the_rest(rows: list[list[str]]) -> int:
    """Where a new row goes: before the row `*`, which is for all other values."""
    return next((place for place, row in enumerate(rows) if row[0] == "*"), len(rows))


def _put_test(path: Path, table: str, source: str, target: str) -> None:
    if not path.exists():
        return
    rows = _rows(path, TEST_COLUMNS, "value")
    field = f"{table}.{source}"
    present = next((row for row in rows if row[:3] == [table, "lookup", field]), None)
    if present:
        present[3] = target
    else:
        rows.append([table, "lookup", field, target, ""])
    write_rows(path, TEST_COLUMNS, rows)
