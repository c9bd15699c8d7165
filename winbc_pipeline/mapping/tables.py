"""Mapping tables and lookup tables as people edit them.

Here belongs: reading and checking their rows. How a file is read: cells.py. What a formula means: formulas.py.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import MappingError
from .cells import Row, exact, plain, read_rows

COLUMNS = ("target_field", "source", "default", "when", "required", "owner", "note")
OPTIONAL = ("owner", "note")  # columns that a table may leave out
LOOKUP_COLUMNS = ("source_value", "target_value", "note")
RULES = "stock_rules.csv"  # the one file in the folder of the lookup tables that is none
RULE_COLUMNS = ("sku", "category", "safety", "cap", "rounding", "clamp", "ignore", "note")
WHEN = ("always", "create", "update", "fill_empty", "never")
# Values of `when` whose rows reach existing records; only there can two systems disagree.
OWNED = ("always", "update", "fill_empty")
# Whose value an existing record gets when the two systems differ; an empty cell leaves it to the flow.
OWNERS = ("source", "target", "newest", "hold")
TESTS, LOOKUPS = "tests.csv", "lookups"
REQUIRED = {"": False, "no": False, "yes": True}
MOST_LINES = 1000
TO_FILL = "?"  # stands for a target value that a person still has to give


@dataclass(frozen=True)
class Line:
    """One row of a mapping table.

    Attributes:
        row: its number in the file; the header is row 1.
        owner: one of OWNERS; empty where the flow's own rule holds.
    """

    row: int
    target_field: str
    source: str
    default: str
    when: str
    required: bool
    owner: str
    note: str


@dataclass(frozen=True)
class Table:
    """A mapping table whose cells are checked, but not yet against the fields of the two systems."""

    path: Path
    lines: tuple[Line, ...]

    def place(self, line: Line, column: str = "source") -> str:
        """File, row and column of a cell, for errors."""
        return f"{self.path}, row {line.row}, column {column}"


def read_table(path: Path) -> Table:
    """Reads a mapping table.

    Raises: MappingError that names file, row, column and cell.
    """
    rows = read_rows(path, COLUMNS, most=MOST_LINES, optional=OPTIONAL)
    return Table(path, tuple(_line(path, row) for row in rows))


def _line(path: Path, row: Row) -> Line:
    cells, place = row.cells, f"{path}, row {row.number}"
    field = cells["target_field"]
    when, required = cells["when"].lower() or "always", cells["required"].lower()
    if when not in WHEN:
        raise MappingError(f"{place}, column when: `{when[:40]}` is not one of {', '.join(WHEN)}.")
    if required not in REQUIRED:
        raise MappingError(f"{place}, column required: `{required[:40]}` is neither yes nor no.")
    if not re.fullmatch(r"\w+(\.\w+)?", field, re.ASCII):
        raise MappingError(f"{place}, column target_field: `{field[:40]}` is not the name of a field.")
    if not cells["source"] and not cells["default"] and when != "never":
        hint = "Give a source or a default, or set `when` to never."
        raise MappingError(f"{place}, column source: {field} gets no value.", hint)
    owner = _owner(place, field, when, cells["owner"])
    return Line(row.number, field, cells["source"], cells["default"], when, REQUIRED[required], owner, cells["note"])


def _owner(place: str, field: str, when: str, cell: str) -> str:
    owner = cell.lower()
    if owner and owner not in OWNERS:
        hint = "An empty cell leaves it to the flow."
        raise MappingError(f"{place}, column owner: `{cell[:40]}` is not one of {', '.join(OWNERS)}.", hint)
    if owner and when not in OWNED:
        words = f"{field} is not written to existing records (`when` is {when}), so it has no owner."
        raise MappingError(f"{place}, column owner: {words}", f"An owner goes with {', '.join(OWNED)}.")
    return owner


def read_lookup(path: Path) -> dict[str, str]:
    """Reads a lookup table: target value by source value; the key `*` is the fall-back row.

    Raises: MappingError that names file, row, column and cell.
    """
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
    """The version of a mapping: a hash over everything that a flow maps with, except tests.

    Args:
        folder: the folder of the flow's tables.
        lookups: the folder of the lookup tables.
        functions: the user's Python file of functions.
    """
    digest = hashlib.sha256()
    own = [functions] if functions and functions.exists() else []
    for path in sorted([*folder.glob("*.csv"), *lookups.glob("*.csv"), *own]):
        if path.name != TESTS:
            # The zero bytes keep names and contents apart.
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
