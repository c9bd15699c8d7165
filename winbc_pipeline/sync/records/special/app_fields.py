"""Fields of the companion app as fields of a record: `app.longDescription` of an item, `app.webId` of a customer.

The app shows them in an entity set of its own, under the record's id. So they are read besides the record and written
after it, and compared and settled as any field. Without the app, or a right in it, they are left out, and the record is
sent as without them. The contract of the app: facts/companion_app.json.

Here belongs: what these fields are in calls. Which of them is sent: merge.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from ....mapping.compiler import Compiled
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.client import NOT_RUN
from ....systems.business_central.companion import Companion, companion_of
from ....systems.business_central.facts import is_app_field
from ....systems.facts import APP_FIELD
from ...connected import ConnectedFlow
from ...flow import Part
from ...payloads import empty, equal
from ...plan_table import changes_of
from ..target.matching import Target

DONE = (200, 201)
CHANGED_MEANWHILE = {"error": {"code": "Request_EntityChanged", "message": "The record was changed meanwhile."}}


def app_fields_of(
    connected: ConnectedFlow, compiled: Compiled | None, part: Part, target: Target
) -> "AppFields | None":
    """The fields of the app that a table fills; None where it fills none."""
    rows = compiled.targets if compiled else ()
    names = [each.line.target_field for each in rows if is_app_field(each.line.target_field)]
    if not names or not isinstance(target, BusinessCentral):
        return None
    return AppFields(companion_of(target, connected.settings), part.app_set, names)


class AppFields:
    """The fields of the app of the records of one entity set.

    Args:
        companion: the app; None without it.
        entity_set: the entity set of the app that shows them.
        names: the fields, each with APP_FIELD before it.
    """

    def __init__(self, companion: Companion | None, entity_set: str, names: Sequence[str]) -> None:
        self.companion, self.entity_set = companion, entity_set
        self.names = {name: name.removeprefix(APP_FIELD) for name in names}

    @property
    def app(self) -> BusinessCentral | None:
        """The app where these fields can be written."""
        found = self.companion
        return found.client if found and found.offers.can(self.entity_set, write=True) else None

    def gaps(self) -> list[str]:
        """In words, why each field is not sent; none where all are."""
        if self.app:
            return []
        why = "; ".join(self.companion.offers.gaps) if self.companion else "`bc.companion_app` is off"
        return [f"{name} needs {self.entity_set} of the companion app, and is not sent: {why}" for name in self.names]

    def missing(self, row: Row) -> str | None:
        """None; without the app, the fields are taken out of a mapped record, and count as never sent."""
        if not self.app:
            hashes = orjson.loads(row["new_hashes"])
            for fields in (row["creates"], row["updates"], hashes):
                for name in self.names:
                    fields.pop(name, None)
            row["new_hashes"] = orjson.dumps(hashes).decode()
        return None

    def never_sent(self, updates: Mapping[str, Any], sent: Mapping[str, str]) -> list[str]:
        """The fields with a value that were not there, or had no row, when the record was last sent.

        Args:
            sent: the hashes of what was last sent, by field; empty for a record that never was.
        """
        return [name for name in self.names if sent and name not in sent and not empty(updates.get(name))]

    def unsent(self, row: Row, live: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that only new records get, of one that was made without them."""
        creates = {name: row["creates"].get(name) for name in self.names if empty(live.get(name))}
        return {name: value for name, value in creates.items() if value is not None}

    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        """Adds the fields to records of the target."""
        there: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            there.setdefault(record["id"], []).append(record)
        if not self.app or not there:
            return
        found = self.app.find(self.entity_set, "id", there, False, ("id", *self.names.values()))
        for own, (shown, *_) in found.items():
            for record in there[own]:
                record |= {name: shown[field] for name, field in self.names.items()}

    def write(self, rows: Sequence[Row], results: Sequence[Result]) -> list[Result]:
        """Writes the fields of records that were sent just now; gives what became of each record with its fields.

        Args:
            rows: planned records; results: what became of each of them.
        """
        whole = list(results)
        wanted = {place: changes for place, row in enumerate(rows) if (changes := changes_of(row, APP_FIELD))}
        wanted = {place: changes for place, changes in wanted.items() if results[place].status in DONE}
        app = self.app
        if not app:  # it is gone since the plan was made
            lost = Result("", NOT_RUN, {})
            return [_joined(one, [], lost) if place in wanted else one for place, one in enumerate(whole)]
        if not wanted:
            return whole
        ids = {place: str(results[place].body["id"]) for place in wanted}
        shown = app.run([Operation(str(place), "GET", self._path(own)) for place, own in ids.items()])
        calls = {}
        for place, found in zip(wanted, shown, strict=True):
            if found.status != 200:
                whole[place] = _joined(whole[place], wanted[place], found)
            elif self._is_changed(wanted[place], found.body):
                whole[place] = _joined(whole[place], wanted[place], Result("", 409, CHANGED_MEANWHILE))
            else:
                body = {self.names[each["field"]]: "" if each["new"] is None else each["new"] for each in wanted[place]}
                calls[place] = Operation(str(place), "PATCH", self._path(ids[place]), body, found.body["@odata.etag"])
        for place, result in zip(calls, app.run(list(calls.values())), strict=True):
            whole[place] = _joined(whole[place], wanted[place], result)
        return whole

    def _path(self, own: str) -> str:
        return f"{self.entity_set}({own})"

    def _is_changed(self, changes: list[Row], shown: Mapping[str, Any]) -> bool:
        """Whether a field is neither as it was when it was compared, nor as it is to be."""
        now = [(each, shown[self.names[each["field"]]]) for each in changes]
        return any(
            not (equal(there, each["old"]) or equal(there, each["new"]) or (empty(there) and empty(each["old"])))
            for each, there in now
        )


def _joined(record: Result, changes: list[Row], outcome: Result) -> Result:
    """The result of a record and of its fields together."""
    if outcome.status in DONE:
        return Result(record.id, record.status, record.body | {each["field"]: each["new"] for each in changes})
    made = {name: record.body[name] for name in ("id", "number") if name in record.body}
    return Result(record.id, outcome.status, outcome.body | made)
