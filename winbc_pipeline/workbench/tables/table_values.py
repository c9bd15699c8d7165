"""The values that a mapping table itself can give a field: defaults, constants, values of lookup tables.

Here belongs: reading the values off the tables. Whether the target has them: readiness.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...mapping.compiler import Compiled, CompiledLine

CONSTANT = re.compile(r"'([^']*)'")
# A formula that is one lookup: its table and what it looks up, such as a field or `coalesce(field, 'none')`.
LOOKUP = re.compile(r"lookup\(\s*'(\w+)'\s*,\s*((?:[^()',]|\((?:[^()']|'[^']*')*\))+?)\s*\)")
# What tells how lookups are nested: the beginning of a lookup, brackets, and texts, which may contain brackets.
TOKEN = re.compile(r"lookup\(\s*'(\w+)'|'[^']*'|[()]")
REST = "*"  # the row of a lookup table for values that have no row of their own


@dataclass(frozen=True)
class LineObject:
    """A number that lines may be about.

    Attributes:
        number: number of an item, an account or the like.
        place: the cell or lookup table that gives the number.
        kinds: the kinds of line (Item, Account …) that the table may give with the number.
    """

    number: str
    place: str
    kinds: frozenset[str]


def codes_of(row: CompiledLine, compiled: Compiled) -> Iterator[tuple[str, set[str]]]:
    """The values that a row may give, with the cell or lookup table that gives them."""
    if row.line.default:
        yield "column default", {row.line.default}
    if constant := CONSTANT.fullmatch(row.line.source):
        yield "column source", {constant[1]}
    for name, values in _lookups(row, compiled).items():
        yield f"lookups/{name}.csv", set(values.values())


def line_objects(compiled: Compiled) -> Iterator[LineObject]:
    """What the lines of a table may be about. Numbers that the source itself gives (a SKU) are not among them."""
    rows = {row.facts.name: row for row in compiled.targets}
    number, kind = rows.get("lineObjectNumber"), rows.get("lineType")
    if number is None or kind is None:
        return
    for place, codes in codes_of(number, compiled):
        by_key = _by_key(number, kind, compiled) if place.startswith("lookups") else {}
        pairs = by_key or {code: (code, _kinds(kind, compiled)) for code in codes}
        yield from {LineObject(code, place, kinds) for code, kinds in pairs.values() if code}


def _by_key(number: CompiledLine, kind: CompiledLine, compiled: Compiled) -> Mapping[str, tuple[str, frozenset[str]]]:
    """Number and kind for each value of the source. Empty unless both are looked up by the same field."""
    number_lookup, kind_lookup = LOOKUP.fullmatch(number.line.source), LOOKUP.fullmatch(kind.line.source)
    if not (number_lookup and kind_lookup and number_lookup[2] == kind_lookup[2]):
        return {}
    numbers, kinds = compiled.lookups[number_lookup[1]], compiled.lookups[kind_lookup[1]]
    pairs: dict[str, tuple[str, frozenset[str]]] = {}
    for key in {**numbers, **kinds}:
        if code := _value_for(numbers, key):
            pairs[key] = code, frozenset({_value_for(kinds, key) or kind.line.default})
    return pairs


def _value_for(values: Mapping[str, str], key: str) -> str:
    """What a lookup table gives for a value of the source. An empty value never takes the row `*`."""
    rest = values.get(REST, "") if key else ""
    return values.get(key, rest)


def _kinds(row: CompiledLine, compiled: Compiled) -> frozenset[str]:
    """All kinds of line that a row may give."""
    looked_up = [value for values in _lookups(row, compiled).values() for value in values.values()]
    named = {*CONSTANT.findall(row.line.source), row.line.default, *looked_up}
    return frozenset(named & set(row.facts.options))


def _lookups(row: CompiledLine, compiled: Compiled) -> Mapping[str, Mapping[str, str]]:
    """The lookup tables whose values a row may give.

    The values of a lookup inside another lookup are only keys of the outer one.
    """
    names: list[str] = []
    open_brackets: list[bool] = []  # whether each one is a lookup's
    for token in TOKEN.finditer(row.line.source):
        text, lookup_table = token[0], token[1]
        if lookup_table and not any(open_brackets):
            names.append(lookup_table)
        if text.endswith(")"):
            open_brackets[-1:] = []  # does nothing when none is open
        elif lookup_table or text == "(":
            open_brackets.append(bool(lookup_table))
    return {name: values for name, values in compiled.lookups.items() if name in names}
