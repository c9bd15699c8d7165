"""Fills the left side of a lookup table with the values that were seen in the source."""

from pathlib import Path

from ..errors import MappingError
from ..mapping.cells import plain, read_rows, write_rows
from ..mapping.expressions import Expression, as_text
from ..mapping.functions import BLANKS
from ..mapping.tables import LOOKUP_COLUMNS, LOOKUPS, TO_FILL
from ..settings import Settings
from ..staging.load import create as create_staging
from ..staging.store import quote
from .flow import Flow
from .stage import flow_store, staging_table


def values_seen(flow: Flow, settings: Settings, field: str) -> list[tuple[str, int]]:
    """The distinct values of a staged field as lookups see them, and how often; the most frequent first."""
    staging = staging_table(flow, settings)
    if field not in staging.fields:
        raise MappingError(f"{flow.id} has no field {field}.", f"Known are {', '.join(staging.fields)}.")
    text = f"trim({as_text(Expression(quote(field), staging.fields[field], fits=True)).sql}, {BLANKS})"
    with flow_store(flow, settings).open() as connection:
        create_staging(connection, staging)
        counted = (
            f"SELECT {text} AS value, count(*) AS times FROM {quote(staging.name)} WHERE value <> '' GROUP BY value"
        )
        return connection.execute(f"{counted} ORDER BY times DESC, value").fetchall()


def new_lookup(flow: Flow, settings: Settings, name: str, field: str) -> tuple[Path, int]:
    """Writes the table, or adds to it what is missing; returns its path and how many rows are new.

    New rows have `?` as target value, which the tables' check refuses until it is filled in.
    """
    if not name.isidentifier():
        raise MappingError(f"`{name[:40]}` is not the name of a lookup table.", "Use letters, digits and _.")
    path = settings.mapping_folder / LOOKUPS / f"{name}.csv"
    rows = [list(map(plain, row.cells.values())) for row in read_rows(path, LOOKUP_COLUMNS)] if path.exists() else []
    known = {row[0] for row in rows}
    fresh = [[value, TO_FILL, f"seen {count} times"] for value, count in values_seen(flow, settings, field)]
    fresh = [row for row in fresh if row[0] not in known]
    if fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(path, LOOKUP_COLUMNS, [*rows, *fresh])
    return path, len(fresh)
