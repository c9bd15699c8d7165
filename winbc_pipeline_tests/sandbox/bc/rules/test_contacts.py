"""Contacts: companies and their persons, and what customers and vendors have to do with them.

Sources (AL, microsoft/BCApps): Contact.Table, CustCont-Update, VendCont-Update, CustVendBank-Update,
ContactInformationBuffer.Table; APIV2ContactsInfE2E.
"""

from typing import Any

import pytest

from ...conftest import Bc


@pytest.fixture
def firm(bc: Bc) -> dict[str, Any]:
    """A customer of type Company."""
    return bc.post(
        "customers", {"displayName": "Jansen BV", "type": "Company", "city": "Utrecht", "email": "a@b.example"}
    )


def company_of(bc: Bc, owner: dict[str, Any], entity: str = "customers") -> dict[str, Any]:
    """The company contact of a customer or vendor."""
    rows = bc.values(f"{entity}({owner['id']})/contactsInformation")
    (row,) = (one for one in rows if one["contactType"] == "Company")
    return bc.get(f"{entity}({owner['id']})/contactsInformation({row['contactId']})/contact")  # type: ignore[no-any-return]


def person_at(bc: Bc, company: dict[str, Any], name: str = "Ann") -> dict[str, Any]:
    return bc.post("contacts", {"type": "Person", "displayName": name, "companyNumber": company["number"]})


def test_a_company_is_its_own_company(bc: Bc) -> None:
    """Contact, TypeChange."""
    made = bc.post("contacts", {"displayName": "Jansen BV", "type": "Company"})
    assert (made["companyNumber"], made["companyName"]) == (made["number"], "Jansen BV")
    assert made["contactBusinessRelation"] == "None"
    renamed = bc.patch(f"contacts({made['id']})", {"number": "FIRM", "displayName": "Jansen NV"})
    assert (renamed["companyNumber"], renamed["companyName"]) == ("FIRM", "Jansen NV")


def test_a_company_has_no_other_company(bc: Bc, firm: dict[str, Any]) -> None:
    """Contact, Company No.: CheckContactType(Person)."""
    body = {"displayName": "Other", "type": "Company", "companyNumber": company_of(bc, firm)["number"]}
    assert bc.refusal("POST", "contacts", body)[1:] == (
        "Application_FieldValidationException",
        "Type must be equal to 'Person'  in Contact: No.=CT00002. Current value is 'Company'.",
    )


def test_a_person_belongs_to_a_company_by_number_or_name(bc: Bc, firm: dict[str, Any]) -> None:
    company = company_of(bc, firm)
    by_number = person_at(bc, company)
    by_name = bc.post("contacts", {"type": "Person", "displayName": "Bob", "companyName": "Jansen BV"})
    for person in (by_number, by_name):
        assert (person["companyNumber"], person["companyName"]) == (company["number"], "Jansen BV")
        assert person["contactBusinessRelation"] == "Customer"
    left = bc.patch(f"contacts({by_name['id']})", {"companyNumber": ""})
    assert (left["companyName"], left["contactBusinessRelation"]) == ("", "None")


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"companyNumber": "NOPE"}, "Internal_InvalidTableRelation"),
        ({"companyNumber": "PERSON"}, "Internal_InvalidTableRelation"),
        ({"companyName": "Nobody"}, "Application_DialogException"),
    ],
)
def test_what_is_no_company_is_refused(bc: Bc, named: dict[str, str], code: str) -> None:
    """Contact: TableRelation = Contact where(Type = const(Company)); GetCompNo."""
    bc.post("contacts", {"type": "Person", "displayName": "Ann", "number": "PERSON"})
    assert bc.refusal("POST", "contacts", {"type": "Person", "displayName": "Bob"} | named)[1] == code


@pytest.mark.parametrize("entity", ["customers", "vendors"])
def test_persons_are_among_the_contacts_of_the_customer_or_vendor(bc: Bc, entity: str) -> None:
    """APIV2ContactsInfE2E: the company and the person, both with the id of the customer or vendor."""
    owner = bc.post(entity, {"displayName": "Jansen BV"})
    company = company_of(bc, owner, entity)
    person = person_at(bc, company)
    rows = bc.values(f"{entity}({owner['id']})/contactsInformation")
    assert [(row["contactId"], row["contactType"]) for row in rows] == [
        (company["id"], "Company"),
        (person["id"], "Person"),
    ]
    assert {row["relatedId"] for row in rows} == {owner["id"]}
    bc.patch(f"contacts({person['id']})", {"companyNumber": ""})
    assert len(bc.values(f"{entity}({owner['id']})/contactsInformation")) == 1


@pytest.mark.parametrize("entity", ["customers", "vendors"])
def test_changes_reach_the_contact_and_its_persons(bc: Bc, entity: str) -> None:
    """CustCont-Update and VendCont-Update, OnModify; Contact, DoModify: persons get the company's new name."""
    owner = bc.post(entity, {"displayName": "Jansen BV"})
    person = person_at(bc, company_of(bc, owner, entity))
    bc.patch(f"{entity}({owner['id']})", {"displayName": "Jansen NV", "city": "Gent", "email": "new@b.example"})
    company = company_of(bc, owner, entity)
    assert (company["companyName"], company["city"], company["email"]) == ("Jansen NV", "Gent", "new@b.example")
    assert bc.get(f"contacts({person['id']})")["companyName"] == "Jansen NV"
    assert bc.values(f"{entity}({owner['id']})/contactsInformation")[0]["contactName"] == "Jansen NV"


def test_what_a_contact_does_not_have_leaves_it_alone(bc: Bc, firm: dict[str, Any]) -> None:
    before = company_of(bc, firm)
    bc.patch(f"customers({firm['id']})", {"creditLimit": 5})
    assert company_of(bc, firm)["@odata.etag"] == before["@odata.etag"]


def test_a_changed_contact_changes_its_customer(bc: Bc, firm: dict[str, Any]) -> None:
    """CustVendBank-Update, UpdateCustomer."""
    company = company_of(bc, firm)
    bc.patch(f"contacts({company['id']})", {"displayName": "Jansen NV", "phoneNumber": "030 1"})
    customer = bc.get(f"customers({firm['id']})")
    assert (customer["displayName"], customer["phoneNumber"], customer["city"]) == ("Jansen NV", "030 1", "Utrecht")


def test_a_person_changes_no_customer(bc: Bc, firm: dict[str, Any]) -> None:
    person = person_at(bc, company_of(bc, firm))
    bc.patch(f"contacts({person['id']})", {"city": "Gent"})
    assert bc.get(f"customers({firm['id']})")["city"] == "Utrecht"


def test_a_company_that_is_used_stays_a_company(bc: Bc, firm: dict[str, Any]) -> None:
    """Contact, TypeChange: related people (Text007), business relations (CheckIfTypeChangePossibleForPerson)."""
    company = company_of(bc, firm)
    path = f"contacts({company['id']})"
    assert "No. of Business Relations" in bc.refusal("PATCH", path, {"type": "Person"}, If_Match="*")[2]
    person_at(bc, company)
    words = "Type cannot be changed because there are one or more related people linked to the contact."
    assert bc.refusal("PATCH", path, {"type": "Person"}, If_Match="*")[2] == words


def test_persons_are_deleted_with_their_company(bc: Bc, firm: dict[str, Any]) -> None:
    """Contact, OnDelete."""
    company = company_of(bc, firm)
    person_at(bc, company)
    assert bc.call("DELETE", f"contacts({company['id']})", If_Match="*").status_code == 204
    assert bc.values("contacts") == []
    assert bc.values(f"customers({firm['id']})/contactsInformation") == []


def test_a_contact_stays_when_its_customer_goes(bc: Bc, firm: dict[str, Any]) -> None:
    """CustCont-Update, OnDelete: the relation is deleted, not the contact."""
    company = company_of(bc, firm)
    bc.call("DELETE", f"customers({firm['id']})", If_Match="*")
    assert bc.get(f"contacts({company['id']})")["contactBusinessRelation"] == "None"
