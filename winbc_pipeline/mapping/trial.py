"""Tries a compiled table out before any record is mapped.

A cell that would make every record fail (a default of the wrong kind, say) is reported once, with its place.
"""

import duckdb

from ..errors import MappingError
from ..staging.store import literal
from ..systems.facts import FieldFacts
from .compiler import Compiled, Constant, with_steps
from .execute import fill_joined_tables
from .grammar import similar
from .rules import NUMBERS


def try_out(connection: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    """Runs the SELECT, and the rules of each default and of each formula that reads no field.

    The table `source` must hold one empty record.
    Raises: MappingError that names file, row, column and cell; duckdb.Error for a mistake that only DuckDB finds.
    """
    constants = compiled.trial.constants
    fill_joined_tables(connection, compiled.trial.steps, compiled.trial.lookups)
    connection.execute(compiled.select).fetchall()
    values = ", ".join(["*", *(f"{each.made} AS {each.raw.sql}" for each in constants)])
    rules = ", ".join(["1", *(_broken_rule(each) for each in constants)])  # 1: there may be no constants
    base = with_steps(compiled.trial.steps)
    broken = connection.execute(f"SELECT {rules} FROM (SELECT {values} FROM ({base}))")
    _, *found = broken.fetchall()[0]
    for constant, rule in zip(constants, found, strict=True):
        if rule:
            words = f"`{constant.cell[:40]}` does not do for {constant.facts.name}: {rule}."
            raise MappingError(f"{constant.place}: {words}", _hint(constant.facts, constant.cell, rule))


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
