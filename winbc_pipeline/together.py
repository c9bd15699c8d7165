"""The code locations of connections that are served together: `location_1`, `location_2` and so on.

Dagster loads each by its name; `winbc up` writes the file that says so. Which connections one serves, say their
settings.
"""

from functools import cache

from dagster import Definitions

from .build import build_together
from .settings import beside

_only: set[str] = set()


def restrict(prefixes: set[str]) -> None:
    """Loads only some connections, by their prefixes, in this process: one that executes a run needs no others."""
    _only.update(prefixes)


@cache
def _location(number: int) -> Definitions:
    return build_together(beside(number, only=_only))


def __getattr__(name: str) -> Definitions:
    begin, _, number = name.partition("_")
    if begin != "location" or not number.isdecimal():
        raise AttributeError(name)
    return _location(int(number))
