"""Customers in both directions: what is edited on one side arrives on the other, and nothing comes back."""

from collections.abc import Callable
from typing import Any

import pytest

from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.run import Summary
from winbc_pipeline.systems.business_central import BusinessCentral, Operation

from ...support.order_invariants import BY_HAND
from ...support.sandboxes import HTTP, Sandboxes

TO_BC, TO_WINSTORE = "customers_winstore_to_bc", "customers_bc_to_winstore"
Edit = Callable[..., None]


@pytest.fixture
def both(sandboxes: Sandboxes) -> Sandboxes:
    """Two empty systems whose customers go both ways."""
    settings = Settings(**(dict(sandboxes.settings) | {"customers": {"direction": "both"}}))
    sandboxes.settings = settings
    return sandboxes


def in_winstore(both: Sandboxes, key: str = "000123", **fields: str) -> None:
    """A user of Winstore changes a customer."""
    sent = "".join(f"<{name}>{value}</{name}>" for name, value in {"customerid": key, **fields}.items())
    url = f"{both.addresses.winstore_base}/PostCustomer"
    HTTP.post(url, content=f"<customer>{sent}</customer>", auth=("winstore", "sandbox-secret")).raise_for_status()


def in_bc(both: Sandboxes, number: str = "WS000123", **fields: Any) -> None:
    """A user of Business Central changes a customer."""
    client = BusinessCentral(both.settings)
    try:
        customer = client.find("customers", "number", [number], False)[number][0]
        operation = Operation("1", "PATCH", f"customers({customer['id']})", fields, customer["@odata.etag"], BY_HAND)
        assert client.batch([operation])[0].status == 200
    finally:
        client.close()


def passes(both: Sandboxes) -> tuple[Summary, Summary]:
    """One run in each direction."""
    return both.sync(TO_BC), both.sync(TO_WINSTORE)


def writes(both: Sandboxes) -> int:
    """How many writes both systems have taken."""
    return len(both.bc()["writes"]) + len(shop(both)["writes"])


def shop(both: Sandboxes) -> dict[str, Any]:
    return HTTP.get(f"{both.addresses.winstore_control}/__state").json()  # type: ignore[no-any-return]


def customer_of_shop(both: Sandboxes, key: str = "000123") -> dict[str, Any]:
    return next(each for each in shop(both)["records"]["customers"] if each["customerid"] == key)


def customer_of_bc(both: Sandboxes, number: str = "WS000123") -> dict[str, Any]:
    return next(each for each in both.bc()["records"]["customers"] if each["number"] == number)


def test_the_first_pass_sends_nothing_back(both: Sandboxes) -> None:
    both.fill(customers=[{"house_number": "12-b"}, {"customer_id": "7", "email": "b@mail.example", "phone": ""}])
    assert both.sync(TO_BC).created == 2
    before = writes(both)
    done = both.sync(TO_WINSTORE)
    assert (done.read, done.failed, writes(both) - before) == (2, 0, 0)


def test_an_edit_in_business_central_arrives_in_winstore_and_does_not_come_back(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    in_bc(both, phoneNumber="+31301112233")
    before = writes(both)
    assert both.sync(TO_WINSTORE).updated == 1
    assert customer_of_shop(both)["phone"] == "+31301112233"
    assert writes(both) - before == 1
    passes(both)
    passes(both)
    assert writes(both) - before == 1


def test_an_edit_in_winstore_arrives_in_business_central_and_does_not_come_back(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    in_winstore(both, city="Gent")
    before = writes(both)
    assert both.sync(TO_BC).updated == 1
    assert customer_of_bc(both)["city"] == "Gent"
    passes(both)
    passes(both)
    assert writes(both) - before == 1


def test_a_customer_made_in_business_central_gets_an_id_of_the_range(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    both.seed_bc(customers=[{"number": "C00010", "displayName": "Bea Klein", "type": "Person", "email": "b@k.example"}])
    assert both.sync(TO_WINSTORE).created == 1
    made = customer_of_shop(both, "800000000")
    assert (made["fname"], made["lname"], made["email"]) == ("Bea", "Klein", "b@k.example")
    before = writes(both)
    passes(both)
    assert writes(both) == before
    assert len(both.bc()["records"]["customers"]) == 2


def test_edits_of_different_fields_both_arrive(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    in_winstore(both, city="Gent")
    in_bc(both, email="other@mail.example")
    passes(both)
    assert (customer_of_bc(both)["city"], customer_of_bc(both)["email"]) == ("Gent", "other@mail.example")
    assert (customer_of_shop(both)["city"], customer_of_shop(both)["email"]) == ("Gent", "other@mail.example")


def test_edits_of_one_field_are_a_conflict_with_both_values(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    in_winstore(both, city="Gent")
    in_bc(both, city="Brugge")
    before = writes(both)
    assert both.sync(TO_BC).failed == 1
    assert both.ledger(TO_BC)["000123"]["reason"] == "BOTH_CHANGED"
    assert both.sync(TO_WINSTORE).failed == 1
    assert writes(both) == before


def test_the_same_edit_on_both_sides_is_no_conflict(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    in_winstore(both, city="Gent")
    in_bc(both, city="Gent")
    before = writes(both)
    assert [each.failed for each in passes(both)] == [0, 0]
    assert writes(both) == before
