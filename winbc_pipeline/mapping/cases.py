"""Reads tests.csv, which stands beside mapping tables: a source record, and what the tables must make of it.

Columns: test, kind, field, value, note. Rows with the same name in the column test make one test. Kinds:
- `given`: a field of the source, and its value;
- `always`: `table.field`, and its value in new and in existing records;
- `create`: the same, in new records only;
- `update`: the same, in existing records only;
- `fill`: the same, in new records and where the field is empty;
- `error`: `table.field`, and the rule that the record breaks;
- `lookup` (in lookups/tests.csv): `table.source_value`, and its target value.
An empty value means that the field gets none. Fields that a test does not name are not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import MappingError
from .cells import plain, read_rows

COLUMNS = ("test", "kind", "field", "value", "note")
EXPECTED = ("always", "create", "update", "fill", "error")
Expected = dict[str, dict[str, str]]


@dataclass
class Case:
    """One test. `expected` holds fields and their values as text, by table and then by kind."""

    name: str
    given: dict[str, str] = field(default_factory=dict)
    expected: dict[str, Expected] = field(default_factory=dict)


def read_cases(path: Path, tables: Mapping[str, str]) -> list[Case]:
    """Reads the tests of a flow's tables.

    Args:
        tables: names of tables as tests write them (`item` for item.csv).
    Raises: MappingError that names row and column, or the test that expects nothing.
    """
    cases: dict[str, Case] = {}
    for row in read_rows(path, COLUMNS, untrimmed="value"):
        place = f"{path}, row {row.number}"
        case = cases.setdefault(row.cells["test"], Case(row.cells["test"]))
        kind, name = row.cells["kind"].lower(), row.cells["field"]
        value = plain(row.cells["value"])
        if kind == "given":
            case.given[name] = value
            continue
        table, _, name = name.partition(".")
        if kind not in EXPECTED:
            raise MappingError(f"{place}, column kind: `{kind[:40]}` is not given, {', '.join(EXPECTED)}.")
        if table not in tables or not name:
            raise MappingError(f"{place}, column field: write table.field; tables are {', '.join(tables)}.")
        by_kind = case.expected.setdefault(table, {each: {} for each in EXPECTED})
        by_kind[kind][name] = value
    for case in cases.values():
        if not case.expected:
            hint = f"Add a row of the kind {', '.join(EXPECTED)} with the field that it should fill."
            raise MappingError(f"{path}: the test `{case.name[:60]}` expects nothing, so it checks nothing.", hint)
    return list(cases.values())


def read_lookup_cases(path: Path) -> list[tuple[str, str, str, str]]:
    """Reads lookups/tests.csv: the test's name, the lookup table, the source value and the target value of each row."""
    found = []
    for row in read_rows(path, COLUMNS):
        table, _, source = row.cells["field"].partition(".")
        if row.cells["kind"].lower() != "lookup":
            raise MappingError(f"{path}, row {row.number}, column kind: only lookup stands here.")
        found.append((row.cells["test"], table, plain(source), plain(row.cells["value"])))
    return found
