"""A person approves what a guard holds: a plan that would write much, or a source that shrank (sync/guards/)."""

from dataclasses import dataclass

from ..errors import NotDone
from ..staging.store import Row
from ..sync.connected import ConnectedFlow
from ..sync.guards import is_on, source, writes
from ..sync.guards.source import WholeRead
from ..sync.guards.writes import PartWrites, Writes
from ..sync.plan_table import planned_by
from ..sync.session import bound_target, lease
from .plans import with_changes

EXAMPLES = 5  # planned records of each part that a person sees


@dataclass(frozen=True)
class Proposal:
    """What waits for an approval.

    Attributes:
        target: the system, and its company, that the plan is for.
        limit: the most records that a run may create, and the most that it may update.
        parts: the same by part; examples: some planned rows of each part, with their changes.
    """

    target: str
    writes: Writes
    limit: int
    parts: list[PartWrites]
    examples: list[Row]


def proposal(connected: ConnectedFlow) -> Proposal:
    """The plan of a flow as it stands, if a run of it would be held or was held.

    Raises: NotDone when nothing waits, or when the tables were edited since the plan was made.
    """
    flow, work = connected.flow.id, writes.everything(connected)
    if not is_on(connected):
        raise NotDone(f"No run of {flow} is held (docs/settings.md, `guards`).")
    found = writes.counted(work)
    if not found.waiting and not writes.held(work):
        hint = f"`winbc plan {flow}` makes the plan anew; `--source` is for a source that shrank."
        raise NotDone(f"Nothing in the plan of {flow} waits for an approval.", hint)
    if connected.was_edited_since(planned_by(work)):
        raise NotDone(f"The mapping tables were edited since {flow} was planned.", f"Run `winbc plan {flow}` first.")
    examples = [with_changes(row) for row in writes.examples(connected, EXAMPLES)]
    most = writes.limit(connected, found)
    return Proposal(bound_target(connected.store), found, most, writes.by_part(connected), examples)


def approve(connected: ConnectedFlow, shown: Proposal, run_id: str) -> None:
    """Lets exactly what was shown pass, whichever run sends it.

    Raises: NotDone when the plan is another one by now; StoreBusy while a run goes on.
    """
    with lease(connected):
        writes.approve(connected, shown.writes, run_id)


def refused_read(connected: ConnectedFlow) -> WholeRead:
    """How many records the source gave, last and before; raises NotDone when no read was refused."""
    return source.refused(connected)


def approve_read(connected: ConnectedFlow, shown: WholeRead) -> None:
    """Lets the next whole read of the source pass that gives about as many records as the refused one.

    Raises: NotDone when another read was refused meanwhile; StoreBusy while a run goes on.
    """
    with lease(connected):
        source.accept(connected, shown)
