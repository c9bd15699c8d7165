"""Customers, in both directions.

A customer is known by the pair of both records, then by the keys that the settings name (customer_keys.py). A customer
with a company name becomes a customer of type Company, with the person as contact. One without becomes a customer of
type Person (seed page, Customers).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from ..settings import Settings
from ..staging.store import Store
from ..sync.flow import Flow, Rows
from ..sync.part import Address, KeyChain, Part, Reference
from ..sync.reading.read_bc import MODIFIED, records_of
from ..sync.records.special.privacy import Privacy
from ..systems.business_central import BusinessCentral
from ..systems.facts import SHIP_TO
from .customer_keys import FIELDS, keys_of

KEYS = KeyChain(
    chosen=lambda settings: settings.customers.match,
    keys_of=keys_of,
    fields=FIELDS,
    new_ids=lambda settings: settings.customers.winstore_ids,
)


def direction(settings: Settings) -> str:
    """The direction in which customers go."""
    return settings.customers.direction


# Business Central makes a contact for each company customer. The contacts of its persons belong to that one.
COMPANY = Reference(
    field="companyNumber",
    collection="customers({id})/contactsInformation",
    value="contactNumber",
    where=("contactType", "Company"),
)

# API v2.0 has one address of a customer. That of a delivery, which Winstore may have besides, needs the companion app.
ADDRESS = Address(
    fields=("addressLine1", "addressLine2", "city", "state", "country", "postalCode"),
    place=("addressLine1", "city", "postalCode"),
    uncarried={
        "addressLine1": ("delivery_street", "delivery_streetnr"),
        "city": ("delivery_city",),
        "postalCode": ("delivery_zip",),
    },
)
# What Business Central has is the invoice address of a customer in Winstore, who keeps that one beside his own.
OWN_ADDRESS = ("street", "streetnr", "zip", "city", "countryISO")
ADDRESS_IN_WINSTORE = Address(
    fields=OWN_ADDRESS,
    place=("street", "zip", "city"),
    elsewhere={name: f"invoice_{name}" for name in OWN_ADDRESS},
)

CUSTOMERS = Flow(
    name="customers",
    source="winstore",
    target="bc",
    entity="customers",
    main="customer",
    pairs="customers",
    direction=direction,
    parts=(
        Part(
            name="customer",
            entity_set="customers",
            table="customer.csv",
            match=(("number", False), ("email", True)),
            keys=KEYS,
            fixed=("type",),
            address=ADDRESS,
            app_set="customerSettings",
            app_rows=(SHIP_TO,),
        ),
        Part(
            name="contact",
            entity_set="contacts",
            table="contact.csv",
            match=(("number", False),),
            where="company IS NOT NULL AND lname IS NOT NULL",
            parent="customer",
            reference=COMPANY,
        ),
    ),
    guarded=True,
    people={"customerid": "winstore", "email": "email"},
)

PLAIN = records_of("customers")


def with_privacy(
    settings: Settings, store: Store, source: BusinessCentral, since: Mapping[str, datetime], wanted: frozenset[str]
) -> Iterator[tuple[str, Rows]]:
    """Customers that changed, each with whether the person is blocked for privacy. Of those nothing else is staged."""
    privacy = Privacy(source)
    fields = (wanted | {"email"}) - {"privacyBlocked"}
    for name, page in PLAIN.rows(settings, store, source, since, fields):
        privacy.look_up(page)
        for row in page:
            if privacy.is_blocked(row, [row["email"]]):
                kept = {name: row[name] for name in ("id", "number", MODIFIED)}
                row.clear()
                row |= kept | {"privacyBlocked": True}
        yield name, page


CUSTOMERS_TO_WINSTORE = Flow(
    name="customers",
    source="bc",
    target="winstore",
    entity="customers",
    main="customer",
    pairs="customers",
    own_id="id",
    direction=direction,
    reading=replace(PLAIN, rows=with_privacy),
    derived={"privacyBlocked": "boolean"},
    parts=(
        Part(
            name="customer",
            entity_set="customers",
            table="customer.csv",
            match=(("customerid", False), ("email", True)),
            keys=KEYS,
            kind="company",
            address=ADDRESS_IN_WINSTORE,
            lone=("fname", "lname"),  # those of a company's contact, whom Business Central has as a record of its own
            skip=(("privacyBlocked", "PRIVACY_BLOCKED"), ("blocked = 'All'", "BLOCKED")),
        ),
    ),
    guarded=True,
    people={"id": "bc", "number": "number", "email": "email"},
)
