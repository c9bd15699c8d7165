"""Formulas in SQL-scalar style: checked against an allow-list, typed, and compiled to DuckDB SQL.

Here belongs: operators, fields and constants that a key user may write in the column `source`. Each node of a formula
that is on the allow-list gives SQL of its own, so no text of a formula gets into SQL unparsed. Calls of functions:
calls.py.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from ..staging.store import literal, quote
from .calls import call, chosen
from .expressions import FITS, NUMBER, Context, Expression, Formula, Work, as_text, joined, named
from .grammar import HELP, PREFIX, no_formula, parsed, shown, similar

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
# Hints for SQL that formulas do not have: what to write instead.
INSTEAD: dict[type[exp.Expr], str] = {
    exp.Like: "Use contains(…) or starts_with(…).",
    exp.ILike: "Use contains(lower(…), …).",
    exp.Between: "Write a >= 1 and a <= 5.",
    exp.Cast: "to_number(…), to_date(…) and text(…) turn one kind into another.",
    exp.Is: "Write `is null` or `is not null`.",
}
NO_RESULT = "too large, or divided by zero"

# Products and quotients are rounded to ten decimals. Doubles do this right, at a hundredth of the cost of decimals,
# unless the result lies so near to half of the tenth decimal that their error may count. That error is below 1e-15 of
# the result (six roundings). Where it may count, exact decimals (_PRODUCT) or whole numbers (_QUOTIENT) are used.
_SCALED = "($double * 1e10)"
_NEAR = f"abs({_SCALED} - floor({_SCALED}) - 0.5) > 1e-15 * abs({_SCALED}) THEN CAST($double AS {NUMBER})"
_PRODUCT = f"TRY(CAST(CAST($0 AS {NUMBER}) * CAST($1 AS {NUMBER}) AS {NUMBER}))"
_WHOLE = f"abs(CAST(CAST($0 AS {NUMBER}) * 10000000000 AS HUGEINT))"
_TOP = f"({_WHOLE} * 10000000000)"
_BOTTOM = _WHOLE.replace("$0", "$1")
_ROUNDED_UP = f"CASE WHEN ({_TOP} % {_BOTTOM}) * 2 >= {_BOTTOM} THEN 1 ELSE 0 END"
_UNITS = f"CAST(sign($0) * sign($1) * ({_TOP} // {_BOTTOM} + {_ROUNDED_UP}) AS DECIMAL(38, 0))"
_QUOTIENT = f"TRY(CAST({_UNITS} * 0.0000000001 AS {NUMBER}))"


def compile_formula(context: Context, text: str, place: str) -> Formula:
    """Compiles a formula.

    Args:
        place: file, row and column, for errors.
    Raises: MappingError for a text that is not a formula, or one that does not fit the fields and functions.
    """

    def of(node: exp.Expr) -> Expression:
        if isinstance(node, exp.Paren):
            inner = of(node.this)
            return replace(inner, sql=f"({inner.sql})")
        value = _value(work, node)
        if not isinstance(node, exp.Literal | exp.Null | exp.Boolean):
            work.trace.append((shown(node), value))
        return value

    work = Work(context, place, of)
    try:
        value = of(parsed(text, context.functions, place))
    except RecursionError:
        raise no_formula(text, place) from None
    return Formula(value, tuple(work.checks), tuple(work.trace))


def _value(work: Work, node: exp.Expr) -> Expression:
    if isinstance(node, exp.Literal | exp.Boolean | exp.Null):
        return _constant(work, node)
    if isinstance(node, exp.Column):
        return _column(work, node)
    if isinstance(node, exp.Anonymous) and node.name.lower().startswith(PREFIX):
        return call(work, node.name.lower().removeprefix(PREFIX), node.expressions)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        return _arithmetic(work, node)
    if isinstance(node, exp.Neg):
        value = work.as_kind(work.of(node.this), "decimal")
        return replace(value, sql=f"(-{value.sql})")
    if isinstance(node, exp.DPipe):
        return joined([as_text(work.of(each)) for each in (node.this, node.expression)], "($0 || $1)")
    return _condition(work, node)


def _condition(work: Work, node: exp.Expr) -> Expression:
    if type(node) in COMPARISONS:
        sides = [work.of(node.this), work.of(node.expression)]
        _comparable(work, *sides)
        return joined(sides, _compared(sides[0].kind, COMPARISONS[type(node)]), "boolean")
    if isinstance(node, exp.And | exp.Or):
        sides = [work.as_kind(work.of(each), "boolean") for each in (node.this, node.expression)]
        word = "AND" if isinstance(node, exp.And) else "OR"
        return joined(sides, f"($0 {word} $1)", "boolean")
    if isinstance(node, exp.Not):
        return joined([work.as_kind(work.of(node.this), "boolean")], "(NOT $0)", "boolean")
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return joined([work.of(node.this)], "($0 IS NULL)", "boolean")
    if isinstance(node, exp.In) and node.expressions:
        return _one_of(work, node)
    if isinstance(node, exp.Case):
        return _case(work, node)
    raise work.error(f"`{shown(node)[:60]}` may not stand in a formula.", INSTEAD.get(type(node), HELP))


def _one_of(work: Work, node: exp.In) -> Expression:
    value, *options = parts = [work.of(each) for each in (node.this, *node.expressions)]
    for option in options:
        _comparable(work, value, option)
    listed = ", ".join(f"${place}" for place in range(1, len(parts)))
    one = "coalesce($0, '')" if value.kind == "text" else "$0"
    return joined(parts, f"coalesce({one} IN ({listed}), false)", "boolean")


def _case(work: Work, node: exp.Case) -> Expression:
    """The value of `case when a then b end`, or of `case x when a then b end`, which compares x with a."""
    branches = node.args["ifs"]
    tests = [exp.EQ(this=node.this.copy(), expression=each.this) if node.this else each.this for each in branches]
    values = [each.args["true"] for each in branches]
    return chosen(work, tests, values, node.args.get("default"))


def _compared(kind: str, sign: str) -> str:
    """A comparison that is true or false for missing values too. An empty text counts as a missing one."""
    if sign not in ("=", "<>"):
        left, right = ("nullif($0, '')", "nullif($1, '')") if kind == "text" else ("$0", "$1")
        return f"coalesce({left} {sign} {right}, false)"
    if kind == "text":
        return f"(coalesce($0, '') {sign} coalesce($1, ''))"
    return "($0 IS NOT DISTINCT FROM $1)" if sign == "=" else "($0 IS DISTINCT FROM $1)"


def _constant(work: Work, node: exp.Expr) -> Expression:
    if isinstance(node, exp.Null):
        return Expression("NULL", "nothing")
    if isinstance(node, exp.Boolean):
        return Expression("true" if node.this else "false", "boolean")
    if node.is_string:
        return Expression(literal(node.name), "text", constant=True)
    if not re.fullmatch(r"\d{1,18}(\.\d{1,10})?", node.name):
        hint = "Numbers look like 12.50, of up to 18 digits and ten decimals."
        raise work.error(f"{node.name[:40]} is not a number.", hint)
    whole, _, decimals = node.name.partition(".")
    fits = len(whole) <= 13 and len(decimals) <= 5
    return Expression(f"CAST({node.name} AS {FITS if fits else NUMBER})", "decimal", fits=fits, constant=True)


def _column(work: Work, node: exp.Column) -> Expression:
    fields, constants = work.context.fields, work.context.constants
    if not node.table and node.name in constants:
        kind, sql = constants[node.name]
        return Expression(sql, kind)
    by_name = {name.lower(): name for name in fields}  # capitals do not matter, as in SQL
    if node.table or node.name.lower() not in by_name:
        known = f"Known are: {', '.join(sorted(fields))}."
        quotes = f"A text stands in quotes: '{node.name[:40]}'."
        hint = " ".join(filter(None, (similar(node.name, by_name), quotes, work.context.more_fields, known)))
        raise work.error(f"the source has no field `{node.sql()[:60]}`.", hint)
    name = by_name[node.name.lower()]
    return Expression(quote(name), fields[name], reads=frozenset({name}), fits=fields[name] == "decimal")


def _comparable(work: Work, left: Expression, right: Expression) -> None:
    if "nothing" in (left.kind, right.kind):
        raise work.error("null cannot be compared.", "Write `is null` or `is not null`.")
    if left.kind != right.kind:
        hint = "Compare texts with texts in quotes, numbers with numbers."
        raise work.error(f"a {named(left.kind)} is compared with a {named(right.kind)}.", hint)


def _arithmetic(work: Work, node: exp.Binary) -> Expression:
    sides: Sequence[Expression] = [work.as_kind(work.of(each), "decimal") for each in (node.this, node.expression)]
    if isinstance(node, exp.Add | exp.Sub):
        sign = "+" if isinstance(node, exp.Add) else "-"
        sql = f"TRY(CAST(CAST($0 AS {NUMBER}) {sign} CAST($1 AS {NUMBER}) AS {NUMBER}))"
        return work.step(sides, sql, "decimal", rule=NO_RESULT, needs=2)
    sign, exact = ("*", _PRODUCT) if isinstance(node, exp.Mul) else ("/", _QUOTIENT)
    near = _NEAR.replace("$double", f"(CAST($0 AS DOUBLE) {sign} CAST($1 AS DOUBLE))")
    zero = "WHEN $1 = 0 THEN NULL " if sign == "/" else ""
    return work.step(sides, f"CASE {zero}WHEN {near} ELSE {exact} END", "decimal", rule=NO_RESULT, needs=2)
