"""A person in the backups of a connection: each is written anew without the person."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import orjson

from ..settings import Settings
from ..staging import schema
from ..staging.people.erased import FILE as MARKS
from ..staging.people.erased import add, marks_in
from ..staging.people.installation_key import KEY_FILE, key_in
from ..staging.store import Row, Store, writing
from ..workbench.keeping.backup import DATABASES, MANIFEST, STATE
from ..workbench.keeping.backup import add as pack
from ..workbench.keeping.restore import manifest_of
from . import databases
from .person import Person


@contextmanager
def _unpacked(settings: Settings, path: Path) -> Iterator[tuple[Path, list[Store]]]:
    """A folder with all files of a backup, and its databases, until the block ends."""
    with TemporaryDirectory(prefix="restoring-", dir=settings.state_folder) as name:
        folder = Path(name)
        with zipfile.ZipFile(path) as packed:
            for each in packed.namelist():
                target = folder / PurePosixPath(each)
                if not target.resolve().is_relative_to(folder.resolve()):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with packed.open(each) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
        state = folder / STATE.rstrip("/")
        if not (state / KEY_FILE).exists():  # one of before the key: guests are found by that of the installation
            state.mkdir(exist_ok=True, mode=0o700)
            (state / KEY_FILE).write_text(key_in(settings.state_folder), encoding="utf-8")
        found = sorted(state.glob(f"*{DATABASES}"))
        yield folder, [Store(each, settings.memory_limit_mb, key_folder=state) for each in found]


def find(settings: Settings, path: Path, person: Person) -> int:
    """How many rows of a person a backup has."""
    with _unpacked(settings, path) as (_, stores):
        return sum(held.rows for store in stores for held in databases.find(store, person))


def export(settings: Settings, path: Path, person: Person) -> dict[str, list[Row]]:
    """All that a backup has of a person, by database and table."""
    found: dict[str, list[Row]] = {}
    with _unpacked(settings, path) as (_, stores):
        for store in stores:
            rows = databases.export(store, person)
            found |= {f"{store.path.stem} {table}": each for table, each in rows.items()}
    return found


def erase(settings: Settings, path: Path, person: Person) -> int:
    """Writes a backup anew without a person, and with the marks that keep the person from being read again.

    Returns how many rows were erased. A kill leaves one of both, whole.
    """
    before = manifest_of(path)
    # Opening has brought its databases up to date. What that has left beside them is not packed.
    manifest = replace(before, files={}, tables=schema.VERSION)
    with _unpacked(settings, path) as (folder, stores), writing(path):
        state = folder / STATE
        marked, rows = marks_in(state), sum(held.rows for store in stores for held in databases.erase(store, person))
        add(state, person.named())
        if not rows and marks_in(state) == marked:
            return 0
        whole = path.with_name(f"{path.name}.unfinished")
        handle = os.open(whole, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(handle, "w+b") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        ):
            for name in sorted({*before.files, STATE + KEY_FILE, STATE + MARKS}):
                pack(made, manifest, name, folder / name)
            made.writestr(MANIFEST, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        os.replace(whole, path)
    return rows
