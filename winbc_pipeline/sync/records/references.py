"""Codes and ids: a mapping table gives a code, Business Central takes the id of the record that has it."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...mapping.compiler import Compiled
from ...staging.store import Row
from ...systems.business_central import BusinessCentral
from ..payloads import fields_of


class IdsByCode(dict[str, dict[str, str]]):
    """The ids of the target's records by entity set and code, each set read when it is first asked for."""

    def __init__(self, target: BusinessCentral) -> None:
        self.target = target

    def __missing__(self, entity_set: str) -> dict[str, str]:
        records = self.target.get(f"{entity_set}?$select=id,code")
        self[entity_set] = {record["code"].upper(): record["id"] for record in records}
        return self[entity_set]

    def read(self, payloads: Iterable[tuple[Mapping[str, str], Mapping[str, Any]]]) -> None:
        """Reads the sets of which payloads name codes, all at once; each with its references, as of `with_ids`."""
        named = {
            entity_set
            for references, payload in payloads
            for name, entity_set in references.items()
            if entity_set not in self and payload.get(name)
        }
        with ThreadPoolExecutor(len(named) or 1) as pool:
            list(pool.map(self.__getitem__, named))


def with_payloads(row: Row, compiled: Compiled, ids: Mapping[str, Mapping[str, str]]) -> Row:
    """The row with both payloads as fields, codes of references replaced by the target's ids."""
    creates, updates = map(dict, compiled.payloads(fields_of(row["creates"]), fields_of(row["updates"])))
    missing = with_ids(creates, compiled.references, ids)[1]
    missing = with_ids(updates, compiled.references, ids)[1] or missing
    return row | {"creates": creates, "updates": updates, "missing": missing}


def with_ids(
    payload: dict[str, Any], references: Mapping[str, str], ids: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Any], str | None]:
    """The payload with the codes of references replaced by the target's ids, and in words which one is missing."""
    missing = None
    for name, entity_set in references.items():
        if code := payload.get(name):
            payload[name] = ids[entity_set].get(code.upper())
            if not payload[name]:
                missing = f"{name}: {entity_set} has no such code, given a text of {len(code)} characters"
    return payload, missing
