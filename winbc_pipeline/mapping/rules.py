"""The rules of a target's field (kind, length, options, default), and the form of its value in the payload."""

from collections.abc import Iterator
from dataclasses import replace

from ..errors import MappingError
from ..staging.store import BLANK, literal
from ..systems.facts import FieldFacts
from .cells import boolean_of
from .expressions import FITS, MOMENT, TYPES, WORDS, Check, Expression, as_text, joined, utf16_length
from .tables import Line, Table

# A computed number is rounded to the five decimals of FITS. With up to seven digits before the point this is done in
# 64 bits, which takes a fortieth of the time.
_IN_64_BITS = f"CAST(CAST($0 AS DECIMAL(18, 10)) AS {FITS})"
NARROWED = f"CASE WHEN abs($0) < 10000000 THEN {_IN_64_BITS} ELSE try_cast($0 AS {FITS}) END"
# The kinds of value that a field may be made of, by the field's kind. A text may be made of any kind.
MADE_OF = {
    "decimal": ("decimal", "text"),
    "integer": ("decimal", "text"),
    "boolean": ("boolean", "text"),
    "date": ("date", "text"),
    "datetime": ("datetime",),
}
LINE_ENDS = (10, 13)  # line feed, carriage return
NUMBERS = ("decimal", "integer")
# How a text or a default, in small letters, must be written to be of a kind.
WRITTEN = {
    "decimal": r"[+-]?\d+(\.\d+)?",
    "integer": r"[+-]?\d+",
    "boolean": "true|false|yes|no|1|0",
    "date": r"\d{4}-\d{2}-\d{2}",
    "datetime": r"\d{4}-\d{2}-\d{2}t\d{2}:\d{2}:\d{2}z",
}
EXAMPLE_ID = "5d115c9c-44e3-ea11-bb43-000d3a2feca1"
GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def with_default(table: Table, line: Line, facts: FieldFacts, value: Expression) -> Expression:
    """The value of a formula, and the default of the row where the formula gives nothing.

    A default that cannot be read gives NULL here; trial.py reports it before any record is mapped.
    Raises: MappingError when the formula gives a kind that the field cannot take.
    """
    if value.kind not in (*MADE_OF.get(facts.kind, (value.kind,)), "nothing"):
        hint = "to_date(…, 'zone') gives the date of a moment." if value.kind == "datetime" else "See docs/mapping.md."
        words = f"{facts.name} takes a {facts.kind}, and the formula gives a {value.kind}."
        raise MappingError(f"{table.place(line)}: {words}", hint)
    if facts.kind not in MADE_OF or value.kind == "nothing":
        value = as_text(value)
    if not line.default:
        return value
    written = _boolean(line.default) if facts.kind == "boolean" else line.default
    default = Expression(literal(written), "text")
    if value.kind == "text":
        return joined([value, default], f"coalesce(nullif(regexp_replace($0, '^{BLANK}$', ''), ''), $1)")
    default = replace(default, sql=_typed(value.kind, default))
    return joined([value, default], "coalesce($0, $1)", value.kind)


def _boolean(cell: str) -> str:
    """A cell as JSON writes booleans. Spreadsheets write `true` as TRUE, WAHR, VRAI … by their language."""
    known = boolean_of(cell)
    return cell if known is None else str(known).lower()


def filled(raw: Expression) -> str:
    """The column that holds a row's value, with NULL in the place of a text that holds blanks only."""
    return f"{raw.sql}_filled" if raw.kind == "text" else raw.sql


def payload_value(facts: FieldFacts, raw: Expression) -> str:
    """SQL of the value as it goes into the payload; NULL for a value that does not fit the field's kind."""
    if facts.kind in MADE_OF:
        value = _typed(facts.kind, raw)
        shown = {"date": "CAST($0 AS VARCHAR)", "datetime": MOMENT}.get(facts.kind, "$0")
        return shown.replace("$0", value)
    if facts.options or facts.kind == "guid":
        return filled(raw)
    text = f"coalesce({filled(raw)}, '')"
    return f"upper(trim({text}))" if facts.upper_cased else text


def _typed(kind: str, raw: Expression) -> str:
    """SQL of the value in the type of a kind; NULL for a value that cannot be read or is too large."""
    if raw.kind == "text":
        return f"try_cast(CASE WHEN {_readable(kind, raw)} THEN {raw.sql} END AS {TYPES[kind]})"
    if raw.kind == kind == "decimal" and not raw.fits:  # a computed number
        return NARROWED.replace("$0", raw.sql)
    return raw.sql if raw.fits else f"try_cast({raw.sql} AS {TYPES[kind]})"


def _readable(kind: str, raw: Expression) -> str:
    return f"regexp_full_match(lower(trim({raw.sql})), {literal(WRITTEN[kind])})"


def checks(line: Line, facts: FieldFacts, raw: Expression) -> Iterator[Check]:
    """The conditions under which this row makes a record fail. They are never NULL.

    A condition on a given value is a CASE and not an AND: DuckDB computes both sides of an AND for every record.
    """
    given = f"{filled(raw)} IS NOT NULL"

    def unless_empty(condition: str, rule: str, suspect: str = "") -> Check:
        return Check(f"CASE WHEN {given} THEN {condition} ELSE false END", rule, suspect=suspect)

    if line.required:
        yield Check(f"NOT ({given})", "required")
    for condition, rule in _kind_rules(facts.kind, raw):
        yield unless_empty(condition, rule)
    if facts.kind == "guid" and not facts.reference:
        yield unless_empty(f"NOT regexp_full_match({raw.sql}, '{GUID}')", f"not an id such as {EXAMPLE_ID}")
    if facts.max_length:
        most, length = facts.max_length, utf16_length(raw.sql)
        # A character of two UTF-16 units has three bytes more than others have at the least.
        suspect = f"2 * length({raw.sql}) + strlen({raw.sql}) > {3 * most}"
        yield unless_empty(f"{length} > {most}", f"longer than {most} characters", suspect)
    if facts.upper_cased:  # a Code: what people type, search and print
        places = " + ".join(f"strpos({raw.sql}, chr({code}))" for code in LINE_ENDS)  # OR takes DuckDB longer to plan
        yield unless_empty(f"{places} > 0", "has a line break", f"{places} > 0")
    if facts.options:
        options = ", ".join(literal(option) for option in facts.options)
        yield unless_empty(f"{raw.sql} NOT IN ({options})", f"not one of {_listed(facts.options)}")
    if facts.is_email:
        yield unless_empty(f"NOT regexp_full_match({raw.sql}, '[^@\\s]+@[^@\\s]+')", "not an e-mail address")


def _kind_rules(kind: str, raw: Expression) -> Iterator[tuple[str, str]]:
    """Conditions on a given value, and the rules that they break."""
    text = raw.kind == "text"
    if kind in MADE_OF and text:
        unread = f"NOT {_readable(kind, raw)}" if kind in NUMBERS else f"{_typed(kind, raw)} IS NULL"
        yield unread, f"not {WORDS[kind]}"
    if kind in NUMBERS and not (raw.fits and kind == "decimal"):
        readable = _readable(kind, raw) if text else "true"
        yield f"CASE WHEN {readable} THEN {_typed(kind, raw)} IS NULL ELSE false END", "too large"
    if kind == "integer" and not text:
        yield f"{raw.sql} <> floor({raw.sql})", "not a whole number"


def _listed(options: tuple[str, ...]) -> str:
    return ", ".join(options[:6]) + (" …" if len(options) > 6 else "")
