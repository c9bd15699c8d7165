"""Compiles a mapping table with its lookups into one DuckDB SELECT: payloads, hash and errors of all rows at once.

Here belongs: the SELECT. Formulas: formulas.py. Where the result is stored: sync/map.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import MappingError
from ..systems.business_central.facts import FieldFacts
from .formulas import compile_formula
from .tables import Line, Table, read_lookup

CREATE = ("always", "create", "fill_empty")
UPDATE = ("always", "update", "fill_empty")
DECIMAL = "DECIMAL(28, 5)"


@dataclass(frozen=True)
class Compiled:
    """One SELECT over the staging table (alias `s`), and the lookup tables that it joins.

    `trials` are the SELECTs of the single rows, each with its place in the CSV: what to run to find a formula that does
    not fit its fields' types.
    """

    select: str
    lookups: Mapping[str, dict[str, str]]
    fill_empty: frozenset[str]
    trials: tuple[tuple[str, str], ...]


@dataclass
class _Joins:
    folder: Path
    place: str = ""
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    sql: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> str:
        if not name.isidentifier():
            raise MappingError(f"{self.place}: `{name}` is not the name of a lookup table.")
        if name not in self.tables:
            self.tables[name] = read_lookup(self.folder / f"{name}.csv")
        alias = f"l{len(self.sql)}"
        fall_back = "'" + self.tables[name].get("*", "").replace("'", "''") + "'"
        self.sql.append(f"LEFT JOIN lookup_{name} AS {alias} ON {alias}.source_value = {value}")
        if "*" in self.tables[name]:
            return f"CASE WHEN {value} IS NULL THEN NULL ELSE coalesce({alias}.target_value, {fall_back}) END"
        self.misses.append(f"{value} IS NOT NULL AND {alias}.source_value IS NULL")
        return f"{alias}.target_value"


def compile_table(
    table: Table,
    fields: Mapping[str, str],
    target: Mapping[str, FieldFacts],
    lookup_folder: Path,
    constants: Mapping[str, str] | None = None,
) -> Compiled:
    """The SELECT of a table; raises MappingError naming file, row and column.

    Its columns: `_key, _window, _version, creates, updates` (JSON objects as text; null = leave alone), `errors`
    (a list of {field, rule, row}) and `hash` of both objects.
    """
    joins = _Joins(lookup_folder)
    lines = [line for line in table.lines if line.when != "never"]
    _check_twice(table.path, lines)
    inner, checks, trials = [], [], []
    for number, line in enumerate(lines):
        facts = _facts(table.path, line, target)
        before = len(joins.misses)
        raw = _raw(table.path, line, fields, constants or {}, joins)
        inner.append(f"{raw} AS r{number}")
        trials.append((f"{table.path}, row {line.row}, column source", f"SELECT {raw} FROM source AS s"))
        inner += [f"{miss} AS m{index}" for index, miss in enumerate(joins.misses[before:], start=before)]
        checks += _checks(line, facts, f"r{number}")
        checks += [_error(f"m{index}", line, "lookup") for index in range(before, len(joins.misses))]
    values = {line: _value(target[line.target_field], f"r{n}") for n, line in enumerate(lines)}
    creates = _object({line.target_field: sql for line, sql in values.items() if line.when in CREATE})
    updates = _object({line.target_field: sql for line, sql in values.items() if line.when in UPDATE})
    source = f"SELECT s.*, {', '.join(inner)} FROM source AS s {' '.join(joins.sql)}"
    used = ", ".join(f"'{name}'" for name in fields if any(_names(line.source, name) for line in lines)) or "''"
    bad = (
        f"list_transform(list_filter(_bad_fields, lambda f: f IN ({used})), "
        "lambda f: {'field': f, 'rule': 'source value', 'row': 0})"
    )
    select = (
        f"SELECT _key, _window, _version, creates, updates, errors, md5(creates || updates) AS hash FROM (SELECT *, "
        f"{creates} AS creates, {updates} AS updates, "
        f"list_concat({bad}, list_filter([{', '.join(checks)}], lambda e: e IS NOT NULL)) AS errors FROM ({source}))"
    )
    fill_empty = frozenset(line.target_field for line in lines if line.when == "fill_empty")
    joined = tuple((place, f"{trial} {' '.join(joins.sql)}") for place, trial in trials)
    return Compiled(select, joins.tables, fill_empty, joined)


def _names(formula: str, field: str) -> bool:
    return re.search(rf"\b{re.escape(field)}\b", formula, re.IGNORECASE) is not None


def _check_twice(path: Path, lines: list[Line]) -> None:
    for rules in (CREATE, UPDATE):
        seen: dict[str, int] = {}
        for line in lines:
            if line.when in rules and line.target_field in seen:
                place = f"{path}, row {line.row}, column target_field"
                raise MappingError(f"{place}: {line.target_field} is mapped already in row {seen[line.target_field]}.")
            if line.when in rules:
                seen[line.target_field] = line.row


def _facts(path: Path, line: Line, target: Mapping[str, FieldFacts]) -> FieldFacts:
    place = f"{path}, row {line.row}, column target_field"
    if line.target_field not in target:
        raise MappingError(f"{place}: Business Central has no field `{line.target_field}` here.")
    if target[line.target_field].read_only:
        raise MappingError(f"{place}: {line.target_field} is read-only in Business Central.")
    return target[line.target_field]


def _raw(path: Path, line: Line, fields: Mapping[str, str], constants: Mapping[str, str], joins: _Joins) -> str:
    joins.place = f"{path}, row {line.row}, column source"
    value = compile_formula(line.source, fields, constants, joins.add, joins.place) if line.source else "NULL"
    if not line.default:
        return f"({value})"
    default = "'" + line.default.replace("'", "''") + "'"
    return f"coalesce(nullif(CAST({value} AS VARCHAR), ''), {default})"


def _value(facts: FieldFacts, raw: str) -> str:
    if facts.edm == "Edm.Decimal":
        return f"try_cast({raw} AS {DECIMAL})"
    if facts.edm == "Edm.Boolean":
        return f"try_cast({raw} AS BOOLEAN)"
    if facts.options:
        return f"nullif(CAST({raw} AS VARCHAR), '')"
    text = f"coalesce(CAST({raw} AS VARCHAR), '')"
    return f"upper(trim({text}))" if facts.upper_cased else text


def _checks(line: Line, facts: FieldFacts, raw: str) -> list[str]:
    text = f"CAST({raw} AS VARCHAR)"
    known = f"coalesce({text}, '') <> ''"
    checks = [_error(f"trim(coalesce({text}, '')) = ''", line, "required")] if line.required else []
    if facts.edm in ("Edm.Decimal", "Edm.Boolean"):
        checks.append(_error(f"{known} AND {_value(facts, raw)} IS NULL", line, "type"))
    if facts.max_length:
        wide = f"length({text}) + length(regexp_replace({text}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"
        checks.append(_error(f"{known} AND {wide} > {facts.max_length}", line, f"longer than {facts.max_length}"))
    if facts.options:
        options = ", ".join(f"'{option}'" for option in facts.options)
        checks.append(_error(f"{known} AND {text} NOT IN ({options})", line, "option"))
    if facts.is_email:
        checks.append(_error(f"{known} AND NOT regexp_full_match({text}, '[^@\\s]+@[^@\\s]+')", line, "e-mail"))
    return checks


def _error(condition: str, line: Line, rule: str) -> str:
    return f"CASE WHEN {condition} THEN {{'field': '{line.target_field}', 'rule': '{rule}', 'row': {line.row}}} END"


def _object(values: Mapping[str, str]) -> str:
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in values.items())
    return f"CAST(json_object({pairs}) AS VARCHAR)"
