"""Saves an edited table, unless its file is another one by now, and keeps each saved version with who saved it.

Here belongs: the file in the mapping folder and its history in the connection's folder. The file stays the truth: it
may be edited by a spreadsheet at any time, and nobody's edit is written over unseen.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from ...errors import NotDone
from ...mapping.cells import bytes_of
from ...mapping.shipped import SHIPPED, Difference, copy_to_edit, differences_of
from ...settings import Settings
from ...staging.store import writing
from .drafts import Draft, Problem, problems
from .sheet import version_of

HISTORY, LIST = "mapping_history", "saved.jsonl"
OUTSIDE = ""  # who made a version that no page has saved: a spreadsheet, or whoever made the folder


class TableChanged(NotDone):
    """The file of a table is another one than the person who edits it has seen."""


class TableWrong(NotDone):
    """The validator refuses an edited table; `problems` says where."""

    def __init__(self, found: list[Problem]) -> None:
        super().__init__(f"The table has {len(found)} mistakes; nothing was saved.", "Each stands at its cell.")
        self.problems = found


@dataclass(frozen=True)
class Version:
    """One version of a table.

    Attributes:
        table: its path in the mapping folder.
        version: stands for its content (sheet.version_of); before: the same of the version that it took the place of.
        at: when it was saved, or first seen (UTC).
        who: the person who saved it; empty for a version that was made outside the dashboard.
        why: that person's note; may be empty.
    """

    table: str
    version: str
    before: str
    at: datetime
    who: str
    why: str = ""


def tables(settings: Settings) -> list[Path]:
    """All tables that serve, as paths in the mapping folder."""
    return list(settings.tables.of())


def content_of(settings: Settings, table: Path) -> bytes:
    """The content of a table's file; raises MappingError for one that is missing."""
    return bytes_of(settings.tables.needed(table))


def save(
    draft: Draft, seen: str, who: str, now: datetime, why: str = "", note: Callable[[], None] = lambda: None
) -> Version:
    """Puts an edited table in the place of its file. The mapping folder is made where the shipped tables serve.

    A shared table stays as it is: the connection gets a table of its own. A shared one that nobody changed makes none,
    which would hide later edits of the shared one.

    Args:
        seen: the version of the file that the person has edited.
        note: called right before the file is replaced, when nothing refuses it any more.

    Raises: TableChanged when the file is another one by now; TableWrong; NotWritable; MappingError where the shared
        folder is away: without its tables nobody can say whether the edit is right.
    """
    draft.settings.tables.check()
    if wrong := _made_by(draft):
        raise TableWrong(wrong)
    settings, table = draft.settings, draft.table
    path = settings.mapping_folder / table
    with _only_one(settings):
        present = content_of(settings, table)
        _check_seen(table, present, seen)
        saved = Version(table.as_posix(), version_of(draft.content), seen, now, who, why)
        if saved.version == seen and settings.tables.is_shared(table):
            return saved
        with writing(path):
            note()
            copy_to_edit(settings)
            _keep(settings, saved, draft.content, present)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, draft.content)
    return saved


def give_up(
    settings: Settings, table: Path, seen: str, who: str, now: datetime, why: str, note: Callable[[], None]
) -> None:
    """Takes a connection's own table away, so that the shared one serves again. The own one stays in the history.

    Args: as of `save`.
    Raises: NotDone where no shared table would serve; TableChanged; NotWritable.
    """
    with _only_one(settings):
        tables = settings.tables
        if not tables.base or not tables.in_base(table) or tables.is_shared(table):
            raise NotDone("This connection has no table of its own in the place of a shared one.")
        present, shared = content_of(settings, table), bytes_of(tables.base / table)
        _check_seen(table, present, seen)
        with writing(tables.own / table):
            note()
            _keep(settings, Version(table.as_posix(), version_of(shared), seen, now, who, why), shared, present)
            (tables.own / table).unlink()


def _check_seen(table: Path, present: bytes, seen: str) -> None:
    if version_of(present) != seen:
        raise TableChanged(f"{table} was edited meanwhile; nothing was saved.", "Look at both, and choose.")


def _made_by(draft: Draft) -> list[Problem]:
    """The mistakes of an edited table. What is wrong elsewhere, and was so before, hinders nobody from saving."""
    found = problems(draft)
    if all(each.row for each in found):
        return found
    before = problems(replace(draft, content=content_of(draft.settings, draft.table)))
    return [each for each in found if each.row or each not in before]


def history(settings: Settings, table: Path) -> list[Version]:
    """The kept versions of a table, the newest first."""
    path = _folder(settings) / LIST
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = [Version(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows if row["table"] == str(table)]
    return found[::-1]


def kept(settings: Settings, version: str) -> bytes:
    """The content of a kept version; raises NotDone when it is not kept."""
    path = _folder(settings) / f"{version}.csv"
    if not (version.isascii() and version.isalnum()) or not path.exists():
        raise NotDone("This version of the table is not kept.")
    return path.read_bytes()


def remember(settings: Settings, content: bytes) -> str:
    """Keeps a version that a person begins to edit: the file may be another one when that person saves; returns it."""
    version = version_of(content)
    path = _folder(settings) / f"{version}.csv"
    if not path.exists():
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(path, content)
    return version


def differences_between(table: Path, before: bytes, after: bytes) -> list[Difference]:
    """What differs between two contents of a table, cell by cell; notes are not compared.

    Raises: MappingError for a content that is no such table.
    """
    with TemporaryDirectory(prefix="compared-") as name:
        paths = [Path(name) / side / table for side in ("before", "after")]
        for path, content in zip(paths, (before, after), strict=True):
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
        return list(differences_of(str(table), *paths))


def shipped(table: Path) -> bytes | None:
    """The content of a table as it is shipped; None for a table of the user's own."""
    path = SHIPPED / table
    return path.read_bytes() if path.exists() else None


def of_base(settings: Settings, table: Path) -> bytes | None:
    """The content of a table in the shared folder; None for one that is not there."""
    tables = settings.tables
    return bytes_of(tables.base / table) if tables.base and tables.in_base(table) else None


def _folder(settings: Settings) -> Path:
    return settings.state_folder / HISTORY


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """One save at a time, whichever process or tab it comes from."""
    folder = _folder(settings)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(str(folder / "saving.lock"), timeout=10):
        yield


def _keep(settings: Settings, saved: Version, content: bytes, before: bytes) -> None:
    """Keeps both versions, and notes who saved the new one. One that was made outside is noted first."""
    folder, known = _folder(settings), {each.version for each in history(settings, Path(saved.table))}
    notes = [] if saved.before in known else [Version(saved.table, saved.before, "", saved.at, OUTSIDE)]
    for version, each in ((saved.before, before), (saved.version, content)):
        if not (folder / f"{version}.csv").exists():
            _replace(folder / f"{version}.csv", each)
    with (folder / LIST).open("a", encoding="utf-8") as file:
        os.chmod(folder / LIST, 0o600)
        for note in [*notes, saved]:
            file.write(json.dumps({**asdict(note), "at": note.at.isoformat()}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    """Puts a whole file in the place of another one: a run reads the old one or the new one, never half of it."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    half = path.with_name(f".{path.name}.half")
    with half.open("wb") as file:
        os.chmod(half, mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(half, path)
