"""Where secrets come from beside the environment: the file `.env`, the keyring of the system, and files with keys.

Here belongs: who may read such a file, and which secret counts after it was renewed while the program runs. Which
settings are secrets: settings/.
"""

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from .errors import ConfigurationError

ENV_FILE = Path(".env")
PREFIX = "WINBC_"
SECRETS = {"client_secret", "password", "certificate_password", "urls", "ping_url", "encryption_key"}
"""Names of the settings that are secrets, in whatever section."""
IN_KEYRING = (
    "bc.client_secret",
    "bc.password",
    "bc.certificate_password",
    "winstore.password",
    "alerts.ping_url",
    "databases.encryption_key",
    "workers.password",
    "state.password",
)
# What the `.env` of a folder had when its settings were loaded: a secret that came from there is looked up again.
_loaded: dict[tuple[Path, str], str | None] = {}
_read: dict[Path, tuple[tuple[int, int, int], Mapping[str, str | None]]] = {}  # each `.env`: its version, its content
FROM_KEYRING: set[str] = set()
"""Names of the settings that the keyring gave when they were loaded last; it counts where nothing else gives them."""
_database_keys: dict[Path, "DatabaseKey"] = {}


@dataclass(frozen=True)
class DatabaseKey:
    """Whether the databases of a connection are to be encrypted, and the key that encrypted ones have."""

    encrypted: bool = False
    key: SecretStr = SecretStr("")


def set_database_key(folder: Path, given: DatabaseKey) -> None:
    """Notes how the databases below a folder are encrypted: the settings of a connection, once they are loaded."""
    if given == DatabaseKey():
        _database_keys.pop(folder.absolute(), None)
    else:
        _database_keys[folder.absolute()] = given


def database_key(path: Path) -> DatabaseKey:
    """How a database is encrypted, by the connection in whose folder it is."""
    if not _database_keys:
        return DatabaseKey()
    return next((key for each in path.absolute().parents if (key := _database_keys.get(each))), DatabaseKey())


def check_private(path: Path, variables: Mapping[str, str | None] | None = None) -> None:
    """Raises ConfigurationError when other users may read a file with secrets. Windows keeps rights elsewhere.

    Args:
        variables: what the file gives, if it may hold other things than secrets.
    """
    if sys.platform == "win32" or not path.exists():
        return
    if variables is not None and not any(map(_is_secret, variables)):
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"Other users of this machine may read {path}.", f"Run `chmod 600 {path}`.")


def _is_secret(variable: str) -> bool:
    return variable.startswith(PREFIX) and not SECRETS.isdisjoint(variable.lower().split("__"))


def env_file(folder: Path) -> dict[str, str | None]:
    """What the `.env` of a connection's folder gives; it is remembered, for `current`."""
    found = dict(dotenv_values(folder / ENV_FILE))
    check_private(folder / ENV_FILE, found)
    _loaded.update({(folder, variable): value for variable, value in found.items()})
    return found


def current(name: str, loaded: str, folder: Path) -> str:
    """A secret as it is now: that of `.env` where it came from there, else the loaded one.

    Args:
        name: of the setting, such as `bc.client_secret`.
        loaded: its value in the loaded settings.
        folder: of the connection.
    """
    variable = PREFIX + name.upper().replace(".", "__")
    if not loaded or _loaded.get((folder, variable)) != loaded:
        return loaded
    return _read_now((folder / ENV_FILE).absolute()).get(variable) or loaded


def _read_now(file: Path) -> Mapping[str, str | None]:
    """What a `.env` gives now. It is read again when the file is another one: each call to Winstore asks for it."""
    try:
        found = file.stat()
    except OSError:
        return {}
    version = (found.st_mtime_ns, found.st_size, found.st_ino)
    before, given = _read.get(file, (None, {}))
    if before != version:
        given = dotenv_values(file)
        _read[file] = version, given
    return given


class KeyringSource(PydanticBaseSettingsSource):
    """The keyring of the system, with `keyring = true`: for secrets that neither the environment nor `.env` has.

    Its service is `winbc` and the connection's name, its user names are the names of settings (IN_KEYRING).
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: the keyring has no fields, only values of sections."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        known = self.current_state
        FROM_KEYRING.clear()
        if str(known.get("keyring", "")).lower() not in ("1", "true", "yes", "on"):
            return {}
        try:
            import keyring
        except ImportError:
            raise ConfigurationError("`keyring` is not installed.", "`pip install keyring` beside winbc.") from None
        found: dict[str, Any] = {}
        service = f"winbc {known.get('connection', 'default')}"
        for name in IN_KEYRING:
            if value := keyring.get_password(service, name):
                section, _, field = name.partition(".")
                found.setdefault(section, {})[field] = value
                FROM_KEYRING.add(name)
        return found


def only_for_owner() -> int:
    """From now on this process makes files and folders that only their owner can read; returns the mask before."""
    return os.umask(0o077)
