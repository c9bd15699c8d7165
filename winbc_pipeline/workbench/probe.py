"""Whether Business Central would take a first order: it gets a made-up customer and document, and undoes both itself.

API v2.0 does not show posting groups, templates, the VAT posting setup and the rules of extensions. They show only when
a document is made. The probe makes one in a `$batch` with `Isolation: snapshot` (from version 17.1) whose last call
must fail: that failure rolls back the whole batch (behaviour.md section 8). Code that commits on its own is not rolled
back. Posting is such code, so the probe posts nothing. An extension may be, so the probe looks for remains afterwards.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from .. import clock
from ..errors import ConfigurationError, WinbcError
from ..mapping.compiler import Compiled
from ..mapping.execute import fill_joined_tables
from ..staging.store import in_memory, lock_down, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.documents.candidates import needed_document
from ..sync.documents.existing import look_up
from ..sync.outcomes import broken_rule, refusal
from ..sync.payloads import fields_of, filled
from ..sync.records.target.references import IdsByCode, with_ids
from ..systems.business_central import BusinessCentral, Operation, Result
from .tables.table_tests import put_source_record

Record = dict[str, Any]
MUST_FAIL = Operation("last", "POST", "customers", {})  # a customer without a name is refused (behaviour.md section 13)
NO_WORD = "winbc probe"  # a payment or shipping method that no lookup table has: the table's row `*` gives the value
# Fields of the made-up order whose value has to stand in a lookup table, and that table.
LOOKED_UP = {"paymentmethod": "payment_methods", "shippingmethod": "shipping_accounts", "vatrate": "tax_groups"}


def probe(connected: ConnectedFlow, target: BusinessCentral) -> str:
    """Tries a document for a new customer and for each default customer, each in a batch of its own.

    Returns: in words, the customers for whom Business Central would take a document.
    Raises: ConfigurationError with Business Central's words, or with the names of what it did not undo.
    """
    name = f"PROBE-{uuid.uuid4().hex[:8].upper()}"
    payloads = _mapped(connected, target, name)
    flow, orders = connected.flow, connected.settings.orders
    document = needed_document(flow)
    kind = document.kind(connected.settings)
    header, customer = payloads[kind.header], payloads[document.customer[0]] | {"number": name}
    body = header | {kind.navigation: [payloads[part] for part in kind.lines]}
    path = flow.part(kind.header).entity_set
    makes_customers = orders.customers != "never" and not orders.force_default_customer
    debtors = [name] if makes_customers else []
    debtors += sorted({orders.default_customer, *orders.default_customers_by_country.values()} - {""})
    if not debtors:
        raise ConfigurationError(
            "Orders have no customer: none may be made, and there is no `orders.default_customer`."
        )
    for number in debtors:
        made = [Operation("customer", "POST", "customers", customer)] if number == name else []
        made.append(Operation("document", "POST", path, body | {"customerNumber": number}))
        try:
            results = target.batch([*made, MUST_FAIL], isolated=True)
        finally:
            _check_nothing_left(target, name, str(header.get("externalDocumentNumber") or ""))
        _check_taken(results, number if number != name else "a new customer")
    words = ", ".join(["a new customer" if number == name else number for number in debtors])
    return f"a document would be taken for {words}; Business Central undid it, and nothing is left"


def _mapped(connected: ConnectedFlow, target: BusinessCentral, name: str) -> dict[str, Record]:
    """The fields of each part of a made-up order; raises ConfigurationError when the tables make no document of it."""
    flow, compiled, fields = connected.flow, connected.compiled(), connected.source_fields
    ids = IdsByCode(target)
    payloads: dict[str, Record] = {}
    wrong: list[str] = []
    made_up = _order(target, name) | _looked_up(compiled)
    order = {field: value for field, value in made_up.items() if field in fields}
    with in_memory() as connection:
        lock_down(connection)
        put_source_record(connection, fields, order)
        for part_name in needed_document(flow).parts(connected.settings):
            part, own = flow.part(part_name), compiled[part_name]
            fill_joined_tables(connection, own.steps, own.lookups)
            (row,) = rows_of(connection, own.select)
            payload, missing = with_ids(fields_of(row["creates"]), own.references, ids)
            wrong += [broken_rule(error, part.table) for error in row["errors"]]
            wrong += [missing] if missing else []
            payloads[part_name] = filled(payload, part.own_fields)
    if wrong:
        hint = (
            "It has the methods and the VAT rate of the first rows of payment_methods, shipping_accounts, tax_groups."
        )
        raise ConfigurationError(f"The tables make no document of a made-up order: {'; '.join(wrong[:5])}.", hint)
    return payloads


def _looked_up(compiled: Mapping[str, Compiled]) -> dict[str, str]:
    """Values that the lookup tables have: any when there is a row `*`, else that of the first row."""
    lookups = {name: table for each in compiled.values() for name, table in each.lookups.items()}
    found = {}
    for field, name in LOOKED_UP.items():
        keys = [key for key in lookups.get(name, {}) if key and key != "*"]
        if keys and (field == "vatrate" or "*" not in lookups[name]):
            found[field] = keys[0]
    return found


def _order(target: BusinessCentral, name: str) -> dict[str, str]:
    """An order of one article with shipping cost. Its customer is made up, and so is every address."""
    items = target.get("items?$filter=blocked eq false&$select=number&$top=1")
    if not items:
        raise ConfigurationError("Business Central has no item that is not blocked.", "Send the products first.")
    email = f"{name.lower()}@winbc.invalid"  # RFC 2606: nobody can ever have an address in .invalid
    order = {"ordernr": name, "email": email, "orderdate": f"{clock.now():%Y-%m-%d %H:%M:%S}"}
    person = {"invoice_add_fname": "Winbc", "invoice_add_lname": "Probe", "delivery_add_name": "Winbc Probe"}
    methods = {"paymentmethod": NO_WORD, "shippingmethod": NO_WORD, "shippingcost": "1"}
    line = {"linenr": "1", "product_id": str(items[0]["number"]), "description": NO_WORD, "amount": "1"}
    return order | person | methods | line | {"single_price": "1", "reduction": "0", "vatrate": "21"}


def _check_taken(results: list[Result], debtor: str) -> None:
    """Raises ConfigurationError when a call was refused or not answered. The last one, MUST_FAIL, does not count."""
    for result in results[:-1]:
        if result.status in (0, -1):
            raise ConfigurationError("The probe was not answered.", "Run it again once Business Central answers.")
        if result.status >= 400:
            is_customer = result.id == "customer"
            what = "a customer as customer.csv makes one" if is_customer else f"a document for {debtor}"
            words = f"Business Central refuses {what}: {refusal(result)[1]}."
            raise ConfigurationError(words, "Mend it there (posting groups, templates), or in the tables.")


def _check_nothing_left(target: BusinessCentral, name: str, reference: str) -> None:
    """Raises ConfigurationError that names what Business Central did not undo."""
    try:
        customers = target.find("customers", "number", {name}, False)
        documents = look_up(target, {reference}).get(reference, [])
    except WinbcError as error:
        words = f"Whether the probe left anything could not be looked up ({error.code})."
        hint = f"Look for customer {name} and document {reference}, and delete them."
        raise ConfigurationError(words, hint) from None
    left = [f"customer {number}" for number in customers]
    left += [f"{each.entity_set} {each.number}" for each in documents]
    if left:
        hint = "An extension commits on its own. Delete these by hand, and do not probe again."
        raise ConfigurationError(f"The probe was not undone: {', '.join(left)}.", hint)
