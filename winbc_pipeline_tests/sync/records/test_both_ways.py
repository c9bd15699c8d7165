"""Customers in both directions: what is edited on one side arrives on the other, and nothing comes back."""

from collections.abc import Callable
from typing import Any

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import Summary
from winbc_pipeline.systems.business_central import BusinessCentral, Operation
from winbc_pipeline.workbench.intervention import Request, intervention

from ...support.order_invariants import BY_HAND
from ...support.sandboxes import HTTP, Sandboxes
from ...support.winstore_profiles import VERSION_1

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


def settle(both: Sandboxes, flow: str, how: str, key: str = "000123", number: str = "") -> None:
    """A person decides, as with `winbc resolve`."""
    request = Request(how, (key,), number=number)  # type: ignore[arg-type]
    connected = ConnectedFlow(flow_named(flow), both.settings)
    with intervention(connected, "by hand") as turn:
        shown = turn.proposed(request)
        turn.carry_out(request, shown)


@pytest.mark.parametrize(
    ("flow", "how", "city"),
    [
        (TO_BC, "take_source", "Gent"),
        (TO_BC, "take_target", "Brugge"),
        (TO_WINSTORE, "take_source", "Brugge"),
        (TO_WINSTORE, "take_target", "Gent"),
    ],
)
def test_a_person_settles_a_conflict_from_either_side(both: Sandboxes, flow: str, how: str, city: str) -> None:
    both.fill()
    passes(both)
    in_winstore(both, city="Gent")
    in_bc(both, city="Brugge")
    passes(both)
    settle(both, flow, how, "WS000123" if flow == TO_WINSTORE else "000123")
    assert [each.failed for each in (*passes(both), *passes(both))][-2:] == [0, 0]
    assert (customer_of_bc(both)["city"], customer_of_shop(both)["city"]) == (city, city)


def test_a_customer_deleted_in_business_central_is_not_made_again_until_a_person_says_so(both: Sandboxes) -> None:
    both.fill(customers=[{}, {"customer_id": "7", "email": "b@mail.example"}])
    passes(both)
    both.delete_in_bc("customers", "WS000123")
    in_winstore(both, city="Gent")
    assert both.sync(TO_BC).failed == 1
    assert both.ledger(TO_BC)["000123"]["reason"] == "DELETED_THERE"
    settle(both, TO_BC, "again")
    assert customer_of_bc(both)["city"] == "Gent"
    assert [each.failed for each in passes(both)] == [0, 0]


def test_the_partner_that_a_person_chose_stays_whatever_the_tables_say_later(both: Sandboxes) -> None:
    twice = [{"displayName": n, "type": "Person", "email": "anna@mail.example", "number": n} for n in ("C1", "C2")]
    both.seed_bc(customers=twice)
    both.fill()
    assert both.sync(TO_BC).failed == 1
    settle(both, TO_BC, "adopt", number="C2")
    settle(both, TO_BC, "take_source")
    both.seed_bc(customers=[{"displayName": "n", "type": "Person", "number": "WS000123"}])
    in_winstore(both, city="Gent")
    both.sync(TO_BC)
    assert customer_of_bc(both, "C2")["city"] == "Gent"


def test_a_company_that_became_a_person_is_for_a_person(both: Sandboxes) -> None:
    both.fill(customers=[{"company_name": "Klein BV"}])
    passes(both)
    in_winstore(both, company="")
    assert both.sync(TO_BC).failed == 1
    entry = both.ledger(TO_BC)["000123"]
    assert (entry["reason"], customer_of_bc(both)["type"]) == ("BOTH_CHANGED", "Company")


def test_a_blocked_customer_is_left_alone_on_both_sides(both: Sandboxes) -> None:
    both.fill()
    passes(both)
    in_bc(both, blocked="All")
    in_winstore(both, city="Gent")
    in_bc(both, phoneNumber="1")
    before = writes(both)
    passes(both)
    assert both.ledger(TO_BC)["000123"]["reason"] == "BLOCKED"
    assert both.ledger(TO_WINSTORE)["WS000123"]["reason"] == "BLOCKED"
    assert writes(both) == before


@pytest.mark.parametrize("order", [(TO_BC, TO_WINSTORE), (TO_WINSTORE, TO_BC)])
def test_lost_pairs_are_made_again_without_a_write(both: Sandboxes, order: tuple[str, str]) -> None:
    both.fill(customers=[{"house_number": "12-b"}, {"customer_id": "7", "email": "b@mail.example"}])
    passes(both)
    before = writes(both)
    for path in (both.settings.data_folder / both.settings.connection).glob("pairs_*.duckdb*"):
        path.unlink()
    in_winstore(both, phone="030-2")
    for flow in (*order, *order):
        both.sync(flow)
    assert writes(both) - before == 2  # the edit itself, and its way to Business Central
    assert customer_of_bc(both)["phoneNumber"] == customer_of_shop(both)["phone"]


def test_several_addresses_in_one_email_field_find_the_customer(both: Sandboxes) -> None:
    # Business Central's e-mail field may hold several addresses (rules.md, "What BC makes of values").
    both.seed_bc(
        customers=[
            {"number": "C1", "displayName": "Anna O'Neil", "type": "Person", "email": "a@x.example; Anna@Mail.example"}
        ]
    )
    both.fill()
    both.sync(TO_BC)
    assert [each["number"] for each in both.bc()["records"]["customers"]] == ["C1"]


def test_a_profile_of_contract_1_still_carries_edits_both_ways(both: Sandboxes) -> None:
    winstore = both.settings.winstore.model_copy(update={"profile": VERSION_1})
    both.settings = both.settings.model_copy(update={"winstore": winstore})
    both.fill()
    passes(both)
    before = writes(both)
    in_bc(both, phoneNumber="+31301112233")
    in_winstore(both, city="Gent")
    for _ in range(3):
        assert [each.failed for each in passes(both)] == [0, 0]
    assert customer_of_shop(both)["phone"] == "+31301112233"
    assert customer_of_bc(both)["city"] == "Gent"
    assert writes(both) - before == 4
