"""A post code fills in city, county and country from BC's own list (AL: Post Code, ValidatePostCode).

The list is empty at first; `POST /__seed` `{"settings": {"postCodes": …}}` adds to it. A city fills in nothing: AL
looks a city up only when a person can be asked (ValidateCity).
"""

from ...records import Record
from .company import Company

FIELDS = {"city": "city", "county": "state", "country": "country"}  # a row's names, and those of master data
SIDES = {"city": "City", "county": "State", "country": "Country"}  # the ends of the names of a document's fields


def fill_in_address(company: Company, record: Record) -> None:
    """Fills in the one address of a customer, a location and the like."""
    fill_in(company, record, record["postalCode"], FIELDS)


def fill_in_sides(company: Company, document: Record, sent: Record) -> None:
    """Fills in the addresses of a document whose post codes were sent."""
    for side in ("sellTo", "billTo", "shipTo", "buyFrom", "payTo"):
        if code := sent.get(f"{side}PostCode"):
            fill_in(company, document, code, {theirs: side + ours for theirs, ours in SIDES.items()})


def fill_in(company: Company, record: Record, code: str, names: dict[str, str]) -> None:
    """Writes the row of a post code into the fields of an address, over what is there.

    Of several rows with the code, one of the address's country is chosen, and of these one of its city.
    """
    rows = company.all("postCodes", "code", code) if code else []
    for name in ("country", "city"):
        alike = [row for row in rows if row[name].upper() == str(record.get(names[name], "")).upper()]
        rows = alike or rows
    if rows:
        record |= {ours: rows[0][theirs] for theirs, ours in names.items() if ours in record}
