"""The plan of documents: what would be sent, compared with the live target. Materialising it is the exact dry run."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from ... import clock
from ...settings import Settings
from ...staging import ledger
from ...staging.ledger import State
from ...staging.store import Row, literal
from ...systems.business_central import BusinessCentral
from ...systems.business_central.client import dumps
from ..connected import ConnectedFlow
from ..map import skip_gone
from ..outcomes import IGNORED, PRIVACY_BLOCKED, is_ignored
from ..plan_table import store_plan
from ..records.target.references import IdsByCode
from ..session import recover
from ..work import Work
from . import erased
from .by_key.negotiated import OrderRequests, is_linked
from .by_key.request import REQUESTS
from .candidates import Candidate, documents_sql, needed_document, read
from .changes import change
from .customers import Debtor, Debtors, LookedUp
from .decide import (
    LOST_STATES,
    Choice,
    add_rounding,
    adopt,
    as_if_never_sent,
    body_of,
    decide_existing,
    gone,
    in_doubt,
    is_lost_by_key,
    may_arrive,
    reconciled,
    sent_otherwise,
    tolerance_of,
    why_total_differs,
    wrong,
)
from .existing import PLACES, Found, look_up, with_lines
from .hashes import sent_hashes, unsent_hashes
from .items import ITEM, Items

T = TypeVar("T")
DocumentsFound = Mapping[str, list[Found]]
CHANGING = ("change", "delete", "cancel")  # actions on a document that is there


def plan(
    work: Work, target: BusinessCentral, afresh: bool = False, decided: Mapping[str, Choice] | None = None
) -> None:
    """Writes the plan table: what would happen to each document, and to the customers that the documents need.

    A work with keys plans all documents of its keys, also those that need nothing.

    Args:
        afresh: plan the documents as if they had never been sent.
        decided: by key, what a person has chosen for a document (workbench/intervention.py).

    Raises:
        WinbcError: a lookup was not answered.
    """
    flow = work.flow
    erased.settle(work, target)
    with work.store.open():  # The file is opened once for all that is read before the first lookup.
        recover(work.store, work.run_id)
        skip_gone(work.store, flow, work.run_id, needed_document(flow).customer)
        compiled, ids = work.connected.compiled(), IdsByCode(target)
        planning = _Planning(work, target, Debtors(work.connected, target, compiled, ids), decided or {})
    # Each step has a thread: one chunk is stored while others are decided, looked up and read.
    orders_read = prefetched(read(work, compiled, ids))
    looked_up = prefetched((orders, *planning.look_up(orders, afresh)) for orders in orders_read)
    chunks = prefetched(planning.planned(*each) for each in looked_up)
    try:
        store_plan(work, chunks, _unchanged(work.connected))
    finally:
        planning.requests.close()


def prefetched(items: Iterator[T]) -> Iterator[T]:
    """The same items. While the caller works on one of them, a thread of its own makes the next one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


class _Planning:
    """Decides the documents of a run, some at a time. Customers and items that were looked up once are kept."""

    def __init__(
        self,
        work: Work,
        target: BusinessCentral,
        customers: Debtors,
        decided: Mapping[str, Choice],
    ) -> None:
        self.connected, self.settings, self.target = work.connected, work.settings, target
        self.customers, self.decided = customers, decided
        sold = partial(needed_document(work.flow).variants, work.settings)
        self.items = Items(target, sold)
        document = work.flow.part(needed_document(work.flow).kind(work.settings).header).entity_set
        self.requests = OrderRequests(work.settings, target, document)
        self.ledger_empty = ledger.is_empty(work.store, work.flow.main)

    def look_up(self, orders: list[Candidate], afresh: bool) -> tuple[DocumentsFound, LookedUp]:
        """Looks up the documents that are there already (by reference), and the customers of new orders.

        Orders are changed: their lines get the numbers of items and a line for rounding.
        """
        self.connected.check_mapped_now(order.mapping_version for order in orders)
        for order in orders:
            order.known = as_if_never_sent(order.known) if afresh else order.known
        self.requests.mark(orders)
        with ThreadPoolExecutor(2) as pool:
            customers = pool.submit(self.customers.look_up, orders)
            references = set().union(*(order.references for order in orders))
            documents = pool.submit(look_up, self.target, references)
            self.items.find([order for order in orders if _needs_items(order)])
            for order in orders:
                add_rounding(order, self.settings.orders)
            return with_lines(self.target, documents.result()), customers.result()

    def planned(self, orders: list[Candidate], found: DocumentsFound, ahead: LookedUp) -> list[Row]:
        """The planned rows of documents, and of the customers that have to be written for them."""
        choices = self._choices(orders, found)
        new = [order for order in orders if order.key not in choices]
        customers, rows = self.customers.of(new, ahead)
        for order in orders:
            debtor = customers.get(order.key)
            choice = self._waiting(order, choices.get(order.key) or _for_debtor(customers[order.key]))
            row = order_row(order, choice, debtor, self.connected)
            rows.append(row | {"lookups": _looked_up(order, found, debtor)})
        return rows

    def _waiting(self, order: Candidate, choice: Choice) -> Choice:
        """The same choice, or a wait: the request of an order that is not to be sent any more may still arrive."""
        ends = choice.action in ("fail", "skip") and is_lost_by_key(order)
        if ends and may_arrive(order.known, self.settings, clock.now(), self.target.server_now):
            return Choice("wait", "QUARANTINE")
        return choice

    def _choices(self, orders: list[Candidate], found: DocumentsFound) -> dict[str, Choice]:
        """By key, what is decided without a debtor. The other orders become new documents."""
        choices = {}
        for order in orders:
            known = _known_already(order, found, self.settings, self.target.server_now)
            if known and known.reason == "ADOPTED" and self.ledger_empty:
                known.reason = "LEDGER_EMPTY"  # A lost ledger is suspected: a person should know of it.
            if choice := self.decided.get(order.key) or known or _held_back(order):
                choices[order.key] = choice
        self._leave_blocked_people([order for order in orders if order.key not in self.decided], choices)
        return choices

    def _leave_blocked_people(self, orders: list[Candidate], choices: dict[str, Choice]) -> None:
        """Leaves the edit of an order to a person, where the customer of its document is blocked altogether.

        Business Central would take the edit: it refuses new documents and posting only.
        """
        edited = [order for order in orders if _is_applied(choices.get(order.key))]
        ids = {_document(choices[order.key])["customerId"] for order in edited}
        customers = {key: there for key, (there, *_) in self.target.find("customers", "id", ids, False).items()}
        self.customers.privacy.look_up(customers.values())
        for order in edited:
            choice = choices[order.key]
            there = customers.get(_document(choice)["customerId"], {})
            if reason := self._why_left(order, choice, there):
                words = f"edited after it was sent; customer {there.get('number')} is blocked in Business Central"
                choices[order.key] = Choice("conflict", reason, words, choice.found, choice.effects)

    def _why_left(self, order: Candidate, choice: Choice, customer: Mapping[str, Any]) -> str | None:
        """The reason why an edit is left to a person; None when it may be applied."""
        emails = [order.header.get("email"), _document(choice).get("email")]
        if self.customers.privacy.is_blocked(customer, emails):
            return PRIVACY_BLOCKED
        # API v2.0 does not show whether it is for privacy.
        return "CHANGED" if customer.get("blocked") == "All" else None


def _is_applied(choice: Choice | None) -> bool:
    return bool(choice and choice.action == "change")


def _document(choice: Choice) -> Mapping[str, Any]:
    return choice.found.record if choice.found else {}


def _known_already(
    order: Candidate,
    found: DocumentsFound,
    settings: Settings,
    server_now: datetime | None,
) -> Choice | None:
    """What the ledger and Business Central decide. None for an order that becomes a new document."""
    known = order.known
    documents = [document for each in sorted(order.references) for document in found.get(each, [])]
    if is_ignored(known["state"], known["reason"]) and known["sent_version"] == order.version:
        return Choice("skip", IGNORED, known["message"])
    if order.namesakes and known["state"] not in LOST_STATES:
        action = "conflict" if _was_made(known) else "fail"
        words = f"two orders of Winstore have the number {order.key}"
        return Choice(action, "NUMBER_TWICE", words, documents[0] if documents else None)
    if _was_made(known):
        return in_doubt(order, documents, settings.orders) or change(order, documents, settings)
    if sent_otherwise(order, documents):
        return _changed_since(order, documents, settings, server_now)
    lost = reconciled(order, documents, settings, clock.now(), server_now)
    return lost or _not_yet_sent(order, documents, settings)


def _was_made(known: Row) -> bool:
    """Whether the ledger knows that the document was made. A conflict or an ignored edit does not unmake it."""
    if known["state"] == State.CONFIRMED or known["action"] in CHANGING:
        return True
    kept = known["state"] == State.CONFLICT or is_ignored(known["state"], known["reason"])
    return bool(kept and known["target_id"] and known["field_hashes"])


def _not_yet_sent(order: Candidate, documents: list[Found], settings: Settings) -> Choice | None:
    """Decides on an order of which the ledger knows no document. None when it becomes a new one."""
    chosen = settings.orders
    if order.ended and documents:  # Made before the ledger knew of it, or by somebody else.
        ours = chosen.on_existing == "warn" or documents[0].is_cancelled
        return change(order, documents, settings) if ours else decide_existing(order, documents, chosen)
    if order.skip_reason or order.ended:
        return Choice("skip", order.skip_reason or "CANCELLED")
    if order.link and not documents:
        return gone(order.link)
    if order.owner:
        return Choice("fail", "TARGET_TAKEN", f"order {order.owner} has the reference {order.reference}")
    return decide_existing(order, documents, chosen) or wrong(order) or why_total_differs(order, chosen)


def _changed_since(order: Candidate, documents: list[Found], settings: Settings, server_now: datetime | None) -> Choice:
    """Decides on an order that was edited or cancelled after its call was lost. A document of it is there now.

    Its content cannot tell whether the document is ours. So the quarantine is waited for: by then ours would be there
    as a second one.
    """
    if not is_linked(order.link, documents[0]) and may_arrive(order.known, settings, clock.now(), server_now):
        return Choice("wait", "QUARANTINE")
    choice = change(order, documents, settings)
    if choice.reason == "UNCHANGED":
        return adopt(order, documents[0], "RECONCILED", settings.orders)
    return choice


def _held_back(order: Candidate) -> Choice | None:
    """Why an order is not sent now. It is known before anything is done for the order's customer."""
    if order.claims > 1:
        return Choice("fail", "TARGET_TAKEN", "another order of this run has the same reference")
    if order.dependency:
        return Choice("fail", "DEPENDENCY", order.dependency)
    return None


def _for_debtor(debtor: Debtor) -> Choice:
    """A new document, unless the order has no debtor."""
    if debtor.reason:
        return Choice("fail", debtor.reason, debtor.message)
    return Choice("create", None, debtor.message)


def _needs_items(order: Candidate) -> bool:
    """Whether the lines of an order are sent, or compared with those that were sent."""
    if order.errors:
        return False
    is_wanted = not (order.skip_reason or order.ended)
    return is_wanted or bool(order.known["field_hashes"])


def order_row(order: Candidate, choice: Choice, debtor: Debtor | None, connected: ConnectedFlow) -> Row:
    """The row of the plan table for a document."""
    flow = connected.flow
    kind = needed_document(flow).kind(connected.settings)
    body: Any = choice.operations
    changes: str | None = dumps(choice.effects).decode()
    creates = choice.action == "create"
    if creates:
        body = body_of(order, debtor.number if debtor else None, kind.navigation)
        changes = None  # workbench/plans.py makes them of the body when a person asks.
    place = choice.found
    return {
        "part": flow.main,
        "key": order.key,
        "window": order.window,
        "action": choice.action,
        "reason": choice.reason,
        "message": choice.message or _note(order, choice),
        "target_id": place.record["id"] if place else order.known["target_id"],
        "target_no": place.number if place else order.known["target_no"],
        "etag": place.record.get("@odata.etag") if place else None,
        "body": dumps(body).decode(),
        "changes": changes,
        "hash": order.hash,
        "field_hashes": dumps(unsent_hashes(order) if creates else sent_hashes(order)).decode(),
        "version": order.version,
        "mapping_version": order.mapping_version,
        "reference": _reference(order, choice),
        "target_set": _target_set(order, choice, flow.part(kind.header).entity_set),
        "amount": None if order.expected is None else Decimal(order.expected),
        "currency": order.currency,
        "tolerance": tolerance_of(order, connected.settings.orders),
        "customer_key": debtor.key if debtor else None,
        "fallback": debtor.fallback if debtor else None,
        "planned_at": clock.now(),
        "attempt_id": order.known["attempt_id"],
    }


def _target_set(order: Candidate, choice: Choice, document: str) -> str:
    """Where the document is, or how it is sent: of one that was lost, how its lost call was made."""
    if choice.found:
        return choice.found.entity_set
    if choice.action == "wait":
        return str(order.known["target_set"] or document)
    return REQUESTS if choice.action == "create" and order.by_key else document


def _note(order: Candidate, choice: Choice) -> str | None:
    """What people should know of a document that is sent all the same."""
    return f"cut: {', '.join(order.cut)}" if order.cut and choice.action in ("create", "change") else None


def _looked_up(order: Candidate, found: DocumentsFound, debtor: Debtor | None) -> str:
    """What was looked up in Business Central, and what was found, as a JSON list of texts for `winbc trace`.

    It has numbers and no names of people.
    """
    words = []
    for reference in sorted(order.references):
        there = ", ".join(f"{each.entity_set} {each.number}" for each in found.get(reference, []))
        words.append(f"{reference} in {', '.join(PLACES)}: {there or 'not there'}")
    if debtor and not debtor.reason:
        state = "written first" if debtor.key else "there"
        words.append(f"customer: {debtor.number or 'a new one'}, {state}")
    items = {line.get("lineObjectNumber") for line in order.lines if line.get("lineType") == ITEM}
    if items and (debtor or order.dependency):
        words.append(f"{len(items)} items: {order.dependency or 'all there'}")
    return dumps(words).decode()


def _reference(order: Candidate, choice: Choice) -> str:
    """The reference under which the document is in Business Central, or may be there."""
    if choice.found:
        return str(choice.found.record["externalDocumentNumber"])
    may_be_there = choice.action in ("wait", "hold", "human")
    sent_as = order.known["reference"] if may_be_there else None
    return sent_as or order.reference


def _unchanged(connected: ConnectedFlow) -> str:
    """SELECT of the planned rows of documents that need nothing, with two days as bound values."""
    part = literal(connected.flow.main)
    confirmed = f"_order IN (SELECT key FROM ledger WHERE part = {part} AND state = 'CONFIRMED')"
    return f"""
        SELECT
            {part} AS part, _key AS key, _window AS "window",
            'skip' AS action, 'UNCHANGED' AS reason,
            target_id, target_no, target_set, amount, currency,
            '{{}}' AS body, '[]' AS changes,
            own_hash AS hash, field_hashes, _version AS version, mapping_version
        FROM ({documents_sql(connected, confirmed)})
        WHERE unchanged"""
