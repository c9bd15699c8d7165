"""Puts a backup back in the place of a connection's databases. Nothing that was sent since then is sent again.

Here belongs: checking the backup, keeping what is there, and putting each file in its place. What a restored ledger is
believed: sync/keeping/restored.py. A kill leaves each file whole, the old or the new one; the same call again ends it.
"""

import hashlib
import os
import shutil
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from ... import audit, clock
from ...errors import NotDone, StoreDamaged
from ...flows import FLOWS
from ...settings import Settings, Tables, load_settings
from ...staging import schema
from ...staging.disk import flushed, log_of
from ...staging.people.installation_key import KEY_FILE
from ...staging.store import Store, writing
from ...sync.connected import ConnectedFlow
from ...sync.keeping import restored
from ...sync.session import lease
from . import lasting
from .backup import (
    BASE,
    DATABASES,
    FORMAT,
    MANIFEST,
    SETTINGS,
    STATE,
    TABLES,
    Manifest,
    check_in_files,
    databases,
    folder_of,
)

TOML = Path("winbc.toml")
PACKED = f"{SETTINGS}{TOML}"
"""The name of winbc.toml in a backup."""
RESTORING = "restoring"
"""The folder beside the databases in which a backup is unpacked."""
WAIT_S = 5.0  # for a run that goes on


@dataclass(frozen=True)
class Restored:
    """What a restoring did.

    Attributes:
        at: the moment of the backup.
        put_back: names of the files of databases and keys.
        kept: the folder with those that were in their places before.
        written: mapping tables and settings that were missing and are there again.
        differ: those that are there and are not as in the backup. They stay.
        untouched: databases that are there and not in the backup.
    """

    at: datetime
    put_back: list[str]
    kept: Path
    written: list[Path]
    differ: list[Path]
    untouched: list[str]


def manifest_of(path: Path) -> Manifest:
    """What a backup says of itself; raises NotDone for a file that is no backup, or one of a later version."""
    try:
        with zipfile.ZipFile(path) as backup:
            content = orjson.loads(backup.read(MANIFEST))
            manifest = Manifest(**content | {"at": datetime.fromisoformat(content["at"])})
    except FileNotFoundError:
        raise NotDone(f"{path} is not there.", "Name the file of a backup.") from None
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise NotDone(f"{path} is no whole backup of winbc ({type(error).__name__}).", "Take another one.") from None
    if manifest.format > FORMAT or manifest.tables > schema.VERSION:
        made = f"winbc {manifest.program} has made {path}, with tables of version {manifest.tables}"
        raise NotDone(f"{made}; this winbc ({schema.program()}) is older.", "Install that version first.")
    return manifest


@contextmanager
def settings_for(path: Path, manifest: Manifest) -> Iterator[Settings]:
    """The settings of this folder. One without a winbc.toml gets that of the backup, and loses it if the block fails.

    Raises: NotDone for a backup of another connection than this folder's; ConfigurationError as `load_settings`.
    """
    is_new = PACKED in manifest.files and not TOML.exists()
    if is_new:
        content = _toml_in(path, manifest)
        with writing(TOML):
            TOML.write_bytes(content)
    try:
        settings = load_settings()
        _check_connection(path, manifest, settings)
        yield settings
    except BaseException:
        if is_new:
            TOML.unlink()
        raise


def _check_connection(path: Path, manifest: Manifest, settings: Settings) -> None:
    if manifest.connection != settings.connection:
        hint = f"Restore it in a folder without {TOML}, which the backup brings; this one is of {settings.connection}."
        if PACKED not in manifest.files:
            hint = f"Set `connection` to it: the backup has no {TOML}."
        raise NotDone(f"{path} is of the connection {manifest.connection}.", hint)


def settings_that_differ(path: Path, manifest: Manifest) -> list[str]:
    """Names of the settings that winbc.toml has otherwise than the one in the backup; none where one is lacking."""
    if PACKED not in manifest.files or not TOML.exists():
        return []
    here, there = (_by_name(tomllib.loads(each.decode())) for each in (TOML.read_bytes(), _toml_in(path, manifest)))
    return sorted(name for name in {*here, *there} if here.get(name) != there.get(name))


def _toml_in(path: Path, manifest: Manifest) -> bytes:
    """The winbc.toml of a backup that has one; raises NotDone when it is damaged."""
    with zipfile.ZipFile(path) as backup, suppress(zipfile.BadZipFile, KeyError, EOFError):
        content = backup.read(PACKED)
        if hashlib.sha256(content).hexdigest() == manifest.files[PACKED]:
            return content
    raise _damaged(PACKED)


def _by_name(content: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Values by their dotted names, such as `bc.company`."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= _by_name(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return found


def restore(settings: Settings, path: Path, flow: str = "", who: str = "") -> Restored:
    """Puts a backup back. Who was erased here stays erased, and the log of acts stays (lasting.py).

    Args:
        flow: id of the only flow whose database is put back; empty for everything.
        who: as for `audit.record`.

    Raises: NotDone as `manifest_of`, for a file in it that is not as it was, and for a flow that it does not have;
        StoreBusy while a run of a flow goes on; NotWritable. Then everything is as it was.
    """
    check_in_files(settings)
    manifest = manifest_of(path)
    _check_connection(path, manifest, settings)
    only = f"{STATE}{flow}{DATABASES}"
    names = [name for name in manifest.files if name.startswith(STATE) and (not flow or name == only)]
    if not names:
        raise NotDone(f"{path} has no database of {flow or 'any flow'}.", "Take another backup.")
    folder, now = folder_of(settings), clock.now()
    with writing(folder), at_rest(settings):
        unpacked = folder / RESTORING
        shutil.rmtree(unpacked, ignore_errors=True)
        with zipfile.ZipFile(path) as backup:
            for name in names:
                _unpack(backup, manifest, name, unpacked / _below(name))
            lasting.choose_key(unpacked, folder)  # an upgrade of what was unpacked needs it
            for each in unpacked.glob(f"*{DATABASES}"):
                _note(settings, each, manifest.at, now)
            lasting.bring(unpacked, folder, now)
            audit.record(settings, "restore", flow or "all databases", who=who)
            names = [name for name in names if not lasting.is_one(_below(name)) and _below(name) != KEY_FILE]
            kept = folder / schema.KEPT / f"before-restore-{now:%Y%m%d-%H%M%S}"
            put_back = [_put_back(unpacked / _below(name), folder, kept) for name in names]
            written, differ = ([], []) if flow else _settings_and_tables(backup, manifest, settings)
        shutil.rmtree(unpacked)
    untouched = [] if flow else [each.name for each in databases(settings) if each.name not in put_back]
    return Restored(manifest.at, put_back, kept, written, differ, untouched)


@contextmanager
def at_rest(settings: Settings, wait_s: float = WAIT_S, moving: bool = False) -> Iterator[None]:
    """Holds the leases of all flows, so that no run writes, until the block ends; StoreBusy while a run goes on.

    Args:
        wait_s: seconds to wait for each run.
        moving: as for `lease`.
    """
    leases = {flow.lease: flow for flow in FLOWS}
    with ExitStack() as stack:
        for flow in leases.values():
            stack.enter_context(lease(ConnectedFlow(flow, settings), wait_s, moving))
        yield


def _below(name: str) -> str:
    """The name of a file of the backup below the folder of the connection, so that it can lie nowhere else."""
    inner = name.removeprefix(STATE)
    return inner if lasting.is_one(inner) and ".." not in PurePosixPath(inner).parts else PurePosixPath(inner).name


def _unpack(backup: zipfile.ZipFile, manifest: Manifest, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with (
            backup.open(name) as packed,
            open(os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file,
        ):
            shutil.copyfileobj(packed, file)
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (zipfile.BadZipFile, KeyError, EOFError):
        found = ""
    if found != manifest.files[name]:
        raise _damaged(name)


def _damaged(name: str) -> NotDone:
    return NotDone(f"{name} in the backup is damaged.", "Nothing was changed. Take another backup.")


def _note(settings: Settings, path: Path, backup_at: datetime, now: datetime) -> None:
    """Brings an unpacked database up to date, and notes in that of a flow that it was restored."""
    flow = next((each for each in FLOWS if each.id == path.stem), None)
    with Store(path, settings.memory_limit_mb).transaction() as connection:
        if flow:
            restored.note(connection, flow, backup_at, now)


def _put_back(new: Path, folder: Path, kept: Path) -> str:
    """Puts one file in its place and keeps the one that is there; returns its name."""
    present = folder / new.name
    kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    if present.suffix == DATABASES:
        _keep_log(present, kept)
    if present.exists():
        _keep(present, kept)
    flushed(new)
    os.replace(new, present)
    return new.name


def _keep_log(present: Path, kept: Path) -> None:
    """Lets DuckDB write what is only in the log into the file; the log of one that it cannot open goes to `kept`."""
    log = log_of(present)
    if log.exists():
        with suppress(StoreDamaged), Store(present).open():
            pass
    if log.exists():
        os.replace(log, kept / log.name)


def _keep(present: Path, kept: Path) -> None:
    target = kept / present.name
    target.unlink(missing_ok=True)
    try:
        os.link(present, target)
    except OSError:  # not every file system has links
        shutil.copy2(present, target)


def _settings_and_tables(
    backup: zipfile.ZipFile, manifest: Manifest, settings: Settings
) -> tuple[list[Path], list[Path]]:
    """Writes the tables and settings that are missing; returns these, and those that are there and differ.

    Where the settings name no shared folder, its tables become the connection's own, but for those that it had itself.
    Tables of a backup that knows of none are not put into the places of shared ones: they would hide them.
    """
    base = settings.mapping_base
    now_shared = None if any(name.startswith(BASE) for name in manifest.files) else base
    serving = Tables(settings.mapping_folder, now_shared)
    written, differ = _shared(backup, manifest, base) if base else ([], [])
    places = {TABLES: settings.mapping_folder, SETTINGS: Path()} | ({} if base else {BASE: settings.mapping_folder})
    for name in manifest.files:
        if name.startswith(BASE) and name.replace(BASE, TABLES, 1) in manifest.files:
            continue
        for prefix, folder in places.items():
            if not name.startswith(prefix):
                continue
            place, content = Path(*_safe(name.removeprefix(prefix))), backup.read(name)
            target = serving.path(place) if prefix == TABLES else folder / place
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                written.append(target)
            elif target.read_bytes() != content:
                differ.append(target)
    return written, differ


def _shared(backup: zipfile.ZipFile, manifest: Manifest, base: Path) -> tuple[list[Path], list[Path]]:
    """Puts a shared folder back, whole, where there is none. One that is there serves other connections and stays."""
    names = [name for name in manifest.files if name.startswith(BASE)]
    contents = {base.joinpath(*_safe(name.removeprefix(BASE))): backup.read(name) for name in names}
    if base.exists() or not contents:
        return [], [path for path, content in contents.items() if not path.exists() or path.read_bytes() != content]
    half = base.with_name(f"{base.name}.{RESTORING}")
    shutil.rmtree(half, ignore_errors=True)  # of a restoring that was killed
    for path, content in contents.items():
        target = half / path.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    half.rename(base)
    return list(contents), []


def _safe(name: str) -> list[str]:
    """The parts of a name in a backup, without what would lead out of its folder."""
    return [part for part in PurePosixPath(name).parts if part not in ("..", "/")]
