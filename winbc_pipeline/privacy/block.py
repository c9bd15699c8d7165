"""Blocks an erased person for privacy in Business Central, where the settings say so (`bc.block_erased`).

API v2.0 can block a contact (`contacts.privacyBlocked`, since version 18) and has no such field of a customer: that one
the companion app has (`customerSettings`, facts/companion_app.json). What could not be blocked is named, and holds up
no erasing.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from ..errors import WinbcError
from ..settings import Settings
from ..systems.business_central import BusinessCentral, Operation
from ..systems.business_central.companion import app_client, capabilities
from .person import Person

CUSTOMERS, CONTACTS, FIELD = "customerSettings", "contacts", "privacyBlocked"
BY_HAND = "Set Privacy Blocked there by hand."


def block(settings: Settings, person: Person) -> Iterator[str]:
    """Blocks the person's contacts and customers; yields in words what was blocked, and what could not be.

    Who is blocked already counts as blocked, so it may be called again.
    """
    api, app = BusinessCentral(settings), app_client(settings)
    try:
        yield _told("contacts", api, CONTACTS, person)
        yield _told("customers", app, CUSTOMERS, person)
    finally:
        api.close()
        app.close()


def _told(who: str, client: BusinessCentral, entity_set: str, person: Person) -> str:
    try:
        if entity_set == CUSTOMERS and not capabilities(client).can(CUSTOMERS, write=True):
            return f"no {who} were blocked: that takes the companion app and a right to write {CUSTOMERS}. {BY_HAND}"
        blocked, left = _block(client, entity_set, person)
    except WinbcError as error:
        return f"no {who} were blocked ({error.code}). {BY_HAND}"
    gap = f", not blocked: {left}. {BY_HAND}" if left else ""
    return f"{who} blocked for privacy: {blocked}{gap}"


def _block(client: BusinessCentral, entity_set: str, person: Person) -> tuple[int, int]:
    """How many records are blocked now, and how many could not be."""
    there = {row["id"]: row for row in _found(client, entity_set, person)}
    open_ones = [
        Operation(key, "PATCH", f"{entity_set}({key})", {FIELD: True}, row["@odata.etag"])
        for key, row in there.items()
        if not row.get(FIELD)
    ]
    left = sum(each.status != 200 for each in client.run(open_ones))
    return len(there) - left, left


def _found(client: BusinessCentral, entity_set: str, person: Person) -> Iterator[dict[str, Any]]:
    ids = [each for each in sorted(person.bc) if _is_id(each)]
    keys = {"id": ids, "number": [each.upper() for each in sorted(person.number)]}
    for field, wanted in keys.items():
        for rows in client.find(entity_set, field, wanted, False).values() if wanted else ():
            yield from rows


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
