"""What the commands show: a bar while something takes longer than a moment, lines, and tables.

Every value that comes from a system or a file passes here: characters that a terminal acts on are written out.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

ACTED_ON = ("Cc", "Cf", "Cs", "Zl", "Zp")  # escape sequences, changes of direction, what cannot be encoded, line ends


@contextmanager
def bar(console: Console, text: str, steps: int | None = None) -> Iterator[Callable[[str], None]]:
    """Yields what to call when the next of the steps begins; without a number of steps the bar only pulses."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=steps)
        begun = 0

        def begin(step: str) -> None:
            nonlocal begun
            progress.update(task, description=f"{text}: {step}", completed=begun)
            begun += 1

        yield begin


def shown(value: object) -> str:
    """A value on one line: nothing is empty, booleans as in JSON, control characters as `\\x1b` or `\\u202e`."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return "".join(_written_out(character) for character in text)


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode() if unicodedata.category(character) in ACTED_ON else character


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """A line of texts, or of texts with a colour, as they are: what looks like rich's markup stays what it is."""
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    lines = [("\n".join(map(shown, text.split("\n"))), style) for text, style in styled]
    console.print(Text.assemble(*lines), soft_wrap=True)


def warn(console: Console, warnings: Iterable[str]) -> None:
    """What is no mistake and will still surprise, a line each."""
    for words in warnings:
        say(console, ("warning ", "yellow"), words)


def table_of(*names: str, title: str = "") -> Table:
    """A table whose cells go on in the next line where the terminal is too narrow; nothing is cut."""
    columns = (Column(name, overflow="fold") for name in names)
    return Table(*columns, title=Text(shown(title), "italic") if title else None)


def add_row(table: Table, *cells: object) -> None:
    """A row of values as they are; the values of a list stand on lines of their own."""
    lines = (cell if isinstance(cell, list) else [cell] for cell in cells)
    table.add_row(*(Text("\n".join(map(shown, each))) for each in lines))
