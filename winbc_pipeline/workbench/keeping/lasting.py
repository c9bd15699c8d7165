"""What a restore never takes back: who was erased, the log of acts, and certificates of erasing.

Here belongs: how those of a backup and those of this machine become one. Marks and log are made with the key of the
installation, so the key belongs to them. Where both machines have marks with different keys, nobody is forgotten: the
restore is refused.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ... import audit
from ...errors import NotDone
from ...settings import Settings
from ...staging.people.erased import FILE as MARKS
from ...staging.people.erased import add_marks, marks_in
from ...staging.people.installation_key import KEY_FILE

CERTIFICATES = "certificates"
LASTING = (MARKS, *audit.FILES)


def files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """These files of a connection, by their names below its folder."""
    folder = settings.state_folder
    for path in (*(folder / name for name in LASTING), *sorted((folder / CERTIFICATES).glob("*.json"))):
        if path.exists():
            yield path.relative_to(folder).as_posix(), path


def is_one(name: str) -> bool:
    """Whether a file, by its name below the folder of the connection, is one of these."""
    return name in LASTING or name.startswith(f"{CERTIFICATES}/")


def choose_key(unpacked: Path, folder: Path) -> None:
    """Lets the key that is to count from now on be the one among what was unpacked.

    It is the one of the backup, unless there is none, or people were erased here with another one.
    Raises: NotDone when both have marks, with different keys.
    """
    here, there = folder / KEY_FILE, unpacked / KEY_FILE
    if not here.exists() or _is_same(here, there):
        return
    if marks_in(folder) and there.exists() and marks_in(unpacked):
        what = "People were erased here and where the backup was made, and the two have different keys (hash.key)."
        way = f"Move {here.name} and {MARKS} out of {folder}, restore, and erase again who was erased here."
        raise NotDone(what, way)
    if marks_in(folder) or not there.exists():
        shutil.copy(here, there)


def bring(unpacked: Path, folder: Path, now: datetime) -> None:
    """Adds to a connection what was unpacked of these; `choose_key` has chosen the key.

    Marks are added to those that are there. A log that is there stays, and certificates that are there.
    """
    here, there = folder / KEY_FILE, unpacked / KEY_FILE
    if there.exists() and not _is_same(here, there):
        _set_aside(folder, now)
        _move(there, here)
    if marks := marks_in(unpacked):
        add_marks(folder, marks)
    if not any((folder / name).exists() for name in audit.FILES):
        for name in audit.FILES:
            _move(unpacked / name, folder / name)
    for path in sorted((unpacked / CERTIFICATES).glob("*.json")):
        if not (folder / CERTIFICATES / path.name).exists():
            _move(path, folder / CERTIFICATES / path.name)


def _is_same(here: Path, there: Path) -> bool:
    return here.exists() and there.exists() and here.read_bytes() == there.read_bytes()


def _set_aside(folder: Path, now: datetime) -> None:
    """Gives the log of acts another name, with the key that it was sealed with, where another key comes."""
    for name in (*audit.FILES, KEY_FILE):
        _move(folder / name, folder / f"{name}.until-{now:%Y%m%d-%H%M%S}")


def _move(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(source, target)
