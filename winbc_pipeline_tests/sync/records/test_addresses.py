"""One rule for the address of a customer in Business Central, whoever makes him: docs/customers.md, Addresses.

Source of the need: seed page, Customers ("Addresses are checked and updated if needed").
"""

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.flows.customer_keys import keys_of
from winbc_pipeline.settings import CustomerSettings, WinstoreSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.map import map_windows
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.work import Work

from ...support.order_sandboxes import FIRST, LAST, Record
from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays
from ...support.winstore_profiles import VERSION_1

pytestmark = pytest.mark.proof

# How the addresses of this customer are written: in Winstore, in an order of Winstore, and in Business Central.
GENT = {"street": "Kaai", "streetnr": "3", "zip": "9000", "city": "Gent", "countryISO": "BE"}
METZ = {"street": "rue Haute", "streetnr": "1", "zip": "57000", "city": "Metz", "countryISO": "FR"}
HOME_IN_BC = ("Kerkweg 7", "3511 AB", "Utrecht", "NL")
GENT_IN_BC = ("Kaai 3", "9000", "Gent", "BE")
METZ_IN_BC = ("rue Haute 1", "57000", "Metz", "FR")
NONE = dict.fromkeys(GENT, "")


def further(kind: str, address: dict[str, str], default: str = "false") -> Record:
    return {"type": kind, "name": "", **address, "default": default}


def has(two_ways: TwoWays, *addresses: Record, **own: str) -> None:
    """A customer of Winstore with further addresses beside his own one in Utrecht."""
    two_ways.shop_has(addresses=list(addresses), **own)  # type: ignore[arg-type]


def now_has(two_ways: TwoWays, *addresses: Record, **own: str) -> None:
    two_ways.in_winstore(addresses=list(addresses), **own)  # type: ignore[arg-type]


def in_bc(two_ways: TwoWays) -> tuple[str, ...]:
    record = two_ways.of_bc()
    return tuple(record[name] for name in ("addressLine1", "postalCode", "city", "country"))


def own_in_winstore(two_ways: TwoWays) -> dict[str, str]:
    shop = two_ways.of_shop()
    return {name: shop[name] for name in GENT}


def orders_may(two_ways: TwoWays, customers: str) -> None:
    """What orders may do to customers; no default customer stands in."""
    orders = two_ways.settings.orders.model_copy(update={"default_customer": "", "customers": customers})
    two_ways.settings = two_ways.settings.model_copy(update={"orders": orders})


def ordered(two_ways: TwoWays, number: str, **addresses: dict[str, str]) -> None:
    """An order of the customer arrives. Its billing name is his name."""
    billed = {"fname": "Anna", "lname": "O'Neil"} | addresses.pop("invoice_add", {})
    two_ways.order(number, customerid="000123", email="anna@mail.example", invoice_add=billed, **addresses)
    two_ways.sync()
    assert two_ways.outcome(number) == ("CONFIRMED", None)


@pytest.mark.parametrize(
    ("addresses", "address"),
    [
        ([], HOME_IN_BC),
        ([further("delivery", GENT)], HOME_IN_BC),
        ([further("invoice", GENT)], GENT_IN_BC),
        ([further("invoice", METZ), further("invoice", GENT, "true"), further("delivery", METZ)], GENT_IN_BC),
        ([further("invoice", GENT), further("invoice", METZ)], GENT_IN_BC),
        ([further("invoice", NONE | {"countryISO": "BE"})], HOME_IN_BC),
        ([further("invoice", NONE | {"city": "Gent"})], ("", "", "Gent", "")),
    ],
    ids=["none", "delivery alone", "invoice", "default", "first", "country alone", "city alone"],
)
def test_the_address_of_a_customer_is_his_invoice_address_or_else_his_own(
    two_ways: TwoWays, addresses: list[Record], address: tuple[str, ...]
) -> None:
    has(two_ways, *addresses)
    two_ways.run(TO_BC)
    assert in_bc(two_ways) == address
    before = two_ways.writes()
    two_ways.passes()
    assert two_ways.writes() == before


def test_an_invoice_address_that_comes_changes_and_goes_is_followed(two_ways: TwoWays) -> None:
    has(two_ways)
    two_ways.run(TO_BC)
    for addresses, address in (
        ([further("invoice", GENT)], GENT_IN_BC),
        ([further("invoice", METZ)], METZ_IN_BC),
        ([], HOME_IN_BC),
    ):
        now_has(two_ways, *addresses)
        two_ways.passes()
        assert in_bc(two_ways) == address
        before = two_ways.writes()
        two_ways.passes()
        assert two_ways.writes() == before


def test_a_customer_without_any_address_leaves_the_one_in_business_central_alone(two_ways: TwoWays) -> None:
    has(two_ways)
    two_ways.run(TO_BC)
    now_has(two_ways, **NONE)
    two_ways.run(TO_BC)
    assert in_bc(two_ways) == HOME_IN_BC
    now_has(two_ways, **NONE | {"countryISO": "BE"})
    two_ways.run(TO_BC)
    assert in_bc(two_ways) == HOME_IN_BC


def test_a_customer_without_any_address_in_business_central_leaves_the_one_in_winstore_alone(
    two_ways: TwoWays,
) -> None:
    has(two_ways)
    two_ways.passes()
    two_ways.in_bc(addressLine1="", postalCode="", city="", country="")
    two_ways.passes()
    assert two_ways.of_shop()["city"] == "Utrecht"


def test_a_field_of_an_address_that_is_emptied_is_emptied(two_ways: TwoWays) -> None:
    has(two_ways, further("invoice", GENT))
    two_ways.run(TO_BC)
    now_has(two_ways, further("invoice", GENT | {"zip": ""}))
    two_ways.run(TO_BC)
    assert in_bc(two_ways) == ("Kaai 3", "", "Gent", "BE")


def test_an_address_of_business_central_does_not_replace_the_own_one_of_a_customer_who_has_an_invoice_address(
    two_ways: TwoWays,
) -> None:
    has(two_ways, further("invoice", GENT), further("delivery", METZ))
    two_ways.passes()
    two_ways.in_bc(addressLine1="Kaai 4", phoneNumber="+3292223344")
    two_ways.passes()
    shop = two_ways.of_shop()
    assert (own_in_winstore(two_ways)["street"], shop["phone"]) == ("Kerkweg", "+3292223344")
    assert [each["street"] for each in shop["addresses"]] == ["Kaai", "rue Haute"]
    two_ways.in_bc(addressLine1="Kaai 5")
    two_ways.passes()
    row = two_ways.rows(TO_WINSTORE)["WS000123"]
    assert (row["state"], row["reason"], row["message"]) == ("CONFIRMED", "DRIFT", "streetnr")
    assert in_bc(two_ways)[0] == "Kaai 5"


@pytest.mark.parametrize(("how", "street"), [("take_source", "rue Haute 1"), ("take_target", "Kaai 4")])
def test_an_invoice_address_and_an_address_in_business_central_that_both_change_are_for_a_person(
    two_ways: TwoWays, how: str, street: str
) -> None:
    has(two_ways, further("invoice", GENT))
    two_ways.passes()
    two_ways.in_bc(addressLine1="Kaai 4")
    two_ways.passes()
    now_has(two_ways, further("invoice", METZ))
    two_ways.passes()
    row = two_ways.rows(TO_BC)["000123"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "BOTH_CHANGED")
    assert in_bc(two_ways)[0] == "Kaai 4"
    two_ways.settle(TO_BC, how)
    two_ways.passes()
    assert in_bc(two_ways)[0] == street
    before = two_ways.writes()
    two_ways.passes()
    assert two_ways.writes() == before


def test_an_address_of_business_central_goes_to_the_own_one_of_a_customer_without_further_ones(
    two_ways: TwoWays,
) -> None:
    has(two_ways, further("delivery", METZ))
    two_ways.passes()
    two_ways.in_bc(addressLine1="Kaai 4", city="Gent")
    two_ways.passes()
    assert (own_in_winstore(two_ways)["street"], own_in_winstore(two_ways)["city"]) == ("Kaai", "Gent")
    assert [each["city"] for each in two_ways.of_shop()["addresses"]] == ["Metz"]  # no address is sent, so they stay


@pytest.mark.parametrize("customers", ["create", "create_and_update"])
@pytest.mark.parametrize("billed", [GENT, {}], ids=["billed to his invoice address", "without a billing address"])
def test_an_order_that_says_the_same_writes_nothing_to_the_customer(
    two_ways: TwoWays, customers: str, billed: dict[str, str]
) -> None:
    orders_may(two_ways, customers)
    has(two_ways, further("invoice", GENT))
    two_ways.run(TO_BC)
    known = two_ways.of_bc()
    ordered(two_ways, "W1", invoice_add=billed, delivery_add=METZ)
    two_ways.passes()
    ordered(two_ways, "W2", invoice_add=billed, delivery_add=METZ)
    two_ways.passes()
    assert two_ways.of_bc() == known


def test_an_order_makes_the_customer_with_the_address_that_his_own_record_has(two_ways: TwoWays) -> None:
    orders_may(two_ways, "create")
    has(two_ways, further("invoice", GENT))
    work = Work(ConnectedFlow(flow_named(TO_BC), two_ways.settings), FIRST, LAST, "mapped")
    stage(work.connected, FIRST)
    map_windows(work)
    ordered(two_ways, "W1", delivery_add=METZ)
    assert in_bc(two_ways) == GENT_IN_BC
    made = two_ways.of_bc()
    two_ways.passes()
    assert {name: two_ways.of_bc()[name] for name in ("addressLine1", "city")} == {
        name: made[name] for name in ("addressLine1", "city")
    }


def test_a_customer_whom_only_orders_know_has_the_address_of_the_delivery_until_a_billing_address_comes(
    two_ways: TwoWays,
) -> None:
    orders_may(two_ways, "create_and_update")
    ordered(two_ways, "W1", delivery_add=METZ)
    assert in_bc(two_ways) == METZ_IN_BC
    two_ways.pass_time(60)
    ordered(two_ways, "W2", delivery_add=GENT)
    assert in_bc(two_ways) == METZ_IN_BC
    two_ways.pass_time(60)
    ordered(two_ways, "W3", invoice_add=GENT, delivery_add=METZ)
    assert in_bc(two_ways) == GENT_IN_BC


def test_where_an_order_and_the_customers_own_record_differ_his_record_counts(two_ways: TwoWays) -> None:
    orders_may(two_ways, "create_and_update")
    has(two_ways)
    two_ways.passes()
    known = two_ways.of_bc()
    for number, billed in (("W1", GENT), ("W2", GENT), ("W3", METZ)):
        two_ways.pass_time(60)
        ordered(two_ways, number, invoice_add=billed)
        two_ways.passes()
        assert two_ways.of_bc() == known
    now_has(two_ways, further("invoice", METZ))
    two_ways.passes()
    assert in_bc(two_ways) == METZ_IN_BC


@pytest.mark.parametrize("direction", ["to_bc", "both"])
def test_the_own_record_of_a_customer_whom_an_order_made_counts_once_it_is_read(
    two_ways: TwoWays, direction: str
) -> None:
    orders_may(two_ways, "create_and_update")
    chosen = CustomerSettings.model_validate({"direction": direction})
    two_ways.settings = two_ways.settings.model_copy(update={"customers": chosen})
    ordered(two_ways, "W1", invoice_add=GENT)
    assert in_bc(two_ways) == GENT_IN_BC
    has(two_ways)
    two_ways.run(TO_BC)
    assert in_bc(two_ways) == HOME_IN_BC
    known = two_ways.of_bc()
    two_ways.pass_time(60)
    ordered(two_ways, "W2", invoice_add=METZ)
    two_ways.run(TO_BC)
    assert two_ways.of_bc() == known


def test_a_customer_is_known_by_his_name_and_the_post_code_of_either_address() -> None:
    # docs/customers.md, How a customer is found: Business Central may have either of them.
    record = {"fname": "Anna", "lname": "O'Neil", "zip": "3511 AB", "invoice_zip": "9000"}
    known = keys_of("winstore", record)["name_postcode"]
    for post_code in ("3511ab", "9000"):
        assert keys_of("bc", {"displayName": "Anna ONeil", "postalCode": post_code})["name_postcode"] < known
    assert keys_of("winstore", record | {"zip": "", "invoice_zip": ""})["name_postcode"] == set()


def test_the_shipped_tables_run_with_a_profile_that_reads_no_further_addresses(two_ways: TwoWays) -> None:
    winstore = WinstoreSettings(**dict(two_ways.settings.winstore) | {"profile": VERSION_1})
    two_ways.settings = two_ways.settings.model_copy(update={"winstore": winstore})
    has(two_ways, further("invoice", GENT))
    two_ways.run(TO_BC)
    assert in_bc(two_ways) == HOME_IN_BC
