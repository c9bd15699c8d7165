"""The parts that SQL of formulas is made of: typed expressions, the steps below them, and the checks of a record.

An operation that needs its values more than once (arithmetic, a lookup, a Python function) becomes a step: columns in
a SELECT below the one that uses them. So the SQL grows with the length of a formula, not with its depth.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlglot import exp

from ..errors import MappingError
from ..staging.load import TYPES as STAGED
from ..staging.store import literal, unless_blank
from .functions import Function
from .grammar import HELP

LONGEST_SQL = 50_000
LONGEST_CODE = 30
NUMBER = "DECIMAL(28, 10)"  # the type of a computed number
FITS = STAGED["decimal"]  # the type of a number as staging keeps it
MOMENT = "strftime($0, '%Y-%m-%dT%H:%M:%SZ')"
TYPES = STAGED | {"day": "DATE", "integer": "BIGINT"}

# Words of messages, by kind: what a value should be, what a kind is called, and how a text becomes of that kind.
WORDS = {
    "decimal": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date",
    "datetime": "a moment",
}
NAMES = {"decimal": "number", "boolean": "condition", "datetime": "moment", "day": "date or moment"}
READ = {
    "decimal": "to_number(…) reads a text.",
    "date": "to_date(…) reads a text.",
    "day": "to_date(…) reads a text.",
    "boolean": "A condition compares: name = 'a'.",
}


@dataclass(frozen=True)
class Expression:
    """SQL of a part of a formula.

    Attributes:
        kind: text, decimal, boolean, date, datetime, or nothing (null).
        level: the steps up to this level must be computed before.
        reads: the fields of the source that it reads.
        fits: whether it is a number of the type FITS.
        constant: whether it is written out in the formula.
    """

    sql: str
    kind: str
    level: int = 0
    reads: frozenset[str] = frozenset()
    fits: bool = False
    constant: bool = False


@dataclass(frozen=True)
class Step:
    """Columns that are computed below the SELECT of the formulas.

    Attributes:
        level: one more than the highest level that its values need.
        columns: SQL of its values, by column.
        result: SQL of its result, which becomes the column `__v{number}`.
        lookup: the name of the lookup table that it joins, or empty.
        function: the Python function whose results it joins.
    """

    number: int
    level: int
    columns: Mapping[str, str]
    result: str
    lookup: str
    function: Function | None


@dataclass(frozen=True)
class Check:
    """A condition that makes a record fail, and the rule that it then breaks.

    Attributes:
        condition: SQL that is true or false, never NULL.
        given: SQL of the class of the value that broke the rule; empty where that is the row's own value.
        suspect: SQL that is true of every record of which the condition is, and maybe of some more. It says which
            records are looked at closely, and DuckDB needs less time and room for it. Empty for the condition itself.
    """

    condition: str
    rule: str
    given: str = ""
    suspect: str = ""


@dataclass(frozen=True)
class Formula:
    """A compiled formula. `trace` lists each of its parts with its text, innermost first, for people to look at."""

    value: Expression
    checks: tuple[Check, ...]
    trace: tuple[tuple[str, Expression], ...]


@dataclass
class Context:
    """What the formulas of one table may use, and the steps and lookup tables that they turn out to need.

    Attributes:
        fields: the fields of the source and their kinds.
        constants: kind and SQL of values that are the same for all records (those of the settings), by name.
        functions: the functions that may be called, by name.
        read_lookup: reads a lookup table by its name; raises MappingError.
        lookup_names: the lookup tables that there are.
        more_fields: tells how the source gets a field that is not among `fields`; empty when it cannot.
        steps: filled while formulas are compiled; the key says what a step computes, so that equal steps are shared.
        lookups: filled likewise, by name.
    """

    fields: Mapping[str, str]
    constants: Mapping[str, tuple[str, str]]
    functions: Mapping[str, Function]
    read_lookup: Callable[[str], Mapping[str, str]]
    lookup_names: Collection[str] = ()
    more_fields: str = ""
    steps: dict[tuple[object, ...], Step] = field(default_factory=dict)
    lookups: dict[str, Mapping[str, str]] = field(default_factory=dict)


def filled(template: str, values: Sequence[str]) -> str:
    """A template with the values put in: $0, $1 … stand for one each, $* for all of them; a missing value is 0."""

    def value(mark: re.Match[str]) -> str:
        if mark.group(1) == "*":
            return ", ".join(values)
        place = int(mark.group(1))
        return values[place] if place < len(values) else "0"

    return re.sub(r"\$(\d+|\*)", value, template)


def joined(parts: Sequence[Expression], template: str, kind: str = "text") -> Expression:
    """An expression that is made of others by a template; its level and the fields that it reads come from them."""
    return Expression(
        filled(template, [part.sql for part in parts]),
        kind,
        max((part.level for part in parts), default=0),
        frozenset().union(*(part.reads for part in parts)),
    )


def class_of(sql: str, kind: str) -> str:
    """SQL of the class of a value (`a number`, `a text of 12 characters`), which tells nothing of the value itself."""
    if kind != "text":
        return f"CASE WHEN {sql} IS NULL THEN 'nothing' ELSE {literal(WORDS.get(kind, 'a value'))} END"
    words = f"replace('a text of ' || {utf16_length(sql)} || ' characters', ' 1 characters', ' 1 character')"
    return f"CASE WHEN {unless_blank(sql)} IS NULL THEN 'nothing' ELSE {words} END"


def code_or_class(sql: str, kind: str) -> str:
    """SQL of a value that a lookup table does not have.

    A code, rate, country or method is no person's data: it is named. A text that is long, or that holds an @, may be
    something else: only its class is told.
    """
    coded = f"length({sql}) BETWEEN 1 AND {LONGEST_CODE} AND NOT contains({sql}, '@')"
    return f"CASE WHEN {coded} THEN concat('`', {sql}, '`') ELSE {class_of(sql, kind)} END"


def utf16_length(text: str) -> str:
    """SQL of the length of a text as Business Central counts it: in UTF-16 units, so an emoji counts two."""
    return f"(length({text}) + length(regexp_replace({text}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g')))"


def named(kind: str) -> str:
    """The name of a kind in messages."""
    return NAMES.get(kind, kind)


def as_text(value: Expression) -> Expression:
    """A value of any kind as text: numbers without zeros at their end, dates and moments in ISO form."""
    if value.kind == "text":
        return value
    if value.kind == "decimal":
        number = "$0" if value.fits else f"CAST($0 AS {NUMBER})"
        return joined([value], f"rtrim(rtrim(CAST({number} AS VARCHAR), '0'), '.')")
    return joined([value], MOMENT if value.kind == "datetime" else "CAST($0 AS VARCHAR)")


def _names(values: Sequence[Expression], number: int, function: Function | None) -> list[str]:
    """The columns that hold the values of a step. A constant is written out, except for a Python function."""
    columns = [f"__k{number}_{place}" for place in range(len(values))]
    if function:
        return columns
    return [value.sql if value.constant else column for value, column in zip(values, columns, strict=True)]


def _of_joined_table(template: str, number: int) -> str:
    """A template with the columns put in of the table that the step of this number joins."""
    template = template.replace("$found", f"j{number}.source_value IS NOT NULL")
    return template.replace("$target", f"j{number}.target_value")


def _is_given(sql: str, kind: str) -> str:
    return f"coalesce({sql}, '') <> ''" if kind == "text" else f"{sql} IS NOT NULL"


@dataclass
class Work:
    """The compilation of one formula.

    Attributes:
        place: file, row and column, for errors.
        of: compiles a node of the formula's tree.
        checks: filled with the conditions that make a record fail.
        guards: conditions under which the part that is being compiled counts for a record (see `guarded`).
        trace: filled with each part and its text.
    """

    context: Context
    place: str
    of: Callable[[exp.Expr], Expression]
    checks: list[Check] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    trace: list[tuple[str, Expression]] = field(default_factory=list)

    def error(self, words: str, hint: str = HELP) -> MappingError:
        """An error that names the place of the formula."""
        return MappingError(f"{self.place}: {words}", hint)

    def bounded(self, sql: str) -> str:
        """The same SQL; raises MappingError when conditions inside conditions have made it too long to run."""
        if len(sql) > LONGEST_SQL:
            raise self.error("the formula has too many conditions inside each other.", "Split it up.")
        return sql

    @contextmanager
    def guarded(self, *conditions: str) -> Iterator[None]:
        """Checks that are added inside the block fail only records for which the conditions (SQL) hold."""
        before = list(self.guards)
        self.guards += conditions
        yield
        self.guards = before

    def step(
        self,
        values: Sequence[Expression],
        template: str,
        kind: str,
        *,
        rule: str = "",
        needs: int = 1,
        given_kind: str = "",
        lookup: str = "",
        function: Function | None = None,
    ) -> Expression:
        """The result of a step. The step is added unless another formula of the table has added the same one.

        Args:
            template: SQL of the result: $0, $1 … are the values; `$found` and `$target` are of the joined table.
            rule: the rule that is broken when the first `needs` values are given and the result is NULL.
            given_kind: the kind of the first value before it was made a text, for the error.
            lookup: the lookup table to join; `function`: the Python function whose results to join.
        """
        below = joined(values, "", kind)
        steps = self.context.steps
        key = (tuple(value.sql for value in values), template, lookup, function)
        number = steps[key].number if key in steps else len(steps)
        names = _names(values, number, function)
        if key not in steps:
            columns = {name: value.sql for name, value in zip(names, values, strict=True) if name != value.sql}
            result = filled(_of_joined_table(template, number), names)
            steps[key] = Step(number, below.level + 1, columns, result, lookup, function)
        step = steps[key]
        if rule:
            given = list(zip(names, [value.kind for value in values], strict=True))[:needs]
            self.checks.append(self._failure(step, rule, given, given_kind))
        return Expression(f"__v{step.number}", kind, step.level, below.reads)

    def _failure(self, step: Step, rule: str, given: Sequence[tuple[str, str]], given_kind: str) -> Check:
        """The check that fails where the step has no result although all values (SQL and kind) are given."""
        conditions = [f"coalesce({guard}, false)" for guard in self.guards]
        conditions += [_is_given(sql, kind) for sql, kind in given]
        conditions.append(f"__v{step.number} IS NULL")
        named = code_or_class if step.lookup else class_of
        classes = " || ' and ' || ".join(named(sql, given_kind or kind) for sql, kind in given)
        return Check(self.bounded(f"({' AND '.join(conditions)})"), rule, classes)

    def as_kind(self, value: Expression, kind: str) -> Expression:
        """The value where a kind is wanted; raises MappingError when it is of another kind.

        Any value can be a text. The kind `any` takes all kinds, `day` takes dates and moments.
        """
        if kind == "text":
            return as_text(value)
        fitting = {"any": (value.kind,), "day": ("date", "datetime")}.get(kind, (kind,))
        if value.kind in fitting:
            return value
        if value.kind == "nothing":
            return replace(value, sql=f"CAST(NULL AS {TYPES[kind]})", kind="date" if kind == "day" else kind)
        raise self.error(f"a {named(kind)} is needed where a {named(value.kind)} stands.", READ.get(kind, HELP))

    def unified(self, values: Sequence[Expression], template: str, chosen: Sequence[Expression]) -> Expression:
        """An expression whose value is one of `chosen`; raises MappingError when these are of several kinds.

        Args:
            values: what the template is filled with, `chosen` among them.
        """
        kinds = sorted({value.kind for value in chosen} - {"nothing"})
        if len(kinds) > 1:
            hint = "Make both of them texts: text(…)."
            raise self.error(f"a {named(kinds[0])} and a {named(kinds[1])} stand for the same value.", hint)
        made = joined(values, template, (kinds or ["nothing"])[0])
        self.bounded(made.sql)
        return replace(made, fits=all(value.fits for value in chosen if value.kind == "decimal"))
