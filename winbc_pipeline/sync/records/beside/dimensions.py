"""Default dimensions as fields of a record: `dimension.SEASON` is the code of the value that documents get from it.

Business Central keeps each of them in a record of its own below its parent (defaultDimensions). They move neither its
ETag nor its moment. API v2.0 makes no dimensions and no values of them.

Here belongs: what these fields are in calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.facts import DIMENSION
from ..target.references import named
from .base import LOST, Beside, Body, by_id, run_each

SET = "defaultDimensions"
NO_VALUE = "00000000-0000-0000-0000-000000000000"  # an id of zeros empties a default dimension
NO_RELATION = "Internal_InvalidTableRelation"  # Business Central's code for a value that another table lacks


@dataclass(frozen=True)
class Dimension:
    """A dimension of Business Central: its id, and the ids of its values by code in capitals."""

    id: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


class Dimensions(Beside):
    """The default dimensions of the records of one entity set.

    Args:
        names: the fields that stand for them.
    """

    prefix = DIMENSION

    def __init__(self, target: BusinessCentral, entity_set: str, names: Sequence[str]) -> None:
        self.target, self.entity_set, self.names = target, entity_set, names

    @property
    def client(self) -> BusinessCentral:
        return self.target

    @cached_property
    def known(self) -> dict[str, Dimension]:
        """What Business Central has for each field."""
        ids = {each["code"]: each["id"] for each in self.target.get("dimensions?$select=id,code")}
        return {name: self._with_values(ids.get(_code(name), "")) for name in self.names}

    def _with_values(self, own: str) -> Dimension:
        path = f"dimensionValues?$filter=dimensionId%20eq%20{own}&$select=id,code"
        return Dimension(own, {each["code"]: each["id"] for each in self.target.get(path)} if own else {})

    def missing(self, row: Row) -> str | None:
        """In words, the first dimension or value of a mapped record that Business Central does not have."""
        for payload in (row["updates"], row["creates"]):
            for name in self.names:
                code = payload.get(name)
                if code and not self.known[name].id:
                    return f"{name}: Business Central has no dimension {_code(name)}"
                if code and code not in self.known[name].values:
                    words = "add it in Business Central, API v2.0 cannot make dimension values"
                    return f"{name}: the dimension has no value {named(code)}; {words}"
        return None

    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        """Adds the fields to records of the target; an empty text for a dimension that a record does not have."""
        there = by_id(records)
        for record in (each for some in there.values() for each in some):
            record |= dict.fromkeys(self.names, "")
        found = self.target.find(self.entity_set, "id", there, False, select=("id",), expand=SET)
        for own, (owner, *_) in found.items():
            for record in there[own]:
                record |= {name: _value(each) for name in self.names if (each := _of(name, owner[SET]))}

    def looked_at(self, client: BusinessCentral, bodies: Mapping[int, Body]) -> Mapping[int, Result]:
        asked = {place: [Operation("", "GET", self._path(body))] for place, body in bodies.items()}
        return {place: _whole(found) for place, (found,) in run_each(client, asked).items()}

    def _path(self, record: Body) -> str:
        return f"{self.entity_set}({record['id']})/{SET}"

    def values(self, found: Body) -> Body:
        return {name: _value(_of(name, found["value"])) for name in self.names}

    def refusal(self, changes: list[Row]) -> Result | None:
        gone = self.missing({"updates": {each["field"]: each["new"] for each in changes}, "creates": {}})
        return Result("", 400, {"error": {"code": NO_RELATION, "message": gone}}) if gone else None

    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        path = self._path(record)
        for change in changes:
            name, new, own = change["field"], change["new"] or "", _of(change["field"], found["value"])
            body = {"dimensionValueId": self.known[name].values[new] if new else NO_VALUE}
            if own and _value(own) != new:
                yield Operation("", "PATCH", f"{path}({own['id']})", body, own["@odata.etag"])
            elif not own and new:
                yield Operation("", "POST", path, {"dimensionId": self.known[name].id} | body)


def _whole(found: Result) -> Result:
    """The answer, if it has the records."""
    return LOST if found.status == 200 and "value" not in found.body else found


def _code(name: str) -> str:
    """The code of the dimension that a field stands for."""
    return name.removeprefix(DIMENSION).upper()


def _of(name: str, there: Iterable[Row]) -> Row | None:
    """The record of a field among a parent's default dimensions."""
    return next((each for each in there if each["dimensionCode"] == _code(name)), None)


def _value(there: Row | None) -> str:
    return str(there["dimensionValueCode"]) if there else ""
