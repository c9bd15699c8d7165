"""For whom a document is: a customer that is there, one that is made first, or the default debtor.

Seed page, Orders: found by e-mail; a company name makes a company debtor with its contact, none a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ...mapping.compiler import Compiled
from ...settings import OrderSettings, Settings
from ...staging.ledger import OPEN
from ...staging.store import Row, quote, rows_of
from ...systems.business_central import BusinessCentral
from ..flow import Flow
from ..map import mapped_table
from ..plan import KNOWN, Decision, decide
from ..stage import flow_store
from .candidates import Candidate, needed_document

WRITTEN = ("create", "update")


@dataclass(frozen=True)
class Debtor:
    """The customer of a document: its number, known at once or once `key`'s record is written; or why there is none."""

    number: str | None = None
    key: str | None = None
    reason: str | None = None
    message: str | None = None


def debtors(
    flow: Flow,
    settings: Settings,
    target: BusinessCentral,
    compiled: Mapping[str, Compiled],
    orders: list[Candidate],
) -> tuple[dict[str, Debtor], list[tuple[str, Row, Decision]]]:
    """The debtor of each order by its key, and what is to be written for them first (part, mapped row, decision)."""
    chosen = settings.orders
    defaults = {order.key: _default(order, chosen) for order in orders}
    own = [order for order in orders if not defaults[order.key]]
    decided = _decided(flow, settings, target, compiled, {order.customer_key for order in own if order.customer_key})
    there = _numbers_there(target, {number for number in defaults.values() if number} | _fall_backs(chosen))
    found = {
        order.key: _debtor(order, defaults[order.key], decided.get(order.customer_key or ""), chosen, there)
        for order in orders
    }
    wanted = {debtor.key for debtor in found.values() if debtor.key}
    customer = needed_document(flow).customer[0]
    settles = {key for key, (row, _) in decided.items() if row["state"] in OPEN}  # in trouble once, mended since
    writes = [(customer, row, decision) for key, (row, decision) in decided.items() if key in wanted | settles]
    return found, writes + _contacts(
        flow,
        settings,
        target,
        compiled,
        {key for key, (_, d) in decided.items() if key in wanted and d.action in WRITTEN},
    )


def _default(order: Candidate, chosen: OrderSettings) -> str:
    """The debtor that an order gets whatever its customer is; empty when it gets its own."""
    return _of_country(order, chosen) if chosen.force_default_customer or order.guest else ""


def _of_country(order: Candidate, chosen: OrderSettings) -> str:
    country = order.header.get("sellToCountry") or order.header.get("shipToCountry") or ""
    return chosen.default_customers_by_country.get(country) or chosen.default_customer


def _fall_backs(chosen: OrderSettings) -> set[str]:
    return {chosen.default_customer, *chosen.default_customers_by_country.values()} - {""}


def _numbers_there(target: BusinessCentral, numbers: set[str]) -> set[str]:
    return set(target.find("customers", "number", numbers, False))


def _debtor(
    order: Candidate, default: str, own: tuple[Row, Decision] | None, chosen: OrderSettings, there: set[str]
) -> Debtor:
    problem = Debtor(reason="NO_CUSTOMER", message="the order names no customer")
    if default or own is None:
        default = default or _of_country(order, chosen)
        return _checked(default, there) if default else problem
    row, decision = own
    if decision.action in WRITTEN and (decision.action == "create") and chosen.customers == "never":
        problem = Debtor(reason="NO_CUSTOMER", message="the customer is not there, and orders may not make one")
    elif decision.action in WRITTEN:
        number = decision.target.get("number") or decision.body.get("number")
        return Debtor(number=number, key=row["_key"])
    elif decision.action == "skip" and decision.target.get("number"):
        return Debtor(number=str(decision.target["number"]))
    else:
        problem = Debtor(reason=decision.reason, message=f"customer: {decision.message or decision.reason}")
    default = _of_country(order, chosen)
    return _checked(default, there) if default and problem.reason in ("NO_CUSTOMER", "MAPPING") else problem


def _checked(number: str, there: set[str]) -> Debtor:
    if number in there:
        return Debtor(number=number)
    return Debtor(reason="NO_CUSTOMER", message=f"the default customer {number} is not in Business Central")


def _decided(
    flow: Flow, settings: Settings, target: BusinessCentral, compiled: Mapping[str, Compiled], keys: set[str]
) -> dict[str, tuple[Row, Decision]]:
    part = flow.part(needed_document(flow).customer[0])
    rows = _mapped(flow, settings, part.name, keys)
    decided = decide(part, settings, target, compiled[part.name], rows, {})
    return {row["_key"]: (row, _kept(decision, settings)) for row, decision in decided}


def _kept(decision: Decision, settings: Settings) -> Decision:
    """An order does not change a customer that is there unless the settings say so."""
    if decision.action in ("update", "conflict") and settings.orders.customers != "create_and_update":
        return Decision("skip", "KEPT", target=decision.target)
    if decision.action == "conflict":
        return Decision("skip", decision.reason, decision.message, target=decision.target)
    return decision


def _contacts(
    flow: Flow, settings: Settings, target: BusinessCentral, compiled: Mapping[str, Compiled], keys: set[str]
) -> list[tuple[str, Row, Decision]]:
    """The contacts of the customers that are written."""
    writes = []
    for name in needed_document(flow).customer[1:]:
        rows = _mapped(flow, settings, name, keys)
        writes += [
            (name, row, decision)
            for row, decision in decide(flow.part(name), settings, target, compiled[name], rows, {})
        ]
    return writes


def _mapped(flow: Flow, settings: Settings, part: str, keys: set[str]) -> list[Row]:
    """Mapped rows of the keys, whatever window they are in, with what the ledger knows of them."""
    with flow_store(flow, settings).open() as connection:
        return rows_of(
            connection,
            f"SELECT m.*, {KNOWN} FROM {quote(mapped_table(flow))} AS m LEFT JOIN ledger AS l "
            "ON l.part = m.part AND l.key = m._key WHERE m.part = ? AND list_contains(?, m._key) ORDER BY m._key",
            [part, sorted(keys)],
        )
