"""`winbc resolve --apart`: a person says that a record and its partner are not the same.

Source of each promise: docs/two-ways.md, "Two records that are not the same".
"""

import pytest
from typer.testing import CliRunner

from winbc_pipeline.cli import records
from winbc_pipeline.cli.main import app
from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import CustomerSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.apart import Apart
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.intervention import Request, changes_anything, intervention
from winbc_pipeline.workbench.partners import flows_that_know

from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays, outcome, partners

pytestmark = pytest.mark.proof

EMAIL = "anna@mail.example"


def met(two_ways: TwoWays, number: str = "C1") -> None:
    """Two customers whom their e-mail has made a pair, and who have the same values."""
    address = {"addressLine1": "Kerkweg 7", "postalCode": "3511 AB", "city": "Utrecht", "country": "NL"}
    rest = address | {"displayName": "Anna O'Neil", "phoneNumber": "+31301234567"}
    two_ways.bc_has(number, email=EMAIL, **rest)
    two_ways.shop_has("1")
    two_ways.passes()
    assert partners(two_ways) == [("1", number)]


def assert_at_rest(two_ways: TwoWays) -> None:
    """Both directions find nothing to do, and nothing that waits."""
    before = two_ways.writes()
    for _ in range(2):
        assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert two_ways.writes() == before


@pytest.mark.parametrize(("flow", "key"), [(TO_BC, "1"), (TO_WINSTORE, "C1")])
def test_two_customers_who_are_not_the_same_get_partners_of_their_own(two_ways: TwoWays, flow: str, key: str) -> None:
    met(two_ways)
    two_ways.settle(flow, "apart", key)
    two_ways.passes()
    assert partners(two_ways) == [("1", "WS1"), ("800000000", "C1")]
    assert_at_rest(two_ways)


def test_what_would_become_of_the_record_is_shown_before_anything_is_written(two_ways: TwoWays) -> None:
    met(two_ways)
    before, request = two_ways.writes(), Request("apart", ("1",))
    with intervention(ConnectedFlow(flow_named(TO_BC), two_ways.settings), "by hand") as turn:
        (row,) = turn.proposed(request)
    assert (row["action"], row["message"]) == ("create", "not the same as C1")
    assert changes_anything([row], request)
    assert (two_ways.writes(), partners(two_ways)) == (before, [("1", "C1")])


def test_two_who_differ_when_they_first_meet_can_be_set_apart(two_ways: TwoWays) -> None:
    """They are BOTH_CHANGED then, and no pair yet."""
    two_ways.bc_has("C1", displayName="Bea Klein", email=EMAIL)
    two_ways.shop_has("1")
    two_ways.passes()
    assert outcome(two_ways, TO_BC, "1") == ("CONFLICT", "BOTH_CHANGED")
    two_ways.settle(TO_BC, "apart", "1")
    two_ways.passes()
    assert partners(two_ways) == [("1", "WS1"), ("800000000", "C1")]
    assert_at_rest(two_ways)


def test_the_keys_do_not_join_them_again_after_the_table_of_pairs_was_lost(two_ways: TwoWays) -> None:
    met(two_ways)
    two_ways.settle(TO_BC, "apart", "1")
    two_ways.passes()
    with Pairs(two_ways.settings, "customers").opened() as connection:
        connection.execute("DELETE FROM pair")
    two_ways.in_winstore("1", phone="+31309999999")
    two_ways.in_bc("C1", phoneNumber="+31308888888")
    two_ways.passes()
    assert partners(two_ways) == [("1", "WS1"), ("800000000", "C1")]
    assert_at_rest(two_ways)


def test_a_pair_of_before_the_decision_is_not_believed(two_ways: TwoWays) -> None:
    """As after a kill between the two, or with a table of pairs from a backup."""
    met(two_ways)
    ids = {"winstore": "1", "bc": two_ways.of_bc("C1")["id"]}
    Apart(two_ways.settings, "customers").note("customer", ids)
    two_ways.in_winstore("1", phone="+31309999999")
    two_ways.run(TO_BC)
    assert two_ways.of_bc("C1")["phoneNumber"] == "+31301234567"
    assert two_ways.of_bc("WS1")["phoneNumber"] == "+31309999999"


def test_two_customers_whose_records_were_exchanged_get_each_others_partner(two_ways: TwoWays) -> None:
    """Each takes the other's e-mail, so both are TARGET_TAKEN (docs/two-ways.md, Pairs)."""
    first, second = {"fname": "Anna", "email": EMAIL}, {"fname": "Bram", "email": "bram@mail.example"}
    two_ways.shop_has("1", **first)
    two_ways.shop_has("2", **second)
    two_ways.passes()
    two_ways.in_winstore("1", **second)
    two_ways.in_winstore("2", **first)
    two_ways.passes()
    assert outcome(two_ways, TO_BC, "1") == ("FAILED", "TARGET_TAKEN")
    for key in ("1", "2"):
        two_ways.settle(TO_BC, "apart", key)
    before = two_ways.writes()
    two_ways.passes()
    assert partners(two_ways) == [("1", "WS2"), ("2", "WS1")]
    assert two_ways.writes() == before
    assert_at_rest(two_ways)


def test_adopt_of_the_same_two_takes_it_back(two_ways: TwoWays) -> None:
    met(two_ways)
    two_ways.settle(TO_BC, "apart", "1")
    two_ways.settle(TO_BC, "adopt", "1", number="C1")
    assert partners(two_ways) == [("1", "C1")]
    two_ways.in_winstore("1", phone="+31309999999")
    two_ways.run(TO_BC)
    assert two_ways.of_bc("C1")["phoneNumber"] == "+31309999999"
    assert Apart(two_ways.settings, "customers").partners("customer", "winstore", ["1"]) == {}


def test_another_ones_partner_is_not_adopted_but_the_command_that_frees_it_is_named(two_ways: TwoWays) -> None:
    met(two_ways)
    two_ways.settle(TO_BC, "apart", "1")
    two_ways.passes()
    two_ways.run(TO_BC)  # reads the customer that the pass before made in Winstore
    with pytest.raises(NotDone) as refused:
        two_ways.settle(TO_BC, "adopt", "1", number="C1")
    assert "C1 is the partner of 800000000 already" in refused.value.message
    assert f"winbc resolve 800000000 --flow {TO_BC} --apart" in refused.value.hint


def test_a_number_of_the_other_record_is_not_taken_from_it(two_ways: TwoWays) -> None:
    """Business Central refuses a second customer with one number, and winbc renumbers nobody."""
    two_ways.shop_has("1")
    two_ways.run(TO_BC)
    two_ways.settle(TO_BC, "apart", "1")
    assert outcome(two_ways, TO_BC, "1") == ("FAILED", "TARGET_TAKEN")
    assert "WS1 is the number of the record that it was set apart from" in two_ways.rows(TO_BC)["1"]["message"]
    two_ways.renumbered("WS1", "X1")
    two_ways.run(TO_BC)
    assert partners(two_ways) == [("1", "WS1")]
    assert len(two_ways.records("customers")) == 2


def test_an_id_of_the_other_record_is_not_taken_from_it_in_winstore(two_ways: TwoWays) -> None:
    """Winstore would take a customer with a known id for an edit of that one (docs/winstore-contract.md)."""
    two_ways.shop_has("1")
    two_ways.passes()
    two_ways.settle(TO_WINSTORE, "apart", "WS1")
    assert two_ways.of_shop("800000000")["email"] == EMAIL
    two_ways.in_bc("WS1", phoneNumber="+31308888888")
    two_ways.run(TO_WINSTORE)
    assert (two_ways.of_shop("1")["phone"], two_ways.of_shop("800000000")["phone"]) == ("+31301234567", "+31308888888")


def test_an_order_of_a_customer_who_was_set_apart_goes_to_the_new_partner(two_ways: TwoWays) -> None:
    orders = two_ways.settings.orders.model_copy(update={"default_customer": ""})
    two_ways.settings = two_ways.settings.model_copy(update={"orders": orders})
    met(two_ways)
    two_ways.order("W1", customerid="1", email=EMAIL)
    two_ways.sync()
    two_ways.settle(TO_BC, "apart", "1")
    two_ways.order("W2", customerid="1", email=EMAIL)
    two_ways.run("orders_winstore_to_bc")
    assert [each["customerNumber"] for number in ("W1", "W2") for each in two_ways.documents(number)] == ["C1", "WS1"]


def test_a_record_without_a_partner_is_not_set_apart(two_ways: TwoWays) -> None:
    two_ways.shop_has("1", email="")
    two_ways.run(TO_BC)
    with pytest.raises(NotDone, match="1 has no partner"):
        two_ways.settle(TO_BC, "apart", "1")


def test_a_record_that_was_lost_on_its_way_is_not_set_apart(two_ways: TwoWays) -> None:
    met(two_ways)
    two_ways.in_winstore("1", phone="+31309999999")
    assert two_ways.run_dies_at(TO_BC, "after record intent")
    with pytest.raises(NotDone, match="was lost"):
        two_ways.settle(TO_BC, "apart", "1")


def test_orders_have_no_partners(two_ways: TwoWays) -> None:
    two_ways.order("W1")
    two_ways.sync()
    two_ways.fault(BC)
    with pytest.raises(NotDone, match="makes documents"):
        two_ways.settle("orders_winstore_to_bc", "apart", "W1")


def test_a_key_is_found_in_the_flow_that_reads_it(two_ways: TwoWays) -> None:
    met(two_ways)
    known = [flows_that_know(two_ways.settings, name) for name in ("1", "C1", "nobody")]
    assert known == [[TO_BC], [TO_WINSTORE], []]


def test_the_command_finds_the_flow_and_asks_before_it_does_anything(
    two_ways: TwoWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    met(two_ways)
    monkeypatch.setattr(records, "load_settings", lambda: two_ways.settings)
    refused = CliRunner().invoke(app, ["resolve", "1", "--apart"], input="n\n")
    assert (refused.exit_code, partners(two_ways)) == (1, [("1", "C1")])
    done = CliRunner().invoke(app, ["resolve", "1", "--apart"], input="y\n")
    assert f"{TO_BC} knows 1." in done.stdout
    assert (done.exit_code, partners(two_ways)) == (0, [("1", "WS1")])


def test_a_key_of_both_systems_needs_the_flow(two_ways: TwoWays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "load_settings", lambda: two_ways.settings)
    two_ways.shop_has("7", email="")
    two_ways.bc_has("7", email="")
    two_ways.passes()
    asked = CliRunner().invoke(app, ["resolve", "7", "--take", "bc"])
    assert asked.exit_code == 2
    assert TO_BC in asked.output
    assert TO_WINSTORE in asked.output


def test_a_flow_that_is_off_is_not_among_those_that_know_a_key(two_ways: TwoWays) -> None:
    met(two_ways)
    customers = CustomerSettings(direction="to_winstore")
    two_ways.settings = two_ways.settings.model_copy(update={"customers": customers})
    assert flows_that_know(two_ways.settings, "1") == [TO_WINSTORE]


def test_the_other_direction_is_asked_to_look_for_a_partner(two_ways: TwoWays) -> None:
    """The sensor requests a run for records that are PLANNED."""
    met(two_ways)
    two_ways.settle(TO_BC, "apart", "1")
    assert outcome(two_ways, TO_WINSTORE, "C1") == ("PLANNED", "APART")
    store = ConnectedFlow(flow_named(TO_WINSTORE), two_ways.settings).store
    assert ledger.read(store, "target_id IS NOT NULL") == []
