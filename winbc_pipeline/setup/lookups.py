"""Rows of lookup tables that the set-up writes into the user's mapping folder, with the tests of the tables.

A shared table stays as it is: the connection gets a copy of its own, with these rows.
"""

from collections.abc import Mapping
from pathlib import Path

from ..mapping.cases import COLUMNS as TEST_COLUMNS
from ..mapping.cases import EXPECTED
from ..mapping.cells import exact, plain, read_rows, write_rows
from ..mapping.tables import LOOKUP_COLUMNS, LOOKUPS, TESTS
from ..settings import Tables

# The fields of the shipped tables that a lookup table fills: their tests expect another value from then on. With the
# field of the source by which it is looked up, only the tests that give that value do.
FILLED = {
    "tax_groups": ("", ("taxCode", "taxGroupCode")),
    "shipping_accounts": ("shippingmethod", ("lineObjectNumber",)),
}
REST = "*"  # the row for all other values, which stays the last one


def put_rows(tables: Tables, table: str, values: Mapping[str, str]) -> None:
    """Writes what a lookup table gives for some values, in the place of the rows that are there, and what the tests of
    all tables expect of them.

    Raises: MappingError for a table that is wrong.
    """
    place = Path(LOOKUPS, f"{table}.csv")
    rows = _rows(tables.needed(place), LOOKUP_COLUMNS, "source_value")
    present = {row[0]: row[1] for row in rows}
    changed = {source: target for source, target in values.items() if present.get(source) != target}
    if not changed:
        return
    kept = [[row[0], changed.get(row[0], row[1]), *row[2:]] for row in rows]
    fresh = [[source, target, ""] for source, target in changed.items() if source not in present]
    last = [row for row in kept if row[0] == REST]
    write_rows(tables.own / place, LOOKUP_COLUMNS, [*(row for row in kept if row[0] != REST), *fresh, *last])
    _put_lookup_tests(tables, table, changed)
    if table in FILLED:
        instead = {source: (present[source], target) for source, target in changed.items() if present.get(source)}
        for tests in (each for each in tables.of("*_to_*") if each.name == TESTS):
            _put_tests(tables, tests, *FILLED[table], instead)


def present_rows(tables: Tables, table: str) -> dict[str, str]:
    """What a lookup table gives now, by the value of the source."""
    path = tables.needed(f"{LOOKUPS}/{table}.csv")
    return {row[0]: row[1] for row in _rows(path, LOOKUP_COLUMNS, "source_value")}


def _rows(path: Path, columns: tuple[str, ...], untrimmed: str) -> list[list[str]]:
    rows = read_rows(path, columns, untrimmed=untrimmed)
    return [[(exact if name == untrimmed else plain)(row.cells[name]) for name in columns] for row in rows]


def _put_lookup_tests(tables: Tables, table: str, changed: Mapping[str, str]) -> None:
    place = Path(LOOKUPS, TESTS)
    if not tables.path(place).exists():
        return
    rows = _rows(tables.path(place), TEST_COLUMNS, "value")
    by_field = {f"{table}.{source}": target for source, target in changed.items()}
    for row in rows:
        if row[:2] == [table, "lookup"] and row[2] in by_field:
            row[3] = by_field.pop(row[2])
    fresh = [[table, "lookup", field, target, ""] for field, target in by_field.items()]
    write_rows(tables.own / place, TEST_COLUMNS, [*rows, *fresh])


def _put_tests(
    tables: Tables, place: Path, source: str, fields: tuple[str, ...], instead: Mapping[str, tuple[str, str]]
) -> None:
    """Expects other values of some fields: `instead` has the old and the new one by the value of the source."""
    rows = _rows(tables.path(place), TEST_COLUMNS, "value")
    given = {row[0]: row[3] for row in rows if row[1:3] == ["given", source]}
    by_value = dict(instead.values())
    is_changed = False
    for row in rows:
        if row[1] not in EXPECTED or row[2].rpartition(".")[2] not in fields:
            continue
        old, new = instead.get(given.get(row[0], ""), ("", "")) if source else (row[3], by_value.get(row[3], ""))
        if new and row[3] == old:
            row[3], is_changed = new, True
    if is_changed:
        write_rows(tables.own / place, TEST_COLUMNS, rows)
