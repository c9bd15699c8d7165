"""Orders in both directions, as sales orders or as sales invoices. Key: the order number, as external document number.

One record of the source is one line, with the fields of its order.
"""

from dataclasses import replace
from datetime import timedelta

from .. import clock
from ..settings import Settings
from ..staging.ledger import MAY_BE_IN_TARGET
from ..staging.store import literal
from ..sync.documents.by_key.request import APP_FIELDS, REQUESTS
from ..sync.documents.decide import COMPANION_FIELDS
from ..sync.flow import Document, DocumentKind, Flow
from ..sync.part import Part
from ..systems.business_central import entity_fields
from ..systems.facts import FieldFacts
from . import alike_skus, sent_by_bc, variants
from .customers import ADDRESS, COMPANY, CUSTOMERS
from .documents_of_bc import READING

EXTERNAL = (("externalDocumentNumber", False),)
NUMBER = (("ordernr", False),)
ORDER = DocumentKind("order", ("order_line", "shipping"), "salesOrderLines")
INVOICE = DocumentKind("invoice", ("invoice_line", "shipping"), "salesInvoiceLines")

# Values of `customerid` in an order whose customer is not known.
# 999999 is Winstore's catch-all customer (winstore.md section 2).
NOBODY = "('', '0', '999999')"
GUEST = f"coalesce(trim(customerid), '') IN {NOBODY}"
GUEST_KEY = "guest "  # with what the key of such a customer begins
# All orders of a guest with one e-mail address share one customer. The key is made with the key of the installation
# (`keyed`, staging/store.py), of the hash that earlier versions had for a key: an e-mail address can be guessed.
GUEST_SIGN = "md5(lower(trim(email)))[1:12]"
CUSTOMER = f"CASE WHEN NOT ({GUEST}) THEN trim(customerid) WHEN email IS NOT NULL THEN '{GUEST_KEY}' || {{}} END"
CUSTOMER_KEY = CUSTOMER.format(f"left(keyed({GUEST_SIGN}), 12)")
# A line without a number, or one of two with the same number, of which staging keeps one.
LINE_LOST = "max(line_count) > count(*) OR bool_or(line_count > 0 AND linenr IS NULL)"
HAS_COMPANY_AND_PERSON = "invoice_add_company IS NOT NULL AND invoice_add_lname IS NOT NULL"
KEY = "coalesce(ordernr, '(no number)')"  # orders without a number are reported by one record of their own


def kind(settings: Settings) -> DocumentKind:
    """What the settings make of an order: a sales order or a sales invoice."""
    return ORDER if settings.orders.document == "order" else INVOICE


def ended(settings: Settings) -> str:
    """SQL: `cancelled` or `refunded` for an order whose status says that it is no longer wanted, else NULL."""
    cancelled = _one_of("status", settings.orders.cancelled_statuses)
    refunded = _one_of("status", settings.orders.refunded_statuses)
    return f"CASE WHEN {cancelled} THEN 'cancelled' WHEN {refunded} THEN 'refunded' END"


def skips(settings: Settings) -> tuple[tuple[str, str], ...]:
    """SQL conditions of orders that become no document, each with its reason code. The first that holds counts."""
    chosen = settings.orders
    never = [method for method, rule in chosen.payment_rules.items() if rule == "never"]
    when_paid = [method for method, rule in chosen.payment_rules.items() if rule == "when_paid"]
    unpaid = f"{_one_of('paymentmethod', when_paid)} AND NOT {_one_of('status', chosen.paid_statuses)}"
    conditions = [(_is_one_of("ordernr", sent_by_bc.numbers(settings)), "ORIGIN")]
    if chosen.statuses:
        conditions.append((f"NOT {_one_of('status', chosen.statuses)}", "STATUS"))
    conditions.append((_one_of("paymentmethod", never), "PAYMENT_METHOD"))
    if chosen.give_up_after_days:
        conditions.append((f"{unpaid} AND {_older_than(chosen.give_up_after_days, settings)}", "GIVEN_UP"))
    conditions.append((unpaid, "NOT_PAID"))
    if chosen.document == "invoice_when_completed":
        conditions.append((f"NOT {_one_of('status', chosen.completed_statuses)}", "NOT_COMPLETED"))
    return tuple(conditions)


def _older_than(days: int, settings: Settings) -> str:
    """SQL: whether so many days of 24 hours have passed since the order. Winstore dates orders in its local time."""
    ordered = f"timezone({literal(settings.winstore.time_zone.key)}, try_cast(orderdate AS TIMESTAMP))"
    limit = clock.now() - timedelta(days=days)
    return f"{ordered} < {literal(limit.isoformat())}::TIMESTAMPTZ"


def _one_of(column: str, words: tuple[str, ...] | list[str]) -> str:
    """SQL: whether a text is one of the words, in capitals or not. A text that is NULL is none of them."""
    return _is_one_of(f"lower(trim({column}))", [word.strip().lower() for word in words])


def _is_one_of(value: str, texts: list[str]) -> str:
    """SQL: whether a value is exactly one of the texts."""
    listed = ", ".join(map(literal, texts))
    return f"coalesce({value} IN ({listed}), false)" if listed else "false"


def _of_app(name: str) -> FieldFacts:
    """The facts about a field that only the companion app takes. `paymentMethodId` is a code, as on customers."""
    facts = entity_fields(REQUESTS)[APP_FIELDS[name]]
    return replace(facts, name=name, needs_app=True)


# Fields that the flow acts on itself, besides those of the entities.
OWN_FACTS = (
    FieldFacts("expectedTotal", "decimal"),
    FieldFacts("vatPercent", "decimal"),
    FieldFacts("itemVariantCode", "text"),
    *map(_of_app, COMPANION_FIELDS),
)
OWN = {facts.name: facts for facts in OWN_FACTS}
LINE_FIELDS = {name: OWN[name] for name in ("vatPercent", "itemVariantCode")}
HEADER_FIELDS = {name: OWN[name] for name in ("expectedTotal", *COMPANION_FIELDS)}
# An invoice whose order is in the staging table too, and is sent itself; or was sent so long ago that it is not kept.
SENT_AS_ORDER = f"""(
    orderNumber IN (SELECT number FROM staging_bc_orders WHERE document = 'order' AND unsent IS NULL)
    OR orderNumber IN (SELECT key FROM ledger WHERE part = 'order' AND {MAY_BE_IN_TARGET})
)"""


def _document(name: str, kind: str) -> tuple[Part, Part]:
    """The parts of one kind of document: its header and its lines. Both kinds have the same fields of their own."""
    line = f"{name}_line"
    return (
        Part(
            name=name,
            entity_set=f"{kind}s",
            table=f"{name}.csv",
            match=EXTERNAL,
            key=KEY,
            own_fields=HEADER_FIELDS,
        ),
        Part(
            name=line,
            entity_set=f"{kind}Lines",
            table=f"{line}.csv",
            match=(),
            where="linenr IS NOT NULL",
            parent=name,
            own_fields=LINE_FIELDS,
        ),
    )


ORDERS_TO_BC = Flow(
    name="orders",
    source="winstore",
    target="bc",
    entity="orders",
    main="order",
    parts=(
        Part(
            name="customer",
            entity_set="customers",
            table="customer.csv",
            match=(("number", False), ("email", True)),
            key=CUSTOMER_KEY,
            where=f"{CUSTOMER_KEY} IS NOT NULL",
            shared=True,
            address=ADDRESS,
        ),
        Part(
            name="contact",
            entity_set="contacts",
            table="contact.csv",
            match=(("number", False),),
            key=CUSTOMER_KEY,
            where=f"{CUSTOMER_KEY} IS NOT NULL AND {HAS_COMPANY_AND_PERSON}",
            parent="customer",
            reference=COMPANY,
        ),
        *_document("order", "salesOrder"),
        Part(
            name="shipping",
            entity_set="salesOrderLines",
            table="shipping.csv",
            match=(),
            key=KEY,
            where="shippingcost <> 0 OR list_contains(_bad_fields, 'shippingcost')",
            own_fields=LINE_FIELDS,
        ),
        *_document("invoice", "salesInvoice"),
    ),
    document=Document(
        kind=kind,
        line_order="try_cast(linenr AS INTEGER), linenr",
        customer=("customer", "contact"),
        customer_key=CUSTOMER_KEY,
        customer_sign=CUSTOMER.format(GUEST_SIGN),
        guest=GUEST,
        guest_key=GUEST_KEY,
        ended=ended,
        skips=skips,
        line_lost=LINE_LOST,
        sku="CASE WHEN coalesce(type, 'S') = 'S' THEN trim(product_id) END",
        alike_skus=alike_skus.without_item,
        variants=variants.sold,
        customers=CUSTOMERS,
    ),
    pairs=CUSTOMERS.pairs,
    waits_for=("products_winstore_to_bc",),
    looks_up=("customers", "contacts", "items"),
    people={"customerid": "winstore", "email": "email"},
)
ORDERS_TO_WINSTORE = Flow(
    name="orders",
    source="bc",
    target="winstore",
    entity="salesOrders",
    lines="salesOrderLines",
    main="order",
    parts=(
        Part(
            name="order",
            entity_set="orders",
            table="order.csv",
            match=NUMBER,
            key="number",
            skip=(
                ("unsent = 'ORIGIN'", "ORIGIN"),
                ("unsent = 'STATUS'", "STATUS"),
                (SENT_AS_ORDER, "AS_ORDER"),
            ),
            repeatable=False,
        ),
        Part(
            name="position",
            entity_set="orders.lines",
            table="position.csv",
            match=(),
            where="line_lineType <> 'Comment'",
            parent="order",
        ),
    ),
    derived={
        "document": "text",
        "orderNumber": "text",
        "unsent": "text",
        "winstoreCustomerId": "text",
        "line_key": "text",
        "line_locationCode": "text",
        "line_sku": "text",
    },
    reading=READING,
    people={"customerNumber": "number", "winstoreCustomerId": "winstore", "email": "email"},
)
