"""Decides what happens to the pictures of one part: what both sides have now, against what they had when they agreed.

Here belongs: skip, create, update, conflict. A picture whose name did not change is not read at all (sync/map.py).
Reading and telling pictures apart: pictures.py.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from ... import clock
from ...errors import WinbcError
from ...mapping.compiler import Compiled
from ...staging import ledger
from ...staging.ledger import State
from ...staging.pairs import KEYS
from ...staging.store import Row
from ...systems.pictures import BadPicture, PictureUnavailable
from ..outcomes import IGNORED, TAKEN, broken_rule, is_ignored
from ..part import Part
from ..payloads import field_hashes, hashes_as_text
from ..work import Work
from .decision import Decided, Decision
from .known.staged import StagedRecords
from .special.pictures import CONTENT, NONE, SentPictures, content_hash, pair_of
from .target.matching import Target
from .target.references import with_payloads

LEFT_ALONE = ("DELETED_THERE", "MISSING_THERE", IGNORED)  # reasons of a parent whose picture is not looked at
STILL = ("PICTURE", "PICTURE_KEPT")  # reasons that stay while name and settings do
Agreed = tuple[str | None, str | None] | None


class PicturePlanner:
    """Decides the pictures of one part, compared with what the target has. It writes nothing.

    Args:
        compiled: the part's table.
    """

    def __init__(self, work: Work, part: Part, target: Target, compiled: Compiled) -> None:
        self.settings, self.flow, self.part, self.compiled = work.settings, work.flow, part, compiled
        self.pictures = SentPictures(work.connected, part, target)
        self.in_flight, self.hash_key = target.in_flight, work.connected.hash_key
        self.mode = part.picture.chosen(work.settings) if part.picture else "never"
        self.asked = work.keys is not None  # by a person, or because something changed meanwhile
        self.store, self.staged = work.store, StagedRecords(work.connected, part)
        # By key, what the plan has decided of the parents of these records, and what the ledger knows of the parents.
        self.parents: Mapping[str, Row] = {}
        self.records: dict[str, Row] = {}

    def close(self) -> None:
        self.pictures.close()

    def decide_all(self, rows: list[Row], parents: Mapping[str, Row]) -> Decided:
        """Decides mapped pictures. It may not be called again before it has ended.

        Args:
            rows: mapped records with the columns of MAPPED and KNOWN (sync/map.py).
            parents: what the plan has decided of the parents' records, by key, as rows of the plan table; of others,
                the ledger knows the ids.
        """
        self.parents = parents
        whole = [with_payloads(row, self.compiled, {}, self.hash_key) for row in rows]
        whole.sort(
            key=lambda row: [str(row["updates"].get(name)) for name in ("name", "key")]
        )  # one picture, one reading
        prepared = self.prepared(whole)
        with ThreadPoolExecutor(self.in_flight) as pool:
            return list(zip(prepared, pool.map(self.decide, prepared), strict=True))

    def prepared(self, rows: list[Row]) -> list[Row]:
        """Rows with the pair of each, and with the settings among what is compared with an earlier plan."""
        where, wanted = "part = ? AND key IN (SELECT unnest(?::VARCHAR[]))", [row["_key"] for row in rows]
        self.records = {row["key"]: row for row in ledger.read(self.store, where, [self.part.parent, wanted])}
        named = self.staged.named(wanted)
        for row in rows:
            row["own"] = str(named.get(row["_key"], {}).get("own") or row["_key"])
        found = self.pictures.pairs.read(self.part.paired_as, self.flow.source, [row["own"] for row in rows])
        rules = {"rules": f"{self.mode} {' '.join(self.settings.products.picture_hosts)}"}
        for row in rows:
            row |= {"paired": found.get(row["own"]), "updates": {**row["updates"], **rules}}
            row["new_hashes"] = hashes_as_text(self.hash_key, row["updates"])
        return rows

    def decide(self, row: Row) -> Decision:
        """What happens to one picture."""
        if decided := self._without_target(row):
            return decided
        parent = self._parent(row["_key"])
        if isinstance(parent, Decision):
            return parent
        if self.mode == "never":
            return Decision("skip", "PICTURE_KEPT", "products.pictures is never", target=parent)
        if row["reason"] in STILL and row["state"] == State.SKIPPED and self._is_as_before(row) and not self.asked:
            return Decision("skip", row["reason"], row["message"], target=parent)
        try:
            return self._compared(row, parent)
        except BadPicture as problem:
            return Decision("skip", "PICTURE", str(problem), target=parent)
        except PictureUnavailable as problem:
            return Decision("fail", "PICTURE", str(problem), target=parent)
        except LookupError:
            return Decision("skip", "MISSING_THERE", target=parent)
        except WinbcError as error:  # a picture holds nothing else up
            return Decision("fail", "PICTURE", error.message, target=parent)

    def _without_target(self, row: Row) -> Decision | None:
        if row["skip_reason"]:
            return Decision("skip", row["skip_reason"])
        if is_ignored(row["state"], row["reason"]) and row["version"] == row["_version"]:
            return Decision("skip", IGNORED, row["message"])
        if row["errors"]:
            return Decision("fail", "MAPPING", broken_rule(row["errors"][0], self.part.table))
        return None

    def _parent(self, key: str) -> dict[str, Any] | Decision:
        """`id` and `number` of the parent's record; without an id when it is about to be made."""
        decided, known = self.parents.get(key), self.records.get(key)
        if decided and decided["action"] == "create":
            return {}
        if decided and decided["action"] in ("skip", "conflict") and decided["reason"] in LEFT_ALONE:
            return Decision("skip", "MISSING_THERE" if decided["reason"] == "DELETED_THERE" else decided["reason"])
        for there in (decided, known):
            if there and there["target_id"]:
                return {"id": there["target_id"], "number": there["target_no"]}
        if decided and decided["action"] == "skip":
            return Decision("skip", decided["reason"])
        return Decision("fail", "REFERENCE_MISSING", f"the {self.part.parent} of the same record is not in the target")

    def _is_as_before(self, row: Row) -> bool:
        return bool(json.loads(row["field_hashes"] or "{}") == field_hashes(self.hash_key, row["updates"]))

    def _compared(self, row: Row, parent: dict[str, Any]) -> Decision:
        """What becomes of a picture. Neither side is read unless it must be."""
        agreed, there = self._agreed(row, parent), "" if parent.get("id") else NONE
        if not there and (self.mode == "create" or not agreed):
            there = self.pictures.there(parent["id"])
        if self.mode == "create" and there != NONE:
            words = "products.pictures is create, and the record has a picture"
            return Decision("skip", "PICTURE_KEPT", words, target=parent)
        if there == NONE and self.pictures.source.names_them:
            return self._sent(row, "create", parent, NONE)
        wanted = content_hash(
            self.pictures.pairs, self.pictures.source.read(row["updates"]["name"], row["updates"]["key"])
        )
        if wanted == NONE or self._is_settled(row, agreed, wanted):
            return Decision("skip", "UNCHANGED", target=parent)
        there = there or self.pictures.there(parent["id"])
        if there == NONE:
            return self._sent(row, "create", parent, NONE)
        if there == wanted:
            pair = None if agreed == (wanted, wanted) else self._pair(row, wanted, wanted)
            return Decision("skip", "UNCHANGED", target=parent, pair=pair)
        return self._differing(row, parent, there, wanted)

    def _is_settled(self, row: Row, agreed: Agreed, wanted: str) -> bool:
        """Whether the source has nothing new, so that what the target has stays, whatever it is."""
        is_open = row["state"] == State.UNKNOWN or row["reason"] in TAKEN
        return agreed is not None and agreed[0] == wanted and not is_open

    def _differing(self, row: Row, parent: dict[str, Any], there: str, wanted: str) -> Decision:
        """Settles a picture that differs on both sides, by the rules of merge.py for a field."""
        agreed, taken = self._agreed(row, parent), TAKEN.get(row["reason"] or "")
        if taken == "target":
            return Decision("skip", "DRIFT", "picture", target=parent, pair=self._pair(row, wanted, there))
        if self._may_still_arrive(row):
            return Decision("wait", "QUARANTINE")
        both = not agreed or agreed[1] != there
        if both and not taken and self.flow.owner(self.settings) == "hold":
            words = f"picture; `winbc resolve {row['_key']} --flow {self.flow.id} --take winstore` or bc"
            return Decision("conflict", "BOTH_CHANGED", words, target=parent)
        message = "changed on both sides, the source's picture is sent" if agreed and both else None
        return self._sent(row, "update", parent, there, message)

    def _agreed(self, row: Row, parent: dict[str, Any]) -> Agreed:
        """The pictures that both records, and no others, had when they last agreed; None when they never did."""
        pair, source, target = row["paired"], self.flow.source, self.flow.target
        if not pair or pair[KEYS[target]] != parent.get("id"):
            return None
        return pair[source].get(CONTENT), pair[target].get(CONTENT)

    def _may_still_arrive(self, row: Row) -> bool:
        """Whether an older picture was lost on its way, and would overwrite this one if it came later."""
        quarantine = timedelta(minutes=self.settings.quarantine_minutes)
        is_lost = row["state"] == State.UNKNOWN and row["version"] != row["_version"]
        return bool(is_lost and clock.now() < row["intent_at"] + quarantine)

    def _sent(self, row: Row, action: str, parent: dict[str, Any], there: str, words: str | None = None) -> Decision:
        fields = {name: row["updates"][name] for name in ("name", "key")}
        change = {"field": "picture", "old": None if there == NONE else "another one", "new": fields["name"]}
        target = {**parent, "@odata.etag": there}
        pair = self._pair(row, NONE)  # its content is read when it is sent
        return Decision(action, None, words, target=target, body=fields, changes=[change], pair=pair)

    def _pair(self, row: Row, source: str, target: str | None = None) -> str:
        made_by = (row["paired"] or {}).get("made_by") or self.flow.source
        return pair_of(str(row["own"]), made_by, source, target)
