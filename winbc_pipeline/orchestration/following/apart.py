"""What a sensor does for several connections: the fault of one stops none of the others."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from ...errors import named

LOG = logging.getLogger(__name__)
T = TypeVar("T")


def apart(works: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Does each work, and returns what those came to that had no fault. Raises the last fault where all had one.

    Args:
        works: by the name of the connection, which the log tells with its fault.
    """
    done: dict[str, T] = {}
    fault: Exception | None = None
    for name, work in works.items():
        try:
            done[name] = work()
        except Exception as error:  # noqa: BLE001 - also what nobody expects stays that connection's own
            fault = error
            LOG.error("%s: %s", name, named(error))
    if fault and not done:
        raise fault
    return done
