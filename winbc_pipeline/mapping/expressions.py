"""SQL of formulas in the making: typed expressions, the steps below them, and what makes a record fail.

What needs its values more than once (arithmetic, look-ups, Python functions) becomes a step: columns of a SELECT below
the one that uses it, so that SQL grows with the length of a formula and not with its depth.
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
NUMBER, FITS = "DECIMAL(28, 10)", STAGED["decimal"]  # numbers that were computed, numbers as staging keeps them
MOMENT = "strftime($0, '%Y-%m-%dT%H:%M:%SZ')"
TYPES = STAGED | {"day": "DATE", "integer": "BIGINT"}


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
        level: steps up to this level must be computed before.
        reads: fields of the source.
        fits: a number of the type FITS.
        constant: written out in the formula.
    """

    sql: str
    kind: str
    level: int = 0
    reads: frozenset[str] = frozenset()
    fits: bool = False
    constant: bool = False


@dataclass(frozen=True)
class Step:
    """Columns computed before the SELECT of the formulas: `columns` (name and SQL) hold the values, `__v{number}` the
    result."""

    number: int
    level: int
    columns: Mapping[str, str]
    result: str
    lookup: str
    function: Function | None


@dataclass(frozen=True)
class Check:
    """A condition (never NULL) that makes a record fail, and the rule that it broke.

    Attributes:
        given: SQL of the class of what was given to the rule; empty where that is the row's own value.
    """

    condition: str
    rule: str
    given: str = ""


@dataclass(frozen=True)
class Formula:
    """A compiled formula; `trace` holds each of its parts as text, innermost first, for people to look at."""

    value: Expression
    checks: tuple[Check, ...]
    trace: tuple[tuple[str, Expression], ...]


@dataclass
class Context:
    """What the formulas of one table may use, and the steps and look-up tables that they came to need.

    Attributes:
        fields: the source's fields and their kinds.
        constants: kind and SQL of what settings give, by name.
        functions: by name.
        read_lookup: gives a look-up table; raises MappingError.
        lookup_names: those that there are.
    """

    fields: Mapping[str, str]
    constants: Mapping[str, tuple[str, str]]
    functions: Mapping[str, Function]
    read_lookup: Callable[[str], Mapping[str, str]]
    lookup_names: Collection[str] = ()
    steps: dict[tuple[object, ...], Step] = field(default_factory=dict)
    lookups: dict[str, Mapping[str, str]] = field(default_factory=dict)


def filled(template: str, values: Sequence[str]) -> str:
    """A template with $0, $1 … and $* (all of them) put in; values that are missing are 0."""

    def value(mark: re.Match[str]) -> str:
        if mark.group(1) == "*":
            return ", ".join(values)
        place = int(mark.group(1))
        return values[place] if place < len(values) else "0"

    return re.sub(r"\$(\d+|\*)", value, template)


def joined(parts: Sequence[Expression], template: str, kind: str = "text") -> Expression:
    """An expression made of others."""
    return Expression(
        filled(template, [part.sql for part in parts]),
        kind,
        max((part.level for part in parts), default=0),
        frozenset().union(*(part.reads for part in parts)),
    )


def class_of(sql: str, kind: str) -> str:
    """SQL of what kind of value was given, in words that tell nothing of the value itself."""
    words = literal(WORDS.get(kind, "a value"))
    if kind == "text":
        words = f"replace('a text of ' || {utf16_length(sql)} || ' characters', ' 1 characters', ' 1 character')"
    given = unless_blank(sql) if kind == "text" else sql
    return f"CASE WHEN {given} IS NULL THEN 'nothing' ELSE {words} END"


def utf16_length(text: str) -> str:
    """SQL of a text's length as Business Central counts: in UTF-16 units, an emoji being two."""
    return f"(length({text}) + length(regexp_replace({text}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g')))"


def named(kind: str) -> str:
    """What a kind is called in messages."""
    return NAMES.get(kind, kind)


def as_text(value: Expression) -> Expression:
    """Any value as text: numbers without zeros at their end, dates and moments in ISO form."""
    if value.kind == "text":
        return value
    if value.kind == "decimal":
        number = "$0" if value.fits else f"CAST($0 AS {NUMBER})"
        return joined([value], f"rtrim(rtrim(CAST({number} AS VARCHAR), '0'), '.')")
    return joined([value], MOMENT if value.kind == "datetime" else "CAST($0 AS VARCHAR)")


@dataclass
class Work:
    """The work on one formula; `of` compiles a node of its tree."""

    context: Context
    place: str
    of: Callable[[exp.Expr], Expression]
    checks: list[Check] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    trace: list[tuple[str, Expression]] = field(default_factory=list)

    def error(self, words: str, hint: str = HELP) -> MappingError:
        return MappingError(f"{self.place}: {words}", hint)

    def bounded(self, sql: str) -> str:
        """Refuses what conditions inside conditions have made too long to be run."""
        if len(sql) > LONGEST_SQL:
            raise self.error("the formula has too many conditions inside each other.", "Split it up.")
        return sql

    @contextmanager
    def guarded(self, *conditions: str) -> Iterator[None]:
        """What fails in here matters only where the conditions hold."""
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
        told: str = "",
        lookup: str = "",
        function: Function | None = None,
    ) -> Expression:
        """The result of a step, which is made where no formula has made the same before.

        Args:
            template: SQL of the result; `$found` and `$target` are of the look-up table.
            rule: broken when the first `needs` values are given and the result is NULL.
            told: kind of the first value, where that has been made a text.
        """
        below = joined(values, "", kind)
        steps = self.context.steps
        key = (tuple(value.sql for value in values), template, lookup, function)
        number = steps[key].number if key in steps else len(steps)
        names = [v.sql if v.constant and not function else f"__k{number}_{p}" for p, v in enumerate(values)]
        if key not in steps:
            sql = template.replace("$found", f"j{number}.source_value IS NOT NULL")
            sql = filled(sql.replace("$target", f"j{number}.target_value"), names)
            columns = {name: value.sql for name, value in zip(names, values, strict=True) if name != value.sql}
            steps[key] = Step(number, below.level + 1, columns, sql, lookup, function)
        step = steps[key]
        if rule:
            given = list(zip(names, [value.kind for value in values], strict=True))[:needs]
            self.checks.append(self._failure(step, rule, given, told))
        return Expression(f"__v{step.number}", kind, step.level, below.reads)

    def _failure(self, step: Step, rule: str, given: Sequence[tuple[str, str]], told: str) -> Check:
        """Broken where the step has no result although it was given all values (SQL and kind)."""
        conditions = [f"coalesce({guard}, false)" for guard in self.guards]
        conditions += [f"coalesce({sql}, '') <> ''" if kind == "text" else f"{sql} IS NOT NULL" for sql, kind in given]
        conditions.append(f"__v{step.number} IS NULL")
        classes = " || ' and ' || ".join(class_of(sql, told or kind) for sql, kind in given)
        return Check(self.bounded(f"({' AND '.join(conditions)})"), rule, classes)

    def as_kind(self, value: Expression, kind: str) -> Expression:
        """The value where a kind is wanted; raises MappingError for another one."""
        if kind == "text":
            return as_text(value)
        if value.kind in {"any": (value.kind,), "day": ("date", "datetime")}.get(kind, (kind,)):
            return value
        if value.kind == "nothing":
            return replace(value, sql=f"CAST(NULL AS {TYPES[kind]})", kind="date" if kind == "day" else kind)
        raise self.error(f"a {named(kind)} is needed where a {named(value.kind)} stands.", READ.get(kind, HELP))

    def unified(self, values: Sequence[Expression], template: str, chosen: Sequence[Expression]) -> Expression:
        """An expression that is one of `chosen`; raises MappingError when these are of several kinds."""
        kinds = sorted({value.kind for value in chosen} - {"nothing"})
        if len(kinds) > 1:
            hint = "Make both of them texts: text(…)."
            raise self.error(f"a {named(kinds[0])} and a {named(kinds[1])} stand for the same value.", hint)
        made = joined(values, template, (kinds or ["nothing"])[0])
        self.bounded(made.sql)
        return replace(made, fits=all(value.fits for value in chosen if value.kind == "decimal"))
