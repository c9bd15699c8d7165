"""Makes both systems agree again, by the plan, the guards and the calls of an ordinary run.

Nothing is written here but notes: the pairs and the ledger are told what the comparison saw, so that the next plan
takes the source's values for news and a deleted record for one that was never made. Then that plan is made, compared
with what a person has seen, and sent. What a guard holds keeps these notes until somebody approves it. Nothing is
deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ...errors import NotDone
from ...health.publishing.publish import published
from ...staging import ledger
from ...staging.ledger import Move, State
from ...staging.load import create as create_staging
from ...staging.pairs import ETAG, VERSION, Pairs
from ...staging.store import Row, quote
from ...sync.connected import ConnectedFlow
from ...sync.dispatch import sending_of
from ...sync.documents.outbox import SENT
from ...sync.map import map_windows
from ...sync.outcomes import REPAIR
from ...sync.part import Part
from ...sync.payloads import equal
from ...sync.plan_table import planned_rows
from ...sync.reading.stage import stage
from ...sync.run import not_done, plan_windows, push_windows
from ...sync.session import lease, recover
from ...sync.stock.sweep import at_once
from ...sync.work import Work
from ..partners import FORGOTTEN
from .findings import DIFFERENT, HELD, MISSING_RIGHT, Finding, Reconciled
from .scratch import EVER

NEWS = "-"  # in the place of a hash: no value has it, so the source's value is news
# A lost call comes first, and what a person was asked about is for that person.
NOT_OURS = (State.SENDING, State.UNKNOWN, State.DUPLICATE, State.NEEDS_HUMAN)


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        sent: how many records it has written.
        moved: keys of records that had changed since they were shown, so that nothing of them was sent.
        undone: ledger rows of the records that wait for a person or the next run.
    """

    sent: int
    moved: tuple[str, ...]
    undone: tuple[Row, ...]


def to_repair(connected: ConnectedFlow, found: Reconciled) -> list[Finding]:
    """The findings that a repair acts on; in the order in which they are shown.

    A record that is held is planned like any other. What the source does not have is left: nothing is ever deleted. A
    document that is there stays as it is: it is somebody's booking.
    """
    flow = connected.flow
    if flow.document or not flow.part(flow.main).repeatable:
        return found.of_kind(MISSING_RIGHT)
    return found.of_kind(MISSING_RIGHT, DIFFERENT, HELD)


def repair(connected: ConnectedFlow, findings: Sequence[Finding], run_id: str, take: str = "") -> Repaired:
    """Sends what was shown.

    Args:
        findings: those of `to_repair`.
        take: in a flow that goes both ways, the system whose values count. If empty, each direction sends what changed
            in its own source, and what both sides changed waits for a person.

    Raises: TooManyWrites when a guard holds it; NotDone for a side that this flow does not send; as `push_windows`.
    """
    if take and take != connected.flow.source:
        hint = f"Repair {connected.flow.reverse} with `--take {take}`."
        raise NotDone(f"{connected.flow.id} sends the values of {connected.flow.source}.", hint)
    if not findings:
        return Repaired(0, (), ())
    with published(connected):
        return _repair(connected, findings, run_id, take)


def _repair(connected: ConnectedFlow, findings: Sequence[Finding], run_id: str, take: str) -> Repaired:
    if connected.flow.part(connected.flow.main).owns:
        rows = at_once(connected, [each.key for each in findings], run_id)
        return _repaired(rows, (), run_id)
    free = _free(connected, findings)
    _catch_up(connected, free, run_id)
    overwrites = bool(take) or connected.flow.direction(connected.settings) != "both"
    with lease(connected):
        recover(connected.store, run_id)
        _Notes(connected, run_id).write(free, overwrites)
    return _send(connected, free, run_id)


def _free(connected: ConnectedFlow, findings: Sequence[Finding]) -> list[Finding]:
    """The findings of records whose last call was answered, and that wait for nobody."""
    states = {(row["part"], row["key"]): row["state"] for row in ledger.read(connected.store)}
    return [each for each in findings if states.get((each.part, each.key)) not in NOT_OURS]


def _send(connected: ConnectedFlow, findings: Sequence[Finding], run_id: str) -> Repaired:
    shown = {(each.part, each.key): each for each in findings}
    work = Work(connected, *EVER, run_id, set(shown))
    plan_windows(work)
    whole = sending_of(connected.flow).compares_fields
    moved = {(row["part"], row["key"]) for row in planned_rows(work) if not _is_as_shown(row, shown, whole)}
    work = work.only(set(shown) - moved)
    push_windows(work)
    rows = [row for row in ledger.read(connected.store) if work.wants(row["part"], row["key"])]
    return _repaired(rows, tuple(sorted(key for _, key in moved)), run_id)


def _repaired(rows: Sequence[Row], moved: tuple[str, ...], run_id: str) -> Repaired:
    sent = [row for row in rows if row["run_id"] == run_id and row["state"] == State.CONFIRMED]
    written = [row for row in sent if row["action"] in (*SENT, "update")]
    return Repaired(len(written), moved, tuple(not_done(list(rows))))


def _is_as_shown(planned: Row, shown: dict[tuple[str, str], Finding], whole: bool) -> bool:
    """Whether a planned row writes no more than what a person has seen. A row that writes nothing is no matter.

    Args:
        whole: whether each field that is written was shown. Otherwise a call repeats fields that are the same.
    """
    finding = shown[planned["part"], planned["key"]]
    if planned["action"] == "create":
        return finding.kind == MISSING_RIGHT
    if planned["action"] != "update":
        return True
    seen = {each["field"]: each["new"] for each in finding.changes}
    changes: list[Row] = orjson.loads(planned["changes"])
    known = [each for each in changes if whole or each["field"] in seen]
    return all(each["field"] in seen and _same(seen[each["field"]], each["new"]) for each in known)


def _same(one: Any, other: Any) -> bool:
    return equal(one, other) or str(one) == str(other)


def _catch_up(connected: ConnectedFlow, findings: Sequence[Finding], run_id: str) -> None:
    """Reads records whose version that was compared is not staged yet, and maps all of them by the present tables."""
    versions = _staged_versions(connected)
    late = [each.window for each in findings if each.window and versions.get(each.key) != each.version]
    if late:
        stage(connected, min(late))
    for day in sorted({each.window for each in findings if each.window}):
        map_windows(Work(connected, day, day, run_id))


def _staged_versions(connected: ConnectedFlow) -> dict[str, str]:
    staging = connected.staging
    with connected.store.open() as connection:
        create_staging(connection, staging)
        rows = connection.execute(f"SELECT _key, _version::VARCHAR FROM {quote(staging.name)}").fetchall()
    return dict(rows)


class _Notes:
    """Tells pairs and ledger what a comparison saw. The caller holds the flow's lease."""

    def __init__(self, connected: ConnectedFlow, run_id: str) -> None:
        self.connected, self.run_id, self.flow = connected, run_id, connected.flow
        self.pairs = Pairs(connected.settings, self.flow.pairs) if self.flow.pairs else None

    def write(self, findings: Sequence[Finding], overwrites: bool) -> None:
        """Notes it for these records.

        Args:
            overwrites: whether the source's values count, whoever changed a field. Otherwise the pairs say who did.
        """
        known = {(row["part"], row["key"]): row for row in ledger.read(self.connected.store)}
        for part in self.connected.parts:
            own = [each for each in findings if each.part == part.name]
            if self.pairs:
                self._forget(part, [each for each in own if each.kind == MISSING_RIGHT and each.target_id])
                if overwrites:
                    self._as_news(part, [each for each in own if each.kind == DIFFERENT])
        moves = [self._move(each, known[each.part, each.key]) for each in findings if (each.part, each.key) in known]
        ledger.move(self.connected.store, moves, self.run_id)

    def _move(self, finding: Finding, row: Row) -> Move:
        known: Row = {"reason": REPAIR, "hash": None}
        if finding.kind == MISSING_RIGHT:
            known |= FORGOTTEN
        elif finding.kind == DIFFERENT and row["field_hashes"]:
            sent = orjson.loads(row["field_hashes"]) | dict.fromkeys(finding.fields, NEWS)
            known["field_hashes"] = orjson.dumps(sent).decode()
        return Move(finding.part, finding.key, State.PLANNED, known)

    def _forget(self, part: Part, findings: Sequence[Finding]) -> None:
        """Forgets the pairs of records whose partner is gone."""
        if self.pairs and findings:
            gone = [each.target_id for each in findings]
            self.pairs.forget(part.paired_as, self.flow.target, gone)

    def _as_news(self, part: Part, findings: Sequence[Finding]) -> None:
        """Notes in the pairs that the target's present values are known, and that the source's are news."""
        if not self.pairs or not findings:
            return
        depends = self.connected.compiled()[part.name].depends
        there = self.pairs.read(part.paired_as, self.flow.target, [each.target_id for each in findings])
        rows = []
        for each in findings:
            if pair := there.get(each.target_id):
                read = {name for field in each.fields for name in depends.get(field, ())}
                seen = self.pairs.hashes({change["field"]: change["old"] for change in each.changes})
                rows.append(self._pair(part, pair, seen, read))
        self.pairs.write(rows)

    def _pair(self, part: Part, pair: Row, seen: dict[str, str], read: set[str]) -> Row:
        source, target = dict(pair[self.flow.source]), dict(pair[self.flow.target])
        for signs in (source, target):
            signs.pop(ETAG, None)
            signs.pop(VERSION, None)
        source |= dict.fromkeys(read, NEWS)
        return {**pair, "part": part.paired_as, self.flow.source: source, self.flow.target: target | seen}
