"""What a person decides about a record and its partner in the other system: who they are, and whose values count.

Here belongs: what a decision is to change in the ledger and the pairs. When it may be taken: intervention.py.
"""

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import NotDone
from ..staging.ledger import Move, State
from ..staging.pairs import Pairs
from ..staging.store import Row, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.outcomes import MAKE_AGAIN
from ..sync.records.matching import Target
from ..sync.records.told import made_by_hand

# The reason that the ledger gets, by what a person asks for.
DECIDED = {"take_source": "TAKE_SOURCE", "take_target": "TAKE_TARGET", "again": MAKE_AGAIN}
FORGOTTEN: Row = {"target_id": None, "target_no": None, "field_hashes": None, "hash": None}
AsIf = dict[tuple[str, str], Row]  # what the ledger is to say of records, by part and key


@dataclass(frozen=True)
class Partners:
    """The decisions about records of one flow. The caller holds the flow's lease."""

    connected: ConnectedFlow

    @property
    def pairs(self) -> Pairs:
        return Pairs(self.connected.settings, self.connected.flow.pairs)

    def as_if(self, how: str, rows: list[Row], number: str, target: Target) -> AsIf:
        """What the ledger is to say of records once a decision is carried out.

        Args:
            how: a name of DECIDED, or `adopt`.
            rows: the ledger rows of the records that wait.
            number: the number of the partner that `adopt` names.

        Raises: NotDone when there is no such partner, or it is another record's.
        """
        flow = self.connected.flow
        if how == "adopt":
            key = str(rows[0]["key"])
            found = {"reason": "BY_HAND", "target_id": self._partner(key, number, target), "target_no": number}
            return {(flow.main, key): found | {"adopted": True}}
        known: Row = {"reason": DECIDED[how]} | (FORGOTTEN if how == "again" else {})
        return {(row["part"], row["key"]): known for row in rows}

    def _partner(self, key: str, number: str, target: Target) -> str:
        """The id of the record in the target that a person names as a record's partner."""
        flow = self.connected.flow
        part = flow.part(flow.main)
        found = target.find(part.entity_set, part.match[0][0], [number], False)
        if not found:
            raise NotDone(f"The target has no record with the number {number}.", "Look at the number there.")
        partner = str(found[number][0]["id"])
        pair = self.pairs.read(part.paired_as, flow.target, [partner])
        owner = pair[partner]["bc_no" if flow.source == "bc" else "winstore_key"] if pair else key
        if owner != key:
            raise NotDone(f"{number} is the partner of {owner} already.", "Settle that one first.")
        return partner

    def note(self, how: str, as_if: AsIf, keys: Collection[str]) -> None:
        """Notes in the pairs what a decision says of them."""
        flow = self.connected.flow
        part, own = flow.part(flow.main), self._own_ids(keys)
        if how == "again":
            self.pairs.forget(part.paired_as, flow.source, list(own.values()))
        if how == "adopt":
            self.pairs.write(
                made_by_hand(part, flow.source, own[key], each["target_id"], each["target_no"])
                for (_, key), each in as_if.items()
            )

    def _own_ids(self, keys: Collection[str]) -> dict[str, str]:
        """The ids that records have in the source, by key."""
        flow, staging = self.connected.flow, self.connected.staging
        own = quote(flow.own_id) if flow.own_id else "_key"
        with self.connected.store.open() as connection:
            rows = rows_of(
                connection,
                f"SELECT _key AS key, {own} AS own FROM {quote(staging.name)} WHERE list_contains(?, _key)",
                [list(keys)],
            )
        return {row["key"]: row["own"] for row in rows}


def moves_of(as_if: AsIf, rows: list[Row]) -> list[Move]:
    """The moves of the ledger that a decision asks for.

    Args:
        rows: the ledger rows of the records that wait.
    """
    moves = []
    for row in rows:
        if (row["part"], row["key"]) in as_if:
            known = {name: value for name, value in as_if[row["part"], row["key"]].items() if name != "adopted"}
            moves.append(Move(row["part"], row["key"], State.PLANNED, known))
    return moves
