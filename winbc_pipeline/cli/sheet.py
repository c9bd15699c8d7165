"""Tables that cut no word, however narrow the terminal is.

A cell goes on in the next line between words. Where that is not enough, it goes on after a hyphen too, and where that
is not enough either, each row becomes lines of `column: value`. What a value may hold: output.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.box import HEAVY_HEAD, SIMPLE
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# What a cell is broken into: words, each with the blanks before it, or also what is between their hyphens.
WORDS = re.compile(r"\s*\S+")
AT_HYPHENS = re.compile(r"\s*\S+?(?:(?<=\w)-(?=\w)|(?=\s)|$)")
INDENT = 4  # columns by which what belongs to a row stands to the right


@dataclass
class Sheet:
    """A table of texts. A text may have several lines.

    Args:
        names: the names of the columns.
        title: stands above the table.
        whole: the column whose cells always stay on one line. The table then has no frame, so that more fits in a line.
    """

    names: Sequence[str]
    title: str = ""
    whole: str = ""
    rows: list[list[str]] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for pieces in (WORDS, AT_HYPHENS):
            if widths := self._widths(options.max_width - self._frame, pieces):
                yield self._table(widths, pieces)
                return
        yield from self._lines(options.max_width - INDENT)

    @property
    def _frame(self) -> int:
        """How wide all that stands between and around the cells is."""
        count = len(self.names)
        return 2 * count - 1 if self.whole else 3 * count + 1

    def _widths(self, room: int, pieces: re.Pattern[str]) -> list[int]:
        """How wide each column is; nothing when the longest pieces do not fit."""
        columns = [[name, *(row[place] for row in self.rows)] for place, name in enumerate(self.names)]
        lines = [[line for cell in column for line in cell.split("\n")] for column in columns]
        most = [max(map(cell_len, column)) for column in lines]
        least = [
            widest if name == self.whole else max(_longest(line, pieces) for line in column)
            for name, column, widest in zip(self.names, lines, most, strict=True)
        ]
        if sum(least) > room:
            return []
        widths, left = least.copy(), room - sum(least)
        wishes = sorted(range(len(widths)), key=lambda place: most[place] - least[place])
        for place, others in zip(wishes, range(len(wishes), 0, -1), strict=True):
            more = min(most[place] - least[place], left // others)
            widths[place], left = widths[place] + more, left - more
        return widths

    def _table(self, widths: Sequence[int], pieces: re.Pattern[str]) -> Table:
        box, title = SIMPLE if self.whole else HEAVY_HEAD, Text(self.title, "italic") if self.title else None
        padding = (0, 1, 0, 0) if self.whole else (0, 1)
        table = Table(box=box, show_edge=not self.whole, pad_edge=not self.whole, padding=padding, title=title)
        for name, width in zip(self.names, widths, strict=True):
            table.add_column(Text(_filled(name, width, pieces)), width=width, no_wrap=True)
        for row in self.rows:
            cells = zip(row, widths, strict=True)
            table.add_row(*(Text(_filled(cell, width, pieces)) for cell, width in cells))
        return table

    def _lines(self, width: int) -> RenderResult:
        """Each row as lines of its own. Empty cells are left out."""
        if self.title:
            yield Text(self.title, "italic")
        for row in self.rows:
            cells = [f"{name}: {cell}" for name, cell in zip(self.names, row, strict=True) if cell]
            for place, cell in enumerate(cells):
                text = Text(_filled(cell, width, AT_HYPHENS), "" if place else "bold")
                yield Padding(text, (0, 0, 0, INDENT)) if place else text
        yield Text("")


def wrapped(text: Text, width: int) -> Text:
    """A text whose lines are no wider than a terminal. Only a word that is wider itself stays so."""
    lines: list[Text] = []
    for line in text.split("\n"):
        begins, start = list[int](), 0
        for word in re.finditer(r"\S+", line.plain):
            if word.start() > start and cell_len(line.plain[start : word.end()]) > width:
                begins.append(word.start())
                start = word.start()
        pieces = line.divide(begins)
        for piece in pieces:
            piece.rstrip()
        lines += pieces
    return Text("\n").join(lines)


def _longest(line: str, pieces: re.Pattern[str]) -> int:
    """The width of the longest piece of a line; at least 1."""
    return max((cell_len(piece.strip()) for piece in pieces.findall(line)), default=1)


def _filled(cell: str, width: int, pieces: re.Pattern[str]) -> str:
    """A cell whose lines are no wider than a column."""
    filled = []
    for line in cell.split("\n"):
        filled.append("")
        for piece in pieces.findall(line):
            if filled[-1] and cell_len(filled[-1] + piece) > width:
                filled.append(piece.lstrip())
            else:
                filled[-1] += piece
    return "\n".join(filled)
