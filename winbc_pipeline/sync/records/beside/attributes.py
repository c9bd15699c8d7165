"""Item attributes as fields of an item: `attribute.Season` is the text of the value that it has.

Business Central keeps attributes, their values, and which item has which value apart. Attributes and values that it
lacks are made. In the shop, an attribute of attributes.csv is an option that makes variants, one of features.csv a
feature; that is told of attributes that are made here, and not changed in others.

Here belongs: what attributes are in calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

from ....errors import WinbcError
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.companion import Companion
from ....systems.facts import ATTRIBUTE
from .base import LOST, Body
from .rows_below import RowsBelow

ATTRIBUTES, VALUES, MAPPINGS = "itemAttributes", "itemAttributeValues", "itemAttributeMappings"
CREATED, BAD = 201, 400
LIST = "Option"  # the type of an attribute whose values are a list


class Attributes(RowsBelow):
    """The attributes of items.

    Args:
        uses: what the shop uses each attribute for, by field: Option or Feature.
    """

    prefix, rows_set = ATTRIBUTE, MAPPINGS
    sets: Mapping[str, bool] = {ATTRIBUTES: True, VALUES: True, MAPPINGS: True}

    def __init__(
        self,
        companion: Companion | None,
        target: BusinessCentral,
        entity_set: str,
        uses: Mapping[str, str],
    ) -> None:
        super().__init__(companion, target, entity_set, list(uses))
        self.uses, self.lock = uses, Lock()
        self.ids: dict[str, int] = {}  # of attributes, by field
        self.value_ids: dict[tuple[str, str], int] = {}  # by field and the value in small letters
        self.texts: dict[int, str] = {}  # of values, by their ids
        self.refused: dict[tuple[str, str], Result] = {}  # what became of values that could not be made
        self.is_read = False

    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        if self.client is not None:
            with self.lock:
                self._read(self.client)
        super().add_to(records)

    def looked_at(self, client: BusinessCentral, bodies: Mapping[int, Body]) -> Mapping[int, Result]:
        try:
            with self.lock:
                self._read(client)
        except WinbcError:
            return dict.fromkeys(bodies, LOST)
        return super().looked_at(client, bodies)

    def _read(self, client: BusinessCentral) -> None:
        """Asks once which attributes and values there are."""
        if self.is_read:
            return
        fields = {_name(field): field for field in self.names}
        for each in client.get(f"{ATTRIBUTES}?$select=name,attributeId"):
            if field := fields.get(each["name"].lower()):
                self.ids[field] = each["attributeId"]
        for field, own in self.ids.items():
            for each in client.get(f"{VALUES}?$filter=attributeId%20eq%20{own}&$select=value,valueId"):
                self._keep(field, each["value"], each["valueId"])
        self.is_read = True

    def _keep(self, field: str, text: str, own: int) -> None:
        self.value_ids[field, text.lower()], self.texts[own] = own, text

    def value(self, name: str, rows: list[Row]) -> Any:
        own = self._row(name, rows)
        return self.texts.get(own["valueId"], "") if own else ""

    def _row(self, name: str, rows: list[Row]) -> Row | None:
        return next((each for each in rows if each["attributeId"] == self.ids.get(name)), None)

    def prepare(self, client: BusinessCentral, changes: Iterable[Row]) -> None:
        wanted = {(each["field"], each["new"].lower()): each["new"] for each in changes if each["new"]}
        with self.lock:
            self._make_attributes(client, sorted({field for field, _ in wanted} - self.ids.keys()))
            self._make_values(client, [(key[0], text) for key, text in wanted.items() if key not in self.value_ids])

    def _make_attributes(self, client: BusinessCentral, fields: list[str]) -> None:
        bodies = [{"name": each.removeprefix(ATTRIBUTE), "type": LIST, "use": self.uses[each]} for each in fields]
        for field, result in zip(fields, _made(client, ATTRIBUTES, bodies), strict=True):
            if result.status == CREATED:
                self.ids[field] = result.body["attributeId"]
            else:
                self._note(field, "", result)

    def _make_values(self, client: BusinessCentral, values: list[tuple[str, str]]) -> None:
        values = [(field, text) for field, text in values if field in self.ids]
        bodies = [{"attributeId": self.ids[field], "value": text} for field, text in values]
        for (field, text), result in zip(values, _made(client, VALUES, bodies), strict=True):
            if result.status == CREATED:
                self._keep(field, text, result.body["valueId"])
            else:
                self._note(field, text, result)

    def _note(self, field: str, text: str, result: Result) -> None:
        """Notes what was not made. What was made although its answer was lost is found by the next look."""
        self.refused[field, text.lower()] = result
        self.is_read = self.is_read and result.status >= BAD

    def refusal(self, changes: list[Row]) -> Result | None:
        for each in changes:
            key = each["field"], str(each["new"] or "").lower()
            if each["new"] and key not in self.value_ids:
                return self.refused.get(key) or self.refused.get((each["field"], "")) or LOST
        return None

    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        for change in changes:
            field, new, own = change["field"], change["new"], self._row(change["field"], found["value"])
            wanted = self.value_ids[field, new.lower()] if new else None
            if own and wanted is None:
                yield Operation("", "DELETE", f"{MAPPINGS}({own['id']})", None, own["@odata.etag"])
            elif own and own["valueId"] != wanted:
                yield Operation("", "PATCH", f"{MAPPINGS}({own['id']})", {"valueId": wanted}, own["@odata.etag"])
            elif not own and wanted is not None:
                key = {"itemNumber": found["of"][0], "attributeId": self.ids[field]}
                yield Operation("", "POST", MAPPINGS, key | {"valueId": wanted})


def _name(field: str) -> str:
    """The name of an attribute as it is compared: Business Central has no two that differ in capitals only."""
    return field.removeprefix(ATTRIBUTE).lower()


def _made(client: BusinessCentral, entity_set: str, bodies: Sequence[Body]) -> list[Result]:
    calls = [Operation(str(number), "POST", entity_set, dict(body)) for number, body in enumerate(bodies)]
    return client.run(calls, (WinbcError,))
