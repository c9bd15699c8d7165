"""What the commands print: a progress bar, lines, and tables.

Every value that comes from a system or a file passes here, so that no value can control the terminal: characters that a
terminal acts on are printed as escapes.
"""

import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .sheet import Sheet, wrapped

# Unicode categories: control characters, invisible formatting (such as a change of direction), halves of characters
# (which cannot be encoded), line ends, paragraph ends.
ACTED_ON = ("Cc", "Cf", "Cs", "Zl", "Zp")
LINE_S = 5  # between two lines of progress in a pipe


class Steps:
    """The steps of a command. It is called with the name of each step as it begins.

    Args:
        show: shows a text, and how many steps are done.
    """

    def __init__(self, text: str, show: Callable[[str, int], object]) -> None:
        self.text, self.show = text, show
        self.step, self.begun = "", 0

    def __call__(self, step: str) -> None:
        self.step = f"{self.text}: {step}"
        self.show(self.step, self.begun)
        self.begun += 1

    def tell(self, words: str) -> None:
        """Says how far the present step is."""
        self.show(f"{self.step}: {words}", self.begun - 1)


@contextmanager
def bar(console: Console, text: str, steps: int | None = None, every_s: float = LINE_S) -> Iterator[Steps]:
    """Shows a progress bar until the block ends; in a pipe or a file, a line on stderr every few seconds.

    Yields: what to call with the name of each step as it begins. Without a number of steps the bar only pulses.
    """
    if not console.is_terminal:
        with _lines(text, every_s) as begin:
            yield begin
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(text, total=steps)
        yield Steps(text, lambda shown, done: progress.update(task, description=shown, completed=done))


@contextmanager
def _lines(text: str, every_s: float) -> Iterator[Steps]:
    """Says on stderr, every so many seconds, what is going on and since when."""
    began, ended, present = time.monotonic(), threading.Event(), [text]

    def tell() -> None:
        while not ended.wait(every_s):
            print(f"{present[0]} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)

    def show(step: str, _: int) -> None:
        present[0] = step

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield Steps(text, show)
    finally:
        ended.set()


def shown(value: object) -> str:
    """A value as one line of text.

    None is an empty text, booleans are as in JSON, and control characters are escapes such as `\\x1b` or `\\u202e`.
    """
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return "".join(_written_out(character) for character in text)


def _written_out(character: str) -> str:
    if unicodedata.category(character) in ACTED_ON:
        return character.encode("unicode_escape").decode()
    return character


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Prints a line that is put together from texts, each with or without a colour. Rich's markup is not acted on.

    In a terminal a long line goes on in the next one, between words. In a pipe or a file it stays one line.
    """
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    lines = [("\n".join(map(shown, text.split("\n"))), style) for text, style in styled]  # our texts may have lines
    text = Text.assemble(*lines)
    if console.is_terminal:
        text = wrapped(text, console.width)
    console.print(text, soft_wrap=True)


def warn(console: Console, warnings: Iterable[str]) -> None:
    """Prints facts that are no mistake and may still surprise, one line each."""
    for words in warnings:
        say(console, ("warning ", "yellow"), words)


def table_of(*names: str, title: str = "", whole: str = "") -> Sheet:
    """An empty table, which cuts no word in a narrow terminal.

    Args:
        whole: the column whose cells stay on one line, such as one of names that people copy.
    """
    return Sheet(names, shown(title), whole)


def add_row(table: Sheet, *cells: object) -> None:
    """Adds a row of values. The values of a list stand on lines of their own. Rich's markup is not acted on."""
    lines = (cell if isinstance(cell, list) else [cell] for cell in cells)
    table.rows.append(["\n".join(map(shown, each)) for each in lines])
