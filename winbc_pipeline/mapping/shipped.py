"""The shipped tables beside the user's own: what differs, and the way back."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from ..errors import MappingError
from .cells import read_rows
from .tables import COLUMNS, LOOKUP_COLUMNS, LOOKUPS, TESTS

SHIPPED = Path(str(resources.files("winbc_pipeline.defaults").joinpath("mapping_tables")))
KEPT = "kept"


@dataclass(frozen=True)
class Difference:
    """One cell or row that is not as shipped; `row` is its name: the target field or the source value."""

    table: str
    row: str
    column: str
    shipped: str
    yours: str


def differences(folder: Path) -> Iterator[Difference]:
    """What a mapping folder has otherwise than the shipped one; notes do not count."""
    tables = {path.relative_to(each) for each in (SHIPPED, folder) for path in each.glob("*/*.csv")}
    for table in sorted(tables):
        if table.name == TESTS or table.parts[0] == KEPT:
            continue
        theirs, ours = _rows(SHIPPED / table), _rows(folder / table)
        if not (folder / table).exists() or not (SHIPPED / table).exists():
            there = (folder / table).exists()
            yield Difference(str(table), "", "", "" if there else "the whole table", "the whole table" if there else "")
            continue
        for name in {**theirs, **ours}:
            yield from _cells(str(table), name, theirs.get(name), ours.get(name))


def _rows(path: Path) -> dict[str, dict[str, str]]:
    """Rows by name; a field that stands twice is told apart by its place."""
    if not path.exists():
        return {}
    columns = LOOKUP_COLUMNS if path.parent.name == LOOKUPS else COLUMNS
    found: dict[str, dict[str, str]] = {}
    for row in read_rows(path, columns):
        name = row.cells[columns[0]]
        found[f"{name} (again)" if name in found else name] = dict(row.cells)
    return found


def _cells(table: str, name: str, theirs: dict[str, str] | None, ours: dict[str, str] | None) -> Iterator[Difference]:
    if theirs is None or ours is None:
        yield Difference(table, name, "", "the row" if theirs else "", "the row" if ours else "")
        return
    for column, value in theirs.items():
        if column != "note" and value != ours[column]:
            yield Difference(table, name, column, value, ours[column])


def reset(folder: Path, name: str | None, now: datetime) -> list[Path]:
    """Puts shipped tables back, each replaced one being kept under `kept/<moment>/`.

    Args:
        name: a flow's folder, `lookups`, or a table such as `countries` or `products_winstore_to_bc/item`; None: all.
    Returns: the tables that were put back. Raises: MappingError when no shipped table has the name.
    """
    tables = [path.relative_to(SHIPPED) for path in sorted(SHIPPED.glob("*/*.csv"))]
    chosen = [table for table in tables if name is None or name in _names(table)]
    if not chosen:
        raise MappingError(f"No shipped table is called {name}.", "`winbc mapping diff` lists those that differ.")
    changed = [table for table in chosen if _content(folder / table) != _content(SHIPPED / table)]
    for table in changed:
        kept = folder / KEPT / now.strftime("%Y-%m-%dT%H%M%S") / table
        if (folder / table).exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / table, kept)
        (folder / table).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / table, folder / table)
    return changed


def _names(table: Path) -> tuple[str, ...]:
    whole = table.with_suffix("").as_posix()
    return (table.parent.name, whole, f"{whole}.csv", table.stem if table.parent.name == LOOKUPS else whole)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
