"""Publishes what became of records, and how their flow is: a run calls it at its end, and so does a person's act.

Here belongs: the order of things, and the flow's status file (status.py). Nothing of it may make a run fail.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime

from ... import clock
from ...errors import WinbcError
from ...staging import ledger
from ...staging.published import files
from ...staging.published.compaction import compact
from ...sync.connected import ConnectedFlow
from ..facts import facts_of
from ..problem import Problem
from .outcomes import last_place, publish_outcomes
from .tables import publish_tables

LOG = logging.getLogger(__name__)
WAIT_S = 10  # for the database; what is not published now is published by the next run


def publish(connected: ConnectedFlow, now: datetime | None = None) -> None:
    """Publishes what came into a flow's ledger since the last call, and how the flow is.

    What goes wrong is logged, and kept from the run: it has done its work.
    """
    try:
        _publish(connected, now or clock.now())
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has done its work
        LOG.warning("Dashboard: %s", error if isinstance(error, WinbcError) else type(error).__name__)


@contextmanager
def published(connected: ConnectedFlow) -> Iterator[None]:
    """Publishes what was done in the block, also when it fails."""
    try:
        yield
    except Exception:
        publish(connected)
        raise
    publish(connected)


def publish_watched(problems: Iterable[Problem], every: Iterable[ConnectedFlow]) -> None:
    """Publishes what whoever watches all flows knows beside: of which flows few records came.

    A flow of which nothing was published yet, because an earlier version ran it last, is published, too.
    """
    listed = [*every]
    low = [asdict(each) for each in problems if each.name.kind == "volume"]
    with suppress(WinbcError, OSError):  # a full disk is told by what must be stored
        files.write(files.volume_file(listed[0].settings), {"problems": low})
    for connected in listed:
        if not files.status_file(connected.settings, connected.flow.id).exists():
            publish(connected)


def _publish(connected: ConnectedFlow, now: datetime) -> None:
    if not connected.store.exists():
        return
    path = files.status_file(connected.settings, connected.flow.id)
    place = last_place(files.read(path))
    with connected.store.open(WAIT_S) as connection:
        ledger.create(connection)
        reached = publish_outcomes(connection, connected, place)
    if reached != place:
        publish_tables(connected)
    facts = facts_of(connected, now, WAIT_S)  # kept, so that whoever asks next in this process opens nothing
    published = {"until": reached.until, "moves": reached.moves, "name": reached.name}
    files.write(path, {"at": now, "published": published, "facts": asdict(facts)})
    if reached != place:
        compact(connected.settings)
