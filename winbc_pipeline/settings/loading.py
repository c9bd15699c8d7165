"""Reads the settings: winbc.toml, then the environment. The only reader of the environment.

Secrets come from the environment, a `.env` file or the keyring only. A secret in winbc.toml is refused.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import ValidationError

from .. import secret_sources
from ..errors import ConfigurationError
from ..secret_sources import ENV_FILE, SECRETS
from .connection import SETTINGS, Settings, defaults_of
from .section import FOLDER

Source = Literal["environment", ".env", "winbc.toml", "defaults.toml", "default", "keyring"]
"""Where the value of a setting comes from."""


def load_settings(folder: Path = Path(), **given: Any) -> Settings:
    """The settings of a folder (winbc.toml, .env) and of the environment; `given` settings win over both.

    Args:
        folder: the working folder, or that of one of several connections that this process serves.
    Raises: ConfigurationError that names the source, the key and what was expected.
    """
    for path in (folder / SETTINGS, defaults_of(folder)):
        _check_toml(path)
    _check_names("the environment", os.environ)
    _check_names(str(folder / ENV_FILE), secret_sources.env_file(folder))
    before = FOLDER.set(folder)
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(_problem(folder, e["loc"], e["msg"]) for e in error.errors(include_input=False))
        raise ConfigurationError(f"{problems}.", "See docs/settings.md.") from None
    finally:
        FOLDER.reset(before)


def check_set(values: Mapping[str, str]) -> None:
    """Raises ConfigurationError for the first setting that is empty, such as a password, before any call is made.

    Args:
        values: values by the names of their settings, such as `bc.password`.
    """
    for name, value in values.items():
        if not value:
            variable = f"WINBC_{name.upper().replace('.', '__')}"
            is_secret = name.rpartition(".")[2] in SECRETS
            where = f"Set {variable} in the environment or in .env."
            hint = where if is_secret else f"Set it in winbc.toml or as {variable}. `winbc init` asks for it."
            raise ConfigurationError(f"{name} is not set.", hint)


def source_of(place: Sequence[str]) -> Source:
    """Where the value of a setting comes from.

    Args:
        place: its name and those of the sections that it is in, such as `("bc", "password")`.
    """
    variables = [_variable(place[:length]) for length in range(1, len(place) + 1)]  # a whole section may be JSON
    inside = f"{variables[-1]}__"
    named: tuple[tuple[Source, Iterable[str]], ...] = (("environment", os.environ), (".env", dotenv_values(".env")))
    for source, known in named:
        if any(each.upper() in variables or each.upper().startswith(inside) for each in known):
            return source
    files: tuple[tuple[Source, Path], ...] = (("winbc.toml", Path(SETTINGS)), ("defaults.toml", defaults_of(Path())))
    for source, path in files:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return source
    return "keyring" if ".".join(place) in secret_sources.FROM_KEYRING else "default"


def _variable(place: Sequence[int | str]) -> str:
    return "WINBC_" + "__".join(str(part).upper() for part in place)


def _problem(folder: Path, place: tuple[int | str, ...], expected: str) -> str:
    """The source of a wrong value, and what was expected there."""
    variable = _variable(place)
    if variable in os.environ:
        where = variable
    elif variable in dotenv_values(folder / ENV_FILE):
        where = f"{variable} in {folder / ENV_FILE}"
    else:
        # What several settings have to be together has no place of its own.
        where = f"{folder / SETTINGS}: {'.'.join(map(str, place))}".removesuffix(": ")
    return f"{where}: {expected.removeprefix('Value error, ')}"


def _check_names(where: str, variables: Mapping[str, str | None]) -> None:
    """Refuses a variable that begins with WINBC_ and is not a setting. It would be ignored, so a typing error would
    go unseen."""
    known = {f"WINBC_{name}".upper() for name in Settings.model_fields}
    for variable in variables:
        if variable.startswith("WINBC_") and variable.partition("__")[0] not in known:
            raise ConfigurationError(f"{where}: {variable} is not a setting.", "See docs/settings.md.")


def _check_toml(path: Path) -> None:
    if not path.is_file():
        return
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}.", "It is a TOML file in UTF-8.") from None
    for key in set(content) - set(Settings.model_fields):
        raise ConfigurationError(f"{path}: {key} is not a setting.", "See docs/settings.md.")
    for section, values in content.items():
        for place in _secrets_in(values, (section,)):
            hint = f"Set {_variable(place)} in the environment or in .env, and delete it here."
            raise ConfigurationError(f"{path}: {'.'.join(place)} is a secret.", hint)


def _secrets_in(values: object, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The names of the secrets in a section and in those inside it."""
    for key, value in values.items() if isinstance(values, dict) else ():
        if key in SECRETS:
            yield (*place, key)
        yield from _secrets_in(value, (*place, key))
