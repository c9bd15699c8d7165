"""Empties order requests of people who were erased: one that was received and never processed keeps its address.

The app takes another request in the place of one that is not processed, and deletes that one with its lines
(facts/companion_app.json: `sameIf`, `replacedWhile`). So one with the key alone is sent. Nothing is made of it: the
action takes the hash of the content that is meant. A request that was processed has no address any more.
"""

import logging
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ....errors import WinbcError
from ....settings import Settings
from ....staging.people.personal import PersonalFile
from ....staging.store import writing
from ....systems.business_central import BusinessCentral, Operation
from ....systems.business_central.companion import app_client, capabilities
from ...sending import chunks_of
from ..existing import is_reference
from .request import REQUESTS

EMPTY, RECEIVED = "erased", "Received"  # the hash of a request without content; the state of one that made nothing
LATER = "requests.erased"  # in the connection's folder: references of requests that are to be emptied when it can be
FILES = (PersonalFile(LATER, "nothing"),)
"""What this file holds of people: numbers of orders."""
BY_HAND = "If any is in the table WINS Order Request and not processed, delete it there."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Emptied:
    """How many requests were emptied, and how many Business Central refused to empty."""

    emptied: int = 0
    refused: int = 0


def empty_requests(settings: Settings, references: Collection[str], company: str = "") -> Emptied | None:
    """Empties the requests with these references that made nothing; None where the app is off, or without a right.

    It may be called again. Raises: WinbcError when Business Central does not answer.

    Args:
        company: see `app_client`.
    """
    if settings.bc.companion_app == "off":
        return None
    app = app_client(settings, company)
    try:
        offered = capabilities(app)
        if offered.state == "absent":  # and so are its tables
            return Emptied()
        return _emptied(app, references) if offered.can(REQUESTS, write=True) else None
    finally:
        app.close()


def _emptied(app: BusinessCentral, references: Collection[str]) -> Emptied:
    found = app.find(REQUESTS, "reference", sorted(filter(is_reference, references)), False)
    operations = [
        Operation(
            each["id"],
            "POST",
            REQUESTS,
            {"documentType": each["documentType"], "reference": each["reference"], "contentHash": EMPTY},
        )
        for several in found.values()
        for each in several
        if each["state"] == RECEIVED and each["contentHash"] != EMPTY
    ]
    results = [result for some in chunks_of(operations, app.batch_size) for result in app.batch(some)]
    refused = sum(result.status not in (200, 201) for result in results)
    return Emptied(len(results) - refused, refused)


def later(folder: Path, references: Collection[str]) -> None:
    """Notes requests that could not be emptied now: the next run of orders does it. Raises: NotWritable."""
    path = folder / LATER
    with writing(path), open(path, "a", encoding="utf-8", opener=_for_owner) as file:
        file.writelines(f"{each}\n" for each in sorted(references))


def empty_noted(settings: Settings, company: str, references: Collection[str] = ()) -> None:
    """Empties the requests that were noted, and others. What cannot be done now stays noted, and holds up no run."""
    path, noted = settings.state_folder / LATER, set(references)
    with suppress(FileNotFoundError):
        noted |= set(path.read_text(encoding="utf-8").split())
    if not noted:
        return
    try:
        done = empty_requests(settings, noted, company)
    except WinbcError:
        later(settings.state_folder, references)
        return
    path.unlink(missing_ok=True)
    if done is None or done.refused:
        log.warning("Order requests of people who were erased could not be emptied in Business Central. %s", BY_HAND)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
