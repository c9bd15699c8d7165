"""Compiles a mapping table with its lookups into one DuckDB SELECT: payloads, hash and errors of all records at once.

Here belongs: the SELECT. Formulas: formulas.py. Rules of a row: rules.py. The tables that the SELECT joins: execute.py.
Trying a table out: trial.py.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import MappingError
from ..staging.store import literal, quote, unless_blank
from ..systems.facts import FieldFacts
from .expressions import WORDS, Check, Context, Expression, Formula, Step, class_of
from .formulas import compile_formula
from .functions import Function
from .grammar import similar
from .rules import checks, filled, payload_value, with_default
from .tables import Feature, Line, Table, read_lookup

# Values of the column `when`, by the payloads that their fields go into; a SHARED field goes into both.
CREATE = ("always", "create", "fill_empty")
SHARED = ("always", "fill_empty")
UPDATE = ("always", "update", "fill_empty")

Fields = dict[str, Any]


@dataclass(frozen=True)
class CompiledLine:
    """One row of a table, compiled: `made` is the SQL of its value, `raw` is the column that holds it."""

    line: Line
    facts: FieldFacts
    formula: Formula
    made: str
    raw: Expression
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Constant:
    """A cell that gives every record the same value: a default, or a formula that reads no field.

    `made` is the SQL of the value, `raw` is the column that holds it.
    """

    place: str
    cell: str
    facts: FieldFacts
    made: str
    raw: Expression
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Trial:
    """Everything that is tried out before any record is mapped, including rows with `never`.

    `steps` and `lookups` are as in Compiled, for these rows too.
    """

    constants: tuple[Constant, ...]
    steps: tuple[Step, ...]
    lookups: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Compiled:
    """One SELECT over the table `source`, and the steps and lookups that it joins.

    Attributes:
        select: the SELECT, of one row per record. Its columns are
            `_key`, `_window`, `_version` and `skip_reason`, as in the source;
            `creates`, the fields of a new record, a JSON object as text, in which null means: leave the field alone;
            `updates`, the same for fields that only existing records get (see `payloads`);
            `errors`, a list of {field, rule, given, row};
            `hash`, over both payloads and the `when` and `owner` of each row.
        marked: the same SELECT, but `errors` is NULL for a record that breaks a rule. Listing what is wrong costs as
            much as all else, even where no record is wrong.
        base: SELECT of the columns of the source and of the steps, to look at single expressions.
        steps: columns that are computed below the SELECT, in the order in which formulas needed them.
        lookups: the lookup tables that are joined: target value by source value, by name.
        unplaced: the features that have no place in the target.
        named: the fields of the source that rows without a place, or with `never`, name.
    """

    select: str
    marked: str
    base: str
    steps: tuple[Step, ...]
    lookups: Mapping[str, Mapping[str, str]]
    targets: tuple[CompiledLine, ...]
    trial: Trial
    unplaced: tuple[Feature, ...] = ()
    named: frozenset[str] = frozenset()

    @property
    def fill_empty(self) -> frozenset[str]:
        """Fields that are written to an existing record only where they are empty there."""
        return frozenset(each.line.target_field for each in self.targets if each.line.when == "fill_empty")

    @cached_property
    def compared(self) -> frozenset[str]:
        """Fields that existing records get, and that may therefore differ."""
        return frozenset(each.line.target_field for each in self.targets if each.line.when in UPDATE)

    @cached_property
    def blank(self) -> tuple[str, ...]:
        """Fields that the table leaves empty on purpose: their source is `''`."""
        return tuple(each.line.target_field for each in self.targets if each.line.source.strip() == "''")

    @cached_property
    def references(self) -> dict[str, str]:
        """The entity set that each reference points to, by field.

        The table gives the code of the other record; the field takes that record's id.
        """
        return {each.facts.name: each.facts.reference for each in self.targets if each.facts.reference}

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """Whose value an existing record gets when the two systems differ, by field; only fields whose row says so.

        The values are those of tables.OWNERS: source, target, newest, hold.
        """
        return {each.line.target_field: each.line.owner for each in self.targets if each.line.owner}

    @cached_property
    def depends(self) -> Mapping[str, frozenset[str]]:
        """The fields of the source that each field of the target is made of, by field.

        Fields that a formula only compares or looks up count too. For a field with two rows they are those of both.
        """
        fields: dict[str, frozenset[str]] = {}
        for each in self.targets:
            name = each.line.target_field
            fields[name] = fields.get(name, frozenset()) | each.formula.value.reads
        return fields

    @property
    def reads(self) -> frozenset[str]:
        """The fields of the source that the table reads."""
        return frozenset().union(*self.depends.values())

    def table_of(self, field: str, otherwise: str) -> str:
        """The file with the row of a field; `otherwise` for what is no field of the target."""
        return next((each.line.table for each in self.targets if each.line.target_field == field), otherwise)

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """Fields that new and existing records get alike."""
        return tuple(each.line.target_field for each in self.targets if each.line.when in SHARED)

    def payloads(self, creates: Fields, updates: Fields) -> tuple[Fields, Fields]:
        """The whole payloads for a new and for an existing record, from the two columns of the SELECT.

        `creates` may lack a field that the table came to name after the record was mapped. Such a field is left out
        until the record is mapped again.
        """
        shared = {name: creates[name] for name in self.shared if name in creates}
        return creates, {**shared, **updates}


def compile_table(
    table: Table,
    fields: Mapping[str, str],
    target: Mapping[str, FieldFacts],
    lookup_files: Mapping[str, Path],
    constants: Mapping[str, tuple[str, str]],
    functions: Mapping[str, Function],
    more_fields: str = "",
) -> Compiled:
    """Compiles a mapping table.

    Args:
        fields: the fields of the source and their kinds.
        target: the fields of the target.
        lookup_files: the file of each lookup table, by its name; it is read when a formula names the table.
        constants: kind and SQL of the names that stand for one value in all records, such as those of the settings.
        functions: the functions that formulas may call, by name.
        more_fields: tells people how the source gets a field that is not among `fields`.
    Raises: MappingError that names file, row and column.
    """
    context = Context(
        fields,
        constants,
        functions,
        lambda name: read_lookup(lookup_files[name]),
        set(lookup_files),
        more_fields,
    )
    _check_twice(table)
    targets = tuple(_target(table, context, target, line) for line in table.lines if line.when != "never")
    if not targets:
        raise MappingError(f"{table.path} maps no field.", "Get the default with `winbc mapping reset`.")
    # Taken before the rows with `never` are compiled, so that the SELECT does not compute their steps.
    steps, lookups = tuple(context.steps.values()), dict(context.lookups)
    unsent = [line for line in table.lines if line.when == "never" and (line.source or line.default)]
    tried = [*targets, *(_target(table, context, target, line) for line in unsent)]
    formulas = [each.formula for each in tried[len(targets) :]]
    formulas += [compile_formula(context, each.source, table.place(each)) for each in table.unplaced if each.source]
    named = frozenset().union(*(each.value.reads for each in formulas))
    fixed = tuple(constant for each in tried for constant in _fixed(table, each))
    trial = Trial(fixed, tuple(context.steps.values()), context.lookups)
    base = with_steps(steps)
    listed, marked = (_select(base, targets, found) for found in (_found(targets, fields), "NULL"))
    return Compiled(listed, marked, base, steps, lookups, targets, trial, table.unplaced, named)


def _select(base: str, targets: Sequence[CompiledLine], found: str) -> str:
    """SQL of the mapped records.

    Args:
        found: SQL of the list of errors of a record that breaks a rule.
    """
    creates = _object(each for each in targets if each.line.when in CREATE)
    updates = _object(each for each in targets if each.line.when == "update")
    rules = ",".join(_rule(each.line) for each in targets)
    conditions = [check.suspect or check.condition for each in targets for check in each.checks]
    wrong = " OR ".join(["len(_bad_fields) > 0", *conditions])
    return f"""
        SELECT
            _key, _window, _version, creates, updates, errors,
            md5(creates || updates || {literal(rules)}) AS hash,
            skip_reason
        FROM (
            SELECT
                *,
                {creates} AS creates,
                {updates} AS updates,
                CASE WHEN {wrong} THEN {found} ELSE [] END AS errors
            FROM ({with_values(base, targets)})
        )"""


def with_values(base: str, rows: Sequence[CompiledLine | Constant]) -> str:
    """SQL of the base with the column of each row's value, and for texts the one of `filled`.

    They are columns because the rules and the payloads name each of them many times. DuckDB makes room for every
    expression, even for a single record.
    """
    made = "".join(f", {each.made} AS {each.raw.sql}" for each in rows)
    texts = [each.raw for each in rows if each.raw.kind == "text"]
    unblanked = "".join(f", {unless_blank(raw.sql)} AS {filled(raw)}" for raw in texts)
    return f"SELECT *{unblanked} FROM (SELECT *{made} FROM ({base}))"


def _rule(line: Line) -> str:
    """What a row says beside its value, for the hash. A row without an owner gives what it gave before the column."""
    return " ".join(filter(None, (line.target_field, line.when, line.owner)))


def with_steps(steps: Sequence[Step]) -> str:
    """SQL of the source with the results of its steps.

    The SELECTs stand one inside the other. Each adds the values and the results of the steps of one level.
    """
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
        values = [f"{alias}.value_{place}" for place in range(len(step.columns))]
        pairs = zip(values, step.columns, strict=True)
        same = " AND ".join(f"{value} IS NOT DISTINCT FROM {column}" for value, column in pairs)
        return f"LEFT JOIN {quote(call_table(step))} AS {alias} ON {same}"
    return ""


def lookup_table(name: str) -> str:
    """The name of the temporary table that holds a lookup table; its columns: source_value, target_value."""
    return f"lookup_{name}"


def call_table(step: Step) -> str:
    """The name of the temporary table of a Python function's results; its columns: value_0 …, target_value."""
    return f"call_{step.number}"


def _check_twice(table: Table) -> None:
    """Refuses a field that two rows would give to the same payload.

    Capitals make no other field: `unit.box` and `unit.BOX` name one unit, as Business Central keeps codes.
    """
    for rules in (CREATE, UPDATE):
        seen: dict[str, int] = {}
        for line in table.lines:
            name = line.target_field.upper()
            if line.when in rules and name in seen:
                words = f"{line.target_field} is mapped already in row {seen[name]}."
                raise MappingError(f"{table.place(line, 'target_field')}: {words}")
            if line.when in rules:
                seen[name] = line.row


def _target(table: Table, context: Context, fields: Mapping[str, FieldFacts], line: Line) -> CompiledLine:
    facts = _facts(table, line, fields)
    formula = compile_formula(context, line.source or "null", table.place(line))
    made = with_default(table, line, facts, formula.value)
    raw = replace(made, sql=_column("r", line))
    return CompiledLine(line, facts, formula, made.sql, raw, (*formula.checks, *checks(line, facts, raw)))


def _column(kind: str, line: Line) -> str:
    """The column of a row's value, or of its default."""
    table = re.sub(r"\W", "_", line.table)
    return f"__{kind}{line.row}_{table}"


def _fixed(table: Table, target: CompiledLine) -> Iterator[Constant]:
    line, facts = target.line, target.facts
    if line.default:
        made = with_default(table, line, facts, Expression("NULL", "nothing"))
        raw = replace(made, sql=_column("d", line))
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
    facts = fields[line.target_field]
    if facts.read_only:
        raise MappingError(f"{place}: {line.target_field} is read-only in the target.")
    if facts.only_later and line.when in CREATE:
        hint = "Write `update` in the column when: a new record gets it in the same run, after it was made."
        raise MappingError(f"{place}: {line.target_field} is refused in a new record ({facts.only_later}).", hint)
    return facts


def _found(targets: Sequence[CompiledLine], fields: Mapping[str, str]) -> str:
    """SQL of the list of all errors of a record."""
    lists = [_bad_fields(targets, fields), *(_errors(each) for each in targets if each.checks)]
    return f"flatten([{', '.join(lists)}])"


def _bad_fields(targets: Sequence[CompiledLine], fields: Mapping[str, str]) -> str:
    """SQL of the errors for values of the source that are not of their kind, in fields that a row reads."""
    used = sorted(frozenset().union(*(each.formula.value.reads for each in targets)))
    rules = {name: f"not {WORDS[fields[name]]} in the source" for name in used if fields[name] != "text"}
    rule = "".join(f" WHEN f = {literal(name)} THEN {literal(words)}" for name, words in rules.items())
    names = ", ".join(map(literal, rules or [""]))
    error = f"{{'field': f, 'rule': CASE{rule or ' WHEN true THEN NULL::VARCHAR'} END, 'given': 'a text', 'row': 0}}"
    return f"list_transform(list_filter(_bad_fields, lambda f: f IN ({names})), lambda f: {error})"


def _errors(target: CompiledLine) -> str:
    """SQL of a list of the rules that one row breaks.

    An error holds the class of the value that was given, never the value: it may be a person's data.
    """
    errors = ", ".join(_error(target, check) for check in target.checks)
    return f"list_filter([{errors or 'NULL'}], lambda e: e IS NOT NULL)"


def _error(target: CompiledLine, check: Check) -> str:
    field, rule = literal(target.line.target_field), literal(check.rule)
    given = check.given or class_of(target.raw.sql, target.raw.kind)
    error = f"{{'field': {field}, 'rule': {rule}, 'given': {given}, 'row': {target.line.row}}}"
    return f"CASE WHEN {check.condition} THEN {error} END"


def _object(targets: Iterable[CompiledLine]) -> str:
    """SQL of a JSON object, as text, with the fields of the targets."""
    pairs = ", ".join(f"{literal(each.line.target_field)}: {payload_value(each.facts, each.raw)}" for each in targets)
    return f"CAST(to_json({{{pairs}}}) AS VARCHAR)" if pairs else "'{}'"
