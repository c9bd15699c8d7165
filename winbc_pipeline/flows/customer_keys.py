"""What tells that a customer of Winstore and one of Business Central are the same: id, e-mail, VAT number and so on.

Here belongs: the keys of one record, in a form that is equal on both sides. How they are searched: sync/records/.
"""

from collections.abc import Mapping
from typing import Any

from ..mapping.people import email_keys, name_key, phone_key, vat_key

# The fields that hold the keys, by system.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "bc": ("number", "email", "phoneNumber", "taxRegistrationNumber", "displayName", "postalCode", "country"),
    "winstore": (
        "customerid",
        "email",
        "phone",
        "vatnumber",
        "company",
        "fname",
        "lname",
        "zip",
        "countryISO",
        "invoice_zip",
    ),
}


def keys_of(system: str, record: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """The keys of a customer, by their kind (the setting `customers.match`).

    Args:
        system: winstore or bc.
        record: the customer with the fields of FIELDS; what it lacks gives no key.
    """
    if system == "bc":
        number, email, phone, vat, name, post_code, country = (_text(record, field) for field in FIELDS["bc"])
        post_codes = {post_code}
    else:
        number, email, phone, vat, company, first, last, post_code, country, of_invoices = (
            _text(record, field) for field in FIELDS["winstore"]
        )
        name, post_codes = company or f"{first} {last}", {post_code, of_invoices}
    person, places = name_key(name), {name_key(each) for each in post_codes} - {""}
    return {
        "id": _filled(number.strip().upper()),
        "email": email_keys(email),
        "vat": _filled(vat_key(vat, country)),
        "phone": _filled(phone_key(phone, country)),
        "name_postcode": {f"{person}|{place}" for place in places} if person else set(),
    }


def _text(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    return "" if value is None else str(value)


def _filled(value: str | None) -> set[str]:
    return {value} if value else set()
