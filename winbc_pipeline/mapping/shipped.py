"""Compares the user's mapping tables with the shipped ones, and puts shipped tables back."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import MappingError
from ..settings import SHIPPED_TABLES
from .cases import COLUMNS as TEST_COLUMNS
from .cells import Row, read_rows
from .tables import COLUMNS, FEATURE_COLUMNS, FEATURES, LOOKUP_COLUMNS, LOOKUPS, OPTIONAL, RULE_COLUMNS, RULES, TESTS

SHIPPED = SHIPPED_TABLES
KEPT = "kept"
FLOW_FOLDER = re.compile(r"_[a-z]+_to_[a-z]+$")  # the direction, which follows the flow in a folder's name


@dataclass(frozen=True)
class Difference:
    """One cell, row or table that is not as shipped.

    Attributes:
        table: path of the table in the mapping folder.
        row: the name of the row: its target field, its source value, or the first cells of a test's row; empty for a
            whole table.
        column: the column of the cell; empty for a whole row or table.
    """

    table: str
    row: str
    column: str
    shipped: str
    yours: str


@dataclass(frozen=True)
class Shape:
    """What a table of a name looks like.

    Attributes:
        columns: those that a run reads, in the order in which people read them.
        untrimmed: the column whose cells keep the blanks around them.
        guarded: the columns whose values may have an apostrophe in front (cells.safe).
    """

    columns: tuple[str, ...]
    untrimmed: str = ""
    guarded: tuple[str, ...] = ()


def differences(folder: Path) -> Iterator[Difference]:
    """The differences between a mapping folder and the shipped one; notes are not compared."""
    tables = {path.relative_to(each) for each in (SHIPPED, folder) for path in each.glob("*/*.csv")}
    for table in sorted(tables):
        if table.parts[0] == KEPT:
            continue
        if not (folder / table).exists():
            yield Difference(str(table), "", "", "the whole table", "")
        elif not (SHIPPED / table).exists():
            yield Difference(str(table), "", "", "", "the whole table")
        else:
            yield from differences_of(str(table), SHIPPED / table, folder / table)


def differences_of(table: str, shipped: Path, yours: Path) -> Iterator[Difference]:
    """The differences between two files of one table; notes are not compared."""
    before, after = _rows(shipped), _rows(yours)
    for name in {**before, **after}:
        yield from _cells(table, name, before.get(name), after.get(name))


def _rows(path: Path) -> dict[str, dict[str, str]]:
    """Rows by name. The second row of the same name gets `(again)` behind it."""
    if not path.exists():
        return {}
    named_by = 3 if path.name == TESTS else 1  # the number of cells that make the name
    found: dict[str, dict[str, str]] = {}
    for row in _read(path):
        name = ", ".join(list(row.cells.values())[:named_by])
        found[f"{name} (again)" if name in found else name] = dict(row.cells)
    return found


def _read(path: Path) -> list[Row]:
    shape = shape_of(path)
    return read_rows(path, shape.columns, untrimmed=shape.untrimmed, optional=OPTIONAL)


def shape_of(path: Path) -> Shape:
    """The columns of a table, by its name and folder."""
    if path.name == TESTS:
        return Shape(TEST_COLUMNS, untrimmed="value", guarded=("value",))
    if path.name == RULES:
        return Shape(RULE_COLUMNS)
    if path.parent.name == LOOKUPS:
        return Shape(LOOKUP_COLUMNS, guarded=LOOKUP_COLUMNS[:2])
    return Shape(FEATURE_COLUMNS if path.stem in FEATURES else COLUMNS)


def _cells(table: str, name: str, shipped: dict[str, str] | None, yours: dict[str, str] | None) -> Iterator[Difference]:
    if shipped is None or yours is None:
        yield Difference(table, name, "", "the row" if shipped else "", "the row" if yours else "")
        return
    for column, value in shipped.items():
        if column != "note" and value != yours[column]:
            yield Difference(table, name, column, value, yours[column])


def not_as_shipped(folder: Path, name: str | None) -> list[Path]:
    """The tables of a name whose content differs from the shipped one, as paths in the mapping folder.

    Args:
        name: a flow (`products`, both directions), a flow's folder, `lookups`, or a table such as `countries` or
            `products_winstore_to_bc/item`; None: all tables.
    Raises: MappingError when no shipped table has the name, or when several tables that do not belong together have it.
    """
    tables = [path.relative_to(SHIPPED) for path in sorted(SHIPPED.glob("*/*.csv"))]
    chosen = tables if name is None else _named(tables, name.removesuffix("/"))
    return [table for table in chosen if _content(folder / table) != _content(SHIPPED / table)]


def copy_to_edit(folder: Path) -> bool:
    """Makes the mapping folder, with a copy of all shipped tables; returns False when it is there already."""
    if folder.exists():
        return False
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return True


def reset(folder: Path, name: str | None, now: datetime) -> list[Path]:
    """Puts the shipped tables of a name back (see `not_as_shipped`). A copy of each old one stays in `kept/<moment>/`.

    Returns: the tables that were put back, as paths in the mapping folder.
    """
    changed = not_as_shipped(folder, name)
    for table in changed:
        kept = folder / KEPT / now.strftime("%Y-%m-%dT%H%M%S") / table
        if (folder / table).exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / table, kept)
        (folder / table).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / table, folder / table)
    return changed


def _named(tables: list[Path], name: str) -> list[Path]:
    """The tables of a folder, or of a whole name; else those of a flow, or the only table that has the name."""
    whole = [table for table in tables if name in (str(table.parent), table.as_posix(), _whole(table))]
    flow = [table for table in tables if FLOW_FOLDER.sub("", str(table.parent)) == name]
    alone = [table for table in tables if name in (table.stem, table.name) and table not in flow]
    if not (whole or flow or alone):
        raise MappingError(f"No shipped table is called {name}.", "`winbc mapping diff` lists those that differ.")
    if not whole and len(alone) + bool(flow) > 1:
        several = sorted({*(str(table.parent) for table in flow), *map(_whole, alone)})
        raise MappingError(f"Several shipped tables are called {name}.", f"Name one of {', '.join(several)}.")
    return whole or flow or alone


def _whole(table: Path) -> str:
    return table.with_suffix("").as_posix()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
