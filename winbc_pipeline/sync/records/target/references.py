"""Codes and ids: a mapping table gives a code, and Business Central takes the id of the record with that code."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ....mapping.compiler import Compiled
from ....mapping.expressions import LONGEST_CODE
from ....staging.store import Row
from ....systems.business_central import BusinessCentral
from ...payloads import fields_of, hashes_as_text


class IdsByCode(dict[str, dict[str, str]]):
    """The ids of the target's records, by entity set and then by code in capitals.

    An entity set is read from the target when it is first asked for.
    """

    def __init__(self, target: BusinessCentral) -> None:
        self.target = target

    def __missing__(self, entity_set: str) -> dict[str, str]:
        records = self.target.get(f"{entity_set}?$select=id,code")
        self[entity_set] = {record["code"].upper(): record["id"] for record in records}
        return self[entity_set]

    def read(self, payloads: Iterable[tuple[Mapping[str, str], Mapping[str, Any]]]) -> None:
        """Reads at once every entity set of which a payload names a code.

        Args:
            payloads: each payload after its references, which are those of `with_ids`.
        """
        named = {
            entity_set
            for references, payload in payloads
            for name, entity_set in references.items()
            if entity_set not in self and payload.get(name)
        }
        with ThreadPoolExecutor(len(named) or 1) as pool:
            list(pool.map(self.__getitem__, named))


Ids = Mapping[str, Mapping[str, str]]
"""Ids of a target by entity set and code, such as IdsByCode."""


def ids_of(target: object) -> Ids:
    """The ids of a target; none in a target whose records refer to no ids."""
    return IdsByCode(target) if isinstance(target, BusinessCentral) else {}


def with_payloads(row: Row, compiled: Compiled, ids: Ids, hash_key: str) -> Row:
    """The mapped row with both payloads as fields, and with ids in place of codes.

    Its new columns are `new_hashes`, the hashes of an update's fields as the ledger keeps them, and `missing`, which
    says in words which code the target does not have. It is None when there is none.

    Args:
        row: it is changed; a copy of every row of a large plan takes as long as to decide it.
        hash_key: the key of the hashes (ConnectedFlow).
    """
    creates, updates = compiled.payloads(fields_of(row["creates"]), fields_of(row["updates"]))
    creates, missing_create = with_ids(creates, compiled.references, ids)
    updates, missing_update = with_ids(updates, compiled.references, ids)
    row |= {"creates": creates, "updates": updates, "missing": missing_update or missing_create}
    row["new_hashes"] = hashes_as_text(hash_key, updates)
    return row


def with_ids(
    payload: dict[str, Any], references: Mapping[str, str], ids: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Any], str | None]:
    """Puts the target's ids in place of the codes.

    Args:
        payload: the fields of a record. It is changed.
        references: the entity set that each field with a code refers to.
        ids: ids by entity set and code, such as IdsByCode.

    Returns:
        The payload, and in words the code that the target does not have (None when it has all).
    """
    missing = None
    for name, entity_set in references.items():
        if code := payload.get(name):
            payload[name] = ids[entity_set].get(code.upper())
            if not payload[name]:
                missing = f"{name}: {entity_set} has no code {named(code)}"
    return payload, missing


def named(code: str) -> str:
    """A code as messages name it. A long text, or one with an @, may be a person's data: only its length is told."""
    is_code = len(code) <= LONGEST_CODE and "@" not in code
    return f"`{code}`" if is_code else f"like this one (a text of {len(code)} characters)"
