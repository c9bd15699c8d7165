"""Winstore as a target of master data: records are found, made and changed as Business Central's are.

Here belongs: what Winstore's answers mean in the terms of a plan and a push. Calls and XML: systems/winstore/.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ....errors import SystemUnavailable, WinbcError
from ....settings import Settings
from ....systems.business_central import Operation, Result
from ....systems.business_central.batch import NOT_KNOWN, NOT_RUN
from ....systems.pictures import BadPicture
from ....systems.transport import Lost
from ....systems.winstore import Winstore
from ....systems.winstore.writing import Receipt
from ...outcomes import WINSTORE_REFUSED
from ...payloads import fields_of

Record = dict[str, Any]
UNSEEN = "@unseen"
"""Marks a record whose values nobody can ask for: a profile of contract 1 has no look-ups."""
NOT_SEEN = "not known"
"""What a plan shows as the old value of such a record."""


def is_unseen(record: Mapping[str, Any]) -> bool:
    """Whether nobody can ask what a record has."""
    return bool(record.get(UNSEEN))


class WinstoreRecords:
    """The records of one Winstore. Each has the key of its entity as `id` and as `number`.

    A call makes or changes one record under a key that the program gives, so it may be made twice.
    """

    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        self.winstore = Winstore(settings)
        self.in_flight = self.winstore.transport.limits.in_flight

    def close(self) -> None:
        self.winstore.close()

    def changed(self, entity: str, since: datetime, _: Collection[str]) -> Iterator[list[Record]]:
        """Pages of the records that changed at or after a moment."""
        for rows in self.winstore.changed_since(entity, since):
            yield [self._record(entity, row) for row in rows]

    def find(
        self, entity: str, field: str, keys: Iterable[str], ignore_case: bool, select: Collection[str] = ()
    ) -> dict[str, list[Record]]:
        """Records by the values of a field, as `BusinessCentral.find` gives them.

        A profile without look-ups finds by `id` what is asked for, without its values, and nothing by other fields.
        """
        name = self._key(entity) if field == "id" else field
        if self.winstore.can_find(entity, name):
            found = self.winstore.find(entity, name, keys, ignore_case, select)
            return {key: [self._record(entity, row) for row in rows] for key, rows in found.items()}
        if field != "id":
            return {}
        return {key: [{"id": key, "number": key, UNSEEN: True}] for key in keys if key}

    def batch(self, operations: list[Operation]) -> list[Result]:
        """Makes or changes records, one call each. A record that may have arrived has the status NOT_KNOWN."""
        return [self._posted(operation) for operation in operations]

    def _posted(self, operation: Operation) -> Result:
        entity, _, key = operation.path.partition("(")
        body = operation.body if isinstance(operation.body, dict) else fields_of(operation.body or "{}")
        fields = self._with_key(entity, body, key.removesuffix(")")) if key else dict(body)
        if self.winstore.transport.pausing:
            return Result(operation.id, NOT_RUN, {})
        try:
            given = self.winstore.post(entity, fields, [], repeatable=True)
        except (SystemUnavailable, Lost):  # The call was made several times: any of them may have arrived.
            return Result(operation.id, NOT_KNOWN, {})
        if not given.taken:
            return _refused(operation.id, given)
        # The answer's id is that of an article, of which a record is one SKU.
        is_inner = bool(self.winstore.profile.entity(entity).parent_key)
        number = self._key_of(entity, fields) if is_inner else given.id or self._key_of(entity, fields)
        # A new record has nothing in the fields that were not sent.
        blank = {} if key else dict.fromkeys(self.winstore.profile.written(entity))
        answer = blank | fields | self._as_kept(entity, number, fields, given.modified)
        return Result(operation.id, 200, answer | {"id": number, "number": number})

    def picture(self, entity: str, record: str) -> bytes | None:
        """The picture of a record, as `BusinessCentral.picture` gives it.

        Raises: BadPicture when it is not to be replaced: other SKUs have it too, or the profile has no such call.
        """
        known = self.winstore.profile.pictures.get(entity)
        if not known or not known.write:
            raise BadPicture("the Winstore profile has no call that writes a picture")
        article = self._article(entity, record)
        if not article.get("picture"):
            return None
        count = article.get(self.winstore.profile.entity(entity).count or "")
        if Decimal(count or 1) > 1:
            raise BadPicture("its article has several SKUs and a picture, and one is all that it can have")
        found = self.winstore.picture(article["artkey"])
        return found.content if found else None

    def put_picture(self, entity: str, record: str, content: bytes) -> Result:
        """Gives a record a picture, as `BusinessCentral.put_picture` does."""
        if self.winstore.transport.pausing:
            return Result(record, NOT_RUN, {})
        try:
            given = self.winstore.post_picture(self._article(entity, record)["artkey"], content)
        except (SystemUnavailable, Lost):
            return Result(record, NOT_KNOWN, {})
        return Result(record, 200, {"id": record}) if given.taken else _refused(record, given)

    def _article(self, entity: str, record: str) -> Record:
        """The article of a record; raises LookupError when Winstore does not have it."""
        found = self.find(entity, "id", [record], False)
        return found[record][0]

    def _as_kept(self, entity: str, number: str, sent: Record, modified: str) -> Record:
        """The fields that were sent, as Winstore keeps them: it may write a value in its own way.

        Nothing is concluded when somebody has changed the record since, or when Winstore does not tell.
        """
        profile = self.winstore.profile.entity(entity)
        if not modified or not self.winstore.can_find(entity, profile.key[0]):
            return {}
        try:
            found = self.find(entity, "id", [number], False).get(number, [])
        except WinbcError:  # it was taken; what it looks like now is not worth an error
            return {}
        kept = [record for record in found if record.get(profile.modified) == modified]
        return {name: record.get(name) for record in kept for name in sent}

    def _with_key(self, entity: str, fields: Mapping[str, Any], key: str) -> Record:
        """The fields of a record with those that its key is made of."""
        return {**fields, self._key(entity): key}

    def _key_of(self, entity: str, fields: Mapping[str, Any]) -> str:
        return str(fields[self._key(entity)])

    def _key(self, entity: str) -> str:
        return self.winstore.profile.entity(entity).key[0]

    def _record(self, entity: str, row: Mapping[str, Any]) -> Record:
        """A row with its values in their kinds, and with its key as `id` and `number`."""
        kinds = self.winstore.profile.entity(entity).fields
        typed = {name: _typed(value, kinds.get(name, "text")) for name, value in row.items()}
        key = str(row.get(self._key(entity)) or "")
        return typed | {"id": key, "number": key}


def _refused(name: str, given: Receipt) -> Result:
    error = {"code": WINSTORE_REFUSED, "message": f"{given.code}: {given.message}"}
    return Result(name, 400, {"error": error})


def _typed(value: Any, kind: str) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if kind == "decimal":
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value.lower() == "true" if kind == "boolean" else value
