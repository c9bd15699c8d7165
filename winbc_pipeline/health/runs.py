"""What a run leaves behind for those who watch: why it failed, and the messages that are due at its end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from .. import clock
from ..errors import TooManyWrites, WinbcError, named
from ..settings import Settings
from ..sync.connected import ConnectedFlow
from . import seen, store
from .facts import facts_of
from .flush import flush
from .problem import system_of
from .publishing.progress import shown
from .publishing.publish import published
from .store import Failure

LOG = logging.getLogger(__name__)


@contextmanager
def watched(
    connected: ConnectedFlow, ends: bool = True, job: str = "", layer: str = "", run: str = ""
) -> Iterator[None]:
    """Notes why a run of a flow fails in the block, or that it came to its end; then sends what is due.

    Meanwhile it shows how far the run is, and publishes what it did at the end.

    Records that are not done are no matter of this: the ledger has them.

    Args:
        ends: whether the run is over when the block is.
        job: the name of a job of the flow that is not its main one. Each job ends its own failures only.
        layer, run: the layer that the block makes, and the id of its run, for those who watch.
    """
    name = store.other_job(connected.flow.id, job) if job else connected.flow.id
    try:
        with shown(connected, layer, run), published(connected) if ends else nullcontext():
            yield
    except TooManyWrites:  # the ledger has its records, and what stopped earlier runs did not stop this one
        with _never_failing():
            store.forget_failure(connected.settings, name)
        tell(connected.settings)
        raise
    except Exception as error:
        _note(connected.settings, name, error)
        tell(connected.settings)
        raise
    if ends:
        with _never_failing():
            _end(connected, name)


def tell(settings: Settings) -> None:
    """Sends the messages that are due. A run never fails because nobody can be told."""
    with _never_failing():
        flush(settings)


def _end(connected: ConnectedFlow, name: str) -> None:
    """After a run that came to its end, most often nothing is to be told, and the look at all flows is saved."""
    settings, now = connected.settings, clock.now()
    seen.note(settings)
    known = store.remembered(settings, now)
    if any(failure.flow == name for failure in known.failures):
        store.forget_failure(settings, name)
    if known.tracks or any(each.closed_at is None for each in facts_of(connected, now).problems):
        tell(settings)


@contextmanager
def _never_failing() -> Iterator[None]:
    """Keeps what goes wrong in the block from the run, and logs it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has done its work
        LOG.warning("Alerts: %s", error if isinstance(error, WinbcError) else type(error).__name__)


def _note(settings: Settings, name: str, error: Exception) -> None:
    known = named(error)
    failure = Failure(name, known.code, system_of(known), known.message, known.hint, clock.now())
    with _never_failing():
        store.note_failure(settings, failure)
