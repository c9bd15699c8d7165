"""What a person can do with records: retry them, replay them, adopt a document for an order, ignore them.

Here belongs: what a person may do now, and why not. Nothing is sent that the protocol would not send, and every move of
a state has its event in the ledger. cli/ shows and asks. The flow's kind of sending in sync/ decides and sends.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from .. import clock
from ..errors import NotDone
from ..health.publishing.publish import published
from ..staging import ledger
from ..staging.ledger import OPEN, Move, State
from ..staging.load import create as create_staging
from ..staging.store import Row, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.documents.candidates import Candidate, needed_document, read
from ..sync.documents.decide import COMPANION_FIELDS, WINSTORE_NUMBER, Choice, reconciled
from ..sync.documents.differences import differences
from ..sync.documents.existing import Found, look_up, look_up_by_number, with_lines
from ..sync.documents.outbox import SENT
from ..sync.documents.plan import plan as plan_documents
from ..sync.flow import BLOCK, Flow
from ..sync.map import map_windows
from ..sync.outcomes import APPROVAL, IGNORED
from ..sync.plan_table import mark_only_shown, planned_rows, store_plan
from ..sync.records.plan import plan as plan_records
from ..sync.records.target.references import IdsByCode
from ..sync.session import check_target, leased, recover
from ..sync.work import Work
from ..systems.business_central import BusinessCentral
from ..systems.business_central.client import dumps
from .partners import DECIDED, AsIf, Partners, moves_of
from .plans import with_changes

DOES = (*SENT, "update", "adopt", "skip", "wait", "ignore")  # the planned actions that change a record or its state
EVER = (date.min, date.max)  # a person names records, whatever window they are in
SHOWN = ("part", "key", "action", "reason", "message", "target_no", "changes")
# What the ledger forgets of a document before the order is sent anew: otherwise the old document would still count.
CLEARED: Row = dict.fromkeys(("action", "hash", "field_hashes", "target_id", "target_no"))


@dataclass(frozen=True)
class Request:
    """What a person wants for records of the flow's main part.

    Attributes:
        how: `retry` plans and sends records that are not done.
            `map` does the same by the present tables, even for records that were sent.
            `resend` sends a document as if it had never been sent.
            `as_sent` sends the kept body once more.
            `adopt` takes the document with `number` as the order's document, or the record as the record's partner.
            `apart` says that the record and its partner are not the same.
            `take_source` and `take_target` settle what both sides changed. `again` makes a record again that was
            deleted in the target.
            `ignore` leaves records as they are.
        keys: the source's keys of the records.
        number: the document's number in Business Central.
        force: whether to adopt the document although it has another reference.
        why: the person's reason to ignore the records.
    """

    how: Literal["retry", "map", "resend", "as_sent", "adopt", "apart", "ignore", "take_source", "take_target", "again"]
    keys: tuple[str, ...]
    number: str = ""
    force: bool = False
    why: str = ""


@contextmanager
def intervention(connected: ConnectedFlow, run_id: str) -> Iterator["Intervention"]:
    """A person's turn at a flow's ledger, under the flow's lease.

    Raises: StoreBusy while a run goes on; ConfigurationError when the ledger was kept for another target.
    """
    sending = sending_of(connected.flow)
    with published(connected), leased(connected, sending) as target:
        check_target(connected, sending, target)
        # No other run holds the lease. What is still SENDING therefore belongs to a run that died.
        recover(connected.store, run_id)
        yield Intervention(connected, target, run_id)


def keys_of(connected: ConnectedFlow, name: str) -> list[str]:
    """Keys of the records of the main part whose key, reference or number in the target is `name`."""
    # Business Central keeps references (external document numbers) in capitals.
    where = "part = ? AND (key = ? OR reference = upper(?) OR target_no = ?)"
    rows = ledger.read(connected.store, where, [connected.flow.main, name, name, name])
    return [row["key"] for row in rows]


def keys_not_done(connected: ConnectedFlow, reason: str | None) -> list[str]:
    """Keys of the records that are not done, of one reason code or, for None, of any."""
    where = """
        list_contains(?, part)
        AND list_contains(?, state)
        AND reason IS NOT DISTINCT FROM coalesce(?, reason)
        """
    open_states = [str(state) for state in OPEN]
    rows = ledger.read(connected.store, where, [_parts(connected.flow), open_states, reason])
    return list(dict.fromkeys(row["key"] for row in rows))


def changes_anything(rows: list[Row], request: Request) -> bool:
    """Whether a request with these proposed rows would change something when it is carried out."""
    if request.how == "adopt" and any(row["action"] == "conflict" for row in rows):
        return True  # the two become a pair all the same; whose values count is the next question
    if request.how == "apart":
        return True  # whatever becomes of the two
    changing = (row for row in rows if row["reason"] != "UNCHANGED" or row["action"] == "adopt")
    return any(row["action"] in DOES for row in changing)


def _parts(flow: Flow) -> list[str]:
    """The parts whose records have the source's key. Customers of documents have keys of their own."""
    return [flow.main] if flow.document else [part.name for part in (*flow.parts, *flow.block_parts)]


class Intervention:
    """Works out what a request would do, and carries it out. The caller holds the flow's lease."""

    def __init__(self, connected: ConnectedFlow, target: BusinessCentral, run_id: str) -> None:
        self.connected, self.target, self.run_id = connected, target, run_id
        self.flow, self.settings, self.store = connected.flow, connected.settings, connected.store

    def proposed(self, request: Request) -> list[Row]:
        """What the request would do, as rows of the planned table.

        The rows are only shown: they leave the plan again, so that no run sends what nobody has agreed to.

        Raises: NotDone when the request would be wrong now. Its hint says what is possible instead.
        """
        if request.how != "ignore":
            self._check_asked()
            self._map(request.keys)
        try:
            return self._decided(request)
        finally:
            mark_only_shown(self.store, self.flow, request.keys)

    def _check_asked(self) -> None:
        """Raises NotDone for a flow whose target cannot be asked: a second call may make a second record."""
        if not sending_of(self.flow).can_be_asked:
            hint = (
                "Rerun its window, note what you found there with `winbc resolve … --there` or `--not-there`, or leave "
                "it with `--ignore`."
            )
            raise NotDone(f"{self.flow.id} writes to Winstore.", hint)

    def _decided(self, request: Request) -> list[Row]:
        """What the request would do with records that are mapped already."""
        if request.how == "ignore":
            return [self._to_ignore(key, request.why) for key in request.keys]
        if request.how == "retry":
            self._check_open(request.keys)
            return self._planned(request.keys)
        if request.how == "map":
            return self._planned(request.keys)
        if self.flow.document:
            return self._decided_for_document(request)
        as_if = self._as_if(request)
        plan_records(self._work(request.keys), self.target, as_if)
        return Partners(self.connected).with_former(request.how, self._plan_of(request.keys))

    def _as_if(self, request: Request) -> AsIf:
        """What the ledger is to say of records, by part and key, once a person's decision is carried out."""
        if request.how not in (*DECIDED, "adopt", "apart"):
            raise NotDone(f"{self.flow.id} makes no documents.", "`winbc retry` is all that it needs.")
        partners = Partners(self.connected)
        return partners.as_if(request.how, self._decidable(request), request.number, self.target)

    def _decidable(self, request: Request) -> list[Row]:
        """The ledger rows that a decision is about: those that wait. Who a partner is, may be said of any record.

        Raises: NotDone when the decision would be wrong now.
        """
        rows = self._open(request.keys)
        if not self.flow.pairs or request.how not in ("adopt", "apart"):
            self._check_open(request.keys)
            return rows
        if request.how == "apart" or not rows:
            rows = self._rows(request.keys)
        if any(row["state"] == State.UNKNOWN for row in rows) and request.how == "apart":
            raise NotDone(f"{request.keys[0]} was lost and may still arrive.", "The next run looks it up. Ask then.")
        if not rows:
            self._check_open(request.keys)
        return rows

    def _decided_for_document(self, request: Request) -> list[Row]:
        """What adopt, as_sent or resend would do with one order."""
        if request.how in (*DECIDED, "apart"):
            raise NotDone(f"{self.flow.id} makes documents.", "Say --adopt, --resend or --ignore.")
        order = self._candidate(request.keys[0])
        found = look_up(self.target, order.references).values()
        if request.how == "adopt":
            return self._planned_afresh(request.keys, {order.key: self._to_adopt(order, request)})
        self._check_nowhere(order, [document for each in found for document in each])
        if request.how == "as_sent":
            return [self._as_sent(order)]
        rows = self._planned_afresh(request.keys)
        for row in rows:
            self._check_sendable(row)
        return rows

    def carry_out(self, request: Request, shown: list[Row]) -> list[Row]:
        """Does what was shown; returns the records' ledger rows afterwards.

        Raises: NotDone when the request would do something else by now.
        """
        rows = self._decided(request)
        if _essence(rows) != _essence(shown):
            raise NotDone("Something changed while you were looking; nothing was done.", "Run the command again.")
        if request.how == "ignore":
            self._ignore(request)
            return self._rows(request.keys)
        if not self.flow.document and request.how not in ("retry", "map"):
            self._note_decision(request)
        elif request.how in ("resend", "as_sent"):
            ledger.move(self.store, self._release(request), self.run_id)
        if request.how == "as_sent":
            # The plan gets a moment after the move. A push would plan anew what was planned before it.
            store_plan(self._work(request.keys), [[rows[0] | {"planned_at": clock.now()}]], "")
        sending_of(self.flow).push(self._work(request.keys), self.target)
        return self._rows(request.keys)

    def _note_decision(self, request: Request) -> None:
        """Notes a person's decision on records in the pairs and the ledger; the push plans them by it."""
        as_if, rows = self._as_if(request), self._decidable(request)
        Partners(self.connected).note(request.how, as_if, request.keys, self.run_id)
        ledger.move(self.store, moves_of(as_if, rows), self.run_id)
        plan_records(self._work(request.keys), self.target)

    def _ignore(self, request: Request) -> None:
        known = {"reason": IGNORED, "message": request.why, "action": "skip"}
        moves = [
            Move(row["part"], row["key"], State.SKIPPED, known | self._forgotten(row))
            for row in self._open(request.keys)
        ]
        ledger.move(self.store, moves, self.run_id)

    def _forgotten(self, row: Row) -> Row:
        """What the ledger forgets of an order that Winstore never got.

        One that it may have got keeps its number, so that a later version is not sent as a new order.
        """
        is_order = not (self.flow.part(row["part"]).repeatable or sending_of(self.flow).can_be_asked)
        never_sent = row["state"] in (State.FAILED, State.PLANNED) and not row["target_id"]
        return {"target_no": None} if is_order and never_sent else {}

    def _release(self, request: Request) -> list[Move]:
        """Moves that put a document back to PLANNED. A lost one goes there by way of NEEDS_HUMAN: a person decided."""
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
        rows = self._open(keys)
        if len(keys) > 1 and any(row["reason"] == APPROVAL for row in rows):
            hint = f"`winbc approve {self.flow.id}` shows them, and lets them pass together; `--order` retries one."
            raise NotDone("Some of these records wait for an approval.", hint)
        for key in set(keys) - {row["key"] for row in rows}:
            states = ", ".join(row["state"] for row in self._rows((key,))) or "not in the ledger"
            raise NotDone(f"{key} is {states}: nothing to retry.", "`winbc replay` plans it again all the same.")

    def _map(self, keys: tuple[str, ...]) -> None:
        """Maps the staged records of the keys' windows by the tables as they are now."""
        staging = self.connected.staging
        parts = [self.flow.part(name) for name in _parts(self.flow) if name != BLOCK]
        staged = [f"SELECT {key} AS key, _window FROM {quote(staging.name)}" for key in {part.key for part in parts}]
        with self.store.open() as connection:
            create_staging(connection, staging)
            rows = rows_of(
                connection,
                f"""
                SELECT key, max(_window) AS day
                FROM ({" UNION ALL ".join(staged)})
                WHERE list_contains(?, key)
                GROUP BY 1
                """,
                [list(keys)],
            )
        days = {row["key"]: row["day"] for row in rows}
        if gone := [each for each in keys if each not in days]:
            raise NotDone(f"{', '.join(gone[:5])}: not staged.", f"`winbc plan {self.flow.id}` reads the source.")
        for day in sorted(set(days.values())):
            map_windows(Work(self.connected, day, day, self.run_id))

    def _planned(self, keys: tuple[str, ...]) -> list[Row]:
        sending_of(self.flow).plan(self._work(keys), self.target)
        return self._plan_of(keys)

    def _planned_afresh(self, keys: tuple[str, ...], decided: Mapping[str, Choice] | None = None) -> list[Row]:
        """The plan of documents as if they had never been sent. `decided` holds a person's choice, by key."""
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
        """Raises NotDone for an order that is there, or that may still arrive (exactly_once.md section 3, step 6)."""
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

    def _quarantine_ends(self, known: Row) -> datetime:
        ends: datetime = known["intent_at"] + timedelta(minutes=self.settings.quarantine_minutes)
        return ends

    def _until(self, known: Row) -> str:
        return f"Wait until {self._quarantine_ends(known):%Y-%m-%d %H:%M} UTC (`quarantine_minutes`)."

    def _check_sendable(self, row: Row) -> None:
        if row["action"] != "create":
            why = row["message"] or "see docs/errors.md"
            raise NotDone(f"{row['key']} cannot be sent: {row['reason']}, {why}.")

    def _to_ignore(self, key: str, why: str) -> Row:
        rows = self._open((key,))
        if not why.strip():
            raise NotDone("Say why, in a few words.", "They are kept and shown by `winbc trace`.")
        if not rows:
            raise NotDone(f"{key} is not waiting for anything: nothing to ignore.")
        for row in rows:  # a lost document that arrives after all would be nobody's
            if row["state"] == State.UNKNOWN and clock.now() < self._quarantine_ends(row):
                raise NotDone(f"{key} was lost and may still arrive.", self._until(row))
        return rows[0] | {"action": "ignore", "reason": IGNORED, "message": why, "changes": "[]"}

    def _to_adopt(self, order: Candidate, request: Request) -> Choice:
        number = request.number
        found = with_lines(self.target, {number: look_up_by_number(self.target, number)})[number]
        if len(found) != 1:
            hint = "Give the number of an order, an invoice or a shipment."
            raise NotDone(f"Business Central has {len(found)} documents numbered {number}.", hint)
        document = found[0]
        reference = str(document.record.get("externalDocumentNumber") or "")
        self._check_owner(order, document, reference)
        if reference not in order.references and not request.force:
            words = f"{number} has the external document number {reference or '(none)'}, not {order.reference}."
            raise NotDone(words, "Correct it there, or say --force if it is this order's all the same.")
        if difference := differences(order, document):
            return Choice("adopt", "ADOPTED_DIFFERS", f"by hand; {difference}", document)
        return Choice("adopt", "ADOPTED", "by hand", document)

    def _check_owner(self, order: Candidate, found: Found, reference: str) -> None:
        """Raises NotDone when the document is linked to another order already."""
        where = "part = ? AND key <> ? AND (target_id = ? OR (reference = ? AND target_id IS NOT NULL))"
        others = ledger.read(self.store, where, [self.flow.main, order.key, found.record["id"], reference])
        if others:
            raise NotDone(f"{found.number} belongs to order {others[0]['key']} already.")

    def _as_sent(self, order: Candidate) -> Row:
        """The planned row that sends the kept body once more.

        The plan takes all but the body from the staged order. The order must therefore not have changed since.
        """
        kept = self._kept(order.key)
        # A body that is a list holds the operations of a change, not a document.
        if kept is None or kept["body"].startswith("["):
            days = f"Bodies are kept for {self.settings.payload_days} days (`payload_days`)."
            raise NotDone(f"What was sent for {order.key} is not kept.", f"{days} Use --as-mapped-now.")
        if kept["version"] != order.version:
            raise NotDone(f"{order.key} was edited since it was sent.", "Use --as-mapped-now.")
        body = json.loads(kept["body"], parse_float=Decimal)
        kind = needed_document(self.flow).kind(self.settings)
        if kind.navigation not in body:
            raise NotDone(f"{order.key} was sent as another kind of document.", "Use --as-mapped-now.")
        body.pop(WINSTORE_NUMBER, None)  # the companion app's: what was kept is sent without the app
        if only_app := sorted(body.keys() & set(COMPANION_FIELDS)):
            fields = ", ".join(only_app)
            raise NotDone(f"{order.key} was sent with {fields}, by the companion app.", "Use --as-mapped-now.")
        row = self._planned_afresh((order.key,), {order.key: Choice("create")})[0]
        row["target_set"] = self.flow.part(kind.header).entity_set
        row |= with_changes(row | {"body": dumps(body).decode(), "changes": None, "hash": None})
        return row | {"mapping_version": kept["mapping_version"]}

    def _kept(self, key: str) -> Row | None:
        """What was sent last for an order: `body`, `version`, `mapping_version`. None when no body is kept."""
        with self.store.open() as connection:
            ledger.create(connection)
            rows = rows_of(
                connection,
                """
                SELECT s.body, e.version, e.mapping_version
                FROM sent_payload AS s
                JOIN ledger_event AS e USING (part, key, attempt_id)
                WHERE e.state = 'SENDING' AND part = ? AND key = ?
                ORDER BY s.sent_at DESC
                LIMIT 1
                """,
                [self.flow.main, key],
            )
        return rows[0] if rows else None


def _essence(rows: list[Row]) -> list[tuple[Any, ...]]:
    """What a person saw of a proposal, to be compared with what it comes to later."""
    return [tuple(row.get(name) for name in SHOWN) for row in rows]
