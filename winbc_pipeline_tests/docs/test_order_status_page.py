"""What docs/order-status.md says that each action does, cell by cell."""

from typing import Any

import pytest

from winbc_pipeline.settings import OrderSettings

from ..support.bc_users import CUSTOMER, LINE
from ..sync.actions.test_status_to_bc import Desk
from ..sync.actions.test_status_to_bc import desk as desk

pytestmark = pytest.mark.proof  # cell by cell: minutes

WAITS, HELD, PERSON = ("SKIPPED", "NO_DOCUMENT"), ("SKIPPED", "HELD"), ("CONFLICT", "CANCELLED")
DONE, DELETED, THERE = ("CONFIRMED", None), ("CONFIRMED", "CANCELLED"), ("CONFIRMED", "UNCHANGED")
STATUS = {"shipAndInvoice": "completed", "delete": "cancelled", "none": "processing"}


def make(desk: Desk, document: str) -> None:
    if document == "draft invoice":
        header = {"customerNumber": CUSTOMER["number"], "externalDocumentNumber": "WS-W1", "invoiceDate": "2026-03-02"}
        desk.bc_users.call("POST", "salesInvoices", header | {"salesInvoiceLines": [LINE]})
    elif document != "nothing":
        order = desk.draft()
        if document == "released":
            desk.bc_users.user("release", order)
        if document == "posted":
            desk.bc_users.post(order)


@pytest.mark.parametrize(
    ("action", "on_cancel", "outcomes"),
    [
        ("shipAndInvoice", "hold", {"open": DONE, "released": DONE, "draft invoice": DONE, "posted": THERE}),
        ("delete", "apply", {"open": DELETED, "released": PERSON, "draft invoice": DELETED, "posted": PERSON}),
        ("delete", "hold", {"open": HELD, "released": HELD, "draft invoice": HELD, "posted": HELD}),
        ("none", "apply", dict.fromkeys(("open", "released", "draft invoice", "posted"), ("SKIPPED", "NO_ACTION"))),
    ],
)
@pytest.mark.parametrize("document", ["open", "released", "draft invoice", "posted", "nothing"])
def test_what_an_action_does(
    desk: Desk, action: str, on_cancel: Any, outcomes: dict[str, tuple[str, str | None]], document: str
) -> None:
    orders = OrderSettings(on_cancel=on_cancel)
    desk.sandboxes.settings = desk.sandboxes.settings.model_copy(update={"orders": orders})
    make(desk, document)
    before = desk.acted()
    desk.says(STATUS[action])
    expected = outcomes.get(document, ("SKIPPED", "NO_ACTION") if action == "none" else WAITS)
    assert desk.outcome() == expected
    assert (desk.acted() != before) == (expected in (DONE, DELETED))
