"""Mapping tables, tables of features and lookup tables as people edit them.

Here belongs: reading and checking their rows. How a file is read: cells.py. What a formula means: formulas.py.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import MappingError
from ..systems.facts import APP_FIELD, ATTRIBUTE, BARCODE, DIMENSION, SHIP_TO, UNIT
from .cells import Row, exact, plain, read_rows

COLUMNS = ("target_field", "source", "default", "when", "required", "owner", "note")
OPTIONAL = ("owner", "note")  # columns that a table may leave out
FEATURE_COLUMNS = ("name", "source", "place", "when", "owner", "note")
LOOKUP_COLUMNS = ("source_value", "target_value", "note")
RULES = "stock_rules.csv"  # the one file in the folder of the lookup tables that is none
RULE_COLUMNS = ("sku", "category", "safety", "cap", "rounding", "clamp", "ignore", "note")
WHEN = ("always", "create", "update", "fill_empty", "never")
# Values of `when` whose rows reach existing records; only there can two systems disagree.
OWNED = ("always", "update", "fill_empty")
# Whose value an existing record gets when the two systems differ; an empty cell leaves it to the flow.
OWNERS = ("source", "target", "newest", "hold")
TESTS, LOOKUPS = "tests.csv", "lookups"
FEATURES = ("attributes", "features")  # names of tables of features, which have columns of their own
REQUIRED = {"": False, "no": False, "yes": True}
MOST_LINES = 1000
TO_FILL = "?"  # stands for a target value that a person still has to give
# What names a dimension, an attribute or a unit may hold any characters, as many as Business Central has room for.
_NAMED = {DIMENSION: 20, ATTRIBUTE: 250, UNIT: 10, f"{BARCODE}.": 10}
_FREE = "|".join(rf"{re.escape(prefix)}\S.{{0,{room - 1}}}" for prefix, room in _NAMED.items())
_SHIP_TO = rf"{re.escape(SHIP_TO)}[A-Za-z0-9_-]{{1,10}}\.[A-Za-z0-9]+"  # the code of an address, and a field of it
_OF_OTHERS = "|".join(map(re.escape, (*_NAMED, SHIP_TO)))
TARGET_FIELD = re.compile(rf"(?!{_OF_OTHERS})[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?|{_FREE}|{_SHIP_TO}")
# The places of a feature in a record of the target, and the field that each is.
FIELDS_OF_PLACES = {
    "field": "{}",
    "dimension": DIMENSION + "{}",
    "category": "itemCategoryCode",
    "app": APP_FIELD + "{}",
    "attribute": ATTRIBUTE + "{}",
    "unit": UNIT + "{}",
    "barcode": BARCODE + ".{}",
}
PLACE_HINT = (
    "Write `field NAME`, `dimension CODE`, `category`, `app NAME`, `attribute NAME`, `barcode`, `barcode UNIT`, "
    "`unit CODE`, or leave it empty."
)
UNNAMED, EITHER = ("", "category"), ("barcode",)  # kinds of places without a name, and with or without one


@dataclass(frozen=True)
class Line:
    """One row of a mapping table.

    Attributes:
        table: the name of its file.
        row: its number in the file; the header is row 1.
        owner: one of OWNERS; empty where the flow's own rule holds.
    """

    table: str
    row: int
    target_field: str
    source: str
    default: str
    when: str
    required: bool
    owner: str
    note: str

    @property
    def place(self) -> str:
        """File and row, as messages name them."""
        return f"{self.table} row {self.row}"


@dataclass(frozen=True)
class Feature:
    """One row of a table of features: something that a record has besides, and where it goes in the target.

    Attributes:
        name: what people call it.
        source: a field or a formula; it may be empty where there is no place.
        field: the field of the target that it fills; empty for one without a place.
    """

    table: str
    row: int
    name: str
    source: str
    field: str
    when: str
    owner: str
    note: str


@dataclass(frozen=True)
class Table:
    """A mapping table whose cells are checked, but not yet against the fields of the two systems.

    Attributes:
        others: the files of its further rows, which may lie in another folder than its own.
        lines: its rows, and those of its tables of features that have a place.
        unplaced: the features that have none.
    """

    path: Path
    lines: tuple[Line, ...]
    unplaced: tuple[Feature, ...] = ()
    others: tuple[Path, ...] = ()

    def place(self, line: Line | Feature, column: str = "source") -> str:
        """File, row and column of a cell, for errors."""
        named = (each for each in self.others if each.name == line.table)
        path = next(named, self.path.parent / line.table)
        return f"{path}, row {line.row}, column {column}"


def read_table(path: Path) -> Table:
    """Reads a mapping table.

    Raises: MappingError that names file, row, column and cell.
    """
    rows = read_rows(path, COLUMNS, most=MOST_LINES, optional=OPTIONAL)
    return Table(path, tuple(_line(path, row) for row in rows))


def _line(path: Path, row: Row) -> Line:
    cells, place = row.cells, f"{path}, row {row.number}"
    field = cells["target_field"]
    when, required = _when(place, cells["when"]), cells["required"].lower()
    if required not in REQUIRED:
        raise MappingError(f"{place}, column required: `{required[:40]}` is neither yes nor no.")
    if not TARGET_FIELD.fullmatch(field):
        raise MappingError(f"{place}, column target_field: `{field[:40]}` is not the name of a field.")
    if not cells["source"] and not cells["default"] and when != "never":
        hint = "Give a source or a default, or set `when` to never."
        raise MappingError(f"{place}, column source: {field} gets no value.", hint)
    owner = _owner(place, field, when, cells["owner"])
    texts = (cells["source"], cells["default"], when)
    return Line(path.name, row.number, field, *texts, REQUIRED[required], owner, cells["note"])


def _when(place: str, cell: str) -> str:
    when = cell.lower() or "always"
    if when not in WHEN:
        raise MappingError(f"{place}, column when: `{when[:40]}` is not one of {', '.join(WHEN)}.")
    return when


def _owner(place: str, field: str, when: str, cell: str) -> str:
    owner = cell.lower()
    if owner and owner not in OWNERS:
        hint = "An empty cell leaves it to the flow."
        raise MappingError(f"{place}, column owner: `{cell[:40]}` is not one of {', '.join(OWNERS)}.", hint)
    if owner and when not in OWNED:
        words = f"{field} is not written to existing records (`when` is {when}), so it has no owner."
        raise MappingError(f"{place}, column owner: {words}", f"An owner goes with {', '.join(OWNED)}.")
    return owner


def read_features(path: Path) -> tuple[Feature, ...]:
    """Reads a table of features; none where the file is missing, as in a mapping folder of an earlier version.

    Raises: MappingError that names file, row, column and cell.
    """
    if not path.exists():
        return ()
    return tuple(
        _feature(path, row) for row in read_rows(path, FEATURE_COLUMNS, most=MOST_LINES, optional=("owner", "note"))
    )


def _feature(path: Path, row: Row) -> Feature:
    cells, place = row.cells, f"{path}, row {row.number}"
    kind, _, what = cells["place"].partition(" ")
    kind, what, when = kind.lower(), what.strip(), _when(place, cells["when"])
    if kind not in ("", *FIELDS_OF_PLACES) or (bool(what) == (kind in UNNAMED) and kind not in EITHER):
        raise MappingError(f"{place}, column place: `{cells['place'][:40]}` is no place.", PLACE_HINT)
    field = FIELDS_OF_PLACES.get(kind, "").format(what).rstrip(".")
    if field and not TARGET_FIELD.fullmatch(field):
        raise MappingError(f"{place}, column place: `{what[:40]}` is not the name of a {kind}.", PLACE_HINT)
    if field and not cells["source"]:
        hint = "Give a field, a formula, or a fixed value in straight quotes."
        raise MappingError(f"{place}, column source: {cells['name'][:40]} gets no value.", hint)
    owner = _owner(place, cells["name"], when, cells["owner"])
    return Feature(path.name, row.number, cells["name"], cells["source"], field, when, owner, cells["note"])


def with_features(table: Table, features: Sequence[Feature]) -> Table:
    """A table with a row for each feature that has a place. Empty values of a feature are handled as in other rows.

    Raises: MappingError for a field that two rows would fill; it names both files and rows.
    """
    placed = [each for each in features if each.field]
    lines = [
        Line(each.table, each.row, each.field, each.source, "", each.when, False, each.owner, each.note)
        for each in placed
    ]
    whole = with_lines(table, lines, "place", [f"{each.name} goes to {each.field}" for each in placed])
    return replace(whole, unplaced=tuple(each for each in features if not each.field))


def with_lines(table: Table, more: Sequence[Line], column: str = "target_field", words: Sequence[str] = ()) -> Table:
    """A table with further rows.

    Args:
        column: the column of a further row that says which field it fills; words: how each of them says it.
    Raises: MappingError for a field that two rows would fill; it names both files and rows.
    """
    lines, seen = list(table.lines), {line.target_field: line for line in table.lines if line.when != "never"}
    for line, said in zip(more, words or [line.target_field for line in more], strict=True):
        if line.when != "never":
            if other := seen.get(line.target_field):
                message = f"{table.place(line, column)}: {said}, which {other.place} fills already."
                raise MappingError(message, "Keep one of the two rows.")
            seen[line.target_field] = line
        lines.append(line)
    return replace(table, lines=tuple(lines))


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


def version(files: Mapping[Path, Path], functions: Path | None = None) -> str:
    """The version of a mapping: a hash over everything that a flow maps with, except tests.

    Args:
        files: the files of the flow's tables and of the lookup tables, by their places in one folder: in which folder
            a file really lies makes no other version.
        functions: the user's Python file of functions.
    """
    digest = hashlib.sha256()
    own = {functions: functions} if functions and functions.exists() else {}
    for _, path in sorted({**files, **own}.items()):
        if path.name != TESTS:
            # The zero bytes keep names and contents apart.
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
