"""The connections of a folder: each has a folder of its own below `connections/`, with settings, secrets, tables, data.

They share nothing, so each is set up, started and stopped as if it were alone: `winbc --home connections/NAME COMMAND`.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, NotDone
from ..settings import building_on
from ..settings.connection import defaults_of
from .files import SETTINGS, SettingsFile

FOLDER = Path("connections")
REMOVED = "removed"
SECTIONS = ("bc", "winstore", "state")  # of which something is told
NAME = re.compile(r"[\w-]+")  # as of the setting `connection`


@dataclass(frozen=True)
class Connection:
    """A connection, as its winbc.toml says: the addresses are empty before it is set up.

    Attributes:
        error: why its settings cannot be read; its name is that of its folder then.
        on_server: whether its state is on a server.
    """

    name: str
    folder: Path
    data_folder: Path
    business_central: str
    company: str
    winstore: str
    error: str = ""
    on_server: bool = False


def add(name: str) -> Path:
    """Makes the folder of a new connection; returns it.

    Raises: ConfigurationError for a name that no folder can have; NotDone when there is such a connection.
    """
    folder = _folder(name)
    if folder.exists():
        raise NotDone(
            f"There is a connection {name} already: {folder}.", f"`winbc --home {folder} init` goes on with it."
        )
    folder.mkdir(parents=True, mode=0o700)
    SettingsFile(folder / SETTINGS).put("connection", name)
    return folder


def connections() -> Iterator[Connection]:
    """The connection of the working folder, if there is one, and those below `connections/`, by name."""
    for folder in (Path(), *sorted(FOLDER.glob("*"))):
        if (folder / SETTINGS).exists():
            try:
                yield _read(folder)
            except ConfigurationError as error:
                yield Connection(folder.absolute().name, folder, folder / ".winbc", "", "", "", str(error))


def named(name: str) -> Connection:
    """The connection below `connections/` with a name; raises NotDone when there is none."""
    folder = _folder(name)
    if not (folder / SETTINGS).exists():
        if any(each.name == name and each.folder == Path() for each in connections()):
            hint = "Run `winbc down`, then move the folder away yourself: its ledger knows what was sent."
            raise NotDone(f"{name} is the connection of this folder itself, not one below {FOLDER}/.", hint)
        raise NotDone(f"There is no connection {name}.", "`winbc connection list` shows all.")
    return _read(folder)


def remove(connection: Connection, now: datetime) -> Path:
    """Moves the folder of a connection to `connections/removed/`; returns where it is. Nothing is deleted: its ledger
    knows what was sent.

    Raises: NotDone while others build on its mapping tables.
    """
    if others := building_on(connection.folder):
        hint = "Move the shared tables to another folder, and name it as `mapping_base` of these; then remove it."
        raise NotDone(f"{', '.join(others)} build on the mapping tables in {connection.folder}.", hint)
    kept = FOLDER / REMOVED / f"{connection.name}-{now:%Y-%m-%dT%H%M%S}"
    kept.parent.mkdir(exist_ok=True, mode=0o700)
    connection.folder.rename(kept)
    return kept


def _folder(name: str) -> Path:
    if not NAME.fullmatch(name) or name == REMOVED:
        raise ConfigurationError(f"{name!r} cannot be the name of a connection.", "Letters, digits, - and _ only.")
    return FOLDER / name


def _read(folder: Path) -> Connection:
    """A connection, as its winbc.toml says, and what all connections beside it share."""
    shared, own = _content(defaults_of(folder)), _content(folder / SETTINGS)
    bc, winstore, state = ({**shared.get(part, {}), **own.get(part, {})} for part in SECTIONS)
    name = str(own.get("connection", "default"))
    data = folder / str((shared | own).get("data_folder", ".winbc")) / name
    addresses = (str(bc.get("base_url", "")), str(bc.get("company", "")), str(winstore.get("base_url", "")))
    return Connection(name, folder, data, *addresses, on_server=bool(state.get("database")))


def _content(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: {error}.", "It is a TOML file in UTF-8.") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}.", "Whoever runs winbc must be able to read it.") from None
    for part in SECTIONS:
        if not isinstance(found.get(part, {}), dict):
            raise ConfigurationError(f"{file}: `{part}` is a section, not a value.", f"Begin it with [{part}].")
    return found
