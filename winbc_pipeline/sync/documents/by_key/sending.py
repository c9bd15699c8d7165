"""Sends documents as order requests: a POST of the request, the action that makes its document, and a look at it.

Both calls may be made again: the key makes them one. So an answer that was lost is settled by making them again. When
they are made: batches.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ....errors import ConfigurationError, SystemUnavailable, UnreadableAnswer
from ....settings import Settings
from ....systems.business_central import BusinessCentral, Operation, Result
from ....systems.business_central.batch import NOT_KNOWN, NOT_RUN
from ....systems.business_central.companion import app_client
from ... import crash_points
from ..existing import INVOICE, TOTAL
from .request import DOCUMENT_TYPES, REQUESTS, Codes, request_of, variants_in

PROCESS = "Microsoft.NAV.process"
SHOWN = ("id", "number", "externalDocumentNumber", TOTAL)
UNANSWERED = (SystemUnavailable, UnreadableAnswer, ConfigurationError)
Record = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A document on its way: its planned body, and the id of its attempt."""

    attempt: str
    body: str

    def operation(self, suffix: str, method: str, path: str, body: Record | None = None) -> Operation:
        return Operation(f"{self.attempt}{suffix}", method, path, body, request_id=self.attempt)


class Requests:
    """The order requests of one run. It may be used by several threads.

    Args:
        document: the entity set of the documents; navigation: the property of a body that holds the lines.
    """

    def __init__(
        self, settings: Settings, target: BusinessCentral, document: str, navigation: str, hash_key: str
    ) -> None:
        self.target, self.document, self.navigation, self.hash_key = target, document, navigation, hash_key
        self.app, self.codes = app_client(settings, target.root), Codes(target)

    def close(self) -> None:
        self.app.close()

    def send(self, batch: Sequence[Request]) -> list[Result]:
        """Sends some documents; gives one result for each, in their order, as a POST of the document would have it.

        The status of a result is 201 with the document, NOT_RUN when nothing of it was done, that of a refusal, or
        another one when it is not known what became of it. Then it may be sent again at once.
        """
        try:
            made, refused = self._requested(batch)
        except UNANSWERED:  # a look-up of codes
            return [Result(each.attempt, NOT_RUN, {}) for each in batch]
        results = refused | {result.id: _with_id(result) for result in self.app.run(made)}
        hashes = {operation.id: operation.body["contentHash"] for operation in made if isinstance(operation.body, dict)}
        taken = [each for each in batch if results[each.attempt].status in (200, 201)]
        crash_points.point("after request")
        processed = self._processed(taken, {key: results[key].body.get("id", "") for key in results}, hashes)
        try:
            documents = self._documents(processed)
        except UNANSWERED:  # nobody has seen their totals
            processed = {
                key: replace(look, status=NOT_KNOWN) if look.status == 200 else look for key, look in processed.items()
            }
            documents = {}
        return [
            _outcome(results[each.attempt], processed.get(each.attempt), documents.get(each.attempt)) for each in batch
        ]

    def _requested(self, batch: Sequence[Request]) -> tuple[list[Operation], dict[str, Result]]:
        """The calls of documents, and by attempt the refusal of those that name a record that is gone."""
        bodies = [json.loads(each.body, parse_float=Decimal) for each in batch]
        self.codes.read_variants(set().union(*(variants_in(body, self.navigation) for body in bodies)))
        kind = DOCUMENT_TYPES[self.document]
        made, refused = [], {}
        for each, body in zip(batch, bodies, strict=True):
            try:
                request = request_of(body, self.navigation, kind, self.codes, self.hash_key)
            except LookupError as error:
                words = {"error": {"code": "NotFound", "message": str(error)}}
                refused[each.attempt] = Result(each.attempt, 404, words)
            else:
                made.append(each.operation("", "POST", REQUESTS, request))
        return made, refused

    def _processed(
        self, taken: Sequence[Request], ids: Mapping[str, str], hashes: Mapping[str, str]
    ) -> dict[str, Result]:
        """Has the documents of requests made; gives for each attempt the refusal, or the request as it is then."""
        operations = []
        for each in taken:
            path = f"{REQUESTS}({ids[each.attempt]})"
            meant = {"contentHash": hashes[each.attempt]}
            operations.append(each.operation(" process", "POST", f"{path}/{PROCESS}", meant))
            operations.append(each.operation(" look", "GET", path))
        results = {result.id: result for result in self.app.run(operations)}
        found = {}
        for each in taken:
            process, look = results[f"{each.attempt} process"], results[f"{each.attempt} look"]
            was_made = look.status == 200 and look.body.get("state") == "Processed"
            # A request that was processed before refuses nothing: its state tells more than a lost answer.
            found[each.attempt] = look if was_made and process.status != 400 else _certain(process)
        return found

    def _documents(self, processed: Mapping[str, Result]) -> dict[str, Record]:
        """The documents of processed requests, by attempt. One that was posted already is found by its number."""
        made = {attempt: look.body for attempt, look in processed.items() if look.status == 200}
        found: dict[str, Record] = {}
        for place in dict.fromkeys((self.document, INVOICE)):
            left = {key: each["documentId"] for key, each in made.items() if key not in found}
            found |= self._found(place, "id", left)
        posted = {key: each["postedDocumentNumber"] for key, each in made.items() if key not in found}
        return found | self._found(INVOICE, "number", {key: number for key, number in posted.items() if number})

    def _found(self, place: str, field: str, wanted: Mapping[str, str]) -> dict[str, Record]:
        """The documents of a place by attempt. `wanted` has the value of the field for each attempt."""
        records = self.target.find(place, field, set(wanted.values()), False, SHOWN) if wanted else {}
        return {key: records[value][0] | {"place": place} for key, value in wanted.items() if value in records}


def _with_id(result: Result) -> Result:
    """The answer to a POST of a request. Without the request's id nobody can say what was made."""
    taken = result.status in (200, 201)
    return replace(result, status=NOT_KNOWN) if taken and not result.body.get("id") else result


def _outcome(posted: Result, look: Result | None, document: Record | None) -> Result:
    """What became of one document."""
    if look is None:
        return posted
    if look.status != 200:
        return replace(look, id=posted.id)
    if document:
        return Result(posted.id, 201, document)
    # It was made, and was deleted meanwhile.
    known = {"id": look.body["documentId"], "number": look.body["documentNumber"]}
    return Result(posted.id, 201, known | {"externalDocumentNumber": look.body["reference"]})


def _certain(process: Result) -> Result:
    """The answer to the action. One that was lost is not known, even if the action was certainly not run: the request
    itself is there, and a later call may still make its document."""
    refused = 400 <= process.status < 500 and process.status not in (408, 429)
    return process if refused else replace(process, status=NOT_KNOWN)
