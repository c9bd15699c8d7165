"""The rules of a row: when, required, default, and what the target's field takes."""

from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline.errors import MappingError

from .conftest import Tables


@pytest.mark.parametrize(
    ("when", "creates", "updates"),
    [
        ("always", {"name": "Mug"}, {"name": "Mug"}),
        ("create", {"name": "Mug"}, {}),
        ("update", {}, {"name": "Mug"}),
        ("fill_empty", {"name": "Mug"}, {"name": "Mug"}),
    ],
)
def test_when(tables: Tables, when: str, creates: dict[str, str], updates: dict[str, str]) -> None:
    (row,) = tables.run([f"name,name,,{when},,"], {"name": "Mug"})
    assert (row["creates"], row["updates"]) == (creates, updates)


def test_never_leaves_the_field_out(tables: Tables) -> None:
    (row,) = tables.run(["name,name,,never,,", "code,code,,,,"], {"name": "Mug", "code": "m"})
    assert row["creates"] == {"code": "M"}


def test_a_field_may_stand_once_for_create_and_once_for_update(tables: Tables) -> None:
    (row,) = tables.run(["name,name,,create,,", "name,code,,update,,"], {"name": "Mug", "code": "m"})
    assert (row["creates"], row["updates"]) == ({"name": "Mug"}, {"name": "m"})


@pytest.mark.parametrize("second", ["always", "create", "fill_empty"])
def test_a_field_that_stands_twice_for_the_same_is_refused(tables: Tables, second: str) -> None:
    with pytest.raises(MappingError, match="row 3, column target_field: name is mapped already in row 2"):
        tables.compile("name,name,,create,,", f"name,code,,{second},,")


def test_the_hash_changes_with_the_rule_of_a_row(tables: Tables) -> None:
    hashes = {
        tables.run([f"name,name,,{when},,"], {"name": "Mug"})[0]["hash"] for when in ("always", "create", "update")
    }
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("row", "record", "rule"),
    [
        ("name,name,,,yes,", {"name": "  "}, "required"),
        ("price,price,,,yes,", {}, "required"),
        ("name,name,,,,", {"name": "x" * 11}, "longer than 10 characters"),
        ("name,name,,,,", {"name": "😀" * 6}, "longer than 10 characters"),
        ("kind,name,,,,", {"name": "Robot"}, "not one of Person, Company"),
        ("mail,name,,,,", {"name": "nobody"}, "not an e-mail address"),
        ("price,name,,,,", {"name": "1,50"}, "not a number"),
        ("price,name,,,,", {"name": "1e3"}, "not a number"),
        ("price,name,,,,", {"name": "NaN"}, "not a number"),
        ("price,name,,,,", {"name": "1" * 20}, "too large"),
        ("price,price * 10000,,,,", {"price": "9999999999999"}, "too large"),
        ("count,price,,,,", {"price": "1.5"}, "not a whole number"),
        ("count,name,,,,", {"name": "many"}, "not a whole number"),
        ("active,name,,,,", {"name": "perhaps"}, "not true or false"),
        ("day,name,,,,", {"name": "31.12.2026"}, "not a date"),
        ("day,name,,,,", {"name": "2026-02-30"}, "not a date"),
        ("record,name,,,,", {"name": "4711"}, "not an id such as 5d115c9c-44e3-ea11-bb43-000d3a2feca1"),
    ],
)
def test_a_broken_rule_names_field_rule_row_and_the_class_of_the_value(
    tables: Tables, row: str, record: dict[str, Any], rule: str
) -> None:
    broken, good = tables.run(["code,code,,,,", row], record | {"code": "a"}, good_record(row))
    (error,) = broken["errors"]
    assert (error["field"], error["rule"], error["row"]) == (row.split(",")[0], rule, 3)
    assert str(record.get("name")) not in error["given"]
    assert good["errors"] == []


@pytest.mark.parametrize("text", ["Ω" * 10, "中" * 10, "😀" * 5, "ab" + "😀" * 4, "中😀" * 3])
def test_a_text_of_more_bytes_than_characters_is_not_too_long(tables: Tables, text: str) -> None:
    (record,) = tables.run(["code,code,,,,", "name,name,,,,"], {"code": "a", "name": text})
    assert (record["errors"], record["creates"]["name"]) == ([], text)


def good_record(row: str) -> dict[str, Any]:
    return {"code": "b", "name": "Mug" if row.startswith("name") else None, "price": 1}


@pytest.mark.parametrize(
    ("row", "record", "given"),
    [
        ("name,name,,,,", {"name": "😀" * 6}, "a text of 12 characters"),
        ("name,name,,,yes,", {}, "nothing"),
        ("count,price,,,,", {"price": "1.5"}, "a number"),
        ("price,to_number(name),,,,", {"name": "12,50"}, "a text of 5 characters"),
        ("price,price / rate,,,,", {"price": 1, "rate": 0}, "a number and a number"),
        ("day,to_date(name),,,,", {"name": "31.12.2026"}, "a text of 10 characters"),
        ("name,\"lookup('t', rate)\",,,,", {"rate": 7}, "`7`"),
        ("price,price,,,,", {"_bad_fields": ["price"]}, "a text"),
    ],
)
def test_an_error_tells_what_kind_of_value_broke_the_rule(
    tables: Tables, row: str, record: dict[str, Any], given: str
) -> None:
    tables.lookup("t", "9,low")
    (made,) = tables.run([row], record)
    assert [error["given"] for error in made["errors"]] == [given]


@pytest.mark.parametrize(
    ("field", "record", "made"),
    [
        ("name,name", {"name": "x" * 10}, "x" * 10),
        ("name,name", {"name": "😀" * 5}, "😀" * 5),
        ("code,code", {"code": " ab "}, "AB"),
        ("price,name", {"name": "12.50"}, Decimal("12.5")),
        ("count,price", {"price": "3.00"}, 3),
        ("active,name", {"name": "Yes"}, True),
        ("day,name", {"name": "2026-02-28"}, "2026-02-28"),
        ("moment,at", {"at": "2026-02-28T12:00:00+02:00"}, "2026-02-28T10:00:00Z"),
        ("terms,name", {"name": "30 DAYS"}, "30 DAYS"),
        ("name,price", {"price": "12.50"}, "12.5"),
        ("name,shop", {}, "WEB"),
        ("name,active", {"active": True}, "true"),
        ("kind,name", {"name": None}, None),
    ],
)
def test_a_value_goes_into_the_payload_as_its_field_takes_it(
    tables: Tables, field: str, record: dict[str, Any], made: Any
) -> None:
    (row,) = tables.run([f"{field},,,,"], record)
    assert row["errors"] == []
    assert row["creates"][field.split(",")[0]] == made


@pytest.mark.parametrize(
    ("row", "made"),
    [
        ("name,name,,,,", ""),
        ("code,name,,,,", ""),
        ("mail,name,,,,", ""),
        ("kind,name,,,,", None),
        ("terms,name,,,,", None),
        ("price,price,,,,", None),
        ("count,price,,,,", None),
        ("active,active,,,,", None),
        ("day,to_date(name),,,,", None),
        ("moment,at,,,,", None),
        ("price,price,0,,,", 0),
    ],
)
def test_an_empty_text_empties_the_target_and_an_empty_value_of_another_kind_leaves_it(
    tables: Tables, row: str, made: Any
) -> None:
    (mapped,) = tables.run([row], {})
    assert mapped["updates"][row.split(",")[0]] == made


BLANKS = " \t\u00a0"


@pytest.mark.parametrize("field", ["name", "code", "kind", "price", "mail", "record", "terms"])
def test_a_result_of_blanks_only_is_empty(tables: Tables, field: str) -> None:
    blank, none = tables.run([f"{field},name,,,,"], {"name": BLANKS * 5}, {"name": None})
    assert blank["errors"] == []
    assert (blank["creates"], blank["hash"]) == (none["creates"], none["hash"])


def test_a_result_of_blanks_only_does_not_do_where_a_value_is_required(tables: Tables) -> None:
    (row,) = tables.run(["name,name,,,yes,"], {"name": BLANKS})
    assert [(error["rule"], error["given"]) for error in row["errors"]] == [("required", "nothing")]


def test_a_default_stands_where_the_result_is_of_blanks_only(tables: Tables) -> None:
    (row,) = tables.run(["name,name,none,,,"], {"name": BLANKS})
    assert row["creates"] == {"name": "none"}


def test_a_default_stands_where_the_source_gives_nothing(tables: Tables) -> None:
    rows = ["name,name,none,,,", "price,price,1.50,,,", "active,active,true,,,", "day,to_date(code),2026-01-31,,,"]
    (row,) = tables.run(rows, {"name": ""})
    assert row["creates"] == {"name": "none", "price": Decimal("1.5"), "active": True, "day": "2026-01-31"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Company,name,,,,", "Known are: active, amount, code, count,"),
        ("note,\"lookup('colour', name)\",,,,", "row 2, column source: there is no lookup table colour"),
        ("day,at,,,,", "day takes a date, and the formula gives a datetime"),
        ("moment,name,,,,", "moment takes a datetime, and the formula gives a text"),
        ("price,active,,,,", "price takes a decimal, and the formula gives a boolean"),
        ("made,name,,,,", "made is read-only in the target"),
        ("nmae,name,,,,", "no field `nmae` here. Did you mean name?"),
    ],
)
def test_what_does_not_fit_a_field_is_found_before_any_record_is_mapped(tables: Tables, row: str, words: str) -> None:
    with pytest.raises(MappingError, match="table.csv, row 2") as error:
        tables.compile(row)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('price,price,"1,50"', "column default: `1,50` does not do for price: not a number. Numbers look like"),
        ("price,price,abc", "column default: `abc` does not do for price: not a number"),
        ("price,price,99999999999999999999", "column default: `99999999999999999999` does not do for price: too"),
        ("price,'abc',", "column source: `'abc'` does not do for price: not a number"),
        ("count,price,1.5", "column default: `1.5` does not do for count: not a whole number"),
        ("active,active,perhaps", "column default: `perhaps` does not do for active: not true or false"),
        ("day,to_date(name),2026-02-30", "column default: `2026-02-30` does not do for day: not a date"),
        ("moment,at,2026-02-30T10:00:00Z", "column default: `2026-02-30T10:00:00Z` does not do for moment: not a"),
        ("kind,'Persn',", "column source: `'Persn'` does not do for kind: not one of Person, Company. Did you mean P"),
        ("kind,name,Robot", "column default: `Robot` does not do for kind: not one of Person, Company"),
        ("name,name,far too long a text", "column default: `far too long a text` does not do for name: longer than"),
        ("name,'far too long' || ' a text',", "column source: `'far too long' || ' a text'` does not do for name"),
        ("mail,name,nobody", "column default: `nobody` does not do for mail: not an e-mail address"),
        ("record,name,4711", "column default: `4711` does not do for record: not an id"),
        ("name,null,", "column source: `null` does not do for name: required"),
        ("name,\"lookup('t', 'b')\",", "column source: `lookup('t', 'b')` does not do for name: not in lookup table"),
        ("name,to_number('x'),", "column source: `to_number('x')` does not do for name: cannot be read by to_number"),
    ],
)
@pytest.mark.parametrize("when", ["always", "never"])
def test_what_every_record_would_break_is_found_before_any_is_mapped(
    tables: Tables, row: str, words: str, when: str
) -> None:
    tables.lookup("t", "a,1")
    with pytest.raises(MappingError, match="table.csv, row 3") as error:
        tables.try_out("code,code,,,,", f"{row},{when},yes,")
    assert words in str(error.value)


@pytest.mark.parametrize(
    "row",
    [
        "name,null,none,,yes,",
        "name,name,,,yes,",
        "kind,'Person',,,,",
        "kind,,Company,,,",
        "price,,12.50,,,",
        "name,shop,,,,",
        "made,,,never,,",
    ],
)
def test_defaults_and_constants_that_the_field_takes_are_let_through(tables: Tables, row: str) -> None:
    tables.try_out("code,code,,,,", row)


def test_a_moment_may_have_a_default(tables: Tables) -> None:
    for formula in ("at", ""):
        (row,) = tables.run([f"moment,{formula},2026-02-28T10:00:00Z,,,"], {})
        assert row["creates"]["moment"] == "2026-02-28T10:00:00Z"


@pytest.mark.parametrize("row", ["nmae,name,,never,,", "name,nmae,,never,,", "name,lower(,,never,,"])
def test_rows_that_are_never_sent_are_checked_like_the_others(tables: Tables, row: str) -> None:
    with pytest.raises(MappingError, match="table.csv, row 3"):
        tables.compile("code,code,,,,", row)


def test_a_source_value_that_is_not_of_its_type_matters_where_it_is_read(tables: Tables) -> None:
    record = {"price": None, "rate": 1, "_bad_fields": ["price"]}
    (row,) = tables.run(["price,price,,,,"], record)
    assert row["errors"][0]["rule"] == "not a number in the source"
    (row,) = tables.run(["price,rate,,,,"], record)
    assert row["errors"] == []
