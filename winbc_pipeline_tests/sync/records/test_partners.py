"""Who is whose partner: two customers never get one, whatever becomes of numbers, e-mails and deleted records.

Source of each promise: docs/two-ways.md, "Pairs".
"""

from contextlib import suppress

import pytest

from winbc_pipeline.errors import WinbcError
from winbc_pipeline.settings import CustomerSettings, WinstoreSettings

from ...support.order_sandboxes import WINSTORE
from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays, outcome, partners, planned_of
from ...support.winstore_profiles import VERSION_1

pytestmark = pytest.mark.proof


def with_orders(two_ways: TwoWays) -> None:
    """Orders make and change customers, and no default customer stands in."""
    orders = two_ways.settings.orders.model_copy(update={"default_customer": "", "customers": "create_and_update"})
    two_ways.settings = two_ways.settings.model_copy(update={"orders": orders})


def test_a_number_that_another_customer_got_later_does_not_bring_the_partner_along(two_ways: TwoWays) -> None:
    two_ways.shop_has("1")
    two_ways.passes()
    two_ways.renumbered("WS1", "X1")
    two_ways.bc_has("WS1", displayName="Bea Klein", email="bea@k.example")
    two_ways.passes()
    two_ways.passes()
    assert outcome(two_ways, TO_WINSTORE, "WS1") == ("FAILED", "TARGET_TAKEN")
    assert two_ways.of_shop("1")["fname"] == "Anna"
    assert partners(two_ways) == [("1", "X1")]


def test_a_new_customer_of_winstore_does_not_get_the_partner_of_another_by_its_email(two_ways: TwoWays) -> None:
    two_ways.bc_has("C1", email="e@k.example")
    two_ways.run(TO_WINSTORE)
    two_ways.shop_has("7", email="e@k.example")  # comes before 800000000, whom no run to Business Central has seen
    two_ways.passes()
    assert outcome(two_ways, TO_BC, "7") == ("FAILED", "TARGET_TAKEN")
    assert partners(two_ways) == [("800000000", "C1")]


def test_a_customer_made_anew_under_the_number_of_a_deleted_one_empties_nothing_in_winstore(
    two_ways: TwoWays,
) -> None:
    two_ways.shop_has("1")
    two_ways.passes()
    two_ways.deleted_in_bc("WS1")
    two_ways.bc_has("WS1", displayName="Anna O'Neil", email="anna@mail.example")
    for flow in (TO_WINSTORE, TO_BC):
        two_ways.run(flow)
    assert (two_ways.of_shop("1")["city"], two_ways.of_bc("WS1")["city"]) == ("Utrecht", "Utrecht")
    before = two_ways.writes()
    assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert two_ways.writes() == before


def test_a_customer_made_anew_with_the_email_of_a_deleted_one_empties_nothing_in_winstore(two_ways: TwoWays) -> None:
    two_ways.shop_has("1")
    two_ways.passes()
    two_ways.deleted_in_bc("WS1")
    two_ways.bc_has("C5", displayName="Anna O'Neil", email="anna@mail.example")
    two_ways.in_winstore("1", zip="1234 AB")
    for _ in range(2):
        two_ways.passes()
    assert partners(two_ways) == [("1", "C5")]
    assert (two_ways.of_shop("1")["city"], two_ways.of_bc("C5")["city"]) == ("Utrecht", "Utrecht")


def test_a_guest_of_an_order_does_not_take_the_partner_of_a_customer(two_ways: TwoWays) -> None:
    with_orders(two_ways)
    two_ways.shop_has("7", email="guest@k.example")
    two_ways.passes()
    two_ways.order("W1", customerid="", email="guest@k.example")
    two_ways.sync()
    assert partners(two_ways) == [("7", "WS7")]
    assert [each.failed for each in two_ways.passes()] == [0, 0]


def test_a_guest_of_an_order_is_a_new_customer_for_winstore(two_ways: TwoWays) -> None:
    with_orders(two_ways)
    two_ways.order("W1", customerid="", email="guest@k.example")
    two_ways.sync()
    two_ways.passes()
    assert two_ways.of_shop("800000000")["email"] == "guest@k.example"
    before = two_ways.writes()
    assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert two_ways.writes() == before


@pytest.mark.parametrize("point", ["after record intent", "after record answer"])
def test_an_id_that_a_lost_customer_was_given_is_given_to_nobody_else(two_ways: TwoWays, point: str) -> None:
    two_ways.bc_has("C2", email="c2@k.example")
    assert two_ways.run_dies_at(TO_WINSTORE, point)
    two_ways.bc_has("C1", email="c1@k.example")
    two_ways.passes()
    made = {key: two_ways.of_shop(key)["email"] for key in ("800000000", "800000001")}
    assert made == {"800000000": "c2@k.example", "800000001": "c1@k.example"}


def test_a_range_that_is_used_up_says_so(two_ways: TwoWays) -> None:
    two_ways.shop_has("0800000001", email="other@k.example")  # Winstore's ids may begin with zeros
    customers = CustomerSettings(direction="both", winstore_ids=(800000000, 800000002))
    two_ways.settings = two_ways.settings.model_copy(update={"customers": customers})
    for number in ("C1", "C2"):
        two_ways.bc_has(number, email=f"{number}@k.example")
    two_ways.run(TO_WINSTORE)
    assert two_ways.of_shop("800000002")["email"] == "c1@k.example"
    assert outcome(two_ways, TO_WINSTORE, "C2") == ("FAILED", "NO_ID_LEFT")


def test_a_customer_with_the_addresses_of_two_customers_is_for_a_person(two_ways: TwoWays) -> None:
    # "If several customers have the key, the record fails (AMBIGUOUS)" (docs/customers.md).
    two_ways.shop_has("1", email="a@k.example")
    two_ways.shop_has("2", email="b@k.example")
    two_ways.bc_has("C1", email="a@k.example; b@k.example")
    two_ways.run(TO_WINSTORE)
    assert outcome(two_ways, TO_WINSTORE, "C1") == ("FAILED", "AMBIGUOUS")


def test_a_deleted_customer_that_a_person_left_is_not_made_again_by_a_later_edit(two_ways: TwoWays) -> None:
    # "It is not made again by itself" (docs/errors.md, DELETED_THERE).
    two_ways.shop_has()
    two_ways.passes()
    two_ways.deleted_in_bc()
    two_ways.in_winstore(city="Gent")
    two_ways.run(TO_BC)
    two_ways.settle(TO_BC, "ignore")
    two_ways.run(TO_BC)
    two_ways.in_winstore(city="Brugge")
    two_ways.run(TO_BC)
    assert outcome(two_ways, TO_BC, "000123") == ("CONFLICT", "DELETED_THERE")
    assert two_ways.records("customers") == []


def test_a_customer_who_was_blocked_and_then_deleted_is_not_made_again(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(blocked="All")
    two_ways.in_winstore(city="Gent")
    two_ways.passes()
    two_ways.deleted_in_bc()
    two_ways.in_winstore(city="Brugge")
    two_ways.passes()
    assert outcome(two_ways, TO_BC, "000123") == ("CONFLICT", "DELETED_THERE")
    assert two_ways.records("customers") == []


def test_a_company_that_a_person_joins_gets_its_contact(two_ways: TwoWays) -> None:
    for number in ("C1", "C2"):
        two_ways.bc_has(number, displayName="Klein BV", type="Company", email="anna@mail.example")
    two_ways.shop_has(company="Klein BV")
    two_ways.run(TO_BC)
    two_ways.settle(TO_BC, "adopt", number="C2")
    (contact,) = [each for each in two_ways.records("contacts") if each["number"] == "WSP000123"]
    company = next(each for each in two_ways.records("contacts") if each["number"] == contact["companyNumber"])
    assert company["addressLine1"] == "Kerkweg 7"  # C2, who was joined and got the address of Winstore
    assert two_ways.run(TO_BC).failed == 0


def lost_in_winstore(two_ways: TwoWays, number: str) -> None:
    """A customer of Business Central is made in Winstore, and no answer arrives, however often winbc asks."""
    two_ways.bc_has(number, email="c@k.example")
    two_ways.fault(WINSTORE, {"kind": "drop_after", "path": "PostCustomer", "times": 9})
    with suppress(WinbcError):
        two_ways.run(TO_WINSTORE)
    two_ways.fault(WINSTORE)
    two_ways.pass_time(600)
    assert two_ways.of_shop("800000000")["email"] == "c@k.example"


def test_a_customer_whose_call_was_lost_each_time_counts_as_perhaps_there(two_ways: TwoWays) -> None:
    # exactly_once.md section 3: without an answer, nobody knows whether the call was carried out.
    lost_in_winstore(two_ways, "C1")
    assert outcome(two_ways, TO_WINSTORE, "C1") == ("UNKNOWN", "NO_ANSWER")


def test_a_customer_whom_the_other_direction_perhaps_made_waits_until_it_knows(two_ways: TwoWays) -> None:
    lost_in_winstore(two_ways, "C1")
    assert planned_of(two_ways, TO_BC) == {"800000000": ("wait", "OTHER_DIRECTION")}
    assert len(two_ways.records("customers")) == 1
    for _ in range(2):
        two_ways.passes()
    assert partners(two_ways) == [("800000000", "C1")]


@pytest.mark.parametrize("profile", ["shipped", "contract 1"])
def test_an_edit_after_a_lost_answer_arrives_and_nobody_is_made_twice(two_ways: TwoWays, profile: str) -> None:
    if profile == "contract 1":
        winstore = WinstoreSettings(**dict(two_ways.settings.winstore) | {"profile": VERSION_1})
        two_ways.settings = two_ways.settings.model_copy(update={"winstore": winstore})
    lost_in_winstore(two_ways, "C1")
    two_ways.in_bc("C1", email="new@k.example")
    for _ in range(2):
        two_ways.passes()
    assert two_ways.of_shop("800000000")["email"] == "new@k.example"
    assert partners(two_ways) == [("800000000", "C1")]
    assert len(two_ways.records("customers")) == 1


def test_a_customer_whose_answer_was_lost_and_who_then_breaks_a_rule_is_not_made_twice(two_ways: TwoWays) -> None:
    lost_in_winstore(two_ways, "C1")
    two_ways.in_bc("C1", email="")
    for _ in range(2):
        two_ways.passes()
    assert outcome(two_ways, TO_WINSTORE, "C1") == ("FAILED", "MAPPING")
    assert len(two_ways.records("customers")) == 1
    two_ways.in_bc("C1", email="new@k.example")
    two_ways.passes()
    two_ways.settle(TO_WINSTORE, "take_source", "C1")
    for _ in range(2):
        assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert partners(two_ways) == [("800000000", "C1")]
    assert len(two_ways.records("customers")) == 1
