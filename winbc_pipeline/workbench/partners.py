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
from ..sync.flow import BLOCK, Part
from ..sync.outcomes import MAKE_AGAIN
from ..sync.records.known.told import made_by_hand
from ..sync.records.target.matching import Target

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
        if how == "adopt":
            flow = self.connected.flow
            part, key = flow.part(self._chosen(rows)["part"]), str(rows[0]["key"])
            found = {"reason": "BY_HAND", "target_id": self._partner(part, key, number, target), "target_no": number}
            return {(part.name, key): found | {"adopted": True}}
        known: Row = {"reason": DECIDED[how]} | (FORGOTTEN if how == "again" else {})
        return {(row["part"], row["key"]): known for row in rows}

    def _chosen(self, rows: list[Row]) -> Row:
        """The row that a partner is named for: that of the main part, or the first of those that wait."""
        return next((row for row in rows if row["part"] == self.connected.flow.main), rows[0])

    def _partner(self, part: Part, key: str, number: str, target: Target) -> str:
        """The id of the record in the target that a person names as a record's partner."""
        flow = self.connected.flow
        found = target.find(part.entity_set, part.match[0][0], [number], False)
        if not found:
            raise NotDone(f"The target has no record with the number {number}.", "Look at the number there.")
        partner = str(found[number][0]["id"])
        pair = self.pairs.read(part.paired_as, flow.target, [partner])
        owner = pair[partner]["bc_no" if flow.source == "bc" else "winstore_key"] if pair else key
        if owner != key and self._is_staged(part, owner):
            raise NotDone(f"{number} is the partner of {owner} already.", "Settle that one first.")
        return partner

    def _is_staged(self, part: Part, key: str) -> bool:
        """Whether the source still has a record."""
        with self.connected.store.open() as connection:
            query = f"SELECT 1 FROM {quote(self.connected.staging.name)} WHERE {part.key} = ? LIMIT 1"
            return connection.execute(query, [key]).fetchone() is not None

    def note(self, how: str, as_if: AsIf, keys: Collection[str]) -> None:
        """Notes in the pairs what a decision says of them."""
        flow, own = self.connected.flow, self._own_ids(keys)
        for (name, key), each in as_if.items():
            if name == BLOCK:  # it has no pair
                continue
            part = flow.part(name)
            own_id = own.get(key, key)  # a record that several rows of the source make has no other id than its key
            if how == "again":
                self.pairs.forget(part.paired_as, flow.source, [own_id])
            if how == "adopt":
                self.pairs.write([made_by_hand(part, flow.source, own_id, each["target_id"], each["target_no"])])

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
