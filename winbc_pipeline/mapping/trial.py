"""Tries a compiled table out before any record is mapped.

A cell that would make every record fail (a default of the wrong kind, say) is reported once, with its place.
"""

from collections.abc import Collection, Iterator

import duckdb
from sqlglot import exp

from ..errors import MappingError
from ..staging.store import literal
from ..systems.facts import FieldFacts
from .compiler import Compiled, Constant, with_steps, with_values
from .execute import fill_joined_tables
from .grammar import PREFIX, parsed, similar
from .rules import NUMBERS

# Functions that give one of their arguments as it is: the place of the first that they may give.
PASSES = {"lookup": 2, "if": 1, "coalesce": 0, "iferror": 0}


def try_out(connection: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    """Runs the SELECT, and the rules of each default and of each formula that reads no field.

    The table `source` must hold one empty record.
    Raises: MappingError that names file, row, column and cell; duckdb.Error for a mistake that only DuckDB finds.
    """
    constants = compiled.trial.constants
    fill_joined_tables(connection, compiled.trial.steps, compiled.trial.lookups)
    connection.execute(compiled.select).fetchall()
    rules = ", ".join(["1", *(_broken_rule(each) for each in constants)])  # 1: there may be no constants
    values = with_values(with_steps(compiled.trial.steps), constants)
    broken = connection.execute(f"SELECT {rules} FROM ({values})")
    _, *found = broken.fetchall()[0]
    for constant, rule in zip(constants, found, strict=True):
        if rule:
            words = f"`{constant.cell[:40]}` does not do for {constant.facts.name}: {rule}."
            raise MappingError(f"{constant.place}: {words}", _hint(constant.facts, constant.cell, rule))


def check_lookups(compiled: Compiled, functions: Collection[str]) -> None:
    """Looks whether a field takes each value that a lookup table may give it, as far as the field has options.

    Args:
        functions: names of the functions that formulas may use.
    Raises: MappingError that names table, key and value, such as one in other capitals.
    """
    for row in compiled.targets:
        tree = parsed(row.line.source, functions, row.line.place) if row.facts.options else exp.Null()
        for name in _giving(tree):
            for key, value in compiled.lookups[name].items():
                if value and value not in row.facts.options:
                    words = f"`{value[:40]}` (for {key[:40]}) does not do for {row.facts.name} ({row.line.place})"
                    known = f"It takes {', '.join(row.facts.options)}. {similar(value, row.facts.options)}"
                    raise MappingError(f"lookups/{name}.csv: {words}.", known)


def _giving(node: exp.Expr | None) -> Iterator[str]:
    """The lookup tables whose values a formula gives as they are. One that is only compared, or changed, is not."""
    if isinstance(node, exp.Paren):
        yield from _giving(node.this)
    elif isinstance(node, exp.Case):
        for each in (*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")):
            yield from _giving(each)
    elif isinstance(node, exp.Anonymous):
        name, given = node.name.lower().removeprefix(PREFIX), node.expressions
        if name == "lookup":
            yield given[0].name
        for each in given[PASSES.get(name, len(given)) :]:
            yield from _giving(each)


def _broken_rule(constant: Constant) -> str:
    """SQL of the first rule that the value breaks; NULL when it breaks none."""
    whens = " ".join(f"WHEN {check.condition} THEN {literal(check.rule)}" for check in constant.checks)
    return f"CASE {whens} END" if whens else "NULL"


def _hint(facts: FieldFacts, cell: str, rule: str) -> str:
    if rule == "required":
        return "Give a value, or leave the column required empty."
    if facts.options:
        return similar(cell.strip("'"), facts.options)
    if facts.kind in NUMBERS:
        return "Numbers look like 12.50, without spaces and thousands' marks."
    if facts.kind in ("date", "datetime"):
        return "Dates look like 2026-01-31, moments like 2026-01-31T09:30:00Z."
    return "Write what the field takes, or a formula that gives it."
