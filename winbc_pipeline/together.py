"""The code locations of connections that are served together: `location_1`, `location_2` and so on.

Dagster loads each by its name; `winbc up` writes the file that says so. Which connections one serves, say their
settings.
"""

import gc
from functools import cache

from dagster import Definitions

from .build import build_together
from .settings import beside


@cache
def _location(number: int) -> Definitions:
    # Python looks again and again for garbage among what is made here, which stays: a sixth of the time.
    gc.disable()
    try:
        return build_together(beside(number))
    finally:
        gc.freeze()
        gc.enable()


def __getattr__(name: str) -> Definitions:
    begin, _, number = name.partition("_")
    if begin != "location" or not number.isdecimal():
        raise AttributeError(name)
    return _location(int(number))
