"""Runs tests.csv: maps the given records by the present tables, and compares the result with the expected values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from ...mapping.cases import Expected, read_cases, read_lookup_cases
from ...mapping.cells import boolean_of
from ...mapping.compiler import Compiled
from ...mapping.execute import fill_joined_tables
from ...mapping.rules import WRITTEN
from ...mapping.tables import LOOKUPS, TESTS, read_lookup
from ...settings import Settings
from ...staging.load import is_unreadable, typed
from ...staging.store import in_memory, lock_down, quote, rows_of
from ...sync.connected import ConnectedFlow, create_source
from ...sync.payloads import fields_of, filled


@dataclass(frozen=True)
class Finding:
    """The result of one test. A test without differences has passed.

    Attributes:
        left_out: optional fields that the test gives and that Winstore's profile does not read. Then it is not run.
    """

    test: str
    differences: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def run_tests(connected: ConnectedFlow) -> Iterator[Finding]:
    """The tests of a flow's folder, if it has any.

    Raises: MappingError for tables or tests that are wrong.
    """
    connected.settings.tables.check()  # without the shared folder no test would be there, and none would fail
    path = connected.settings.tables.path(connected.place_of(TESTS))
    if not path.exists():
        return
    compiled = connected.compiled()
    tables = {Path(part.table).stem: part.name for part in connected.flow.parts}
    fields = connected.source_fields
    with in_memory() as connection:
        lock_down(connection)
        for case in read_cases(path, tables):
            if left_out := tuple(name for name in case.given if name in connected.left_out):
                yield Finding(case.name, (), left_out)
                continue
            unknown = [name for name in case.given if name not in fields]
            if unknown:
                yield Finding(case.name, tuple(f"given: the source has no field {name}" for name in unknown))
                continue
            put_source_record(connection, fields, case.given)
            differences: list[str] = []
            for table, expected in case.expected.items():
                chosen = compiled[tables[table]]
                differences += _differences(table, chosen, expected, _made(connection, chosen))
            yield Finding(case.name, tuple(differences))


def run_lookup_tests(settings: Settings) -> Iterator[Finding]:
    """The tests of the lookup tables, one finding per table. Nothing when there are no tests.

    Raises: MappingError for tables or tests that are wrong.
    """
    settings.tables.check()
    files = settings.tables.of(LOOKUPS)
    tests = files.get(Path(LOOKUPS, TESTS))
    if tests is None:
        return
    expected: dict[str, dict[str, str]] = {}
    for _, table, source, target in read_lookup_cases(tests):
        expected.setdefault(table, {})[source] = target
    for table, values in expected.items():
        made = read_lookup(settings.tables.needed(f"{LOOKUPS}/{table}.csv"))
        wrong = [name for name, value in values.items() if value != made.get(name)]
        differences = (_difference(table, name, values[name], made.get(name)) for name in wrong)
        yield Finding(f"lookup table {table}", tuple(differences))


def put_source_record(
    connection: duckdb.DuckDBPyConnection, fields: Mapping[str, str], given: Mapping[str, str]
) -> None:
    """Puts one made-up record of the source into the table `source`, in the place of the one before.

    Args:
        fields: kind of each field of the source, by name.
        given: the record's values as texts, by name of the field. Other fields stay NULL.
    """
    connection.execute("DROP TABLE IF EXISTS source")
    create_source(connection, fields)
    columns, values, bad = "", "", []
    for number, name in enumerate(given, 1):
        text, kind = f"${number}", fields[name]
        columns += f", {quote(name)}"
        values += f", {typed(text, kind)}"
        if kind != "text":
            bad.append(f"CASE WHEN {is_unreadable(text, kind)} THEN '{name}' END")
    connection.execute(
        f"""
        INSERT INTO source (_key, _bad_fields{columns})
        SELECT '', list_filter([{", ".join(bad) or "NULL"}], lambda f: f IS NOT NULL){values}
        """,
        [_given(fields[name], value) for name, value in given.items()],
    )


def _given(kind: str, value: str) -> str:
    """A boolean as DuckDB reads it, whatever a spreadsheet made of it."""
    known = boolean_of(value) if kind == "boolean" else None
    return value if known is None else str(known).lower()


def _made(connection: duckdb.DuckDBPyConnection, compiled: Compiled) -> Expected:
    """What a table makes of the given record, by the kinds of expectation that a test may have."""
    fill_joined_tables(connection, compiled.steps, compiled.lookups)
    row = rows_of(connection, compiled.select)[0]
    payloads = compiled.payloads(fields_of(row["creates"]), fields_of(row["updates"]))
    creates, updates = map(_texts, payloads)
    fill = {name: value for name, value in creates.items() if name in compiled.fill_empty}
    always = {name: value for name, value in creates.items() if updates.get(name) == value and name not in fill}
    elsewhere = always | fill
    return {
        "always": always,
        "create": {name: value for name, value in creates.items() if name not in elsewhere},
        "update": {name: value for name, value in updates.items() if name not in elsewhere},
        "fill": fill,
        "error": {error["field"]: error["rule"] for error in row["errors"]},
    }


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    """A payload's fields as a test writes them; empty ones are left out."""
    return {name: _text(value) for name, value in filled(fields).items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")  # 5 for 5.00, and never 5E+2
    return str(value)


def _differences(table: str, compiled: Compiled, expected: Expected, made: Expected) -> Iterator[str]:
    """In words, the fields that the test names and whose values are not as it expects."""
    kinds = {each.facts.name: each.facts.kind for each in compiled.targets}
    for kind, fields in expected.items():
        for name, value in fields.items():
            rule = None if name in expected["error"] else made["error"].get(name)
            value_kind = "text" if kind == "error" else kinds.get(name, "text")
            if rule and kind != "error":
                yield f"{kind} {table}.{name}: expected {_shown(value or None)}, and it breaks a rule: {rule}"
            elif not _same(value_kind, value, made[kind].get(name, "")):
                yield _difference(f"{kind} {table}", name, value or None, _elsewhere(kind, name, made))


def _same(kind: str, expected: str, made: str) -> bool:
    """Whether a value is as expected. Numbers count by value, booleans in any language, other texts to the letter."""
    if kind == "boolean" and made:
        return boolean_of(expected) is boolean_of(made)
    if kind in ("decimal", "integer") and made and re.fullmatch(WRITTEN["decimal"], expected):
        return Decimal(expected) == Decimal(made)
    return expected == made


def _elsewhere(kind: str, name: str, made: Expected) -> str | None:
    """The value that was made. When it is sent at another time than expected, the text says when."""
    if name in made[kind]:
        return made[kind][name]
    for other, fields in made.items():
        if value := fields.get(name):
            return f"{value} ({other})"
    return None


def _difference(what: str, name: str, expected: str | None, made: str | None) -> str:
    return f"{what}.{name}: expected {_shown(expected)}, made {_shown(made)}"


def _shown(value: str | None) -> str:
    return "nothing" if value is None else f"`{value}`"
