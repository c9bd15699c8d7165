"""Delivery addresses of a customer as fields of him: `shipTo.DEPOT.city` is the city of the one with the code DEPOT.

API v2.0 has none of them; the companion app shows each as a row below its customer. The code stands in the mapping
table, so it stays. An address is one value (special/addresses.py): where the source has no street, post code and city,
the row is left alone, and one that a person deleted is made whole when the source changes it.

Here belongs: what these addresses are in calls.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ....staging.store import Row
from ....systems.business_central import Operation
from ....systems.facts import SHIP_TO
from ...payloads import filled
from ..special.addresses import is_given
from .base import Body
from .rows_below import RowsBelow

PLACE = ("address", "postCode", "city")  # an address has one of them at least
COUNTRY = "countryRegionCode"
# What Business Central empties when the country changes (table Post Code, CheckClearPostCodeCityCounty).
EMPTIED = ("postCode", "city", "county")


class ShipTos(RowsBelow):
    """The delivery addresses of customers. None is ever deleted."""

    prefix, rows_set, owner = SHIP_TO, "shipToAddresses", "customerNumber"
    sets: Mapping[str, bool] = {rows_set: True}

    def missing(self, row: Row) -> str | None:
        """None; addresses that the source does not have are taken out of a mapped record."""
        for names in _by_code(self.names).values():
            given = {field: row["updates"].get(name) or row["creates"].get(name) for field, name in names.items()}
            if not is_given(given, PLACE):
                self.take_out(row, names.values())
        return super().missing(row)

    def value(self, name: str, rows: list[Row]) -> Any:
        code, field = _parts(name)
        return next((each[field] for each in rows if each["code"] == code), "")

    def added(self, changes: Iterable[Row], updates: Body, live: Body) -> list[Row]:
        """The other fields of an address that changes and that Business Central does not have any more."""
        changed = {each["field"] for each in changes}
        addresses = [names.values() for names in _by_code(self.names).values()]
        gone = [names for names in addresses if not changed.isdisjoint(names) and not filled(_of(live, names))]
        values = {name: value for names in gone for name, value in filled(_of(updates, names)).items()}
        return [{"field": name, "old": "", "new": new} for name, new in values.items() if name not in changed]

    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        new = {each["field"]: each["new"] for each in changes}
        for code, names in _by_code(new).items():
            body = {field: new[name] or "" for field, name in names.items()}
            own = next((each for each in found["value"] if each["code"] == code), None)
            if own:
                if COUNTRY in body:
                    body = {COUNTRY: body[COUNTRY]} | {field: own[field] for field in EMPTIED} | body
                yield Operation("", "PATCH", f"{self.rows_set}({own['id']})", body, own["@odata.etag"])
            else:
                yield Operation("", "POST", self.rows_set, {self.owner: found["of"][0], "code": code} | filled(body))


def _of(fields: Body, names: Iterable[str]) -> dict[str, Any]:
    return {name: fields.get(name) for name in names}


def _by_code(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The names of fields by code, and by their name in the address."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        code, field = _parts(name)
        found.setdefault(code, {})[field] = name
    return found


def _parts(name: str) -> tuple[str, str]:
    """The code of an address, as Business Central keeps it, and the field that a name stands for."""
    code, _, field = name.removeprefix(SHIP_TO).rpartition(".")
    return code.upper(), field
