"""Calls of functions in formulas: checks the values of a call and makes its SQL.

Here belongs: every function whose SQL a template alone cannot make. The list of functions: functions.py.
"""

import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import duckdb
from sqlglot import exp

from ..staging.store import literal
from .expressions import Expression, Work, as_text, filled, joined
from .functions import BLANKS, LONGEST_REPLACEMENT, Function, street_sql
from .grammar import PREFIX, parsed, similar

FORMATS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
# The pattern of a date or a moment. Its three groups are the day, the time of day and the offset from UTC.
_TIME = r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_FROM_UTC = r"Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?"
_MOMENT = rf"'(?i)^ *(\d{{4}}-\d{{2}}-\d{{2}})(?:({_TIME}) ?({_FROM_UTC})?)? *$'"
_PART = {place: f"regexp_extract(upper($0), {_MOMENT}, {place})" for place in (1, 2, 3)}
_LOCAL = f"try_cast({_PART[1]} || {_PART[2]} AS TIMESTAMP)"
_OFFSET = f"replace({_PART[3]}, 'UTC', 'Z')"
# A number as `as_text` writes it. A key of a lookup table that is written otherwise would never be found.
NUMBER_KEY = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
MOST_VALUES = 100
Nodes = Sequence[exp.Expr]


def call(work: Work, name: str, nodes: Nodes) -> Expression:
    """The value of a call of the function `name` with the arguments `nodes`.

    Raises: MappingError for a wrong number of values, or a value that the function does not take.
    """
    function = work.context.functions[name]
    _check_count(work, function, nodes)
    if name in SPECIAL and function.column is None:
        return SPECIAL[name](work, nodes)
    if function.formula:
        return _stands_for(work, function, nodes)
    values = _values(work, function, nodes)
    if "pattern" in function.takes:
        _check_replacement(work, nodes[1].name, nodes[2].name)
    rule = f"cannot be read by {name}" if function.fails else ""
    if function.column:
        return work.step(values, "$target", function.gives, rule=rule, function=function)
    used = re.findall(r"\$(\d+)", function.sql)
    uses_a_value_twice = len(used) > len(set(used))
    if function.fails or uses_a_value_twice:
        return work.step(values, function.sql, function.gives, rule=rule)
    return joined(values, function.sql, function.gives)


def chosen(work: Work, tests: Nodes, values: Nodes, other: exp.Expr | None) -> Expression:
    """The value of the first test that holds.

    A branch that cannot be computed fails only the records that take this branch.
    """
    conditions: list[Expression] = []
    results: list[Expression] = []
    for test, value in zip(tests, values, strict=True):
        with work.guarded(*_none_of(conditions)):
            conditions.append(work.as_kind(work.of(test), "boolean"))
            with work.guarded(conditions[-1].sql):
                results.append(work.of(value))
    with work.guarded(*_none_of(conditions)):
        results.append(work.of(other) if other is not None else Expression("NULL", "nothing"))
    count = len(conditions)
    whens = " ".join(f"WHEN ${place} THEN ${place + count}" for place in range(count))
    return work.unified([*conditions, *results], f"CASE {whens} ELSE ${2 * count} END", results)


def _none_of(conditions: Sequence[Expression]) -> list[str]:
    return [f"NOT coalesce({condition.sql}, false)" for condition in conditions]


def _check_count(work: Work, function: Function, nodes: Nodes) -> None:
    least = sum(not kind.endswith("?") for kind in function.takes)
    takes_many = bool(function.takes) and function.takes[-1].endswith("*")
    most = MOST_VALUES if takes_many else len(function.takes)
    if least <= len(nodes) <= most:
        return
    wanted = str(least) if least == most else f"{least} to {most}"
    # A decimal comma cuts a number into two values.
    comma = any(_is_number(left) and _is_number(right) for left, right in pairwise(nodes))
    point = " Decimals follow a point, as in 12.5." if comma else ""
    raise work.error(f"{function.name} takes {wanted} values.", f"Example: {function.example}{point}")


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


def _stands_for(work: Work, function: Function, nodes: Nodes) -> Expression:
    """The value of a function that is itself a formula, with the values of the call put in."""
    names = [f"{PREFIX}{place}" for place in range(len(nodes))]
    given = dict(zip(names, nodes, strict=True))

    def put_in(node: exp.Expr) -> exp.Expr:
        return given.get(node.name, node) if isinstance(node, exp.Column) else node

    tree = parsed(filled(function.formula, names), work.context.functions, work.place)
    return work.of(tree.transform(put_in))


def _values(work: Work, function: Function, nodes: Nodes) -> list[Expression]:
    kinds = [kind.rstrip("?*") for kind in function.takes]
    kinds += kinds[-1:] * (len(nodes) - len(kinds))  # `*`: the last kind stands for all further values
    return [_value(work, function, kind, node) for kind, node in zip(kinds, nodes, strict=False)]


def _value(work: Work, function: Function, kind: str, node: exp.Expr) -> Expression:
    if kind == "whole":
        if not _is_number(node) or not re.fullmatch(r"\d{1,4}", node.name):
            raise work.error(f"{function.name} takes a whole number here.", f"Example: {function.example}")
        return Expression(node.name, "decimal", constant=True)
    if kind in ("word", "pattern", "short"):
        word = _word(work, function.name, node)
        if kind == "short" and len(word) > LONGEST_REPLACEMENT:
            raise work.error(f"{function.name} puts in at most {LONGEST_REPLACEMENT} characters.", "Use concat.")
        if kind == "pattern":
            _check_pattern(work, word)
        return Expression(literal(word), "text", constant=True)
    return work.as_kind(work.of(node), kind)


def _word(work: Work, name: str, node: exp.Expr) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        example = work.context.functions[name].example
        raise work.error(f"{name} takes a text in quotes here.", f"Example: {example}")
    return node.name


def _check_pattern(work: Work, pattern: str) -> None:
    try:
        duckdb.execute("SELECT regexp_replace('', ?, '')", [pattern])
    except duckdb.Error:
        raise work.error(f"`{pattern[:40]}` is not a pattern.", "Patterns are regular expressions, RE2.") from None


def _check_replacement(work: Work, pattern: str, replacement: str) -> None:
    """Refuses a replacement that names a group which the pattern does not have: DuckDB would give an empty text."""
    # The pattern `|…` matches an empty text, so the replacement is put in and must give at least the `x`.
    found = duckdb.execute("SELECT regexp_replace('', ?, ?)", [f"|{pattern}", f"x{replacement}"]).fetchone()
    if found == ("",):
        hint = r"\1 stands for the first part of the pattern in round brackets; a backslash is written \\."
        raise work.error(f"`{replacement}` puts in a part that the pattern does not have.", hint)


def _text(work: Work, nodes: Nodes) -> Expression:
    return as_text(work.of(nodes[0]))


def _if(work: Work, nodes: Nodes) -> Expression:
    return chosen(work, nodes[:1], nodes[1:2], nodes[2])


def _coalesce(work: Work, nodes: Nodes) -> Expression:
    values: list[Expression] = []
    for node in nodes:
        with work.guarded(*(f"{value.sql} IS NULL" for value in values)):
            values.append(work.of(node))
    return work.unified(values, "coalesce($*)", values)


def _nullif(work: Work, nodes: Nodes) -> Expression:
    values = [work.of(node) for node in nodes]
    return work.unified(values, "nullif($0, $1)", values)


def _iferror(work: Work, nodes: Nodes) -> Expression:
    """The first value, or the second where the first one fails; a failure of the first does not fail the record."""
    outer_checks, outer_guards = work.checks, work.guards
    work.checks, work.guards = [], []
    value = work.of(nodes[0])
    failures = work.checks
    work.checks, work.guards = outer_checks, outer_guards
    if not failures:
        raise work.error("iferror has nothing to do here: this value cannot fail.", "Leave iferror out.")
    any_failed = " OR ".join(check.condition for check in failures)
    failed = Expression(f"({any_failed})", "boolean", value.level)  # the conditions read results of the value's steps
    with work.guarded(failed.sql):
        other = work.of(nodes[1])
    return work.unified([failed, other, value], "CASE WHEN $0 THEN $1 ELSE $2 END", [other, value])


def _lookup(work: Work, nodes: Nodes) -> Expression:
    name = _word(work, "lookup", nodes[0])
    table = _lookup_table(work, name)
    value = work.of(nodes[1])
    if value.kind == "decimal":
        _check_numbers(work, name, table)
    # The cells of the table are trimmed when they are read, so the value is trimmed too.
    key = joined([as_text(value)], f"trim(coalesce($0, ''), {BLANKS})")
    if_found = "CASE WHEN $found THEN $target END"
    if len(nodes) == 3:
        found = work.step([key], if_found, "text", lookup=name)
        return joined([found, as_text(work.of(nodes[2]))], "coalesce($0, $1)")
    if "*" in table:
        other = Expression(literal(table["*"]), "text", constant=True)
        if_given = "CASE WHEN $found THEN $target WHEN $0 <> '' THEN $1 END"
        return work.step([key, other], if_given, "text", lookup=name)
    rule = f"not in lookup table {name}"
    return work.step([key], if_found, "text", rule=rule, lookup=name, given_kind=value.kind)


def _lookup_table(work: Work, name: str) -> Mapping[str, str]:
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise work.error(f"`{name[:40]}` is not the name of a lookup table.")
    if name not in work.context.lookup_names:
        hint = f"{similar(name, work.context.lookup_names)} `winbc mapping new-lookup {name} …` makes one."
        raise work.error(f"there is no lookup table {name}.", hint)
    tables = work.context.lookups
    if name not in tables:
        tables[name] = work.context.read_lookup(name)
    return tables[name]


def _check_numbers(work: Work, name: str, table: Mapping[str, str]) -> None:
    for key in table:
        if key not in ("", "*") and not NUMBER_KEY.fullmatch(key):
            hint = "Write numbers with a point and without zeros at their ends: 9 or 9.5."
            raise work.error(f"lookup table {name} has `{key[:40]}`, which is not how a number is written here.", hint)


def _split_street(work: Work, nodes: Nodes) -> Expression:
    part = _word(work, "split_street", nodes[1])
    if part not in ("name", "number", "addition"):
        raise work.error(f"split_street gives 'name', 'number' or 'addition', not `{part[:40]}`.")
    return work.step([as_text(work.of(nodes[0]))], street_sql(part), "text")


def _join_name(work: Work, nodes: Nodes) -> Expression:
    values = [as_text(work.of(node)) for node in nodes]
    names = ", ".join(f"nullif(trim(${place}, {BLANKS}), '')" for place in range(len(values)))
    return joined(values, f"nullif(concat_ws(' ', {names}), '')")


def _hash(work: Work, nodes: Nodes) -> Expression:
    values = [as_text(work.of(node)) for node in nodes]
    parts = ", ".join(f"coalesce(${place}, '')" for place in range(len(values)))
    code = f"left(sha256(concat_ws(chr(31), {parts})), 16)"
    # Records without any value get no code; otherwise all of them would share one.
    return joined(values, f"CASE WHEN concat({parts}) <> '' THEN {code} END")


def _to_date(work: Work, nodes: Nodes) -> Expression:
    value = work.of(nodes[0])
    if value.kind == "datetime":
        zone = _zone(work, "to_date", nodes[1]) if len(nodes) > 1 else "UTC"
        return joined([value], f"CAST(timezone({literal(zone)}, $0) AS DATE)", "date")
    if value.kind == "date":
        return value
    day = f"CASE WHEN regexp_full_match($0, {_MOMENT}) THEN try_cast(left(ltrim($0), 10) AS DATE) END"
    if len(nodes) > 1:
        form = literal(_format(work, "to_date", nodes[1]))
        day = f"CAST(try_strptime($0, {form}) AS DATE)"
    return work.step([as_text(value)], _of_our_era(day, "date"), "date", rule="not a date")


def _to_datetime(work: Work, nodes: Nodes) -> Expression:
    zone = literal(_zone(work, "to_datetime", nodes[1]))
    with_offset = f"strftime({_LOCAL}, '%Y-%m-%d %H:%M:%S.%f') || {_OFFSET}"
    in_zone = f"timezone({zone}, {_LOCAL})"
    moment = f"CASE WHEN {_OFFSET} = '' THEN {in_zone} ELSE try_cast({with_offset} AS TIMESTAMPTZ) END"
    if len(nodes) > 2:
        form = literal(_format(work, "to_datetime", nodes[2]))
        moment = f"timezone({zone}, try_strptime($0, {form}))"
    value = as_text(work.of(nodes[0]))
    return work.step([value], _of_our_era(moment, "datetime"), "datetime", rule="not a moment")


def _format_date(work: Work, nodes: Nodes) -> Expression:
    value = work.as_kind(work.of(nodes[0]), "day")
    form = literal(_format(work, "format_date", nodes[1]))
    if value.kind == "date":
        return joined([value], f"strftime($0, {form})")
    zone = literal(_zone(work, "format_date", nodes[2]) if len(nodes) > 2 else "UTC")
    return joined([value], f"strftime(timezone({zone}, $0), {form})")


def _add_days(work: Work, nodes: Nodes) -> Expression:
    day = work.as_kind(work.of(nodes[0]), "day")
    count = work.as_kind(work.of(nodes[1]), "decimal")
    days = "CAST($1 AS INTEGER)"
    later = f"TRY(CAST($0 + {days} AS DATE))" if day.kind == "date" else f"TRY($0 + to_days({days}))"
    sql = f"CASE WHEN $1 = floor($1) THEN {_of_our_era(later, day.kind)} END"
    return work.step([day, count], sql, day.kind, rule="no such date, or not a whole number of days", needs=2)


def _of_our_era(sql: str, kind: str) -> str:
    """The date or moment when it lies in the years 1 to 9999, which both systems know; NULL for any other."""
    if kind == "date":
        return f"CASE WHEN {sql} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {sql} END"
    first, last = "'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999999+00'"
    return f"CASE WHEN {sql} BETWEEN TIMESTAMPTZ {first} AND TIMESTAMPTZ {last} THEN {sql} END"


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(work: Work, name: str, node: exp.Expr) -> str:
    zone = _word(work, name, node)
    if zone not in _zones():
        hint = f"Zones look like 'Europe/Amsterdam'. {similar(zone, _zones())}"
        raise work.error(f"`{zone[:40]}` is not a time zone.", hint)
    return zone


def _format(work: Work, name: str, node: exp.Expr) -> str:
    """The form of a date, with the marks of a formula (YYYY, MM …) translated into those of DuckDB."""
    text = _word(work, name, node)
    marks = "|".join(FORMATS)
    between = re.sub(marks, "", text)
    if not text or re.search(r"[^-/.: ,T]", between):
        raise work.error(f"`{text[:40]}` is not the form of a date.", f"Its parts are {', '.join(FORMATS)}.")
    return re.sub(marks, lambda mark: FORMATS[mark.group()], text)


# Functions whose SQL depends on their values.
SPECIAL: Mapping[str, Callable[[Work, Nodes], Expression]] = {
    "text": _text,
    "if": _if,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "iferror": _iferror,
    "lookup": _lookup,
    "split_street": _split_street,
    "join_name": _join_name,
    "hash": _hash,
    "to_date": _to_date,
    "to_datetime": _to_datetime,
    "format_date": _format_date,
    "add_days": _add_days,
}
