"""An app for tests of the sandbox's extensions: a small companion with every kind of entity set and an action."""

import json
from pathlib import Path
from typing import Any

from winbc_pipeline.sandbox.bc.data.company import Company
from winbc_pipeline.sandbox.bc.data.refusal import dialog_error
from winbc_pipeline.sandbox.bc.extensions.behaviours import behaviour
from winbc_pipeline.sandbox.records import Record

FILE = Path(__file__).with_name("companion.json")
REQUESTS = "connector.winstore.orderRequests"
LINES = "connector.winstore.orderRequestLines"


def companion() -> dict[str, Any]:
    """The description of version 1.1."""
    return json.loads(FILE.read_text("utf-8"))  # type: ignore[no-any-return]


def older_companion() -> dict[str, Any]:
    """The description of version 1.0, which has no ship-to addresses and no manageStock."""
    app = companion() | {"version": "1.0.0.0"}
    del app["entities"]["shipToAddresses"], app["entities"]["itemSettings"]["fields"]["manageStock"]
    return app


@behaviour("orderRequest.accept")
def accept(company: Company, record: Record, arguments: Record) -> None:
    """Accepts a request that has lines."""
    if not company.all(LINES, "documentId", record["id"]):
        raise dialog_error("There are no lines.")
    company.change(REQUESTS, record | {"state": "Accepted"})


@behaviour("orderRequest.refuse")
def refuse(company: Company, record: Record, arguments: Record) -> None:
    """Refuses a request for a reason."""
    company.change(REQUESTS, record | {"state": "Refused", "remark": arguments["reason"]})
