"""Which rights the user of Business Central lacks: each table that the flows read is read, and of each table that they
write a made-up record is inserted, and one that is there is modified, in a batch that Business Central undoes.

A right can only be tried by using it: API v2.0 does not tell the permission sets of an application. How a batch is
undone: probe.py. Posting commits on its own (behaviour.md section 8), so the right to post is not tried.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError, NotDone
from ..flows import FLOWS
from ..settings import Settings
from ..sync.flow import Flow
from ..sync.outcomes import refusal
from ..systems.business_central import BusinessCentral, Operation, Result
from .probe import MUST_FAIL

# Microsoft's permission sets by the tables that they are for. All exist in Microsoft's base application; that each of
# them is enough for its table is assumed (extension.md, permission sets).
PERMISSION_SETS = {
    "customers": "D365 CUSTOMER, EDIT",
    "contacts": "D365 CUSTOMER, EDIT",
    "items": "D365 ITEM, EDIT",
    "itemCategories": "D365 ITEM, EDIT",
    "itemVariants": "D365 ITEM, EDIT",
    "salesOrders": "D365 SALES DOC, EDIT",
    "salesInvoices": "D365 SALES DOC, EDIT",
}
LISTS = ("unitsOfMeasure", "taxGroups", "paymentTerms", "paymentMethods", "shipmentMethods", "currencies", "locations")
DOCUMENTS = ("salesOrders", "salesInvoices", "salesShipments", "accounts")
# The field by which a made-up record is found, and a field that can be written with the value that it has.
KEYS = {"customers": "number", "contacts": "number", "items": "number", "itemCategories": "code"}
SAME = "displayName"
NOT_TRIED = "not tried"  # with this begins what was found of a right that could not be used
REFUSED = 403  # behaviour.md section 7: Internal_ServerError with the name of the table


@dataclass(frozen=True)
class Right:
    """One right on one entity set: `read`, `insert` or `modify`."""

    entity_set: str
    name: str

    def __str__(self) -> str:
        return f"Business Central: {self.name} {self.entity_set}"


def rights(settings: Settings) -> Iterator[Right]:
    """The rights that the flows need by the settings, those to read first."""
    on = [flow for flow in FLOWS if flow.is_on(settings)]
    for entity_set in dict.fromkeys(name for flow in on for name in _read(flow)):
        yield Right(entity_set, "read")
    written = dict.fromkeys(each for flow in on if flow.target == "bc" for each in _written(flow, settings))
    for entity_set, name in written:
        yield Right(entity_set, name)


def _read(flow: Flow) -> Iterator[str]:
    yield from LISTS
    if flow.source == "bc":
        yield flow.entity
    elif not flow.acts_on:
        yield from (name for name in flow.looks_up if name in PERMISSION_SETS)
        yield from (part.entity_set for part in flow.parts if part.entity_set in PERMISSION_SETS)
    if flow.document or flow.acts_on:
        yield from DOCUMENTS


def _written(flow: Flow, settings: Settings) -> Iterator[tuple[str, str]]:
    if flow.acts_on:
        return
    for part in flow.active(settings):
        if part.entity_set in PERMISSION_SETS and not flow.emptied:
            yield part.entity_set, "insert"
        if part.entity_set in KEYS:
            yield part.entity_set, "modify"


def try_right(target: BusinessCentral, right: Right) -> str:
    """Uses a right; returns in words what was found.

    Raises: ConfigurationError that names the permission set when it is lacking; NotDone when nothing was found out.
    """
    if right.name == "read":
        result = target.batch([Operation("1", "GET", f"{right.entity_set}?$top=1&$select=id")])[0]
        _check(right, result)
        return "allowed"
    if right.name == "insert":
        return _try_insert(target, right)
    return _try_modify(target, right)


def _try_insert(target: BusinessCentral, right: Right) -> str:
    name = f"PROBE-{uuid.uuid4().hex[:8].upper()}"
    operations = _made_up(right.entity_set, name)
    try:
        results = target.batch([*operations, MUST_FAIL], isolated=True)
    finally:
        _check_undone(target, right.entity_set, name)
    first_refused = next((each for each in results[: len(operations)] if each.status >= 400), None)
    if first_refused is not None and first_refused.id != "last made":
        raise NotDone(f"{right} was not tried: {refusal(first_refused)[1]}.")
    return _check(right, results[len(operations) - 1])


def _made_up(entity_set: str, name: str) -> list[Operation]:
    """The operations that make a record; the one that counts has the id `last made`."""
    named = {"displayName": "Winbc probe"}
    first: dict[str, str] = {"salesOrders": "customers", "salesInvoices": "customers", "itemVariants": "items"}
    bodies: dict[str, dict[str, Any]] = {
        "salesOrders": {"customerNumber": name},
        "salesInvoices": {"customerNumber": name},
        "itemVariants": {"itemNumber": name, "code": "PROBE", "description": "Winbc probe"},
    }
    body = bodies.get(entity_set) or {KEYS[entity_set]: name} | named
    made = Operation("last made", "POST", entity_set, body)
    if entity_set not in first:
        return [made]
    return [Operation("first made", "POST", first[entity_set], {"number": name} | named), made]


def _try_modify(target: BusinessCentral, right: Right) -> str:
    """Writes a field of any record with the value that it has."""
    found = target.get(f"{right.entity_set}?$top=1&$select=id,{SAME}")
    if not found:
        return f"{NOT_TRIED}: there is no record yet"
    record = found[0]
    path, body = f"{right.entity_set}({record['id']})", {SAME: record[SAME]}
    results = target.batch([Operation("1", "PATCH", path, body, record["@odata.etag"]), MUST_FAIL], isolated=True)
    return _check(right, results[0])


def _check(right: Right, result: Result) -> str:
    """What a result says of a right. Any refusal but one for lack of rights means that the right is there."""
    if result.status in (0, -1):
        raise NotDone(f"{right} was not answered.", "Try again once Business Central answers.")
    if result.status in (401, REFUSED):
        known = PERMISSION_SETS.get(right.entity_set)
        such = f", such as `{known}`" if known else ""
        hint = f"Give the application a permission set with the right to {right.name} there{such}."
        raise ConfigurationError(f"no right to {right.name} {right.entity_set}: {refusal(result)[1]}.", hint)
    if result.status >= 400:
        return f"allowed, though this record is refused: {refusal(result)[1]}"
    return "allowed" if right.name == "read" else "allowed; Business Central undid it"


def _check_undone(target: BusinessCentral, entity_set: str, name: str) -> None:
    """Raises ConfigurationError when a made-up record is still there."""
    for path in {entity_set, "customers" if entity_set.startswith("sales") else "items"} & set(KEYS):
        if target.find(path, KEYS[path], {name}, False):
            hint = "An extension commits on its own. Delete it by hand, and try no rights again."
            raise ConfigurationError(f"The probe was not undone: {path} {name}.", hint)
