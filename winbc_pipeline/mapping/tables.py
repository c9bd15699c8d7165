"""The mapping CSVs as people edit them.

Here belongs: reading and checking tables. What a formula means belongs to formulas.py.
Columns: target_field, source, default, when, required, note (docs/mapping.md).
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from ..errors import MappingError

COLUMNS = ("target_field", "source", "default", "when", "required", "note")
LOOKUP_COLUMNS = ("source_value", "target_value", "note")
WHEN = ("always", "create", "update", "fill_empty", "never")


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


def read_table(path: Path) -> Table:
    """A mapping table; raises MappingError naming file, row and column."""
    lines = []
    for row, cells in _read(path, COLUMNS):
        when = cells["when"] or "always"
        if when not in WHEN:
            raise MappingError(f"{path}, row {row}, column when: `{when}` is not one of {', '.join(WHEN)}.")
        if cells["required"] not in ("", "yes", "no"):
            raise MappingError(f"{path}, row {row}, column required: write yes or no.")
        if not cells["target_field"]:
            raise MappingError(f"{path}, row {row}, column target_field: the target field is missing.")
        lines.append(
            Line(row, cells["target_field"], cells["source"], cells["default"], when, cells["required"] == "yes")
        )
    return Table(path, tuple(lines))


def read_lookup(path: Path) -> dict[str, str]:
    """A lookup table: target value by source value; `*` is the fall-back row."""
    values: dict[str, str] = {}
    for row, cells in _read(path, LOOKUP_COLUMNS):
        if cells["source_value"] in values:
            raise MappingError(f"{path}, row {row}, column source_value: this value stands here twice.")
        values[cells["source_value"]] = cells["target_value"]
    return values


def version(folder: Path, lookups: Path) -> str:
    """The mapping's version: a hash over all its files."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.csv"), *lookups.glob("*.csv")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _read(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError:
        raise MappingError(f"{path} is missing.", "Put the file back, or copy it from the shipped defaults.") from None
    except UnicodeDecodeError:
        raise MappingError(f"{path} is not UTF-8.", "Save it as `CSV UTF-8` in the spreadsheet.") from None
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in reader.fieldnames or []]
    for name in header:
        if name not in columns:
            raise MappingError(f"{path}, row 1, column {name}: unknown column; known are {', '.join(columns)}.")
    for name in columns:
        if name not in header and name != "note":
            raise MappingError(f"{path}, row 1: the column {name} is missing.")
    rows = []
    for cells in reader:
        if None in cells:
            raise MappingError(f"{path}, row {reader.line_num}: more cells than columns.", "Quote cells with commas.")
        rows.append((reader.line_num, {name.strip(): (value or "").strip() for name, value in cells.items()}))
    return rows
