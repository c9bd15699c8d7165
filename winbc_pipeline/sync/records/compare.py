"""Compares some mapped records with the live target, all at once: for people, who look at few, and for comparisons.

Here belongs: what is decided of them, and what the target has. The plan of a run, which takes any number: plan.py.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ...mapping.compiler import Compiled
from ...staging.store import Row
from ..connected import ConnectedFlow
from ..part import Part
from .decide import Planner
from .decision import Decided
from .known.known import KnownRecords
from .special.parents import Parents
from .target.matching import NOTHING, Target
from .target.references import ids_of


def _unplanned(_: Collection[str]) -> Mapping[str, Row]:
    return NOTHING


def decide(
    connected: ConnectedFlow,
    part: Part,
    target: Target,
    compiled: Compiled,
    rows: list[Row],
    parents: Parents = _unplanned,
    records: KnownRecords | None = None,
) -> Decided:
    """Decides mapped records of one part. Looks them up in the target, and writes nothing.

    Args:
        rows: mapped records with the columns of MAPPED and KNOWN (sync/map.py).
        parents: gives what is planned of the parents of these records.
        records: what is known of the records, if that is not what pairs and ledger say.

    Returns:
        Each row as `with_payloads` makes it, with its decision.
    """
    planner = Planner(connected, part, target, compiled, records)
    return planner.decide_all(planner.whole(rows, ids_of(target), parents))


def live_targets(
    connected: ConnectedFlow,
    part: Part,
    target: Target,
    compiled: Compiled,
    rows: list[Row],
) -> list[Mapping[str, Any]]:
    """What the target has now for each of some records; {} for a record that it does not have.

    Args:
        rows: records as `decide` returns them. A record with errors is looked up like any other.
    """
    whole = [row | {"skip_reason": None, "errors": [], "missing": None} for row in rows]
    found = Planner(connected, part, target, compiled).decide_each(whole)
    return [decision.target for _, decision in found]
