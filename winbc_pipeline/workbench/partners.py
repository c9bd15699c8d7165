"""What a person decides about a record and its partner in the other system: who they are, and whose values count.

Here belongs: what a decision is to change in the ledger and the pairs. When it may be taken: intervention.py.
"""

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import NotDone
from ..flows import FLOWS
from ..settings import Settings
from ..staging import ledger
from ..staging.apart import Apart
from ..staging.ledger import OPEN, Move, State
from ..staging.pairs import KEYS, Pairs
from ..staging.store import Row, Store, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.flow import BLOCK, Flow
from ..sync.outcomes import APART, MAKE_AGAIN
from ..sync.part import Part
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

    @property
    def apart(self) -> Apart:
        return Apart(self.connected.settings, self.connected.flow.pairs)

    def as_if(self, how: str, rows: list[Row], number: str, target: Target) -> AsIf:
        """What the ledger is to say of records once a decision is carried out.

        Args:
            how: a name of DECIDED, `adopt` or `apart`.
            rows: the ledger rows of the records.
            number: the number of the partner that `adopt` names.

        Raises: NotDone when there is no such partner, or it is another record's; for `apart`, when there is none.
        """
        if how not in ("adopt", "apart"):
            known: Row = {"reason": DECIDED[how]} | (FORGOTTEN if how == "again" else {})
            return {(row["part"], row["key"]): known for row in rows}
        row = self._chosen(rows)
        part, key = self.connected.flow.part(row["part"]), str(row["key"])
        before = self.partner_of(row)
        if how == "adopt":
            partner = self._partner(part, key, number, target)
            apart = frozenset({before["id"]} if before and before["id"] != partner else ())
            found = {"reason": "BY_HAND", "target_id": partner, "target_no": number, "adopted": True}
            return {(part.name, key): FORGOTTEN | found | {"apart": apart}}
        if not before:
            raise NotDone(f"{key} has no partner: nothing to set apart.", f"Look at `winbc trace {key}`.")
        return {(part.name, key): FORGOTTEN | {"reason": APART, "apart": frozenset({before["id"]})}}

    def partner_of(self, row: Row) -> Row | None:
        """The `id` and the `number` of a record's partner, by its pair or else its ledger row; None without one."""
        flow, part = self.connected.flow, self.connected.flow.part(row["part"])
        key = str(row["key"])
        own = self._own_ids([key]).get(key, key)
        pair = self.pairs.read(part.paired_as, flow.source, [own]).get(own)
        if pair:
            number = pair["bc_no" if flow.target == "bc" else KEYS["winstore"]]
            return {"id": pair[KEYS[flow.target]], "number": number}
        return {"id": row["target_id"], "number": row["target_no"]} if row["target_id"] else None

    def with_former(self, how: str, rows: list[Row]) -> list[Row]:
        """The rows of a proposal; for `apart` their message says whose partner the record was."""
        if how == "apart":
            row = self._chosen(rows)
            former = self.partner_of(row)
            words = f"not the same as {former['number']}" if former else None
            row["message"] = "; ".join(filter(None, [words, row["message"]]))
        return rows

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
            hint = f"`winbc resolve {owner} --flow {flow.id} --apart` says that they are not the same."
            raise NotDone(f"{number} is the partner of {owner} already.", hint)
        return partner

    def _is_staged(self, part: Part, key: str) -> bool:
        """Whether the source still has a record."""
        with self.connected.store.open() as connection:
            query = f"SELECT 1 FROM {quote(self.connected.staging.name)} WHERE {part.key} = ? LIMIT 1"
            return connection.execute(query, [key]).fetchone() is not None

    def note(self, how: str, as_if: AsIf, keys: Collection[str], run_id: str) -> None:
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
                self.apart.take_back(part.paired_as, {flow.source: own_id, flow.target: each["target_id"]})
                self.pairs.write([made_by_hand(part, flow.source, own_id, each["target_id"], each["target_no"])])
            if how == "apart":
                self._note_apart(part, {flow.source: own_id, flow.target: next(iter(each["apart"]))}, run_id)

    def _note_apart(self, part: Part, ids: dict[str, str], run_id: str) -> None:
        """Notes that two records are not the same, and lets all other flows of the entity forget that they were.

        The decision comes first: from then on no plan believes the pair or a ledger that still has it.
        """
        flow, settings = self.connected.flow, self.connected.settings
        self.apart.note(part.paired_as, ids)
        self.pairs.forget(part.paired_as, flow.source, [ids[flow.source]])
        others = [each for each in FLOWS if each.pairs == flow.pairs and each.id != flow.id]
        for other in others:
            store = ConnectedFlow(other, settings).store
            for each in other.parts if store.exists() else ():
                if each.paired_as == part.paired_as and other.document:
                    ledger.unlink(store, each.name, ids[other.target])
                elif each.paired_as == part.paired_as:
                    ledger.move(store, self._looks_anew(store, each, ids[other.target]), run_id)

    def _looks_anew(self, store: Store, part: Part, partner: str) -> list[Move]:
        """The moves of the records of another flow that were linked to a record: their next run looks for a partner."""
        rows = ledger.read(store, f"part = ? AND target_id = ? AND {ledger.NOT_ON_ITS_WAY}", [part.name, partner])
        return [Move(part.name, row["key"], State.PLANNED, FORGOTTEN | {"reason": APART}) for row in rows]

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
        rows: the ledger rows of the records.
    """
    moves = []
    for row in rows:
        if (row["part"], row["key"]) in as_if:
            decided = as_if[row["part"], row["key"]]
            known = {name: value for name, value in decided.items() if name not in ("adopted", "apart")}
            moves.append(Move(row["part"], row["key"], State.PLANNED, known))
    return moves


def flows_with_partners(settings: Settings) -> list[Flow]:
    """The flows of records with partners that are on."""
    return [flow for flow in FLOWS if flow.pairs and not flow.document and flow.is_on(settings)]


def flows_that_know(settings: Settings, name: str) -> list[str]:
    """The ids of the flows with partners whose ledger has a record with a key or a number in the target.

    Both directions of a flow know a record. So its own key counts more than its number in the target, and where it
    waits for a person more than where it does not.
    """
    known: dict[str, list[Row]] = {}
    for flow in flows_with_partners(settings):
        store = Store.of(settings, settings.flow_database(flow.id))
        if store.exists():
            where = "part = ? AND (key = ? OR target_no = ?)"
            rows = ledger.read(store, where, [flow.main, name, name])
            known |= {flow.id: rows} if rows else {}
    by_key = {flow: rows for flow, rows in known.items() if any(row["key"] == name for row in rows)} or known
    waiting = {flow: rows for flow, rows in by_key.items() if any(row["state"] in OPEN for row in rows)}
    return list(waiting or by_key)
