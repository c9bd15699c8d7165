"""What a person does to records: retry, replay, adopt a document for an order, ignore.

Here belongs: what may be done, and why not. Nothing is sent that the protocol would not send, and every move has its
event. Asking and showing: cli/. Deciding and sending: the flow's kind of sending in sync/.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from .. import clock
from ..errors import NotDone
from ..staging import ledger
from ..staging.ledger import OPEN, Move, State
from ..staging.load import create as create_staging
from ..staging.store import Row, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.documents.candidates import Candidate, needed_document, read
from ..sync.documents.decide import Choice, reconciled
from ..sync.documents.differences import differences
from ..sync.documents.existing import Found, look_up, numbered, with_lines
from ..sync.documents.outbox import SENT
from ..sync.documents.plan import plan as plan_documents
from ..sync.flow import Flow
from ..sync.map import map_windows
from ..sync.outcomes import IGNORED
from ..sync.plan_table import planned_rows, set_aside, store_plan
from ..sync.records.references import IdsByCode
from ..sync.session import check_target, leased, recover
from ..sync.work import Work
from ..systems.business_central import BusinessCentral
from ..systems.business_central.client import dumps
from .plans import with_changes

DOES = (*SENT, "update", "adopt", "skip", "wait", "ignore")
EVER = (date.min, date.max)
SHOWN = ("part", "key", "action", "reason", "message", "target_no", "changes")
# A document that is to be sent anew: nothing of the one before it counts any more.
CLEARED: Row = dict.fromkeys(("action", "hash", "field_hashes", "target_id", "target_no"))


@dataclass(frozen=True)
class Request:
    """What a person wants for records of the flow's main part.

    Attributes:
        how: retry; map: as the tables are now, even if it was sent; resend: as if it had never been sent; as_sent: the
            kept body; adopt: take the document with `number` for it (`force`: whatever its reference); ignore: `why`.
    """

    how: Literal["retry", "map", "resend", "as_sent", "adopt", "ignore"]
    keys: tuple[str, ...]
    number: str = ""
    force: bool = False
    why: str = ""


@contextmanager
def intervention(connected: ConnectedFlow, run_id: str) -> Iterator["Intervention"]:
    """A person's turn at a flow's ledger; raises StoreBusy while a run goes on."""
    sending = sending_of(connected.flow)
    if not sending.can_be_asked:
        hint = "Rerun its window, or note what you found there: `winbc resolve … --there` or `--not-there`."
        raise NotDone(f"{connected.flow.id} writes to Winstore.", hint)
    with leased(connected, sending) as target:
        check_target(connected, sending, target)
        recover(connected.store, run_id)
        yield Intervention(connected, target, run_id)


def keys_of(connected: ConnectedFlow, name: str) -> list[str]:
    """Records by the source's key, by the document's reference, or by the target's number."""
    where = "part = ? AND (key = ? OR reference = upper(?) OR target_no = ?)"
    return [row["key"] for row in ledger.read(connected.store, where, [connected.flow.main, name, name, name])]


def keys_not_done(connected: ConnectedFlow, reason: str | None) -> list[str]:
    """Records that are not done, of one reason or of any."""
    where = "list_contains(?, part) AND list_contains(?, state) AND reason IS NOT DISTINCT FROM coalesce(?, reason)"
    rows = ledger.read(connected.store, where, [_parts(connected.flow), [str(state) for state in OPEN], reason])
    return list(dict.fromkeys(row["key"] for row in rows))


def does_anything(rows: list[Row]) -> bool:
    """Whether carrying out what was proposed does anything at all."""
    sent = (row for row in rows if row["reason"] != "UNCHANGED" or row["action"] == "adopt")
    return any(row["action"] in DOES for row in sent)


def _parts(flow: Flow) -> list[str]:
    """The parts that a person deals with by the source's key: customers of documents have keys of their own."""
    return [flow.main] if flow.document else [part.name for part in flow.parts]


class Intervention:
    """Proposes what a request comes to, and carries it out; the caller holds the flow's lease."""

    def __init__(self, connected: ConnectedFlow, target: BusinessCentral, run_id: str) -> None:
        self.connected, self.target, self.run_id = connected, target, run_id
        self.flow, self.settings, self.store = connected.flow, connected.settings, connected.store

    def proposed(self, request: Request) -> list[Row]:
        """What would be done, as rows of the planned table; raises NotDone with what is possible instead."""
        if request.how != "ignore":
            self._map(request.keys)
        try:
            return self._decided(request)
        finally:  # nobody has agreed to it yet
            set_aside(self.store, self.flow, request.keys)

    def _decided(self, request: Request) -> list[Row]:
        """The same, of what is mapped already."""
        if request.how == "ignore":
            return [self._to_ignore(key, request.why) for key in request.keys]
        if request.how in ("retry", "map"):
            if request.how == "retry":
                self._check_open(request.keys)
            return self._planned(request.keys)
        if not self.flow.document:
            raise NotDone(f"{self.flow.id} makes no documents.", "`winbc retry` is all that it needs.")
        order = self._candidate(request.keys[0])
        found = look_up(self.target, order.references).values()
        if request.how == "adopt":
            return self._planned_afresh(request.keys, {order.key: self._to_adopt(order, request)})
        self._check_nowhere(order, [document for each in found for document in each])
        if request.how == "as_sent":
            return [self._as_sent(order)]
        return [row for row in self._planned_afresh(request.keys) if self._is_sendable(row)]

    def carry_out(self, request: Request, shown: list[Row]) -> list[Row]:
        """Does what was shown, if it still comes to the same; returns the records' ledger rows afterwards."""
        rows = self._decided(request)
        if _essence(rows) != _essence(shown):
            raise NotDone("Something changed while you were looking; nothing was done.", "Run the command again.")
        if request.how == "ignore":
            known = {"reason": IGNORED, "message": request.why, "action": "skip"}
            moves = [Move(row["part"], row["key"], State.SKIPPED, known) for row in self._open(request.keys)]
            ledger.move(self.store, moves, self.run_id)
            return self._rows(request.keys)
        if request.how in ("resend", "as_sent"):
            ledger.move(self.store, self._release(request), self.run_id)
        if request.how == "as_sent":  # planned after that move: what was planned before it would be planned anew
            store_plan(self._work(request.keys), [[rows[0] | {"planned_at": clock.now()}]], "")
        sending_of(self.flow).push(self._work(request.keys), self.target)
        return self._rows(request.keys)

    def _release(self, request: Request) -> list[Move]:
        """A document goes back to the beginning; a lost one by way of the person who decided that."""
        known = CLEARED | {"reason": "BY_HAND", "message": request.how.replace("_", " ")}
        lost = [row for row in self._rows(request.keys) if row["state"] == State.UNKNOWN]
        taken_over = [Move(row["part"], row["key"], State.NEEDS_HUMAN, {"reason": "BY_HAND"}) for row in lost]
        return taken_over + [Move(self.flow.main, key, State.PLANNED, known) for key in request.keys]

    def _work(self, keys: tuple[str, ...]) -> Work:
        return Work(self.connected, *EVER, self.run_id, self._pairs(keys))

    def _pairs(self, keys: tuple[str, ...]) -> set[tuple[str, str]]:
        return {(name, key) for name in _parts(self.flow) for key in keys}

    def _rows(self, keys: tuple[str, ...]) -> list[Row]:
        pairs = self._pairs(keys)
        rows = ledger.read(self.store, "list_contains(?, key)", [list(keys)])
        return [row for row in rows if (row["part"], row["key"]) in pairs]

    def _open(self, keys: tuple[str, ...]) -> list[Row]:
        return [row for row in self._rows(keys) if row["state"] in OPEN]

    def _check_open(self, keys: tuple[str, ...]) -> None:
        for key in set(keys) - {row["key"] for row in self._open(keys)}:
            states = ", ".join(row["state"] for row in self._rows((key,))) or "not in the ledger"
            raise NotDone(f"{key} is {states}: nothing to retry.", "`winbc replay` plans it again all the same.")

    def _map(self, keys: tuple[str, ...]) -> None:
        """Maps the staged records of the keys' windows by the tables as they are now."""
        staging = self.connected.staging
        key = self.flow.part(self.flow.main).key
        with self.store.open() as connection:
            create_staging(connection, staging)
            sql = f"SELECT {key} AS key, max(_window) AS day FROM {quote(staging.name)} WHERE list_contains(?, {key}) "
            days = {row["key"]: row["day"] for row in rows_of(connection, f"{sql} GROUP BY 1", [list(keys)])}
        if gone := [each for each in keys if each not in days]:
            raise NotDone(f"{', '.join(gone[:5])}: not staged.", f"`winbc plan {self.flow.id}` reads the source.")
        for day in sorted(set(days.values())):
            map_windows(Work(self.connected, day, day, self.run_id))

    def _planned(self, keys: tuple[str, ...]) -> list[Row]:
        sending_of(self.flow).plan(self._work(keys), self.target)
        return self._plan_of(keys)

    def _planned_afresh(self, keys: tuple[str, ...], decided: Mapping[str, Choice] | None = None) -> list[Row]:
        """The plan of documents as if they had never been sent; `decided`: by key, what a person has chosen."""
        plan_documents(self._work(keys), self.target, afresh=True, decided=decided)
        return self._plan_of(keys)

    def _plan_of(self, keys: tuple[str, ...]) -> list[Row]:
        return [with_changes(row) for row in planned_rows(self._work(keys))]

    def _candidate(self, key: str) -> Candidate:
        compiled = self.connected.compiled()
        for orders in read(self._work((key,)), compiled, IdsByCode(self.target)):
            return orders[0]
        raise NotDone(f"{key}: the tables make no document of it.", f"Look at `winbc trace {key}`.")

    def _check_nowhere(self, order: Candidate, found: list[Found]) -> None:
        """Sends nothing that is there, nor what may still arrive (exactly_once.md section 3, step 6)."""
        if found := [each for each in found if not each.is_cancelled]:
            there = ", ".join(f"{each.entity_set} {each.number}" for each in found)
            hint = f"Take it with `winbc resolve {order.key} --adopt {found[0].number}`, or delete it there first."
            raise NotDone(f"{order.key} is in Business Central: {there}.", hint)
        if order.known["state"] == State.UNKNOWN:
            self._check_quarantine(order)

    def _check_quarantine(self, order: Candidate) -> None:
        choice = reconciled(order, [], self.settings, clock.now(), self.target.server_now)
        if choice is None or choice.action != "wait":
            return
        if choice.reason == "QUARANTINE":
            raise NotDone(f"{order.key} was lost and may still arrive.", self._until(order.known))
        if not order.known["looked_at"]:
            known = {"reason": choice.reason, "looked_at": clock.now()}
            ledger.move(self.store, [Move(self.flow.main, order.key, State.UNKNOWN, known)], self.run_id)
        raise NotDone(f"{order.key} was lost, and is not there.", "It is looked up twice: ask again in a minute.")

    def _until(self, known: Row) -> str:
        ends = known["intent_at"] + timedelta(minutes=self.settings.quarantine_minutes)
        return f"Wait until {ends:%Y-%m-%d %H:%M} UTC (`quarantine_minutes`)."

    def _is_sendable(self, row: Row) -> bool:
        if row["action"] == "create":
            return True
        raise NotDone(f"{row['key']} cannot be sent: {row['reason']}, {row['message'] or 'see docs/errors.md'}.")

    def _to_ignore(self, key: str, why: str) -> Row:
        rows = self._open((key,))
        if not why.strip():
            raise NotDone("Say why, in a few words.", "They are kept and shown by `winbc trace`.")
        if not rows:
            raise NotDone(f"{key} is not waiting for anything: nothing to ignore.")
        for row in rows:
            ends = row["intent_at"] and row["intent_at"] + timedelta(minutes=self.settings.quarantine_minutes)
            if row["state"] == State.UNKNOWN and clock.now() < ends:
                raise NotDone(f"{key} was lost and may still arrive.", self._until(row))
        return rows[0] | {"action": "ignore", "reason": IGNORED, "message": why, "changes": "[]"}

    def _to_adopt(self, order: Candidate, request: Request) -> Choice:
        found = with_lines(self.target, {request.number: numbered(self.target, request.number)})[request.number]
        if len(found) != 1:
            hint = "Give the number of an order, an invoice or a shipment."
            raise NotDone(f"Business Central has {len(found)} documents numbered {request.number}.", hint)
        reference = str(found[0].record.get("externalDocumentNumber") or "")
        self._check_owner(order, found[0], reference)
        if reference not in order.references and not request.force:
            words = f"{request.number} has the external document number {reference or '(none)'}, not {order.reference}."
            raise NotDone(words, "Correct it there, or say --force if it is this order's all the same.")
        difference = differences(order, found[0])
        words = f"by hand{'; ' + difference if difference else ''}"
        return Choice("adopt", "ADOPTED_DIFFERS" if difference else "ADOPTED", words, found[0])

    def _check_owner(self, order: Candidate, found: Found, reference: str) -> None:
        where = "part = ? AND key <> ? AND (target_id = ? OR (reference = ? AND target_id IS NOT NULL))"
        others = ledger.read(self.store, where, [self.flow.main, order.key, found.record["id"], reference])
        if others:
            raise NotDone(f"{found.number} belongs to order {others[0]['key']} already.")

    def _as_sent(self, order: Candidate) -> Row:
        """The kept body once more; its lines are those of the staged order, which must not have changed since."""
        with self.store.open() as connection:
            ledger.create(connection)
            sql = "SELECT s.body, e.version, e.mapping_version FROM sent_payload AS s JOIN ledger_event AS e "
            sql += "USING (part, key, attempt_id) WHERE e.state = 'SENDING' AND part = ? AND key = ? "
            kept = rows_of(connection, f"{sql} ORDER BY s.sent_at DESC LIMIT 1", [self.flow.main, order.key])
        if not kept or kept[0]["body"].startswith("["):  # a list: the operations of a change
            days = f"Bodies are kept for {self.settings.payload_days} days (`payload_days`)."
            raise NotDone(f"What was sent for {order.key} is not kept.", f"{days} Use --as-mapped-now.")
        if kept[0]["version"] != order.version:
            raise NotDone(f"{order.key} was edited since it was sent.", "Use --as-mapped-now.")
        body = json.loads(kept[0]["body"], parse_float=Decimal)
        navigation = needed_document(self.flow).kind(self.settings).navigation
        if navigation not in body:
            raise NotDone(f"{order.key} was sent as another kind of document.", "Use --as-mapped-now.")
        row = self._planned_afresh((order.key,), {order.key: Choice("create")})[0]
        row |= with_changes(row | {"body": dumps(body).decode(), "changes": None, "hash": None})
        return row | {"mapping_version": kept[0]["mapping_version"]}


def _essence(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [tuple(row.get(name) for name in SHOWN) for row in rows]
