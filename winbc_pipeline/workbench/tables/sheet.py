"""A CSV file as people edit it cell by cell: what they do not touch keeps its bytes.

Here belongs: where each cell stands, and putting an edited file together. How a file is read: mapping/cells.py.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from ...errors import MappingError
from ...mapping.cells import CELL_CHARACTERS, FILE_BYTES, divided, plain, safe, written_in
from ...mapping.shipped import shape_of

RAW_CELL = r'"(?:[^"]|"")*"|[^{0}"\r\n][^{0}\r\n]*|'  # quoted, or plain, or empty
LINE_END = re.compile(r"\r\n|\r|\n|\Z")


@dataclass(frozen=True)
class RawRow:
    """One row as it stands in the file.

    Attributes:
        number: of the row, as a spreadsheet shows it; the header is row 1. 0 for a row that is new.
        cells: each cell as it is written, with its quotes.
        end: the line end.
        behind: the empty rows that follow, as they are written.
    """

    number: int
    cells: tuple[str, ...]
    end: str
    behind: str = ""


@dataclass(frozen=True)
class EditedRow:
    """One row as a person left it: the number of the row that it was (0 for a new one), and its values by column."""

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A table's file, cut into its cells.

    Attributes:
        path: of the file. Its name and folder say which columns it has.
        version: stands for the content of the file.
        mark, encoding, lead, delimiter: how the file is written (mapping/cells.py).
        header: the row with the names of the columns.
    """

    path: Path
    version: str
    mark: bytes
    encoding: str
    lead: str
    delimiter: str
    header: RawRow
    rows: tuple[RawRow, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the file has, those of people's own notes too, and at last those that it may leave out."""
        named = [self.value(cell).strip().lower() for cell in self.header.cells]
        return tuple(dict.fromkeys([*filter(None, named), *shape_of(self.path).columns]))

    def values(self, row: RawRow) -> dict[str, str]:
        """What the cells of a row say, by column."""
        names = [self.value(cell).strip().lower() for cell in self.header.cells]
        given = dict(zip(names, map(self.value, row.cells), strict=False))
        guarded = shape_of(self.path).guarded
        return {name: plain(given.get(name, "")) if name in guarded else given.get(name, "") for name in self.columns}

    def edited(self, rows: Sequence[EditedRow]) -> bytes:
        """The content of the file with these rows in the place of its own. Cells that nobody changed keep their bytes.

        Raises: MappingError for a value that the file cannot hold.
        """
        known, sheet = {row.number: row for row in self.rows}, self._with_columns_of(rows)
        made = [sheet._made(known.get(row.number), row, is_wider=sheet is not self) for row in rows]
        return replace(sheet, rows=tuple(made)).content

    @property
    def content(self) -> bytes:
        """The bytes of the file.

        Raises: MappingError for a value that the file cannot hold.
        """
        *others, last = [self.header, *self.rows]
        ended = [row if row.end else replace(row, end=self._line_end) for row in others]
        return self._encoded(self.lead + "".join(map(self._line, [*ended, last])))

    def _with_columns_of(self, rows: Sequence[EditedRow]) -> "Sheet":
        """The sheet with a column for each value whose column the file leaves out, such as `owner`."""
        there = [self.value(cell).strip().lower() for cell in self.header.cells]
        missing = [name for name in self.columns if name not in there and any(row.values.get(name) for row in rows)]
        return replace(self, header=replace(self.header, cells=(*self.header.cells, *missing))) if missing else self

    def _made(self, before: RawRow | None, edited: EditedRow, is_wider: bool) -> RawRow:
        """A row as it is to stand in the file. It leaves out last cells if it did before and no column is new."""
        if before is None:
            return RawRow(0, tuple(self._written(name, edited, "") for name in self._names), self._line_end)
        old, cells = self.values(before), []
        for name, raw in zip_longest(self._names, before.cells, fillvalue=""):
            is_as_before = name not in old or _same(old[name], edited.values.get(name, old[name]))
            cells.append(raw if is_as_before else self._written(name, edited, raw))
        while not is_wider and len(cells) > len(before.cells) and not cells[-1]:
            cells.pop()
        return RawRow(before.number, tuple(cells), before.end, before.behind)

    def _written(self, name: str, edited: EditedRow, raw: str) -> str:
        value = edited.values.get(name, "")
        if len(value) > CELL_CHARACTERS or "\0" in value:
            raise MappingError(f"{self.path}, row {edited.number}, column {name}: the cell is too long, or no text.")
        text = safe(value) if name in shape_of(self.path).guarded else value
        needs = any(each in text for each in (self.delimiter, '"', "\r", "\n"))
        was_quoted = raw.startswith('"')
        return '"' + text.replace('"', '""') + '"' if needs or (was_quoted and text) else text

    @property
    def _names(self) -> list[str]:
        return [self.value(cell).strip().lower() for cell in self.header.cells]

    @property
    def _line_end(self) -> str:
        return self.header.end or "\n"

    def _line(self, row: RawRow) -> str:
        return self.delimiter.join(row.cells) + row.end + row.behind

    def _encoded(self, text: str) -> bytes:
        try:
            content = self.mark + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            wrong, hint = text[error.start], "Save it once as `CSV UTF-8` in the spreadsheet."
            raise MappingError(f"{self.path} is written in {self.encoding}, which has no `{wrong}`.", hint) from None
        if len(content) > FILE_BYTES:
            raise MappingError(f"{self.path} would be larger than {FILE_BYTES // 2**20} MB.", "Map with a formula.")
        return content

    @staticmethod
    def value(cell: str) -> str:
        """What a written cell says."""
        return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def _same(old: str, new: str) -> bool:
    """Whether a browser sent a value back as it was: it makes one kind of line end of all."""
    return "\n".join(old.splitlines()) == "\n".join(new.splitlines()) if old != new else True


def version_of(content: bytes) -> str:
    """What stands for the content of a file."""
    return hashlib.sha256(content).hexdigest()


def sheet_of(path: Path, content: bytes) -> Sheet:
    """The cells of a table's file.

    Raises: MappingError for a file that is no text or no CSV.
    """
    mark, encoding, text = written_in(path, content)
    lead, body, delimiter = divided(text, shape_of(path).columns)
    rows = list(_rows(path, body, delimiter, 2 if lead else 1))
    if not rows:
        raise MappingError(
            f"{path} is empty.", f"Its first row names the columns: {', '.join(shape_of(path).columns)}."
        )
    return Sheet(path, version_of(content), mark, encoding, lead, delimiter, rows[0], tuple(rows[1:]))


def _rows(path: Path, text: str, delimiter: str, first: int) -> Iterator[RawRow]:
    """The rows, each with the empty ones behind it."""
    held: RawRow | None = None
    for number, (cells, end) in enumerate(_records(path, text, delimiter), first):
        if held and not any(Sheet.value(cell).strip() for cell in cells):
            held = replace(held, behind=held.behind + delimiter.join(cells) + end)
            continue
        if held:
            yield held
        held = RawRow(number, tuple(cells), end)
    if held:
        yield held


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """The written cells of each line, and its end."""
    cell, place = re.compile(RAW_CELL.format(re.escape(delimiter))), 0
    while place < len(text):
        cells = []
        while True:
            found = cell.match(text, place)
            place = found.end() if found else place
            cells.append(found[0] if found else "")
            if not text.startswith(delimiter, place):
                break
            place += 1
        end = LINE_END.match(text, place)
        if end is None:
            raise MappingError(f"{path}: a quote is not closed.", "Open and save it anew.")
        place = end.end()
        yield cells, end[0]
