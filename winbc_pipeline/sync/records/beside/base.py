"""Fields of a record that the target keeps in records of their own beside it: what is the same of every kind.

They are read besides the record and written after it, by calls of their own, and compared and settled as any field. A
lost or refused call leaves the record open; the next plan compares what is there.

Here belongs: the order of the calls, and what becomes of a record with such fields. What each kind is in calls: the
modules beside this one. Which fields are sent: merge.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ....errors import WinbcError
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.batch import NOT_RUN
from ... import crash_points
from ...payloads import empty, equal
from ...plan_table import changes_of

Body = Mapping[str, Any]
DONE = (200, 201, 204)
CHANGED_MEANWHILE = {"error": {"code": "Request_EntityChanged", "message": "The record was changed meanwhile."}}
LOST = Result("", NOT_RUN, {})


class Beside(ABC):
    """One kind of such fields, of the records of one entity set.

    Attributes:
        prefix: begins the names of the fields of this kind.
        names: the fields that a table fills.
    """

    prefix: str
    names: Sequence[str]

    @property
    @abstractmethod
    def client(self) -> BusinessCentral | None:
        """Whom the calls go to; None where these fields cannot be written."""

    @abstractmethod
    def missing(self, row: Row) -> str | None:
        """In words, what the target lacks for the fields of a mapped record. May take fields out of it."""

    @abstractmethod
    def add_to(self, records: Iterable[dict[str, Any]]) -> None:
        """Adds the fields to records of the target."""

    @abstractmethod
    def looked_at(self, client: BusinessCentral, bodies: Mapping[int, Body]) -> Mapping[int, Result]:
        """What the target keeps beside some records now, in the form that `values` and `calls` read.

        Args:
            bodies: each record as the target answered it, by its place.
        """

    @abstractmethod
    def values(self, found: Body) -> Body:
        """The values of the fields in what `looked_at` found beside a record."""

    @abstractmethod
    def calls(self, record: Body, changes: list[Row], found: Body) -> Iterable[Operation]:
        """The calls that make changes (field, old and new) to what was found beside a record."""

    def gaps(self) -> list[str]:
        """In words, why each field is not sent; none where all are."""
        return []

    def never_sent(self, updates: Body, sent: Mapping[str, str]) -> list[str]:
        """The fields with a value that were not there, or had no row, when the record was last sent.

        Args:
            sent: the hashes of what was last sent, by field; empty for a record that never was.
        """
        return []

    def added(self, changes: Iterable[Row], updates: Body, live: Body) -> list[Row]:
        """Further changes that must go with these; none for most kinds.

        Args:
            updates: the mapped fields of the record; live: the target's record.
        """
        return []

    def prepare(self, client: BusinessCentral, changes: Iterable[Row]) -> None:
        """Makes what the target must have before these changes can be made; nothing for most kinds."""
        return

    def refusal(self, changes: list[Row]) -> Result | None:
        """The result of changes that cannot be made, without a call; None where they can."""
        return None

    def unsent(self, row: Row, live: Body) -> dict[str, Any]:
        """The fields that only new records get, of one that was made without them."""
        creates = {name: row["creates"].get(name) for name in self.names if self.is_unset(name, live.get(name))}
        return {name: value for name, value in creates.items() if not empty(value)}

    def is_unset(self, name: str, value: Any) -> bool:
        """Whether a record of the target has nothing in a field but what new records have."""
        return empty(value)

    def write(self, rows: Sequence[Row], results: Sequence[Result]) -> list[Result]:
        """Writes the fields of records that were sent just now.

        Args:
            rows: planned records; results: what became of each of them.

        Returns:
            What became of each record with its fields. If these failed, the result is theirs, and has the record's id
            and number besides.
        """
        whole = list(results)
        found = {place: self.changes(row) for place, row in enumerate(rows) if results[place].status in DONE}
        wanted = {place: changes for place, changes in found.items() if changes}
        if not wanted:
            return whole
        crash_points.point("before fields beside")
        made = {place for place in wanted if rows[place]["changes"] is None}
        outcomes = self._written(wanted, {place: results[place].body for place in wanted}, made)
        crash_points.point("after fields beside")
        for place, changes in wanted.items():
            whole[place] = _joined(results[place], changes, outcomes[place])
        return whole

    def changes(self, row: Row) -> list[Row]:
        """What a planned row changes in fields of this kind: field, old and new."""
        return changes_of(row, self.prefix)

    def _written(
        self, wanted: Mapping[int, list[Row]], bodies: Mapping[int, Body], made: Collection[int]
    ) -> dict[int, list[Result]]:
        """The results of the calls for each record, by its place.

        Args:
            made: the places of records that were made just now. What they have is what Business Central gives new ones.
        """
        client = self.client
        if client is None:  # it is gone since the plan was made
            return {place: [LOST] for place in wanted}
        there = self.looked_at(client, bodies)
        outcomes, ready = dict[int, list[Result]](), dict[int, list[Row]]()
        for place, changes in wanted.items():
            found = there[place]
            if found.status != 200:
                outcomes[place] = [found if 400 <= found.status < 500 else LOST]
            elif place not in made and self._is_changed(changes, self.values(found.body)):
                outcomes[place] = [Result("", 409, CHANGED_MEANWHILE)]
            else:
                ready[place] = changes
        self.prepare(client, [each for changes in ready.values() for each in changes])
        calls: dict[int, list[Operation]] = {}
        for place, changes in ready.items():
            if refused := self.refusal(changes):
                outcomes[place] = [refused]
            else:
                calls[place] = list(self.calls(bodies[place], changes, there[place].body))
        return outcomes | run_each(client, calls)

    def _is_changed(self, changes: list[Row], shown: Body) -> bool:
        """Whether a field is neither as it was when it was compared, nor as it is to be."""
        return any(not (_same(shown[it["field"]], it["old"]) or _same(shown[it["field"]], it["new"])) for it in changes)


def by_id(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Records of the target by their ids: what several keys have found is there several times."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["id"], []).append(record)
    return found


def run_each(client: BusinessCentral, calls: Mapping[int, list[Operation]]) -> dict[int, list[Result]]:
    """Runs the calls of each place; gives their results."""
    flat = [(place, call) for place, own in calls.items() for call in own]
    found: dict[int, list[Result]] = {place: [] for place in calls}
    # The records themselves are sent by now, and their outcomes must not get lost.
    results = client.run([replace(call, id=str(number)) for number, (_, call) in enumerate(flat)], (WinbcError,))
    for (place, _), result in zip(flat, results, strict=True):
        found[place].append(result)
    return found


def _same(there: Any, value: Any) -> bool:
    return equal(there, value) or (empty(there) and empty(value))


def _joined(record: Result, changes: list[Row], outcomes: list[Result]) -> Result:
    """The result of a record and of its fields together."""
    failed = next((each for each in outcomes if each.status not in DONE), None)
    if not failed:
        return Result(record.id, record.status, record.body | {each["field"]: each["new"] for each in changes})
    made = {name: record.body[name] for name in ("id", "number", "code") if name in record.body}
    return Result(record.id, failed.status, failed.body | made)
