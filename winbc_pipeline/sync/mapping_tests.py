"""Runs tests.csv: the given records through the tables as they are now, beside what was expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from ..mapping.cases import EXPECTED, Case, Expected, read_cases, read_lookup_cases
from ..mapping.compiler import Compiled
from ..mapping.execute import prepare
from ..mapping.tables import LOOKUPS, TESTS, read_lookup
from ..settings import Settings
from ..staging.load import is_bad, typed
from ..staging.store import in_memory, lock_down, quote, rows_of
from .fields import source_fields
from .flow import Flow
from .map import compile_flow, create_source
from .plan import fields_of


@dataclass(frozen=True)
class Finding:
    """What came of one test: the differences, none when it passed."""

    test: str
    differences: tuple[str, ...]


def run_tests(flow: Flow, settings: Settings) -> Iterator[Finding]:
    """The tests of a flow's folder, if it has any; raises MappingError for tables or tests that are wrong."""
    path = settings.mapping_folder / flow.id / TESTS
    if not path.exists():
        return
    compiled = compile_flow(flow, settings)
    tables = {Path(part.table).stem: part.name for part in flow.parts}
    fields = source_fields(flow, settings)
    with in_memory() as connection:
        lock_down(connection)
        for case in read_cases(path, tables):
            unknown = tuple(f"given: the source has no field {name}" for name in case.given if name not in fields)
            if unknown:
                yield Finding(case.name, unknown)
                continue
            _give(connection, fields, case.given)
            found = [(table, _made(connection, compiled[tables[table]])) for table in case.expected]
            yield Finding(case.name, tuple(text for table, made in found for text in _differences(case, table, made)))


def run_lookup_tests(settings: Settings) -> Iterator[Finding]:
    """The tests of the lookup tables, one finding per table; nothing where there are none."""
    folder = settings.mapping_folder / LOOKUPS
    if not (folder / TESTS).exists():
        return
    expected: dict[str, dict[str, str]] = {}
    for _, table, source, target in read_lookup_cases(folder / TESTS):
        expected.setdefault(table, {})[source] = target
    for table, values in expected.items():
        yield Finding(f"lookup table {table}", tuple(_compared(table, values, read_lookup(folder / f"{table}.csv"))))


def _give(connection: duckdb.DuckDBPyConnection, fields: Mapping[str, str], given: Mapping[str, str]) -> None:
    connection.execute("DROP TABLE IF EXISTS source")
    create_source(connection, fields)
    columns = "".join(f", {quote(name)}" for name in given)
    places = [(name, f"${place}", fields[name]) for place, name in enumerate(given, 1)]
    values = "".join(f", {typed(text, kind)}" for _, text, kind in places)
    typed_places = [each for each in places if each[2] != "text"]
    bad = ", ".join(f"CASE WHEN {is_bad(text, kind)} THEN '{name}' END" for name, text, kind in typed_places)
    connection.execute(
        f"INSERT INTO source (_key, _bad_fields{columns}) "
        f"SELECT '', list_filter([{bad or 'NULL'}], lambda f: f IS NOT NULL){values}",
        list(given.values()),
    )


def _made(connection: duckdb.DuckDBPyConnection, compiled: Compiled) -> Expected:
    prepare(connection, compiled.steps, compiled.lookups)
    row = rows_of(connection, compiled.select)[0]
    creates, updates = map(_texts, compiled.payloads(fields_of(row["creates"]), fields_of(row["updates"])))
    fill = {name: value for name, value in creates.items() if name in compiled.fill_empty}
    always = {n: value for n, value in creates.items() if updates.get(n) == value and n not in fill}
    return {
        "always": always,
        "create": {n: value for n, value in creates.items() if n not in always and n not in fill},
        "update": {n: value for n, value in updates.items() if n not in always and n not in fill},
        "fill": fill,
        "error": {error["field"]: error["rule"] for error in row["errors"]},
    }


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    """A payload's fields as a test writes them; empty ones are left out."""
    return {name: _text(value) for name, value in fields.items() if value not in (None, "")}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def _differences(case: Case, table: str, made: Expected) -> Iterator[str]:
    """A test with an expected error looks at errors only; the others want none, and their payloads whole."""
    expected = case.expected[table]
    kinds = ("error",) if expected["error"] else tuple(EXPECTED)
    for kind in kinds:
        if kind == "error" or any(expected[each] for each in kinds):
            yield from _compared(f"{kind} {table}", {n: v for n, v in expected[kind].items() if v}, made[kind])


def _compared(what: str, expected: Mapping[str, str], made: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*expected, *made}):
        if expected.get(name) != made.get(name):
            yield f"{what}.{name}: expected {_shown(expected.get(name))}, made {_shown(made.get(name))}"


def _shown(value: str | None) -> str:
    return "nothing" if value is None else f"`{value}`"
