"""The mapping tables and lookup tables as people edit them.

Here belongs: reading and checking rows. How a file is read: cells.py. What a formula means: formulas.py.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import MappingError
from .cells import Row, exact, plain, read_rows

COLUMNS = ("target_field", "source", "default", "when", "required", "note")
LOOKUP_COLUMNS = ("source_value", "target_value", "note")
WHEN = ("always", "create", "update", "fill_empty", "never")
TESTS, LOOKUPS = "tests.csv", "lookups"
REQUIRED = {"": False, "no": False, "yes": True}
MOST_LINES = 1000
TO_FILL = "?"


@dataclass(frozen=True)
class Line:
    """One row of a mapping table; `row` counts from 1, the header being row 1."""

    row: int
    target_field: str
    source: str
    default: str
    when: str
    required: bool


@dataclass(frozen=True)
class Table:
    """A mapping table, checked in itself but not yet against the two systems."""

    path: Path
    lines: tuple[Line, ...]

    def place(self, line: Line, column: str = "source") -> str:
        """Where a cell stands, for errors."""
        return f"{self.path}, row {line.row}, column {column}"


def read_table(path: Path) -> Table:
    """A mapping table; raises MappingError naming file, row, column and cell."""
    return Table(path, tuple(_line(path, row) for row in read_rows(path, COLUMNS, most=MOST_LINES)))


def _line(path: Path, row: Row) -> Line:
    cells, place = row.cells, f"{path}, row {row.number}"
    when, required = cells["when"].lower() or "always", cells["required"].lower()
    if when not in WHEN:
        raise MappingError(f"{place}, column when: `{when[:40]}` is not one of {', '.join(WHEN)}.")
    if required not in REQUIRED:
        raise MappingError(f"{place}, column required: `{required[:40]}` is neither yes nor no.")
    if not re.fullmatch(r"\w+(\.\w+)?", cells["target_field"], re.ASCII):
        raise MappingError(f"{place}, column target_field: `{cells['target_field'][:40]}` is not the name of a field.")
    if not cells["source"] and not cells["default"] and when != "never":
        hint = "Give a source or a default, or set `when` to never."
        raise MappingError(f"{place}, column source: {cells['target_field']} gets no value.", hint)
    return Line(row.number, cells["target_field"], cells["source"], cells["default"], when, REQUIRED[required])


def read_lookup(path: Path) -> dict[str, str]:
    """A lookup table: target value by source value; `*` is the fall-back row."""
    values: dict[str, str] = {}
    for row in read_rows(path, LOOKUP_COLUMNS, untrimmed="source_value"):
        source = exact(row.cells["source_value"])
        if source in values:
            place = f"{path}, row {row.number}, column source_value"
            raise MappingError(f"{place}: `{source[:40]}` stands there twice.")
        if row.cells["target_value"] == TO_FILL:
            place = f"{path}, row {row.number}, column target_value"
            raise MappingError(f"{place}: `{source[:40]}` has no value yet.", "Put one in the place of `?`.")
        values[source] = plain(row.cells["target_value"])
    return values


def version(folder: Path, lookups: Path, functions: Path | None = None) -> str:
    """The mapping's version: a hash over the tables, and the file of functions, that a flow maps with."""
    digest = hashlib.sha256()
    own = [functions] if functions and functions.exists() else []
    for path in sorted([*folder.glob("*.csv"), *lookups.glob("*.csv"), *own]):
        if path.name != TESTS:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
