"""Fills the temporary tables that a compiled SELECT joins: lookup tables, and the results of Python functions.

The SELECT itself is SQL only. A Python function runs before it, on the distinct values, with whole columns.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from ..errors import MappingError
from ..staging.store import insert_rows, literal, quote
from .compiler import call_table, lookup_table, with_steps
from .expressions import NUMBER, TYPES, Context, Step, as_text
from .formulas import compile_formula
from .functions import Function

COLUMNS = {"source_value": "VARCHAR", "target_value": "VARCHAR"}
CALLED = TYPES | {"decimal": NUMBER}  # DuckDB types of what a Python function takes and gives, by kind
AT_ONCE = 10_000  # values for one call of a Python function
# Python types of what a function may give, by kind.
MADE = {"text": str, "decimal": Decimal | int, "boolean": bool, "date": date, "datetime": datetime}


def fill_joined_tables(
    connection: duckdb.DuckDBPyConnection, steps: Sequence[Step], lookups: Mapping[str, Mapping[str, str]]
) -> None:
    """Makes the temporary tables that the SELECT of a compiled table joins. The table `source` must be there.

    Raises: MappingError for a Python function that does not give a column of its kind.
    """
    for name, values in lookups.items():
        _new_table(connection, lookup_table(name), COLUMNS)
        rows = ", ".join(f"({literal(source)}, {literal(target)})" for source, target in values.items())
        if rows:
            connection.execute(f"INSERT INTO {quote(lookup_table(name))} VALUES {rows}")
    for step in sorted(steps, key=lambda each: each.level):
        if step.function:
            below = [each for each in steps if each.level < step.level]
            _call(connection, step, step.function, with_steps(below))


def _new_table(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    typed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(table)} ({typed})")


def _call(connection: duckdb.DuckDBPyConnection, step: Step, function: Function, below: str) -> None:
    """Fills the table of a function's results, by the distinct values that the source has for it."""
    names = [f"value_{place}" for place in range(len(step.columns))]
    values = ", ".join(f"{value} AS {name}" for name, value in zip(names, step.columns.values(), strict=True))
    distinct = f"SELECT DISTINCT {values} FROM ({below})"
    # Rows are numbered because inside a transaction DuckDB's own rowids begin anywhere.
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE calls AS
        SELECT row_number() OVER () AS place, *
        FROM ({distinct})""")
    columns = {name: CALLED[kind.rstrip("?*")] for name, kind in zip(names, function.takes, strict=False)}
    columns["target_value"] = CALLED[function.gives]
    _new_table(connection, call_table(step), columns)
    chunk = f"SELECT * EXCLUDE (place) FROM calls WHERE place > ? ORDER BY place LIMIT {AT_ONCE}"
    first = 0
    while rows := connection.execute(chunk, [first]).fetchall():
        results = _results(function, list(zip(*rows, strict=True)))
        filled = [(*row, result) for row, result in zip(rows, results, strict=True)]
        made = [dict(zip(columns, row, strict=True)) for row in filled]
        try:
            insert_rows(connection, call_table(step), columns, made)
        except (duckdb.Error, TypeError):  # DuckDB's own message would quote a value, which may be a person's data
            raise _wrong_kind(function) from None
        first += len(rows)


def _results(function: Function, values: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """The results of a function. When the whole call fails, each value is tried alone; one that fails gives None."""
    assert function.column is not None  # noqa: S101 - `Step.function` is only set for those
    try:
        results = function.column(*values)
    except (Exception, SystemExit):  # noqa: BLE001 - a function of the user's own
        results = [_one(function, row) for row in zip(*values, strict=True)]
    if not isinstance(results, Sequence) or len(results) != len(values[0]):
        hint = "A function returns a list with one value for each value that it gets."
        raise MappingError(f"The function {function.name} did not give {len(values[0])} values for as many.", hint)
    if not all(value is None or isinstance(value, MADE[function.gives]) for value in results):
        raise _wrong_kind(function)
    return results


def _wrong_kind(function: Function) -> MappingError:
    return MappingError(f"The function {function.name} gave a value that is no {function.gives}.")


def _one(function: Function, values: Sequence[Any]) -> Any:
    assert function.column is not None  # noqa: S101
    try:
        return function.column(*([value] for value in values))[0]
    except (Exception, SystemExit):  # noqa: BLE001 - reported as a broken rule of the record
        return None


def evaluate(connection: duckdb.DuckDBPyConnection, text: str, functions: Mapping[str, Function], place: str) -> str:
    """The value of a formula that reads no field, as text; empty when it has none.

    Raises: MappingError that names the place.
    """
    context = Context({}, {}, functions, lambda name: {})
    formula = compile_formula(context, text, place)
    connection.execute("CREATE OR REPLACE TEMP TABLE source AS SELECT 1 AS one")
    steps = tuple(context.steps.values())
    fill_joined_tables(connection, steps, context.lookups)
    value = as_text(formula.value).sql
    row = connection.execute(f"SELECT {value} FROM ({with_steps(steps)})").fetchone()
    return str(row[0]) if row and row[0] is not None else ""
