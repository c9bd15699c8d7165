"""Customers in both directions: what is edited on one side arrives on the other, and nothing comes back."""

import json
from collections.abc import Callable

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import CustomerSettings, Settings, WinstoreSettings
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.staging.people.installation_key import KEY_FILE
from winbc_pipeline.staging.store import Row, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.run import dry_run
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.intervention import Request, changes_anything, intervention
from winbc_pipeline.workbench.preview import preview

from ...support.order_sandboxes import FIRST, LAST, WINSTORE
from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays, planned_of
from ...support.winstore_profiles import VERSION_1

pytestmark = pytest.mark.proof

DECIDED = {"take_source": "TAKE_SOURCE", "take_target": "TAKE_TARGET"}


def test_the_first_pass_sends_nothing_back(two_ways: TwoWays) -> None:
    two_ways.shop_has(streetnr="12-b")
    two_ways.shop_has("7", email="b@mail.example", phone="")
    assert two_ways.run(TO_BC).created == 2
    before = two_ways.writes()
    done = two_ways.run(TO_WINSTORE)
    assert (done.read, done.failed, two_ways.writes() - before) == (2, 0, 0)


def test_an_edit_in_business_central_arrives_in_winstore_and_does_not_come_back(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(phoneNumber="+31301112233")
    before = two_ways.writes()
    assert two_ways.run(TO_WINSTORE).updated == 1
    assert two_ways.of_shop()["phone"] == "+31301112233"
    two_ways.passes()
    two_ways.passes()
    assert two_ways.writes() - before == 1


def test_an_edit_in_winstore_arrives_in_business_central_and_does_not_come_back(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    before = two_ways.writes()
    assert two_ways.run(TO_BC).updated == 1
    assert two_ways.of_bc()["city"] == "Gent"
    two_ways.passes()
    two_ways.passes()
    assert two_ways.writes() - before == 1


def test_a_value_that_is_emptied_on_one_side_is_emptied_on_the_other(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(phoneNumber="")
    two_ways.passes()
    assert two_ways.of_shop()["phone"] == ""
    two_ways.in_winstore(city="")
    two_ways.passes()
    assert two_ways.of_bc()["city"] == ""


def test_a_customer_made_in_business_central_gets_an_id_of_the_range(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    for number in ("C00010", "C00011"):
        two_ways.bc_has(number, email=f"{number}@k.example")
    assert two_ways.run(TO_WINSTORE).created == 2
    made = two_ways.of_shop("800000001")
    assert (made["fname"], made["lname"], made["email"]) == ("Bea", "Klein", "c00011@k.example")
    before = two_ways.writes()
    two_ways.passes()
    two_ways.passes()
    assert two_ways.writes() == before
    assert len(two_ways.records("customers")) == 3


def test_ids_that_winstore_has_are_not_given_again_after_the_pairs_were_lost(two_ways: TwoWays) -> None:
    two_ways.shop_has("800000005", email="other@mail.example")
    two_ways.bc_has("C00010", email="c@k.example")
    two_ways.run(TO_WINSTORE)
    assert two_ways.of_shop("800000006")["email"] == "c@k.example"


def test_edits_of_different_fields_both_arrive(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(email="other@mail.example")
    two_ways.passes()
    assert (two_ways.of_bc()["city"], two_ways.of_bc()["email"]) == ("Gent", "other@mail.example")
    assert (two_ways.of_shop()["city"], two_ways.of_shop()["email"]) == ("Gent", "other@mail.example")


def test_edits_of_one_field_are_a_conflict_that_names_field_and_command(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(city="Brugge")
    before = two_ways.writes()
    two_ways.passes()
    row = two_ways.rows(TO_BC)["000123"]
    assert (row["state"], row["reason"]) == ("CONFLICT", "BOTH_CHANGED")
    assert row["message"] == f"city; `winbc resolve 000123 --flow {TO_BC} --take winstore` or bc"
    assert two_ways.rows(TO_WINSTORE)["WS000123"]["state"] == "CONFLICT"
    assert two_ways.writes() == before


@pytest.mark.parametrize(
    ("flow", "how", "city"),
    [
        (TO_BC, "take_source", "Gent"),
        (TO_BC, "take_target", "Brugge"),
        (TO_WINSTORE, "take_source", "Brugge"),
        (TO_WINSTORE, "take_target", "Gent"),
    ],
)
def test_a_person_settles_a_conflict_from_either_side(two_ways: TwoWays, flow: str, how: str, city: str) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(city="Brugge")
    two_ways.passes()
    two_ways.settle(flow, how, "WS000123" if flow == TO_WINSTORE else "000123")
    assert two_ways.reasons_by_hand(flow)[0] == DECIDED[how]
    two_ways.passes()
    assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert (two_ways.of_bc()["city"], two_ways.of_shop()["city"]) == (city, city)


def test_the_same_edit_on_both_sides_is_no_conflict(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(city="Gent")
    before = two_ways.writes()
    assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert two_ways.writes() == before


def test_a_value_that_returns_to_what_it_was_before_the_other_side_changed_it_is_an_edit(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(city="Gent")
    two_ways.run(TO_WINSTORE)
    two_ways.in_winstore(city="Utrecht")  # as it was when it was last sent to Business Central
    two_ways.run(TO_BC)
    assert two_ways.of_bc()["city"] == "Utrecht"


@pytest.mark.parametrize(
    ("owner", "in_bc", "in_shop"),
    [("source", "Gent", "Gent"), ("target", "Brugge", "Brugge"), ("newest", "Brugge", "Brugge")],
)
def test_the_owner_of_a_field_decides_where_the_table_names_one(
    two_ways: TwoWays, owner: str, in_bc: str, in_shop: str
) -> None:
    two_ways.own(TO_BC, "customer", "city", owner)
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(city="Brugge")
    two_ways.passes()
    two_ways.passes()
    assert (two_ways.of_bc()["city"], two_ways.of_shop()["city"]) == (in_bc, in_shop)


def test_what_differs_in_a_field_that_the_target_owns_is_counted(two_ways: TwoWays) -> None:
    two_ways.own(TO_BC, "customer", "city", "target")
    two_ways.shop_has()
    two_ways.run(TO_BC)
    two_ways.in_winstore(city="Gent")
    two_ways.run(TO_BC)
    row = two_ways.rows(TO_BC)["000123"]
    assert (row["state"], row["reason"], row["message"]) == ("CONFIRMED", "DRIFT", "city")
    assert two_ways.of_bc()["city"] == "Utrecht"


def test_a_customer_deleted_in_business_central_is_not_made_again_until_a_person_says_so(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.deleted_in_bc()
    two_ways.in_winstore(city="Gent")
    assert two_ways.run(TO_BC).failed == 1
    assert two_ways.rows(TO_BC)["000123"]["reason"] == "DELETED_THERE"
    two_ways.settle(TO_BC, "again")
    assert two_ways.reasons_by_hand(TO_BC)[0] == "MAKE_AGAIN"
    assert two_ways.of_bc()["city"] == "Gent"
    assert [each.failed for each in two_ways.passes()] == [0, 0]


def test_the_partner_that_a_person_chose_stays_whatever_the_keys_say_later(two_ways: TwoWays) -> None:
    for number in ("C1", "C2"):
        two_ways.bc_has(number, email="anna@mail.example")
    two_ways.shop_has()
    assert two_ways.run(TO_BC).failed == 1
    assert two_ways.rows(TO_BC)["000123"]["reason"] == "AMBIGUOUS"
    two_ways.settle(TO_BC, "adopt", number="C2")
    two_ways.settle(TO_BC, "take_source")
    two_ways.bc_has("WS000123")
    two_ways.in_winstore(city="Gent")
    two_ways.run(TO_BC)
    assert two_ways.of_bc("C2")["city"] == "Gent"


def test_a_company_that_became_a_person_is_for_a_person(two_ways: TwoWays) -> None:
    two_ways.shop_has(company="Klein BV")
    two_ways.passes()
    two_ways.in_winstore(company="")
    assert two_ways.run(TO_BC).failed == 1
    assert two_ways.rows(TO_BC)["000123"]["reason"] == "BOTH_CHANGED"
    assert two_ways.of_bc()["type"] == "Company"


def test_a_blocked_customer_is_left_alone_on_both_sides(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(blocked="All", phoneNumber="1")
    two_ways.in_winstore(city="Gent")
    before = two_ways.writes()
    two_ways.passes()
    assert two_ways.rows(TO_BC)["000123"]["reason"] == "BLOCKED"
    assert two_ways.rows(TO_WINSTORE)["WS000123"]["reason"] == "BLOCKED"
    assert two_ways.writes() == before


@pytest.mark.parametrize("order", [(TO_BC, TO_WINSTORE), (TO_WINSTORE, TO_BC)])
def test_lost_pairs_are_made_again_without_a_write(two_ways: TwoWays, order: tuple[str, str]) -> None:
    two_ways.shop_has(streetnr="12-b")
    two_ways.shop_has("7", email="b@mail.example")
    two_ways.passes()
    two_ways.passes()
    with Pairs(two_ways.settings, "customers").opened() as connection:
        connection.execute("DROP TABLE pair")
    two_ways.in_winstore(phone="+31309999999")
    before = two_ways.writes()
    for flow in (*order, *order):
        two_ways.run(flow)
    assert two_ways.writes() - before == 1
    assert two_ways.of_bc()["phoneNumber"] == "+31309999999"


def test_after_a_lost_key_of_the_hashes_nothing_looks_edited_and_an_edit_waits_for_a_person(two_ways: TwoWays) -> None:
    """Nothing is left that could tell which side was edited, so neither side is overwritten."""
    two_ways.shop_has()
    two_ways.shop_has("7", email="b@mail.example")
    two_ways.passes()
    (two_ways.settings.data_folder / two_ways.settings.connection / KEY_FILE).unlink()
    two_ways.in_winstore(phone="+31309999999")
    before = two_ways.writes()
    two_ways.passes()
    assert [each.failed for each in two_ways.passes()] == [1, 0]
    assert two_ways.writes() == before


def test_several_addresses_in_one_email_field_find_the_customer(two_ways: TwoWays) -> None:
    # Business Central's e-mail field may hold several addresses (rules.md, "What BC makes of values").
    two_ways.bc_has("C1", displayName="Anna O'Neil", email="a@x.example; Anna@Mail.example")
    two_ways.shop_has()
    two_ways.run(TO_BC)
    assert [each["number"] for each in two_ways.records("customers")] == ["C1"]


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("phone", {"phoneNumber": "030-123 45 67", "country": "NL"}),
        ("vat", {"taxRegistrationNumber": "NL 004495445 B01", "country": "NL"}),
        ("name_postcode", {"displayName": "anna o'neil", "postalCode": "3511ab"}),
    ],
)
def test_a_customer_is_found_by_the_keys_that_the_setting_names(
    two_ways: TwoWays, kind: str, there: dict[str, str]
) -> None:
    customers = CustomerSettings(direction="both", match=(kind,))  # type: ignore[arg-type]
    two_ways.settings = two_ways.settings.model_copy(update={"customers": customers})
    two_ways.bc_has("C1", **there)
    two_ways.shop_has(vatnumber="NL004495445B01")
    two_ways.run(TO_BC)
    assert [each["number"] for each in two_ways.records("customers")] == ["C1"]


def test_a_profile_of_contract_1_still_carries_edits_both_ways(two_ways: TwoWays) -> None:
    winstore = WinstoreSettings(**dict(two_ways.settings.winstore) | {"profile": VERSION_1})
    two_ways.settings = two_ways.settings.model_copy(update={"winstore": winstore})
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(phoneNumber="+31301112233")
    two_ways.in_winstore(city="Gent")
    before = two_ways.writes()
    for _ in range(3):
        assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert (two_ways.of_shop()["phone"], two_ways.of_bc()["city"]) == ("+31301112233", "Gent")
    assert two_ways.writes() - before == 2


def test_with_contract_1_a_record_that_both_systems_have_waits_for_the_direction_that_sees_both(
    two_ways: TwoWays,
) -> None:
    winstore = WinstoreSettings(**dict(two_ways.settings.winstore) | {"profile": VERSION_1})
    two_ways.settings = two_ways.settings.model_copy(update={"winstore": winstore})
    two_ways.shop_has()
    two_ways.bc_has("WS000123", displayName="Anna O'Neil", email="anna@mail.example")
    assert planned_of(two_ways, TO_WINSTORE) == {"WS000123": ("wait", "UNSEEN")}
    two_ways.passes()
    two_ways.in_bc(phoneNumber="+31301112233")
    two_ways.passes()
    assert two_ways.of_shop()["phone"] == "+31301112233"


def test_the_direction_that_is_off_says_which_setting_switches_it_on(two_ways: TwoWays) -> None:
    off: Settings = two_ways.settings.model_copy(update={"customers": CustomerSettings()})
    two_ways.settings = off
    with pytest.raises(ConfigurationError, match="`customers.direction` is to_bc"):
        two_ways.run(TO_WINSTORE)


def test_nothing_is_sent_about_a_person_who_is_blocked_for_privacy(two_ways: TwoWays) -> None:
    # `contacts.privacyBlocked` is in API v2.0 (rules.md, "Privacy").
    two_ways.shop_has(company="Klein BV", lname="")
    two_ways.passes()
    (contact,) = two_ways.records("contacts")
    two_ways.by_person("PATCH", f"contacts({contact['id']})", {"privacyBlocked": True, "displayName": "Klein"})
    two_ways.in_winstore(city="Gent")
    two_ways.in_bc(phoneNumber="1")
    before = two_ways.writes()
    two_ways.passes()
    assert two_ways.rows(TO_BC)["000123"]["reason"] == "PRIVACY_BLOCKED"
    assert two_ways.rows(TO_WINSTORE)["WS000123"]["reason"] == "PRIVACY_BLOCKED"
    assert two_ways.writes() == before


STORIES: dict[str, Callable[[TwoWays], object]] = {
    "nothing": lambda world: None,
    "edited in Business Central": lambda world: world.in_bc(city="Gent"),
    "edited on both sides": lambda world: (world.in_bc(city="Gent"), world.in_winstore(city="Brugge")),
    "as it was before the other side changed it": lambda world: (
        world.in_bc(city="Gent"),
        world.run(TO_WINSTORE),
        world.in_winstore(city="Utrecht"),
    ),
}


@pytest.mark.parametrize("flow", [TO_BC, TO_WINSTORE])
@pytest.mark.parametrize("story", STORIES)
def test_a_preview_says_what_the_plan_says_and_neither_writes_a_pair(
    two_ways: TwoWays, monkeypatch: pytest.MonkeyPatch, flow: str, story: str
) -> None:
    # A database in memory is one for all: what `lock_down` forbids for a connection would be forbidden for good.
    monkeypatch.setattr("winbc_pipeline.workbench.preview.lock_down", lambda _: None)
    two_ways.shop_has(streetnr="12-b")
    two_ways.passes()
    STORIES[story](two_ways)
    before = all_pairs(two_ways)
    work = Work(ConnectedFlow(flow_named(flow), two_ways.settings), FIRST, LAST, "look")
    dry_run(work)
    planned = [(row["key"], row["action"], row["reason"], json.loads(row["body"])) for row in planned_rows(work)]
    views = preview(work.connected, None, 3)
    shown = [(view.key, view.decision.action, view.decision.reason, view.decision.body) for view in views]
    assert shown == planned
    assert all_pairs(two_ways) == before


def all_pairs(two_ways: TwoWays) -> list[Row]:
    with Pairs(two_ways.settings, "customers").opened() as connection:
        return rows_of(connection, "SELECT * FROM pair ORDER BY ALL")


def test_an_edit_of_a_companys_name_leaves_the_contacts_name_in_winstore_alone(two_ways: TwoWays) -> None:
    # Winstore's first and last name are the contact's in a company (docs/customers.md, "Company and person").
    two_ways.shop_has(company="Klein BV")
    two_ways.passes()
    two_ways.in_bc(displayName="Klein & Co")
    two_ways.passes()
    shop = two_ways.of_shop()
    assert (shop["company"], shop["fname"], shop["lname"]) == ("Klein & Co", "Anna", "O'Neil")


@pytest.mark.parametrize(("company", "kind"), [("", "Company"), ("Klein BV", "Person")])
def test_a_person_who_becomes_a_company_in_business_central_or_the_reverse_is_for_a_person(
    two_ways: TwoWays, company: str, kind: str
) -> None:
    # docs/customers.md, "What is left alone": a change between company and person.
    two_ways.shop_has(company=company)
    two_ways.passes()
    before = two_ways.of_shop()
    two_ways.in_bc(type=kind)
    two_ways.passes()
    row = two_ways.rows(TO_WINSTORE)["WS000123"]
    assert (row["state"], row["reason"], two_ways.of_shop()) == ("CONFLICT", "BOTH_CHANGED", before)
    two_ways.settle(TO_WINSTORE, "take_source", "WS000123")
    assert two_ways.run(TO_WINSTORE).failed == 0
    assert bool(two_ways.of_shop()["company"]) == (kind == "Company")


def test_a_name_of_one_word_is_not_doubled_in_winstore(two_ways: TwoWays) -> None:
    two_ways.bc_has("C1", displayName="Cher", email="cher@mail.example")
    two_ways.run(TO_WINSTORE)
    (made,) = two_ways.state(WINSTORE)["records"]["customers"]
    assert (made.get("fname", ""), made["lname"]) == ("", "Cher")


def test_several_addresses_in_business_central_give_winstore_the_first(two_ways: TwoWays) -> None:
    # Business Central's e-mail field may hold several addresses (rules.md, "What BC makes of values").
    two_ways.shop_has()
    two_ways.passes()
    two_ways.in_bc(email="new@mail.example; Two@mail.example")
    two_ways.passes()
    two_ways.in_winstore(city="Gent")
    assert [each.failed for each in two_ways.passes()] == [0, 0]
    assert two_ways.of_shop()["email"] == "new@mail.example"
    assert (two_ways.of_bc()["email"], two_ways.of_bc()["city"]) == ("new@mail.example; Two@mail.example", "Gent")


def test_the_second_address_of_several_finds_the_customer_in_winstore(two_ways: TwoWays) -> None:
    two_ways.shop_has()
    two_ways.bc_has("C1", displayName="Anna O'Neil", email="first@mail.example; Anna@Mail.example")
    two_ways.run(TO_WINSTORE)
    assert [each["customerid"] for each in two_ways.state(WINSTORE)["records"]["customers"]] == ["000123"]


def test_a_record_whose_partner_a_person_gave_to_another_keeps_its_hands_off_it(two_ways: TwoWays) -> None:
    # docs/two-ways.md, "Pairs": a person's choice stays.
    for number in ("C1", "C2"):
        two_ways.bc_has(number, displayName="Twin", email="anna@mail.example")
    two_ways.shop_has()
    two_ways.passes()
    assert two_ways.rows(TO_WINSTORE)["C1"]["target_id"] == "000123"
    two_ways.settle(TO_BC, "adopt", number="C2")
    two_ways.settle(TO_BC, "take_source")
    two_ways.passes()
    row = two_ways.rows(TO_WINSTORE)["C1"]
    assert (row["state"], row["reason"]) == ("FAILED", "TARGET_TAKEN")
    assert row["message"] == "000123 in the target is linked to C2 of the source already"


def test_a_record_may_be_adopted_whose_values_differ(two_ways: TwoWays) -> None:
    # docs/customers.md, "How a customer is found": that choice stays. Whose values count is the next question.
    for number in ("C1", "C2"):
        two_ways.bc_has(number, displayName="Twin", email="anna@mail.example")
    two_ways.shop_has()
    two_ways.run(TO_BC)
    request = Request("adopt", ("000123",), number="C2")
    with intervention(ConnectedFlow(flow_named(TO_BC), two_ways.settings), "by hand") as turn:
        assert changes_anything(turn.proposed(request), request)
    two_ways.settle(TO_BC, "adopt", number="C2")
    two_ways.settle(TO_BC, "take_source")
    assert two_ways.of_bc("C2")["displayName"] == "Anna O'Neil"
