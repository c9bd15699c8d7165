"""Who is whose partner: two customers never get one, whatever becomes of numbers, e-mails and deleted records.

Source of each promise: docs/two-ways.md, "Pairs".
"""

from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.staging.store import rows_of

from ...support.two_ways import TO_BC, TO_WINSTORE, TwoWays


def partners(two_ways: TwoWays) -> list[tuple[str, str]]:
    """Winstore's id and Business Central's number of each pair of customers."""
    with Pairs(two_ways.settings, "customers").opened() as connection:
        rows = rows_of(connection, "SELECT winstore_key, bc_no FROM pair WHERE part = 'customer' ORDER BY 1")
    return [(row["winstore_key"], row["bc_no"]) for row in rows]


def outcome(two_ways: TwoWays, flow: str, key: str) -> tuple[str, str | None]:
    row = two_ways.rows(flow)[key]
    return row["state"], row["reason"]


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
