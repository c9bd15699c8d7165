"""Rows that the companion app shows below a record as fields of it: `unit.BOX` and `barcode` of an item or a variant.

They are found by the record's number and a key. Such a row moves neither ETag nor moment of its record.

Here belongs: how rows are found and shown, units and barcodes. Attributes: attributes.py. Of customers: ship_tos.py.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....errors import WinbcError
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.companion import Companion
from ....systems.facts import BARCODE, UNIT
from .base import LOST, Body
from .of_app import OfApp

VARIANTS = "itemVariants"
GONE = {"error": {"code": "Internal_RecordNotFound", "message": "The variant was deleted meanwhile."}}
Place = tuple[str, str]  # the number of an item or a customer, and the code of the item's variant or nothing


class RowsBelow(OfApp):
    """Fields that are rows of one entity set of the app.

    Attributes:
        rows_set: the entity set.
        owner: its field that holds the number of the record.

    Args:
        target: a client of API v2.0, which tells the item of a variant.
        entity_set: the entity set of the records: items, itemVariants or customers.
    """

    rows_set: str
    owner = "itemNumber"

    def __init__(
        self, companion: Companion | None, target: BusinessCentral, entity_set: str, names: Sequence[str]
    ) -> None:
        super().__init__(companion, names)
        self.target, self.entity_set = target, entity_set

    @abstractmethod
    def value(self, name: str, rows: list[Row]) -> Any:
        """The value of a field in the rows of its record."""

    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        there = list(records)
        if self.client is None or not there:
            return
        found = self._rows(self.client, {_place(each) for each in there})
        for record in there:
            record |= self.values({"value": found.get(_place(record), [])})

    def _rows(self, client: BusinessCentral, places: set[Place]) -> dict[Place, list[Row]]:
        """The rows of these records."""
        found = client.find(self.rows_set, self.owner, {number for number, _ in places}, False)
        by_place: dict[Place, list[Row]] = {}
        for row in (each for some in found.values() for each in some):
            by_place.setdefault((row[self.owner], row.get("variantCode", "")), []).append(row)
        return by_place

    def looked_at(self, client: BusinessCentral, bodies: Mapping[int, Body]) -> Mapping[int, Result]:
        try:
            places = self._places(bodies)
            found = self._rows(client, set(places.values()))
        except WinbcError:  # the records themselves are sent by now, and their outcomes must not get lost
            return dict.fromkeys(bodies, LOST)
        return {place: _answer(places.get(place), found) for place in bodies}

    def _places(self, bodies: Mapping[int, Body]) -> dict[int, Place]:
        """Where the rows of each record are that is there. A variant that was not called itself has only its id."""
        if self.entity_set != VARIANTS:
            return {place: _place(body) for place, body in bodies.items()}
        ids = {body["id"] for body in bodies.values()}
        found = self.target.find(VARIANTS, "id", ids, False, ("id", "itemNumber", "code"))
        return {place: _place(found[body["id"]][0]) for place, body in bodies.items() if body["id"] in found}

    def values(self, found: Body) -> Body:
        return {name: self.value(name, found["value"]) for name in self.names}


def _answer(place: Place | None, rows: Mapping[Place, list[Row]]) -> Result:
    """What was found beside a record, with its place as `of`."""
    return Result("", 200, {"value": rows.get(place, []), "of": place}) if place else Result("", 404, GONE)


def _place(record: Body) -> Place:
    if "itemNumber" in record:
        return record["itemNumber"], record["code"]
    return record["number"], ""


class Units(RowsBelow):
    """Units of an item besides its base unit: how many base units one of them is. No unit is ever deleted."""

    prefix, rows_set, sets = UNIT, "itemUnits", {"itemUnits": True}

    def value(self, name: str, rows: list[Row]) -> Any:
        own = self._row(name, rows)
        return own["quantityPerUnit"] if own else None

    def _row(self, name: str, rows: list[Row]) -> Row | None:
        return next((each for each in rows if each["code"] == _code(name, UNIT)), None)

    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        for change in changes:
            own, body = self._row(change["field"], found["value"]), {"quantityPerUnit": change["new"]}
            if own:
                yield Operation("", "PATCH", f"{self.rows_set}({own['id']})", body, own["@odata.etag"])
            else:
                key = {"itemNumber": found["of"][0], "code": _code(change["field"], UNIT)}
                yield Operation("", "POST", self.rows_set, key | body)


class Barcodes(RowsBelow):
    """The barcode of an item or a variant, of all units or of one.

    Business Central takes any number of them, and goods with an old one may still be on a shelf. So one that the source
    has changed is added, none is deleted, and the newest is the value. One that comes back is made anew, to be the
    newest: the app changes no barcode.
    """

    prefix, rows_set, sets = BARCODE, "itemBarcodes", {"itemBarcodes": True}

    def value(self, name: str, rows: list[Row]) -> Any:
        own = [each for each in rows if each["unitOfMeasureCode"] == _code(name, f"{BARCODE}.")]
        newest = max(own, key=lambda each: (each["lastModifiedDateTime"], each["barcode"]), default=None)
        return newest["barcode"] if newest else ""

    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        there = {(each["unitOfMeasureCode"], each["barcode"]): each for each in found["value"]}
        for change in changes:
            unit, new = _code(change["field"], f"{BARCODE}."), change["new"]
            if not new or self.value(change["field"], found["value"]) == new:
                continue
            item, variant = found["of"]
            body = {"itemNumber": item, "variantCode": variant, "unitOfMeasureCode": unit, "barcode": new}
            if own := there.get((unit, new)):
                yield Operation("", "DELETE", f"{self.rows_set}({own['id']})", None, own["@odata.etag"])
                body |= {"description": own["description"]} if own.get("description") else {}
            yield Operation("", "POST", self.rows_set, body)


def _code(name: str, prefix: str) -> str:
    """The code of the unit that a field names; nothing for a field of all units."""
    return name.removeprefix(prefix).upper() if name.startswith(prefix) else ""
