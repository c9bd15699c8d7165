"""What tells programs of two versions from each other, on whatever machine they are installed."""

import hashlib
from importlib.metadata import version as version_of

from ..launcher.versions import code

LIBRARIES = ("dagster", "duckdb")


def version() -> str:
    """A hash of all files of the program, and of the versions of the libraries that define a run."""
    made_of = hashlib.sha256(repr([(name, version_of(name)) for name in LIBRARIES]).encode())
    for file in code():
        made_of.update(file.read_bytes())
    return made_of.hexdigest()
