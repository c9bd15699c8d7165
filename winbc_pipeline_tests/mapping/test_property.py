"""Random tables over random records: the SELECT gives what an interpreter in Python gives, or both fail the record."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import Tables

Record = dict[str, Any]
Formula = tuple[str, Callable[[Record], Any]]
TABLE = {"a": "A", "bb": "", "7": "seven", "*": "other"}
FIVE_PLACES = Decimal("0.00001")


class Fails(Exception):
    """The interpreter's word for a record that breaks a rule."""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def as_text(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return format(value.normalize() if value else Decimal(0), "f")
    return value if value is None else str(value)


def looked_up(value: str | None) -> str | None:
    key = (value or "").strip(" ")
    return TABLE.get(key, TABLE["*"]) if key else None


def number(text: str | None) -> Decimal | None:
    if not text:
        return None
    if not text.strip().lstrip("+-").replace(".", "", 1).isdigit() or text.strip().endswith("."):
        raise Fails
    return Decimal(text.strip())


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """SQL's way with null: nothing in, nothing out."""
    return lambda *values: None if None in values else function(*values)


def rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


LETTERS = st.text("ab7 'é😀", min_size=1, max_size=6)
AMOUNTS = st.decimals(-9999, 9999, places=2)
RECORDS = st.fixed_dictionaries(
    {
        "name": st.none() | LETTERS,
        "code": st.none() | LETTERS,
        "price": st.none() | AMOUNTS,
        "rate": st.none() | AMOUNTS,
    }
)


def call(words: str, function: Callable[..., Any], *parts: Formula) -> Formula:
    return words.format(*(text for text, _ in parts)), lambda r: function(*(part(r) for _, part in parts))


def texts(depth: int) -> st.SearchStrategy[Formula]:
    leaf = st.sampled_from(
        [("name", lambda r: r["name"] or None), ("code", lambda r: r["code"] or None)]
    ) | LETTERS.map(lambda text: (quoted(text), lambda _: text))
    if depth == 0:
        return leaf
    inner = texts(depth - 1)
    return st.one_of(
        leaf,
        inner.map(lambda a: call("upper({})", lifted(str.upper), a)),
        inner.map(lambda a: call("trim({})", lifted(lambda t: t.strip(" ")), a)),
        inner.map(lambda a: call("left({}, 2)", lifted(lambda t: t[:2]), a)),
        inner.map(lambda a: call("lookup('t', {})", looked_up, a)),
        st.tuples(inner, inner).map(lambda p: call("({} || {})", lifted(lambda a, b: a + b), *p)),
        st.tuples(inner, inner).map(lambda p: call("concat({}, {})", lambda a, b: (a or "") + (b or ""), *p)),
        st.tuples(inner, inner).map(lambda p: call("coalesce({}, {})", lambda a, b: b if a is None else a, *p)),
        st.tuples(inner, inner).map(lambda p: call("nullif({}, {})", lambda a, b: None if a == b else a, *p)),
        st.builds(chosen, st.sampled_from(list(TESTS)), st.tuples(inner, inner, inner)),
        numbers(depth - 1).map(lambda a: call("text({})", as_text, a)),
    )


TESTS: dict[str, Callable[[str], bool]] = {
    "{} = 'a'": lambda text: text == "a",
    "{} <> 'a'": lambda text: text != "a",
    "{} <> ''": lambda text: text != "",
    "{} not in ('a', 'b')": lambda text: text not in ("a", "b"),
    "{} < 'b'": lambda text: "" < text < "b",
    "not ({} < 'b')": lambda text: not "" < text < "b",
    "not contains({}, 'a')": lambda text: "a" not in text,
}


def chosen(test: str, parts: tuple[Formula, Formula, Formula]) -> Formula:
    (text, text_of), (yes, yes_of), (no, no_of) = parts
    words = f"if({test.format(text)}, {yes}, {no})"
    return words, lambda r: yes_of(r) if TESTS[test](text_of(r) or "") else no_of(r)


def numbers(depth: int) -> st.SearchStrategy[Formula]:
    leaf = st.sampled_from([("price", lambda r: r["price"]), ("rate", lambda r: r["rate"])]) | AMOUNTS.map(
        lambda n: (f"({n:f})", lambda _: n)
    )
    if depth == 0:
        return leaf
    inner = numbers(depth - 1)
    return st.one_of(
        leaf,
        st.tuples(inner, inner).map(lambda p: call("({} + {})", lifted(lambda a, b: a + b), *p)),
        st.tuples(inner, inner).map(lambda p: call("({} - {})", lifted(lambda a, b: a - b), *p)),
        inner.map(lambda a: call("round({}, 2)", lifted(rounded), a)),
        inner.map(lambda a: call("abs({})", lifted(abs), a)),
        st.tuples(inner, AMOUNTS).map(lambda p: call(f"({{}} * ({p[1]:f}))", lifted(lambda a: a * p[1]), p[0])),
        texts(depth - 1).map(lambda a: call("to_number({})", number, a)),
        st.tuples(texts(depth - 1), inner).map(or_else),
    )


def or_else(parts: tuple[Formula, Formula]) -> Formula:
    (text, text_of), (other, other_of) = parts

    def value(record: Record) -> Any:
        try:
            return number(text_of(record))
        except Fails:
            return other_of(record)

    return f"iferror(to_number({text}), {other})", value


@pytest.mark.proof
@settings(max_examples=200)
@given(text=texts(3), amount=numbers(2), records=st.lists(RECORDS, min_size=1, max_size=4))
def test_the_select_agrees_with_an_interpreter(
    text: Formula, amount: Formula, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    tables = Tables(tmp_path_factory.mktemp("random"))
    tables.lookup("t", *(f"{source},{target}" for source, target in TABLE.items()))
    rows = [f'note,"{text[0]}",,,,', f'amount,"{amount[0]}",,,,']
    for record, made in zip(records, tables.run(rows, *records), strict=True):
        for field, (_, of) in (("note", text), ("amount", amount)):
            broken = {error["field"] for error in made["errors"]}
            try:
                expected = of(record)
            except Fails:
                assert field in broken
                continue
            assert field not in broken
            if isinstance(expected, Decimal):
                expected = expected.quantize(FIVE_PLACES, ROUND_HALF_UP)  # as amounts are kept
            blank = field == "note" and not (expected or "").strip(" ")
            assert made["creates"][field] == ("" if blank else expected)
