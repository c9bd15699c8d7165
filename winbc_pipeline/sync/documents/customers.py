"""Finds the debtor of each document: a customer that is there, a customer that is made first, or a default customer.

Source: seed page, Orders. The customer is found by e-mail. An order with a company name gets a company as debtor, with
a contact; an order without one gets a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ... import clock
from ...mapping.compiler import Compiled
from ...staging import ledger
from ...staging.ledger import OPEN, State
from ...staging.store import Row, literal, quote, renew_table, rows_of
from ...systems.business_central import BusinessCentral
from ..connected import ConnectedFlow
from ..map import KNOWN, MAPPED, mapped_table
from ..outcomes import PRIVACY_BLOCKED
from ..records.compare import live_targets
from ..records.decide import Planner
from ..records.decision import Decision, Live
from ..records.plan import planned_row
from ..records.special.addresses import is_given, with_address_of
from ..records.special.privacy import Privacy
from ..records.target.references import with_payloads
from .candidates import Candidate, needed_document

WRITTEN = ("create", "update")
# A customer who is `blocked` so gets no documents (Business Central's CheckBlockedCustOnDocs).
NO_DOCUMENTS = {"salesOrders": ("All", "Invoice", "Ship"), "salesInvoices": ("All", "Invoice")}
REPLACEABLE = ("NO_CUSTOMER", "MAPPING", "TARGET_TAKEN")  # reasons for which the default customer stands in


@dataclass(frozen=True)
class Debtor:
    """The customer of a document.

    Attributes:
        number: its number in Business Central; None while it is not known yet.
        key: the key of the customer that is written first; None when nothing is to be written.
        fallback: the number of the default customer, for when Business Central refuses the customer, or its document
            because the customer has no posting group.
        reason: why there is no debtor; message: the same in words, or why the debtor is the default customer.
    """

    number: str | None = None
    key: str | None = None
    fallback: str | None = None
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class LookedUp:
    """Mapped customers by key, and what Business Central has for them."""

    rows: dict[str, Row]
    live: Live


class Debtors:
    """The debtors of a run's orders. A customer is decided once, however many orders they have."""

    def __init__(
        self,
        connected: ConnectedFlow,
        target: BusinessCentral,
        compiled: Mapping[str, Compiled],
        ids: Mapping[str, Mapping[str, str]],
    ) -> None:
        flow, settings = connected.flow, connected.settings
        self.connected, self.target, self.chosen = connected, target, settings.orders
        self.compiled, self.ids, self.hash_key = compiled, ids, connected.hash_key
        document = needed_document(flow)
        self.customer, *self.contacts = document.customer
        self.blocking = NO_DOCUMENTS[flow.part(document.kind(settings).header).entity_set]
        self.planners = {
            name: Planner(connected, flow.part(name), target, compiled[name])
            for name in (self.customer, *self.contacts)
        }
        self.asked: set[str] = set()  # keys of the customers that `look_up` has looked up
        self.own: dict[str, Debtor] = {}  # the customers that were decided, by their key
        self.keys: dict[str, str] = {}  # the same by number: the key of the first customer who has it
        self.there: dict[str, bool] = {}  # by number of a default customer: whether Business Central has it
        self.privacy = Privacy(target)
        self.found: dict[str, Mapping[str, Any]] = {}  # by key of a customer: what Business Central has, {} for nothing
        self.private: set[str] = set()  # keys of the customers who are blocked for privacy

    def look_up(self, orders: list[Candidate]) -> LookedUp:
        """Looks up the customers of the orders that will probably be made, before `of` asks for them.

        Raises:
            WinbcError: a lookup was not answered.
        """
        wanted = {order.customer_key for order in orders if order.customer_key and self._is_new(order)}
        new = wanted - self.asked
        self.asked |= new
        return self._there(new)

    def _is_new(self, order: Candidate) -> bool:
        settled = order.skip_reason or order.ended or order.errors or self._default(order)
        return not settled and order.known["state"] in (None, State.FAILED, State.PLANNED)

    def of(self, orders: list[Candidate], ahead: LookedUp) -> tuple[dict[str, Debtor], list[Row]]:
        """Decides the debtors of orders.

        Args:
            ahead: what `look_up` found for these orders.

        Returns:
            The debtor by the order's key, and the planned rows of the customers and contacts that are written first.
        """
        defaults = {order.key: self._default(order) for order in orders}
        wanted = {order.customer_key for order in orders if order.customer_key and not defaults[order.key]}
        wanted -= self.own.keys()
        late = self._there(wanted - ahead.rows.keys())
        rows = self._decide([row for key, row in ahead.rows.items() if key in wanted], ahead.live)
        rows += self._decide(list(late.rows.values()), late.live)
        self._look_behind({order.customer_key for order in orders if order.customer_key and defaults[order.key]})
        self._look_up({default for default in defaults.values() if default} | self._fall_backs())
        return {order.key: self._debtor(order, defaults[order.key]) for order in orders}, rows

    def _default(self, order: Candidate) -> str:
        """The number of the default customer for an order that does not get its own customer; else empty."""
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

    def _look_behind(self, keys: set[str]) -> None:
        """Looks up customers for whom the default customer stands in, because they may be blocked for privacy."""
        rows = self._mapped(self.customer, keys - self.found.keys())
        if rows:
            part = self.connected.flow.part(self.customer)
            self._heed_privacy(rows, live_targets(self.connected, part, self.target, self.compiled[part.name], rows))

    def _heed_privacy(self, rows: list[Row], found: list[Mapping[str, Any]]) -> None:
        """Notes what Business Central has for customers, and which of them are blocked for privacy."""
        self.privacy.look_up(each for each in found if each.get("id"))
        names = {row["_key"]: [row["creates"].get("email")] for row in rows}
        for part in self.contacts if self.privacy.people else ():
            for contact in self._mapped(part, set(names)):
                names[contact["_key"]] += [contact["creates"].get("number"), contact["target_no"]]
        for row, there in zip(rows, found, strict=True):
            self.found[row["_key"]] = there
            if self.privacy.is_blocked(there, names[row["_key"]]):
                self.private.add(row["_key"])

    def _left_alone(self, order: Candidate) -> Debtor | None:
        """Why nothing is sent about the customer of an order, who is blocked for privacy; None for all others."""
        key = order.customer_key or ""
        there = self.found.get(key, {})
        if key in self.private:
            is_there = bool(there.get("id"))  # a customer whom another order of this run makes is not
            who = f"customer {there['number']} or his contact" if is_there else "a contact with the order's e-mail"
            return Debtor(reason=PRIVACY_BLOCKED, message=f"{who} is blocked for privacy in Business Central")
        if order.known["reason"] == PRIVACY_BLOCKED and self.privacy.may_be_blocked(there):
            return Debtor(reason=PRIVACY_BLOCKED, message=order.known["message"])
        return None

    def _debtor(self, order: Candidate, default: str) -> Debtor:
        """The default customer if there is one for the order, else the order's own customer."""
        if private := self._left_alone(order):
            return private
        words = "the order names no customer, and `orders.default_customer` is not set"
        nobody = Debtor(reason="NO_CUSTOMER", message=words)
        own = self.own.get(order.customer_key or "", nobody)
        if own.number and self.there.get(fallback := self._of_country(order)):
            own = replace(own, fallback=fallback)
        why = own.message
        if not default and own.reason in REPLACEABLE:
            default = self._of_country(order)
        elif default:
            why = None
        if not default:
            return own
        there = self.found.get(order.customer_key or "", {})
        if self.there[default] and there.get("blocked") == "All":
            # It may be for privacy. Business Central tells when it refuses the customer's own document.
            return Debtor(number=there["number"], fallback=default)
        if self.there[default]:
            return Debtor(number=default, message=why and f"for the default customer {default}: {why}")
        return Debtor(reason="NO_CUSTOMER", message=f"the default customer {default} is not in Business Central")

    def _decide(self, customers: list[Row], live: Live) -> list[Row]:
        """Decides customers; returns the planned rows of those that are written, with their contacts."""
        rows: list[Row] = []
        written: set[str] = set()
        broken = [row for row in customers if row["errors"] or row["missing"]]
        known = self._known(broken)
        unknown = [row for row in broken if row["_key"] not in known]
        own = self._of_their_own_flow(unknown)
        told = {row["_key"]: row | own[row["_key"]] for row in unknown if row["_key"] in own}
        customers = [told.get(row["_key"], row) for row in customers]
        both = self.planners[self.customer].decide_all(customers, live if not told else None)
        both = [(row, known.get(row["_key"], decided)) for row, decided in both]
        both = self._with_their_own_address(both)
        self._heed_privacy([row for row, _ in both], [decision.target for _, decision in both])
        decisions = [(row, self._kept(row["_key"], decision)) for row, decision in both]
        for row, decision in self._without_others_email(decisions):
            self.own[row["_key"]] = debtor = self._own(row, decision)
            # A customer in trouble is planned too: the ledger may have to be told that all is well again.
            if debtor.key or row["state"] in OPEN:
                rows.append(planned_row(row, decision, clock.now()))
            if debtor.key:
                written.add(debtor.key)
            if debtor.number:
                self.keys.setdefault(debtor.number, row["_key"])
        for name in self.contacts:
            contacts = self._mapped(name, written)
            rows += [planned_row(*decided, clock.now()) for decided in self.planners[name].decide_all(contacts)]
        return rows

    def _known(self, broken: list[Row]) -> dict[str, Decision]:
        """Customers that are there although their mapped row breaks a rule, by key.

        An order needs its customer, not the customer's mapping: a wrong field matters only when it would be written.
        """
        if not broken:
            return {}
        part = self.connected.flow.part(self.customer)
        found = live_targets(self.connected, part, self.target, self.compiled[part.name], broken)
        both = zip(broken, found, strict=True)
        return {row["_key"]: Decision("skip", "KEPT", target=target) for row, target in both if target}

    def _with_their_own_address(self, decided: list[tuple[Row, Decision]]) -> list[tuple[Row, Decision]]:
        """New customers whose order has no billing address get the one of their own record, if it has one.

        So the address is that of the flow of customers, whichever of the two flows makes the customer.
        """
        address = self.connected.flow.part(self.customer).address
        if address is None:
            return decided
        made = [row for row, decision in decided if decision.action == "create"]
        without = [row for row in made if not is_given(row["updates"], address.place)]
        own = {key: row["creates"] for key, row in self._of_their_own_flow(without).items()}
        own = {key: creates for key, creates in own.items() if is_given(creates, address.place)}
        return [
            (row, replace(decision, body=with_address_of(decision.body, own[row["_key"]], address)))
            if row["_key"] in own and decision.action == "create"
            else (row, decision)
            for row, decision in decided
        ]

    def _of_their_own_flow(self, customers: list[Row]) -> dict[str, Row]:
        """Customers of orders as the flow of customers has mapped them, by key; those only that break no rule."""
        own, settings = needed_document(self.connected.flow).customers, self.connected.settings
        if not customers or own is None:
            return {}
        connected = ConnectedFlow(own, settings)
        if not connected.store.exists():
            return {}
        compiled = connected.compiled()[own.main]
        with connected.store.open() as connection:
            renew_table(connection, mapped_table(own), MAPPED)
            mapped = rows_of(
                connection,
                f"""
                SELECT _key, creates, updates, errors
                FROM {quote(mapped_table(own))}
                WHERE part = ? AND len(errors) = 0 AND _key IN (SELECT unnest(?))
                """,
                [own.main, [row["_key"] for row in customers]],
            )
        return {row["_key"]: with_payloads(row, compiled, self.ids, self.hash_key) for row in mapped}

    def _without_others_email(self, decisions: list[tuple[Row, Decision]]) -> Iterator[tuple[Row, Decision]]:
        """Refuses customers who are found by the e-mail of another customer of the source.

        The flow of customers refuses them too. Guests are only known by their e-mail, so they may be anybody's.
        """
        linked = self._linked({decision.target["id"] for _, decision in decisions if decision.target.get("id")})
        for row, decision in decisions:
            number = str(decision.target.get("number") or "")
            owner = linked.get(decision.target.get("id", ""), self.keys.get(number, str(row["_key"])))
            if owner == row["_key"] or self._is_guest(owner) or self._is_guest(row["_key"]):
                yield row, decision
                continue
            words = f"customer {row['_key']} of Winstore has the e-mail of customer {owner}, who is {number} there"
            yield row, Decision("fail", "TARGET_TAKEN", words)

    def _linked(self, ids: set[str]) -> dict[str, str]:
        """The key of the source's customer by the id of the target's, as the ledgers of both flows have it."""
        if not ids:
            return {}
        document = needed_document(self.connected.flow)
        where = f"part = {literal(self.customer)} AND target_id IN ({', '.join(map(literal, ids))})"
        rows = ledger.read(self.connected.store, where)
        if document.customers:
            rows += ledger.read_other(self.connected.settings, document.customers.id, where)
        return {row["target_id"]: row["key"] for row in rows if not self._is_guest(row["key"])}

    def _is_guest(self, key: str) -> bool:
        return key.startswith(needed_document(self.connected.flow).guest_key)

    def _kept(self, key: str, decision: Decision) -> Decision:
        """Leaves a customer that is there as it is, unless `orders.customers` lets orders change customers.

        Blocked customers are left alone in any case.
        """
        if key in self.private:
            return Decision("skip", PRIVACY_BLOCKED, target=decision.target)
        if decision.action == "update" and decision.target.get("blocked") in self.blocking:
            return Decision("skip", "KEPT", target=decision.target)
        if decision.action in ("update", "conflict") and self.chosen.customers != "create_and_update":
            return Decision("skip", "KEPT", target=decision.target)
        if decision.action == "conflict":  # Nobody's edit is overwritten, and the order does not have to wait for it.
            return Decision("skip", decision.reason, decision.message, target=decision.target)
        return decision

    def _own(self, row: Row, decision: Decision) -> Debtor:
        """The customer as debtor, or why the customer cannot be one."""
        number = decision.target.get("number") or decision.body.get("number")
        if decision.action == "create" and self.chosen.customers == "never":
            return Debtor(reason="NO_CUSTOMER", message="the customer is not there, and orders may not make one")
        if (blocked := decision.target.get("blocked")) in self.blocking:
            return Debtor(reason="NO_CUSTOMER", message=f"customer {number} is blocked ({blocked}) in Business Central")
        if decision.action in WRITTEN:
            return Debtor(number=number, key=row["_key"])
        if decision.action == "skip" and number:
            return Debtor(number=str(number))
        described_by = f" (described by order {row['_order']})" if row["errors"] or row["missing"] else ""
        words = f"customer{described_by}: {decision.message or decision.reason}"
        return Debtor(reason=decision.reason, message=words)

    def _there(self, keys: set[str]) -> LookedUp:
        planner = self.planners[self.customer]
        rows = planner.prepared(self._mapped(self.customer, keys))  # once: `decide_all` gets the same rows
        return LookedUp({row["_key"]: row for row in rows}, planner.look_up(rows))

    def _mapped(self, part: str, keys: set[str]) -> list[Row]:
        """Mapped records with whole payloads and with what the ledger knows, whatever window they are in.

        Their column `_order` is the number of the order that they were mapped from.
        """
        if not keys:
            return []
        staging = self.connected.staging
        with self.connected.store.open() as connection:
            rows = rows_of(
                connection,
                f"""
                SELECT m.*, {KNOWN}, s.{quote(staging.group)} AS _order
                FROM {quote(mapped_table(self.connected.flow))} AS m
                LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
                LEFT JOIN {quote(staging.name)} AS s ON s._version::VARCHAR = m._version
                WHERE m.part = ? AND m._key IN (SELECT unnest(?))
                QUALIFY row_number() OVER (PARTITION BY m._key ORDER BY s._key) = 1
                ORDER BY m._key
                """,
                [part, sorted(keys)],
            )
        return [with_payloads(row, self.compiled[part], self.ids, self.hash_key) for row in rows]
