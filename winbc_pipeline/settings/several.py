"""Connections that are served together: which code location serves which, and those whose settings cannot be read.

Each is a folder below `connections/` whose winbc.toml, or `connections/defaults.toml`, says `location` (1, 2, …).
"""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, WinbcError
from .connection import CONNECTIONS, DEFAULTS, SETTINGS, Settings, prefix_of
from .loading import load_settings

_only: set[str] = set()


@dataclass(frozen=True)
class Beside:
    """One of the connections that a code location serves.

    Attributes:
        settings: None where they cannot be used; `error` says why.
    """

    name: str
    settings: Settings | None
    error: str = ""


def locations(above: Path = Path()) -> dict[int, list[Path]]:
    """The folders of connections that are served together, by the number of their code location.

    Args:
        above: the folder that holds `connections/`.
    """
    shared = _location(above / CONNECTIONS / DEFAULTS)
    found: dict[int, list[Path]] = {}
    for file in sorted((above / CONNECTIONS).glob(f"*/{SETTINGS}")):
        own = _location(file)
        if number := (shared or 0) if own is None else own:
            found.setdefault(number, []).append(file.parent)
    return dict(sorted(found.items()))


def prefixes(above: Path = Path()) -> set[str]:
    """How the names of connections begin in Dagster, of all that have a folder, whoever serves them."""
    return {prefix_of(file.parent.name) for file in (above / CONNECTIONS).glob(f"*/{SETTINGS}")}


def served_from(settings: Settings) -> Path | None:
    """The folder from which a connection is served together with others; None for one that is started by itself."""
    above = settings.folder.absolute().parent
    return above.parent if settings.location and above.name == CONNECTIONS else None


def restrict(prefixes: Collection[str]) -> None:
    """From now on this process serves only some connections, by their prefixes: a run needs no others.

    An empty prefix, of a run that does not tell its connection, leaves it as it was.
    """
    _only.update(filter(None, prefixes))


def beside(location: int, above: Path = Path()) -> list[Beside]:
    """The connections that a code location serves, by name."""
    every = locations(above)
    prefixes = Counter(prefix_of(folder.name) for folders in every.values() for folder in folders)
    chosen = (each for each in every.get(location, []) if not _only or prefix_of(each.name) in _only)
    return [_loaded(folder, prefixes) for folder in chosen]


def sharing(settings: Settings, table: Path) -> list[str]:
    """The connections that a table of the shared mapping folder serves, by name: this one, and those beside it that
    build on the same folder and have no such table of their own."""
    names, base, above = {settings.connection}, settings.mapping_base, settings.folder.absolute().parent
    if base and above.name == CONNECTIONS:
        names |= {name for name, own, builds_on in _building(above) if builds_on == base and not (own / table).exists()}
    return sorted(names)


def building_on(folder: Path) -> list[str]:
    """The connections beside one, given by its folder, that build on mapping tables in it, by name."""
    inside = folder.resolve()
    every = _building(folder.absolute().parent)
    return sorted(name for name, own, base in every if base.is_relative_to(inside) and not own.is_relative_to(inside))


def _building(above: Path) -> Iterator[tuple[str, Path, Path]]:
    """The connections in a folder that build on shared mapping tables: name, own tables, shared tables."""
    shared = _content(above / DEFAULTS)
    for file in above.glob(f"*/{SETTINGS}"):
        # Settings that are no texts are wrong, which is told where that connection is loaded.
        own = {name: value for name, value in (shared | _content(file)).items() if isinstance(value, str)}
        if base := own.get("mapping_base"):
            tables = (file.parent / own.get("mapping_folder", "mapping_tables")).resolve()
            yield own.get("connection", file.parent.name), tables, (file.parent / base).resolve()


def _loaded(folder: Path, prefixes: Counter[str]) -> Beside:
    name = folder.name
    try:
        settings = load_settings(folder.resolve())
        if settings.connection != name:
            hint = f'Set connection = "{name}", as its folder is named.'
            raise ConfigurationError(f"{folder / SETTINGS}: connection is {settings.connection}.", hint)
        if prefixes[settings.prefix] > 1:
            hint = f"Rename one: both are {settings.prefix} in Dagster, which knows letters, digits and _ only."
            raise ConfigurationError(f"Another connection has almost the name {name}.", hint)
    except WinbcError as error:
        return Beside(name, None, str(error))
    return Beside(name, settings)


def _location(file: Path) -> int | None:
    """The number of the code location that a file says; None where it says none, or cannot be read."""
    found = _content(file).get("location")
    return found if isinstance(found, int) else None


def _content(file: Path) -> dict[str, Any]:
    """What a file of settings says; nothing where it cannot be read."""
    with suppress(OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return tomllib.loads(file.read_text(encoding="utf-8"))
    return {}
