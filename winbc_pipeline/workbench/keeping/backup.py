"""Makes a backup of a connection while its runs go on: one zip file.

Here belongs: what is in it. Each database is copied by DuckDB, as of one moment of its own; it is like what a killed
run leaves behind, which every run can go on from. The databases of the pairs come last: a pair that is older than the
ledger would send our own change back. No secret is in a backup, but customers' data are. Putting it back: restore.py.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import orjson

from ... import audit, clock
from ...errors import NotDone
from ...settings import SHIPPED_TABLES, Settings, Tables
from ...staging import schema
from ...staging.store import Store, writing
from ...sync.keeping.comparisons import is_one
from . import lasting

FORMAT = 1
MANIFEST = "backup.json"
STATE, TABLES, BASE, SETTINGS = "state/", "mapping_tables/", "mapping_base/", "settings/"
KEYS = ".key"
DATABASES = ".duckdb"
FOLDER = "backups"
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        program: the version of winbc that made it; tables: of the databases' tables (schema.VERSION).
        at: the moment before the first database was copied.
        files: the SHA-256 of each file, by its name in the backup.
    """

    format: int
    program: str
    tables: int
    connection: str
    at: datetime
    files: dict[str, str] = field(default_factory=dict)


def folder_of(settings: Settings) -> Path:
    """The folder of a connection's databases and keys."""
    return settings.data_folder / settings.connection


def default_path(settings: Settings, now: datetime) -> Path:
    """Where a backup goes for which nobody has named a file."""
    return folder_of(settings) / FOLDER / f"winbc-{settings.connection}-{now:%Y%m%d-%H%M%S}.zip"


def back_up(settings: Settings, path: Path | None = None) -> Path:
    """Makes a backup; returns its file, which only its owner can read.

    Raises: NotDone when the file is there already, or the state is on a server; StoreDamaged for a database that
        cannot be read; StoreBusy for one that another process keeps; NotWritable. Nothing is left behind then.
    """
    check_in_files(settings)
    now = clock.now()
    target = path or default_path(settings, now)
    if target.exists():
        raise NotDone(f"{target} is there already.", "Name another file.")
    unfinished = target.with_name(f"{target.name}{UNFINISHED}")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    manifest = Manifest(FORMAT, schema.program(), schema.VERSION, settings.connection, now)
    try:
        with writing(target):
            with (
                os.fdopen(handle, "w+b") as file,
                zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
            ):
                _fill(made, manifest, settings, unfinished)
            os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def check_in_files(settings: Settings) -> None:
    """Raises NotDone when the state is on a server: its own backups are the ones to use."""
    if settings.state.address:
        words = "The state of this connection is in PostgreSQL, so it is backed up and restored there."
        raise NotDone(words, "Use pg_dump and pg_restore, and keep hash.key beside it: docs/scale.md.")


def _fill(made: zipfile.ZipFile, manifest: Manifest, settings: Settings, beside: Path) -> None:
    copy = beside.with_name(f"{beside.name}{DATABASES}")
    try:
        for path in databases(settings):
            with Store(path, settings.memory_limit_mb).open() as connection:
                schema.copy_into(connection, copy)
            add(made, manifest, STATE + path.name, copy)
    finally:
        copy.unlink(missing_ok=True)
    with audit.unchanged(folder_of(settings)):  # its two files belong together
        for name, path in lasting.files(settings):
            add(made, manifest, STATE + name, path)
    for name, path in _other_files(settings):
        add(made, manifest, name, path)
    made.writestr(MANIFEST, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))


def databases(settings: Settings) -> list[Path]:
    """The databases of a connection, those of pairs last. Those of comparisons are none: each is made anew."""
    there = [each for each in folder_of(settings).glob(f"*{DATABASES}") if not is_one(each)]
    return sorted(there, key=lambda path: ("_to_" not in path.name, path.name))


def _other_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The keys of the pairs' hashes, the connection's own mapping tables, those of the shared folder, and the settings,
    by name in the backup."""
    for path in sorted(folder_of(settings).glob(f"*{KEYS}")):
        yield STATE + path.name, path
    own, base = settings.tables.own, settings.tables.base
    if own != SHIPPED_TABLES:
        for path in sorted(own.rglob("*.csv")):
            yield TABLES + path.relative_to(own).as_posix(), path
    for table, path in Tables(base).of().items() if base else ():
        yield BASE + table.as_posix(), path
    for each in (Path("winbc.toml"), settings.mapping_functions, settings.winstore.profile):
        if each and each.exists():
            yield SETTINGS + (each.name if each.is_absolute() else each.as_posix()), each


def add(made: zipfile.ZipFile, manifest: Manifest, name: str, path: Path) -> None:
    """Adds a file to a backup under a name, with its hash in the manifest."""
    with path.open("rb") as file:
        manifest.files[name] = hashlib.file_digest(file, "sha256").hexdigest()
    made.write(path, name)
