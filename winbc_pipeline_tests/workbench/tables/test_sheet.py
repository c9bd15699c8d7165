"""An edited table keeps the bytes of what nobody touched (docs/dashboard.md, Mapping)."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.errors import MappingError
from winbc_pipeline.mapping.cells import read_rows
from winbc_pipeline.mapping.shipped import SHIPPED
from winbc_pipeline.workbench.tables.sheet import EditedRow, Sheet, sheet_of

LOOKUP = Path("lookups/terms.csv")
ITEM = Path("products_winstore_to_bc/item.csv")
WINDOWS = (
    '\ufeff"source_value";"target_value";"note";_ours\r\n'
    '"Cash; now";COD;\'two\r\n'
    ";;;\r\n"
    '007;"14 DAYS";"says ""soon""";x\r\n'
    "B2B;30 DAYS;;"
)


def as_they_are(sheet: Sheet) -> list[EditedRow]:
    return [EditedRow(row.number, sheet.values(row)) for row in sheet.rows]


def changed(sheet: Sheet, number: int, **values: str) -> list[EditedRow]:
    rows = as_they_are(sheet)
    return [EditedRow(each.number, {**each.values, **values}) if each.number == number else each for each in rows]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/*.csv")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_table_that_nobody_edits_keeps_its_bytes_and_its_row_numbers(path: Path) -> None:
    sheet = sheet_of(path, path.read_bytes())
    assert sheet.edited(as_they_are(sheet)) == path.read_bytes()


cell = st.text(st.sampled_from('ab ,;"\r\n\té=-1'), max_size=6)


@given(
    st.lists(st.lists(cell, min_size=1, max_size=4), max_size=5), st.sampled_from(["\r\n", "\n", "\r"]), st.booleans()
)
def test_cells_are_those_that_a_run_reads(rows: list[list[str]], end: str, quoted: bool) -> None:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([["source_value", "target_value", "note", "_x"], *rows])
    text = file.getvalue()
    sheet = sheet_of(LOOKUP, text.encode())
    read = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1)]
    wanted = [(number, row) for number, row in read[1:] if any(each.strip() for each in row)]
    own = [(row.number, [Sheet.value(each) for each in row.cells]) for row in sheet.rows if any(row.cells)]
    assert [each for each in own if any(text.strip() for text in each[1])] == wanted
    assert sheet.edited(as_they_are(sheet)) == text.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_an_edit_changes_the_bytes_of_its_own_cell_only(encoding: str) -> None:
    content = WINDOWS.encode(encoding)
    sheet = sheet_of(LOOKUP, content)
    made = sheet.edited(changed(sheet, 4, target_value="21 DAYS"))
    assert made == WINDOWS.replace("14 DAYS", "21 DAYS").encode(encoding)


def test_a_new_row_and_a_copy_are_written_as_the_file_is() -> None:
    sheet = sheet_of(LOOKUP, WINDOWS.encode())
    rows = [*as_they_are(sheet), EditedRow(0, {"source_value": "X;Y", "target_value": "60 DAYS"})]
    assert sheet.edited(rows) == (WINDOWS + '\r\n"X;Y";60 DAYS;;\r\n').encode()


def test_a_deleted_row_takes_the_empty_lines_behind_it_along() -> None:
    sheet = sheet_of(LOOKUP, WINDOWS.encode())
    made = sheet.edited([row for row in as_they_are(sheet) if row.number != 2]).decode()
    assert "Cash" not in made and ";;;\r\n" not in made and made.endswith("B2B;30 DAYS;;")


def test_a_value_that_a_spreadsheet_would_run_or_change_gets_an_apostrophe(tmp_path: Path) -> None:
    path = tmp_path / "lookups" / "terms.csv"
    path.parent.mkdir()
    sheet = sheet_of(path, b"source_value,target_value,note\nA,1,\n")
    path.write_bytes(sheet.edited(changed(sheet, 2, target_value="=1+2", source_value="0090")))
    assert path.read_text(encoding="utf-8").splitlines()[1] == "'0090,'=1+2,"
    again = sheet_of(path, path.read_bytes())
    assert again.values(again.rows[0])["target_value"] == "=1+2"


def test_a_browsers_line_ends_are_no_edit() -> None:
    sheet = sheet_of(LOOKUP, b'source_value,target_value,note\nA,1,"two\nlines"\n')
    assert sheet.edited(changed(sheet, 2, note="two\r\nlines")) == b'source_value,target_value,note\nA,1,"two\nlines"\n'


def test_a_column_that_the_file_leaves_out_is_added_to_every_row(tmp_path: Path) -> None:
    content = b"target_field,source,default,when,required,note\nnumber,sku,,create,yes,\nunitPrice,price,,always,,\n"
    sheet = sheet_of(ITEM, content)
    path = tmp_path / "item.csv"
    path.write_bytes(sheet.edited(changed(sheet, 3, owner="source")))
    rows = read_rows(path, sheet.columns, optional=("owner", "note"))
    assert [row.cells["owner"] for row in rows] == ["", "source"]
    assert path.read_bytes().startswith(b"target_field,source,default,when,required,note,owner\nnumber,sku,")


def test_a_character_that_the_files_encoding_has_not_is_refused() -> None:
    sheet = sheet_of(LOOKUP, "source_value,target_value,note\nKäse,1,\n".encode("cp1252"))
    with pytest.raises(MappingError, match="cp1252, which has no `ł`"):
        sheet.edited(changed(sheet, 2, note="ł"))
