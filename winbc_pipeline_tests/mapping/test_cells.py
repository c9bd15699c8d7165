"""What spreadsheets make of CSV files is read right, or refused with file, row, column and cell."""

from pathlib import Path

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.cells import plain, read_rows, write_rows
from winbc_pipeline.mapping.tables import read_lookup, read_table

from .conftest import HEADER

COLUMNS = ("source_value", "target_value", "note")
LOOKUP = "source_value,target_value,note\n"


def lookup(path: Path, content: bytes) -> dict[str, str]:
    file = path / "table.csv"
    file.write_bytes(content)
    return read_lookup(file)


@pytest.mark.parametrize(
    "content",
    [
        (LOOKUP + "Käse,Ü1,\n").encode(),
        ("\ufeff" + LOOKUP + "Käse,Ü1,\n").encode(),
        (LOOKUP + "Käse,Ü1,\n").encode("cp1252"),
        (LOOKUP + "Käse,Ü1,\n").replace(",", "\t").encode("utf-16"),
        (LOOKUP + "Käse,Ü1,\n").replace(",", ";").replace("\n", "\r\n").encode("cp1252"),
        ("sep=;\n" + (LOOKUP + "Käse,Ü1,\n").replace(",", ";")).encode(),
        (LOOKUP.replace("note", "note,,") + "Käse,Ü1,,,\n,,,,\n").encode(),
        '"source_value","target_value","note"\n"Käse","Ü1","two\nlines"\n'.encode(),
    ],
    ids=["utf-8", "bom", "windows-1252", "utf-16 tabs", "semicolons", "sep line", "empty cells", "quoted line break"],
)
def test_what_spreadsheets_save_is_read(tmp_path: Path, content: bytes) -> None:
    assert lookup(tmp_path, content) == {"Käse": "Ü1"}


def test_leading_zeros_and_looks_of_numbers_stay_text(tmp_path: Path) -> None:
    content = LOOKUP + "007,00042,\n1.0,TRUE,\n1E5,null,\n"
    assert lookup(tmp_path, content.encode()) == {"007": "00042", "1.0": "TRUE", "1E5": "null"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (LOOKUP.encode() + b'a,1,"note\nb,2,\n', "a quote is not closed"),
        (b"\x00\x01\x02", "not a text file"),
        (b"\x81\x8d\x8f,\xff", "not a text file"),
        (b"source_value,target_value,colour\n", "row 1, column colour: unknown column"),
        (b"source_value,source_value,target_value\n", "row 1, column source_value: the column stands there twice"),
        (b"source_value,note\n", "row 1: the column target_value is missing"),
        (
            LOOKUP.encode() + b"a,1,,more\n",
            "row 2: the row has 4 cells, more than the 3 of the first row. A value that contains a comma",
        ),
        (LOOKUP.encode() + b"a,1,\na,2,\n", "row 3, column source_value: `a` stands there twice"),
        (
            LOOKUP.encode() + b"8.71E+12,1,\n",
            "row 2, column source_value: the spreadsheet has changed",
        ),
        (LOOKUP.encode() + b"a,#NAME?,\n", "row 2, column target_value: the spreadsheet has changed this cell"),
        (LOOKUP.encode() + b'"first\nsecond",1,\nb,#REF!,\n', "row 3, column target_value"),
        (LOOKUP.encode() + b"a,?,\n", "row 2, column target_value: `a` has no value yet"),
        (LOOKUP.encode() + b"a," + b"x" * 20_000 + b",\n", "row 2, column target_value: a cell of 20,000 characters"),
        (LOOKUP.encode() + b"a," + b"x" * 200_000 + b",\n", "a cell is too long"),
        (LOOKUP.encode() + b"a,1,\n" * 5_000_000, "larger than 20 MB"),
    ],
)
def test_what_cannot_be_read_right_is_refused_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(MappingError) as error:
        lookup(tmp_path, content)
    assert words in str(error.value)
    assert "table.csv" in str(error.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "Smith, Ltd,X,",
            "row 3: the row has 4 cells, more than the 3 of the first row. A value that contains a comma",
        ),
        ("Smith", "row 3: the row has 1 cells, fewer than the 3 of the first row"),
    ],
)
def test_a_comma_without_quotes_blames_the_row_and_no_wrong_cell(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(MappingError) as error:
        lookup(tmp_path, f"{LOOKUP}Jones,Y,\n{row}\n".encode())
    assert words in str(error.value)


def test_columns_for_people_are_passed_over(tmp_path: Path) -> None:
    content = "_who,source_value,notes,target_value,note,note 2,_checked\nme,a,why,1,,x,yes\n"
    assert lookup(tmp_path, content.encode()) == {"a": "1"}


def test_the_note_of_a_row_may_be_left_out(tmp_path: Path) -> None:
    assert lookup(tmp_path, (LOOKUP + "a,1\n").encode()) == {"a": "1"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "unitPrice,round(price, 2),,always,,",
            "row 2, column source: the cell is cut after `round(price`: the row has 7 cells, more than the 6",
        ),
        ("number,sku,,sometimes,,", "row 2, column when: `sometimes`"),
        ("number,sku,,,perhaps,", "row 2, column required: `perhaps`"),
        (",sku,,,,", "row 2, column target_field"),
        ("id; drop,sku,,,,", "row 2, column target_field: `id; drop`"),
        ("number,,,,,", "row 2, column source: number gets no value"),
        ("unitPrice,round(price, 2),,always,yes,Price", "row 2, column source: the cell is cut after `round(price`"),
    ],
)
def test_a_wrong_row_of_a_mapping_table_is_named(tmp_path: Path, row: str, words: str) -> None:
    (tmp_path / "item.csv").write_text(f"{HEADER}{row}\n")
    with pytest.raises(MappingError, match="item.csv") as error:
        read_table(tmp_path / "item.csv")
    assert words in str(error.value)


def test_capital_column_names_are_read_with_any_separator(tmp_path: Path) -> None:
    (tmp_path / "item.csv").write_text("Target_Field;SOURCE;default;When;required;note\nnumber;sku;;;;\n")
    assert [line.source for line in read_table(tmp_path / "item.csv").lines] == ["sku"]


CHANGED = ["1E5", "00123", "12-3", "1.50", "1/2", "12:30", "3 mar", "Mar-12", "TRUE", "wahr", "8.71E+12", "#NAME?"]
CHANGED += ["4006381333931", "50%", "1 000", "'00123"]


@pytest.mark.parametrize("value", CHANGED)
def test_what_a_spreadsheet_would_change_is_written_as_a_text(tmp_path: Path, value: str) -> None:
    path = tmp_path / "table.csv"
    write_rows(path, COLUMNS, [[value, "1", ""]])
    assert path.read_text(encoding="utf-8-sig").splitlines()[1].startswith("'")
    assert read_lookup(path) == {value: "1"}


@pytest.mark.parametrize("value", ["9", "21", "0", "NL", "SKU-1", "30 DAYS", "Marine", "Kitchen & Co", "?"])
def test_what_a_spreadsheet_leaves_alone_is_written_as_it_is(tmp_path: Path, value: str) -> None:
    path = tmp_path / "table.csv"
    write_rows(path, COLUMNS, [[value, "1", ""]])
    assert path.read_text(encoding="utf-8-sig").splitlines()[1].startswith(value)


@pytest.mark.parametrize("value", ["=1+1", "+31", "-5", "@SUM(A1)", "\tx", "\rx", "'quoted'", "plain", "'-"])
def test_written_values_are_safe_in_a_spreadsheet_and_read_back_as_they_were(tmp_path: Path, value: str) -> None:
    path = tmp_path / "table.csv"
    write_rows(path, COLUMNS, [[value, "t", ""]])
    written = path.read_text(encoding="utf-8-sig").splitlines()[1].strip('"')
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain(read_rows(path, COLUMNS, untrimmed="source_value")[0].cells["source_value"]) == value
