"""What the commands show: a bar while something takes longer than a moment, and rows of tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


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


def add_row(table: Table, *cells: object) -> None:
    """A row of texts as they are: what looks like rich's markup stays what it is."""
    table.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))
