"""Formulas: SQL-scalar style, parsed, checked against an allow-list, and turned into DuckDB SQL.

Here belongs: what a key user may write in the column `source`. Nothing is pasted into SQL unparsed.
"""

from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ..errors import MappingError

NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Case, exp.If, exp.And, exp.Or,
    exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Neg, exp.DPipe, exp.Anonymous, exp.Tuple,
)  # fmt: skip

# Name -> (one line for people, example, its result). Listed in docs/mapping.md; each example is a test.
FUNCTIONS: dict[str, tuple[str, str, str]] = {
    "upper": ("Capital letters", "upper('abc')", "ABC"),
    "lower": ("Small letters", "lower('ABC')", "abc"),
    "trim": ("Without blanks at both ends", "trim('  a ')", "a"),
    "left": ("The first n characters", "left('Winstore', 3)", "Win"),
    "right": ("The last n characters", "right('Winstore', 5)", "store"),
    "substring": ("n characters from a position (1 = first)", "substring('Winstore', 4, 2)", "st"),
    "replace": ("Each text replaced by another", "replace('a-b', '-', '/')", "a/b"),
    "concat": ("Texts put together; empty ones are left out", "concat('a', 'b')", "ab"),
    "split_part": ("The n-th part of a text between separators", "split_part('a/b', '/', 2)", "b"),
    "length": ("Number of characters", "length('abc')", "3"),
    "coalesce": ("The first value that is known", "coalesce(null, 'b')", "b"),
    "nullif": ("Nothing, when both are equal", "coalesce(nullif('x', 'x'), 'empty')", "empty"),
    "if": ("One value or another", "if(1 = 1, 'yes', 'no')", "yes"),
    "round": ("Rounded half away from zero", "round(2.675, 2)", "2.68"),
    "abs": ("Without its sign", "abs(-5)", "5"),
    "add_vat": ("An amount with VAT of so many percent", "round(add_vat(100.00, 21), 2)", "121.00"),
    "remove_vat": ("An amount without VAT of so many percent", "round(remove_vat(121.00, 21), 2)", "100.00"),
    "zero_pad": ("Zeros in front, up to n characters", "zero_pad('42', 5)", "00042"),
    "strip_html": ("Without HTML marks", "strip_html('<b>a</b>')", "a"),
    "truncate": ("At most n characters", "truncate('abcdef', 3)", "abc"),
    "lookup": ("The value that a lookup table gives", "lookup('tax_groups', vatrate)", ""),
}

MACROS: dict[str, str] = {
    "add_vat": "CAST(CAST({0} AS DECIMAL(18, 5)) * CAST(100 + {1} AS DECIMAL(9, 4)) * 0.01 AS DECIMAL(28, 5))",
    "remove_vat": "CAST(CAST({0} AS DECIMAL(18, 5)) * 100 / (100 + {1}) AS DECIMAL(28, 5))",
    "zero_pad": "lpad(CAST({0} AS VARCHAR), greatest(length(CAST({0} AS VARCHAR)), {1})::INTEGER, '0')",
    "strip_html": "trim(regexp_replace({0}, '<[^>]*>', '', 'g'))",
    "truncate": "left({0}, {1})",
}

BUILT_IN = (
    exp.Upper, exp.Lower, exp.Trim, exp.Left, exp.Right, exp.Substring, exp.Replace, exp.Concat, exp.SplitPart,
    exp.Length, exp.Coalesce, exp.Nullif, exp.Round, exp.Abs, exp.Trunc,
)  # fmt: skip


def compile_formula(
    text: str, fields: Mapping[str, str], constants: Mapping[str, str], lookup: Callable[[str, str], str], place: str
) -> str:
    """DuckDB SQL of one formula.

    Args:
        fields: the source's fields and their types; they are read as columns of `s`.
        constants: values of settings, as SQL literals by name.
        lookup: gives the SQL for the value of a lookup table, from its name and the SQL of the value looked up.
        place: file, row and column, for errors.
    Raises: MappingError for anything outside the allow-list or an unknown field.
    """
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except SqlglotError:
        raise MappingError(
            f"{place}: `{text[:80]}` is not a formula.", "See docs/mapping.md for what may stand here."
        ) from None
    _check(tree, place)
    return _rewritten(tree, fields, constants, lookup, place).sql(dialect="duckdb")


def _check(tree: exp.Expr, place: str) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Anonymous) and node.name.lower() not in FUNCTIONS:
            raise MappingError(f"{place}: the function {node.name} is not known.", "See docs/mapping.md.")
        if not isinstance(node, NODES + BUILT_IN):
            raise MappingError(f"{place}: {node.key} may not stand in a formula.", "See docs/mapping.md.")


def _rewritten(
    tree: exp.Expr,
    fields: Mapping[str, str],
    constants: Mapping[str, str],
    lookup: Callable[[str, str], str],
    place: str,
) -> exp.Expr:
    by_name = {name.lower(): name for name in fields}

    def rewrite(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            name = node.name
            if name in constants and not node.table:
                return sqlglot.parse_one(constants[name], dialect="duckdb")
            if name.lower() not in by_name or node.table:
                known = ", ".join(sorted(fields))
                raise MappingError(f"{place}: the source has no field `{node.sql()}`.", f"Known are: {known}.")
            return exp.column(by_name[name.lower()], table="s", quoted=True)
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.Trunc):
            name = "truncate"
        arguments = (
            node.expressions
            if name != "truncate" or isinstance(node, exp.Anonymous)
            else [node.this, node.args.get("decimals")]
        )
        if name == "lookup":
            return _lookup(arguments, fields, lookup, rewrite, place)
        if name in MACROS:
            wanted = 1 if name == "strip_html" else 2
            if len(arguments) != wanted or None in arguments:
                raise MappingError(f"{place}: {name} takes {wanted} values.")
            parts = [argument.transform(rewrite).sql(dialect="duckdb") for argument in arguments]
            return exp.Paren(this=sqlglot.parse_one(MACROS[name].format(*parts), dialect="duckdb"))
        return node

    return tree.transform(rewrite)


def _lookup(
    arguments: list[exp.Expr],
    fields: Mapping[str, str],
    lookup: Callable[[str, str], str],
    rewrite: Callable[[exp.Expr], exp.Expr],
    place: str,
) -> exp.Expr:
    if len(arguments) != 2 or not isinstance(arguments[0], exp.Literal):
        raise MappingError(f"{place}: lookup takes the name of a table in quotes, and a value.")
    value = arguments[1]
    sql = f"CAST({value.transform(rewrite).sql(dialect='duckdb')} AS VARCHAR)"
    if isinstance(value, exp.Column) and fields.get(value.name) == "decimal":
        sql = f"rtrim(regexp_replace({sql}, '(\\.[0-9]*?)0+$', '\\1'), '.')"
    return sqlglot.parse_one(lookup(arguments[0].name, sql), dialect="duckdb")
