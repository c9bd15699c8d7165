"""What saving a table would change is counted before it is saved, over HTTP with real sandboxes."""

import re

import pytest

from ..support.dashboard import browser, door_of
from ..support.sandboxes import Sandboxes
from .test_mapping import grid, put


@pytest.mark.proof
def test_what_the_next_plan_would_do_with_all_records_is_counted_by_field(sandboxes: Sandboxes) -> None:
    sandboxes.own_tables()
    sandboxes.fill(customers=[{"email": "one@mail.example"}])
    sandboxes.sync("customers")
    settings = sandboxes.settings
    client = browser(door_of(settings.state_folder, settings=settings), "admin")
    form = grid(client, "customers_winstore_to_bc/customer.csv")
    put(form, "displayName", "source", "'Somebody'")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.post("/mapping/impact", data=form).text))
    assert "Customers, Winstore to Business Central" in page
    assert "customer: displayName would change in 1" in page
