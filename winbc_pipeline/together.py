"""The code locations of connections that are served together: `location_1`, `location_2` and so on.

Dagster loads each by its name; `winbc up` writes the file that says so. Which connections one serves, say their
settings.
"""

from functools import cache

from dagster import Definitions

from .build import build_together
from .settings import beside


@cache
def _location(number: int) -> Definitions:
    return build_together(beside(number))


def __getattr__(name: str) -> Definitions:
    begin, _, number = name.partition("_")
    if begin != "location" or not number.isdecimal():
        raise AttributeError(name)
    return _location(int(number))
