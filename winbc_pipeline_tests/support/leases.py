"""A lease that somebody else has: on a server, the thread that has one gets it once more."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context

from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.session import lease


@contextmanager
def leased_elsewhere(connected: ConnectedFlow) -> Iterator[None]:
    """Another run of a flow has its lease until the block ends."""
    elsewhere, held = Context(), lease(connected)
    elsewhere.run(held.__enter__)
    try:
        yield
    finally:
        elsewhere.run(held.__exit__, None, None, None)
