"""Default dimensions as fields of a record: `dimension.SEASON` is the code of the value that documents get from it.

Business Central keeps each of them in a record of its own below its parent (defaultDimensions), so they are read
besides the parent, and written after it. They move neither its ETag nor its moment. A lost or refused call leaves the
parent's record open; the next plan compares what is there. API v2.0 makes no dimensions and no values of them.

Here belongs: what these fields are in calls. Which of them is sent: merge.py, as of any field.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ....mapping.compiler import Compiled
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.client import NOT_RUN
from ....systems.business_central.facts import is_dimension
from ....systems.facts import DIMENSION
from ... import crash_points
from ...flow import Part
from ...payloads import empty
from ...plan_table import changes_of
from ..target.matching import Target
from ..target.references import named

SET = "defaultDimensions"
NO_VALUE = "00000000-0000-0000-0000-000000000000"  # an id of zeros empties a default dimension
DONE = (200, 201)
NO_RELATION = "Internal_InvalidTableRelation"  # Business Central's code for a value that another table lacks
CHANGED_MEANWHILE = {"error": {"code": "Request_EntityChanged", "message": "The dimension was changed meanwhile."}}


@dataclass(frozen=True)
class Dimension:
    """A dimension of Business Central: its id, and the ids of its values by code in capitals."""

    id: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def dimensions_of(compiled: Compiled | None, part: Part, target: Target) -> "Dimensions | None":
    """The default dimensions that a table fills; None where it fills none."""
    names = (
        [each.line.target_field for each in compiled.targets if is_dimension(each.line.target_field)]
        if compiled
        else []
    )
    return Dimensions(target, part.entity_set, names) if names and isinstance(target, BusinessCentral) else None


class Dimensions:
    """The default dimensions of the records of one entity set.

    Args:
        names: the fields that stand for them.
    """

    def __init__(self, target: BusinessCentral, entity_set: str, names: Sequence[str]) -> None:
        self.target, self.entity_set, self.names = target, entity_set, names

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

    def unsent(self, row: Row, live: Mapping[str, Any]) -> dict[str, Any]:
        """The dimensions that only new records get, of one that was made without them."""
        creates = {name: row["creates"].get(name) for name in self.names if empty(live.get(name))}
        return {name: value for name, value in creates.items() if value}

    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        """Adds the fields to records of the target; an empty text for a dimension that a record does not have."""
        there: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            there.setdefault(record["id"], []).append(record)
            record |= dict.fromkeys(self.names, "")
        found = self.target.find(self.entity_set, "id", there, False, select=("id",), expand=SET)
        for own, (owner, *_) in found.items():
            for record in there[own]:
                record |= {name: _value(each) for name in self.names if (each := _of(name, owner[SET]))}

    def write(self, rows: Sequence[Row], results: Sequence[Result]) -> list[Result]:
        """Writes the dimensions of records that were sent just now.

        Args:
            rows: planned records; results: what became of each of them.

        Returns:
            What became of each record with its dimensions. If they failed, the result is theirs, and has the record's
            id and number besides.
        """
        wanted = {place: changes for place, row in enumerate(rows) if (changes := changes_of(row, DIMENSION))}
        wanted = {place: changes for place, changes in wanted.items() if results[place].status in DONE}
        if not wanted:
            return list(results)
        crash_points.point("before dimensions")
        outcomes = self._written(wanted, [str(result.body.get("id")) for result in results])
        crash_points.point("after dimensions")
        whole = list(results)
        for place, changes in wanted.items():
            whole[place] = _joined(results[place], changes, outcomes[place])
        return whole

    def _written(self, wanted: Mapping[int, list[Row]], ids: Sequence[str]) -> dict[int, list[Result]]:
        """The results of the calls for each record, by its place."""
        paths = {place: f"{self.entity_set}({ids[place]})/{SET}" for place in wanted}
        there = self._run({place: [Operation("", "GET", path)] for place, path in paths.items()})
        outcomes: dict[int, list[Result]] = {}
        calls: dict[int, list[Operation]] = {}
        for place, (found,) in there.items():
            if found.status != 200 or "value" not in found.body:
                outcomes[place] = [found if 400 <= found.status < 500 else Result("", NOT_RUN, {})]
            elif _is_changed(wanted[place], found.body["value"]):
                outcomes[place] = [Result("", 409, CHANGED_MEANWHILE)]
            elif gone := self.missing({"updates": _values(wanted[place]), "creates": {}}):
                outcomes[place] = [Result("", 400, {"error": {"code": NO_RELATION, "message": gone}})]
            else:
                calls[place] = list(self._calls(paths[place], wanted[place], found.body["value"]))
        return outcomes | self._run(calls)

    def _calls(self, path: str, changes: list[Row], there: list[Row]) -> Iterable[Operation]:
        for change in changes:
            name, new, own = change["field"], change["new"] or "", _of(change["field"], there)
            body = {"dimensionValueId": self.known[name].values[new] if new else NO_VALUE}
            if own and _value(own) != new:
                yield Operation("", "PATCH", f"{path}({own['id']})", body, own["@odata.etag"])
            elif not own and new:
                yield Operation("", "POST", path, {"dimensionId": self.known[name].id} | body)

    def _run(self, calls: Mapping[int, list[Operation]]) -> dict[int, list[Result]]:
        """Runs the calls of each place; gives their results."""
        flat = [(place, call) for place, own in calls.items() for call in own]
        found: dict[int, list[Result]] = {place: [] for place in calls}
        results = self.target.run([replace(call, id=str(number)) for number, (_, call) in enumerate(flat)])
        for (place, _), result in zip(flat, results, strict=True):
            found[place].append(result)
        return found


def _code(name: str) -> str:
    """The code of the dimension that a field stands for."""
    return name.removeprefix(DIMENSION).upper()


def _of(name: str, there: Iterable[Row]) -> Row | None:
    """The record of a field among a parent's default dimensions."""
    return next((each for each in there if each["dimensionCode"] == _code(name)), None)


def _value(there: Row | None) -> str:
    return str(there["dimensionValueCode"]) if there else ""


def _values(changes: list[Row]) -> dict[str, Any]:
    return {each["field"]: each["new"] for each in changes}


def _is_changed(changes: list[Row], there: list[Row]) -> bool:
    """Whether a dimension is neither as it was when it was compared, nor as it is to be."""
    return any(_value(_of(each["field"], there)) not in (each["old"] or "", each["new"] or "") for each in changes)


def _joined(record: Result, changes: list[Row], outcomes: list[Result]) -> Result:
    """The result of a record and of its dimensions together."""
    failed = next((each for each in outcomes if each.status not in DONE), None)
    if not failed:
        return Result(record.id, record.status, record.body | _values(changes))
    made = {name: record.body[name] for name in ("id", "number") if name in record.body}
    return Result(record.id, failed.status, failed.body | made)
