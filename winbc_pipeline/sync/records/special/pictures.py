"""Pictures of records: how one is read from the source, told from another one, and sent.

Here belongs: one picture. What happens to it: picture_plan.py. The ledger and the pairs: push.py. A picture is told by
a keyed hash of its content, because two names may mean one picture, and each system gives it a name of its own.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Lock
from typing import Any

import orjson

from ....errors import SystemUnavailable, WinbcError
from ....settings import Settings
from ....staging.ledger import State
from ....staging.pairs import Pairs
from ....staging.store import Row
from ....systems.business_central import BusinessCentral, Result
from ....systems.business_central.batch import NOT_RUN
from ....systems.pictures import BadPicture, Limits, PictureReader, PictureUnavailable, check, is_address
from ....systems.winstore import Winstore
from ...connected import ConnectedFlow
from ...flow import Flow
from ...part import Part
from ...payloads import fields_of
from ..target.matching import Target

KEPT = 8  # pictures that are held at once; several SKUs of one article have one
CONTENT = "content"
NONE = "none"
"""What stands for the content of a record without a picture."""
CHANGED = "Request_EntityChanged"  # as Business Central says it of a record
BAD, UNAVAILABLE, GONE = "Picture_Bad", "Picture_Unavailable", "Picture_Gone"
# A bad picture is no failure: nobody but its owner can mend it, and a new name comes with a new one.
OUTCOMES = {
    BAD: (State.SKIPPED, "PICTURE"),
    UNAVAILABLE: (State.FAILED, "PICTURE"),
    GONE: (State.SKIPPED, "MISSING_THERE"),
}


def content_hash(pairs: Pairs, content: bytes | None) -> str:
    """The keyed hash that tells a picture from another one, as pairs keep it."""
    return pairs.hashes(of_content(content))[CONTENT] if content else NONE


def of_content(content: bytes) -> dict[str, str]:
    """A picture as a field of a record, whose hash a pair keeps."""
    return {CONTENT: hashlib.sha256(content).hexdigest()}


def pair_of(own: str, made_by: str, source: str, target: str | None = None) -> str:
    """The pair (JSON, as records/known/known.py writes it) of a picture, by the hashes that both sides have.

    Args:
        target: None until the target has taken it.
    """
    sides = {"source": {CONTENT: source}, "target": {CONTENT: target} if target else {}}
    return orjson.dumps({"own": own, "made_by": made_by, "open": [], "whole": True, **sides}).decode()


class SourcePictures:
    """The pictures of a flow's source. The last few are kept, so that each is read once.

    Winstore's are read by its profile, or at the address that stands in the place of a name; those of Business Central
    by the id of their record.
    """

    def __init__(self, settings: Settings, flow: Flow) -> None:
        self.settings, self.flow = settings, flow
        self.reader = PictureReader(settings.products.picture_hosts, Limits(deadline_s=settings.timeout_s))
        self.kept: OrderedDict[tuple[str, str], Future[bytes | None]] = OrderedDict()
        self.lock = Lock()
        self.system: Winstore | BusinessCentral | None = None

    def close(self) -> None:
        if self.system:
            self.system.close()

    @property
    def names_them(self) -> bool:
        """Whether the name of a picture says that there is one. Business Central names none."""
        return self.flow.source == "winstore"

    def read(self, name: str, key: str) -> bytes | None:
        """A whole picture within the limits; None where there is none and its name does not say so.

        Args:
            name: its name or address; key: the key by which the source gives it.
        Raises: BadPicture, PictureUnavailable.
        """
        place = (name, "" if is_address(name) else key)
        with self.lock:
            is_new = place not in self.kept
            picture = self.kept.setdefault(place, Future())
            self.kept.move_to_end(place)
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        if is_new:
            try:
                picture.set_result(self._read(name, key))
            except BaseException as error:  # those who wait for it learn of it too
                picture.set_exception(error)
                raise
        return picture.result()

    def _read(self, name: str, key: str) -> bytes | None:
        if self.names_them and is_address(name):
            return self.reader.read(name)
        try:
            content = self._of_system(key)
        except WinbcError as error:  # another picture, or the next run, may be luckier
            raise PictureUnavailable(error.message) from None
        if content:
            check(content)
        elif self.names_them:
            raise BadPicture("the source does not have it")
        return content

    def _of_system(self, key: str) -> bytes | None:
        system = self._opened()
        if isinstance(system, Winstore):
            if not system.profile.pictures:
                raise BadPicture("the Winstore profile has no call for pictures")
            found = system.picture(key)
            return found.content if found else None
        try:
            return system.picture(self.flow.entity, key)
        except LookupError:
            return None

    def _opened(self) -> Winstore | BusinessCentral:
        with self.lock:
            if not self.system:
                self.system = (Winstore if self.flow.source == "winstore" else BusinessCentral)(self.settings)
            return self.system


class SentPictures:
    """Sends pictures of one part. It may be used by several threads."""

    def __init__(self, connected: ConnectedFlow, part: Part, target: Target) -> None:
        self.flow, self.part, self.target = connected.flow, part, target
        self.pairs = Pairs(connected.settings, self.flow.pairs)
        self.source = SourcePictures(connected.settings, self.flow)
        self.entity_set = self.flow.part(part.parent or "").entity_set

    def close(self) -> None:
        self.source.close()

    def there(self, record: str) -> str:
        """The hash of the picture that a record of the target has."""
        return content_hash(self.pairs, self.target.picture(self.entity_set, record))

    def send(self, row: Row) -> tuple[Row, Result]:
        """Sends one planned picture; gives its row with the pair that it becomes, and what came of it.

        The call overwrites whatever is there, so the target is looked at just before: what is there already needs no
        call, and what is not as it was planned is planned again.
        """
        fields: Mapping[str, Any] = fields_of(row["body"]) if isinstance(row["body"], str) else row["body"]
        record = row["target_id"] or str(fields.get("parent"))
        try:
            content = self.source.read(fields["name"], fields["key"])
            there = self.there(record)
            wanted = content_hash(self.pairs, content)
            if not content or (there != wanted and there != (row["etag"] or NONE)):
                return row, _failed(record, CHANGED)
            result = None if there == wanted else self.target.put_picture(self.entity_set, record, content)
        except BadPicture as problem:
            return row, _failed(record, BAD, str(problem))
        except PictureUnavailable as problem:
            return row, _failed(record, UNAVAILABLE, str(problem))
        except LookupError:
            return row, _failed(record, GONE)
        except SystemUnavailable:  # nothing was sent yet
            return row, Result(record, NOT_RUN, {})
        except WinbcError as error:
            return row, _failed(record, UNAVAILABLE, error.message)
        if result and result.status not in (200, 204):
            return row, result
        known = orjson.loads(row["pair"])
        answered = {"id": record, "number": row["target_no"], **of_content(content)}
        return row | {"pair": pair_of(known["own"], known["made_by"], wanted)}, Result(record, 200, answered)


def _failed(record: str, code: str, message: str = "") -> Result:
    return Result(record, 400, {"error": {"code": code, "message": message}})


def outcome_of(result: Result) -> tuple[State, str, str] | None:
    """State, reason code and message of a picture for which no call was made; None for any other result."""
    found = OUTCOMES.get(result.error_code)
    return (*found, result.error["message"]) if found else None
