"""Compares the user's mapping tables with the shipped ones and the shared ones, and puts those back."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import MappingError
from ..settings import KEPT, SHIPPED_TABLES, Settings, Tables
from .cases import COLUMNS as TEST_COLUMNS
from .cells import Row, read_rows
from .tables import COLUMNS, FEATURE_COLUMNS, FEATURES, LOOKUP_COLUMNS, LOOKUPS, OPTIONAL, RULE_COLUMNS, RULES, TESTS

SHIPPED = SHIPPED_TABLES
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


def differences(tables: Tables) -> Iterator[Difference]:
    """The differences between the tables that serve and the shipped ones; notes are not compared."""
    before, after = Tables(SHIPPED).of(), tables.of()
    for table in sorted({*before, *after}):
        if table not in after:
            yield Difference(str(table), "", "", "the whole table", "")
        elif table not in before:
            yield Difference(str(table), "", "", "", "the whole table")
        else:
            yield from differences_of(str(table), before[table], after[table])


def differences_from_base(tables: Tables) -> Iterator[Difference]:
    """The differences between the connection's own tables and the shared ones whose places they take."""
    for table, path in tables.of().items():
        if tables.base and tables.in_base(table) and not tables.is_shared(table):
            yield from differences_of(str(table), tables.base / table, path)


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


def to_reset(tables: Tables, name: str | None) -> list[Path]:
    """The tables of a name that a reset would change, as paths in the mapping folder: the connection's own of those
    that the base has, too, and of all others those whose content differs from the shipped one.

    Args:
        name: a flow (`products`, both directions), a flow's folder, `lookups`, or a table such as `countries` or
            `products_winstore_to_bc/item`; None: all tables.
    Raises: MappingError when no table has the name, or when several tables that do not belong together have it.
    """
    shared = Tables(tables.base).of() if tables.base else {}
    known = sorted({*Tables(SHIPPED).of(), *shared})
    chosen = known if name is None else _named(known, name.removesuffix("/"))
    return [table for table in chosen if _is_to_reset(tables, table)]


def _is_to_reset(tables: Tables, table: Path) -> bool:
    if tables.in_base(table):
        return not tables.is_shared(table)
    return _content(tables.own / table) != _content(SHIPPED / table)


def copy_to_edit(settings: Settings) -> bool:
    """Makes the mapping folder; returns False when it is there already. It gets a copy of all shipped tables, and none
    where it builds on a shared one: then it holds only what the connection has otherwise."""
    folder = settings.mapping_folder
    if folder.exists():
        return False
    if settings.mapping_base:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return True


def copy_shared(tables: Tables, name: str) -> list[Path]:
    """Gives the connection its own copy of each shared table of a name; returns the tables of the name, as paths in its
    folder.

    Raises: MappingError as `to_reset`.
    """
    chosen = _named(list(tables.of()), name.removesuffix("/"))
    for table in filter(tables.is_shared, chosen):
        _put(tables.path(table), tables.own / table)
    return chosen


def reset(tables: Tables, name: str | None, now: datetime) -> list[Path]:
    """Puts the tables of a name back (see `to_reset`): the own ones of a base's tables go away, so that the base's
    serve again, and the shipped ones take the places of others. A copy of each old one stays in `kept/<moment>/`.

    Returns: the tables that were put back, as paths in the mapping folder.
    """
    changed = to_reset(tables, name)
    for table in changed:
        own = tables.own / table
        if own.exists():
            _put(own, tables.own / KEPT / now.strftime("%Y-%m-%dT%H%M%S") / table)
        if tables.in_base(table):
            own.unlink()
        else:
            _put(SHIPPED / table, own)
    return changed


def _put(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)


def _named(tables: list[Path], name: str) -> list[Path]:
    """The tables of a folder, or of a whole name; else those of a flow, or the only table that has the name."""
    whole = [table for table in tables if name in (str(table.parent), table.as_posix(), _whole(table))]
    flow = [table for table in tables if FLOW_FOLDER.sub("", str(table.parent)) == name]
    alone = [table for table in tables if name in (table.stem, table.name) and table not in flow]
    if not (whole or flow or alone):
        raise MappingError(f"No table is called {name}.", "`winbc mapping diff` lists those that differ.")
    if not whole and len(alone) + bool(flow) > 1:
        several = sorted({*(str(table.parent) for table in flow), *map(_whole, alone)})
        raise MappingError(f"Several tables are called {name}.", f"Name one of {', '.join(several)}.")
    return whole or flow or alone


def _whole(table: Path) -> str:
    return table.with_suffix("").as_posix()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
