"""A person approves what a guard holds: a plan that would write much, any plan in safe mode, or a source that shrank
(sync/guards/)."""

from dataclasses import dataclass

from ..errors import NotDone
from ..health.publishing.publish import published
from ..staging.store import Row
from ..sync.connected import ConnectedFlow
from ..sync.guards import is_on, safe_mode, source, writes
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
        parts: the same by part.
        examples: some planned rows of each part, with their changes.
        in_safe_mode: whether the flow writes nothing without an approval.
    """

    target: str
    writes: Writes
    limit: int
    parts: list[PartWrites]
    examples: list[Row]
    in_safe_mode: bool


def proposal(connected: ConnectedFlow) -> Proposal:
    """The plan of a flow as it stands, if a run of it would be held or was held, or if the flow is in safe mode.

    Raises: NotDone when nothing waits, when there is no plan yet, or when the tables were edited since it was made.
    """
    flow, work = connected.flow.id, writes.everything(connected)
    in_safe_mode, target = safe_mode.is_on(connected), bound_target(connected.store)
    if not (in_safe_mode or is_on(connected)):
        raise NotDone(f"No run of {flow} is held (docs/settings.md, `guards` and `safe_mode`).")
    if in_safe_mode and not target:
        raise NotDone(f"{flow} is in safe mode, and has no plan that could be approved.", f"Run `winbc plan {flow}`.")
    found = writes.counted(work)
    if not (in_safe_mode or found.waiting or writes.held(work)):
        hint = f"`winbc plan {flow}` makes the plan anew; `--source` is for a source that shrank."
        raise NotDone(f"Nothing in the plan of {flow} waits for an approval.", hint)
    if connected.was_edited_since(planned_by(work)):
        raise NotDone(f"The mapping tables were edited since {flow} was planned.", f"Run `winbc plan {flow}` first.")
    examples = [with_changes(row) for row in writes.examples(connected, EXAMPLES)]
    most = writes.limit(connected, found)
    return Proposal(target, found, most, writes.by_part(connected), examples, in_safe_mode)


def approve(connected: ConnectedFlow, shown: Proposal, run_id: str, once: bool = False) -> None:
    """Lets exactly what was shown pass, whichever run sends it, and ends the flow's safe mode.

    Args:
        once: whether the flow stays in safe mode all the same.

    Raises: NotDone when the plan is another one by now; StoreBusy while a run goes on.
    """
    with published(connected), lease(connected):
        writes.approve(connected, shown.writes, run_id)
        if shown.in_safe_mode and not once:
            safe_mode.let_go(connected)


def stop(connected: ConnectedFlow) -> None:
    """Puts a flow into safe mode again: nothing more of it is written until a person approves its plan.

    Raises: NotDone for a flow without a safe mode; StoreBusy while a run goes on.
    """
    if not connected.settings.in_safe_mode(connected.flow.id):
        raise NotDone(f"{connected.flow.id} has no safe mode.", "Set `safe_mode = true` (docs/settings.md).")
    with published(connected), lease(connected):
        safe_mode.arm(connected)


def refused_read(connected: ConnectedFlow) -> WholeRead:
    """How many records the source gave, last and before; raises NotDone when no read was refused."""
    return source.refused(connected)


def approve_read(connected: ConnectedFlow, shown: WholeRead) -> None:
    """Lets the next whole read of the source pass that gives about as many records as the refused one.

    Raises: NotDone when another read was refused meanwhile; StoreBusy while a run goes on.
    """
    with published(connected), lease(connected):
        source.accept(connected, shown)
