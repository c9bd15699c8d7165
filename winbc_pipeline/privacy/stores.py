"""All stores of a connection with the three verbs: find, export, erase. One store is a database, or files of one kind.

What a path is comes from its declaration (registry.py). Files that nobody has declared are not touched, and named.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..orchestration.storage import on_server as tables_of_dagster
from ..orchestration.storage import personal as dagster_storage
from ..settings import Settings, load_settings, served_from
from ..staging.people.personal import file_named
from ..staging.server.address import names_on
from ..staging.store import Row, Store
from . import backups, databases
from .person import Person
from .registry import FILES

DAGSTER = "dagster_home"
DELETED = "it is deleted, whoever is erased"
ACTS = {"kept": "the rows stay without texts", "texts": "the rows stay without texts", "passing": DELETED}


@dataclass(frozen=True)
class Found:
    """What a store holds of a person.

    Attributes:
        store: its path below the folder of the connection; what: what it holds, in words; act: what erasing does there.
    """

    store: str
    what: str
    act: str


def undeclared(settings: Settings) -> list[str]:
    """Files of a connection of which nobody says what they hold of people."""
    folder = settings.state_folder
    paths = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in paths if file_named(path, FILES) is None]


def find(settings: Settings, person: Person) -> list[Found]:
    """What each store holds of a person, and what erasing would do there. Changes nothing."""
    found = []
    for store in _databases(settings):
        for held in databases.find(store, person):
            act = ACTS.get(held.how, "the rows are deleted")
            found.append(Found(f"{store.path.name}, {held.table}", f"{held.rows} rows", act))
    for path in of_kind(settings, "backups"):
        if rows := backups.find(settings, path, person):
            found.append(Found(_name(settings, path), f"{rows} rows", "the backup is written anew without them"))
    for path in of_kind(settings, "copies"):
        found.append(Found(_name(settings, path), "a copy from before an upgrade or a restore", DELETED))
    for path in of_kind(settings, "passing"):
        found.append(Found(_name(settings, path), "what the next run makes again", DELETED))
    for path, count in _quoting(settings, person).items():
        found.append(Found(_name(settings, path), f"{count} texts", "the runs that quote them are deleted"))
    for table, count in tables_of_dagster.quoting(settings, person.values).items():
        found.append(Found(table, f"{count} rows", "the runs that quote them are deleted"))
    return found


def export(settings: Settings, person: Person) -> dict[str, dict[str, list[Row]]]:
    """All that is kept of a person, by store and table: an answer to who asks for it (GDPR, Article 15)."""
    found = {store.path.stem: databases.export(store, person) for store in _databases(settings)}
    found |= {_name(settings, path): backups.export(settings, path, person) for path in of_kind(settings, "backups")}
    quoting = _quoting(settings, person)
    found |= {_name(settings, path): {"texts": [{"quoted": count}]} for path, count in quoting.items()}
    tables = tables_of_dagster.quoting(settings, person.values)
    found |= {table: {"texts": [{"quoted": count}]} for table, count in tables.items()}
    return {store: tables for store, tables in found.items() if tables}


def erasers(settings: Settings, person: Person) -> Iterator[tuple[str, str]]:
    """Erases a person store by store; yields the name of each store and what was done, once it is done there.

    The caller holds the leases of all flows. Whatever was erased already is found empty, so a killed erasing can be
    begun again.
    """
    for path in of_kind(settings, "passing"):
        _delete(path)
        yield _name(settings, path), "deleted"
    for store in _databases(settings):
        held = databases.erase(store, person)
        words = ", ".join(f"{each.table}: {each.rows}" for each in held) or "nothing of the person"
        how = "the tables were written anew" if store.server else "the file was copied"
        yield store.path.name, f"{words}; {how} without deleted rows"
    for path in of_kind(settings, "copies"):
        _delete(path)
        yield _name(settings, path), "deleted"
    for path in of_kind(settings, "backups"):
        rows = backups.erase(settings, path, person)
        yield _name(settings, path), f"{rows} rows; written anew, with the marks that keep the person away"
    files = sum(dagster_storage.erase(home, person.values) for home in _histories(settings))
    tables = tables_of_dagster.erase(settings, person.values)
    words = f", {tables} tables on the server written anew" if tables else ""
    yield DAGSTER, f"{files} files with runs that quote the person{words}"


def of_kind(settings: Settings, how: str) -> list[Path]:
    """The files of one kind of declaration; folders of passing things and copies whole."""
    folder = settings.state_folder
    found: dict[Path, None] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        declared = file_named(relative.as_posix(), FILES)
        if path.is_file() and declared and declared.how == how:
            top = folder / relative.parts[0]
            found[top if top.is_dir() and how == "passing" else path] = None
    return list(found)


def _databases(settings: Settings) -> list[Store]:
    """The databases of a connection, each once: also one that is only in its log yet."""
    server, folder = settings.state.address, settings.state_folder
    paths = [path for path in of_kind(settings, "database") if path.suffix == ".duckdb"]
    stores = [Store(path, settings.memory_limit_mb, key_folder=folder, server="") for path in paths]
    there = names_on(server, settings.connection) if server else []
    on_server = [folder / f"{name}.duckdb" for name in there]
    return stores + [Store(path, settings.memory_limit_mb, key_folder=folder, server=server) for path in on_server]


def _histories(settings: Settings) -> list[Path]:
    """The folders in which Dagster keeps runs of a connection: its own, and that of all that are served together."""
    above = served_from(settings)
    return [each.state_folder / DAGSTER for each in (settings, *([load_settings(above)] if above else ()))]


def _quoting(settings: Settings, person: Person) -> dict[Path, int]:
    every = [dagster_storage.quoting(home, person.values) for home in _histories(settings)]
    return {path: count for found in every for path, count in found.items()}


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _name(settings: Settings, path: Path) -> str:
    folder = settings.state_folder
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
