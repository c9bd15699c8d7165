"""What a mapping table can give a field, whatever the source has: defaults, constants, values of look-up tables.

Here belongs: reading that off the tables. Whether the target has it: ready.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..mapping.compiler import Compiled, Target

CONSTANT = re.compile(r"'([^']*)'")
LOOKUP = re.compile(r"lookup\(\s*'(\w+)'\s*,\s*([^()',]+?)\s*\)")
TOKEN = re.compile(r"lookup\(\s*'(\w+)'|'[^']*'|[()]")
REST = "*"  # the row of a look-up table for values without one


@dataclass(frozen=True)
class LineObject:
    """A number that lines may be about, where it stands, and the kinds of line (Item, Account …) that it may be given
    with."""

    number: str
    place: str
    kinds: frozenset[str]


def codes_of(row: Target, compiled: Compiled) -> Iterator[tuple[str, set[str]]]:
    """The values that a row may give, by the cell or look-up table that they stand in."""
    if row.line.default:
        yield "column default", {row.line.default}
    if constant := CONSTANT.fullmatch(row.line.source):
        yield "column source", {constant[1]}
    for name, values in _lookups(row, compiled).items():
        yield f"lookups/{name}.csv", set(values.values())


def line_objects(compiled: Compiled) -> Iterator[LineObject]:
    """What the lines of a table may be about, except what the source itself names (a SKU)."""
    rows = {row.facts.name: row for row in compiled.targets}
    number, kind = rows.get("lineObjectNumber"), rows.get("lineType")
    if number is None or kind is None:
        return
    for place, codes in codes_of(number, compiled):
        by_key = _by_key(number, kind, compiled) if place.startswith("lookups") else {}
        pairs = by_key or {code: (code, _kinds(kind, compiled)) for code in codes}
        yield from {LineObject(code, place, kinds) for code, kinds in pairs.values() if code}


def _by_key(number: Target, kind: Target, compiled: Compiled) -> Mapping[str, tuple[str, frozenset[str]]]:
    """Number and kind for each value of the source, where both are looked up by the same field; else nothing."""
    one, other = LOOKUP.fullmatch(number.line.source), LOOKUP.fullmatch(kind.line.source)
    if not (one and other and one[2] == other[2]):
        return {}
    numbers, kinds = compiled.lookups[one[1]], compiled.lookups[other[1]]
    pairs = {key: (_of(numbers, key), _of(kinds, key) or kind.line.default) for key in {**numbers, **kinds}}
    return {key: (code, frozenset({its_kind})) for key, (code, its_kind) in pairs.items() if code}


def _of(values: Mapping[str, str], key: str) -> str:
    return values.get(key, values.get(REST, "") if key else "")


def _kinds(row: Target, compiled: Compiled) -> frozenset[str]:
    """The kinds of line that a row may give at all."""
    looked_up = [value for values in _lookups(row, compiled).values() for value in values.values()]
    named = {*CONSTANT.findall(row.line.source), row.line.default, *looked_up}
    return frozenset(named & set(row.facts.options))


def _lookups(row: Target, compiled: Compiled) -> Mapping[str, Mapping[str, str]]:
    """The look-up tables whose values a row may give: one inside another only leads to that one's."""
    names, inside = list[str](), list[bool]()
    for token in TOKEN.finditer(row.line.source):
        if token[1] and not any(inside):
            names.append(token[1])
        if token[0].endswith(")"):
            inside[-1:] = []
        elif token[1] or token[0] == "(":
            inside.append(bool(token[1]))
    return {name: values for name, values in compiled.lookups.items() if name in names}
