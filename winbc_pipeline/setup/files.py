"""The files that the set-up writes: winbc.toml, `.env`, workspace.yaml. An edit of a person's stays as it is.

Secrets go to `.env` only, which nobody but its owner can read.
"""

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import tomlkit
from dotenv import dotenv_values

from ..errors import ConfigurationError
from ..settings import SECRETS
from ..staging.store import writing

SETTINGS, ENV, WORKSPACE = Path("winbc.toml"), Path(".env"), Path("workspace.yaml")
HEAD = "The settings of this connection (docs/settings.md). `winbc init` changes single values; what you add stays."
WORKSPACE_TEXT = """\
# For `dagster dev -w workspace.yaml` in this folder. `winbc up` needs no such file.
load_from:
  - python_module:
      module_name: winbc_pipeline.definitions
      location_name: {location}
"""


class SettingsFile:
    """winbc.toml of the working folder. Names are dotted, such as `bc.company`."""

    def __init__(self, path: Path = SETTINGS) -> None:
        self.path = path
        self.content = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
        if not path.exists():
            self.content.add(tomlkit.comment(HEAD))

    def get(self, name: str) -> Any:
        """The value of a setting; None when the file does not have it."""
        table: Any = self.content
        for part in name.split("."):
            if not isinstance(table, Mapping) or part not in table:
                return None
            table = table[part]
        return table.unwrap() if hasattr(table, "unwrap") else table

    def put(self, name: str, value: Any) -> None:
        """Writes a setting; None takes it out of the file.

        Raises: ValueError for a secret: the caller has mixed up the two files.
        """
        *sections, last = name.split(".")
        if last in SECRETS:
            raise ValueError(f"{name} is a secret")
        table: Any = self.content
        for section in sections:
            if section not in table:
                table.add(section, tomlkit.table(is_super_table=section == "flows"))
            table = table[section]
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
        _replace(self.path, tomlkit.dumps(self.content), 0o644)


def put_secret(variable: str, value: str, path: Path = ENV) -> None:
    """Writes a secret into `.env`, in the place of an older one; the other lines stay.

    Raises: ConfigurationError for a secret that such a file cannot hold. It is not quoted in the message.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    others = [line for line in lines if not line.startswith(f"{variable}=")]
    for quoted in _quoted(value):
        text = "\n".join([*others, f"{variable}={quoted}"]) + "\n"
        if dotenv_values(stream=StringIO(text)).get(variable) == value:
            _replace(path, text, 0o600)
            return
    raise ConfigurationError(f"{path} cannot hold this secret.", f"Set {variable} in the environment instead.")


def _quoted(value: str) -> list[str]:
    """The ways to write a value, the safest first."""
    escaped = value.replace("\\", "\\\\")
    single, double = escaped.replace("'", "\\'"), escaped.replace('"', '\\"')
    return [f"'{single}'", f'"{double}"', value]


def write_workspace(location: str, path: Path = WORKSPACE) -> bool:
    """Writes workspace.yaml for one code location; returns False where there is one already."""
    if path.exists():
        return False
    _replace(path, WORKSPACE_TEXT.format(location=location), 0o644)
    return True


def _replace(path: Path, text: str, mode: int) -> None:
    """Writes a file whole or not at all. Nobody can read a secret in it while it is written."""
    whole = path.with_name(f"{path.name}.new")
    with writing(path):
        whole.unlink(missing_ok=True)
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(whole, path)
