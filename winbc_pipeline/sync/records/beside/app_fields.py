"""Fields of the companion app under the id of their record: `app.longDescription` of items, `app.webId` of customers.

Here belongs: what these fields are in calls.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.companion import Companion, contract
from ....systems.business_central.facts import app_field
from ....systems.facts import APP_FIELD
from ...payloads import empty
from .base import Body, by_id, run_each
from .of_app import OfApp


class AppFields(OfApp):
    """The fields of the app of the records of one entity set.

    Args:
        entity_set: the entity set of the app that shows them.
        names: the fields, each with APP_FIELD before it.
    """

    prefix = APP_FIELD

    def __init__(self, companion: Companion | None, entity_set: str, names: Sequence[str]) -> None:
        super().__init__(companion, names)
        self.entity_set, self.sets = entity_set, {entity_set: True}
        # Fields that came later than the app that is installed; without any app, all of them are named alike.
        self.later = self._later() if self.client else {}
        self.names = [name for name in names if name not in self.later]
        self.shown_as = {name: name.removeprefix(APP_FIELD) for name in self.names}

    def _later(self) -> dict[str, str]:
        """The version that each field needs which the installed app does not have yet."""
        fields = contract()["entities"][self.entity_set]["fields"]
        since = {name: fields[name.removeprefix(APP_FIELD)].get("since", "") for name in self.names}
        return {name: one for name, one in since.items() if self.companion and not self.companion.offers.is_of(one)}

    def gaps(self) -> list[str]:
        needed = "of the companion app, and is not sent"
        return super().gaps() or [f"{name} needs version {one} {needed}" for name, one in self.later.items()]

    def left_out(self) -> Collection[str]:
        return [*self.later, *super().left_out()]

    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        there = by_id(records)
        if not self.client or not there:
            return
        found = self.client.find(self.entity_set, "id", there, False, ("id", *self.shown_as.values()))
        for own, (shown, *_) in found.items():
            for record in there[own]:
                record |= self.values(shown)

    def is_unset(self, name: str, value: Any) -> bool:
        facts = app_field(self.entity_set, name)
        return empty(value) or bool(facts and value in facts.options[:1])

    def looked_at(self, client: BusinessCentral, bodies: Mapping[int, Body]) -> Mapping[int, Result]:
        asked = {place: [Operation("", "GET", self._path(body))] for place, body in bodies.items()}
        return {place: found for place, (found,) in run_each(client, asked).items()}

    def values(self, found: Body) -> Body:
        return {name: found[field] for name, field in self.shown_as.items()}

    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        body = {self.shown_as[each["field"]]: "" if each["new"] is None else each["new"] for each in changes}
        yield Operation("", "PATCH", self._path(record), body, found["@odata.etag"])

    def _path(self, record: Body) -> str:
        return f"{self.entity_set}({record['id']})"
