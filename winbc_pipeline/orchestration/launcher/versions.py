"""What the fork server was made of, so that it is made anew when that is another."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ...settings import Settings, load_settings
from ...settings.connection import defaults_of

PACKAGE = Path(__file__).parents[2]
PREFIX = str(Settings.model_config.get("env_prefix"))
SETTINGS = (Path("winbc.toml"), Path(".env"))  # in the working folder


def version() -> str:
    """A hash of sizes and moments of all files that a loaded program depends on, and of its environment's settings.

    Raises: ConfigurationError for wrong settings.
    """
    settings = load_settings()
    own = [file for file in (settings.winstore.profile, settings.mapping_functions) if file]
    given = sorted((name, value) for name, value in os.environ.items() if name.startswith(PREFIX))
    made_of = hashlib.sha256(repr(given).encode())
    for file in (*code(), *SETTINGS, defaults_of(Path()), *own):
        if file.exists():
            stat = file.stat()
            made_of.update(f"{file} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}".encode())
    return made_of.hexdigest()


def code() -> Iterator[Path]:
    """The files of the program, in the same order on every machine."""
    for pattern in ("*.py", "*.toml", "*.json"):
        yield from sorted(PACKAGE.rglob(pattern))
