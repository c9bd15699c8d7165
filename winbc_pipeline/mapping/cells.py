"""CSV files as spreadsheets save them: reads bytes into rows of cells, and writes rows that are safe to open.

Here belongs: encodings, delimiters, and cells that a spreadsheet changes by itself. What a cell means: tables.py.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import MappingError

FILE_BYTES, CELL_CHARACTERS, MOST_ROWS = 20 * 2**20, 10_000, 200_000
DELIMITERS = ",;\t"
# Byte order marks, and the encoding of what follows.
MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection).
NEUTRALISED = ("=", "+", "-", "@", "\t", "\r")

# Cells that a spreadsheet reads as a number, a date or a time and writes back in its own form. A plain 9 stays 9.
_NUMBER_OR_DATE = re.compile(r"(?!(0|[1-9]\d{0,10})$)(?=.*\d)[\d\s.,:/%€$£()E+-]+", re.IGNORECASE)
_MONTH = "jan|feb|f[eé]v|m[aä]r|mrt|apr|avr|ma[iy]|mei|ju[ni]|jul|aug|ago|ao[uû]|sep|o[kc]t|nov|d[eé][czk]"
_DAY = re.compile(rf"(?=.*\d)(\d{{1,4}}[-/. ]*)?({_MONTH})[a-zéû]*[-/. ]*(\d{{1,4}})?", re.IGNORECASE)
# True and false as spreadsheets write them, in English, German, Dutch, French, Spanish, Italian, Portuguese.
SPREADSHEETS_BOOLEANS = {
    **dict.fromkeys(("true", "wahr", "waar", "vrai", "verdadero", "vero", "verdadeiro"), True),
    **dict.fromkeys(("false", "falsch", "onwaar", "faux", "falso"), False),
}
BOOLEANS = SPREADSHEETS_BOOLEANS | {"yes": True, "1": True, "no": False, "0": False}
# Cells that a spreadsheet has spoilt already: an error of a formula, or a long number in scientific notation.
_BROKEN = re.compile(r"#(NAME|REF|VALUE|DIV/0|N/A|NUM|NULL)[!?]?|\d([.,]\d+)?E\+\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One row: its number as a spreadsheet shows it (the header is row 1), and its cells by column."""

    number: int
    cells: Mapping[str, str]


def read_rows(
    path: Path,
    columns: Sequence[str],
    most: int = MOST_ROWS,
    untrimmed: str = "",
    optional: Collection[str] = ("note",),
) -> list[Row]:
    """Reads the rows of a CSV file with a header. Empty rows are left out.

    The file may be UTF-8 (with or without a byte order mark), UTF-16 (with one) or Windows-1252. Cells are separated
    by `,`, `;` or a tab.

    Args:
        columns: the columns that the header names, in any order. Further columns whose names begin with `note` or `_`
            are passed over.
        most: the greatest number of rows.
        untrimmed: the column whose cells keep the blanks around them.
        optional: the columns that the header may leave out; their cells are then empty.
    Raises: MappingError that names file, row, column and cell.
    """
    records = _records(path, written_in(path, bytes_of(path))[2], columns)
    first, named = next(records, (1, []))
    header = _header(path, first, named, columns, optional)
    rows: list[Row] = []
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == most:
            raise MappingError(f"{path} has more than {most:,} rows.", "Split it, or map with a formula.")
        _check_number_of_cells(path, number, header, len(named), cells)
        given = dict(zip(header, cells, strict=False))
        trimmed = {name: cell if name == untrimmed else cell.strip() for name, cell in given.items()}
        rows.append(Row(number, _checked(path, number, {name: trimmed.get(name, "") for name in columns})))
    return rows


def _check_number_of_cells(path: Path, number: int, header: Sequence[str], width: int, cells: Sequence[str]) -> None:
    """Raises MappingError for a row with more or fewer cells than the header, but a note may be left out.

    A comma that is not in quotes makes two cells of one. All cells after it would be taken for those of the column
    before, so no single cell is blamed, except a formula that was cut inside its brackets.

    Args:
        width: the header's number of cells, with empty ones at its end.
    """
    more = len(cells) > width or any(cell.strip() for cell in cells[len(header) :])
    missing = [name for name in header[len(cells) :] if not _is_passed_over(name)]
    if not more and not missing:
        return
    cut = next((name for name, cell in zip(header, cells, strict=False) if cell.count("(") > cell.count(")")), None)
    place = f"{path}, row {number}"
    words = f"the row has {len(cells)} cells, {'more' if more else 'fewer'} than the {len(header)} of the first row."
    if more and cut:
        cell = cells[header.index(cut)]
        place, words = f"{place}, column {cut}", f"the cell is cut after `{cell[:40]}`: {words}"
    hint = 'A value that contains a comma stands in double quotes: "round(price, 2)".'
    raise MappingError(f"{place}: {words}", hint if more else "Write a comma for each empty cell.")


def _is_passed_over(name: str) -> bool:
    """Whether a column is for people: a run does not read it."""
    return name.startswith(("note", "_"))


def boolean_of(cell: str) -> bool | None:
    """True or false as people and spreadsheets of several languages write it; None for any other cell."""
    return BOOLEANS.get(cell.strip().lower())


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes a CSV file that a spreadsheet can open and save without harm to its values.

    A value that a spreadsheet would run or change gets an apostrophe in front, and so does a value with blanks around
    it. `plain` takes the apostrophe off again. The folder is made where it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow(map(safe, row))


def plain(cell: str) -> str:
    """The value of a cell without the apostrophe that `write_rows` put in front."""
    return cell[1:] if cell.startswith("'") and _would_change(cell) else cell


def safe(value: str) -> str:
    """A cell that a spreadsheet leaves as it is: with an apostrophe in front of what it would run or change."""
    return "'" + value if _would_change(value) else value


def exact(cell: str) -> str:
    """The value of a cell that was read untrimmed: blanks around it are kept only behind an apostrophe."""
    return plain(cell) if cell.startswith("'") else cell.strip()


def _would_change(cell: str) -> bool:
    value = cell.lstrip("'")
    if value.startswith(NEUTRALISED) or value != value.strip():
        return True
    if value.lower() in SPREADSHEETS_BOOLEANS:
        return True
    return any(pattern.fullmatch(value) for pattern in (_NUMBER_OR_DATE, _DAY, _BROKEN))


def bytes_of(path: Path) -> bytes:
    """The content of a table's file; raises MappingError for one that is missing or too large."""
    try:
        content = path.read_bytes()
    except OSError:
        hint = "Put the file back, or get the default with `winbc mapping reset`."
        raise MappingError(f"{path} is missing.", hint) from None
    if len(content) > FILE_BYTES:
        raise MappingError(f"{path} is larger than {FILE_BYTES // 2**20} MB.", "A mapping table is a small file.")
    return content


def written_in(path: Path, content: bytes) -> tuple[bytes, str, str]:
    """How a file is written: its byte order mark, the encoding of what follows, and that as text.

    Raises: MappingError for a file that is no text.
    """
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return mark, encoding, _decoded(path, content[len(mark) :], (encoding,))[1]
    # Windows-1252 gives nearly every byte a meaning, so it comes last.
    return b"", *_decoded(path, content, ("utf-8", "cp1252"))


def _decoded(path: Path, content: bytes, encodings: Sequence[str]) -> tuple[str, str]:
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding, text
    raise MappingError(f"{path} is not a text file.", "Save it as `CSV UTF-8` in the spreadsheet.")


def divided(text: str, columns: Sequence[str]) -> tuple[str, str, str]:
    """The line that names the delimiter (empty without one), all other lines, and the delimiter.

    Excel reads the delimiter from a first line such as `sep=;` and does not show that line.
    """
    first, end, rest = text.partition("\n")
    has_separator_line = bool(re.fullmatch(r'"?sep=.\r?"?', first.strip(), re.IGNORECASE))
    lead, body = (first + end, rest) if has_separator_line else ("", text)
    return lead, body, max(DELIMITERS, key=lambda each: _known_names(body, each, columns))


def _records(path: Path, text: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Each record with its number; a line break inside quotes does not begin a new row."""
    lead, body, delimiter = divided(text, columns)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from enumerate(reader, 2 if lead else 1)
    except csv.Error:
        raise MappingError(f"{path}: a cell is too long, or a quote is not closed.", "Open and save it anew.") from None


def _known_names(text: str, delimiter: str, columns: Sequence[str]) -> int:
    """How many of the columns the first line names when it is split at the delimiter."""
    first = text.partition("\n")[0]
    names = {name.strip().strip('"').lower() for name in first.split(delimiter)}
    return len(names & set(columns))


def _header(
    path: Path, number: int, cells: Sequence[str], columns: Sequence[str], optional: Collection[str]
) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    place = f"{path}, row {number}"
    if not names:
        raise MappingError(f"{path} is empty.", f"Its first row names the columns: {', '.join(columns)}.")
    for name in names:
        if name not in columns and not _is_passed_over(name):
            raise MappingError(f"{place}, column {name[:40]}: unknown column; known are {', '.join(columns)}.")
        if names.count(name) > 1:
            raise MappingError(f"{place}, column {name}: the column stands there twice.")
    for name in columns:
        if name not in names and name not in optional:
            raise MappingError(f"{place}: the column {name} is missing.")
    return names


def _checked(path: Path, number: int, cells: dict[str, str]) -> dict[str, str]:
    for name, cell in cells.items():
        place = f"{path}, row {number}, column {name}"
        if len(cell) > CELL_CHARACTERS:
            raise MappingError(f"{place}: a cell of {len(cell):,} characters; {CELL_CHARACTERS:,} are allowed.")
        if name != "note" and _BROKEN.fullmatch(cell.strip()):
            hint = "Format the column as text in the spreadsheet, then type it again."
            raise MappingError(f"{place}: the spreadsheet has changed this cell to `{cell}`.", hint)
    return cells
