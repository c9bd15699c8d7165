"""Compiles a mapping table with its lookups into one DuckDB SELECT: payloads, hash and errors of all rows at once.

Here belongs: the SELECT. Formulas: formulas.py. Rules of a row: rules.py. What it joins: execute.py.
Trying it out: trial.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import MappingError
from ..staging.store import literal, quote
from ..systems.facts import FieldFacts
from .expressions import WORDS, Check, Context, Expression, Formula, Step, class_of
from .formulas import compile_formula
from .functions import Function
from .grammar import similar
from .rules import checks, fitted, with_default
from .tables import TESTS, Line, Table, read_lookup

CREATE = ("always", "create", "fill_empty")
SHARED = ("always", "fill_empty")
UPDATE = ("always", "update", "fill_empty")

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """One row of a table, compiled: `made` is the SQL of its value, `raw` the column that holds it."""

    line: Line
    facts: FieldFacts
    formula: Formula
    made: str
    raw: Expression
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Constant:
    """A cell that gives every record the same value: a default, or a formula that reads no field.

    `made` is the SQL of the value, `raw` the column that holds it.
    """

    place: str
    cell: str
    facts: FieldFacts
    made: str
    raw: Expression
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Trial:
    """What is tried out before any record is mapped, rows that are never sent too; `steps` and `lookups` as below."""

    constants: tuple[Constant, ...]
    steps: tuple[Step, ...]
    lookups: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Compiled:
    """One SELECT over the table `source`, and what it joins.

    Attributes:
        select: gives `_key, _window, _version`; `creates` (JSON object as text: fields of a new record, null = leave
            alone) and `updates` (what only existing records get; see payloads); `errors` (a list of {field, rule,
            given, row}); `hash` of both and of each row's `when`; and the source's `skip_reason`.
        base: SELECT of the source's columns and the steps', for whoever looks at single expressions.
    """

    select: str
    base: str
    steps: tuple[Step, ...]
    lookups: Mapping[str, Mapping[str, str]]
    targets: tuple[Target, ...]
    trial: Trial

    @property
    def fill_empty(self) -> frozenset[str]:
        return frozenset(each.line.target_field for each in self.targets if each.line.when == "fill_empty")

    @cached_property
    def references(self) -> dict[str, str]:
        """Fields that take the id of a record whose code the table gives, and the entity set of that record."""
        return {each.facts.name: each.facts.reference for each in self.targets if each.facts.reference}

    def payloads(self, creates: Fields, updates: Fields) -> tuple[Fields, Fields]:
        """The whole payloads for a new and for an existing record, from the two columns of the SELECT.

        A field that the tables name only since the record was mapped waits until it is mapped again.
        """
        shared = [each.line.target_field for each in self.targets if each.line.when in SHARED]
        return creates, {**{name: creates[name] for name in shared if name in creates}, **updates}

    def lineage(self) -> dict[str, frozenset[str]]:
        """Fields of the source that each field of the target is made of."""
        return {each.line.target_field: each.formula.value.reads for each in self.targets}


def compile_table(
    table: Table,
    fields: Mapping[str, str],
    target: Mapping[str, FieldFacts],
    lookup_folder: Path,
    constants: Mapping[str, tuple[str, str]],
    functions: Mapping[str, Function],
) -> Compiled:
    """The SELECT of a table; raises MappingError naming file, row and column."""
    names = {path.stem for path in lookup_folder.glob("*.csv") if path.name != TESTS}
    context = Context(fields, constants, functions, lambda name: read_lookup(lookup_folder / f"{name}.csv"), names)
    _check_twice(table)
    targets = tuple(_target(table, context, target, line) for line in table.lines if line.when != "never")
    if not targets:
        raise MappingError(f"{table.path} maps no field.", "Get the default with `winbc mapping reset`.")
    steps, lookups = tuple(context.steps.values()), dict(context.lookups)
    unsent = [line for line in table.lines if line.when == "never" and (line.source or line.default)]
    tried = [*targets, *(_target(table, context, target, line) for line in unsent)]
    fixed = tuple(constant for each in tried for constant in _fixed(table, each))
    trial = Trial(fixed, tuple(context.steps.values()), context.lookups)
    base = with_steps(steps)
    return Compiled(_select(base, targets, fields), base, steps, lookups, targets, trial)


def _select(base: str, targets: Sequence[Target], fields: Mapping[str, str]) -> str:
    raws = ", ".join(f"{each.made} AS {each.raw.sql}" for each in targets)
    creates = _object(each for each in targets if each.line.when in CREATE)
    updates = _object(each for each in targets if each.line.when == "update")
    rules = ",".join(f"{each.line.target_field} {each.line.when}" for each in targets)
    wrong = " OR ".join(["len(_bad_fields) > 0", *(check.condition for each in targets for check in each.checks)])
    found = ", ".join([_bad_fields(targets, fields), *(_errors(each) for each in targets if each.checks)])
    return (
        "SELECT _key, _window, _version, creates, updates, errors, "
        f"md5(creates || updates || {literal(rules)}) AS hash, skip_reason FROM (SELECT *, "
        f"{creates} AS creates, {updates} AS updates, "
        f"CASE WHEN {wrong} THEN flatten([{found}]) ELSE [] END AS errors FROM (SELECT *, {raws} FROM ({base})))"
    )


def with_steps(steps: Sequence[Step]) -> str:
    """The source with its steps: SELECTs one inside the other, each adding values and results of one level."""
    sql = "SELECT * FROM source"
    for level in sorted({step.level for step in steps}):
        here = [step for step in steps if step.level == level]
        values = "".join(f", {value} AS {name}" for step in here for name, value in step.columns.items())
        results = ", ".join(f"{step.result} AS __v{step.number}" for step in here)
        joins = " ".join(_join(step) for step in here)
        sql = f"SELECT t.*, {results} FROM (SELECT *{values} FROM ({sql})) AS t {joins}"
    return sql


def _join(step: Step) -> str:
    alias = f"j{step.number}"
    if step.lookup:
        key = next(iter(step.columns))
        return f"LEFT JOIN {quote(lookup_table(step.lookup))} AS {alias} ON {alias}.source_value = {key}"
    if step.function:
        same = " AND ".join(f"{alias}.value_{n} IS NOT DISTINCT FROM {name}" for n, name in enumerate(step.columns))
        return f"LEFT JOIN {quote(call_table(step))} AS {alias} ON {same}"
    return ""


def lookup_table(name: str) -> str:
    """The temporary table of a lookup table: source_value, target_value."""
    return f"lookup_{name}"


def call_table(step: Step) -> str:
    """The temporary table of a Python function's results: value_0 …, target_value."""
    return f"call_{step.number}"


def _check_twice(table: Table) -> None:
    for rules in (CREATE, UPDATE):
        seen: dict[str, int] = {}
        for line in table.lines:
            if line.when in rules and line.target_field in seen:
                words = f"{line.target_field} is mapped already in row {seen[line.target_field]}."
                raise MappingError(f"{table.place(line, 'target_field')}: {words}")
            if line.when in rules:
                seen[line.target_field] = line.row


def _target(table: Table, context: Context, fields: Mapping[str, FieldFacts], line: Line) -> Target:
    facts = _facts(table, line, fields)
    formula = compile_formula(context, line.source or "null", table.place(line))
    made = with_default(table, line, facts, formula.value)
    raw = replace(made, sql=f"__r{line.row}")
    return Target(line, facts, formula, made.sql, raw, (*formula.checks, *checks(line, facts, raw)))


def _fixed(table: Table, target: Target) -> Iterator[Constant]:
    line, facts = target.line, target.facts
    if line.default:
        made = with_default(table, line, facts, Expression("NULL", "nothing"))
        raw = replace(made, sql=f"__d{line.row}")
        place = table.place(line, "default")
        yield Constant(place, line.default, facts, made.sql, raw, tuple(checks(line, facts, raw)))
    if line.source and not target.formula.value.reads:
        yield Constant(table.place(line), line.source, facts, target.made, target.raw, target.checks)


def _facts(table: Table, line: Line, fields: Mapping[str, FieldFacts]) -> FieldFacts:
    place = table.place(line, "target_field")
    if line.target_field not in fields:
        known = sorted(name for name, facts in fields.items() if not facts.read_only)
        hint = f"{similar(line.target_field, known)} Known are: {', '.join(known)}."
        raise MappingError(f"{place}: the target has no field `{line.target_field}` here.", hint)
    if fields[line.target_field].read_only:
        raise MappingError(f"{place}: {line.target_field} is read-only in the target.")
    return fields[line.target_field]


def _bad_fields(targets: Sequence[Target], fields: Mapping[str, str]) -> str:
    """Values of the source that are not of their kind, where a row reads them."""
    used = sorted(frozenset().union(*(each.formula.value.reads for each in targets)))
    rules = {name: f"not {WORDS[fields[name]]} in the source" for name in used if fields[name] != "text"}
    rule = "".join(f" WHEN f = {literal(name)} THEN {literal(words)}" for name, words in rules.items())
    names = ", ".join(map(literal, rules or [""]))
    return (
        f"list_transform(list_filter(_bad_fields, lambda f: f IN ({names})), "
        f"lambda f: {{'field': f, 'rule': CASE{rule or ' WHEN true THEN NULL::VARCHAR'} END, "
        "'given': 'a text', 'row': 0})"
    )


def _errors(target: Target) -> str:
    """A list of the broken rules of one row: what was given is told by its class, never by its value."""
    raw, row = target.raw, target.line.row
    given, field = class_of(raw.sql, raw.kind), literal(target.line.target_field)
    errors = ", ".join(
        f"CASE WHEN {check.condition} THEN {{'field': {field}, 'rule': {literal(check.rule)}, "
        f"'given': {check.given or given}, 'row': {row}}} END"
        for check in target.checks
    )
    return f"list_filter([{errors or 'NULL'}], lambda e: e IS NOT NULL)"


def _object(targets: Iterable[Target]) -> str:
    pairs = ", ".join(f"{literal(each.line.target_field)}: {fitted(each.facts, each.raw)}" for each in targets)
    return f"CAST(to_json({{{pairs}}}) AS VARCHAR)" if pairs else "'{}'"
