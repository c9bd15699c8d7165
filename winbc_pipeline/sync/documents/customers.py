"""For whom a document is: a customer that is there, one that is made first, or the default debtor.

Seed page, Orders: found by e-mail; a company name makes a company debtor with its contact, none a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ...mapping.compiler import Compiled
from ...staging.ledger import OPEN, State
from ...staging.store import Row, quote, rows_of
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..map import KNOWN, mapped_table
from ..records.decide import Decision, Live, Planner
from ..records.plan import planned_row
from ..records.references import with_payloads
from .candidates import Candidate, needed_document

WRITTEN = ("create", "update")
NO_DOCUMENTS = ("All", "Invoice")  # customers blocked so get no orders (Business Central's CheckBlockedCustOnDocs)
REPLACEABLE = ("NO_CUSTOMER", "MAPPING")  # why the default customer may stand in


@dataclass(frozen=True)
class Debtor:
    """The customer of a document: its number, known at once or once `key`'s record is written; or why there is none."""

    number: str | None = None
    key: str | None = None
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class LookedUp:
    """Mapped customers by key, and what Business Central has of them."""

    rows: dict[str, Row]
    live: Live


class Debtors:
    """The debtors of a run's orders. A customer is decided once, however many orders he has."""

    def __init__(
        self,
        connected: ConnectedFlow,
        target: BusinessCentral,
        compiled: Mapping[str, Compiled],
        ids: Mapping[str, Mapping[str, str]],
    ) -> None:
        flow, settings = connected.flow, connected.settings
        self.connected, self.target, self.chosen = connected, target, settings.orders
        self.compiled, self.ids = compiled, ids
        self.customer, *self.contacts = needed_document(flow).customer
        self.planners = {
            name: Planner(flow.part(name), settings, target, compiled[name].fill_empty, {})
            for name in (self.customer, *self.contacts)
        }
        self.asked: set[str] = set()  # keys of customers that were looked up ahead
        self.own: dict[str, Debtor] = {}  # by the key of the customer
        self.there: dict[str, bool] = {}  # default customers

    def look_up(self, orders: list[Candidate]) -> LookedUp:
        """Ahead of `of`, the customers of the orders that will probably be made."""
        new = {order.customer_key for order in orders if order.customer_key and self._is_new(order)} - self.asked
        self.asked |= new
        return self._there(new)

    def _is_new(self, order: Candidate) -> bool:
        settled = order.skip_reason or order.ended or order.errors or self._default(order)
        return not settled and order.known["state"] in (None, State.FAILED, State.PLANNED)

    def of(self, orders: list[Candidate], ahead: LookedUp) -> tuple[dict[str, Debtor], list[Row]]:
        """The debtor of each order by its key, and the planned rows of what is to be written for them first.

        Args:
            ahead: what was looked up for these orders already.
        """
        defaults = {order.key: self._default(order) for order in orders}
        wanted = {order.customer_key for order in orders if order.customer_key and not defaults[order.key]}
        wanted -= self.own.keys()
        late = self._there(wanted - ahead.rows.keys())
        rows = self._decide([row for key, row in ahead.rows.items() if key in wanted], ahead.live)
        rows += self._decide(list(late.rows.values()), late.live)
        self._look_up({default for default in defaults.values() if default} | self._fall_backs())
        return {order.key: self._debtor(order, defaults[order.key]) for order in orders}, rows

    def _default(self, order: Candidate) -> str:
        """The debtor that an order gets whatever its customer is; empty when it gets its own."""
        return self._of_country(order) if self.chosen.force_default_customer or order.guest else ""

    def _of_country(self, order: Candidate) -> str:
        country = order.header.get("sellToCountry") or order.header.get("shipToCountry") or ""
        return self.chosen.default_customers_by_country.get(country) or self.chosen.default_customer

    def _fall_backs(self) -> set[str]:
        return {self.chosen.default_customer, *self.chosen.default_customers_by_country.values()} - {""}

    def _look_up(self, numbers: set[str]) -> None:
        asked = numbers - self.there.keys()
        found = self.target.find("customers", "number", asked, False)
        self.there |= {number: number in found for number in asked}

    def _debtor(self, order: Candidate, default: str) -> Debtor:
        nobody = Debtor(reason="NO_CUSTOMER", message="the order names no customer")
        own = self.own.get(order.customer_key or "", nobody)
        if not default and own.reason in REPLACEABLE:
            default = self._of_country(order)
        if not default:
            return own
        if self.there[default]:
            return Debtor(number=default)
        return Debtor(reason="NO_CUSTOMER", message=f"the default customer {default} is not in Business Central")

    def _decide(self, customers: list[Row], live: Live) -> list[Row]:
        """Decides customers; returns the planned rows of those that are written, with their contacts."""
        rows, written = [], set()
        for row, decided in self.planners[self.customer].decide_all(customers, live):
            decision = self._kept(decided)
            self.own[row["_key"]] = debtor = self._own(row["_key"], decision)
            if debtor.key or row["state"] in OPEN:  # in trouble once, mended since
                rows.append(planned_row(row, decision))
            if debtor.key:
                written.add(debtor.key)
        for name in self.contacts:
            contacts = self._mapped(name, written)
            rows += [planned_row(*decided) for decided in self.planners[name].decide_all(contacts)]
        return rows

    def _kept(self, decision: Decision) -> Decision:
        """An order does not change a customer that is there unless the settings say so."""
        if decision.action in ("update", "conflict") and self.chosen.customers != "create_and_update":
            return Decision("skip", "KEPT", target=decision.target)
        if decision.action == "conflict":
            return Decision("skip", decision.reason, decision.message, target=decision.target)
        return decision

    def _own(self, key: str, decision: Decision) -> Debtor:
        """The customer himself as debtor, or why he is none."""
        number = decision.target.get("number") or decision.body.get("number")
        if decision.action == "create" and self.chosen.customers == "never":
            return Debtor(reason="NO_CUSTOMER", message="the customer is not there, and orders may not make one")
        if (blocked := decision.target.get("blocked")) in NO_DOCUMENTS:
            return Debtor(reason="NO_CUSTOMER", message=f"customer {number} is blocked ({blocked}) in Business Central")
        if decision.action in WRITTEN:
            return Debtor(number=number, key=key)
        if decision.action == "skip" and number:
            return Debtor(number=str(number))
        return Debtor(reason=decision.reason, message=f"customer: {decision.message or decision.reason}")

    def _there(self, keys: set[str]) -> LookedUp:
        rows = self._mapped(self.customer, keys)
        return LookedUp({row["_key"]: row for row in rows}, self.planners[self.customer].look_up(rows))

    def _mapped(self, part: str, keys: set[str]) -> list[Row]:
        """Mapped rows of the keys, whatever window they are in, with whole payloads and what the ledger knows."""
        if not keys:
            return []
        with self.connected.store.open() as connection:
            rows = rows_of(
                connection,
                f"""
                SELECT m.*, {KNOWN}
                FROM {quote(mapped_table(self.connected.flow))} AS m
                LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
                WHERE m.part = ? AND m._key IN (SELECT unnest(?))
                ORDER BY m._key
                """,
                [part, sorted(keys)],
            )
        return [with_payloads(row, self.compiled[part], self.ids) for row in rows]
