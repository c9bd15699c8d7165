"""Which fields are a person's. Source: docs/dashboard.md: codes, numbers, dates and amounts are shown, else masked."""

import pytest

from winbc_pipeline.staging.people.fields import is_open, is_personal

OPEN = ("taxCode", "vatCode", "vatrate", "customerPostingGroup", "product_id", "ordernr", "currency", "paymentmethod")
PERSONS = (
    *("displayName", "invoice_add_street", "sellToPostCode", "city", "email", "phoneNumber", "vatRegistrationNumber"),
    *("taxRegistrationNumber", "vatnr", "contactNumber", "note", "birthdate", "faxNumber"),
)


@pytest.mark.parametrize("name", OPEN)
def test_a_code_is_shown(name: str) -> None:
    assert is_open(name, "text")


@pytest.mark.parametrize("name", PERSONS)
def test_a_text_of_a_person_is_masked_and_taken_out_of_messages(name: str) -> None:
    assert not is_open(name, "text") and is_personal(name)


@pytest.mark.parametrize("name", ["description", "comment", "anything_else"])
def test_a_text_that_is_no_code_is_masked(name: str) -> None:
    assert not is_open(name, "text")


def test_amounts_and_dates_are_shown_but_for_a_birthday() -> None:
    assert is_open("quantity", "decimal") and is_open("orderDate", "date") and not is_open("birthday", "date")
