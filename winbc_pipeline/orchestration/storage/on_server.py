"""A person in Dagster's tables on the server: rows that quote the person. By design there are none.

Here belongs: what personal.py does for Dagster's files. A run that quotes a person is deleted whole.
"""

from collections.abc import Collection, Iterator
from typing import Any

from ...settings import Settings
from ...staging.server.address import asked, has_schema, write_anew
from ...staging.server.daemon import dagster_schema

QUOTING = "strpos(lower({column}), %s) > 0"


def quoting(settings: Settings, values: Collection[str]) -> dict[str, int]:
    """The tables of Dagster that hold one of some texts, in any letter case, with how many rows do."""
    found: dict[str, int] = {}
    if not _is_there(settings) or not values:
        return found
    with asked(settings.state.address) as cursor:
        for table, condition, given in _conditions(cursor, settings, values):
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}", given)
            if rows := cursor.fetchone()[0]:
                found[table] = int(rows)
    return found


def erase(settings: Settings, values: Collection[str]) -> int:
    """Deletes the runs that quote one of some texts, and other rows that do; returns how many tables are clean now.

    The caller knows that no run goes on. The tables are written anew, so no deleted row stays in them.
    """
    if not quoting(settings, values):
        return 0
    with asked(settings.state.address) as cursor:
        runs: set[str] = set()
        conditions = list(_conditions(cursor, settings, values))
        with_runs = _with_runs(cursor, settings)
        for table, condition, given in conditions:
            if table in with_runs:
                cursor.execute(f"SELECT DISTINCT run_id FROM {table} WHERE {condition}", given)
                runs |= {run for (run,) in cursor.fetchall() if run}
        for table in sorted(with_runs, reverse=True):  # run_tags refers to runs
            cursor.execute(f"DELETE FROM {table} WHERE run_id = ANY(%s)", [sorted(runs)])
        for table, condition, given in conditions:
            cursor.execute(f"DELETE FROM {table} WHERE {condition}", given)
    write_anew(settings.state.address, dagster_schema(settings.connection))
    return len(conditions)


def _is_there(settings: Settings) -> bool:
    """Also where the runs have no workers any more: the history of the time with them stays on the server."""
    address = settings.state.address
    return bool(address) and has_schema(address, dagster_schema(settings.connection))


def _conditions(cursor: Any, settings: Settings, values: Collection[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each table with columns of text, the condition by which a row of it quotes, and its values."""
    schema = dagster_schema(settings.connection)
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = %s AND data_type IN ('text', 'character varying') ORDER BY 1",
        [schema],
    )
    columns: dict[str, list[str]] = {}
    for table, column in cursor.fetchall():
        columns.setdefault(f'"{schema}"."{table}"', []).append(f'"{column}"')
    lowered = [value.lower() for value in values]
    for table, names in columns.items():
        terms = [QUOTING.format(column=name) for name in names for _ in lowered]
        yield table, " OR ".join(terms), lowered * len(names)


def _with_runs(cursor: Any, settings: Settings) -> set[str]:
    schema = dagster_schema(settings.connection)
    cursor.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = %s AND column_name = 'run_id'", [schema]
    )
    return {f'"{schema}"."{table}"' for (table,) in cursor.fetchall()}
