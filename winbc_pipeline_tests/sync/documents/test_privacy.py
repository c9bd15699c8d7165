"""Customers whom Business Central has blocked, for privacy or not: what becomes of their orders.

Source: Microsoft's source of Customer (Blocked, Privacy Blocked, CheckBlockedCustOnDocs) and Contact (Privacy Blocked).
"""

from typing import Any

import pytest

from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.outcomes import refusal
from winbc_pipeline.systems.business_central import Result
from winbc_pipeline.workbench.intervention import Request, intervention

from ...support.order_flow import OrderFlow
from ...support.order_sandboxes import BC

pytestmark = pytest.mark.proof

EMAIL = "anna@mail.example"
NUMBER = "WS605254"
PERSON = {"number": NUMBER, "displayName": "Anna", "type": "Person", "email": EMAIL}
COMPANY = {"number": NUMBER, "displayName": "Groen BV", "type": "Company", "email": "office@groen.example"}
SHOP = {"number": "SHOP", "displayName": "Counter sales", "type": "Company"}
OF_COMPANY = {"invoice_add": {"company": "Groen BV", "fname": "Anna", "lname": "Groen"}}
PRIVATE = ("FAILED", "PRIVACY_BLOCKED")


def with_default(order_flow: OrderFlow, **chosen: Any) -> None:
    """The shop has a default debtor."""
    order_flow.choose(**{"default_customer": "SHOP"} | chosen)
    order_flow.seed(customers=[SHOP])


def has_company(order_flow: OrderFlow) -> None:
    """The customer is a company, made by a person: Business Central makes its contact, which a seed does not."""
    assert order_flow.by_person("POST", "customers", COMPANY).status_code == 201


def block_customer(order_flow: OrderFlow, number: str = NUMBER, blocked: bool = True) -> None:
    """A person sets or lifts Privacy Blocked on the customer card."""
    order_flow._control(BC, "seed", {"settings": {"customers": {number: {"privacyBlocked": blocked}}}})


def block_contact(order_flow: OrderFlow, name: str, blocked: bool = True) -> None:
    """A person sets or lifts Privacy Blocked on the contact card."""
    (contact,) = [each for each in order_flow.records("contacts") if each["displayName"] == name]
    answer = order_flow.by_person("PATCH", f"contacts({contact['id']})", {"privacyBlocked": blocked})
    assert answer.status_code == 200, answer.text


def assert_nothing_sent(order_flow: OrderFlow, before: int) -> None:
    """Neither a customer nor a contact nor a document was sent, not even one that was refused."""
    sent = [call for call in order_flow.calls(BC)[before:] if call["method"] != "GET"]
    assert sent == []


@pytest.mark.parametrize("customers", ["create", "create_and_update"])
@pytest.mark.parametrize("default", [False, True])
def test_nothing_is_sent_about_a_customer_whose_contact_is_blocked_for_privacy(
    order_flow: OrderFlow, customers: str, default: bool
) -> None:
    has_company(order_flow)
    order_flow.choose(customers=customers)
    if default:
        with_default(order_flow, customers=customers)
    block_contact(order_flow, "Groen BV")
    before = len(order_flow.calls(BC))
    row = order_flow.send(**OF_COMPANY)
    assert order_flow.outcome() == PRIVATE
    assert NUMBER in row["message"]
    assert_nothing_sent(order_flow, before)


@pytest.mark.parametrize("chosen", [{}, {"default_customer": "SHOP"}, {"force_default_customer": True}])
@pytest.mark.parametrize("customerid", ["605254", "999999"])
def test_nothing_is_sent_about_a_contact_who_is_no_customer_yet(
    order_flow: OrderFlow, chosen: dict[str, Any], customerid: str
) -> None:
    """He is known by his e-mail address, also as a guest, and nobody else stands in for him."""
    if chosen:
        with_default(order_flow, **chosen)
    other = "anna@old.example;anna@home.example Anna@Mail.Example"
    order_flow.seed(contacts=[{"number": "K1", "displayName": "Anna", "type": "Person", "email": other}])
    block_contact(order_flow, "Anna")
    before = len(order_flow.calls(BC))
    row = order_flow.send(customerid=customerid)
    assert order_flow.outcome() == PRIVATE
    assert row["message"] == "a contact with the order's e-mail is blocked for privacy in Business Central"
    assert_nothing_sent(order_flow, before)


def test_a_customer_who_could_not_be_made_is_not_replaced_while_he_is_blocked_for_privacy(
    order_flow: OrderFlow,
) -> None:
    """His mapped row breaks a rule, for which the default debtor stands in otherwise."""
    with_default(order_flow)
    order_flow.seed(contacts=[{"number": "K1", "displayName": "Anna", "type": "Person", "email": EMAIL}])
    block_contact(order_flow, "Anna")
    before = len(order_flow.calls(BC))
    order_flow.send(delivery_add={"street": "Kerkweg", "streetnr": "7", "countryISO": "NL"})
    assert order_flow.outcome() == PRIVATE
    assert_nothing_sent(order_flow, before)


def test_the_person_of_a_company_who_is_blocked_for_privacy_is_known_by_number(order_flow: OrderFlow) -> None:
    order_flow.choose(customers="create_and_update")
    order_flow.send("W1", **OF_COMPANY)
    (person,) = [each for each in order_flow.records("contacts") if each["type"] == "Person"]
    order_flow.by_person("PATCH", f"contacts({person['id']})", {"email": "", "privacyBlocked": True})
    order_flow.pass_time(60)
    before = len(order_flow.calls(BC))
    order_flow.send("W2", invoice_add={"company": "Groen BV", "fname": "Anne", "lname": "Groen"})
    assert order_flow.outcome("W2") == PRIVATE
    assert_nothing_sent(order_flow, before)


@pytest.mark.parametrize("force", [False, True])
def test_a_customer_who_got_another_number_and_address_is_known_by_the_link(order_flow: OrderFlow, force: bool) -> None:
    order_flow.without = {"I7"}  # the first document is for another number than the order's customer has
    order_flow.send("W1", **OF_COMPANY)
    (customer,) = order_flow.records("customers")
    renamed = {"number": "C9", "email": "new@groen.example"}
    assert order_flow.by_person("PATCH", f"customers({customer['id']})", renamed).status_code == 200
    block_contact(order_flow, "Groen BV")
    with_default(order_flow, force_default_customer=force)
    order_flow.pass_time(60)
    before = len(order_flow.calls(BC))
    order_flow.send("W2", **OF_COMPANY)
    assert order_flow.outcome("W2") == PRIVATE
    assert "customer C9" in order_flow.ledger()["W2"]["message"]
    assert_nothing_sent(order_flow, before)


def test_a_blocked_colleague_does_not_stop_the_orders_of_his_company(order_flow: OrderFlow) -> None:
    has_company(order_flow)
    (company,) = order_flow.records("contacts")
    colleague = {"number": "K2", "displayName": "Bob", "type": "Person", "companyNumber": company["number"]}
    assert order_flow.by_person("POST", "contacts", colleague).status_code == 201
    block_contact(order_flow, "Bob")
    order_flow.send(**OF_COMPANY)
    assert order_flow.outcome() == ("CONFIRMED", None)


@pytest.mark.parametrize("force", [False, True])
def test_a_customer_who_is_blocked_for_privacy_is_replaced_by_nobody(order_flow: OrderFlow, force: bool) -> None:
    """API v2.0 shows such a customer as blocked All, so the refusal of his document tells."""
    with_default(order_flow, force_default_customer=force)
    order_flow.seed(customers=[PERSON])
    block_customer(order_flow)
    row = order_flow.send()
    assert order_flow.outcome() == PRIVATE
    assert row["message"] == f"Application_DialogException: Customer {NUMBER} is blocked for privacy"
    assert order_flow.records("salesOrders") == []


def test_an_order_that_was_refused_for_privacy_is_not_sent_again_while_the_block_holds(order_flow: OrderFlow) -> None:
    with_default(order_flow)
    order_flow.seed(customers=[PERSON])
    block_customer(order_flow)
    order_flow.send()
    before = len(order_flow.calls(BC))
    order_flow.pass_time(60)
    order_flow.sync()
    assert order_flow.outcome() == PRIVATE
    assert_nothing_sent(order_flow, before)


def test_an_order_goes_once_the_block_for_privacy_is_lifted(order_flow: OrderFlow) -> None:
    with_default(order_flow)
    order_flow.seed(customers=[PERSON])
    block_customer(order_flow)
    order_flow.send()
    block_customer(order_flow, blocked=False)
    (customer,) = [each for each in order_flow.records("customers") if each["number"] == NUMBER]
    order_flow.by_person("PATCH", f"customers({customer['id']})", {"blocked": "_x0020_"})
    order_flow.pass_time(60)
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", None)
    assert order_flow.document()["customerNumber"] == NUMBER


def test_without_a_default_debtor_nothing_is_sent_about_a_customer_who_is_blocked_for_all(
    order_flow: OrderFlow,
) -> None:
    order_flow.seed(customers=[PERSON])
    block_customer(order_flow)
    before = len(order_flow.calls(BC))
    row = order_flow.send()
    assert order_flow.outcome() == ("FAILED", "NO_CUSTOMER")
    assert f"customer {NUMBER} is blocked (All)" in row["message"]
    assert_nothing_sent(order_flow, before)


def test_many_private_customers_do_not_stop_the_run(order_flow: OrderFlow) -> None:
    """Each refusal is about one person, so `orders.stop_after` does not count it."""
    with_default(order_flow, stop_after=2)
    for number in range(1, 4):
        one = {"number": f"WS{number}", "displayName": "Anna", "type": "Person", "email": f"{number}@mail.example"}
        order_flow.seed(customers=[one])
        block_customer(order_flow, f"WS{number}")
        order_flow.order(f"W{number}", customerid=str(number), email=f"{number}@mail.example")
    order_flow.send("W9", customerid="9", email="9@mail.example")
    assert [order_flow.outcome(f"W{number}") for number in (1, 2, 3)] == [PRIVATE] * 3
    assert order_flow.outcome("W9") == ("CONFIRMED", None)


def test_the_default_debtor_stands_in_for_a_customer_who_is_blocked_and_not_for_privacy(order_flow: OrderFlow) -> None:
    with_default(order_flow, stop_after=1)
    order_flow.seed(customers=[PERSON | {"blocked": "All"}])
    row = order_flow.send()
    assert row["state"] == "CONFIRMED"
    assert row["message"] == "for the default customer SHOP: its customer is blocked there"
    assert order_flow.document()["customerNumber"] == "SHOP"


@pytest.mark.parametrize("blocked", ["All", "Invoice", "Ship"])
def test_orders_do_not_change_a_blocked_customer(order_flow: OrderFlow, blocked: str) -> None:
    with_default(order_flow, customers="create_and_update")
    order_flow.seed(customers=[PERSON | {"blocked": blocked}])
    order_flow.send()
    (customer,) = [each for each in order_flow.records("customers") if each["number"] == NUMBER]
    assert customer["displayName"] == "Anna", "the order says Anna Groen"


def test_a_customer_who_failed_before_and_is_blocked_for_privacy_since_is_left_alone(order_flow: OrderFlow) -> None:
    order_flow.choose(customers="create_and_update")
    has_company(order_flow)
    order_flow.edit_table("customer", "phoneNumber", source="'after six'", when="always")
    order_flow.send("W1", **OF_COMPANY)
    block_contact(order_flow, "Groen BV")
    order_flow.edit_table("customer", "phoneNumber", source="'030 1'", when="always")
    order_flow.pass_time(60)
    before = len(order_flow.calls(BC))
    order_flow.sync()
    assert order_flow.outcome() == PRIVATE
    assert_nothing_sent(order_flow, before)
    rows = ledger.read(ConnectedFlow(ORDERS_TO_BC, order_flow.settings).store, "part = 'customer'")
    assert [(row["state"], row["reason"]) for row in rows] == [("SKIPPED", "PRIVACY_BLOCKED")]


@pytest.mark.parametrize("for_privacy", [True, False])
def test_an_edit_is_not_applied_to_the_document_of_a_customer_who_was_blocked_since(
    order_flow: OrderFlow, for_privacy: bool
) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send(**OF_COMPANY)
    (customer,) = order_flow.records("customers")
    if for_privacy:
        block_contact(order_flow, "Groen BV")
    else:
        order_flow.by_person("PATCH", f"customers({customer['id']})", {"blocked": "All"})
    before = len(order_flow.calls(BC))
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    assert order_flow.outcome() == ("CONFLICT", "PRIVACY_BLOCKED" if for_privacy else "CHANGED")
    assert f"customer {NUMBER} is blocked in Business Central" in order_flow.ledger()["W1"]["message"]
    assert_nothing_sent(order_flow, before)


def test_an_edit_is_applied_once_the_customer_is_no_longer_blocked(order_flow: OrderFlow) -> None:
    order_flow.choose(on_change="apply")
    order_flow.send(**OF_COMPANY)
    block_contact(order_flow, "Groen BV")
    order_flow.edit("W1", amount="5")
    order_flow.sync()
    block_contact(order_flow, "Groen BV", blocked=False)
    order_flow.pass_time(60)
    order_flow.sync()
    assert order_flow.outcome() == ("CONFIRMED", "CHANGED")
    assert order_flow.document()["lines"][0]["quantity"] == 5


def test_a_person_settles_the_order_and_it_is_not_sent(order_flow: OrderFlow) -> None:
    has_company(order_flow)
    block_contact(order_flow, "Groen BV")
    order_flow.send(**OF_COMPANY)
    with intervention(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), "by hand") as turn:
        ignore = Request("ignore", ("W1",), why="asked to be forgotten")
        turn.carry_out(ignore, turn.proposed(ignore))
    before = len(order_flow.calls(BC))
    order_flow.sync()
    assert order_flow.outcome() == ("SKIPPED", "IGNORED")
    assert_nothing_sent(order_flow, before)


def test_a_person_cannot_send_the_order_by_hand_while_the_block_holds(order_flow: OrderFlow) -> None:
    has_company(order_flow)
    block_contact(order_flow, "Groen BV")
    order_flow.send(**OF_COMPANY)
    before = len(order_flow.calls(BC))
    with intervention(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), "by hand") as turn:
        with pytest.raises(NotDone, match="blocked for privacy"):
            turn.proposed(Request("resend", ("W1",)))
        (row,) = turn.proposed(Request("retry", ("W1",)))
    assert (row["action"], row["reason"]) == ("fail", "PRIVACY_BLOCKED")
    assert_nothing_sent(order_flow, before)


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        ("You cannot create this type of document when Customer C1 is blocked for privacy.", True, "Customer C1"),
        ("You cannot use contact K1 Anna because they are marked as blocked due to privacy.", True, "contact K1"),
        ("You cannot post this type of document because contact K1 is blocked due to privacy.", True, "contact K1"),
        ("The Blocked field cannot be changed because the user is blocked for privacy reasons.", True, "the customer"),
        ("You cannot post this document because Salesperson WEB is blocked due to privacy.", False, "Salesperson WEB"),
        ("You cannot create this type of document when Customer C1 is blocked with type All", False, "Customer C1"),
    ],
)
def test_a_refusal_for_privacy_is_told_without_the_persons_name(message: str, reason: bool, words: str) -> None:
    """Texts of Customer, Contact and Salesperson/Purchaser in Microsoft's source."""
    result = Result("1", 400, {"error": {"code": "Application_DialogException", "message": message}})
    given, said = refusal(result)
    assert given == ("PRIVACY_BLOCKED" if reason else "BC_REFUSED")
    assert words in said
    assert "Anna" not in said
