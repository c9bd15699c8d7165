"""Telephone numbers, VAT numbers and keys of people: what means the same is the same, and no text is too odd.

Sources: the numbering plans in phonenumbers (Google's libphonenumber), the check digits in python-stdnum, whose
documented examples these VAT numbers are.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winbc_pipeline.mapping.people import email_keys, name_key, phone_e164, phone_key, vat_key, vat_number

COUNTRIES = st.sampled_from([None, "", "NL", "nl ", "Nederland", "UK", "EL", "US", "NO", "FR", "XX", "Atlantis"])
DIGITS = st.text("0123456789+-() ./", max_size=20)
VAT = {  # what is typed, the customer's country, and the number in short form
    ("4495445.B.01", "NL"): "NL004495445B01",
    ("NL4495445B01", "nl"): "NL004495445B01",
    ("BE 0428.759.497", "NL"): "BE0428759497",
    ("ATU 13585627", "AT"): "ATU13585627",
    ("61 954 506 077", "France"): "FR61954506077",
    ("094259216", "GR"): "EL094259216",
    ("GR094259216", ""): "EL094259216",
    ("980 7806 84", "UK"): "GB980780684",
    ("gb980780684", "NL"): "GB980780684",
    ("XI980780684", "GB"): "XI980780684",
    ("53 0000 04605", "MC"): "FR53000004605",
    ("CHE-107.787.577 IVA", "CH"): "CHE107787577IVA",
    ("NO 995 525 828 MVA", "NO"): "NO995525828MVA",
    ("51 824 753 556", "AU"): "AU51824753556",
}


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("030-1234567", "NL"),
        ("(030) 123 45 67", " nl "),
        ("0031 30 1234567", "Nederland"),
        ("+31 30 1234567", None),
        ("tel. 030-1234567", "NLD"),
    ],
)
def test_one_telephone_number_has_one_form(text: str, country: str | None) -> None:
    assert phone_e164([text], [country]) == ["+31301234567"]
    assert phone_key(text, country) == "+31301234567"


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("030-1", "NL"),
        ("030-1234567", None),
        ("030-1234567 ext. 12", "NL"),
        ("030-1234567#12", "NL"),
        ("030-1234567 / 06-12345678", "NL"),
        ("06-1234abcd", "NL"),
        ("12 / 34", "BE"),
    ],
)
def test_a_text_that_is_not_one_telephone_number_stays_as_it_was_typed_and_is_no_key(
    text: str, country: str | None
) -> None:
    assert phone_e164([text], [country]) == [text]
    assert phone_key(text, country) is None


@pytest.mark.parametrize(("text", "country"), VAT)
def test_a_valid_vat_number_has_its_short_form_with_its_prefix(text: str, country: str) -> None:
    short = VAT[text, country]
    assert vat_number([text], [country]) == [short]
    assert vat_key(text, country) == short
    assert vat_key(short, country) == short
    assert vat_key(short, None) == short


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("NL004495445B02X", "NL"),
        ("NL 8034.12.345 B01 (KvK 12345678)", "NL"),
        ("NL004495446B01", "NL"),
        ("none", ""),
        ("4495445B01", ""),
        ("4495445B01", "Atlantis"),
    ],
)
def test_a_vat_number_that_is_not_valid_is_left_out(text: str, country: str) -> None:
    assert vat_number([text], [country]) == [""]
    assert vat_key(text, country) is None


def test_a_vat_number_of_a_country_whose_rule_nobody_knows_stays_as_it_was_typed_and_is_no_key() -> None:
    assert vat_number(["12-3456789"], ["US"]) == ["12-3456789"]
    assert vat_key("12-3456789", "US") is None


def test_a_value_that_is_not_given_stays_so() -> None:
    assert phone_e164([None, ""], ["NL", None]) == [None, ""]
    assert vat_number([None, ""], ["NL", None]) == [None, ""]


def test_an_e_mail_field_may_hold_several_addresses() -> None:
    """Codeunit "Mail Management" of Business Central's base application takes `;` between addresses."""
    text = " mailto:Ada@Mail.example ; bob@mail.example;;n/a, ADA@mail.example cleo@mail.example"
    assert email_keys(text) == {"ada@mail.example", "bob@mail.example", "cleo@mail.example"}


@pytest.mark.parametrize("text", ["", " ", "n/a", "none;-", "two words @ mail"])
def test_what_is_no_e_mail_address_is_no_key(text: str) -> None:
    assert email_keys(text) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller & Söhne B.V.", "MULLER SOHNE BV"),
        ("  van  den Berg ", "Van den-Berg"),
        ("Sørensen", "SORENSEN"),
        ("Groß", "GROSS"),
        ("O’Neil", "o'neil"),
        ("Łódź", "lodz"),
    ],
)
def test_case_accents_blanks_and_punctuation_of_a_name_do_not_count(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Anna", "Ana"), ("Shop 1", "Shop 2"), ("राम", "रमा"), ("田中", "中田")])
def test_other_names_have_other_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@given(st.text() | DIGITS, COUNTRIES | st.text())
def test_the_key_of_a_telephone_number_is_its_own_key(text: str, country: str | None) -> None:
    key = phone_key(text, country)
    assert key is None or phone_key(key, country) == key
    (typed,) = phone_e164([text], [country])
    assert phone_e164([typed], [country]) == [typed]


@given(st.text() | st.text("NLBEDFRGX0123456789 .-", max_size=16) | st.sampled_from([*VAT.values()]), COUNTRIES)
def test_the_key_of_a_vat_number_is_its_own_key(text: str, country: str | None) -> None:
    key = vat_key(text, country)
    assert key is None or vat_key(key, country) == key
    (typed,) = vat_number([text], [country])
    assert vat_number([typed], [country]) == [typed]


@given(st.text() | st.text("aB@.;, :mailto", max_size=30))
def test_each_key_of_an_e_mail_text_is_its_own_key(text: str) -> None:
    assert all(email_keys(key) == {key} for key in email_keys(text))


@given(st.text())
def test_the_key_of_a_name_is_its_own_key(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)
