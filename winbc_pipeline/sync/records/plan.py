"""The plan of master data: what would be written. Materialising it is the exact dry run."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from types import MappingProxyType

from ... import clock
from ...mapping.compiler import Compiled
from ...staging.store import Row
from ...systems.business_central.client import dumps
from ..map import mapped_with_ledger, skip_gone
from ..part import Part
from ..plan_table import unchanged_rows
from ..session import recover
from ..work import Work
from .block import plan_blocks
from .candidates import Candidates
from .decide import Planner
from .decision import Decided, Decision, failed_as_taken, words_of_swap, words_of_taken
from .draft import Draft, Noted
from .picture_plan import PicturePlanner
from .special.parents import Parents
from .target.matching import Target
from .target.references import Ids, ids_of

AT_ONCE = 2000  # records that are decided at once


def plan(
    work: Work,
    target: Target,
    as_if: Mapping[tuple[str, str], Row] = MappingProxyType({}),
    at_once: int = AT_ONCE,
) -> None:
    """Writes the plan table: what would happen to each mapped record of the work.

    The plan before stays until all records are decided.

    Args:
        as_if: what the ledger would say of records, by part and key, if a person had decided so.
        at_once: how many records are decided at once. It changes what the plan takes of memory, and no row of it.
    """
    recover(work.store, work.run_id)
    skip_gone(work.store, work.flow, work.run_id, [part.name for part in work.flow.parts])
    compiled = work.connected.compiled()
    candidates = Candidates(work, as_if)
    work.connected.check_mapped_now(candidates.made_by)
    with closing(Draft(work, at_once)) as draft:
        making = _Plan(work, target, draft)
        for part in work.connected.parts:
            making.add_part(part, compiled[part.name], candidates, at_once)
        for decided in plan_blocks(work, target, at_once):
            draft.keep(making.rows(decided))
        draft.become_the_plan(unchanged_rows(mapped_with_ledger(work.flow)))


class _Plan:
    """A plan that is made part by part, in the order in which they are written."""

    def __init__(self, work: Work, target: Target, draft: Draft) -> None:
        self.work, self.connected, self.target, self.draft = work, work.connected, target, draft
        self.ids: Ids = ids_of(target)
        self.now = clock.now()

    def rows(self, decided: Decided) -> list[Row]:
        return [planned_row(row, decision, self.now) for row, decision in decided]

    def add_part(self, part: Part, compiled: Compiled, candidates: Candidates, at_once: int) -> None:
        """Decides the candidates of a part."""
        if not (count := candidates.count(part)):
            return
        slices = candidates.slices(part, at_once)
        if part.picture:
            self._add_pictures(part, compiled, slices, count <= at_once)
        elif count <= at_once:
            self._add_whole(self._planner(part, compiled, None), next(slices))
        else:
            self._add_slices(self._planner(part, compiled, self.draft), slices)

    def _add_pictures(self, part: Part, compiled: Compiled, slices: Iterable[list[Row]], are_few: bool) -> None:
        with closing(PicturePlanner(self.work, part, self.target, compiled)) as planner:
            for rows in slices:
                parents = self.draft.planned(str(part.parent), [row["_key"] for row in rows])
                planned = self.rows(planner.decide_all(rows, parents))
                if are_few:
                    self.draft.keep(planned)
                else:
                    self.draft.add(planned, Noted())
        if not are_few:
            self.draft.end_part()

    def _planner(self, part: Part, compiled: Compiled, draft: Draft | None) -> Planner:
        """A planner that knows what this plan makes of other parts in the same entity set."""
        planner = Planner(self.connected, part, self.target, compiled, draft=draft)
        for other in self.connected.parts:
            for made in self.draft.made(other.name) if _is_beside(part, other) else ():
                planner.claim(made)
                if draft:
                    draft.add([], planner.noted([]))
        return planner

    def _add_whole(self, planner: Planner, rows: list[Row]) -> None:
        whole = planner.whole(rows, self.ids, self._parents(planner.part))
        self.draft.keep(self.rows(planner.decide_all(whole)))

    def _add_slices(self, planner: Planner, slices: Iterable[list[Row]]) -> None:
        for rows in slices:
            decided = planner.decide_each(planner.whole(rows, self.ids, self._parents(planner.part)))
            self.draft.add(self.rows(decided), planner.noted(decided))
        self.draft.end_part()
        self._tell_of_each_other(planner.part, planner)

    def _parents(self, part: Part) -> Parents:
        owner = part.joined[0] if part.joined else str(part.parent)
        return lambda keys: self.draft.planned(owner, keys)

    def _tell_of_each_other(self, part: Part, planner: Planner) -> None:
        """What decisions mean for each other, as `Planner.decide_all` finds it: swaps are told, what is taken fails."""
        for takers in self.draft.takers():
            words = {row["key"]: words_of_swap(part.sign, row["owners"]) for row in takers}
            self.draft.tell_swaps(part.name, words)
        for given in self.draft.given():
            keys = {key for each in given for key in each.keys}
            live = planner.matching.find(keys)
            owners = {record["id"] for found in live.values() for record in found}
            taken = words_of_taken(given, live, self.draft.repeated(keys), self.draft.gets(owners))
            again = [{"key": key} | _decided(failed_as_taken(words)) for key, words in taken.items()]
            self.draft.decide_again(part.name, again)


def _is_beside(part: Part, other: Part) -> bool:
    """Whether the records of another part are of the same kind in the target, and have one range of numbers with it."""
    return other.name != part.name and other.entity_set == part.entity_set


def planned_row(row: Row, decision: Decision, now: datetime) -> Row:
    """The row of the plan table for one record.

    Args:
        row: a mapped record with the hashes of what it would send (`references.with_payloads`).
    """
    return {
        "part": row["part"],
        "key": row["_key"],
        "window": row["_window"],
        "hash": row["hash"],
        "field_hashes": row["new_hashes"],
        "version": row["_version"],
        "mapping_version": row["mapping_version"],
        "planned_at": now,
    } | _decided(decision)


def _decided(decision: Decision) -> Row:
    """The columns of the plan table that a decision gives."""
    return {
        "action": decision.action,
        "reason": decision.reason,
        "message": decision.message,
        "target_id": decision.target.get("id"),
        # Records such as item categories have a code and no number.
        "target_no": decision.target.get("number") or decision.target.get("code"),
        "etag": decision.target.get("@odata.etag"),
        "body": dumps(decision.body).decode() if decision.body else "{}",
        "changes": _changes(decision),
        "pair": decision.pair,
    }


def _changes(decision: Decision) -> str | None:
    """The changes as JSON; None where the body says them (workbench/plans.py)."""
    if decision.action == "create" and not decision.changes:
        return None
    return dumps(decision.changes).decode() if decision.changes else "[]"
