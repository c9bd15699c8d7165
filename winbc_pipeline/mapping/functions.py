"""The functions that a formula may use: what each takes and gives, a text for people, and an example that is a test.

Here belongs: the list, and the DuckDB SQL of functions that one template can express. Functions that use a Python
library: people.py. How a call is checked and compiled: calls.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .people import PLAIN_LETTERS, country_iso, gtin_check, phone_e164, strip_html, vat_number

Column = Sequence[Any]
# Characters that a replacement may make and put in, so that replacements inside each other cannot fill the memory.
LONGEST_TEXT, LONGEST_REPLACEMENT = 10_000, 20


@dataclass(frozen=True)
class Function:
    """One function.

    Attributes:
        group: the heading under which `winbc mapping functions` lists it.
        doc: its text for people.
        example: a formula, and `result` what it gives, as text; a test compares them.
        takes: the kinds of its values: text, decimal, boolean, date, datetime, day (date or datetime), any; or a value
            that must be written out: word (a text), pattern (a regular expression), short (a text of a few
            characters), whole (a whole number). `?` at the end: the value may be left out; `*`: one or more.
        gives: the kind of its result.
        sql: DuckDB SQL with $0, $1 … for the values; empty where Python or calls.py makes the result.
        formula: the formula that it stands for, with $0, $1 … for the values.
        column: the Python function on whole columns; None in its result means that the value could not be read.
        fails: whether a value that cannot be read gives nothing, which fails the record (see iferror).
    """

    name: str
    group: str
    doc: str
    example: str
    result: str
    takes: tuple[str, ...]
    gives: str
    sql: str = ""
    formula: str = ""
    column: Callable[..., Column] | None = None
    fails: bool = False


# The characters that texts are trimmed of, the same as in staging.store.BLANK. They stand as they are, because DuckDB
# takes longer to plan an expression that makes them.
BLANKS = "' \t\n\r\u00a0'"
# Business Central counts a character beyond the basic plane twice. A filler before each of them does the same here.
_FILLER = "chr(64976)"
_WIDE = f"regexp_replace($0, '([\\x{{10000}}-\\x{{10FFFF}}])', {_FILLER} || '\\1', 'g')"


def street_sql(part: str) -> str:
    """SQL of one part (name, number, addition) of `High Street 12 b`, `High Street 12-b` or `12b High Street`."""
    after = r"'^(.*[^\s,])[\s,]+(\d+)\s*[-/]?\s*([^\d\s.].*|\d\S*)?$'"
    before = r"'^(\d+)\s*([A-Za-z]?)[\s,]+(\D.*)$'"
    # The group of each part in the two patterns.
    groups = {"name": (1, 3), "number": (2, 1), "addition": (3, 2)}
    at_end, in_front = groups[part]
    otherwise = "trim($0)" if part == "name" else "''"
    return f"""
        CASE
            WHEN regexp_matches(trim($0), {after}) THEN trim(regexp_extract(trim($0), {after}, {at_end}))
            WHEN regexp_matches(trim($0), {before}) THEN regexp_extract(trim($0), {before}, {in_front})
            ELSE {otherwise}
        END"""


def _text(
    name: str,
    doc: str,
    example: str,
    result: str,
    takes: str,
    sql: str,
    gives: str = "text",
    column: Callable[..., Column] | None = None,
) -> Function:
    return Function(name, "text", doc, example, result, tuple(takes.split()), gives, sql, column=column)


_PLAIN = "lower($0)"
for _letter, _letters in PLAIN_LETTERS.items():
    _PLAIN = f"replace({_PLAIN}, '{_letter}', '{_letters}')"
_SLUG = f"trim(regexp_replace(strip_accents({_PLAIN}), '[^a-z0-9]+', '-', 'g'), '-')"
# Numbers of few digits are read and rounded in 64 bits (_NARROW), which takes a fortieth of the time.
_COMPUTED, _NARROW = "DECIMAL(28, 10)", "DECIMAL(18, 10)"
_FEW_DIGITS = r"'[+-]?\d{1,8}(\.\d{1,10})?'"
_ANY_DIGITS = r"'[+-]?\d+(\.\d+)?'"
_NUMBER = f"""
    CASE
        WHEN regexp_full_match(trim($0), {_FEW_DIGITS}) THEN CAST(try_cast($0 AS {_NARROW}) AS {_COMPUTED})
        WHEN regexp_full_match(trim($0), {_ANY_DIGITS}) THEN try_cast($0 AS {_COMPUTED})
    END"""
_ROUND = f"""
    CASE
        WHEN abs($0) < 10000000 THEN CAST(round(CAST($0 AS {_NARROW}), $1) AS {_COMPUTED})
        ELSE TRY(CAST(round($0, $1) AS {_COMPUTED}))
    END"""
_CAPPED = "least($0, coalesce($1, $0))"  # `least` passes over what is not known, so an unknown stock would be the cap
_MULTIPLE = f"{_CAPPED} - (({_CAPPED} % nullif($2, 0)) + nullif($2, 0)) % nullif($2, 0)"
_STOCK_FIGURE = f"""
    CASE
        WHEN $0 IS NULL THEN NULL
        ELSE greatest(
            CAST(coalesce({_MULTIPLE}, {_CAPPED}) AS {_COMPUTED}),
            CASE WHEN coalesce($3, false) THEN CAST(0 AS {_COMPUTED}) END
        )
    END"""
# lpad cuts a text that is longer than the wanted length, so the length is never less than the text's.
_PAD = "lpad($0, greatest(length($0), CAST($1 AS INTEGER))::INTEGER, '0')"
_EMAIL = f"lower(trim($0, {BLANKS}))"
_BARE_EMAIL = f"CASE WHEN starts_with({_EMAIL}, 'mailto:') THEN {_EMAIL}[8:] ELSE lower($0) END"
# A count of characters, kept within what any text has, so that the cast cannot fail.
_COUNT = "greatest(-10000, least(10000, $1))::BIGINT"
_SECOND_COUNT = _COUNT.replace("$1", "$2")
_SECOND = "'2026-01-31'"

# In the order in which `winbc mapping functions` and docs/mapping.md list them.
BUILT_IN: tuple[Function, ...] = (
    _text("upper", "Capital letters", "upper('abc')", "ABC", "text", "upper($0)"),
    _text("lower", "Small letters", "lower('ABC')", "abc", "text", "lower($0)"),
    _text("trim", "Without blanks at both ends", "trim('  a ')", "a", "text", f"trim($0, {BLANKS})"),
    _text("left", "The first n characters", "left('Winstore', 3)", "Win", "text decimal", f"left($0, {_COUNT})"),
    _text("right", "The last n characters", "right('Winstore', 5)", "store", "text decimal", f"right($0, {_COUNT})"),
    _text(
        "substring", "n characters from a position (1 = first)", "substring('Winstore', 4, 2)", "st",
        "text decimal decimal", f"substring($0, {_COUNT}, {_SECOND_COUNT})",
    ),
    _text("replace", "Each text replaced by another", "replace('a-b', '-', '/')", "a/b", "text text short",
          f"left(replace($0, $1, $2), {LONGEST_TEXT})"),
    _text("concat", "Values put together; empty ones are left out", "concat('a', 1.50, 'b')", "a1.5b", "text*",
          "concat($*)"),
    _text("split_part", "The n-th part of a text between separators", "split_part('a/b', '/', 2)", "b",
          "text text decimal", f"split_part($0, $1, {_SECOND_COUNT})"),
    _text("regexp_replace", "Each match of a pattern (RE2) replaced", "regexp_replace('A 12', '[0-9]+', '#')", "A #",
          "text pattern short", f"left(regexp_replace($0, $1, $2, 'g'), {LONGEST_TEXT})"),
    _text("strip_html", "Without HTML marks", "strip_html('<p>a &amp; <b>b</b></p>')", "a & b", "text",
          "", column=strip_html),
    _text("truncate", "At most n characters, as Business Central counts them", "truncate('abcdef', 3)", "abc",
          "text whole", f"CASE WHEN strlen($0) <= $1 THEN $0 ELSE replace(left({_WIDE}, $1), {_FILLER}, '') END"),
    _text("length", "Number of characters", "length('abc')", "3", "text", "CAST(length($0) AS DECIMAL(18, 5))",
          "decimal"),
    _text("contains", "Whether a text holds another", "if(contains('Winstore', 'st'), 'yes', 'no')", "yes",
          "text text", "coalesce(contains($0, $1), false)", "boolean"),
    _text("starts_with", "Whether a text begins with another", "if(starts_with('Winstore', 'W'), 'yes', 'no')", "yes",
          "text text", "coalesce(starts_with($0, $1), false)", "boolean"),
    _text("text", "Any value as text", "text(1.50)", "1.5", "text", "$0"),
    Function("if", "logic", "One value or another", "if(1 = 1, 'yes', 'no')", "yes", ("boolean", "any", "any"), "any"),
    Function("coalesce", "logic", "The first value that is known", "coalesce(null, 'b')", "b", ("any*",), "any"),
    Function("nullif", "logic", "Nothing, when both are equal", "coalesce(nullif('x', 'x'), 'none')", "none",
             ("any", "any"), "any"),
    Function("iferror", "logic", "A fall-back for a value that cannot be read, found or computed",
             "iferror(to_number('abc'), 0)", "0", ("any", "any"), "any"),
    Function("lookup", "logic", "The value that a lookup table gives; the third is the fall-back",
             "lookup('tax_groups', vatrate, 'VAT21')", "", ("word", "any", "text?"), "text"),
    Function("round", "numbers", "Rounded half away from zero", "round(-2.675, 2)", "-2.68", ("decimal", "whole?"),
             "decimal", _ROUND, fails=True),
    Function("abs", "numbers", "Without its sign", "abs(-5)", "5", ("decimal",), "decimal", "abs($0)"),
    Function("floor", "numbers", "The whole number below", "floor(-2.5)", "-3", ("decimal",), "decimal",
             f"TRY(CAST(floor($0) AS {_COMPUTED}))", fails=True),
    Function("ceil", "numbers", "The whole number above", "ceil(2.1)", "3", ("decimal",), "decimal",
             f"TRY(CAST(ceil($0) AS {_COMPUTED}))", fails=True),
    Function("stock_figure", "numbers",
             "A stock by a rule: at most a cap, then down to a multiple, then not below 0; each where it is known",
             "stock_figure(27.5, 20, 6, true)", "18", ("decimal", "decimal", "decimal", "boolean"), "decimal",
             _STOCK_FIGURE),
    Function("to_number", "numbers", "A text as a number, with a point for decimals", "to_number('12.50')", "12.5",
             ("text",), "decimal", _NUMBER, fails=True),
    Function("add_vat", "VAT", "An amount with VAT of so many percent", "round(add_vat(100, 21), 2)", "121",
             ("decimal", "decimal"), "decimal", formula="($0) * ((100 + $1) * 0.01)"),
    Function("remove_vat", "VAT", "An amount without VAT of so many percent", "round(remove_vat(121, 21), 2)", "100",
             ("decimal", "decimal"), "decimal", formula="($0) / ((100 + $1) * 0.01)"),
    Function("to_date", "dates", "A date, from a text (YYYY-MM-DD, or the form given) or from a moment in a zone",
             "to_date('31.12.2025', 'DD.MM.YYYY')", "2025-12-31", ("any", "word?"), "date", fails=True),
    Function("to_datetime", "dates", "A moment, from local time in a zone",
             "to_datetime('2026-07-01 12:00:00', 'Europe/Amsterdam')", "2026-07-01T10:00:00Z",
             ("text", "word", "word?"), "datetime", fails=True),
    Function("format_date", "dates", "A date or moment as text: YYYY MM DD HH mm ss; for a moment also the zone",
             f"format_date(to_date({_SECOND}), 'DD-MM-YYYY')", "31-01-2026", ("day", "word", "word?"), "text"),
    Function("add_days", "dates", "So many days later", f"add_days(to_date({_SECOND}), 14)", "2026-02-14",
             ("day", "decimal"), "day"),
    Function("split_street", "people", "Street line in parts: 'name', 'number' or 'addition'",
             "split_street('Van Goghlaan 12-b', 'number')", "12", ("text", "word"), "text"),
    Function("join_name", "people", "Names with one blank between; nothing when all are empty",
             "join_name(' Ada', null, 'Lovelace ')", "Ada Lovelace", ("text*",), "text"),
    Function("phone_e164", "people",
             "A telephone number in international form; the second is its country. Another text stays as it is",
             "phone_e164('030-1234567', 'NL')", "+31301234567", ("text", "text"), "text", column=phone_e164),
    Function("vat_number", "people",
             "A VAT number in short form with its prefix; the second is its country. Empty for one that is not valid",
             "vat_number('4495445.B.01', 'NL')", "NL004495445B01", ("text", "text"), "text", column=vat_number),
    Function("country_iso", "people", "ISO code of a country, from a code or a name in several languages",
             "country_iso('Nederland')", "NL", ("text",), "text", column=country_iso, fails=True),
    Function("country_code", "people",
             "ISO code of a country as country_iso gives it; another text in capitals, to be looked up",
             "country_code(' xk ')", "XK", ("text",), "text", formula="iferror(country_iso($0), upper(trim($0)))"),
    Function("normalise_email", "people", "An e-mail address in small letters, without blanks and mailto:",
             "normalise_email(' mailto:Ada@Mail.example')", "ada@mail.example", ("text",), "text",
             f"trim({_BARE_EMAIL}, {BLANKS})"),
    Function("gtin_check", "codes", "The GTIN, when its check digit is right", "gtin_check('4006381333931')",
             "4006381333931", ("text",), "text", column=gtin_check, fails=True),
    Function("slug", "codes", "Small letters, digits and hyphens only", "slug('Größe: XL!')", "grosse-xl", ("text",),
             "text", _SLUG),
    Function("zero_pad", "codes", "Zeros in front, up to n characters", "zero_pad('42', 5)", "00042",
             ("text", "whole"), "text", _PAD),
    Function("hash", "codes", "Sixteen letters and digits that stand for the values; empty when all of them are",
             "hash('a', 'b')", "f04cdced9736a69d", ("text*",), "text"),
)  # fmt: skip
