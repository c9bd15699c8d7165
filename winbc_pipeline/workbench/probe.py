"""Whether Business Central would take a first order: a made-up customer and document, which it undoes itself.

What API v2.0 does not show (posting groups, templates, VAT posting set-up, an extension's own rules) shows only when a
document is made. So one is made in a `$batch` with `Isolation: snapshot` (from version 17.1) whose last call must fail:
a failure rolls all of it back (behaviour.md section 8). What commits on its own would stay: posting does, nothing
is posted here, and what an extension might leave behind is looked for afterwards.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from .. import clock
from ..errors import ConfigurationError, WinbcError
from ..mapping.execute import prepare
from ..staging.store import in_memory, lock_down, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.documents.candidates import needed_document
from ..sync.documents.existing import look_up
from ..sync.outcomes import broken_rule, refusal
from ..sync.payloads import fields_of, filled
from ..sync.records.references import IdsByCode, with_ids
from ..systems.business_central import BusinessCentral, Operation
from ..systems.business_central.client import Result
from .table_tests import give

Record = dict[str, Any]
MUST_FAIL = Operation("last", "POST", "customers", {})  # a customer without a name is refused (behaviour.md section 13)
NO_WORD = "winbc probe"  # a method that no look-up table has: its row `*` counts


def probe(connected: ConnectedFlow, target: BusinessCentral) -> str:
    """Tries a document for a new customer and for each default customer, each in a batch of its own; returns for whom
    it would be taken. Raises ConfigurationError with Business Central's words, or naming what it did not undo."""
    name = f"PROBE-{uuid.uuid4().hex[:8].upper()}"
    payloads = _mapped(connected, target, name)
    flow, orders = connected.flow, connected.settings.orders
    document = needed_document(flow)
    kind = document.kind(connected.settings)
    header, customer = payloads[kind.header], payloads[document.customer[0]] | {"number": name}
    body = header | {kind.navigation: [payloads[part] for part in kind.lines]}
    makes = orders.customers != "never" and not orders.force_default_customer
    debtors = [name] if makes else []
    debtors += sorted({orders.default_customer, *orders.default_customers_by_country.values()} - {""})
    if not debtors:
        raise ConfigurationError(
            "Orders have no customer: none may be made, and there is no `orders.default_customer`."
        )
    for number in debtors:
        made = [Operation("customer", "POST", "customers", customer)] if number == name else []
        path = flow.part(kind.header).entity_set
        made += [Operation("document", "POST", path, body | {"customerNumber": number})]
        try:
            results = target.batch([*made, MUST_FAIL], isolated=True)
        finally:
            _check_nothing_left(target, name, str(header.get("externalDocumentNumber") or ""))
        _check_taken(results, number if number != name else "a new customer")
    words = ", ".join(["a new customer" if number == name else number for number in debtors])
    return f"a document would be taken for {words}; Business Central undid it, and nothing is left"


def _mapped(connected: ConnectedFlow, target: BusinessCentral, name: str) -> dict[str, Record]:
    """The fields of each part of a made-up order; raises ConfigurationError when the tables do not make them."""
    flow, compiled, fields, ids = connected.flow, connected.compiled(), connected.source_fields, IdsByCode(target)
    payloads, wrong = dict[str, Record](), list[str]()
    with in_memory() as connection:
        lock_down(connection)
        give(connection, fields, {key: value for key, value in _order(target, name).items() if key in fields})
        for part in needed_document(flow).parts(connected.settings):
            each = compiled[part]
            prepare(connection, each.steps, each.lookups)
            (row,) = rows_of(connection, each.select)
            payload, missing = with_ids(fields_of(row["creates"]), each.references, ids)
            wrong += [broken_rule(error, flow.part(part).table) for error in row["errors"]] + (
                [missing] if missing else []
            )
            payloads[part] = filled(payload, flow.part(part).own_fields)
    if wrong:
        hint = "Its methods are in no look-up table: give each a row `*`."
        raise ConfigurationError(f"The tables make no document of a made-up order: {'; '.join(wrong[:5])}.", hint)
    return payloads


def _order(target: BusinessCentral, name: str) -> Mapping[str, str]:
    """An order of one article and shipping cost, by nobody; no address is anybody's."""
    items = target.get("items?$filter=blocked eq false&$select=number&$top=1")
    if not items:
        raise ConfigurationError("Business Central has no item that is not blocked.", "Send the products first.")
    order = {"ordernr": name, "email": f"{name.lower()}@winbc.invalid", "orderdate": f"{clock.now():%Y-%m-%d %H:%M:%S}"}
    person = {"invoice_add_fname": "Winbc", "invoice_add_lname": "Probe", "delivery_add_name": "Winbc Probe"}
    methods = {"paymentmethod": NO_WORD, "shippingmethod": NO_WORD, "shippingcost": "1"}
    line = {"linenr": "1", "product_id": str(items[0]["number"]), "description": NO_WORD, "amount": "1"}
    return order | person | methods | line | {"single_price": "1", "reduction": "0", "vatrate": "21"}


def _check_taken(results: list[Result], debtor: str) -> None:
    for result in results[:-1]:
        if result.status in (0, -1):
            raise ConfigurationError("The probe was not answered.", "Run it again once Business Central answers.")
        if result.status >= 400:
            what = "a customer as customer.csv makes one" if result.id == "customer" else f"a document for {debtor}"
            words = f"Business Central refuses {what}: {refusal(result)[1]}."
            raise ConfigurationError(words, "Mend it there (posting groups, templates), or in the tables.")


def _check_nothing_left(target: BusinessCentral, name: str, reference: str) -> None:
    """Raises ConfigurationError naming what was not undone."""
    hint = "An extension commits on its own. Delete these by hand, and do not probe again."
    try:
        customers = target.find("customers", "number", {name}, False)
        documents = look_up(target, {reference}).get(reference, [])
    except WinbcError as error:
        words = f"Whether the probe left anything could not be looked up ({error.code})."
        raise ConfigurationError(
            words, f"Look for customer {name} and document {reference}, and delete them."
        ) from None
    left = [f"customer {number}" for number in customers] + [f"{each.entity_set} {each.number}" for each in documents]
    if left:
        raise ConfigurationError(f"The probe was not undone: {', '.join(left)}.", hint)
