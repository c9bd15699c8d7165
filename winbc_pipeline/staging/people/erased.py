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
    path, key = folder / FILE, key_in(folder)
    every = sorted(marks_in(folder) | {mark(key, kind, value) for kind, value in named})
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
    if not marks:
        return ""
    listed = ", ".join(map(literal, sorted(marks)))
    return "".join(f" {word} coalesce(keyed({text}) NOT IN ({listed}), true)" for word, text in _joined(texts))


def _joined(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    return [("AND" if number else "WHERE", text) for number, text in enumerate(texts)]
