"""Formulas: what they give, what they refuse, and that one bad value fails one record."""

import decimal
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.execute import evaluate
from winbc_pipeline.mapping.expressions import Context
from winbc_pipeline.mapping.formulas import compile_formula
from winbc_pipeline.mapping.functions import BUILT_IN, Function
from winbc_pipeline.mapping.grammar import similar
from winbc_pipeline.staging.store import in_memory, lock_down

from .conftest import FIELDS, Tables

KNOWN = {function.name: function for function in BUILT_IN}


def value(formula: str) -> str:
    with in_memory() as connection:
        lock_down(connection)
        return evaluate(connection, formula, KNOWN, "here")


@pytest.mark.parametrize("function", [each for each in BUILT_IN if each.result], ids=lambda each: each.name)
def test_each_functions_example_gives_its_result(function: Function) -> None:
    assert value(function.example) == function.result


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("1 / 3", "0.3333333333"),
        ("-7 / 2", "-3.5"),
        ("123456.78 / 3.3", "37411.1454545455"),
        ("100000 * 33333.333", "3333333300"),
        ("round(1234567.125, 2)", "1234567.13"),
        ("round(-0.5, 0)", "-1"),
        ("0.1 + 0.2", "0.3"),
        ("'a' || 1.50 || true", "a1.5true"),
        ("case when 1 > 2 then 'a' when 2 > 1 then 'b' end", "b"),
        ("case 'x' when 'x' then 1 else 2 end", "1"),
        ("2 in (1, 2) and not (1 = 2)", "true"),
        ("iferror(1 / 0, 5)", "5"),
        ("if(1 = 2, 1 / 0, 7)", "7"),
        ("coalesce(3, 1 / 0)", "3"),
        (r"regexp_replace('3511AB', '^(\d+)([A-Z]+)|x$', '\2 \1')", "AB 3511"),
        ("truncate('😀😀😀', 3)", "😀"),
        ("concat('{x}', '$0', null)", "{x}$0"),
        ("split_street('12b High Street', 'name')", "High Street"),
        ("split_street('Straße des 17. Juni 135', 'number')", "135"),
        ("split_street('Postbus', 'name')", "Postbus"),
        ("split_street('1e Hugo de Grootstraat 5', 'name')", "1e Hugo de Grootstraat"),
        ("split_street('1e Hugo de Grootstraat 5', 'number')", "5"),
        ("strip_html('a < b and c > d')", "a < b and c > d"),
        ("strip_html('<style>p{}</style>caf&eacute;<!-- x > y --><br>ol&#233;')", "café olé"),
        ("slug('Smørrebrød Œuvre Łódź')", "smorrebrod-oeuvre-lodz"),
        ("normalise_email('mailto: Ada@Mail.example')", "ada@mail.example"),
        ("if(hash('a', null) = hash(null, 'a'), 'same', 'other')", "other"),
        ("coalesce(hash(null, ''), 'nothing')", "nothing"),
        ("trim(' \u00a0\ta ')", "a"),
        ("to_datetime('2026-03-29T02:30:00+05:00', 'Europe/Amsterdam')", "2026-03-28T21:30:00Z"),
        ("to_date(to_datetime('2026-01-01 23:30:00', 'UTC'), 'Europe/Amsterdam')", "2026-01-02"),
        ("phone_e164('+49 30 1234567', 'NL')", "+49301234567"),
        ("phone_e164('extension 12', 'NL')", "extension 12"),
        ("phone_e164('030-1234567', '')", "030-1234567"),
        ("coalesce(vat_number('NL 8034.12.345 B01 (KvK 12345678)', 'NL'), 'none')", ""),
        ("vat_number('BE 0428.759.497', 'NL')", "BE0428759497"),
        ("country_iso('Deutschland')", "DE"),
        ("country_iso('deu')", "DE"),
        ("country_iso('The Netherlands')", "NL"),
        ("country_iso('Pays Bas')", "NL"),
        ("country_iso('Belgie')", "BE"),
        ("country_iso('Turkey')", "TR"),
        ("country_iso('TÜRKİYE')", "TR"),
        ("country_iso('Groot-Brittannië')", "GB"),
        ("country_iso('GROSSBRITANNIEN')", "GB"),
        ("country_iso('England')", "GB"),
        ("country_iso('U.K.')", "GB"),
        ("country_iso('U.S.A.')", "US"),
        ("country_iso('Amerika')", "US"),
        ("country_iso('Holland')", "NL"),
        ("country_iso('Tsjechië')", "CZ"),
        ("iferror(country_iso('Atlantis'), 'none')", "none"),
        ("iferror(gtin_check('4006381333932'), 'wrong')", "wrong"),
    ],
)
def test_values(formula: str, result: str) -> None:
    assert value(formula) == result


numbers = st.decimals(-(10**9), 10**9, places=5, allow_nan=False, allow_infinity=False)
# Whole numbers of tenth decimals, of any size that a formula takes, and few digits as often as many.
tenths = st.integers(1, 28).flatmap(lambda digits: st.integers(1 - 10**digits, 10**digits - 1))
LARGEST = 10**28


def written(number: int) -> str:
    return f"{Decimal(number).scaleb(-10, decimal.Context(prec=40)):f}"


def to_tenths(exact: Fraction) -> int:
    """Tenth decimals of a number, rounded half away from zero."""
    half_up = (abs(exact) * 10**10 * 2 + 1) // 2
    return int(half_up) if exact > 0 else -int(half_up)


@pytest.mark.parametrize("wide", [True, False])
@given(tenths, tenths, st.sampled_from("+-*/"))
def test_calculations_are_exact_to_the_tenth_decimal(wide: bool, a: int, b: int, sign: str) -> None:
    a, b = (a, b) if wide else (a % 10**14, b % 10**13 or 1)
    if sign == "/" and b == 0:
        b = 1
    x, y = Fraction(a, 10**10), Fraction(b, 10**10)
    exact = to_tenths({"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else x}[sign])
    made = value(f"to_number('{written(a)}') {sign} to_number('{written(b)}')")
    assert made == (text_of(exact) if abs(exact) < LARGEST else "")


def text_of(number: int) -> str:
    return written(number).rstrip("0").rstrip(".")


@given(st.integers(0, 10**15), st.integers(1, 10**6), st.integers(-1, 1))
def test_quotients_near_to_half_of_the_tenth_decimal_are_rounded_to_the_right_side(half: int, m: int, off: int) -> None:
    a = (2 * half + 1) * m + off
    made = value(f"to_number('{written(a)}') / {2 * m}")
    assert made == text_of(to_tenths(Fraction(a, 2 * m * 10**10)))


@given(tenths)
def test_to_number_keeps_eighteen_digits_and_ten_decimals(number: int) -> None:
    assert value(f"to_number('{written(number)}')") == text_of(number)


@pytest.mark.parametrize(
    ("text", "rules"),
    [("999999999999999999.9999999999", []), ("1000000000000000000", ["cannot be read by to_number"])],
)
def test_a_number_of_more_than_eighteen_digits_breaks_a_rule(tables: Tables, text: str, rules: list[str]) -> None:
    assert tables.rules("note", "to_number(name)", name=text) == rules


def test_fields_of_the_most_digits_are_added(tables: Tables) -> None:
    assert tables.value("note", "price + price", price="9999999999999.99999") == "19999999999999.99998"


@pytest.mark.parametrize("function", ["floor", "ceil", "round"])
def test_a_number_that_becomes_too_large_breaks_a_rule(tables: Tables, function: str) -> None:
    sign = "-" if function == "floor" else ""
    rules = tables.rules("note", f"{function}(to_number(name))", name=f"{sign}999999999999999999.5")
    assert rules == [f"cannot be read by {function}"]


@given(numbers, st.integers(0, 4))
def test_rounding_is_half_away_from_zero(number: Decimal, places: int) -> None:
    expected = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert Decimal(value(f"round({number:f}, {places})")) == expected


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("read_text('/etc/passwd')", "function read_text is not known"),
        ("(select 1)", r"`\(SELECT 1\)` may not stand"),
        ("1; drop table ledger", "is not a formula"),
        ("getenv('HOME')", "function getenv is not known"),
        ("upper(name) union select 1", "may not stand"),
        ("query('select 1')", "not known"),
        ("count(*)", "not known"),
        ("s.name", "no field `s.name`"),
        ("nme", "Did you mean name"),
        ("uper(name)", "Did you mean upper"),
        ("add_days(name, 1)", "a date or moment is needed where a text stands"),
        ("Nmae", "Did you mean name"),
        ("lower(", "is not a formula: a bracket is not closed"),
        ("upper(name))", "a bracket is closed that was not opened"),
        ("concat(name, 'a)", "a quotation mark is not closed"),
        ("price * 12,5", "`12,5` is not a number. Decimals follow a point: 12.5"),
        ("add_vat(price, 12,5)", "add_vat takes 2 values.*Decimals follow a point"),
        ("if(price = 1; 'a;b'; 'c')", "a semicolon stands in it. Commas separate values"),
        ("price * 21%", "a percent sign stands in it. 21% is the number 0.21"),
        ("price * 21% + 1", "a percent sign stands in it"),
        ("lookup('colour', name)", "no lookup table colour. Did you mean colours"),
        ("--price", "is not a formula"),
        ("name -- comment", "is not a formula"),
        ("name /* c */", "is not a formula"),
        ("=upper(name)", "begins without `=`"),
        ("‘a’", "straight quotes"),
        ("name = null", "is null"),
        ("code = 5", "a text is compared with a number"),
        ("price + name", "a number is needed where a text stands"),
        ("if(name, 1, 2)", "a condition is needed where a text stands"),
        ("coalesce(name, price)", "stand for the same value"),
        ("round(price, rate)", "takes a whole number"),
        ("left(name)", "takes 2 values"),
        ("lookup(name, code)", "takes a text in quotes"),
        ("lookup('../secrets', code)", "not the name of a lookup table"),
        ("to_datetime(name, 'Mars/Base')", "not a time zone"),
        ("to_date(name, '%Y')", "not the form of a date"),
        ("regexp_replace(name, '(', '')", "is not a pattern"),
        (r"regexp_replace(name, '(a)(b)', '\3')", "a part that the pattern does not have"),
        (r"regexp_replace(name, '(a)(b)', '\d')", "a part that the pattern does not have"),
        ("iferror(name, 'x')", "nothing to do"),
        ("1.5e3", "not a number"),
        ("0.00000000001", "up to 18 digits and ten decimals"),
        ("name::integer", "may not stand in a formula. to_number"),
        ("name like 'a%'", "`name LIKE 'a%'` may not stand in a formula. Use contains"),
        ("$1", "is not a formula|may not stand"),
        ("[1, 2]", "may not stand"),
        ("lambda x: x", "may not stand|not a formula"),
        ("*", "may not stand"),
        ("current_date", "may not stand"),
        ("name collate nocase", "may not stand|is not a formula"),
        ("(" * 60 + "1" + ")" * 60, "too many brackets"),
        ("'" + "x" * 5000 + "'", "characters"),
        ("||".join(["name"] * 900), "formula"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(formula: str, words: str) -> None:
    with pytest.raises(MappingError, match=words) as error:
        compile_formula(
            Context(FIELDS, {}, KNOWN, lambda _: {}, {"colours"}), formula, "item.csv, row 7, column source"
        )
    assert "item.csv, row 7, column source" in str(error.value)


def test_a_name_in_other_capitals_is_suggested() -> None:
    assert similar("Price", ["displayName", "unitPrice"]) == "Did you mean unitPrice?"


@pytest.mark.parametrize(
    ("formula", "record", "rule"),
    [
        ("to_number(name)", {"name": "12,50"}, "cannot be read by to_number"),
        ("price / rate", {"price": 1, "rate": 0}, "divided by zero"),
        ("price * price * price", {"price": "9999999999999"}, "too large"),
        ("if(active, price / rate, 1)", {"active": True, "price": 1, "rate": 0}, "divided by zero"),
    ],
)
def test_a_value_that_cannot_be_had_breaks_a_rule(tables: Tables, formula: str, record: dict, rule: str) -> None:
    (broken,) = tables.rules("price", formula, **record)
    assert rule in broken


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01 12:00:00+01", "2026-07-01T11:00:00Z"),
        ("2026-07-01 12:00:00 +0130", "2026-07-01T10:30:00Z"),
        ("2026-07-01 12:00:00 UTC", "2026-07-01T12:00:00Z"),
        ("2026-07-01T12:00Z", "2026-07-01T12:00:00Z"),
        ("2026-07-01t12:00:00.123z", "2026-07-01T12:00:00Z"),
        ("2026-07-01T12:00", "2026-07-01T10:00:00Z"),
        (" 2026-07-01 ", "2026-06-30T22:00:00Z"),
        ("2026-10-25 02:30:00", "2026-10-25T01:30:00Z"),  # comes twice
        ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),  # is left out
    ],
)
def test_a_moment_is_read_with_what_it_says_about_its_zone(text: str, moment: str) -> None:
    assert value(f"to_datetime('{text}', 'Europe/Amsterdam')") == moment


@pytest.mark.parametrize("text", ["infinity", "epoch", "now", "2026-07-01 12:00 CEST", "2026-07-01-05", "0000-07-01"])
def test_what_is_no_moment_of_our_era_breaks_a_rule(tables: Tables, text: str) -> None:
    assert tables.rules("moment", "to_datetime(name, 'Europe/Amsterdam')", name=text) == ["not a moment"]


@pytest.mark.parametrize("text", ["2026-01-31 banana", "2026-01-31-05", "2026-01-31T25:00", "0000-01-31", "infinity"])
def test_what_is_no_date_of_our_era_breaks_a_rule(tables: Tables, text: str) -> None:
    assert tables.rules("day", "to_date(name)", name=text) == ["not a date"]


@pytest.mark.parametrize(
    ("day", "days"), [("9999-12-31", 1), ("0001-01-01", -1), ("2026-01-31", 1.5), ("2026-01-31", 9999999999)]
)
@pytest.mark.parametrize("read", ["to_date(name)", "to_datetime(name, 'UTC')"])
def test_days_that_cannot_be_added_break_a_rule(tables: Tables, read: str, day: str, days: float) -> None:
    field = "day" if "to_date(" in read else "moment"
    rules = tables.rules(field, f"add_days({read}, price)", name=day, price=days)
    assert rules == ["no such date, or not a whole number of days"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("name <> 'a'", True),
        ("name = 'a'", False),
        ("not (name = 'a')", True),
        ("name not in ('a', 'b')", True),
        ("name in ('a', '')", True),
        ("name <> ''", False),
        ("name = concat(code, '')", True),
        ("name < 'a'", False),
        ("concat(name, '') < 'a'", False),
        ("not contains(name, 'a')", True),
        ("price <> 5", True),
        ("price = rate", True),
        ("price not in (5, 6)", True),
        ("price < 5", False),
        ("not (price >= 5)", True),
    ],
)
def test_an_empty_value_is_different_from_any_other(tables: Tables, condition: str, holds: bool) -> None:
    assert tables.value("note", f"if({condition}, 'yes', 'no')") == ("yes" if holds else "no")
    assert tables.value("active", condition) is holds


@pytest.mark.parametrize("formula", ["if(active, price / rate, 1)", "case when active then price / rate else 1 end"])
def test_a_branch_that_is_not_taken_breaks_no_rule(tables: Tables, formula: str) -> None:
    assert tables.value("price", formula, active=False, price=1, rate=0) == 1


def test_a_lookup_in_a_branch_that_is_not_taken_breaks_no_rule(tables: Tables) -> None:
    tables.lookup("colours", "red,R")
    assert tables.value("name", "if(name = 'x', name, lookup('colours', name))", name="x") == "x"
    assert tables.rules("name", "if(name = 'x', name, lookup('colours', name))", name="y") != []
    assert tables.value("name", "coalesce(code, lookup('colours', name))", name="y", code="c") == "c"


@pytest.mark.parametrize(
    ("formula", "given"),
    [
        ("lookup('colours', name)", "`abc`"),
        ("lookup('rates', rate)", "`0`"),
        ("to_date(name)", "a text of 3 characters"),
        ("gtin_check(name)", "a text of 3 characters"),
        ("price / rate", "a number and a number"),
        ("lookup('colours', upper(iferror(text(price / rate), 'unknown')))", "`UNKNOWN`"),
    ],
)
def test_a_step_that_fails_tells_the_class_of_its_value_or_the_code_that_a_lookup_lacks(
    tables: Tables, formula: str, given: str
) -> None:
    tables.lookup("colours", "red,R")
    tables.lookup("rates", "5,five")
    (row,) = tables.run([f'note,"{formula}",,,,'], {"name": "abc", "price": 7, "rate": 0})
    (error,) = row["errors"]
    assert error["given"] == given


def test_lookups_of_lookups_and_of_numbers(tables: Tables) -> None:
    tables.lookup("rates", "21,high", "9.5,low")
    tables.lookup("groups", "high,H", "low,L")
    assert tables.value("name", "lookup('groups', lookup('rates', rate))", rate="21.00") == "H"
    assert tables.value("name", "lookup('groups', lookup('rates', rate))", rate="9.5") == "L"


def test_a_number_that_no_number_is_written_like_is_found_in_a_lookup_table(tables: Tables) -> None:
    tables.lookup("rates", '"9,5",low')
    with pytest.raises(MappingError, match=r"rates has `9,5`"):
        tables.compile("name,\"lookup('rates', rate)\",,,,")


@pytest.mark.parametrize(
    ("rows", "formula", "given", "made"),
    [
        (["a,1", "*,9"], "lookup('t', name)", "zzz", "9"),
        (["a,1", "*,9"], "lookup('t', name)", None, ""),
        (["a,1", ",none"], "lookup('t', name)", None, "none"),
        (["a,1"], "lookup('t', name, 'else')", "zzz", "else"),
        (["a,1"], "lookup('t', name, 'else')", None, "else"),
        (["a,"], "lookup('t', name)", "a", ""),
        (["a,1", ",none"], "lookup('t', name)", " a\u00a0", "1"),
        (["a,1", ",none", "*,9"], "lookup('t', name)", " ", "none"),
        (["a,", "*,9"], "lookup('t', name, 'else')", "a", ""),
        (["a,1", "*,9"], "lookup('t', name, 'else')", "zzz", "else"),
        (["a,1", "*,9"], "lookup('t', name, 'else')", None, "else"),
        (["a,1", ",none"], "lookup('t', name, 'else')", None, "none"),
        (["a,1", ",none", "*,9"], "lookup('t', name)", None, "none"),
    ],
)
def test_fall_backs_of_lookups(tables: Tables, rows: list[str], formula: str, given: str | None, made: str) -> None:
    tables.lookup("t", *rows)
    assert tables.value("name", formula, name=given) == made


def test_deep_formulas_stay_small(tables: Tables) -> None:
    formula = "price"
    for _ in range(15):
        formula = f"({formula} / (1 + rate)) * 1.1"
    assert len(tables.compile(f'price,"{formula}",,,,').select) < 45_000
