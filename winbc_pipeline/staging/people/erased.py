"""Who was erased, so that the next read does not bring them back: keyed marks, and nothing else.

Here belongs: the file of the marks, and the condition by which a load leaves such records out. A mark is the HMAC of
what a record is known by, with the key of the installation: nobody reads a person out of it. privacy/ writes them.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from ..sql import literal
from ..store import writing
from .installation_key import key_in, keyed
from .personal import PersonalFile

FILE = "erased.marks"
FILES = (PersonalFile(FILE, "nothing"),)


def mark_sql(kind: str, column: str) -> str:
    """SQL of the text that is marked: its kind, and the value in small letters."""
    return f"{literal(f'{kind} ')} || lower(trim({column}::VARCHAR))"


def mark(key: str, kind: str, value: str) -> str:
    """The mark of a value, as `mark_sql` and the function `keyed` make it in a database."""
    return keyed(key, f"{kind} {value.strip().lower()}")


def marks_in(folder: Path) -> set[str]:
    """All marks of a connection."""
    try:
        return set((folder / FILE).read_text(encoding="ascii").split())
    except FileNotFoundError:
        return set()


def add(folder: Path, named: Iterable[tuple[str, str]]) -> None:
    """Adds marks, by kind and value; they are on the disk when this returns. Those that are there stay."""
    key = key_in(folder)
    add_marks(folder, {mark(key, kind, value) for kind, value in named})


def add_marks(folder: Path, marks: set[str]) -> None:
    """Adds marks that were made with the key of this folder; they are on the disk when this returns."""
    path, every = folder / FILE, sorted(marks_in(folder) | marks)
    whole = path.with_name(f"{FILE}.new")
    with writing(path):
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join([*every, ""]))
            file.flush()
            os.fsync(file.fileno())
        os.replace(whole, path)


def unless_marked(folder: Path | None, texts: Iterable[str]) -> str:
    """SQL that ends a SELECT: without records of which a text is marked. Empty where nobody was ever erased.

    Args:
        folder: of the connection; None where a database has no connection.
        texts: SQL of the texts (`mark_sql`).
    """
    marks = marks_in(folder) if folder else set()
    return f" WHERE NOT ({is_marked(marks, texts)})" if marks else ""


def is_marked(marks: set[str], texts: Iterable[str]) -> str:
    """SQL: whether one of some texts (`mark_sql`) of a row is marked."""
    listed = ", ".join(map(literal, sorted(marks)))
    return " OR ".join(f"coalesce(keyed({text}) IN ({listed}), false)" for text in texts) or "false"
